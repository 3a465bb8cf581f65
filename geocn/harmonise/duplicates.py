"""Reports of one event by several hands: flagged with a group and a score, never dropped.

Two rows are likely duplicates where drug is the same and time, place and weight are
close. Rows are sorted by drug and time, and each is compared with the rows that follow
it within the time tolerance, lag by lag, so the work grows with the number of rows that
are near in time, not with the square of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.harmonise.text import fold_series
from geocn.spatial.geodesy import distance_m

_DAY_US = 86_400_000_000
#: Rows of one drug and time compared ahead at most; denser clusters compare neighbours only.
_MAX_LAG = 64
#: A named area counts up to this far around its middle; a wider parent says nothing.
_WIDEST_M = 250_000.0
_WIDEST_PARENT_M = 300_000.0
#: Most that a point within a named area counts for the agreement of places.
_NAMED_SCORE = 0.8


@dataclass(frozen=True, slots=True)
class DuplicateResult:
    """Groups of rows that seem to report one event, aligned with the input.

    Attributes
    ----------
    group : Series of Int64
        Number of the group, null for rows alone.
    score : Series of float
        1 for rows that agree in everything compared; the best agreement with another row
        of the group otherwise; NaN for rows alone.
    """

    group: pd.Series
    score: pd.Series

    @property
    def n_extra(self) -> int:
        """Rows beyond the first of each group."""
        return int(self.group.notna().sum() - self.group.nunique())


@dataclass(frozen=True, slots=True)
class _Keys:
    """Sorted keys of the rows that can be compared."""

    row: IntArray
    drug: IntArray
    time: IntArray
    span: IntArray
    place: IntArray
    lon: FloatArray
    lat: FloatArray
    radius_m: FloatArray
    log_weight: FloatArray
    source: IntArray


def exact_duplicates(frame: pd.DataFrame, *, columns: list[str] | None = None) -> DuplicateResult:
    """Group rows that are equal in every one of ``columns`` (all of them by default).

    Examples
    --------
    >>> exact_duplicates(pd.DataFrame({"a": [1, 2, 1]})).group.tolist()
    [0, <NA>, 0]
    """
    keys = pd.DataFrame({i: pd.factorize(frame[c])[0] for i, c in enumerate(columns or frame)})
    keys.index = frame.index
    twice = keys.duplicated(keep=False).to_numpy() if keys.shape[1] else np.zeros(len(frame), bool)
    group = pd.Series(pd.NA, index=frame.index, dtype="Int64")
    if twice.any():
        number = keys[twice].groupby(list(keys.columns), sort=False).ngroup()
        group[twice] = number.to_numpy()
    return DuplicateResult(group, pd.Series(np.where(twice, 1.0, np.nan), index=frame.index))


def find_duplicates(
    frame: pd.DataFrame,
    *,
    time: str = "seized_at",
    drug: str = "drug",
    weight: str = "weight_kg",
    place: str = "admin_code",
    within_days: float = 1.0,
    within_m: float = 5_000.0,
    weight_ratio: float = 1.1,
    across_sources: bool = True,
    min_score: float = 0.6,
) -> DuplicateResult:
    """Group rows that likely report one event.

    Compared are rows of the same drug whose times differ by at most ``within_days`` (a
    ``date_precision`` of day may mean any time of it), whose weights differ at most by the
    factor ``weight_ratio``, and whose places agree:
    both name the same place (by code, or else by country, division and name), or both
    give points within ``within_m``, or one gives a point within the area (at most 250 km
    around its middle) that the other names. The score is the product of
    (1 - share of the tolerance used / 2) over time, place and weight; a point held
    against a named area counts at most 0.8 for its place.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame
        Seizures; point geometries in longitude and latitude are used where present.
    time, drug, weight, place : str
        Columns to compare; rows with a null time, drug or weight are left alone.
    within_days, within_m, weight_ratio : float
        Tolerances.
    across_sources : bool
        Compare only rows of different ``source``. Exact repeats within one source may
        be legitimate; ask :func:`exact_duplicates` for those.
    min_score : float
        Least score of a pair, 0 to 1.

    Returns
    -------
    DuplicateResult
        Groups are the connected components of the pairs found.

    Raises
    ------
    ParameterError
        Where a tolerance is out of range.

    Examples
    --------
    >>> rows = pd.DataFrame({
    ...     "seized_at": pd.to_datetime(["2024-05-01", "2024-05-01"], utc=True),
    ...     "drug": "cocaine", "weight_kg": [10.0, 10.1], "admin_code": "CO05001",
    ...     "source": ["police", "navy"]})
    >>> find_duplicates(rows).group.tolist()
    [0, 0]
    """
    if not (within_days >= 0 and within_m >= 0 and weight_ratio >= 1 and 0 <= min_score <= 1):
        message = (
            f"tolerances are within_days={within_days}, within_m={within_m}, "
            f"weight_ratio={weight_ratio}, min_score={min_score}; expected none negative, "
            "weight_ratio at least 1 and min_score between 0 and 1"
        )
        raise ParameterError(message)
    keys = _keys(frame, time, drug, weight, place)
    tolerance = (within_days, within_m, np.log(weight_ratio))
    left, right, score = _pairs(keys, tolerance, across_sources=across_sources)
    good = score >= min_score
    return _components(frame.index, left[good], right[good], score[good])


def _keys(frame: pd.DataFrame, time: str, drug: str, weight: str, place: str) -> _Keys:
    n = len(frame)
    at = pd.to_datetime(frame[time], utc=True).astype("datetime64[us, UTC]")
    drugs = pd.factorize(frame[drug])[0].astype(np.int64)
    mass = frame[weight].to_numpy(dtype=float, na_value=np.nan)
    usable = at.notna().to_numpy() & (drugs >= 0) & (mass > 0) & np.isfinite(mass)
    stamps = at.to_numpy(dtype="datetime64[us]", na_value=np.datetime64("1970")).astype(np.int64)
    order = np.flatnonzero(usable)
    order = order[np.lexsort((mass[order], stamps[order], drugs[order]))]
    places = _place_numbers(frame, place)
    lon, lat, radius = _points(frame)
    return _Keys(
        row=order.astype(np.int64),
        drug=drugs[order],
        time=stamps[order],
        span=_spans(frame)[order],
        place=places[order],
        lon=lon[order],
        lat=lat[order],
        radius_m=radius[order],
        log_weight=np.log(mass[order]),
        source=_numbers(frame, "source", n)[order],
    )


def _spans(frame: pd.DataFrame) -> IntArray:
    """How long after its stamp an event may have happened: a day where only the day is known."""
    if "date_precision" not in frame:
        return np.zeros(len(frame), dtype=np.int64)
    return np.where(frame["date_precision"].eq("day"), _DAY_US, 0).astype(np.int64)


def _numbers(frame: pd.DataFrame, column: str, n: int) -> IntArray:
    if column not in frame:
        return np.full(n, -1, dtype=np.int64)
    return pd.factorize(frame[column])[0].astype(np.int64)


def _place_numbers(frame: pd.DataFrame, code: str) -> IntArray:
    """Return a number for each place: its code, or where there is none what it is called."""
    blank = pd.Series(None, index=frame.index, dtype="str")
    country, admin, place = (frame.get(c, blank) for c in ("country", "admin", "place"))
    parts = [fold_series(values).fillna("") for values in (country, admin, place)]
    written = parts[0] + "/" + parts[1] + "/" + parts[2]
    exact = frame.get("place_match", blank) != "parent"
    codes = frame.get(code, blank)
    label = codes.astype("str").where(codes.notna() & exact)
    label = label.fillna(written.where(place.notna() | admin.notna()))
    return pd.factorize(label)[0].astype(np.int64)


def _points(frame: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coordinates, and the radius of the area that a point stands for (0: the point itself)."""
    lon, lat, radius = (np.full(len(frame), np.nan) for _ in range(3))
    if "geometry" not in frame:
        return lon, lat, radius
    geometry: AnyArray = np.asarray(frame["geometry"], dtype=object)
    points = shapely.get_type_id(geometry) == 0
    lon[points] = shapely.get_x(geometry[points])
    lat[points] = shapely.get_y(geometry[points])
    radius[points] = 0.0
    if "place_match" in frame and "location_precision_m" in frame:
        named = points & frame["place_match"].isin(["code", "name", "fuzzy", "parent"]).to_numpy()
        stated = frame["location_precision_m"].to_numpy(dtype=float, na_value=np.nan)
        radius[named] = np.minimum(np.nan_to_num(stated[named], nan=_WIDEST_M), _WIDEST_M)
        wide = frame["place_match"].eq("parent").to_numpy() & (stated > _WIDEST_PARENT_M)
        lon[named & wide] = np.nan
    return lon, lat, radius


