"""Small counts held back, and with them enough others that no subtraction brings them back.

A table with its margins is a set of sums that each published margin states. Seen as a graph,
rows and columns are nodes and every cell that is held back is an edge between its row and
its column; a cell can be found by subtracting exactly where its edge is a bridge, for then
no other cell can make up for a change of it (Gusfield 1988).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError

_NOTHING_LEFT = np.inf
# A margin is worth more to a reader than any of its cells.
_MARGIN = 1e6


@dataclass(frozen=True)
class Suppressed:
    """A table of counts without those held back.

    Attributes
    ----------
    table : DataFrame
        The counts, null where held back; with a last row and column "total" where the
        table has two dimensions, and the last row only where it has one column.
    primary : DataFrame
        Whether a count is small.
    complementary : DataFrame
        Whether it is held back to guard a small one; margins may be too.
    """

    table: pd.DataFrame
    primary: pd.DataFrame
    complementary: pd.DataFrame


def suppress(table: pd.DataFrame | pd.Series, *, min_count: int) -> Suppressed:
    """Hold back counts from 1 to below ``min_count``, and what would give them away.

    Counts of 0 are told. Cells are added, the smallest first, until no held-back count
    follows from the others and the margins, and until those held back in a line sum up to
    ``min_count`` at least where they can. Margins are held back last.

    Parameters
    ----------
    table : DataFrame or Series
        Counts from 0 on, without margins.
    min_count : int
        Least count that may be told.

    Returns
    -------
    Suppressed

    Raises
    ------
    ParameterError
        Where a count is negative or not a number.

    References
    ----------
    Gusfield 1988, A graph theoretic approach to statistical data security,
    doi:10.1137/0217034. Cox 1980, Suppression methodology and statistical disclosure
    control, doi:10.1080/01621459.1980.10477481.

    Example
    -------
    >>> counts = pd.DataFrame({"2024": [1, 9, 4], "2025": [8, 7, 6]}, index=["a", "b", "c"])
    >>> suppress(counts, min_count=3).table.fillna(-1).astype(int).values.tolist()
    [[-1, -1, 9], [9, 7, 16], [-1, -1, 10], [14, 21, 35]]
    """
    frame = table.to_frame("count") if isinstance(table, pd.Series) else table
    counts = frame.to_numpy(dtype=float)
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise ParameterError("counts are numbers from 0 on; fill or drop the others first")
    whole = _with_margins(counts)
    small = (whole > 0) & (whole < min_count)
    hidden = guard(whole, small, min_count=min_count)
    labels = pd.Index([*frame.index, "total"])
    columns = pd.Index([*frame.columns, "total"])
    if frame.shape[1] == 1:
        whole, hidden, small = whole[:, :1], hidden[:, :1], small[:, :1]
        columns = columns[:1]
    return Suppressed(
        pd.DataFrame(np.where(hidden, np.nan, whole), index=labels, columns=columns),
        pd.DataFrame(small, index=labels, columns=columns),
        pd.DataFrame(hidden & ~small, index=labels, columns=columns),
    )


def _with_margins(counts: FloatArray) -> FloatArray:
    rows = np.column_stack([counts, counts.sum(axis=1)])
    return np.vstack([rows, rows.sum(axis=0)])


def guard(whole: FloatArray, small: BoolArray, *, min_count: float) -> BoolArray:
    """Say what to hold back of a table whose last row and column are margins.

    Parameters
    ----------
    whole : (r + 1, c + 1) array
        Counts with margins. A table of one column (c = 1) counts as a list: its column
        total is the grand total.
    small : array of bool
        What must be held back.
    min_count : float
        Least sum of what is held back in a line.
    """
    hidden = small.copy()
    if whole.shape[1] == 2:
        # The column of row totals repeats the only column: as one edge it would be no guard.
        hidden[:, 0] = _fill_line(whole[:, 0], hidden[:, 0] | hidden[:, 1], min_count)
        hidden[:, 1] = hidden[:, 0]
        return hidden
    if whole.shape[0] == 2:
        return guard(whole.T, small.T, min_count=min_count).T
    while True:
        before = int(hidden.sum())
        for line in range(whole.shape[0]):
            hidden[line] = _fill_line(whole[line], hidden[line], min_count)
        for line in range(whole.shape[1]):
            hidden[:, line] = _fill_line(whole[:, line], hidden[:, line], min_count)
        for row, column in _bridges(hidden):
            _close(whole, hidden, row, column)
        if int(hidden.sum()) == before:
            return hidden


def _fill_line(values: FloatArray, hidden: BoolArray, least: float) -> BoolArray:
    """Hold back the smallest others of a line until at least two are, with a sum large enough.

    The last value is the margin: it goes only where nothing else is left. Zeros stay.
    """
    result = hidden.copy()
    cells = values[:-1]
    order = [int(i) for i in np.argsort(cells, kind="stable") if cells[i] > 0 and not result[i]]
    while result.any() and not result[-1]:
        if result.sum() >= 2 and cells[result[:-1]].sum() >= least:
            break
        if not order:
            # One cell alone equals its margin; several small ones together are a small sum.
            result[-1] = True
            break
        result[order.pop(0)] = True
    if result[-1] and not result[:-1].any():
        positive = np.flatnonzero(cells > 0)
        if len(positive):
            result[positive[np.argmin(cells[positive])]] = True
    return result


def _neighbours(hidden: BoolArray) -> list[list[tuple[int, int]]]:
    """Return the edges of each node, rows first: the other end and the edge's number."""
    n_rows = hidden.shape[0]
    found: list[list[tuple[int, int]]] = [[] for _ in range(sum(hidden.shape))]
    for number, (row, column) in enumerate(np.argwhere(hidden).tolist()):
        found[row].append((n_rows + column, number))
        found[n_rows + column].append((row, number))
    return found


