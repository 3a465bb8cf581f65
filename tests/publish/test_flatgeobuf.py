"""FlatGeobuf keeps every row, says where it has no index, and is whole or not there."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely.geometry import LineString

from geocn.errors import CRSError, ParameterError, SchemaError, WriteError
from geocn.publish import write_flatgeobuf
from tests.zoo import points


def index_of(path: Path) -> bool:
    """Whether the file's header states a node size, which it does for an index only."""
    return bool(pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"])


def test_rows_come_back_with_an_index(tmp_path: Path) -> None:
    frame = points("point", "multipoint", "line", "polygon_with_hole", "multipolygon", "bow_tie")
    frame["at"] = pd.to_datetime("2024-02-03T04:05:06.123Z")
    frame.attrs = {"about": {"marking": "TLP:GREEN"}}
    path = write_flatgeobuf(frame, tmp_path / "a.fgb")
    back = gpd.read_file(path).set_index("id").loc[frame["id"]]
    assert shapely.equals_exact(back.geometry.values, frame.geometry.values).all()
    assert (back["at"] == frame["at"].iloc[0]).all()
    assert index_of(path)
    assert path.read_bytes() == write_flatgeobuf(frame, tmp_path / "b.fgb").read_bytes() or (
        # the name of the layer stands in the header
        path.read_bytes().replace(b"a", b"b")
        == (tmp_path / "b.fgb").read_bytes().replace(b"a", b"b")
    )


def test_a_box_reads_the_rows_in_it(tmp_path: Path) -> None:
    grid = gpd.GeoDataFrame(
        {"n": range(2500)},
        geometry=gpd.points_from_xy(np.arange(2500) % 50, np.arange(2500) // 50),
        crs=4326,
    )
    path = write_flatgeobuf(grid, tmp_path / "g.fgb")
    found = gpd.read_file(path, bbox=(9.5, 9.5, 12.5, 10.5))
    assert sorted(found["n"]) == [510, 511, 512]


@pytest.mark.parametrize("odd", ["null", "empty_point", "nested_empty", "not_a_number", "infinite"])
def test_a_row_without_a_place_costs_the_index_not_the_row(odd: str, tmp_path: Path) -> None:
    frame = points("line", odd, "point")
    path = write_flatgeobuf(frame, tmp_path / "a.fgb")
    back = gpd.read_file(path)
    assert back["id"].tolist() == ["line", odd, "point"]
    assert not index_of(path)


def test_heights_of_some_are_refused_or_dropped_on_request(tmp_path: Path) -> None:
    frame, path = points("point", "point_z", "null"), tmp_path / "a.fgb"
    with pytest.raises(SchemaError, match="heights in 1 of 2 geometries of Point type"):
        write_flatgeobuf(frame, path)
    with pytest.raises(ParameterError, match="heights='some'"):
        write_flatgeobuf(frame, path, heights="some")  # type: ignore[arg-type]
    back = gpd.read_file(write_flatgeobuf(frame, path, heights="all_or_none")).set_index("id")
    assert not back.geometry.has_z.any()
    assert (back.geometry["point_z"].x, back.geometry["point_z"].y) == (-74.1, 4.6)
    mixed = points("line", "point_z").iloc[1:].assign(geometry=lambda f: f.geometry)
    mixed.loc[9] = ["line_z", LineString([(0, 0, 1), (1, 1, 2)])]
    with pytest.raises(SchemaError, match="of Unknown type"):
        write_flatgeobuf(mixed, path)
    whole = points("point_z", "null")
    assert gpd.read_file(write_flatgeobuf(whole, path)).geometry[0].z == 2600.0


def test_an_empty_layer_keeps_its_columns(tmp_path: Path) -> None:
    back = gpd.read_file(write_flatgeobuf(points("point").iloc[:0], tmp_path / "a.fgb"))
    assert len(back) == 0
    assert list(back.columns) == ["id", "geometry"]
    assert back.crs == "EPSG:4326"


def test_columns_that_differ_by_case_keep_their_values(tmp_path: Path) -> None:
    frame = points("point").assign(ID="x")
    back = gpd.read_file(write_flatgeobuf(frame, tmp_path / "a.fgb"))
    assert back.iloc[0][["id", "ID_"]].tolist() == ["point", "x"]


def test_a_table_and_a_frame_without_crs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no geometry column"):
        write_flatgeobuf(pd.DataFrame({"a": [1]}), tmp_path / "a.fgb")  # type: ignore[arg-type]
    with pytest.raises(CRSError):
        write_flatgeobuf(points("point", crs=None), tmp_path / "a.fgb")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_flatgeobuf(points("point"), tmp_path / "a.fgb")
    before = path.read_bytes()

    def fails(*args: object, **kwargs: object) -> None:
        raise pyogrio.errors.DataSourceError("no space")

    monkeypatch.setattr(pyogrio, "write_dataframe", fails)
    with pytest.raises(WriteError, match="no space"):
        write_flatgeobuf(points("line"), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.fgb"]
