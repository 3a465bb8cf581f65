"""Change of any layer between two periods, with what it was observed by and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import FloatArray
from geocn.errors import ParameterError
from geocn.evaluation.columns import check_level
from geocn.evaluation.dispersion import (
    PARTS,
    Dispersion,
    Spread,
    measure_spread,
    part_numbers,
    part_shares,
)
from geocn.evaluation.intervals import (
    benjamini_hochberg,
    conditional_p,
    difference_interval,
    ratio_interval,
)
from geocn.evaluation.measures import Pieces, measure
from geocn.evaluation.periods import (
    Gap,
    Period,
    Spans,
    Window,
    in_a_gap,
    observed_days,
    read_gaps,
    read_spans,
    read_two,
    time_column,
)
from geocn.provenance import attach

#: Exposure before and after: numbers, or one for each area.
Exposure: TypeAlias = tuple[float | pd.Series, float | pd.Series]


def compare_periods(
    layer: pd.DataFrame,
    *,
    before: Period,
    after: Period,
    by: str | gpd.GeoDataFrame | None = None,
    value: str | None = None,
    exposure: Exposure | None = None,
    time: str | None = None,
    gaps: Sequence[Mapping[str, Any]] | None = None,
    dispersion: Dispersion = "auto",
    confidence: float = 0.95,
) -> pd.DataFrame:
    r"""Compare a layer before and after: points counted, lines by length, areas by area.

    With amounts a and b after and before, and exposures :math:`e_a, e_b` (days reported on,
    or effort as given), the ratio of rates is :math:`(a/e_a)/(b/e_b)` and the change
    :math:`a - b\,e_a/e_b`: what came beyond the rate before. Given a + b, a Poisson count a
    is binomial with share :math:`e_a/(e_a+e_b)`, which gives an exact test and interval
    however small the counts. Amounts other than counts (km, kg) are a compound Poisson sum:
    they enter as :math:`a\,/\,(\sum x^2/\sum x)` events. Counts that vary more than Poisson
    ones within the periods are divided by that factor.

    Parameters
    ----------
    layer : DataFrame or GeoDataFrame
        Any layer. ``date_precision`` is believed: a row known only to a month or year that
        spans the edge of a period counts in neither, and enters the range.
    before, after : (first, last)
        Days, both included, or instants; of any length, without overlap.
    by : str or GeoDataFrame, optional
        Column to compare by, or areas (whose rows the result keeps). Default: all in one.
    value : str, optional
        Column to add up in place of counts, length or area.
    exposure : (before, after), optional
        Effort or other exposure, as numbers or as Series by area. Default: days reported on.
    time : str, optional
        Column that says when; whole numbers are years. By default that of the layer.
    gaps : sequence of mappings, optional
        Days without reports (``from``, ``to``, perhaps ``areas`` by label); by default those
        the layer declared. They do not count as days, nor rows within them.
    dispersion : {"auto", "poisson", "quasi", "negative_binomial"}
        Law of counts. "auto" takes quasi-Poisson where the counts of six equal parts of each
        period, pooled over areas, vary more than Poisson ones at 5 %.
    confidence : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        A row an area (with areas: their rows and columns): ``before``, ``after`` (what
        surely lies in them), ``before_high``, ``after_high`` (with rows that may),
        ``n_unsure``, ``unit``, ``before_exposure``, ``after_exposure``,
        ``before_reported``, ``after_reported`` (share of days), ``change``, ``change_low``,
        ``change_high`` (in the unit, over the period after), ``ratio``, ``ratio_low``,
        ``ratio_high``, ``p_value``, ``p_adjusted`` (Benjamini-Hochberg over areas with any
        events), ``ratio_range_low``, ``ratio_range_high`` (what unsure dates could make of
        the ratio) and ``note``. ``attrs["geocn"]`` states dispersion and what was left out.

    Raises
    ------
    SchemaError, LayerError, DateError, GeometryError, CRSError
        Where columns, amounts, times, geometry or CRS are at fault.
    ParameterError
        Where periods overlap, or an exposure is negative.

    Notes
    -----
    A change of seizures is a change of flow, of enforcement, or of reporting: without an
    exposure the three look alike. Sums are tested as if rows were independent; a few very
    large seizures make their intervals too narrow.

    References
    ----------
    Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313 (conditional test);
    Zou & Donner 2008, doi:10.1002/sim.3095 (interval of the change); Wedderburn 1974,
    doi:10.1093/biomet/61.3.439 (quasi-likelihood); Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> import pandas as pd
    >>> layer = pd.DataFrame({"seized_at": ["2023-03-01"] * 4 + ["2024-03-01"] * 12})
    >>> found = compare_periods(layer, before=("2023-01-01", "2023-12-31"),
    ...     after=("2024-01-01", "2024-12-30"), dispersion="poisson")
    >>> found[["before", "after", "ratio", "ratio_low", "ratio_high", "p_value"]].round(3).values
    array([[ 4.   , 12.   ,  3.   ,  0.909, 12.762,  0.077]])
    """
    check_level(confidence)
    windows = read_two(before, after)
    column = time_column(layer, time, "layer")
    spans = read_spans(layer, column, "layer")
    silent = read_gaps(layer, gaps)
    pieces = measure(layer, by, value)
    quiet = in_a_gap(spans, silent, pieces.labels_of_rows(len(layer)))
    seen = _Seen(pieces, spans, windows, silent, quiet)
    exposed = seen.days if exposure is None else _exposure(exposure, pieces.labels)
    spread = measure_spread(seen.parts(), seen.shares, dispersion)
    table = _table(seen, exposed, spread, confidence)
    frame = by if isinstance(by, gpd.GeoDataFrame) else pd.DataFrame(index=pieces.labels)
    result = frame.assign(**{str(name): table[name] for name in table})
    return attach(
        result,
        "evaluation.compare_periods",
        before=list(before),
        after=list(after),
        by=by if by is None or isinstance(by, str) else "areas",
        value=value,
        exposure="days reported on" if exposure is None else "given",
        time=column,
        gaps=[{"first": str(g.first), "last": str(g.last)} for g in silent],
        dispersion={
            "asked": dispersion, "law": spread.law, "factor": spread.factor,
            "alpha": spread.alpha, "chi_squared": spread.chi_squared, "degrees": spread.degrees,
        },
        confidence=confidence,
        crs=getattr(layer, "crs", None),
        days=[window.days for window in windows],
        left_out=pieces.left_out | seen.left_out,
    )  # fmt: skip


class _Seen:
    """Amounts by area and period, and the days on which they could be seen."""

    def __init__(
        self,
        pieces: Pieces,
        spans: Spans,
        windows: tuple[Window, Window],
        silent: list[Gap],
        quiet: Any,
    ) -> None:
        labels = list(pieces.labels)
        self.pieces, self.windows = pieces, windows
        sure = [spans.surely_in(window) & ~quiet for window in windows]
        perhaps = [spans.perhaps_in(window) & ~quiet for window in windows]
        self.amount = np.stack([pieces.sums(mask) for mask in sure])
        self.most = np.stack([pieces.sums(mask) for mask in perhaps])
        unsure = (perhaps[0] & ~sure[0]) | (perhaps[1] & ~sure[1])
        mine = unsure[pieces.row]
        self.n_unsure = np.bincount(pieces.area[mine], minlength=len(labels))
        self.days = np.stack([observed_days(window, silent, labels) for window in windows])
        self.length = np.array([window.days for window in windows])
        self.shares = np.stack([part_shares(w, silent, labels) for w in windows], axis=1)
        self.size = self._size(sure[0] | sure[1])
        self._part = [np.where(quiet, -1, part_numbers(spans, window)) for window in windows]
        placed = np.isin(np.arange(len(quiet)), pieces.row)
        touched = perhaps[0] | perhaps[1]
        self.left_out = {
            "no_time": int((placed & np.isnat(spans.start)).sum()),
            "outside_periods": int((placed & ~np.isnat(spans.start) & ~touched & ~quiet).sum()),
            "during_gap": int((placed & quiet).sum()),
        }

    def _size(self, mask: Any) -> FloatArray:
        """Sum of squares over sum of the amounts: by how much a Poisson count scales."""
        x, area = (part[mask[self.pieces.row]] for part in (self.pieces.amount, self.pieces.area))
        n = len(self.pieces.labels)
        total, squares = (np.bincount(area, weights=w, minlength=n) for w in (x, x * x))
        usual = float(squares.sum() / total.sum()) if total.sum() > 0 else 1.0
        size: FloatArray = np.divide(squares, total, out=np.full(n, usual), where=total > 0)
        return size

    def parts(self) -> FloatArray:
        """Events by area, period and part: (areas, 2, parts)."""
        n = len(self.pieces.labels)
        result = np.zeros((n, 2, PARTS))
        for place, part in enumerate(self._part):
            number = part[self.pieces.row]
            inside = number >= 0
            flat = self.pieces.area[inside] * PARTS + number[inside]
            sums = np.bincount(flat, weights=self.pieces.amount[inside], minlength=n * PARTS)
            result[:, place] = sums.reshape(n, PARTS)
        scaled: FloatArray = result / self.size[:, None, None]
        return scaled


def _exposure(exposure: Exposure, labels: pd.Index) -> FloatArray:
    rows = []
    for given, name in zip(exposure, ("before", "after"), strict=True):
        series = given.reindex(labels) if isinstance(given, pd.Series) else None
        values = (
            np.full(len(labels), float(given))  # type: ignore[arg-type]
            if series is None
            else series.to_numpy(dtype=float, na_value=np.nan)
        )
        if (values < 0).any() or np.isinf(values).any():
            raise ParameterError(f"exposure {name} must be 0 or more, and finite")
        rows.append(np.nan_to_num(values))
    return np.stack(rows)


def _table(seen: _Seen, exposed: FloatArray, spread: Spread, confidence: float) -> pd.DataFrame:
    (b, a), (b_most, a_most) = seen.amount, seen.most
    known = (exposed > 0).all(axis=0)
    safe = np.where(exposed > 0, exposed, 1.0)
    scale = safe[1] / safe[0]
    squares = np.square(seen.shares).sum(axis=2).T
    n_parts = np.divide(1.0, squares, out=np.ones_like(squares), where=squares > 0)
    factor = spread.of(b / seen.size, a / seen.size, n_parts, confidence) * seen.size
    y_a, y_b = a / factor, b / factor
    change_low, change_high = difference_interval(y_a, y_b, scale, confidence)
    ratio_low, ratio_high = ratio_interval(y_a, y_b, scale, confidence)
    some = known & ((a > 0) | (b > 0))

    def where(mask: Any, values: FloatArray) -> FloatArray:
        return np.where(mask, values, np.nan)

    p = where(some, conditional_p(y_a, y_b, scale / (1 + scale)))
    notes = np.where(some, "", "no events in either period")
    for place, name in enumerate(("before", "after")):
        notes = np.where(exposed[place] > 0, notes, f"nothing was observed {name}")
    reported = seen.days / seen.length[:, None]
    columns: dict[str, Any] = {
        "before": b,
        "after": a,
        "before_high": b_most,
        "after_high": a_most,
        "n_unsure": seen.n_unsure.astype(np.int64),
        "unit": np.full(len(a), seen.pieces.unit, dtype=object),
        "before_exposure": exposed[0],
        "after_exposure": exposed[1],
        "before_reported": reported[0],
        "after_reported": reported[1],
        "change": where(known, a - scale * b),
        "change_low": where(known, factor * change_low),
        "change_high": where(known, factor * change_high),
        "ratio": where(some, _quotient(a, scale * b)),
        "ratio_low": where(some, ratio_low),
        "ratio_high": where(some, ratio_high),
        "p_value": p,
        "p_adjusted": benjamini_hochberg(p),
        "ratio_range_low": where(some, _quotient(a, scale * b_most)),
        "ratio_range_high": where(some, _quotient(a_most, scale * b)),
        "note": notes,
    }
    table = pd.DataFrame(columns, index=seen.pieces.labels)
    return table.astype({"unit": "str", "note": "str"})


def _quotient(over: FloatArray, under: FloatArray) -> FloatArray:
    """Quotient that is infinite over zero, and NaN for zero over zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: FloatArray = over / under
    return result
