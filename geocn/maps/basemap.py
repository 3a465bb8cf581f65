"""The bundled basemap: Natural Earth, cut to what the map shows.

The world is there coarsely on every map; around the data the 1:10m land, borders and
first-level divisions lie over it. The page draws the rings of the land as coasts.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn.maps.columns import encode_column
from geocn.maps.geometry import encode_geometry
from geocn.maps.packing import Pack

Bounds = tuple[float, float, float, float]
_KINDS = ("border", "disputed", "division")
#: Square degrees beyond which the detailed basemap would weigh too much.
_MAX_DETAIL = 5_000.0
_MAX_DIVISION_LINES = 3_000.0
_MAX_LABELS = 500
#: Steps a degree of the packed basemap: 1.1 km for the coarse world, 110 m around the data,
#: each well within what it was generalised by.
_WORLD_STEPS, _DETAIL_STEPS = 100, 1_000


def _read(name: str) -> gpd.GeoDataFrame:
    with as_file(files("geocn.maps") / "assets" / "basemap" / f"{name}.parquet") as path:
        return gpd.read_parquet(path)


@lru_cache(maxsize=1)
def _labels() -> pd.DataFrame:
    with as_file(files("geocn.maps") / "assets" / "basemap" / "labels.parquet") as path:
        return pd.read_parquet(path)


@lru_cache(maxsize=1)
def world_block() -> str:
    """Return the coarse world as a block; it is the same on every map."""
    pack = Pack()
    land, lines = _read("world_land"), _read("world_lines")
    header = {
        "land": encode_geometry(land.geometry, pack, steps=_WORLD_STEPS),
        "lines": _lines(lines, pack, _WORLD_STEPS),
    }
    return pack.block(header)


def padded(bounds: Bounds | None, *, share: float = 0.35, least: float = 2.0) -> Bounds:
    """Return bounds widened by a share of their size, inside the world; the world for None."""
    if bounds is None:
        return (-180.0, -90.0, 180.0, 90.0)
    west, south, east, north = bounds
    dx, dy = max(least, share * (east - west)), max(least, share * (north - south))
    west, east = (round(max(-180.0, min(180.0, x)), 3) for x in (west - dx, east + dx))
    south, north = (round(max(-90.0, min(90.0, y)), 3) for y in (south - dy, north + dy))
    return west, south, east, north


def detail_block(bounds: Bounds | None) -> str:
    """Return countries, divisions and labels around ``bounds`` as a block."""
    pack = Pack()
    west, south, east, north = box = padded(bounds)
    area = (east - west) * (north - south)
    header: dict[str, Any] = {"box": None, "labels": _encode_labels(box, pack)}
    if area <= _MAX_DETAIL:
        land = _clipped(_read("land"), box)
        lines = _clipped(_read("lines"), box)
        if area > _MAX_DIVISION_LINES:
            lines = lines[lines["kind"] != "division"]
        header |= {
            "box": list(box),
            "land": encode_geometry(land.geometry, pack, steps=_DETAIL_STEPS),
            "lines": _lines(lines, pack, _DETAIL_STEPS),
        }
    return pack.block(header)


def _clipped(frame: gpd.GeoDataFrame, box: Bounds) -> gpd.GeoDataFrame:
    hits = frame.iloc[np.sort(frame.sindex.query(shapely.box(*box)))].copy()
    hits["geometry"] = shapely.clip_by_rect(hits.geometry.values, *box)
    return hits[~hits.geometry.is_empty]


def _lines(frame: gpd.GeoDataFrame, pack: Pack, steps: int) -> dict[str, Any]:
    found = {}
    for kind in _KINDS:
        rows = frame[frame["kind"] == kind]
        if len(rows):
            found[kind] = encode_geometry(rows.geometry, pack, steps=steps)
    return found


def _encode_labels(box: Bounds, pack: Pack) -> list[dict[str, Any]]:
    labels = _labels()
    west, south, east, north = box
    inside = labels["lon"].between(west, east) & labels["lat"].between(south, north)
    divisions = labels[inside & (labels["kind"] == "division")].head(_MAX_LABELS)
    chosen = pd.concat([labels[labels["kind"] == "country"], divisions])
    chosen = chosen.round({"lon": 2, "lat": 2})
    # a size only ranks the labels and bounds the view: two digits tell it
    digits = 10.0 ** (1 - np.floor(np.log10(np.maximum(chosen["size"], 1e-4))))
    chosen["size"] = np.round(chosen["size"] * digits) / digits
    names = ["kind", "iso_a2", "name", "size", "lon", "lat"]
    return [{"name": name, **encode_column(chosen[name], pack)} for name in names]


def outline(bounds: Bounds | None) -> gpd.GeoDataFrame:
    """Return the land around ``bounds`` for a map that is not sealed."""
    west, south, east, north = box = padded(bounds)
    detailed = (east - west) * (north - south) <= _MAX_DETAIL
    frame = _clipped(_read("land" if detailed else "world_land"), box)
    return frame[["geometry"]].reset_index(drop=True)
