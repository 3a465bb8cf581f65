"""Where routes change country."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import GeometryError, ParameterError
from geocn.hotspots.stays import SEA, Change, Debounced, debounce
from geocn.provenance import attach
from geocn.spatial.border_index import BorderIndex, border_index, country_tree
from geocn.spatial.crs import to_lonlat
from geocn.spatial.geodesy import distance_m
from geocn.spatial.topology import unwrap_lon

_INCLUDE = ("land", "landfall", "departure")
_DTYPES = {
    "route_id": "str",
    "dyad": "str",
    "chainage_km": "float64",
    "from_country": "str",
    "to_country": "str",
    "crossed_at": "datetime64[us, UTC]",
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
    _check_lines(degrees)
    index = border_index(borders)
    lines = _Lines.of(degrees)
    hits = _Hits.of(index, lines)
    reported: Counter[str] = Counter()
    rows = [
        row
        for line, found in _walk(index, lines, hits, min_excursion_m)
        for row in _rows(index, lines, hits, line, found, reported)
        if row["kind"] in include or (row["kind"] not in _INCLUDE and "land" in include)
    ]
    result = _frame(rows, routes)
    names = ("grazes", "runs_along_border", "coast_grazes", "landfalls", "departures")
    counts = {name: reported[name] for name in (*names, "short_sea_passages", "unseen_changes")}
    return attach(
        result,
        "hotspots.border_crossings",
        min_excursion_m=float(min_excursion_m),
        include=list(include),
        scale=index.scale,
        n_routes=len(routes),
        reported=counts,
        left_out={"no_geometry": lines.n_missing, "no_length": lines.n_short},
    )


def _check_lines(routes: gpd.GeoDataFrame) -> None:
    kinds = routes.geometry.geom_type
    bad = kinds.notna() & ~kinds.isin(["LineString", "MultiLineString", "LinearRing"])
    bad &= ~routes.geometry.is_empty
    if bad.any():
        raise GeometryError(
            "routes",
            found=", ".join(sorted(kinds[bad].unique())),
            expected="LineString or MultiLineString",
            repair="Points are seizures or sites; build lines of them in the order of travel.",
            rows=list(routes.index[bad]),
        )


@dataclass(frozen=True)
class _Lines:
    """Parts of routes, with longitudes running on past +-180."""

    xy: FloatArray
    start: IntArray
    route: IntArray
    along_m: FloatArray
    n_missing: int
    n_short: int

    @classmethod
    def of(cls, routes: gpd.GeoDataFrame) -> _Lines:
        geometry = routes.geometry.to_numpy()
        missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        short = ~missing & (shapely.length(geometry) == 0)
        rows = np.flatnonzero(~missing & ~short)
        parts, owner = shapely.get_parts(geometry[rows], return_index=True)
        long = shapely.length(parts) > 0
        parts, owner = parts[long], owner[long]
        xy, part = shapely.get_coordinates(parts, return_index=True)
        start = np.searchsorted(part, np.arange(len(parts) + 1)).astype(np.int64)
        jumps = np.abs(np.diff(xy[:, 0], prepend=xy[:1, 0])) > 180
        for line in np.unique(part[jumps]):
            a, b = start[line], start[line + 1]
            xy[a:b, 0] = unwrap_lon(xy[a:b, 0])
        steps = distance_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1]) if len(xy) else np.empty(0)
        along = np.concatenate([[0.0], np.cumsum(np.where(part[1:] == part[:-1], steps, 0.0))])
        return cls(xy, start, rows[owner], along, int(missing.sum()), int(short.sum()))

    def length_m(self, line: int) -> float:
        """Geodesic length of one part."""
        return float(self.along_m[self.start[line + 1] - 1] - self.along_m[self.start[line]])

    def route_span(self, line: int) -> tuple[float, float]:
        """Distance at which a part starts within its route, and the length of the route."""
        parts = np.flatnonzero(self.route == self.route[line])
        first, last = self.start[parts[0]], self.start[parts[-1] + 1] - 1
        before = self.along_m[self.start[line]] - self.along_m[first]
        return float(before), float(self.along_m[last] - self.along_m[first])


@dataclass(frozen=True)
class _Hits:
    """Every place where a line meets an edge of a border, in order of travel."""

    line: IntArray
    lon: FloatArray
    lat: FloatArray
    at_m: FloatArray
    edge: IntArray
    fraction: FloatArray
    to_right: BoolArray

    @classmethod
    def of(cls, index: BorderIndex, lines: _Lines) -> _Hits:
        empty = np.empty((0, 5))
        found = index.crossings(lines.xy, lines.start) if len(lines.route) else empty
        vertex = found[:, 1].astype(np.int64)
        part = np.clip(found[:, 2], 0, 1)
        follow = np.minimum(vertex + 1, max(len(lines.xy) - 1, 0))
        xy = lines.xy[vertex] + part[:, None] * (lines.xy[follow] - lines.xy[vertex])
        line = found[:, 0].astype(np.int64)
        step = lines.along_m[follow] - lines.along_m[vertex]
        at = lines.along_m[vertex] + part * step - lines.along_m[lines.start[line]]
        order = np.lexsort((np.abs(found[:, 3]), found[:, 2], vertex, line))
        edge = (np.abs(found[:, 3]) - 1).astype(np.int64)
        lon = (xy[:, 0] + 180) % 360 - 180
        columns = (line, lon, xy[:, 1], at, edge, found[:, 4], found[:, 3] > 0)
        return cls(*(column[order] for column in columns))


def _walk(
    index: BorderIndex, lines: _Lines, hits: _Hits, min_excursion_m: float
) -> Iterator[tuple[int, Debounced]]:
    left, right = index.side(hits.edge, left=True), index.side(hits.edge, left=False)
    origin = np.where(hits.to_right, left, right)
    target = np.where(hits.to_right, right, left)
    bounds = np.flatnonzero(np.diff(hits.line, prepend=-1, append=-1))
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        line = int(hits.line[begin])
        changes = [
            Change(float(hits.at_m[i]), i, origin[i], target[i]) for i in range(begin, end)
        ]
        broken = any(a.target != b.origin for a, b in zip(changes[:-1], changes[1:], strict=True))
        if broken and index.has_coast:
            changes = _relabelled(index, lines, line, changes)
        yield line, debounce(changes, lines.length_m(line), min_excursion_m)


def _relabelled(
    index: BorderIndex, lines: _Lines, line: int, changes: list[Change]
) -> list[Change]:
    """Label the stays of a line by the country around their middles.

    Needed where a route passes exactly through a node of the borders, or lies on one.
    """
    start, stop = lines.start[line], lines.start[line + 1]
    along = lines.along_m[start:stop] - lines.along_m[start]
    ends = np.array([0.0, *(c.at_m for c in changes), along[-1]])
    middle = (ends[:-1] + ends[1:]) / 2
    x = np.interp(middle, along, lines.xy[start:stop, 0])
    y = np.interp(middle, along, lines.xy[start:stop, 1])
    tree, codes = country_tree(index.scale)
    points = shapely.points((x + 180) % 360 - 180, y)
    point, area = tree.query(points, predicate="intersects")
    label = [SEA] * len(middle)
    for p, a in zip(point[::-1].tolist(), area[::-1].tolist(), strict=True):
        label[p] = codes[a]
    return [
        Change(c.at_m, c.event, before, after)
        for c, before, after in zip(changes, label[:-1], label[1:], strict=True)
        if before != after
    ]


def _rows(
    index: BorderIndex,
    lines: _Lines,
    hits: _Hits,
    line: int,
    found: Debounced,
    reported: Counter[str],
) -> Iterator[dict[str, object]]:
    reported["grazes"] += found.n_grazes
    reported["coast_grazes"] += found.n_coast_grazes
    reported["runs_along_border"] += found.n_runs
    reported["unseen_changes"] += found.n_unseen
    before, length = lines.route_span(line)

    def row(change: Change, edge: int, fraction: float, kind: str | None) -> dict[str, object]:
        piece = index.pieces.iloc[index.piece[edge]]
        names = sorted(name for name in (change.origin, change.target) if name)
        return {
            "dyad": "-".join(names),
            "chainage_km": float(index.chainage_at(np.array([edge]), np.array([fraction]))[0]),
            "from_country": change.origin,
            "to_country": change.target,
            "kind": kind or piece.get("kind", "land"),
            "disputed": piece.get("disputed", None),
            "distance_along_km": (before + change.at_m) / 1000,
            "share": (before + change.at_m) / length,
            "route_row": int(lines.route[line]),
            "lon": float(hits.lon[change.event]),
            "lat": float(hits.lat[change.event]),
        }

    for out, back in found.bridged:
        dyad = "-".join(sorted((out.origin, back.target)))
        near = index.nearest_on(dyad, float(hits.lon[out.event]), float(hits.lat[out.event]))
        # The mouth is narrow; a land border further away than that is another place.
        if near is not None and near[2] <= 10 * max(back.at_m - out.at_m, 1000.0):
            reported["short_sea_passages"] += 1
            yield row(Change(out.at_m, out.event, out.origin, back.target), *near[:2], None)
        else:
            found.changes.extend((out, back))
    for change in sorted(found.changes, key=lambda c: c.at_m):
        kind = None
        if change.origin == SEA:
            kind = "landfall"
            reported["landfalls"] += 1
        elif change.target == SEA:
            kind = "departure"
            reported["departures"] += 1
        yield row(change, int(hits.edge[change.event]), float(hits.fraction[change.event]), kind)


def _frame(rows: list[dict[str, object]], routes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    columns = [name for name in (*_DTYPES, "share", "lon", "lat") if name != "route_id"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values(["route_row", "distance_along_km"], kind="stable", ignore_index=True)
    at = table["route_row"].to_numpy(dtype=np.int64)
    ids = routes["route_id"] if "route_id" in routes else pd.Series(routes.index)
    table["route_id"] = ids.iloc[at].astype("str").to_numpy()
    table["crossed_at"] = _crossed_at(routes, at, table["share"].to_numpy(dtype=float))
    geometry = gpd.points_from_xy(
        table["lon"].astype(float), table["lat"].astype(float), crs="EPSG:4326"
    )
    data = table[list(_DTYPES)].astype(_DTYPES)
    for name in _CARRIED:
        if name in routes:
            data[name] = routes[name].iloc[at].array
    return gpd.GeoDataFrame(data, geometry=geometry)


def _crossed_at(routes: gpd.GeoDataFrame, at: IntArray, share: FloatArray) -> pd.Series:
    dtype = _DTYPES["crossed_at"]

    def times(name: str) -> pd.Series:
        if name not in routes:
            return pd.Series(pd.NaT, index=range(len(at)), dtype=dtype)
        values = pd.to_datetime(routes[name], utc=True).astype(dtype)
        return values.iloc[at].reset_index(drop=True)

    first, last = times("first_seen"), times("last_seen")
    span = last - first
    # Last seen before first seen says nothing about when the border was passed.
    moved = first + span.where(span >= pd.Timedelta(0)) * share
    return moved.where(first.notna() & last.notna(), first.fillna(last)).astype(dtype)
