"""Whether all demand can be served within a cost: as a search, and as rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array, csr_array

from geocn._typing import BoolArray, FloatArray
from geocn.coverage._highs import Programme
from geocn.coverage.locate_median_bound import Lists
from geocn.coverage.locate_median_model import Rows, Rule, assignment_programme, sites_first
from geocn.coverage.locate_median_search import search
from geocn.coverage.locate_problem import Problem
from geocn.coverage.locate_service import Service

# Pairs of rows (of sites) that share a site (a row) and are compared; above, none is dropped.
_MOST_COMPARED = 50_000_000


def cover_within(lists: Lists, service: Service) -> BoolArray:
    """Serve as many rows as possible by the pairs of ``service``: greedy and exchanges."""
    n_rows, n_pairs = len(service.rows), len(service.site)
    flat = replace(
        lists, start=service.start, site=service.site, cost=np.zeros(n_pairs),
        unserved=np.ones(n_rows),
    )  # fmt: skip
    return search(flat, lists.is_kept.copy())


def cover_programme(
    problem: Problem, service: Service, rule: Rule, price: FloatArray, *, is_whole: bool = True
) -> Programme:
    """Serve every row by one of its pairs, for the least sum of ``price``.

    With capacities each row is assigned, whole, to one site. ``is_whole=False`` leaves out
    that sites are open or closed: a quick bound.
    """
    if problem.capacity is not None:
        nothing = np.zeros(problem.n_demand)
        programme = assignment_programme(problem, service, nothing, problem.weights, rule)
        cost = programme.cost + np.pad(price, (0, len(programme.cost) - len(price)))
    else:
        pattern, rule = _essential(problem, service, rule, price)
        rows = Rows.beside(problem, 0)
        at = pattern.tocoo()
        limit = np.full(pattern.shape[0], np.inf)
        row, site = (part.astype(np.int64) for part in at.coords)
        rows.add(row, site, np.ones(pattern.nnz), 1.0, limit)
        programme = rows.programme(price, *sites_first(rule, 0), 0.0)
        cost = price
    integer = programme.integer & is_whole
    return replace(programme, cost=cost, integer=integer)


def _essential(
    problem: Problem, service: Service, rule: Rule, price: FloatArray
) -> tuple[csr_array, Rule]:
    """Drop rows that others take care of, and sites that another one replaces.

    A row is served wherever a row with fewer sites is; a site that serves no more rows than
    another, and costs no less, need not open (Toregas & ReVelle 1972).
    """
    usable = (rule.may & ~rule.forced)[service.site]
    served = np.zeros(len(service.rows), dtype=bool)
    served[service.owner[rule.forced[service.site]]] = True
    usable &= ~served[service.owner]
    shape = (len(service.rows), service.n_sites)
    at = service.owner[usable], service.site[usable]
    pattern = csr_array(coo_array((np.ones(int(usable.sum())), at), shape=shape))
    pattern = pattern[np.flatnonzero(~served)]
    pattern = pattern[np.flatnonzero(~_holds_another(pattern))]
    if len(problem.clashes):
        return pattern, rule
    columns = csr_array(pattern.T)
    spare = _within_another(columns, price + (0.0 if problem.budget is None else problem.site_cost))
    pattern = csr_array(pattern @ _diagonal(~spare))
    pattern.eliminate_zeros()
    pattern = pattern[np.flatnonzero(~_holds_another(pattern))]
    return pattern, Rule(rule.may & ~spare, rule.forced)


def _diagonal(kept: BoolArray) -> csr_array:
    at = np.arange(len(kept))
    return csr_array((kept.astype(np.float64), (at, at)), shape=(len(kept), len(kept)))


def _shared(pattern: csr_array) -> tuple[FloatArray, coo_array] | None:
    """Size of each row, and how much two rows have in common; None where that is too much."""
    used = np.bincount(pattern.indices, minlength=pattern.shape[1])
    if float((used.astype(np.float64) ** 2).sum()) > _MOST_COMPARED:
        return None
    return np.diff(pattern.indptr).astype(np.float64), coo_array(pattern @ pattern.T)


def _holds_another(pattern: csr_array) -> BoolArray:
    """Rows that hold all of another row; of equal ones the first stays."""
    found = np.zeros(pattern.shape[0], dtype=bool)
    shared = _shared(pattern)
    if shared is not None:
        size, both = shared
        a, b = both.coords
        whole = (both.data == size[b]) & ((size[a] > size[b]) | ((size[a] == size[b]) & (b < a)))
        found[a[whole]] = True
    return found


def _within_another(pattern: csr_array, price: FloatArray) -> BoolArray:
    """Rows that lie within another one of no greater price; of equal ones the first stays."""
    found = np.zeros(pattern.shape[0], dtype=bool)
    shared = _shared(pattern)
    if shared is not None:
        size, both = shared
        a, b = both.coords
        same = (size[a] == size[b]) & (price[a] == price[b])
        whole = (both.data == size[a]) & (price[b] <= price[a]) & (~same | (b < a))
        found[a[whole & (a != b)]] = True
    return found
