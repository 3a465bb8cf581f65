from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from geocn.corridors import (
    cost_surface,
    least_cost_corridors,
    least_cost_paths,
    validate,
    with_score,
)
from geocn.corridors.validate_evidence import evidence
from geocn.corridors.validate_ranks import Ranks, bootstrap_means, boyce_index
from geocn.errors import (
    CoordinateError,
    CRSError,
    GeometryError,
    ParameterError,
    RasterError,
    SchemaError,
)
from geocn.maps import PlanningMap
from geocn.maps.packing import Pack

UTM = "EPSG:32618"
CELL = 1000.0


def raster(values, crs=UTM, cell=CELL):
    values = np.asarray(values, dtype=float)
    height, width = values.shape
    x = 5e5 + (np.arange(width) + 0.5) * cell
    y = 1e5 - (np.arange(height) + 0.5) * cell
    return xr.DataArray(values, {"y": y, "x": x}, ("y", "x")).rio.write_crs(crs)


def centre(row, column):
    return 5e5 + (column + 0.5) * CELL, 1e5 - (row + 0.5) * CELL


def points(*cells, crs=UTM, **columns):
    places = [shapely.Point(centre(*cell)) for cell in cells]
    return gpd.GeoDataFrame(geometry=places, crs=crs).assign(**columns)


def lines(*ways, crs=UTM):
    return gpd.GeoDataFrame(
        geometry=[shapely.LineString([centre(*cell) for cell in way]) for way in ways], crs=crs
    )


def noise(seed, shape=(12, 15)):
    return np.random.default_rng(seed).normal(size=shape)


