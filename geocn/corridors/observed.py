"""Observed corridors: reported routes counted cell by cell, or merged into centre lines."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.corridors import _cut
from geocn.corridors.centre_lines import merge_routes
from geocn.corridors.observed_input import checked_routes
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import (
    GLOBAL_EQUAL_AREA,
    LONLAT,
    equal_area_crs,
    has_geometry,
    require_crs,
    to_lonlat,
)
from geocn.spatial.geodesy import geodesic_length_km

Method = Literal["grid", "centre_lines"]
Cell = Literal["square", "hex"]

_TEXTS = ("modes", "mode_mix", "drugs")
_DATES = ("first_seen", "last_seen")
# Shares and directions this near to even are even.
_EVEN = 1e-9


def aggregate_routes(
    routes: gpd.GeoDataFrame,
    *,
    method: Method = "grid",
    cell_m: float | None = None,
    cell: Cell = "square",
    grid: gpd.GeoDataFrame | None = None,
    apart_m: float | None = None,
    min_sources: int = 1,
) -> gpd.GeoDataFrame:
    """Count reported routes, their weight and their sources in cells or along centre lines.

    A route counts once in a cell however often it passes, and brings its whole weight to
    each cell of its way: the sum over a cut across all ways is the flow, the sum over all
    cells is not a total. The same holds for the stretches of centre lines.

    Parameters
    ----------
    routes : GeoDataFrame
        Lines in the order of travel. ``weight_kg``, ``source``, ``n_sources``, ``mode``,
        ``drug``, ``first_seen``, ``last_seen`` and ``location_precision_m`` are used where
        present.
    method : {"grid", "centre_lines"}
        Cells, or lines: the longest route comes first; each after it joins the lines found
        so far where it runs within ``apart_m`` of one and within 45 degrees of its axis,
        and founds a line where it does not. Each line is moved to the mean of its members
        and cut where members join or leave.
    cell_m : float
        Side of square cells, or distance between the centres of hexagons, in metres, in an
        equal-area CRS chosen from the routes.
    cell : {"square", "hex"}
        Shape of the cells.
    grid : GeoDataFrame
        Cells of any shape instead (H3, districts). A stretch that runs along the common
        edge of two of them counts in both.
    apart_m : float
        Distance in metres within which routes are one corridor, for centre lines.
    min_sources : int
        Cells or stretches with fewer independent sources are withheld and counted in
        ``attrs``.

    Returns
    -------
    GeoDataFrame
        Crossed cells in the CRS of the routes (``grid``: in its own, with its index and
        columns): ``cell_id``, ``n_routes``, ``n_sources``, ``weight_kg`` (NaN where no route
        has one), ``n_routes_weighed``, ``length_km`` (of all its routes, geodesic),
        ``modes`` and ``drugs`` (joined by ';'), ``mode_mix`` (share of the routes that
        state a mode, such as "river 0.75;road 0.25"), ``first_seen``, ``last_seen``,
        ``imprecise_share`` (of the routes, known less finely than the cell is wide),
        ``bearing_deg`` (prevailing direction of travel, by doubled angles) and
        ``share_forward`` (of the length, within 90 degrees of it). ``n_sources`` is the
        larger of the number of different ``source`` names and the most that one route
        states: it never counts a source twice.

        Centre lines run in the direction that most of their length travels: ``line_id``,
        ``line_km`` (their own length), ``width_m`` (four standard deviations across: of the
        members around the line, and of what ``location_precision_m`` adds, a quarter of its
        square), ``bearing_deg`` (first to last point), ``share_forward``, then as for cells.

    Raises
    ------
    ParameterError
        Where options do not fit each other, or one is out of range.
    GeometryError
        Where a geometry is not a line.
    SchemaError
        Where a weight is negative or infinite, or a column has the wrong type.
    CRSError, CoordinateError
        Where a frame has no CRS or lies nowhere on Earth.

    References
    ----------
    Mardia & Jupp 2000, 10.1002/9780470316979 (axes); Lee, Han & Whang 2007, TRACLUS,
    10.1145/1247480.1247546 (mean of members along a sweep); Ahmed & Wenk 2012,
    10.1007/978-3-642-33090-2_6 (routes added one by one).

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> routes = gpd.GeoDataFrame(
    ...     {"weight_kg": [5.0, 7.0], "source": ["police", "navy"]},
    ...     geometry=[shapely.LineString([(-77, y), (-76.9, y)]) for y in (1, 1.0001)],
    ...     crs="EPSG:4326",
    ... )
    >>> float(aggregate_routes(routes, cell_m=50_000).weight_kg.max())
    12.0
    """
    _check_options(method, cell, cell_m=cell_m, grid=grid, apart_m=apart_m, min_sources=min_sources)
    crs = require_crs(routes, "routes")
    columns = checked_routes(routes)
    known = has_geometry(routes)
    lonlat = to_lonlat(routes.loc[known, [routes.geometry.name]], "routes").geometry.to_numpy()
    rows = np.flatnonzero(known)
    if method == "centre_lines":
        known_to = np.nan_to_num(columns["location_precision_m"].to_numpy()[known])
        pieces, cells = _lines(lonlat, known_to, float(apart_m or 0), crs)
    else:
        pieces, cells = _cells(lonlat, cell, cell_m, grid, crs)
    pieces["route"] = rows[pieces["route"].to_numpy(dtype=np.int64)]
    table = _table(pieces, columns)
    if method == "grid":
        size = _sizes(
            cells, table.index.to_numpy(dtype=np.int64), None if grid is not None else cell_m
        )
        vague = pieces.join(columns["location_precision_m"], on="route")
        over = vague.drop_duplicates(["cell", "route"])
        over = over.assign(is_vague=over["location_precision_m"] > over["cell"].map(size))
        table["imprecise_share"] = over.groupby("cell")["is_vague"].mean().astype("float64")
        table = table.join(_directions(pieces))
    if grid is not None:
        cells = cells.drop(columns=[name for name in table.columns if name in cells])
    keep = table["n_sources"].to_numpy() >= min_sources
    result = _labelled(cells, table[keep])
    return attach(
        result,
        "corridors.aggregate_routes",
        method_of_merging=method,
        cell_m=cell_m,
        cell=cell,
        apart_m=apart_m,
        min_sources=min_sources,
        crs=cells.crs,
        n_cells_withheld=int((~keep).sum()),
        n_left_out=int((~known).sum()),
        left_out=list(routes.index[~known]),
    )


def _check_options(
    method: str,
    cell: str,
    *,
    cell_m: float | None,
    grid: gpd.GeoDataFrame | None,
    apart_m: float | None,
    min_sources: int,
) -> None:
    faults = []
    if method not in ("grid", "centre_lines"):
        faults.append(f"method {method!r}; choose 'grid' or 'centre_lines'")
    elif method == "grid" and (cell_m is None) == (grid is None):
        faults.append("give either cell_m or grid")
    elif (method == "centre_lines") != (apart_m is not None) or (
        apart_m is not None and (cell_m is not None or grid is not None)
    ):
        faults.append("give apart_m with method='centre_lines', and only then; no cells")
    if cell not in ("square", "hex"):
        faults.append(f"cell {cell!r}; choose 'square' or 'hex'")
    for name, metres in (("cell_m", cell_m), ("apart_m", apart_m)):
        if metres is not None and not 0 < metres < np.inf:
            faults.append(f"{name} is {metres!r}; give metres above zero")
    if min_sources < 1:
        faults.append(f"min_sources is {min_sources!r}; give 1 or more")
    if faults:
        raise ParameterError("; ".join(faults))


def _cells(
    lonlat: ObjectArray, cell: str, cell_m: float | None, grid: gpd.GeoDataFrame | None, crs: CRS
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    if grid is not None:
        require_crs(grid, "grid")
        return _cut.by_areas(lonlat, grid)
    cut = _cut.by_hexagons if cell == "hex" else _cut.by_squares
    return cut(lonlat, float(cell_m or 0), crs)


def _labelled(cells: gpd.GeoDataFrame, shown: pd.DataFrame) -> gpd.GeoDataFrame:
    """Put the columns of a table beside the cells it counts."""
    result = cells.iloc[shown.index.to_numpy()].copy()
    names = [name for name in cells.columns if name != cells.geometry.name]
    for name in shown.columns:
        result[name] = shown[name].set_axis(result.index)
    labelled: gpd.GeoDataFrame = result[[*names, *shown.columns, cells.geometry.name]]
    return labelled


def _lines(
    lonlat: ObjectArray, vague: FloatArray, apart_m: float, crs: CRS
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Centre lines as cells, in the direction that most of their routes take."""
    plane = equal_area_crs(gpd.GeoSeries(shortest_way(lonlat), crs=LONLAT))
    pieces, found = merge_routes(lonlat, vague, apart_m, plane)
    along = pieces.assign(ahead=pieces["length_km"] * pieces["is_forward"]).groupby("cell")
    share = (along["ahead"].sum() / along["length_km"].sum()).to_numpy(dtype=np.float64)
    back = share < 0.5 - _EVEN
    geometry = np.where(back, shapely.reverse(found.geometry), found.geometry)
    degrees = shortest_way(gpd.GeoSeries(geometry, crs=plane).to_crs(LONLAT).to_numpy())
    ends = [shapely.get_coordinates(shapely.get_point(geometry, k)) for k in (0, -1)]
    a, b = (gpd.GeoSeries(gpd.points_from_xy(*xy.T), crs=plane).to_crs(LONLAT) for xy in ends)
    bearing = _cut.bearings(a.get_coordinates().to_numpy(), b.get_coordinates().to_numpy())
    data = {
        "line_id": pd.Series([f"line {k + 1}" for k in range(len(geometry))], dtype="str"),
        "line_km": geodesic_length_km(degrees),
        "width_m": found.width_m,
        "bearing_deg": np.degrees(bearing) % 360,
        "share_forward": np.where(back, 1 - share, share),
    }
    shapes = gpd.GeoSeries(degrees, crs=LONLAT).to_crs(crs)
    return pieces, gpd.GeoDataFrame(data, geometry=shapes)


