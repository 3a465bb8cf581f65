"""What stands in the title block of a planning map, and who may see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

from geocn.errors import ParameterError, SchemaError
from geocn.maps import page
from geocn.maps._text import plain_text
from geocn.sharing.marking import Marking

_TLP_CLASSES = {
    Marking.CLEAR: "tlp-clear",
    Marking.GREEN: "tlp-green",
    Marking.AMBER: "tlp-amber",
    Marking.AMBER_STRICT: "tlp-amber",
    Marking.RED: "tlp-red",
}


@dataclass(frozen=True, slots=True)
class TitleBlock:
    """Title, marking, cut-off, sources, limits and language, as plain text.

    Attributes
    ----------
    marking : Marking or str
        A TLP label, or any other marking.
    releasable_to, author : str
        Empty where not given.
    cutoff : str, optional
        Day of the information cut-off, ISO 8601.
    """

    title: str
    marking: Marking | str
    releasable_to: str
    cutoff: str | None
    sources: list[str]
    limits: list[str]
    author: str
    language: str

    @classmethod
    def of(
        cls,
        title: str,
        *,
        marking: str | Marking,
        releasable_to: str | None,
        as_of: Any,
        sources: Iterable[str],
        limits: Iterable[str],
        author: str | None,
        language: str,
    ) -> Self:
        """Check what was given and strip it of what is no plain text."""
        if language not in page.LANGUAGES:
            raise ParameterError(
                f"language={language!r}; choose one of {', '.join(page.LANGUAGES)}."
            )
        return cls(
            title=plain_text(title, limit=300),
            marking=_marking(marking),
            releasable_to=plain_text(releasable_to or "", limit=300),
            cutoff=_day(as_of),
            sources=[plain_text(text) for text in _several(sources)],
            limits=[plain_text(text) for text in _several(limits)],
            author=plain_text(author or "", limit=300),
            language=language,
        )

    def refuse_higher(self, frame: pd.DataFrame, layer: str) -> None:
        """Refuse a layer whose rows are marked above the map.

        Raises
        ------
        SchemaError
        """
        if not isinstance(self.marking, Marking) or "marking" not in frame:
            return
        known = frame["marking"].dropna()
        above = [label for label in known.unique() if Marking.parse(str(label)) > self.marking]
        higher = known[known.isin(above)]
        if len(higher):
            raise SchemaError(
                layer,
                found=f"rows marked up to {Marking.highest(higher)}",
                expected=f"nothing above the map's marking {self.marking}",
                rows=list(higher.index),
                repair="Release the layer first (geocn.sharing.release), or raise marking=.",
            )

    def config(self, bounds: tuple[float, float, float, float] | None) -> dict[str, Any]:
        """Return what the page reads; ``bounds`` are those it opens at."""
        tlp = isinstance(self.marking, Marking)
        return {
            "title": self.title,
            "marking": str(self.marking),
            "tlp": _TLP_CLASSES[self.marking] if tlp else "tlp-other",  # type: ignore[index]
            "caveat": self.releasable_to,
            "cutoff": self.cutoff,
            "sources": self.sources,
            "limits": self.limits,
            "author": self.author,
            "language": self.language,
            "languages": list(page.LANGUAGES),
            "right_to_left": list(page.RIGHT_TO_LEFT),
            "bounds": list(bounds) if bounds else None,
        }


def _marking(text: str | Marking) -> Marking | str:
    if isinstance(text, Marking):
        return text
    try:
        return Marking.parse(text)
    except ParameterError:
        other = plain_text(text, limit=120)
    if not other:
        raise ParameterError("marking is empty; write a TLP 2.0 label such as 'TLP:AMBER'.")
    return other


def _day(when: Any) -> str | None:
    if when is None:
        return None
    try:
        return pd.Timestamp(when).strftime("%Y-%m-%d")
    except (TypeError, ValueError) as error:
        raise ParameterError(f"as_of={when!r} is no date; write it as 2025-12-31.") from error


def _several(texts: Iterable[str] | str) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)
