"""Covering as rows for HiGHS: every objective with every rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geocn._typing import FloatArray, IntArray
from geocn.coverage._highs import Programme
from geocn.coverage.locate_net import Net
from geocn.coverage.locate_problem import Problem
from geocn.coverage.locate_rows import Rows


@dataclass(frozen=True)
class Model:
    """A programme and where its variables stand.

    Parameters
    ----------
    programme : Programme
    open : (k,) array
        Variable of each site of the net.
    pairs : (row, site, variable), optional
        With capacities: the variable that says whether a site serves a row.
    """

    programme: Programme
    open: IntArray
    pairs: tuple[IntArray, IntArray, IntArray] | None


@dataclass(frozen=True)
class Aim:
    """What covering is worth: ``first`` and ``second`` cover, or ``all_rows`` at least cost."""

    first: float
    second: float
    all_rows: bool = False


def build(problem: Problem, net: Net, aim: Aim) -> Model:
    """State the problem on a net.

    ``y`` opens a site, ``z`` covers a row once and ``u`` twice, ``x`` has a site serve a row:
    ``z + u <= sum of y`` (or ``= sum of x``, ``x <= y``, ``weight @ x <= capacity * y``).
    """
    rows = Rows(maximise=not aim.all_rows)
    open_ = rows.variables(
        len(net.sites),
        cost=net.cost if aim.all_rows else 0.0,
        lower=net.forced.astype(float),
        integer=True,
    )
    _limits(rows, problem, net, open_)
    weights = net.merged(problem.weights)
    whole = aim.all_rows and problem.groups is None
    once, twice = _cover(rows, problem, net, aim, whole=whole)
    pairs = None
    if problem.capacity is not None:
        pairs = _serve(rows, problem, net, open_, (once, twice))
    else:
        row = np.repeat(np.arange(net.n_rows), np.diff(net.pattern.indptr))
        each = np.arange(net.n_rows)
        blocks = [(row, open_[net.pattern.indices], 1.0)]
        blocks += [(each, number, -1.0) for number in (once, twice) if len(number)]
        rows.add(net.n_rows, *blocks, lower=0.0 if len(once) else 1.0)
    _floors(rows, problem, net, once, weights)
    if not aim.all_rows and problem.scenarios is not None and problem.risk != "expected":
        _risk(rows, problem, net, aim, (once, twice))
    return Model(rows.programme(), open_, pairs)


def _limits(rows: Rows, problem: Problem, net: Net, open_: IntArray) -> None:
    if problem.p is not None:
        rows.total((open_, 1.0), upper=float(problem.p))
    if problem.budget is not None:
        rows.total((open_, net.cost), upper=problem.budget)
    if len(net.clashes):
        each = np.arange(len(net.clashes))
        rows.add(
            len(each),
            (each, open_[net.clashes[:, 0]], 1.0),
            (each, open_[net.clashes[:, 1]], 1.0),
            upper=1.0,
        )


def _cover(
    rows: Rows, problem: Problem, net: Net, aim: Aim, *, whole: bool
) -> tuple[IntArray, IntArray]:
    """Add ``z`` and ``u``, or nothing where every row must be covered and any site will do."""
    weights = net.merged(problem.weights)
    nothing = np.empty(0, dtype=np.int64)
    if whole and problem.capacity is None:
        return nothing, nothing
    counted = 0.0 if aim.all_rows or problem.risk != "expected" else 1.0
    once = rows.variables(
        net.n_rows, cost=counted * aim.first * weights, lower=1.0 if whole else 0.0
    )
    if not aim.second:
        return once, nothing
    # Where the second cover counts more, half of each would beat the whole of the first.
    more = aim.second > aim.first
    twice = rows.variables(net.n_rows, cost=counted * aim.second * weights, integer=more)
    if more:
        each = np.arange(net.n_rows)
        rows.add(net.n_rows, (each, twice, 1.0), (each, once, -1.0), upper=0.0)
    return once, twice


def _serve(
    rows: Rows, problem: Problem, net: Net, open_: IntArray, covers: tuple[IntArray, IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """Add ``x``: each row is served by one site (two where a second cover counts), whole."""
    capacity = np.zeros(0) if problem.capacity is None else problem.capacity[net.sites]
    row = np.repeat(np.arange(net.n_rows), np.diff(net.pattern.indptr))
    site = net.pattern.indices.astype(np.int64)
    served = rows.variables(len(row), integer=True)
    each = np.arange(len(row))
    rows.add(len(row), (each, served, 1.0), (each, open_[site], -1.0), upper=0.0)
    blocks = [(row, served, 1.0)]
    blocks += [(np.arange(net.n_rows), part, -1.0) for part in covers if len(part)]
    rows.add(net.n_rows, *blocks, lower=0.0, upper=0.0)
    for weights in loads(problem):
        rows.add(
            len(net.sites),
            (site, served, net.merged(weights)[row]),
            (np.arange(len(net.sites)), open_, -capacity),
            upper=0.0,
        )
    return row, site, served


def loads(problem: Problem) -> list[FloatArray]:
    """Weights that sites must be able to carry: those of every scenario."""
    if problem.scenarios is None:
        return [problem.weights]
    return list(problem.scenarios)


def _floors(rows: Rows, problem: Problem, net: Net, once: IntArray, weights: FloatArray) -> None:
    if problem.groups is None:
        return
    asked = floors(problem)
    group = np.zeros(net.n_rows, dtype=np.int64)
    known = net.member >= 0
    group[net.member[known]] = problem.groups[known]
    rows.add(len(asked), (group, once, weights), lower=asked)


def floors(problem: Problem) -> FloatArray:
    """Weight of each group that must be covered, less what rounding could take away."""
    groups = np.zeros(0, dtype=np.int64) if problem.groups is None else problem.groups
    total = np.bincount(groups, problem.weights).astype(np.float64)
    return np.asarray(total * (problem.share_floor * (1 - 1e-9)), dtype=np.float64)


def _risk(
    rows: Rows, problem: Problem, net: Net, aim: Aim, covers: tuple[IntArray, IntArray]
) -> None:
    """Make the worst scenario best, or the mean of the worst (Rockafellar & Uryasev 2000)."""
    scenarios = np.zeros((0, 0)) if problem.scenarios is None else problem.scenarios
    chance = np.zeros(0) if problem.scenario_weights is None else problem.scenario_weights
    once, twice = covers
    level = rows.variables(1, cost=1.0, lower=-np.inf, upper=np.inf)
    short = np.empty(0, dtype=np.int64)
    if problem.risk == "cvar":
        short = rows.variables(
            len(chance), cost=-chance / (1 - problem.cvar_level), lower=0.0, upper=np.inf
        )
    for number, weights in enumerate(scenarios):
        merged = net.merged(weights)
        blocks: list[tuple[IntArray, FloatArray | float]] = [(level, -1.0)]
        blocks.append((once, aim.first * merged))
        if len(twice):
            blocks.append((twice, aim.second * merged))
        if len(short):
            blocks.append((short[number : number + 1], 1.0))
        rows.total(*blocks, lower=0.0)
