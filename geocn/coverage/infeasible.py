"""Why a siting cannot be met, and the least that would have to give way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_center import p_center
from geocn.coverage.locate_covering import maximal_covering, set_covering
from geocn.coverage.locate_distance import all_distances_km
from geocn.coverage.locate_input import given_costs, lonlat
from geocn.coverage.locate_problem import Limits, Problem, Solution
from geocn.coverage.locate_rules import Request
from geocn.errors import InfeasibleError, ParameterError

# Wall seconds that each question may take, and pairs that a question about distances may.
_SECONDS = 5.0
_MOST_PAIRS = 4_000_000
_SHOWN = 3
_DIGITS = 6


def explain(
    problem: Problem,
    demand: pd.DataFrame,
    candidates: pd.DataFrame,
    request: Request,
    reason: str,
) -> InfeasibleError:
    """Say what stands in the way of a siting: whom nobody reaches, and what would do.

    Names the demand that no permitted site reaches, the smallest threshold that works, the
    least number of sites and the cheapest budget at the threshold as it is, the groups that
    cannot be brought to their floor with the best share that each could have, and capacities
    that do not hold the demand. Each figure is proven, or given as a range where its search
    ran out of time (5 s each).

    Parameters
    ----------
    problem : Problem
        What cannot be met.
    demand, candidates : DataFrame
        The user's frames, for their labels and places.
    request : Request
        What was asked.
    reason : str
        What the solver found.
    """
    parts: list[str] = []
    if request.objective in ("p_median", "p_center", "weighted_p_center") or (
        request.objective == "set_covering" and problem.groups is None
    ):
        parts += _all_demand(problem, demand, candidates, request)
    elif problem.groups is not None:
        parts += _floors(problem, demand, request)
    if not parts:
        parts = [f"{reason}; look at what exists, is forbidden, or must be kept apart."]
    return InfeasibleError(f"{request.objective}: " + " ".join(parts))


def _all_demand(
    problem: Problem, demand: pd.DataFrame, candidates: pd.DataFrame, request: Request
) -> list[str]:
    pattern, allowed = problem.catchments(), ~problem.forbidden
    needed = np.ones(problem.n_demand, dtype=bool)
    if request.objective != "set_covering":
        needed = problem.weights > 0
    lost = needed & (pattern @ allowed.astype(np.float64) == 0)
    if lost.any():
        more = _reachable_at(problem, demand, candidates, request, lost)
        who = f"No permitted candidate reaches {_named(demand.index, lost)}"
        found = [f"{who}{_within(request)}{more}."]
        return found + _wider(problem, demand, candidates, request, np.flatnonzero(needed))
    rows = np.flatnonzero(needed)
    scenarios = None if problem.scenarios is None else problem.scenarios[:, rows]
    part = replace(
        problem, weights=problem.weights[rows], reach=pattern[rows], costs=None,
        groups=None, share_floor=0.0, scenarios=scenarios, risk="expected",
    )  # fmt: skip
    found = _too_little_room(part, demand.index[rows]) + _too_few(part, request)
    return found + _wider(problem, demand, candidates, request, rows)


def _within(request: Request) -> str:
    if request.threshold is None:
        return ""
    return f" within {request.threshold:g}{_unit(request)}"


def _unit(request: Request) -> str:
    return " km" if request.costs is None else ""


def _named(index: pd.Index, mask: BoolArray) -> str:
    labels = list(index[mask])
    first = ", ".join(str(label) for label in labels[:_SHOWN])
    rows = "row" if len(labels) == 1 else "rows"
    return f"{len(labels)} demand {rows} ({first}{', …' if len(labels) > _SHOWN else ''})"


def _up(value: float) -> str:
    """Write a number so that it is no less than it is."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    unit = 10.0 ** (_DIGITS - 1 - int(np.floor(np.log10(abs(value)))))
    # What is a whole number of units but for rounding is not pushed up by one.
    steps = value * unit
    near = round(steps)
    whole = near if near >= steps else np.ceil(steps)
    return f"{whole / unit:.12g}"


def _costs_of(
    demand: pd.DataFrame,
    candidates: pd.DataFrame,
    request: Request,
    rows: IntArray,
    allowed: BoolArray,
) -> FloatArray | None:
    """Costs of some rows at the permitted candidates, with no threshold; None if too many."""
    if len(rows) * int(allowed.sum()) > _MOST_PAIRS:
        return None
    if request.costs is None:
        here, there = lonlat(demand, "demand"), lonlat(candidates, "candidates")
        return all_distances_km(here[rows], there[allowed])
    costs = given_costs(demand, candidates, request.costs)
    if not isinstance(costs, csr_array):
        return np.asarray(costs[np.ix_(rows, np.flatnonzero(allowed))])
    at = costs[rows].tocoo()
    found = np.full((len(rows), len(allowed)), np.inf)
    found[at.coords] = at.data
    return found[:, allowed]


def _reachable_at(
    problem: Problem,
    demand: pd.DataFrame,
    candidates: pd.DataFrame,
    request: Request,
    lost: BoolArray,
) -> str:
    """Say from which threshold on each row has at least one site."""
    rows = np.flatnonzero(lost)
    costs = _costs_of(demand, candidates, request, rows, ~problem.forbidden)
    if request.threshold is None or costs is None:
        return ""
    nearest = costs.min(axis=1, initial=np.inf)
    nowhere = ~np.isfinite(nearest)
    if nowhere.any():
        return f", and {int(nowhere.sum())} of them not at any threshold: drop them"
    return (
        "; every row has a candidate from a threshold of "
        f"{_up(float(nearest.max()))}{_unit(request)} on"
    )


