"""What a brief says, in five languages: sentences, numbers, and where a place is."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn.maps._text import plain_text
from geocn.maps.page import RIGHT_TO_LEFT, catalogues
from geocn.spatial.crs import to_lonlat

# Between thousands, and before decimals.
_SIGNS = {"en": ",.", "es": ".,", "fr": "\u202f,", "pt": ".,", "ar": ",."}
_COMPASS = {"en": "NSEW", "es": "NSEO", "fr": "NSEO", "pt": "NSLO", "ar": "شجقغ"}
_LONGEST = 110
# Isolates keep a Latin name, or a date, from turning the Arabic around it and being turned.
_ISOLATES = ("\u2066{}\u2069", "\u2068{}\u2069")
_ARABIC = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")
_LARGE = 100


@lru_cache(maxsize=5)
def _sentences(language: str) -> dict[str, str]:
    path = files("geocn.project") / "i18n" / f"{language}.json"
    told: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return told


@dataclass(frozen=True)
class Words:
    """The words of one language.

    Example
    -------
    >>> Words("es").number(1234.5, digits=1), Words("en")("around", place="1 N")
    ('1.234,5', 'around 1 N')
    """

    language: str

    @property
    def is_rtl(self) -> bool:
        """Whether the language is read from the right."""
        return self.language in RIGHT_TO_LEFT

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with values filled in, each as plain text of a bounded length."""
        told = {name: self.plain(value) for name, value in values.items()}
        return _sentences(self.language)[key].format(**told)

    def plain(self, value: object, *, limit: int = _LONGEST) -> str:
        """Return a value as plain text of a bounded length that keeps its own direction."""
        text = plain_text(value, limit=limit)
        if not self.is_rtl or not text:
            return text
        return _ISOLATES[bool(_ARABIC.search(text))].format(text)

    def number(self, value: float | None, *, digits: int | None = None) -> str:
        """Return a number as the language writes it, an en dash for none.

        Parameters
        ----------
        value : float or None
            The number.
        digits : int, optional
            Decimals; by default as many as a reader needs.
        """
        if value is None or pd.isna(value):
            return "–"
        if math.isinf(value):
            return "∞"
        if digits is None:
            digits = 0 if float(value).is_integer() or abs(value) >= _LARGE else 1
            if 0 < abs(value) < 1:
                digits = 2
        thousands, point = tuple(_SIGNS[self.language])
        text = f"{value:,.{digits}f}"
        return text.translate({ord(","): thousands, ord("."): point})

    def ratio(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return a ratio and its interval; dashes where there is none."""
        low, high = row.get("ratio_low"), row.get("ratio_high")
        if row.get("ratio") is None or pd.isna(row["ratio"]) or low is None or pd.isna(low):
            return "–", "–"
        if high is None or math.isinf(high):
            return self.number(row["ratio"]), self("at_least", low=self.number(low))
        interval = self("to", low=self.number(low), high=self.number(high))
        return self.number(row["ratio"]), interval

    def percent(self, share: float) -> str:
        """Return a share in percent."""
        return f"{self.number(100 * share)}\u00a0%"

    def code(self, code: str) -> str:
        """Return the word for a code of a layer, such as a drug; the code without one."""
        found = catalogues()[self.language].get(f"code.{code}")
        return found if isinstance(found, str) else plain_text(code, limit=40).replace("_", " ")

    def layer(self, name: str) -> str:
        """Return the word for a layer."""
        return _sentences(self.language).get(f"layer.{name}", name)

    def places(self, frame: gpd.GeoDataFrame) -> list[str]:
        """Say where each row lies: a name, kilometres of a border, or the middle of a cell."""
        points = to_lonlat(frame, "changes").geometry.representative_point()
        rows = frame.to_dict("records")
        return [self._place(row, point) for row, point in zip(rows, points, strict=True)]

    def _place(self, row: Mapping[str, Any], point: Any) -> str:
        if "dyad" in row and "chainage_from_km" in row:
            ends = [self.number(row[f"chainage_{end}_km"], digits=0) for end in ("from", "to")]
            return self("segment", dyad=row["dyad"], **{"from": ends[0], "to": ends[1]})
        for name in ("name", "admin_code", "code"):
            if isinstance(row.get(name), str) and row[name]:
                return plain_text(row[name], limit=40)
        north, south, east, west = tuple(_COMPASS[self.language])
        latitude = f"{self.number(abs(point.y), digits=1)}° {north if point.y >= 0 else south}"
        longitude = f"{self.number(abs(point.x), digits=1)}° {east if point.x >= 0 else west}"
        return self("around", place=f"{latitude}, {longitude}")

    def sentences(self, frame: gpd.GeoDataFrame) -> pd.Series:
        """Return one sentence a row of a change table."""
        told = []
        for row, where in zip(frame.to_dict("records"), self.places(frame), strict=True):
            ratio, interval = self.ratio(row)
            values = {
                "where": where,
                "class": _sentences(self.language)[str(row["change_class"])],
                "before": self.number(row["n_before"]),
                "now": self.number(row["n_after"]),
            }
            told.append(
                self("words_none", **values)
                if ratio == "–"
                else self("words", **values, ratio=ratio, interval=interval)
            )
        return pd.Series(told, index=frame.index, dtype="str")
