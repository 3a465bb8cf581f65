"""The countries a route passes through, and which of its changes of country count."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

SEA = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of country: distance along the route, the border edge, and the two sides."""

    at_m: float
    event: int
    origin: str
    target: str


@dataclass(frozen=True, slots=True)
class Excursion:
    """A stay that does not count: from the change that leaves to the one that returns."""

    out: Change
    back: Change

    @property
    def length_m(self) -> float:
        """Length along the route."""
        return self.back.at_m - self.out.at_m

    @property
    def over_sea(self) -> bool:
        """Whether it goes out to sea, or from the sea to land."""
        return SEA in (self.out.origin, self.out.target)


@dataclass(slots=True)
class Debounced:
    """Changes that count, and what was left out of a route."""

    changes: list[Change]
    undone: list[Excursion] = field(default_factory=list)
    runs: list[Excursion] = field(default_factory=list)
    n_unseen: int = 0
    bridged: list[tuple[Change, Change]] = field(default_factory=list)


def debounce(changes: list[Change], min_excursion_m: float) -> Debounced:
    """Drop excursions that return to the country they left within a distance.

    The shortest excursion is undone first, so that a zigzag along a border becomes one stay
    on the side where the route ends up. Two excursions or more undone within one stay are a
    run along the border, from the first of them to the last. The first and the last stay of
    a route are no excursions: a route that ends in a border town has crossed.
    """
    result = Debounced([])
    kept = list(changes)
    # Land excursions undone within each stay.
    within: list[list[Excursion]] = [[] for _ in range(len(kept) + 1)]
    while True:
        best, shortest = -1, min_excursion_m
        for i in range(len(kept) - 1):
            stay = kept[i + 1].at_m - kept[i].at_m
            if kept[i].origin == kept[i + 1].target and stay < shortest:
                best, shortest = i, stay
        if best < 0:
            break
        undone = Excursion(kept[best], kept[best + 1])
        result.undone.append(undone)
        merged = [e for stays in within[best : best + 3] for e in stays]
        within[best : best + 3] = [merged if undone.over_sea else [*merged, undone]]
        del kept[best : best + 2]
    for undone_here in within:
        if len(undone_here) >= 2:
            first = min(undone_here, key=lambda e: e.out.at_m).out
            last = max(undone_here, key=lambda e: e.back.at_m).back
            result.runs.append(Excursion(first, last))
    result.n_unseen = sum(a.target != b.origin for a, b in pairwise(kept))
    result.changes = kept
    _bridge(result, min_excursion_m)
    return result


def _bridge(result: Debounced, min_excursion_m: float) -> None:
    """Set apart pairs of changes that leave and enter land over a short stretch of sea."""
    kept: list[Change] = []
    for change in result.changes:
        last = kept[-1] if kept else None
        if (
            last is not None
            and last.target == SEA == change.origin
            and SEA not in (last.origin, change.target)
            and change.at_m - last.at_m < min_excursion_m
        ):
            result.bridged.append((kept.pop(), change))
        else:
            kept.append(change)
    result.changes = kept
