"""Least-cost corridors as areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
import xarray as xr
from shapely.geometry import shape

from geocn._typing import BoolArray
from geocn.corridors._pairs import PairCost, Pairs, label_types, pair_costs
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.cost import FrictionSurface, SitesLike, friction_surface, locate_sites
from geocn.spatial.raster_grid import RasterGrid

_EQUAL_AREA = "EPSG:6933"  # cylindrical: edges along meridians and parallels stay straight
_ROUNDING = 1e-12
_EDGE_CELLS = 20  # a straight edge gets a vertex at least this often before it is projected


def least_cost_corridors(
    friction: xr.DataArray,
    origins: SitesLike,
    destinations: SitesLike,
    *,
    tolerances: Sequence[float] = (0.01, 0.05, 0.10),
    neighbours: int = 16,
    pairs: Pairs = "all",
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
    pairs : {"all", "nearest"} or list of (origin, destination)
        See :func:`geocn.corridors.least_cost_paths`.

    Returns
    -------
    GeoDataFrame
        In EPSG:4326, a row for each pair and tolerance, rising: ``origin``,
        ``destination``, ``tolerance``, ``least_cost``, ``max_cost`` (the cut), ``n_cells``,
        ``area_km2`` and the area as a MultiPolygon. Where nothing connects a pair its cost
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
    surface = friction_surface(friction, neighbours=neighbours)
    starts = locate_sites(surface, origins, "origins")
    ends = locate_sites(surface, destinations, "destinations")
    # All origin fields are kept: k sites then need k surfaces and not one for each pair.
    found = list(pair_costs(surface, starts, ends, pairs=pairs, slack=levels[-1]))
    sums = _sums(surface, found, {p.destination: ends.of(p.destination) for p in found}, levels[-1])
    rows = []
    for pair, total in zip(found, sums, strict=True):
        names = (starts.labels[pair.origin], ends.labels[pair.destination])
        rows.extend(_rows(surface.grid, names, total, levels))
    columns = ["origin", "destination", "tolerance", "least_cost", "max_cost", "n_cells"]
    data = {name: [row[i] for row in rows] for i, name in enumerate([*columns, "geometry"])}
    native = gpd.GeoSeries(data.pop("geometry"), crs=surface.grid.crs, dtype="geometry")
    dense = native.segmentize(_EDGE_CELLS * surface.grid.transform.a) if len(native) else native
    frame = gpd.GeoDataFrame(data, geometry=_to_lonlat(dense, surface.grid))
    frame.insert(6, "area_km2", (frame.geometry.to_crs(_EQUAL_AREA).area / 1e6).to_numpy())
    kinds = dict.fromkeys(("tolerance", "least_cost", "max_cost", "area_km2"), "float64")
    frame = frame.astype({**kinds, **label_types(origins, destinations), "n_cells": "int64"})
    unreachable = frame["least_cost"].isna()
    frame.loc[unreachable, "area_km2"] = np.nan
    return attach(
        frame,
        "corridors.least_cost_corridors",
        neighbours=neighbours,
        tolerances=levels,
        pairs=pairs if isinstance(pairs, str) else "list",
        crs="EPSG:4326",
        friction_crs=surface.grid.crs,
        least_cost=[
            {"origin": a, "destination": b, "least_cost": None if np.isnan(c) else c}
            for a, b, c in dict.fromkeys(
                zip(frame["origin"], frame["destination"], frame["least_cost"], strict=True)
            )
        ],
        unreachable=frame.loc[unreachable, ["origin", "destination"]]
        .drop_duplicates()
        .to_dict("records"),
        left_out={"origins": starts.left_out, "destinations": ends.left_out},
        score=None,
        note="modelled; not scored against observed routes",
    )


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
        back = surface.accumulate(site, max_cost=limit).cost
        for i in reached:
            sums[i] = found[i].field.cost + back
    return sums


def _rows(
    grid: RasterGrid, names: tuple[Any, Any], total: Any, levels: list[float]
) -> list[tuple[Any, ...]]:
    if total is None:
        return [(*names, level, np.nan, np.nan, 0, None) for level in levels]
    least = float(total.min())
    rows = []
    for level in levels:
        cut = least * (1 + level)
        inside = total <= cut * (1 + _ROUNDING)
        rows.append((*names, level, least, cut, int(inside.sum()), _outline(grid, inside)))
    return rows


def _outline(grid: RasterGrid, inside: BoolArray) -> Any:
    parts = rasterio.features.shapes(
        inside.astype(np.uint8), mask=inside, connectivity=4, transform=grid.transform
    )
    return shapely.multipolygons([shape(part) for part, _ in parts])


def _to_lonlat(areas: gpd.GeoSeries, grid: RasterGrid) -> gpd.GeoSeries:
    if not grid.is_geographic:
        return areas.to_crs("EPSG:4326")
    folded = fold_longitudes(areas.to_numpy()) if len(areas) else areas.to_numpy()
    return gpd.GeoSeries(folded, index=areas.index, crs=grid.crs).to_crs("EPSG:4326")
