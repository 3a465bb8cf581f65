from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from affine import Affine
from scipy import ndimage

from geocn.corridors import calibrate_friction, least_cost_paths
from geocn.corridors.calibrate_graph import Walks, cell_graph, factor_grid, route_walks
from geocn.corridors.calibrate_model import WalkModel
from geocn.errors import CRSError, GeometryError, ParameterError, RasterError

UTM = "EPSG:32618"
CELL = 1000.0


def raster(values, crs=UTM, cell=CELL):
    values = np.asarray(values, dtype=float)
    height, width = values.shape
    x = 5e5 + (np.arange(width) + 0.5) * cell
    y = 1e5 - (np.arange(height) + 0.5) * cell
    return xr.DataArray(values, {"y": y, "x": x}, ("y", "x")).rio.write_crs(crs)


def lines(walks, width, crs=UTM):
    shapes = []
    for cells in walks:
        rows, columns = np.divmod(cells, width)
        xy = np.column_stack([5e5 + (columns + 0.5) * CELL, 1e5 - (rows + 0.5) * CELL])
        shapes.append(shapely.LineString(xy))
    return gpd.GeoDataFrame(geometry=shapes, crs=crs)


def landscape(side, seed):
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=(side, side)), 2) for _ in range(2)]
    return {
        name: raster(field / field.std())
        for name, field in zip(("slope", "guard"), fields, strict=True)
    }


def simulate(factors, weights, scale, n, seed):
    """Walks drawn step by step from the model itself, by dense algebra."""
    given = factor_grid(factors)
    graph = cell_graph(given)
    size, width = len(graph.cells), given.grid.shape[1]
    friction = scale * np.exp(given.values[graph.cells] @ weights)
    cost = graph.half * (friction[graph.start] + friction[graph.end])
    degree = np.bincount(graph.start)
    moves = np.zeros((size, size))
    moves[graph.start, graph.end] = np.exp(-cost) / degree[graph.start]
    fundamental = np.linalg.inv(np.eye(size) - moves)
    rng = np.random.default_rng(seed)
    walks = []
    while len(walks) < n:
        here, target = rng.choice(size, 2, replace=False)
        rows, columns = np.divmod(graph.cells[[here, target]], width)
        if np.hypot(*np.diff([rows, columns])[:, 0]) < width / 3:
            continue
        ahead, walk = fundamental[:, target], [here]
        while True:
            chances = moves[here] * ahead
            if here == target and rng.random() < 1 / ahead[here]:
                break
            here = int(rng.choice(size, p=chances / chances.sum()))
            walk.append(here)
        walks.append(graph.cells[np.array(walk)])
    return walks


def model_of(factors, walks):
    given = factor_grid(factors)
    graph = cell_graph(given)
    return WalkModel(graph, given.values[graph.cells], Walks(walks, np.arange(len(walks)), {}))


