"""Local hot and cold spots: the Getis-Ord Gi and Gi* statistics."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
from scipy import sparse

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import LayerError, ParameterError
from geocn.hotspots import tails
from geocn.hotspots.correction import Correction, adjust
from geocn.hotspots.local import check_options, expectation, under_exposure
from geocn.hotspots.moments import gi_score, window_weights
from geocn.hotspots.values import numeric_column
from geocn.provenance import attach
from geocn.spatial.neighbours import Neighbours, describe, neighbour_matrix

Inference = Literal["auto", "exact", "permutation", "analytic"]


def getis_ord(
    frame: gpd.GeoDataFrame,
    value: str,
    *,
    neighbours: Neighbours,
    star: bool = True,
    exposure: str | None = None,
    inference: Inference = "auto",
    permutations: int | None = None,
    alpha: float = 0.05,
    correction: Correction = "bh",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Find hot and cold spots with Gi\* (``star=True``) or Gi.

    .. math:: G_i^* z = \frac{\sum_j w_{ij} x_j - W_i \bar x}
              {s \sqrt{(n \sum_j w_{ij}^2 - W_i^2) / (n - 1)}}

    and Gi the same without the cell itself, in the sums and in the moments. The p-value is
    two-sided with ties in both tails; except for ``"analytic"`` it is conditional on the
    cell's own value, and so the same for Gi and Gi\*.

    Parameters
    ----------
    frame : GeoDataFrame
        Cells, areas or points; see :func:`make_grid` and :func:`count_events`.
    value : str
        Column to analyse. Rows where it is null take no part.
    neighbours : "queen", "rook", metres, distance_band, knn, sparse matrix or libpysal Graph
        See :func:`geocn.spatial.neighbours.neighbour_matrix`.
    star : bool
        Whether a cell belongs to its own neighbourhood.
    exposure : str, optional
        Column of what the count should be proportional to (patrol hours, border length,
        population). The statistic then works on the rate, and inference on counts under
        the expectation ``exposure * sum(value) / sum(exposure)``, which for counts is the
        binomial tail of the neighbourhood's count given the total. Rows with no exposure
        and no events take no part.
    inference : {"auto", "exact", "permutation", "analytic"}
        "exact": the law of a sum of counts drawn without replacement; no Monte Carlo noise.
        "permutation": conditional permutation, shared between cells of equal cardinality.
        "analytic": normal scores, which cry wolf on sparse counts. "auto": exact for
        counts where that is cheap, else permutation.
    permutations : int, optional
        Number of permutations; by default as many as the correction needs to find anything
        (twice the number of tests over alpha, at most 5 million; for unequal weights 99,999
        with sequential stopping).
    alpha : float
        Level of significance after correction.
    correction : {"bh", "by", "bonferroni", "none"}
        See :func:`geocn.hotspots.correction.adjust`.
    seed : int
        Seed of the permutations.

    Returns
    -------
    GeoDataFrame
        The frame with ``value, n_neighbours, gi_z, p_value, p_adjusted, significant,
        hotspot_class``; with exposure also ``exposure, expected, rate, rate_eb, relative_risk``
        (see :func:`geocn.hotspots.empirical_bayes.shrunken_rates`). Classes are hot, cold,
        not_significant, no_neighbours and no_data. Columns of these names in the input are
        replaced.

    Raises
    ------
    SchemaError
        Where a column is missing or not numeric.
    LayerError
        Where values are infinite, exposure is negative, or events stand where there is no
        exposure; the rows are named.
    ParameterError
        Where an option is out of range.

    Notes
    -----
    The moments of unequal weights are those of Ord and Getis (1995). For row-standardised
    weights the 1992 form with W in place of the sum of squares is kept, as in PySAL, so
    scores compare with it; they are nearer to zero than the scores of the same binary
    weights, and permutation and exact p-values do not depend on them.

    References
    ----------
    Getis & Ord 1992, doi:10.1111/j.1538-4632.1992.tb00261.x;
    Ord & Getis 1995, doi:10.1111/j.1538-4632.1995.tb00912.x;
    Besag & Clifford 1991, doi:10.1093/biomet/78.2.301.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(20) for x in range(20)]
    >>> counts = np.zeros(400, int)
    >>> counts[[0, 1, 2, 20, 21, 22, 40, 41, 42]] = 5
    >>> grid = gpd.GeoDataFrame({"n_events": counts}, geometry=cells, crs=6933)
    >>> hot = getis_ord(grid, "n_events", neighbours="queen")
    >>> int((hot["hotspot_class"] == "hot").sum())
    11
    """
    check_options(inference, permutations, alpha, correction)
    y = numeric_column(frame, value, analysis="getis_ord")
    exposed = None if exposure is None else numeric_column(frame, exposure, analysis="getis_ord")
    valid = _valid(frame, value, y, exposure, exposed)
    weights = _among(neighbour_matrix(frame, neighbours), valid)
    test = _Test(star, inference, permutations, alpha, seed)
    result = frame.copy()
    columns, method = _score(frame, y, exposed, valid, weights=weights, test=test)
    columns["p_adjusted"] = adjust(columns["p_value"], correction=correction)
    columns["significant"] = columns["p_adjusted"] <= alpha
    columns["hotspot_class"] = _classes(columns, valid)
    for name, data in columns.items():
        result[name] = data
    result["hotspot_class"] = result["hotspot_class"].astype("str")
    return attach(
        result,
        "hotspots.getis_ord",
        value=value,
        exposure=exposure,
        star=star,
        neighbours=describe(neighbours),
        alpha=alpha,
        correction=correction,
        seed=seed,
        crs=frame.crs,
        n_tests=int(np.isfinite(columns["p_value"]).sum()),
        left_out={
            "no_data": int((~valid).sum()),
            "no_neighbours": int((columns["hotspot_class"] == "no_neighbours").sum()),
        },
        **method,
    )


