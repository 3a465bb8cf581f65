"""Geometries taken out of the pages of a GeoPackage are searched as coordinates, all else as is."""

from __future__ import annotations

import base64
import sqlite3

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.sharing import scan
from geocn.sharing.scan_pages import without_geometries

HERE = (-76.612345, 2.441234)
WITHHELD = gpd.GeoDataFrame(
    {"seizure_id": ["SZ-00017"]}, geometry=gpd.points_from_xy([HERE[0]], [HERE[1]]), crs=4326
)


def frame(n: int = 40, vertices: int = 1) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(vertices)
    xy = rng.uniform((-78, 1), (-74, 5), (n, vertices, 2))
    shapes = [shapely.Point(one[0]) if vertices == 1 else shapely.LineString(one) for one in xy]
    return gpd.GeoDataFrame({"n": range(n)}, geometry=shapes, crs="EPSG:4326")


def written(made: gpd.GeoDataFrame, path) -> bytes:
    made.to_file(path, driver="GPKG", layer="a")
    return path.read_bytes()


# 700 vertices run over three pages of 4 KiB.
@pytest.mark.parametrize("vertices", [1, 2, 60, 700])
def test_coordinates_come_back_and_nothing_else_is_gone(vertices, tmp_path) -> None:
    made = frame(vertices=vertices)
    data = written(made, tmp_path / "a.gpkg")
    pages, columns = without_geometries(data)
    assert len(pages) == len(data)
    expected = shapely.get_coordinates(made.geometry.values)
    assert sorted(zip(*columns, strict=True)) == sorted(map(tuple, expected.tolist()))
    before, after = np.frombuffer(data, np.uint8), np.frombuffer(pages, np.uint8)
    changed = before != after
    assert not after[changed].any()
    assert changed.sum() <= 40 * (9 + 16 * vertices)
    assert changed.sum() > 0.8 * 16 * expected.shape[0]


@pytest.mark.parametrize("vertices", [1, 60, 700])
def test_a_withheld_vertex_is_found(vertices, tmp_path) -> None:
    made = frame(vertices=vertices)
    path = tmp_path / "a.gpkg"
    written(made, path)
    assert scan(path, WITHHELD).clean
    shape = shapely.set_coordinates(
        shapely.from_wkb(shapely.to_wkb(made.geometry[7])),
        np.vstack([shapely.get_coordinates(made.geometry[7])[:-1], [HERE]]),
    )
    made.loc[7, "geometry"] = shape
    written(made, path)
    assert {hit.kind for hit in scan(path, WITHHELD).hits} == {"number", "place"}
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger'"
        ).fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("DELETE FROM a WHERE n=7")
    connection.close()
    found = scan(path, WITHHELD)
    # SQLite may have written over the beginning of the row, but not over its vertices.
    assert "place" in {hit.kind for hit in found.hits}


def blob(wkb: bytes, more: bytes = b"") -> bytes:
    return b"GP\0\x01" + (4326).to_bytes(4, "little") + wkb + more


def database(blobs, path) -> bytes:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (geom BLOB, remark TEXT)")
        connection.executemany("INSERT INTO a VALUES (?, 'calm')", [(one,) for one in blobs])
    connection.close()
    return path.read_bytes()


def test_geometries_that_hold_more_stay(tmp_path) -> None:
    wkb = shapely.to_wkb(shapely.LineString([(0, 0), (1, 1), (2, 3)]))
    letters = np.frombuffer(b"see case SZ-00017 of the coast..", "<f8").reshape(-1, 2)
    hidden = shapely.to_wkb(shapely.LineString(letters))
    path = tmp_path / "a.gpkg"
    data = database([blob(wkb), blob(wkb, b"SZ-00017"), blob(hidden)], path)
    pages, columns = without_geometries(data)
    assert pages.count(b"SZ-00017") == 2
    assert len(columns[0]) == 3
    assert {hit.kind for hit in scan(path, WITHHELD).hits} == {"id"}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=1500), st.integers(0, 4000))
def test_damaged_pages_are_no_trouble(noise, at) -> None:
    data = bytearray(b"SQLite format 3\0\x02\0" + bytes(82) + b"\x0d\0\0\0\x05" + bytes(4000))
    data[at : at + len(noise)] = noise
    pages, _ = without_geometries(bytes(data))
    assert len(pages) == len(data)


def test_an_encoded_value_is_reported_of_every_file(tmp_path) -> None:
    """Stretches that were decoded before are passed over only where they held nothing."""
    secret = base64.b64encode(b"about SZ-00017 again").decode()
    for number in range(3):
        text = f"calm/interventions/of/the/coast {secret} {number}"
        (tmp_path / f"{number}.txt").write_text(text, "utf-8")
    hits = scan(tmp_path, pd.DataFrame(WITHHELD[["seizure_id"]])).hits
    assert {hit.file for hit in hits} == {"0.txt", "1.txt", "2.txt"}
