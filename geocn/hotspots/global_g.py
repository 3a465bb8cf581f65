"""Whether high values gather at all: the global G of Getis and Ord."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy import sparse, stats

from geocn._typing import FloatArray
from geocn.errors import ParameterError
from geocn.hotspots.correction import two_sided
from geocn.hotspots.surroundings import Surroundings, surroundings
from geocn.hotspots.values import numeric_column, refuse_rows
from geocn.provenance import attach
from geocn.spatial.neighbours import Neighbours, describe

_NAME = "global_g"


def global_g(
    frame: gpd.GeoDataFrame,
    value: str,
    *,
    neighbours: Neighbours,
    inference: Literal["permutation", "analytic"] = "permutation",
    permutations: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Ask of the whole map whether high values lie near high ones.

    .. math:: G = \frac{\sum_{i \ne j} w_{ij} x_i x_j}{\sum_{i \ne j} x_i x_j}

    Parameters
    ----------
    frame : GeoDataFrame
        Cells, areas or points.
    value : str
        Column to analyse, 0 or more. Rows where it is null take no part.
    neighbours : "queen", "rook", metres, distance_band, knn, sparse matrix or libpysal Graph
        See :func:`geocn.spatial.neighbours.neighbour_matrix`; a diagonal is left out.
    inference : {"permutation", "analytic"}
        "permutation": values are dealt out anew over the whole map. "analytic": normal score
        by the exact moments under such dealing.
    permutations : int
        Number of permutations.
    seed : int
        Seed of the permutations.

    Returns
    -------
    DataFrame
        One row: ``g, expected_g, variance_g, z, p_value, n_cells``. Moments are those under
        random dealing of the values. The p-value is two-sided with ties in both tails; it and
        z are NaN where values are constant, all 0, or nothing has a neighbour.

    Raises
    ------
    SchemaError
        Where the column is missing or not numeric.
    LayerError
        Where values are negative or infinite; the rows are named.
    ParameterError
        Where an option is out of range.

    References
    ----------
    Getis & Ord 1992, doi:10.1111/j.1538-4632.1992.tb00261.x.

    Examples
    --------
    >>> import geopandas as gpd
    >>> xy = [(10, 10), (20, 10), (40, 10), (15, 20), (30, 20), (30, 30)]
    >>> points = gpd.GeoDataFrame(
    ...     {"y": [2, 3, 3.2, 5, 8, 7]}, geometry=gpd.points_from_xy(*zip(*xy)), crs=6933
    ... )
    >>> round(float(global_g(points, "y", neighbours=15)["g"].iloc[0]), 8)
    0.55709779
    """
    if inference not in ("permutation", "analytic"):
        raise ParameterError(f"inference {inference!r}; choose 'permutation' or 'analytic'")
    if permutations < 1:
        raise ParameterError(f"permutations is {permutations}, not 1 or more")
    y = numeric_column(frame, value, analysis=_NAME)
    refuse_rows(
        frame,
        np.isinf(y) | (y < 0),
        analysis=_NAME,
        found=f"negative or infinite {value}",
        expected="0 or more",
    )
    valid = ~np.isnan(y)
    around, x = surroundings(frame, neighbours, valid), y[valid]
    mean, variance = _moments(x, around)
    pairs = x.sum() ** 2 - (x**2).sum()
    g = float(x @ around.lag(x)) / pairs if pairs > 0 else np.nan
    # What rounding leaves of constant data is not variance.
    spread = np.sqrt(variance) if variance > 1e-14 * mean**2 else np.nan
    z = (g - mean) / spread
    p = 2 * stats.norm.sf(abs(z))
    if inference == "permutation" and np.isfinite(z):
        p = _permuted(x, around, permutations, seed)
    row = {"g": g, "expected_g": mean, "variance_g": variance, "z": z, "p_value": p}
    return attach(
        pd.DataFrame([row], dtype=float).assign(n_cells=len(x)),
        "hotspots.global_g",
        value=value,
        neighbours=describe(neighbours),
        inference=inference,
        permutations=permutations,
        seed=seed,
        crs=frame.crs,
        n_tests=1,
        left_out={"no_data": int((~valid).sum())},
    )


def _moments(x: FloatArray, around: Surroundings) -> tuple[float, float]:
    """Mean and variance of G over all ways to deal the values out (Getis & Ord 1992)."""
    n = len(x)
    s0 = float(around.weight.sum())
    if n < 4 or s0 == 0 or not x.any():
        return (s0 / (n * (n - 1)) if n > 1 else np.nan), np.nan
    into, s1 = _both_ways(around)
    s2 = float(((into + around.weight) ** 2).sum())
    # Scaled so that powers stay in range; G does not change.
    m1, m2, m3, m4 = (float(((x / x.max()) ** power).sum()) for power in (1, 2, 3, 4))
    b0 = (n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2
    b1 = -((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    b2 = -(2 * n * s1 - (n + 3) * s2 + 6 * s0**2)
    b3 = 4 * (n - 1) * s1 - 2 * (n + 1) * s2 + 8 * s0**2
    b4 = s1 - s2 + s0**2
    square = b0 * m2**2 + b1 * m4 + b2 * m1**2 * m2 + b3 * m1 * m3 + b4 * m1**4
    ways = float(n) * (n - 1) * (n - 2) * (n - 3)
    pairs = m1**2 - m2
    mean = s0 / (n * (n - 1))
    return mean, (square / (pairs**2 * ways) - mean**2 if pairs > 0 else np.nan)


def _both_ways(around: Surroundings) -> tuple[FloatArray, float]:
    """Weights into each row, and half the sum of squares of weights both ways together."""
    if around.matrix is None:
        return around.weight, 2 * float(around.weight.sum())
    other = sparse.csr_matrix(around.matrix.T)
    together = around.matrix + other
    return other @ np.ones(len(around.k)), float((together.data**2).sum()) / 2


def _permuted(x: FloatArray, around: Surroundings, permutations: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    observed = x @ around.lag(x)
    slack = 1e-12 * abs(observed)
    high = low = 0
    for _ in range(permutations):
        dealt = rng.permutation(x)
        found = dealt @ around.lag(dealt)
        high += bool(found >= observed - slack)
        low += bool(found <= observed + slack)
    tails = (np.array([(count + 1) / (permutations + 1)]) for count in (high, low))
    return float(two_sided(*tails)[0])
