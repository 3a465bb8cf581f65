"""Standard errors, intervals, bands and joint tests from what each area contributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, stats

from geocn._typing import BoolArray, FloatArray, IntArray

#: Degrees of freedom below which a bootstrap over so few clusters is not believed alone.
FEW_DEGREES = 40.0
#: Degrees left for the denominator of F below which its law is too rough.
_LEAST_BELOW = 12.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Independent contributions (clusters in rows), and the strata that they come from."""

    influence: FloatArray
    stratum: IntArray

    @staticmethod
    def of(influence: FloatArray, cluster: IntArray, stratum: IntArray) -> Spread:
        """Add contributions up by cluster; clusters of several areas form one stratum."""
        n = int(cluster.max()) + 1 if len(cluster) else 0
        if n == len(cluster):
            return Spread(influence, stratum)
        total = np.zeros((n, influence.shape[1]))
        np.add.at(total, cluster, influence)
        return Spread(total, np.zeros(n, dtype=np.int64))

    def parts(self) -> list[tuple[FloatArray, int]]:
        """Covariance within each stratum and between strata, with degrees of freedom.

        Within a stratum of m clusters the sum of squares is taken times m / (m - 1).
        """
        found = []
        between = np.zeros((self.influence.shape[1],) * 2)
        for one in np.unique(self.stratum):
            rows = self.influence[self.stratum == one]
            m, mean = len(rows), rows.mean(axis=0)
            between += m * np.outer(mean, mean)
            if m > 1:
                found.append(((rows - mean).T @ (rows - mean) * (m / (m - 1)), m - 1))
        return [*found, (between, max(len(self.influence) - 1, 1))]

    def errors(self) -> tuple[FloatArray, FloatArray]:
        """Return the standard error of each effect and Welch and Satterthwaite's degrees."""
        square = np.zeros(self.influence.shape[1])
        fourth = np.zeros_like(square)
        between = np.zeros_like(square)
        for one in np.unique(self.stratum):
            rows = self.influence[self.stratum == one]
            m, mean = len(rows), rows.mean(axis=0)
            between += m * mean**2
            if m > 1:
                within = ((rows - mean) ** 2).sum(axis=0) * (m / (m - 1))
                square += within
                fourth += within**2 / (m - 1)
        square += between
        fourth += between**2 / max(len(self.influence) - 1, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(square), square**2 / fourth


def intervals(
    estimate: FloatArray, error: FloatArray, degrees: FloatArray, confidence: float
) -> pd.DataFrame:
    """Student's t intervals and two-sided p-values; NaN where there is no error."""
    known = error > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = stats.t.ppf((1 + confidence) / 2, degrees) * error
        p_value = 2 * stats.t.sf(np.abs(estimate) / error, degrees)
    columns = {
        "estimate": estimate,
        "std_error": error,
        "degrees": degrees,
        "low": estimate - reach,
        "high": estimate + reach,
        "p_value": p_value,
    }
    return pd.DataFrame(
        {name: values if name == "estimate" else np.where(known, values, np.nan)
         for name, values in columns.items()}
    )  # fmt: skip


def band(
    spread: Spread, known: BoolArray, *, confidence: float, draws: int, seed: int
) -> FloatArray:
    """Half-width of intervals that hold for all ``known`` effects at once.

    The largest of |effect / error| over Rademacher draws (multiplier bootstrap) gives the
    level that one effect needs; its t quantile takes the place of the normal one. Few
    clusters give draws too few shapes: then no level above Sidak's (1967,
    doi:10.1080/01621459.1967.10482935) is believed.
    """
    error, degrees = spread.errors()
    scale = np.sqrt((spread.influence**2).sum(axis=0))
    known = known & (error > 0)
    if not known.any():
        return np.full(len(error), np.nan)
    unit = spread.influence[:, known] / scale[known]
    sign = np.random.default_rng(seed).integers(0, 2, (draws, len(unit)), dtype=np.int8)
    largest = np.abs((2.0 * sign - 1.0) @ unit).max(axis=1)
    level = stats.norm.sf(np.quantile(largest, confidence))
    level = min(level, (1 - confidence) / 2)
    if degrees[known].min() < FEW_DEGREES:
        level = min(level, (1 - confidence ** (1 / int(known.sum()))) / 2)
    return np.where(known, stats.t.isf(level, np.where(known, degrees, 1.0)) * error, np.nan)


@dataclass(frozen=True, slots=True)
class Pretrend:
    """Joint test that no effect shows before the programme began.

    Parameters
    ----------
    statistic : float
        F, or the largest |t|; NaN where nothing could be tested, and then ``note`` says why.
    p_value : float
    degrees : float
        Of the denominator of F; NaN for the largest t.
    n_leads : int
        Leads that enter the test, the degrees of freedom of the numerator.
    method : str
        ``F``, ``largest t`` (few clusters for so many leads) or ``none``.
    note : str
        Why there is no test, or empty.
    """

    statistic: float
    p_value: float
    degrees: float
    n_leads: int
    method: str
    note: str = ""


def joint_test(estimate: FloatArray, spread: Spread) -> Pretrend:
    """Test that all effects are 0: Hotelling's statistic with Krishnamoorthy and Yu's degrees.

    Strata may have covariances of their own (2004, doi:10.1016/j.spl.2003.10.012). With few
    clusters for so many effects their covariance is too rough: the largest t stands in, by
    Sidak's inequality.
    """
    k, nan = len(estimate), float("nan")
    if k == 0:
        return Pretrend(nan, nan, nan, 0, "none", "no lead with a standard error")
    parts = spread.parts()
    covariance = np.sum([part for part, _ in parts], axis=0)
    if linalg.eigvalsh(_correlation(covariance))[0] > 1e-10 * k:
        inverse = linalg.inv(covariance)
        slack = 0.0
        for part, degrees in parts:
            share = part @ inverse
            slack += float(np.trace(share @ share) + np.trace(share) ** 2) / degrees
        nu = k * (k + 1) / slack
        below = nu - k + 1
        if below >= _LEAST_BELOW or k == 1:
            f = float(estimate @ inverse @ estimate) * below / (nu * k)
            return Pretrend(f, float(stats.f.sf(f, k, below)), below, k, "F")
    error, freedom = spread.errors()
    size = np.abs(estimate) / error
    smallest = float(np.min(2 * stats.t.sf(size, freedom)))
    p_value = float(-np.expm1(k * np.log1p(-smallest))) if smallest < 1 else 1.0
    return Pretrend(float(size.max()), p_value, nan, k, "largest t")


def _correlation(covariance: FloatArray) -> FloatArray:
    scale = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.nan_to_num(covariance / np.outer(scale, scale))
    return found
