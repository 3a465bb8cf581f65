"""Choosing sites that cover: greedy, interchange, Lagrangian bound, on CSR arrays.

A row is worth ``first`` times its weight once it is covered and ``second`` times more once
it is covered twice. ``row_ptr, row_sites`` lists the sites of each row, ``site_ptr,
site_rows`` the rows of each site, ``clash_ptr, clash_sites`` the sites that may not be
open beside a site.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geocn._typing import BoolArray, FloatArray, IntArray


@njit(cache=True)
def same_as(ptr: IntArray, items: IntArray, other: IntArray) -> BoolArray:
    """Say of each row whether it lists the same items as row ``other[i]``."""
    same = np.zeros(ptr.size - 1, np.bool_)
    for i in range(ptr.size - 1):
        a, b = ptr[i], ptr[other[i]]
        size = ptr[i + 1] - a
        alike = ptr[other[i] + 1] - b == size
        k = 0
        while alike and k < size:
            alike = items[a + k] == items[b + k]
            k += 1
        same[i] = alike
    return same


@njit(cache=True)
def dominated(  # noqa: PLR0917 - numba takes keywords badly
    row_ptr: IntArray,
    row_sites: IntArray,
    site_ptr: IntArray,
    site_rows: IntArray,
    cost: FloatArray,
    locked: BoolArray,
) -> BoolArray:
    """Mark sites whose rows another site serves as well at no more cost (the first of equals).

    ``locked`` sites are neither marked nor used to mark.
    """
    n_sites = site_ptr.size - 1
    drop = np.zeros(n_sites, np.bool_)
    for a in range(n_sites):
        start, end = site_ptr[a], site_ptr[a + 1]
        if locked[a]:
            continue
        if start == end:
            drop[a] = True
            continue
        rare = site_rows[start]
        for k in range(start, end):
            i = site_rows[k]
            if row_ptr[i + 1] - row_ptr[i] < row_ptr[rare + 1] - row_ptr[rare]:
                rare = i
        for q in range(row_ptr[rare], row_ptr[rare + 1]):
            b = row_sites[q]
            size = site_ptr[b + 1] - site_ptr[b]
            if b == a or drop[b] or locked[b] or cost[b] > cost[a] or size < end - start:
                continue
            if size == end - start and cost[b] == cost[a] and b > a:
                continue
            k, at = start, site_ptr[b]
            while k < end and at < site_ptr[b + 1] and site_rows[at] <= site_rows[k]:
                if site_rows[at] == site_rows[k]:
                    k += 1
                at += 1
            if k == end:
                drop[a] = True
                break
    return drop


@njit(cache=True)
def _toggle(  # noqa: PLR0917 - numba takes keywords badly
    j: int,
    sign: int,
    graph: tuple[IntArray, IntArray, IntArray, IntArray],
    clashes: tuple[IntArray, IntArray],
    weights: FloatArray,
    worth: FloatArray,
    cost: FloatArray,
    cover: IntArray,
    gain: FloatArray,
    shut: IntArray,
    ledger: FloatArray,
) -> None:
    """Open (+1) or close (-1) a site and keep cover, gains, what is shut, and the ledger.

    ``ledger`` is (value, money left, sites left to open).
    """
    row_ptr, row_sites, site_ptr, site_rows = graph
    for k in range(site_ptr[j], site_ptr[j + 1]):
        i = site_rows[k]
        low = min(cover[i], cover[i] + sign)
        cover[i] += sign
        if low > 1:
            continue
        ledger[0] += sign * worth[low] * weights[i]
        shift = sign * (worth[low + 1] - worth[low]) * weights[i]
        if shift != 0.0:
            for q in range(row_ptr[i], row_ptr[i + 1]):
                gain[row_sites[q]] += shift
    shut[j] += sign
    for k in range(clashes[0][j], clashes[0][j + 1]):
        shut[clashes[1][k]] += sign
    ledger[1] -= sign * cost[j]
    ledger[2] -= sign


@njit(cache=True)
def _best(
    gain: FloatArray, cost: FloatArray, shut: IntArray, ledger: FloatArray, by_ratio: bool
) -> int:
    """Return the site with the most gain (to the cost) that may be opened; -1 where none is."""
    best, pick = 1e-9, -1
    if ledger[2] < 1:
        return pick
    for j in range(gain.size):
        if shut[j] == 0 and cost[j] <= ledger[1]:
            value = gain[j] / max(cost[j], 1e-12) if by_ratio else gain[j]
            if value > best * (1 + 1e-12):
                best, pick = value, j
    return pick


@njit(cache=True)
def fill(  # noqa: PLR0917 - numba takes keywords badly
    wanted: IntArray,
    by_ratio: bool,
    graph: tuple[IntArray, IntArray, IntArray, IntArray],
    clashes: tuple[IntArray, IntArray],
    weights: FloatArray,
    worth: FloatArray,
    cost: FloatArray,
    cover: IntArray,
    gain: FloatArray,
    shut: IntArray,
    ledger: FloatArray,
    opened: IntArray,
) -> int:
    """Open each of ``wanted`` that may be, then the best site as long as one may be.

    ``opened`` receives the sites in order; their number is returned.
    """
    n_opened, at = 0, 0
    while True:
        if at < wanted.size:
            j = wanted[at]
            at += 1
            if shut[j] != 0 or cost[j] > ledger[1] or ledger[2] < 1:
                continue
        else:
            j = _best(gain, cost, shut, ledger, by_ratio)
            if j < 0:
                return n_opened
        _toggle(j, 1, graph, clashes, weights, worth, cost, cover, gain, shut, ledger)
        opened[n_opened] = j
        n_opened += 1


@njit(cache=True)
def toggle_all(  # noqa: PLR0917 - numba takes keywords badly
    sites: IntArray,
    sign: int,
    graph: tuple[IntArray, IntArray, IntArray, IntArray],
    clashes: tuple[IntArray, IntArray],
    weights: FloatArray,
    worth: FloatArray,
    cost: FloatArray,
    cover: IntArray,
    gain: FloatArray,
    shut: IntArray,
    ledger: FloatArray,
) -> None:
    """Open (+1) or close (-1) all of these sites, whatever the limits say."""
    for j in sites:
        _toggle(j, sign, graph, clashes, weights, worth, cost, cover, gain, shut, ledger)


@njit(cache=True)
def site_values(site_ptr: IntArray, site_rows: IntArray, prices: FloatArray) -> FloatArray:
    """Sum the prices of the rows of each site."""
    values = np.empty(site_ptr.size - 1)
    for j in range(values.size):
        total = 0.0
        for k in range(site_ptr[j], site_ptr[j + 1]):
            total += prices[site_rows[k]]
        values[j] = total
    return values


@njit(cache=True)
def row_slack(  # noqa: PLR0917 - numba takes keywords badly
    site_ptr: IntArray,
    site_rows: IntArray,
    weights: FloatArray,
    worth: FloatArray,
    prices: FloatArray,
    chosen: IntArray,
    share: FloatArray,
    slack: FloatArray,
) -> float:
    """Return what rows are worth at these prices; ``slack`` becomes cover bought less cover used.

    ``share`` of each of ``chosen`` sites is open.
    """
    bound = 0.0
    for i in range(weights.size):
        once = weights[i] * worth[0] - prices[i]
        twice = once + weights[i] * worth[1] - prices[i]
        slack[i] = 0.0
        if once > 0.0 and once >= twice:
            slack[i] = -1.0
            bound += once
        elif twice > 0.0:
            slack[i] = -2.0
            bound += twice
    for t in range(chosen.size):
        for k in range(site_ptr[chosen[t]], site_ptr[chosen[t] + 1]):
            slack[site_rows[k]] += share[t]
    return bound


@njit(cache=True)
def move_prices(
    prices: FloatArray,
    slack: FloatArray,
    direction: FloatArray,
    highest: FloatArray,
    distance: float,
) -> bool:
    """Take one deflected step (Camerini, Fratta & Maffioli) down; False where there is none.

    ``distance`` is the step's length times the squared length of the direction.
    """
    along, norm = 0.0, 0.0
    for i in range(prices.size):
        # A price at the end of its range cannot move beyond it: no step is wasted there.
        if prices[i] <= 0.0 and slack[i] > 0.0:
            slack[i] = 0.0
        along += slack[i] * direction[i]
        norm += direction[i] * direction[i]
    keep = -1.5 * along / norm if along < 0.0 and norm > 0.0 else 0.0
    norm = 0.0
    for i in range(prices.size):
        direction[i] = slack[i] + keep * direction[i]
        norm += direction[i] * direction[i]
    if norm == 0.0:
        return False
    for i in range(prices.size):
        prices[i] = min(highest[i], max(0.0, prices[i] - distance / norm * direction[i]))
    return True
