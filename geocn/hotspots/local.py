"""What the local statistics share: their options, and the law of counts under exposure."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import ParameterError
from geocn.hotspots import tails
from geocn.hotspots.correction import CORRECTIONS
from geocn.hotspots.empirical_bayes import shrunken_rates

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


def under_exposure(
    counts: FloatArray, exposed: FloatArray, window: sparse.csr_matrix
) -> tuple[FloatArray, FloatArray]:
    """Scores and exact p-values of window counts under counts proportional to exposure.

    Without the cell itself (Gi), its count and exposure leave the total as well.
    """
    pattern = window.copy()
    pattern.data = np.ones_like(pattern.data)
    own = pattern.diagonal() > 0
    total = np.where(own, counts.sum(), counts.sum() - counts)
    reach = np.where(own, exposed.sum(), exposed.sum() - exposed)
    observed = pattern @ counts
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((pattern @ exposed) / reach, 0.0, 1.0)
        spread = np.sqrt(total * share * (1 - share))
        z = np.where(spread > 0, (observed - total * share) / spread, np.nan)
    return z, tails.binomial_p(observed, total, np.nan_to_num(share))


def expectation(y: FloatArray, exposed: FloatArray, valid: BoolArray) -> dict[str, AnyArray]:
    """Columns of what exposure makes expected: expected count, rates and relative risk."""
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
