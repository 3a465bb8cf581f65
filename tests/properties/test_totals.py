"""What goes in comes out: totals over partitions, groups and imprecise places."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import least_cost_corridors
from geocn.coverage import assess, reach
from geocn.cultivation import zonal_stats
from geocn.hotspots import count_events
from tests.properties.cases.world import density, grid

GEOD = pyproj.Geod(ellps="WGS84")
PLANE = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"


def demand(kind: str, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """30 rows of one kind that overlap, with weights that differ by orders of magnitude."""
    xy = rng.uniform((-78, 0), (-77, 1), (30, 2))
    size = rng.uniform(0.02, 0.3, (30, 2))
    if kind == "points":
        shapes = shapely.points(xy)
    elif kind == "lines":
        shapes = shapely.linestrings(np.stack([xy, xy + size], axis=1))
    else:
        shapes = shapely.box(*xy.T, *(xy + size).T)
    return gpd.GeoDataFrame({"people": 10 ** rng.uniform(-2, 6, 30)}, geometry=shapes, crs=4326)


def partners(rng: np.random.Generator) -> gpd.GeoDataFrame:
    """12 sites of four partners, some of them without a reach."""
    xy = rng.uniform((-78, 0), (-77, 1), (12, 2))
    km = np.where(rng.random(12) < 0.2, np.nan, rng.uniform(1, 40, 12))
    names = rng.choice(["a", "b", "c", "d"], 12)
    data = {"partner": names, "kind": rng.choice(["patrol", "clinic"], 12), "reach_km": km}
    return reach(gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(*xy.T), crs=4326))


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["points", "lines", "areas"]),
    st.sampled_from(["once", "add"]),
    st.integers(0, 10_000),
)
def test_covered_and_not_covered_make_the_whole(kind: str, overlaps: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    needs, reaches = demand(kind, rng), partners(rng)
    found = assess(needs, reaches, weight="people", overlaps=overlaps)
    assert found.covered + found.gaps["gap_weight"].sum() == pytest.approx(found.total, rel=2e-9)
    assert found.total + found.overlap_weight == pytest.approx(needs["people"].sum(), rel=1e-9)
    assert found.demand["covered_weight"].sum() == pytest.approx(found.covered, rel=1e-9)
    for name, table in found.by.items():
        matrix = found.overlaps[name].to_numpy()
        assert (matrix == matrix.T).all()
        np.testing.assert_allclose(np.diag(matrix), table["covered_weight"], rtol=1e-9)
        pairs = np.minimum.outer(np.diag(matrix), np.diag(matrix))
        assert (matrix <= pairs * (1 + 1e-9) + 1e-6).all()
        slack = 1e-9 * found.total + 1e-6
        assert table["exclusive_weight"].sum() <= found.covered + slack
        assert found.covered <= table["covered_weight"].sum() + slack


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40))
def test_zonal_sums_add_up_over_a_partition(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    raster = density()
    whole = shapely.box(-55_000, -45_000, 52_000, 41_500)  # part of it beyond the raster
    seeds = shapely.MultiPoint(rng.uniform(-38_000, 38_000, (n, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=whole))
    parts = shapely.intersection(cells, whole)
    zones = gpd.GeoDataFrame(geometry=parts, crs=PLANE)
    one = gpd.GeoDataFrame(geometry=[whole], crs=PLANE)
    stats = ("sum", "count")
    pieces, total = (zonal_stats(z, raster, stats=stats)[list(stats)].sum() for z in (zones, one))
    np.testing.assert_allclose(pieces, total, rtol=1e-9)
    np.testing.assert_allclose(total["sum"], np.nansum(raster), rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["spread", "leave_out"]))
def test_imprecise_events_are_counted_or_accounted_for(seed: int, imprecise: str) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform((-78.3, -0.3), (-76.7, 1.3), (300, 2))
    radius = 10 ** rng.uniform(1, 6, 300)
    radius[rng.random(300) < 0.1] = np.nan
    events = gpd.GeoDataFrame(
        {"location_precision_m": radius}, geometry=gpd.points_from_xy(*xy.T), crs=4326
    )
    found = count_events(events, grid(), imprecise=imprecise, seed=seed)
    record = found.attrs["geocn"]
    total = found["n_events"].sum() + sum(record["left_out"].values())
    assert total == pytest.approx(300, abs=1e-9)
    assert found["n_imprecise"].sum() == pytest.approx(record["n_imprecise"])
    assert found["n_events"].sum() == pytest.approx(record["n_counted"])


def test_spreading_loses_as_many_at_the_edge_as_it_brings_in() -> None:
    """Over a field of even events, spreading keeps the expected number in the areas."""
    rng = np.random.default_rng(2)
    xy = rng.uniform((-79, -1), (-76, 2), (20_000, 2))
    events = gpd.GeoDataFrame(
        {"location_precision_m": np.full(20_000, 40_000.0)},
        geometry=gpd.points_from_xy(*xy.T),
        crs=4326,
    )
    spread = count_events(events, grid(), seed=1)
    plain = count_events(events.drop(columns="location_precision_m"), grid())
    expected = plain["n_events"].sum()
    assert abs(spread["n_events"].sum() - expected) < 4 * np.sqrt(expected)
    assert spread["n_imprecise"].sum() == spread["n_events"].sum()
    off = spread.attrs["geocn"]["left_out"]
    assert off["outside"] == 0
    assert spread["n_events"].sum() + off["spread_outside"] == pytest.approx(20_000)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([-180.0, -179.9999, 179.99, 180.0, 0.0]),
    st.floats(-90, 90),
    st.floats(0.5, 3000),
    st.floats(0, 360),
)
def test_reach_near_the_antimeridian_and_the_poles(
    lon: float, lat: float, km: float, azimuth: float
) -> None:
    site = gpd.GeoDataFrame(geometry=[shapely.Point(lon, lat)], crs=4326)
    area = reach(site, distance_km=km).geometry.iloc[0]
    assert area.is_valid
    assert area.bounds[0] >= -180
    assert area.bounds[2] <= 180
    for share, inside in ((0.98, True), (1.02, False)):
        x, y, _ = GEOD.fwd(lon, lat, azimuth, km * 1000 * share)
        assert area.buffer(1e-9).intersects(shapely.Point(x, y)) == inside


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([-179.95, 179.0, 180.0, 20.0]),
    st.floats(-70, 70),
    st.floats(5, 200),
    st.floats(0, 360),
)
def test_reach_of_a_line_near_the_antimeridian(
    lon: float, lat: float, km: float, azimuth: float
) -> None:
    end_lon, end_lat, _ = GEOD.fwd(lon, lat, 90, 60_000)
    jump = abs(end_lon - lon) > 180  # cut where it leaves the map, as geometries are
    half = (
        [(lon, lat), (180.0, (lat + end_lat) / 2)],
        [(-180.0, (lat + end_lat) / 2), (end_lon, end_lat)],
    )
    line = (
        shapely.MultiLineString(half)
        if jump
        else shapely.LineString([(lon, lat), (end_lon, end_lat)])
    )
    area = reach(gpd.GeoDataFrame(geometry=[line], crs=4326), distance_km=km).geometry.iloc[0]
    assert area.is_valid
    for share in (0.5, 0.98):
        x, y, _ = GEOD.fwd(lon, lat, azimuth, km * 1000 * share)
        assert area.buffer(1e-9).intersects(shapely.Point(x, y))
    x, y, _ = GEOD.fwd(lon, lat, 270, km * 1020)
    assert not area.intersects(shapely.Point(x, y))


def test_a_corridor_grows_with_its_tolerance_and_is_the_same_both_ways() -> None:
    friction = density().fillna(np.inf)
    levels = [0, 0.01, 0.05, 0.2]
    there = least_cost_corridors(friction, [(2, 3)], [(35, 38)], tolerances=levels)
    back = least_cost_corridors(friction, [(35, 38)], [(2, 3)], tolerances=levels)
    assert there["n_cells"].is_monotonic_increasing
    assert there["least_cost"].nunique() == 1
    np.testing.assert_allclose(there["max_cost"], there["least_cost"] * (1 + np.array(levels)))
    assert there["n_cells"].tolist() == back["n_cells"].tolist()
