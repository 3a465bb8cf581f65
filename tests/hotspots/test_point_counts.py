"""Counting in chunks: as counting at once, from whatever points come in."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from geocn.errors import CoordinateError, GeometryError, ParameterError, ReadError, SchemaError
from geocn.hotspots.counts import count_events
from geocn.hotspots.point_counts import count_points
from geocn.spatial.grids import make_grid

N = 3000


def cells(kind: str = "square") -> gpd.GeoDataFrame:
    size = {"resolution": 5} if kind == "h3" else {"cell_size_km": 15}
    return make_grid((-78, 0, -77, 1), kind=kind, **size)


def events(n: int = N) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(1)
    xy = rng.uniform((-78.2, -0.2), (-76.8, 1.2), (n, 2))
    return gpd.GeoDataFrame(
        {"weight_kg": rng.integers(0, 9, n).astype(float)},
        geometry=gpd.points_from_xy(*xy.T),
        crs=4326,
    )


def table(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    xy = {"lon": frame.geometry.x, "lat": frame.geometry.y}
    return pd.DataFrame({**xy, "weight_kg": frame["weight_kg"]})


@pytest.mark.parametrize("kind", ["square", "hex", "h3"])
def test_every_form_of_input_counts_as_count_events_does(kind: str, tmp_path: Path) -> None:
    frame, grid = events(), cells(kind)
    expected = count_events(frame, grid, weight="weight_kg")
    plain = table(frame)
    frame.to_parquet(tmp_path / "geo.parquet", row_group_size=700)
    frame.to_crs(3857).to_parquet(tmp_path / "web.parquet")
    plain.to_parquet(tmp_path / "plain.parquet", row_group_size=700)
    wkb = pa.table({"geometry": shapely.to_wkb(frame.geometry), "weight_kg": plain["weight_kg"]})
    forms = [
        frame,
        frame.to_crs(3857),
        [frame.iloc[:100], frame.iloc[100:]],
        (plain.iloc[i : i + 500] for i in range(0, N, 500)),
        pa.Table.from_pandas(plain),
        pa.Table.from_pandas(plain).to_batches(999),
        wkb.slice(0, 1000).to_batches() + wkb.slice(1000).to_batches(),
        tmp_path / "geo.parquet",
        str(tmp_path / "plain.parquet"),
        tmp_path / "web.parquet",
    ]
    for form in forms:
        found = count_points(form, grid, weight="weight_kg")
        assert found["n_events"].tolist() == expected["n_events"].tolist()
        assert found["total_weight_kg"].tolist() == expected["total_weight_kg"].tolist()
        record = found.attrs["geocn"]
        assert record["n_counted"] + sum(record["left_out"].values()) == N
        assert record["left_out"]["outside"] > 100


def test_areas_of_any_shape_and_arrays_of_numbers() -> None:
    frame = events()
    areas = gpd.GeoDataFrame(
        geometry=[shapely.Point(-77.5, 0.5).buffer(0.3), shapely.box(-77.2, 0, -77, 1)], crs=4326
    )
    xy = shapely.get_coordinates(frame.geometry)
    found = count_points([xy[:1000], xy[1000:]], areas)
    assert found["n_events"].tolist() == count_events(frame, areas)["n_events"].tolist()
    web = shapely.get_coordinates(frame.geometry.to_crs(3857))
    assert count_points(web, areas, crs=3857)["n_events"].tolist() == found["n_events"].tolist()


def test_missing_and_imprecise_points_are_counted_apart() -> None:
    frame = events(6)
    frame.geometry = [None, shapely.Point(), *[shapely.Point(-77.5, 0.5)] * 4]
    frame["location_precision_m"] = [1.0, 1.0, 90_000.0, np.nan, 10.0, 10.0]
    record = count_points(frame, cells()).attrs["geocn"]
    assert record["n_counted"] == 3
    assert record["left_out"] == {"no_geometry": 2, "outside": 0, "imprecise": 1}
    buffer = pa.table({"lon": [None, -77.5], "lat": [0.5, 0.5]})
    assert count_points(buffer, cells()).attrs["geocn"]["left_out"]["no_geometry"] == 1


def test_nothing_in_same_columns_out(tmp_path: Path) -> None:
    for none in (events().iloc[:0], [], iter(()), np.empty((0, 2))):
        found = count_points(none, cells())
        assert found["n_events"].sum() == 0
        assert found["n_events"].dtype == "int64"
    assert len(count_points(events(), cells().iloc[:0])) == 0


def test_faults_are_refused(tmp_path: Path) -> None:
    grid, plain = cells(), table(events(9))
    swapped = plain.assign(lat=[0.5] * 7 + [-177.0] * 2)
    with pytest.raises(CoordinateError, match="swapped") as caught:
        count_points([plain, swapped], grid)
    assert "16" in str(caught.value)
    with pytest.raises(SchemaError, match="lon"):
        count_points(plain.rename(columns={"lon": "x"}), grid)
    with pytest.raises(SchemaError, match="kg"):
        count_points(plain, grid, weight="kg")
    with pytest.raises(SchemaError, match="numbers"):
        count_points(pa.table({"lon": ["a"], "lat": ["b"]}), grid)
    with pytest.raises(SchemaError, match="shape"):
        count_points(np.zeros((3, 3)), grid)
    with pytest.raises(ParameterError, match="row 3"):
        count_points(plain.assign(weight_kg=[1.0] * 3 + [-1] * 6), grid, weight="weight_kg")
    with pytest.raises(GeometryError, match="count_events"):
        count_points(grid, grid)
    with pytest.raises(ReadError):
        count_points(tmp_path / "none.parquet", grid)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ReadError):
        count_points(tmp_path / "cut.parquet", grid)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file of one large row group is read in pieces."""
    rng = np.random.default_rng(0)
    n = 400_000
    columns = {"lon": rng.uniform(-78, -77, n), "lat": rng.uniform(0, 1, n)}
    pq.write_table(pa.table(columns), tmp_path / "p.parquet", row_group_size=n)
    found = count_points(tmp_path / "p.parquet", cells())
    assert found["n_events"].sum() == n
