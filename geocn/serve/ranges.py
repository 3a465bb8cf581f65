"""Parts of a file and conditions on it, as HTTP words them (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


class UnsatisfiableError(ValueError):
    """The range lies outside the file."""


def span_of(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the number of bytes that a ``Range`` header asks for.

    Parameters
    ----------
    header : str or None
        The value of ``Range``.
    size : int
        Bytes of the file.

    Returns
    -------
    (start, length) or None
        None where the whole file is to be sent: without a range, with one that is no single
        range of bytes, or with several of them, which RFC 9110 allows to be ignored.

    Raises
    ------
    UnsatisfiableError
        Where the range holds no byte of the file.

    Examples
    --------
    >>> span_of("bytes=2-5", 10), span_of("bytes=-3", 10), span_of("bytes=0-1,4-5", 10)
    ((2, 4), (7, 3), None)
    """
    match = _RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), size if not last else min(int(last) + 1, size)
        if last and int(last) < start:
            return None
    if start >= size:
        raise UnsatisfiableError
    return start, stop - start


def matches(header: str, tag: str, *, weak: bool) -> bool:
    """Say whether a list of entity tags holds ``tag``; a weak one counts where ``weak``.

    Examples
    --------
    >>> matches('"a", W/"b"', '"b"', weak=True), matches('W/"b"', '"b"', weak=False)
    (True, False)
    """
    told = [one.strip() for one in header.split(",")]
    if told == ["*"]:
        return True
    return tag in ([one.removeprefix("W/") for one in told] if weak else told)


def applies(if_range: str | None, tag: str) -> bool:
    """Say whether a range still holds: without ``If-Range``, or where its tag is the file's."""
    return if_range is None or if_range.strip() == tag


def single(values: Sequence[str]) -> str | None:
    """Return the value of a header that stands once; two ranges in two lines are no range."""
    return values[0] if len(values) == 1 else None