class TestModel:
    @pytest.fixture(scope="class")
    @staticmethod
    def small():
        factors = {"a": raster(np.random.default_rng(0).normal(size=(3, 3)))}
        return factors, [np.array([0, 4, 8]), np.array([2, 1, 0, 3]), np.array([0, 1, 2, 5, 8])]

    def test_likelihood_against_adding_up_all_walks(self, small):
        """Probabilities of all walks of up to 14 steps, by brute force over a dense matrix."""
        factors, walks = small
        parameters = np.array([0.4, 0.3])
        found, _ = model_of(factors, walks).evaluate(parameters, np.arange(3))
        friction = np.exp(0.4 + 0.3 * factors["a"].to_numpy().ravel())
        moves = np.zeros((9, 9))
        for i, j in itertools.permutations(range(9), 2):
            (a, b), (c, d) = divmod(i, 3), divmod(j, 3)
            if max(abs(a - c), abs(b - d)) == 1:
                moves[i, j] = np.exp(-np.hypot(a - c, b - d) * (friction[i] + friction[j]) / 2)
        degree = (moves > 0).sum(axis=1)
        moves /= degree[:, None]
        total = sum(np.linalg.matrix_power(moves, n) for n in range(200))
        for value, walk in zip(found, walks, strict=True):
            chance = np.prod([moves[i, j] for i, j in itertools.pairwise(walk)])
            assert value == pytest.approx(np.log(chance / total[walk[0], walk[-1]]), rel=1e-9)

    def test_gradient_by_differences(self, small):
        factors, walks = small
        model, rows = model_of(factors, walks), np.arange(3)
        at = np.array([0.2, -0.5])
        _, gradient = model.evaluate(at, rows)
        for k in range(2):
            step = 1e-6 * np.eye(2)[k]
            up, down = (model.evaluate(at + s * step, rows)[0] for s in (1, -1))
            np.testing.assert_allclose(gradient[:, k], (up - down) / 2e-6, rtol=1e-5, atol=1e-7)

    def test_information_by_differences(self, small):
        factors, walks = small
        model, rows = model_of(factors, walks), np.arange(3)
        at = np.array([0.1, 0.2])
        found = model.information(at, rows)

        def total(x, y):
            return model.evaluate(at + np.array([x, y]), rows)[0].sum()

        h = 1e-3
        cross = (total(h, h) - total(h, -h) - total(-h, h) + total(-h, -h)) / (4 * h * h)
        assert found[0, 1] == pytest.approx(-cross, rel=1e-3)

    def test_underflow_is_no_answer(self, small):
        factors, walks = small
        value, gradient = model_of(factors, walks).evaluate(np.array([9.0, 0.0]), np.arange(3))
        assert np.isneginf(value).all()
        assert (gradient == 0).all()

    def test_fit_is_a_maximum(self):
        factors = landscape(10, 1)
        walks = simulate(factors, np.array([0.6, -0.4]), 0.8, 15, 2)
        model, rows = model_of(factors, walks), np.arange(15)
        fit = model.fit(rows)
        assert fit.converged
        assert np.abs(fit.scores.sum(axis=0)).max() < 0.05
        best = fit.log_likelihood.sum()
        for offset in np.vstack([np.eye(3), -np.eye(3)]) * 0.05:
            assert model.evaluate(fit.parameters + offset, rows)[0].sum() < best
        far = model.fit(rows, start=np.array([1.0, -1.0, 1.0]))
        np.testing.assert_allclose(far.parameters, fit.parameters, atol=1e-3)


class TestGraph:
    def test_neighbours_and_barriers(self):
        values = np.arange(9.0).reshape(3, 3)
        values[1, 1] = np.nan
        graph = cell_graph(factor_grid({"a": raster(values)}))
        assert len(graph.cells) == 8
        # Eight along the rim and four diagonals across the corners of the middle, both ways.
        assert len(graph.start) == 2 * (8 + 4)
        assert sorted(set(graph.half.round(6))) == [0.5, round(np.sqrt(0.5), 6)]

    def test_a_line_through_centres_is_its_cells(self):
        given = factor_grid({"a": raster(np.random.default_rng(0).normal(size=(9, 9)))})
        walk = np.array([0, 10, 11, 20, 29, 30, 40, 49, 57])
        found = route_walks(given, lines([walk], 9))
        assert found.cells[0].tolist() == walk.tolist()

    def test_any_line_is_joined(self):
        given = factor_grid({"a": raster(np.random.default_rng(0).normal(size=(30, 30)))})
        rng = np.random.default_rng(1)
        xy = np.column_stack([rng.uniform(5e5, 5.3e5, 40), rng.uniform(7e4, 1e5, 40)])
        line = gpd.GeoDataFrame(geometry=[shapely.LineString(xy)], crs=UTM)
        cells = route_walks(given, line).cells[0]
        rows, columns = np.divmod(cells, 30)
        steps = np.maximum(np.abs(np.diff(rows)), np.abs(np.diff(columns)))
        assert set(steps.tolist()) == {1}

    def test_blocks(self):
        values = np.arange(36.0).reshape(6, 6)
        values[:2, :2] = np.nan
        coarse = factor_grid({"a": raster(values)}).coarser(9)
        assert coarse.grid.shape == (3, 3)
        assert np.isnan(coarse.values[0, 0])
        assert coarse.values[4, 0] == values[2:4, 2:4].mean()
        assert coarse.grid.transform.a == 2 * CELL
        odd = factor_grid({"a": raster(np.arange(35.0).reshape(5, 7))}).coarser(12)
        assert odd.grid.shape == (3, 4)


