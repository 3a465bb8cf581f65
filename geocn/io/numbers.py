"""Numbers as people write them: which sign is the decimal one is settled per column.

A single value such as ``2.468`` cannot say whether it is two thousand or two and a half;
the column around it usually can. ``61,5`` cannot be a group of thousands, so a column that
holds it writes its decimals with a comma, and ``2.468`` beside it is 2468.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.errors import ParameterError

#: Texts that mean "no value", compared without case and surrounding space.
MISSING_MARKERS = frozenset(
    {"", "-", "--", "–", "—", "..", "...", "…", ".", "?", "n/a", "na", "n.a.", "n/d", "nd", "n.d."}
    | {"s/d", "sd", "s.d.", "s/i", "none", "null", "nan", "#n/a", "<na>", "nil"}
)

_SPACES = "\u0020\u00a0\u202f\u2009\u2007\u2002\u2003\t"
_ODD = str.maketrans(
    dict.fromkeys(_SPACES, " ")
    | {chr(zero + i): str(i) for zero in (0x0660, 0x06F0, 0xFF10) for i in range(10)}
    | {"\u066b": ",", "\u066c": "'", "\u2019": "'", "\u00b4": "'"}
    | {"\u2212": "-", "\u2013": "-", "\ufeff": "", "\u200e": "", "\u200f": ""}
)
_PLAIN = re.compile(r"[+-]? ?\d+")
_WHOLE = "whole numbers only"
_TYPED = "the cells are typed as numbers"
_SAMPLE = 400
_NUMERIC_SHARE = 0.6
_DECIMALS = (".", ",")
_GROUPINGS = ("", ".", ",", " ", "'")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a column writes its numbers.

    Attributes
    ----------
    decimal : str
        ``"."`` or ``","``.
    thousands : str
        Sign between groups of three digits: ``""`` (none), ``"."``, ``","``, ``" "`` or ``"'"``.
    evidence : str
        The value that settled it, or why it was assumed; for people to read.
    ambiguous : bool
        No value settled it: the column can be read two ways, and was read one way.
    mixed : bool
        Values contradict each other; those of the minority cannot be read.
    """

    decimal: str
    thousands: str
    evidence: str
    ambiguous: bool = False
    mixed: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in _DECIMALS:
            raise ParameterError(f"decimal is {self.decimal!r}; give '.' or ','")
        if self.thousands not in _GROUPINGS or self.thousands == self.decimal:
            message = f"thousands is {self.thousands!r} with decimal {self.decimal!r}; give one of"
            raise ParameterError(f"{message} '', '.', ',', ' ' or \"'\" that is not the decimal")


def _pattern(decimal: str, groupings: str) -> re.Pattern[str]:
    """Match a number whose decimal sign is ``decimal`` and whose groups are of three digits.

    A group never starts with a nought, so ``0.125`` is an eighth under either convention, and
    a number with an exponent is never grouped.
    """
    point = re.escape(decimal)
    plain = rf"(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d{{1,4}})?"
    if not groupings:
        return re.compile(rf"[+-]? ?(?:{plain})")
    signs = "".join(map(re.escape, groupings))
    grouped = rf"[1-9]\d{{0,2}}(?P<group>[{signs}])\d{{3}}(?:(?P=group)\d{{3}})*(?:{point}\d*)?"
    return re.compile(rf"[+-]? ?(?:{grouped}|{plain})")


_AS_POINT = _pattern(".", ", '")
_AS_COMMA = _pattern(",", ". '")


@dataclass(slots=True)
class _Votes:
    """What the distinct values of one column say, with the first example of each."""

    point: str = ""
    comma: str = ""
    n_point: int = 0
    n_comma: int = 0
    either_point: str = ""
    either_comma: str = ""
    ungrouped: str = ""
    groups: dict[str, int] = field(default_factory=dict)
    n_numeric: int = 0
    n_other: int = 0


def clean_token(text: str) -> str:
    """Return a number's text with odd spaces, digits and minus signs made plain ASCII."""
    return text.translate(_ODD).strip() if not text.isascii() or "\t" in text else text.strip()


def is_missing(text: str) -> bool:
    """Say whether a text stands for "no value" (see :data:`MISSING_MARKERS`)."""
    return text.strip().casefold() in MISSING_MARKERS


