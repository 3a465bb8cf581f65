"""Clusters of a scan as a table: what they hold, how sure they are, where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import special

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.hotspots.combining import combine_scores
from geocn.hotspots.gumbel import gumbel_p, rank_p
from geocn.hotspots.scan_shapes import CIRCLE
from geocn.hotspots.scan_study import Reading
from geocn.hotspots.scan_windows import Best, Study, Window, clusters, ratio_within

#: An imputation supports a cluster where one of its own at this level overlaps it.
SUPPORT_LEVEL = 0.05
_IMPRECISE = "imprecise_share"
_COUNTED = {
    "observed": "float64",
    "exposure": "float64",
    "expected": "float64",
    "rate": "float64",
    "relative_risk": "float64",
    "log_likelihood_ratio": "float64",
    "p_value": "float64",
    "p_value_gumbel": "float64",
    "n_members": "int64",
    "members": "object",
    "centre": "object",
    "radius_m": "float64",
}
_ELONGATED = {"radius_long_m": "float64", "bearing_deg": "float64"}
_DATED = {"start": "datetime64[us]", "end": "datetime64[us]"}
_IMPUTED = {"support": "float64", "fraction_missing": "float64"}


@dataclass(frozen=True)
class Found:
    """Windows of the data by falling ratio, best windows of imputations, and the maxima."""

    windows: list[Window]
    imputed: list[Best]
    maxima: FloatArray


def table(reading: Reading, found: Found) -> gpd.GeoDataFrame:
    """One row a cluster; the columns are those that the reading has values for."""
    columns = dict(_COUNTED)
    if not reading.imputed:
        columns["observed"] = "int64"
    if reading.periods is not None:
        del columns["exposure"], columns["rate"]
        columns |= _DATED
    if reading.study.shapes != (CIRCLE,):
        columns |= _ELONGATED
    if reading.imputed:
        columns |= _IMPUTED
    if _IMPRECISE in reading.frame:
        columns[_IMPRECISE] = "float64"
    rows = [_row(reading, window, found.maxima) for window in found.windows]
    result = pd.DataFrame(rows, columns=list(columns))
    if reading.imputed:
        result = result.assign(**_combined(reading, found))
    result = result.astype(columns)
    result.index = pd.RangeIndex(1, len(rows) + 1, name="rank")
    shapes = reading.frame.geometry.to_numpy()
    joint = [shapely.union_all(shapes[reading.rows_of(window)]) for window in found.windows]
    geometry = gpd.GeoSeries(joint, index=result.index, crs=reading.frame.crs)
    return gpd.GeoDataFrame(result, geometry=geometry)


def _row(reading: Reading, window: Window, maxima: FloatArray) -> dict[str, object]:
    study, rows = reading.study, reading.rows_of(window)
    total, whole = float(study.cases.sum()), float(study.mass.sum())
    observed = float(study.cases[window.members, window.first : window.last + 1].sum())
    share = float(study.share[window.first, window.last])
    expected = float(study.mass[window.members].sum()) * share * total / whole
    exposure = float(reading.base[window.members].sum())
    outside = total - observed
    row: dict[str, object] = {
        "observed": observed,
        "exposure": exposure,
        "expected": expected,
        "rate": observed / exposure,
        "relative_risk": np.inf
        if outside <= 0
        else (observed / expected) / (outside / (total - expected)),
        "log_likelihood_ratio": window.ratio / window.shape.factor,
        "p_value": float(rank_p(window.ratio, maxima)),
        "p_value_gumbel": float(gumbel_p(window.ratio, maxima)),
        "n_members": len(rows),
        "members": reading.frame.index[rows].tolist(),
        "centre": reading.frame.index[np.flatnonzero(reading.place == window.centre)[0]],
        "radius_m": window.radius_m,
        "radius_long_m": window.radius_m * window.shape.axes,
        "bearing_deg": window.shape.bearing_deg if window.shape.axes > 1 else np.nan,
    }
    if reading.periods is not None:
        row["start"] = reading.periods[window.first].start_time
        row["end"] = (reading.periods[window.last] + 1).start_time
    if _IMPRECISE in reading.frame:
        vague = reading.frame[_IMPRECISE].to_numpy(dtype=float, na_value=0.0)[rows]
        weight = study.cases[window.members].sum(axis=1)
        row[_IMPRECISE] = float((np.nan_to_num(vague) * weight).sum() / observed)
    return row


def _combined(reading: Reading, found: Found) -> dict[str, FloatArray]:
    """P-values over imputations, what they miss, and how many find the same cluster."""
    n, maxima = len(found.windows), found.maxima
    critical = _critical(maxima)
    scores, overlaps = [], np.zeros(n)
    for study, best in zip(reading.imputed, found.imputed, strict=True):
        ratios = [ratio_within(study, window) for window in found.windows]
        # The score of p = 1 would be infinite.
        p = np.minimum(rank_p(ratios, maxima), 1 - 0.5 / (1 + maxima.size))
        scores.append(-special.ndtri(p))
        overlaps += _overlapped(found.windows, _significant(study, best, critical))
    z, _, missing = combine_scores(np.reshape(scores, (len(scores), n)))
    return {
        "p_value": special.ndtr(-z),
        "support": overlaps / len(reading.imputed),
        "fraction_missing": missing,
    }


def _critical(maxima: FloatArray) -> float:
    """Least ratio with a p-value of the support level; infinite where none can have it."""
    allowed = int(np.floor(SUPPORT_LEVEL * (1 + maxima.size) + 1e-9)) - 1
    if allowed < 0:
        return np.inf
    falling = np.sort(maxima)[::-1]
    return float(np.nextafter(falling[allowed], np.inf)) if allowed < maxima.size else 0.0


def _significant(study: Study, best: Best, critical: float) -> BoolArray:
    """Areas that lie in a significant cluster of an imputation."""
    inside = np.zeros(len(study.xy), dtype=bool)
    for window in clusters(study, best):
        if window.ratio < critical:
            break
        inside[window.members] = True
    return inside


def _overlapped(windows: Sequence[Window], inside: BoolArray) -> IntArray:
    return np.array([inside[window.members].any() for window in windows], dtype=np.int64)
