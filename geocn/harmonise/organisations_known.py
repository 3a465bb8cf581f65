"""The bundled table of organisations: names in four languages, acronyms, sections, offices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from geocn.errors import ParameterError
from geocn.harmonise._tables import load_toml
from geocn.harmonise.organisations_names import countries, name_key, name_words, read_name

_LANGUAGES = ("en", "es", "fr", "pt", "other")
_LONGEST_PREFIX = 14
# Words that stand between an organisation and its section and name neither.
_BETWEEN = frozenset(
    (
        *("oficina", "office", "bureau", "escritorio", "country", "pais", "pays", "mission"),
        *("mision", "missao", "section", "seccion", "secao", "national", "nacional", "nationale"),
        *("en", "in", "de", "da", "do", "la", "el", "of", "for", "para", "au", "du", "del", "the"),
    )
)
# A remainder that begins so is a part of the organisation before it, whatever its name.
_BRANCH = frozenset(("seccional", "branch", "chapter", "filial", "antenne"))


@dataclass(frozen=True, slots=True)
class KnownTable:
    """Names and acronyms by key.

    Attributes
    ----------
    names : mapping
        Key of a full name → canonical name.
    acronyms : mapping
        Key of an acronym → the canonical names that share it, sorted.
    sections : mapping
        Canonical name → key of a section's spelling → section.
    offices : frozenset of str
        Canonical names whose offices are named after countries.
    """

    names: Mapping[str, str]
    acronyms: Mapping[str, tuple[str, ...]]
    sections: Mapping[str, Mapping[str, str]]
    offices: frozenset[str]

    def find(self, key: str) -> str | None:
        """Return the organisation that a key names without doubt, or None."""
        found = self.names.get(key)
        if found is None:
            sharing = self.acronyms.get(key, ())
            found = sharing[0] if len(sharing) == 1 else None
        return found

    def prefixes(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield organisation and remainder of a key that begins with a name, longest first."""
        words = key.split()[: _LONGEST_PREFIX + 6]
        for n in range(min(len(words) - 1, _LONGEST_PREFIX), 0, -1):
            found = self.find(" ".join(words[:n]))
            if found is not None:
                yield found, " ".join(words[n:])

    def section(self, organisation: str, remainder: str) -> str | None:
        """Return the section of an organisation that the rest of a name says, or None.

        Parameters
        ----------
        organisation : str
            Canonical name.
        remainder : str
            Key of what follows the organisation's name.
        """
        words = remainder.split()
        if words and words[0] in _BRANCH and len(words) > 1:
            return " ".join(words).title()
        known = self.sections.get(organisation, {})
        places = countries() if organisation in self.offices else {}
        while words:
            said = " ".join(words)
            for table in (known, places):
                if said in table:
                    return table[said]
            if words[0] not in _BETWEEN:
                break
            words = words[1:]
        return None


@lru_cache(maxsize=1)
def known_table() -> KnownTable:
    """Return the bundled table.

    Raises
    ------
    ParameterError
        Where one full name stands for two organisations: a fault of the data file.
    """
    return build_table(load_toml("organisations.toml"))


def build_table(entries: Mapping[str, Mapping[str, Any]]) -> KnownTable:
    """Build a table from ``canonical name → languages, acronyms, sections, offices``.

    Raises
    ------
    ParameterError
        Where one full name stands for two organisations.

    Examples
    --------
    >>> entry = {"en": ["Example Aid"], "acronyms": ["EA"], "sections": {"North": ["N"]}}
    >>> table = build_table({"Example Aid": entry})
    >>> table.find("example aid"), table.section("Example Aid", "n")
    ('Example Aid', 'North')
    """
    names: dict[str, str] = {}
    acronyms: dict[str, set[str]] = {}
    sections: dict[str, dict[str, str]] = {}
    for name, entry in entries.items():
        short = {name_key(acronym) for acronym in entry.get("acronyms", ())}
        for acronym in short:
            acronyms.setdefault(acronym, set()).add(name)
        full = [name, *(one for language in _LANGUAGES for one in entry.get(language, ()))]
        for spelling in full:
            for key in {read_name(spelling).key, read_name(spelling).bare}:
                if key not in short and names.setdefault(key, name) != name:
                    message = f"{spelling!r} stands for both {names[key]!r} and {name!r}"
                    raise ParameterError(f"organisations: {message}")
        sections[name] = {
            " ".join(name_words(spelling)): section
            for section, spellings in entry.get("sections", {}).items()
            for spelling in (section, *spellings)
        }
    shared = {key: tuple(sorted(held)) for key, held in acronyms.items()}
    offices = frozenset(name for name, entry in entries.items() if entry.get("offices"))
    return KnownTable(names, shared, sections, offices)