class TestRanks:
    @settings(max_examples=50, deadline=None)
    @given(st.integers(0, 10**6), st.integers(1, 6))
    def test_against_counting(self, seed, n_levels):
        """A dumb count of the cells above and level with each, areas unequal."""
        rng = np.random.default_rng(seed)
        score = rng.integers(0, n_levels, 40).astype(float)
        score[rng.random(40) < 0.1] = np.nan
        area = rng.uniform(1, 3, 40)
        ranks = Ranks.of(score, area)
        total = area[~np.isnan(score)].sum()
        for i in range(40):
            if np.isnan(score[i]):
                assert np.isnan(ranks.before[i])
                continue
            assert ranks.before[i] == pytest.approx(area[score > score[i]].sum() / total)
            assert ranks.after[i] == pytest.approx(area[score >= score[i]].sum() / total)

    def test_half_a_block_holds_half_of_its_evidence(self):
        ranks = Ranks.of(np.array([2.0, 1.0, 1.0, 0.0]), np.ones(4))
        cells = np.array([0, 1, 3, -1])
        got = ranks.captured(cells, np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
        np.testing.assert_allclose(
            got, [[0, 1, 1, 1, 1], [0, 0, 0.5, 1, 1], [0, 0, 0, 0, 1], [0] * 5]
        )
        np.testing.assert_allclose(ranks.auc(cells), [0.875, 0.5, 0.125, 0])


class TestSurface:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10**6), st.booleans())
    def test_auc_is_that_of_presences_against_all_cells(self, seed, ties):
        values = noise(seed)
        values = np.round(values) if ties else values
        rng = np.random.default_rng(seed)
        cells = [
            tuple(c) for c in np.column_stack([rng.integers(0, 12, 9), rng.integers(0, 15, 9)])
        ]
        found = validate(raster(values), points(*cells), n_bootstrap=9)
        truth = np.r_[np.ones(9), np.zeros(values.size)]
        peer = roc_auc_score(truth, np.r_[[values[c] for c in cells], values.ravel()])
        assert found.scores.loc["model", "auc"] == pytest.approx(peer, abs=1e-12)

    def test_the_area_under_the_curve_is_the_auc(self):
        found = validate(raster(noise(3, (50, 60))), points((1, 2), (30, 40), (9, 9)))
        curve = found.curve[found.curve["method"] == "model"]
        area = np.trapezoid(curve["captured"], curve["area_share"])
        assert area == pytest.approx(found.scores.loc["model", "auc"], abs=0.01)

    def test_low_is_likely_turns_it_round(self):
        surface, seen = raster(noise(4)), points((1, 2), (3, 4), (5, 6))
        up = validate(surface, seen).scores.loc["model", "auc"]
        down = validate(surface, seen, low_is_likely=True).scores.loc["model", "auc"]
        assert up + down == pytest.approx(1)
        minus = validate(-surface, seen).scores.loc["model", "auc"]
        assert down == minus

    def test_perfect_useless_and_opposite(self):
        values = np.zeros((10, 10))
        values[:, 0] = 1
        inside, outside = points((2, 0), (7, 0)), points((2, 5), (7, 9))
        surface = raster(values)
        row = validate(surface, inside).scores.loc["model"]
        assert row["captured_10pct"] == 1
        assert row["auc"] == pytest.approx(0.95)
        assert row["median_distance_m"] == 0
        row = validate(surface, outside).scores.loc["model"]
        assert row["captured_10pct"] == 0
        assert row["median_distance_m"] == pytest.approx(5000, rel=0.01)
        assert row["p90_distance_m"] == pytest.approx(9000, rel=0.01)
        even = validate(raster(np.ones((10, 10))), inside).scores.loc["model"]
        assert even["auc"] == pytest.approx(0.5)
        assert even["captured_10pct"] == pytest.approx(0.1)
        assert np.isnan(even["boyce"])

    def test_a_route_counts_by_its_length(self):
        values = np.zeros((10, 10))
        values[:, :3] = 1
        way = lines([(4, 0), (4, 9)])
        found = validate(raster(values), way)
        # 2.5 of its 9 km lie in the first three columns.
        assert found.captured(0.3) == pytest.approx(2.5 / 9, abs=0.01)
        assert found.record["noun"] == "routes"

    def test_what_lies_outside_is_never_captured(self):
        values = noise(6)
        values[0, 0] = np.inf
        seen = points((0, 0), (500, 0), (5, 5))
        found = validate(raster(values), seen)
        assert found.record["share_outside"] == pytest.approx(2 / 3)
        assert found.captured(1.0) == pytest.approx(1 / 3)

    def test_study_area(self):
        values = np.arange(100.0).reshape(10, 10)
        west = gpd.GeoDataFrame(geometry=[shapely.box(5e5, 9e4, 5.05e5, 1e5)], crs=UTM)
        found = validate(raster(values), points((9, 4)), study_area=west)
        assert found.record["area_km2"] == pytest.approx(50, rel=1e-6)
        assert found.scores.loc["model", "auc"] == pytest.approx(1 - 1 / 100)
        away = west.set_geometry(west.translate(1e6))
        with pytest.raises(RasterError, match="study area"):
            validate(raster(values), points((9, 4)), study_area=away)

    def test_geographic_cells_weigh_by_their_area(self):
        values = np.repeat([[1.0], [0.0]], 4, 1)
        surface = xr.DataArray(
            values, {"y": [75.0, 45.0], "x": [0.0, 30.0, 60.0, 90.0]}, ("y", "x")
        ).rio.write_crs(4326)
        seen = gpd.GeoDataFrame(geometry=[shapely.Point(3, 75)], crs=4326)
        found = validate(surface, seen)
        north, south = np.cos(np.radians([75, 45]))
        assert found.scores.loc["model", "auc"] == pytest.approx(
            1 - north / (north + south) / 2, abs=0.03
        )


