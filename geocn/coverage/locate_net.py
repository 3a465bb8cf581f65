"""Demand rows merged by who can serve them, and the candidates that matter."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from geocn._kernels import covering
from geocn._typing import BoolArray, FloatArray, IntArray

Graph = tuple[IntArray, IntArray, IntArray, IntArray]


@dataclass(frozen=True)
class Net:
    """Who can serve whom, without repetition.

    Parameters
    ----------
    pattern : (r, k) csr_array
        Merged rows by the sites that matter.
    graph : tuple of arrays
        The same as (row_ptr, row_sites, site_ptr, site_rows).
    member : (n,) array
        Merged row of each demand row, -1 where no site that matters serves it.
    sites : (k,) array
        Candidate that each site is.
    cost : (k,) array
    forced : (k,) boolean array
        Sites that are open whatever happens.
    clashes : (c, 2) array
        Pairs of sites that may not both be open.
    """

    pattern: csr_array
    graph: Graph
    member: IntArray
    sites: IntArray
    cost: FloatArray
    forced: BoolArray
    clashes: IntArray

    @property
    def n_rows(self) -> int:
        """Number of merged rows."""
        return int(self.pattern.shape[0])

    def merged(self, values: FloatArray) -> FloatArray:
        """Add up values of demand rows by merged row."""
        known = self.member >= 0
        total: FloatArray = np.bincount(
            self.member[known], values[known], minlength=self.n_rows
        ).astype(np.float64)
        return total

    def without(self, shut: BoolArray, must: BoolArray, apart: IntArray | None = None) -> Net:
        """Leave out sites and force others, and merge what is then alike."""
        label = None if apart is None else _labels(apart, self.member, self.n_rows)
        less = make_net(
            self.pattern,
            cost=self.cost,
            forced=must,
            keep=~shut | must,
            clashes=self.clashes,
            apart=label,
        )
        member = np.where(self.member >= 0, less.member[self.member], -1)
        return replace(less, member=member, sites=self.sites[less.sites])

    def clash_lists(self) -> tuple[IntArray, IntArray]:
        """Return the sites that clash with each site, as pointer and list."""
        both = np.concatenate([self.clashes, self.clashes[:, ::-1]])
        order = np.lexsort((both[:, 1], both[:, 0]))
        counts = np.bincount(both[:, 0], minlength=len(self.sites))
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), both[order, 1]


def make_net(
    pattern: csr_array,
    *,
    cost: FloatArray,
    forced: BoolArray,
    keep: BoolArray,
    clashes: IntArray,
    apart: IntArray | None = None,
    drop_dominated: bool = False,
) -> Net:
    """Merge rows with the same catchment among ``keep`` sites; ``apart`` labels never merge.

    Parameters
    ----------
    pattern : (n, m) csr_array
        Who can serve whom.
    cost, forced, keep : (m,) arrays
    clashes : (c, 2) array
        Pairs of candidates.
    apart : (n,) integer array, optional
        Rows with different labels stay apart; labels are 0 or more.
    drop_dominated : bool
        Leave out sites whose rows another serves as well at no more cost.
    """
    sites = np.flatnonzero(keep)
    rows = _columns(pattern, sites)
    member, rows = _merge(rows, apart)
    graph = _graph(rows)
    pairs = _pairs(clashes, sites, len(keep))
    if drop_dominated:
        locked = forced[sites].copy()
        locked[pairs.ravel()] = True
        left = np.flatnonzero(~covering.dominated(*graph, cost[sites], locked))
        if len(left) < len(sites):
            label = None if apart is None else _labels(apart, member, rows.shape[0])
            again, rows = _merge(_columns(rows, left), label)
            member[member >= 0] = again[member[member >= 0]]
            sites, graph = sites[left], _graph(rows)
            pairs = _pairs(clashes, sites, len(keep))
    return Net(rows, graph, member, sites, cost[sites], forced[sites], pairs)


def _labels(apart: IntArray, member: IntArray, n_rows: int) -> IntArray:
    label = np.zeros(n_rows, dtype=np.int64)
    label[member[member >= 0]] = apart[member >= 0]
    return label


def _columns(pattern: csr_array, sites: IntArray) -> csr_array:
    if len(sites) == pattern.shape[1]:
        return pattern
    place = np.full(pattern.shape[1], -1, dtype=np.int64)
    place[sites] = np.arange(len(sites))
    columns = place[pattern.indices]
    kept = columns >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return csr_array(
        (np.ones(int(kept.sum()), dtype=np.int8), columns[kept], before[pattern.indptr]),
        shape=(pattern.shape[0], len(sites)),
    )


def _merge(rows: csr_array, apart: IntArray | None) -> tuple[IntArray, csr_array]:
    pointer, items = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
    full = np.flatnonzero(np.diff(pointer))
    member = np.full(rows.shape[0], -1, dtype=np.int64)
    # A sum of random words names a catchment; the rows it names alike are compared below.
    words = np.random.default_rng(0).integers(0, 2**63, rows.shape[1] + 1, dtype=np.uint64)
    names = np.zeros(len(full), dtype=np.uint64)
    if len(full):
        names = np.add.reduceat(words[items], pointer[full])
    if apart is not None:
        names += apart[full].astype(np.uint64) * words[-1]
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    other = np.arange(rows.shape[0])
    other[full] = full[first[inverse]]
    alike = covering.same_as(pointer, items, other)
    if apart is not None:
        alike &= apart == apart[other]
    other[~alike] = np.flatnonzero(~alike)
    heads, place = np.unique(other[full], return_inverse=True)
    member[full] = place
    starts, counts = pointer[heads], np.diff(pointer)[heads]
    ends = np.cumsum(counts)
    at = np.arange(int(counts.sum())) + np.repeat(starts - (ends - counts), counts)
    merged = csr_array(
        (np.ones(len(at), dtype=np.int8), items[at], np.concatenate([[0], ends])),
        shape=(len(heads), rows.shape[1]),
    )
    return member, merged


def _graph(rows: csr_array) -> Graph:
    by_site = csr_array(rows.T.tocsr())
    by_site.sort_indices()
    a, b, c, d = (
        part.astype(np.int64)
        for part in (rows.indptr, rows.indices, by_site.indptr, by_site.indices)
    )
    return a, b, c, d


def _pairs(clashes: IntArray, sites: IntArray, n_sites: int) -> IntArray:
    place = np.full(n_sites, -1, dtype=np.int64)
    place[sites] = np.arange(len(sites))
    pairs = place[clashes].reshape(-1, 2)
    return pairs[(pairs >= 0).all(axis=1)]
