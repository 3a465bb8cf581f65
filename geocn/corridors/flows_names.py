"""The places that seizures name, as nodes of a flow: countries, divisions, places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, ObjectArray
from geocn.harmonise.gazetteer import country_code
from geocn.harmonise.placeindex import PlaceIndex
from geocn.harmonise.places import match_places
from geocn.harmonise.text import distinct, fold, is_absent, spread
from geocn.spatial.borders import load_countries
from geocn.spatial.crs import has_geometry, to_lonlat

Level = Literal["country", "admin", "place"]

# A hyphen parts countries only between blanks: Guinea-Bissau is one.
_PARTS = re.compile(r"\s*(?:;|\||/|>|→|\s[-\u2013\u2014]+>?\s|\bvia\b)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Stops:
    """One stop of every row; the node is None where nothing is stated.

    Attributes
    ----------
    node, country : (n,) arrays of str or None
    is_guessed : (n,) array
        The name is not in any table, was matched by its spelling, or comes from coordinates.
    is_coarse : (n,) array
        Only the country is known where more was asked for.
    is_unknown : (n,) array
        The name is in no table; the node is the name as it was reported.
    """

    node: ObjectArray
    country: ObjectArray
    is_guessed: BoolArray
    is_coarse: BoolArray
    is_unknown: BoolArray


@dataclass(frozen=True)
class Name:
    """What one text means."""

    node: str | None = None
    country: str | None = None
    is_guessed: bool = False
    is_coarse: bool = False
    is_unknown: bool = False


class NameReader:
    """Reads names of countries and, where places are given, of places.

    Parameters
    ----------
    level : {"country", "admin", "place"}
    places : PlaceIndex, optional
    """

    def __init__(self, level: Level, places: PlaceIndex | None) -> None:
        self.level, self.places = level, places

    def read(self, values: pd.Series) -> Stops:
        """Read a column in which each text is one country or place."""
        codes, uniques = distinct(values)
        return _stops([spread(codes, names) for names in _columns(self.names(uniques))])

    def names(self, texts: ObjectArray) -> list[Name]:
        """Say what each of some texts means."""
        told = [self._country(str(text)) for text in texts]
        missing = [i for i, name in enumerate(told) if name.is_unknown]
        if self.places is not None and missing:
            asked = pd.DataFrame({"place": [str(texts[i]) for i in missing]})
            found = match_places(asked, self.places)
            areas = self.places.areas
            for i, area, how in zip(missing, found.area, found.how, strict=True):
                if area >= 0:
                    told[i] = self._place(areas.iloc[int(area)], is_guessed=how == "fuzzy")
        return told

    def _country(self, text: str) -> Name:
        if not text.strip() or is_absent(text):
            return Name()
        code = country_code(text)
        if code is not None:
            return Name(code, code, is_coarse=self.level != "country")
        return Name(text.strip(), None, is_guessed=True, is_unknown=True)

    def _place(self, area: pd.Series, *, is_guessed: bool) -> Name:
        country = area["country"] or None
        parent, name = str(area["parent"] or ""), str(area["name"] or "")
        if self.level == "country":
            return Name(country or name, country, is_guessed or country is None)
        if self.level == "admin":
            node = _joined(country, parent) if parent else _joined(country, name)
            return Name(node, country, is_guessed)
        return Name(str(area["code"] or "") or _joined(country, parent, name), country, is_guessed)

    def transit(self, text: str) -> list[Name]:
        """Split a text that may name several countries or places into them, in order.

        A text in which nothing is recognised is no list of stops: it gives none.
        """
        if country_code(text) is not None:
            return self.names(np.array([text], dtype=object))
        parts = [p for part in _PARTS.split(text) if part for p in _at_commas(part)]
        names = [name for name in self.names(np.array(parts, dtype=object)) if name.node]
        return [] if all(name.is_unknown for name in names) else names


def seizure_stops(seizures: pd.DataFrame, reader: NameReader) -> tuple[Stops, int]:
    """Read where each seizure was made; the number placed by coordinates comes along.

    Parameters
    ----------
    seizures : DataFrame or GeoDataFrame
        ``country``, ``admin``, ``place``, ``admin_code`` and geometry, where present.
    reader : NameReader
    """
    absent = pd.Series(None, index=seizures.index, dtype="str")
    text = {
        name: _stated(seizures[name]) if name in seizures else absent
        for name in ("country", "admin", "place", "admin_code", "place_match")
    }
    codes, uniques = distinct(text["country"])
    countries = NameReader("country", None).names(uniques)
    stops = _stops([spread(codes, names) for names in _columns(countries)])
    located = _locate(seizures, stops)
    if reader.level == "country":
        return stops, located
    country = pd.Series(stops.node, index=seizures.index, dtype=object).fillna("").astype("str")
    finer = _labels(country, text["admin"])
    coarse = text["admin"].isna()
    if reader.level == "place":
        finer = _labels(finer, text["place"])
        coarse = text["place"].isna()
        coded = text["admin_code"].notna()
        finer, coarse = text["admin_code"].fillna(finer), coarse & ~coded
        spelled = coded & text["place_match"].isin(["fuzzy", "parent"])
        stops.is_guessed[spelled.to_numpy(dtype=bool)] = True
    stops.node[:] = finer.to_numpy(dtype=object)
    stops.node[(finer == "").to_numpy(dtype=bool)] = None
    stops.is_coarse[:] = coarse.to_numpy(dtype=bool)
    return stops, located


def _locate(seizures: pd.DataFrame, stops: Stops) -> int:
    """Fill countries that are not stated from coordinates; count them."""
    if not isinstance(seizures, gpd.GeoDataFrame):
        return 0
    rows = np.flatnonzero(pd.isna(stops.node) & has_geometry(seizures))
    if not len(rows):
        return 0
    some = seizures.iloc[rows][[seizures.geometry.name]]
    points = shapely.point_on_surface(to_lonlat(some, "seizures").geometry.to_numpy())
    countries = load_countries("50m")
    row, area = shapely.STRtree(countries.geometry.to_numpy()).query(points, predicate="within")
    first = np.unique(row, return_index=True)[1]
    at = rows[row[first]]
    stops.node[at] = countries["iso_a3"].to_numpy(dtype=object)[area[first]]
    stops.country[at] = stops.node[at]
    stops.is_guessed[at] = True
    return len(at)


def _stated(values: pd.Series) -> pd.Series:
    texts = values.astype("str").where(values.notna(), None).astype("str")
    codes, uniques = distinct(texts)
    kept = [None if not str(t).strip() or is_absent(str(t)) else str(t).strip() for t in uniques]
    return pd.Series(spread(codes, kept), index=values.index, dtype="str")


def _labels(wider: pd.Series, name: pd.Series) -> pd.Series:
    """Join names to what they lie in; of several spellings the most frequent one stands."""
    full = (wider + "/" + name).fillna(wider)
    codes, uniques = distinct(full)
    keys = [fold(str(text).replace("/", " \u2044 ")) for text in uniques]
    counts = np.bincount(codes[codes >= 0], minlength=len(uniques))
    table = pd.DataFrame({"key": keys, "text": uniques, "n": counts})
    best = table.sort_values(["n", "text"], ascending=[False, True]).drop_duplicates("key")
    chosen = table["key"].map(best.set_index("key")["text"]).tolist()
    joined = pd.Series(spread(codes, chosen), index=full.index, dtype="str")
    return joined.str.strip("/")


def _joined(*names: str | None) -> str:
    return "/".join(name for name in names if name)


def _at_commas(text: str) -> list[str]:
    """Cut at commas, but keep the longest pieces that are a country ("Korea, Republic of")."""
    pieces, found = [piece.strip() for piece in text.split(",")], []
    while pieces:
        joins = list(accumulate(pieces, "{}, {}".format))
        longest = next((k for k in range(len(joins), 0, -1) if country_code(joins[k - 1])), 1)
        found.append(joins[longest - 1])
        pieces = pieces[longest:]
    return [text for text in found if text]


def _columns(names: list[Name]) -> list[list[object]]:
    return [
        [name.node for name in names],
        [name.country for name in names],
        [name.is_guessed for name in names],
        [name.is_coarse for name in names],
        [name.is_unknown for name in names],
    ]


def _stops(columns: list[ObjectArray]) -> Stops:
    node, country = (np.array(column, dtype=object) for column in columns[:2])
    flags = [np.array([bool(x) for x in column], dtype=bool) for column in columns[2:]]
    return Stops(node, country, *flags)
