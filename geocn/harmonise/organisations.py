"""Partner names resolved to organisations: what is sure is applied, the rest is suggested."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.harmonise.organisations_aliases import Aliases, read_aliases
from geocn.harmonise.organisations_known import KnownTable, known_table
from geocn.harmonise.organisations_names import (
    Name,
    is_unstated,
    name_key,
    read_name,
    spells_out,
    split_parts,
)
from geocn.harmonise.organisations_spelling import Unsettled, suggest
from geocn.harmonise.text import distinct, spread, text_series

_HALF = re.compile("[\ud800-\udfff]")
#: Columns of a frame of suggestions.
SUGGESTION_COLUMNS = ("name", "suggested", "score", "why", "n_rows")


@dataclass(frozen=True)
class OrganisationMatch:
    """Names resolved to organisations.

    Attributes
    ----------
    organisation, section, how : Series of str
        For each name, with its index: the canonical organisation, its section where the
        name says one, and how it was found: ``alias`` (confirmed in the table of aliases),
        ``exact`` (a name of the bundled table, or another spelling of a name of the list),
        ``acronym``, ``section``, ``fuzzy-suggested`` (kept as it is; see ``suggestions``) or
        ``unknown`` (kept as it is). All three are null where a name says nothing ("N/A").
    suggestions : DataFrame
        ``name, suggested, score, why, n_rows``: what a person may confirm. ``score`` is the
        normalised edit similarity, 0 to 100, null where no spelling was compared.
    ambiguous : DataFrame
        ``acronym, organisations``: acronyms that several organisations share and that were
        therefore not resolved; organisations separated by ``"; "``.
    merged : DataFrame
        ``organisation, n_names, n_rows`` of the organisations that several names mean.
    unresolved : DataFrame
        ``name, n_rows`` of the organisations that nothing confirms, most rows first.
    """

    organisation: pd.Series
    section: pd.Series
    how: pd.Series
    suggestions: pd.DataFrame
    ambiguous: pd.DataFrame
    merged: pd.DataFrame
    unresolved: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Found:
    organisation: str
    section: str | None
    how: str


class _Owner(NamedTuple):
    """Whose an acronym is: an organisation that is settled, or a key that names go by."""

    name: str
    is_settled: bool


@dataclass(slots=True)
class _Case:
    """One distinct name on its way: what settles it, or the name that it goes by."""

    name: Name
    parts: tuple[Name, ...]
    n_rows: int
    found: _Found | None = None
    owner: str = ""
    acronym: str = ""


def resolve_organisations(
    names: pd.Series | Iterable[str | None],
    *,
    aliases: pd.DataFrame | StrPath | None = None,
    min_score: float = 90.0,
) -> OrganisationMatch:
    """Resolve names of organisations to one canonical name each.

    Applied without asking: names confirmed in ``aliases``; names of the bundled table in
    four languages, their unshared acronyms, and its sections and country offices; and names
    of the list itself that differ only in case, accents, punctuation, spaces or legal form,
    or by an acronym that the list spells out ("Fundación Ejemplo (FE)") for one organisation
    only. Near spellings, shared acronyms, initials and other parts of names are only
    suggested: different organisations often have near names.

    Parameters
    ----------
    names : Series or iterable of str
        Names as reported; nulls stay null.
    aliases : DataFrame or path, optional
        Table of aliases: ``alias, organisation`` and, where wanted, ``section`` and
        ``confirmed``. It overrules everything else.
    min_score : float
        Least normalised edit similarity of a suggested spelling, 0 to 100.

    Returns
    -------
    OrganisationMatch
        The same for any order of the names.

    Raises
    ------
    SchemaError
        Where the table of aliases lacks a column or has an unknown one.
    LayerError
        Where its rows contradict each other; with the rows.
    ParameterError
        Where ``min_score`` is not between 50 and 100.

    Examples
    --------
    >>> names = ["MSF-B", "Fundación Luz", "FUNDACION LUZ", "Fundacion Lus"]
    >>> match = resolve_organisations(names)
    >>> match.organisation.tolist()
    ['MSF', 'Fundación Luz', 'Fundación Luz', 'Fundacion Lus']
    >>> match.section[0], match.how.tolist()
    ('OCB', ['section', 'unknown', 'exact', 'fuzzy-suggested'])
    >>> match.suggestions[["name", "suggested", "score"]].values.tolist()
    [['Fundacion Lus', 'Fundación Luz', 91.7]]
    """
    if not 50 <= min_score <= 100:
        raise ParameterError(f"min_score is {min_score!r}; choose between 50 and 100")
    values = names if isinstance(names, pd.Series) else pd.Series(list(names), dtype="object")
    confirmed = read_aliases(aliases)
    codes, uniques = distinct(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(uniques))
    # Half of a character (a lone surrogate) is no text that a column could hold.
    texts = [_HALF.sub("\ufffd", str(text)) for text in uniques]
    cases = {
        text: _case(text, int(n)) for text, n in zip(texts, counts, strict=True)
        if not is_unstated(text)
    }  # fmt: skip
    book = _Book(known_table(), confirmed, [case.name for case in cases.values()])
    contested = _settle(cases.values(), book)
    chosen = _representatives(cases.values())
    shared = {
        key: sorted(one.name if one.is_settled else chosen[one.name].name.text for one in held)
        for key, held in contested.items()
    }
    suggestions = _suggestions(cases.values(), chosen, book, shared, min_score=min_score)
    asked = set(suggestions["name"])
    results = [_result(cases.get(text), chosen, asked) for text in texts]
    organisation, section, how = (
        text_series(spread(codes, [one[part] for one in results]), values.index)
        for part in range(3)
    )
    return OrganisationMatch(
        organisation,
        section,
        how,
        suggestions=suggestions,
        ambiguous=_ambiguous(cases.values(), shared),
        merged=_merged(texts, counts, results),
        unresolved=_unresolved(counts, results),
    )


class _Book:
    """The bundled table under the table of aliases."""

    def __init__(self, known: KnownTable, aliases: Aliases, names: Iterable[Name]) -> None:
        self.known, self.aliases = known, aliases
        forms: dict[str, set[str]] = {}
        for name in names:
            if name.form:
                forms.setdefault(name.bare, set()).add(name.form)
        # Two legal forms of one name ("… S.A.", "… Ltda.") may be two companies.
        self.apart = frozenset(bare for bare, held in forms.items() if len(held) > 1)

    def key(self, name: Name) -> str:
        """Return the key that a name goes by: without its legal form where that tells nothing."""
        return name.key if name.bare in self.apart else name.bare

    def find(self, name: Name) -> _Found | None:
        """Settle one name that is not made of parts, or return None."""
        keys = (name.key, self.key(name))
        for key in keys:
            confirmed = self.aliases.find(key)
            if confirmed is not None:
                return self.shown(confirmed[0], confirmed[1], "alias")
        for key in keys:
            if key in self.known.names:
                return self.shown(self.known.names[key], None, "exact")
            if self.known.find(key) is not None:
                return self.shown(str(self.known.find(key)), None, "acronym")
        for organisation, remainder in self.known.prefixes(name.bare):
            section = self.known.section(organisation, remainder)
            if section is not None:
                return self.shown(organisation, section, "section")
        return None

    def shown(self, organisation: str, section: str | None, how: str) -> _Found:
        """Give an organisation the one name under which it is shown."""
        known = self.known.find(name_key(organisation))
        canonical = known or organisation
        renamed = self.aliases.find(name_key(canonical))
        if renamed is not None:
            return _Found(renamed[0], section or renamed[1], how)
        return _Found(canonical, section, how)

    def joined(self, one: Name, other: Name) -> _Found | None:
        """Settle a name of two parts where both mean the same, or one is the other's acronym."""
        first, second = self.find(one), self.find(other)
        for found, rest, written in ((first, second, other), (second, first, one)):
            if found is None:
                continue
            section = self.known.section(found.organisation, written.key)
            same = rest is not None and rest.organisation == found.organisation
            shares = found.organisation in self.known.acronyms.get(written.key, ())
            spelled = rest is None and spells_out(
                written.text, (one if written is other else other).text
            )
            if same and rest is not None:
                said = {part for part in (found.section, rest.section) if part}
                if len(said) <= 1:
                    how = "alias" if "alias" in (found.how, rest.how) else "acronym"
                    return _Found(found.organisation, next(iter(said), None), how)
            elif rest is None and section is not None and found.section in (None, section):
                return _Found(found.organisation, section, "section")
            elif shares or spelled:
                how = "alias" if found.how == "alias" else "acronym"
                return _Found(found.organisation, found.section, how)
        return None


