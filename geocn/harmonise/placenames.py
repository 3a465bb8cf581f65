"""When two spellings name one place: keys that must be equal, and a score where they are not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process

from geocn.harmonise.text import fold

#: Score of a name that is part of the area's name ("Buga" in "Guadalajara de Buga"), or
#: that begins with it ("Valle del Guamuez La Hormiga").
PART_SCORE = 95.0
#: The best fuzzy candidate must lead the next by this much, or the name stays unmatched.
LEAD = 4.0
#: Each word must resemble its counterpart this much: "Santa Rosa" is not "Santa Rosalía".
WORD_SCORE = 75.0
#: A word that stands in at least this many areas does not tell them apart.
_COMMON = 8
_SHORTEST_PART = 4

_BRACKETS = re.compile(r"\(([^)]*)\)")
_PREFIX = re.compile(
    r"^(?:(?:municipio|municipality|municipalite|distrito|district|departamento|department|"
    r"departement|provincia|province|region|estado|state|etat|county|commune|"
    r"canton|prefecture|governorate|cor departamental|corregimiento)"
    r"(?: (?:de|del|da|do|des|du|d|of))? (?:la |las |los |el |le |les |the )?)(?=\w)"
)
_SUFFIX = re.compile(
    r" (?:d c|dc|d t|d t y c|cor departamental|corregimiento departamental|area no municipalizada|"
    r"distrito (?:capital|especial|turistico|industrial|portuario)\b.*|"
    r"municipality|district|province|department|region|county|state|governorate)$"
)
_ARTICLE = re.compile(r"^(?:el|la|los|las|le|les|the|o|a|os|as|al) ")
_REMARKS = ("cor departamental", "corregimiento", "area no municipalizada", "capital")
# Words whose change makes another place, however alike the letters are.
# fmt: off
_OPPOSED = frozenset((
    "norte", "nord", "north", "sur", "sud", "sul", "south", "este", "est", "east", "leste",
    "oeste", "ouest", "west", "alto", "alta", "haut", "upper", "bajo", "baja", "baixo", "bas",
    "lower", "medio", "medium", "central", "centro"
))
# fmt: on
_SAINTS = frozenset(("san", "santa", "santo", "sao", "saint", "sainte", "st", "ste"))
_OF = frozenset(("de", "del", "da", "do", "dos", "das", "des", "du", "of"))


@lru_cache(maxsize=200_000)
def exact_keys(text: str) -> tuple[str, ...]:
    """Return the keys by which a name may be equal to another, the fullest first.

    Accents, case, spaces, administrative words ("Municipio de …", "…, D.C.",
    "(Cor. Departamental)") and brackets are put aside; what stands in brackets counts
    as a second name.

    Examples
    --------
    >>> exact_keys("Bogotá, D.C.")
    ('bogotadc', 'bogota')
    >>> exact_keys("GUADALAJARA DE BUGA (Buga)")
    ('guadalajaradebugabuga', 'guadalajaradebuga', 'buga')
    """
    names = [fold(text)]
    inside = [fold(part) for part in _BRACKETS.findall(text)]
    if inside:
        names.append(fold(_BRACKETS.sub(" ", text)))
        names += [part for part in inside if part not in _REMARKS]
    keys: dict[str, None] = {}
    for name in names:
        plain = _strip(name)
        for key in (name, plain):
            if key:
                keys[key.replace(" ", "")] = None
    return tuple(keys)


@lru_cache(maxsize=200_000)
def weak_keys(text: str) -> tuple[str, ...]:
    """Return the keys without leading articles: good enough only within a known parent.

    Examples
    --------
    >>> weak_keys("El Santuario")
    ('santuario',)
    """
    bare = _strip(fold(_BRACKETS.sub(" ", text)))
    return (_ARTICLE.sub("", bare).replace(" ", ""),) if bare else ()


def head_key(text: str) -> str:
    """Return the key of what stands before "de …" in a name, "" where nothing does.

    Examples
    --------
    >>> head_key("San Andrés de Tumaco"), head_key("Cali")
    ('sanandres', '')
    """
    head: list[str] = []
    for word in plain_name(text).split():
        if word in _OF:
            return "".join(head)
        head.append(word)
    return ""


def plain_name(text: str) -> str:
    """Return the folded name without brackets and administrative words.

    Examples
    --------
    >>> plain_name("Distrito de Barranquilla, Distrito Especial, Industrial y Portuario")
    'barranquilla'
    """
    return _strip(fold(_BRACKETS.sub(" ", text)))


def _strip(folded: str) -> str:
    previous = ""
    while folded != previous:
        previous = folded
        folded = _PREFIX.sub("", _SUFFIX.sub("", folded)).strip()
    return folded


def common_words(names: Iterable[str]) -> frozenset[str]:
    """Return the words that stand in so many names that they tell none of them apart."""
    counts = Counter(word for name in names for word in set(name.split()))
    return frozenset(word for word, n in counts.items() if n >= _COMMON or len(word) <= 2)


def is_part(query: str, name: str, *, common: frozenset[str], prefix: bool) -> bool:
    """Say whether one folded name stands, as whole words, within the other.

    Parameters
    ----------
    query, name : str
        The name asked for and the area's name, folded.
    common : frozenset
        Words that tell nothing apart; what the names share must be more than those.
    prefix : bool
        Whether ``query`` may also begin with the whole of ``name``.

    Examples
    --------
    >>> is_part("buga", "guadalajara de buga", common=frozenset({"de"}), prefix=True)
    True
    >>> is_part("puerto", "puerto asis", common=frozenset({"puerto"}), prefix=True)
    False
    """
    if f" {query} " in f" {name} ":
        shared = query
    elif prefix and f"{query} ".startswith(f"{name} "):
        shared = name
    else:
        return False
    return len(shared) >= _SHORTEST_PART and any(w not in common for w in shared.split())


def stands_alone(word: str, name: str) -> bool:
    """Say whether a word of a name can stand for it: no saint's name, no head before "de …".

    Examples
    --------
    >>> stands_alone("tumaco", "san andres de tumaco"), stands_alone("lopez", "lopez de micay")
    (True, False)
    """
    words = name.split()
    at = words.index(word) if word in words else 0
    before, after = words[max(at - 1, 0)], words[min(at + 1, len(words) - 1)]
    return before not in _SAINTS and after not in _OF


def best_spelling(query: str, names: Sequence[str], *, min_score: float) -> tuple[int, float]:
    """Return position and score of the one name that ``query`` misspells, or (-1, best score).

    The score is the normalised edit similarity (0 to 100) of the letters without spaces.
    A candidate is refused where digits differ, where a word of direction or height
    changes (North, Alto), where one word of several is too different, and where the
    next candidate is nearly as good.

    Examples
    --------
    >>> best_spelling("medelin", ["medellin", "cali"], min_score=90)
    (0, 93.33333333333333)
    >>> best_spelling("santa rosa", ["santa rosalia"], min_score=90)[0]
    -1
    """
    joined = [name.replace(" ", "") for name in names]
    found = process.extract(
        query.replace(" ", ""), joined, scorer=fuzz.ratio, limit=3, score_cutoff=min_score - LEAD
    )
    if not found:
        return -1, 0.0
    _, score, position = found[0]
    rivals = [s for _, s, i in found[1:] if joined[i] != joined[position]]
    if rivals and score - rivals[0] < LEAD:
        return -1, score
    if score < min_score or not _alike(query, names[position]):
        return -1, score
    return position, score


def _alike(query: str, name: str) -> bool:
    ours, theirs = query.split(), name.split()
    if _digits(query) != _digits(name):
        return False
    if (set(ours) ^ set(theirs)) & _OPPOSED:
        return False
    if len(ours) != len(theirs):
        return True
    return all(fuzz.ratio(a, b) >= WORD_SCORE for a, b in zip(ours, theirs, strict=True))


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)
