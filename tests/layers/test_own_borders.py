"""A file of one's own borders can be crossed like the bundled ones."""

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

import geocn
from geocn.errors import RejectedRowsWarning
from geocn.hotspots import border_crossings
from geocn.spatial.borders import load_borders, load_countries

ROUTES = gpd.GeoDataFrame(
    geometry=[shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])], crs="EPSG:4326"
)
SHORT = ["dyad", "kind", "left", "right", "geometry"]


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "parquet"])
def test_sides_are_kept_and_the_sea_stays_the_sea(tmp_path: Path, ending: str) -> None:
    known = load_borders("110m", kinds=("land", "coast"))[SHORT]
    path = tmp_path / f"b.{ending}"
    known.to_parquet(path) if ending == "parquet" else known.to_file(path)
    own = geocn.read_borders(path)
    assert own["left"].tolist() == known["left"].tolist()
    assert own["right"].tolist() == known["right"].tolist()
    found = border_crossings(ROUTES, own)
    assert found[["from_country", "to_country"]].to_numpy().tolist() == [["COL", "ECU"]]


def test_without_sides_they_come_from_countries(tmp_path: Path) -> None:
    load_borders("110m")[["dyad", "geometry"]].to_file(tmp_path / "b.gpkg")
    own = geocn.read_borders(tmp_path / "b.gpkg")
    assert "left" not in own
    found = border_crossings(ROUTES, own, countries=load_countries("110m"))
    assert found["to_country"].tolist() == ["ECU"]


def test_areas_are_no_borders_layer(tmp_path: Path) -> None:
    load_countries("110m").head(2).to_file(tmp_path / "c.gpkg")
    with pytest.warns(RejectedRowsWarning, match="olygon"):
        assert len(geocn.read_borders(tmp_path / "c.gpkg")) == 0