def sniff_numbers(
    values: pd.Series, *, decimal: str | None = None, thousands: str | None = None
) -> NumberFormat | None:
    """Find how a column writes its numbers, from all its distinct values.

    Parameters
    ----------
    values : Series
        Text as it stands in the file.
    decimal, thousands : str, optional
        What the user says; then only the rest is found from the values.

    Returns
    -------
    NumberFormat or None
        ``None`` where fewer than six in ten of the values look like numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> sniff_numbers(pd.Series(["2.468", "61,5", "0"])).decimal
    ','
    >>> sniff_numbers(pd.Series(["2.468", "1.250"])).ambiguous
    True
    """
    if pd.api.types.is_numeric_dtype(values):
        return NumberFormat(".", "", _TYPED)
    distinct = np.asarray(values.dropna().unique(), dtype=object)
    if _too_few(_count_votes(distinct[:_SAMPLE])):
        return None
    votes = _count_votes(distinct)
    if _too_few(votes):
        return None
    if decimal is None and thousands is None:
        return _decide(votes)
    if decimal is None:
        decimal = "," if thousands == "." else "."
    return NumberFormat(
        decimal, _grouping(votes, decimal) if thousands is None else thousands, "given"
    )


def settle_ambiguous(
    formats: dict[str, NumberFormat], *, delimiter: str | None = None
) -> dict[str, NumberFormat]:
    """Read columns that cannot tell by themselves the way the rest of their table is written.

    Where the rest cannot tell either, ``1,234`` in a table cut by ``;`` is read as a fraction:
    programmes cut by ``;`` where the comma is the decimal sign. All these columns stay marked
    as ambiguous: tables with columns of two conventions exist.

    Examples
    --------
    >>> unsure = NumberFormat(".", "", "'2.468'", ambiguous=True)
    >>> settle_ambiguous({"a": unsure, "b": NumberFormat(",", "", "'61,5'")})["a"].thousands
    '.'
    """
    settled = [f for f in formats.values() if not (f.ambiguous or f.mixed)]
    decimals = {f.decimal for f in settled if f.evidence not in (_WHOLE, _TYPED)}
    if not decimals and delimiter == ";":
        return {name: _by_delimiter(fmt) for name, fmt in formats.items()}
    if len(decimals) != 1:
        return dict(formats)
    decimal = decimals.pop()
    return {name: _follow(fmt, decimal) if fmt.ambiguous else fmt for name, fmt in formats.items()}


def parse_numbers(values: pd.Series, fmt: NumberFormat | None) -> tuple[FloatArray, BoolArray]:
    """Turn a column of text into numbers.

    Parameters
    ----------
    values : Series
        Text, or numbers already.
    fmt : NumberFormat or None
        How the column writes its numbers; ``None`` means a plain decimal point.

    Returns
    -------
    numbers : ndarray of float64
        NaN where there is no value or it cannot be read.
    bad : ndarray of bool
        Whether a value was given that cannot be read. Empty cells and the markers of
        :data:`MISSING_MARKERS` are not bad; ``"- 0"``, an accountant's nought, is 0.

    Examples
    --------
    >>> import pandas as pd
    >>> parse_numbers(pd.Series(["2.468", "61,5", "- 0", "n/a"]), NumberFormat(",", ".", ""))[0]
    array([2468. ,   61.5,    0. ,    nan])
    """
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan), np.isinf(numbers)
    fmt = fmt or NumberFormat(".", "", "default")
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    pattern = _pattern(fmt.decimal, fmt.thousands)
    parsed = np.full(len(distinct) + 1, np.nan)
    unreadable = np.zeros(len(distinct) + 1, dtype=bool)
    for position, text in enumerate(distinct):
        value = _parse_one(str(text), fmt, pattern)
        if value is None:
            unreadable[position] = True
        else:
            parsed[position] = value
    return parsed[codes], unreadable[codes]


def _parse_one(text: str, fmt: NumberFormat, pattern: re.Pattern[str]) -> float | None:
    """Return the number, NaN for a marker of no value, or None where it cannot be read."""
    token = clean_token(text)
    if is_missing(token):
        return float("nan")
    if pattern.fullmatch(token) is None:
        return None
    plain = token.replace(fmt.thousands, "") if fmt.thousands else token
    value = float(plain.replace(" ", "").replace(fmt.decimal, "."))
    return value + 0.0 if np.isfinite(value) else None  # + 0.0 turns -0.0 into 0.0


