"""Clusters and outliers: the Local Moran statistic."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from geocn._typing import FloatArray
from geocn.hotspots.correction import Correction
from geocn.hotspots.empirical_bayes import standardised_rates
from geocn.hotspots.local import LocalTest, labels, prepare, under_exposure
from geocn.hotspots.surroundings import Surroundings
from geocn.hotspots.tails import Inference, Tails
from geocn.provenance import attach
from geocn.spatial.lattice import LatticeNeighbours
from geocn.spatial.neighbours import DistanceBand, KNearest, Neighbours, describe

_QUADRANTS = ["high_high", "high_low", "low_high", "low_low"]


def local_moran(
    frame: gpd.GeoDataFrame,
    value: str,
    *,
    neighbours: Neighbours,
    exposure: str | None = None,
    inference: Inference = "auto",
    permutations: int | None = None,
    alpha: float = 0.05,
    correction: Correction = "bh",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Find clusters (high among high, low among low) and outliers with Local Moran.

    .. math:: I_i = \frac{(n - 1)\, d_i \sum_{j \ne i} w_{ij} d_j}{\sum_j d_j^2},
              \qquad d_i = x_i - \bar x

    The p-value is two-sided with ties in both tails and conditional on the cell's own
    value: it asks whether the neighbours are unusual for the rest of the map.

    Parameters
    ----------
    frame : GeoDataFrame
        Cells, areas or points; see :func:`make_grid` and :func:`count_events`.
    value : str
        Column to analyse. Rows where it is null take no part.
    neighbours : "queen", "rook", metres, distance_band, knn, sparse matrix or libpysal Graph
        Weights of a kind given by name are row-standardised: the lag is the mean of the
        neighbours. A matrix or Graph is taken with its weights, without its diagonal.
    exposure : str, optional
        Column of what the count should be proportional to (patrol hours, border length,
        population). The statistic then works on the rate less its mean, standardised by
        empirical Bayes (Assunção & Reis 1999). For counts with equal weights the p-value
        is the binomial tail of the neighbours' count given the total without the cell, and
        high means more than ``exposure * sum(value) / sum(exposure)``; otherwise
        the standardised rates are permuted. Rows with no exposure and no events take no part.
    inference : {"auto", "exact", "permutation", "analytic"}
        As in :func:`getis_ord`.
    permutations : int, optional
        Number of permutations; by default as many as the correction needs.
    alpha : float
        Level of significance after correction.
    correction : {"bh", "by", "bonferroni", "none"}
        See :func:`geocn.hotspots.correction.adjust`.
    seed : int
        Seed of the permutations.

    Returns
    -------
    GeoDataFrame
        The frame with ``value, n_neighbours, local_i, local_z, p_value, p_adjusted,
        significant, quadrant, hotspot_class``; with exposure also ``exposure, expected,
        rate, rate_eb, relative_risk``; with imputed counts ``fraction_missing``.
        ``local_z`` is the standard score of ``local_i`` given the
        cell's own value (moments of drawing neighbours without replacement). The
        quadrants are high_high, low_low, high_low (a high cell among low ones) and
        low_high; classes are the quadrants of significant cells, not_significant,
        no_neighbours and no_data. Columns of these names in the input are replaced.

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
    A cell that equals the mean has ``local_i`` 0 whatever its neighbours, so its p-value
    is 1. The factor n - 1 is that of GeoDa and PySAL; R's spdep has n.

    References
    ----------
    Anselin 1995, doi:10.1111/j.1538-4632.1995.tb00338.x;
    Sokal, Oden & Thomson 1998, doi:10.1111/j.1538-4632.1998.tb00406.x;
    Assunção & Reis 1999, doi:10.1002/(SICI)1097-0258(19990830)18:16<2147::AID-SIM179>3.0.CO;2-I.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(20) for x in range(20)]
    >>> counts = np.zeros(400, int)
    >>> counts[[0, 1, 2, 20, 21, 22, 40, 41, 42]] = 5
    >>> grid = gpd.GeoDataFrame({"n_events": counts}, geometry=cells, crs=6933)
    >>> found = local_moran(grid, "n_events", neighbours="queen")
    >>> int((found["hotspot_class"] == "high_high").sum())
    9
    """
    test = prepare(
        frame,
        value,
        analysis="local_moran",
        neighbours=neighbours,
        exposure=exposure,
        inference=inference,
        permutations=permutations,
        alpha=alpha,
        correction=correction,
        seed=seed,
    )
    moran = _Moran(test, _scale(test.around, neighbours))
    verdict = test.judge(moran.tails)
    local_i, z, high, lag = test.mean_of(moran.scores)
    columns = test.columns(verdict, {"local_i": local_i, "local_z": z})
    quadrant = np.where(high > 0, np.where(lag > 0, 0, 1), np.where(lag > 0, 2, 3))
    quadrant = np.where(test.tested & ~np.isnan(local_i), quadrant, -1)
    columns["quadrant"] = labels(test.data.spread(quadrant, blank=-1), _QUADRANTS)
    columns["hotspot_class"] = test.classes(verdict, quadrant, _QUADRANTS)
    return attach(
        frame.assign(**columns),
        "hotspots.local_moran",
        value=value,
        exposure=exposure,
        neighbours=describe(neighbours),
        alpha=alpha,
        correction=correction,
        seed=seed,
        crs=frame.crs,
        **test.record(),
    )


