"""Non-negative integers as bytes that deflate codes well, and back.

Three ways, of which a block takes the one that weighs least:

- ``planes``: their bytes, lowest first, one plane a byte; nothing is told of it,
- ``e``: a byte that holds the size of the number and its two highest bits after the first,
  then the bits below, as they are. Lengths and weights of any spread are near their entropy,
- ``g``: few different values, several of them in one byte: ``[how many, of how many values]``.
"""

from __future__ import annotations

import zlib
from typing import Any, Final, TypeAlias

import numpy as np

from geocn._typing import AnyArray, IntArray

#: What the header tells of the way, and the bytes.
Coded: TypeAlias = tuple[dict[str, Any], list[AnyArray]]

_SAMPLE: Final = 1 << 15
_LEAST: Final = 256
_BYTE: Final = 256
#: Bits after the first that stand in the byte beside the size.
_HIGH: Final = 2
_MOST_GROUPED: Final = 7
#: A way that is not plain has to be shorter by this share.
_GAIN: Final = 0.985


def coded(stored: IntArray) -> Coded:
    """Return how the integers are held, and their bytes.

    Example
    -------
    >>> import numpy as np
    >>> coded(np.array([1, 513]))[1][1].tolist()
    [0, 2]
    """
    plain: Coded = ({}, planes(stored))
    if len(stored) < _LEAST:
        return plain
    most = int(stored.max())
    if most >= _BYTE:
        below = _below(stored)
        keys = _keys(stored, below)
        if _length([keys]) + float(below.sum()) / 8 >= _GAIN * _length(plain[1]):
            return plain
        return {"e": 1}, [keys, _bits(stored, below)]
    if 0 < most < _MOST_GROUPED:
        grouped = _grouped(stored, most + 1)
        return grouped if _length(grouped[1]) < _GAIN * _length(plain[1]) else plain
    return plain


def uncoded(described: dict[str, Any], streams: tuple[bytes, bytes]) -> IntArray:
    """Return the integers that ``described`` points at."""
    n, places = int(described["n"]), described.get("p", ())
    if "e" in described:
        keys, bits = (np.frombuffer(streams[s], np.uint8, -1, at) for s, at in places)
        return _from_size(keys[:n].astype(np.int64), bits)
    if "g" in described:
        size, levels = described["g"]
        ((stream, at),) = places
        held = np.frombuffer(streams[stream], np.uint8, -(-n // size), at)
        found = held[:, None] // levels ** np.arange(size) % levels
        several: IntArray = found.astype(np.int64).ravel()[:n]
        return several
    stored = np.zeros(n, dtype=np.int64)
    for k, (stream, at) in enumerate(places):
        stored |= np.frombuffer(streams[stream], np.uint8, n, at).astype(np.int64) << (8 * k)
    return stored


def planes(stored: IntArray) -> list[AnyArray]:
    """Return the bytes of non-negative integers, lowest first, without the empty high ones."""
    width = max(1, (int(stored.max()).bit_length() + 7) // 8)
    split = stored.astype("<i8").view(np.uint8).reshape(len(stored), 8)
    return [np.ascontiguousarray(split[:, k]) for k in range(width)]


def cost(found: list[AnyArray]) -> float:
    """Return the bits an integer takes by the entropy of the bytes of each plane."""
    return sum(map(_entropy, found))


def bits_of(values: IntArray) -> float:
    """Return about how many bits a block needs for integers in this order."""
    if not len(values):
        return 0.0
    steps = np.diff(values, prepend=values[:1])
    straight = cost(planes(values - values.min()))
    return len(values) * min(straight, cost(planes((steps << 1) ^ (steps >> 63))))


def zipped(*pieces: bytes, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """Return a gzip stream of all pieces; a long one is coded by itself."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9, strategy)
    found, before = [], 0
    for piece in pieces:
        if before and max(before, len(piece)) >= _SAMPLE:
            found.append(packer.flush(zlib.Z_PARTIAL_FLUSH))
        found.append(packer.compress(piece))
        before = len(piece)
    return b"".join([*found, packer.flush()])


def sample(data: bytes) -> bytes:
    """Return the middle of long data."""
    middle = max(0, len(data) // 2 - _SAMPLE // 2)
    return data[middle : middle + _SAMPLE]


def _entropy(plane: AnyArray) -> float:
    share = np.bincount(plane, minlength=_BYTE) / len(plane)
    share = share[share > 0]
    return -float((share * np.log2(share)).sum())


def _length(found: list[AnyArray]) -> float:
    """Return about how many bytes planes are in a block."""
    total = 0.0
    for plane in found:
        data = plane.tobytes()
        part = sample(data)
        least = min(len(zipped(part)), len(zipped(part, strategy=zlib.Z_HUFFMAN_ONLY)))
        total += least * len(data) / len(part)
    return total


def _grouped(stored: IntArray, levels: int) -> Coded:
    size = next(k for k in range(8, 0, -1) if levels**k <= _BYTE)
    padded = np.zeros(-(-len(stored) // size) * size, dtype=np.int64)
    padded[: len(stored)] = stored
    held = (padded.reshape(-1, size) * levels ** np.arange(size)).sum(axis=1)
    return {"g": [size, levels]}, [held.astype(np.uint8)]


def _below(stored: IntArray) -> IntArray:
    """Return how many bits of each integer stand beside its key."""
    # a float64 rounds numbers beyond 2^53 up to the next power of two, so the high half is asked
    high = stored >> 31
    size = np.where(
        high > 0,
        31 + np.frexp(high.astype(np.float64))[1],
        np.frexp((stored & 0x7FFFFFFF).astype(np.float64))[1],
    )
    return np.maximum(size.astype(np.int64) - 1 - _HIGH, 0)


def _keys(stored: IntArray, below: IntArray) -> AnyArray:
    keys: AnyArray = ((stored >> below) + (below << _HIGH)).astype(np.uint8)
    return keys


def _bits(stored: IntArray, below: IntArray) -> AnyArray:
    ends = np.cumsum(below)
    owner = np.repeat(np.arange(len(stored)), below)
    shift = ends[owner] - 1 - np.arange(int(ends[-1]))
    return np.packbits(((stored[owner] >> shift) & 1).astype(np.uint8))


def _from_size(keys: IntArray, packed: AnyArray) -> IntArray:
    below = np.maximum((keys >> _HIGH) - 1, 0)
    found = np.where(keys < 1 << _HIGH, keys, (keys & ((1 << _HIGH) - 1)) + (1 << _HIGH))
    ends = np.cumsum(below)
    n_bits = int(ends[-1]) if len(ends) else 0
    bits = np.unpackbits(packed[: -(-n_bits // 8)])
    if len(bits) < n_bits:
        raise ValueError("a packed block ends too early")
    starts = ends - below
    for k in range(int(below.max()) if len(below) else 0):
        more = np.flatnonzero(below > k)
        found[more] = (found[more] << 1) | bits[starts[more] + k]
    return found
