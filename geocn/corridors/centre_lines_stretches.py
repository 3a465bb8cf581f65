"""Lines of merged routes, moved to the mean of their members and cut where these change."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray

# Stations: ends of members this near are one cut; gaps up to this are no gaps.
_SAME_CUT, _GAP = 4, 8
# Four standard deviations hold about 95 % of what lies around a line.
_WIDTHS = 4.0


class _Rows(NamedTuple):
    """Places of routes beside stations, sorted by line, route, station and offset."""

    route: IntArray
    station: IntArray
    offset: FloatArray
    forward: FloatArray
    length_km: FloatArray

    def where(self, chosen: Any) -> _Rows:
        """Rows of a slice or a mask."""
        return _Rows(*(values[chosen] for values in self))


class Stretches(NamedTuple):
    """Stretches of centre lines: geometry in the plane, and the width of each in metres."""

    geometry: ObjectArray
    width_m: FloatArray


def cut_stretches(
    members: dict[str, Any],
    xy: FloatArray,
    heading: FloatArray,
    starts: list[int],
    precision_m: FloatArray,
) -> tuple[pd.DataFrame, Stretches]:
    """Cut lines where members join or leave, and move each to the mean of its members.

    Parameters
    ----------
    members : dict of arrays
        ``route, station, xy, heading, step_m``: the places of every route, each beside
        its station.
    xy, heading : (s, 2) arrays
        Stations of all lines, one line after another, and unit vectors along them.
    starts : list of int
        First station of each line.
    precision_m : (n,) array
        Of each route.
    """
    station = members["station"].astype(np.int64)
    across = np.column_stack([-heading[:, 1], heading[:, 0]])
    rows = _Rows(
        members["route"].astype(np.int64),
        station,
        ((members["xy"] - xy[station]) * across[station]).sum(axis=1),
        (members["heading"] * heading[station]).sum(axis=1),
        members["step_m"] / 1000,
    )
    line = np.searchsorted(starts, station, side="right") - 1
    rows = rows.where(np.lexsort((rows.offset, station, rows.route, line)))
    n_rows = np.append(0, np.cumsum(np.bincount(line, minlength=len(starts))))
    ends = np.append(starts[1:], len(xy)).astype(np.int64)
    pieces: list[tuple[Any, ...]] = []
    shapes: list[shapely.LineString] = []
    widths: list[float] = []
    for i in np.unique(line).tolist():
        mine = rows.where(slice(n_rows[i], n_rows[i + 1]))
        joints: list[FloatArray] = []
        for done, (lo, hi) in enumerate(_cuts(mine, starts[i], int(ends[i]))):
            inside = mine.where((mine.station >= lo) & (mine.station <= hi))
            *found, centre, width = _stretch(inside, (lo, hi), (xy, across), precision_m)
            pieces.append((*found, np.full(len(found[0]), len(shapes) + done)))
            joints.append(centre)
            widths.append(width)
        for one, other in pairwise(joints):
            one[-1] = other[0] = (one[-1] + other[0]) / 2
        shapes += [shapely.LineString(centre) for centre in joints]
    columns = [np.concatenate(part) for part in zip(*pieces, strict=True)] or [np.empty(0)] * 4
    names = ("route", "length_km", "is_forward", "cell")
    table = pd.DataFrame(dict(zip(names, columns, strict=True)))
    kinds = {"route": "int64", "cell": "int64", "is_forward": "bool"}
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    return table.astype(kinds), Stretches(geometry, np.array(widths, dtype=np.float64))


def _cuts(rows: _Rows, first: int, last: int) -> list[tuple[int, int]]:
    """First and last station of each stretch along which the members stay the same."""
    new = _new_places(rows)
    route, station = rows.route[new], rows.station[new]
    broken = (np.diff(route) != 0) | (np.diff(station) > _GAP)
    begins = station[np.append(True, broken)]
    stops = station[np.append(broken, True)] + 1
    inner = np.unique(np.concatenate([begins, stops]))
    inner = inner[(inner >= first + _SAME_CUT) & (inner <= last - 1 - _SAME_CUT)]
    kept = [first]
    for cut in inner.tolist():
        if cut - kept[-1] >= _SAME_CUT:
            kept.append(cut)
    kept.append(last - 1)
    if len(kept) == 2:
        return [(first, last - 1)]
    # Cuts at which the members are the same on both sides are none.
    spans = list(pairwise(kept))
    sets = [_members(route, station, lo, hi) for lo, hi in spans]
    merged = [spans[0]]
    for span, before, here in zip(spans[1:], sets[:-1], sets[1:], strict=True):
        if before == here:
            merged[-1] = (merged[-1][0], span[1])
        else:
            merged.append(span)
    return merged


def _new_places(rows: _Rows) -> BoolArray:
    """Say which rows are the first of their route and station."""
    new: BoolArray = np.diff(rows.route, prepend=-1) != 0
    new |= np.diff(rows.station, prepend=-1) != 0
    return new


def _members(route: IntArray, station: IntArray, lo: int, hi: int) -> frozenset[int]:
    """Routes that run along at least half of a stretch."""
    inside = (station >= lo) & (station <= hi)
    some, inverse = np.unique(route[inside], return_inverse=True)
    low = np.full(len(some), hi, dtype=np.int64)
    high = np.full(len(some), lo, dtype=np.int64)
    np.minimum.at(low, inverse, station[inside])
    np.maximum.at(high, inverse, station[inside])
    return frozenset(some[2 * (high - low + 1) >= hi - lo].tolist())


def _stretch(
    inside: _Rows,
    span: tuple[int, int],
    stations: tuple[FloatArray, FloatArray],
    precision_m: FloatArray,
) -> tuple[IntArray, FloatArray, BoolArray, FloatArray, float]:
    """Members of a stretch, their lengths and directions, its line, and its width."""
    (lo, hi), (xy, across) = span, stations
    chosen = sorted(_members(inside.route, inside.station, lo, hi))
    inside = inside.where(np.isin(inside.route, chosen))
    at = np.arange(lo, hi + 1)
    places = np.flatnonzero(_new_places(inside))
    sums = np.add.reduceat(inside.offset, places)
    mean = sums / np.diff(np.append(places, len(inside.route)))
    firsts = np.flatnonzero(np.diff(inside.route, prepend=-1))
    owners = np.split(np.arange(len(places)), np.searchsorted(places, firsts[1:]))
    station = inside.station[places]
    profiles = [np.interp(at, station[own], mean[own]) for own in owners]
    offsets = np.sort(np.array(profiles), axis=0)
    centre = xy[at] + offsets.mean(axis=0)[:, None] * across[at]
    vague = precision_m[chosen]
    # Along an axis, a place anywhere in a disc varies by a quarter of its squared radius.
    variance = float(offsets.var(axis=0).mean() + np.sort(vague**2).mean() / 4)
    forward = np.add.reduceat(inside.forward * inside.length_km, firsts) >= 0
    length_km = np.add.reduceat(inside.length_km, firsts)
    if len(centre) == 1:
        centre = np.vstack([centre, centre])
    return inside.route[firsts], length_km, forward, centre, _WIDTHS * float(np.sqrt(variance))
