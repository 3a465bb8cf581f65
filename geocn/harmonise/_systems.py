"""The ways a file gives coordinates: each reads some rows of its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
import pyproj

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.errors import CRSError
from geocn.harmonise._angles import Angle, Axis, is_wkt, read_angle, split_pair
from geocn.harmonise._grids import (
    UTM_LATITUDES,
    Zone,
    hemisphere,
    is_mgrs,
    read_mgrs,
    read_zone,
    split_utm,
    to_lonlat,
    utm_fault,
    utm_to_lonlat,
)
from geocn.harmonise.text import distinct, is_absent, spread

#: Length of a degree along a meridian of the mean sphere.
METRES_PER_DEGREE: Final = 111_195.0
_DEGREE_ROLES: Final = frozenset({"latitude", "longitude"})
_PLAIN: Final = re.compile(r"[+-]?\d{1,3}(?:[.,]\d+)?", re.ASCII)
_COMMA_ALONE: Final = re.compile(r"\d{1,3},\d+")
_Row = tuple[float, float, float, str | None, str]
_NOTHING: Final[_Row] = (np.nan, np.nan, np.nan, None, "")


@dataclass(frozen=True, slots=True)
class Columns:
    """The file, its roles, how its numbers are written, and the declared CRS."""

    frame: pd.DataFrame
    roles: Mapping[str, str]
    formats: Mapping[str, Any]
    crs: pyproj.CRS | None

    def take(self, role: str, rows: IntArray) -> pd.Series:
        """Return some rows of the column that plays a role."""
        return self.frame[self.roles[role]].iloc[rows]

    def numbers(self, role: str, rows: IntArray) -> tuple[FloatArray, BoolArray, FloatArray]:
        """Return numbers, which of them cannot be read, and the size of their last digit."""
        from geocn.io.numbers import parse_numbers, sniff_numbers

        values = self.take(role, rows)
        name = self.roles[role]
        values_or_format = self.formats.get(name) or sniff_numbers(values)
        numbers, bad = parse_numbers(values, values_or_format)
        codes, uniques = distinct(values)
        steps = spread(codes, [_last_digit(str(item)) for item in uniques], missing=np.nan)
        return numbers, bad, steps.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Found:
    """What one way of writing gave for some rows."""

    lon: FloatArray
    lat: FloatArray
    precision_m: FloatArray
    problem: ObjectArray
    style: str


def declared_crs(crs: Any, roles: Mapping[str, str]) -> pyproj.CRS | None:
    """Return the declared CRS, refusing one that cannot fit the columns.

    Raises
    ------
    CRSError
        Where the CRS is unknown, or projected while the columns hold degrees.
    """
    if crs is None:
        return None
    try:
        known = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CRSError(
            "crs", found=repr(crs), expected="a CRS that PROJ knows", repair="Try 'EPSG:4326'."
        ) from error
    if known.is_projected and set(roles) >= _DEGREE_ROLES:
        columns = ", ".join(repr(roles[role]) for role in sorted(_DEGREE_ROLES))
        raise CRSError(
            "crs",
            found=f"the projected CRS {known.name} for columns of degrees ({columns})",
            expected="a geographic CRS for latitude and longitude",
            repair="Declare a geographic crs, or map the columns with "
            'fields={"easting": ..., "northing": ...}.',
        )
    return known


def _last_digit(text: str) -> float:
    decimals = len(re.split(r"[.,]", text.strip())[-1]) if re.search(r"[.,]\d{1,2}$", text) else 0
    return 10.0**-decimals


def _angles(values: pd.Series, axis: Axis) -> tuple[FloatArray, FloatArray, ObjectArray, list[str]]:
    """Read a column of angles by its distinct texts: degrees, last digit, problem, styles."""
    if values.dtype.kind in "iuf":
        return _typed_degrees(values.to_numpy(dtype=np.float64), axis)
    codes, uniques = distinct(values)
    texts = [_number_text(item) for item in uniques]
    degrees, steps, comma = _plain_degrees(texts, axis)
    open_ = np.flatnonzero(np.isnan(degrees))
    problems: ObjectArray = np.full(len(texts) + 1, None, dtype=object)
    styles = {"decimal degrees, comma" if c else "decimal degrees" for c in set(comma)}
    for place in open_:
        if is_absent(texts[place]):
            continue
        angle = read_angle(texts[place], axis)
        degrees[place], steps[place], problems[place] = angle.degrees, angle.step, angle.problem
        styles |= {angle.style} - {""}
    degrees, steps = np.append(degrees, np.nan), np.append(steps, np.nan)
    return degrees[codes], steps[codes], problems[codes], sorted(styles)


def _typed_degrees(
    degrees: FloatArray, axis: Axis
) -> tuple[FloatArray, FloatArray, ObjectArray, list[str]]:
    """Take numbers as degrees; their last digit is the first place at which rounding stops."""
    limit = 90.0 if axis == "lat" else 180.0
    problems: ObjectArray = np.full(len(degrees), None, dtype=object)
    outside = ~np.isnan(degrees) & ~(np.abs(degrees) <= limit)
    problems[outside] = [
        f"{value:g} is outside -{limit:g} to {limit:g}" for value in degrees[outside]
    ]
    degrees = np.where(outside, np.nan, degrees)
    steps = np.full(len(degrees), 1e-9)
    for decimals in range(8, -1, -1):
        steps[np.abs(np.round(degrees, decimals) - degrees) < 1e-10] = 10.0**-decimals
    return degrees, steps, problems, ["decimal degrees"] if np.isfinite(degrees).any() else []


def _plain_degrees(texts: list[str], axis: Axis) -> tuple[FloatArray, FloatArray, list[bool]]:
    """Read plain decimal numbers at once; the rest, and what is out of range, stays NaN."""
    degrees, steps = np.full(len(texts), np.nan), np.full(len(texts), np.nan)
    limit, commas = (90.0 if axis == "lat" else 180.0), []
    for place, text in enumerate(texts):
        if not _PLAIN.fullmatch(text):
            continue
        value = float(text.replace(",", "."))
        if abs(value) <= limit:
            mark = max(text.find("."), text.find(","))
            degrees[place] = value
            steps[place] = 10.0 ** -min(len(text) - mark - 1, 15) if mark >= 0 else 1.0
            commas.append("," in text)
    return degrees, steps, commas


def _number_text(item: object) -> str:
    if isinstance(item, (float, np.floating)):
        return f"{float(item):.13g}"
    return str(item)


def read_degrees(columns: Columns, rows: IntArray) -> Found:
    """Read a column of latitudes and one of longitudes."""
    return _degrees(columns, rows, "latitude", "longitude")


def _degrees(columns: Columns, rows: IntArray, lat_role: str, lon_role: str) -> Found:
    lat, lat_step, lat_problem, lat_styles = _angles(columns.take(lat_role, rows), "lat")
    lon, lon_step, lon_problem, lon_styles = _angles(columns.take(lon_role, rows), "lon")
    problem = np.where(lat_problem == np.array(None), lon_problem, lat_problem)
    nothing = problem == np.array(None)
    half = nothing & (np.isnan(lat) != np.isnan(lon))
    problem[half] = "one of latitude and longitude is missing"
    bad = problem != np.array(None)
    lon, lat = np.where(bad, np.nan, lon), np.where(bad, np.nan, lat)
    if columns.crs is not None and not columns.crs.equals("EPSG:4326"):
        lon, lat = to_lonlat(lon, lat, columns.crs)
    # A trailing zero is often lost, so the finer of the two tells how both were measured.
    step = np.fmin(lat_step, lon_step)
    style = " and ".join(dict.fromkeys([*lat_styles, *lon_styles]))
    return Found(lon, lat, step / 2 * METRES_PER_DEGREE, problem, style)


def read_pairs(columns: Columns, rows: IntArray) -> Found:
    """Read a column of texts that each hold a whole position."""
    values = columns.take("coordinates", rows)
    codes, uniques = distinct(values)
    texts = [str(item) for item in uniques]
    x_first, assumed = _order_of_pairs(texts)
    read = partial(_read_position, x_first=x_first)
    results = [_NOTHING if is_absent(text) else read(text) for text in texts]
    found = _collect(codes, results)
    if columns.crs is not None and columns.crs.is_geographic:
        lon, lat = to_lonlat(found.lon, found.lat, columns.crs)
        found = Found(lon, lat, found.precision_m, found.problem, found.style)
    style = f"{found.style} ({assumed})" if assumed and found.style else found.style
    return Found(found.lon, found.lat, found.precision_m, found.problem, style)


def _order_of_pairs(texts: list[str]) -> tuple[bool, str]:
    """Settle for the whole column whether x or y stands first in pairs of plain numbers."""
    x_first = y_first = 0
    plain = False
    for text in texts:
        pair = None if is_wkt(text) else split_pair(text)
        if pair is None or not all(_PLAIN.fullmatch(part.rstrip("°")) for part in pair):
            continue
        plain = True
        first, second = (abs(float(part.rstrip("°").replace(",", "."))) for part in pair)
        x_first += first > 90 >= second
        y_first += second > 90 >= first
    if not plain:
        return False, ""
    if x_first == y_first:
        return False, "latitude first, assumed"
    return x_first > y_first, "longitude first" if x_first > y_first else "latitude first"


def _read_position(text: str, *, x_first: bool) -> _Row:
    if is_mgrs(text):
        return _mgrs_row(text)
    utm = split_utm(text)
    if utm is not None:
        zone, easting, northing, step = utm
        return _utm_row(zone, easting, northing, step)
    pair = split_pair(text)
    if pair is None:
        return (*_NOTHING[:3], f"{text[:60]!r} is not read as a pair of coordinates", "")
    if _COMMA_ALONE.fullmatch(text.strip()):
        reason = f"{text[:60]!r} may be a pair of whole degrees or one number with a decimal comma"
        return (*_NOTHING[:3], reason, "")
    first, second = (read_angle(part, None) for part in pair)
    problem = first.problem or second.problem
    if problem:
        return (*_NOTHING[:3], problem, "")
    axes = (first.axis, second.axis)
    if axes[0] is not None and axes[0] == axes[1]:
        return (*_NOTHING[:3], f"{text[:60]!r} names the same axis twice", "")
    swapped = "lon" in axes[:1] or axes[1] == "lat" or (axes == (None, None) and _x(text, x_first))
    lat, lon = (second, first) if swapped else (first, second)
    return _pair_row(text, lat, lon)


def _x(text: str, x_first: bool) -> bool:
    return x_first and not is_wkt(text)


def _pair_row(text: str, lat: Angle, lon: Angle) -> _Row:
    if abs(lat.degrees) > 90:
        return (*_NOTHING[:3], f"{text[:60]!r}: latitude is outside -90 to 90", "")
    step = min(lat.step, lon.step) / 2 * METRES_PER_DEGREE
    return lon.degrees, lat.degrees, step, None, lat.style


def read_mgrs_column(columns: Columns, rows: IntArray) -> Found:
    """Read a column of military grid references."""
    codes, uniques = distinct(columns.take("mgrs", rows))
    return _collect(codes, [_NOTHING if is_absent(str(u)) else _mgrs_row(str(u)) for u in uniques])


def _mgrs_row(text: str) -> _Row:
    read = read_mgrs(text)
    if isinstance(read, str):
        return (*_NOTHING[:3], read, "")
    lon, lat, side = read
    return lon, lat, side / 2, None, "MGRS"


def _utm_row(zone_text: str, easting: float, northing: float, step: float) -> _Row:
    zone = read_zone(zone_text)
    fault = zone if isinstance(zone, str) else utm_fault(easting, northing)
    if isinstance(fault, str) or not isinstance(zone, Zone):
        return (*_NOTHING[:3], str(fault), "")
    north = hemisphere(zone, northing)
    if isinstance(north, str):
        return (*_NOTHING[:3], north, "")
    lon, lat = utm_to_lonlat(zone.number, north, easting, northing)
    if not UTM_LATITUDES[0] <= lat <= UTM_LATITUDES[1]:
        return (*_NOTHING[:3], f"{zone_text} {easting:g} {northing:g} is outside UTM", "")
    return lon, lat, step / 2, None, "UTM"


def _collect(codes: IntArray, results: list[_Row]) -> Found:
    parts = [spread(codes, [r[i] for r in results], missing=_NOTHING[i]) for i in range(4)]
    lon, lat, precision = (part.astype(np.float64) for part in parts[:3])
    style = " and ".join(sorted({r[4] for r in results if r[4]}))
    return Found(lon, lat, precision, parts[3], style)


def read_projected(columns: Columns, rows: IntArray) -> Found:
    """Read eastings and northings in their UTM zone or the declared CRS."""
    x, bad_x, step_x = columns.numbers("easting", rows)
    y, bad_y, step_y = columns.numbers("northing", rows)
    half = np.fmin(step_x, step_y) / 2
    problem: ObjectArray = np.full(len(rows), None, dtype=object)
    problem[bad_x | bad_y] = "easting or northing is no number"
    missing = np.isnan(x) | np.isnan(y)
    problem[(np.isnan(x) != np.isnan(y)) & ~(bad_x | bad_y)] = "easting or northing is missing"
    if "utm_zone" in columns.roles:
        zones = columns.take("utm_zone", rows)
        return _zoned(x, y, half, zones=zones, problem=problem, missing=missing)
    if columns.crs is None or not columns.crs.is_projected:
        problem[~missing] = "easting and northing without a UTM zone or a declared projected CRS"
        return Found(np.full(len(x), np.nan), np.full(len(x), np.nan), half, problem, "")
    lon, lat = to_lonlat(np.where(missing, np.nan, x), np.where(missing, np.nan, y), columns.crs)
    problem[~missing & np.isnan(lon)] = f"outside what {columns.crs.name} covers"
    return Found(lon, lat, half, problem, columns.crs.name)


def _zoned(
    x: FloatArray,
    y: FloatArray,
    half: FloatArray,
    *,
    zones: pd.Series,
    problem: ObjectArray,
    missing: BoolArray,
) -> Found:
    lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
    codes, uniques = distinct(zones)
    problem[~missing & (codes < 0)] = "easting and northing without a UTM zone"
    for code, item in enumerate(uniques):
        text = _number_text(item)
        for row in np.flatnonzero((codes == code) & ~missing):
            lon[row], lat[row], half[row], problem[row], _ = _utm_row(
                text, x[row], y[row], 2 * half[row]
            )
    return Found(lon, lat, half, problem, "UTM")


def read_xy(columns: Columns, rows: IntArray) -> Found:
    """Read plain x and y: in the declared CRS, else degrees where they can be."""
    if columns.crs is not None and columns.crs.is_projected:
        roles = {"easting": columns.roles["x"], "northing": columns.roles["y"]}
        return read_projected(Columns(columns.frame, roles, columns.formats, columns.crs), rows)
    return _degrees(columns, rows, "y", "x")


Reader = Callable[[Columns, IntArray], Found]

#: The roles each way needs, in the order in which they are tried.
SYSTEMS: Final[tuple[tuple[frozenset[str], Reader], ...]] = (
    (_DEGREE_ROLES, read_degrees),
    (frozenset({"coordinates"}), read_pairs),
    (frozenset({"mgrs"}), read_mgrs_column),
    (frozenset({"easting", "northing"}), read_projected),
    (frozenset({"x", "y"}), read_xy),
)
