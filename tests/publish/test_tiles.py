"""Vector tiles: every feature in the tile where it belongs, nothing lost in silence."""

import gzip
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import zxy_to_tileid

from geocn.errors import CoordinateError, CRSError, ParameterError, RejectedRowsWarning, WriteError
from geocn.publish import write_pmtiles
from geocn.publish.tiles_archive import archive, packed, tile_number
from tests.zoo import GEOMETRIES, TEXTS, points

Tiles = dict[tuple[int, int, int], dict[str, list[dict]]]


def read(path: Path) -> tuple[dict, dict, Tiles]:
    """Header, metadata and decoded tiles, by a reader that is not ours."""
    tiles: Tiles = {}
    with path.open("rb") as stream:
        source = MmapSource(stream)
        reader = Reader(source)
        header, metadata = reader.header(), reader.metadata()
        for place, data in all_tiles(source):
            assert len(data) <= 500_000
            decoded = mapbox_vector_tile.decode(
                gzip.decompress(data), default_options={"y_coord_down": True}
            )
            tiles[place] = {name: layer["features"] for name, layer in decoded.items()}
            assert all(layer["extent"] == 4096 for layer in decoded.values())
    return header, metadata, tiles


def tile_of(longitude: float, latitude: float, zoom: int) -> tuple[int, int]:
    """Where a point lies, by the formula of OpenStreetMap's wiki."""
    n = 2**zoom
    x = (longitude + 180) / 360 * n
    y = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * n
    return min(int(x), n - 1), min(int(y), n - 1)


def lonlat(tile: tuple[int, int, int], xy: tuple[float, float]) -> tuple[float, float]:
    east, south = on_square(tile, np.array([xy]))[0]
    return east * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * south))))


def on_square(tile: tuple[int, int, int], xy: np.ndarray) -> np.ndarray:
    """Units of a tile as places on the square of all tiles."""
    return (np.array(tile[1:]) + np.asarray(xy) / 4096) / 2 ** tile[0]


def projected(shape: shapely.Geometry) -> shapely.Geometry:
    def formula(xy: np.ndarray) -> np.ndarray:
        latitude = np.radians(xy[:, 1])
        north = np.log(np.tan(np.pi / 4 + latitude / 2)) / np.pi
        return np.column_stack([xy[:, 0] / 360 + 0.5, (1 - north) / 2])

    return shapely.transform(shape, formula)


def scattered(n: int = 300) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(0)
    return gpd.GeoDataFrame(
        {"n": np.arange(n) - 5, "x": rng.normal(size=n), "name": [f"s{i}" for i in range(n)]},
        geometry=gpd.points_from_xy(rng.uniform(-180, 180, n), rng.uniform(-85, 85, n)),
        crs="EPSG:4326",
    )


def test_every_point_lies_in_its_tile_at_every_zoom(tmp_path: Path) -> None:
    frame = scattered()
    header, _, tiles = read(write_pmtiles({"a": frame}, tmp_path / "a.pmtiles", max_zoom=5))
    assert (header["min_zoom"], header["max_zoom"]) == (0, 5)
    for zoom in range(6):
        found = {
            feature["id"]: (place, feature)
            for place, layers in tiles.items()
            if place[0] == zoom
            for feature in layers["a"]
        }
        assert len(found) == len(frame)
        for row, (place, feature) in found.items():
            point = frame.geometry[row]
            assert place[1:] == tile_of(point.x, point.y, zoom)
            back = lonlat(place, feature["geometry"]["coordinates"])
            assert abs(back[0] - point.x) <= 360 / 2**zoom / 4096
            assert feature["properties"] == {
                "n": frame.n[row], "x": frame.x[row], "name": frame.name[row]
            }  # fmt: skip


