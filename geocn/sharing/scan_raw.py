"""Bytes of any kind read as numbers at every offset: which of them can matter at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.sharing.scan_places import PlaceIndex, Reading

#: How bytes are read: float64 and int32 of both orders, float32 of the common one.
TYPES = ("<f8", ">f8", "<f4", "<i4", ">i4")
_FLOAT, _WHOLE = ("degrees", "metres"), ("e5", "e6", "e7")
_NUMBER = 8


@dataclass(frozen=True)
class _Sieve:
    """What the upper sixteen bits of a number say of it: a bit a reading, twice.

    The lower half byte says in which readings it may be a longitude, the upper one a
    latitude; bit 3 that it may be one of the numbers looked for.
    """

    dtype: str
    size: int
    at: int
    table: AnyArray
    readings: tuple[Reading, ...]


class RawSearch:
    """Finds numbers and pairs of them in bytes, at every offset.

    One look-up of two bytes a type rules out nearly all offsets, so that few numbers are
    ever compared.
    """

    def __init__(self, places: PlaceIndex, numbers: FloatArray) -> None:
        self._places = places
        self._sieves = [_sieve(dtype, places, numbers) for dtype in TYPES]

    def look(self, data: bytes) -> Iterator[tuple[str, AnyArray]]:
        """Yield ``("numbers", values)`` to compare and ``("places", codes)`` that were found."""
        codes = np.frombuffer(data, dtype=np.uint8)
        if len(codes) < 4:
            return
        upper = codes[:-1] | (codes[1:].astype(np.uint16) << 8)
        for sieve in self._sieves:
            n_values = len(codes) - sieve.size + 1
            if n_values < 1 or not sieve.table.any():
                continue
            marks = sieve.table[upper[sieve.at : sieve.at + n_values]]
            single = np.flatnonzero(marks & _NUMBER)
            if len(single):
                yield "numbers", _values(codes, single, sieve)
            if n_values <= sieve.size or not sieve.readings:
                continue
            later = marks[sieve.size :]
            paired = marks[: -sieve.size] & ((later << 4) | (later >> 4)) & ~np.uint8(_NUMBER)
            at = np.flatnonzero(paired)
            if len(at):
                first, second = (_values(codes, at + step, sieve) for step in (0, sieve.size))
                for reading in sieve.readings:
                    for x, y in ((first, second), (second, first)):
                        yield "places", self._places.among(reading, x, y)


def _values(codes: AnyArray, at: IntArray, sieve: _Sieve) -> FloatArray:
    cut = codes[at[:, None] + np.arange(sieve.size)]
    return np.ascontiguousarray(cut).view(sieve.dtype)[:, 0].astype(np.float64)


def _sieve(dtype: str, places: PlaceIndex, numbers: FloatArray) -> _Sieve:
    size, kind = int(dtype[-1]), dtype[1]
    named = _WHOLE if kind == "i" else _FLOAT
    readings = tuple(one for one in places.readings if one.name in named)
    low, high = _bounds(dtype[1:])
    table = np.zeros(1 << 16, dtype=np.uint8)
    for bit, reading in enumerate(readings):
        east = (low <= reading.lon[1]) & (high >= reading.lon[0])
        north = (low <= reading.lat[1]) & (high >= reading.lat[0])
        table |= (east.astype(np.uint8) << bit) | (north.astype(np.uint8) << (bit + 4))
    if dtype[1:] == "f8" and len(numbers):
        among = np.searchsorted(numbers, high, side="right") > np.searchsorted(numbers, low)
        table |= np.where(np.isfinite(low) & among, _NUMBER, 0).astype(np.uint8)
    little = dtype[0] == "<"
    # The two bytes are read with the lower one first, whatever the order of the number.
    table = table if little else table.reshape(256, 256).T.ravel()
    return _Sieve(dtype, size, size - 2 if little else 0, table, readings)


def _bounds(kind: str) -> tuple[FloatArray, FloatArray]:
    """Return the least and greatest number for each upper sixteen bits; NaN where none is."""
    bits = 8 * int(kind[1]) - 16
    first = np.arange(1 << 16, dtype=np.uint64) << np.uint64(bits)
    last = first | np.uint64((1 << bits) - 1)
    with np.errstate(invalid="ignore"):
        ends = [one.astype(f"u{kind[1]}").view(kind).astype(np.float64) for one in (first, last)]
    ends = [np.where(np.isfinite(ends[0]) & np.isfinite(ends[1]), one, np.nan) for one in ends]
    return np.minimum(*ends), np.maximum(*ends)
