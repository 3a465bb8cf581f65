"""Sides of lines by the countries beside them."""

import geopandas as gpd
import pytest
import shapely

from geocn.errors import LayerError
from geocn.hotspots import border_crossings
from geocn.spatial.border_sides import sides_from_countries
from geocn.spatial.borders import load_borders, load_countries


@pytest.mark.parametrize("with_dyad", [True, False])
@pytest.mark.parametrize("scale", ["110m", "50m"])
def test_the_sides_of_the_bundled_borders_are_found_again(scale, with_dyad):
    known = load_borders(scale)
    known = known[known["chainage_to_km"] - known["chainage_from_km"] > 20]
    bare = known.drop(columns=["left", "right"] + ([] if with_dyad else ["dyad"]))
    found = sides_from_countries(bare, load_countries(scale), offset_m=500)
    assert found["left"].tolist() == known["left"].tolist()
    assert found["right"].tolist() == known["right"].tolist()
    assert found["dyad"].tolist() == known["dyad"].tolist()
    assert found.index.equals(known.index)


def test_lines_of_another_scale_find_their_sides_by_vote():
    known = load_borders("50m")
    known = known[known["dyad"].isin(["COL-ECU", "COL-PER", "BRA-COL", "ARG-CHL"])]
    known = known[known["chainage_to_km"] - known["chainage_from_km"] > 100]
    bare = known.drop(columns=["left", "right"])
    found = sides_from_countries(bare, load_countries("110m"), offset_m=30_000)
    assert found["left"].tolist() == known["left"].tolist()


def test_crossings_take_sides_from_countries():
    bare = load_borders("110m").drop(columns=["left", "right"])
    bare = bare[bare["dyad"] == "COL-ECU"]
    route = shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])
    routes = gpd.GeoDataFrame(geometry=[route], crs=4326)
    with pytest.raises(LayerError, match="countries="):
        border_crossings(routes, bare)
    found = border_crossings(routes, bare, countries=load_countries("110m"))
    assert found[["from_country", "to_country"]].to_numpy().tolist() == [["COL", "ECU"]]


def test_lines_beside_one_country_or_none_are_named():
    area = gpd.GeoDataFrame({"iso_a3": ["AAA"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    lines = [shapely.LineString([(0.5, 0), (0.5, 1)]), shapely.LineString([(5, 5), (6, 6)])]
    frame = gpd.GeoDataFrame(geometry=[*lines, None], index=["in", "out", "none"], crs=4326)
    with pytest.raises(LayerError) as error:
        sides_from_countries(frame, area)
    assert error.value.rows == ["in", "out"]
