"""Self-exciting point process: events that bring further events near them soon after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocn._kernels.self_exciting import fit
from geocn._typing import FloatArray
from geocn.hotspots import knox

_ROUNDS = 500
# Pairs further apart than this many bandwidths neither trigger nor smooth.
_REACH = 3.0
_FIRST_SHARE, _FIRST_DAYS = 0.3, 14.0
# Beyond a tenth of the observation, or half the background's bandwidth, a neighbourhood of
# events cannot be told from a background that is uneven.
_LONGEST, _WIDEST = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class SelfExciting:
    """A fitted process.

    Attributes
    ----------
    offspring : float
        Expected number of events that one event brings directly, below 1.
    decay_days : float
        Mean time until they come.
    spread_m : float
        Standard deviation of their displacement along an axis.
    background : (n,) array
        Probability of each event to have come by itself.
    steps : int
        Taken by the fit.
    """

    offspring: float
    decay_days: float
    spread_m: float
    background: FloatArray
    steps: int


def fit_self_exciting(
    xy: FloatArray, day: FloatArray, *, length_days: float, bandwidth_m: float
) -> SelfExciting:
    r"""Fit a self-exciting process by expectation and maximisation.

    .. math:: \lambda(t, s) = \frac 1T \sum_j b_j K_h(s - s_j)
              + \sum_{t_i < t} \theta \omega e^{-\omega (t - t_i)} K_\sigma(s - s_i)

    with Gaussian K, and b the probabilities to belong to the background. An event does not
    support its own background. What the end of the observation cuts off is accounted for.
    Decay is kept below a tenth of the observation and spread below half the background's
    bandwidth: what is slower or wider is background.

    Parameters
    ----------
    xy : (n, 2) array
        Metres.
    day : (n,) array
        Days since the beginning of the observation.
    length_days : float
        Length of the observation.
    bandwidth_m : float
        Bandwidth of the background; pairs beyond three of it are not looked at.

    Raises
    ------
    ParameterError
        Where more than 100 million pairs are that close.

    References
    ----------
    Mohler et al. 2011, doi:10.1198/jasa.2011.ap09546; Veen & Schoenberg 2008,
    doi:10.1198/016214508000000148.

    Examples
    --------
    >>> found = fit_self_exciting(np.zeros((0, 2)), np.zeros(0), length_days=9, bandwidth_m=1)
    >>> found.offspring
    0.0
    """
    reach = _REACH * bandwidth_m
    near = knox.close(xy, np.array([0.0, reach]), straight=True)
    one, other = near.order[near.first], near.order[near.second]
    if not len(one):
        return SelfExciting(0.0, _FIRST_DAYS, bandwidth_m / 3, np.ones(len(xy)), 0)
    early = np.where(day[one] <= day[other], one, other)
    late = one + other - early
    d2 = ((xy[late] - xy[early]) ** 2).sum(axis=1)
    # The kernel is cut off, and holds one nevertheless.
    held = 2 * np.pi * bandwidth_m**2 * (1 - np.exp(-(_REACH**2) / 2))
    smooth = np.exp(-d2 / (2 * bandwidth_m**2)) / held
    most_days = _LONGEST * length_days
    first = np.array([_FIRST_SHARE, 1 / min(_FIRST_DAYS, most_days), (bandwidth_m / 3) ** 2])
    found, background, steps = fit(
        early,
        late,
        day[late] - day[early],
        d2,
        smooth,
        length_days - day,
        length_days,
        first,
        1 / most_days,
        (_WIDEST * bandwidth_m) ** 2,
        _ROUNDS,
    )
    theta, omega, sigma2 = (float(value) for value in found)
    return SelfExciting(theta, 1 / omega, float(np.sqrt(sigma2)), background, int(steps))


def expected_counts(
    background: FloatArray, excited: FloatArray, process: SelfExciting, horizon_days: float
) -> FloatArray:
    r"""Events to expect in each cell within the horizon, those of coming events included.

    The mean of an exponential process follows :math:`R' = \mu - \omega (1 - \theta) R` with
    intensity :math:`\mu + \theta \omega R`; events stay in their cell here but for the
    displacement of the next generation.

    Parameters
    ----------
    background : (c,) array
        Background events a day.
    excited : (c,) array
        Sum of :math:`e^{-\omega (t - t_i)}` of past events, displaced.
    """
    omega, theta = 1 / process.decay_days, process.offspring
    rate = omega * (1 - theta)
    settled = background / rate
    left = (excited - settled) * -np.expm1(-rate * horizon_days) / rate
    kindled = theta * omega * (settled * horizon_days + left)
    expected: FloatArray = background * horizon_days + kindled
    return expected
