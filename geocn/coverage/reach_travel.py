"""Areas reached within a travel time over friction."""

from __future__ import annotations

import re
from dataclasses import replace

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.coverage import _buffers
from geocn.coverage.reach_rules import Travelled, TravelRules
from geocn.coverage.reach_search import Searches, in_degrees, outline, search
from geocn.errors import CoordinateError, RasterError, UnitError
from geocn.spatial.cost import FrictionSurface, friction_surface, place_sites
from geocn.spatial.crs import LONLAT
from geocn.spatial.geodesy import distance_m

_MINUTES = {
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 1.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1 / 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 60.0),
}
_METRES = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), 1000.0),
}
_PER = re.compile(r"(\w+)\s*(?:/|per|\s)\s*([a-z]+?)\s*(?:\^|\*\*)?(?:-1)?", re.ASCII)
OUTSIDE, BLOCKED, NO_PLACE = "outside the raster", "on a barrier or no data", "no place"


def time_surface(
    friction: xr.DataArray | xr.Dataset, rules: TravelRules
) -> tuple[FrictionSurface, str]:
    """Make friction ready in minutes per metre, and say in what unit it came.

    Raises
    ------
    UnitError
        Where its ``units`` are stated and are not a time per distance.
    RasterError, CRSError
        See :func:`geocn.spatial.cost.friction_surface`.
    """
    if isinstance(friction, xr.Dataset):
        if "friction" not in friction:
            raise RasterError(
                "friction",
                found=f"a Dataset of {', '.join(map(str, friction))}",
                expected="a variable friction",
                repair="Give the raster itself.",
            )
        friction = friction["friction"]
    stated = getattr(friction, "attrs", {}).get("units")
    factor = _minutes_per_metre(stated)
    surface = friction_surface(
        friction, neighbours=rules.neighbours, elevation=rules.elevation, slope=rules.slope
    )
    if factor != 1:
        surface = replace(surface, friction=surface.friction * factor)
    return surface, "minutes per metre (not stated)" if stated is None else str(stated)


def _minutes_per_metre(units: object) -> float:
    if units is None:
        return 1.0
    found = _PER.fullmatch(str(units).strip().lower())
    time, length = found.groups() if found else ("", "")
    if time not in _MINUTES or length not in _METRES:
        raise UnitError(
            "friction",
            found=f"units {units!r}",
            expected="a time per distance, such as 'minutes per metre'",
            repair="Build it with unit='minutes_per_metre', or correct friction.attrs['units'].",
        )
    return _MINUTES[time] / _METRES[length]


def reach_by_time(
    sites: gpd.GeoSeries,
    surface: FrictionSurface,
    minutes: FloatArray,
    rules: TravelRules,
    *,
    precision_m: FloatArray | None = None,
) -> Travelled:
    """Find what each site reaches within its minutes.

    Parameters
    ----------
    sites : GeoSeries
        In EPSG:4326.
    surface : FrictionSurface
        Minutes per metre.
    minutes : (n,) array
        Above 0.
    rules : TravelRules
    precision_m : (n,) array, optional
        Where given, also what is reached for sure and possibly.
    """
    grid = surface.grid
    if rules.towards:
        surface = surface.backwards()
    found = Travelled.of(len(sites), {"n_cells": int(surface.friction.size)})
    sites = gpd.GeoSeries(sites.to_numpy(), crs=sites.crs)
    starts = _starts(sites, surface, rules, found)
    parts = _areas(surface, starts, minutes)
    found.shapes[:] = in_degrees(parts, grid)
    if precision_m is not None:
        wide = np.flatnonzero(precision_m > 0)
        near = _standing(_dilated(sites, precision_m, wide), surface)
        around = [near.get(i, cells) if len(cells) else cells for i, cells in enumerate(starts)]
        found.possible[:] = in_degrees(_areas(surface, around, minutes), grid)
        slack = _slack(sites, surface, starts, around, minutes)
        found.certain[:] = in_degrees(_areas(surface, starts, minutes - slack), grid)
    return found


def _starts(
    sites: gpd.GeoSeries, surface: FrictionSurface, rules: TravelRules, found: Travelled
) -> list[IntArray]:
    """Cells each site starts from; writes why it starts from none, and how far it was moved."""
    none = np.empty(0, dtype=np.int64)
    geometry = sites.to_numpy()
    known = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    found.note[~known] = NO_PLACE
    on_grid = sites.to_crs(surface.grid.crs)
    ends = shapely.bounds(on_grid.to_numpy())
    known &= np.isfinite(ends).all(axis=1)
    standing = _standing(on_grid[known], surface)
    starts = [standing.get(i, none) for i in range(len(sites))]
    found.snapped_m[[i for i in range(len(sites)) if len(starts[i])]] = 0.0
    for i in range(len(sites)):
        if len(starts[i]) or found.note[i] is not None:
            continue
        found.note[i] = BLOCKED if i in standing else OUTSIDE
        if rules.snap_m and known[i] and shapely.get_type_id(geometry[i]) == 0:
            cell, metres = _nearest_passable(on_grid.iloc[i], geometry[i], surface, rules.snap_m)
            if cell >= 0:
                starts[i], found.note[i] = np.array([cell]), None
                found.snapped_m[i] = metres
    return starts


