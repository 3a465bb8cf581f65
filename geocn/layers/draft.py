"""A layer in the making: the raw table, what its headers mean, and what is wrong with each row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray, ObjectArray, StrPath
from geocn.errors import ParameterError
from geocn.harmonise.headers import HeaderMatch, match_headers
from geocn.io.numbers import NumberFormat, parse_numbers, settle_ambiguous, sniff_numbers
from geocn.io.table import RawTable, read_table

_QUOTED = re.compile(r"""^(['"]).*?\1:? """, re.DOTALL)
_NUMERIC = r"\s*[+-]?[\d.,'\s]*\d[\d.,]*\s*"
_LONGEST_SHOWN = 60


class FileOptions(TypedDict, total=False):
    """What else can be said about a file; every reader takes these as keywords.

    ``date_order`` ("dmy", "mdy", "ymd") and ``timezone`` (IANA name) settle dates;
    ``encoding``, ``delimiter``, ``decimal``, ``thousands``, ``sheet``, ``layer`` and
    ``member`` how the file is opened; ``country`` is the country of rows that state none;
    ``min_score`` the least similarity of a misspelled place; ``releasable_to`` the
    partners that may see the rows; ``declared_gaps`` the periods that the partner says it
    did not report; ``keep_unused`` keeps columns that mean nothing to the layer.
    """

    date_order: str | None
    timezone: str | None
    encoding: str | None
    delimiter: str | None
    decimal: str | None
    thousands: str | None
    sheet: str | int | None
    layer: str | None
    member: str | None
    country: str | None
    min_score: float
    releasable_to: str | Sequence[str] | None
    declared_gaps: Sequence[Mapping[str, Any]]
    keep_unused: bool


_OPENING = ("encoding", "delimiter", "decimal", "thousands", "sheet", "layer", "member")


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller asked of a reader, beyond the path."""

    fields: Mapping[str, str] | None = None
    crs: Any = None
    units: str | Mapping[str, str] | None = None
    places: Any = None
    source: str | None = None
    marking: str | None = None
    reliability: str | None = None
    as_of: Any = None
    options: FileOptions = field(default_factory=FileOptions)

    def cut_off(self) -> pd.Timestamp | None:
        """Return ``as_of`` as a timestamp.

        Raises
        ------
        ParameterError
            Where it is no date.
        """
        if self.as_of is None:
            return None
        try:
            return pd.Timestamp(self.as_of)
        except (ValueError, TypeError) as error:
            message = f"as_of is {self.as_of!r}; expected a date such as '2025-12-31'"
            raise ParameterError(message) from error


@dataclass(slots=True)
class Draft:
    """One file on its way to a layer.

    ``reasons`` holds, for each row of the file, why it is rejected (None: it is not);
    ``category`` the same without the value at fault, for counting.
    """

    layer: str
    raw: RawTable
    header: HeaderMatch
    request: Request
    columns: dict[str, pd.Series] = field(default_factory=dict)
    flags: dict[str, BoolArray] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    unsure: dict[str, dict[str, str]] = field(default_factory=dict)
    geometry_types: tuple[str, ...] | None = None
    geometry: ObjectArray = field(init=False)
    reasons: ObjectArray = field(init=False)
    category: ObjectArray = field(init=False)

    def __post_init__(self) -> None:
        self.geometry = np.full(self.n_rows, None, dtype=object)
        self.reasons = np.full(self.n_rows, None, dtype=object)
        self.category = np.full(self.n_rows, None, dtype=object)

    @property
    def n_rows(self) -> int:
        """Rows of the file."""
        return len(self.raw.frame)

    @property
    def rejected(self) -> BoolArray:
        """Which rows are rejected."""
        return np.array([r is not None for r in self.reasons], dtype=bool)

    def has(self, role: str) -> bool:
        """Say whether the file has a column for a role."""
        return role in self.header.mapping

    def raw_column(self, role: str) -> pd.Series:
        """Return the column that plays a role, as the file holds it."""
        return self.raw.frame[self.header.mapping[role]]

    def reject(self, mask: AnyArray, reason: str, values: pd.Series | None = None) -> None:
        """Reject the rows in ``mask``, naming the value at fault; earlier reasons stay first."""
        rows = np.flatnonzero(mask)
        shown = values.iloc[rows] if values is not None else [None] * len(rows)
        for row, value in zip(rows, shown, strict=True):
            self._add(int(row), reason, reason if value is None else f"{reason}: {_short(value)}")

    def reject_each(self, problems: pd.Series, role: str) -> None:
        """Reject every row for which ``problems`` is not null."""
        found = problems.reset_index(drop=True).dropna()
        for row, problem in found.items():
            text = str(problem)
            self._add(int(str(row)), f"{role}: {_QUOTED.sub('', text)}", f"{role}: {text}")

    def _add(self, row: int, category: str, reason: str) -> None:
        if self.reasons[row] is None:
            self.reasons[row], self.category[row] = reason, category
        else:
            self.reasons[row] += f"; {reason}"

    def text(self, role: str) -> pd.Series:
        """Return the column of a role as stripped text, null where empty or absent."""
        if not self.has(role):
            return pd.Series(None, index=self.raw.frame.index, dtype="str")
        return as_text(self.raw_column(role))

    def number(self, role: str) -> pd.Series:
        """Return the column of a role as numbers; rows that hold something else are rejected."""
        values = self.raw_column(role)
        numbers, bad = self._parsed(role, values)
        self.reject(bad, f"{role} is not a number", values)
        infinite = np.isinf(numbers)
        self.reject(infinite, f"{role} is infinite", values)
        return pd.Series(np.where(infinite, np.nan, numbers), index=values.index)

    def _parsed(self, role: str, values: pd.Series) -> tuple[FloatArray, BoolArray]:
        if pd.api.types.is_bool_dtype(values.dtype):
            return np.full(len(values), np.nan), values.notna().to_numpy(dtype=bool)
        return parse_numbers(values, self.number_format(self.header.mapping[role]))

    def number_format(self, column: str, values: pd.Series | None = None) -> Any:
        """Return how a column writes its numbers, and note where that was assumed.

        A column of which few cells are numbers is judged by those; ``values`` stands for
        the column where its cells hold more than the number.
        """
        fmt = self.raw.number_formats.get(column)
        texts = self.raw.frame[column] if values is None else values
        if fmt is None and isinstance(texts.dtype, pd.StringDtype):
            fmt = self._sniff(column, texts)
        if fmt is not None and (fmt.ambiguous or fmt.mixed):
            self.unsure.setdefault(fmt.decimal, {})[column] = fmt.evidence
        return fmt

    def _sniff(self, column: str, texts: pd.Series) -> NumberFormat | None:
        options, formats = self.request.options, self.raw.number_formats
        numeric = texts[texts.str.fullmatch(_NUMERIC).fillna(value=False).astype(bool)]
        found = sniff_numbers(
            numeric, decimal=options.get("decimal"), thousands=options.get("thousands")
        )
        if found is not None:
            settled = settle_ambiguous({**formats, column: found}, delimiter=self.raw.delimiter)
            formats[column] = settled[column]
        return formats.get(column)

    def settle_assumptions(self) -> None:
        """Say once, for all columns together, which decimal signs were assumed."""
        for decimal, columns in self.unsure.items():
            names = ", ".join(map(repr, columns))
            evidence = next(iter(columns.values()))
            self.assume(
                f"{'columns' if len(columns) > 1 else 'column'} {names} "
                f"{'were' if len(columns) > 1 else 'was'} read with {decimal!r} as decimal sign "
                f"({evidence}); give decimal= to override"
            )

    def assume(self, sentence: str) -> None:
        """Note something ambiguous that was read one way."""
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)


def open_draft(path: StrPath, layer: str, request: Request) -> Draft:
    """Read a file as it stands and match its headers to the layer."""
    options: dict[str, Any] = {k: v for k, v in request.options.items() if k in _OPENING}
    raw = read_table(path, crs=request.crs, **options)
    header = match_headers(list(raw.frame.columns), layer, fields=request.fields)
    return Draft(layer, raw, header, request)


def as_text(values: pd.Series) -> pd.Series:
    """Return a column as stripped text, null where empty; whole floats lose their ``.0``."""
    if pd.api.types.is_float_dtype(values.dtype) and not pd.api.types.is_extension_array_dtype(
        values.dtype
    ):
        whole = bool((values.dropna() % 1 == 0).all()) and bool((values.abs() < 2**53).all())
        values = values.astype("Int64") if whole and values.notna().any() else values
    text = values.astype("str").where(values.notna(), None).astype("str").str.strip()
    return text.where(text != "", None).astype("str")


def _short(value: Any) -> str:
    text = repr(str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
