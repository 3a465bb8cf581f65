"""The catalogue is valid, leads to every file, and says only what the rows say."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from geocn.errors import ParameterError
from geocn.publish import CatalogueEntry, write_csv, write_geoparquet, write_geotiff, write_stac
from tests.publish.crates import check_catalogue
from tests.strategies import lonlat
from tests.zoo import GEOMETRIES, points

DAY = date(2025, 12, 31)


def entry(frame: Any, folder: Path, name: str, collection: str = "layer") -> CatalogueEntry:
    path = write_geoparquet(frame, folder / f"{name}.parquet")
    return CatalogueEntry(name, collection, frame, {"parquet": path}, {"parquet": "the rows"})


def test_a_catalogue_of_everything_is_valid(tmp_path: Path) -> None:
    dated = points("point", "line", "null").assign(
        seized_at=pd.to_datetime(["2024-05-01", "2025-02-03", None], utc=True), source="Año"
    )
    dated.attrs = {"about": {"marking": "TLP:GREEN", "title": "T", "as_of": "2025-12-31"}}
    raster = xr.DataArray(
        np.ones((4, 3)),
        dims=("y", "x"),
        coords={"y": [3.5, 2.5, 1.5, 0.5], "x": [-75.5, -74.5, -73.5]},
    ).rio.write_crs("EPSG:4326")
    projected = points("polygon").to_crs("+proj=laea +lat_0=5 +lon_0=-75")
    table = pd.DataFrame({"a": [1]})
    entries = [
        entry(dated, tmp_path, "seizures"),
        entry(points("null"), tmp_path, "nowhere"),
        entry(projected.assign(year=2024), tmp_path, "cells", "cells"),
        CatalogueEntry(
            "cost", "cells", raster, {"geotiff": write_geotiff(raster, tmp_path / "c.tif")}
        ),
        CatalogueEntry("table", "cells", table, {"csv": write_csv(table, tmp_path / "t.csv")}),
    ]
    (tmp_path / "map.html").write_text("<p>")
    links = {"Map": tmp_path / "map.html"}
    path = write_stac(entries, tmp_path / "stac", title="Año", as_of=DAY, links=links)
    items = {one["id"]: one for one in check_catalogue(path.parent)}
    assert set(items) == {"seizures", "nowhere", "cells", "cost", "table"}
    seized = items["seizures"]["properties"]
    assert seized["start_datetime"] == "2024-05-01T00:00:00Z"
    assert seized["end_datetime"] == "2025-02-03T00:00:00Z"
    assert seized["geocn:marking"] == "TLP:GREEN"
    assert seized["proj:code"] == "EPSG:4326"
    assert items["nowhere"]["geometry"] is None
    assert items["nowhere"]["properties"]["datetime"] == "2025-12-31T00:00:00Z"
    assert items["cells"]["properties"]["proj:code"] is None
    assert "LAEA" in items["cells"]["properties"]["proj:wkt2"] or "Lambert" in str(items["cells"])
    assert items["cells"]["properties"]["start_datetime"] == "2024-01-01T00:00:00Z"
    assert items["cost"]["properties"]["proj:shape"] == [4, 3]
    catalogue = json.loads(path.read_text("utf-8"))
    assert [one["href"] for one in catalogue["links"] if one["rel"] == "related"] == ["../map.html"]


def test_the_same_catalogue_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    seen = []
    for place in ("a", "b/c"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        write_stac([entry(points("line"), folder, "x")], folder / "stac", title="T", as_of=DAY)
        files = sorted((folder / "stac").rglob("*.json"))
        seen.append({str(f.relative_to(folder)): f.read_bytes() for f in files})
    assert seen[0] == seen[1]
    assert str(tmp_path).encode() not in b"".join(seen[0].values())


def test_an_empty_run_has_an_empty_catalogue(tmp_path: Path) -> None:
    path = write_stac([], tmp_path / "stac", title="T", as_of=DAY)
    assert check_catalogue(path.parent) == []


def test_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    one, other = entry(points("line"), tmp_path, "a b"), entry(points("line"), tmp_path, "a_b")
    with pytest.raises(ParameterError, match="share a name"):
        write_stac([one, other], tmp_path / "stac", title="T", as_of=DAY)
    assert not (tmp_path / "stac").exists()


def test_a_box_across_the_180th_meridian_stays_narrow(tmp_path: Path) -> None:
    fiji = gpd.GeoDataFrame(geometry=[Point(2e6, 4e6), Point(2.6e6, 4.2e6)], crs="EPSG:3460")
    path = write_stac([entry(fiji, tmp_path, "fiji")], tmp_path / "stac", title="T", as_of=DAY)
    (item,) = check_catalogue(path.parent)
    west, _, east, _ = item["bbox"]
    assert west > 170 > -170 > east
    assert item["geometry"]["type"] == "MultiPolygon"


@given(st.lists(lonlat, min_size=1, max_size=5))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_box_holds_every_row(tmp_path: Path, places: list[tuple[float, float]]) -> None:
    frame = gpd.GeoDataFrame(geometry=[Point(p) for p in places], crs=4326)
    made = CatalogueEntry("x", "x", frame, {})
    path = write_stac([made], tmp_path / "stac", title="T", as_of=DAY)
    item = json.loads((path.parent / "x" / "x.json").read_text())
    west, south, east, north = item["bbox"]
    assert all(west <= x <= east and south <= y <= north for x, y in places)
    assert max(west - min(x for x, _ in places), south - min(y for _, y in places)) > -2e-5


@pytest.mark.parametrize("name", sorted(GEOMETRIES))
def test_any_shape_of_the_zoo_can_be_catalogued(name: str, tmp_path: Path) -> None:
    made = CatalogueEntry(name, name, points(name), {})
    path = write_stac([made], tmp_path / "stac", title="T", as_of=DAY)
    json.loads(
        (path.parent / name / f"{name}.json").read_text(),
        parse_constant=lambda word: pytest.fail(f"{word} is no JSON"),
    )
