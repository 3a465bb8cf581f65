"""Where routes change country."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots.route_lines import Hits, RouteLines, check_lines, find_hits
from geocn.hotspots.stays import SEA, Change, debounce
from geocn.provenance import attach
from geocn.spatial.border_index import BorderIndex, border_index, country_tree
from geocn.spatial.crs import to_lonlat

_INCLUDE = ("land", "landfall", "departure")
_REPORTED = (
    "grazes",
    "runs_along_border",
    "coast_grazes",
    "landfalls",
    "departures",
    "short_sea_passages",
    "unseen_changes",
)
_TIME: Final = "datetime64[us, UTC]"
_DTYPES = {
    "route_id": "str",
    "dyad": "str",
    "chainage_km": "float64",
    "from_country": "str",
    "to_country": "str",
    "crossed_at": _TIME,
    "kind": "str",
    "disputed": "boolean",
    "distance_along_km": "float64",
    "route_row": "int64",
}
# What a crossing inherits from its route, where the route has it.
_CARRIED = (
    "mode",
    "drug",
    "weight_kg",
    "n_sources",
    "location_precision_m",
    "source",
    "marking",
    "releasable_to",
    "reliability",
    "credibility",
)


def border_crossings(
    routes: gpd.GeoDataFrame,
    borders: gpd.GeoDataFrame | None = None,
    *,
    min_excursion_m: float = 1000.0,
    include: Sequence[str] = ("land",),
) -> gpd.GeoDataFrame:
    """Find where routes change country over a land border, in the order they travel.

    A crossing is a change of country that lasts: an excursion that returns to the country
    it left within ``min_excursion_m`` is a graze, several within one stay are a run along
    the border, and neither is a crossing. A stretch of water shorter than that between two
    neighbours (a river mouth) is crossed as the land border nearest to it. Longitudes may
    jump at +-180 degrees; each step of a route goes the short way around.

    Parameters
    ----------
    routes : GeoDataFrame
        Lines in the direction of travel. ``first_seen`` and ``last_seen``, where both are
        known, are taken as the times at its ends and ``crossed_at`` lies between them in
        proportion to distance; where one is known, it is used as it is.
    borders : GeoDataFrame, optional
        From ``read_borders`` or :func:`geocn.spatial.borders.load_borders`; by default the
        bundled 1:10 million borders. Needs ``dyad``, ``left`` and ``right``.
    min_excursion_m : float
        Geodesic length along the route, in metres, below which an excursion is a graze.
    include : sequence of {"land", "landfall", "departure"}
        Which changes to return: also those between land and sea, where asked for.

    Returns
    -------
    GeoDataFrame
        One row a crossing, in EPSG:4326: ``route_id, dyad, chainage_km, from_country,
        to_country, crossed_at, kind, disputed, distance_along_km, route_row`` (row number in
        ``routes``), the route's own attributes, geometry (Point). For a change between land
        and sea, dyad is the country and the sea an empty text. ``attrs["geocn"]["reported"]``
        counts grazes, runs along borders, coast grazes, landfalls, departures, short sea
        passages counted as crossings, and unseen changes (borders that do not close);
        ``["left_out"]`` counts routes without geometry or without length.

    Raises
    ------
    GeometryError
        Where a geometry is not a line.
    CRSError, CoordinateError
        Where the CRS is missing or coordinates lie nowhere on Earth.
    LayerError
        Where the borders have no shared sides.
    ParameterError
        Where an option is out of range.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> route = shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])
    >>> found = border_crossings(gpd.GeoDataFrame({"route_id": ["r1"]}, geometry=[route], crs=4326))
    >>> found[["dyad", "from_country", "to_country"]].to_numpy().tolist()
    [['COL-ECU', 'COL', 'ECU']]
    """
    if not (np.isfinite(min_excursion_m) and min_excursion_m >= 0):
        raise ParameterError(f"min_excursion_m is {min_excursion_m}, not 0 or more")
    if set(include) - set(_INCLUDE):
        raise ParameterError(f"include {list(include)}; choose from {', '.join(_INCLUDE)}")
    degrees = to_lonlat(routes, "routes")
    check_lines(degrees)
    index = border_index(borders)
    lines = RouteLines.of(degrees)
    hits, along = find_hits(index, lines)
    reported: Counter[str] = Counter()
    found = list(
        _walk(
            index,
            lines,
            hits,
            along=along,
            min_excursion_m=float(min_excursion_m),
            reported=reported,
        )
    )
    result = _frame(found, index, lines, hits, along=along, routes=routes)
    kinds = result["kind"]
    reported["landfalls"] = int((kinds == "landfall").sum())
    reported["departures"] = int((kinds == "departure").sum())
    on_land = ~kinds.isin(["landfall", "departure"])
    wanted = kinds.isin(list(include)) | (on_land & ("land" in include))
    return attach(
        result[wanted].reset_index(drop=True),
        "hotspots.border_crossings",
        min_excursion_m=float(min_excursion_m),
        include=list(include),
        scale=index.scale,
        crs="EPSG:4326",
        n_routes=len(routes),
        reported={name: reported[name] for name in _REPORTED},
        left_out={"no_geometry": lines.n_missing, "no_length": lines.n_short},
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A change of country that counts, on the border edge where it is placed."""

    change: Change
    edge: int
    fraction: float


