"""Least-cost paths as lines."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

from geocn._typing import IntArray
from geocn.corridors._pairs import Pairs, label_types, pair_costs
from geocn.provenance import attach
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.cost import FrictionSurface, SitesLike, friction_surface, locate_sites

_COLUMNS = ("origin", "destination", "cost", "length_m")


def least_cost_paths(
    friction: xr.DataArray,
    origins: SitesLike,
    destinations: SitesLike,
    *,
    neighbours: int = 16,
    pairs: Pairs = "all",
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
    pairs : {"all", "nearest"} or list of (origin, destination)
        ``"nearest"`` keeps the cheapest destination of each origin; a list holds index
        labels.

    Returns
    -------
    GeoDataFrame
        In the CRS of the raster, one row a pair: ``origin`` and ``destination`` (index
        labels), ``cost`` (unit of friction x metre), ``length_m`` along the line through
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
    surface = friction_surface(friction, neighbours=neighbours)
    starts = locate_sites(surface, origins, "origins")
    ends = locate_sites(surface, destinations, "destinations")
    rows: dict[str, list[Any]] = {name: [] for name in (*_COLUMNS, "geometry")}
    unreachable, same_cell = [], []
    for pair in pair_costs(surface, starts, ends, pairs=pairs):
        names = [starts.labels[pair.origin], ends.labels[pair.destination]]
        cells = pair.field.path(pair.target)
        if len(cells) == 0:
            unreachable.append(names)
        elif len(cells) == 1:
            same_cell.append(names)
        rows["origin"].append(names[0])
        rows["destination"].append(names[1])
        rows["cost"].append(pair.cost if len(cells) else np.nan)
        rows["length_m"].append(path_length_m(surface, cells) if len(cells) else np.nan)
        rows["geometry"].append(path_line(surface, cells))
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=surface.grid.crs)
    kinds = {"cost": "float64", "length_m": "float64"}
    frame = frame.astype({**kinds, **label_types(origins, destinations)})
    return attach(
        frame,
        "corridors.least_cost_paths",
        neighbours=neighbours,
        pairs=pairs if isinstance(pairs, str) else "list",
        crs=surface.grid.crs,
        unreachable=unreachable,
        same_cell=same_cell,
        left_out={"origins": starts.left_out, "destinations": ends.left_out},
        score=None,
        note="modelled; not scored against observed routes",
    )


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