def _bridges(hidden: BoolArray) -> list[tuple[int, int]]:
    """Return the cells that follow from all the others (Tarjan 1974, without recursion)."""
    edges = np.argwhere(hidden)
    near = _neighbours(hidden)
    seen = np.full(len(near), -1)
    low = np.full(len(near), -1)
    found: list[tuple[int, int]] = []
    clock = 0
    for root in range(len(near)):
        if seen[root] >= 0:
            continue
        seen[root] = low[root] = clock
        clock += 1
        stack = [(root, -1, iter(near[root]))]
        while stack:
            node, by, others = stack[-1]
            for other, edge in others:
                if edge == by:
                    continue
                if seen[other] < 0:
                    seen[other] = low[other] = clock
                    clock += 1
                    stack.append((other, edge, iter(near[other])))
                    break
                low[node] = min(low[node], seen[other])
            else:
                stack.pop()
                if stack:
                    above = stack[-1][0]
                    low[above] = min(low[above], low[node])
                    if low[node] > seen[above]:
                        found.append((int(edges[by][0]), int(edges[by][1])))
    return found


def _close(whole: FloatArray, hidden: BoolArray, row: int, column: int) -> None:
    """Hold back the cheapest way from a cell's column back to its row, so that it is in a ring."""
    n_rows = whole.shape[0]
    cost = np.where(hidden, 0.0, np.where(whole > 0, whole, _NOTHING_LEFT))
    margin = np.zeros(whole.shape, dtype=bool)
    margin[-1], margin[:, -1] = True, True
    cost = np.where(margin & ~hidden, cost + _MARGIN + whole.sum(), cost)
    cost[row, column] = _NOTHING_LEFT
    best: dict[int, float] = {row: 0.0}
    came: dict[int, int] = {}
    queue: list[tuple[float, int]] = [(0.0, row)]
    while queue:
        spent, node = heapq.heappop(queue)
        if node == n_rows + column:
            break
        if spent > best[node]:
            continue
        is_row = node < n_rows
        line = cost[node] if is_row else cost[:, node - n_rows]
        for place, step in enumerate(line):
            other = n_rows + place if is_row else place
            if np.isfinite(step) and spent + step < best.get(other, np.inf):
                best[other], came[other] = spent + step, node
                heapq.heappush(queue, (spent + step, other))
    node = n_rows + column
    while node in came:
        one, other = sorted((node, came[node]))
        hidden[one, other - n_rows] = True
        node = came[node]


def dominated(values: FloatArray, groups: Any, *, n: int, percent: float) -> dict[Any, bool]:
    """Say of each group whether its ``n`` largest values make up more than ``percent``.

    Parameters
    ----------
    values : array
        What each contributor adds; nulls add nothing.
    groups : array
        The group of each value.
    n : int
        Number of the largest contributors.
    percent : float
        Share of the sum in percent.

    References
    ----------
    Hundepool et al. 2012, Statistical Disclosure Control, doi:10.1002/9781118348239.

    Example
    -------
    >>> dominated(np.array([95.0, 5.0, 4.0, 4.0]), np.array([0, 0, 1, 1]), n=1, percent=80)
    {0: True, 1: False}
    """
    frame = pd.DataFrame({"value": np.nan_to_num(np.asarray(values, dtype=float)), "group": groups})
    frame = frame[frame["value"] > 0].sort_values("value", ascending=False, kind="stable")
    total = frame.groupby("group", sort=True)["value"].sum()
    top = frame.groupby("group", sort=True).head(n).groupby("group", sort=True)["value"].sum()
    return {one: bool(top[one] > total[one] * percent / 100) for one in total.index}