def _walk(
    index: BorderIndex,
    lines: RouteLines,
    hits: Hits,
    *,
    along: FloatArray,
    min_excursion_m: float,
    reported: Counter[str],
) -> Iterator[_Found]:
    left, right = index.side(hits.edge, left=True), index.side(hits.edge, left=False)
    origin = np.where(hits.to_right, left, right).tolist()
    target = np.where(hits.to_right, right, left).tolist()
    at = hits.at_m.tolist()
    bounds = np.flatnonzero(np.diff(hits.line, prepend=-1, append=-1)).tolist()
    for begin, end in pairwise(bounds):
        changes = [Change(at[i], i, origin[i], target[i]) for i in range(begin, end)]
        broken = any(a.target != b.origin for a, b in pairwise(changes))
        if broken and index.has_coast:
            line = int(hits.line[begin])
            first, last = lines.start[line], lines.start[line + 1]
            changes = _relabelled(index, lines.xy[first:last], along[first:last], changes)
        debounced = debounce(changes, min_excursion_m)
        reported["grazes"] += debounced.n_grazes
        reported["coast_grazes"] += debounced.n_coast_grazes
        reported["runs_along_border"] += debounced.n_runs
        reported["unseen_changes"] += debounced.n_unseen
        for change in debounced.changes:
            yield _Found(change, int(hits.edge[change.event]), float(hits.fraction[change.event]))
        for out, back in debounced.bridged:
            yield from _over_water(index, hits, out, back, reported)


def _over_water(
    index: BorderIndex, hits: Hits, out: Change, back: Change, reported: Counter[str]
) -> Iterator[_Found]:
    """Place a short passage over water on the land border of the two countries."""
    dyad = "-".join(sorted((out.origin, back.target)))
    near = index.nearest_on(dyad, float(hits.lon[out.event]), float(hits.lat[out.event]))
    # A river mouth is narrow; a land border much further away than that is another place.
    if near is not None and near[2] <= 10 * max(back.at_m - out.at_m, 1000.0):
        reported["short_sea_passages"] += 1
        yield _Found(Change(out.at_m, out.event, out.origin, back.target), near[0], near[1])
        return
    for change in (out, back):
        yield _Found(change, int(hits.edge[change.event]), float(hits.fraction[change.event]))