def test_lines_and_areas_cover_the_tiles_that_they_meet(tmp_path: Path) -> None:
    area = shapely.box(-80, -4, -70, 8).difference(shapely.box(-76, 0, -74, 2))
    line = shapely.LineString([(-79, 7), (-60, -9), (10, 40)])
    frame = gpd.GeoDataFrame({"k": ["area", "line"]}, geometry=[area, line], crs=4326)
    _, _, tiles = read(write_pmtiles({"a": frame}, tmp_path / "a.pmtiles", max_zoom=7))
    for zoom in range(8):
        side = 1 / 2**zoom
        for row, shape in enumerate(map(projected, frame.geometry)):
            drawn = {}
            for place, layers in tiles.items():
                for feature in layers["a"] if place[0] == zoom else ():
                    if feature["id"] == row:
                        drawn[place] = shapely.geometry.shape(feature["geometry"])
            for place, got in drawn.items():
                assert got.is_valid
                assert got.bounds[0] >= -64
                assert got.bounds[3] <= 4096 + 64
                back = shapely.transform(got, lambda xy, at=place: on_square(at, xy))
                assert shape.buffer(side * 2 / 4096).covers(back)
            for x in range(2**zoom):  # an oracle that knows nothing of cutting
                for y in range(2**zoom) if zoom < 5 else ():
                    inside = shape.intersection(
                        shapely.box(x * side, y * side, (x + 1) * side, (y + 1) * side)
                    )
                    if inside.length > 4 * side / 4096:
                        assert (zoom, x, y) in drawn
            whole = shapely.union_all(
                [
                    shapely.transform(got, lambda xy, at=place: on_square(at, xy))
                    for place, got in drawn.items()
                ]
            )
            assert whole.buffer(side * 3 / 4096).covers(shape)


def test_every_kind_of_value_keeps_its_type(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {
            "flag": pd.array([True, None, False], dtype="boolean"),
            "n": pd.array([2**60, None, -(2**53)], dtype="Int64"),
            "x": [1.5, np.nan, -0.0],
            "at": pd.to_datetime(["2024-01-01", None, "1969-12-31"], utc=True),
            "kind": pd.Categorical(["a", None, "b"]),
            "list": pd.Series([["a"], None, []], dtype=object),
        },
        geometry=gpd.points_from_xy([1, 2, 3], [1, 2, 3]),
        crs=4326,
    )
    _, metadata, tiles = read(write_pmtiles({"a": frame}, tmp_path / "a.pmtiles", max_zoom=0))
    rows = {one["id"]: one["properties"] for one in tiles[0, 0, 0]["a"]}
    assert rows[0] == {
        "flag": True, "n": 2**60, "x": 1.5, "at": "2024-01-01T00:00:00Z", "kind": "a",
        "list": '["a"]',
    }  # fmt: skip
    assert rows[1] == {}
    assert rows[2]["flag"] is False
    assert rows[2]["n"] == -(2**53)
    assert metadata["vector_layers"][0]["fields"] == {
        "flag": "Boolean", "n": "Number", "x": "Number", "at": "String", "kind": "String",
        "list": "String",
    }  # fmt: skip
    odd = gpd.GeoDataFrame([TEXTS], geometry=gpd.points_from_xy([1], [1]), crs=4326)
    _, _, tiles = read(write_pmtiles({"a": odd}, tmp_path / "b.pmtiles", max_zoom=0))
    for name, text in TEXTS.items():
        got = tiles[0, 0, 0]["a"][0]["properties"][name]
        assert got == text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def test_the_zoo_is_drawn_or_counted(tmp_path: Path) -> None:
    names = [n for n in GEOMETRIES if n not in ("not_a_number", "infinite", "huge", "swapped")]
    frame = points(*names)
    with pytest.warns(RejectedRowsWarning, match="1 lie beyond latitude"):
        path = write_pmtiles({"zoo": frame}, tmp_path / "zoo.pmtiles", max_zoom=4)
    _, metadata, tiles = read(path)
    told = metadata["geocn"]["layers"]["zoo"]
    assert told["rows"] == len(names)
    assert told["beyond_the_map"] == 1
    empty = sum(GEOMETRIES[n] is None or GEOMETRIES[n].is_empty for n in names)
    assert told["without_geometry"] == empty
    for zoom in range(5):
        shown = {f["id"] for p, ls in tiles.items() if p[0] == zoom for f in ls["zoo"]}
        counts = told["by_zoom"][str(zoom)]
        assert len(shown) == counts["shown"]
        assert len(shown) + counts["too_small"] == len(names) - empty - 1
    by_name = {names[f["id"]]: (p, f) for p, ls in tiles.items() if p[0] == 4 for f in ls["zoo"]}
    assert by_name["antimeridian"][0][1] == 15
    assert by_name["longitude_0_360"][0][1:] == tile_of(-74.1, 4.6, 4)
    for name in ("not_a_number", "infinite", "huge", "swapped"):
        with pytest.raises(CoordinateError, match="1 row: 0"):
            write_pmtiles({"zoo": points(name)}, tmp_path / "no.pmtiles")


