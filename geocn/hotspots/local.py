"""What the local statistics share: their options, data, laws and columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import LayerError, ParameterError
from geocn.hotspots.combining import combine_scores, scores_from_p
from geocn.hotspots.correction import Correction, level_faults
from geocn.hotspots.empirical_bayes import rate_columns, shrunken_rates
from geocn.hotspots.imputation import imputed_columns
from geocn.hotspots.surroundings import Surroundings, surroundings
from geocn.hotspots.tails import (
    Tails,
    analytic_p,
    binomial_tails,
    choose,
    exact_tails,
    inference_faults,
    permutation_tails,
    refuse_other_than_counts,
    whole_counts,
)
from geocn.hotspots.values import numeric_column
from geocn.spatial.neighbours import Neighbours

_BLANK = ["not_significant", "no_neighbours", "no_data"]


@dataclass(frozen=True, slots=True)
class Data:
    """Values of all rows, which rows take part, and of those the values to test.

    Attributes
    ----------
    y, exposed : (n,) arrays
        The value, and the exposure if there is one.
    valid : (n,) boolean array
        Rows with a value and, where exposure is given, some exposure.
    passes : list of (m,) arrays
        Values of the rows that take part: one array, or one for every imputation.
    among : (m,) array, optional
        Exposure of the rows that take part.
    labels : Index
        Index of the rows that take part.
    """

    y: FloatArray
    exposed: FloatArray | None
    valid: BoolArray
    passes: list[FloatArray]
    among: FloatArray | None
    labels: pd.Index

    def spread(self, x: AnyArray, *, tested: BoolArray | None = None, blank: int = 0) -> AnyArray:
        """Put what was computed for the rows that take part among all rows.

        Elsewhere stands NaN, or ``blank`` among whole numbers.
        """
        if tested is not None and not tested.all():
            x = np.where(tested, x, np.nan)
        if self.valid.all():
            return x
        spread = np.full(len(self.y), blank if np.issubdtype(x.dtype, np.integer) else np.nan)
        spread[self.valid] = x
        return spread.astype(x.dtype)


def read(frame: gpd.GeoDataFrame, value: str, exposure: str | None, *, analysis: str) -> Data:
    """Read value, imputations and exposure, and refuse what cannot be, all faults at once."""
    y = numeric_column(frame, value, analysis=analysis)
    exposed = None if exposure is None else numeric_column(frame, exposure, analysis=analysis)
    faults = [(np.isinf(y), f"infinite {value}", "finite numbers or null")]
    valid = ~np.isnan(y)
    if exposed is not None:
        away = np.isinf(exposed) | (exposed < 0)
        faults += [
            (away, f"negative or infinite {exposure}", "0 or more"),
            (y < 0, f"negative {value} with exposure", "0 or more"),
            ((exposed == 0) & (y > 0), f"{value} where {exposure} is 0", "exposure"),
        ]
        valid &= exposed > 0
    columns = {
        n: numeric_column(frame, n, analysis=analysis) for n in imputed_columns(frame, value)
    }
    for name, column in columns.items():
        faults.append((valid & ~np.isfinite(column), f"null or infinite {name}", "a number"))
    _refuse(frame, [fault for fault in faults if fault[0].any()], analysis)
    passes = list(columns.values()) or [y]
    if valid.all():
        return Data(y, exposed, valid, passes, exposed, frame.index)
    among = None if exposed is None else exposed[valid]
    return Data(y, exposed, valid, [x[valid] for x in passes], among, frame.index[valid])


def _refuse(
    frame: gpd.GeoDataFrame, faults: list[tuple[BoolArray, str, str]], analysis: str
) -> None:
    if faults:
        rows = np.logical_or.reduce([bad for bad, _, _ in faults])
        raise LayerError(
            analysis,
            found="; ".join(found for _, found, _ in faults),
            expected="; ".join(dict.fromkeys(expected for _, _, expected in faults)),
            rows=list(frame.index[rows]),
        )


def _choose_law(data: Data, around: Surroundings, inference: str, *, analysis: str) -> str:
    """Name the inference; the binomial law under exposure costs nothing and needs no budget."""
    if inference == "exact":
        for y in data.passes:
            refuse_other_than_counts(y, data.labels, analysis=analysis)
        if not around.equal:
            raise ParameterError('inference="exact" needs equal weights; use "permutation"')
    if data.among is None or inference in ("permutation", "analytic"):
        return choose(data.passes[0], around, inference)
    whole = all(bool(whole_counts(y).all()) for y in data.passes)
    return "exact" if whole and around.equal else "permutation"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Tails of the rows that take part, corrected, and how much hangs on unknown places."""

    tails: Tails
    adjusted: FloatArray
    fraction_missing: FloatArray | None