def _relabelled(
    index: BorderIndex, xy: FloatArray, along: FloatArray, changes: list[Change]
) -> list[Change]:
    """Label the stays of a line by the country around their middles.

    Needed where a route passes exactly through a node of the borders, or lies on one.
    """
    ends = np.array([along[0], *(c.at_m for c in changes), along[-1]])
    middle = (ends[:-1] + ends[1:]) / 2
    x, y = np.interp(middle, along, xy[:, 0]), np.interp(middle, along, xy[:, 1])
    tree, codes = country_tree(index.scale)
    points = shapely.points((x + 180) % 360 - 180, y)
    point, area = tree.query(points, predicate="intersects")
    label = [SEA] * len(middle)
    # Of several countries at a point on a border the first by code is taken.
    order = np.lexsort((-area, point))
    for p, a in zip(point[order].tolist(), area[order].tolist(), strict=True):
        label[p] = codes[a]
    return [
        Change(c.at_m, c.event, before, after)
        for c, before, after in zip(changes, label[:-1], label[1:], strict=True)
        if before != after
    ]


def _frame(
    found: list[_Found],
    index: BorderIndex,
    lines: RouteLines,
    hits: Hits,
    *,
    along: FloatArray,
    routes: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    found = sorted(found, key=lambda f: (hits.line[f.change.event], f.change.at_m, f.change.event))
    event = np.array([f.change.event for f in found], dtype=np.int64)
    edge = np.array([f.edge for f in found], dtype=np.int64)
    origin = np.array([f.change.origin for f in found], dtype=object)
    target = np.array([f.change.target for f in found], dtype=object)
    at = lines.route[hits.line[event]].astype(np.int64)
    along_m = np.array([f.change.at_m for f in found], dtype=float)
    kind = index.of_piece("kind", edge)
    kind = np.where(pd.isna(kind), "land", kind)
    kind = np.where(origin == SEA, "landfall", np.where(target == SEA, "departure", kind))
    ids = routes["route_id"] if "route_id" in routes else pd.Series(routes.index)
    names = zip(origin.tolist(), target.tolist(), strict=True)
    data = {
        "route_id": ids.iloc[at].astype("str").to_numpy(),
        "dyad": ["-".join(sorted(filter(None, pair))) for pair in names],
        "chainage_km": index.chainage_at(edge, np.array([f.fraction for f in found], dtype=float)),
        "from_country": origin,
        "to_country": target,
        "crossed_at": _crossed_at(routes, at, along_m / _route_length(lines, along)[at]),
        "kind": kind,
        "disputed": index.of_piece("disputed", edge),
        "distance_along_km": along_m / 1000,
        "route_row": at,
    }
    table = pd.DataFrame(data).astype(_DTYPES)
    for name in _CARRIED:
        if name in routes:
            table[name] = routes[name].iloc[at].array
    places = gpd.points_from_xy(hits.lon[event], hits.lat[event], crs="EPSG:4326")
    return gpd.GeoDataFrame(table, geometry=places)


def _route_length(lines: RouteLines, along: FloatArray) -> FloatArray:
    """Length in metres by row of the routes; only those with a change were measured."""
    length = np.ones(int(lines.route.max(initial=-1)) + 1)
    if len(lines.route):
        length[lines.route] = along[lines.start[1:] - 1]
    return length


def _crossed_at(routes: gpd.GeoDataFrame, at: IntArray, share: FloatArray) -> pd.Series:
    def times(name: str) -> pd.Series:
        if name not in routes:
            return pd.Series(pd.NaT, index=range(len(at)), dtype=_TIME)
        values = pd.to_datetime(routes[name], utc=True).astype(_TIME).iloc[at]
        return pd.Series(values.array)

    first, last = times("first_seen"), times("last_seen")
    span = last - first
    # Last seen before first seen says nothing about when the border was passed.
    moved = first + span.where(span >= pd.Timedelta(0)) * share
    known = first.notna() & last.notna()
    result: pd.Series = moved.where(known, first.fillna(last)).astype(_TIME)
    return result
