"""Countries by name: English, Spanish, French and Portuguese spellings to ISO 3166-1 codes."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from importlib.resources import files

import pandas as pd

from geocn.harmonise.text import fold

_BRACKETS = re.compile(r"\([^)]*\)")


@lru_cache(maxsize=1)
def _spellings() -> tuple[dict[str, str], dict[str, str]]:
    """Return folded spelling → ISO code, and ISO code → English name."""
    spelling: dict[str, str] = {}
    english: dict[str, str] = {}
    text = (files("geocn.harmonise") / "data" / "countries.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        english[row["iso_a3"]] = row["name"]
        for name in (row["name"], *row["names"].split("|")):
            spelling.setdefault(fold(name), row["iso_a3"])
            spelling.setdefault(fold(name.replace("&", " and ")), row["iso_a3"])
        spelling[fold(row["iso_a3"])] = row["iso_a3"]
    for row in csv.DictReader(text.splitlines()):
        spelling.setdefault(fold(row["iso_a2"]), row["iso_a3"])
    return spelling, english


def country_code(text: str | None) -> str | None:
    """Return the ISO 3166-1 alpha-3 code of a country, or None where it is not one.

    Spellings in English, Spanish, French and Portuguese, inverted forms
    (``"Venezuela, Bolivarian Republic of"``), remarks in brackets and the codes
    themselves are understood, without regard to accents and case.

    Examples
    --------
    >>> country_code("BRÉSIL"), country_code("Iraq (Kurdistan Region)"), country_code("Narnia")
    ('BRA', 'IRQ', None)
    """
    if not text:
        return None
    spelling, _ = _spellings()
    for attempt in (text, _BRACKETS.sub(" ", text)):
        if (code := spelling.get(fold(attempt))) is not None:
            return code
    return None


def country_codes(values: pd.Series) -> pd.Series:
    """Return the ISO 3166-1 alpha-3 code of each country name; null where it is unknown.

    Examples
    --------
    >>> country_codes(pd.Series(["Perú", "Atlantis"])).tolist()
    ['PER', nan]
    """
    unique = pd.Series(values.dropna().unique(), dtype=object)
    codes = {text: country_code(str(text)) for text in unique}
    return values.map(codes).astype("str")


def country_name(iso_a3: str) -> str:
    """Return the English name of a country, or the code itself where it is unknown.

    Examples
    --------
    >>> country_name("COL")
    'Colombia'
    """
    return _spellings()[1].get(iso_a3, iso_a3)
