"""What is told of a layer beside its rows: marking, cut-off, sources and method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from geocn.provenance import KEY

#: Under this key of ``attrs`` a run states title, marking, cut-off and period of the whole.
ABOUT = "about"


def sources_of(frame: pd.DataFrame) -> list[str]:
    """Return the sources that the rows name, sorted."""
    if "source" not in frame:
        return []
    return sorted(str(name) for name in frame["source"].dropna().unique())


def facts_of(data: Any) -> dict[str, str]:
    """Return what ``attrs`` and rows tell of a layer or raster, as text by word.

    The words are ``title``, ``marking``, ``cut_off``, ``period``, ``sources`` and ``method``;
    what is not told is not there.
    """
    attrs: Mapping[Any, Any] = data.attrs
    about, made = attrs.get(ABOUT), attrs.get(KEY)
    facts: dict[str, Any] = {}
    if isinstance(about, Mapping):
        keys = {"title": "title", "marking": "marking", "as_of": "cut_off", "period": "period"}
        facts = {word: about.get(key) for key, word in keys.items()}
    if isinstance(data, pd.DataFrame):
        facts["sources"] = ", ".join(sources_of(data))
    if isinstance(made, Mapping):
        facts["method"] = made.get("method")
    return {word: str(fact) for word, fact in facts.items() if fact}


def sentence(facts: Mapping[str, str]) -> str:
    """Put facts on one line: ``TLP:GREEN · information cut-off 2025-12-31 · …``."""
    words = {
        "title": "{}",
        "marking": "{}",
        "cut_off": "information cut-off {}",
        "period": "period {}",
        "sources": "sources: {}",
        "method": "made by geocn {}",
    }
    return " · ".join(words[word].format(facts[word]) for word in words if word in facts)
