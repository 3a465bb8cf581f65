"""Randomised shortest paths: between the least-cost path and the random walk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
import xarray as xr
from scipy.sparse import csgraph

from geocn._kernels import graph as kernel
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors._pairs import label_types, wanted
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.cost import Sites, SitesLike, friction_surface, locate_sites
from geocn.spatial.graph import Graph, Part, raster_graph
from geocn.spatial.graph_solve import Factors

_COLUMNS = ("origin", "destination", "expected_cost", "least_cost", "cost_ratio")
#: Beyond this a double cannot tell the costs of two ways apart to 1e-6 of a natural log.
_LARGEST = 1e10
_SAFE = 300.0  # natural logs that weights may range over, each way, in doubles
_MOST_TRIES = 40


@dataclass(frozen=True)
class RandomisedPaths:
    """Where walks pass, and what they cost.

    Attributes
    ----------
    passages : DataArray
        Expected passages of one walk a pair through each cell, summed over the pairs.
    costs : DataFrame
        One row a pair: ``origin``, ``destination``, ``expected_cost`` of a walk,
        ``least_cost`` (both in units of friction x metre) and ``cost_ratio``, the one over
        the other. NaN where nothing joins a pair, which ``attrs`` then names.
    by_pair : dict
        Passages of each pair by labels, where asked for.
    """

    passages: xr.DataArray
    costs: pd.DataFrame
    by_pair: dict[tuple[Any, Any], xr.DataArray]


def randomised_shortest_paths(
    friction: xr.DataArray,
    origins: SitesLike,
    destinations: SitesLike,
    *,
    theta: float,
    neighbours: int = 8,
    count: Literal["total", "net"] = "total",
    pairs: Literal["all"] | Iterable[tuple[Any, Any]] = "all",
    by_pair: bool = False,
) -> RandomisedPaths:
    """Let walkers go from origins to destinations, the more directly the larger ``theta``.

    Parameters
    ----------
    friction : xarray.DataArray
        Cost per metre, above zero; see :func:`geocn.corridors.cost_surface`.
    origins, destinations : GeoDataFrame or pairs of (row, column)
        Points, lines or areas in any CRS. A walk starts at each cell of an origin alike and
        ends at the first cell of the destination that it meets.
    theta : float
        How much cost deters, per unit of cost, 0 or more. 0 is a random walk; as it grows,
        walks keep to the least-cost path. Of use are values around 1 to 100 over the cost
        of a detour that matters.
    neighbours : {8, 4}
        Steps out of a cell.
    count : {"total", "net"}
        Visits of each cell, or passages through it less those the other way.
    pairs : "all" or list of (origin, destination)
        Index labels.
    by_pair : bool
        Keep the passages of each pair as well.

    Returns
    -------
    RandomisedPaths

    Raises
    ------
    RasterError, CRSError, CoordinateError
        As :func:`geocn.corridors.cost_surface`.
    ParameterError
        Where an option is unknown, or ``theta`` is negative or larger than doubles can bear
        for these costs; the message names the range.

    Notes
    -----
    A step from i to j has the reference probability in proportion to 1 / cost, times
    ``exp(-theta * cost)``; a walk's probability is the product over its steps, normalised
    over all walks that end at the destination (Saerens et al. 2009,
    doi:10.1162/neco.2009.11-07-643; Kivimäki et al. 2014, doi:10.1016/j.physa.2013.09.016;
    Panzacchi et al. 2016, doi:10.1111/1365-2656.12386). Weights are taken relative to a
    potential that grows like their own logarithm, so that none vanishes however large
    ``theta`` is. One sparse factorisation a destination.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> axis = np.arange(5) * 1000.0
    >>> friction = xr.DataArray(np.ones((5, 5)), {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> friction = friction.rio.write_crs("EPSG:32618")
    >>> found = randomised_shortest_paths(friction, [(2, 0)], [(2, 4)], theta=1.0)
    >>> found.passages[2].round(6).values.tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    listed = pairs if isinstance(pairs, str) else [tuple(pair) for pair in pairs]
    _check(theta, neighbours, count, listed)
    surface = friction_surface(friction, neighbours=8)
    starts = locate_sites(surface, origins, "origins")
    ends = locate_sites(surface, destinations, "destinations")
    graph = raster_graph(
        surface.grid,
        surface.friction,
        np.isfinite(surface.friction),
        lengths=surface.lengths_m[:3],
        neighbours=neighbours,
        kind=kernel.COST,
    )
    component = csgraph.connected_components(graph.adjacency, directed=False)[1].astype(np.int64)
    chosen = [(i, j) for i, some in wanted(listed, starts, ends).items() for j in some]
    found: dict[tuple[int, int], _Walk] = {}
    for j in sorted({j for _, j in chosen}):
        origin_of = {i: graph.nodes(starts.of(i)) for i, k in chosen if k == j}
        bound = _reaching(graph, component, graph.nodes(ends.of(j)))
        for i, walk in _walks(bound, graph.nodes(ends.of(j)), origin_of, theta).items():
            found[i, j] = walk

    def restore(by_node: FloatArray) -> xr.DataArray:
        shaped = graph.on_raster(by_node)
        return surface.grid.restore(shaped, name="passages", attrs={"units": "passages"})

    total = np.zeros(graph.n)
    maps = {}
    for i, j in chosen:
        walk = found[i, j]
        passed = np.zeros(graph.n) if walk.total is None else getattr(walk, count)
        total += passed
        if by_pair:
            maps[starts.labels[i], ends.labels[j]] = restore(passed)
    told = {
        "theta": float(theta), "neighbours": neighbours, "count": count, "pairs": listed,
        "by_pair": by_pair, "crs": surface.grid.crs,
        "left_out": {"origins": starts.left_out, "destinations": ends.left_out},
        "unreachable": [[starts.labels[i], ends.labels[j]] for i, j in chosen
                        if found[i, j].total is None],
    }  # fmt: skip
    name = "corridors.randomised_shortest_paths"
    frame = _frame(chosen, found, (starts, ends)).astype(label_types(origins, destinations))
    return RandomisedPaths(attach(restore(total), name, **told), attach(frame, name, **told), maps)


@dataclass(frozen=True)
class _Walk:
    """Passages of one pair by node of the graph, and costs; none where nothing joins it."""

    total: FloatArray | None = None
    net: FloatArray | None = None
    expected: float = np.nan
    least: float = np.nan


def _check(theta: float, neighbours: int, count: str, pairs: Any) -> None:
    faults = []
    if not 0 <= theta < np.inf:
        faults.append(f"theta is {theta!r}; give a number of 0 or more, per unit of cost")
    if neighbours not in (4, 8):
        faults.append(f"neighbours is {neighbours!r}; choose 8 or 4")
    if count not in ("total", "net"):
        faults.append(f"count is {count!r}; choose 'total' or 'net'")
    if isinstance(pairs, str) and pairs != "all":
        faults.append(f"pairs is {pairs!r}; choose 'all' or a list of pairs of labels")
    if faults:
        raise ParameterError("; ".join(faults))


def _frame(
    chosen: list[tuple[int, int]], found: dict[tuple[int, int], _Walk], sites: tuple[Sites, Sites]
) -> pd.DataFrame:
    rows: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for i, j in chosen:
        walk = found[i, j]
        ratio = walk.expected / walk.least if walk.least != 0 else 1.0
        values = (sites[0].labels[i], sites[1].labels[j], walk.expected, walk.least, ratio)
        for name, value in zip(_COLUMNS, values, strict=True):
            rows[name].append(value)
    return pd.DataFrame(rows).astype(dict.fromkeys(_COLUMNS[2:], "float64"))


def _reaching(graph: Graph, component: IntArray, ends: IntArray) -> Part:
    """Nodes from which an end can be reached."""
    inside = np.isin(component, np.unique(component[ends]))
    if inside.all():
        return Part(graph.adjacency, np.arange(graph.n), graph)
    kept = np.flatnonzero(inside)
    at = np.where(inside, np.cumsum(inside) - 1, -1)
    return Part(graph.adjacency[kept][:, kept], at, graph)


def _walks(
    part: Part, ends: IntArray, starts: dict[int, IntArray], theta: float
) -> dict[int, _Walk]:
    """Walk from each of the starts to the ends, both as nodes of the graph."""
    place = part.at
    local = {i: place[nodes][place[nodes] >= 0] for i, nodes in starts.items()}
    joined = {i: nodes for i, nodes in local.items() if len(nodes)}
    found = {i: _Walk() for i in starts}
    if not joined:
        return found
    cost = part.adjacency
    is_end = np.zeros(part.n, bool)
    is_end[place[ends]] = True
    least = _distances(cost, is_end)
    _refuse(theta, max(float(least[nodes].max()) for nodes in joined.values()))
    field = _Field.solve(part, is_end, theta)
    for i, nodes in joined.items():
        begin = np.zeros(part.n)
        begin[nodes] = 1 / len(nodes)
        total, net, expected = field.passages(begin)
        found[i] = _Walk(
            part.spread(total, 0.0),
            part.spread(net, 0.0),
            expected,
            float(least[nodes].mean()),
        )
    return found


def _refuse(theta: float, cost: float) -> None:
    if theta * cost > _LARGEST:
        raise ParameterError(
            f"theta is {theta:g}: with a least cost of {cost:g} only 0 to {_LARGEST / cost:.3g} "
            "can be computed. Beyond it use least_cost_paths, which is its limit"
        )


def _distances(cost: sp.csr_array, is_end: BoolArray) -> FloatArray:
    """Least sum of ``cost`` from each node to the nearest end."""
    found = csgraph.dijkstra(cost.T.tocsr(), indices=np.flatnonzero(is_end), min_only=True)
    return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True)
class _Field:
    """Weights of all walks to the ends, relative to a potential."""

    cost: sp.csr_array
    weights: FloatArray
    factors: Factors
    reached: FloatArray
    is_end: BoolArray

    @classmethod
    def solve(cls, part: Part, is_end: BoolArray, theta: float) -> _Field:
        """Find a potential in which the weights of the walks from all nodes are near 1.

        The exact one is the log of those weights. Least costs have its shape but for a
        factor, which is sought between where weights vanish and where they overflow; once
        none does, their logs mend the potential.
        """
        cost, order = part.adjacency, part.order()
        # A cell on its own has no steps, and is an end.
        totals = np.asarray(_over(cost).sum(axis=1)).ravel()
        log_total = np.log(np.where(totals > 0, totals, 1.0))
        shape = np.zeros(part.n)
        scale = 0.0
        if theta > 0 and cost.nnz:
            owners = np.repeat(np.arange(part.n), np.diff(cost.indptr))
            deters = theta * cost.data + np.log(cost.data) + log_total[owners]
            # A step that is the only one costs nothing; the graph must not lose it.
            steps = np.maximum(deters, np.finfo(float).tiny)
            shape = _distances(sp.csr_array((steps, cost.indices, cost.indptr), cost.shape), is_end)
            scale = _scale(deters, theta * cost.data, owners)
        low, high, extent = 0.0, 1.0, float(shape.max(initial=0.0))
        potential = scale * shape
        for _ in range(_MOST_TRIES):
            weights = kernel.walk_weights(
                cost.indptr, cost.indices, cost.data, log_total, potential, float(theta), is_end
            )
            factors, reached = _reached(cost, weights, is_end, order)
            if not np.isfinite(reached).all() or (reached < 0).any():
                high = min(scale, high)
                scale = 0.5 * (low + high)
                potential = scale * shape
                continue
            logs = np.log(np.maximum(reached, np.exp(-2 * _SAFE)))
            if np.abs(logs).max() < _SAFE:
                return cls(cost, weights, factors, reached, is_end)
            if logs.min() <= -2 * _SAFE and (high - scale) * extent > 4 * _SAFE:
                low = scale
                scale = 1.0 if high == 1.0 else 0.5 * (low + high)
                potential = scale * shape
            else:
                potential = potential - logs
        raise ParameterError(
            f"theta is {theta:g}: no potential was found in which these walks can be weighed. "
            "Use a larger theta, a coarser raster, or current_flow, which is the limit at 0"
        )

    def passages(self, begin: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Visits and net passages of each node and the expected cost, for starts ``begin``."""
        right = np.divide(begin, self.reached, out=np.zeros_like(begin), where=begin > 0)
        arriving = self.factors.solve(right, transposed=True)
        total = arriving * self.reached
        net, expected = kernel.passages(
            self.cost.indptr, self.cost.indices, self.cost.data, self.weights, arriving,
            self.reached, begin + np.where(self.is_end, total, 0.0),
        )  # fmt: skip
        return total, net, float(expected)


def _over(cost: sp.csr_array) -> sp.csr_array:
    return sp.csr_array((1 / cost.data, cost.indices, cost.indptr), shape=cost.shape)


def _scale(deters: FloatArray, costs: FloatArray, owners: IntArray) -> float:
    """Log weight a step of a long walk loses in a uniform plane, over that of the best walk."""
    kept = np.bincount(owners, weights=np.exp(-deters))
    rho = float(np.median(kept))
    middle = float(np.median(deters))
    if not middle > 0 or rho <= 0:
        return 1.0
    # On a grid a step goes on with probability 3/8, back with 3/8, and aside with 1/4.
    lost = float(np.arccosh(max((1 / rho - 0.25) / 0.75, 1.0)))
    return float(np.clip(lost / middle, 0.0, 1.0))


def _reached(
    cost: sp.csr_array, weights: FloatArray, is_end: BoolArray, order: IntArray | None
) -> tuple[Factors, FloatArray]:
    """Weight of all walks from each node to an end, and the factors that gave it."""
    step = sp.csr_array((weights, cost.indices, cost.indptr), shape=cost.shape)
    factors = Factors(sp.csr_array(sp.eye_array(cost.shape[0], format="csr") - step), order)
    return factors, factors.solve(is_end.astype(np.float64))
