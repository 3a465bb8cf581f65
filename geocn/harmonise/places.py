"""Place names and codes joined to areas or a gazetteer, with how and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import IntArray
from geocn.errors import ParameterError
from geocn.harmonise.gazetteer import country_code
from geocn.harmonise.placebook import Found
from geocn.harmonise.placeindex import Extent, PlaceIndex, country_extent
from geocn.harmonise.placenames import exact_keys
from geocn.harmonise.text import fold

ROLES = ("country", "admin", "place", "admin_code", "place_code")
Level = Literal["area", "parent", "country", "none"]


@dataclass(frozen=True, slots=True)
class PlaceResult:
    """What became of each row's place; every series carries the index of the input.

    Attributes
    ----------
    area : array of int
        Position in the places, -1 where only a parent or country, or nothing, is known.
    code, how, problem : Series of str
        Code of the area; ``code``, ``name``, ``fuzzy``, ``parent`` or ``none``; and what
        is wrong, null where nothing is.
    score : Series of float
        100 for codes and equal names, the similarity for fuzzy ones, NaN without a match.
    precision_m : Series of float
        Radius around the point within which the whole place lies.
    geometry : GeoSeries
        A point inside the place (longitude, latitude); null where nothing matched.
    unmatched : DataFrame
        ``country, admin, place, code, how, problem, n_rows`` of what reached no area, by
        frequency.
    """

    area: IntArray
    code: pd.Series
    how: pd.Series
    score: pd.Series
    precision_m: pd.Series
    geometry: gpd.GeoSeries
    problem: pd.Series
    unmatched: pd.DataFrame

    @property
    def match_rate(self) -> float:
        """Share of the rows that reached an area by code, name or spelling (NaN: no rows)."""
        reached = self.how.isin(["code", "name", "fuzzy"])
        return float(reached.mean()) if len(reached) else float("nan")


@dataclass(frozen=True, slots=True)
class _Match:
    """One answer: which area or which wider extent."""

    found: Found
    extent: Extent | None = None


def match_places(
    frame: pd.DataFrame,
    places: gpd.GeoDataFrame | PlaceIndex,
    *,
    columns: Mapping[str, str] | None = None,
    country: str | None = None,
    min_score: float = 90.0,
) -> PlaceResult:
    """Join rows that name a place to areas or a gazetteer.

    Codes come first; then names without accents, case, brackets and administrative
    words; then, only within the right parent, names that are part of an area's name and
    misspellings scored by rapidfuzz. A name that fits several areas matches none. What
    reaches no area falls back to its parent, then to its country, as ``parent``. A row of
    another country is never matched into the places' country.

    Parameters
    ----------
    frame : DataFrame
        Rows with text columns.
    places : GeoDataFrame or PlaceIndex
        Areas or points; see :meth:`geocn.harmonise.placeindex.PlaceIndex.from_frame`.
    columns : mapping, optional
        Role (``country, admin, place, admin_code, place_code``) → column of ``frame``;
        columns of those names are used where not given.
    country : str, optional
        Country of rows that state none; the places' own country where they have one only.
    min_score : float
        Least similarity of a misspelled name, 0 to 100.

    Returns
    -------
    PlaceResult
        The point given to a matched row stands for the whole area: its
        ``precision_m`` is the radius that holds the area, so that an analysis can
        spread or set aside such rows instead of piling them up on one point.

    Raises
    ------
    ParameterError
        Where a role is unknown or ``min_score`` is out of range.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> from shapely import Point
    >>> towns = gpd.GeoDataFrame(
    ...     {"name": ["Medellín"], "parent": ["Antioquia"], "country": ["COL"]},
    ...     geometry=[Point(-75.6, 6.2)], crs=4326)
    >>> rows = pd.DataFrame({"admin": ["ANTIOQUIA"], "place": ["Medelin"]})
    >>> match_places(rows, towns).how.tolist()
    ['fuzzy']
    """
    index = places if isinstance(places, PlaceIndex) else PlaceIndex.from_frame(places)
    texts = _texts(frame, columns, min_score)
    default = country_code(country) if country else _only(index.countries)
    groups = texts.groupby(list(ROLES), sort=False, dropna=False)
    number: IntArray = groups.ngroup().to_numpy().astype(np.int64)
    combos = texts.drop_duplicates(ignore_index=True)
    matcher = _Matcher(index, default or "", min_score)
    matcher.note_levels(combos)
    matches = [matcher.match(*row) for row in combos.itertuples(index=False, name=None)]
    return _result(frame.index, number, combos, matches, index)


def _texts(
    frame: pd.DataFrame, columns: Mapping[str, str] | None, min_score: float
) -> pd.DataFrame:
    roles = {role: role for role in ROLES} | dict(columns or {})
    if unknown := sorted(set(roles) - set(ROLES)):
        message = f"unknown roles {', '.join(unknown)}; choose from {', '.join(ROLES)}"
        raise ParameterError(message)
    if not 0 < min_score <= 100:
        message = f"min_score is {min_score}; expected more than 0 and at most 100"
        raise ParameterError(message)
    texts = {}
    for role in ROLES:
        if roles[role] in frame:
            values = frame[roles[role]]
            filled = values.astype("str").where(values.notna(), "").astype("str").str.strip()
        else:
            filled = pd.Series("", index=frame.index, dtype="str")
        texts[role] = filled
    return pd.DataFrame(texts, columns=list(ROLES)).reset_index(drop=True)


def _only(countries: list[str]) -> str | None:
    return countries[0] if len(countries) == 1 else None


class _Matcher:
    """Matches one combination of country, parent, name and codes at a time."""

    def __init__(self, index: PlaceIndex, default_country: str, min_score: float) -> None:
        self.index, self.default, self.min_score = index, default_country, min_score
        self.known = set(index.countries)
        self.codes = index.areas["code"].tolist()
        self.names = index.areas["name"].tolist()
        self.owner = index.areas["country"].tolist()
        self.other_level: set[str] = set()
        self.divisions: set[str] = set()

    def note_levels(self, combos: pd.DataFrame) -> None:
        """Note what level the places are of, where the rows tell.

        Where none of a country's reported divisions is a parent of the places, the
        division is of another level and says nothing about which parent is right. Where
        the places have no parents, they are divisions if more of the reported divisions
        than of the reported places bear their names.
        """
        parents: dict[str, bool] = {}
        votes: dict[str, int] = {}
        for role, vote in (("admin", 1), ("place", -1)):
            pairs = combos[["country", role]].drop_duplicates()
            for reported, text in pairs.itertuples(index=False, name=None):
                country = self._country(reported)
                if not text or (country and country not in self.known):
                    continue
                if not self.index.has_parents(country):
                    book = self.index.book(country)
                    hit = book.find(text, within_parent=False, min_score=100.0).how == "name"
                    votes[country] = votes.get(country, 0) + vote * hit
                elif role == "admin":
                    hit = bool(self._parent(country, text))
                    parents[country] = parents.get(country, False) or hit
        self.other_level = {country for country, any_hit in parents.items() if not any_hit}
        self.divisions = {country for country, vote in votes.items() if vote > 0}

    def match(
        self, reported: str, admin: str, place: str, admin_code: str, place_code: str
    ) -> _Match:
        country = self._country(reported)
        by_code = self._by_code(country, place, admin_code, place_code)
        if by_code is not None:
            return by_code
        if not any((reported, admin, place, admin_code, place_code)):
            return _Match(Found(problem="no place given"))
        if country in self.known or (not country and not reported):
            return self._by_name(country, admin, place)
        return self._wider(country, "", f"no places of {reported or 'this country'} were given")

    def _country(self, reported: str) -> str:
        """ISO code where known, else the folded text; the default where none is reported."""
        return (country_code(reported) or fold(reported)) if reported else self.default

    def _by_code(self, country: str, place: str, admin_code: str, place_code: str) -> _Match | None:
        attempts = [self.index.by_code(place_code)] if place_code else []
        if admin_code and not place_code:
            attempts.append(self.index.by_code(admin_code))
        elif admin_code:
            attempts.append(self.index.by_exact_code(admin_code))
        for level, found in enumerate(attempts):
            hits = {i for i in found if not country or self.owner[i] == country}
            if len(hits) == 1:
                (position,) = hits
                how = "parent" if level else "code"
                problem = "" if level else self._contradiction(position, place)
                return _Match(Found(position, how, 100.0, problem))
        return None

    def _contradiction(self, position: int, place: str) -> str:
        """Say so where another area bears the name that came with this area's code."""
        if not place or set(exact_keys(place)) & set(exact_keys(self.names[position])):
            return ""
        book = self.index.book(self.owner[position])
        other = book.find(place, within_parent=False, min_score=self.min_score)
        if other.position in (-1, position) or other.how != "name":
            return ""
        return f"code means {self.names[position]}, name means {self.names[other.position]}"

    def _by_name(self, country: str, admin: str, place: str) -> _Match:
        if not self.index.has_parents(country) or country in self.other_level:
            return self._in_country(country, admin, place)
        parent = self._parent(country, admin) if admin else ""
        if admin and not parent:
            problem = "division not found"
            return self._wider(country, "", problem)
        if not place or fold(place) == fold(admin):
            exact = self._find(country, parent, place) if place and parent else Found()
            if exact.how == "name":
                return _Match(exact)
            return self._wider(country, parent, "only the division is known")
        found = self._find(country, parent, place)
        if found.position >= 0:
            return _Match(found)
        return self._wider(country, parent, found.problem)

    def _in_country(self, country: str, admin: str, place: str) -> _Match:
        """Match where the places have no parents: the country is the parent."""
        sure = bool(country) and not self.index.has_parents(country)
        book = self.index.book(country)
        if country in self.divisions and admin:
            found = book.find(admin, within_parent=sure, min_score=self.min_score)
            if found.position < 0:
                return self._wider(country, "", "division not found")
            if place and not set(exact_keys(place)) & set(exact_keys(self.names[found.position])):
                found = Found(found.position, "parent", found.score, "only the division is known")
            return _Match(found)
        if not place:
            return self._wider(
                country, "", "only the division is known" if admin else "country only"
            )
        # The name of a town may begin with that of a division: only the whole name will do.
        sure = sure and country not in self.divisions
        found = book.find(place, within_parent=sure, min_score=self.min_score)
        return _Match(found) if found.position >= 0 else self._wider(country, "", found.problem)

    def _find(self, country: str, parent: str, place: str) -> Found:
        book = self.index.book(country, parent)
        return book.find(place, within_parent=bool(parent), min_score=self.min_score)

    def _parent(self, country: str, admin: str) -> str:
        book = self.index.parents(country)
        hit = book.find(admin, within_parent=True, min_score=self.min_score)
        return str(book.names[hit.position]) if hit.position >= 0 else ""

    def _wider(self, country: str, parent: str, problem: str) -> _Match:
        """Fall back to the parent's or the country's extent."""
        known = country in self.known
        extent = self.index.extent(country, parent) if known else country_extent(country)
        if extent is None:
            return _Match(Found(problem=problem))
        return _Match(Found(-1, "parent", float("nan"), problem), extent)


