"""The packed blocks of our own maps: a JSON header, then arrays that it points at."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from geocn._typing import AnyArray
from geocn.sharing.scan_formats import Part

#: Steps a degree that the page uses, and finer ones that a later page might.
_STEPS = (1e5, 1e6, 1e7)
_TYPES = {"u1", "u2", "u4", "i4", "f4", "f8"}


def is_packed(data: bytes) -> bool:
    """Say whether bytes are laid out as a packed block."""
    if len(data) < 6 or data[4:5] not in (b"{", b"["):
        return False
    (length,) = struct.unpack_from("<I", data)
    return 2 <= length <= len(data) - 4 and data[3 + length : 4 + length] in (b"}", b"]")


def packed_parts(data: bytes, limit: int) -> Iterator[Part]:
    """Yield the header, each column's dictionary, each array, and places from their steps."""
    (length,) = struct.unpack_from("<I", data)
    head, start = data[4 : 4 + length], 4 + length
    body = data[start + (-start % 8) :]
    header = json.loads(head)
    yield "header", head.decode("utf-8", "replace")
    yield from _walk(header, body, "")
    yield "arrays", body


def _walk(node: Any, body: bytes, path: str) -> Iterator[Part]:
    if isinstance(node, list):
        arrays: list[AnyArray] = []
        for one in node:
            yield from _walk(one, body, path)
            array = _array(one.get("a"), body) if isinstance(one, dict) else None
            arrays += [] if array is None else [array]
        if len(arrays) > 1:
            yield f"{path} columns".strip(), arrays
    elif isinstance(node, dict):
        if isinstance(node.get("l"), list) and isinstance(node.get("name"), str):
            yield f"{path} column {node['name']}".strip(), "\n".join(map(str, node["l"]))
        x, y = _array(node.get("x"), body), _array(node.get("y"), body)
        if x is not None and y is not None and len(x) == len(y):
            for steps in _STEPS:
                yield (
                    f"{path} places".strip(),
                    [np.cumsum(x, dtype="f8") / steps, np.cumsum(y, dtype="f8") / steps],
                )
                yield f"{path} places".strip(), [x / steps, y / steps]
        inner = node.get("id") if isinstance(node.get("id"), str) else path
        for key, one in node.items():
            if isinstance(one, (dict, list)):
                yield from _walk(one, body, f"{inner} {key}" if isinstance(inner, str) else key)


def _array(ref: Any, body: bytes) -> AnyArray | None:
    """Return the array that a reference stands for, None where it is no reference."""
    if not (isinstance(ref, dict) and ref.keys() >= {"o", "n", "t"} and ref["t"] in _TYPES):
        return None
    start, count, dtype = ref["o"], ref["n"], np.dtype(f"<{ref['t']}")
    if not isinstance(start, int) or not isinstance(count, int) or min(start, count) < 0:
        return None
    if start + count * dtype.itemsize > len(body):
        return None
    return np.frombuffer(body, dtype=dtype, count=count, offset=start)
