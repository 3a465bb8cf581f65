"""Which sites serve demand cheapest: greedy, swaps and a bound, on plain arrays.

Demand i may be served by ``site[start[i]:start[i + 1]]`` at ``cost[...]`` (weight × cost),
cheapest first; ``unserved[i]`` is what it costs while nobody serves it, no less than any of
these. ``clash[a, b]`` forbids a beside b; an array of shape (0, 0) forbids nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import BoolArray, FloatArray, IntArray


@njit(cache=True)
def open_greedily(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    site: IntArray,
    cost: FloatArray,
    unserved: FloatArray,
    price: FloatArray,
    budget: float,
    n_open: int,
    may_open: BoolArray,
    clash: BoolArray,
    is_open: BoolArray,
) -> None:
    """Open the site that saves most (per unit of budget), again and again, in place.

    ``price`` counts for sites not open yet; ``n_open`` is how many may be open in the end.
    """
    n, m = len(start) - 1, len(is_open)
    is_limited = np.isfinite(budget)
    now = np.empty(n)
    gain = np.zeros(m)
    for i in range(n):
        now[i] = unserved[i]
        for k in range(start[i], start[i + 1]):
            gain[site[k]] += unserved[i] - cost[k]
    least, count, left = 0.0, 0, budget
    for j in range(m):
        least = max(least, 1e-12 * gain[j])
        count += is_open[j]
    while True:
        for i in range(n):
            for k in range(start[i], start[i + 1]):
                if cost[k] >= now[i]:
                    break
                if is_open[site[k]]:
                    new = cost[k]
                    for q in range(start[i], start[i + 1]):
                        if cost[q] >= now[i]:
                            break
                        gain[site[q]] -= now[i] - max(cost[q], new)
                    now[i] = new
                    break
        if count >= n_open:
            return
        take, most = -1, 0.0
        for j in range(m):
            if is_open[j] or not may_open[j] or price[j] > left or gain[j] <= least:
                continue
            value = gain[j]
            if is_limited:
                value = gain[j] / price[j] if price[j] > 0 else np.inf
            if value <= most:
                continue
            is_free = True
            if clash.shape[0]:
                for other in range(m):
                    if is_open[other] and clash[j, other]:
                        is_free = False
                        break
            if is_free:
                take, most = j, value
        if take < 0:
            return
        is_open[take] = True
        left -= price[take]
        count += 1


@njit(cache=True)
def swap_sites(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    site: IntArray,
    cost: FloatArray,
    unserved: FloatArray,
    price: FloatArray,
    budget: float,
    is_kept: BoolArray,
    may_open: BoolArray,
    clash: BoolArray,
    is_open: BoolArray,
) -> int:
    """Exchange an open site for a closed one while this saves anything, in place.

    The best exchange of all each time (Whitaker 1983; Resende & Werneck 2007,
    doi:10.1007/s10479-006-0154-0): savings, losses and their corrections are kept and
    changed only for demand whose nearest or second open site changed. Sites of ``is_kept``
    stay. Returns the number of exchanges.
    """
    n, m = len(start) - 1, len(is_open)
    opened = np.empty(m, dtype=np.int64)
    slot = np.empty(m, dtype=np.int64)
    left, p = budget, 0
    for j in range(m):
        slot[j] = -1
        if is_open[j]:
            opened[p] = j
            slot[j] = p
            p += 1
            if not is_kept[j]:
                left -= price[j]
    n_clash = np.zeros(m, dtype=np.int64)
    if clash.shape[0]:
        for s in range(p):
            for j in range(m):
                n_clash[j] += clash[opened[s], j]
    first = np.empty(n, dtype=np.int64)
    d1, d2 = np.empty(n), np.empty(n)
    for i in range(n):
        first[i] = -2
    gain, loss, extra = np.zeros(m), np.zeros(p), np.zeros((p, m))
    n_swaps = 0
    while True:
        total = 0.0
        for i in range(n):
            a1, c1, c2 = -1, unserved[i], unserved[i]
            for k in range(start[i], start[i + 1]):
                s = slot[site[k]]
                if s < 0:
                    continue
                if a1 < 0:
                    a1, c1 = s, cost[k]
                else:
                    c2 = cost[k]
                    break
            total += c1
            if a1 == first[i] and c1 == d1[i] and c2 == d2[i]:
                continue
            # What the demand said before is taken back, and what it says now is added.
            for sign in (-1.0, 1.0):
                if sign > 0:
                    first[i], d1[i], d2[i] = a1, c1, c2
                at, near, next_ = first[i], d1[i], d2[i]
                if at == -2:
                    continue
                if at >= 0:
                    loss[at] += sign * (next_ - near)
                for k in range(start[i], start[i + 1]):
                    if cost[k] >= next_:
                        break
                    if cost[k] < near:
                        gain[site[k]] += sign * (near - cost[k])
                    if at >= 0:
                        extra[at, site[k]] += sign * (next_ - max(cost[k], near))
        best, take, drop = 1e-9 * total, -1, -1
        for j in range(m):
            if slot[j] >= 0 or not may_open[j]:
                continue
            for s in range(p):
                value = gain[j] - loss[s] + extra[s, j]
                out = opened[s]
                if value <= best or is_kept[out] or price[j] > left + price[out]:
                    continue
                if clash.shape[0] and n_clash[j] > int(clash[j, out]):
                    continue
                best, take, drop = value, j, s
        if take < 0:
            return n_swaps
        out = opened[drop]
        is_open[out], is_open[take] = False, True
        slot[out], slot[take] = -1, drop
        opened[drop] = take
        left += price[out] - price[take]
        if clash.shape[0]:
            for j in range(m):
                n_clash[j] += int(clash[j, take]) - int(clash[j, out])
        # The slot means another site now: its figures are made anew.
        loss[drop] = 0.0
        for j in range(m):
            extra[drop, j] = 0.0
        for i in range(n):
            if first[i] == drop:
                for k in range(start[i], start[i + 1]):
                    if cost[k] >= d1[i]:
                        break
                    gain[site[k]] -= d1[i] - cost[k]
                first[i] = -2
        n_swaps += 1


@njit(cache=True)
def worth_of_sites(
    start: IntArray, site: IntArray, cost: FloatArray, pays: FloatArray, worth: FloatArray
) -> None:
    """Sum over the demand what each site serves it cheaper by than it pays, below 0, in place."""
    for j in range(len(worth)):
        worth[j] = 0.0
    for i in range(len(pays)):
        for k in range(start[i], start[i + 1]):
            if cost[k] >= pays[i]:
                break
            worth[site[k]] += cost[k] - pays[i]


@njit(cache=True)
def times_served(  # noqa: PLR0917 - numba takes keywords badly
    start: IntArray,
    site: IntArray,
    cost: FloatArray,
    pays: FloatArray,
    share: FloatArray,
    served: FloatArray,
) -> None:
    """Count the open sites (in shares) that serve a demand below what it pays, in place."""
    for i in range(len(pays)):
        count = 0.0
        for k in range(start[i], start[i + 1]):
            if cost[k] >= pays[i]:
                break
            count += share[site[k]]
        served[i] = count
