"""What keeps people from a service: how its use fades with distance or time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from geocn._typing import FloatArray
from geocn.errors import ParameterError

Decay: TypeAlias = (
    Literal["binary", "gaussian", "power"]
    | Mapping[float, float]
    | Callable[[FloatArray], FloatArray]
)


def decay_weights(
    costs: csr_array,
    decay: Decay,
    *,
    threshold: float,
    bandwidth: float | None = None,
    power: float = 1.0,
    nearest: float | None = None,
) -> csr_array:
    """Weight every pair within the threshold by its cost.

    Parameters
    ----------
    costs : (n, m) csr_array
        An entry for each pair within the threshold, one of 0 among them.
    decay, threshold, bandwidth, power, nearest
        See :func:`geocn.coverage.accessibility`.

    Returns
    -------
    (n, m) csr_array
        Weights of 0 or more at the same entries.

    Raises
    ------
    ParameterError
        Where an option is out of range or the weights are negative, infinite or no numbers.
    """
    cost = costs.data
    if callable(decay):
        weights = np.asarray(decay(cost.copy()), dtype=np.float64)
    elif isinstance(decay, Mapping):
        weights = _steps(cost, decay, threshold)
    elif decay == "binary":
        weights = np.ones(len(cost))
    elif decay == "gaussian":
        if bandwidth is None or not 0 < bandwidth < np.inf:
            raise ParameterError(
                f"bandwidth is {bandwidth!r}; give the cost at which a gaussian decay is 0.61"
            )
        weights = np.exp(-0.5 * (cost / bandwidth) ** 2)
    elif decay == "power":
        if nearest is None or not 0 < nearest < np.inf or not 0 < power < np.inf:
            raise ParameterError(
                f"power is {power!r} and nearest {nearest!r}; give a power above 0 and the cost "
                "below which no place is nearer"
            )
        weights = np.maximum(cost, nearest) ** -power
    else:
        raise ParameterError(
            f"decay is {decay!r}; choose 'binary', 'gaussian', 'power', a mapping from upper "
            "cost to weight, or a function"
        )
    if weights.shape != cost.shape or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ParameterError("decay gives weights that are negative, infinite or not one a pair")
    return csr_array((weights, costs.indices, costs.indptr), shape=costs.shape)


def _steps(cost: FloatArray, steps: Mapping[float, float], threshold: float) -> FloatArray:
    upto = np.array(sorted(steps), dtype=np.float64)
    worth = np.array([steps[u] for u in sorted(steps)], dtype=np.float64)
    if not len(upto) or not (upto > 0).all() or upto[-1] < threshold:
        raise ParameterError(
            f"decay has steps up to {upto.tolist()}; let the last reach threshold {threshold:g}"
        )
    weights: FloatArray = worth[np.searchsorted(upto, cost, side="left")]
    return weights
