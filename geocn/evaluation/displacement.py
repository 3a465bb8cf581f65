"""Whether what fell in a treated area rose next door: displacement of counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import optimize, special

from geocn._typing import FloatArray
from geocn.errors import LayerError, ParameterError
from geocn.evaluation.columns import amounts, check_level, refuse, require_columns
from geocn.evaluation.intervals import conditional_p
from geocn.evaluation.quotient import quotient, total_net_effect
from geocn.provenance import KEY, attach

Role = Literal["treated", "control", "displacement_treated", "displacement_control"]

#: Sign of a rise of each role in the weighted displacement difference.
SIGNS: Mapping[str, float] = {
    "treated": 1.0,
    "control": -1.0,
    "displacement_treated": 1.0,
    "displacement_control": -1.0,
}
#: Plain rings beside the stretches of corridors; they stand in for the displacement roles.
RINGS: Mapping[str, str] = {
    "ring_treated": "displacement_treated",
    "ring_control": "displacement_control",
}
#: Below this count in any cell the normal approximation is not to be leaned on.
_SMALL = 5


def displacement(
    counts: pd.DataFrame,
    *,
    time_weights: tuple[float, float] | None = None,
    area_weights: Mapping[str, float] | None = None,
    harm_weights: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    simulations: int = 20_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Compare the change of a treated area with its control and with the areas next to both.

    The weighted displacement difference (WDD) is a weighted sum of Poisson counts,

    .. math::
        \mathrm{WDD} = \sum_k h_k \sum_r s_r
            \frac{y_{kr,after} / t_{after} - y_{kr,before} / t_{before}}{a_r}, \qquad
        \mathrm{var} = \sum c^2 y,

    with sign s = +1 for the treated area and its displacement area, -1 for the controls,
    and c the weight that each count y carries. Negative means a fall beyond that of the
    controls. Its normal approximation is held against the exact conditional law: with equal
    weights the counts that enter with + are, given all of them, binomial with share 1/2;
    with unequal ones counts are drawn under the best fitting rates that give no difference.

    Parameters
    ----------
    counts : DataFrame
        ``role`` (treated, control, displacement_treated, displacement_control; the last two
        may be missing), ``before`` and ``after``: whole counts. ``kind`` where there is more
        than one kind of event. As :func:`zone_counts` gives it; its ``ring_treated`` and
        ``ring_control`` are then compared as well, and its ranges are carried through.
    time_weights : (before, after), optional
        Lengths of the two periods in any unit; the result is per unit. Default: where the
        counts know their periods and these differ, the lengths in units of the period after,
        otherwise 1 and 1.
    area_weights : mapping, optional
        Role to size of its area; the result is per unit of area. Rings take the weight of
        the displacement role unless they are named.
    harm_weights : mapping, optional
        Kind to harm of one event; every kind must be named.
    confidence : float
        Level of the intervals.
    simulations : int
        Draws of the check where weights are unequal.
    seed : int
        Of those draws.

    Returns
    -------
    DataFrame
        A row for each measure, indexed by its name: ``wdd_local``, ``wdd_displacement``,
        ``wdd_total`` (local and displacement), ``wdq``, ``total_net_effect``, and with
        rings ``wdd_ring_displacement``, ``wdd_ring_total``, ``wdq_ring``. Columns:
        ``estimate``, ``variance``, ``standard_error``, ``z``, ``p_value`` (two-sided),
        ``low``, ``high``, ``p_check`` and ``check`` (exact or simulated), ``range_low`` and
        ``range_high`` (what unsure dates and places could make of the estimate) and
        ``note``: why a value is null, or what to mind.

    Raises
    ------
    SchemaError, LayerError
        Where a column is missing, a count is null, negative or no whole number, a role is
        unknown or stands twice, or treated or control is missing.
    ParameterError
        Where a weight is missing, zero or negative.

    Notes
    -----
    WDQ = (Da/Ca - Db/Cb) / (Ra/Ca - Rb/Cb) of displacement (D), treated (R) and control (C)
    area: above 0 a diffusion of benefits, below 0 displacement, below -1 more than was won.
    The total net effect, Rb Ca/Cb - Ra + Db Ca/Cb - Da, counts what was prevented: positive
    is good. Both are null, with the reason, where a control count is zero. None of this
    tells flow from enforcement: seizures rise where somebody looks.

    References
    ----------
    Wheeler & Ratcliffe 2018, doi:10.1186/s40163-018-0085-5 (WDD); time, area and harm
    weights as in the R package ptools. Bowers & Johnson 2003, doi:10.1023/A:1024074121870
    (WDQ). Guerette 2009, Analyzing crime displacement and diffusion (total net effect).

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({
    ...     "role": ["control", "treated", "displacement_control", "displacement_treated"],
    ...     "before": [308, 207, 150, 178], "after": [318, 110, 140, 157]})
    >>> total = displacement(counts).loc["wdd_total"]
    >>> [round(float(total[name]), 2) for name in ("estimate", "variance", "z", "low", "high")]
    [-118.0, 1568.0, -2.98, -195.61, -40.39]
    """
    check_level(confidence)
    table = _checked(counts)
    times = _times(counts, time_weights)
    weights = _weights(table, times, area_weights, harm_weights)
    law = _Law(confidence, simulations, seed)
    rows = {
        "wdd_local": _difference(table, weights, ("treated", "control"), law),
        "wdd_displacement": _difference(
            table, weights, ("displacement_treated", "displacement_control"), law
        ),
        "wdd_total": _difference(table, weights, tuple(SIGNS), law),
        "wdq": quotient(_sums(table, weights), "displacement_treated"),
        "total_net_effect": total_net_effect(_sums(table, weights), confidence),
    }
    if table["role"].isin(list(RINGS)).any():
        local = ("treated", "control")
        rows["wdd_ring_displacement"] = _difference(table, weights, tuple(RINGS), law)
        rows["wdd_ring_total"] = _difference(table, weights, (*local, *RINGS), law)
        rows["wdq_ring"] = quotient(_sums(table, weights), "ring_treated")
    return attach(
        _frame(rows),
        "evaluation.displacement",
        time_weights=list(times),
        area_weights=area_weights,
        harm_weights=harm_weights,
        confidence=confidence,
        simulations=simulations,
        seed=seed,
        crs=counts.attrs.get(KEY, {}).get("crs"),
        counts=table[["role", "kind", "before", "after"]].to_dict("records"),
    )