def test_edges_of_the_map(tmp_path: Path) -> None:
    shapes = [
        shapely.Point(-180, 0), shapely.Point(180, 0), shapely.box(-180, -90, 180, 90),
        shapely.LineString([(175, 0), (185, 0)]), shapely.Point(0, -85.051129),
    ]  # fmt: skip
    frame = gpd.GeoDataFrame(geometry=shapes, crs=4326)
    with pytest.warns(RejectedRowsWarning, match="1 lie beyond latitude 85.05°; 1 are cut there"):
        path = write_pmtiles({"a": frame}, tmp_path / "a.pmtiles", max_zoom=3)
    _, _, tiles = read(path)
    columns: dict[int, set[int]] = {}
    for place, layers in tiles.items():
        if place[0] == 3:
            for feature in layers["a"]:
                columns.setdefault(feature["id"], set()).add(place[1])
    assert columns == {0: {0}, 1: {7}, 2: set(range(8)), 3: {0, 7}}


def test_a_tile_too_full_is_thinned_evenly_and_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 4000
    x, y = rng.uniform(-75, -74, n), rng.uniform(4, 5, n)
    dots = gpd.GeoDataFrame(
        {"t": [f"note {v}" for v in rng.integers(0, 2**40, n)]},
        geometry=gpd.points_from_xy(x, y),
        crs=4326,
    )
    big = gpd.GeoDataFrame({"t": ["big"]}, geometry=[shapely.box(-75, 4, -74, 5)], crs=4326)
    limit = 30_000
    with pytest.warns(RejectedRowsWarning, match="rows, .* are cut from tiles that were too full"):
        path = write_pmtiles(
            {"dots": dots, "big": big}, tmp_path / "a.pmtiles", max_zoom=2, max_tile_bytes=limit
        )
    _, metadata, tiles = read(path)
    with path.open("rb") as stream:
        assert max(len(data) for _, data in all_tiles(MmapSource(stream))) <= limit
    told = metadata["geocn"]["layers"]
    for zoom in range(3):
        counts = told["dots"]["by_zoom"][str(zoom)]
        kept = [f for p, ls in tiles.items() if p[0] == zoom for f in ls["dots"]]
        assert len(kept) == counts["shown"] == n - counts["cut_from_full_tiles"]
        assert 300 < len(kept) < n
        assert any("big" in ls for p, ls in tiles.items() if p[0] == zoom)
        west = np.mean([x[f["id"]] < -74.5 for f in kept])
        assert 0.4 < west < 0.6