def _sizes(cells: gpd.GeoDataFrame, crossed: IntArray, cell_m: float | None) -> pd.Series:
    """Metres across each crossed cell: the side of a square of its area."""
    if cell_m is not None:
        return pd.Series(float(cell_m), index=crossed)
    some = cells.geometry.iloc[crossed].to_crs(GLOBAL_EQUAL_AREA)
    return pd.Series(np.sqrt(some.area.to_numpy()), index=crossed)


def _directions(pieces: pd.DataFrame) -> pd.DataFrame:
    """Prevailing direction in each cell: its axis by doubled angles, and who goes which way."""
    twice = 2 * pieces["bearing"]
    km = pieces["length_km"]
    sums = pd.DataFrame({"x": km * np.cos(twice), "y": km * np.sin(twice), "km": km})
    total = sums.groupby(pieces["cell"]).sum()
    axis = np.degrees(np.arctan2(total["y"], total["x"]) / 2) % 180
    apart = pieces["bearing"] - np.radians(pieces["cell"].map(pd.Series(axis, total.index)))
    ahead = (km * (np.cos(apart) > 0)).groupby(pieces["cell"]).sum() / total["km"]
    back = ahead < 0.5 - _EVEN
    # Without an axis there is no direction.
    none = np.hypot(total["x"], total["y"]) <= _EVEN * total["km"]
    return pd.DataFrame(
        {
            "bearing_deg": ((axis + 180 * back) % 360).mask(none).astype("float64"),
            "share_forward": ahead.where(~back, 1 - ahead).mask(none).astype("float64"),
        }
    )