def _scale(around: Surroundings, neighbours: Neighbours) -> FloatArray:
    """Return what makes the weights of neighbours that take part a mean, or ones."""
    named = (str, int, float, np.number, DistanceBand, KNearest, LatticeNeighbours)
    if not (isinstance(neighbours, named) or around.is_standardised):
        return np.ones(len(around.k))
    total = around.weight
    return np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)


@dataclass(frozen=True, slots=True)
class _Moran:
    """The statistic of the rows that take part; ``scale`` makes their weights a mean."""

    test: LocalTest
    scale: FloatArray

    def deviations(self, y: FloatArray) -> FloatArray:
        """Deviations from the mean of what is analysed: values, or standardised rates."""
        exposed = self.test.data.among
        x = y if exposed is None else standardised_rates(y, exposed)
        d = x - x.mean() if len(x) else x
        # What rounding leaves of constant data, or of a value at the mean, is not deviation.
        return np.where(np.abs(d) > 1e-12 * np.abs(x).max(initial=0.0), d, 0.0)

    def tails(self, y: FloatArray) -> Tails:
        """Return the p-values of the neighbours' sums; 1 where the cell itself is at the mean."""
        d, alone = self.deviations(y), ~self.test.tested
        own = np.zeros(len(y), dtype=bool)
        found = self.test.law(y, d, own=own, score=lambda: self.lag_score(d, self.lag(d)))
        return found.having(1.0, (d == 0) & ~alone)

    def lag(self, d: FloatArray) -> FloatArray:
        """Return the lag of deviations."""
        return self.scale * self.test.around.lag(d)

    def lag_score(self, d: FloatArray, lag: FloatArray) -> FloatArray:
        """Score each lag against its law given the cell's own value (Sokal et al. 1998)."""
        n = len(d)
        around = self.test.around
        total, squares = self.scale * around.weight, self.scale**2 * around.squares
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = -d / (n - 1)
            variance = ((d**2).sum() - d**2) / (n - 1) - mean**2
            spread = np.sqrt(variance * ((n - 1) * squares - total**2) / (n - 2))
            z: FloatArray = (lag - total * mean) / spread
        return np.where(np.isfinite(z), z, np.nan)

    def scores(self, y: FloatArray) -> tuple[FloatArray, ...]:
        """Return local I, its standard score, own deviation and that of the neighbours."""
        d = self.deviations(y)
        lag = self.lag(d)
        squares = float(d @ d)
        local_i = d * lag * ((len(d) - 1) / squares) if squares else np.full(len(d), np.nan)
        z = self.lag_score(d, lag)
        high = d
        exposed = self.test.data.among
        if self.test.inference == "exact" and exposed is not None:
            own = np.zeros(len(y), dtype=bool)
            z = under_exposure(y, exposed, self.test.around, own=own)[0]
            high, lag = y * exposed.sum() - exposed * y.sum(), np.nan_to_num(z)
        return local_i, np.where(d != 0, np.sign(d) * z, np.nan), high, lag
