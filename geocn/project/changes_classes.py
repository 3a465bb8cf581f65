"""What changed in cells and segments: every class rests on a test of the difference."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.evaluation.intervals import benjamini_hochberg, conditional_p, ratio_interval

#: Classes that tell a change, the most telling first.
CHANGED = ("new", "intensified", "gone", "diminished", "more", "less")
#: All classes.
CLASSES = (*CHANGED, "no_clear_change", "too_few", "not_comparable")


def change_table(
    before: FloatArray,
    after: FloatArray,
    *,
    exposure: tuple[FloatArray, FloatArray],
    hotspot: tuple[AnyArray, AnyArray],
    alpha: float = 0.05,
    factor: FloatArray | float = 1.0,
    comparable: BoolArray | None = None,
) -> pd.DataFrame:
    r"""Class each cell by the test of its difference, with hot or not hot beside it.

    "Hot now and not before" is no evidence of a change: of two counts, one may lie just above
    and one just below what is significant (Gelman & Stern 2006). So each cell's counts a and
    b are tested against each other first: given a + b, a is binomial with the share
    :math:`e_a/(e_a+e_b)` of the exposure. Cells with so few events that no outcome could be
    significant cannot count as tests (Tarone 1990; Gilbert 2005, who puts this before
    Benjamini-Hochberg); whether one is so depends on a + b alone.

    Parameters
    ----------
    before, after : (n,) arrays
        Events of each cell; whole numbers, or means over imputations.
    exposure : pair of (n,) arrays
        Days reported on, or effort, before and after.
    hotspot : pair of (n,) arrays of text
        Hotspot classes before and after; "hot" is what counts.
    alpha : float
        Level of the tests, after correction; intervals have the confidence 1 - alpha.
    factor : (n,) array or float
        Variance over mean of the counts, 1 or more.
    comparable : (n,) array of bool, optional
        Cells whose reports cover both periods alike.

    Returns
    -------
    DataFrame
        ``n_before, n_after, exposure_before, exposure_after, change`` (events beyond what
        the rate before would give), ``ratio, ratio_low, ratio_high`` (of the rates),
        ``p_value, p_adjusted`` (over the cells that can be significant at all),
        ``hotspot_before, hotspot_after`` and ``change_class``: new (more, hot now, not
        before), intensified (more, hot in both), gone (less, hot before, not now),
        diminished (less, hot in both), more and less (elsewhere), no_clear_change, too_few
        (no outcome could have been significant) and not_comparable.

    References
    ----------
    Gelman & Stern 2006, doi:10.1198/000313006X152649; Przyborowski & Wilenski 1940,
    doi:10.1093/biomet/31.3-4.313; Tarone 1990, doi:10.2307/2531456; Gilbert 2005,
    doi:10.1111/j.1467-9876.2005.00475.x; Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> import numpy as np
    >>> days = (np.full(3, 29.0), np.full(3, 31.0))
    >>> hot = (np.array(["", "", "hot"]), np.array(["hot", "hot", ""]))
    >>> table = change_table(np.array([2.0, 4, 3]), np.array([24.0, 6, 0]), exposure=days,
    ...     hotspot=hot)
    >>> table["change_class"].tolist(), table["ratio"].round(2).tolist()
    (['new', 'no_clear_change', 'too_few'], [11.23, 1.4, 0.0])
    """
    e_b, e_a = exposure
    known = (e_b > 0) & (e_a > 0)
    if comparable is not None:
        known &= comparable
    scale = np.divide(e_a, e_b, out=np.ones(len(before)), where=known)
    some = known & (before + after > 0)
    y_b, y_a = before / factor, after / factor
    share = scale / (1 + scale)
    p = np.where(some & _can_be_significant(y_a + y_b, share, alpha), 0.0, np.nan)
    tested = ~np.isnan(p)
    p = np.where(tested, conditional_p(y_a, y_b, share), np.nan)
    adjusted = benjamini_hochberg(p)
    low, high = ratio_interval(y_a, y_b, scale, 1 - alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = after / (scale * before)
        clear = adjusted <= alpha
    now, then = (np.asarray(one, dtype=object) == "hot" for one in (hotspot[1], hotspot[0]))
    change = np.where(known, after - scale * before, np.nan)
    told = _classes(clear, change > 0, then=then, now=now, tested=tested)
    told[~known] = "not_comparable"

    def where(values: FloatArray) -> FloatArray:
        return np.where(some, values, np.nan)

    table = pd.DataFrame(
        {
            "n_before": before,
            "n_after": after,
            "exposure_before": e_b,
            "exposure_after": e_a,
            "change": change,
            "ratio": where(ratio),
            "ratio_low": where(low),
            "ratio_high": where(high),
            "p_value": p,
            "p_adjusted": adjusted,
            "hotspot_before": pd.Series(list(hotspot[0]), dtype="str"),
            "hotspot_after": pd.Series(list(hotspot[1]), dtype="str"),
            "change_class": pd.Series(told, dtype="str"),
        }
    )
    for name in ("n_before", "n_after"):
        if (table[name] == table[name].round()).all():
            table[name] = table[name].astype("int64")
    return table


def _can_be_significant(total: FloatArray, share: FloatArray, alpha: float) -> BoolArray:
    """Whether the most extreme split of a total would have a p-value of at most alpha."""
    none = np.zeros(len(total))
    least = np.minimum(conditional_p(total, none, share), conditional_p(none, total, share))
    possible: BoolArray = least <= alpha
    return possible


def _classes(
    clear: BoolArray, rose: BoolArray, *, then: BoolArray, now: BoolArray, tested: BoolArray
) -> AnyArray:
    return np.select(
        [
            clear & rose & now & ~then,
            clear & rose & now & then,
            clear & ~rose & then & ~now,
            clear & ~rose & then & now,
            clear & rose,
            clear,
            tested,
        ],
        [*CHANGED, "no_clear_change"],
        default="too_few",
    ).astype(object)
