"""What is compared of an organisation's name: its key, its legal form, its parts, its initials."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from geocn.harmonise._tables import load_csv
from geocn.harmonise.text import absent_words, fold

_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_PARTS = re.compile(r"\s+[-‐-―|:]+\s+|\s*/\s*")
# Forms that no name ends with by chance; "A.C." or "Co." are left out for that reason.
_LEGAL = tuple(
    tuple(form.split())
    for form in (
        "sa de cv",
        "s de rl de cv",
        "s de rl",
        *("sa", "sas", "sac", "srl", "ltda", "ltd", "limited", "inc", "incorporated", "llc"),
        *("llp", "plc", "gmbh", "ev", "asbl", "aisbl", "bv", "nv"),
    )
)
_LEGAL_ENDS = frozenset(form[-1] for form in _LEGAL)
#: Words of a name that its acronym may leave out.
SMALL_WORDS = frozenset(
    (
        *("de", "del", "la", "las", "el", "los", "para", "por", "con", "contra", "en", "y", "e"),
        *("da", "do", "das", "dos", "a", "o", "as", "os", "du", "des", "le", "les", "et", "d", "l"),
        *("of", "the", "for", "and", "on", "in", "to", "against", "pour", "contre", "sur", "au"),
        *("aux", "zur", "und", "von", "fur"),
    )
)
_LONGEST_ACRONYM = 12
_LONGEST_NAME = 400


class Name(NamedTuple):
    """One name as it is compared.

    Attributes
    ----------
    text : str
        The name as it was given, without spaces around it.
    key : str
        Folded words, dotted initials joined ("U.N.O.D.C." is "unodc").
    bare : str
        ``key`` without a legal form at its end.
    form : str
        That legal form, or "".
    """

    text: str
    key: str
    bare: str
    form: str


def read_name(text: str) -> Name:
    """Return what is compared of a name.

    Examples
    --------
    >>> read_name("Fundación Ejemplo S.A.S.")[1:]
    ('fundacion ejemplo sas', 'fundacion ejemplo', 'sas')
    >>> read_name("U.N.O.D.C.").key
    'unodc'
    """
    stripped = text.strip()
    words = name_words(stripped)
    # A name without one letter or digit is still somebody's: it equals itself alone.
    if not words:
        raw = unicodedata.normalize("NFKC", stripped)
        return Name(stripped, raw, raw, "")
    bare = words
    form: tuple[str, ...] = ()
    for legal in _LEGAL if words[-1] in _LEGAL_ENDS else ():
        n = len(legal)
        if len(words) > n and tuple(words[-n:]) == legal:
            bare, form = words[:-n], legal
            break
    return Name(stripped, " ".join(words), " ".join(bare), " ".join(form))


def name_words(text: str) -> list[str]:
    """Return the folded words of a name, single letters in a row joined to one."""
    words: list[str] = []
    letters = ""
    for word in fold(text).split():
        if len(word) == 1:
            letters += word
            continue
        if letters:
            words.append(letters)
            letters = ""
        words.append(word)
    if letters:
        words.append(letters)
    return words[1:] if len(words) > 1 and words[0] == "the" else words


def name_key(text: str) -> str:
    """Return the key of a name.

    Examples
    --------
    >>> name_key("  MÉDECINS   sans Frontières ")
    'medecins sans frontieres'
    """
    return read_name(text).key


def is_unstated(text: str) -> bool:
    """Say whether a text names nobody: "N/A", "sin dato", a lone dash.

    Examples
    --------
    >>> is_unstated("N/A"), is_unstated(" - "), is_unstated("★"), is_unstated("UNODC")
    (True, True, False, False)
    """
    folded = fold(text)
    if folded:
        return folded in absent_words()
    return all(unicodedata.category(letter)[0] in "PZC" or letter in " =+~" for letter in text)


def split_parts(text: str) -> tuple[str, ...]:
    """Return the two or more names that one text writes, the text itself left out.

    What stands in brackets is a part; so is what stands on each side of a dash between
    spaces, a slash, a colon or a bar.

    Examples
    --------
    >>> split_parts("Fundación Ejemplo (FE)")
    ('Fundación Ejemplo', 'FE')
    >>> split_parts("UNODC / ONUDD")
    ('UNODC', 'ONUDD')
    >>> split_parts("UNODC")
    ()
    """
    plain = unicodedata.normalize("NFKC", text)[:_LONGEST_NAME]
    inside = [part.strip() for part in _BRACKETS.findall(plain)]
    outside = _BRACKETS.sub(" ", plain).strip()
    parts = [outside, *inside] if inside else [part.strip() for part in _PARTS.split(outside)]
    named = tuple(part for part in parts if fold(part))
    return named if len(named) > 1 else ()


def spells_out(acronym: str, name: str) -> bool:
    """Say whether an acronym is put together from the beginnings of a name's words.

    Every word that carries meaning must give at least its first letter, in order; small
    words ("de", "of") may give some or nothing. "(Pasto)" is no acronym of "Pastoral
    Social", and "(Perú)" none of "Policía Nacional".

    Examples
    --------
    >>> spells_out("MSF", "Médecins Sans Frontières")
    True
    >>> spells_out("DIRAN", "Dirección de Antinarcóticos")
    True
    >>> spells_out("Pasto", "Pastoral Social"), spells_out("Perú", "Policía Nacional")
    (False, False)
    """
    letters = "".join(name_words(acronym))
    words = name_words(name)
    content = sum(word not in SMALL_WORDS for word in words)
    if not (2 <= len(letters) <= _LONGEST_ACRONYM and 2 <= content <= len(letters)):
        return False
    if len(name_words(acronym)) > 1 or is_country(acronym):
        return False
    reached = {0}
    for word in words:
        after = set(reached) if word in SMALL_WORDS else set()
        for start in reached:
            length = 0
            while (
                length < len(word)
                and start + length < len(letters)
                and word[length] == letters[start + length]
            ):
                length += 1
                after.add(start + length)
        reached = after
    return len(letters) in reached


def initials(key: str) -> tuple[str, ...]:
    """Return the initials of a key: of the words that carry meaning, and of all words.

    Examples
    --------
    >>> initials("oficina de las naciones unidas")
    ('onu', 'odlnu')
    """
    words = key.split()
    content = [word for word in words if word not in SMALL_WORDS]
    found = {"".join(w[0] for w in content): None, "".join(w[0] for w in words): None}
    return tuple(letters for letters in found if len(letters) > 2)


@lru_cache(maxsize=1)
def countries() -> dict[str, str]:
    """Return the keys of countries' names in four languages, each with the English name."""
    table: dict[str, str] = {}
    for row in load_csv("countries.csv"):
        for spelling in (row["name"], *row["names"].split("|")):
            key = name_key(spelling)
            # "É.-U." would make every "EU" the United States.
            if len(key) > 2:
                table.setdefault(key, row["name"])
    return table


def is_country(text: str) -> bool:
    """Say whether a text is the name of a country.

    Examples
    --------
    >>> is_country("Pérou"), is_country("Pasto")
    (True, False)
    """
    return name_key(text) in countries()


def countries_in(key: str) -> frozenset[str]:
    """Return the countries that a key names with one word or two.

    Examples
    --------
    >>> countries_in("policia nacional del peru")
    frozenset({'Peru'})
    """
    words = key.split()
    pairs = [f"{one} {other}" for one, other in pairwise(words)]
    return frozenset(countries()[word] for word in (*words, *pairs) if word in countries())
