"""Reported routes merged into centre lines: routes that run side by side become one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer
from scipy.spatial import cKDTree

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.corridors.centre_lines_stretches import Stretches, cut_stretches
from geocn.spatial.crs import LONLAT
from geocn.spatial.densify import densify

#: Stations a distance at which routes count as apart: the step is a quarter of it.
STATIONS = 4
_DEGREE_M = 111_000.0
# Routes that cross at more than 45 degrees do not run together.
_TOGETHER = np.cos(np.pi / 4)
_NEAREST = 8


@dataclass
class _Leaders:
    """Stations of the lines found so far, in trees each more than twice the next."""

    xy: list[FloatArray] = field(default_factory=list)
    heading: list[FloatArray] = field(default_factory=list)
    trees: list[tuple[int, cKDTree]] = field(default_factory=list)
    n: int = 0

    def add(self, xy: FloatArray, heading: FloatArray) -> None:
        self.xy.append(xy)
        self.heading.append(heading)
        first = self.n
        self.n += len(xy)
        # Joined while the one before is not much larger: few trees, each rebuilt seldom.
        while self.trees and first - self.trees[-1][0] <= 2 * (self.n - first):
            first = self.trees.pop()[0]
        self.xy, self.heading = ([np.concatenate(part)] for part in (self.xy, self.heading))
        self.trees.append((first, cKDTree(self.xy[0][first:])))

    def nearest(self, xy: FloatArray, heading: FloatArray, apart_m: float) -> IntArray:
        """Find the nearest station that runs along, -1 where none is near."""
        best, far = np.full(len(xy), -1, dtype=np.int64), np.full(len(xy), np.inf)
        for first, tree in self.trees:
            metres, near = tree.query(xy, k=_NEAREST, distance_upper_bound=apart_m)
            found = np.isfinite(metres)
            station = np.where(found, near + first, 0)
            along = np.abs((self.heading[0][station] * heading[:, None]).sum(axis=2)) >= _TOGETHER
            metres = np.where(found & along, metres, np.inf)
            column = metres.argmin(axis=1)
            row = np.arange(len(xy))
            nearer = metres[row, column] < far
            best[nearer] = station[row, column][nearer]
            far[nearer] = metres[row, column][nearer]
        return best


def merge_routes(
    lonlat: ObjectArray, precision_m: FloatArray, apart_m: float, plane: object
) -> tuple[pd.DataFrame, Stretches]:
    """Merge routes that run within a distance of each other into centre lines.

    The longest route comes first; a route after it joins the lines found so far where it
    runs within ``apart_m`` of one and within 45 degrees of its axis, and founds a line where
    it does not. Each line is then moved to the mean of its members, station by station,
    and cut where members join or leave.

    Parameters
    ----------
    lonlat : (n,) array of lines
    precision_m : (n,) array
        How far each may lie from the truth.
    apart_m : float
    plane : CRS
        In metres.

    Returns
    -------
    DataFrame, Stretches
        Pieces (route, cell, length_km, is_forward), and the lines of the plane.
    """
    parts, route = shapely.get_parts(lonlat, return_index=True)
    parts = np.array([shapely.transform(part, _run_on) for part in parts], dtype=object)
    dense = densify(parts, apart_m / _DEGREE_M)
    to_plane = Transformer.from_crs(LONLAT, plane, always_xy=True)
    flat = shapely.transform(dense, lambda xy: np.column_stack(to_plane.transform(*xy.T.copy())))
    length = shapely.length(flat)
    # The order of the rows must not matter.
    wkb = shapely.to_wkb(shapely.set_precision(flat, 0.001))
    same: dict[bytes, list[int]] = {}
    for i, key in enumerate(wkb):
        same.setdefault(key, []).append(int(route[i]))
    first = {key: i for i, key in reversed(list(enumerate(wkb)))}
    order = sorted(first.values(), key=lambda i: (-round(float(length[i]), 3), wkb[i]))
    leaders = _Leaders()
    members: list[tuple[FloatArray | IntArray, ...]] = []
    starts: list[int] = []
    for i in order:
        if not length[i] > 0:
            continue
        xy, heading, step_m = _stations(flat[i], float(length[i]), apart_m / STATIONS)
        station = leaders.nearest(xy, heading, apart_m)
        for lo, hi in _founding(station):
            starts.append(leaders.n)
            station[lo:hi] = leaders.n + np.arange(hi - lo)
            leaders.add(xy[lo:hi], heading[lo:hi])
        steps = np.full(len(xy), step_m)
        members += [(np.full(len(xy), r), station, xy, heading, steps) for r in same[wkb[i]]]
    if not members:
        return cut_stretches(_no_members(), np.empty((0, 2)), np.empty((0, 2)), [], precision_m)
    names = ("route", "station", "xy", "heading", "step_m")
    table = {n: np.concatenate(c) for n, c in zip(names, zip(*members, strict=True), strict=True)}
    xy, heading = np.concatenate(leaders.xy), np.concatenate(leaders.heading)
    return cut_stretches(table, xy, heading, starts, precision_m)


def _run_on(xy: FloatArray) -> FloatArray:
    """Let longitudes run on over 180 degrees: the plane does not end there."""
    return np.column_stack([np.unwrap(xy[:, 0], period=360), xy[:, 1]])


def _no_members() -> dict[str, FloatArray]:
    empty = {name: np.empty(0) for name in ("route", "station", "step_m")}
    return empty | {name: np.empty((0, 2)) for name in ("xy", "heading")}


def _stations(
    line: shapely.LineString, length: float, step_m: float
) -> tuple[FloatArray, FloatArray, float]:
    """Return places at even steps along a line, the heading at each, and the step."""
    n = max(int(np.ceil(length / step_m)), 2)
    at = (np.arange(n) + 0.5) / n * length
    half = length / n / 2
    ends = [shapely.line_interpolate_point(line, d) for d in (at - half, at, at + half)]
    before, here, behind = (shapely.get_coordinates(e) for e in ends)
    heading = behind - before
    norm = np.hypot(*heading.T)
    heading /= np.where(norm > 0, norm, 1.0)[:, None]
    return here, heading, length / n


def _founding(station: IntArray) -> list[tuple[int, int]]:
    """Find runs that no line is near to; short ones between are given to what they lie beside."""
    alone: BoolArray = station < 0
    if alone.all():
        return [(0, len(station))]
    edges = np.flatnonzero(np.diff(alone.astype(np.int8), prepend=0, append=0))
    runs = []
    for lo, hi in edges.reshape(-1, 2).tolist():
        if hi - lo >= STATIONS:
            runs.append((lo, hi))
        else:
            station[lo:hi] = station[lo - 1] if lo else station[hi]
    return runs
