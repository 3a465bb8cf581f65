"""The seventeen patterns of a series of hot, cold and unremarkable steps."""

from __future__ import annotations

import numpy as np

from geocn._typing import AnyArray, BoolArray, FloatArray

#: Share of steps from which a place is hot (or cold) nearly always.
NEARLY_ALWAYS = 0.9

#: What each pattern says of a hot spot; of a cold spot the same, mirrored. The first that
#: fits holds, that of the state in the last step before the others.
RULES = {
    "new": "hot in the last step, never before",
    "consecutive": "one unbroken run of at least two hot steps to the last, none before it, "
    "hot in less than 90 % of steps",
    "intensifying": "hot in at least 90 % of steps and in the last; scores rise",
    "persistent": "hot in at least 90 % of steps and in the last; scores have no trend",
    "diminishing": "hot in at least 90 % of steps and in the last; scores fall",
    "historical": "hot in at least 90 % of steps, not in the last",
    "oscillating": "hot in the last step and in less than 90 %, cold in some earlier step",
    "sporadic": "hot in the last step, on and off before, in less than 90 %, never cold",
}
#: The seventeen names.
CLASSES = (
    *(f"{pattern}_hot" for pattern in RULES),
    *(f"{pattern}_cold" for pattern in RULES),
    "none",
)


def rules() -> dict[str, str]:
    """Return the rule of each of the seventeen names, for a result's metadata."""
    told = {f"{pattern}_hot": rule for pattern, rule in RULES.items()}
    swap = {"hot": "cold", "cold": "hot", "rise": "fall", "fall": "rise"}
    for pattern, rule in RULES.items():
        parts = rule.replace(",", " ,").replace(";", " ;").split(" ")
        words = " ".join(swap.get(word, word) for word in parts)
        told[f"{pattern}_cold"] = words.replace(" ,", ",").replace(" ;", ";")
    told["none"] = "none of these"
    return told


def classify(state: AnyArray, valid: BoolArray, trend: AnyArray) -> AnyArray:
    """Name the pattern of each row.

    Parameters
    ----------
    state : (m, n) integer array
        1 hot, -1 cold, 0 neither.
    valid : (m, n) boolean array
        Steps that were observed; the others are passed over, so that "last" is the last
        observed step of the row and shares are of observed steps.
    trend : (m,) integer array
        1 where scores rise significantly, -1 where they fall, 0 otherwise.

    Returns
    -------
    (m,) object array
        Names out of ``CLASSES``; rows without an observed step are "none".
    """
    last = last_state(state, valid)
    found = {sign: _patterns(state * sign, valid, trend * sign, last * sign) for sign in (1, -1)}
    conditions, names = [], []
    for pattern in RULES:
        for sign, word in ((1, "hot"), (-1, "cold")):
            conditions.append(found[sign][pattern])
            names.append(f"{pattern}_{word}")
    if not len(state):
        return np.empty(0, dtype=object)
    named: AnyArray = np.select(conditions, names, default="none").astype(object)
    return named


def last_place(valid: BoolArray) -> AnyArray:
    """Place of the last observed step of each row, -1 where there is none."""
    n = valid.shape[1]
    if not n:
        return np.full(len(valid), -1)
    return np.where(valid.any(axis=1), n - 1 - np.argmax(valid[:, ::-1], axis=1), -1)


def last_state(state: AnyArray, valid: BoolArray) -> AnyArray:
    """State in the last observed step of each row, 0 where there is none."""
    place = last_place(valid)
    if not state.shape[1]:
        return np.zeros(len(state), dtype=np.int8)
    return np.where(place >= 0, state[np.arange(len(state)), place], 0)


def share_of(state: AnyArray, valid: BoolArray, sign: int) -> FloatArray:
    """Share of the observed steps of each row that have this state; NaN where none is."""
    n = valid.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: FloatArray = ((state == sign) & valid).sum(axis=1) / n
    return share


def _patterns(
    state: AnyArray, valid: BoolArray, trend: AnyArray, last: AnyArray
) -> dict[str, BoolArray]:
    """Find the patterns of a hot spot; those of a cold spot by turning the signs."""
    hot, cold = (state == 1) & valid, (state == -1) & valid
    n_hot, n = hot.sum(axis=1), valid.sum(axis=1)
    now = last == 1
    # In whole numbers: 9 of 10 is 90 % exactly.
    mostly = (10 * n_hot >= 10 * NEARLY_ALWAYS * n) & (n > 0)
    one_run = n_hot == _run_to_last(hot, valid)
    return {
        "new": now & (n_hot == 1),
        "consecutive": now & one_run & (n_hot >= 2) & ~mostly,
        "intensifying": now & mostly & (trend == 1),
        "persistent": now & mostly & (trend == 0),
        "diminishing": now & mostly & (trend == -1),
        "historical": ~now & mostly,
        "oscillating": now & ~mostly & cold.any(axis=1),
        "sporadic": now & ~mostly & ~cold.any(axis=1),
    }


def _run_to_last(hot: BoolArray, valid: BoolArray) -> AnyArray:
    """Length of the run of hot steps that ends in the last observed one."""
    broken = valid & ~hot
    n = hot.shape[1]
    after = np.where(broken.any(axis=1), n - np.argmax(broken[:, ::-1], axis=1), 0) if n else 0
    run: AnyArray = (hot & (np.arange(n) >= np.reshape(after, (-1, 1)))).sum(axis=1)
    return run
