"""Voltages and currents of a circuit in each of its modes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from geocn._kernels.graph import add_up, throughput
from geocn._typing import FloatArray, IntArray
from geocn.corridors.current_input import Wiring
from geocn.errors import SchemaError
from geocn.spatial.graph import Part, laplacian, merged, parts
from geocn.spatial.graph_solve import Factors, Multigrid, SolverName, chosen


@dataclass
class Tally:
    """Currents added up over all solutions, by node of the whole graph."""

    wiring: Wiring
    keep: Collection[str]
    name: SolverName
    labels: list[Any] = field(default_factory=list)
    cumulative: FloatArray = field(init=False)
    maximum: FloatArray = field(init=False)
    branches: FloatArray | None = field(init=False)
    voltages: dict[Any, Any] = field(default_factory=dict)
    currents: dict[Any, Any] = field(default_factory=dict)
    solvers: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cumulative = np.zeros(self.wiring.graph.n)
        self.maximum = np.zeros(self.wiring.graph.n)
        edges = self.wiring.branches
        self.branches = None if edges is None else np.zeros(len(edges[0]))

    def add(self, key: Any, solved: list[tuple[Part, FloatArray, FloatArray]]) -> None:
        """Add one solution: pieces, their voltages, and current in from and out to elsewhere."""
        n = self.wiring.graph.n
        current = np.zeros(n if "current" in self.keep else 0)
        want_voltage = "voltage" in self.keep or self.branches is not None
        voltage = np.full(n if want_voltage else 0, np.nan)
        for part, volts, outside in solved:
            a = part.adjacency
            through = throughput(a.indptr, a.indices, a.data, volts, outside)
            add_up(part.at, through, self.cumulative, self.maximum)
            if len(current):
                current = np.where(part.at >= 0, through[part.at], current)
            if len(voltage):
                voltage = np.where(part.at >= 0, volts[part.at], voltage)
        if self.branches is not None and self.wiring.branches is not None:
            u, v, conductance = self.wiring.branches
            self.branches += np.nan_to_num(np.abs(conductance * (voltage[u] - voltage[v])))
        if "voltage" in self.keep:
            self.voltages[key] = self.wiring.restore(voltage, "voltage", {"units": "volt"})
        if "current" in self.keep:
            self.currents[key] = self.wiring.restore(current, "current", {"units": "ampere"})

    def solver(self, part: Part, kept: IntArray, ground: Any, n: int) -> Any:
        """Prepare the equations of the nodes that are not tied to ground."""
        matrix = laplacian(part.adjacency, ground)
        if len(kept) < part.n:
            matrix = matrix[kept][:, kept]
        way = chosen(self.name, len(kept), n)
        self.solvers.add(way)
        order = part.order()
        if order is not None:
            place = np.full(part.n, -1)
            place[kept] = np.arange(len(kept))
            order = place[order]
            order = order[order >= 0]
        return (Factors if way == "direct" else Multigrid)(matrix, order)


@dataclass(frozen=True)
class Terminals:
    """Focal places in one piece: their node, and voltages for 1 A from each to the first.

    ``response[k]`` has the voltages of the whole piece for 1 A in at ``nodes[k]`` and out at
    ``nodes[0]``.
    """

    part: Part
    nodes: IntArray
    response: FloatArray
    at: dict[int, int]

    def voltages(self, amperes: FloatArray) -> FloatArray:
        """Voltages for currents at the terminals that add up to zero."""
        return np.asarray(amperes @ self.response)


def terminals(part: Part, sites: dict[int, int], tally: Tally) -> Terminals:
    """Solve for one ampere from each focal node but the first: n - 1 systems, one matrix.

    Parameters
    ----------
    part : Part
    sites : dict
        Node of ``part`` by position of the focal place.
    """
    nodes = np.unique(np.array(list(sites.values()), dtype=np.int64))
    response = np.zeros((len(nodes), part.n))
    if len(nodes) > 1:
        kept = np.flatnonzero(np.arange(part.n) != nodes[0])
        solver = tally.solver(part, kept, 0.0, len(nodes) - 1)
        for k in range(1, len(nodes)):
            right = np.zeros(part.n)
            right[nodes[k]] = 1.0
            response[k, kept] = solver.solve(right[kept])
    at = {i: int(np.searchsorted(nodes, node)) for i, node in sites.items()}
    return Terminals(part, nodes, response, at)


def pairwise(tally: Tally, sites: list[IntArray], wanted: list[tuple[int, int]]) -> FloatArray:
    """Resistance of each wanted pair; NaN where nothing joins it or it is not wanted."""
    n, wiring = len(sites), tally.wiring
    found = np.full((n, n), np.nan)
    np.fill_diagonal(found, 0.0)
    one = merged(wiring.graph.n, wiring.groups)
    if all(len(np.unique(one[site])) == 1 for site in sites):
        pieces = parts(wiring.graph, one, np.array([site[0] for site in sites]))
        groups = [(piece, wanted) for piece in pieces]
    else:
        # The cells of a focal region are one only while it is itself connected.
        groups = []
    for i, j in wanted if not groups else []:
        joined = merged(wiring.graph.n, [*wiring.groups, sites[i], sites[j]])
        for piece in parts(wiring.graph, joined, sites[i][:1]):
            _pairs_of(piece, [(i, j)], sites, tally, found)
    for piece, some in groups:
        _pairs_of(piece, some, sites, tally, found)
    return found


def _pairs_of(
    piece: Part,
    wanted: list[tuple[int, int]],
    sites: list[IntArray],
    tally: Tally,
    found: FloatArray,
) -> None:
    node = {i: int(piece.at[sites[i][0]]) for i in sorted({i for pair in wanted for i in pair})}
    inside = {i: at for i, at in node.items() if at >= 0}
    here = [(i, j) for i, j in wanted if i in inside and j in inside]
    if not here:
        return
    ends = terminals(piece, inside, tally)
    for i, j in here:
        a, b = ends.at[i], ends.at[j]
        volts = ends.response[b] - ends.response[a]
        volts = volts - volts[ends.nodes[a]]
        found[i, j] = found[j, i] = volts[ends.nodes[b]] if a != b else 0.0
        outside = np.zeros(piece.n)
        outside[ends.nodes[[a, b]]] = float(a != b)
        tally.add((tally.labels[i], tally.labels[j]), [(piece, volts, outside)])


def one_and_all(
    tally: Tally,
    sites: list[IntArray],
    wanted: list[tuple[int, int]],
    strengths: FloatArray,
    *,
    to_one: bool,
) -> tuple[FloatArray, list[tuple[int, int]]]:
    """Resistance of each focal place in turn against its partners, and pairs nothing joins.

    ``to_one``: it is grounded and the others are sources; otherwise it is the source and
    the others are grounded.
    """
    wiring = tally.wiring
    partners: list[list[int]] = [[] for _ in sites]
    for i, j in wanted:
        partners[i].append(j)
        partners[j].append(i)
    found = np.full(len(sites), np.nan)
    joined = merged(wiring.graph.n, [*wiring.groups, *sites])
    together: set[tuple[int, int]] = set()
    for piece in parts(wiring.graph, joined, np.array([site[0] for site in sites])):
        node = {i: int(piece.at[site[0]]) for i, site in enumerate(sites)}
        ends = terminals(piece, {i: at for i, at in node.items() if at >= 0}, tally)
        for i in ends.at:
            others = [k for k in partners[i] if k in ends.at]
            together.update((min(i, k), max(i, k)) for k in others)
            if not others:
                continue
            amperes = (_from_others if to_one else _to_others)(ends, i, others, strengths)
            volts = ends.voltages(amperes)
            volts = volts - volts[ends.nodes[ends.at[i if to_one else others[0]]]]
            total = np.abs(amperes).sum() / 2
            power = float(amperes @ volts[ends.nodes])
            found[i] = power / total**2 if total > 0 else 0.0
            outside = np.zeros(piece.n)
            outside[ends.nodes] = np.abs(amperes)
            tally.add(tally.labels[i], [(piece, volts, outside)])
    return found, [pair for pair in wanted if pair not in together]


def _from_others(
    ends: Terminals, sink: int, others: list[int], strengths: FloatArray
) -> FloatArray:
    """Currents at the terminals where the others are sources."""
    amperes = np.zeros(len(ends.nodes))
    for k in others:
        amperes[ends.at[k]] += strengths[k]
    amperes[ends.at[sink]] = 0.0
    amperes[ends.at[sink]] = -amperes.sum()
    return amperes


def _to_others(
    ends: Terminals, source: int, others: list[int], strengths: FloatArray
) -> FloatArray:
    """Currents at the terminals where one is the source and the others are grounded."""
    amperes = np.zeros(len(ends.nodes))
    some = np.array([ends.at[source], *sorted({ends.at[k] for k in others})])
    if some[0] in some[1:]:
        return amperes
    size = len(some)
    # Currents I and the voltage c of the ground: response I + c = target, sum of I = 0.
    system = np.ones((size + 1, size + 1))
    system[:size, :size] = ends.response[np.ix_(some, ends.nodes[some])]
    system[size, size] = 0.0
    target = np.zeros(size + 1)
    target[0] = 1.0
    found = np.linalg.solve(system, target)[:size]
    amperes[some] = found * (strengths[source] / found[0])
    return amperes


def advanced(
    tally: Tally, sites: list[IntArray], strengths: FloatArray, ground: FloatArray
) -> tuple[FloatArray, list[Any]]:
    """Voltage over current of each source, and labels of sources that no ground is joined to."""
    wiring, labels = tally.wiring, tally.labels
    inject = np.zeros(wiring.graph.n)
    for nodes, amperes in zip(sites, strengths, strict=True):
        np.add.at(inject, nodes, amperes / len(nodes))
    joined = merged(wiring.graph.n, wiring.groups)
    solved = []
    voltage = np.full(wiring.graph.n, np.nan)
    for piece in parts(wiring.graph, joined, np.concatenate(sites)):
        at, here = piece.at[piece.at >= 0], piece.at >= 0
        source, sink = np.zeros(piece.n), np.zeros(piece.n)
        np.add.at(source, at, inject[here])
        np.add.at(sink, at, ground[here])
        if not (sink > 0).any():
            continue
        volts = _grounded(piece, source, sink, tally)
        tied = np.isinf(sink)
        leaving = np.where(tied, 0.0, sink) * volts
        balance = source - laplacian(piece.adjacency) @ volts
        leaving[tied] = balance[tied]
        solved.append((piece, volts, np.abs(source) + np.abs(leaving)))
        voltage = np.where(here, volts[piece.at], voltage)
    lost = [k for k, nodes in zip(labels, sites, strict=True) if np.isnan(voltage[nodes]).any()]
    if not solved:
        raise SchemaError(
            "grounds",
            found="no ground that is joined to any source",
            expected="a ground in the same piece as the source",
            repair="Add grounds, or mend what parts them from the sources.",
            rows=lost,
        )
    tally.add("advanced", solved)
    means = np.array([voltage[nodes].mean() for nodes in sites])
    return means / strengths, lost


def _grounded(piece: Part, source: FloatArray, sink: FloatArray, tally: Tally) -> FloatArray:
    tied = np.isinf(sink)
    volts = np.zeros(piece.n)
    kept = np.flatnonzero(~tied)
    if len(kept):
        solver = tally.solver(piece, kept, np.where(tied, 0.0, sink), 1)
        volts[kept] = solver.solve(source[kept])
    return volts
