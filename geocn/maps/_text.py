"""Text and numbers on their way into a page: bounded, free of control codes, never markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

MAX_TEXT = 2_000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_HTML_SENSITIVE = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def plain_text(value: object, *, limit: int = MAX_TEXT) -> str:
    """Return ``value`` as text that a page may carry.

    Control codes and marks that turn the direction of writing (they can make a text look
    like another) become spaces; halves of a surrogate pair become "?"; what is longer than
    ``limit`` characters is cut and ends with an ellipsis.
    """
    text = str(value)
    cut = text[: limit + 1]
    cut = _CONTROL.sub(" ", cut).encode("utf-8", "replace").decode("utf-8").strip()
    return cut if len(text) <= limit else cut[: limit - 1] + "…"


def are_plain(texts: Iterable[Any], *, limit: int = MAX_TEXT) -> bool:
    """Say whether all are texts that :func:`plain_text` would leave as they are, none empty."""
    known = list(texts)
    if not known or not all(type(text) is str for text in known):
        return not known
    if "" in known or max(map(len, known)) > limit or [text.strip() for text in known] != known:
        return False
    whole = "\n".join(known)
    return not _CONTROL.search(whole) and whole.encode("utf-8", "replace").decode() == whole


def safe_json(value: Any) -> str:
    """Serialise ``value`` so that it can stand inside a script element as inert data.

    Raises
    ------
    ValueError
        Where a number is NaN or infinite: JSON has no word for it.
    """
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    for character, escaped in _HTML_SENSITIVE.items():
        text = text.replace(character, escaped)
    return text
