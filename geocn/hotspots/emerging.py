"""Emerging hotspots: how the hot and cold spots of a space-time cube come and go."""

from __future__ import annotations

from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._kernels.trend import mann_kendall, overlap_inflation, sen_slope, trend_test
from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots import patterns
from geocn.hotspots.bins import Scores, score, windows
from geocn.hotspots.correction import Correction, level_faults
from geocn.hotspots.cube_evidence import (
    evidence_columns,
    exposure_of,
    imputations_of,
    rows_of,
)
from geocn.hotspots.tails import Inference, inference_faults
from geocn.provenance import attach
from geocn.spatial.neighbours import Neighbours, describe, neighbour_matrix

_STATES = {1: "hot", -1: "cold", 0: "none"}


def emerging_hotspots(
    cube: xr.Dataset,
    areas: gpd.GeoDataFrame,
    *,
    neighbours: Neighbours,
    value: str = "n_events",
    exposure: str | None = None,
    time_neighbours: int = 1,
    alpha: float = 0.05,
    correction: Correction = "bh",
    inference: Inference = "auto",
    permutations: int | None = None,
    min_observed: float = 0.9,
    overlap_correction: bool = True,
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Say of each area whether its hot spot is new, growing, fading, past or passing.

    Every bin of the cube is tested with Gi\* over its space-time neighbourhood (the area
    and its neighbours, now and in the ``time_neighbours`` steps before) against the whole
    cube; the scores of each area are tested for a trend (Mann-Kendall); states and trend
    give one of seventeen classes.

    Parameters
    ----------
    cube : xarray.Dataset
        From :func:`space_time_cube`.
    areas : GeoDataFrame
        The areas of the cube, in any order.
    neighbours : "queen", "rook", metres, distance_band, knn, sparse matrix or libpysal Graph
        As in :func:`getis_ord`; weights count as 0 or 1.
    value : str
        Variable of the cube to analyse. Where the cube holds ``<value>_imputed``, each
        imputation is tested and the scores are combined before states and trend.
    exposure : str, optional
        Variable of the cube by area and time (or by area), or column of the areas, for each
        step alike (a bin observed in part has that part of it). Counts are then tested
        against what exposure makes expected, with the binomial law. Bins without exposure
        take no part.
    time_neighbours : int
        Number of earlier steps in each neighbourhood.
    alpha : float
        Level of significance of a bin after correction, and of a trend.
    correction : {"bh", "by", "bonferroni", "none"}
        Over all bins. Trends, one an area, are not corrected.
    inference : {"auto", "exact", "permutation", "analytic"}
        As in :func:`getis_ord`: exact for counts. A bin whose own value is what makes its
        sum large is not hot: p-values are given the bin's own value.
    permutations : int, optional
        Number of permutations; by default as many as the correction needs, at most 5 million.
    min_observed : float
        Bins observed for a smaller share of their time take no part, neither as zero nor
        as neighbours.
    overlap_correction : bool
        Neighbourhoods of consecutive bins share steps, which makes plain Mann-Kendall find
        trends where there are none (in 14 to 25 % of series instead of 5 %); the variance
        is widened by what the overlap alone explains. False for the plain test.
    seed : int
        Seed of the permutations.

    Returns
    -------
    GeoDataFrame
        The areas with ``emerging_class`` (the seventeen names and their rules stand in
        ``attrs["geocn"]["classes"]``; areas without neighbours or observed bins are
        "no_neighbours" and "no_data"), ``last_state`` (hot, cold, none or no_data) in
        ``last_period``, the start of the area's last observed bin, ``n_periods`` observed,
        ``share_hot``, ``share_cold`` of them, and ``trend_z``, ``trend_p`` and
        ``sen_slope`` (per step) of the scores. With exposure also ``exposure, expected,
        rate, rate_eb`` (Marshall) and ``relative_risk`` over the observed steps; with
        imputations ``fraction_missing`` (mean over the bins) and ``imprecise_share``.

    Raises
    ------
    SchemaError
        Where the cube lacks a dimension or variable.
    LayerError
        Where cube and areas are not of the same areas, values are infinite, or exposure is
        negative or 0 where events are.
    ParameterError
        Where an option is out of range.

    References
    ----------
    Getis & Ord 1992, doi:10.1111/j.1538-4632.1992.tb00261.x; Mann 1945,
    doi:10.2307/1907187; Sen 1968, doi:10.1080/01621459.1968.10480934;
    Hamed & Rao 1998, doi:10.1016/S0022-1694(97)00125-X.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(9) for x in range(9)]
    >>> grid = gpd.GeoDataFrame(geometry=cells, crs=6933)
    >>> counts = np.random.default_rng(0).poisson(2, (81, 12))
    >>> counts[[0, 1, 2, 9, 10, 11, 18, 19, 20], -1] += 9
    >>> cube = xr.Dataset({"n_events": (("area", "time"), counts)}, {"area": grid.index})
    >>> found = emerging_hotspots(cube, grid, neighbours="queen", time_neighbours=0)
    >>> found["emerging_class"][10]
    'new_hot'
    """
    options: dict[str, Any] = {
        "alpha": alpha,
        "correction": correction,
        "inference": inference,
        "permutations": permutations,
    }
    _check(time_neighbours, min_observed=min_observed, **options)
    counts, valid = _values(cube, areas, value, min_observed)
    held = None if exposure is None else exposure_of(cube, areas, exposure, counts, valid)
    if held is not None:
        valid &= held > 0
    around = partial(
        windows,
        valid=valid,
        weights=neighbour_matrix(areas, neighbours),
        time_neighbours=time_neighbours,
    )
    first, *more = map(around, imputations_of(cube, areas, value) or [counts])
    exposed = None if held is None else around(held)
    scores = score(first, more=more, exposed=exposed, seed=seed, **options)
    tested = ~np.isnan(scores.p_value)
    shared = time_neighbours if overlap_correction else 0
    columns = _columns(scores, valid, cube, shared=shared, alpha=alpha)
    columns |= evidence_columns(cube, areas, counts, valid, held=held, missing=scores.missing)
    return attach(
        areas.assign(**columns).astype({"emerging_class": "str", "last_state": "str"}),
        "hotspots.emerging_hotspots",
        classes=patterns.rules(),
        value=value,
        exposure=exposure,
        neighbours=describe(neighbours),
        time_neighbours=time_neighbours,
        min_observed=min_observed,
        overlap_correction=overlap_correction,
        seed=seed,
        crs=areas.crs,
        n_tests=scores.n_tests,
        left_out={
            "bins_without_data": int((~valid).sum()),
            "bins_without_neighbours": int((valid & ~tested).sum()),
        },
        cube=cube.attrs.get("geocn", {}),
        **(options | {"inference": scores.inference}),
    )


def _check(
    time_neighbours: int,
    *,
    alpha: float,
    correction: str,
    inference: str,
    permutations: int | None,
    min_observed: float,
) -> None:
    faults = []
    if time_neighbours < 0 or int(time_neighbours) != time_neighbours:
        faults.append(f"time_neighbours is {time_neighbours}, not a whole number of 0 or more")
    faults += level_faults(alpha, correction) + inference_faults(inference, permutations)
    if not 0 < min_observed <= 1:
        faults.append(f"min_observed is {min_observed}, not above 0 and at most 1")
    if faults:
        raise ParameterError("; ".join(faults))


def _values(
    cube: xr.Dataset, areas: gpd.GeoDataFrame, value: str, min_observed: float
) -> tuple[FloatArray, BoolArray]:
    """Values and which bins take part, by area in the order of the frame, and time."""
    if value not in cube or set(cube[value].dims) != {"area", "time"} or "area" not in cube.coords:
        raise SchemaError(
            "cube",
            found=f"no variable {value!r} by labelled area and time",
            expected="a cube from space_time_cube",
        )
    rows = rows_of(cube, areas)
    counts = cube[value].transpose("area", "time").to_numpy().astype(float)[rows]
    infinite = np.isinf(counts).any(axis=1)
    if infinite.any():
        raise LayerError(
            "cube",
            found=f"infinite {value}",
            expected="finite numbers",
            rows=list(areas.index[infinite]),
        )
    valid = ~np.isnan(counts)
    if "share_observed" in cube:
        share = cube["share_observed"].transpose("area", "time").to_numpy()[rows]
        # A share of whole days is not exact in binary.
        valid &= share >= min_observed - 1e-9
    return counts, valid


def _columns(
    scores: Scores, valid: BoolArray, cube: xr.Dataset, *, shared: int, alpha: float
) -> dict[str, Any]:
    tested = ~np.isnan(scores.p_value)
    series = np.ascontiguousarray(scores.z)
    total, variance, _, length = mann_kendall(series)
    trend_z, trend_p = trend_test(total, variance, length, overlap_inflation(length, shared))
    with np.errstate(invalid="ignore"):
        trend = np.where(trend_p <= alpha, np.sign(np.nan_to_num(trend_z)), 0).astype(int)
    place = patterns.last_place(tested)
    last = patterns.last_state(scores.state, tested)
    names = np.array([_STATES[int(state)] for state in last], dtype=object)
    names[place < 0] = "no_data"
    classes = patterns.classify(scores.state, tested, trend)
    classes[~tested.any(axis=1)] = "no_neighbours"
    classes[~valid.any(axis=1)] = "no_data"
    return {
        "emerging_class": classes,
        "last_state": names,
        "last_period": _periods(cube, place),
        "n_periods": tested.sum(axis=1),
        "share_hot": patterns.share_of(scores.state, tested, 1),
        "share_cold": patterns.share_of(scores.state, tested, -1),
        "trend_z": trend_z,
        "trend_p": trend_p,
        "sen_slope": sen_slope(series),
    }


def _periods(cube: xr.Dataset, place: AnyArray) -> AnyArray | pd.DatetimeIndex:
    """Start of the bins at these places; their number where the cube has no times."""
    if "time" not in cube.coords or cube["time"].dtype.kind != "M":
        return place
    starts = np.append(cube["time"].to_numpy().astype("datetime64[us]"), np.datetime64("NaT"))
    return pd.DatetimeIndex(starts[place]).tz_localize("UTC")
