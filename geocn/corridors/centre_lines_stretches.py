"""Lines of merged routes, moved to the mean of their members and cut where these change."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray

# Stations: ends of members this near are one cut; gaps up to this are no gaps.
_SAME_CUT, _GAP = 4, 8
# Four standard deviations hold about 95 % of what lies around a line.
_WIDTHS = 4.0


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
    table = pd.DataFrame(
        {
            "route": members["route"].astype(np.int64),
            "station": station,
            "offset": ((members["xy"] - xy[station]) * across[station]).sum(axis=1),
            "forward": (members["heading"] * heading[station]).sum(axis=1),
            "length_km": members["step_m"] / 1000,
        }
    )
    table["line"] = np.searchsorted(starts, station, side="right") - 1
    by_line = table.groupby("line", sort=True)
    ends = np.append(starts[1:], len(xy)).astype(np.int64)
    pieces: list[pd.DataFrame] = []
    shapes: list[shapely.LineString] = []
    widths: list[float] = []
    for line in np.unique(table["line"].to_numpy()).tolist():
        rows = by_line.get_group(line)
        first, last = starts[line], int(ends[line])
        joints: list[FloatArray] = []
        for done, (lo, hi) in enumerate(_cuts(rows, first, last)):
            inside = rows[(rows["station"] >= lo) & (rows["station"] <= hi)]
            found, centre, width = _stretch(inside, (lo, hi), (xy, across), precision_m)
            pieces.append(found.assign(cell=len(shapes) + done))
            joints.append(centre)
            widths.append(width)
        for one, other in pairwise(joints):
            one[-1] = other[0] = (one[-1] + other[0]) / 2
        shapes += [shapely.LineString(centre) for centre in joints]
    empty = pd.DataFrame({"route": [], "length_km": [], "is_forward": [], "cell": []})
    found = pd.concat(pieces, ignore_index=True) if pieces else empty
    kinds = {"route": "int64", "cell": "int64", "is_forward": "bool"}
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    return found.astype(kinds), Stretches(geometry, np.array(widths, dtype=np.float64))


def _cuts(rows: pd.DataFrame, first: int, last: int) -> list[tuple[int, int]]:
    """First and last station of each stretch along which the members stay the same."""
    places = rows[["route", "station"]].drop_duplicates().sort_values(["route", "station"])
    route, station = places["route"].to_numpy(), places["station"].to_numpy()
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
    inside: pd.DataFrame,
    span: tuple[int, int],
    stations: tuple[FloatArray, FloatArray],
    precision_m: FloatArray,
) -> tuple[pd.DataFrame, FloatArray, float]:
    """Members of a stretch with their lengths, its line, and its width."""
    (lo, hi), (xy, across) = span, stations
    chosen = _members(inside["route"].to_numpy(), inside["station"].to_numpy(), lo, hi)
    inside = inside[inside["route"].isin(chosen)].sort_values(["route", "station", "offset"])
    at = np.arange(lo, hi + 1)
    route, station = inside["route"].to_numpy(), inside["station"].to_numpy()
    new = (np.diff(route, prepend=-1) != 0) | (np.diff(station, prepend=-1) != 0)
    places = np.flatnonzero(new)
    sums = np.add.reduceat(inside["offset"].to_numpy(), places)
    mean = sums / np.diff(np.append(places, len(route)))
    owners = np.split(np.arange(len(places)), np.flatnonzero(np.diff(route[places])) + 1)
    profiles = [np.interp(at, station[places[own]], mean[own]) for own in owners]
    offsets = np.sort(np.array(profiles), axis=0)
    centre = xy[at] + offsets.mean(axis=0)[:, None] * across[at]
    vague = precision_m[sorted(chosen)]
    # Along an axis, a place anywhere in a disc varies by a quarter of its squared radius.
    variance = float(offsets.var(axis=0).mean() + np.sort(vague**2).mean() / 4)
    by_route = inside.groupby("route", sort=True)
    forward = (inside["forward"] * inside["length_km"]).groupby(inside["route"]).sum() >= 0
    pieces = pd.DataFrame({"length_km": by_route["length_km"].sum(), "is_forward": forward})
    if len(centre) == 1:
        centre = np.vstack([centre, centre])
    return pieces.reset_index(), centre, _WIDTHS * float(np.sqrt(variance))
