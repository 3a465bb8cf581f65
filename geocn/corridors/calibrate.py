"""Weights of friction learnt from observed routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from geocn._typing import FloatArray, IntArray
from geocn.corridors.calibrate_graph import FactorGrid, Walks, cell_graph, factor_grid, route_walks
from geocn.corridors.calibrate_model import Fit, WalkModel
from geocn.corridors.friction_distance import cell_side_m
from geocn.corridors.validate import validate
from geocn.errors import ParameterError
from geocn.provenance import KEY, attach
from geocn.spatial.cost import friction_surface as cost_ready

Intervals = Literal["hessian", "robust", "bootstrap"]
_SHARE = 0.10


@dataclass(frozen=True)
class Calibration:
    """What :func:`calibrate_friction` found.

    Attributes
    ----------
    weights : DataFrame
        By factor: ``weight`` (of friction's logarithm by unit of the factor),
        ``standard_error``, ``low``, ``high``, ``ratio`` (what one standard deviation of the
        factor multiplies friction by). ``attrs["geocn"]`` holds options and counts.
    folds : DataFrame
        By fold of routes held out: ``n_routes``; mean ``log_likelihood`` a route, ``auc`` and
        ``captured_10pct`` of the corridors between their ends, each also ``_uniform`` for
        even friction; and ``auc_straight_line``. The likelihood is NaN where a way costs so
        much (above some 700) that its probability is no number.
    friction : DataArray
        ``exp(sum of weight x factor)``, NaN where a factor has no value: for
        :func:`geocn.corridors.cost_surface` and its kin.
    """

    weights: pd.DataFrame
    folds: pd.DataFrame
    friction: xr.DataArray

    @property
    def record(self) -> dict[str, Any]:
        """Options and counts of the calibration."""
        return dict(self.weights.attrs[KEY])

    def summary(self) -> str:
        """Tell the weights with their intervals, and what they are worth out of sample."""
        lines = [
            f"{name}: {row['weight']:.4g} ({row['low']:.4g} to {row['high']:.4g})"
            for name, row in self.weights.iterrows()
        ]
        n = self.folds["n_routes"].to_numpy(dtype=float)
        mean = {
            name: float(np.average(self.folds[name], weights=n))
            for name in ("log_likelihood", "auc", "captured_10pct")
            for name in (name, f"{name}_uniform")
        }
        lines += [
            f"{self.record['n_routes']} routes, {len(self.folds)} folds held out:",
            f"log-likelihood a route {_beside(mean, 'log_likelihood', '.2f')}",
            f"AUC {_beside(mean, 'auc', '.3f')}",
            f"share in 10 % of area {_beside(mean, 'captured_10pct', '.2f')}",
        ]
        return "\n".join(lines)


def calibrate_friction(
    factors: xr.Dataset | Mapping[str, xr.DataArray],
    routes: gpd.GeoDataFrame,
    *,
    folds: int = 5,
    intervals: Intervals = "hessian",
    confidence: float = 0.95,
    n_bootstrap: int = 100,
    max_cells: int = 40_000,
    seed: int = 0,
) -> Calibration:
    r"""Learn what factors weigh in friction from the ways that routes took.

    Friction is :math:`f = \exp(\sum_k w_k x_k)`. The likelihood sets each route, between its
    own two ends, against every other way on the grid: a way has a probability that falls
    exponentially with its cost, :math:`e^{-\beta \int f}` over an even random walk
    (randomised shortest paths). The scale :math:`\beta` is learnt too. Nothing is sampled:
    the sum over all ways is the solution of a sparse linear system.

    Parameters
    ----------
    factors : xarray.Dataset or mapping of name to DataArray
        Rasters on the same cells, each a quantity that may ease or hinder: slope, distance
        to roads, 0 and 1 for a protected area. A cell without a value is a barrier.
    routes : GeoDataFrame
        Lines as they were travelled. Their ends serve as origins and destinations.
    folds : int
        Parts of the routes held out in turn (by ``seed``); at most the number of routes.
    intervals : {"hessian", "robust", "bootstrap"}
        From the second derivatives of the likelihood; from these and the spread of the
        routes' gradients (White 1982, doi:10.2307/1912526; right where routes agree on
        weights but not on the model); or from refits to routes drawn with replacement.
    confidence : float
        Of the intervals.
    n_bootstrap : int
        Number of refits.
    max_cells : int
        Larger rasters are averaged over blocks for learning; friction is given back on all
        their cells.
    seed : int
        Seed of folds and resamples.

    Returns
    -------
    Calibration
        ``weights``, ``folds``, ``friction`` and ``summary()``. Routes that could not be
        followed stand by reason in ``attrs["geocn"]["left_out"]`` of the weights.

    Raises
    ------
    ParameterError
        Where an option is out of range, there are no more routes than weights, or a factor
        is constant or doubles another (named).
    RasterError, CRSError
        Where factors lie on different cells, have no CRS or are rotated.
    GeometryError
        Where no route can be followed: none given, all within one cell, outside, on barriers.

    Notes
    -----
    Saerens et al. 2009 (doi:10.1162/neco.2009.11-07-643); Fosgerau, Frejinger & Karlström
    2013 (doi:10.1016/j.trb.2013.07.012). Lines drawn from hearsay are straighter than ways:
    they teach the scale, not the factors.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> axis = np.arange(12) * 1000.0
    >>> rough = np.tile(axis / 11e3, (12, 1))
    >>> rough = xr.DataArray(rough, {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> ways = [[(x, 0), (0, 3e3), (0, 8e3), (x, 11e3)] for x in (2e3, 4e3, 5e3)]
    >>> routes = gpd.GeoDataFrame(geometry=[shapely.LineString(w) for w in ways], crs=32618)
    >>> found = calibrate_friction({"rough": rough.rio.write_crs(32618)}, routes, folds=3)
    >>> bool(found.weights.weight["rough"] > 0)
    True
    """
    _check(folds, intervals, confidence, n_bootstrap, max_cells)
    given = factor_grid(factors)
    coarse = given.coarser(max_cells)
    walks = route_walks(coarse, routes)
    n, k = len(walks.cells), len(given.names)
    if n <= k + 1:
        raise ParameterError(
            f"{n} routes for {k} weights and a scale; give more routes or fewer factors"
        )
    centre, spread, model = _model(coarse, walks)
    everyone = np.arange(n)
    fit = model.fit(everyone)
    covariance = _covariance(model, fit, intervals, n_bootstrap, seed)
    weights = _weights(given.names, fit, covariance, spread, confidence)
    learnt = np.exp(given.values @ weights["weight"].to_numpy())
    learnt[~given.passable] = np.nan
    friction = given.grid.restore(
        learnt.reshape(given.grid.shape),
        name="friction",
        attrs={"long_name": "learnt friction", "units": "1"},
    )
    groups = np.random.default_rng(seed).permutation(n) % min(folds, n)
    held_out = _held_out(coarse, walks, routes, model, fit, spread, groups)
    scale = float(np.exp(fit.parameters[0] - fit.parameters[1:] @ (centre / spread)))
    facts = {
        "folds": min(folds, n), "intervals": intervals, "confidence": confidence,
        "n_bootstrap": n_bootstrap, "max_cells": max_cells, "seed": seed, "crs": given.grid.crs,
        "n_routes": n, "left_out": walks.left_out, "converged": fit.converged,
        "log_likelihood": float(fit.log_likelihood.sum()), "cell_m": cell_side_m(coarse.grid),
        "scale_per_m": scale / cell_side_m(coarse.grid),
    }  # fmt: skip
    for part in (weights, held_out, friction):
        attach(part, "corridors.calibrate_friction", **facts)
    return Calibration(weights, held_out, friction)


def _beside(mean: Mapping[str, float], name: str, form: str) -> str:
    return f"{mean[name]:{form}} (even friction {mean[f'{name}_uniform']:{form}})"


def _check(folds: int, intervals: str, confidence: float, n_bootstrap: int, max_cells: int) -> None:
    faults = []
    if folds < 2:
        faults.append(f"folds is {folds!r}; give 2 or more")
    if intervals not in ("hessian", "robust", "bootstrap"):
        faults.append(f"intervals is {intervals!r}; choose 'hessian', 'robust' or 'bootstrap'")
    if not 0 < confidence < 1:
        faults.append(f"confidence is {confidence!r}; give a share such as 0.95")
    if n_bootstrap < 2:
        faults.append(f"n_bootstrap is {n_bootstrap!r}; give 2 or more")
    if max_cells < 4:
        faults.append(f"max_cells is {max_cells!r}; give 4 or more")
    if faults:
        raise ParameterError("; ".join(faults))


def _model(coarse: FactorGrid, walks: Walks) -> tuple[FloatArray, FloatArray, WalkModel]:
    """Centre and spread of the factors, and the model in factors of mean 0 and spread 1."""
    graph = cell_graph(coarse)
    values = coarse.values[graph.cells]
    centre, spread = values.mean(axis=0), values.std(axis=0)
    return centre, spread, WalkModel(graph, (values - centre) / spread, walks)


def _covariance(
    model: WalkModel, fit: Fit, intervals: str, n_bootstrap: int, seed: int
) -> FloatArray:
    everyone = np.arange(model.n_walks)
    if intervals == "bootstrap":
        rng = np.random.default_rng(seed)
        n = model.n_walks
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap).astype(float)
        refits = [model.fit(everyone, w, fit.parameters).parameters for w in drawn]
        return np.atleast_2d(np.cov(np.array(refits).T))
    inverse = np.linalg.pinv(model.information(fit.parameters, everyone), hermitian=True)
    if intervals == "robust":
        return np.asarray(inverse @ (fit.scores.T @ fit.scores) @ inverse)
    return np.asarray(inverse)


def _weights(
    names: list[str], fit: Fit, covariance: FloatArray, spread: FloatArray, confidence: float
) -> pd.DataFrame:
    standard = fit.parameters[1:]
    error = np.sqrt(np.maximum(np.diag(covariance)[1:], 0.0)) / spread
    half = stats.norm.ppf(0.5 + confidence / 2) * error
    weight = standard / spread
    return pd.DataFrame(
        {
            "weight": weight, "standard_error": error, "low": weight - half,
            "high": weight + half, "ratio": np.exp(standard),
        },
        index=pd.Index(names, name="factor"),
    )  # fmt: skip


def _held_out(  # noqa: PLR0917
    coarse: FactorGrid,
    walks: Walks,
    routes: gpd.GeoDataFrame,
    model: WalkModel,
    fit: Fit,
    spread: FloatArray,
    groups: IntArray,
) -> pd.DataFrame:
    """Score each fold by a model fitted to the others, and by even friction."""
    rows = []
    even = WalkModel(cell_graph(coarse), np.empty((int(coarse.passable.sum()), 0)), walks)
    start = even.fit(np.arange(even.n_walks)).parameters
    for fold in range(int(groups.max()) + 1):
        inside, outside = np.flatnonzero(groups == fold), np.flatnonzero(groups != fold)
        learnt = model.fit(outside, start=fit.parameters).parameters
        plainly = even.fit(outside, start=start).parameters
        seen = routes.iloc[walks.rows[inside]]
        weights = learnt[1:] / spread
        row: dict[str, float] = {
            "n_routes": len(inside),
            "log_likelihood": _mean(model.evaluate(learnt, inside)[0]),
            "log_likelihood_uniform": _mean(even.evaluate(plainly, inside)[0]),
        }
        for suffix, w in (("", weights), ("_uniform", 0 * weights)):
            surface = _detours(coarse, w, [walks.cells[i] for i in inside])
            found = validate(
                surface, seen, low_is_likely=True, shares=[_SHARE], n_bootstrap=1,
                baselines=["straight_line"],
            ).scores  # fmt: skip
            row[f"auc{suffix}"] = found["auc"]["model"]
            row[f"captured_10pct{suffix}"] = found["captured_10pct"]["model"]
        row["auc_straight_line"] = found["auc"]["straight_line"]
        rows.append(row)
    table = pd.DataFrame(rows).rename_axis("fold")
    return table.astype("float64").astype({"n_routes": "int64"})


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if np.isfinite(values).all() else float("nan")


def _detours(coarse: FactorGrid, weights: FloatArray, walks: list[IntArray]) -> xr.DataArray:
    """Least share that a way through each cell costs above the best between any two ends."""
    values = np.where(coarse.passable[:, None], coarse.values, np.nan)
    friction = np.exp((values - np.nanmean(values, axis=0)) @ weights)
    raster = coarse.grid.restore(friction.reshape(coarse.grid.shape), name="friction", attrs={})
    surface = cost_ready(raster, neighbours=8)
    best = np.full(coarse.grid.shape, np.inf)
    for walk in walks:
        there = surface.accumulate(walk[:1]).cost
        total = there + surface.accumulate(walk[-1:]).cost
        best = np.minimum(best, total / there.ravel()[walk[-1]] - 1)
    best[np.isinf(best)] = np.nan
    # Cells of one best way are level, whatever rounding says.
    best = np.round(best, 9)
    return coarse.grid.restore(best, name="detour", attrs={})
