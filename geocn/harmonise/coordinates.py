"""Coordinates of partner files, however they are written, as longitude and latitude.

Decimal degrees with a point or a comma, degrees–minutes–seconds in many spellings,
``4233N 00144E``, UTM with its zone, MGRS, and plain x and y in a declared CRS. Nothing is
repaired silently: what cannot be read one way only is a problem of its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from geocn._typing import FloatArray, ObjectArray
from geocn.harmonise._systems import SYSTEMS, Columns, declared_crs
from geocn.harmonise.text import text_series

__all__ = ["CoordinateResult", "format_coordinate", "looks_swapped", "parse_coordinates"]

_PLACEHOLDER: Final = "both coordinates are exactly 0, a placeholder for missing"
_ANTARCTIC: Final = -60.0


@dataclass(frozen=True, slots=True)
class CoordinateResult:
    """Coordinates of a file, understood.

    Attributes
    ----------
    lon, lat : ndarray of float64
        Degrees on WGS 84; NaN where there are none or they cannot be read.
    problem : Series of str
        Why a row's coordinates could not be read; null where they could or there are none.
    format : str
        How they are written, for people to read; ``""`` where the file has none.
    precision_m : ndarray of float64
        Half of the last digit given, in metres on the ground along a meridian.
    """

    lon: FloatArray
    lat: FloatArray
    problem: pd.Series
    format: str
    precision_m: FloatArray


def parse_coordinates(
    frame: pd.DataFrame,
    roles: Mapping[str, str],
    *,
    number_formats: Mapping[str, Any] | None = None,
    crs: Any = None,
) -> CoordinateResult:
    r"""Read the coordinates of every row from the columns that hold them.

    Parameters
    ----------
    frame : DataFrame
        The file as read.
    roles : mapping
        Role to column, as from :func:`geocn.harmonise.headers.match_headers`:
        ``latitude`` and ``longitude``, ``coordinates`` (one text), ``mgrs``, ``easting``
        and ``northing`` (with ``utm_zone`` or ``crs``), ``x`` and ``y``. Where a file has
        several, each row takes the first of this order that it fills.
    number_formats : mapping, optional
        Column to :class:`geocn.io.numbers.NumberFormat`, for eastings and northings. In
        degrees a comma is always the decimal sign.
    crs : any CRS, optional
        CRS of the numbers where it is not WGS 84. A zone given row by row goes before it.

    Returns
    -------
    CoordinateResult
        Arrays in the order of the rows, and a Series with the index of ``frame``.

    Raises
    ------
    CRSError
        Where ``crs`` is unknown, or is projected while the columns hold degrees.

    Examples
    --------
    >>> frame = pd.DataFrame({"Lat": ["4°34'12\"N", "4,57"], "Lon": ["74°05' O", "-74,08"]})
    >>> result = parse_coordinates(frame, {"latitude": "Lat", "longitude": "Lon"})
    >>> result.lon.round(4).tolist(), result.lat.round(4).tolist()
    ([-74.0833, -74.08], [4.57, 4.57])
    """
    columns = Columns(frame, roles, number_formats or {}, declared_crs(crs, roles))
    n_rows = len(frame)
    lon, lat, precision = (np.full(n_rows, np.nan) for _ in range(3))
    problem: ObjectArray = np.full(n_rows, None, dtype=object)
    styles: list[str] = []
    for needed, read in SYSTEMS:
        if not needed <= set(roles):
            continue
        free = np.flatnonzero(np.isnan(lon) & (problem == np.full(n_rows, None)))
        if not free.size:
            break
        found = read(columns, free)
        lon[free], lat[free], precision[free] = found.lon, found.lat, found.precision_m
        problem[free] = found.problem
        if found.style:
            styles.append(found.style)
    _refuse_placeholders(lon, lat, problem)
    precision[np.isnan(lon)] = np.nan
    return CoordinateResult(
        lon, lat, text_series(problem, frame.index), "; then ".join(styles), precision
    )


def _refuse_placeholders(lon: FloatArray, lat: FloatArray, problem: ObjectArray) -> None:
    nowhere = (lon == 0) & (lat == 0)
    problem[nowhere] = _PLACEHOLDER
    lon[nowhere], lat[nowhere] = np.nan, np.nan


def looks_swapped(
    lon: FloatArray, lat: FloatArray, bounds: tuple[float, float, float, float] | None = None
) -> bool:
    """Say whether longitudes and latitudes were given in each other's place.

    Parameters
    ----------
    lon, lat : arrays of float
        Degrees; NaN is left out.
    bounds : tuple, optional
        ``(min lon, min lat, max lon, max lat)`` of where the points should lie.

    Returns
    -------
    bool
        True where most points lie in ``bounds`` only when swapped; without bounds, where
        the latitudes are impossible (beyond 90) or Antarctic and swapping mends it.

    Examples
    --------
    >>> looks_swapped(np.array([4.6, 6.2]), np.array([-74.1, -75.6]))
    True
    >>> looks_swapped(np.array([-74.1]), np.array([4.6]), (-82, -5, -66, 13))
    False
    """
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        return False
    x, y = lon[known], lat[known]
    if bounds is not None:
        straight, swapped = _share_within(x, y, bounds), _share_within(y, x, bounds)
        return bool(swapped > 0.5 and swapped > straight)
    implausible = (np.abs(y) > 90) | (y < _ANTARCTIC)
    mended = (np.abs(x) <= 90) & (x >= _ANTARCTIC) & (np.abs(y) <= 180)
    return bool(np.mean(implausible & mended) > 0.5)


def _share_within(x: FloatArray, y: FloatArray, bounds: tuple[float, float, float, float]) -> float:
    west, south, east, north = bounds
    across = (x >= west) & (x <= east) if west <= east else (x >= west) | (x <= east)
    return float(np.mean(across & (y >= south) & (y <= north)))


def format_coordinate(degrees: float, axis: str, *, style: str = "dms", decimals: int = 2) -> str:
    """Write an angle as people do: ``dms``, ``dm``, ``decimal``, ``comma`` or ``compact``.

    Examples
    --------
    >>> format_coordinate(-74.0833333, "lon", style="dm", decimals=1)
    "74°05.0'W"
    >>> format_coordinate(4.57, "lat", style="compact")
    '043412N'
    """
    if style in ("decimal", "comma"):
        text = f"{degrees:.{decimals}f}"
        return text.replace(".", ",") if style == "comma" else text
    letter = ("NS" if axis == "lat" else "EW")[degrees < 0]
    width = 2 if axis == "lat" else 3
    if style == "dm":
        scale = 10**decimals
        whole, rest = divmod(round(abs(degrees) * 60 * scale), 60 * scale)
        return f"{whole}°{rest / scale:0{3 + decimals}.{decimals}f}'{letter}"
    scale = 1 if style == "compact" else 10**decimals
    total = round(abs(degrees) * 3600 * scale)
    minutes, seconds = divmod(total, 60 * scale)
    whole, minutes = divmod(minutes, 60)
    if style == "compact":
        return f"{whole:0{width}d}{minutes:02d}{seconds:02d}{letter}"
    return f"{whole}°{minutes:02d}'{seconds / scale:0{3 + decimals}.{decimals}f}\"{letter}"
