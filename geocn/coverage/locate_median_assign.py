"""Who serves whom where sites have a capacity and each row is served whole: a good guess."""

from __future__ import annotations

import numpy as np

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_service import Service


def assign_within(
    service: Service, weight: FloatArray, capacity: FloatArray, open_: BoolArray
) -> tuple[IntArray, FloatArray]:
    """Assign rows to open sites with room for them, those that would lose most first.

    Returns
    -------
    assigned, cost : (n,) arrays
        The site of each row and its cost; -1 and infinite where no room was found.
    """
    chosen = np.flatnonzero(open_)
    cost = service.table(chosen)
    assigned, paid = np.full(len(cost), -1), np.full(len(cost), np.inf)
    if not len(chosen):
        return assigned, paid
    # The first order regards what the next best site would cost; where that leaves somebody
    # out, heavy rows go first, which packs better.
    ranked = np.sort(cost, axis=1)
    second = ranked[:, 1] if len(chosen) > 1 else np.full(len(cost), np.inf)
    regret = np.full(len(cost), np.inf)
    known = np.isfinite(second)
    regret[known] = weight[known] * (second[known] - ranked[known, 0])
    for order in (np.lexsort((-weight, -regret)), np.lexsort((-regret, -weight))):
        assigned[:], paid[:] = -1, np.inf
        left = capacity[chosen].copy()
        for row in order:
            offers = np.where(left >= weight[row], cost[row], np.inf)
            best = int(np.argmin(offers))
            if not np.isfinite(offers[best]):
                break
            assigned[row], paid[row] = chosen[best], offers[best]
            left[best] -= weight[row]
        else:
            return assigned, paid
    return assigned, paid
