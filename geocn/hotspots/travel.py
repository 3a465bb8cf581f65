"""What a route does at each border it meets: crosses, grazes, runs along, lands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.hotspots.route_lines import Hits, RouteLines
from geocn.hotspots.stays import SEA, Change, Debounced, Excursion, debounce
from geocn.spatial.border_index import BorderIndex

#: All that can happen at a border, in the words of ``border_crossings(include=…)``.
HAPPENINGS = ("land", "landfall", "departure", "graze", "coast_graze", "along_border")

# As a share of an edge.
_INSIDE = 1e-6


class Stop(NamedTuple):
    """One happening, on the border edge where it is placed."""

    event: int
    at_m: float
    edge: int
    fraction: float
    origin: str
    target: str
    happening: str
    excursion_m: float


@dataclass(frozen=True)
class Stops:
    """All happenings as columns, in order of travel; fields as in :class:`Stop`."""

    event: IntArray
    at_m: FloatArray
    edge: IntArray
    fraction: FloatArray
    origin: AnyArray
    target: AnyArray
    happening: AnyArray
    excursion_m: FloatArray

    def only(self, wanted: BoolArray) -> Stops:
        """Keep some of the happenings."""
        return Stops(*(getattr(self, f.name)[wanted] for f in fields(self)))


def find_stops(
    index: BorderIndex, lines: RouteLines, hits: Hits, *, min_excursion_m: float
) -> tuple[Stops, dict[str, int]]:
    """Tell changes of country that last from those that do not, and count what was found."""
    plain = ~_in_question(index, hits, min_excursion_m)
    counted: Counter[str] = Counter()
    hard = list(
        _debounced(
            index,
            lines,
            hits,
            events=np.flatnonzero(~plain),
            min_excursion_m=min_excursion_m,
            counted=counted,
        )
    )
    easy = np.flatnonzero(plain)
    rest = Stops(
        event=np.array([s.event for s in hard], dtype=np.int64),
        at_m=np.array([s.at_m for s in hard], dtype=float),
        edge=np.array([s.edge for s in hard], dtype=np.int64),
        fraction=np.array([s.fraction for s in hard], dtype=float),
        origin=np.array([s.origin for s in hard], dtype=object),
        target=np.array([s.target for s in hard], dtype=object),
        happening=np.array([s.happening for s in hard], dtype=object),
        excursion_m=np.array([s.excursion_m for s in hard], dtype=float),
    )
    origin = index.countries[hits.origin[easy]]
    target = index.countries[hits.target[easy]]
    columns = {
        "event": np.concatenate([easy, rest.event]),
        "at_m": np.concatenate([hits.at_m[easy], rest.at_m]),
        "edge": np.concatenate([hits.edge[easy], rest.edge]),
        "fraction": np.concatenate([hits.fraction[easy], rest.fraction]),
        "origin": np.concatenate([origin, rest.origin]),
        "target": np.concatenate([target, rest.target]),
        "happening": np.concatenate([_change_kind(origin, target), rest.happening]),
        "excursion_m": np.concatenate([np.full(len(easy), np.nan), rest.excursion_m]),
    }
    order = np.lexsort((columns["event"], columns["at_m"], hits.line[columns["event"]]))
    stops = Stops(**{name: values[order] for name, values in columns.items()})
    for name in HAPPENINGS:
        counted[name] = int((stops.happening == name).sum())
    return stops, counted


def _in_question(index: BorderIndex, hits: Hits, min_excursion_m: float) -> BoolArray:
    """Hits on lines where something may have to be undone, relabelled or bridged."""
    sea = np.flatnonzero(index.countries == SEA)
    same = hits.line[1:] == hits.line[:-1]
    back = hits.origin[:-1] == hits.target[1:]
    bridge = np.isin(hits.target[:-1], sea) & np.isin(hits.origin[1:], sea)
    short = np.diff(hits.at_m) < min_excursion_m
    pair = (same & short & (back | bridge)) | hits.broken[1:]
    return np.isin(hits.line, hits.line[1:][pair])


def _change_kind(origin: AnyArray, target: AnyArray) -> AnyArray:
    kinds: AnyArray = np.where(
        origin == SEA, "landfall", np.where(target == SEA, "departure", "land")
    ).astype(object)
    return kinds


def _debounced(
    index: BorderIndex,
    lines: RouteLines,
    hits: Hits,
    *,
    events: IntArray,
    min_excursion_m: float,
    counted: Counter[str],
) -> Iterator[Stop]:
    """Go through the lines of some events one by one."""
    names = index.countries
    starts = np.flatnonzero(np.diff(hits.line[events], prepend=-1))
    for line in np.split(events, starts)[1:]:
        changes = [
            Change(at, event, origin, target)
            for at, event, origin, target in zip(
                hits.at_m[line].tolist(),
                line.tolist(),
                names[hits.origin[line]].tolist(),
                names[hits.target[line]].tolist(),
                strict=True,
            )
        ]
        if index.areas is not None and any(a.target != b.origin for a, b in pairwise(changes)):
            changes = _relabelled(index.areas, lines, hits, changes)
        debounced = debounce(changes, min_excursion_m)
        counted["unseen_changes"] += debounced.n_unseen
        for change in debounced.changes:
            yield _on_its_border(index, hits, _stop(hits, change))
        for stop in _undone(hits, debounced):
            yield _on_its_border(index, hits, stop)
        for out, back in debounced.bridged:
            yield from _over_water(index, hits, out, back, counted)


def _stop(hits: Hits, change: Change, happening: str = "", length_m: float = np.nan) -> Stop:
    event = change.event
    if not happening:
        sea = (change.origin == SEA, change.target == SEA)
        happening = "landfall" if sea[0] else "departure" if sea[1] else "land"
    return Stop(
        event,
        change.at_m,
        int(hits.edge[event]),
        float(hits.fraction[event]),
        change.origin,
        change.target,
        happening,
        length_m,
    )


def _on_its_border(index: BorderIndex, hits: Hits, stop: Stop) -> Stop:
    """Move a crossing met at a node on the edge of another border to the border it crosses."""
    if SEA in (stop.origin, stop.target):
        return stop
    dyad = "-".join(sorted((stop.origin, stop.target)))
    if index.of_piece("dyad", np.array([stop.edge]))[0] == dyad:
        return stop
    near = index.nearest_on(dyad, float(hits.lon[stop.event]), float(hits.lat[stop.event]))
    if near is None:
        return stop
    # Where one chain of a border ends and the next begins, chainage alone tells them apart.
    inside = min(max(near[1], _INSIDE), 1 - _INSIDE)
    return stop._replace(edge=near[0], fraction=inside)


def _undone(hits: Hits, debounced: Debounced) -> Iterator[Stop]:
    def stops(excursions: list[Excursion], happening: str) -> Iterator[Stop]:
        for excursion in excursions:
            name = "coast_graze" if excursion.over_sea else happening
            yield _stop(hits, excursion.out, name, excursion.length_m)

    yield from stops(debounced.undone, "graze")
    yield from stops(debounced.runs, "along_border")


def _over_water(
    index: BorderIndex, hits: Hits, out: Change, back: Change, counted: Counter[str]
) -> Iterator[Stop]:
    """Place a short passage over water on the land border of the two countries."""
    dyad = "-".join(sorted((out.origin, back.target)))
    near = index.nearest_on(dyad, float(hits.lon[out.event]), float(hits.lat[out.event]))
    # A river mouth is narrow; a land border much further away than that is another place.
    if near is not None and near[2] <= 10 * max(back.at_m - out.at_m, 1000.0):
        counted["short_sea_passages"] += 1
        whole = _stop(hits, Change(out.at_m, out.event, out.origin, back.target))
        yield whole._replace(edge=near[0], fraction=near[1])
        return
    yield _stop(hits, out)
    yield _stop(hits, back)


def _relabelled(
    areas: Callable[[], tuple[shapely.STRtree, AnyArray]],
    lines: RouteLines,
    hits: Hits,
    changes: list[Change],
) -> list[Change]:
    """Label the stays of a line by the country around their middles.

    Needed where a route passes exactly through a node of the borders, or lies on one.
    """
    line = int(hits.line[changes[0].event])
    vertices = slice(lines.start[line], lines.start[line + 1])
    xy, along = lines.xy[vertices], hits.along[vertices]
    ends = np.array([along[0], *(c.at_m for c in changes), along[-1]])
    middle = (ends[:-1] + ends[1:]) / 2
    x, y = np.interp(middle, along, xy[:, 0]), np.interp(middle, along, xy[:, 1])
    tree, codes = areas()
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
