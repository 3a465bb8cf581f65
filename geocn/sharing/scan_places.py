"""Withheld places, and whether numbers or texts come near one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.sharing.scan_bundled import is_bundled

EARTH_M = 6_371_008.8
#: WGS 84's semi-major axis, the radius of EPSG:3857.
MERCATOR_M = 6_378_137.0
#: Coarser statements of a place than this are generalised, not leaked.
COARSEST_M = 60.0
_CELLS = 20  # a degree
_WIDTH, _HEIGHT = 360 * _CELLS + 1, 180 * _CELLS + 1
_MERCATOR_LIMIT = 85.06


@dataclass(frozen=True)
class Reading:
    """One way to take a pair of numbers for a place: the ranges that matter, and its scale."""

    name: str
    lon: tuple[float, float]
    lat: tuple[float, float]
    scale: float

    def degrees(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return longitude and latitude."""
        if self.name == "metres":
            lat = np.degrees(2 * np.arctan(np.exp(y / MERCATOR_M)) - np.pi / 2)
            return np.degrees(x / MERCATOR_M), lat
        # Longitudes may run from 0 to 360.
        lon = x / self.scale
        return np.where(lon > 180.5, lon - 360.0, lon), y / self.scale


class PlaceIndex:
    """Withheld places in degrees; finds those that lie near other places.

    Parameters
    ----------
    lonlat : ndarray, shape (n, 2)
    entries : ndarray of int, shape (n,)
        What each place belongs to.
    tolerance_m : float
    released : ndarray, shape (n, 2), optional
        Places that may be told.
    """

    def __init__(
        self,
        lonlat: FloatArray,
        entries: IntArray,
        tolerance_m: float,
        released: FloatArray | None = None,
    ) -> None:
        self.lonlat, self.entries, self.tolerance_m = lonlat, entries, float(tolerance_m)
        self._released = np.empty((0, 2)) if released is None else released
        self._never = np.empty(0, dtype=np.int64)
        self._tree = cKDTree(unit_vectors(lonlat)) if len(lonlat) else None
        reach = max(self.tolerance_m, COARSEST_M)
        self._reach = reach
        self.readings: tuple[Reading, ...] = ()
        if len(lonlat):
            self._near = _painted(lonlat, reach)
            self.readings = _readings(lonlat, reach)

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.lonlat)

    def never_excuse(self, first: int) -> None:
        """Report the entries from ``first`` on whatever else stands at their place."""
        self._never = self.entries[self.entries >= first]

    def near(
        self, lon: FloatArray, lat: FloatArray, precision_m: FloatArray | float = 0.0
    ) -> tuple[IntArray, IntArray]:
        """Return which of the places asked for lie near a withheld one, and near which.

        Near is within the tolerance, or within the precision of what is asked for where
        that is coarser, but never beyond 60 m.
        """
        none = np.empty(0, dtype=np.int64)
        if self._tree is None or not len(lon):
            return none, none
        with np.errstate(invalid="ignore"):
            fine = (np.abs(lon) <= 180.5) & (np.abs(lat) <= 90.0)
        row = np.asarray(np.flatnonzero(fine), dtype=np.int64)
        column = np.clip((lon[row] + 180) * _CELLS, 0, _WIDTH - 1).astype(np.int64)
        line = ((lat[row] + 90) * _CELLS).astype(np.int64)
        marked: BoolArray = self._near[line, column]
        row = row[marked]
        if not len(row):
            return none, none
        asked = unit_vectors(np.column_stack([lon[row], lat[row]]))
        distance, which = self._tree.query(asked, distance_upper_bound=self._reach * 1.001)
        wide = np.broadcast_to(np.asarray(precision_m, dtype=np.float64), lon.shape)[row]
        allowed = np.maximum(self.tolerance_m, np.minimum(wide, COARSEST_M))
        hit = distance <= allowed * 1.000001
        return row[hit], self.entries[np.asarray(which)[hit]]

    def sequence(
        self, values: AnyArray, *, gaps: tuple[int, ...], scales: tuple[str, ...]
    ) -> Iterator[IntArray]:
        """Yield what numbers come near, each taken with the one ``gap`` places further on."""
        for reading in self.readings:
            if reading.name not in scales or len(values) < 2:
                continue
            with np.errstate(invalid="ignore"):
                east, north = _within(values, reading.lon), _within(values, reading.lat)
            if not (east.any() and north.any()):
                continue
            for gap in gaps:
                for x, y in ((0, gap), (gap, 0)):
                    end = max(0, len(values) - gap)
                    at = np.flatnonzero(east[x : x + end] & north[y : y + end])
                    if len(at):
                        yield self._near_read(reading, values[at + x], values[at + y])

    def in_tiles(self, lon: FloatArray, lat: FloatArray, precision_m: FloatArray) -> IntArray:
        """Return what vertices of vector tiles come near that no released place explains.

        Vertices known no better than 60 m are generalised, and not looked at.
        """
        fine = precision_m <= COARSEST_M
        lon, lat, wide = lon[fine], lat[fine], precision_m[fine]
        row, codes = self.near(lon, lat, wide)
        if not len(row) or not len(self._released):
            return codes
        reach = np.maximum(self.tolerance_m, wide[row])
        places = unit_vectors(np.column_stack([lon[row], lat[row]]))
        distance, _ = cKDTree(unit_vectors(self._released)).query(places)
        return codes[(distance > reach * 1.000001) | np.isin(codes, self._never)]

    def pairs(self, columns: Sequence[AnyArray], steps: int | None = None) -> Iterator[IntArray]:
        """Yield what rows of any two columns of one length come near, as degrees or metres.

        The basemap may stand there rounded to ``steps`` a degree.
        """
        for reading in self.readings:
            if reading.name not in ("degrees", "metres"):
                continue
            with np.errstate(invalid="ignore"):
                east = [_within(one, reading.lon) for one in columns]
                north = [_within(one, reading.lat) for one in columns]
            upward = [at for at, mask in enumerate(north) if mask.any()]
            for x in [at for at, mask in enumerate(east) if mask.any()]:
                for y in upward:
                    if x != y and len(columns[x]) == len(columns[y]):
                        mask = east[x] & north[y]
                        pair = columns[x][mask], columns[y][mask]
                        yield self._near_read(reading, *pair, steps)

    def among(self, reading: Reading, x: AnyArray, y: AnyArray) -> IntArray:
        """Return what pairs of numbers come near, read one way."""
        with np.errstate(invalid="ignore"):
            mask = _within(x, reading.lon)
            if mask.any():
                mask &= _within(y, reading.lat)
        return self._near_read(reading, x[mask], y[mask])

    def _near_read(
        self, reading: Reading, x: AnyArray, y: AnyArray, steps: int | None = None
    ) -> IntArray:
        if not len(x):
            return np.empty(0, dtype=np.int64)
        lon, lat = reading.degrees(x.astype(np.float64), y.astype(np.float64))
        row, codes = self.near(lon, lat)
        if len(row):
            # The basemap is read only now: a clean scan costs nothing more.
            lonlat = np.column_stack([lon[row], lat[row]])
            public = is_bundled(lonlat) if steps is None else is_bundled(lonlat, steps)
            codes = codes[~public | np.isin(codes, self._never)]
        return codes