def _case(text: str, n_rows: int) -> _Case:
    return _Case(read_name(text), tuple(read_name(part) for part in split_parts(text)), n_rows)


def _settle(cases: Iterable[_Case], book: _Book) -> dict[str, frozenset[_Owner]]:
    """Settle what can be settled; return the acronyms that several organisations share."""
    cases = list(cases)
    for case in cases:
        case.found = book.find(case.name)
        if len(case.parts) == 2 and (case.found is None or case.found.how == "section"):
            joined = book.joined(*case.parts)
            case.found = case.found or joined
            _define(case)
        case.owner = case.owner or book.key(case.name)
    owners = _acronyms(cases, book)
    for case in cases:
        held = owners.get(case.name.key, frozenset())
        by_acronym = case.found is not None and case.found.how == "acronym"
        if len(held) > 1 and by_acronym:
            case.found, case.owner = None, case.name.key
        elif len(held) == 1 and case.found is None:
            (owner,) = held
            if owner.is_settled:
                case.found = _Found(owner.name, None, "acronym")
            else:
                case.owner = owner.name
    return {key: held for key, held in owners.items() if len(held) > 1}


def _acronyms(cases: Sequence[_Case], book: _Book) -> dict[str, frozenset[_Owner]]:
    """Return whose acronym each key is, by the list's own spelling out and the bundled table."""
    owners: dict[str, set[_Owner]] = {}
    for case in cases:
        if case.acronym:
            found = case.found
            owner = _Owner(found.organisation, True) if found else _Owner(case.owner, False)
            owners.setdefault(case.acronym, set()).add(owner)
    for key, sharing in book.known.acronyms.items():
        if len(sharing) > 1 or key in owners:
            named = {_Owner(book.shown(one, None, "").organisation, True) for one in sharing}
            owners.setdefault(key, set()).update(named)
    return {key: frozenset(held) for key, held in owners.items()}