class TestImprecise:
    def test_expected_share_over_the_disc(self):
        values = np.zeros((60, 60))
        values[:, :30] = 1
        at = points((30, 32), location_precision_m=10_000.0)
        at["geometry"] = [shapely.Point(5.33e5, 1e5 - 30_500)]
        found = validate(raster(values), at)
        # Share of a disc of radius 10 beyond a chord 3 from its centre.
        beyond = (np.arccos(0.3) - 0.3 * np.sqrt(1 - 0.09)) / np.pi
        assert found.captured(0.5) == pytest.approx(beyond, abs=0.01)
        assert found.record["n_imprecise"] == 1

    def test_an_area_counts_by_its_area(self):
        values = np.zeros((20, 20))
        values[:, :10] = 1
        box = gpd.GeoDataFrame(geometry=[shapely.box(5.08e5, 8.5e4, 5.16e5, 9.5e4)], crs=UTM)
        assert validate(raster(values), box).captured(0.5) == pytest.approx(0.25, abs=0.02)

    @settings(max_examples=20, deadline=None)
    @given(st.floats(0, 50_000), st.floats(-60, 60))
    def test_weights_sum_to_one_and_stay_within(self, radius, latitude):
        seen = gpd.GeoDataFrame(
            {"location_precision_m": [radius] * 3},
            geometry=[
                shapely.Point(10, latitude),
                shapely.LineString([(10, latitude), (10.2, latitude)]),
                shapely.Point(10, latitude).buffer(0.1),
            ],
            crs=4326,
        )
        found = evidence(seen, cell_m=1000)
        np.testing.assert_allclose(found.means(np.ones(len(found.item))), 1)
        away = gpd.GeoSeries(gpd.points_from_xy(found.lon, found.lat), crs=4326).to_crs(
            f"+proj=aeqd +lat_0={latitude} +lon_0=10 +datum=WGS84"
        )
        at = away[found.item == 0]
        assert np.hypot(at.x, at.y).max() <= radius + 1
        mean = np.hypot(at.x, at.y).mean()
        assert mean == pytest.approx(2 / 3 * radius, rel=0.1) or radius < 2000

    def test_precise_evidence_costs_one_place(self):
        found = evidence(points((1, 1), location_precision_m=100.0), cell_m=1000)
        assert len(found.item) == 1


class TestCorridors:
    @pytest.fixture(scope="class")
    @staticmethod
    def world():
        friction = raster(np.exp(noise(8, (40, 40))))
        ends = points((20, 1)), points((20, 38))
        corridors = least_cost_corridors(friction, *ends, tolerances=(0.02, 0.1))
        paths = least_cost_paths(friction, *ends)
        return friction, corridors, paths, ends

    def test_the_route_itself_is_captured(self, world):
        _, corridors, paths, _ = world
        found = validate(corridors, paths[["geometry"]], cell_m=500)
        row = found.scores.loc["model"]
        assert row["captured_20pct"] > 0.95
        assert row["auc"] > 0.9
        assert row["median_distance_m"] == 0
        assert found.scores.index.tolist() == ["model", "straight_line"]
        assert found.record["without"] == {"road_distance": "no roads given"}
        assert row["auc"] > found.scores.loc["straight_line", "auc"]
        assert found.scores.loc["straight_line", "lead_auc"] == pytest.approx(
            row["auc"] - found.scores.loc["straight_line", "auc"]
        )

    def test_lower_tolerance_is_likelier(self, world):
        _, corridors, paths, _ = world
        narrow = corridors[corridors["tolerance"] == 0.02]
        within = gpd.GeoDataFrame(
            geometry=[shapely.box(*corridors.total_bounds)], crs=corridors.crs
        )
        both = validate(corridors, paths, study_area=within, cell_m=500)
        one = validate(narrow, paths, study_area=within, cell_m=500)
        share = one.record["corridor_area_share"]
        assert share < both.record["corridor_area_share"]
        assert both.captured(share) == pytest.approx(one.captured(share), abs=0.02)

    def test_lines_by_distance_equal_the_baseline_of_the_same_lines(self, world):
        _, _, paths, _ = world
        seen = points((10, 10), (20, 20), (35, 5))
        found = validate(paths, seen, roads=paths, baselines=["road_distance"])
        pd.testing.assert_series_equal(
            found.scores.loc["model", ["auc", "captured_5pct"]],
            found.scores.loc["road_distance", ["auc", "captured_5pct"]],
            check_names=False,
        )
        assert found.scores.loc["road_distance", "lead_auc"] == 0

    def test_straight_lines_between_sites(self):
        surface = raster(np.ones((40, 40)))
        seen = points((20, 5), (20, 20), (20, 30))
        ends = {"origins": points((20, 1)), "destinations": points((20, 38))}
        found = validate(surface, seen, **ends)
        assert found.scores.loc["straight_line", "captured_5pct"] == 1
        with pytest.raises(ParameterError, match="both"):
            validate(surface, seen, origins=ends["origins"])
        alone = validate(surface, seen)
        assert "straight_line" in alone.record["without"]

    def test_bad_corridors(self, world):
        _, corridors, paths, (start, _) = world
        with pytest.raises(GeometryError, match="points"):
            validate(start, paths)
        mixed = pd.concat([corridors[["geometry"]], paths[["geometry"]].to_crs(4326)])
        with pytest.raises(GeometryError, match="beside"):
            validate(mixed, paths)
        with pytest.raises(GeometryError, match="no geometry"):
            validate(corridors.iloc[:0], paths)


