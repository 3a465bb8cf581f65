"""Least-cost paths as lines."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import scipy.ndimage
import shapely
import xarray as xr

from geocn._typing import IntArray
from geocn.corridors._pairs import Pairs, label_types, pair_costs
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.cost import FrictionSurface, SitesLike, friction_surface, locate_sites
from geocn.spatial.cost_slope import SlopeLike

_COLUMNS = ("origin", "destination", "rank", "cost", "cost_ratio", "length_m")


def least_cost_paths(
    friction: xr.DataArray,
    origins: SitesLike,
    destinations: SitesLike,
    *,
    neighbours: int = 16,
    pairs: Pairs = "all",
    elevation: xr.DataArray | None = None,
    slope: SlopeLike = "tobler",
    second_best: bool = False,
    apart_m: float = 0.0,
) -> gpd.GeoDataFrame:
    """Trace the least-cost path of each pair of origin and destination.

    Parameters
    ----------
    friction : xarray.DataArray
        Cost per metre; see :func:`geocn.corridors.cost_surface`.
    origins, destinations : GeoDataFrame or pairs of (row, column)
        Points, lines or areas, in any CRS.
    neighbours : {16, 8}
        Steps out of a cell.
    pairs : {"all", "nearest", "mst"} or list of (origin, destination)
        ``"nearest"`` keeps the cheapest destination of each origin, ``"mst"`` the pairs
        that join all sites at the least cost in all; a list holds index labels.
    elevation : xarray.DataArray, optional
        Metres on the cells of ``friction``, for travel from origins to destinations.
    slope : {"tobler", "langmuir"}, callable, mapping or sequence of (slope, factor)
        See :func:`geocn.corridors.cost_surface`.
    second_best : bool
        Add for each pair the path that remains once the first is closed.
    apart_m : float
        The second path keeps this far from the first, but around the two sites.

    Returns
    -------
    GeoDataFrame
        In the CRS of the raster, one row a pair: ``origin`` and ``destination`` (index
        labels), ``rank`` (1, or 2 for the second best), ``cost`` (unit of friction x
        metre), ``cost_ratio`` (over that of rank 1), ``length_m`` along the line through
        the cell centres, geodesic in a geographic CRS. Where nothing connects a pair its
        cost and length are NaN and its geometry null, and ``attrs`` names it; where both
        stand in one cell the cost is 0 and the geometry null.

    Raises
    ------
    RasterError, CRSError, CoordinateError, ParameterError
        As :func:`geocn.corridors.cost_surface`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> axis = np.arange(5) * 1000.0
    >>> friction = xr.DataArray(np.ones((5, 5)), {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> friction = friction.rio.write_crs("EPSG:32618")
    >>> least_cost_paths(friction, [(0, 0)], [(0, 4)]).length_m.tolist()
    [4000.0]
    """
    if not 0 <= apart_m < np.inf:
        raise ParameterError(f"apart_m is {apart_m!r}; give metres of 0 or more")
    surface = friction_surface(friction, neighbours=neighbours, elevation=elevation, slope=slope)
    starts = locate_sites(surface, origins, "origins")
    ends = locate_sites(surface, destinations, "destinations")
    rows: dict[str, list[Any]] = {name: [] for name in (*_COLUMNS, "geometry")}
    unreachable, same_cell, no_second = [], [], []
    for pair in pair_costs(surface, starts, ends, pairs=pairs):
        names = [starts.labels[pair.origin], ends.labels[pair.destination]]
        cells = pair.field.path(pair.target)
        if len(cells) == 0:
            unreachable.append(names)
        elif len(cells) == 1:
            same_cell.append(names)
        _add(rows, surface, names, 1, (pair.cost, pair.cost), cells)
        if second_best:
            a, b = starts.of(pair.origin), ends.of(pair.destination)
            cost, other = _second(surface, cells, a, b, apart_m)
            if len(other) == 0 and len(cells) > 1:
                no_second.append(names)
            _add(rows, surface, names, 2, (cost, pair.cost), other)
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=surface.grid.crs)
    kinds = dict.fromkeys(("cost", "cost_ratio", "length_m"), "float64") | {"rank": "int64"}
    frame = frame.astype({**kinds, **label_types(origins, destinations)})
    return attach(
        frame,
        "corridors.least_cost_paths",
        neighbours=neighbours,
        pairs=pairs if isinstance(pairs, str) else "list",
        elevation=elevation is not None,
        slope=slope if isinstance(slope, str) else "given",
        second_best=second_best,
        apart_m=apart_m,
        crs=surface.grid.crs,
        unreachable=unreachable,
        without_second=no_second,
        same_cell=same_cell,
        left_out={"origins": starts.left_out, "destinations": ends.left_out},
        score=None,
        note="modelled; not scored against observed routes",
    )


def _add(  # noqa: PLR0917
    rows: dict[str, list[Any]],
    surface: FrictionSurface,
    names: list[Any],
    rank: int,
    costs: tuple[float, float],
    cells: IntArray,
) -> None:
    cost, first = costs if len(cells) else (np.nan, np.nan)
    rows["origin"].append(names[0])
    rows["destination"].append(names[1])
    rows["rank"].append(rank)
    rows["cost"].append(cost)
    rows["cost_ratio"].append(cost / first if first != 0 else 1.0)
    rows["length_m"].append(path_length_m(surface, cells) if len(cells) else np.nan)
    rows["geometry"].append(path_line(surface, cells))


def _second(
    surface: FrictionSurface, first: IntArray, a: IntArray, b: IntArray, apart_m: float
) -> tuple[float, IntArray]:
    """Cost and cells of the least-cost path once the first is closed between its sites."""
    if len(first) < 2:
        return np.nan, np.empty(0, np.int64)
    height, width = surface.grid.shape
    free = np.ones((height, width), dtype=bool)
    free.ravel()[first] = False
    cell = float(surface.lengths_m[0].mean()), float(surface.lengths_m[1].mean())
    away = scipy.ndimage.distance_transform_edt(free, sampling=(cell[1], cell[0]))
    ends = np.ones((height, width), dtype=bool)
    ends.ravel()[np.concatenate([a, b])] = False
    from_ends = scipy.ndimage.distance_transform_edt(ends, sampling=(cell[1], cell[0]))
    # A diagonal beside the sites stays open, or nothing could leave them.
    beside = max(apart_m, np.hypot(*cell)) * (1 + 1e-9)
    left = surface.without((away <= apart_m) & (from_ends > beside))
    field = left.accumulate(a, targets=[b])
    costs = field.cost.ravel()[b]
    target = int(b[np.argmin(costs)])
    cells = field.path(target)
    return float(costs.min()), cells


def path_length_m(surface: FrictionSurface, cells: IntArray) -> float:
    """Length in metres of a path given by flat cells."""
    rows, columns = np.divmod(cells, surface.grid.shape[1])
    across, down = np.abs(_steps_across(surface, columns)), np.abs(np.diff(rows))
    kind = np.select([down == 0, across == 0, down == across, across == 2], [0, 1, 2, 3], 4)
    return float(surface.lengths_m[kind, np.minimum(rows[:-1], rows[1:])].sum())


def path_line(surface: FrictionSurface, cells: IntArray) -> Any:
    """Line through cell centres, cut at the antimeridian; None for fewer than two cells."""
    if len(cells) < 2:
        return None
    rows, columns = np.divmod(cells, surface.grid.shape[1])
    columns = columns[0] + np.concatenate([[0], np.cumsum(_steps_across(surface, columns))])
    line = shapely.linestrings(np.column_stack(surface.grid.centres(rows, columns)))
    return fold_longitudes([line])[0] if surface.grid.is_geographic else line


def _steps_across(surface: FrictionSurface, columns: IntArray) -> IntArray:
    """Columns from cell to cell, the short way round where the raster wraps."""
    steps = np.diff(columns)
    if surface.wrap:
        width = surface.grid.shape[1]
        steps = (steps + width // 2) % width - width // 2
    return steps