def _within(values: AnyArray, limits: tuple[float, float]) -> BoolArray:
    result: BoolArray = values >= limits[0]
    result &= values <= limits[1]
    return result


def unit_vectors(lonlat: FloatArray) -> FloatArray:
    """Return places on a sphere in metres; chords stand for distances."""
    lon, lat = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    flat = np.cos(lat)
    return EARTH_M * np.column_stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)])


def _painted(lonlat: FloatArray, reach_m: float) -> BoolArray:
    """Mark the cells of the world within reach of any place."""
    marks = np.zeros((_HEIGHT, _WIDTH), dtype=bool)
    high = reach_m / 111_000.0
    wide = np.minimum(high / np.maximum(np.cos(np.radians(lonlat[:, 1])), 1e-6), 180.0)
    polar = wide > 1.0 / _CELLS
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            lon = (lonlat[:, 0] + dx * wide + 180.0) % 360.0
            lat = np.clip(lonlat[:, 1] + dy * high, -90.0, 90.0) + 90.0
            marks[(lat * _CELLS).astype(int), (lon * _CELLS).astype(int)] = True
            marks[(lat[polar] * _CELLS).astype(int)] = True
    # Both names of the antimeridian.
    rim = marks[:, :1] | marks[:, -1:] | marks[:, -2:-1]
    marks[:, :1] |= rim
    marks[:, -2:] |= rim
    return marks


def _readings(lonlat: FloatArray, reach_m: float) -> tuple[Reading, ...]:
    """Return the ways to take numbers for places, each with the ranges worth a look."""
    high = reach_m / 111_000.0
    south, north = lonlat[:, 1].min() - high, lonlat[:, 1].max() + high
    steep = max(abs(south), abs(north))
    wide = high / max(np.cos(np.radians(min(steep, 89.0))), 1e-3)
    west, east = lonlat[:, 0].min() - wide, lonlat[:, 0].max() + wide
    if steep > 89.0 or west < -180.0 or east > 180.0:
        west, east = -180.5, 180.5
    found = [Reading("degrees", (west, east), (south, north), 1.0)]
    if west < 0:
        found.append(
            Reading("degrees", (max(west, -180.0) + 360, min(east, 0) + 360), (south, north), 1.0)
        )
    for name, scale in (("e5", 1e5), ("e6", 1e6), ("e7", 1e7)):
        found.append(
            Reading(name, (west * scale, east * scale), (south * scale, north * scale), scale)
        )
    low, top = np.clip([south, north], -_MERCATOR_LIMIT, _MERCATOR_LIMIT)
    y = MERCATOR_M * np.log(np.tan(np.pi / 4 + np.radians([low, top]) / 2))
    x = MERCATOR_M * np.radians([west, east])
    limits = (float(x[0]), float(x[1])), (float(y[0]), float(y[1]))
    return (*found, Reading("metres", *limits, 1.0))