class TestIntervals:
    def test_coverage_of_the_bootstrap(self):
        """A known AUC lies in the 90 % interval about 90 times of 100."""
        values = np.arange(10_000.0).reshape(100, 100)
        surface = raster(values)
        rng = np.random.default_rng(0)
        hits = {"bootstrap": 0, "delong": 0}
        for seed in range(60):
            # Density 2u of the rank u from the top: AUC 1/3 below, 2/3 above.
            rank = np.sqrt(rng.random(40))
            flat = np.minimum((rank * 10_000).astype(int), 9999)
            seen = points(*zip(*np.divmod(flat, 100), strict=True))
            for interval in hits:
                row = validate(
                    surface, seen, confidence=0.9, seed=seed, interval=interval,
                    n_bootstrap=299, baselines=[],
                ).scores.loc["model"]  # fmt: skip
                hits[interval] += row["auc_low"] <= 2 / 3 <= row["auc_high"]
        assert 45 <= hits["bootstrap"] <= 59
        assert 45 <= hits["delong"] <= 59

    def test_seed_and_size(self):
        surface, seen = raster(noise(1)), points(*((i, i) for i in range(12)))
        one, two, three = (validate(surface, seen, seed=s).scores for s in (1, 1, 2))
        pd.testing.assert_frame_equal(one, two)
        assert one.loc["model", "auc_low"] != three.loc["model", "auc_low"]
        single = validate(surface, points((1, 1))).scores.loc["model"]
        assert np.isnan(single["auc_low"])
        assert np.isfinite(single["auc"])

    def test_bootstrap_of_a_constant(self):
        low, high = bootstrap_means(np.full((5, 1), 0.3), n=20, seed=0, confidence=0.9)
        assert low[0] == pytest.approx(0.3)
        assert high[0] == pytest.approx(0.3)

    def test_boyce(self):
        rising = np.cumsum(np.r_[0, np.arange(10, 0, -1)]) / 55
        assert boyce_index(rising) == pytest.approx(1)
        assert boyce_index(np.cumsum(np.r_[0, np.arange(1, 11)]) / 55) == pytest.approx(-1)
        assert np.isnan(boyce_index(np.arange(11) / 10))