def _wider(
    problem: Problem,
    demand: pd.DataFrame,
    candidates: pd.DataFrame,
    request: Request,
    rows: IntArray,
) -> list[str]:
    """Say the smallest threshold at which the sites that may open suffice."""
    if request.threshold is None or (problem.p is None and problem.budget is None):
        return []
    everything = np.ones(problem.n_sites, dtype=bool)
    costs = _costs_of(demand, candidates, request, rows, everything)
    if costs is None:
        return []
    wider = replace(
        problem, weights=np.maximum(problem.weights[rows], 1e-9), reach=None, costs=costs,
        groups=None, share_floor=0.0, scenarios=None, scenario_weights=None, risk="expected",
    )  # fmt: skip
    try:
        found = p_center(wider, Limits(_SECONDS, 0.0))
    except (InfeasibleError, ParameterError):
        return []
    if found.objective <= request.threshold:
        return []
    smallest = _up(found.objective) + _unit(request)
    if found.status != "optimal":
        smallest += f" (no less than {found.bound:g} would)"
    return [f"All else the same, a threshold of {smallest} works."]


def _too_little_room(problem: Problem, index: pd.Index) -> list[str]:
    """Compare what the demand weighs with what the sites hold."""
    if problem.capacity is None:
        return []
    room = np.where(problem.forbidden, 0.0, problem.capacity)
    parts = []
    most = (problem.catchments().multiply(room[None, :])).tocsr().max(axis=1).toarray().ravel()
    heavy = problem.weights > most
    if heavy.any():
        parts.append(
            f"No candidate in reach holds {_named(index, heavy)}, and each row is served whole: "
            "split them, or raise capacities."
        )
    needed, held = float(problem.weights.sum()), float(room.sum())
    if needed > held:
        parts.append(f"The demand weighs {needed:g}, all permitted candidates hold {held:g}.")
    elif problem.p is not None:
        best = np.where(problem.existing, np.inf, room)
        chosen = np.argsort(-best, kind="stable")[: problem.p]
        if needed > (held := float(room[chosen].sum())):
            parts.append(f"The demand weighs {needed:g}, {problem.p} sites hold {held:g} at most.")
    return parts


def _too_few(problem: Problem, request: Request) -> list[str]:
    """Say the least number of sites, and the cheapest budget, that would do."""
    free = replace(problem, p=None, budget=None)
    ones = np.where(problem.existing, 0.0, 1.0)
    fewest = _solved(replace(free, site_cost=ones))
    if fewest is None:
        if len(problem.clashes) and _solved(
            replace(free, site_cost=ones, clashes=problem.clashes[:0])
        ):
            return ["The minimum separation stands in the way: without it, sites can be found."]
        return []
    parts = []
    n_kept = int(problem.existing.sum())
    if problem.p is not None and fewest.bound + n_kept > problem.p + 1e-6:
        least = int(np.ceil(fewest.bound - 1e-6)) + n_kept
        number = _range(least, round(fewest.objective) + n_kept)
        parts.append(f"p is {problem.p}; {number} sites are needed{_within(request)}.")
        free = replace(free, p=None)
    else:
        free = replace(free, p=problem.p)
    if problem.budget is not None:
        cheapest = _solved(free)
        if cheapest is not None and cheapest.bound > problem.budget * (1 + 1e-9):
            price = _up(cheapest.objective)
            if cheapest.status != "optimal":
                price = f"from {cheapest.bound:g} to {price}"
            among = "" if free.p is None else f" of at most {free.p} sites"
            parts.append(
                f"The budget is {problem.budget:g}; the cheapest choice{among} costs {price}."
            )
    return parts


def _range(low: int, high: int) -> str:
    return f"{high}" if low == high else f"{low} to {high}"


def _solved(problem: Problem) -> Solution | None:
    try:
        return set_covering(problem, Limits(_SECONDS, 0.0))
    except (InfeasibleError, ParameterError):
        return None


def _floors(problem: Problem, demand: pd.DataFrame, request: Request) -> list[str]:
    """Say which groups cannot be brought to the floor even if only they counted."""
    equity = request.rules.equity
    if problem.groups is None or equity is None:
        return []
    column, floor = equity
    names = pd.factorize(demand[column], use_na_sentinel=False)[1]
    parts = []
    for group, name in enumerate(names):
        weights = np.where(problem.groups == group, problem.weights, 0.0)
        total = float(weights.sum())
        alone = replace(
            problem, weights=weights, groups=None, share_floor=0.0,
            scenarios=None, scenario_weights=None, risk="expected",
        )  # fmt: skip
        try:
            best = maximal_covering(alone, Limits(_SECONDS, 0.0)).bound if total > 0 else 0.0
        except (InfeasibleError, ParameterError):
            continue
        if best < floor * total * (1 - 1e-9):
            near = problem.catchments() @ (~problem.forbidden).astype(np.float64) > 0
            most = float(weights[near].sum()) / total
            parts.append(
                f"At most {best / total:.1%} of {column} {name} can be covered"
                f"{_within(request)}, and {most:.1%} by all permitted candidates; the floor is "
                f"{floor:.1%}."
            )
    if not parts:
        parts.append(
            f"Each {column} alone can be brought to the floor of {floor:.1%}, not all at once."
        )
    return parts + _too_few(problem, request)
