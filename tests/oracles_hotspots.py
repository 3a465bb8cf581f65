"""Slow and plain versions of the hotspot arithmetic, to hold the fast ones to; their worlds."""

import warnings
from itertools import combinations

import geopandas as gpd
import libpysal
import numpy as np
import shapely
from scipy import sparse, stats


def lattice(values, *, index=None, **columns):
    """Unit squares with a matrix of values ``n``, and other columns beside it."""
    values = np.asarray(values)
    rows, wide = values.shape
    cells = [shapely.box(x, y, x + 1, y + 1) for y in range(rows) for x in range(wide)]
    data = {"n": values.ravel()} | {name: np.ravel(given) for name, given in columns.items()}
    return gpd.GeoDataFrame(data, geometry=cells, crs=6933, index=index)


def pysal(dense):
    """Weights of a dense matrix as esda takes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return libpysal.weights.WSP(sparse.csr_matrix(dense)).to_W(silence_warnings=True)


def gi_by_loops(y, weights, *, star):
    """Ord & Getis 1995, one cell at a time; weights without diagonal, self weight 1 if star."""
    y, w = np.asarray(y, float), np.asarray(weights, float).copy()
    n, z = len(y), []
    for i in range(n):
        if star:
            w[i, i] = 1
            others = np.arange(n)
        else:
            w[i, i] = 0
            others = np.delete(np.arange(n), i)
        x, m = y[others], len(others)
        mean, s = x.mean(), x.std()
        total, squares = w[i].sum(), (w[i] ** 2).sum()
        spread = s * np.sqrt((m * squares - total**2) / (m - 1))
        z.append((w[i] @ y - total * mean) / spread if spread > 1e-12 and w[i].any() else np.nan)
    return np.array(z)


def conditional_p_by_enumeration(y, neighbours):
    """Two-sided p of each neighbour sum over every way to choose the neighbours' values."""
    p = []
    for i, ids in enumerate(neighbours):
        rest = np.delete(np.asarray(y), i)
        sums = np.array([sum(c) for c in combinations(rest.tolist(), len(ids))])
        observed = sum(y[j] for j in ids)
        high, low = np.mean(sums >= observed - 1e-9), np.mean(sums <= observed + 1e-9)
        p.append(min(1.0, 2 * min(high, low)))
    return np.array(p)


def binomial_two_sided(observed, total, share):
    """Sum the probabilities of each tail one by one."""
    pmf = [stats.binom.pmf(k, total, share) for k in range(int(total) + 1)]
    return min(1.0, 2 * min(sum(pmf[int(observed) :]), sum(pmf[: int(observed) + 1])))
