"""Columns that several layers share: texts, words, dates, numbers, labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from geocn.harmonise._tables import Canonical
from geocn.harmonise.amount_text import split_units
from geocn.harmonise.amounts import check_dates
from geocn.harmonise.dates import DateResult, assemble_dates, parse_dates
from geocn.harmonise.text import fold, map_distinct
from geocn.io.numbers import parse_numbers
from geocn.layers.draft import Draft, as_text

_MARKINGS = {
    "red": "TLP:RED",
    "amber strict": "TLP:AMBER+STRICT",
    "amberstrict": "TLP:AMBER+STRICT",
    "amber": "TLP:AMBER",
    "green": "TLP:GREEN",
    "clear": "TLP:CLEAR",
    "white": "TLP:CLEAR",
}
_STRICTEST = "TLP:RED"
_MOST_UNKNOWN = 20
_LONGEST_WORD = 80


def fill_texts(draft: Draft, roles: Iterable[str]) -> None:
    """Take columns over as text."""
    for role in roles:
        draft.columns[role] = draft.text(role)


def fill_numbers(draft: Draft, roles: Iterable[str], *, negative: bool = False) -> None:
    """Take columns over as numbers; negative ones are rejected unless they may be."""
    for role in roles:
        if not draft.has(role):
            continue
        values = draft.number(role)
        if not negative:
            draft.reject((values < 0).to_numpy(), f"negative {role}", draft.raw_column(role))
        draft.columns[role] = values


def fill_amount(draft: Draft, role: str) -> tuple[pd.Series, pd.Series | None]:
    """Return a column of amounts, and the units that its cells carry (None: none does).

    Rows whose cell is neither a number nor a number with a known unit are rejected.
    """
    rows = draft.raw.frame.index
    if not draft.has(role):
        return pd.Series(np.nan, index=rows), None
    values = draft.raw_column(role)
    if not isinstance(values.dtype, pd.StringDtype):
        return draft.number(role), None
    if not bool(values.str.contains(r"\d\s*[^\W\d_]", regex=True).any()):
        return draft.number(role), None
    texts, units = split_units(values)
    if units.isna().all():
        return draft.number(role), None
    name = draft.header.mapping[role]
    draft.raw.number_formats.pop(name, None)
    numbers, bad = parse_numbers(texts, draft.number_format(name, texts))
    draft.reject(bad, f"{role} is not a number", values)
    draft.raw.notes.append(f"{int(units.notna().sum())} cells of {name!r} carry their unit")
    return pd.Series(numbers, index=rows), units


def fill_integer(draft: Draft, role: str) -> None:
    """Take a column over as whole numbers; others are rejected."""
    if not draft.has(role):
        return
    values = draft.number(role)
    broken = (values % 1 != 0).to_numpy() & values.notna().to_numpy()
    broken |= (values.abs() >= 2**53).to_numpy()
    draft.reject(broken, f"{role} is not a whole number", draft.raw_column(role))
    draft.columns[role] = values.mask(broken).astype("Int64")


def fill_words(draft: Draft, role: str, function: Callable[[pd.Series], Canonical]) -> None:
    """Put a column into canonical words; unknown ones become null and are reported."""
    result = function(draft.text(role))
    draft.columns[role] = result.values
    if len(result.unknown):
        report_unknown(draft, role, result.unknown)


def report_unknown(draft: Draft, role: str, unknown: pd.DataFrame) -> None:
    """Write the words that are not known, by frequency, into the report."""
    first = unknown.head(_MOST_UNKNOWN)
    words: dict[str, int] = {}
    for word, n in zip(first.iloc[:, 0], first["n_rows"], strict=True):
        shown = str(word)[:_LONGEST_WORD]
        words[shown] = words.get(shown, 0) + int(n)
    draft.report.setdefault("unknown", {})[role] = words


def fill_date(draft: Draft, role: str, *, values: pd.Series | None = None) -> DateResult | None:
    """Read a column of dates; those that cannot be are rejected with the value named."""
    if values is None:
        if not draft.has(role):
            return None
        values = draft.raw_column(role)
    options = draft.request.options
    result = parse_dates(values, order=options.get("date_order"), timezone=options.get("timezone"))
    draft.reject_each(result.problem, role)
    draft.columns[role] = result.at
    draft.report.setdefault("dates", {})[role] = {
        "order": result.order,
        "evidence": result.evidence,
    }
    if result.ambiguous:
        draft.assume(
            f"dates of {role} were read as {result.order or 'day first'} ({result.evidence}); "
            "give date_order= to override"
        )
    return result


def fill_event_date(draft: Draft, role: str = "seized_at") -> None:
    """Read when something happened, from one column or from year, month, day and time."""
    roles = {
        r: draft.header.mapping[r]
        for r in ("date", role, "year", "month", "day", "time")
        if draft.has(r)
    }
    single = roles.get("date", roles.get(role))
    if single is not None and "time" not in roles:
        values: pd.Series | None = draft.raw.frame[single]
    else:
        values = assemble_dates(draft.raw.frame, roles)
    if values is None:
        return
    result = fill_date(draft, role, values=values)
    if result is not None:
        stated = draft.text("date_precision")
        known = stated.where(stated.isin(["time", "day", "month", "year"]))
        draft.columns["date_precision"] = known.fillna(result.precision)
        draft.flags["future_date"] = check_dates(result.at, as_of=draft.request.cut_off())


def check_order(draft: Draft, first: str, last: str) -> None:
    """Reject rows whose last date lies before the first."""
    if first in draft.columns and last in draft.columns:
        wrong = (draft.columns[last] < draft.columns[first]).to_numpy(dtype=bool)
        draft.reject(wrong, f"{last} lies before {first}")


def fill_common(draft: Draft) -> None:
    """Fill source, marking, releasable_to, reliability and credibility.

    What a row states wins over what is said of the whole file. A marking that cannot be
    read counts as the strictest, TLP:RED.
    """
    request = draft.request
    fill_texts(draft, ("source", "releasable_to"))
    draft.columns["marking"] = _markings(draft)
    for role, allowed in (("reliability", "ABCDEF"), ("credibility", "123456")):
        draft.columns[role] = _grades(draft, role, allowed)
    partners = request.options.get("releasable_to")
    released = partners if partners is None or isinstance(partners, str) else ";".join(partners)
    defaults = {
        "source": request.source,
        "marking": canonical_marking(request.marking),
        "releasable_to": released,
        "reliability": request.reliability,
    }
    for role, value in defaults.items():
        if value is not None:
            draft.columns[role] = draft.columns[role].fillna(value)


def canonical_marking(text: str | None) -> str | None:
    """Return the TLP 2.0 label that a text means; TLP:RED where it cannot be read.

    Examples
    --------
    >>> canonical_marking("tlp amber"), canonical_marking("secret"), canonical_marking(None)
    ('TLP:AMBER', 'TLP:RED', None)
    """
    if text is None:
        return None
    plain = fold(text).removeprefix("tlp").strip()
    return _MARKINGS.get(plain, _STRICTEST)


def _markings(draft: Draft) -> pd.Series:
    reported = draft.text("marking")
    labels = map_distinct(reported, canonical_marking)
    unread = reported.notna() & (labels == _STRICTEST) & ~reported.str.contains("red", case=False)
    if n := int(unread.sum()):
        draft.assume(f"{n} rows carry a marking that is no TLP label; they count as TLP:RED")
    return labels


def _grades(draft: Draft, role: str, allowed: str) -> pd.Series:
    reported = draft.text(role)
    grade = reported.str[:1].str.upper()
    known = grade.isin(list(allowed))
    if n := int((reported.notna() & ~known).sum()):
        draft.assume(f"{n} rows carry a {role} that is not one of {', '.join(allowed)}; left empty")
    return grade.where(known, None).astype("str")


def fill_id(draft: Draft, role: str) -> None:
    """Take the identifiers over; rows without one are numbered by their line in the file."""
    given = draft.text(role)
    raw = draft.raw
    lines = raw.lines if raw.lines is not None else raw.first_row + np.arange(draft.n_rows)
    numbered = pd.Series(lines, index=given.index).astype("str")
    draft.columns[role] = given.fillna(numbered).astype("str")
    twice = given.notna() & given.duplicated(keep=False)
    if n := int(twice.sum()):
        draft.report["repeated_ids"] = n
        draft.raw.notes.append(f"{n} rows share their {role} with another row")


def extra_columns(draft: Draft) -> dict[str, pd.Series]:
    """Columns beyond the layer's own: helpers that describe the event, and unused ones if asked."""
    extra = {
        role: draft.text(role)
        for role in ("hiding_place", "installation", "routing")
        if draft.has(role)
    }
    if draft.request.options.get("keep_unused"):
        for name in draft.header.unused:
            taken = name in extra or name in draft.columns or name in _RESERVED
            extra[f"{name}_reported" if taken else name] = as_text(draft.raw.frame[name])
    return extra


_RESERVED = frozenset(("geometry", "flags", "duplicate_group", "duplicate_score"))
