"""What settles the name of an organisation: the tables, or the list that it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from geocn.harmonise.organisations_aliases import Aliases
from geocn.harmonise.organisations_known import KnownTable
from geocn.harmonise.organisations_names import (
    Name,
    name_key,
    read_name,
    spells_out,
    split_parts,
)


@dataclass(frozen=True, slots=True)
class Found:
    """An organisation that a name is settled to, its section, and how it was found."""

    organisation: str
    section: str | None
    how: str


class Owner(NamedTuple):
    """Whose an acronym is: an organisation that is settled, or a key that names go by."""

    name: str
    is_settled: bool


@dataclass(slots=True)
class Case:
    """One distinct name on its way: what settles it, or the name that it goes by."""

    name: Name
    parts: tuple[Name, ...]
    n_rows: int
    found: Found | None = None
    owner: str = ""
    acronym: str = ""


class Book:
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

    def find(self, name: Name) -> Found | None:
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

    def shown(self, organisation: str, section: str | None, how: str) -> Found:
        """Give an organisation the one name under which it is shown."""
        known = self.known.find(name_key(organisation))
        canonical = known or organisation
        renamed = self.aliases.find(name_key(canonical))
        if renamed is not None:
            return Found(renamed[0], section or renamed[1], how)
        return Found(canonical, section, how)

    def joined(self, one: Name, other: Name) -> Found | None:
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
                    return Found(found.organisation, next(iter(said), None), how)
            elif rest is None and section is not None and found.section in (None, section):
                return Found(found.organisation, section, "section")
            elif shares or spelled:
                how = "alias" if found.how == "alias" else "acronym"
                return Found(found.organisation, found.section, how)
        return None


def read_case(text: str, n_rows: int) -> Case:
    """Read a name as it was reported, whole and in its parts."""
    return Case(read_name(text), tuple(read_name(part) for part in split_parts(text)), n_rows)


def settle(cases: Iterable[Case], book: Book) -> dict[str, frozenset[Owner]]:
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
                case.found = Found(owner.name, None, "acronym")
            else:
                case.owner = owner.name
    return {key: held for key, held in owners.items() if len(held) > 1}


def _acronyms(cases: Sequence[Case], book: Book) -> dict[str, frozenset[Owner]]:
    """Return whose acronym each key is, by the list's own spelling out and the bundled table."""
    owners: dict[str, set[Owner]] = {}
    for case in cases:
        if case.acronym:
            found = case.found
            owner = Owner(found.organisation, True) if found else Owner(case.owner, False)
            owners.setdefault(case.acronym, set()).add(owner)
    for key, sharing in book.known.acronyms.items():
        if len(sharing) > 1 or key in owners:
            named = {Owner(book.shown(one, None, "").organisation, True) for one in sharing}
            owners.setdefault(key, set()).update(named)
    return {key: frozenset(held) for key, held in owners.items()}


def _define(case: Case) -> None:
    """Note which part of a name is the acronym of the other."""
    one, other = case.parts
    for long, short in ((one, other), (other, one)):
        if spells_out(short.text, long.text):
            case.owner, case.acronym = long.bare, short.key
            return


def representatives(cases: Iterable[Case]) -> dict[str, Case]:
    """Choose the spelling under which each unsettled organisation is shown.

    One that spells out its acronym, then one in upper and lower case, then one with accents.
    """
    chosen: dict[str, Case] = {}
    for case in cases:
        if case.found is None:
            held = chosen.setdefault(case.owner, case)
            if held is not case and _quality(case) < _quality(held):
                chosen[case.owner] = case
    return chosen


def _quality(case: Case) -> tuple[bool, bool, bool, int, str]:
    text = case.name.text
    own = case.owner in (case.name.bare, case.name.key) or bool(case.acronym)
    mixed = not (text.isupper() or text.islower())
    return (not own, not case.acronym, not mixed, -sum(not c.isascii() for c in text), text)
