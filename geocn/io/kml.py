"""KML placemarks: names, extended data, times and geometry; links are counted, never followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from geocn.errors import ReadError
from geocn.io.crs import settle_crs
from geocn.io.guard import FileFormat, read_regular
from geocn.io.records import columns_of
from geocn.io.table import Options, RawTable
from geocn.io.xml import child, children, local, parse_xml, text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SIMPLE = ("name", "description", "address", "phoneNumber")
_GEOMETRIES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiGeometry",
    "Track",
    "MultiTrack",
)


Folder = tuple[str, ...]


def read_kml(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read the placemarks of a KML file, one row each.

    Columns: ``name``, ``description``, ``folder`` (path of folder names), ``time``,
    ``time_begin``, ``time_end`` where given, and one for each name of the extended data.
    ``layer`` keeps only the placemarks of one folder.
    """
    root = parse_xml(read_regular(path) if data is None else data, path.name)
    if local(root) != "kml":
        raise ReadError(f"{path.name}: found <{local(root)}>; expected <kml>")
    placemarks = list(_placemarks(root, ()))
    if options.layer is not None:
        folders = sorted({folder[-1] for folder, _ in placemarks if folder})
        placemarks = [(f, p) for f, p in placemarks if f and f[-1] == options.layer]
        if not placemarks:
            raise ReadError(
                f"{path.name}: there is no folder {options.layer!r}; there are: "
                f"{', '.join(folders)}"
            )
    frame = columns_of([_attributes(folder, mark) for folder, mark in placemarks])
    crs = settle_crs(CRS.from_epsg(4326), options.crs, name=path.name)
    geometry = gpd.GeoSeries(
        _geometries([mark for _, mark in placemarks], path.name), index=frame.index, crs=crs
    )
    links = sum(local(element) == "NetworkLink" for element in root.iter())
    notes = [f"{links} network links were not followed"] if links else []
    table = gpd.GeoDataFrame(frame, geometry=geometry)
    return RawTable(table, FileFormat.KML, path, crs=crs, notes=notes)


def _placemarks(
    element: Element, folder: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Element]]:
    for part in element:
        if local(part) == "Placemark":
            yield folder, part
        elif local(part) in ("Document", "Folder"):
            name = text(child(part, "name")) if local(part) == "Folder" else None
            yield from _placemarks(part, (*folder, name) if name else folder)


def _attributes(folder: tuple[str, ...], mark: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in mark:
        name = local(part)
        if name in _SIMPLE:
            found[name] = text(part)
        elif name == "TimeStamp":
            found["time"] = text(child(part, "when"))
        elif name == "TimeSpan":
            found["time_begin"] = text(child(part, "begin"))
            found["time_end"] = text(child(part, "end"))
        elif name == "ExtendedData":
            found.update(_extended(part))
        elif name == "Track":
            whens = [text(when) for when in children(part, "when")]
            if whens:
                found["time_begin"], found["time_end"] = whens[0], whens[-1]
    if folder:
        found["folder"] = "/".join(folder)
    found.pop("geometry", None)
    return found


def _extended(data: Element) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for part in data.iter():
        name = part.get("name")
        if name and local(part) == "Data":
            found[name] = text(child(part, "value"))
        elif name and local(part) == "SimpleData":
            found[name] = text(part)
    return found


def _geometries(marks: list[Element], name: str) -> np.ndarray:
    built = np.full(len(marks), None, dtype=object)
    wrong: list[int] = []
    for position, mark in enumerate(marks):
        try:
            parts = [_geometry(part) for part in mark if local(part) in _GEOMETRIES]
        except (ValueError, IndexError, ShapelyError):
            wrong.append(position + 1)
            continue
        found = [part for part in parts if part is not None]
        built[position] = found[0] if found else None
    if wrong:
        shown = ", ".join(map(str, wrong[:3]))
        raise ReadError(f"{name}: the coordinates of {len(wrong)} placemarks are damaged: {shown}")
    return built


def _geometry(element: Element) -> BaseGeometry | None:
    kind = local(element)
    if kind == "Point":
        points = _coordinates(element)
        return shapely.Point(points[0]) if points else None
    if kind in ("LineString", "LinearRing"):
        points = _coordinates(element)
        return shapely.LineString(points) if points else None
    if kind == "Polygon":
        return _polygon(element)
    if kind == "Track":
        return _track(element)
    parts = [_geometry(part) for part in element if local(part) in _GEOMETRIES]
    return _merged([part for part in parts if part is not None])


def _polygon(element: Element) -> BaseGeometry | None:
    rings: dict[str, list[list[tuple[float, ...]]]] = {"outerBoundaryIs": [], "innerBoundaryIs": []}
    for boundary in element:
        for ring in children(boundary, "LinearRing"):
            if local(boundary) in rings:
                rings[local(boundary)].append(_coordinates(ring))
    outer = rings["outerBoundaryIs"]
    return shapely.Polygon(outer[0], rings["innerBoundaryIs"]) if outer else None


def _track(element: Element) -> BaseGeometry | None:
    points = [tuple(map(float, (part.text or "").split())) for part in children(element, "coord")]
    if len(points) == 1:
        return shapely.Point(points[0])
    return shapely.LineString(points) if points else None


def _merged(parts: list[BaseGeometry]) -> BaseGeometry | None:
    """Join the parts of a MultiGeometry into the simplest multi-part geometry."""
    if not parts:
        return None
    kinds = {part.geom_type for part in parts}
    joined: dict[str, Callable[[list[Any]], BaseGeometry]] = {
        "Point": shapely.MultiPoint,
        "LineString": shapely.MultiLineString,
        "Polygon": shapely.MultiPolygon,
    }
    if len(kinds) == 1 and (make := joined.get(next(iter(kinds)))):
        return make(parts)
    return shapely.GeometryCollection(parts)


def _coordinates(element: Element) -> list[tuple[float, ...]]:
    """Return the tuples of a ``coordinates`` element: longitude, latitude and perhaps height."""
    raw = text(child(element, "coordinates")) or ""
    points = [tuple(float(part) for part in item.split(",") if part) for item in raw.split()]
    if any(len(point) not in (2, 3) for point in points):
        raise ValueError("a coordinate tuple has not two or three numbers")
    flat = min((len(point) for point in points), default=2)
    return [point[:flat] for point in points]
