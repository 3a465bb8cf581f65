"""Measures of displacement that divide by the counts of the control area."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from geocn._typing import FloatArray

#: Of each role: weighted counts (before, after) and their variances.
Sums = Mapping[str, tuple[FloatArray, FloatArray]]


def quotient(sums: Sums, buffer: str) -> dict[str, Any]:
    """Weighted displacement quotient (Bowers & Johnson 2003), null where it is undefined."""
    reason = _undefined(sums, buffer)
    if reason:
        return {"note": reason}
    (cb, ca), (rb, ra), (db, da) = (sums[role][0] for role in ("control", "treated", buffer))
    success = ra / ca - rb / cb
    if abs(success) <= 1e-12 * max(ra / ca, rb / cb):
        return {"note": "the treated area changed as its control did: nothing to share out"}
    note = "the treated area did not fall against its control: not to be read as displacement"
    value = float((da / ca - db / cb) / success)
    return {"estimate": value, "note": "no interval; see wdd_total" if success < 0 else note}


def total_net_effect(sums: Sums, confidence: float) -> dict[str, Any]:
    """Events prevented in treated and displacement area together, by the control's change.

    The variance is that of the first-order expansion in the six Poisson counts.
    """
    buffer = "displacement_treated"
    reason = _undefined(sums, buffer)
    if reason:
        return {"note": reason}
    (cb, ca), (rb, ra), (db, da) = (sums[role][0] for role in ("control", "treated", buffer))
    (vcb, vca), (vrb, vra), (vdb, vda) = (sums[role][1] for role in ("control", "treated", buffer))
    trend, exposed = ca / cb, rb + db
    estimate = float(exposed * trend - ra - da)
    variance = float(
        trend**2 * (vrb + vdb) + vra + vda + exposed**2 * (vca / cb**2 + ca**2 * vcb / cb**4)
    )
    error = float(np.sqrt(variance))
    reach = float(special.ndtri(0.5 + confidence / 2)) * error
    z = estimate / error if error else np.nan
    return {
        "estimate": estimate,
        "variance": variance,
        "standard_error": error,
        "z": z,
        "p_value": 2 * float(special.ndtr(-abs(z))),
        "low": estimate - reach,
        "high": estimate + reach,
        "note": "positive: events prevented",
    }


def _undefined(sums: Sums, buffer: str) -> str:
    if buffer not in sums:
        return f"no counts of {buffer}"
    before, after = sums["control"][0]
    zero = [name for name, n in (("before", before), ("after", after)) if not n]
    return f"undefined: the control counts no events {' and '.join(zero)}" if zero else ""
