"""Observed corridors: reported routes counted cell by cell."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import IntArray
from geocn.corridors import _cut
from geocn.errors import GeometryError, LayerError, ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.crs import require_crs, to_lonlat

_NUMBERS = ("weight_kg", "n_sources")
_DATES = ("first_seen", "last_seen")
_TEXTS = ("source", "mode", "drug")


def aggregate_routes(
    routes: gpd.GeoDataFrame,
    *,
    cell_m: float | None = None,
    grid: gpd.GeoDataFrame | None = None,
    min_sources: int = 1,
) -> gpd.GeoDataFrame:
    """Count reported routes, their weight and their sources in every cell they cross.

    A route counts once in a cell however often it passes, and brings its whole weight to
    each cell of its way: the sum over a cut across all ways is the flow, the sum over all
    cells is not a total.

    Parameters
    ----------
    routes : GeoDataFrame
        Lines. ``weight_kg``, ``source``, ``n_sources``, ``mode``, ``drug``, ``first_seen``
        and ``last_seen`` are used where present.
    cell_m : float
        Side of square cells in metres, in an equal-area CRS chosen from the routes.
    grid : GeoDataFrame
        Cells of any shape instead (hexagons, districts). A stretch that runs along the
        common edge of two of them counts in both.
    min_sources : int
        Cells with fewer independent sources are withheld and counted in ``attrs``.

    Returns
    -------
    GeoDataFrame
        Crossed cells in the CRS of the routes (``grid``: in its own, with its index and
        columns): ``cell_id``, ``n_routes``, ``n_sources``, ``weight_kg`` (NaN where no route
        has one), ``n_routes_weighed``, ``length_km`` (geodesic), ``modes`` and ``drugs``
        (joined by ';'), ``first_seen``, ``last_seen``. ``n_sources`` is the larger of the
        number of different ``source`` names and the most that one route states: it
        never counts a source twice.

    Raises
    ------
    ParameterError
        Where neither or both of ``cell_m`` and ``grid`` are given, or one is out of range.
    GeometryError
        Where a geometry is not a line.
    SchemaError
        Where a weight is negative or infinite, or a column has the wrong type.
    CRSError
        Where a frame has no CRS.

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
    if (cell_m is None) == (grid is None):
        raise ParameterError("give either cell_m or grid")
    if cell_m is not None and not 0 < cell_m < np.inf:
        raise ParameterError(f"cell_m is {cell_m!r}; give metres above zero")
    if min_sources < 1:
        raise ParameterError(f"min_sources is {min_sources!r}; give 1 or more")
    crs = require_crs(routes, "routes")
    columns = _checked(routes)
    geometry = routes.geometry.to_numpy()
    known = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    lonlat = to_lonlat(routes.loc[known, [routes.geometry.name]], "routes").geometry.to_numpy()
    if grid is not None:
        require_crs(grid, "grid")
        pieces, cells = _cut.by_areas(lonlat, grid)
    else:
        pieces, cells = _cut.by_squares(lonlat, float(cell_m or 0), crs)
    pieces["route"] = np.flatnonzero(known)[pieces["route"].to_numpy()]
    table = _table(pieces, columns)
    if grid is not None:
        cells = cells.drop(columns=[name for name in table.columns if name in cells])
    keep = table["n_sources"].to_numpy() >= min_sources
    shown = table[keep]
    result = cells.iloc[shown.index.to_numpy()].copy()
    names = [name for name in cells.columns if name != cells.geometry.name]
    for name in table.columns:
        result[name] = shown[name].set_axis(result.index)
    result = result[[*names, *table.columns, cells.geometry.name]]
    return attach(
        result,
        "corridors.aggregate_routes",
        cell_m=cell_m,
        min_sources=min_sources,
        crs=cells.crs,
        n_cells_withheld=int((~keep).sum()),
        n_left_out=int((~known).sum()),
        left_out=list(routes.index[~known]),
    )


def _checked(routes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Columns that are counted, typed, by position; all faults in one error."""
    kinds = shapely.get_type_id(routes.geometry.to_numpy())
    wrong = ~np.isin(kinds, (-1, 1, 5))
    faults = [f"{wrong.sum()} geometries that are not lines"] if wrong.any() else []
    data: dict[str, pd.Series] = {}
    for name in (*_NUMBERS, *_DATES, *_TEXTS):
        values = routes[name] if name in routes else pd.Series(None, index=routes.index)
        try:
            if name in _NUMBERS:
                values = values.astype("float64")
            elif name in _DATES:
                values = pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
            else:
                values = values.astype("str").where(values.notna(), None)
        except (TypeError, ValueError) as error:
            faults.append(f"{name} that cannot be read ({error})")
        data[name] = values.reset_index(drop=True)
    columns = pd.DataFrame(data)
    bad = np.zeros(len(routes), dtype=bool)
    if not faults or wrong.any():
        weight = columns["weight_kg"].to_numpy(dtype="float64", na_value=np.nan)
        bad = (weight < 0) | np.isinf(weight)
        if bad.any():
            faults.append(f"{bad.sum()} weights that are negative or infinite")
    if faults:
        kind: type[LayerError] = GeometryError if wrong.any() else SchemaError
        raise kind(
            "routes",
            found="; ".join(faults),
            expected="lines, with weights in kilograms of 0 or more and readable dates",
            repair="Read the file with geocn.read_routes, or correct these rows.",
            rows=list(routes.index[wrong | bad]),
        )
    return columns


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
            "drugs": _joined(passes, "drug"),
            "first_seen": by_cell["first_seen"].min(),
            "last_seen": by_cell["last_seen"].max(),
        }
    )
    dates = dict.fromkeys(_DATES, "datetime64[us, UTC]")
    return table.astype({"weight_kg": "float64", "modes": "str", "drugs": "str", **dates})


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
