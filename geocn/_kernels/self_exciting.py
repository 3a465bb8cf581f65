"""Self-exciting point processes and kernels over cells, on plain arrays."""

from __future__ import annotations

from math import exp, pi

import numpy as np
from numba import njit

from geocn._typing import AnyArray, FloatArray

# Beyond this many bandwidths a Gaussian has 4e-6 of its mass.
_REACH2 = 25.0


@njit(cache=True)
def spread_on_cells(  # noqa: PLR0917 - numba takes keywords badly
    cells: FloatArray,
    area: FloatArray,
    xy: FloatArray,
    own: AnyArray,
    weight: FloatArray,
    bandwidth: float,
) -> FloatArray:
    """Share the weight of each point among cells, by a Gaussian at their centres.

    Parameters
    ----------
    cells : (c, 2) array
        Centres, ordered by x.
    area : (c,) array
        Their areas.
    xy : (n, 2) array
        Points.
    own : (n,) integer array
        The cell each lies in, which takes all where no centre is within reach.
    weight : (n,) array
        What to share; nothing is lost.
    bandwidth : float
        Standard deviation along an axis.

    Returns
    -------
    (c,) array
    """
    out = np.zeros(area.size)
    share = np.empty(area.size)
    reach = np.sqrt(_REACH2) * bandwidth
    x = cells[:, 0].copy()
    for i in range(weight.size):
        begin = np.searchsorted(x, xy[i, 0] - reach)
        end = begin
        total = 0.0
        while end < x.size and x[end] <= xy[i, 0] + reach:
            d2 = (x[end] - xy[i, 0]) ** 2 + (cells[end, 1] - xy[i, 1]) ** 2
            u2 = d2 / (bandwidth * bandwidth)
            share[end] = area[end] * exp(-u2 / 2) if u2 <= _REACH2 else 0.0
            total += share[end]
            end += 1
        if total > 0:
            for c in range(begin, end):
                out[c] += weight[i] * share[c] / total
        else:
            out[own[i]] += weight[i]
    return out


@njit(cache=True)
def fit(  # noqa: PLR0917 - numba takes keywords badly
    early: AnyArray,
    late: AnyArray,
    lag: FloatArray,
    d2: FloatArray,
    smooth: FloatArray,
    age: FloatArray,
    length: float,
    first: FloatArray,
    least_decay: float,
    most_spread2: float,
    rounds: int,
) -> tuple[FloatArray, FloatArray, int]:
    """Fit branching share, decay and spread by expectation and maximisation.

    Parameters
    ----------
    early, late : (m,) integer arrays
        Pairs of events, the earlier one first.
    lag, d2 : (m,) arrays
        Time between them, and squared distance. Pairs at one instant do not trigger.
    smooth : (m,) array
        Background kernel at that distance.
    age : (n,) array
        Time from each event to the end of the observation.
    length : float
        Duration of the observation.
    first : (3,) array
        Where to begin: expected offspring, rate of decay, squared spread along an axis.
    least_decay, most_spread2 : float
        Slower or wider is background.
    rounds : int
        Most steps.

    Returns
    -------
    parameters : (3,) array
    background : (n,) array
        Probability of each event to belong to the background.
    steps : int
        Taken until nothing moved by more than one part in 10^4; ``rounds`` where it did.
    """
    theta, omega, sigma2 = first[0], first[1], first[2]
    n = age.size
    base, kindled, rate = np.empty(n), np.empty(n), np.zeros(lag.size)
    background = np.full(n, 0.5)
    for step in range(rounds):
        for i in range(n):
            base[i] = 0.0
            kindled[i] = 0.0
        peak = theta * omega / (2 * pi * sigma2)
        for m in range(lag.size):
            base[late[m]] += background[early[m]] * smooth[m] / length
            base[early[m]] += background[late[m]] * smooth[m] / length
            if lag[m] > 0:
                rate[m] = peak * exp(-omega * lag[m] - d2[m] / (2 * sigma2))
                kindled[late[m]] += rate[m]
        born, waited, moved = 0.0, 0.0, 0.0
        for m in range(lag.size):
            if rate[m] > 0:
                p = rate[m] / (base[late[m]] + kindled[late[m]])
                born += p
                waited += p * lag[m]
                moved += p * d2[m]
        for i in range(n):
            both = base[i] + kindled[i]
            background[i] = base[i] / both if both > 0 else 1.0
        before = theta, omega, sigma2
        if born < 1e-9:
            return np.array([0.0, omega, sigma2]), np.ones(n), step + 1
        seen, unseen = 0.0, 0.0
        for i in range(n):
            gone = exp(-omega * age[i])
            seen += 1 - gone
            unseen += age[i] * gone
        theta = min(born / seen, 0.99) if seen > 0 else 0.0
        omega = max(born / max(waited + theta * unseen, 1e-12), least_decay)
        sigma2 = min(max(moved / (2 * born), 1e-6), most_spread2)
        change = max(
            abs(theta / before[0] - 1), abs(omega / before[1] - 1), abs(sigma2 / before[2] - 1)
        )
        if change < 1e-4:
            return np.array([theta, omega, sigma2]), background, step + 1
    return np.array([theta, omega, sigma2]), background, rounds
