from __future__ import annotations

import tomllib
import warnings
from importlib.resources import files

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import cost_surface, friction_surface
from geocn.corridors.friction_distance import Places
from geocn.corridors.friction_tables import FACTORS, friction_tables
from geocn.errors import (
    AssumptionWarning,
    CRSError,
    GeometryError,
    LayerError,
    ParameterError,
    RasterError,
    SchemaError,
)
from geocn.spatial.geodesy import distance_m

UTM = "EPSG:32618"
LEVEL = 0.06 / 5.037
CELL = 1000.0


def raster(values, crs=UTM, cell=CELL, west=5e5, north=1e5):
    values = np.asarray(values)
    height, width = values.shape
    x = west + (np.arange(width) + 0.5) * cell
    y = north - (np.arange(height) + 0.5) * cell
    return xr.DataArray(values, {"y": y, "x": x}, ("y", "x")).rio.write_crs(crs)


def line(*xy, crs=UTM, **columns):
    return gpd.GeoDataFrame(
        {k: [v] for k, v in columns.items()}, geometry=[shapely.LineString(xy)], crs=crs
    )


def area(west, south, east, north, crs=UTM):
    return gpd.GeoDataFrame(geometry=[shapely.box(west, south, east, north)], crs=crs)


def post(x, y, crs=UTM):
    return gpd.GeoDataFrame(geometry=[shapely.Point(x, y)], crs=crs)


@pytest.fixture
def flat():
    return raster(np.zeros((6, 8)))


