"""Which names may be one organisation: suggestions for a person, never applied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process

from geocn.harmonise.organisations_known import KnownTable
from geocn.harmonise.organisations_names import countries_in, initials

_BLOCK = 512
_SHORTEST = 6
_LONGEST = 200
_MOST = 3


@dataclass(frozen=True, slots=True)
class Unsettled:
    """One organisation that nothing confirms: its name, keys with and without legal form, rows."""

    name: str
    key: str
    bare: str
    parts: tuple[str, ...]
    n_rows: int

    @property
    def rank(self) -> tuple[int, int, int, str, str]:
        """Order in which spellings are believed: most rows, accents, letters, then the text."""
        accents = sum(not letter.isascii() for letter in self.name)
        return (-self.n_rows, -accents, -len(self.key), self.key, self.name)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a name may mean; ``score`` is 0 to 100, None where no spelling was compared."""

    name: str
    suggested: str
    score: float | None
    why: str


def suggest(
    unsettled: Sequence[Unsettled],
    targets: Mapping[str, str],
    known: KnownTable,
    *,
    shared: Mapping[str, Iterable[str]],
    min_score: float,
) -> list[Suggestion]:
    """Suggest for each unsettled name up to three organisations that it may mean.

    Parameters
    ----------
    unsettled : sequence of Unsettled
        Names that nothing settles.
    targets : mapping
        Key → organisation, of every settled name and of the bundled table.
    known : KnownTable
        For names that begin with a known one.
    shared : mapping
        Key of an acronym → the organisations that share it.
    min_score : float
        Least normalised edit similarity, 0 to 100.
    """
    found: dict[tuple[str, str], Suggestion] = {}
    every = (
        *_shared(unsettled, shared),
        *_reordered(unsettled, targets),
        *_by_legal_form(unsettled),
        *_spelled(unsettled, targets, min_score=min_score),
        *_by_parts(unsettled, targets, known),
        *_by_initials(unsettled, targets),
    )
    for one in every:
        if one.name != one.suggested:
            found.setdefault((one.name, one.suggested), one)
    by_name: dict[str, list[Suggestion]] = {}
    for one in found.values():
        by_name.setdefault(one.name, []).append(one)
    return [
        suggestion
        for name in sorted(by_name)
        for suggestion in sorted(by_name[name], key=lambda s: (-(s.score or 0), s.suggested))[
            : max(_MOST, sum(s.score is None for s in by_name[name]))
        ]
    ]


def _shared(
    unsettled: Sequence[Unsettled], shared: Mapping[str, Iterable[str]]
) -> Iterator[Suggestion]:
    for one in unsettled:
        organisations = sorted(shared.get(one.key, ()))
        why = f"acronym that {len(organisations)} organisations share"
        for organisation in organisations:
            yield Suggestion(one.name, organisation, None, why)


def _reordered(unsettled: Sequence[Unsettled], targets: Mapping[str, str]) -> Iterator[Suggestion]:
    """Yield names of the same words in another order, or parted otherwise."""
    for form in (_sorted_words, _joined):
        held: dict[str, str] = {}
        for key in sorted(targets):
            held.setdefault(form(key), targets[key])
        for one in sorted(unsettled, key=lambda item: item.rank):
            first = held.setdefault(form(one.key), one.name)
            if first != one.name:
                why = "same words in another order" if form is _sorted_words else "same letters"
                yield Suggestion(one.name, first, 100.0, why)


def _by_legal_form(unsettled: Sequence[Unsettled]) -> Iterator[Suggestion]:
    first: dict[str, str] = {}
    for one in sorted(unsettled, key=lambda item: item.rank):
        held = first.setdefault(one.bare, one.name)
        if held != one.name:
            yield Suggestion(one.name, held, None, "same name, another legal form")


def _spelled(
    unsettled: Sequence[Unsettled], targets: Mapping[str, str], *, min_score: float
) -> Iterator[Suggestion]:
    """Yield near spellings: each pair once, from the spelling that is believed less."""
    ranked = sorted(unsettled, key=lambda item: item.rank)
    keys = [one.key for one in ranked] + sorted(targets)
    names = [one.name for one in ranked] + [targets[key] for key in sorted(targets)]
    fits = [_SHORTEST <= len(_joined(key)) <= _LONGEST for key in keys]
    order = sorted((i for i, fit in enumerate(fits) if fit), key=lambda i: len(_joined(keys[i])))
    joined = [_joined(keys[i]) for i in order]
    lengths = np.array([len(text) for text in joined], dtype=np.int64)
    # A similarity of s needs the longer text to have at most (200 - s) / s times the letters.
    ratio = (200.0 - min_score) / min_score if min_score > 0 else np.inf
    for start in range(0, len(joined), _BLOCK):
        block = joined[start : start + _BLOCK]
        reach = lengths[start + len(block) - 1] * ratio + 1e-9
        stop = int(np.searchsorted(lengths, reach, side="right"))
        scores = process.cdist(
            block, joined[start:stop], scorer=fuzz.ratio, score_cutoff=min_score, dtype=np.uint8
        )
        rows, columns = np.nonzero(np.triu(scores, 1))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            one, other = sorted((order[start + row], order[start + column]))
            # Both from the targets: nobody asks.
            if one >= len(ranked) or not _comparable(keys[one], keys[other]):
                continue
            score = round(fuzz.ratio(joined[start + row], joined[start + column]), 1)
            less, more = (one, other) if other >= len(ranked) else (other, one)
            yield Suggestion(names[less], names[more], score, "near spelling")


def _comparable(one: str, other: str) -> bool:
    """Say whether a near spelling means anything: numbers and countries are no slips."""
    if re.findall(r"\d+", one) != re.findall(r"\d+", other):
        return False
    ours, theirs = countries_in(one), countries_in(other)
    return not (ours and theirs and ours != theirs)


def _by_parts(
    unsettled: Sequence[Unsettled], targets: Mapping[str, str], known: KnownTable
) -> Iterator[Suggestion]:
    """Yield organisations that stand in brackets, beside a dash, or at the beginning of a name."""
    for one in unsettled:
        for part in one.parts:
            organisation = targets.get(part) or known.find(part)
            if organisation is not None:
                yield Suggestion(one.name, organisation, None, "part of the name")
        begun = next(known.prefixes(one.key), None)
        if begun is not None:
            yield Suggestion(one.name, begun[0], None, "begins with its name")


def _by_initials(
    unsettled: Sequence[Unsettled], targets: Mapping[str, str]
) -> Iterator[Suggestion]:
    spelled: dict[str, dict[str, None]] = {}
    listed = [(one.key, one.name) for one in sorted(unsettled, key=lambda item: item.rank)]
    for key, name in [*sorted(targets.items()), *listed]:
        for letters in initials(key) if " " in key else ():
            spelled.setdefault(letters, {})[name] = None
    for one in unsettled:
        if " " not in one.key:
            for name in list(spelled.get(one.key, ()))[:_MOST]:
                yield Suggestion(one.name, name, None, "its initials")


def _joined(key: str) -> str:
    return key.replace(" ", "")


def _sorted_words(key: str) -> str:
    return " ".join(sorted(key.split()))
