"""Reading projected coordinates: UTM with its zone, MGRS, and any declared CRS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyproj

from geocn._typing import FloatArray

_ZONE: Final = re.compile(
    r"^(?:UTM|ZONE|ZONA|HUSO|FUSO|FUSEAU|WGS ?84|[\s:/-])*(\d{1,2})\s*[-/ ]?\s*([A-Z]*)\.?$"
)
_EPSG: Final = re.compile(r"^(?:EPSG:?)?\s*32([67])(\d{2})$")
_HEMISPHERE: Final = {
    **dict.fromkeys(("N", "NORTE", "NORTH", "NORD"), True),
    **dict.fromkeys(("SUR", "SOUTH", "SUD", "SUL"), False),
}
_UTM: Final = re.compile(
    r"^(?:UTM\s*)?(\d{1,2}\s*[A-Z]*)[\s,;:]+(\d{5,7}(?:\.\d+)?)\s*M?\s*E?[\s,;]+(\d{1,8}(?:\.\d+)?)\s*M?\s*N?$"
)
_MGRS: Final = re.compile(r"^(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z]{2})(\d{0,10})$")
#: Northings of band S (32 to 40 degrees north) with a margin: only there can "18S" be a band.
_BAND_S: Final = (3_530_000.0, 4_440_000.0)
_EASTINGS: Final = (100_000.0, 900_000.0)
#: UTM covers 80 degrees south to 84 north; the poles have a grid of their own.
UTM_LATITUDES: Final = (-80.0, 84.0)
_NORTHINGS: Final = (0.0, 10_000_000.0)


@dataclass(frozen=True, slots=True)
class Zone:
    """A UTM zone; ``north`` is None for the letter S, which may be a band or a hemisphere."""

    number: int
    north: bool | None


def read_zone(text: str) -> Zone | str:
    """Read a UTM zone such as ``18N``, ``18 Norte``, ``EPSG:32618`` or say what is wrong."""
    clean = " ".join(text.upper().split())
    if match := _EPSG.match(clean):
        number, north = int(match[2]), match[1] == "6"
        return Zone(number, north) if 1 <= number <= 60 else f"{text!r} is no UTM zone"
    match = _ZONE.match(clean)
    if match is None or not 1 <= int(match[1]) <= 60:
        return f"{text!r} is no UTM zone"
    number, letter = int(match[1]), match[2]
    if not letter:
        return f"UTM zone {text!r} has no hemisphere: write {number}N or {number} south"
    if letter in _HEMISPHERE:
        return Zone(number, _HEMISPHERE[letter])
    if letter == "S":
        return Zone(number, None)
    if len(letter) != 1 or letter in "ABIOYZ":
        return f"{text!r} is no UTM zone"
    return Zone(number, letter >= "N")


def hemisphere(zone: Zone, northing: float) -> bool | str:
    """Say whether a zone lies north of the equator, or that its S cannot be told."""
    if zone.north is not None:
        return zone.north
    if _BAND_S[0] <= northing <= _BAND_S[1]:
        return (
            f"UTM zone {zone.number}S with northing {northing:.0f} may be the band S or the "
            f"southern hemisphere: write {zone.number}R for the north or {zone.number} south"
        )
    return False


def utm_fault(easting: float, northing: float) -> str | None:
    """Return why easting and northing cannot be UTM, or None."""
    if not _EASTINGS[0] <= easting <= _EASTINGS[1]:
        return f"UTM easting {easting:g} is outside 100000 to 900000"
    if not _NORTHINGS[0] <= northing <= _NORTHINGS[1]:
        return f"UTM northing {northing:g} is outside 0 to 10000000"
    return None


def split_utm(text: str) -> tuple[str, float, float, float] | None:
    """Split ``18N 600000 500000`` into zone, easting, northing and size of the last digit."""
    match = _UTM.match(" ".join(text.upper().split()))
    if match is None:
        return None
    decimals = min(len(match[i].partition(".")[2]) for i in (2, 3))
    return match[1], float(match[2]), float(match[3]), 10.0**-decimals


@lru_cache(maxsize=128)
def transformer(crs: Any) -> pyproj.Transformer:
    """Return the transformer from a CRS to longitude and latitude on WGS 84, x first."""
    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def to_lonlat(x: FloatArray, y: FloatArray, crs: Any) -> tuple[FloatArray, FloatArray]:
    """Turn coordinates of a CRS into longitude and latitude; what fails becomes NaN."""
    lon, lat = transformer(crs).transform(x, y)
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    fine = np.isfinite(lon) & np.isfinite(lat)
    return np.where(fine, lon, np.nan), np.where(fine, lat, np.nan)


def utm_to_lonlat(number: int, north: bool, easting: float, northing: float) -> tuple[float, float]:
    """Turn one UTM point into longitude and latitude."""
    lon, lat = transformer(32600 + number if north else 32700 + number).transform(easting, northing)
    return float(lon), float(lat)


def is_mgrs(text: str) -> bool:
    """Say whether a text looks like a military grid reference."""
    match = _MGRS.match("".join(text.upper().split()))
    return match is not None and len(match[4]) % 2 == 0


def read_mgrs(text: str) -> tuple[float, float, float] | str:
    """Return longitude, latitude of the centre of a grid square and its side in metres."""
    import mgrs

    clean = "".join(text.upper().split())
    if not is_mgrs(clean):
        return f"{text[:60]!r} is no military grid reference"
    digits = len(clean.lstrip("0123456789")) - 3
    side = 10.0 ** (5 - digits // 2)
    try:
        zone, side_of, easting, northing = mgrs.MGRS().MGRSToUTM(clean)
    except (mgrs.core.MGRSError, ValueError):
        return f"{text[:60]!r} is no military grid reference: no such square"
    # Versions of the library differ in giving the corner or the middle of the square.
    middle = [(size // side + 0.5) * side for size in (easting, northing)]
    lon, lat = utm_to_lonlat(zone, side_of == "N", middle[0], middle[1])
    return lon, lat, side