class TestTold:
    def test_no_observations(self):
        found = validate(raster(noise(1)), points().set_geometry([], crs=UTM))
        assert found.record["n_observed"] == 0
        assert np.isnan(found.scores.loc["model", "auc"])
        assert found.legend_text() == "not scored: no held-out observations"
        assert found.summary()

    def test_summary_names_everything(self):
        seen = lines([(1, 1), (1, 12)], [(8, 1), (8, 12)])
        text = validate(raster(noise(1)), seen).summary()
        assert "2 routes" in text
        assert "straight line: AUC" in text
        assert "not compared with distance to roads: no roads given" in text
        assert "captures" in text

    def test_score_goes_with_the_result(self):
        surface = raster(noise(1))
        cost = cost_surface(surface * 0 + 1, [(0, 0)])
        found = validate(cost["accumulated"], points((1, 1), (5, 5)), low_is_likely=True)
        before = repr(cost.attrs)
        scored = with_score(cost, found)
        assert repr(cost.attrs) == before
        record = scored.attrs["geocn"]
        assert record["method"] == "corridors.cost_surface"
        assert record["score"] == found.scores.loc["model", "auc"]
        assert record["validation"]["legend"] == found.legend_text()
        assert record["validation"]["scores"]["model"]["auc"] > 0.5

    def test_the_map_tells_it(self):
        seen = lines([(1, 1), (1, 12)], [(8, 1), (8, 12)])
        corridor = gpd.GeoDataFrame(geometry=seen.buffer(1500).tolist(), crs=UTM)
        told = with_score(corridor, validate(corridor, seen))
        drawn = PlanningMap(title="t", marking="TLP:CLEAR").add_corridors(told)
        assert drawn.layers[0].about == told.attrs["geocn"]["validation"]["legend"]
        assert "captures" in str(drawn.layers[0].encode(0, Pack())["about"])
        assert "captures" in drawn.to_folium().get_root().render()
        plainly = PlanningMap(title="t", marking="TLP:CLEAR").add_corridors(corridor)
        assert plainly.layers[0].about is None

    def test_a_hostile_score_stays_text(self):
        corridor = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
        corridor.attrs["geocn"] = {
            "validation": {"legend": "<img onerror=x>`${1}`\u202e" + "a" * 999}
        }
        drawn = PlanningMap(title="t", marking="TLP:CLEAR").add_corridors(corridor)
        assert "<img onerror" not in drawn.to_html()
        assert "\u202e" not in drawn.layers[0].about
        assert len(drawn.layers[0].about) <= 200
        for strange in ({"validation": "x"}, {"validation": {"legend": 5}}, "x"):
            corridor.attrs["geocn"] = strange
            plainly = PlanningMap(title="t", marking="TLP:CLEAR").add_corridors(corridor)
            assert plainly.layers[0].about is None


class TestBadInput:
    @pytest.mark.parametrize(
        "options",
        [
            {"shares": []},
            {"shares": [0]},
            {"shares": [1.5]},
            {"baselines": ["crow"]},
            {"interval": "exact"},
            {"confidence": 1.0},
            {"n_bootstrap": 0},
            {"cell_m": 10.0},
        ],
    )
    def test_options(self, options):
        with pytest.raises(ParameterError):
            validate(raster(noise(1)), points((1, 1)), **options)

    def test_observations(self):
        surface = raster(noise(1))
        with pytest.raises(CRSError):
            validate(surface, points((1, 1), crs=None))
        with pytest.raises(SchemaError, match="negative"):
            validate(surface, points((1, 1), location_precision_m=-5.0))
        far = gpd.GeoDataFrame(geometry=[shapely.Point(1e300, 0)], crs=UTM)
        with pytest.raises(CoordinateError):
            validate(surface, far)
        gap = points((1, 1), (2, 2))
        gap.loc[1, "geometry"] = None
        assert validate(surface, gap).record["left_out"] == [1]

    def test_surfaces(self):
        with pytest.raises(RasterError, match="no cell"):
            validate(raster(np.full((4, 4), np.nan)), points((1, 1)))
        with pytest.raises(CRSError):
            validate(raster(noise(1)).drop_vars("spatial_ref"), points((1, 1)))