class TestRecovery:
    def test_known_weights_and_out_of_sample(self):
        factors = landscape(14, 3)
        truth = np.array([0.8, -0.5])
        routes = lines(simulate(factors, truth, 1.0, 40, 4), 14)
        found = calibrate_friction(factors, routes)
        assert found.record["converged"]
        error = found.weights["standard_error"].to_numpy()
        assert (np.abs(found.weights["weight"] - truth) < 3 * error).all()
        assert (error < 0.3).all()
        assert (found.folds["log_likelihood"] > found.folds["log_likelihood_uniform"]).mean() > 0.7
        weighed = np.average(
            found.folds[["auc", "auc_uniform"]], axis=0, weights=found.folds["n_routes"]
        )
        assert weighed[0] > weighed[1]
        assert found.record["scale_per_m"] * CELL == pytest.approx(1.0, rel=0.4)
        assert "slope" in found.summary()
        expected = np.exp(
            sum(found.weights.loc[n, "weight"] * factors[n] for n in ("slope", "guard"))
        )
        np.testing.assert_allclose(found.friction, expected)

    def test_least_cost_routes_lead_to_a_better_surface(self):
        """Routes that no model of ours drew: least-cost paths over noisy friction."""
        factors = landscape(25, 5)
        rng = np.random.default_rng(6)
        routes = []
        for _ in range(14):
            noisy = factors["slope"] + raster(rng.normal(0, 0.2, (25, 25)))
            a, b = (rng.integers(0, 25, 2) for _ in range(2))
            if np.hypot(*(a - b)) < 8:
                continue
            path = least_cost_paths(np.exp(noisy), [tuple(a)], [tuple(b)], neighbours=8)
            routes.append(path[["geometry"]])
        routes = pd.concat(routes, ignore_index=True)
        found = calibrate_friction(factors, routes, folds=3, intervals="robust")
        assert found.weights.loc["slope", "low"] > 0
        assert found.weights.loc["guard", "low"] < 0 < found.weights.loc["guard", "high"]
        n = found.folds["n_routes"]
        for score in ("auc", "captured_10pct", "log_likelihood"):
            learnt = np.average(found.folds[score], weights=n)
            assert learnt > np.average(found.folds[f"{score}_uniform"], weights=n), score

    @pytest.mark.slow
    @pytest.mark.parametrize("intervals", ["hessian", "robust"])
    def test_intervals_hold_the_truth_as_often_as_they_say(self, intervals, monkeypatch):
        # The folds take most of the time and do not enter the intervals.
        monkeypatch.setattr("geocn.corridors.calibrate._held_out", lambda *_: pd.DataFrame())
        truth = np.array([0.6, 0.0])
        hits, widths = 0, []
        for seed in range(40):
            factors = landscape(10, seed)
            routes = lines(simulate(factors, truth, 1.0, 30, seed), 10)
            found = calibrate_friction(
                factors, routes, folds=2, intervals=intervals, confidence=0.9
            ).weights
            hits += ((found["low"] <= truth) & (truth <= found["high"])).sum()
            widths.append(found["standard_error"].mean())
        # 80 intervals of 90 %: 72 expected, sd 2.7.
        assert 63 <= hits <= 79
        assert np.mean(widths) < 0.4

    def test_bootstrap_agrees_with_the_hessian(self):
        factors = landscape(9, 7)
        routes = lines(simulate(factors, np.array([0.6, 0.0]), 1.0, 25, 8), 9)
        plain = calibrate_friction(factors, routes, folds=2)
        drawn = calibrate_friction(factors, routes, folds=2, intervals="bootstrap", n_bootstrap=40)
        ratio = drawn.weights["standard_error"] / plain.weights["standard_error"]
        assert ratio.between(0.5, 2).all()
        np.testing.assert_array_equal(drawn.weights["weight"], plain.weights["weight"])


