"""GPX: waypoints, routes and tracks as three layers."""

from __future__ import annotations

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

_LAYERS = {"waypoints": "wpt", "routes": "rte", "tracks": "trk"}
_TEXT = ("name", "cmt", "desc", "src", "type", "sym", "number")


def read_gpx(path: Path, data: bytes | None, options: Options) -> RawTable:
    """Read the waypoints, routes or tracks of a GPX file.

    Waypoints carry ``time`` and ``ele``; routes and tracks ``time_begin`` and ``time_end`` of
    their points. ``layer`` is ``"waypoints"``, ``"routes"`` or ``"tracks"``, needed where the
    file holds more than one of them.
    """
    root = parse_xml(read_regular(path) if data is None else data, path.name)
    if local(root) != "gpx":
        raise ReadError(f"{path.name}: found <{local(root)}>; expected <gpx>")
    layer = _choose(root, options.layer, path.name)
    elements = list(children(root, _LAYERS[layer]))
    frame = columns_of([_attributes(element) for element in elements])
    crs = settle_crs(CRS.from_epsg(4326), options.crs, name=path.name)
    geometry = gpd.GeoSeries(_geometries(elements, path.name), index=frame.index, crs=crs)
    table = gpd.GeoDataFrame(frame, geometry=geometry)
    return RawTable(table, FileFormat.GPX, path, crs=crs, notes=[f"layer {layer}"])


def _choose(root: Element, wanted: str | None, name: str) -> str:
    counts = {layer: sum(1 for _ in children(root, tag)) for layer, tag in _LAYERS.items()}
    there = [f"{layer} ({n})" for layer, n in counts.items() if n]
    if wanted is not None:
        if counts.get(wanted):
            return wanted
        raise ReadError(
            f"{name}: there is no layer {wanted!r}; there are: {', '.join(there) or 'none'}"
        )
    if len(there) > 1:
        raise ReadError(f"{name}: found {', '.join(there)}. Say which with layer=.")
    return next((layer for layer, n in counts.items() if n), "waypoints")


def _attributes(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {name: text(child(element, name)) for name in _TEXT}
    extensions = child(element, "extensions")
    for part in extensions.iter() if extensions is not None else ():
        if len(part) == 0 and text(part):
            found.setdefault(local(part), text(part))
    if local(element) == "wpt":
        found["time"] = text(child(element, "time"))
        found["ele"] = text(child(element, "ele"))
    else:
        times = [text(part) for part in element.iter() if local(part) == "time"]
        known = [time for time in times if time]
        found["time_begin"] = known[0] if known else None
        found["time_end"] = known[-1] if known else None
    return {name: value for name, value in found.items() if value is not None}


def _geometries(elements: list[Element], name: str) -> np.ndarray:
    built = np.full(len(elements), None, dtype=object)
    wrong: list[int] = []
    for position, element in enumerate(elements):
        try:
            built[position] = _geometry(element)
        except (ValueError, TypeError, ShapelyError):
            wrong.append(position + 1)
    if wrong:
        shown = ", ".join(map(str, wrong[:3]))
        raise ReadError(f"{name}: the positions of {len(wrong)} entries are damaged: {shown}")
    return built


def _geometry(element: Element) -> BaseGeometry | None:
    if local(element) == "wpt":
        return shapely.Point(_position(element))
    if local(element) == "rte":
        return _line([_position(point) for point in children(element, "rtept")])
    segments = [
        _line([_position(point) for point in children(segment, "trkpt")])
        for segment in children(element, "trkseg")
    ]
    lines: list[Any] = [segment for segment in segments if segment is not None]
    if len(lines) > 1 and all(line.geom_type == "LineString" for line in lines):
        return shapely.MultiLineString(lines)
    if len(lines) > 1:
        return shapely.GeometryCollection(lines)
    return next(iter(lines), None)


def _line(points: list[tuple[float, float]]) -> BaseGeometry | None:
    if len(points) == 1:
        return shapely.Point(points[0])
    return shapely.LineString(points) if points else None


def _position(point: Element) -> tuple[float, float]:
    return float(point.get("lon", "")), float(point.get("lat", ""))
