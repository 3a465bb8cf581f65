"""Areas or a gazetteer made ready for matching: codes, names, parents, countries, extents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, FloatArray
from geocn.errors import CRSError, PlaceError, SchemaError
from geocn.harmonise.gazetteer import country_code
from geocn.harmonise.placebook import NameBook
from geocn.harmonise.text import fold
from geocn.spatial.geodesy import distance_m

#: Radius given to a gazetteer point that brings no ``precision_m`` of its own.
POINT_PRECISION_M = 10_000.0
_NEAR_DEGREES = 0.5

_HEADERS: dict[str, tuple[str, ...]] = {
    "code": ("code", "admin_code", "pcode", "shapeid", "geocode", "id", "iso_3166_2"),
    "name": ("name", "place", "admin", "shapename", "nombre", "nom", "nome", "name_en"),
    "parent": ("parent", "adm1_name", "province", "state", "departamento", "region"),
    "country": ("country", "iso_a3", "adm0_a3", "iso3", "adm0_name", "gid_0", "shapegroup"),
}


@dataclass(frozen=True, slots=True)
class Extent:
    """A point inside a place and the radius around it within which all of the place lies."""

    point: Any
    radius_m: float


def extents(geometry: AnyArray) -> tuple[AnyArray, FloatArray]:
    """Return a point inside each geometry and the geodesic radius that holds the geometry.

    Parameters
    ----------
    geometry : array of shapely geometries
        In longitude and latitude.

    Returns
    -------
    points, radius_m : arrays
        The radius is the distance from the point to the farthest vertex; NaN for null
        and empty geometries.
    """
    points = shapely.point_on_surface(geometry)
    xy, row = shapely.get_coordinates(geometry, return_index=True)
    radius = np.full(len(geometry), np.nan)
    if len(xy):
        own = np.column_stack([shapely.get_x(points), shapely.get_y(points)])[row]
        metres = distance_m(own[:, 0], own[:, 1], xy[:, 0], xy[:, 1])
        starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
        radius[row[starts]] = np.maximum.reduceat(metres, starts)
    return points, radius


@dataclass(slots=True)
class PlaceIndex:
    """Places of one or more countries, ready to be asked by code and by name.

    Make one with :meth:`from_frame`; making it once and passing it to several
    ``read_…`` calls saves the work.
    """

    areas: gpd.GeoDataFrame
    points: AnyArray
    radius_m: FloatArray
    _books: dict[tuple[str, str], NameBook] = field(default_factory=dict)
    _parents: dict[str, NameBook] = field(default_factory=dict)
    _extents: dict[tuple[str, str], Extent] = field(default_factory=dict)
    _codes: dict[str, set[int]] = field(default_factory=dict)

    @classmethod
    def from_frame(
        cls,
        places: gpd.GeoDataFrame,
        *,
        code: str | None = None,
        name: str | None = None,
        parent: str | None = None,
        country: str | None = None,
    ) -> PlaceIndex:
        """Read an index from areas (polygons) or a gazetteer (points).

        Parameters
        ----------
        places : GeoDataFrame
            One row a place, with a CRS.
        code, name, parent : str, optional
            Columns; found by their usual headers where not given. ``parent`` is the
            division above (the department of a municipality).
        country : str, optional
            A column, or the name or code of the one country that all places lie in.
            Where neither is given nor found, each place belongs to the country whose
            polygon holds it.

        Raises
        ------
        CRSError
            Where the places have no CRS.
        SchemaError
            Where no column of names can be found.
        """
        if places.crs is None:
            raise CRSError(
                "places",
                found="no coordinate reference system",
                expected="places with a CRS",
                repair="Declare it: places.set_crs('EPSG:4326').",
            )
        given = {"code": code, "name": name, "parent": parent, "country": country}
        areas = _canonical(places.to_crs("EPSG:4326").reset_index(drop=True), given)
        points, radius = extents(areas.geometry.to_numpy())
        flat = shapely.get_type_id(areas.geometry.to_numpy()) == 0
        radius = np.where(flat, areas["precision_m"].to_numpy(), radius)
        index = cls(areas, points, radius)
        index._codes = _code_table(areas["code"])
        return index

    @property
    def countries(self) -> list[str]:
        """Countries (ISO codes where known) that the places lie in, sorted."""
        return sorted(set(self.areas["country"]))

    def has_parents(self, country: str) -> bool:
        """Say whether the places of a country are grouped by a division above them."""
        return len(self.parents(country).names) > 0

    def by_code(self, text: str) -> set[int]:
        """Return the positions that a code means, exact first, then without prefix and zeros."""
        clean = _clean_code(text)
        return self._codes.get(clean) or self._codes.get(_bare_code(clean), set())

    def by_exact_code(self, text: str) -> set[int]:
        """Return the positions whose code is exactly ``text`` (case and blanks aside)."""
        return self._codes.get(_clean_code(text), set())

    def parents(self, country: str) -> NameBook:
        """Return the book of the divisions above the places of one country ('' for all)."""
        if country not in self._parents:
            labels = sorted(set(self._rows(country)["parent"]) - {""})
            self._parents[country] = NameBook(range(len(labels)), labels)
        return self._parents[country]

    def book(self, country: str, parent: str = "") -> NameBook:
        """Return the book of names within a country ('' for all) and, if given, a parent."""
        key = (country, parent)
        if key not in self._books:
            rows = self._rows(country)
            if parent:
                rows = rows[rows["parent"] == parent]
            common = self.book(country).common if parent else None
            self._books[key] = NameBook(rows.index.tolist(), rows["name"].tolist(), common)
        return self._books[key]

    def extent(self, country: str, parent: str = "") -> Extent:
        """Return point and radius of a parent, or of a country ('' as parent).

        A country takes the bundled Natural Earth polygon, or else the extent of its places.
        """
        key = (country, parent)
        if key not in self._extents:
            extent = None if parent else country_extent(country)
            if extent is None:
                rows = self._rows(country)
                rows = rows[rows["parent"] == parent] if parent else rows
                extent = _extent(_union(rows.geometry.to_numpy()))
            self._extents[key] = extent
        return self._extents[key]

    def _rows(self, country: str) -> gpd.GeoDataFrame:
        return self.areas[self.areas["country"] == country] if country else self.areas


@lru_cache(maxsize=300)
def country_extent(country: str) -> Extent | None:
    """Return point and radius of a country of the bundled borders, or None."""
    shape = _country_polygons().get(country)
    return None if shape is None else _extent(shape)


def _extent(shape: Any) -> Extent:
    points, radius = extents(np.array([shape], dtype=object))
    return Extent(points[0], float(radius[0]))


@lru_cache(maxsize=1)
def _country_polygons() -> dict[str, Any]:
    from geocn.spatial.borders import load_countries

    frame = load_countries()
    return dict(zip(frame["iso_a3"], frame.geometry, strict=True))


def _union(geometry: AnyArray) -> Any:
    merged = shapely.union_all(shapely.make_valid(geometry))
    return merged.convex_hull if shapely.get_dimensions(merged) < 2 else merged


def _canonical(places: gpd.GeoDataFrame, given: dict[str, str | None]) -> gpd.GeoDataFrame:
    columns = _find_columns(list(places.columns.astype(str)), given)
    text = {
        role: _text(places[column]) if column else _blank(places)
        for role, column in columns.items()
        if role != "country"
    }
    fixed = given["country"] if given["country"] not in places.columns else None
    parents = text["parent"]
    if columns["country"]:
        country = _text(places[columns["country"]])
    elif fixed:
        country = pd.Series(fixed, index=places.index, dtype="str")
    elif (parents != "").any() and all(country_code(p) for p in parents.unique() if p):
        country, text["parent"] = parents, _blank(places)
    else:
        country = _country_of(places)
    canon = country.map({c: country_code(c) or fold(c) for c in country.unique()}).astype("str")
    precision = (
        places["precision_m"].astype(float)
        if "precision_m" in places
        else pd.Series(POINT_PRECISION_M, index=places.index)
    )
    data = {**text, "country": canon, "precision_m": precision}
    return gpd.GeoDataFrame(data, geometry=places.geometry, crs=places.crs)


def _find_columns(headers: Sequence[str], given: dict[str, str | None]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    lower = {header.lower(): header for header in headers}
    levels = sorted(int(m.group(1)) for h in lower if (m := re.fullmatch(r"adm(?:in)?(\d)_\w+", h)))
    if levels:
        lower |= _adm_headers(lower, levels[-1])
    for role, usual in _HEADERS.items():
        wanted = given[role]
        if wanted is not None and wanted not in headers and role != "country":
            raise SchemaError(
                "places",
                found=f"no column {wanted!r}",
                expected=f"one of {', '.join(headers)}",
                repair=f"Give {role}= the name of a column.",
            )
        if wanted is not None:
            found[role] = wanted if wanted in headers else None
        else:
            found[role] = next((lower[h] for h in usual if h in lower), None)
    if found["name"] is None:
        raise SchemaError(
            "places",
            found=f"columns {', '.join(headers)}",
            expected="a column of place names",
            repair="Say which: PlaceIndex.from_frame(places, name='…', code='…', parent='…').",
        )
    return found


def _adm_headers(lower: dict[str, str], level: int) -> dict[str, str]:
    """Headers of the humanitarian style: ADM2_PCODE, ADM2_ES, ADM1_ES."""
    usual: dict[str, str] = {}
    for header, original in lower.items():
        match = re.fullmatch(r"adm(?:in)?(\d)_?(\w+)", header)
        if not match or match.group(2) in {"type", "ref"}:
            continue
        n, kind = int(match.group(1)), match.group(2)
        if n == level:
            usual.setdefault("code" if kind == "pcode" else "name", original)
        elif n == level - 1 and kind != "pcode":
            usual.setdefault("country" if n == 0 else "parent", original)
    return usual


def _text(values: pd.Series) -> pd.Series:
    return values.astype("str").where(values.notna(), "").astype("str").str.strip()


def _blank(frame: pd.DataFrame) -> pd.Series:
    return pd.Series("", index=frame.index, dtype="str")


def _country_of(places: gpd.GeoDataFrame) -> pd.Series:
    """Country whose polygon holds each place, or lies nearest within half a degree."""
    polygons = _country_polygons()
    codes, shapes = list(polygons), list(polygons.values())
    tree = shapely.STRtree(shapes)
    inside = shapely.point_on_surface(places.geometry.to_numpy())
    usable = np.flatnonzero(~(shapely.is_missing(inside) | shapely.is_empty(inside)))
    found = np.full(len(places), "", dtype=object)
    row, shape = tree.query_nearest(inside[usable], max_distance=_NEAR_DEGREES, all_matches=False)
    found[usable[row]] = [codes[i] for i in shape]
    return pd.Series(found, index=places.index, dtype="str")


def _clean_code(text: str) -> str:
    return re.sub(r"\.0+$", "", text.strip()).upper()


def _bare_code(code: str) -> str:
    """'CO05001' and '05001' → '#5001'; other shapes of code have no bare form."""
    match = re.fullmatch(r"[A-Z]{0,3}0*(\d+)", code)
    return f"#{match.group(1)}" if match else ""


def _code_table(codes: pd.Series) -> dict[str, set[int]]:
    table: dict[str, set[int]] = {}
    for position, text in enumerate(codes):
        clean = _clean_code(text)
        for key in (clean, _bare_code(clean)):
            if key:
                table.setdefault(key, set()).add(position)
    doubled = [codes.iloc[min(p)] for key, p in table.items() if len(p) > 1 and key[0] != "#"]
    if doubled:
        raise PlaceError(
            "places",
            found=f"{len(doubled)} codes that stand twice, such as {doubled[0]!r}",
            expected="one place a code",
            repair="Dissolve the places by code, or give another code column.",
            rows=doubled,
        )
    return table