class _Test:
    """The options of one test."""

    def __init__(
        self, star: bool, inference: str, permutations: int | None, alpha: float, seed: int
    ) -> None:
        self.star, self.inference, self.permutations = star, inference, permutations
        self.alpha, self.seed = alpha, seed


def _valid(
    frame: gpd.GeoDataFrame,
    value: str,
    y: FloatArray,
    exposure: str | None,
    exposed: FloatArray | None,
) -> BoolArray:
    def refuse(bad: BoolArray, found: str, expected: str) -> None:
        if bad.any():
            rows = list(frame.index[bad])
            raise LayerError("getis_ord", found=found, expected=expected, rows=rows)

    refuse(np.isinf(y), f"infinite {value}", "finite numbers or null")
    if exposed is None:
        return ~np.isnan(y)
    refuse(np.isinf(exposed) | (exposed < 0), f"negative or infinite {exposure}", "0 or more")
    refuse(y < 0, f"negative {value} with exposure", "0 or more")
    refuse((exposed == 0) & (y != 0) & ~np.isnan(y), f"{value} where {exposure} is 0", "exposure")
    return ~np.isnan(y) & (exposed > 0)


def _among(weights: sparse.csr_matrix, valid: BoolArray) -> sparse.csr_matrix:
    """Weights between rows that take part; the others neither give nor receive."""
    if valid.all():
        return weights
    keep = sparse.diags_array(valid.astype(float), format="csr")
    kept = sparse.csr_matrix(keep @ weights @ keep)
    kept.eliminate_zeros()
    return kept


def _score(
    frame: gpd.GeoDataFrame,
    y: FloatArray,
    exposed: FloatArray | None,
    valid: BoolArray,
    *,
    weights: sparse.csr_matrix,
    test: _Test,
) -> tuple[dict[str, AnyArray], dict[str, object]]:
    rows = np.flatnonzero(valid)
    among = sparse.csr_matrix(weights[rows][:, rows])
    window, others = window_weights(among, star=test.star)
    k = np.diff(others.indptr)
    tested = k > 0
    counts = y[rows]
    rate = counts if exposed is None else counts / exposed[rows]
    cells = tails.Cells(rate, others, others @ rate, tested)
    z = gi_score(rate, window, star=test.star)
    details: dict[str, object] = {"inference": tails.choose(cells, test.inference)}
    details["permutations"] = None
    if exposed is not None and test.inference in ("auto", "exact"):
        counted = bool(tails.whole_counts(counts).all()) and cells.equal_weights
        if test.inference == "exact" and not counted:
            raise ParameterError('inference="exact" with exposure needs counts and equal weights')
        details["inference"] = "exact" if counted else "permutation"
    if exposed is not None and details["inference"] == "exact":
        z, p = under_exposure(counts, exposed[rows], window)
    elif details["inference"] == "exact":
        p = tails.exact_p(cells, list(frame.index[rows]))
    elif details["inference"] == "permutation":
        p, details["permutations"] = tails.permutation_p(
            cells, permutations=test.permutations, alpha=test.alpha, seed=test.seed
        )
    else:
        p = tails.analytic_p(z)
    p = np.where(np.isnan(p), 1.0, p)  # constant data: nothing is unusual
    n = len(frame)
    columns: dict[str, AnyArray] = {
        "value": y,
        "n_neighbours": np.zeros(n, dtype=np.int64),
        "gi_z": np.full(n, np.nan),
        "p_value": np.full(n, np.nan),
    }
    columns["n_neighbours"][rows] = k
    columns["gi_z"][rows[tested]] = z[tested]
    columns["p_value"][rows[tested]] = p[tested]
    if exposed is not None:
        columns |= expectation(y, exposed, valid)
    return columns, details


def _classes(columns: dict[str, AnyArray], valid: BoolArray) -> AnyArray:
    sign, significant = columns["gi_z"], columns["significant"]
    conditions = [~valid, columns["n_neighbours"] == 0, significant & (sign > 0)]
    names = ["no_data", "no_neighbours", "hot"]
    return np.select(
        [*conditions, significant & (sign < 0)], [*names, "cold"], default="not_significant"
    ).astype(object)