def _table(pieces: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    """One row a cell (its position as index) from pieces of (route, cell, length_km)."""
    passes = pieces.groupby(["cell", "route"], sort=True)["length_km"].sum().reset_index()
    passes = passes.join(columns, on="route")
    by_cell = passes.groupby("cell", sort=True)
    named = by_cell["source"].nunique().clip(lower=1)
    stated = by_cell["n_sources"].max().fillna(1)
    table = pd.DataFrame(
        {
            "n_routes": by_cell.size().astype("int64"),
            "n_sources": np.maximum(named, stated).astype("int64"),
            "weight_kg": by_cell["weight_kg"].sum(min_count=1),
            "n_routes_weighed": by_cell["weight_kg"].count().astype("int64"),
            "length_km": by_cell["length_km"].sum(),
            "modes": _joined(passes, "mode"),
            "mode_mix": _mix(passes),
            "drugs": _joined(passes, "drug"),
            "first_seen": by_cell["first_seen"].min(),
            "last_seen": by_cell["last_seen"].max(),
        }
    )
    dates = dict.fromkeys(_DATES, "datetime64[us, UTC]")
    return table.astype({"weight_kg": "float64", **dict.fromkeys(_TEXTS, "str"), **dates})


def _joined(passes: pd.DataFrame, name: str) -> pd.Series:
    """Different values of a column in each cell, sorted and joined by ';'."""
    pairs = passes.loc[passes[name].notna(), ["cell", name]].drop_duplicates()
    pairs = pairs.sort_values(["cell", name])
    texts: list[str] = pairs[name].tolist()
    cells: IntArray = pairs["cell"].to_numpy(dtype=np.int64)
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    stops = np.append(starts[1:], len(cells))[: len(starts)]
    joined = [";".join(texts[a:b]) for a, b in zip(starts, stops, strict=True)]
    everywhere = np.unique(passes["cell"].to_numpy())
    return pd.Series(joined, index=cells[starts], dtype="str").reindex(everywhere)


def _mix(passes: pd.DataFrame) -> pd.Series:
    """Modes of each cell with their shares of the routes that state one, by share."""
    counts = passes[passes["mode"].notna()].groupby(["cell", "mode"]).size().rename("n")
    table = counts.reset_index()
    table["share"] = table["n"] / table.groupby("cell")["n"].transform("sum")
    table = table.sort_values(["cell", "n", "mode"], ascending=[True, False, True])
    table["text"] = [f"{m} {s:.2g}" for m, s in zip(table["mode"], table["share"], strict=True)]
    joined = table.groupby("cell")["text"].agg(";".join)
    mix: pd.Series = joined.reindex(np.unique(passes["cell"].to_numpy())).astype("str")
    return mix
