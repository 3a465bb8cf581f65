"""GeoJSON (RFC 7946) read by our own parser: no driver, so nothing a file says opens anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError
from shapely.errors import ShapelyError
from shapely.geometry import shape

from geocn.errors import CRSError, ReadError
from geocn.io.crs import settle_crs
from geocn.io.guard import FileFormat, read_regular
from geocn.io.records import columns_of
from geocn.io.table import Options, RawTable
from geocn.io.text import decode

_TYPES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}
    | {"GeometryCollection"}
)
_RFC_CRS = "OGC:CRS84"
_SHOWN = 3
_UNBUILDABLE = (
    TypeError,
    ValueError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
    ShapelyError,
)


def read_geojson(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read a FeatureCollection, a Feature, a geometry, or one feature a line.

    Integers keep all their digits. A ``crs`` member that points to an address is refused.
    """
    decoded = decode(
        read_regular(path) if data is None else data, name=path.name, encoding=options.encoding
    )
    content, notes = _parse(decoded.data.decode("utf-8"), path.name)
    features = _features(content, path.name)
    frame = columns_of([_properties(feature) for feature in features])
    if "geometry" in frame.columns:
        frame = frame.rename(columns={"geometry": "geometry_property"})
        notes.append("a property is called geometry; read as geometry_property")
    stated = _stated_crs(content, path.name)
    crs = settle_crs(stated, options.crs, name=path.name) or CRS.from_user_input(_RFC_CRS)
    if stated is None and options.crs is None:
        notes.append("no CRS stated: longitude and latitude, as RFC 7946 says")
    geometry = gpd.GeoSeries(_geometries(features, path.name), index=frame.index, crs=crs)
    return RawTable(
        gpd.GeoDataFrame(frame, geometry=geometry),
        FileFormat.GEOJSON,
        path,
        encoding=decoded.encoding,
        crs=crs,
        notes=[*decoded.notes, *notes],
    )


def _parse(text: str, name: str) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ReadError(f"{name}: the JSON is nested beyond all measure") from error
    except ValueError as error:
        features = _lines(text)
        if features is None:
            raise ReadError(f"{name}: the JSON is damaged or was cut ({error})") from error
        notes.append("one feature a line")
        content = {"type": "FeatureCollection", "features": features}
    if not isinstance(content, dict):
        raise ReadError(f"{name}: found a JSON list or value; expected GeoJSON")
    return content, notes


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object; a key given twice would lose a value without a word."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} stands twice")
    return found


def _lines(text: str) -> list[Any] | None:
    """Parse newline-delimited GeoJSON; None where it is not that."""
    lines = [line.strip("\x1e \t\r") for line in text.split("\n")]
    lines = [line for line in lines if line]
    if len(lines) < 2 or not all(re.match(r'\{.*"type"', line[:400]) for line in lines):
        return None
    try:
        return [json.loads(line, object_pairs_hook=_object) for line in lines]
    except (ValueError, RecursionError):
        return None


def _features(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    kind = content.get("type")
    if kind == "FeatureCollection":
        features = content.get("features")
        if not isinstance(features, list):
            raise ReadError(f"{name}: the FeatureCollection has no list of features")
    elif kind == "Feature":
        features = [content]
    elif kind in _TYPES:
        features = [{"type": "Feature", "properties": {}, "geometry": content}]
    else:
        raise ReadError(f"{name}: found JSON of the type {kind!r}; expected GeoJSON")
    wrong = [
        i
        for i, feature in enumerate(features, start=1)
        if not isinstance(feature, dict)
        or feature.get("type") != "Feature"
        or not isinstance(feature.get("properties") or {}, dict)
    ]
    if wrong:
        raise ReadError(f"{name}: {_named(wrong)} of {len(features)} are not GeoJSON features")
    return features


def _named(positions: Sequence[int]) -> str:
    shown = ", ".join(map(str, positions[:_SHOWN]))
    more = ", …" if len(positions) > _SHOWN else ""
    return f"feature {shown}{more} ({len(positions)})"


def _properties(feature: Mapping[str, Any]) -> dict[str, Any]:
    properties = dict(feature.get("properties") or {})
    if "id" in feature and "id" not in properties:
        properties["id"] = feature["id"]
    return properties


def _geometries(features: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """Build all geometries; every feature whose geometry cannot be built is named."""
    points = _all_points(features)
    if points is not None:
        return points
    built = np.full(len(features), None, dtype=object)
    wrong: list[int] = []
    for position, feature in enumerate(features):
        content = feature.get("geometry")
        if content is None:
            continue
        try:
            built[position] = _geometry(content)
        except _UNBUILDABLE:
            wrong.append(position + 1)
    if wrong:
        raise ReadError(f"{name}: the geometry of {_named(wrong)} cannot be read as GeoJSON")
    return built


def _all_points(features: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
    """Build a layer of plain two-dimensional points in one step; None where it is not that."""
    contents: list[Any] = [feature.get("geometry") for feature in features]
    if not all(isinstance(c, dict) and c.get("type") == "Point" for c in contents):
        return None
    try:
        positions = np.array([content["coordinates"] for content in contents])
    except (KeyError, ValueError):
        return None
    if positions.dtype.kind not in "if" or positions.ndim != 2 or positions.shape[1] != 2:
        return None
    return np.asarray(shapely.points(positions.astype(np.float64)), dtype=object)


def _geometry(content: Any) -> Any:
    if content["type"] not in _TYPES:
        raise ValueError(content["type"])
    return shape(content)


def _stated_crs(content: Mapping[str, Any], name: str) -> CRS | None:
    """Return the CRS of the pre-RFC ``crs`` member, which must be a name and not an address."""
    member = content.get("crs")
    if member is None:
        return None
    stated = member.get("properties", {}).get("name") if isinstance(member, dict) else None
    if not isinstance(stated, str) or member.get("type") != "name":
        raise CRSError(
            name,
            found="a crs member that is not a plain name",
            expected='a name such as "urn:ogc:def:crs:OGC:1.3:CRS84"',
            repair="Export the layer again, or take the member out.",
        )
    try:
        return CRS.from_user_input(stated)
    except (ProjError, TypeError, ValueError) as error:
        raise CRSError(name, found=repr(stated)[:80], expected="a known CRS name") from error
