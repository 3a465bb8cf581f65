"""Layers as vector tiles in one PMTiles file, which a web map reads by ranges."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pandas.api import types

from geocn._typing import StrPath
from geocn.errors import ParameterError, RejectedRowsWarning, SchemaError
from geocn.publish._storable import finite, replacing, storable
from geocn.publish.tiles_archive import Tile, archive, packed
from geocn.publish.tiles_encode import Attributes, geometry_bytes, layer_bytes, varint
from geocn.publish.tiles_geometry import Shapes, on_the_square, points_by_tile, shapes_by_tile

HIGHEST_ZOOM = 16
#: An archive has no more tiles: the world down to zoom 8 has 87,381.
MOST_TILES = 200_000
_POINT_COMMAND = b"\x09"
_KINDS = {"bool": "Boolean", "number": "Number", "text": "String"}
# Knuth, The Art of Computer Programming, vol. 3, section 6.4: multiplicative hashing spreads
# neighbouring rows, so that a tile too full is thinned evenly.
_SPREAD, _WORD = 2_654_435_761, 1 << 32


@dataclass
class _Layer:
    """A layer made ready: attributes, geometries, and what became of its rows by zoom."""

    name: str
    attributes: Attributes
    kinds: dict[str, str]
    shapes: Shapes
    drawn: dict[int, set[int]] = field(default_factory=dict)
    shown: dict[int, set[int]] = field(default_factory=dict)
    cut: dict[int, set[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Feature:
    """A feature of one tile: its layer and row, its size in the tile, its drawing."""

    layer: int
    row: int
    size: float
    shape: tuple[int, bytes]

    @property
    def order(self) -> tuple[float, int]:
        """Where a tile is too full, what comes last here is left out first."""
        return -self.size, self.row * _SPREAD % _WORD


def write_pmtiles(
    frames: Mapping[str, pd.DataFrame],
    path: StrPath,
    *,
    min_zoom: int = 0,
    max_zoom: int = 8,
    metadata: Mapping[str, Any] | None = None,
    attribution: str | None = None,
    max_tile_bytes: int = 500_000,
) -> Path:
    """Write layers as vector tiles into one PMTiles archive, replacing the file in one step.

    Each layer with a geometry becomes a layer of the tiles; frames without one are left
    out. The same frames give the same bytes.

    Parameters
    ----------
    frames : mapping of str to GeoDataFrame or DataFrame
        Frames by the name of their layer.
    path : path-like
        The ``.pmtiles`` file.
    min_zoom, max_zoom : int
        Levels to write, 0 to 16. A unit of a tile is 40,075 km / 2**zoom / 4096 at the
        equator: 38 m at zoom 8, 10 m at zoom 10. A viewer draws higher zooms from the last.
    metadata : mapping, optional
        Facts about the whole file, such as ``title``, ``marking`` and ``as_of``.
    attribution : str, optional
        What a viewer shows at the edge of the map; by default the marking.
    max_tile_bytes : int
        Most bytes of a compressed tile. A tile that would have more loses the smallest of
        its features, points evenly spread.

    Returns
    -------
    Path
        The file.

    Warns
    -----
    RejectedRowsWarning
        Where rows that have a geometry cannot be seen whole at ``max_zoom``.

    Raises
    ------
    ParameterError
        Where the zooms or the limit are out of range, or would take over 200,000 tiles.
    CRSError, CoordinateError, SchemaError
        Where a frame has no CRS, a coordinate is not on the globe, or a column stands twice.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Notes
    -----
    A feature's id is the number of its row, from 0. Whole numbers, numbers, flags and texts
    keep their type; times become ISO 8601 text; null and NaN are absent. What lies beyond
    latitude 85.05° is cut off or left out, as web maps end there. The archive's metadata
    hold under ``geocn`` what was given, and by layer and zoom how many rows are shown, are
    too small for that zoom, or were cut from a tile that was too full.

    Examples
    --------
    >>> import geopandas, tempfile
    >>> frame = geopandas.GeoDataFrame(
    ...     {"n": [1]}, geometry=geopandas.points_from_xy([-72], [4]), crs="EPSG:4326"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_pmtiles({"sites": frame}, folder + "/sites.pmtiles", max_zoom=4).name
    'sites.pmtiles'
    """
    if not 0 <= min_zoom <= max_zoom <= HIGHEST_ZOOM:
        raise ParameterError(
            f"zooms {min_zoom} to {max_zoom}: write 0 <= min_zoom <= max_zoom <= {HIGHEST_ZOOM}."
        )
    if max_tile_bytes < 1000:
        raise ParameterError(f"max_tile_bytes {max_tile_bytes}: at least 1000.")
    zooms = (min_zoom, max_zoom)
    layers = [made for name, frame in frames.items() if (made := _layer(frame, name)) is not None]
    tiles = dict(_tiles(layers, zooms, max_tile_bytes))
    told = dict(metadata or {})
    about = {
        "name": str(told.get("title") or Path(path).stem),
        "description": str(told.get("marking") or ""),
        "attribution": attribution if attribution is not None else str(told.get("marking") or ""),
        "type": "overlay",
        "format": "pbf",
        "vector_layers": [_described(layer, zooms) for layer in layers],
        "geocn": finite({**told, "layers": {one.name: _account(one, zooms) for one in layers}}),
    }
    data = archive(tiles, about, bounds=_bounds(layers), zooms=zooms)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    for layer in layers:
        _warn(layer, max_zoom)
    return Path(path)


def _layer(frame: pd.DataFrame, name: str) -> _Layer | None:
    active = getattr(frame, "active_geometry_name", None)
    if active is None:
        return None
    if not name:
        raise SchemaError("a layer", found="no name", expected="one", repair="Name it.")
    table = storable(frame, layer=name)
    shapes = on_the_square(gpd.GeoSeries(table[active]), layer=name)
    columns, kinds = [], {}
    for column in table.columns:
        if column != active:
            kind, cells = _cells(table[column])
            columns.append((str(column), cells))
            kinds[str(column)] = kind
    return _Layer(name, Attributes(columns), kinds, shapes)


def _cells(column: pd.Series) -> tuple[str, list[Any]]:
    """Return the kind of a column, and its values as a tile knows them."""
    if str(column.dtype) == "geometry":
        return "text", list(gpd.GeoSeries(column).to_wkt())
    if types.is_datetime64_any_dtype(column.dtype):
        text = [None if value is pd.NaT else value.isoformat() for value in column]
        return "text", [None if one is None else one.replace("+00:00", "Z") for one in text]
    if types.is_bool_dtype(column.dtype):
        kind = "bool"
    else:
        kind = "number" if types.is_numeric_dtype(column.dtype) else "text"
    values = column.astype(object)
    return kind, values.where(column.notna(), None).tolist()


def _tiles(
    layers: list[_Layer], zooms: tuple[int, int], limit: int
) -> Iterator[tuple[Tile, bytes]]:
    found: dict[Tile, list[_Feature]] = {}
    for number, layer in enumerate(layers):
        for tile, feature in _features(layer, number, zooms):
            found.setdefault(tile, []).append(feature)
            if len(found) > MOST_TILES:
                raise ParameterError(
                    f"{layer.name}: more than {MOST_TILES:,} tiles up to zoom {zooms[1]}. Large "
                    "areas fill four times as many with each zoom: lower max_zoom, or leave "
                    "the layer out."
                )
            layer.drawn.setdefault(tile[0], set()).add(feature.row)
    for tile in sorted(found):
        data, kept = _fitted(layers, found[tile], limit)
        if kept:
            yield tile, data
        held = {(one.layer, one.row) for one in kept}
        for one in found[tile]:
            part = layers[one.layer].shown if (one.layer, one.row) in held else None
            goes = layers[one.layer].cut if part is None else part
            goes.setdefault(tile[0], set()).add(one.row)


def _features(
    layer: _Layer, number: int, zooms: tuple[int, int]
) -> Iterator[tuple[Tile, _Feature]]:
    for zoom in range(zooms[0], zooms[1] + 1):
        for tile, units, rows in points_by_tile(layer.shapes, zoom):
            for (x, y), row in zip(units.tolist(), rows.tolist(), strict=True):
                drawing = _POINT_COMMAND + varint(x << 1) + varint(y << 1)
                yield tile, _Feature(number, row, 0.0, (1, drawing))
    for tile, shapes, rows in shapes_by_tile(layer.shapes, zooms):
        sizes = np.where(
            shapely.get_dimensions(shapes) == 2, shapely.area(shapes), shapely.length(shapes)
        )
        for shape, row, size in zip(shapes, rows.tolist(), sizes.tolist(), strict=True):
            drawn = None if shapely.is_empty(shape) else geometry_bytes(shape)
            if drawn is not None:
                yield tile, _Feature(number, row, size, drawn)


def _fitted(
    layers: list[_Layer], features: list[_Feature], limit: int
) -> tuple[bytes, list[_Feature]]:
    """Return a compressed tile within the limit, and the features that found room."""
    kept = features
    ranked: list[_Feature] = []
    while True:
        data = packed(_encoded(layers, kept))
        if len(data) <= limit or not kept:
            return data, kept
        ranked = ranked or sorted(features, key=lambda one: one.order)
        room = int(len(kept) * min(0.95 * limit / len(data), 0.9))
        inside = set(map(id, ranked[:room]))
        kept = [one for one in features if id(one) in inside]


def _encoded(layers: list[_Layer], features: list[_Feature]) -> bytes:
    parts = []
    for number, layer in enumerate(layers):
        mine = [one for one in features if one.layer == number]
        if mine:
            rows, shapes = [one.row for one in mine], [one.shape for one in mine]
            parts.append(layer_bytes(layer.name, layer.attributes, rows, shapes))
    return b"".join(parts)


def _described(layer: _Layer, zooms: tuple[int, int]) -> dict[str, Any]:
    fields = {name: _KINDS[kind] for name, kind in layer.kinds.items()}
    return {"id": layer.name, "fields": fields, "minzoom": zooms[0], "maxzoom": zooms[1]}


def _account(layer: _Layer, zooms: tuple[int, int]) -> dict[str, Any]:
    shapes = layer.shapes
    to_draw = len(shapes.drawn)
    by_zoom = {
        str(zoom): {
            "shown": len(layer.shown.get(zoom, ())),
            "too_small": to_draw - len(layer.drawn.get(zoom, ())),
            "cut_from_full_tiles": len(layer.cut.get(zoom, ())),
        }
        for zoom in range(zooms[0], zooms[1] + 1)
    }
    return {
        "rows": shapes.n_rows,
        "without_geometry": shapes.n_without,
        "beyond_the_map": shapes.n_beyond,
        "clipped_at_its_edge": shapes.n_clipped,
        "by_zoom": by_zoom,
    }


def _warn(layer: _Layer, zoom: int) -> None:
    told = _account(layer, (zoom, zoom))
    counts = {
        "lie beyond latitude 85.05°": told["beyond_the_map"],
        "are cut there": told["clipped_at_its_edge"],
        f"are too small for zoom {zoom}": told["by_zoom"][str(zoom)]["too_small"],
        "are cut from tiles that were too full": told["by_zoom"][str(zoom)]["cut_from_full_tiles"],
    }
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    if said:
        message = (
            f"{layer.name}: of {told['rows']:,} rows, {'; '.join(said)}. Raise max_zoom or "
            "max_tile_bytes to show more; the other formats hold them all."
        )
        warnings.warn(message, RejectedRowsWarning, stacklevel=3)


def _bounds(layers: list[_Layer]) -> tuple[float, float, float, float]:
    boxes = np.array([one.shapes.bounds for one in layers if np.isfinite(one.shapes.bounds).all()])
    if not len(boxes):
        return -180.0, -85.0, 180.0, 85.0
    low, high = boxes.min(axis=0), boxes.max(axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])
