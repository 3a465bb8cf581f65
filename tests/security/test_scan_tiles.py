"""Vector tiles and the bundled basemap: what is told there is found, and nothing else."""

from __future__ import annotations

import gzip
import json
import struct

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.maps import PlanningMap
from geocn.publish import write_pmtiles
from geocn.sharing import scan
from geocn.sharing.scan_bundled import DETAIL_STEPS, WORLD_STEPS, is_bundled
from geocn.sharing.scan_bundled import _vertices as bundled
from geocn.sharing.scan_tiles import pmtiles_parts, tile_of, varints
from geocn.sharing.scan_watch import watch_list

HERE = (-76.612345, 2.441234)
WITHHELD = gpd.GeoDataFrame(
    {"seizure_id": ["SZ-00017"], "weight_kg": [41.234567891]},
    geometry=gpd.points_from_xy([HERE[0]], [HERE[1]]),
    crs="EPSG:4326",
)


def frame(places, **columns) -> gpd.GeoDataFrame:
    xy = np.array(places, dtype=float)
    made = gpd.points_from_xy(*xy.T)
    return gpd.GeoDataFrame({"n": range(len(xy)), **columns}, geometry=made, crs="EPSG:4326")


def shown(n: int = 200) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(3)
    return frame(np.column_stack([rng.uniform(-78, -74, n), rng.uniform(1, 5, n)]), name="Salud")


def tiles(made, tmp_path, **options):
    return write_pmtiles({"sites": made}, tmp_path / "layers.pmtiles", **options)


def kinds(report) -> set[str]:
    return {hit.kind for hit in report.hits}


def test_clean_tiles_are_clean(tmp_path) -> None:
    report = scan(tiles(shown(), tmp_path), WITHHELD)
    assert report.clean, report.summary()


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("id", {"remark": "see SZ-00017"}),
        ("number", {"kg": 41.234567891}),
        ("place", {"remark": "post at -76.61234, 2.44123"}),
        ("place", {"east": HERE[0], "north": HERE[1]}),
    ],
)
def test_attributes_are_read(kind, columns, tmp_path) -> None:
    made = shown().assign(**dict.fromkeys(columns))
    for name, value in columns.items():
        made[name] = made[name].astype(object)
        made.loc[7, name] = value
    made = made.infer_objects()
    report = scan(tiles(made, tmp_path), WITHHELD)
    assert kind in kinds(report)
    assert not report.not_scanned
    assert all(" › tile " in f" › {hit.path}" for hit in report.hits)


def test_names_of_layers_and_metadata_are_read(tmp_path) -> None:
    path = write_pmtiles({"SZ-00017": shown()}, tmp_path / "a.pmtiles")
    paths = {hit.path.split(" › ")[-1] for hit in scan(path, WITHHELD).hits}
    assert "names" in paths
    path = tiles(shown(), tmp_path, metadata={"title": "About SZ-00017"})
    assert {hit.path.split(" › ")[0] for hit in scan(path, WITHHELD).hits} == {"metadata"}


