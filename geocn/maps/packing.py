"""Binary blocks of a map file: one JSON header, then arrays, gzipped, in base64.

Layout before compression: the length of the header (uint32, little endian), the header
(UTF-8 JSON), padding to 8 bytes, then the arrays, each starting on 8 bytes. The header
points at arrays by offset, length and type.
"""

from __future__ import annotations

import base64
import gzip
import struct
from typing import Any, Literal, TypeAlias

import numpy as np

from geocn._typing import AnyArray, IntArray
from geocn.maps._text import safe_json

Code: TypeAlias = Literal["u1", "u2", "u4", "i4", "f4", "f8"]
Ref: TypeAlias = dict[str, Any]
_ALIGN = 8


class Pack:
    """Collects arrays for one block."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0

    def array(self, values: AnyArray | list[Any], code: Code) -> Ref:
        """Append an array and return the reference that stands for it in the header."""
        data = np.ascontiguousarray(values, dtype=np.dtype(code).newbyteorder("<")).tobytes()
        ref = {"o": self._size, "n": len(values), "t": code}
        padded = data + b"\0" * (-len(data) % _ALIGN)
        self._chunks.append(padded)
        self._size += len(padded)
        return ref

    def codes(self, values: IntArray, n_levels: int) -> Ref:
        """Append small non-negative integers in the narrowest type that holds them."""
        code: Code = "u1" if n_levels < 2**8 else "u2" if n_levels < 2**16 else "u4"
        return self.array(values, code)

    def block(self, header: Any) -> str:
        """Return the block as base64 text; the same content gives the same text."""
        head = safe_json(header).encode("utf-8")
        start = struct.pack("<I", len(head)) + head
        start += b"\0" * (-len(start) % _ALIGN)
        packed = gzip.compress(start + b"".join(self._chunks), 6, mtime=0)
        return base64.b64encode(packed).decode("ascii")


def unpack(block: str) -> tuple[Any, bytes]:
    """Return header and body of a block, as the page reads it."""
    import json

    data = gzip.decompress(base64.b64decode(block))
    (length,) = struct.unpack_from("<I", data)
    start = 4 + length
    return json.loads(data[4:start]), data[start + (-start % _ALIGN) :]


def read_array(body: bytes, ref: Ref) -> AnyArray:
    """Return the array that ``ref`` stands for."""
    dtype = np.dtype(ref["t"]).newbyteorder("<")
    return np.frombuffer(body, dtype=dtype, count=ref["n"], offset=ref["o"])