def quiet(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        return friction_surface(*args, **options)


class TestTables:
    @pytest.mark.parametrize("name", [*FACTORS, "land_cover_worldcover"])
    def test_each_file_states_its_source(self, name):
        table = tomllib.loads((files("geocn.corridors") / "data" / f"{name}.toml").read_text())
        assert len(table["source"]) > 20
        assert isinstance(table["assumed"], bool)

    def test_published_walking_speeds(self):
        speeds = friction_tables(None)["land_cover"]["values"]
        published = [3.24, 1.62, 3.24, 4, 3.24, 3, 4.2, 4.86, 4.86, 4.86, 2, 2.5, 5, 3.24, 1.62, 3]
        assert [speeds[str(i)] for i in range(1, 17)] == published
        assert speeds["17"] == 0

    @pytest.mark.parametrize(
        ("tables", "message"),
        [
            ({"weather": {}}, "weather"),
            ({"sea": {"knots": 3}}, "knots"),
            ({"sea": {"speed_kmh": 0}}, "above 0"),
            ({"sea": {"speed_kmh": "fast"}}, "fast"),
            ({"roads": {"values": {"track": -1}}}, "track"),
            ({"elevation": "x"}, "elevation"),
            ({"land_cover": "corine"}, "corine"),
            ({"slope": {"rule": "naismith"}}, "naismith"),
            ({"population": {"nodata": "ignore"}}, "ignore"),
            ({"land_cover": {"resampling": "magic"}}, "magic"),
        ],
    )
    def test_bad_tables(self, flat, tables, message):
        with pytest.raises(ParameterError, match=message):
            friction_surface(flat, tables=tables)

    def test_all_faults_at_once(self, flat):
        with pytest.raises(ParameterError, match=r"sea.*roads|roads.*sea"):
            friction_surface(
                flat, tables={"sea": {"speed_kmh": -1}, "roads": {"values": {"track": -1}}}
            )


class TestFactors:
    def test_nothing_given_is_level_walking(self, flat):
        found = friction_surface(flat)
        np.testing.assert_allclose(found.friction, LEVEL)
        np.testing.assert_allclose(friction_surface(flat, unit="cost_per_metre").friction, 1.0)
        assert set(found) == {"friction", "mode"}

    def test_minutes_over_a_kilometre_of_forest(self, flat):
        found = friction_surface(flat, land_cover=raster(np.full((6, 8), 2)))
        reached = cost_surface(found.friction, [(0, 0)])["accumulated"]
        assert float(reached[0, 1]) == pytest.approx(60 / 1.62)

    def test_slope_of_a_plane(self, flat):
        x = np.arange(8) * CELL
        found = friction_surface(flat, elevation=raster(np.tile(0.3 * x, (6, 1))))
        up, down = np.exp(3.5 * (0.35 - 0.05)), np.exp(3.5 * (0.25 - 0.05))
        np.testing.assert_allclose(found.slope, (up + down) / 2, rtol=1e-5)
        np.testing.assert_allclose(found.friction, LEVEL * (up + down) / 2, rtol=1e-5)

    def test_slope_beside_unknown_heights_and_diagonal(self, flat):
        y, x = np.mgrid[0:6, 0:8] * CELL
        heights = 0.3 * x + 0.4 * y
        heights[2, 3] = np.nan
        found = friction_surface(flat, elevation=raster(heights))
        up, down = np.exp(3.5 * (0.55 - 0.05)), np.exp(3.5 * (0.45 - 0.05))
        expected = np.full((6, 8), (up + down) / 2)
        expected[2, 3] = 1.0
        np.testing.assert_allclose(found.slope, expected, rtol=1e-5)
        barrier = friction_surface(
            flat, elevation=raster(heights), tables={"slope": {"nodata": "barrier"}}
        )
        assert np.isnan(barrier.friction[2, 3])
        assert int(np.isnan(barrier.friction).sum()) == 1

    def test_other_slope_rule(self, flat):
        heights = raster(np.tile(0.3 * np.arange(8) * CELL, (6, 1)))
        rule = [(-1.0, 2.0), (0.0, 1.0), (1.0, 3.0)]
        found = friction_surface(flat, elevation=heights, tables={"slope": {"rule": rule}})
        np.testing.assert_allclose(found.slope, (1.6 + 1.3) / 2, rtol=1e-9)

    def test_fastest_line_wins_in_every_cell_it_touches(self, flat):
        # Both roads touch the same row; the order of rows does not matter.
        both = gpd.GeoDataFrame(
            {"highway": ["primary", "track"]},
            geometry=[shapely.LineString([(500_100, 99_500), (507_900, 99_500)])] * 2,
            crs=UTM,
        )
        for roads in (both, both.iloc[::-1]):
            found = friction_surface(flat, roads=roads)
            np.testing.assert_allclose(found.friction[0], 0.06 / 65)
            np.testing.assert_allclose(found.friction[1:], LEVEL)
            assert np.isnan(found.roads[1:]).all()
            assert (found["mode"][0] == 1).all()

    def test_road_slower_than_the_land_is_not_taken(self, flat):
        slow = line((500_100, 99_500), (507_900, 99_500), speed_kmh=1.0)
        found = friction_surface(flat, roads=slow)
        np.testing.assert_allclose(found.friction, LEVEL)
        np.testing.assert_allclose(found.roads[0], 0.06)

    def test_lines_stay_joined(self):
        # A diagonal that only clips corners still gives a way that 8 neighbours can follow.
        template = raster(np.full((40, 40), 17))
        river = line((500_100, 60_200), (539_000, 99_100))
        found = friction_surface(template, land_cover=template, rivers=river)
        reached = cost_surface(found.friction, [(39, 0)], neighbours=8)["accumulated"]
        assert np.isfinite(reached[0, 38])

    def test_river_over_water_and_class(self, flat):
        river = line((500_100, 99_500), (507_900, 99_500))
        found = friction_surface(flat, land_cover=raster(np.full((6, 8), 17)), rivers=river)
        np.testing.assert_allclose(found.friction[0], 0.06 / 20)
        assert np.isnan(found.friction[1:]).all()
        assert (found["mode"][1:] == -1).all()

    def test_sea_takes_over_half_cells(self, flat):
        with pytest.warns(AssumptionWarning, match="sea"):
            found = friction_surface(flat, sea=area(5e5, 94e3, 501_600, 1e5))
        np.testing.assert_allclose(found.friction[:, :2], 0.06 / 20)
        np.testing.assert_allclose(found.friction[:, 2:], LEVEL)
        own = friction_surface(
            flat, sea=area(5e5, 94e3, 501_400, 1e5), tables={"sea": {"speed_kmh": 40}}
        )
        assert (own["mode"][:, 0] == 3).all()
        assert (own["mode"][:, 1] == 0).all()

    def test_protected_by_share(self, flat):
        park = area(500_500, 99e3, 502_250, 1e5)
        found = friction_surface(flat, protected=park, tables={"protected": {"multiplier": 3.0}})
        np.testing.assert_allclose(found.protected[0, :4], [2.0, 3.0, 1.5, 1.0])
        twice = gpd.GeoDataFrame(geometry=[*park.geometry] * 2, crs=UTM)
        again = friction_surface(flat, protected=twice, tables={"protected": {"multiplier": 3.0}})
        np.testing.assert_array_equal(again.protected, found.protected)

    def test_population(self, flat):
        people = np.zeros((6, 8))
        people[1, 1], people[2, 2] = 9.0, np.nan
        found = quiet(flat, population=raster(people))
        assert found.population[1, 1] == pytest.approx(1.25)
        assert found.population[2, 2] == 1.0
        with pytest.raises(RasterError, match="negative"):
            quiet(flat, population=raster(people - 1))

    def test_enforcement_decays_with_geodesic_distance(self):
        axis = np.arange(5) / 10
        template = xr.DataArray(np.zeros((5, 5)), {"y": -axis, "x": axis}, ("y", "x"))
        template = template.rio.write_crs("EPSG:4326")
        found = friction_surface(
            template,
            enforcement=post(0, 0, 4326),
            tables={"enforcement": {"peak": 2.0, "decay_m": 20_000.0}},
        )
        away = distance_m(0.0, 0.0, 0.3, -0.2)
        assert float(found.enforcement[2, 3]) == pytest.approx(
            1 + 2 * np.exp(-float(away) / 20_000), rel=1e-4
        )
        assert float(found.enforcement[0, 0]) == pytest.approx(3.0)

    def test_inside_an_area_the_distance_is_none(self):
        places = Places(np.array([shapely.box(-1, -1, 1, 1)]), 1000)
        assert places.distance_m(np.array([0.3]), np.array([0.2])).tolist() == [0.0]

    @pytest.mark.parametrize("combine", ["multiplicative", "additive"])
    def test_combination(self, flat, combine):
        found = friction_surface(
            flat,
            land_cover=raster(np.full((6, 8), 12)),
            elevation=raster(np.tile(0.3 * np.arange(8) * CELL, (6, 1))),
            protected=area(4e5, 0, 6e5, 2e5),
            enforcement=post(504_500, 96_500),
            combine=combine,
            tables={"protected": {"multiplier": 2.0}, "enforcement": {"peak": 0.5}},
        )
        land, slope, near = 0.06 / 2.5, found.slope, found.enforcement
        if combine == "multiplicative":
            expected = land * slope * 2.0 * near
        else:
            expected = land + LEVEL * ((slope - 1) + 1.0 + (near - 1))
        np.testing.assert_allclose(found.friction, expected)

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 10**6))
    def test_units_differ_by_a_constant_and_no_factor_lowers(self, seed):
        rng = np.random.default_rng(seed)
        template = raster(rng.integers(1, 17, (5, 6)))
        options = {"land_cover": template, "elevation": raster(rng.normal(0, 300, (5, 6)))}
        minutes = friction_surface(template, **options)
        cost = friction_surface(template, **options, unit="cost_per_metre")
        np.testing.assert_allclose(cost.friction * LEVEL, minutes.friction)
        np.testing.assert_allclose(cost.land_cover * LEVEL, minutes.land_cover)
        assert (minutes.friction >= minutes.land_cover).all()

    def test_says_what_it_used(self, flat):
        with pytest.warns(AssumptionWarning, match="enforcement"):
            found = friction_surface(flat, enforcement=post(504_500, 96_500))
        record = found.attrs["geocn"]
        assert record["assumed"] == ["enforcement"]
        assert record["tables"]["enforcement"]["decay_m"] == 10_000
        assert "assumption" in record["tables"]["enforcement"]["source"]
        assert record["tables"]["base"]["source"].startswith("Tobler")


