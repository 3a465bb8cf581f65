"""A siting problem on plain arrays, what a solver may spend on it, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Literal, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray, IntArray

Status: TypeAlias = Literal["optimal", "gap reached", "time limit", "interrupted"]
Risk: TypeAlias = Literal["expected", "minimax", "cvar"]


@dataclass(frozen=True)
class Problem:
    """One demand row ``i``, one candidate site ``j``.

    Parameters
    ----------
    weights : (n,) array
        What each demand row weighs, 0 or more.
    reach : (n, m) csr_array, optional
        An entry where ``j`` can serve ``i``; indices sorted. None where only ``costs`` say so.
    costs : (n, m) csr_array or array, optional
        What it costs ``j`` to serve ``i``, in km or in the unit of the user's matrix. In a
        sparse matrix what is absent, in a dense one what is infinite, cannot be served.
    site_cost : (m,) array
        What opening costs; 1 where only their number counts, 0 for what exists already.
    p, budget : int, float, optional
        Most sites that may be open, those that exist included, and most that may be spent.
    existing, forbidden : (m,) boolean arrays
        Sites that are always, and never, open.
    capacity : (m,) array, optional
        Weight that each site can serve; a demand row is then served by one site, whole.
    clashes : (k, 2) array
        Pairs of candidates, ``a < b``, that may not both be open.
    groups : (n,) integer array, optional
        Group of each demand row, from 0; at least ``share_floor`` of the weight of each
        group must be covered.
    scenarios : (s, n) array, optional
        Weights by scenario; ``scenario_weights`` (s,) are their probabilities.
    risk : {"expected", "minimax", "cvar"}
        What is made best: the mean over the scenarios, the worst one, or the mean of the
        worst ``1 - cvar_level`` of them.
    second_cover : float
        Backup cover: share of the objective that the second cover counts.
    """

    weights: FloatArray
    reach: csr_array | None
    costs: csr_array | FloatArray | None
    site_cost: FloatArray
    existing: BoolArray
    forbidden: BoolArray
    clashes: IntArray
    p: int | None = None
    budget: float | None = None
    capacity: FloatArray | None = None
    groups: IntArray | None = None
    share_floor: float = 0.0
    scenarios: FloatArray | None = None
    scenario_weights: FloatArray | None = None
    risk: Risk = "expected"
    cvar_level: float = 0.9
    second_cover: float = 0.5

    @property
    def n_demand(self) -> int:
        """Number of demand rows."""
        return len(self.weights)

    @property
    def n_sites(self) -> int:
        """Number of candidates."""
        return len(self.site_cost)

    def catchments(self) -> csr_array:
        """Return the (n, m) pattern of who can serve whom, forbidden sites included."""
        if self.reach is not None:
            return self.reach
        if isinstance(self.costs, csr_array):
            return csr_array(
                (np.ones(self.costs.nnz, dtype=np.int8), self.costs.indices, self.costs.indptr),
                shape=self.costs.shape,
            )
        dense = np.zeros((self.n_demand, self.n_sites)) if self.costs is None else self.costs
        return csr_array(np.isfinite(dense).astype(np.int8))

    def is_affordable(self, chosen: IntArray) -> bool:
        """Say whether these sites keep to number, budget, separation, existing and forbidden."""
        open_ = np.zeros(self.n_sites, dtype=bool)
        open_[chosen] = True
        spent = float(self.site_cost[open_].sum())
        return bool(
            (self.p is None or open_.sum() <= self.p)
            and (self.budget is None or spent <= self.budget * (1 + 1e-9) + 1e-9)
            and not (open_ & self.forbidden).any()
            and not (~open_ & self.existing).any()
            and not (open_[self.clashes[:, 0]] & open_[self.clashes[:, 1]]).any()
        )


class Limits:
    """What a solver may spend: it ends at ``time_limit_s`` or once ``gap`` is proven.

    Parameters
    ----------
    time_limit_s : float
        Seconds of wall clock from now; the best answer by then is given, with its bound.
    gap : float
        ``|bound - objective| / max(|bound|, |objective|)`` that is good enough.
    """

    def __init__(self, time_limit_s: float, gap: float) -> None:
        self.time_limit_s, self.gap = time_limit_s, gap
        self._end = monotonic() + time_limit_s

    def left_s(self) -> float:
        """Seconds that are left, 0 or more."""
        return max(self._end - monotonic(), 0.0)


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    Parameters
    ----------
    chosen : (k,) integer array
        Candidates that are open, in order of marginal gain; existing ones first.
    assigned : (n,) integer array
        The candidate that serves each demand row, -1 where nobody does.
    objective, bound : float
        Value of ``chosen``, and the best value that any choice could have.
    status : str
        ``optimal``, ``gap reached``, ``time limit`` or ``interrupted``.
    gains : (k,) array
        What each of ``chosen`` adds to the ones before it, in the objective's unit.
    """

    chosen: IntArray
    assigned: IntArray
    objective: float
    bound: float
    status: Status
    gains: FloatArray

    @property
    def gap(self) -> float:
        """Distance of objective and bound, as a share of the greater; 0 at the optimum."""
        return relative_gap(self.objective, self.bound)


def relative_gap(objective: float, bound: float) -> float:
    """Return ``|bound - objective| / max(|bound|, |objective|)``; 0 where both are 0."""
    most = max(abs(objective), abs(bound))
    return abs(bound - objective) / most if most > 0 else 0.0


def status_of(
    objective: float, bound: float, *, stopped: Status | None = None, tolerance: float = 1e-9
) -> Status:
    """Say how a search ended; ``stopped`` is why it did not run on, where it did not."""
    if relative_gap(objective, bound) <= tolerance:
        return "optimal"
    return stopped or "gap reached"
