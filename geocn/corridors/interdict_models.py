"""Which edges to close: exact search with HiGHS, the best answer so far at any moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import highspy
import numpy as np

from geocn._kernels.graph_paths import shortest_tree, walk_back
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.network_flow import FlowNetwork
from geocn.corridors.network_graph import Graph

# Ways that share no edge are looked for beside each way found, at most so many.
_BESIDE = 8


@dataclass
class Plan:
    """Edges to close, what is left then, a bound on what any plan leaves, and how it ended."""

    closed: BoolArray
    value: float
    bound: float
    status: str = "optimal"


class _Clock:
    """Seconds that are left."""

    def __init__(self, limit_s: float) -> None:
        self._end = monotonic() + limit_s

    @property
    def left(self) -> float:
        return max(self._end - monotonic(), 0.0)


def _solver() -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.silent()
    # One thread: the same plan of equal ones on any machine.
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 1e-9)
    solver.HandleKeyboardInterrupt = True
    return solver


def least_flow(
    flow: FlowNetwork,
    ends: tuple[IntArray, IntArray],
    terminals: tuple[IntArray, IntArray],
    n_nodes: int,
    *,
    is_one_way: BoolArray,
    capacity: FloatArray,
    price: FloatArray,
    budget: float,
    time_limit_s: float,
) -> Plan:
    """Close edges within a budget so that the greatest flow is least (Wood 1993, model MFI).

    Each node is on the side of the sources (0) or of the targets (1), and an edge from one
    to the other is closed or adds its capacity. For given closures the rest is the dual of
    a greatest flow, whose corners are whole: only closures need to be whole numbers.
    """
    clock = _Clock(time_limit_s)

    def value_of(closed: BoolArray) -> float:
        return flow.greatest(np.where(closed, 0.0, capacity)).value

    best = _greedy(flow, capacity, price, budget)
    plan = Plan(best, value_of(best), 0.0)
    may = np.isfinite(price) & (price <= budget)
    if plan.value == 0 or not may.any():
        plan.bound = plan.value
        return plan
    limited = np.isfinite(capacity)
    room = np.where(limited, capacity, 2 * capacity[limited].sum() + 1)
    model = _cut_model(ends, terminals, n_nodes, is_one_way, room, np.where(may, price, np.inf))
    solver = _solver()
    solver.passModel(_with_budget(model, price, may, budget))
    solver.setOptionValue("time_limit", clock.left)
    start = highspy.HighsSolution()
    columns = np.concatenate([np.zeros(n_nodes + len(room)), best.astype(float)])
    start.col_value = list(columns)
    solver.setSolution(start)
    solver.run()
    info = solver.getInfo()
    plan.status = _status(solver)
    plan.bound = max(float(info.mip_dual_bound), 0.0)
    values = np.array(solver.getSolution().col_value)
    if len(values):
        closed = (values[n_nodes + len(room) :] > 0.5) & may
        value = value_of(closed)
        if float(price[closed].sum()) <= budget * (1 + 1e-9) and value < plan.value:
            plan.closed, plan.value = closed, value
    if plan.status == "optimal":
        plan.bound = plan.value
    return plan


def _greedy(flow: FlowNetwork, capacity: FloatArray, price: FloatArray, budget: float) -> BoolArray:
    """Close edges of the least cut, the most capacity a unit of budget first, and so on."""
    closed, left = np.zeros(len(capacity), dtype=bool), budget
    while True:
        found = flow.greatest(np.where(closed, 0.0, capacity))
        gain = np.where(np.isfinite(capacity), capacity, 0) / np.maximum(price, 1e-300)
        open_ = found.is_cut & ~closed & (price <= left) & (capacity > 0)
        if not open_.any():
            return closed
        take = int(np.flatnonzero(open_)[np.argmax(gain[open_])])
        closed[take] = True
        left -= price[take]


def _cut_model(  # noqa: PLR0917
    ends: tuple[IntArray, IntArray],
    terminals: tuple[IntArray, IntArray],
    n_nodes: int,
    is_one_way: BoolArray,
    room: FloatArray,
    price: FloatArray,
) -> highspy.HighsLp:
    """Columns: side of each node, capacity that counts of each edge, closure of each edge."""
    n_edges = len(room)
    u, v = ends
    back = np.flatnonzero(~is_one_way)
    edge = np.concatenate([np.arange(n_edges), back])
    tail, head = np.concatenate([u, v[back]]), np.concatenate([v, u[back]])
    n_rows = len(edge)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n_nodes + 2 * n_edges, n_rows
    lp.col_cost_ = np.concatenate([np.zeros(n_nodes), room, np.zeros(n_edges)])
    lower, upper = np.zeros(lp.num_col_), np.ones(lp.num_col_)
    lower[terminals[1]] = 1.0
    upper[terminals[0]] = 0.0
    upper[n_nodes + n_edges :] = np.isfinite(price)
    lp.col_lower_, lp.col_upper_ = lower, upper
    # Side of the head - side of the tail <= counted + closed.
    index = np.column_stack([tail, head, n_nodes + edge, n_nodes + n_edges + edge])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = 4 * np.arange(n_rows + 1)
    lp.a_matrix_.index_ = index.ravel()
    lp.a_matrix_.value_ = np.tile([1.0, -1.0, 1.0, 1.0], n_rows)
    lp.row_lower_, lp.row_upper_ = np.zeros(n_rows), np.full(n_rows, highspy.kHighsInf)
    kind = [highspy.HighsVarType.kContinuous] * (n_nodes + n_edges)
    lp.integrality_ = kind + [highspy.HighsVarType.kInteger] * n_edges
    return lp


def _with_budget(
    lp: highspy.HighsLp, price: FloatArray, may: BoolArray, budget: float
) -> highspy.HighsLp:
    first = lp.num_col_ - len(price)
    index, start = np.array(lp.a_matrix_.index_), np.array(lp.a_matrix_.start_)
    lp.a_matrix_.index_ = np.append(index, first + np.flatnonzero(may))
    lp.a_matrix_.value_ = np.append(np.array(lp.a_matrix_.value_), price[may])
    lp.a_matrix_.start_ = np.append(start, start[-1] + int(may.sum()))
    lp.row_lower_ = np.append(np.array(lp.row_lower_), -highspy.kHighsInf)
    lp.row_upper_ = np.append(np.array(lp.row_upper_), budget)
    lp.num_row_ += 1
    return lp


def _status(solver: highspy.Highs) -> str:
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return "optimal"
    if status == highspy.HighsModelStatus.kTimeLimit:
        return "time_limit"
    return "interrupted"


@dataclass
class PathGame:
    """Ways from sources to targets that edges may be closed or slowed on.

    ``delay`` is what closing an edge adds to its cost: infinite where it is gone.
    """

    graph: Graph
    sources: IntArray
    targets: IntArray
    delay: FloatArray
    price: FloatArray
    ways: list[IntArray] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    known: set[bytes] = field(default_factory=set)

    def shortest(self, closed: BoolArray) -> tuple[float, IntArray]:
        """Cost and slots of the shortest way past closures."""
        graph = self.graph
        cost = graph.cost + np.where(closed, self.delay, 0.0)[graph.edge]
        least, slot, _ = shortest_tree(graph.start, graph.head, cost, self.sources)
        target = int(self.targets[np.argmin(least[self.targets])])
        return float(least[target]), walk_back(graph.tail, slot, target)

    def add(self, slots: IntArray) -> bool:
        """Remember a way; False where it is known."""
        edges = np.unique(self.graph.edge[slots])
        if edges.tobytes() in self.known:
            return False
        self.known.add(edges.tobytes())
        self.ways.append(edges)
        self.costs.append(float(self.graph.cost[slots].sum()))
        return True

    def add_beside(self, closed: BoolArray, slots: IntArray, most: float) -> bool:
        """Remember a way, and others that share no edge with it and cost at most so much."""
        new = self.add(slots)
        shut = closed.copy()
        cost = self.graph.cost.copy()
        for _ in range(_BESIDE):
            shut[self.graph.edge[slots]] = True
            cost[shut[self.graph.edge]] = np.inf
            least, slot, _ = shortest_tree(self.graph.start, self.graph.head, cost, self.sources)
            target = int(self.targets[np.argmin(least[self.targets])])
            if not least[target] <= most:
                break
            slots = walk_back(self.graph.tail, slot, target)
            new |= self.add(slots)
        return new


def longest_shortest(game: PathGame, *, budget: float, time_limit_s: float) -> Plan:
    """Close edges within a budget so that the shortest way is longest.

    Ways are found one by one (Israeli & Wood 2002, covering decomposition). Where closing
    adds a delay, the master problem bounds every plan from above by the ways known; where
    edges are gone, it asks for the cheapest plan that closes every known way no longer
    than the best answer, and none within the budget proves that answer.
    """
    clock = _Clock(time_limit_s)
    nothing = np.zeros(len(game.price), dtype=bool)
    value, slots = game.shortest(nothing)
    plan = Plan(nothing, value, np.inf)
    may = np.isfinite(game.price) & (game.price <= budget) & (game.delay > 0)
    game.add_beside(nothing, slots, value)
    gone = bool(np.isinf(game.delay[may]).any())
    step = _hit if gone else _delay
    try:
        while True:
            closed, bound, status = step(game, plan.value, may, budget, clock.left)
            plan.bound = min(plan.bound, bound)
            if closed is None or status != "optimal":
                plan.status = status
                break
            value, slots = game.shortest(closed)
            if value > plan.value:
                plan.value, plan.closed = value, closed
            if not np.isfinite(value) or (not gone and plan.value >= plan.bound * (1 - 1e-9)):
                break
            if not game.add_beside(closed, slots, plan.value):
                break
    except KeyboardInterrupt:
        plan.status = "interrupted"
    if plan.status == "optimal":
        plan.bound = plan.value
    elif gone:
        plan.bound = min(plan.bound, _relaxed_bound(game, may, budget))
    return plan


Step = Callable[..., tuple[BoolArray | None, float, str]]


def _delay(
    game: PathGame, _: float, may: BoolArray, budget: float, left_s: float
) -> tuple[BoolArray | None, float, str]:
    """Find the plan under which the shortest of the known ways is longest."""
    used = np.unique(np.concatenate(game.ways))
    used = used[may[used]]
    solver = _solver()
    z = solver.addVariable(-highspy.kHighsInf, highspy.kHighsInf)
    column = {int(e): solver.addBinary() for e in used}
    solver.addConstr(sum((game.price[e] * x for e, x in column.items()), 0.0 * z) <= budget)
    for edges, cost in zip(game.ways, game.costs, strict=True):
        slower = sum((game.delay[e] * column[e] for e in edges.tolist() if e in column), 0.0 * z)
        solver.addConstr(z - slower <= cost)
    solver.setOptionValue("time_limit", left_s)
    solver.maximize(z)
    return _answer(solver, column, len(game.price), float(solver.getInfo().mip_dual_bound))


def _hit(
    game: PathGame, value: float, may: BoolArray, budget: float, left_s: float
) -> tuple[BoolArray | None, float, str]:
    """Find the cheapest plan that closes every known way no longer than the best answer."""
    solver = _solver()
    rows = [
        edges[may[edges]]
        for edges, cost in zip(game.ways, game.costs, strict=True)
        if cost <= value * (1 + 1e-12)
    ]
    if not all(len(edges) for edges in rows):
        return None, value, "optimal"
    column = {int(e): solver.addBinary() for e in np.unique(np.concatenate(rows))}
    for edges in rows:
        solver.addConstr(sum(column[e] for e in edges.tolist()) >= 1)
    solver.setOptionValue("time_limit", left_s)
    solver.minimize(sum(game.price[e] * x for e, x in column.items()))
    closed, _, status = _answer(solver, column, len(game.price), np.inf)
    if closed is not None and float(game.price[closed].sum()) > budget * (1 + 1e-9):
        over = float(solver.getInfo().mip_dual_bound) > budget * (1 + 1e-9)
        return None, value if over else np.inf, "optimal" if over else status
    return closed, np.inf, status


def _relaxed_bound(game: PathGame, may: BoolArray, budget: float) -> float:
    """Least length of known ways that cannot all be closed, not even in fractions."""
    order = np.argsort(game.costs, kind="stable")
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        rows = [game.ways[i][may[game.ways[i]]] for i in order[: middle + 1]]
        if all(len(edges) for edges in rows) and _cheapest(game, rows) <= budget * (1 + 1e-9):
            low = middle + 1
        else:
            high = middle
    return game.costs[order[low]] if low < len(order) else np.inf


def _cheapest(game: PathGame, rows: list[IntArray]) -> float:
    solver = _solver()
    column = {int(e): solver.addVariable(0, 1) for e in np.unique(np.concatenate(rows))}
    for edges in rows:
        solver.addConstr(sum(column[e] for e in edges.tolist()) >= 1)
    solver.minimize(sum(game.price[e] * x for e, x in column.items()))
    return float(solver.getInfo().objective_function_value)


def _answer(
    solver: highspy.Highs, column: dict[int, highspy.highs_var], n: int, bound: float
) -> tuple[BoolArray | None, float, str]:
    status = _status(solver)
    values = solver.getSolution().col_value
    if not len(values) or status != "optimal":
        return None, bound, "interrupted" if status == "optimal" else status
    closed = np.zeros(n, dtype=bool)
    for e, x in column.items():
        closed[e] = values[x.index] > 0.5
    return closed, bound, status
