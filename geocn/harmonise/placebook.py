"""A book of names: finds the one area that a spelling means, or says why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from geocn.harmonise.placenames import (
    PART_SCORE,
    best_spelling,
    common_words,
    exact_keys,
    head_key,
    is_part,
    plain_name,
    stands_alone,
    weak_keys,
)


@dataclass(frozen=True, slots=True)
class Found:
    """One answer of a book: the position found (-1: none), how, how well, and what is wrong."""

    position: int = -1
    how: str = "none"
    score: float = 0.0
    problem: str = ""


@dataclass(slots=True)
class NameBook:
    """Names of one scope (a parent, a country) and the positions they stand for.

    Parameters
    ----------
    positions : sequence of int
        What each name stands for.
    names : sequence of str
        The names as written.
    common : frozenset of str, optional
        Words that tell nothing apart; taken from the names where not given.
    """

    positions: Sequence[int]
    names: Sequence[str]
    common: frozenset[str] | None = None
    _full: dict[str, set[int]] = field(init=False, default_factory=dict)
    _other: dict[str, set[int]] = field(init=False, default_factory=dict)
    _weak: dict[str, set[int]] = field(init=False, default_factory=dict)
    _plain: list[str] = field(init=False, default_factory=list)
    _heads: dict[str, set[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._plain = [plain_name(name) for name in self.names]
        if self.common is None:
            self.common = common_words(self._plain)
        for position, name in zip(self.positions, self.names, strict=True):
            for i, key in enumerate(exact_keys(name)):
                (self._other if i else self._full).setdefault(key, set()).add(position)
            for key in weak_keys(name):
                self._weak.setdefault(key, set()).add(position)
            if head := head_key(name):
                self._heads.setdefault(head, set()).add(position)

    def find(self, text: str, *, within_parent: bool, min_score: float) -> Found:
        """Find the one position that ``text`` names.

        Parameters
        ----------
        text : str
            The name as reported.
        within_parent : bool
            Whether the book holds only the right parent's areas. Only then may articles
            be dropped and spellings be mended.
        min_score : float
            Least similarity (0 to 100) of a mended spelling.
        """
        for key in exact_keys(text):
            for table in (self._full, self._other):
                if hits := table.get(key):
                    # Clerks shorten "San Andrés de Sotavento" to "San Andrés".
                    short_for = set() if within_parent else self._heads.get(key, set())
                    return _one(hits | short_for, "name", 100.0)
        if within_parent:
            for key in weak_keys(text):
                if hits := self._weak.get(key):
                    return _one(hits, "name", 100.0)
        query = plain_name(text)
        part = self._parts(query, within_parent=within_parent)
        if part is not None or not within_parent:
            return part or Found(problem="name not found")
        position, score = best_spelling(query, self._plain, min_score=min_score)
        if position < 0:
            return Found(score=score, problem="name not found")
        return Found(self.positions[position], "fuzzy", score)

    def _parts(self, query: str, *, within_parent: bool) -> Found | None:
        """Names that hold ``query`` as whole words; without a parent it must be one rare word."""
        common = self.common or frozenset()
        if not within_parent and (" " in query or query in common):
            return None
        hits = {
            position: name
            for position, name in zip(self.positions, self._plain, strict=True)
            if is_part(query, name, common=common, prefix=within_parent)
        }
        lone = len(hits) == 1 and not within_parent
        if not hits or (lone and not stands_alone(query, *hits.values())):
            return None
        return _one(hits, "fuzzy", PART_SCORE)


def _one(hits: Iterable[int], how: str, score: float) -> Found:
    positions = sorted(hits)
    if len(positions) > 1:
        return Found(score=score, problem=f"name fits {len(positions)} areas")
    return Found(positions[0], how, score)
