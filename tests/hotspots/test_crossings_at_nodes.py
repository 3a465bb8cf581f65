"""Crossings where a route begins, ends or passes exactly on a border or a node of borders."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import AssumptionWarning, DateError, LayerError, SchemaError
from geocn.hotspots import border_crossings, border_segments
from geocn.hotspots.border_evidence import segment_of
from geocn.spatial.borders import load_borders

# Two countries side by side, the border along longitude 0.
WEST_EAST = gpd.GeoDataFrame(
    {"dyad": ["AAA-BBB"], "left": ["AAA"], "right": ["BBB"], "kind": ["land"]},
    geometry=[shapely.LineString([(0, -1), (0, 0), (0, 1)])],
    crs=4326,
)


def lines(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=4326)


@pytest.mark.parametrize("at", [(0, 0), (0, 0.5), (1e-15, 0.5), (-1e-15, 0.5)])
@pytest.mark.parametrize("to", [(1, 0.2), (-1, 0.2)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_route_that_begins_or_ends_on_the_border_has_not_crossed_there(at, to, turned):
    route = shapely.LineString([at, to])
    found = border_crossings(lines(shapely.reverse(route) if turned else route), WEST_EAST)
    assert len(found) == 0
    assert found.attrs["geocn"]["reported"]["ends_on_border"] <= 1


@pytest.mark.parametrize("turned", [False, True])
def test_a_route_in_two_parts_that_meet_on_the_border_crosses_once(turned):
    parts = shapely.MultiLineString([[(-1, 0.2), (0, 0.5)], [(0, 0.5), (1, 0.2)]])
    if turned:
        parts = shapely.MultiLineString([[(1, 0.2), (0, 0.5)], [(0, 0.5), (-1, 0.2)]])
    found = border_crossings(lines(parts), WEST_EAST)
    assert found[["from_country", "to_country"]].to_numpy().tolist() == [
        ["BBB", "AAA"] if turned else ["AAA", "BBB"]
    ]


def test_a_crossing_at_a_tripoint_stands_on_the_border_it_names():
    borders = load_borders("110m")
    ends = shapely.get_coordinates(shapely.boundary(borders.geometry.to_numpy()))
    places, times = np.unique(ends, axis=0, return_counts=True)
    rng = np.random.default_rng(3)
    ways = []
    for node in places[times >= 3]:
        for angle in rng.uniform(0, 2 * np.pi, 12):
            step = 0.4 * np.array([np.cos(angle), np.sin(angle)])
            turn = 0.4 * np.array([np.cos(angle + 2.5), np.sin(angle + 2.5)])
            ways.append(shapely.LineString([node - step, node, node + turn]))
    found = border_crossings(lines(*ways), borders)
    segments = border_segments(borders)
    at = segment_of(found, segments)
    apart = shapely.distance(found.geometry.to_numpy(), segments.geometry.to_numpy()[at])
    assert len(found) > 200
    assert (at >= 0).all()
    assert apart.max() < 1e-9


@pytest.mark.parametrize("name", ["first_seen", "last_seen"])
def test_times_that_are_numbers_or_words_are_refused(name):
    route = shapely.LineString([(-1, 0), (1, 0)])
    with pytest.raises(SchemaError, match="numbers in"):
        border_crossings(lines(route, **{name: [20240105]}), WEST_EAST)
    with pytest.raises(DateError, match=name):
        border_crossings(lines(route, **{name: ["soon"]}), WEST_EAST)
    assert len(border_crossings(lines(route, **{name: [pd.NaT]}), WEST_EAST)) == 1


def test_borders_without_geometry_are_counted():
    more = pd.concat([WEST_EAST, WEST_EAST.set_geometry([None]), WEST_EAST], ignore_index=True)
    more.loc[2, "geometry"] = shapely.LineString()
    route = shapely.LineString([(-1, 0.3), (1, 0.3)])
    found = border_crossings(lines(route), more)
    assert len(found) == 1
    assert found.attrs["geocn"]["left_out"]["borders_without_geometry"] == 2
    segments = border_segments(more)
    assert segments.attrs["geocn"]["left_out"]["no_geometry"] == 2
    assert segments["length_km"].sum() == pytest.approx(221.15, abs=0.1)


def test_the_parts_of_one_border_do_not_share_chainage():
    parts = shapely.MultiLineString([[(0, -1), (0, 0)], [(0, 0.5), (0, 1)]])
    known = WEST_EAST.set_geometry([parts]).assign(chainage_from_km=[100.0])
    segments = border_segments(known, length_km=20).sort_values("chainage_from_km")
    starts, ends = segments["chainage_from_km"].to_numpy(), segments["chainage_to_km"].to_numpy()
    assert starts[0] == 100
    assert (starts[1:] >= ends[:-1] - 1e-9).all()
    route = shapely.LineString([(-1, 0.7), (1, 0.7)])
    crossing = border_crossings(lines(route), known)
    row = segment_of(crossing, segments)[0]
    assert segments.geometry.iloc[row].distance(crossing.geometry.iloc[0]) < 1e-6


def test_amounts_below_zero_are_no_flow():
    from geocn.hotspots import border_hotspots

    route = shapely.LineString([(-1, 0.3), (1, 0.3)])
    found = border_crossings(lines(route, weight_kg=[-5.0]), WEST_EAST)
    with pytest.raises(LayerError, match="weight_kg"):
        border_hotspots(found, border_segments(WEST_EAST))


def test_a_date_centuries_off_is_refused_by_row():
    from geocn.hotspots import border_hotspots

    route = shapely.LineString([(-1, 0.3), (1, 0.3)])
    seen = pd.to_datetime(["2024-01-05", "2024-03-05", "9999-12-31"], utc=True)
    found = border_crossings(lines(route, route, route, first_seen=seen), WEST_EAST)
    with pytest.raises(DateError, match=r"1 row: 2"):
        border_hotspots(found, border_segments(WEST_EAST))
    assert border_hotspots(found, border_segments(WEST_EAST), step=None)["n_routes"].sum() == 3


def test_rows_of_borders_without_chainage_run_on_alike_in_crossings_and_segments():
    two = [shapely.LineString([(0, -1), (0, 0)]), shapely.LineString([(0, 0), (0, 1)])]
    borders = pd.concat([WEST_EAST, WEST_EAST], ignore_index=True).set_geometry(two)
    route = shapely.LineString([(-1, 0.7), (1, 0.7)])
    found = border_crossings(lines(route), borders)
    segments = border_segments(borders)
    row = segment_of(found, segments)[0]
    assert segments.geometry.iloc[row].distance(found.geometry.iloc[0]) < 1e-6


def test_a_table_without_geometry_is_refused():
    with pytest.raises(SchemaError, match="without a geometry column"):
        border_crossings(pd.DataFrame({"route_id": ["a"]}), WEST_EAST)
    with pytest.raises(SchemaError, match="without a geometry column"):
        border_crossings(gpd.GeoDataFrame({"route_id": ["a"]}), WEST_EAST)


def test_borders_that_no_route_can_meet_are_told():
    borders = load_borders("110m")
    borders = borders[borders["dyad"] == "COL-ECU"]
    route = shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])
    assert len(border_crossings(lines(route), borders)) == 1
    swapped = borders.set_geometry(shapely.transform(borders.geometry, lambda xy: xy[:, ::-1]))
    with pytest.warns(AssumptionWarning, match="share no place"):
        assert len(border_crossings(lines(route), swapped)) == 0
    inland = shapely.LineString([(-78, 0.2), (-77.9, 0.3)])
    for quiet in (lines(inland), lines(inland)[:0], lines(None)):
        assert len(border_crossings(quiet, borders)) == 0
