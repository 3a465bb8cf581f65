"""Write, then read: the same rows from every vector format, or a typed error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geocn.errors import GeocnError
from geocn.publish import write_csv, write_flatgeobuf, write_geopackage, write_geoparquet
from tests.zoo import GEOMETRIES, TEXTS, points

Writer = Callable[[gpd.GeoDataFrame, Path], Path]


def geopackage(frame: gpd.GeoDataFrame, folder: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(write_geopackage({"x": frame}, folder / "x.gpkg"))


def geoparquet(frame: gpd.GeoDataFrame, folder: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(write_geoparquet(frame, folder / "x.parquet", order="hilbert"))


def flatgeobuf(frame: gpd.GeoDataFrame, folder: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(write_flatgeobuf(frame, folder / "x.fgb"))


def csv(frame: gpd.GeoDataFrame, folder: Path) -> gpd.GeoDataFrame:
    table = pd.read_csv(write_csv(frame, folder / "x.csv"), keep_default_na=False, na_values=[""])
    if "geometry" in table:
        shapes = gpd.GeoSeries.from_wkt(table.pop("geometry").where(lambda t: t.notna(), None))
    else:
        shapes = gpd.GeoSeries(gpd.points_from_xy(table.pop("longitude"), table.pop("latitude")))
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326)


#: Rows as the zoo brings them: a geometry, a text, a number.
rows = st.lists(
    st.tuples(
        st.sampled_from(sorted(GEOMETRIES)),
        st.sampled_from(sorted(set(TEXTS) - {"long"})),
        st.one_of(st.none(), st.floats(-1e9, 1e9)),
    ),
    min_size=1,
    max_size=6,
)
_EVERY = [(name, "plus", 1.5) for name in GEOMETRIES]


@pytest.mark.parametrize("read_back", [geopackage, geoparquet, flatgeobuf, csv])
@given(rows)
@example(_EVERY)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_row_comes_back(
    read_back: Callable[[gpd.GeoDataFrame, Path], gpd.GeoDataFrame],
    tmp_path: Path,
    drawn: list[tuple[str, str, float | None]],
) -> None:
    frame = points(*(name for name, _, _ in drawn)).rename(columns={"id": "shape"})
    frame.insert(0, "row", np.arange(len(frame)))
    frame["text"] = [TEXTS[text] for _, text, _ in drawn]
    frame["kg"] = [kg for _, _, kg in drawn]
    before = frame.copy()
    try:
        back = read_back(frame, tmp_path)
    except GeocnError:
        assert read_back is flatgeobuf
        assert frame.geometry.has_z.any()
        return
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before))
    back = back.sort_values("row", ignore_index=True)
    assert back["row"].tolist() == frame["row"].tolist()
    assert back["shape"].tolist() == frame["shape"].tolist()
    np.testing.assert_array_equal(back["kg"].astype(float), frame["kg"].astype(float))
    for found, asked in zip(back["text"], frame["text"], strict=True):
        assert found.lstrip("'") == asked.replace("\0", "\ufffd").lstrip("'")
    for found, asked in zip(back.geometry, frame.geometry, strict=True):
        assert _same(found, asked), (found, asked)


def _same(found: shapely.Geometry | None, asked: shapely.Geometry | None) -> bool:
    """Whether a shape came back; what says nothing of a place may have changed its way to."""
    if _places(asked) == 0:
        return _places(found) == 0
    if found is None or _places(found) != _places(asked):
        return False
    ours, theirs = (shapely.get_coordinates(one) for one in (found, asked))
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-12, equal_nan=True)


def _places(shape: shapely.Geometry | None) -> int:
    if shape is None or shape.is_empty:
        return 0
    return int(np.isfinite(shapely.get_coordinates(shape)).all(axis=1).sum())
