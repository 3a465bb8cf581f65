"""Where a row lies: its own geometry, its coordinates, or the place that it names."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.harmonise.gazetteer import country_codes
from geocn.harmonise.placeindex import PlaceIndex
from geocn.harmonise.places import PlaceResult, match_places
from geocn.layers.draft import Draft
from geocn.layers.geometry import right_type, set_geometry, take_geometry

_COORDINATE_ROLES = (
    "latitude", "longitude", "coordinates", "utm_zone", "easting", "northing", "mgrs", "x", "y",
)  # fmt: skip
_PLACE_ROLES = ("country", "admin", "place", "admin_code", "place_code")
#: Degrees around a country within which its events may lie: territorial waters and more.
_COUNTRY_MARGIN = 4.0
_WIDER = np.array([-1, -1, 1, 1]) * _COUNTRY_MARGIN
_MOST_UNMATCHED = 20


def fill_location(draft: Draft, *, areas: bool = False) -> None:
    """Give each row a geometry, and say how it was found and how precise it is.

    The file's geometries or coordinates come first; rows without them take the place
    that they name, where ``places`` were given. ``areas`` takes the matched polygon
    itself instead of a point inside it. What is unknown stays null.
    """
    for role in ("country", "admin", "place"):
        draft.columns[role] = draft.text(role)
    fill_own_geometry(draft)
    exact = ~shapely.is_missing(draft.geometry)
    how = np.where(exact, "coordinates", "none").astype(object)
    rows = draft.raw.frame.index
    draft.columns.setdefault("location_precision_m", pd.Series(np.nan, index=rows))
    draft.columns["admin_code"] = _reported_code(draft)
    found = pd.Series(how, index=rows, dtype="str")
    # A layer written by geocn and read again keeps how its places were found.
    draft.columns["place_match"] = draft.text("place_match").where(exact).fillna(found)
    _stated_precision(draft)
    if draft.request.places is not None:
        index = _index(draft)
        _refuse_swapped(draft, index)
        _match(draft, index, areas=areas)
    else:
        _refuse_swapped(draft, None)


def _stated_precision(draft: Draft) -> None:
    """Let a precision that the file states go before the one its digits suggest."""
    if draft.has("location_precision_m"):
        stated = draft.number("location_precision_m")
        draft.reject((stated < 0).to_numpy(), "negative location_precision_m")
        draft.columns["location_precision_m"] = stated.fillna(draft.columns["location_precision_m"])


def fill_own_geometry(draft: Draft) -> None:
    """Take the geometry or coordinates that the file itself holds."""
    if isinstance(draft.raw.frame, gpd.GeoDataFrame):
        take_geometry(draft)
        return
    roles = {r: draft.header.mapping[r] for r in _COORDINATE_ROLES if draft.has(r)}
    if not roles:
        return
    if _is_wkt(draft):
        _take_wkt(draft)
        return
    from geocn.harmonise.coordinates import parse_coordinates

    found = parse_coordinates(
        draft.raw.frame, roles, number_formats=draft.raw.number_formats, crs=draft.request.crs
    )
    draft.reject_each(found.problem, "coordinates")
    known = np.isfinite(found.lon) & np.isfinite(found.lat)
    points: ObjectArray = np.full(draft.n_rows, None, dtype=object)
    points[known] = shapely.points(found.lon[known], found.lat[known])
    draft.geometry = right_type(draft, points)
    precision = np.where(known, found.precision_m, np.nan)
    draft.columns["location_precision_m"] = pd.Series(precision, index=draft.raw.frame.index)
    draft.report["coordinates"] = found.format


def _is_wkt(draft: Draft) -> bool:
    if not draft.has("coordinates"):
        return False
    text = draft.text("coordinates").dropna()
    return bool(len(text)) and bool(
        text.str.match(r"(?i)\s*(?:srid=\d+;)?\s*(?:multi)?(?:point|linestring|polygon)").any()
    )


def _take_wkt(draft: Draft) -> None:
    text = draft.text("coordinates")
    given = text.notna().to_numpy()
    shapes: ObjectArray = np.full(draft.n_rows, None, dtype=object)
    shapes[given] = shapely.from_wkt(
        text[given].str.replace(r"(?i)^\s*srid=\d+;", "", regex=True).to_numpy(dtype=object),
        on_invalid="ignore",
    )
    unread = given & shapely.is_missing(shapes)
    draft.reject(unread, "geometry is not well-known text", text)
    if draft.raw.crs is None:
        draft.assume("well-known text was read as longitude and latitude; give crs= to override")
    set_geometry(draft, shapes, draft.raw.crs or "EPSG:4326")


def _reported_code(draft: Draft) -> pd.Series:
    place = draft.text("place_code")
    return place.fillna(draft.text("admin_code")).astype("str")


def _index(draft: Draft) -> PlaceIndex:
    places = draft.request.places
    return places if isinstance(places, PlaceIndex) else PlaceIndex.from_frame(places)


def _match(draft: Draft, index: PlaceIndex, *, areas: bool) -> None:
    """Match the rows that have no geometry of their own; name the code of those that have."""
    rows = shapely.is_missing(draft.geometry) & ~draft.rejected
    texts = pd.DataFrame({role: draft.text(role) for role in _PLACE_ROLES})[rows]
    result = match_places(
        texts,
        index,
        country=draft.request.options.get("country"),
        min_score=draft.request.options.get("min_score", 90.0),
    )
    draft.geometry[rows] = _shapes(result, index, areas=areas)
    for name, values in (
        ("admin_code", result.code),
        ("place_match", result.how),
        ("location_precision_m", result.precision_m),
    ):
        column = draft.columns[name].copy()
        column[rows] = values.to_numpy() if name != "admin_code" else values.fillna(column[rows])
        draft.columns[name] = column
    draft.report["places"] = _summary(result)


def _shapes(result: PlaceResult, index: PlaceIndex, *, areas: bool) -> ObjectArray:
    if not areas:
        points: ObjectArray = np.array(result.geometry, dtype=object)
        return points
    polygons = index.areas.geometry.to_numpy()
    shapes: ObjectArray = np.full(len(result.area), None, dtype=object)
    known = (result.area >= 0) & result.how.isin(["code", "name", "fuzzy"]).to_numpy()
    shapes[known] = polygons[result.area[known]]
    return shapes


def _summary(result: PlaceResult) -> dict[str, Any]:
    first = result.unmatched.head(_MOST_UNMATCHED)
    return {
        "n_rows": len(result.how),
        "match_rate": result.match_rate,
        "how": {str(how): int(n) for how, n in result.how.value_counts().items()},
        "contradictions": int((result.problem.notna() & result.how.eq("code")).sum()),
        "unmatched": first.to_dict("records"),
    }


def _refuse_swapped(draft: Draft, index: PlaceIndex | None) -> None:
    """Reject points that lie outside their country but inside it with the axes swapped.

    Rows that state no country are held against the extent of the places, where given.
    """
    points = (shapely.get_type_id(draft.geometry) == 0) & ~draft.rejected
    if not points.any():
        return
    default = draft.request.options.get("country")
    if default is None and index is not None and len(index.countries) == 1:
        default = index.countries[0]
    countries = country_codes(draft.columns["country"].fillna(default or ""))
    bounds = _country_bounds(countries)
    if index is not None:
        unknown = np.isnan(bounds).any(axis=1)
        bounds[unknown] = index.areas.total_bounds + _WIDER
    lon, lat = shapely.get_x(draft.geometry), shapely.get_y(draft.geometry)
    swapped = points & ~_inside(lon, lat, bounds) & _inside(lat, lon, bounds)
    draft.reject(swapped, "latitude and longitude look swapped: outside the country as given")
    polar = points & (lat < -60) & ~swapped
    draft.reject(polar, "latitude south of 60 degrees: the axes look swapped")


def _country_bounds(countries: pd.Series) -> FloatArray:
    """Bounds of each row's country with a margin; NaN where it is unknown."""
    from geocn.spatial.borders import load_countries

    table = np.full((len(countries), 4), np.nan)
    if countries.notna().any():
        frame = load_countries("50m")
        known = frame.set_index("iso_a3").geometry.bounds
        known = known[~known.index.duplicated()].reindex(countries)
        table = known.to_numpy(dtype=float) + _WIDER
    return table


def _inside(lon: FloatArray, lat: FloatArray, bounds: FloatArray) -> BoolArray:
    with np.errstate(invalid="ignore"):
        inside: BoolArray = (
            (lon >= bounds[:, 0])
            & (lat >= bounds[:, 1])
            & (lon <= bounds[:, 2])
            & (lat <= bounds[:, 3])
        )
    known = np.isfinite(bounds).all(axis=1)
    return inside & known
