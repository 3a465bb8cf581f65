"""The countries a route passes through, and which of its changes of country count."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

SEA = ""


@dataclass(slots=True)
class Change:
    """A change of country: distance along the route, the border edge, and the two sides."""

    at_m: float
    event: int
    origin: str
    target: str


@dataclass(slots=True)
class Debounced:
    """Changes that count, and what was left out of a route."""

    changes: list[Change]
    n_grazes: int = 0
    n_coast_grazes: int = 0
    n_runs: int = 0
    n_unseen: int = 0
    bridged: list[tuple[Change, Change]] = field(default_factory=list)


def debounce(changes: list[Change], min_excursion_m: float) -> Debounced:
    """Drop excursions that return to the country they left within a distance.

    The shortest excursion is undone first, so that a zigzag along a border becomes one stay
    on the side where the route ends up. Two excursions or more undone within one stay are a
    run along the border. The first and the last stay of a route are no excursions: a route
    that ends in a border town has crossed.
    """
    result = Debounced([])
    kept = list(changes)
    merged = [0] * (len(kept) + 1)  # land excursions undone within each stay
    while True:
        best, shortest = -1, min_excursion_m
        for i in range(len(kept) - 1):
            stay = kept[i + 1].at_m - kept[i].at_m
            if kept[i].origin == kept[i + 1].target and stay < shortest:
                best, shortest = i, stay
        if best < 0:
            break
        coast = SEA in (kept[best].origin, kept[best].target)
        result.n_coast_grazes += coast
        result.n_grazes += not coast
        merged[best : best + 3] = [sum(merged[best : best + 3]) + (not coast)]
        del kept[best : best + 2]
    result.n_runs = sum(count >= 2 for count in merged)
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
