"""The table of aliases: what a person has confirmed about the names of partners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from geocn._typing import StrPath
from geocn.errors import LayerError, SchemaError
from geocn.harmonise.organisations_names import is_unstated, name_key
from geocn.io.table import read_table

#: Columns of a table of aliases; ``confirmed`` and those behind it may be absent.
ALIAS_COLUMNS = ("alias", "organisation", "section", "confirmed", "score", "why")
_REQUIRED = ("alias", "organisation")
_YES = frozenset(("yes", "y", "true", "1", "si", "s", "oui", "sim", "x"))
_NO = frozenset(("no", "n", "false", "0", "non", "nao"))
_DEFUSED = re.compile(r"'(?=[\s\u200b-\u200f\ufeff\u2060]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n])")


@dataclass(frozen=True)
class Aliases:
    """Confirmed aliases by key, their organisations by key, and the pairs that are refused."""

    targets: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    refused: frozenset[tuple[str, str]] = frozenset()

    def find(self, key: str) -> tuple[str, str | None] | None:
        """Return organisation and section of a confirmed alias; the first section holds.

        An alias of an alias is followed to its end. An organisation that aliases lead to is
        confirmed by that, and has one spelling however the rows write it.
        """
        if key not in self.targets:
            return (self.names[key], None) if key in self.names else None
        section: str | None = None
        seen: set[str] = set()
        while key in self.targets and key not in seen:
            seen.add(key)
            name, said = self.targets[key]
            section = section or said
            key = name_key(name)
        return self.names[key], section


def alias_frame(aliases: pd.DataFrame | StrPath) -> pd.DataFrame:
    """Return a table of aliases as text, in the columns of ``ALIAS_COLUMNS`` that it has.

    Raises
    ------
    SchemaError
        Where ``alias`` or ``organisation`` is missing, or another column stands there.
    ReadError
        Where the file cannot be read.
    """
    if isinstance(aliases, pd.DataFrame):
        frame, where = aliases, "aliases"
    else:
        raw = read_table(aliases)
        frame, where = raw.frame, raw.path.name
        frame.index = pd.RangeIndex(raw.first_row, raw.first_row + len(frame))
    columns = [str(name) for name in frame.columns]
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in ALIAS_COLUMNS]
    if missing or unknown or len(set(columns)) < len(columns):
        raise SchemaError(
            where,
            found=f"columns {', '.join(map(repr, columns)) or 'none'}",
            expected=f"alias and organisation, with or without {', '.join(ALIAS_COLUMNS[2:])}",
            repair="Rename or drop the others; write_alias_suggestions writes such a table.",
        )
    text = {name: frame[name].astype("object").map(_cell).astype("str") for name in columns}
    result = pd.DataFrame(text, index=frame.index)
    result.attrs = {"file": where}
    return result


def read_aliases(aliases: pd.DataFrame | StrPath | None) -> Aliases:
    """Read and check a table of aliases.

    Without a column ``confirmed`` every row holds; with one, rows that say yes hold, rows
    that say no are never suggested again, and empty ones are not decided.

    Raises
    ------
    SchemaError
        Where a column is missing or unknown.
    LayerError
        Where a confirmed row is empty, one alias stands for two organisations, a pair is
        both confirmed and refused, aliases lead in a circle, or ``confirmed`` says neither
        yes nor no; with the rows.
    """
    if aliases is None:
        return Aliases()
    frame = alias_frame(aliases)
    rows = list(_rows(frame))
    faults = [*_unreadable(rows), *_doubled(rows)]
    targets = {row.key: (row.organisation, row.section) for row in rows if row.confirmed}
    faults += _circles(rows, targets)
    if faults:
        raise LayerError(
            frame.attrs["file"],
            found="; ".join(said for said, _ in faults),
            expected="one organisation an alias, and yes or no where a row is decided",
            repair="Correct these rows of the table of aliases.",
            rows=sorted({row for _, at in faults for row in at}, key=str),
        )
    names: dict[str, str] = {}
    for row in rows:
        if row.confirmed:
            names.setdefault(name_key(row.organisation), row.organisation)
    refused = {(row.key, name_key(row.organisation)) for row in rows if row.confirmed is False}
    return Aliases(targets, names, frozenset(refused | {(b, a) for a, b in refused}))


@dataclass(frozen=True, slots=True)
class _Row:
    label: Any
    alias: str
    key: str
    organisation: str
    section: str | None
    said: str
    confirmed: bool | None


def _cell(value: Any) -> str | None:
    """Text of a cell without the apostrophe that keeps a spreadsheet from running it."""
    if pd.isna(value):
        return None
    text = str(value).strip()
    return _DEFUSED.sub("", text, count=1) if _DEFUSED.match(text) else text or None


def _rows(frame: pd.DataFrame) -> Iterator[_Row]:
    given = frame.astype("object").where(frame.notna(), None)
    for label, row in zip(frame.index, given.to_dict("records"), strict=True):
        said = name_key(row.get("confirmed") or "")
        confirmed: bool | None = True
        if "confirmed" in row:
            confirmed = True if said in _YES else False if said in _NO else None
        alias, organisation = row["alias"] or "", row["organisation"] or ""
        section = row.get("section")
        yield _Row(label, alias, name_key(alias), organisation, section, said, confirmed)


_Faults = list[tuple[str, list[Any]]]


def _unreadable(rows: list[_Row]) -> _Faults:
    unclear = [row.label for row in rows if row.said and row.confirmed is None]
    empty = [
        row.label
        for row in rows
        if row.confirmed and (is_unstated(row.alias) or is_unstated(row.organisation))
    ]
    faults: _Faults = []
    if unclear:
        faults.append(("a column confirmed that says neither yes nor no", unclear))
    if empty:
        faults.append(("rows without an alias or an organisation", empty))
    return faults


def _doubled(rows: list[_Row]) -> _Faults:
    held: dict[str, dict[tuple[str, str], list[Any]]] = {}
    decided: dict[tuple[str, str], dict[bool, list[Any]]] = {}
    for row in rows:
        target = name_key(row.organisation)
        if row.confirmed:
            meaning = (target, name_key(row.section or ""))
            held.setdefault(row.key, {}).setdefault(meaning, []).append(row.label)
        if row.confirmed is not None:
            pair = decided.setdefault((row.key, target), {})
            pair.setdefault(row.confirmed, []).append(row.label)
    faults: _Faults = []
    several = [
        label for one in held.values() if len(one) > 1 for at in one.values() for label in at
    ]
    both = [
        label for one in decided.values() if len(one) > 1 for at in one.values() for label in at
    ]
    if several:
        faults.append(("aliases that stand for two organisations or sections", several))
    if both:
        faults.append(("aliases that are both confirmed and refused", both))
    return faults


def _circles(rows: list[_Row], targets: dict[str, tuple[str, str | None]]) -> _Faults:
    """Find aliases that lead back to themselves by way of another name."""
    circling: set[str] = set()
    for start in targets:
        path, key = [start], name_key(targets[start][0])
        while key in targets and key not in path:
            path.append(key)
            key = name_key(targets[key][0])
        # A name that is its own alias is confirmed as it stands.
        if key in targets and key == start and len(path) > 1:
            circling.update(path)
    at = [row.label for row in rows if row.confirmed and row.key in circling]
    return [("aliases that lead in a circle", at)] if at else []
