"""Kernel density against sums over every pair of event and cell, and its own promises."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn._kernels.density import add_linear, bin_linear, held_by
from geocn.errors import (
    CoordinateError,
    CRSError,
    LayerError,
    ParameterError,
    RasterError,
    SchemaError,
)
from geocn.hotspots.density import kernel_density
from geocn.hotspots.imputation import place_events
from geocn.hotspots.smoothing import Smoother, bandwidth_steps

# The CRS that the analysis chooses for this square, so that positions stay as they are.
LAEA = "+proj=laea +lat_0=0.0 +lon_0=0.0 +datum=WGS84 +units=m +type=crs"
SQUARE = gpd.GeoSeries([shapely.box(-20_000, -20_000, 20_000, 20_000)], crs=LAEA)
CELL_KM2 = 0.25


def points(xy, **columns):
    geometry = [None if p is None else shapely.Point(p) for p in xy]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=LAEA)


def brute(surface, xy, weight, bandwidth, kernel):
    """Events per km2 at every cell centre, one event at a time."""
    x, y = np.meshgrid(surface["x"], surface["y"])
    total = np.zeros(x.shape)
    for (px, py), m in zip(xy, weight, strict=True):
        u2 = ((x - px) ** 2 + (y - py) ** 2) / bandwidth**2
        if kernel == "quartic":
            k = np.where(u2 < 1, 3 / np.pi * (1 - u2) ** 2, 0)
        else:
            k = np.exp(-u2 / 2) / (2 * np.pi)
        total += m * k / bandwidth**2 * 1e6
    return total


def mass(surface, cell_km2=CELL_KM2):
    return float(surface.sum()) * cell_km2


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), kernel=st.sampled_from(["quartic", "gaussian"]))
def test_close_to_the_sum_over_every_pair(seed, kernel):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-24_000, 24_000, (40, 2))  # some outside: their kernels reach in
    kg = rng.uniform(0, 5, 40)
    surface = kernel_density(
        points(xy, kg=kg),
        cell_m=500,
        bandwidth_m=5_000,
        extent=SQUARE,
        kernel=kernel,
        weight="kg",
    )
    oracle = brute(surface, xy, kg, 5_000, kernel)
    assert surface.shape == (80, 80)
    # Linear binning widens a kernel by a share of (cell / bandwidth) squared.
    assert np.abs(surface - oracle).max() < 0.012 * oracle.max()


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_exact_where_events_stand_on_cell_centres(kernel):
    xy = np.array([[250.0, 250.0], [-4_750.0, 3_250.0]])
    surface = kernel_density(
        points(xy), cell_m=500, bandwidth_m=6_000, extent=SQUARE, kernel=kernel
    )
    oracle = brute(surface, xy, [1, 1], 6_000, kernel)
    # What differs is the kernel's sum over cells, which is made to be one.
    assert np.abs(surface - oracle).max() < 2e-4 * oracle.max()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    kernel=st.sampled_from(["quartic", "gaussian"]),
    adaptive=st.booleans(),
    bandwidth=st.sampled_from([500, 1_700, 9_000]),
)
def test_with_edge_correction_the_surface_sums_to_the_events_inside(
    seed, kernel, adaptive, bandwidth
):
    xy = np.random.default_rng(seed).uniform(-26_000, 26_000, (50, 2))
    inside = (np.abs(xy) < 20_000).all(axis=1).sum()
    surface = kernel_density(
        points(xy),
        cell_m=500,
        bandwidth_m=bandwidth,
        extent=SQUARE,
        kernel=kernel,
        edge_correction=True,
        adaptive=adaptive,
    )
    assert mass(surface) == pytest.approx(inside, rel=1e-9)
    record = surface.attrs["geocn"]
    assert record["mass"] == pytest.approx(inside, rel=1e-9)
    assert record["n_used"] == inside
    assert record["left_out"]["outside"] == 50 - inside
    assert float(surface.min()) >= 0


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_without_an_extent_hardly_anything_is_lost(kernel, adaptive):
    xy = np.random.default_rng(1).normal(0, 9_000, (300, 2))
    surface = kernel_density(
        points(xy), cell_m=500, bandwidth_m=4_000, kernel=kernel, adaptive=adaptive
    )
    assert mass(surface) == pytest.approx(300, rel=2e-2 if adaptive else 1e-9)


def test_edge_correction_in_an_odd_area_gives_back_what_is_lost():
    area = gpd.GeoSeries([shapely.Point(0, 0).buffer(15_000)], crs=LAEA)
    rng = np.random.default_rng(0)
    away, angle = 15_000 * np.sqrt(rng.random(20_000)), rng.random(20_000) * 2 * np.pi
    events = points(np.column_stack([away * np.cos(angle), away * np.sin(angle)]))
    options = {"cell_m": 500, "bandwidth_m": 4_000, "extent": area}
    plain = kernel_density(events, **options)
    fair = kernel_density(events, edge_correction=True, **options)
    assert bool(np.isnan(fair).any())
    edge = np.hypot(*np.meshgrid(fair["x"], fair["y"])) > 14_000
    level = 20_000 / (np.pi * 225)
    assert float(plain.where(edge).mean()) < 0.7 * level
    assert 0.75 * level < float(fair.where(edge).mean()) < level
    assert mass(fair) == pytest.approx(fair.attrs["geocn"]["n_used"], rel=1e-9)


def test_edge_correction_divides_each_kernel_by_its_part_inside():
    xy = np.array([[19_750.0, 250.0], [-19_750.0, -19_750.0], [250.0, 250.0]])
    options = {"cell_m": 500, "bandwidth_m": 6_000, "extent": SQUARE}
    surface = kernel_density(points(xy), edge_correction=True, **options)
    oracle = np.zeros(surface.shape)
    for event in xy:
        alone = brute(surface, [event], [1], 6_000, "quartic")
        oracle += alone / (alone.sum() * CELL_KM2)
    assert np.allclose(surface, oracle, atol=1e-12)


def test_adaptive_equals_the_sum_of_abramsons_kernels():
    rng = np.random.default_rng(5)
    xy = np.vstack([rng.normal(0, 1_500, (60, 2)), rng.uniform(-15_000, 15_000, (15, 2))])
    h = 3_000.0
    options = {"cell_m": 250, "extent": SQUARE}
    surface = kernel_density(points(xy), bandwidth_m=h, adaptive=True, **options)
    d2 = ((xy[:, None] - xy[None]) ** 2).sum(axis=-1) / h**2
    pilot = np.where(d2 < 1, (1 - d2) ** 2, 0).sum(axis=1)
    factor = np.clip(np.exp((np.log(pilot).mean() - np.log(pilot)) / 2), 1 / 4, 4 / 1.1)
    oracle = sum(brute(surface, xy[[i]], [1], h * factor[i], "quartic") for i in range(len(xy)))
    assert np.abs(surface - oracle).max() < 0.06 * oracle.max()
    fixed = kernel_density(points(xy), bandwidth_m=h, **options)
    assert float(surface.max()) > 1.2 * float(fixed.max())


def test_steps_of_bandwidth_keep_the_weight_and_the_mean():
    rng = np.random.default_rng(0)
    factor, weight = np.exp(rng.uniform(-1.3, 1.2, 200)), rng.random(200)
    total, logs = np.zeros(200), np.zeros(200)
    for step, rows, share in bandwidth_steps(factor, weight):
        total[rows] += share
        logs[rows] += share * np.log(step)
    assert np.allclose(total, weight)
    assert np.allclose(logs, weight * np.log(factor))


def test_binning_keeps_weight_and_centre_and_never_leaves_the_region():
    rng = np.random.default_rng(0)
    column, row = rng.uniform(1, 8, 100), rng.uniform(1, 8, 100)
    weight = rng.random(100)
    every = np.ones((10, 10), dtype=bool)
    grid = bin_linear(column, row, weight, every)
    numbers = np.arange(10)
    assert grid.sum() == pytest.approx(weight.sum())
    assert (grid.sum(axis=0) * numbers).sum() == pytest.approx((weight * column).sum())
    assert (grid.sum(axis=1) * numbers).sum() == pytest.approx((weight * row).sum())
    half = every.copy()
    half[:, 5:] = False
    held = bin_linear(column, row, weight, half)
    assert held[:, 5:].sum() == 0
    assert held.sum() == pytest.approx(weight[column < 4.5].sum())
    same = np.zeros(half.shape)
    add_linear.py_func(column, row, weight, half, same)
    assert np.array_equal(held, same)
    assert bin_linear(np.array([np.nan, -3.0]), np.zeros(2), np.ones(2), every).sum() == 0
    for run in (held_by, held_by.py_func):
        assert run(column, row, half).tolist() == (column < 4.5).tolist()
        assert not run(np.array([np.nan, -0.6, 9.5]), np.zeros(3), every).any()


def test_the_transform_of_a_kernel_is_that_of_its_grid():
    smoother = Smoother((31, 24), 100.0, "quartic")
    spike = np.zeros((31, 24))
    spike[15, 12] = 1
    values = smoother.smooth([(700.0, spike)])
    y, x = np.mgrid[:31, :24]
    u2 = ((x - 12) ** 2 + (y - 15) ** 2) / 49
    oracle = np.where(u2 < 1, (1 - u2) ** 2, 0)
    assert np.allclose(values, oracle / oracle.sum(), atol=1e-15)


def test_imprecise_events_are_spread_or_left_out_and_counted():
    events = points([(0, 0)] * 40 + [None], location_precision_m=[10_000.0] * 40 + [5.0])
    options = {"cell_m": 500, "bandwidth_m": 2_000, "extent": SQUARE}
    spread = kernel_density(events, seed=1, **options)
    piled = kernel_density(events.drop(columns="location_precision_m"), **options)
    gone = kernel_density(events, imprecise="leave_out", **options)
    assert float(spread.max()) < 0.15 * float(piled.max())
    assert mass(spread) == pytest.approx(40)
    assert mass(gone) == 0
    record, left = spread.attrs["geocn"], gone.attrs["geocn"]["left_out"]
    assert record["n_imprecise"] == record["n_used"] == 40
    assert record["left_out"] == {"no_geometry": 1, "outside": 0}
    assert left == {"no_geometry": 1, "imprecise": 40, "outside": 0}
    assert spread.identical(kernel_density(events, seed=1, **options))


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("edge_correction", [False, True])
def test_uncertainty_is_the_spread_between_imputations(adaptive, edge_correction):
    events = points([(0, 0), (9_000, 0), (-9_000, 4_000)], location_precision_m=[6_000, 0, 0])
    options = {"cell_m": 500, "bandwidth_m": 2_000, "extent": SQUARE, "imputations": 5}
    options |= {"adaptive": adaptive, "edge_correction": edge_correction}
    apart = kernel_density(events, uncertainty=True, **options)
    once = kernel_density(events, **options)
    assert set(apart) == {"density", "density_sd", "imprecise_share"}
    assert np.allclose(apart["density"], once, atol=1e-12)
    assert apart.rio.crs == once.rio.crs
    assert apart.attrs["geocn"]["imprecise_share"] == pytest.approx(1 / 3)
    sd, share = apart["density_sd"], apart["imprecise_share"]
    if not adaptive:  # whose kernels widen to where the precise event stands
        near = np.hypot(*np.meshgrid(sd["x"] - 9_000, sd["y"])) < 1_000
        assert float(sd.where(near).max()) < 1e-12
        assert float(share.where(near).max()) < 1e-9
    assert float(sd.max()) > 0.01
    assert float(share.max()) == pytest.approx(1)
    if adaptive or edge_correction:
        return
    placed = place_events(events, crs=once.rio.crs, finer_than_m=2_000, imputations=5).xy
    single = [brute(once, xy, [1, 1, 1], 2_000, "quartic") for xy in placed]
    oracle = np.sqrt((1 + 1 / 5) * np.var(single, axis=0, ddof=1))
    assert np.abs(sd - oracle).max() < 0.06 * oracle.max()


def test_precise_events_have_no_spread():
    events = points([(0, 0), (9_000, 0)])
    options = {"cell_m": 500, "bandwidth_m": 2_000, "extent": SQUARE}
    apart = kernel_density(events, uncertainty=True, **options)
    assert float(apart["density_sd"].max()) == 0
    assert apart["density"].equals(kernel_density(events, **options))
    alone = kernel_density(points([]), uncertainty=True, **options)
    assert float(alone["density_sd"].max()) == 0
    assert bool(alone["imprecise_share"].isnull().all())


def test_events_without_geometry_lie_in_the_place_of_their_code():
    county = gpd.GeoDataFrame(
        {"admin_code": ["A"]}, geometry=[shapely.box(-9_000, -9_000, 9_000, 9_000)], crs=LAEA
    )
    events = gpd.GeoDataFrame({"admin_code": ["A", "B"]}, geometry=[None, None], crs=LAEA)
    surface = kernel_density(events, cell_m=500, bandwidth_m=2_000, extent=SQUARE, places=county)
    assert mass(surface) == pytest.approx(1)
    assert surface.attrs["geocn"]["left_out"]["no_geometry"] == 1


def test_areas_and_degrees_take_the_same_place_as_points():
    xy = np.random.default_rng(2).uniform(-9_000, 9_000, (20, 2))
    options = {"cell_m": 500, "bandwidth_m": 2_000, "extent": SQUARE}
    one = kernel_density(points(xy), **options)
    small = points(xy)
    small.geometry = small.buffer(5)
    assert np.allclose(kernel_density(small, **options), one, atol=1e-9)
    assert np.allclose(kernel_density(points(xy).to_crs(4326), **options), one, atol=1e-9)
    free = {"cell_m": 500, "bandwidth_m": 2_000}
    plain, turned = kernel_density(points(xy), **free), kernel_density(small.to_crs(4326), **free)
    assert plain.attrs["geocn"]["crs"] == turned.attrs["geocn"]["crs"]


def test_exposure_gives_the_ratio():
    rng = np.random.default_rng(3)
    patrols = rng.normal(0, 6_000, (4_000, 2))
    events = points(patrols[rng.random(4_000) < 0.1])
    options = {"cell_m": 500, "bandwidth_m": 4_000, "extent": SQUARE}
    effort = kernel_density(points(patrols), **options)
    rate = kernel_density(events, exposure=effort, **options)
    density = kernel_density(events, **options)
    busy = effort > 1
    assert np.allclose(rate.where(busy), (density / effort).where(busy), equal_nan=True)
    assert float(rate.where(busy).mean()) == pytest.approx(0.1, abs=0.03)
    assert rate.attrs["units"] == "events per unit of exposure"
    assert bool(np.isnan(rate.where(effort == 0)).all())


def test_degrees_and_the_antimeridian():
    fiji = gpd.GeoDataFrame(geometry=gpd.points_from_xy([179.9, -179.9], [-17, -17]), crs=4326)
    surface = kernel_density(fiji, cell_m=1_000, bandwidth_m=20_000, extent=(179, -18, -179, -16))
    assert mass(surface, 1.0) == pytest.approx(2, rel=1e-9)
    assert surface.shape[1] < 250
    assert surface.rio.crs.is_projected
    assert surface["y"][0] > surface["y"][-1]
    assert surface.attrs["units"] == "events per km2"
    assert surface.attrs["geocn"]["method"] == "hotspots.kernel_density"


def test_no_events_make_a_surface_of_zero_or_of_no_cell():
    none = points([])
    surface = kernel_density(none, cell_m=500, bandwidth_m=1_000, extent=SQUARE)
    assert surface.shape == (80, 80)
    assert float(abs(surface).max()) == 0
    bare = kernel_density(none, cell_m=500, bandwidth_m=1_000)
    assert bare.shape == (0, 0)
    assert bare.dims == ("y", "x")


def test_faults_are_refused_with_their_names():
    events = points([(0, 0), (1, 1)], kg=[1.0, -2.0], word=["a", "b"])
    good = {"cell_m": 500, "bandwidth_m": 1_000}
    with pytest.raises(ParameterError, match=r"at least a cell.*kernel.*edge_correction"):
        kernel_density(events, cell_m=500, bandwidth_m=100, kernel="box", edge_correction=True)
    with pytest.raises(LayerError, match="negative") as error:
        kernel_density(events, weight="kg", **good)
    assert error.value.rows == [1]
    with pytest.raises(SchemaError, match="numbers"):
        kernel_density(events, weight="word", **good)
    with pytest.raises(SchemaError, match="no column"):
        kernel_density(events, weight="tons", **good)
    with pytest.raises(CRSError):
        kernel_density(events.set_crs(None, allow_override=True), **good)
    with pytest.raises(ParameterError, match="imputations"):
        kernel_density(events, imputations=0, **good)
    beyond = gpd.GeoDataFrame(geometry=[shapely.Point(1, 200)], crs=4326)
    with pytest.raises(CoordinateError, match="latitude"):
        kernel_density(beyond, extent=SQUARE, **good)
    with pytest.raises(ParameterError, match="cells"):
        kernel_density(events, extent=SQUARE, cell_m=1, bandwidth_m=1)
    tiny = gpd.GeoSeries([shapely.Point(9, 9).buffer(3)], crs=LAEA)
    with pytest.raises(ParameterError, match="centre"):
        kernel_density(events, extent=tiny, **good)
    raster = xr.DataArray(np.ones((2, 2)), {"y": [1.0, 0], "x": [0.0, 1]}, ("y", "x"))
    with pytest.raises(RasterError, match="no CRS"):
        kernel_density(events, exposure=raster, **good)
    with pytest.raises(RasterError, match="negative"):
        kernel_density(events, exposure=-raster.rio.write_crs(LAEA), **good)
