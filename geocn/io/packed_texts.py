"""Numbered texts, such as the ids of a register, as whole numbers and one form for all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from geocn._typing import AnyArray, FloatArray, IntArray

#: A whole number of so many digits is exact in a float64.
_MOST_DIGITS: Final = 15
#: The numbers of each run of digits, and its width, padding and what stands behind it.
Found: TypeAlias = tuple[list[IntArray], list[list[Any]]]
_DIGITS: Final = re.compile("([0-9]+)")


def numbered(texts: Sequence[str]) -> tuple[FloatArray, dict[str, Any]] | None:
    """Return texts that differ only in their digits as numbers and their form.

    The form has ``pre``, what stands before the first digits, and ``groups``, for each run
    of digits its width, whether it is padded with zeros to it (else it has no leading zero),
    and what stands behind it. None where the texts have no such form, or too many digits.

    Example
    -------
    >>> found, form = numbered(["SEIZ-2024-000123", "SEIZ-2025-000001"])
    >>> found.tolist(), form
    ([2024000123.0, 2025000001.0], {'pre': 'SEIZ-', 'groups': [[4, 1, '-'], [6, 1, '']]})
    """
    if not texts:
        return None
    pieces = _DIGITS.split(texts[0])
    pre, between = pieces[0], pieces[2::2]
    if not between:
        return None
    found = _of_one_length(texts) if len(set(map(len, texts))) == 1 else _matched(texts, pieces)
    if found is None or sum(width for width, _, _ in found[1]) > _MOST_DIGITS:
        return None
    columns, widths = found
    numbers = np.zeros(len(texts), dtype=np.int64)
    for column, (width, _, _) in zip(columns, widths, strict=True):
        numbers = numbers * 10**width + column
    return numbers.astype(np.float64), {"pre": pre, "groups": widths}


def _of_one_length(texts: Sequence[str]) -> Found | None:
    """Take apart texts whose digits all stand at the same places."""
    characters = np.array(texts).view(np.uint32).reshape(len(texts), -1)
    spans = [match.span() for match in _DIGITS.finditer(texts[0])]
    literal = np.ones(characters.shape[1], dtype=bool)
    for start, end in spans:
        literal[start:end] = False
    if not (characters[:, literal] == characters[0, literal]).all():
        return None
    digits = characters.astype(np.int64) - ord("0")
    if not ((digits[:, ~literal] >= 0) & (digits[:, ~literal] <= 9)).all():
        return None
    ends = [start for start, _ in spans[1:]] + [len(texts[0])]
    widths = [
        [end - start, 1, texts[0][end:after]]
        for (start, end), after in zip(spans, ends, strict=True)
    ]
    if any(end - start > _MOST_DIGITS for start, end in spans):
        return None
    powers = [10 ** np.arange(end - start - 1, -1, -1) for start, end in spans]
    columns = [digits[:, slice(*span)] @ power for span, power in zip(spans, powers, strict=True)]
    return columns, widths


def _matched(texts: Sequence[str], pieces: list[str]) -> Found | None:
    """Take apart texts of several lengths."""
    pre, between = pieces[0], pieces[2::2]
    whole = "\n".join(texts)
    if whole.count("\n") != len(texts) - 1:
        return None
    wanted = re.escape(pre) + "".join(f"([0-9]+){re.escape(text)}" for text in between)
    rows = re.findall(f"^{wanted}$", whole, re.MULTILINE)
    if len(rows) != len(texts):
        return None
    columns, widths = [], []
    for k, text in enumerate(between):
        column = rows if len(between) == 1 else [row[k] for row in rows]
        lengths = set(map(len, column))
        padded = len(lengths) == 1
        ragged = not padded and any(one[0] == "0" and one != "0" for one in column)
        if ragged or max(lengths) > _MOST_DIGITS:
            return None
        columns.append(np.array(list(map(int, column)), dtype=np.int64))
        widths.append([max(lengths), int(padded), text])
    return columns, widths


def texts_of(form: Mapping[str, Any], numbers: AnyArray) -> list[str]:
    """Return the texts that :func:`numbered` took apart, none for what is no number.

    Example
    -------
    >>> texts_of({"pre": "S", "groups": [[3, 0, ""]]}, [7.0, float("nan"), 120.0])
    ['S7', 'S120']
    """
    known = np.asarray(numbers, dtype=np.float64)
    rest = known[np.isfinite(known)].astype(np.int64)
    columns: list[list[int]] = []
    template = ""
    for width, padded, text in reversed(form["groups"]):
        rest, digits = np.divmod(rest, 10 ** int(width))
        columns.insert(0, digits.tolist())
        held = f"%0{int(width)}d" if padded else "%d"
        template = held + str(text).replace("%", "%%") + template
    template = str(form["pre"]).replace("%", "%%") + template
    return [template % row for row in zip(*columns, strict=True)]