def _pairs(
    keys: _Keys, tolerance: tuple[float, float, float], *, across_sources: bool
) -> tuple[IntArray, IntArray, FloatArray]:
    found: list[tuple[IntArray, IntArray, FloatArray]] = []
    n = len(keys.row)
    alive = np.arange(n, dtype=np.int64)
    for lag in range(1, min(_MAX_LAG, n - 1) + 1):
        alive = alive[alive + lag < n]
        near = (keys.drug[alive] == keys.drug[alive + lag]) & (
            keys.time[alive + lag] - keys.time[alive] - keys.span[alive] <= tolerance[0] * _DAY_US
        )
        alive = alive[near]
        if not len(alive):
            break
        score = _score(keys, alive, alive + lag, tolerance)
        keep = score > 0
        if across_sources:
            keep &= keys.source[alive] != keys.source[alive + lag]
        found.append((keys.row[alive[keep]], keys.row[alive[keep] + lag], score[keep]))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    left, right, scores = (np.concatenate(part) for part in zip(*found, strict=True))
    return left, right, scores


def _score(
    keys: _Keys, a: IntArray, b: IntArray, tolerance: tuple[float, float, float]
) -> FloatArray:
    """Agreement of pairs: 0 where one comparison fails, 1 where all agree fully."""
    days, metres, log_ratio = tolerance
    # Two days are as far apart as they begin; a day and an instant as far as the day may end.
    lead = np.where(keys.span[b] > 0, 0, keys.span[a])
    apart_days = np.maximum(keys.time[b] - keys.time[a] - lead, 0) / _DAY_US
    apart_weight = np.abs(keys.log_weight[a] - keys.log_weight[b])
    same_place = (keys.place[a] == keys.place[b]) & (keys.place[a] >= 0)
    both_named = (keys.radius_m[a] > 0) & (keys.radius_m[b] > 0)
    close: BoolArray = np.isfinite(keys.lon[a]) & np.isfinite(keys.lon[b]) & ~both_named
    close &= apart_weight <= log_ratio
    near = np.zeros(len(a))
    i, j = a[close], b[close]
    apart_m = distance_m(keys.lon[i], keys.lat[i], keys.lon[j], keys.lat[j])
    radius = keys.radius_m[i] + keys.radius_m[j]
    # Anywhere within the area that the other names agrees alike: its middle is no better.
    outside_m = np.maximum(apart_m - radius, 0.0)
    near[close] = _kept(outside_m, metres) * np.where(radius > 0, _NAMED_SCORE, 1.0)
    score = _kept(apart_days, days) * _kept(apart_weight, log_ratio)
    product: FloatArray = score * np.maximum(near, same_place.astype(float))
    return product


def _kept(apart: FloatArray, tolerance: float | FloatArray) -> FloatArray:
    """1 for equal values, 1/2 at the tolerance, 0 beyond it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(apart == 0, 0.0, apart / tolerance)
    return np.where(share <= 1 + 1e-9, 1 - share / 2, 0.0)


def _components(
    index: pd.Index, left: IntArray, right: IntArray, score: FloatArray
) -> DuplicateResult:
    n = len(index)
    group = pd.Series(pd.NA, index=index, dtype="Int64")
    best = np.full(n, np.nan)
    if len(left):
        graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(n, n))
        labels = connected_components(graph, directed=False)[1]
        rows = np.unique(np.concatenate([left, right]))
        group.iloc[rows] = pd.factorize(labels[rows])[0]
        np.fmax.at(best, left, score)
        np.fmax.at(best, right, score)
    return DuplicateResult(group, pd.Series(best, index=index))
