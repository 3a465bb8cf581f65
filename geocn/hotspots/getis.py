"""Local hot and cold spots: the Getis-Ord Gi and Gi* statistics."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from geocn._typing import FloatArray
from geocn.hotspots.correction import Correction
from geocn.hotspots.local import LocalTest, prepare, under_exposure
from geocn.hotspots.moments import Window, gi_score, window_of
from geocn.hotspots.tails import Inference, Tails
from geocn.provenance import attach
from geocn.spatial.neighbours import Neighbours, describe


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
        (see :func:`geocn.hotspots.empirical_bayes.shrunken_rates`); with imputed counts
        ``fraction_missing``. Classes are hot, cold,
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
    test = prepare(
        frame,
        value,
        analysis="getis_ord",
        neighbours=neighbours,
        exposure=exposure,
        inference=inference,
        permutations=permutations,
        alpha=alpha,
        correction=correction,
        seed=seed,
    )
    gi = _Gi(test, window_of(test.around, star=star), star)
    verdict = test.judge(gi.tails)
    columns = test.columns(verdict, {"gi_z": test.mean_of(gi.score)})
    cold = np.where(verdict.tails.of_rows(verdict.tails.is_upper), 0, 1)
    columns["hotspot_class"] = test.classes(verdict, cold, ["hot", "cold"])
    return attach(
        frame.assign(**columns),
        "hotspots.getis_ord",
        value=value,
        exposure=exposure,
        star=star,
        neighbours=describe(neighbours),
        alpha=alpha,
        correction=correction,
        seed=seed,
        crs=frame.crs,
        **test.record(),
    )


@dataclass(frozen=True, slots=True)
class _Gi:
    """The statistic of the rows that take part."""

    test: LocalTest
    window: Window
    star: bool

    def _rate(self, y: FloatArray) -> FloatArray:
        exposed = self.test.data.among
        return y if exposed is None else y / exposed

    def score(self, y: FloatArray) -> FloatArray:
        """Return the standard scores of the windows."""
        exposed, window = self.test.data.among, self.window
        if exposed is not None and self.test.inference == "exact":
            return under_exposure(y, exposed, window.around, own=window.own > 0)[0]
        return gi_score(self._rate(y), window, star=self.star)

    def tails(self, y: FloatArray) -> Tails:
        """Return the p-values of the windows."""
        own = self.window.own > 0
        return self.test.law(y, self._rate(y), own=own, score=lambda: self.score(y))
