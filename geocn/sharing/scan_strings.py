"""Texts that stand in bytes of any kind, found by their runs of letters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from geocn._typing import BoolArray, IntArray

#: Stands between runs that were found apart.
BREAK = "\n\x1e"
#: Letters from which on a run in bytes is taken for a text.
LONG = 24
_LEAST = 4
_PRINTABLE, _NEXT, _TWO, _THREE, _FOUR = 1, 2, 3, 4, 5


def _classes(*ranges: tuple[int, int, int]) -> bytes:
    table = bytearray(256)
    for first, last, code in ranges:
        table[first : last + 1] = bytes([code]) * (last + 1 - first)
    return bytes(table)


_UTF8 = _classes(
    (0x20, 0x7E, _PRINTABLE),
    (0x09, 0x0A, _PRINTABLE),
    (0x0D, 0x0D, _PRINTABLE),
    (0x80, 0xBF, _NEXT),
    (0xC2, 0xDF, _TWO),
    (0xE0, 0xEF, _THREE),
    (0xF0, 0xF4, _FOUR),
)
# What a name in Latin-1 goes on with, but does not begin with.
_INNER = b"0123456789 '._-"
_LATIN = bytes(
    2 * (code >= 0xC0) or int((chr(code).isalnum() and code < 128) or code in _INNER)
    for code in range(256)
)


def strings_in(data: bytes) -> Iterator[tuple[str, str, bool]]:
    """Yield the texts that stand in bytes: encoding, text, and whether it is long.

    Runs of four letters and more count: UTF-8, Latin-1 where it has letters of its own, and
    UTF-16 and UTF-32 of either order at any offset, up to the Arabic block. Long runs are
    texts and worth decoding further; short ones are mostly chance.
    """
    found = [("text", "utf-8", 1, _utf8(data)), ("latin-1", "cp1252", 1, _latin(data))]
    if len(data) >= 2 * _LEAST:
        found += [(name, name, int(name[4:6]) // 8, runs) for name, runs in _wide(data)]
    for name, encoding, width, runs in found:
        for long in (True, False):
            chosen = [run for run in runs if (len(run) >= LONG * width) == long]
            if chosen:
                text = BREAK.encode(encoding).join(chosen).decode(encoding, "replace")
                yield name, text, long


def runs_of(member: BoolArray) -> tuple[IntArray, IntArray]:
    """Return where each stretch of true begins and ends."""
    padded = np.zeros(len(member) + 2, dtype=bool)
    padded[1:-1] = member
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return edges[::2], edges[1::2]


def _utf8(data: bytes) -> list[bytes]:
    kind = np.frombuffer(data.translate(_UTF8), dtype=np.uint8)
    member = kind == _PRINTABLE
    following = kind == _NEXT
    # A lead byte counts with just as many that follow; the two kinds never overlap.
    for lead in (_TWO, _THREE, _FOUR):
        size = lead - 1
        n_starts = max(0, len(kind) - size + 1)
        whole = kind[:n_starts] == lead
        for step in range(1, size):
            whole &= following[step : n_starts + step]
        for step in range(size if n_starts else 0):
            member[step : n_starts + step] |= whole
    starts, stops = runs_of(member)
    wide = stops - starts >= _LEAST
    starts, stops = starts[wide], stops[wide]
    inner = np.flatnonzero(following & member)
    letters = stops - starts - (np.searchsorted(inner, stops) - np.searchsorted(inner, starts))
    return _cut(data, starts[letters >= _LEAST], stops[letters >= _LEAST])


def _latin(data: bytes) -> list[bytes]:
    kind = np.frombuffer(data.translate(_LATIN), dtype=np.uint8)
    high = np.flatnonzero(kind == 2)
    if not len(high):
        return []
    starts, stops = runs_of(kind > 0)
    own = (stops - starts >= _LEAST) & (
        np.searchsorted(high, stops) > np.searchsorted(high, starts)
    )
    runs = (run.lstrip(_INNER) for run in _cut(data, starts[own], stops[own]))
    return [run for run in runs if len(run) >= _LEAST]


def _wide(data: bytes) -> Iterator[tuple[str, list[bytes]]]:
    codes = np.frombuffer(data, dtype=np.uint8)
    low, page = codes >= 0x20, codes <= 0x06
    after = page | ((codes >= 0x20) & (codes <= 0x22))
    zero = codes == 0
    yield "utf-16-le", _steps(data, low[:-1] & after[1:], 2)
    yield "utf-16-be", _steps(data, page[:-1] & low[1:], 2)
    pairs = zero[:-1] & zero[1:]
    yield "utf-32-le", _steps(data, (low[:-1] & page[1:])[:-2] & pairs[2:], 4)
    yield "utf-32-be", _steps(data, pairs[:-2] & (page[:-1] & low[1:])[2:], 4)


def _steps(data: bytes, unit: BoolArray, width: int) -> list[bytes]:
    """Return runs of letters of ``width`` bytes, at every offset."""
    found: list[tuple[int, int]] = []
    for offset in range(width if unit.any() else 0):
        starts, stops = runs_of(unit[offset::width])
        enough = stops - starts >= _LEAST
        begin, end = starts[enough] * width + offset, stops[enough] * width + offset
        found += zip(begin.tolist(), end.tolist(), strict=True)
    return [data[start:stop] for start, stop in sorted(found)]


def _cut(data: bytes, starts: IntArray, stops: IntArray) -> list[bytes]:
    return [data[a:b] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
