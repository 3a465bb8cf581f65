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
from geocn.hotspots.correction import CORRECTIONS
from geocn.hotspots.empirical_bayes import shrunken_rates
from geocn.hotspots.imputation import imputed_columns
from geocn.hotspots.surroundings import Surroundings
from geocn.hotspots.tails import Tails, binomial_tails, choose, refuse_other_than_counts
from geocn.hotspots.values import numeric_column

_INFERENCES = ("auto", "exact", "permutation", "analytic")


def check_options(inference: str, permutations: int | None, alpha: float, correction: str) -> None:
    """Refuse options that are out of range, all of them at once."""
    faults = []
    if inference not in _INFERENCES:
        faults.append(f"inference {inference!r} is not one of {', '.join(_INFERENCES)}")
    if permutations is not None and permutations < 1:
        faults.append(f"permutations is {permutations}, not 1 or more")
    if not 0 < alpha < 1:
        faults.append(f"alpha is {alpha}, not between 0 and 1")
    if correction not in CORRECTIONS:
        faults.append(f"correction {correction!r} is not one of {', '.join(CORRECTIONS)}")
    if faults:
        raise ParameterError("; ".join(faults))


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


def choose_law(data: Data, around: Surroundings, inference: str, *, analysis: str) -> str:
    """Name the inference; the binomial law under exposure costs nothing and needs no budget."""
    if inference == "exact":
        for y in data.passes:
            refuse_other_than_counts(y, data.labels, analysis=analysis)
        if not around.equal:
            raise ParameterError('inference="exact" needs equal weights; use "permutation"')
    if data.among is None or inference in ("permutation", "analytic"):
        return choose(data.passes[0], around, inference)
    whole = all(bool(((y >= 0) & (y == np.floor(y))).all()) for y in data.passes)
    return "exact" if whole and around.equal else "permutation"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Tails of the rows that take part, and how much of them hangs on unknown places."""

    tails: Tails
    fraction_missing: FloatArray | None


def infer(passes: list[FloatArray], law: Callable[[FloatArray], Tails]) -> Verdict:
    """Apply a law to the values, or to each imputation of them, and combine."""
    if len(passes) == 1:
        return Verdict(law(passes[0]), None)
    scores = np.empty((len(passes), len(passes[0])))
    for row, x in enumerate(passes):
        found = law(x)
        sign = np.where(found.of_rows(found.is_upper), 1, -1)
        scores[row] = scores_from_p(found.of_rows(found.p), sign)
    z, p, missing = combine_scores(scores)
    return Verdict(Tails(p, z > 0), missing)


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
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(valid, y / exposed, np.nan)
        risk = np.where(expected > 0, y / expected, np.nan)
    shrunk = shrunken_rates(np.where(valid, y, np.nan), np.where(valid, exposed, np.nan))
    return {
        "exposure": exposed,
        "expected": expected,
        "rate": rate,
        "rate_eb": shrunk,
        "relative_risk": risk,
    }


def labels(code: IntArray, names: list[str]) -> Any:
    """Return the names that codes stand for as a column of strings; null where negative."""
    found = pa.array(names, pa.large_string()).take(pa.array(code, mask=code < 0))
    return pd.array(found, dtype="str")