def _standing(sites: gpd.GeoSeries, surface: FrictionSurface) -> dict[int, IntArray]:
    """Passable cells by index label; an empty list on barriers, no entry outside the raster."""
    free = np.isfinite(surface.friction.ravel())

    def is_passable(cells: IntArray) -> BoolArray:
        passable: BoolArray = free[cells]
        return passable

    rest = sites
    try:
        placed = place_sites(surface.grid, is_passable, rest, "interventions", strict=False)
    except CoordinateError as error:
        rest = sites.drop(index=error.rows)
        placed = place_sites(surface.grid, is_passable, rest, "interventions", strict=False)
    order = np.argsort(placed.owners, kind="stable")
    cut = np.searchsorted(placed.owners[order], np.arange(len(rest) + 1))
    cells = placed.cells[order]
    return {
        label: np.unique(cells[cut[at] : cut[at + 1]]) for at, label in enumerate(placed.labels)
    }


def _nearest_passable(
    place: shapely.Point, lonlat: shapely.Point, surface: FrictionSurface, snap_m: float
) -> tuple[int, float]:
    """Nearest passable cell by its centre, and how far it is; -1 where none is near enough."""
    grid = surface.grid
    height, width = grid.shape
    t = grid.transform
    down, across = int((place.y - t.f) // t.e), int((place.x - t.c) // t.a)
    at = min(max(down, 0), height - 1)
    # Steps are shortest next to this row where it is nearer to a pole.
    near = surface.lengths_m[:2, max(at - 1, 0) : at + 2]
    rows_off, columns_off = (int(snap_m // max(length, 1e-9)) + 2 for length in
                             (near[1].min(), near[0].min()))  # fmt: skip
    rows = np.arange(max(down - rows_off, 0), min(down + rows_off + 1, height))
    columns = np.arange(across - min(columns_off, width), across + min(columns_off, width) + 1)
    columns = np.unique(columns % width) if surface.wrap else columns
    columns = columns[(columns >= 0) & (columns < width)]
    r, c = (a.ravel() for a in np.meshgrid(rows, columns, indexing="ij"))
    free = np.isfinite(surface.friction[r, c])
    r, c = r[free], c[free]
    if not len(r):
        return -1, np.nan
    centres = gpd.GeoSeries(gpd.points_from_xy(*grid.centres(r, c)), crs=grid.crs).to_crs(LONLAT)
    here = np.array([lonlat.x, lonlat.y])
    metres = distance_m(here[:1], here[1:], centres.x.to_numpy(), centres.y.to_numpy())
    best = int(np.argmin(metres))
    if metres[best] > snap_m:
        return -1, np.nan
    return int(r[best] * width + c[best]), float(metres[best])


def _areas(
    surface: FrictionSurface, starts: list[IntArray], minutes: FloatArray
) -> list[ObjectArray]:
    """Cells within the limit of each site; sites that start alike are searched once."""
    alike: dict[bytes, list[int]] = {}
    for i, cells in enumerate(starts):
        if len(cells) and minutes[i] >= 0:
            alike.setdefault(cells.tobytes(), []).append(i)
    parts = [np.empty(0, dtype=object)] * len(starts)
    searches = Searches(surface)
    for group in alike.values():
        field = searches.search(starts[group[0]], float(minutes[group].max()))
        for i in group:
            parts[i] = outline(field, float(minutes[i]), surface.grid)
    return parts


def _dilated(sites: gpd.GeoSeries, metres: FloatArray, rows: IntArray) -> gpd.GeoSeries:
    """Everywhere that imprecise sites may stand, in EPSG:4326."""
    shapes = _buffers.buffers(sites.to_numpy()[rows], metres[rows])
    return gpd.GeoSeries(shapes, index=rows, crs=sites.crs)


def _slack(
    sites: gpd.GeoSeries,
    surface: FrictionSurface,
    starts: list[IntArray],
    around: list[IntArray],
    minutes: FloatArray,
) -> FloatArray:
    """Minutes from wherever a site may stand to where it is said to, at most.

    Infinite where it cannot be said within the limit, or the site is no point.
    """
    back = surface.backwards()
    is_point = shapely.get_type_id(sites.to_numpy()) == 0
    slack = np.zeros(len(starts))
    for i, cells in enumerate(around):
        if len(cells) <= len(starts[i]):
            continue
        slack[i] = np.inf
        if is_point[i]:
            field = search(back, starts[i], float(minutes[i]))
            slack[i] = field.at(cells, surface.grid.shape[1]).max()
    return slack
