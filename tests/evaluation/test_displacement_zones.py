"""Zones along corridors, and the events counted in them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

from geocn.errors import CRSError, GeometryError, LayerError, ParameterError, SchemaError
from geocn.evaluation import displacement, displacement_zones, zone_counts
from geocn.spatial.crs import LONLAT

#: Metres on a plane of its own, so that lengths can be told by heart.
PLANE = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"
BEFORE, AFTER = ("2023-01-01", "2023-12-31"), ("2024-01-01", "2024-12-30")


def areas(*shapes: object, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=PLANE)


def lines(*paths: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    return areas(*[shapely.LineString(path) for path in paths])


BOX = shapely.box(-2000, -2000, 2000, 2000)


def zone(frame: gpd.GeoDataFrame, role: str):
    return frame.to_crs(PLANE).set_index("role").geometry[role]


def test_a_road_gives_a_stretch_and_not_a_ring() -> None:
    frame = displacement_zones(areas(BOX), lines([(-50e3, 0), (50e3, 0)]), within_km=10)
    stretch = zone(frame, "displacement_treated")
    assert stretch.area / 1e6 == pytest.approx(2 * 10 * 1, rel=0.03)
    west, south, east, north = stretch.bounds
    assert east == pytest.approx(12_000, abs=250)
    assert west == pytest.approx(-12_000, abs=250)
    assert north - south == pytest.approx(1000, abs=10)
    ring = zone(frame, "ring_treated")
    assert ring.area / 1e6 == pytest.approx(4 * 4 * 10 + np.pi * 100, rel=0.01)
    assert stretch.intersection(zone(frame, "treated")).area < 1


def test_distance_runs_along_the_corridor() -> None:
    """A bend eats up distance: what a ring would take in lies too far along the road."""
    bent = lines([(0, 0), (6000, 0), (6000, 9000), (0, 9000)])
    frame = displacement_zones(areas(BOX), bent, within_km=8, line_width_km=0.4, cell_m=50)
    stretch = zone(frame, "displacement_treated")
    # On the inner edge of the lane 3.8 km to the bend and 4.2 km up; (0, 9000) is within
    # 8 km of the box, but 19 km along the road.
    assert stretch.bounds[3] == pytest.approx(4400, abs=120)
    assert zone(frame, "ring_treated").contains(shapely.Point(0, 9000))
    assert not stretch.intersects(shapely.Point(0, 9000).buffer(500))


def test_a_friction_surface_takes_cost() -> None:
    axis = np.arange(-200, 201) * 200.0
    friction = np.full((401, 401), np.nan)
    friction[198:203, :] = 0.002
    raster = xr.DataArray(friction, {"y": axis[::-1], "x": axis}, ("y", "x")).rio.write_crs(PLANE)
    frame = displacement_zones(areas(BOX), raster, within_cost=20.0, ring_km=5)
    stretch = zone(frame, "displacement_treated")
    # 20 minutes at 0.002 minutes a metre are 10 km, on a lane of five cells.
    assert stretch.bounds[2] == pytest.approx(12_000, abs=400)
    assert stretch.area / 1e6 == pytest.approx(2 * 10 * 1, rel=0.03)
    assert frame["drawn_from"].tolist() == ["given", "corridors", "ring"]


def test_control_has_a_zone_of_its_own_and_none_overlaps() -> None:
    control = areas(shapely.box(13_000, -2000, 17_000, 2000))
    road = lines([(-50e3, 0), (50e3, 0)])
    frame = displacement_zones(areas(BOX), road, control=control, within_km=8)
    assert frame["role"].tolist() == [
        "treated", "control", "displacement_treated", "displacement_control",
        "ring_treated", "ring_control",
    ]  # fmt: skip
    four = [zone(frame, role) for role in frame["role"][:4]]
    for i, one in enumerate(four):
        for other in four[i + 1 :]:
            assert one.intersection(other).area < 1
    # Between the two areas lie 11 km, of which the later zone would have had 5.
    assert frame.attrs["geocn"]["shared_km2"] == pytest.approx(5, abs=0.5)


def test_no_way_out_is_said() -> None:
    frame = displacement_zones(areas(BOX), lines([(20e3, 0), (50e3, 0)]), within_km=30)
    assert frame.attrs["geocn"]["no_way_out"] == ["displacement_treated"]
    assert frame["area_km2"].iloc[1] == 0


def test_bad_zones_are_refused() -> None:
    road = lines([(-50e3, 0), (50e3, 0)])
    with pytest.raises(ParameterError, match="give within_km"):
        displacement_zones(areas(BOX), road, within_cost=3)
    with pytest.raises(ParameterError, match="above zero"):
        displacement_zones(areas(BOX), road, within_km=-1)
    with pytest.raises(ParameterError, match="too many"):
        displacement_zones(areas(BOX), road, within_km=10, cell_m=0.5)
    with pytest.raises(GeometryError, match="points or lines"):
        displacement_zones(areas(shapely.Point(0, 0)), road, within_km=1)
    with pytest.raises(LayerError, match="share"):
        displacement_zones(areas(BOX), road, control=areas(BOX.buffer(100)), within_km=1)
    with pytest.raises(CRSError):
        displacement_zones(areas(BOX).set_crs(None, allow_override=True), road, within_km=1)


# ---- counting -------------------------------------------------------------------


def two_zones() -> gpd.GeoDataFrame:
    return areas(BOX, shapely.box(10e3, 0, 14e3, 4e3), role=["treated", "control"])


def events(*rows: tuple[float, float, str], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"seized_at": [row[2] for row in rows]} | columns,
        geometry=gpd.points_from_xy([r[0] for r in rows], [r[1] for r in rows]),
        crs=PLANE,
    )


def test_events_are_counted_once_or_said_to_be_left_out() -> None:
    found = zone_counts(
        events(
            (0, 0, "2023-05-05"), (0, 0, "2024-05-05"), (11e3, 1e3, "2024-12-30T23:59"),
            (5e3, 0, "2024-05-05"), (0, 0, "2022-01-01"), (0, 0, "2024-12-31"),
        ),
        two_zones(), before=BEFORE, after=AFTER,
    )  # fmt: skip
    assert found[["before", "after"]].values.tolist() == [[1, 1], [0, 1]]
    assert found.attrs["geocn"]["left_out"]["outside_zones"] == 1
    assert found.attrs["geocn"]["left_out"]["outside_periods"] == 2
    assert found.attrs["geocn"]["days"] == [365.0, 365.0]
    np.testing.assert_array_equal(found["before_low"], found["before"])
    np.testing.assert_array_equal(found["after_high"], found["after"])


def test_vague_places_and_dates_enter_the_range() -> None:
    found = zone_counts(
        events(
            (0, 0, "2023-01-01"), (1900, 0, "2023-06-01"), (2500, 0, "2023-06-01"),
            (0, 0, "2023-01-01"),
            location_precision_m=[0, 1000, 1000, 0], date_precision=["day", "day", "day", "year"],
        ),
        two_zones(), before=("2023-01-01", "2023-06-30"), after=("2023-07-01", "2023-12-31"),
    ).set_index("role").loc["treated"]  # fmt: skip
    # Sure: the first. By best place also the second; perhaps the third and the whole year.
    assert found[["before", "before_low", "before_high"]].tolist() == [2, 1, 4]
    assert found[["after", "after_low", "after_high"]].tolist() == [0, 0, 1]


def test_gaps_shorten_the_period() -> None:
    rows = events((0, 0, "2023-05-05"), (11e3, 1e3, "2024-05-05"))
    gap = {"from": "2023-01-01", "to": "2023-06-30"}
    found = zone_counts(rows, two_zones(), before=BEFORE, after=AFTER, gaps=[gap])
    assert found.attrs["geocn"]["days"] == [184.0, 365.0]
    assert found.attrs["geocn"]["left_out"]["during_gap"] == 1
    weights = displacement(found).attrs["geocn"]["time_weights"]
    assert weights == [184 / 365, 1.0]


def test_kinds_stand_apart() -> None:
    rows = events((0, 0, "2023-05-05"), (0, 0, "2024-05-05"), drug=["heroin", "cocaine"])
    found = zone_counts(rows, two_zones(), before=BEFORE, after=AFTER, kind="drug")
    assert found["kind"].tolist() == ["cocaine", "heroin"] * 2
    weighted = displacement(found, harm_weights={"cocaine": 1, "heroin": 3})
    assert weighted.loc["wdd_local", "estimate"] == 1 - 3


def test_an_event_on_a_common_edge_counts_once() -> None:
    zones = areas(BOX, shapely.box(2000, -2000, 6000, 2000), role=["treated", "control"])
    found = zone_counts(events((2000, 0, "2023-05-05")), zones, before=BEFORE, after=AFTER)
    assert found["before"].sum() == 1


def test_bad_counting_is_refused() -> None:
    rows = events((0, 0, "2023-05-05"))
    overlapping = areas(BOX, BOX.buffer(10), role=["treated", "control"])
    with pytest.raises(LayerError, match="treated and control share"):
        zone_counts(rows, overlapping, before=BEFORE, after=AFTER)
    with pytest.raises(ParameterError, match="overlap"):
        zone_counts(rows, two_zones(), before=AFTER, after=BEFORE)
    with pytest.raises(ParameterError, match=r"before ends.*before it begins"):
        zone_counts(rows, two_zones(), before=("2023-02-01", "2023-01-01"), after=AFTER)
    with pytest.raises(SchemaError, match="'role'"):
        zone_counts(rows, two_zones().drop(columns="role"), before=BEFORE, after=AFTER)
    with pytest.raises(LayerError, match="another role"):
        zone_counts(rows, two_zones().assign(role="x"), before=BEFORE, after=AFTER)


def test_zones_lead_straight_to_the_test() -> None:
    road = lines([(-50e3, 0), (50e3, 0)])
    control = areas(shapely.box(28_000, -2000, 32_000, 2000))
    zones = displacement_zones(areas(BOX), road, control=control, within_km=8)
    rng = np.random.default_rng(2)
    x = rng.uniform(-11e3, 41e3, 400)
    days = rng.choice(["2023-04-01", "2024-04-01"], 400)
    found = zone_counts(
        events(*[(a, 0.0, d) for a, d in zip(x, days, strict=True)]), zones,
        before=BEFORE, after=AFTER,
    )  # fmt: skip
    result = displacement(found)
    assert zones.crs == LONLAT
    assert abs(result.loc["wdd_total", "z"]) < 4
    assert not result.loc[["wdd_ring_total", "wdq_ring"]].empty


def test_outlines_that_cross_themselves_are_mended() -> None:
    bow = shapely.Polygon([(0, 0), (20e3, 20e3), (20e3, 0), (0, 20e3)])
    apart = shapely.box(50e3, 0, 60e3, 20e3)
    zones = areas(bow, apart, role=["treated", "control"])
    found = zone_counts(
        events((19e3, 10e3, "2024-02-01"), (10e3, 19e3, "2024-02-01")),
        zones, before=BEFORE, after=AFTER,
    )  # fmt: skip
    assert found.set_index("role").loc["treated", ["before", "after"]].sum() == 1
    road = lines([(-90e3, 10e3), (90e3, 10e3)])
    drawn = displacement_zones(zones[:1], road, within_km=5)
    assert zone(drawn, "treated").is_valid
    assert "displacement_treated" in set(drawn["role"])
    twisted = displacement_zones(areas(apart), areas(bow), within_km=50)
    assert twisted.geometry.is_valid.all()
