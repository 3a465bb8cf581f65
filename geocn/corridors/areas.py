"""Least-cost corridors as areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr

from geocn._typing import BoolArray, IntArray
from geocn.corridors._pairs import PairCost, Pairs, label_types, pair_costs
from geocn.corridors._widths import widths
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.cost import (
    FrictionSurface,
    Sites,
    SitesLike,
    friction_surface,
    locate_sites,
)
from geocn.spatial.cost_slope import SlopeLike
from geocn.spatial.raster_grid import RasterGrid

_EQUAL_AREA = "EPSG:6933"  # cylindrical: edges along meridians and parallels stay straight
_ROUNDING = 1e-12
_COLUMNS = (
    "origin", "destination", "rank", "tolerance", "least_cost", "cost_ratio", "max_cost",
    "n_cells", "width_m", "min_width_m", "pinch_cell",
)  # fmt: skip
_EDGE_CELLS = 20  # a straight edge gets a vertex at least this often before it is projected


def least_cost_corridors(
    friction: xr.DataArray,
    origins: SitesLike,
    destinations: SitesLike,
    *,
    tolerances: Sequence[float] = (0.01, 0.05, 0.10),
    neighbours: int = 16,
    pairs: Pairs = "all",
    elevation: xr.DataArray | None = None,
    slope: SlopeLike = "tobler",
    second_best: bool = False,
) -> gpd.GeoDataFrame:
    """Find the cells through which a path costs little more than the least.

    With A and B the accumulated costs from origin and destination and L the least of
    A + B, the corridor at tolerance t holds the cells where A + B <= (1 + t) L.

    Parameters
    ----------
    friction : xarray.DataArray
        Cost per metre; see :func:`geocn.corridors.cost_surface`.
    origins, destinations : GeoDataFrame or pairs of (row, column)
        Points, lines or areas, in any CRS.
    tolerances : sequence of float
        Shares above the least cost, 0 or more; 0.05 is 5 %. Given back in rising order.
    neighbours : {16, 8}
        Steps out of a cell.
    pairs : {"all", "nearest", "mst"} or list of (origin, destination)
        See :func:`geocn.corridors.least_cost_paths`.
    elevation : xarray.DataArray, optional
        Metres on the cells of ``friction``, for travel from origins to destinations.
    slope : {"tobler", "langmuir"}, callable, mapping or sequence of (slope, factor)
        See :func:`geocn.corridors.cost_surface`.
    second_best : bool
        Add for each pair the corridor that remains once the first, at the lowest
        tolerance, is closed (but for the cells next to the two sites).

    Returns
    -------
    GeoDataFrame
        In EPSG:4326, a row for each pair and tolerance, rising: ``origin``,
        ``destination``, ``rank`` (1, or 2 for the second best), ``tolerance``,
        ``least_cost``, ``cost_ratio`` (least cost over that of rank 1), ``max_cost`` (the
        cut), ``n_cells``, ``area_km2``, ``width_m`` and ``min_width_m`` (mean and least
        width across the least-cost path, to half a cell), ``pinch_lon`` and ``pinch_lat``
        (where it is narrowest, the first and last tenth of the way left out) and the area
        as a MultiPolygon. Where nothing connects a pair its cost
        is NaN and its geometry null. ``attrs["geocn"]`` states the least cost of each
        pair; its ``score`` is null, since nothing here was compared with observed routes.

    Raises
    ------
    ParameterError
        Where a tolerance is negative, infinite or not a number, or none is given.
    RasterError, CRSError, CoordinateError
        As :func:`geocn.corridors.cost_surface`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> axis = np.arange(5) * 1000.0
    >>> friction = xr.DataArray(np.ones((5, 5)), {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> friction = friction.rio.write_crs("EPSG:32618")
    >>> least_cost_corridors(friction, [(0, 0)], [(0, 4)], tolerances=[0]).n_cells.tolist()
    [5]
    """
    levels = sorted({float(tolerance) for tolerance in tolerances})
    if not levels or not all(0 <= level < np.inf for level in levels):
        raise ParameterError(
            f"tolerances are {list(tolerances)!r}; give shares of 0 or more, such as 0.05 for 5 %"
        )
    surface = friction_surface(friction, neighbours=neighbours, elevation=elevation, slope=slope)
    starts = locate_sites(surface, origins, "origins")
    ends = locate_sites(surface, destinations, "destinations")
    rows = []
    # All origin fields are kept: k sites then need k surfaces and not one for each pair.
    found = list(pair_costs(surface, starts, ends, pairs=pairs, slack=levels[-1]))
    sums = _sums(surface, found, {p.destination: ends.of(p.destination) for p in found}, levels[-1])
    for pair, total in zip(found, sums, strict=True):
        names = (starts.labels[pair.origin], ends.labels[pair.destination])
        rows.extend(_rows(surface, (*names, 1), pair, total, levels, pair.cost))
        if second_best:
            other, again = _second(surface, pair, total, starts, ends, levels)
            rows.extend(_rows(surface, (*names, 2), other, again, levels, pair.cost))
    frame = _frame(surface.grid, rows)
    frame = frame.astype({**label_types(origins, destinations)})
    first = frame[frame["rank"] == 1]
    unreachable = first["least_cost"].isna()
    return attach(
        frame,
        "corridors.least_cost_corridors",
        neighbours=neighbours,
        tolerances=levels,
        pairs=pairs if isinstance(pairs, str) else "list",
        elevation=elevation is not None,
        slope=slope if isinstance(slope, str) else "given",
        second_best=second_best,
        crs="EPSG:4326",
        friction_crs=surface.grid.crs,
        least_cost=[
            {"origin": a, "destination": b, "least_cost": None if np.isnan(c) else c}
            for a, b, c in dict.fromkeys(
                zip(first["origin"], first["destination"], first["least_cost"], strict=True)
            )
        ],
        unreachable=first.loc[unreachable, ["origin", "destination"]]
        .drop_duplicates()
        .to_dict("records"),
        left_out={"origins": starts.left_out, "destinations": ends.left_out},
        score=None,
        note="modelled; not scored against observed routes",
    )


def _frame(grid: RasterGrid, rows: list[tuple[Any, ...]]) -> gpd.GeoDataFrame:
    data = {name: [row[i] for row in rows] for i, name in enumerate([*_COLUMNS, "geometry"])}
    native = gpd.GeoSeries(data.pop("geometry"), crs=grid.crs, dtype="geometry")
    dense = native.segmentize(_EDGE_CELLS * grid.transform.a) if len(native) else native
    frame = gpd.GeoDataFrame(data, geometry=_to_lonlat(dense, grid))
    area = (frame.geometry.to_crs(_EQUAL_AREA).area / 1e6).to_numpy()
    frame.insert(8, "area_km2", np.where(frame["least_cost"].isna(), np.nan, area))
    whole = ("rank", "n_cells")
    names = [c for c in frame.columns[2:] if c not in (*whole, "geometry", "pinch_cell")]
    frame = frame.astype(dict.fromkeys(names, "float64") | dict.fromkeys(whole, "int64"))
    cells = frame.pop("pinch_cell").to_numpy(dtype=np.int64)
    at = gpd.points_from_xy(*grid.centres(*np.divmod(cells, grid.shape[1])), crs=grid.crs)
    places = at.to_crs("EPSG:4326")
    for position, name, values in ((11, "pinch_lon", places.x), (12, "pinch_lat", places.y)):
        frame.insert(position, name, np.where(cells < 0, np.nan, values))
    return frame


def _second(  # noqa: PLR0917
    surface: FrictionSurface,
    pair: PairCost,
    total: Any,
    starts: Sites,
    ends: Sites,
    levels: list[float],
) -> tuple[PairCost, Any]:
    """Return the pair and its sum once the first corridor, at the lowest tolerance, is closed."""
    if total is None:
        return pair, None
    closed = total <= float(total.min()) * (1 + levels[0]) * (1 + _ROUNDING)
    a, b = starts.of(pair.origin), ends.of(pair.destination)
    closed &= ~_near(surface, np.concatenate([a, b]))
    left = surface.without(closed)
    field = left.accumulate(a, targets=[b], slack=levels[-1])
    cost = field.cost.ravel()[b]
    other = PairCost(
        pair.origin, pair.destination, field, float(cost.min()), int(b[np.argmin(cost)])
    )
    return other, _sums(left, [other], {pair.destination: b}, levels[-1])[0]


def _near(surface: FrictionSurface, cells: IntArray) -> BoolArray:
    """Cells next to some: what may not be closed, or nothing could leave."""
    height, width = surface.grid.shape
    near = np.zeros((height, width), dtype=bool)
    rows, columns = np.divmod(cells, width)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            column = (columns + dx) % width if surface.wrap else np.clip(columns + dx, 0, width - 1)
            near[np.clip(rows + dy, 0, height - 1), column] = True
    return near


def _sums(
    surface: FrictionSurface,
    found: list[PairCost],
    cells: dict[int, Any],
    slack: float,
) -> list[Any]:
    """Add A and B of each pair, one surface a destination; None where nothing connects it."""
    sums: list[Any] = [None] * len(found)
    for destination, site in cells.items():
        mine = [i for i, pair in enumerate(found) if pair.destination == destination]
        reached = [i for i in mine if np.isfinite(found[i].cost)]
        if not reached:
            continue
        limit = max(found[i].cost for i in reached) * (1 + slack) * (1 + 1e-9)
        back = surface.backwards().accumulate(site, max_cost=limit).cost
        for i in reached:
            sums[i] = found[i].field.cost + back
    return sums


def _rows(  # noqa: PLR0917
    surface: FrictionSurface,
    names: tuple[Any, Any, int],
    pair: PairCost,
    total: Any,
    levels: list[float],
    first: float,
) -> list[tuple[Any, ...]]:
    if total is None:
        gone = (np.nan, np.nan, np.nan, 0, np.nan, np.nan, -1, None)
        return [(*names, level, *gone) for level in levels]
    least = float(total.min())
    ratio = least / first if first > 0 else 1.0
    path = pair.field.path(pair.target)
    rows = []
    for level in levels:
        cut = least * (1 + level)
        inside = total <= cut * (1 + _ROUNDING)
        wide = widths(surface, inside, path)
        rows.append(
            (*names, level, least, ratio, cut, int(inside.sum()), *wide,
             _outline(surface.grid, inside))
        )  # fmt: skip
    return rows


def _outline(grid: RasterGrid, inside: BoolArray) -> Any:
    parts = rasterio.features.shapes(
        inside.astype(np.uint8), mask=inside, connectivity=4, transform=grid.transform
    )
    return shapely.multipolygons([_polygon(part["coordinates"]) for part, _ in parts])


def _polygon(rings: list[list[tuple[float, float]]]) -> Any:
    # All rings at once: a corridor over rough ground has thousands of holes.
    which = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    made: Any = shapely.linearrings([at for ring in rings for at in ring], indices=which)
    return shapely.polygons(made[0], holes=made[1:])


def _to_lonlat(areas: gpd.GeoSeries, grid: RasterGrid) -> gpd.GeoSeries:
    if not grid.is_geographic:
        return areas.to_crs("EPSG:4326")
    folded = fold_longitudes(areas.to_numpy()) if len(areas) else areas.to_numpy()
    return gpd.GeoSeries(folded, index=areas.index, crs=grid.crs).to_crs("EPSG:4326")