def _define(case: _Case) -> None:
    """Note which part of a name is the acronym of the other."""
    one, other = case.parts
    for long, short in ((one, other), (other, one)):
        if spells_out(short.text, long.text):
            case.owner, case.acronym = long.bare, short.key
            return


def _representatives(cases: Iterable[_Case]) -> dict[str, _Case]:
    """Choose the spelling under which each unsettled organisation is shown.

    One that spells out its acronym, then one in upper and lower case, then one with accents.
    """
    chosen: dict[str, _Case] = {}
    for case in cases:
        if case.found is None:
            held = chosen.setdefault(case.owner, case)
            if held is not case and _quality(case) < _quality(held):
                chosen[case.owner] = case
    return chosen


def _quality(case: _Case) -> tuple[bool, bool, bool, int, str]:
    text = case.name.text
    own = case.owner in (case.name.bare, case.name.key) or bool(case.acronym)
    mixed = not (text.isupper() or text.islower())
    return (not own, not case.acronym, not mixed, -sum(not c.isascii() for c in text), text)


def _suggestions(
    cases: Iterable[_Case],
    chosen: dict[str, _Case],
    book: _Book,
    shared: dict[str, list[str]],
    *,
    min_score: float,
) -> pd.DataFrame:
    rows: dict[str, int] = {}
    targets: dict[str, str] = dict(book.known.names)
    for case in cases:
        if case.found is None:
            rows[case.owner] = rows.get(case.owner, 0) + case.n_rows
        else:
            targets.setdefault(case.name.key, case.found.organisation)
    for name, _ in book.aliases.targets.values():
        targets.setdefault(name_key(name), name)
    unsettled = [
        Unsettled(
            case.name.text, owner, case.name.bare, tuple(p.key for p in case.parts), rows[owner]
        )
        for owner, case in sorted(chosen.items())
    ]
    found = suggest(unsettled, targets, book.known, shared=shared, min_score=min_score)
    n_rows = {one.name: one.n_rows for one in unsettled}
    refused = book.aliases.refused
    table = [
        (one.name, one.suggested, one.score, one.why, n_rows[one.name])
        for one in found
        if (name_key(one.name), name_key(one.suggested)) not in refused
    ]
    frame = pd.DataFrame(table, columns=list(SUGGESTION_COLUMNS))
    return frame.astype(
        {"name": "str", "suggested": "str", "score": "float64", "why": "str", "n_rows": "int64"}
    )


_Result = tuple[str | None, str | None, str | None]


def _result(case: _Case | None, chosen: dict[str, _Case], asked: set[str]) -> _Result:
    if case is None:
        return None, None, None
    if case.found is not None:
        return case.found.organisation, case.found.section, case.found.how
    shown = chosen[case.owner].name
    if shown.text != case.name.text:
        by_acronym = case.acronym or case.name.bare not in (shown.bare, case.owner)
        return shown.text, None, "acronym" if by_acronym else "exact"
    return shown.text, None, "fuzzy-suggested" if shown.text in asked else "unknown"


def _ambiguous(cases: Iterable[_Case], shared: dict[str, list[str]]) -> pd.DataFrame:
    said = {
        case.name.text: "; ".join(shared[case.name.key])
        for case in cases
        if case.found is None and case.name.key in shared
    }
    rows = sorted(said.items())
    return pd.DataFrame(rows, columns=["acronym", "organisations"]).astype("str")


def _merged(texts: list[str], counts: np.ndarray, results: list[_Result]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "organisation": pd.Series([one[0] for one in results], dtype="str"),
            "n_names": 1,
            "n_rows": counts.astype(np.int64),
        }
    )
    summed = table.groupby("organisation", as_index=False, sort=True).sum()
    return summed[summed["n_names"] > 1].reset_index(drop=True)


def _unresolved(counts: np.ndarray, results: list[_Result]) -> pd.DataFrame:
    open_ = {one[0] for one in results if one[2] in ("unknown", "fuzzy-suggested")}
    rows: dict[str, int] = {}
    for one, n in zip(results, counts.tolist(), strict=True):
        if one[0] in open_:
            rows[str(one[0])] = rows.get(str(one[0]), 0) + n
    ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    frame = pd.DataFrame(ordered, columns=["name", "n_rows"])
    return frame.astype({"name": "str", "n_rows": "int64"})