@pytest.mark.parametrize("zoom", [8, 10, 14])
def test_points_and_vertices_are_places(zoom, tmp_path) -> None:
    points = pd.concat([shown(5), frame([HERE])])
    report = scan(tiles(points, tmp_path, min_zoom=zoom, max_zoom=zoom), WITHHELD)
    assert kinds(report) == {"place"}
    corner = np.array(HERE)
    line = corner + np.array([(0, 0), (0.3, 0.1), (0.1, 0.4)])
    for shape in ("LINESTRING", "POLYGON"):
        told = ", ".join(f"{x} {y}" for x, y in [*line, line[0]])
        wkt = f"{shape} ({told})" if shape == "LINESTRING" else f"{shape} (({told}))"
        one = gpd.GeoDataFrame(geometry=gpd.GeoSeries.from_wkt([wkt]), crs="EPSG:4326")
        path = tiles(one, tmp_path, min_zoom=zoom, max_zoom=zoom)
        assert kinds(scan(path, WITHHELD)) == {"place"}


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 179.99), st.floats(-84, 84), st.integers(8, 14))
def test_a_point_is_found_wherever_it_lies(lon, lat, zoom) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = write_pmtiles(
            {"a": frame([(lon, lat)])}, f"{folder}/a.pmtiles", min_zoom=zoom, max_zoom=zoom
        )
        found = [part for _, part in pmtiles_parts(path.read_bytes(), 1 << 20)]
    places = watch_list(frame([(lon, lat)])[["geometry"]]).places
    vertices = [one for one in found if hasattr(one, "precision_m")]
    assert len(vertices) == 1
    told = vertices[0]
    assert len(places.in_tiles(told.lon, told.lat, told.precision_m)) == (abs(lon) + abs(lat) > 0)
    # Half the side of a unit is the least that could be told; 1.5 diagonals are the most.
    assert told.precision_m[0] < 1.1 * 40_075_017 / 2**zoom / 4096


def test_what_a_released_place_explains_is_no_leak(tmp_path) -> None:
    """At zoom 8 two places 20 m apart are one."""
    path = tiles(frame([HERE]), tmp_path)
    near = frame([(HERE[0] + 0.00018, HERE[1])])
    assert not scan(path, near[["geometry"]]).clean
    assert scan(path, near[["geometry"]], released=frame([HERE])).clean
    canaries = near[["geometry"]]
    assert not scan(path, frame([(0.5, 0.5)]), released=frame([HERE]), canaries=canaries).clean


def test_tiles_of_low_zooms_are_generalised(tmp_path) -> None:
    around = pd.concat([shown(), frame([HERE])])
    assert scan(tiles(around, tmp_path, max_zoom=6), WITHHELD).clean
    assert not scan(tiles(around, tmp_path, max_zoom=8), WITHHELD).clean


def test_bytes_that_nothing_points_at_are_read(tmp_path) -> None:
    path = tiles(shown(), tmp_path)
    path.write_bytes(path.read_bytes() + b"\0\0\0see SZ-00017\0\0")
    assert kinds(scan(path, WITHHELD)) == {"id"}


def rewritten(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<Q", value) + data[at + 8 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-40],
        lambda data: rewritten(data, 16, 1 << 40),
        lambda data: data[:98] + b"\x03" + data[99:],
        lambda data: data[:97] + b"\x04" + data[98:],
        lambda data: data[:127] + b"\0" * 8 + data[135:],
    ],
)
def test_damaged_archives_are_not_clean(spoil, tmp_path) -> None:
    path = tiles(shown(), tmp_path)
    path.write_bytes(spoil(path.read_bytes()))
    assert scan(path, WITHHELD).not_scanned


def archive(directory: bytes, body: bytes) -> bytes:
    """A PMTiles file whose parts are not compressed."""
    about = json.dumps({}).encode()
    starts = (127, len(directory), 127 + len(directory), len(about))
    end = starts[2] + starts[3]
    head = struct.pack(
        "<11Q6B4iB2i", *starts, end, 0, end, len(body), 1, 1, 1, *(1, 1, 1, 1, 0, 9), *[0] * 7
    )
    return b"PMTiles\x03" + head + directory + about + body