def _result(
    rows: pd.Index, number: IntArray, combos: pd.DataFrame, matches: list[_Match], index: PlaceIndex
) -> PlaceResult:
    area = np.array([m.found.position for m in matches], dtype=np.int64)
    points: list[Any] = [m.extent.point if m.extent else None for m in matches]
    radius = np.array([m.extent.radius_m if m.extent else np.nan for m in matches], dtype=float)
    for i in np.flatnonzero(area >= 0):
        points[i], radius[i] = index.points[area[i]], index.radius_m[area[i]]
    codes = index.areas["code"].tolist()
    table = pd.DataFrame(
        {
            "code": pd.Series([codes[i] or None if i >= 0 else None for i in area], dtype="str"),
            "how": pd.Series([m.found.how for m in matches], dtype="str"),
            "score": [m.found.score if m.found.position >= 0 else np.nan for m in matches],
            "precision_m": radius,
            "problem": pd.Series([m.found.problem or None for m in matches], dtype="str"),
        }
    )
    per_row = table.take(number).set_axis(rows, axis=0)
    geometry = np.empty(len(points), dtype=object)
    geometry[:] = points
    return PlaceResult(
        area=area[number],
        code=per_row["code"],
        how=per_row["how"],
        score=per_row["score"],
        precision_m=per_row["precision_m"],
        geometry=gpd.GeoSeries(geometry[number], index=rows, crs="EPSG:4326"),
        problem=per_row["problem"],
        unmatched=_unmatched(combos, table, number),
    )


def _unmatched(combos: pd.DataFrame, table: pd.DataFrame, number: IntArray) -> pd.DataFrame:
    code = combos["place_code"].where(combos["place_code"] != "", combos["admin_code"])
    report = combos[["country", "admin", "place"]].assign(
        code=code,
        how=table["how"],
        problem=table["problem"],
        n_rows=np.bincount(number, minlength=len(combos)),
    )
    missed = report[~table["how"].isin(["code", "name", "fuzzy"])]
    return missed.sort_values("n_rows", ascending=False, kind="stable", ignore_index=True)
