"""The packed blocks of our own maps: a JSON header, and arrays that it points at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from geocn._typing import AnyArray
from geocn.errors import ReadError
from geocn.io.packed import ALPHABET, decode_block
from geocn.io.packed_texts import texts_of
from geocn.sharing.scan_bundled import DETAIL_STEPS, LABELS, WORLD_STEPS
from geocn.sharing.scan_parts import MapColumns, Part

#: A block of one array is longer.
_LEAST = 60
_LETTERS = frozenset(ALPHABET)
#: Steps a degree that may hold where a block does not say.
_STEPS = (1e5, 1e6, 1e7)
_OPAQUE = 2_000
_RANDOM_BITS = 5.7


def packed_block(text: str) -> tuple[Any, list[AnyArray]] | None:
    """Return header and arrays of a text that is a packed block, None of any other text."""
    letters = text.strip()
    if len(letters) < _LEAST or not _LETTERS.issuperset(letters):
        return None
    try:
        return decode_block(letters)
    except ReadError:
        return None


def is_opaque(text: str) -> bool:
    """Say whether a text without any space looks like something packed or encrypted."""
    letters = text.strip()
    if len(letters) < _OPAQUE or len(letters.split(None, 1)) > 1 or not letters.isascii():
        return False
    counts = np.bincount(np.frombuffer(letters.encode("ascii"), dtype=np.uint8))
    share = counts[counts > 0] / len(letters)
    return bool(-(share * np.log2(share)).sum() > _RANDOM_BITS)


def packed_parts(header: Any, arrays: Sequence[AnyArray]) -> Iterator[Part]:
    """Yield the header, each column's texts, each array, and the places of geometries."""
    yield "header", json.dumps(header, ensure_ascii=False)
    yield from _walk(header, arrays, "")
    for array in arrays:
        yield "arrays", [array.astype(np.float64)]


def _walk(node: Any, arrays: Sequence[AnyArray], path: str) -> Iterator[Part]:
    if isinstance(node, list):
        for one in node:
            yield from _walk(one, arrays, path)
        found = [_array(one.get("a"), arrays) for one in node if isinstance(one, dict)]
        columns = [one for one in found if one is not None]
        if len(columns) > 1:
            named = {one.get("name") for one in node if isinstance(one, dict)}
            labels = named == LABELS
            part = MapColumns(columns, WORLD_STEPS) if labels else columns
            yield f"{path} together".strip(), part
    elif isinstance(node, dict):
        yield from _column(node, arrays, path)
        x, y = _array(node.get("x"), arrays), _array(node.get("y"), arrays)
        if x is not None and y is not None and len(x) == len(y):
            own = float(node.get("s") or 1e5)
            for steps in dict.fromkeys((own, *_STEPS)):
                pair = [x / steps, y / steps]
                rounded = steps == own and own in (WORLD_STEPS, DETAIL_STEPS)
                part = MapColumns(pair, int(own)) if rounded else pair
                yield f"{path} places".strip(), part
        inner = node["id"] if isinstance(node.get("id"), str) else path
        for key, one in node.items():
            if isinstance(one, (dict, list)):
                yield from _walk(one, arrays, f"{inner} {key}".strip())


def _column(node: dict[str, Any], arrays: Sequence[AnyArray], path: str) -> Iterator[Part]:
    """Yield the texts of a column: its levels, or its numbers in their form."""
    label = f"{path} column {node.get('name', '')}".strip()
    if isinstance(node.get("l"), list):
        yield label, "\n".join(map(str, node["l"]))
    counts = _array(node.get("a"), arrays)
    if isinstance(node.get("groups"), list) and counts is not None:
        yield label, "\n".join(texts_of(node, counts))


def _array(ref: Any, arrays: Sequence[AnyArray]) -> AnyArray | None:
    """Return the array that a reference stands for, None where it is no reference."""
    number = ref.get("#") if isinstance(ref, dict) else None
    known = isinstance(number, int) and 0 <= number < len(arrays)
    return arrays[number] if known and isinstance(number, int) else None