def test_other_encoders_are_read(tmp_path) -> None:
    """Nothing compressed, values of every kind, fields nobody knows, and a run of tiles."""
    values = [b"\x0a\x08SZ-00017", b"\x20" + b"\xff" * 9 + b"\x01", b"\x30\x05", b"\x38\x01"]
    feature = b"\x12\x02\x00\x00\x18\x01\x22\x03\x09\x10\x10" + b"\x4a\x08SZ-00017"
    layer = b"\x0a\x01a" + b"\x12" + bytes([len(feature)]) + feature + b"\x1a\x01k"
    layer += b"".join(b"\x22" + bytes([len(one)]) + one for one in values) + b"\x28\x80\x20"
    tile = b"\x1a" + bytes([len(layer)]) + layer
    path = tmp_path / "a.pmtiles"
    path.write_bytes(archive(bytes([1, 5, 3, len(tile), 1]), tile))
    ends = {hit.path.split(" › ")[1] for hit in scan(path, WITHHELD).hits}
    assert ends == {"values", "other fields"}
    parts = list(pmtiles_parts(path.read_bytes(), 1 << 20))
    assert sum(name.endswith("vertices") for name, _ in parts) == 3
    assert "-1\n" in dict(parts)["tile 2/0/0 › values"]
    path.write_bytes(archive(bytes([1, 5]) + b"\xff\xff\xff\x7f" + bytes([len(tile), 1]), tile))
    assert "tiles" in scan(path, WITHHELD).not_scanned[0][1]


def test_a_bomb_of_tiles_is_refused(tmp_path) -> None:
    body = gzip.compress(b"\0" * (1 << 22), mtime=0)
    with pytest.raises(Exception, match="expands beyond"):
        list(pmtiles_parts(tiles(shown(), tmp_path).read_bytes(), 100))
    assert len(body) < 1 << 13


def test_numbers_of_tiles_are_those_of_the_reference() -> None:
    tile = pytest.importorskip("pmtiles.tile")
    rng = np.random.default_rng(0)
    for number in [*range(100), *rng.integers(0, 10**12, 300).tolist()]:
        assert tile_of(number) == tuple(tile.tileid_to_zxy(number))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**63 - 1), max_size=20))
def test_whole_numbers_come_back(values) -> None:
    from geocn.publish.tiles_encode import varint

    assert varints(b"".join(map(varint, values))).tolist() == values


# The basemap.


def coast(name: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A vertex off the coast of South America, and where the map puts it."""
    xy = bundled()[name]
    near = xy[(np.abs(xy[:, 0] + 78) < 3) & (np.abs(xy[:, 1] - 2) < 3)]
    moved = np.round(near * steps) / steps
    far = np.hypot(*(moved - near).T) * 111_000
    chosen = int(np.argmax(far))
    return near[chosen], moved[chosen]


@pytest.mark.parametrize(("name", "steps"), [("land", DETAIL_STEPS), ("world_land", WORLD_STEPS)])
def test_a_place_where_the_map_draws_its_coast_is_no_leak(name, steps, tmp_path) -> None:
    _, drawn = coast(name, steps)
    beside = drawn[0] + 0.00003, drawn[1]
    withheld = frame([beside])[["geometry"]]
    plan = PlanningMap("Plan", marking="TLP:GREEN").add_seizures(
        shown().assign(seizure_id="x"), columns=["seizure_id"]
    )
    path = plan.save(tmp_path / "map.html")
    report = scan(path, withheld, released=shown())
    assert report.clean, report.summary()
    # The very place in words, in a table, or on the map itself is a leak all the same.
    note = tmp_path / "note.txt"
    note.write_text(f"post at {beside[0]:.5f}, {beside[1]:.5f}", "utf-8")
    assert kinds(scan(note, withheld)) == {"place"}
    note.write_text(f"post at {drawn[0]:.5f}, {drawn[1]:.5f}", "utf-8")
    assert kinds(scan(note, withheld)) == {"place"}
    plan.add_interventions(frame([beside], kind="prevention", name="Post"))
    assert kinds(scan(plan.save(path), withheld, released=shown())) == {"place"}


def test_only_vertices_as_they_are_drawn_are_excused() -> None:
    vertex, drawn = coast("land", DETAIL_STEPS)
    asked = np.array([vertex, drawn, drawn + 0.00001])
    assert is_bundled(asked).tolist() == [True, False, False]
    assert is_bundled(asked, DETAIL_STEPS).tolist() == [False, True, False]
    assert not is_bundled(asked, WORLD_STEPS).any()