class TestGrids:
    def test_template_from_a_frame(self):
        extent = gpd.GeoDataFrame(geometry=[shapely.box(-77, 0, -76.5, 0.4)], crs=4326)
        found = friction_surface(extent, cell_m=5000)
        assert found.friction.shape == (9, 12)
        assert found.friction.rio.crs.is_projected
        one = friction_surface(extent, cell_m=100_000)
        assert one.friction.shape == (1, 1)

    def test_layers_in_other_systems_and_resolutions(self, flat):
        fine = raster(np.repeat(np.repeat(np.arange(1, 9)[None], 24, 0), 4, 1), cell=250.0)
        found = friction_surface(flat, land_cover=fine)
        expected = [friction_tables(None)["land_cover"]["values"][str(i)] for i in range(1, 9)]
        np.testing.assert_allclose(0.06 / found.land_cover, np.tile(expected, (6, 1)))
        degrees = raster(np.full((20, 20), 2), crs=4326, cell=0.01, west=-75.05, north=0.95)
        lonlat = friction_surface(flat, land_cover=degrees)
        np.testing.assert_allclose(lonlat.friction, 0.06 / 1.62)

    def test_south_up_template_keeps_its_axes(self):
        values = np.arange(1, 7).reshape(6, 1) * np.ones((1, 8), int)
        up = raster(values)
        down = up.isel(y=slice(None, None, -1))
        a = friction_surface(up, land_cover=up).friction
        b = friction_surface(down, land_cover=down).friction
        np.testing.assert_array_equal(b.y, down.y)
        np.testing.assert_allclose(a.sel(y=b.y), b)

    def test_beyond_the_antimeridian(self):
        template = raster(np.zeros((4, 8)), crs=4326, cell=0.5, west=178.0, north=1.0)
        roads = line((-179.9, 0.25), (-178.1, 0.25), crs=4326, highway="primary")
        found = friction_surface(template, roads=roads)
        assert (found["mode"][1, 4:] == 1).all()
        assert (found["mode"][:, :4] == 0).all()