_COLUMNS = (
    "estimate", "variance", "standard_error", "z", "p_value", "low", "high",
    "p_check", "range_low", "range_high",
)  # fmt: skip


def _frame(rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame.from_dict(
        {name: {column: row.get(column, np.nan) for column in _COLUMNS} for name, row in
         rows.items()},
        orient="index", columns=list(_COLUMNS), dtype=float,
    )  # fmt: skip
    frame.insert(8, "check", pd.Series({n: r.get("check", "") for n, r in rows.items()}, dtype=str))
    frame["note"] = pd.Series({name: row.get("note", "") for name, row in rows.items()}, dtype=str)
    frame.index.name = "measure"
    return frame


def _checked(counts: pd.DataFrame) -> pd.DataFrame:
    require_columns(counts, ["role", "before", "after"], "counts")
    table = counts.assign(kind=counts.get("kind", pd.Series("all", index=counts.index)))
    known = [*SIGNS, *RINGS]
    refuse(
        counts,
        ~counts["role"].isin(known).to_numpy(dtype=bool),
        "counts",
        found="another role",
        expected=", ".join(known),
    )
    for name in ("before", "after"):
        values = amounts(counts, name, "counts")
        refuse(
            counts,
            np.isnan(values) | (values != np.round(values)),
            "counts",
            found=f"null or broken counts in {name}",
            expected="whole counts, 0 or more",
        )
        for column in (f"{name}_low", f"{name}_high"):
            table[column] = amounts(counts, column, "counts") if column in counts else values
        table[name] = values
    refuse(
        counts,
        table.duplicated(["role", "kind"], keep=False).to_numpy(),
        "counts",
        found="roles that stand twice",
        expected="one row a role (and kind)",
    )
    missing = {"treated", "control"} - set(table["role"])
    if missing:
        raise LayerError(
            "counts",
            found=f"no row of role {' or '.join(sorted(missing))}",
            expected="a treated area and its control",
            repair="Count both; without a control a change has no yardstick.",
        )
    # Draws must not hang on the order of the rows.
    return table.sort_values(["role", "kind"], key=lambda column: column.astype(str))


def _times(counts: pd.DataFrame, time_weights: tuple[float, float] | None) -> tuple[float, float]:
    if time_weights is None:
        days = counts.attrs.get(KEY, {}).get("days", (1.0, 1.0))
        if not min(days):
            raise ParameterError(f"days reported on are {days}: a period without any has no rate")
        return days[0] / days[1], 1.0
    before, after = (float(weight) for weight in time_weights)
    if not (0 < before < np.inf and 0 < after < np.inf):
        raise ParameterError(f"time_weights are {time_weights!r}; give two lengths above zero")
    return before, after


def _weights(
    table: pd.DataFrame,
    times: tuple[float, float],
    areas: Mapping[str, float] | None,
    harms: Mapping[str, float] | None,
) -> FloatArray:
    """Weight of each count, before and after, without its sign: (rows, 2)."""
    roles, kinds = table["role"].tolist(), table["kind"].tolist()
    size = dict.fromkeys(roles, 1.0)
    if areas is not None:
        size = {role: areas.get(role, areas.get(RINGS.get(role, ""), np.nan)) for role in size}
    harm = dict.fromkeys(kinds, 1.0) if harms is None else {k: harms.get(k, np.nan) for k in kinds}
    faults = [
        f"{name} has no weight above zero for {', '.join(map(str, bad))}"
        for name, given in (("area_weights", size), ("harm_weights", harm))
        if (bad := [key for key, weight in given.items() if not 0 < weight < np.inf])
    ]
    if faults:
        raise ParameterError("; ".join(faults))
    one = np.array([harm[kind] / size[role] for role, kind in zip(roles, kinds, strict=True)])
    weights: FloatArray = one[:, None] / np.array(times)
    return weights


def _sums(table: pd.DataFrame, weights: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Weighted counts of each role before and after, and their variances."""
    counts = table[["before", "after"]].to_numpy(dtype=float)
    roles = table["role"].to_numpy()
    return {
        role: (
            (weights * counts)[roles == role].sum(axis=0),
            (weights**2 * counts)[roles == role].sum(axis=0),
        )
        for role in dict.fromkeys(roles)
    }


class _Law:
    """How sure a difference is: by the normal law, and without it."""

    def __init__(self, confidence: float, simulations: int, seed: int) -> None:
        if simulations < 1:
            raise ParameterError(f"simulations is {simulations}; give 1 or more")
        self.reach = float(special.ndtri(0.5 + confidence / 2))
        self.simulations, self.seed = simulations, seed

    def check(self, weights: FloatArray, counts: FloatArray) -> tuple[float, str]:
        """Two-sided p-value of the weighted sum of ``counts`` without the normal law."""
        if not counts.sum():
            return np.nan, ""
        up, down = counts[weights > 0].sum(), counts[weights < 0].sum()
        if np.ptp(np.abs(weights)) <= 1e-12 * np.abs(weights).max():
            p = conditional_p(np.array([up]), np.array([down]), np.array([0.5]))
            return float(p[0]), "exact"
        rates = _no_difference(weights, counts)
        rng = np.random.default_rng(self.seed)
        drawn = rng.poisson(rates, (self.simulations, len(rates)))
        score = _z(drawn @ weights, drawn @ weights**2)
        seen = _z(np.array([counts @ weights]), np.array([counts @ weights**2]))[0]
        further = int((np.abs(score) >= np.abs(seen) * (1 - 1e-9)).sum())
        return (1 + further) / (1 + self.simulations), "simulated"


def _z(estimate: FloatArray, variance: FloatArray) -> FloatArray:
    z: FloatArray = estimate / np.sqrt(np.maximum(variance, 1e-300))
    return z


def _no_difference(weights: FloatArray, counts: FloatArray) -> FloatArray:
    """Poisson rates of greatest likelihood whose weighted sum is zero.

    They are counts / (1 + m * weights), m the Lagrange multiplier. Half an event is lent to
    each count, so that a side without any event has rates as well.
    """
    y = counts + 0.5
    span = (-1 / weights.max(), -1 / weights.min())
    edge = 1e-9 * (span[1] - span[0])

    def left(m: float) -> float:
        return float((weights * y / (1 + m * weights)).sum())

    m = optimize.brentq(left, span[0] + edge, span[1] - edge)
    rates: FloatArray = y / (1 + m * weights)
    return rates


def _difference(
    table: pd.DataFrame, weights: FloatArray, roles: tuple[str, ...], law: _Law
) -> dict[str, Any]:
    mine = table["role"].isin(roles).to_numpy()
    absent = [role for role in roles if role not in set(table["role"])]
    if not mine.any():
        return {"note": f"no counts of {' and '.join(absent)}"}
    sign = np.array([SIGNS[RINGS.get(role, role)] for role in table["role"][mine]])
    signed = (sign[:, None] * weights[mine] * np.array([-1.0, 1.0])).ravel()

    def columns(ending: str) -> FloatArray:
        names = [f"before{ending}", f"after{ending}"]
        return table.loc[mine, names].to_numpy(dtype=float).ravel()

    counts = columns("")
    least, most = columns("_low"), columns("_high")
    estimate, variance = float(signed @ counts), float(signed**2 @ counts)
    error = float(np.sqrt(variance))
    z = estimate / error if error else np.nan
    p_check, check = law.check(signed, counts)
    notes = [f"no counts of {' and '.join(absent)}"] if absent else []
    if not counts.sum():
        notes.append("no events at all: nothing to test")
    elif counts.min() < _SMALL:
        notes.append(f"counts below {_SMALL}: go by p_check")
    return {
        "estimate": estimate,
        "variance": variance,
        "standard_error": error,
        "z": z,
        "p_value": 2 * float(special.ndtr(-abs(z))),
        "low": estimate - law.reach * error,
        "high": estimate + law.reach * error,
        "p_check": p_check,
        "check": check,
        "range_low": float(np.minimum(signed * least, signed * most).sum()),
        "range_high": float(np.maximum(signed * least, signed * most).sum()),
        "note": "; ".join(notes),
    }
