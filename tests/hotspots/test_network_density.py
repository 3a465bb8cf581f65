"""Density along a network: promises of the public function."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString as Line
from shapely import Point

from geocn.errors import CRSError, GeometryError, LayerError, ParameterError, SchemaError
from geocn.hotspots.density import kernel_density
from geocn.hotspots.network_density import network_kernel_density
from geocn.spatial.network_build import build_network

PLANE = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"
ROADS = gpd.GeoDataFrame(
    geometry=[
        Line([(0, -50_000), (0, 50_000)]),
        Line([(-50_000, 0), (50_000, 0)]),
        Line([(0, 10_000), (10_000, 0)]),
        Line([(200_000, 0), (201_000, 0)]),
    ],
    index=["north", "east", "short cut", "island"],
    crs=PLANE,
)
GOOD = {"bandwidth_m": 8_000, "lixel_m": 500}


def points(xy, **columns):
    geometry = [None if p is None else Point(p) for p in xy]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=PLANE)


def mass(lixels):
    return float((lixels["density_per_m"] * lixels["length_m"]).sum())


EVENTS = points([(3_000, 20), (-7_000, 0), (0, 30_000), (6_000, 4_100)], kg=[1.0, 2, 3, np.nan])


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@pytest.mark.parametrize("method", ["discontinuous", "continuous"])
def test_the_density_sums_to_the_events(method, kernel):
    options = {"method": method, "kernel": kernel, "bandwidth_m": 3_000, "lixel_m": 700}
    lixels = network_kernel_density(ROADS, EVENTS, **options)
    assert mass(lixels) == pytest.approx(4, rel=1e-7)
    weighed = network_kernel_density(ROADS, EVENTS, weight="kg", **options)
    assert mass(weighed) == pytest.approx(6, rel=1e-7)
    assert weighed.attrs["geocn"]["mass"] == pytest.approx(6, rel=1e-7)


def test_simple_counts_an_event_in_every_branch():
    lixels = network_kernel_density(ROADS, points([(3_000, 0)]), method="simple", **GOOD)
    assert mass(lixels) > 1.2


def test_lixels_cover_the_lines_and_name_them():
    lixels = network_kernel_density(ROADS, EVENTS, bandwidth_m=8_000, lixel_m=700)
    network = build_network(ROADS)
    assert lixels["length_m"].sum() == pytest.approx(network.length_m.sum(), rel=1e-12)
    assert set(lixels["line"]) == set(ROADS.index)
    assert (lixels["length_m"].between(466, 1_050)).all()
    assert shapely.length(lixels.to_crs(PLANE).geometry.to_numpy()) == pytest.approx(
        lixels["length_m"].to_numpy(), rel=1e-3
    )
    assert lixels.crs.to_epsg() == 4326
    island = lixels[lixels["line"] == "island"]
    assert len(island) == 1
    assert island["density_per_m"].tolist() == [0.0]


def test_a_lixel_longer_than_its_edge_is_the_edge():
    lixels = network_kernel_density(ROADS, EVENTS, bandwidth_m=8_000, lixel_m=1e6)
    assert len(lixels) == len(build_network(ROADS).u)
    assert mass(lixels) == pytest.approx(4, rel=1e-7)


def test_events_off_the_network_or_nowhere_are_counted():
    events = points([(3_000, 20), (3_000, 9_000), None])
    lixels = network_kernel_density(ROADS, events, snap_m=1_000, **GOOD)
    record = lixels.attrs["geocn"]
    assert record["left_out"] == {"no_geometry": 1, "off_network": 1}
    assert record["n_used"] == 1
    assert mass(lixels) == pytest.approx(1, rel=1e-7)


@pytest.mark.parametrize("nothing", [Point(), shapely.Polygon(), shapely.MultiPoint()])
def test_empty_geometries_count_as_none(nothing):
    events = points([(3_000, 20), None])
    events.loc[1, "geometry"] = nothing
    for some, used in ((events, 1), (events.iloc[1:], 0)):
        lixels = network_kernel_density(ROADS, some, **GOOD)
        assert lixels.attrs["geocn"]["left_out"]["no_geometry"] == 1
        assert mass(lixels) == pytest.approx(used, rel=1e-7)
    surface = kernel_density(events, bandwidth_m=8_000, cell_m=1_000)
    assert surface.attrs["geocn"]["left_out"]["no_geometry"] == 1
    county = gpd.GeoDataFrame(
        {"admin_code": ["A"]}, geometry=[shapely.box(-9_000, -9_000, 9_000, 9_000)], crs=PLANE
    )
    coded = network_kernel_density(
        ROADS, events.iloc[1:].assign(admin_code="A"), places=county, **GOOD
    )
    assert mass(coded) == pytest.approx(1, rel=1e-7)


def test_imprecise_events_lie_somewhere_on_the_network():
    events = points([(3_000, 0), (0, 20_000)], location_precision_m=[0.0, 15_000])
    options = {"bandwidth_m": 4_000, "lixel_m": 500, "snap_m": 4_000}
    lixels = network_kernel_density(ROADS, events, imputations=10, **options)
    assert mass(lixels) == pytest.approx(2, rel=1e-7)
    north = lixels[lixels["line"] == "north"]
    assert (north["density_sd"] > 0).any()
    assert lixels["imprecise_share"].max() == pytest.approx(1)
    assert lixels.attrs["geocn"]["imprecise_share"] == 0.5
    again = network_kernel_density(ROADS, events, imputations=10, **options)
    pd.testing.assert_frame_equal(lixels, again)
    precise = network_kernel_density(ROADS, events.drop(columns="location_precision_m"), **options)
    assert (precise["density_sd"] == 0).all()
    assert precise["density_per_m"].max() > lixels["density_per_m"].max() * 0.99
    lost = points([(90_000, 90_000)], location_precision_m=[15_000.0])
    gone = network_kernel_density(ROADS, lost, **options)
    assert gone.attrs["geocn"]["left_out"]["off_network"] == 1


def test_areas_and_codes_place_events_too():
    county = gpd.GeoDataFrame(
        {"admin_code": ["A"]}, geometry=[shapely.box(-9_000, -9_000, 9_000, 9_000)], crs=PLANE
    )
    events = gpd.GeoDataFrame({"admin_code": ["A"]}, geometry=[None], crs=PLANE)
    lixels = network_kernel_density(ROADS, events, places=county, **GOOD)
    assert mass(lixels) == pytest.approx(1, rel=1e-7)
    assert lixels.attrs["geocn"]["n_imprecise"] == 1


def test_exposure_gives_rate_and_relative_risk():
    rng = np.random.default_rng(0)
    patrols = points(np.column_stack([rng.uniform(-40_000, 40_000, 400), np.zeros(400)]))
    effort = network_kernel_density(ROADS, patrols, **GOOD)
    lixels = network_kernel_density(ROADS, patrols.iloc[:40], exposure=effort, **GOOD)
    seen = lixels["exposure_per_m"] > 0
    ratio = lixels["density_per_m"] / effort["density_per_m"]
    assert np.allclose(lixels["rate"][seen], ratio[seen])
    assert lixels["rate"][~seen].isna().all()
    assert np.allclose(lixels["relative_risk"][seen], ratio[seen] * 10)
    with pytest.raises(LayerError, match="other lixels"):
        network_kernel_density(ROADS, patrols, bandwidth_m=8_000, lixel_m=400, exposure=effort)
    with pytest.raises(SchemaError, match="density_per_m"):
        network_kernel_density(
            ROADS, patrols, exposure=effort.drop(columns="density_per_m"), **GOOD
        )
    with pytest.raises(LayerError, match="negative"):
        network_kernel_density(ROADS, patrols, exposure=effort.assign(density_per_m=-1.0), **GOOD)


def test_a_network_made_before_gives_the_same():
    one = network_kernel_density(ROADS, EVENTS, **GOOD)
    other = network_kernel_density(build_network(ROADS), EVENTS, **GOOD)
    pd.testing.assert_frame_equal(one, other)


def test_a_network_without_lines_has_no_lixels():
    none = network_kernel_density(ROADS.iloc[:0], EVENTS, **GOOD)
    assert len(none) == 0
    assert none.attrs["geocn"]["left_out"]["off_network"] == 4


def test_faults_are_refused_with_their_names():
    with pytest.raises(ParameterError, match=r"bandwidth_m.*lixel_m.*snap_m.*kernel.*method"):
        network_kernel_density(
            ROADS, EVENTS, bandwidth_m=0, lixel_m=np.nan, snap_m=-1, kernel="x", method="x"
        )
    with pytest.raises(ParameterError, match="lixels"):
        network_kernel_density(ROADS, EVENTS, bandwidth_m=8_000, lixel_m=1e-4)
    with pytest.raises(CRSError):
        network_kernel_density(ROADS, EVENTS.set_crs(None, allow_override=True), **GOOD)
    with pytest.raises(GeometryError, match="Point"):
        network_kernel_density(EVENTS, EVENTS, **GOOD)
    with pytest.raises(LayerError, match="negative"):
        network_kernel_density(ROADS, EVENTS.assign(kg=-1.0), weight="kg", **GOOD)
    with pytest.raises(ParameterError, match="imputations"):
        network_kernel_density(ROADS, EVENTS, imputations=0, **GOOD)