class TestBadInput:
    def test_unknown_classes_are_named_with_counts(self, flat):
        classes = np.full((6, 8), 2)
        classes[0, :3], classes[1, 0] = 99, 77
        with pytest.raises(RasterError, match=r"2 classes.*77 \(1 cells\), 99 \(3 cells\)"):
            friction_surface(flat, land_cover=raster(classes))

    def test_unknown_roads_are_named_with_counts(self, flat):
        roads = gpd.GeoDataFrame(
            {"highway": ["primary", "ice", "ice", None]},
            geometry=[shapely.LineString([(5e5, 99_500), (501_000, 99_500)])] * 4,
            crs=UTM,
        )
        with pytest.raises(SchemaError, match=r"3 rows.*'ice' \(2\), '\(none\)' \(1\)"):
            friction_surface(flat, roads=roads)
        with pytest.raises(SchemaError, match="speed_kmh"):
            friction_surface(flat, roads=roads.drop(columns="highway"))
        with pytest.raises(SchemaError, match="-4"):
            friction_surface(flat, roads=roads.assign(speed_kmh=-4.0))

    def test_faults_of_all_layers_in_one_error(self, flat):
        with pytest.raises(LayerError, match=r"land_cover.*protected"):
            friction_surface(
                flat,
                land_cover=raster(np.full((6, 8), 99)),
                protected=line((5e5, 99_500), (501_000, 99_500)),
            )

    def test_rotated_and_nameless(self, flat):
        turned = raster(np.full((6, 8), 2)).drop_vars(["x", "y"])
        turned = turned.rio.write_transform(Affine(1000, 50, 5e5, 50, -1000, 1e5))
        with pytest.raises(RasterError, match="rotated"):
            friction_surface(flat, land_cover=turned)
        with pytest.raises(RasterError, match="rotated"):
            friction_surface(turned)
        with pytest.raises(CRSError):
            friction_surface(flat, elevation=raster(np.zeros((6, 8))).drop_vars("spatial_ref"))
        with pytest.raises(CRSError):
            friction_surface(flat, roads=line((0, 0), (1, 1), crs=None, highway="track"))

    def test_layers_elsewhere(self, flat):
        with pytest.raises(RasterError, match="no cell with data"):
            friction_surface(flat, land_cover=raster(np.full((6, 8), 2), west=9e5))
        park = area(5e5, 99e3, 501e3, 1e5).iloc[:0]
        found = quiet(flat, protected=park)
        np.testing.assert_array_equal(found.protected, 1.0)
        with pytest.raises(GeometryError, match="areas"):
            friction_surface(flat, protected=post(5e5, 99e3))

    def test_friction_at_zero_or_below(self, flat):
        with pytest.raises(RasterError, match="zero or below"):
            friction_surface(
                flat,
                protected=area(4e5, 0, 6e5, 2e5),
                combine="additive",
                roads=line((500_100, 99_500), (507_900, 99_500), highway="primary"),
                tables={"protected": {"multiplier": 0.5}},
            )

    @pytest.mark.parametrize("options", [{"combine": "sum"}, {"unit": "hours"}, {"cell_m": 10.0}])
    def test_options(self, flat, options):
        with pytest.raises(ParameterError):
            friction_surface(flat, **options)

    def test_frame_without_cell_size_or_extent(self):
        extent = gpd.GeoDataFrame(geometry=[shapely.box(-77, 0, -76.5, 0.4)], crs=4326)
        with pytest.raises(ParameterError, match="cell_m"):
            friction_surface(extent)
        with pytest.raises(ParameterError, match="larger"):
            friction_surface(extent, cell_m=0.1)
        with pytest.raises(ParameterError, match="no geometry"):
            friction_surface(extent.iloc[:0], cell_m=10.0)