def _too_few(votes: _Votes) -> bool:
    looked_at = votes.n_numeric + votes.n_other
    return not votes.n_numeric or votes.n_numeric < _NUMERIC_SHARE * looked_at


def _count_votes(texts: ObjectArray) -> _Votes:
    votes = _Votes()
    for text in map(str, texts):
        token = clean_token(text)
        if _PLAIN.fullmatch(token):
            votes.n_numeric += 1
            digits = token.lstrip("+- ")
            if not votes.ungrouped and len(digits) > 3 and digits[0] != "0":
                votes.ungrouped = text
        else:
            _vote(votes, token, text)
    return votes


def _vote(votes: _Votes, token: str, text: str) -> None:
    """Add what one value says: only a value with a single reading says which sign is decimal."""
    as_point, as_comma = _AS_POINT.fullmatch(token), _AS_COMMA.fullmatch(token)
    if as_point is None and as_comma is None:
        votes.n_other += not is_missing(token)
        return
    votes.n_numeric += 1
    found = as_point if as_comma is None else as_comma
    if as_point is None or as_comma is None:
        _add(votes, "," if as_point is None else ".", text)
    elif "." in token:
        votes.either_point = votes.either_point or text
        return
    elif "," in token:
        votes.either_comma = votes.either_comma or text
        return
    sign = found["group"] if found is not None else None
    if sign:
        votes.groups[sign] = votes.groups.get(sign, 0) + 1


def _add(votes: _Votes, decimal: str, text: str) -> None:
    if decimal == ".":
        votes.point, votes.n_point = votes.point or text, votes.n_point + 1
    else:
        votes.comma, votes.n_comma = votes.comma or text, votes.n_comma + 1


def _decide(votes: _Votes) -> NumberFormat:
    both = bool(votes.point and votes.comma)
    if votes.point or votes.comma:
        decimal = "." if votes.n_point >= votes.n_comma else ","
        example = votes.point if decimal == "." else votes.comma
        evidence = f"'{example}'"
        if both:
            against = votes.comma if decimal == "." else votes.point
            evidence += f" against '{against}'"
        return NumberFormat(decimal, _grouping(votes, decimal), evidence, mixed=both)
    if votes.either_point and votes.either_comma:
        evidence = f"'{votes.either_point}' against '{votes.either_comma}'"
        return NumberFormat(".", ",", evidence, ambiguous=True, mixed=True)
    if votes.either_point:
        return _either(votes, votes.either_point, decimal=".", grouping="")
    if votes.either_comma:
        if votes.ungrouped:
            return _either(votes, votes.either_comma, decimal=",", grouping="")
        return _either(votes, votes.either_comma, decimal=".", grouping=",")
    return NumberFormat(".", _grouping(votes, "."), _WHOLE)


def _either(votes: _Votes, example: str, *, decimal: str, grouping: str) -> NumberFormat:
    why = f"assumed: '{example}' can be read two ways"
    if votes.ungrouped:
        why += f", and '{votes.ungrouped}' has no groups"
    return NumberFormat(decimal, grouping, why, ambiguous=True)


def _grouping(votes: _Votes, decimal: str) -> str:
    """Return the sign between thousands, given the decimal one."""
    other = "," if decimal == "." else "."
    seen = {sign: n for sign, n in votes.groups.items() if sign != decimal}
    if votes.either_comma if other == "," else votes.either_point:
        seen[other] = seen.get(other, 0) + 1
    return max(sorted(seen), key=lambda sign: seen[sign], default="")


def _follow(fmt: NumberFormat, decimal: str) -> NumberFormat:
    other = "," if decimal == "." else "."
    evidence = f"{fmt.evidence}; the other columns write decimals with '{decimal}'"
    return replace(fmt, decimal=decimal, thousands=other, evidence=evidence)


def _by_delimiter(fmt: NumberFormat) -> NumberFormat:
    if not fmt.ambiguous or fmt.mixed or fmt.thousands != ",":
        return fmt
    evidence = f"{fmt.evidence}; the cells are cut by ';'"
    return replace(fmt, decimal=",", thousands="", evidence=evidence)
