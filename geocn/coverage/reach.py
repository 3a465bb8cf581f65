"""How far each intervention reaches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from numbers import Real
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.coverage import _buffers
from geocn.errors import ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat

_EQUAL_AREA = "EPSG:6933"
_FURTHEST_KM = 5000.0
_NOT_WORKING = ("planned", "suspended", "ended")


def reach(
    interventions: gpd.GeoDataFrame,
    *,
    distance_km: float | Mapping[str, float] | None = None,
    as_of: str | date | pd.Timestamp | None = None,
    areas: Literal["presence", "reach"] = "presence",
) -> gpd.GeoDataFrame:
    """Draw the area that each intervention reaches, by geodesic distance.

    Presence is not coverage: a row with no reach of its own and none assumed keeps a null
    geometry, and counts as presence only.

    Parameters
    ----------
    interventions : GeoDataFrame
        Points, lines or areas in any CRS; their own ``reach_km`` is used where given.
    distance_km : float or mapping from ``kind`` to float, optional
        Reach to assume in kilometres for rows without one of their own.
    as_of : date, optional
        Keep only what was active on that day: begun (``starts_on``) and not over
        (``ends_on``, the last day). A ``status`` of suspended takes a row out, as do
        planned or ended where no date says otherwise. Rows without dates are kept as
        active and counted. Without ``as_of`` all rows are kept.
    areas : {"presence", "reach"}
        Whether an area with no reach is where somebody is present, such as a district, or
        is itself what the intervention reaches.

    Returns
    -------
    GeoDataFrame
        In EPSG:4326, with the columns and index of the rows kept, ``reach_km`` (the one
        used, NaN where none), ``reach_basis`` (reported, assumed, own area, none) and
        ``reach_area_km2``. Null geometries: no reach, or no place. ``attrs["geocn"]``
        counts both, and the rows that were not active or had no dates.

    Raises
    ------
    SchemaError
        Where a reach is negative, infinite, over 5,000 km, or not a number.
    ParameterError
        Where ``distance_km``, ``as_of`` or ``areas`` is out of range.
    CRSError, CoordinateError
        Where there is no CRS, or a place is nowhere on Earth.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> sites = gpd.GeoDataFrame(
    ...     {"partner": ["A", "B"], "reach_km": [10.0, None]},
    ...     geometry=[shapely.Point(-77, 1), shapely.Point(-76, 1)],
    ...     crs="EPSG:4326",
    ... )
    >>> reach(sites)[["reach_basis", "reach_area_km2"]].round(0).values.tolist()
    [['reported', 314.0], ['none', nan]]
    """
    if areas not in ("presence", "reach"):
        raise ParameterError(f"areas is {areas!r}; choose 'presence' or 'reach'")
    assumed = _assumed_km(interventions, distance_km)
    own = _own_km(interventions)
    lonlat = to_lonlat(interventions, "interventions")
    active, undated = _active(interventions, as_of)
    result = lonlat[active].copy()
    own, assumed = own[active], assumed[active]
    reported = own > 0
    km = np.where(reported, own, assumed)
    basis = np.where(reported, "reported", np.where(km > 0, "assumed", "none")).astype(object)
    geometry: ObjectArray = result.geometry.to_numpy()
    placed = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    drawn = _draw(geometry, km, placed)
    if areas == "reach":
        itself = placed & (shapely.get_dimensions(geometry) == 2) & (basis == "none")
        drawn[itself], basis[itself] = geometry[itself], "own area"
    result["reach_km"] = km
    result["reach_basis"] = pd.Series(basis, index=result.index, dtype="str")
    result = result.set_geometry(gpd.GeoSeries(drawn, index=result.index, crs=lonlat.crs))
    area = result.geometry.to_crs(_EQUAL_AREA).area.to_numpy() / 1e6
    result["reach_area_km2"] = np.where(shapely.is_missing(drawn), np.nan, area)
    return attach(
        result,
        "coverage.reach",
        distance_km=distance_km,
        as_of=as_of,
        areas=areas,
        crs=lonlat.crs,
        n_not_active=int((~active).sum()),
        n_undated=int((active & undated).sum()),
        n_presence_only=int((basis == "none").sum()),
        n_left_out=int((~placed).sum()),
    )


def _assumed_km(
    interventions: gpd.GeoDataFrame, distance_km: float | Mapping[str, float] | None
) -> FloatArray:
    n = len(interventions)
    if distance_km is None:
        return np.full(n, np.nan)
    by_kind = distance_km if isinstance(distance_km, Mapping) else {}
    given = list(by_kind.values()) if by_kind else [distance_km]
    numbers = [value for value in given if isinstance(value, Real)]
    if len(numbers) < len(given) or not all(0 < float(value) <= _FURTHEST_KM for value in numbers):
        raise ParameterError(
            f"distance_km is {distance_km!r}; give kilometres above 0 and up to 5000, "
            "or a mapping from kind to them"
        )
    if not by_kind:
        return np.full(n, float(numbers[0]))
    if "kind" not in interventions:
        raise ParameterError("distance_km is by kind, but interventions have no column kind")
    return np.asarray(interventions["kind"].map(dict(by_kind)), dtype=np.float64)


def _own_km(interventions: gpd.GeoDataFrame) -> FloatArray:
    if "reach_km" not in interventions:
        return np.full(len(interventions), np.nan)
    km = pd.to_numeric(interventions["reach_km"], errors="coerce")
    unread = km.isna() & interventions["reach_km"].notna()
    values: FloatArray = km.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = (values < 0) | (values > _FURTHEST_KM) | unread.to_numpy()
    if wrong.any():
        raise SchemaError(
            "interventions",
            found=f"reach_km such as {interventions['reach_km'][wrong].iloc[0]!r}",
            expected="kilometres from 0 (no reach) to 5000, or null",
            repair="Correct these rows; is the reach in metres?",
            rows=list(interventions.index[wrong]),
        )
    return values


def _active(
    interventions: gpd.GeoDataFrame, as_of: str | date | pd.Timestamp | None
) -> tuple[BoolArray, BoolArray]:
    """Which rows were active, and which have no dates."""
    n = len(interventions)
    starts, ends = (_days(interventions, name) for name in ("starts_on", "ends_on"))
    undated = (starts.isna() & ends.isna()).to_numpy()
    if as_of is None:
        return np.ones(n, dtype=bool), undated
    try:
        day = pd.Timestamp(as_of)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"as_of is {as_of!r}; give a date such as '2025-12-31'") from error
    day = (day.tz_localize("UTC") if day.tzinfo is None else day.tz_convert("UTC")).normalize()
    active = ~((starts > day) | (ends < day)).to_numpy()
    if "status" in interventions:
        status = interventions["status"].astype("str").to_numpy()
        active &= status != "suspended"
        active &= ~(undated & np.isin(status, _NOT_WORKING))
        active &= ~((status == "ended") & ends.isna().to_numpy())
        active &= ~((status == "planned") & starts.isna().to_numpy())
    return active, undated


def _days(interventions: gpd.GeoDataFrame, name: str) -> pd.Series:
    if name not in interventions:
        return pd.Series(pd.NaT, index=interventions.index, dtype="datetime64[us, UTC]")
    try:
        days: pd.Series = pd.to_datetime(interventions[name], utc=True).dt.normalize()
        return days
    except (TypeError, ValueError) as error:
        raise SchemaError(
            "interventions",
            found=f"{name} that cannot be read ({error})",
            expected="dates",
            repair="Read the file with geocn.read_interventions.",
        ) from error


def _draw(geometry: ObjectArray, km: FloatArray, placed: BoolArray) -> ObjectArray:
    drawn = np.full(len(geometry), None, dtype=object)
    wanted = placed & (km > 0)
    single = wanted & (shapely.get_type_id(geometry) == 0)
    points = geometry[single]
    drawn[single] = _buffers.circles(shapely.get_x(points), shapely.get_y(points), km[single] * 1e3)
    for i in np.flatnonzero(wanted & ~single):
        drawn[i] = _buffers.around(geometry[i], km[i] * 1e3)
    return drawn
