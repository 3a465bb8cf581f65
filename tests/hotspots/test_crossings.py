"""Crossings: debounced, directed, timed; grazes, runs and landfalls apart."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import (
    CoordinateError,
    CRSError,
    DateError,
    GeometryError,
    LayerError,
    ParameterError,
)
from geocn.hotspots import border_crossings, border_segments
from geocn.hotspots.stays import Change, debounce
from geocn.spatial.borders import load_borders, load_countries

PER_DEGREE = 111_319.49  # metres along the equator


def borders(*lines, coast=False):
    """Meridian borders between made-up countries, west to east: A|B at 0, B|C at 1 …"""
    rows = [
        {"dyad": f"{a}-{b}", "kind": "land", "left": a, "right": b, "scale": "10m"}
        for a, b, _ in lines
    ]
    geometry = [shapely.LineString([(x, -2), (x, 2)]) for *_, x in lines]
    return gpd.GeoDataFrame(rows, geometry=geometry, crs=4326)


AB = borders(("AAA", "BBB", 0.0))


def routes(*lines, **columns):
    geometry = [None if line is None else shapely.LineString(line) for line in lines]
    ids = [f"r{i}" for i in range(len(lines))]
    return gpd.GeoDataFrame({"route_id": ids, **columns}, geometry=geometry, crs=4326)


def test_direction_chainage_and_time_follow_the_route():
    there = [(-1, 0), (3, 0)]
    found = border_crossings(
        routes(there, there[::-1], first_seen=["2024-01-01"] * 2, last_seen=["2024-01-05"] * 2), AB
    )
    assert found[["from_country", "to_country"]].to_numpy().tolist() == [
        ["AAA", "BBB"],
        ["BBB", "AAA"],
    ]
    assert found["dyad"].tolist() == ["AAA-BBB"] * 2
    assert found["chainage_km"].tolist() == pytest.approx([221.15] * 2, abs=0.01)
    assert found["crossed_at"].dt.round("s").astype(str).tolist() == [
        "2024-01-02 00:00:00+00:00",
        "2024-01-04 00:00:00+00:00",
    ]
    assert found.geometry.iloc[0].equals_exact(shapely.Point(0, 0), 1e-9)


@pytest.mark.parametrize("metres,crossings", [(200, 0), (480, 0), (520, 2), (5000, 2)])
def test_an_excursion_counts_from_its_length_along_the_route(metres, crossings):
    # There and back: the excursion is twice as long as it is deep.
    deep = metres / PER_DEGREE
    found = border_crossings(routes([(-1, 0), (deep, 0), (-1, 1e-9)]), AB)
    assert len(found) == crossings
    assert found.attrs["geocn"]["reported"]["grazes"] == (0 if crossings else 1)


def test_a_zigzag_along_the_border_is_one_crossing_or_none():
    y = np.linspace(0, 0.1, 21)
    zigzag = np.column_stack([np.where(np.arange(21) % 2, 0.001, -0.001), y])
    ends_east = [(-1, 0), *zigzag.tolist(), (1, 0.1)]
    ends_west = [(-1, 0), *zigzag.tolist(), (-1, 0.1)]
    found = border_crossings(routes(ends_east, ends_west), AB)
    assert found["route_id"].tolist() == ["r0"]
    assert found[["from_country", "to_country"]].to_numpy().tolist() == [["AAA", "BBB"]]
    reported = found.attrs["geocn"]["reported"]
    assert reported["runs_along_border"] == 2
    assert reported["grazes"] >= 18


def test_a_route_that_ends_just_over_the_border_has_crossed():
    found = border_crossings(routes([(-1, 0), (0.001, 0)]), AB)
    assert found["to_country"].tolist() == ["BBB"]


def test_a_run_on_the_border_itself_is_one_change_of_country():
    on = [(-1, -1), (0, -1), (0, 1), (1, 1)]
    touch = [(-1, -1), (0, -1), (0, 1), (-1, 1)]
    found = border_crossings(routes(on, touch), AB)
    assert found["route_id"].tolist() == ["r0"]


def test_a_vertex_on_the_border_is_crossed_once_or_touched():
    through = [(-1, 0), (0, 0), (1, 0)]
    touching = [(-1, 0), (0, 0), (-1, 1)]
    found = border_crossings(routes(through, touching, through[::-1], touching[::-1]), AB)
    assert found["route_id"].tolist() == ["r0", "r2"]


def test_three_countries_in_a_row():
    three = borders(("AAA", "BBB", 0.0), ("BBB", "CCC", 1.0))
    found = border_crossings(routes([(2, 0), (-1, 0)]), three)
    assert found["dyad"].tolist() == ["BBB-CCC", "AAA-BBB"]
    assert found["distance_along_km"].is_monotonic_increasing


@pytest.mark.parametrize("x", [179.9, -179.9, 180.0])
def test_across_180(x):
    line = borders(("AAA", "BBB", x))
    start, end = (x - 1 + 180) % 360 - 180, (x + 1 + 180) % 360 - 180
    found = border_crossings(routes([(start, 0), (end, 0)], [(end, 0), (start, 0)]), line)
    assert found["to_country"].tolist() == ["BBB", "AAA"]
    assert np.allclose(found["distance_along_km"], 111.32, atol=0.01)


def test_routes_without_geometry_or_length_are_counted():
    frame = routes(None, [(5, 0), (5, 0)], [(-1, 0), (1, 0)], [(-1, 0), (0, 0), (0, 0), (1, 0)])
    frame.loc[len(frame)] = ["empty", shapely.LineString()]
    frame.loc[len(frame)] = ["one", shapely.MultiLineString([[(0, 1), (0, 1)], [(-1, 1), (1, 1)]])]
    found = border_crossings(frame, AB)
    assert found["route_id"].tolist() == ["r2", "r3", "one"]
    assert found.attrs["geocn"]["left_out"] == {
        "no_geometry": 2,
        "no_length": 1,
        "borders_without_geometry": 0,
    }


def test_an_empty_layer_gives_the_same_columns():
    full = border_crossings(routes([(-1, 0), (1, 0)], weight_kg=[5.0]), AB)
    for none in (routes(weight_kg=[]), routes(None, weight_kg=[1.0])):
        empty = border_crossings(none, AB)
        assert list(empty.columns) == list(full.columns)
        assert (empty.drop(columns="geometry").dtypes == full.drop(columns="geometry").dtypes).all()
        assert len(empty) == 0
        assert empty.crs.to_epsg() == 4326


def test_time_is_known_only_where_it_can_be():
    line = [(-1, 0), (1, 0)]
    frame = routes(
        *[line] * 4,
        first_seen=["2024-01-03", "2024-01-03", None, None],
        last_seen=["2024-01-01", None, "2024-01-05", None],
    )
    found = border_crossings(frame, AB, time_reversed="as_drawn")["crossed_at"]
    assert found.isna().tolist() == [True, False, False, True]
    assert found.dt.day.iloc[1:3].tolist() == [3, 5]


def test_attributes_and_markings_travel_with_the_crossing():
    frame = routes([(-1, 0), (1, 0)], weight_kg=[7.0], marking=["TLP:AMBER"], mode=["road"])
    row = border_crossings(frame.set_index(pd.Index(["label"])), AB).iloc[0]
    assert (row["weight_kg"], row["marking"], row["mode"]) == (7.0, "TLP:AMBER", "road")
    assert row["route_row"] == 0


def test_borders_without_coast_report_changes_they_cannot_see():
    gap = borders(("AAA", "BBB", 0.0), ("CCC", "DDD", 1.0))
    found = border_crossings(routes([(-1, 0), (2, 0)]), gap)
    assert found["dyad"].tolist() == ["AAA-BBB", "CCC-DDD"]
    assert found.attrs["geocn"]["reported"]["unseen_changes"] == 1


def test_faults_are_refused():
    good = routes([(-1, 0), (1, 0)])
    with pytest.raises(LayerError, match="left"):
        border_crossings(good, AB.drop(columns=["left"]))
    with pytest.raises(GeometryError) as error:
        border_crossings(gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=4326), AB)
    assert error.value.rows == [0]
    with pytest.raises(CRSError):
        border_crossings(good.set_crs(None, allow_override=True), AB)
    with pytest.raises(CoordinateError):
        border_crossings(routes([(190, 0), (200, 0)]), AB)
    with pytest.raises(ParameterError):
        border_crossings(good, AB, min_excursion_m=-1)
    with pytest.raises(ParameterError, match="landfall"):
        border_crossings(good, AB, include=("air",))


def test_landfalls_are_told_apart_on_real_coasts():
    sea = routes([(-80, 8.5), (-82, 9.5), (-82, 12), (-84.5, 12)])  # Panama to Nicaragua by sea
    world = load_borders("50m")
    assert len(border_crossings(sea, world)) == 0
    every = border_crossings(sea, world, include=("land", "landfall", "departure"))
    assert every["kind"].tolist()[0] == "departure"
    assert every["kind"].tolist()[-1] == "landfall"
    assert every["dyad"].tolist()[-1] == "NIC"


def test_the_first_and_last_countries_are_those_of_the_ends_on_real_borders():
    rng = np.random.default_rng(7)
    n = 150
    start = np.column_stack([rng.uniform(-78, -55, n), rng.uniform(-20, 8, n)])
    walk = start[:, None] + np.cumsum(rng.normal(0, 0.7, (n, 12, 2)), axis=1)
    frame = routes(*walk)
    world = load_borders("50m")
    found = border_crossings(
        frame, world, min_excursion_m=0, include=("land", "landfall", "departure")
    )
    countries = load_countries("50m")[["iso_a3", "geometry"]]

    def country_at(points):
        places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*points.T), crs=4326)
        joined = places.sjoin(countries, how="left")["iso_a3"].fillna("")
        return joined[~joined.index.duplicated()].to_numpy()

    first, last = country_at(walk[:, 0]), country_at(walk[:, -1])
    for row, changes in found.groupby("route_row"):
        assert changes["from_country"].iloc[0] == first[row]
        assert changes["to_country"].iloc[-1] == last[row]
        assert (changes["to_country"].iloc[:-1] == changes["from_country"].iloc[1:].array).all()
    quiet = np.setdiff1d(np.arange(n), found["route_row"])
    assert (first[quiet] == last[quiet]).all()
    # Every crossing lies on the border it names.
    land = found[~found["kind"].isin(["landfall", "departure"])].reset_index(drop=True)
    lines = world.dissolve("dyad").geometry.loc[land["dyad"]].reset_index(drop=True)
    assert shapely.distance(land.geometry.to_numpy(), lines.to_numpy()).max() < 1e-9


def test_a_river_mouth_is_crossed_as_the_land_border_beside_it():
    land = AB.assign(geometry=[shapely.LineString([(0, -2), (0, 0)])])
    coast = gpd.GeoDataFrame(
        {"dyad": ["AAA", "BBB"], "kind": "coast", "left": ["", "BBB"], "right": ["AAA", ""]},
        geometry=[
            shapely.LineString([(0, 0), (-0.002, 0.01), (-0.002, 2)][::-1]),
            shapely.LineString([(0, 0), (0.002, 0.01), (0.002, 2)][::-1]),
        ],
        crs=4326,
    )
    coast["left"], coast["right"] = ["", "BBB"], ["AAA", ""]
    both = pd.concat([land, coast], ignore_index=True)
    found = border_crossings(routes([(-1, 0.02), (1, 0.02)]), both)
    assert found[["from_country", "to_country"]].to_numpy().tolist() == [["AAA", "BBB"]]
    assert found["chainage_km"].iloc[0] == pytest.approx(221.15, abs=0.01)
    assert found.attrs["geocn"]["reported"]["short_sea_passages"] == 1


@given(
    stays=st.lists(
        st.tuples(st.sampled_from(["A", "B", "C", ""]), st.floats(1, 3000)), min_size=2, max_size=12
    )
)
def test_debouncing_keeps_the_ends_and_leaves_no_short_excursion(stays):
    label = [stays[0]]
    for stay in stays[1:]:
        if stay[0] != label[-1][0]:
            label.append(stay)
    at = np.cumsum([length for _, length in label])
    changes = [Change(float(at[i]), i, label[i][0], label[i + 1][0]) for i in range(len(label) - 1)]
    result = debounce(changes, 1000)
    every = sorted(
        [*result.changes, *(c for pair in result.bridged for c in pair)], key=lambda c: c.at_m
    )
    path = [label[0][0], *(c.target for c in every)]
    assert path[-1] == label[-1][0]
    for a, b in pairwise(every):
        assert a.target == b.origin
        assert a.origin != b.target or b.at_m - a.at_m >= 1000
    removed = 2 * len(result.undone)
    assert len(every) + removed == len(changes)


def test_grazes_and_runs_are_rows_where_asked_for():
    graze = [(-1, 0), (0.002, 0), (-1, 1e-9)]
    run = [(-1, 0), (0.001, 0), (-0.001, 0.01), (0.001, 0.02), (-1, 0.03)]
    every = ("land", "graze", "along_border")
    found = border_crossings(routes(graze, run), AB, include=every)
    assert found["crossing_kind"].tolist() == ["graze", "graze", "along_border", "graze"]
    assert found["kind"].tolist() == ["land"] * 4
    assert found["excursion_m"].iloc[0] == pytest.approx(2 * 0.002 * PER_DEGREE, rel=1e-6)
    # Two whole steps between the turns, and a stretch as deep as the zigzag at either end.
    assert found["excursion_m"].iloc[2] == pytest.approx(2 * 1128 + 2 * 111, rel=0.01)
    assert found.attrs["geocn"]["reported"]["grazes"] == 3
    assert found.attrs["geocn"]["reported"]["runs_along_border"] == 1
    assert len(border_crossings(routes(graze, run), AB)) == 0


def test_each_count_that_is_reported_can_be_had_as_rows():
    rng = np.random.default_rng(3)
    world = load_borders("50m", kinds=("land", "coast"))
    near = world[world["dyad"].isin(["COL-ECU", "ECU", "COL-PER"])].geometry
    start = rng.choice(shapely.get_coordinates(near.to_numpy()), 60)[:, None]
    walk = start + np.cumsum(rng.normal(0, 0.003, (60, 60, 2)), axis=1)
    every = ("land", "landfall", "departure", "graze", "coast_graze", "along_border")
    found = border_crossings(routes(*walk), load_borders("50m"), include=every)
    counts = found["crossing_kind"].value_counts()
    names = {
        "grazes": "graze",
        "runs_along_border": "along_border",
        "coast_grazes": "coast_graze",
        "landfalls": "landfall",
        "departures": "departure",
    }
    reported = found.attrs["geocn"]["reported"]
    assert {name: int(counts.get(kind, 0)) for name, kind in names.items()} == {
        name: reported[name] for name in names
    }
    assert min(reported["grazes"], reported["coast_grazes"], reported["runs_along_border"]) > 0
    plain = ("graze", "coast_graze", "along_border")
    assert (found["excursion_m"].notna() == found["crossing_kind"].isin(plain)).all()


def test_a_route_last_seen_before_it_was_first_seen_is_refused_or_followed():
    line = [(-1, 0), (3, 0)]
    times = {"first_seen": ["2024-01-01", "2024-01-05"], "last_seen": ["2024-01-05", "2024-01-01"]}
    frame = routes(line, line, **times).set_index(pd.Index(["right", "wrong"]))
    with pytest.raises(DateError, match="time_reversed") as error:
        border_crossings(frame, AB)
    assert error.value.rows == ["wrong"]
    followed = border_crossings(frame, AB, time_reversed="follow")
    assert followed["to_country"].tolist() == ["BBB", "AAA"]
    # The second starts at 3 degrees east on the first of January.
    assert followed["crossed_at"].dt.round("s").dt.day.tolist() == [2, 4]
    assert followed["distance_along_km"].tolist() == pytest.approx([111.32, 333.96], abs=0.01)
    assert followed.attrs["geocn"]["n_time_reversed"] == 1
    drawn = border_crossings(frame, AB, time_reversed="as_drawn")
    assert drawn["to_country"].tolist() == ["BBB", "BBB"]
    assert drawn["crossed_at"].isna().tolist() == [False, True]


def test_following_time_turns_the_parts_of_a_route_too():
    two = shapely.MultiLineString([[(-1, 0), (-0.5, 0)], [(0.5, 0), (0.2, 0), (-0.2, 0), (2, 0)]])
    times = {"first_seen": ["2024-01-05"], "last_seen": ["2024-01-01"]}
    back = shapely.MultiLineString([[(2, 0), (-0.2, 0), (0.2, 0), (0.5, 0)], [(-0.5, 0), (-1, 0)]])
    one, other = (gpd.GeoDataFrame(times, geometry=[g], crs=4326) for g in (two, back))
    followed = border_crossings(one, AB, time_reversed="follow")
    drawn = border_crossings(other, AB, time_reversed="as_drawn")
    assert followed["distance_along_km"].tolist() == drawn["distance_along_km"].tolist()
    assert followed["to_country"].tolist() == drawn["to_country"].tolist() == ["AAA", "BBB"]


def test_z_m_and_repeated_vertices_change_nothing():
    flat = [(-1, 0), (0.5, 0.1), (1, 0)]
    plain = border_crossings(routes(flat), AB)
    shapes = [
        shapely.LineString([(x, y, 5.0) for x, y in flat]),
        shapely.from_wkt("LINESTRING M (-1 0 7, 0.5 0.1 8, 1 0 9)"),
        shapely.from_wkt("LINESTRING ZM (-1 0 1 7, 0.5 0.1 1 8, 1 0 1 9)"),
        shapely.LineString([p for p in flat for _ in range(3)]),
    ]
    for shape in shapes:
        found = border_crossings(gpd.GeoDataFrame(geometry=[shape], crs=4326), AB)
        assert found["distance_along_km"].tolist() == plain["distance_along_km"].tolist()
        assert found.geometry.iloc[0].equals(plain.geometry.iloc[0])
        assert not found.has_z.any()


def test_areas_of_countries_are_borders_as_well():
    areas = load_countries("50m")
    south = areas[areas["iso_a3"].isin(["COL", "ECU", "PER", "BRA", "VEN"])]
    rng = np.random.default_rng(5)
    walk = rng.uniform((-79, -6), (-68, 8), (80, 1, 2)) + np.cumsum(
        rng.normal(0, 0.2, (80, 15, 2)), axis=1
    )
    kinds = ("land", "landfall", "departure")
    ours = border_crossings(routes(*walk), south, include=kinds)
    world = border_crossings(routes(*walk), load_borders("50m"), include=kinds)
    shared = set(south["iso_a3"])

    def inside(found):
        kept = found[[set(d.split("-")) <= shared for d in found["dyad"]]]
        kept = kept[kept["crossing_kind"] == "land"]
        return kept[["route_row", "from_country", "to_country"]].to_numpy().tolist()

    assert len(inside(world)) > 20
    assert inside(ours) == inside(world)
    assert ours.attrs["geocn"]["scale"] == "50m"
    assert ours.attrs["geocn"]["repairs"]["overlaps"]["n"] == 0


def test_the_disputed_flag_and_the_kind_of_the_border_are_kept():
    both = borders(("AAA", "BBB", 0.0), ("BBB", "CCC", 1.0))
    both["kind"], both["disputed"] = ["river", "disputed"], pd.array([False, True], "boolean")
    found = border_crossings(routes([(-1, 0), (2, 0)]), both)
    assert found["kind"].tolist() == ["river", "disputed"]
    assert found["disputed"].tolist() == [False, True]
    cut = border_segments(both, length_km=100)
    assert cut.groupby("dyad")["kind"].unique().map(list).to_dict() == {
        "AAA-BBB": ["river"],
        "BBB-CCC": ["disputed"],
    }
    assert cut.loc[cut["kind"] == "disputed", "disputed"].all()
    assert set(cut["scale"]) == {"10m"}


def test_sides_that_say_nothing_are_refused():
    blank = AB.assign(right="AAA")
    with pytest.raises(LayerError, match="countries=") as error:
        border_crossings(routes([(-1, 0), (1, 0)]), blank)
    assert error.value.rows == [0]
    with pytest.raises(ParameterError, match="include"):
        border_crossings(routes([(-1, 0), (1, 0)]), AB, include="land")


def countries_along(points, tree, codes):
    """Dumb oracle: the country at each of many places on a line; the sea is empty."""
    label = np.full(len(points), "", dtype=object)
    at, area = tree.query(points, predicate="intersects")
    label[at[::-1]] = codes[area[::-1]]
    return label


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_change_of_country_of_a_dumb_walk_is_found(seed):
    rng = np.random.default_rng(seed)
    areas = load_countries("110m")
    tree, codes = shapely.STRtree(areas.geometry.to_numpy()), areas["iso_a3"].to_numpy(object)
    start = rng.uniform((-85, -30), (-45, 20))
    line = np.vstack([start, start + np.cumsum(rng.normal(0, 1.5, (8, 2)), axis=0)])
    kinds = ("land", "landfall", "departure")
    found = border_crossings(routes(line), load_borders("110m"), min_excursion_m=0, include=kinds)
    along = np.linspace(0, 1, 40_001)
    shape = shapely.LineString(line)
    label = countries_along(
        shapely.line_interpolate_point(shape, along, normalized=True), tree, codes
    )
    path = [label[0], *label[1:][label[1:] != label[:-1]]]
    ours = [label[0], *found["to_country"]]
    if len(path) == len(ours):
        assert path == ours
    else:
        # The dumb walk steps over stays shorter than its step; the ends must agree.
        assert len(ours) > len(path)
        assert (ours[0], ours[-1]) == (path[0], path[-1])
    places = shapely.get_coordinates(found.geometry)
    sides = zip(places, found["from_country"], found["to_country"], strict=True)
    for (x, y), a, b in sides:
        for name in filter(None, (a, b)):
            area = areas.geometry[areas["iso_a3"] == name].iloc[0]
            assert shapely.distance(area, shapely.Point(x, y)) < 1e-9


def test_borders_given_or_left_out_are_the_same_borders():
    line = routes([(-77.5, 1.2), (-78.5, 0.2)], [(30, 50), (40, 50), (25, 48)])
    one, other = border_crossings(line), border_crossings(line, load_borders())
    assert len(one) > 2
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))
    assert one.attrs["geocn"]["scale"] == other.attrs["geocn"]["scale"] == "10m"
