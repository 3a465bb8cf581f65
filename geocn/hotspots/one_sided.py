"""One-sided tests of events that may lie in several places."""

from __future__ import annotations

import numpy as np
from scipy import stats

from geocn._typing import FloatArray
from geocn.hotspots.combining import combine_scores


def combine_upper(p_value: FloatArray, *, most: float) -> FloatArray:
    """Combine one-sided p-values over imputations by their normal scores.

    Parameters
    ----------
    p_value : (m, n) array
        Upper tails; NaN stays NaN. With m = 1 they are returned as they are.
    most : float
        p-values above it count as it: a tail that holds everything has p = 1 and no score.

    Examples
    --------
    >>> combine_upper(np.array([[0.01, 0.5], [0.2, 0.5]]), most=0.999).round(3).tolist()
    [0.165, 0.5]
    """
    if len(p_value) == 1:
        return np.array(p_value[0])
    z, _, _ = combine_scores(stats.norm.isf(np.minimum(p_value, most)))
    combined: FloatArray = stats.norm.sf(z)
    return combined
