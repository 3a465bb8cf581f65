"""Where to open sites: one door to all objectives, each answer with a proof of how good it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from geocn._typing import IntArray
from geocn.coverage.infeasible import explain
from geocn.coverage.locate_center import p_center, weighted_p_center
from geocn.coverage.locate_covering import backup_cover, maximal_covering, set_covering
from geocn.coverage.locate_input import lonlat, make_problem
from geocn.coverage.locate_median import p_median
from geocn.coverage.locate_problem import Limits, Problem, Solution
from geocn.coverage.locate_result import Siting
from geocn.coverage.locate_rules import Chosen, Costs, Request, SitingRules
from geocn.errors import InfeasibleError, ParameterError
from geocn.provenance import attach
from geocn.spatial.geodesy import distance_m

Solver = Callable[[Problem, Limits], Solution]

#: One line an objective.
_SOLVERS: dict[str, Solver] = {
    "maximal_covering": maximal_covering,
    "set_covering": set_covering,
    "backup_cover": backup_cover,
    "p_median": p_median,
    "p_center": p_center,
    "weighted_p_center": weighted_p_center,
}
# Their answer is made of what serving costs, not of who is within reach.
_BY_COST = ("p_median", "p_center", "weighted_p_center")


def locate(
    demand: pd.DataFrame,
    candidates: pd.DataFrame,
    *,
    objective: str = "maximal_covering",
    p: int | None = None,
    budget: float | None = None,
    threshold: float | None = None,
    costs: Costs = None,
    weight: str | None = None,
    site_cost: str | None = None,
    existing: Chosen = None,
    forbidden: Chosen = None,
    rules: SitingRules | None = None,
    time_limit_s: float = 60.0,
    gap: float = 1e-4,
) -> Siting:
    """Choose the sites that do most good, and say how much better any other choice could be.

    Demand rows are covered by the open sites within ``threshold`` of them. Maximal covering
    (Church & ReVelle 1974) makes the covered weight as great as possible; set covering
    (Toregas et al. 1971) covers every row at the least cost of what has to be opened;
    backup cover (Hogan & ReVelle 1986, BACOP2) makes ``(1 - s)`` times the weight covered
    once plus ``s`` times the weight covered twice as great as possible. The p-median serves
    all demand at the least total of weight × cost, the p-centre with the least cost of the
    row that is served worst (its weight × cost, ``weighted_p_center``). Rows with the same
    catchment are merged and dominated candidates dropped; greedy choice, interchange and a
    Lagrangian bound (Galvão & ReVelle 1996) give an answer and a proof, and HiGHS closes
    what is left between them.

    Parameters
    ----------
    demand : GeoDataFrame or DataFrame
        One row a place with need. Points in any CRS (lines and areas stand at a point on
        them), or any frame where ``costs`` is given. A row without a place reaches nobody.
    candidates : GeoDataFrame or DataFrame
        Places where a site could stand; their labels name them in the answer. Of two
        candidates that do the same the first is taken.
    objective : str
        ``maximal_covering``, ``set_covering``, ``backup_cover``, ``p_median``, ``p_center``
        or ``weighted_p_center``.
    p : int, optional
        Most sites that may be open, those that exist included.
    budget : float, optional
        Most that may be spent, in the unit of ``site_cost``.
    threshold : float, optional
        How far a site serves: geodesic km, or the unit of ``costs``; the limit included.
    costs : (n, m) array, sparse matrix or DataFrame, optional
        What it costs each candidate to serve each demand row, in place of geometry. Missing
        or infinite (in a sparse matrix, absent) where it cannot. A DataFrame is read by its
        labels.
    weight : str, optional
        Column of demand with people and the like; 1 a row without one.
    site_cost : str, optional
        Column of candidates with the cost of opening; 1 without one. Sites that exist are
        free, unless ``rules`` charge them.
    existing, forbidden : str or sequence, optional
        Sites that are always, and never, open: a column of true and false, or labels.
    rules : SitingRules, optional
        Capacities, separation, equity, scenarios, and what a second cover counts.
    time_limit_s : float
        Seconds after which the best answer so far is given, with its bound. Ctrl-C does
        the same at once. An answer cut off by the clock may differ from run to run.
    gap : float
        Relative gap that is good enough; 0 asks for the optimum.

    Returns
    -------
    Siting
        With ``selected``, ``assignment``, ``objective``, ``bound``, ``gap``,
        ``marginal_gain``, ``uncovered`` and ``unreachable``.

    Raises
    ------
    ParameterError
        Where options are missing, out of range or contradict one another.
    SchemaError
        Where a weight, cost or capacity is missing or negative, a label unknown or repeated.
    GeometryError
        Where a candidate has no place.
    CRSError, CoordinateError
        Where a frame has no CRS, or coordinates lie nowhere on Earth.
    InfeasibleError
        Where no choice keeps to what was asked; the message says what stands in the way.

    References
    ----------
    Church & ReVelle 1974, doi:10.1007/BF01942293; Toregas, Swain, ReVelle & Bergman 1971,
    doi:10.1287/opre.19.6.1363; Hogan & ReVelle 1986, doi:10.1287/mnsc.32.11.1434; Galvão &
    ReVelle 1996, doi:10.1016/0377-2217(94)00159-6.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> villages = gpd.GeoDataFrame(
    ...     {"people": [300, 100, 250]},
    ...     geometry=shapely.points([-77.0, -76.9, -70.0], [1, 1, 1]),
    ...     crs="EPSG:4326",
    ... )
    >>> places = villages[["geometry"]].set_axis(["A", "B", "C"])
    >>> found = locate(villages, places, p=1, threshold=20, weight="people")
    >>> found.selected, found.objective, found.status
    (['A'], 400.0, 'optimal')
    """
    if objective not in _SOLVERS:
        raise ParameterError(f"objective is {objective!r}; choose one of {', '.join(_SOLVERS)}")
    if not time_limit_s > 0 or not gap >= 0:
        raise ParameterError(f"time_limit_s is {time_limit_s} and gap is {gap}; both are positive")
    limits = Limits(time_limit_s, gap)
    request = Request(
        objective, p, budget, threshold, costs, weight, site_cost, existing, forbidden,
        rules or SitingRules(),
    )  # fmt: skip
    problem = make_problem(demand, candidates, request, measures_costs=objective in _BY_COST)
    try:
        solution = _SOLVERS[objective](problem, limits)
    except InfeasibleError as error:
        raise explain(problem, demand, candidates, request, str(error)) from error
    if objective not in _BY_COST and problem.capacity is None:
        solution = replace(solution, assigned=_nearest(demand, candidates, problem, solution))
    options = vars(request) | {
        "rules": asdict(request.rules), "time_limit_s": time_limit_s, "gap": gap
    }  # fmt: skip
    return _siting(demand, candidates, problem, solution, options)


def _nearest(
    demand: pd.DataFrame, candidates: pd.DataFrame, problem: Problem, solution: Solution
) -> IntArray:
    """Give each covered row to the open site that serves it at the least cost or distance."""
    open_ = np.zeros(problem.n_sites, dtype=bool)
    open_[solution.chosen] = True
    pattern = problem.catchments()
    row = np.repeat(np.arange(problem.n_demand), np.diff(pattern.indptr))
    kept = open_[pattern.indices]
    row, site = row[kept], pattern.indices[kept].astype(np.int64)
    if isinstance(problem.costs, csr_array):
        far = problem.costs.data[kept]
    elif problem.costs is not None:
        far = problem.costs[row, site]
    else:
        a, b = lonlat(demand, "demand")[row], lonlat(candidates, "candidates")[site]
        far = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    order = np.lexsort((site, far, row))
    row, site = row[order], site[order]
    begins = np.diff(row, prepend=-1) != 0
    assigned = np.full(problem.n_demand, -1, dtype=np.int64)
    assigned[row[begins]] = site[begins]
    return assigned


def _siting(
    demand: pd.DataFrame,
    candidates: pd.DataFrame,
    problem: Problem,
    solution: Solution,
    options: dict[str, Any],
) -> Siting:
    pattern = problem.catchments()
    open_ = np.zeros(problem.n_sites)
    open_[solution.chosen] = 1
    labels = candidates.index.to_numpy(dtype=object)
    served = solution.assigned >= 0
    rows = demand.copy()
    site = np.full(len(demand), None, dtype=object)
    site[served] = labels[solution.assigned[served]]
    rows["site"] = pd.Series(site, index=rows.index, dtype=object)
    rows["covered"] = served
    rows["n_sites"] = (pattern @ open_).astype(np.int64)
    record = options | {
        "crs": getattr(demand, "crs", None),
        "status": solution.status,
        "n_demand": problem.n_demand,
        "n_candidates": problem.n_sites,
    }
    reachable = pattern @ (~problem.forbidden).astype(np.float64) > 0
    return Siting(
        selected=list(labels[solution.chosen]),
        objective=float(solution.objective),
        bound=float(solution.bound),
        status=solution.status,
        demand=attach(rows, "coverage.locate", **record),
        sites=attach(_sites(candidates, problem, solution), "coverage.locate", **record),
        marginal_gain=attach(
            _gains(labels[solution.chosen], solution), "coverage.locate", **record
        ),
        uncovered=list(demand.index[~served]),
        unreachable=list(demand.index[~reachable]),
    )


def _sites(candidates: pd.DataFrame, problem: Problem, solution: Solution) -> pd.DataFrame:
    chosen: IntArray = solution.chosen
    served = solution.assigned >= 0
    load = np.bincount(
        solution.assigned[served], problem.weights[served], minlength=problem.n_sites
    ).astype(np.float64)
    sites = candidates.iloc[chosen].copy()
    sites["order"] = np.arange(1, len(chosen) + 1)
    sites["served_weight"] = load[chosen]
    sites["is_existing"] = problem.existing[chosen]
    return sites


def _gains(labels: Any, solution: Solution) -> pd.DataFrame:
    cumulative = np.cumsum(solution.gains)
    last = cumulative[-1] if len(cumulative) else 0.0
    share = cumulative / last if last else np.full(len(cumulative), np.nan)
    return pd.DataFrame(
        {"gain": solution.gains, "cumulative": cumulative, "share": share},
        index=pd.Index(labels, name="site", dtype=object),
    )
