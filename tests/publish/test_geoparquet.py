"""GeoParquet 1.1: valid metadata, a covering, and row groups that a box can skip."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import jsonschema
import numpy as np
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pyproj
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from geocn.errors import ParameterError
from geocn.publish import write_geoparquet
from geocn.publish._order import hilbert_order
from tests.zoo import GEOMETRIES, points

_PROJJSON = "https://proj.org/schemas/v0.7/projjson.schema.json"


def _path_to(corner: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": [{"type": "string"}, {"const": corner}],
        "additionalItems": False,
    }


_CORNERS = ("xmin", "xmax", "ymin", "ymax")
_COLUMN = {
    "type": "object",
    "required": ["encoding", "geometry_types"],
    "properties": {
        "encoding": {"const": "WKB"},
        "geometry_types": {
            "type": "array",
            "uniqueItems": True,
            "items": {"pattern": "^(GeometryCollection|(Multi)?(Point|LineString|Polygon))( Z)?$"},
        },
        "crs": {"oneOf": [{"$ref": _PROJJSON}, {"type": "null"}]},
        "edges": {"enum": ["planar", "spherical"]},
        "orientation": {"const": "counterclockwise"},
        "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
        "epoch": {"type": "number"},
        "covering": {
            "type": "object",
            "required": ["bbox"],
            "properties": {
                "bbox": {
                    "type": "object",
                    "required": list(_CORNERS),
                    "properties": {corner: _path_to(corner) for corner in _CORNERS},
                }
            },
        },
    },
}
#: What https://geoparquet.org/releases/v1.1.0/ asks of the metadata, as a JSON schema.
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["version", "primary_column", "columns"],
    "properties": {
        "version": {"const": "1.1.0"},
        "primary_column": {"type": "string", "minLength": 1},
        "columns": {
            "type": "object",
            "minProperties": 1,
            "patternProperties": {".+": _COLUMN},
            "additionalProperties": False,
        },
    },
}


def geo_of(path: Path) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    text = pq.read_schema(path).metadata[b"geo"]
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def check_geo(path: Path) -> dict[str, Any]:
    """Hold the metadata against the specification, and its CRS against PROJ's own schema."""
    projjson = json.loads(
        Path(pyproj.datadir.get_data_dir().split(":")[0], "projjson.schema.json").read_text()
    )
    registry = Registry().with_resource(_PROJJSON, Resource.from_contents(projjson))
    geo = geo_of(path)
    jsonschema.Draft7Validator(SCHEMA, registry=registry).validate(geo)
    return geo


def grid(n: int = 40_000) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-80, -60, n), rng.uniform(-10, 10, n)
    return gpd.GeoDataFrame({"n": np.arange(n)}, geometry=gpd.points_from_xy(x, y), crs=4326)


@pytest.mark.parametrize(
    "crs", ["EPSG:4326", "OGC:CRS84", "EPSG:3857", "ESRI:54009", "+proj=laea +lat_0=5 +lon_0=-75"]
)
def test_metadata_are_valid(crs: str, tmp_path: Path) -> None:
    frame = points("polygon", "line", "point_z", "null").set_crs(crs, allow_override=True)
    geo = check_geo(write_geoparquet(frame, tmp_path / "a.parquet"))
    covering = geo["columns"]["geometry"]["covering"]["bbox"]
    assert covering == {corner: ["bbox", corner] for corner in _CORNERS}


@pytest.mark.parametrize("names", [(), ("null",), ("empty_point", "null"), ("infinite",)])
def test_metadata_are_valid_without_a_place(names: tuple[str, ...], tmp_path: Path) -> None:
    frame = points(*names) if names else points("point").iloc[:0]
    path = write_geoparquet(frame, tmp_path / "a.parquet", order="hilbert")
    check_geo(path)
    assert gpd.read_parquet(path)["id"].tolist() == list(names)


def test_a_box_touches_few_row_groups(tmp_path: Path) -> None:
    frame, box = grid(), (-71.0, -1.0, -69.0, 1.0)
    asked = (
        (pads.field("bbox", "xmin") <= box[2])
        & (pads.field("bbox", "ymin") <= box[3])
        & (pads.field("bbox", "xmax") >= box[0])
        & (pads.field("bbox", "ymax") >= box[1])
    )
    touched = {}
    for order in ("kept", "hilbert"):
        path = tmp_path / f"{order}.parquet"
        write_geoparquet(frame, path, order=order, row_group_rows=1000)  # type: ignore[arg-type]
        assert pq.ParquetFile(path).num_row_groups == 40
        (fragment,) = pads.dataset(path).get_fragments()
        touched[order] = len(fragment.subset(asked).row_groups)
        inside = frame.cx[box[0] : box[2], box[1] : box[3]]
        read = gpd.read_parquet(path, bbox=box)
        assert sorted(read["n"]) == sorted(inside["n"])
        # every row group states the least and the greatest of each corner
        metadata = pq.ParquetFile(path).metadata
        columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
        corners = [c for c in columns if c.path_in_schema.startswith("bbox.")]
        assert len(corners) == 4
        assert all(c.statistics is not None and c.statistics.has_min_max for c in corners)
    assert touched["kept"] == 40
    assert touched["hilbert"] <= 4


def test_sorting_is_stable_and_leaves_the_unplaced_last() -> None:
    frame = points("line", "null", "point", "empty_polygon", "point", "not_a_number")
    order = hilbert_order(frame).tolist()
    assert order[3:] == [1, 3, 5]
    assert order.index(2) < order.index(4)


@given(st.lists(st.sampled_from(sorted(GEOMETRIES)), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_sorting_keeps_every_row_once(names: list[str]) -> None:
    frame = points(*names) if names else points("point").iloc[:0]
    order = hilbert_order(frame)
    assert sorted(order.tolist()) == list(range(len(frame)))
    steps = [math.inf if n in {"null"} else 0 for n in frame["id"].iloc[order]]
    assert steps == sorted(steps)


def test_order_and_groups_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="order='up'"):
        write_geoparquet(points("point"), tmp_path / "a.parquet", order="up")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="row_group_rows=0"):
        write_geoparquet(points("point"), tmp_path / "a.parquet", row_group_rows=0)
