"""Slow and plain answers that the fast ones of ``harmonise`` are held against."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pandas as pd


def fold_plain(text: str) -> str:
    """Fold text of Latin letters one character at a time."""
    text = unicodedata.normalize("NFKD", text.casefold())
    kept = []
    for letter in text:
        if unicodedata.combining(letter) or letter in "'`’":
            continue
        kept.append(letter if letter.isalnum() else " ")
    return " ".join("".join(kept).split())


def degrees_plain(sign: int, degrees: int, minutes: int, seconds: float) -> float:
    """Add up an angle."""
    return sign * (degrees + minutes / 60 + seconds / 3600)


def date_plain(text: str, order: str) -> datetime | None:
    """Read a date of three numbers with the standard library alone."""
    layout = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y", "ymd": "%Y/%m/%d"}[order]
    try:
        return datetime.strptime(text, layout).replace(tzinfo=UTC)
    except ValueError:
        return None


def weights_plain(quantity: pd.Series, unit: pd.Series, grams: dict[str, float]) -> list[float]:
    """Multiply row by row."""
    pairs = zip(quantity, unit, strict=True)
    return [q * grams[u] / 1000 if u in grams else float("nan") for q, u in pairs]
