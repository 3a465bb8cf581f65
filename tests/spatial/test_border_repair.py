"""Borders made of areas: shared edges, repaired slivers, and the account of both."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import CRSError, GeometryError, LayerError, ParameterError, SchemaError
from geocn.hotspots import border_crossings, border_segments
from geocn.spatial.border_repair import borders_from_countries, country_codes
from geocn.spatial.borders import load_borders, load_countries
from geocn.spatial.geodesy import area_km2, geodesic_length_km

METRE = 1 / 111_320


def areas(*shapes, names=None, **columns):
    codes = names or [chr(65 + i) * 3 for i in range(len(shapes))]
    return gpd.GeoDataFrame({"iso_a3": codes, **columns}, geometry=list(shapes), crs=4326)


def box(west, east, south=0.0, north=1.0):
    return shapely.box(west, south, east, north)


def repairs(frame):
    return frame.attrs["geocn"]["repairs"]


def test_areas_that_fit_give_the_line_they_share():
    found = borders_from_countries(areas(box(0, 1), box(1, 2)), kinds=("land", "coast"))
    assert found["kind"].tolist() == ["coast", "land", "coast"]
    land = found[found["kind"] == "land"].iloc[0]
    assert (land["dyad"], land["left"], land["right"]) == ("AAA-BBB", "AAA", "BBB")
    assert shapely.get_coordinates(land.geometry).tolist() == [[1, 0], [1, 1]]
    assert land["chainage_to_km"] == pytest.approx(110.574, abs=0.001)
    assert not land["disputed"]
    for _, coast in found[found["kind"] == "coast"].iterrows():
        assert {coast["left"], coast["right"]} == {coast["dyad"], ""}


@pytest.mark.parametrize("width", [-50, -5, 5, 50])
def test_slivers_are_closed_and_counted(width):
    left = box(0, 1)
    right = shapely.segmentize(box(1 + width * METRE, 2), 0.3)
    found = borders_from_countries(areas(left, right), snap_m=100)
    assert found["dyad"].tolist() == ["AAA-BBB"]
    assert geodesic_length_km(found.geometry).sum() == pytest.approx(110.574, abs=0.3)
    report = repairs(found)
    what = "overlaps" if width < 0 else "gaps"
    if width < 0:
        assert report[what]["n"] == 1
        assert report[what]["area_km2"] == pytest.approx(abs(width) / 1000 * 110.574, rel=0.02)
        assert list(report[what]["pairs"]) == ["AAA-BBB"]
    assert report["unrepaired"] == []


def test_a_gap_within_is_given_to_a_neighbour_and_counted():
    hole = shapely.box(1 - 20 * METRE, 0.4, 1, 0.6)
    found = borders_from_countries(areas(box(0, 1).difference(hole), box(1, 2)), snap_m=30)
    gaps = repairs(found)["gaps"]
    assert gaps["n"] == 1
    assert gaps["pairs"]["AAA-BBB"]["area_km2"] == pytest.approx(area_km2([hole])[0], rel=1e-3)
    assert shapely.length(found.geometry).sum() == pytest.approx(1, rel=1e-3)


def test_a_wide_gap_stays_open_and_is_listed():
    lake = shapely.box(0.9, 0.4, 1, 0.6)
    frame = areas(box(0, 1).difference(lake), box(1, 2))
    found = borders_from_countries(frame, snap_m=100, kinds=("land", "coast"))
    (left,) = repairs(found)["unrepaired"]
    assert (left["kind"], left["pair"]) == ("gap", "AAA-BBB")
    assert left["area_km2"] == pytest.approx(area_km2([lake])[0], rel=1e-6)
    assert shapely.contains(lake, shapely.Point(left["at"]))
    assert shapely.length(found.geometry[found["kind"] == "land"]).sum() == pytest.approx(0.8)


def test_a_wide_overlap_is_listed_and_its_border_disputed():
    frame = areas(box(0, 1.1), shapely.box(1, 0.3, 2, 0.7), box(1.1, 2, -1, 0.3))
    found = borders_from_countries(frame, snap_m=100)
    (left,) = repairs(found)["unrepaired"]
    assert (left["kind"], left["pair"]) == ("overlap", "AAA-BBB")
    contested = shapely.box(1, 0.3, 1.1, 0.7)
    assert left["area_km2"] == pytest.approx(area_km2([contested])[0], rel=1e-3)
    between = found[found["dyad"] == "AAA-BBB"]
    assert between["disputed"].all()
    assert (between["kind"] == "disputed").all()
    assert not found.loc[found["dyad"] != "AAA-BBB", "disputed"].any()


@pytest.mark.parametrize("scale,share", [("110m", 0.002), ("50m", 1e-9)])
def test_the_bundled_countries_give_the_bundled_borders(scale, share):
    known = load_borders(scale)
    made = borders_from_countries(load_countries(scale))
    assert set(made["dyad"]) == set(known["dyad"])
    total = geodesic_length_km(known.geometry).sum()
    assert geodesic_length_km(made.geometry).sum() == pytest.approx(total, rel=share)
    assert set(made["scale"]) == {scale}
    sides = known.drop_duplicates("dyad").set_index("dyad")[["left", "right"]]
    same = made.drop_duplicates("dyad").set_index("dyad")[["left", "right"]]
    assert (sides.sort_index() == same.sort_index()).all().all()
    span = made["chainage_to_km"] - made["chainage_from_km"]
    assert np.allclose(span, geodesic_length_km(made.geometry), atol=1e-6)
    for _, rows in made.groupby("dyad"):
        assert rows["chainage_from_km"].iloc[0] == pytest.approx(0, abs=1e-9)
        assert np.allclose(rows["chainage_from_km"].iloc[1:], rows["chainage_to_km"].iloc[:-1])


def test_countries_drawn_one_by_one_are_made_to_fit():
    world = load_countries("50m")
    names = ["COL", "ECU", "PER", "BRA", "BOL", "VEN"]
    world = world[world["iso_a3"].isin(names)].reset_index(drop=True)
    rough = world.assign(geometry=shapely.make_valid(shapely.simplify(world.geometry, 0.01)))
    assert not shapely.coverage_is_valid(rough.geometry.to_numpy())
    exact, made = borders_from_countries(world), borders_from_countries(rough, snap_m=2500)
    assert set(made["dyad"]) == set(exact["dyad"])
    total = geodesic_length_km(exact.geometry).sum()
    assert geodesic_length_km(made.geometry).sum() == pytest.approx(total, rel=0.03)
    report = repairs(made)
    assert min(report["overlaps"]["n"], report["gaps"]["n"]) > 5
    assert sum(p["n"] for p in report["gaps"]["pairs"].values()) == report["gaps"]["n"]
    assert report["unrepaired"] == []


def test_slivers_are_no_crossings():
    world = load_countries("50m")
    two = world[world["iso_a3"].isin(["COL", "ECU", "PER"])].reset_index(drop=True)
    rough = two.assign(geometry=shapely.make_valid(shapely.simplify(two.geometry, 0.01)))
    rng = np.random.default_rng(1)
    lines = shapely.linestrings(rng.uniform((-79, -5), (-72, 3), (60, 6, 2)))
    routes = gpd.GeoDataFrame(geometry=lines, crs=4326)
    made = borders_from_countries(rough, snap_m=2500, kinds=("land", "disputed", "coast"))
    exact = border_crossings(routes, two, min_excursion_m=3000)
    found = border_crossings(routes, made, min_excursion_m=3000)
    assert len(found) == pytest.approx(len(exact), rel=0.03)
    assert len(exact) > 50
    assert set(found["dyad"]) == set(exact["dyad"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_any_coverage_gives_each_shared_edge_once(seed):
    rng = np.random.default_rng(seed)
    points = shapely.multipoints(rng.uniform(0, 10, (12, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=shapely.box(0, 0, 10, 10)))
    codes = rng.choice(list("ABCDE"), len(cells)).tolist()
    frame = areas(*cells, names=codes)
    if len(set(codes)) < 2:
        return
    found = borders_from_countries(frame, kinds=("land", "disputed", "coast"))
    whole = frame.dissolve("iso_a3")
    # Dumb oracle: where the boundaries of two dissolved areas run together.
    for dyad, rows in found[found["kind"] == "land"].groupby("dyad"):
        one, other = (whole.geometry[name].boundary for name in dyad.split("-"))
        both = shapely.intersection(one, other)
        assert shapely.length(rows.geometry).sum() == pytest.approx(both.length, rel=1e-6)
    outer = shapely.union_all(cells).boundary.length
    coast = shapely.length(found.geometry[found["kind"] == "coast"])
    assert coast.sum() == pytest.approx(outer, rel=1e-6)
    for row in found.itertuples():
        xy = shapely.get_coordinates(row.geometry)
        middle, (dx, dy) = xy[:2].mean(axis=0), xy[1] - xy[0]
        across = 1e-6 * np.array([-dy, dx]) / np.hypot(dx, dy)
        for side, name in ((1, row.left), (-1, row.right)):
            inside = whole.index[whole.contains(shapely.Point(middle + side * across))].tolist()
            assert inside == ([name] if name else [])


def test_across_180():
    frame = areas(
        shapely.Polygon([(178, 0), (180, 0), (180, 1), (178, 1)]),
        shapely.Polygon([(-180, 0), (-179, 0), (-179, 1), (-180, 1)]),
        shapely.Polygon([(-179, 0), (-178, 0), (-178, 1), (-179, 1)]),
        names=["AAA", "AAA", "BBB"],
    )
    found = borders_from_countries(frame, kinds=("land", "coast"))
    assert found["dyad"].unique().tolist() == ["AAA", "AAA-BBB", "BBB"]
    for line in found.geometry:
        east = np.abs(shapely.get_coordinates(line)[:, 0]) == 180
        assert not (east[1:] & east[:-1]).any()
    jumping = areas(shapely.Polygon([(178, 0), (-179, 0), (-179, 1), (178, 1)]), box(-179, -178))
    assert borders_from_countries(jumping)["dyad"].tolist() == ["AAA-BBB"]
    routes = gpd.GeoDataFrame(geometry=[shapely.LineString([(179, 0.5), (-178.5, 0.5)])], crs=4326)
    assert border_crossings(routes, jumping)["to_country"].tolist() == ["BBB"]


def test_segments_of_areas_say_what_was_repaired():
    frame = areas(box(0, 1), box(1 - 20 * METRE, 2), scale=["1:50k"] * 2)
    found = border_segments(frame, length_km=20)
    assert len(found) == 6
    assert repairs(found)["overlaps"]["n"] == 1
    assert found.attrs["geocn"]["scale"] == "1:50k"
    crossings = border_crossings(
        gpd.GeoDataFrame(geometry=[shapely.LineString([(0.5, 0.5), (1.5, 0.5)])], crs=4326), frame
    )
    assert crossings["dyad"].tolist() == ["AAA-BBB"]
    assert repairs(crossings)["overlaps"]["n"] == 1


def test_no_shared_edge_is_an_error_that_says_so():
    with pytest.raises(LayerError, match="no two share an edge"):
        borders_from_countries(areas(box(0, 1), box(1.5, 2)))
    with pytest.raises(LayerError, match="snap_m"):
        border_crossings(
            gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326),
            areas(box(0, 1)),
        )


def test_faults_are_refused():
    good = areas(box(0, 1), box(1, 2))
    with pytest.raises(SchemaError, match="country="):
        borders_from_countries(good.rename(columns={"iso_a3": "x"}))
    assert country_codes(good.rename(columns={"iso_a3": "ADM0_A3"})).tolist() == ["AAA", "BBB"]
    assert country_codes(good.assign(mine=["x", "y"]), "mine").tolist() == ["x", "y"]
    with pytest.raises(LayerError) as error:
        borders_from_countries(good.assign(iso_a3=["AAA", None]))
    assert error.value.rows == [1]
    with pytest.raises(GeometryError) as fault:
        borders_from_countries(areas(box(0, 1), shapely.Point(0, 0)))
    assert fault.value.rows == [1]
    with pytest.raises(CRSError):
        borders_from_countries(good.set_crs(None, allow_override=True))
    for wrong in (-1.0, np.nan):
        with pytest.raises(ParameterError, match="snap_m"):
            borders_from_countries(good, snap_m=wrong)
    with pytest.raises(ParameterError, match="kinds"):
        borders_from_countries(good, kinds=("maritime",))
    none = areas(box(0, 1), None, shapely.Polygon(), box(1, 2))
    found = borders_from_countries(none)
    assert found.attrs["geocn"]["left_out"] == {"no_geometry": 2}


def test_an_invalid_area_is_mended_and_counted():
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    found = borders_from_countries(areas(bow, box(1, 2)))
    assert repairs(found)["n_invalid_areas"] == 1
    assert found["dyad"].tolist() == ["AAA-BBB"]
