"""Mixed-integer programmes in rows, given to HiGHS without a modelling layer.

One thread and a fixed seed, so that the same rows give the same answer. The search ends at
its time limit, at a gap, or at Ctrl-C, and hands over the best answer so far with its bound.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray, IntArray

Ending = Literal["optimal", "gap", "time limit", "interrupted", "infeasible"]
_POLL_S = 0.02


@dataclass(frozen=True)
class Programme:
    """Minimise or maximise ``cost @ x`` with ``row_lower <= rows @ x <= row_upper``.

    Parameters
    ----------
    cost, lower, upper : (v,) arrays
        Objective and bounds of each variable.
    integer : (v,) boolean array
    rows : (r, v) csr_array
    row_lower, row_upper : (r,) arrays
        ``-inf`` and ``inf`` where a side is open.
    maximise : bool
    offset : float
        Added to the objective.
    """

    cost: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: BoolArray
    rows: csr_array
    row_lower: FloatArray
    row_upper: FloatArray
    maximise: bool
    offset: float = 0.0


@dataclass(frozen=True)
class Solved:
    """``values`` is None where no answer was found; ``bound`` is proven all the same."""

    values: FloatArray | None
    objective: float
    bound: float
    ending: Ending


def solve(
    programme: Programme,
    *,
    time_limit_s: float,
    gap: float,
    absolute_gap: float = 0.0,
    start: tuple[IntArray, FloatArray] | None = None,
) -> Solved:
    """Search for the best answer until a gap is proven or the time is over.

    Parameters
    ----------
    programme : Programme
    time_limit_s : float
        Seconds of wall clock.
    gap, absolute_gap : float
        Relative gap, and the one in the objective's unit, at which the search may end.
    start : tuple of arrays, optional
        Some variables and their values in an answer that is known.
    """
    highs = _prepared(programme, time_limit_s, gap, absolute_gap)
    if start is not None and len(start[0]):
        index, value = start
        highs.setSolution(len(index), index.astype(np.int32), value.astype(np.float64))
    interrupted = _run(highs, mixed=bool(programme.integer.any()))
    return _read(highs, programme, interrupted=interrupted)


def _prepared(programme: Programme, time_limit_s: float, gap: float, absolute_gap: float) -> Any:
    import highspy

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(programme.cost), len(programme.row_lower)
    lp.sense_ = highspy.ObjSense.kMaximize if programme.maximise else highspy.ObjSense.kMinimize
    lp.offset_ = programme.offset
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = programme.cost, programme.lower, programme.upper
    lp.row_lower_, lp.row_upper_ = programme.row_lower, programme.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = programme.rows.indptr.astype(np.int32)
    lp.a_matrix_.index_ = programme.rows.indices.astype(np.int32)
    lp.a_matrix_.value_ = programme.rows.data.astype(np.float64)
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    lp.integrality_ = [kinds[int(flag)] for flag in programme.integer]
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.silent()
    for option, value in (
        ("threads", 1),
        ("parallel", "off"),
        ("random_seed", 0),
        ("time_limit", float(time_limit_s)),
        ("mip_rel_gap", float(gap)),
        ("mip_abs_gap", max(float(absolute_gap), 1e-9)),
        ("mip_feasibility_tolerance", 1e-9),
    ):
        highs.setOptionValue(option, value)
    highs.passModel(lp)
    return highs


def _run(highs: Any, *, mixed: bool) -> bool:
    """Run beside the main thread, which alone hears Ctrl-C; say whether it did."""
    stop = threading.Event()

    def ask(event: Any) -> None:
        if stop.is_set():
            event.interrupt()

    # A relaxation that is cut off within a search over integers would count as having no
    # answer, and what hangs below it as done: the search would call its answer the best.
    ways = (highs.cbMipInterrupt,) if mixed else (highs.cbSimplexInterrupt, highs.cbIpmInterrupt)
    for callback in ways:
        callback.subscribe(ask)
    worker = threading.Thread(target=highs.run, daemon=True)
    worker.start()
    while True:
        try:
            while worker.is_alive():
                worker.join(_POLL_S)
            return stop.is_set()
        except KeyboardInterrupt:
            stop.set()


def _read(highs: Any, programme: Programme, *, interrupted: bool) -> Solved:
    import highspy

    status, info = highs.getModelStatus(), highs.getInfo()
    statuses = highspy.HighsModelStatus
    worst = -np.inf if programme.maximise else np.inf
    if status in (statuses.kInfeasible, statuses.kUnboundedOrInfeasible):
        return Solved(None, worst, worst, "infeasible")
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    mixed = bool(programme.integer.any())
    values = np.array(highs.getSolution().col_value) if found else None
    objective = float(info.objective_function_value) if found else worst
    if status == statuses.kOptimal and not mixed:
        return Solved(values, objective, objective, "optimal")
    # Stopped before it began, HiGHS leaves figures behind that say nothing.
    begun = mixed and info.valid and status != statuses.kNotset and info.mip_node_count >= 0
    bound = float(info.mip_dual_bound) if begun else -worst
    if status == statuses.kOptimal:
        met = abs(bound - objective) <= 1e-9 * max(abs(objective), 1.0)
        return Solved(values, objective, bound, "optimal" if met else "gap")
    return Solved(values, objective, bound, "interrupted" if interrupted else "time limit")