@dataclass(slots=True)
class LocalTest:
    """What a local statistic is tested with; ``draws`` becomes the number it took.

    ``around`` and all arrays are of the rows that take part.
    """

    analysis: str
    data: Data
    around: Surroundings
    inference: str
    permutations: int | None
    alpha: float
    correction: Correction
    seed: int
    draws: int | None = None

    @property
    def tested(self) -> BoolArray:
        """Which of the rows that take part have neighbours."""
        tested: BoolArray = self.around.k > 0
        return tested

    def law(
        self, y: FloatArray, x: FloatArray, *, own: BoolArray, score: Callable[[], FloatArray]
    ) -> Tails:
        """p-values of sums over neighbours; NaN without neighbours, 1 where none is unusual.

        The exact laws are those of the values y (``own`` as of :func:`under_exposure`),
        permutation deals out x, and ``score`` gives what is compared with a normal law.
        """
        exposed, around = self.data.among, self.around
        if self.inference == "exact" and exposed is None:
            found = exact_tails(y, around, self.data.labels, analysis=self.analysis)
        elif self.inference == "exact" and exposed is not None:
            found = under_exposure(y, exposed, around, own=own)[1]
        elif self.inference == "permutation":
            found, self.draws = permutation_tails(
                x, around, permutations=self.permutations, alpha=self.alpha, seed=self.seed
            )
        else:
            z = score()
            found = Tails(analytic_p(z), z > 0)
        unknown = found.of_rows(np.isnan(found.p))
        return found.having(1.0, unknown).having(np.nan, ~self.tested)

    def judge(self, law: Callable[[FloatArray], Tails]) -> Verdict:
        """Apply a law to the values, or to each imputation of them, combine, and correct."""
        passes = self.data.passes
        if len(passes) == 1:
            tails = law(passes[0])
            return Verdict(tails, tails.adjusted(self.correction), None)
        scores = np.empty((len(passes), len(passes[0])))
        for row, x in enumerate(passes):
            found = law(x)
            sign = np.where(found.of_rows(found.is_upper), 1, -1)
            scores[row] = scores_from_p(found.of_rows(found.p), sign)
        z, p, missing = combine_scores(scores)
        tails = Tails(p, z > 0)
        return Verdict(tails, tails.adjusted(self.correction), missing)

    def mean_of(self, statistic: Callable[[FloatArray], Any]) -> Any:
        """Return a statistic of the values, or its mean over their imputations."""
        each = [statistic(y) for y in self.data.passes]
        return each[0] if len(each) == 1 else np.mean(each, axis=0)

    def columns(self, verdict: Verdict, statistics: dict[str, FloatArray]) -> dict[str, AnyArray]:
        """Columns up to ``significant``, the statistics among them."""
        data, tails, tested = self.data, verdict.tails, self.tested
        columns: dict[str, AnyArray] = {
            "value": data.y,
            "n_neighbours": data.spread(self.around.k),
            **{name: data.spread(x, tested=tested) for name, x in statistics.items()},
            "p_value": data.spread(tails.of_rows(tails.p)),
            **expectation(data),
            "p_adjusted": data.spread(verdict.adjusted),
        }
        if verdict.fraction_missing is not None:
            columns["fraction_missing"] = data.spread(verdict.fraction_missing, tested=tested)
        columns["significant"] = columns["p_adjusted"] <= self.alpha
        return columns

    def classes(self, verdict: Verdict, code: IntArray, names: list[str]) -> Any:
        """Name the class of significant rows by their code, and of the others why they have none.

        A significant row without a code is null.
        """
        n = len(names)
        code = np.where(verdict.adjusted <= self.alpha, code, n)
        code = np.where(self.tested, code, n + 1)
        return labels(self.data.spread(code, blank=n + 2), [*names, *_BLANK])

    def record(self) -> dict[str, Any]:
        """Say for the provenance what was tested and how."""
        passes, n_tests = len(self.data.passes), int(self.tested.sum())
        return {
            "n_tests": n_tests,
            "left_out": {
                "no_data": int((~self.data.valid).sum()),
                "no_neighbours": len(self.around.k) - n_tests,
            },
            "inference": self.inference,
            "permutations": self.draws,
            "imputations": passes if passes > 1 else None,
            "dispersion": _dispersion(self.data),
        }