class TestUse:
    @pytest.fixture(scope="class")
    @staticmethod
    def world():
        factors = landscape(9, 9)
        return factors, lines(simulate(factors, np.array([0.5, 0.2]), 1.0, 10, 1), 9)

    def test_units_of_a_factor_only_rescale_its_weight(self, world):
        factors, routes = world
        plain = calibrate_friction(factors, routes, folds=2)
        scaled = calibrate_friction(
            {"slope": factors["slope"] * 1000 + 50, "guard": factors["guard"]}, routes, folds=2
        )
        a, b = plain.weights.loc["slope"], scaled.weights.loc["slope"]
        assert a["weight"] == pytest.approx(1000 * b["weight"], rel=1e-3)
        assert a["ratio"] == pytest.approx(b["ratio"], rel=1e-3)
        np.testing.assert_allclose(scaled.folds["auc"], plain.folds["auc"], atol=1e-3)

    def test_large_rasters_are_learnt_on_blocks(self, world):
        factors, routes = world
        fine = {
            name: raster(np.kron(value.to_numpy(), np.ones((3, 3))), cell=CELL / 3)
            for name, value in factors.items()
        }
        found = calibrate_friction(fine, routes, folds=2, max_cells=81)
        plain = calibrate_friction(factors, routes, folds=2)
        np.testing.assert_allclose(found.weights["weight"], plain.weights["weight"], rtol=1e-6)
        assert found.friction.shape == (27, 27)
        assert found.record["cell_m"] == pytest.approx(CELL)

    def test_left_out_routes_are_named_by_reason(self, world):
        factors, routes = world
        away = routes.geometry.iloc[0]
        odd = gpd.GeoDataFrame(
            geometry=[
                shapely.LineString([(5e5 + 100, 1e5 - 100), (5e5 + 200, 1e5 - 100)]),
                shapely.transform(away, lambda xy: xy + 1e6),
                None,
                shapely.MultiLineString([[(501e3, 99e3), (502e3, 99e3)], [(505e3, 95e3), (6, 5)]]),
                shapely.Point(501e3, 99e3),
            ],
            index=list("abcde"),
            crs=UTM,
        )  # fmt: skip
        found = calibrate_friction(factors, pd.concat([odd, routes]), folds=2)
        assert found.record["left_out"] == {
            "within one cell": ["a"],
            "beyond the raster": ["b"],
            "no geometry": ["c"],
            "in pieces or no line": ["d", "e"],
        }
        assert found.record["n_routes"] == 10

    def test_routes_in_degrees(self, world):
        factors, routes = world
        a = calibrate_friction(factors, routes, folds=2).weights
        b = calibrate_friction(factors, routes.to_crs(4326), folds=2).weights
        pd.testing.assert_frame_equal(a, b, rtol=1e-3)


class TestBadInput:
    @pytest.fixture(scope="class")
    @staticmethod
    def world():
        factors = landscape(9, 9)
        return factors, lines(simulate(factors, np.array([0.5, 0.2]), 1.0, 6, 1), 9)

    def test_factors(self, world):
        factors, routes = world
        flat = raster(np.full((9, 9), 3.0))
        with pytest.raises(ParameterError, match="flat constant"):
            calibrate_friction({**factors, "flat": flat}, routes)
        with pytest.raises(ParameterError, match="slope and twice the same"):
            calibrate_friction({"slope": factors["slope"], "twice": -2 * factors["slope"]}, routes)
        with pytest.raises(ParameterError, match="no factors"):
            calibrate_friction({}, routes)
        with pytest.raises(RasterError, match=r"small \(9 x 8 cells.*, moved"):
            calibrate_friction(
                {
                    **factors,
                    "small": factors["slope"][:, 1:],
                    "moved": factors["slope"].assign_coords(x=factors["slope"].x + 100),
                },
                routes,
            )
        with pytest.raises(CRSError, match="slope"):
            calibrate_friction({"slope": factors["slope"].drop_vars("spatial_ref")}, routes)
        turned = factors["slope"].drop_vars(["x", "y"])
        turned = turned.rio.write_transform(Affine(1000, 50, 5e5, 50, -1000, 1e5))
        with pytest.raises(RasterError, match="rotated"):
            calibrate_friction({"slope": turned}, routes)
        with pytest.raises(RasterError, match="0 cells"):
            calibrate_friction({"slope": factors["slope"] * np.nan}, routes)

    def test_routes(self, world):
        factors, routes = world
        with pytest.raises(GeometryError, match="none given"):
            calibrate_friction(factors, routes.iloc[:0])
        dot = gpd.GeoDataFrame(
            geometry=[shapely.LineString([(500_100, 99_900), (500_200, 99_900)])] * 3, crs=UTM
        )
        with pytest.raises(GeometryError, match="3 within one cell"):
            calibrate_friction(factors, dot)
        with pytest.raises(CRSError):
            calibrate_friction(factors, routes.set_crs(None, allow_override=True))
        with pytest.raises(ParameterError, match="3 routes for 2 weights"):
            calibrate_friction(factors, routes.iloc[:3])
        walled = {name: value.where(value.x > 509e3 - 1500) for name, value in factors.items()}
        with pytest.raises(GeometryError, match="barrier"):
            calibrate_friction(walled, routes)

    @pytest.mark.parametrize(
        "options",
        [
            {"folds": 1},
            {"intervals": "profile"},
            {"confidence": 0},
            {"n_bootstrap": 1},
            {"max_cells": 1},
        ],
    )
    def test_options(self, world, options):
        with pytest.raises(ParameterError):
            calibrate_friction(*world, **options)