def test_layers_share_tiles_and_empty_ones_are_named(tmp_path: Path) -> None:
    layers = {
        "a": scattered(5),
        "b": scattered(9),
        "none": scattered(5).iloc[:0],
        "table": pd.DataFrame({"n": [1]}),
    }
    header, metadata, tiles = read(
        write_pmtiles(
            layers,
            tmp_path / "a.pmtiles",
            max_zoom=1,
            metadata={"title": "Año", "marking": "TLP:GREEN", "x": math.nan},
        )
    )
    assert {name: len(features) for name, features in tiles[0, 0, 0].items()} == {"a": 5, "b": 9}
    assert [one["id"] for one in metadata["vector_layers"]] == ["a", "b", "none"]
    assert metadata["geocn"]["layers"]["none"]["rows"] == 0
    assert (metadata["name"], metadata["attribution"]) == ("Año", "TLP:GREEN")
    assert metadata["geocn"]["x"] is None
    box = layers["b"].total_bounds
    assert header["min_lon_e7"] == pytest.approx(box[0] * 1e7, abs=1)
    _, metadata, tiles = read(write_pmtiles({}, tmp_path / "b.pmtiles"))
    assert tiles == {}
    assert metadata["vector_layers"] == []


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    frame = scattered()
    areas = frame.iloc[:60].set_geometry(shapely.buffer(frame.geometry.iloc[:60].array, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, two = (
            write_pmtiles({"a": frame, "b": areas.to_crs(3857)}, tmp_path / name, max_zoom=4)
            for name in ("1.pmtiles", "2.pmtiles")
        )
    first, second = one.read_bytes(), two.read_bytes()
    # the name of the file is its title where none is given
    assert len(first) == len(second)
    with one.open("rb") as a, two.open("rb") as b:
        tiles = [dict(all_tiles(MmapSource(stream))) for stream in (a, b)]
    assert tiles[0] == tiles[1]


@given(st.integers(0, 16).flatmap(lambda z: st.tuples(st.just(z), *[st.integers(0, 2**z - 1)] * 2)))
def test_tiles_are_numbered_as_the_format_says(place: tuple[int, int, int]) -> None:
    assert tile_number(*place) == zxy_to_tileid(*place)


def test_an_archive_of_many_tiles_has_leaves(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tiles = {
        (9, x, y): packed(bytes(rng.integers(0, 9, 3))) for x in range(180) for y in range(180)
    }
    path = tmp_path / "many.pmtiles"
    path.write_bytes(archive(tiles, {}, bounds=(-180, -85, 180, 85), zooms=(9, 9)))
    with path.open("rb") as stream:
        reader = Reader(MmapSource(stream))
        header = reader.header()
        assert header["leaf_directory_length"] > 0
        assert header["addressed_tiles_count"] == len(tiles)
        assert header["tile_contents_count"] == len(set(tiles.values()))
        for place in [*tiles][::997]:
            assert reader.get(*place) == tiles[place]
        assert reader.get(9, 500, 500) is None


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    frame: Mapping[str, pd.DataFrame] = {"a": scattered(3)}
    path = write_pmtiles(frame, tmp_path / "a.pmtiles", max_zoom=1)
    before = path.read_bytes()
    for zooms in ((-1, 3), (4, 3), (0, 17)):
        with pytest.raises(ParameterError, match="zooms"):
            write_pmtiles(frame, path, min_zoom=zooms[0], max_zoom=zooms[1])
    with pytest.raises(ParameterError, match="max_tile_bytes"):
        write_pmtiles(frame, path, max_tile_bytes=10)
    with pytest.raises(CRSError):
        write_pmtiles({"a": points("point", crs=None)}, path)
    with pytest.raises(WriteError):
        write_pmtiles(frame, tmp_path / "no" / "a.pmtiles")
    assert path.read_bytes() == before


def test_a_large_area_at_a_high_zoom_is_refused_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geocn.publish.tiles.MOST_TILES", 500)
    world = gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.box(-179, -80, 179, 80)], crs=4326)
    with pytest.raises(ParameterError, match="more than 500 tiles up to zoom 16"):
        write_pmtiles({"world": world}, tmp_path / "a.pmtiles", max_zoom=16)
    assert list(tmp_path.iterdir()) == []