def prepare(
    frame: gpd.GeoDataFrame,
    value: str,
    *,
    analysis: str,
    neighbours: Neighbours,
    exposure: str | None,
    inference: str,
    permutations: int | None,
    alpha: float,
    correction: Correction,
    seed: int,
) -> LocalTest:
    """Check the options, read the data, find the neighbours and choose the law."""
    faults = inference_faults(inference, permutations) + level_faults(alpha, correction)
    if faults:
        raise ParameterError("; ".join(faults))
    data = read(frame, value, exposure, analysis=analysis)
    around = surroundings(frame, neighbours, data.valid)
    chosen = _choose_law(data, around, inference, analysis=analysis)
    return LocalTest(analysis, data, around, chosen, permutations, alpha, correction, seed)


def under_exposure(
    counts: FloatArray, exposed: FloatArray, around: Surroundings, *, own: BoolArray
) -> tuple[FloatArray, Tails]:
    """Scores and exact tails of window counts under counts proportional to exposure.

    Where the cell is not its ``own`` neighbour (Gi), its count and exposure leave the total
    as well.
    """
    total = np.where(own, counts.sum(), counts.sum() - counts)
    reach = np.where(own, exposed.sum(), exposed.sum() - exposed)
    observed = around.sums(counts) + own * counts
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((around.sums(exposed) + own * exposed) / reach, 0.0, 1.0)
        spread = np.sqrt(total * share * (1 - share))
        z = np.where(spread > 0, (observed - total * share) / spread, np.nan)
    return z, binomial_tails(observed, total, np.nan_to_num(share))


def expectation(data: Data) -> dict[str, AnyArray]:
    """Columns of what exposure makes expected: expected count, rates and relative risk."""
    y, exposed, valid = data.y, data.exposed, data.valid
    if exposed is None:
        return {}
    overall = y[valid].sum() / exposed[valid].sum() if valid.any() else np.nan
    expected = np.where(valid, exposed * overall, np.nan)
    shrunk = shrunken_rates(np.where(valid, y, np.nan), np.where(valid, exposed, np.nan))
    return rate_columns(y, exposed, expected=expected, rate_eb=shrunk)


def _dispersion(data: Data) -> float | None:
    """Pearson's chi-square of counts under exposure over its degrees of freedom; 1 if Poisson."""
    if data.among is None or len(data.among) < 2 or not data.y[data.valid].any():
        return None
    counts = data.y[data.valid]
    expected = data.among * counts.sum() / data.among.sum()
    return float(((counts - expected) ** 2 / expected).sum() / (len(counts) - 1))


def labels(code: IntArray, names: list[str]) -> Any:
    """Return the names that codes stand for as a column of strings; null where negative."""
    found = pa.array(names, pa.large_string()).take(pa.array(code, mask=code < 0))
    return pd.array(found, dtype="str")
