"""Packed blocks: one JSON header and many arrays as printable text, for the map's one file.

A block is text of :data:`ALPHABET` (13 bits in two characters: 23 % over the bytes, where
base64 has 33 %), printable so that it passes editors, mail and content guards, and without
``<``, ``>`` and ``&`` so that no markup can begin in it. Its bytes are the length of the first
gzip stream (uint32, little endian), that stream, and a second one. The first stream holds
the length of the header (uint32), the header (UTF-8 JSON) and the planes that repeat; the
second holds the planes that are noise, which are coded better without a search for repeats.

The JSON has two members: ``h``, the header, and ``a``, one description an array. A reference
``{"#": 3}`` in the header stands for array 3. An array is described by

- ``n`` its length, ``t`` its type (``u1 u2 u4 i4 f4 f8``),
- ``v`` its one value where it is constant (null for NaN), and then nothing else,
- ``p`` its byte planes, lowest byte first, each as [stream, offset],
- ``b`` the base added to its integers, ``d`` where they are differences (zigzag),
- ``e`` and ``g`` another way than planes (:mod:`geocn.io.packed_integers`),
- ``m`` the value that stored 0 stands for (null for NaN); the others are then one too large,
- ``s`` the decimals: integers divided by ten to the ``s``.

Floats without ``b`` are the planes of their own bytes. Every value comes back exactly.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import zlib
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ReadError
from geocn.io.packed_integers import coded, cost, planes, sample, uncoded, zipped

Code: TypeAlias = Literal["u1", "u2", "u4", "i4", "f4", "f8"]
Ref: TypeAlias = dict[str, int]

#: The 91 characters of a block: printable ASCII without ``<``, ``>`` and ``&``.
ALPHABET: Final = "".join(chr(c) for c in range(33, 127) if chr(c) not in "<>&")
#: Integers of at most this size are exact in a float64, and in the page.
EXACT: Final = 2**53
_BITS, _SHORT, _GROUP, _BASE = 13, 5, 13, len(ALPHABET)
_LETTERS = np.frombuffer(ALPHABET.encode("ascii"), dtype=np.uint8)
_MOST_DECIMALS = 6
_NOISE: Final = zlib.Z_HUFFMAN_ONLY


def to_text(data: bytes) -> str:
    """Return bytes as text: every 13 bytes are eight pairs of characters.

    Where at most 5 bits are left for the last pair, one character holds them, so that the
    number of bytes is known from that of the characters.

    Example
    -------
    >>> to_text(b"map")
    'JN22'
    >>> from_text(to_text(b"map"))
    b'map'
    """
    n_pairs, left = divmod(len(data) * 8, _BITS)
    n_letters = 2 * n_pairs + (0 if not left else 1 if left <= _SHORT else 2)
    groups = -(-len(data) // _GROUP)
    padded = np.zeros(groups * _GROUP + 2, dtype=np.uint8)
    padded[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    text = np.empty((groups, 8, 2), dtype=np.uint8)
    for k in range(8):
        at, shift = divmod(k * _BITS, 8)
        three = [padded[at + i :: _GROUP][:groups].astype(np.int32) for i in range(3)]
        value = ((three[0] << 16) | (three[1] << 8) | three[2]) >> (24 - _BITS - shift)
        value &= 0x1FFF
        if left and left <= _SHORT and k == n_pairs % 8:
            value[-1] = (value[-1] >> (_BITS - _SHORT)) * _BASE
        high, low = np.divmod(value, _BASE)
        text[:, k, 0], text[:, k, 1] = _LETTERS[high], _LETTERS[low]
    return text.tobytes()[:n_letters].decode("ascii")


def from_text(text: str) -> bytes:
    """Return the bytes of a text written by :func:`to_text`.

    Raises
    ------
    ReadError
        Where it is no such text.
    """
    try:
        letters = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    except UnicodeEncodeError as error:
        raise ReadError("a packed block holds a character that is not its own") from error
    place = np.full(256, -1, dtype=np.int32)
    place[_LETTERS] = np.arange(_BASE)
    digits = place[letters]
    if len(digits) and int(digits.min()) < 0:
        raise ReadError("a packed block holds a character that is not its own")
    whole, odd = divmod(len(digits), 2)
    pairs = digits[: 2 * whole : 2] * _BASE + digits[1::2]
    if odd:
        pairs = np.append(pairs, digits[-1] << (_BITS - _SHORT))
    n_bytes = (whole * _BITS + odd * _SHORT) // 8
    groups = -(-len(pairs) // 8)
    padded = np.zeros(groups * 8, dtype=np.int64)
    padded[: len(pairs)] = pairs
    grid = padded.reshape(groups, 8)
    data = np.zeros((groups, _GROUP + 2), dtype=np.int32)
    for k in range(8):
        at, shift = divmod(k * _BITS, 8)
        value = grid[:, k] << (24 - _BITS - shift)
        for i in range(3):
            data[:, at + i] |= ((value >> (16 - 8 * i)) & 0xFF).astype(np.int32)
    return data[:, :_GROUP].astype(np.uint8).tobytes()[:n_bytes]


class Pack:
    """Collects the arrays of one block; equal arrays are held once."""

    def __init__(self) -> None:
        self._arrays: list[dict[str, Any]] = []
        self._known: dict[tuple[str, bytes], int] = {}
        self._streams: tuple[list[bytes], list[bytes]] = ([], [])

    def array(self, values: AnyArray | list[Any], code: Code) -> Ref:
        """Put an array of this type and return the reference that stands for it.

        Raises
        ------
        OverflowError
            Where an integer does not fit the type.
        """
        given = np.asarray(values)
        if code[0] == "f":
            return self._floats(np.ascontiguousarray(given, dtype=code), code)
        integers = given.astype(np.int64)
        limits = np.iinfo(code)
        if len(integers) and not limits.min <= integers.min() <= integers.max() <= limits.max:
            raise OverflowError(f"values from {integers.min()} to {integers.max()} as {code}")
        return self._integers(integers, None, {"t": code})

    def codes(self, values: IntArray, n_levels: int) -> Ref:
        """Put small non-negative integers in the narrowest type that holds ``n_levels``."""
        code: Code = "u1" if n_levels < 2**8 else "u2" if n_levels < 2**16 else "u4"
        return self.array(values, code)

    def days(self, values: IntArray, missing: int) -> Ref:
        """Put day numbers (int32) among which ``missing`` stands for unknown."""
        unknown = values == missing
        if not unknown.any() or unknown.all():
            return self.array(values, "i4")
        return self._integers(values, unknown, {"t": "i4", "m": missing})

    def numbers(self, values: FloatArray) -> Ref:
        """Put numbers, each of which comes back exactly (-0.0 as 0.0, any NaN as NaN).

        Decimals that a whole number over a power of ten gives back exactly are held so.
        """
        values = np.asarray(values, dtype=np.float64)
        unknown = np.isnan(values)
        found = whole_numbers(values[~unknown])
        if found is None:
            with np.errstate(over="ignore"):
                narrow = values.astype(np.float32).astype(np.float64)
            exact = np.array_equal(narrow, values, equal_nan=True)
            return self.array(values, "f4" if exact else "f8")
        scaled, decimals = found
        if not len(scaled):
            return self.array(values, "f8")
        described: dict[str, Any] = {"t": "f8", "s": decimals}
        if not unknown.any():
            return self._integers(scaled, None, described)
        whole = np.zeros(len(values), dtype=np.int64)
        whole[~unknown] = scaled
        return self._integers(whole, unknown, {**described, "m": None})

    def block(self, header: Any) -> str:
        """Return the block as text; the same content gives the same text."""
        told = {"h": header, "a": self._arrays}
        text = json.dumps(
            told, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
        )
        head = text.encode("utf-8")
        first = zipped(struct.pack("<I", len(head)) + head, *self._streams[0])
        second = zipped(*self._streams[1], strategy=_NOISE)
        return to_text(struct.pack("<I", len(first)) + first + second)

    def _put(self, described: dict[str, Any], planes: list[AnyArray]) -> Ref:
        """Add an array, or point at the same one that is there."""
        digest = hashlib.sha256()
        for plane in planes:
            digest.update(plane.tobytes())
        key = (json.dumps(described, sort_keys=True), digest.digest())
        if key not in self._known:
            if planes:
                described = {**described, "p": [self._plane(plane) for plane in planes]}
            self._known[key] = len(self._arrays)
            self._arrays.append(described)
        return {"#": self._known[key]}

    def _plane(self, plane: AnyArray) -> list[int]:
        data = plane.tobytes()
        part = sample(data)
        stream = int(len(zipped(part, strategy=_NOISE)) < len(zipped(part)))
        place = [stream, sum(map(len, self._streams[stream]))]
        self._streams[stream].append(data)
        return place

    def _floats(self, values: AnyArray, code: Code) -> Ref:
        described: dict[str, Any] = {"n": len(values), "t": code}
        if not len(values):
            return self._put(described, [])
        if np.isnan(values).all() or (values == values[0]).all():
            finite = np.isfinite(values[0])
            if finite or np.isnan(values[0]):
                return self._put({**described, "v": float(values[0]) if finite else None}, [])
        shuffled = values.astype(np.dtype(code).newbyteorder("<")).view(np.uint8)
        return self._put(described, list(shuffled.reshape(len(values), -1).T.copy()))

    def _integers(
        self, values: IntArray, unknown: BoolArray | None, described: dict[str, Any]
    ) -> Ref:
        described = {"n": len(values), **described}
        if not len(values):
            return self._put(described, [])
        known = values if unknown is None else values[~unknown]
        low, high = int(known.min()), int(known.max())
        if low == high and unknown is None:
            value = low / 10 ** described["s"] if "s" in described else low
            return self._put({"n": len(values), "t": described["t"], "v": value}, [])
        if unknown is not None:
            return self._coded({**described, "b": low}, np.where(unknown, 0, values - low + 1))
        steps = np.diff(values, prepend=values[:1])
        differences = (steps << 1) ^ (steps >> 63)
        if cost(planes(differences)) < cost(planes(values - low)):
            return self._coded({**described, "b": int(values[0]), "d": 1}, differences)
        return self._coded({**described, "b": low}, values - low)

    def _coded(self, described: dict[str, Any], stored: IntArray) -> Ref:
        way, found = coded(stored)
        return self._put({**described, **way}, found)


def whole_numbers(values: FloatArray) -> tuple[IntArray, int] | None:
    """Return whole numbers and decimals that give ``values`` back exactly; None if none do.

    Example
    -------
    >>> import numpy as np
    >>> whole_numbers(np.array([12.3, 0.5]))
    (array([123,   5]), 1)
    """
    if not np.isfinite(values).all():
        return None
    for decimals in range(_MOST_DECIMALS + 1):
        scaled = np.round(values * 10.0**decimals)
        if len(scaled) and np.abs(scaled).max() >= EXACT / 2:
            return None
        if (scaled / 10.0**decimals == values).all():
            return scaled.astype(np.int64), decimals
    return None


def decode_block(text: str) -> tuple[Any, list[AnyArray]]:
    """Return the header of a block and its arrays; ``{"#": 3}`` in the header is array 3.

    Raises
    ------
    ReadError
        Where it is no packed block, or a damaged one.

    Example
    -------
    >>> pack = Pack()
    >>> header, arrays = decode_block(pack.block({"kg": pack.numbers([1.5, 12.3])}))
    >>> arrays[header["kg"]["#"]].tolist()
    [1.5, 12.3]
    """
    data = from_text(text)
    try:
        (length,) = struct.unpack_from("<I", data)
        first = gzip.decompress(data[4 : 4 + length])
        reader = zlib.decompressobj(31)
        second = reader.decompress(data[4 + length :])
        if not reader.eof:
            raise EOFError
        (head,) = struct.unpack_from("<I", first)
        told = json.loads(first[4 : 4 + head])
        streams = (first[4 + head :], second)
        return told["h"], [_array(described, streams) for described in told["a"]]
    except (OSError, EOFError, ValueError, KeyError, TypeError, struct.error, zlib.error) as error:
        raise ReadError("a packed block is damaged: its bytes are not those of a block") from error


def _array(described: dict[str, Any], streams: tuple[bytes, bytes]) -> AnyArray:
    n, dtype = int(described["n"]), np.dtype(described["t"])
    if "v" in described:
        value = described["v"]
        return np.full(n, np.nan if value is None else value, dtype=dtype)
    if "b" not in described:
        held = [np.frombuffer(streams[s], np.uint8, n, at) for s, at in described.get("p", ())]
        if not held:
            return np.empty(n, dtype=dtype)
        joined = np.stack(held, axis=1).tobytes()
        floats: AnyArray = np.frombuffer(joined, dtype.newbyteorder("<")).astype(dtype)
        return floats
    stored = uncoded(described, streams)
    whole = stored + described["b"]
    if described.get("d"):
        whole = np.cumsum((stored >> 1) ^ -(stored & 1)) + described["b"]
    result = whole - 1 if "m" in described else whole
    if "s" in described:
        result = result / 10.0 ** described["s"]
    if "m" in described:
        missing = described["m"]
        result = np.where(stored == 0, np.nan if missing is None else missing, result)
    typed: AnyArray = result.astype(dtype)
    return typed
