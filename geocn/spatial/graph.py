"""Rasters and tables of edges as graphs: nodes, what joins them, and how to number them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse import csgraph

from geocn._kernels import graph as kernel
from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import SchemaError
from geocn.spatial.raster_grid import RasterGrid

_LEAF = 64  # cells below which nested dissection stops


@dataclass(frozen=True)
class Graph:
    """Nodes and the worth of the edges between them.

    Attributes
    ----------
    adjacency : (n, n) csr_array
        Symmetric, without a diagonal, columns in order.
    cells : (n,) array, optional
        Flat cell of each node, ascending, where the graph is of a raster.
    shape : (int, int)
        Rows and columns of that raster.
    """

    adjacency: sp.csr_array
    cells: IntArray | None = None
    shape: tuple[int, int] = (0, 0)

    @property
    def n(self) -> int:
        """Number of nodes."""
        return int(self.adjacency.shape[0])

    def nodes(self, cells: IntArray) -> IntArray:
        """Node of each flat cell, -1 where there is none."""
        if self.cells is None or not len(self.cells):
            return np.full(len(cells), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.cells, cells), len(self.cells) - 1)
        return np.where(self.cells[at] == cells, at, -1)

    def on_raster(self, values: FloatArray) -> FloatArray:
        """Values by node in the rows and columns of the raster, NaN where there is no node."""
        whole = np.full(self.shape, np.nan)
        if self.cells is not None:
            whole.ravel()[self.cells] = values
        return whole


@dataclass(frozen=True)
class Part:
    """A connected piece of a graph whose nodes may stand for several nodes of it.

    Attributes
    ----------
    adjacency : (m, m) csr_array
    at : (n,) array
        Node of the piece that each node of the graph belongs to, -1 for none.
    graph : Graph
    """

    adjacency: sp.csr_array
    at: IntArray
    graph: Graph

    @property
    def n(self) -> int:
        """Number of nodes."""
        return int(self.adjacency.shape[0])

    def spread(self, values: FloatArray, fill: float) -> FloatArray:
        """Values by node of the graph, from those by node of the piece."""
        return np.where(self.at >= 0, values[self.at], fill)

    def order(self) -> IntArray | None:
        """Order of elimination with little fill; None where there is no raster to go by."""
        if self.graph.cells is None:
            return None
        rank = nested_dissection(self.graph.shape)[self.graph.cells]
        last = np.full(self.n, -1, dtype=np.int64)
        inside = self.at >= 0
        # What stands for many cells touches many others: the later, the less fill.
        np.maximum.at(last, self.at[inside], rank[inside])
        return np.argsort(last, kind="stable")


def raster_graph(
    grid: RasterGrid,
    values: FloatArray,
    is_node: AnyArray,
    *,
    lengths: FloatArray,
    neighbours: int,
    kind: int,
) -> Graph:
    """Join the cells of a raster.

    Parameters
    ----------
    grid : RasterGrid
    values : (rows, columns) array
        Not finite where no edge may go.
    is_node : (rows, columns) bool array
    lengths : (3, rows) array
        Of steps across, down and askew.
    neighbours : {8, 4}
    kind : int
        See :func:`geocn._kernels.graph.raster_adjacency`.
    """
    cells = np.flatnonzero(is_node)
    node = np.full(grid.shape, -1, dtype=np.int32)
    node.ravel()[cells] = np.arange(len(cells), dtype=np.int32)
    indptr, indices, data = kernel.raster_adjacency(
        node, values, lengths, neighbours == 8, grid.wraps, kind
    )
    adjacency = sp.csr_array((data, indices, indptr), shape=(len(cells), len(cells)))
    if grid.wraps:
        adjacency.sort_indices()
    return Graph(adjacency, cells, grid.shape)


def face_lengths(grid: RasterGrid, neighbours: int) -> FloatArray:
    """Length over width of the conductor between two cells, so that it is 1 and √2 in squares.

    Where cells are not square (degrees of longitude shrink), the three kinds of step are
    weighed so that a uniform sheet conducts alike in all directions, as it does in squares.

    Returns
    -------
    (3, rows) array
        Of steps across, down and askew.
    """
    metres = grid.step_lengths_m()
    across, down = metres[0].copy(), metres[1].copy()
    if len(down) > 1:
        down[-1] = down[-2]
    middle = across.copy()
    middle[:-1] = 0.5 * (across[:-1] + across[1:])
    if neighbours == 4:
        return np.stack([across / down, down / middle, np.full(len(down), np.sqrt(2.0))])
    kept = 1 + np.sqrt(2.0)
    one, two, askew = (_stencil(a, down, kept) for a in (across, middle, middle))
    return np.stack([1 / one[0], 1 / two[1], 1 / askew[2]])


def _stencil(a: FloatArray, b: FloatArray, total: float) -> tuple[FloatArray, ...]:
    """Conductance across, down and askew in cells of width a and height b."""
    askew = np.sqrt(2.0) * a * b / (a * a + b * b)
    # In long cells the askew steps give way before another would turn negative.
    askew = np.minimum(askew, 0.45 * total * np.minimum(a / b, b / a))
    return total * b / a - 2 * askew, total * a / b - 2 * askew, askew


def edge_graph(
    edges: pd.DataFrame, value: str, *, invert: bool
) -> tuple[Graph, pd.Index, IntArray, IntArray]:
    """Read a table of edges ``u, v`` and ``value``.

    Parameters
    ----------
    edges : DataFrame
        One row an edge; several between two nodes add up.
    value : str
        Column with what an edge is worth, above 0.
    invert : bool
        Whether that is a resistance, so that its inverse conducts.

    Returns
    -------
    graph : Graph
    labels : Index
        Of the nodes, in order.
    u, v : (e,) arrays
        Nodes of each edge.

    Raises
    ------
    SchemaError
        Where a column is missing, a node unknown, or a value not above 0.
    """
    missing = [name for name in ("u", "v", value) if name not in edges.columns]
    if missing:
        raise SchemaError(
            "edges",
            found=f"no column {', '.join(missing)}",
            expected=f"columns u, v and {value}",
            repair="Rename the columns of the table.",
        )
    worth = pd.to_numeric(edges[value], errors="coerce").to_numpy(dtype=np.float64)
    unknown = (edges["u"].isna() | edges["v"].isna()).to_numpy()
    bad = unknown | ~(worth > 0) | ~np.isfinite(worth)
    if bad.any():
        raise SchemaError(
            "edges",
            found=f"{int(bad.sum())} edges without nodes or with a {value} that is zero, "
            "negative, infinite or unknown",
            expected=f"a {value} above zero",
            repair="Leave out what does not conduct; join nodes without resistance by regions.",
            rows=edges.index[bad].tolist(),
        )
    labels = pd.Index(pd.unique(pd.concat([edges["u"], edges["v"]], ignore_index=True)))
    labels = labels.sort_values() if not labels.empty else labels
    u, v = (labels.get_indexer(pd.Index(edges[name])).astype(np.int64) for name in ("u", "v"))
    conducts = 1 / worth if invert else worth
    apart = u != v
    both = np.concatenate([u[apart], v[apart]]), np.concatenate([v[apart], u[apart]])
    data = np.concatenate([conducts[apart], conducts[apart]])
    matrix = sp.coo_array((data, both), shape=(len(labels), len(labels))).tocsr()
    matrix.sum_duplicates()
    return Graph(matrix), labels, u, v


def merged(n: int, groups: Sequence[IntArray]) -> IntArray:
    """Give nodes new numbers, so that those of a group, and of groups that meet, are one."""
    if not any(len(group) > 1 for group in groups):
        return np.arange(n)
    first = np.concatenate([np.repeat(group[:1], len(group)) for group in groups])
    other = np.concatenate(groups)
    links = sp.coo_array((np.ones(len(first), np.int8), (first, other)), shape=(n, n))
    _, labels = csgraph.connected_components(links, directed=False)
    return labels.astype(np.int64)


def parts(graph: Graph, labels: IntArray, wanted: IntArray) -> list[Part]:
    """Find the connected pieces that hold any ``wanted`` node, once nodes are merged.

    Parameters
    ----------
    graph : Graph
    labels : (n,) array
        Of :func:`merged`.
    wanted : array
        Nodes of ``graph``.
    """
    n = int(labels.max()) + 1 if len(labels) else 0
    whole = graph.adjacency
    if n < graph.n:
        join = sp.csr_array((np.ones(graph.n), (np.arange(graph.n), labels)), shape=(graph.n, n))
        whole = (join.T @ whole @ join).tocsr()
        whole.setdiag(0.0)
        whole.eliminate_zeros()
        whole.sort_indices()
    _, component = csgraph.connected_components(whole, directed=False)
    found = []
    for number in np.unique(component[labels[wanted]]):
        inside = component == number
        if inside.all():
            found.append(Part(whole, labels, graph))
            continue
        place = np.where(inside, np.cumsum(inside) - 1, -1)
        kept = np.flatnonzero(inside)
        found.append(Part(whole[kept][:, kept], place[labels], graph))
    return found


def nested_dissection(shape: tuple[int, int]) -> IntArray:
    """Rank of each cell of a raster in an elimination with little fill (George 1973).

    Halves are numbered before the line of cells that parts them (doi:10.1137/0710032). The
    first column comes last of all, so that a raster that wraps is parted there too.

    Returns
    -------
    (rows * columns,) array

    Examples
    --------
    >>> nested_dissection((1, 3)).tolist()
    [2, 0, 1]
    """
    height, width = shape
    cells = np.arange(height * width).reshape(shape)
    order: list[AnyArray] = []

    def cut(top: int, bottom: int, left: int, right: int) -> None:
        tall, wide = bottom - top, right - left
        if tall * wide <= _LEAF:
            order.append(cells[top:bottom, left:right].ravel())
        elif tall >= wide:
            middle = (top + bottom) // 2
            cut(top, middle, left, right)
            cut(middle + 1, bottom, left, right)
            order.append(cells[middle, left:right])
        else:
            middle = (left + right) // 2
            cut(top, bottom, left, middle)
            cut(top, bottom, middle + 1, right)
            order.append(cells[top:bottom, middle])

    cut(0, height, 1, width)
    order.append(cells[:, 0])
    rank: AnyArray = np.empty(height * width, dtype=np.int64)
    rank[np.concatenate(order)] = np.arange(height * width)
    return rank


def laplacian(adjacency: sp.csr_array, ground: Any = 0.0) -> sp.csr_array:
    """Sum of conductances at each node, with those to ground, less the conductances between."""
    total = np.asarray(adjacency.sum(axis=1)).ravel() + ground
    return sp.csr_array(sp.diags_array(total) - adjacency)
