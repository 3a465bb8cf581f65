"""Emerging hotspots under exposure, and of events whose places are not known exactly."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from scipy import stats

from geocn.errors import LayerError, ParameterError
from geocn.hotspots.bins import score, windows
from geocn.hotspots.emerging import emerging_hotspots
from geocn.spatial.neighbours import neighbour_matrix

OPTIONS = {"permutations": None, "alpha": 0.05, "correction": "bh", "seed": 0}


def grid(n: int = 8) -> gpd.GeoDataFrame:
    x, y = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n)))
    return gpd.GeoDataFrame(geometry=shapely.box(x, y, x + 1, y + 1), crs=6933)


def cube_of(counts: np.ndarray, frame: gpd.GeoDataFrame, **more: object) -> xr.Dataset:
    return xr.Dataset({"n_events": (("area", "time"), counts), **more}, {"area": frame.index})


def patrolled() -> tuple[gpd.GeoDataFrame, np.ndarray, np.ndarray]:
    frame, rng = grid(), np.random.default_rng(3)
    hours = np.ones((64, 10))
    hours[:10] = 20
    return frame, rng.poisson(0.5 * hours), hours


def test_more_patrols_make_no_hotspot_of_finds() -> None:
    frame, counts, hours = patrolled()
    cube = cube_of(counts, frame, hours=(("area", "time"), hours))
    naive = emerging_hotspots(cube, frame, neighbours="queen")
    fair = emerging_hotspots(cube, frame, neighbours="queen", exposure="hours")
    assert (naive["share_hot"][:3] > 0.5).all()
    assert fair["emerging_class"].eq("none").mean() > 0.95
    assert fair["expected"].sum() == pytest.approx(counts.sum())
    np.testing.assert_allclose(fair["rate"], counts.sum(axis=1) / hours.sum(axis=1))
    assert fair["rate_eb"].std() < fair["rate"].std()
    column = emerging_hotspots(
        cube_of(counts, frame), frame.assign(h=hours[:, 0]), neighbours="queen", exposure="h"
    )
    assert column["trend_z"].tolist() == fair["trend_z"].tolist()


def test_the_law_is_binomial() -> None:
    frame, counts, hours = patrolled()
    valid, weights = np.ones(counts.shape, bool), neighbour_matrix(frame, "queen")
    held, own = (
        windows(a.astype(float), valid, weights, time_neighbours=1) for a in (hours, counts)
    )
    found = score(own, exposed=held, inference="auto", **OPTIONS)
    n, share = int(counts.sum()), (held.lag + held.values) / hours.sum()
    k = own.lag + own.values
    upper, lower = stats.binom.sf(k - 1, n, share), stats.binom.cdf(k, n, share)
    expected = np.minimum(1, 2 * np.minimum(upper, lower))
    np.testing.assert_allclose(found.p_value.ravel(), expected, rtol=1e-9)


def test_equal_imputations_change_nothing_and_unequal_ones_tell_how_much_is_unknown() -> None:
    frame, counts, _ = patrolled()
    plain = emerging_hotspots(cube_of(counts, frame), frame, neighbours="queen")
    dims = ("imputation", "area", "time")
    same = cube_of(counts, frame, n_events_imputed=(dims, np.stack([counts] * 4)))
    found = emerging_hotspots(same, frame, neighbours="queen")
    assert found["emerging_class"].equals(plain["emerging_class"])
    np.testing.assert_allclose(found["trend_z"], plain["trend_z"])
    assert (found["fraction_missing"] == 0).all()
    rng = np.random.default_rng(0)
    each = np.stack([rng.permuted(counts, axis=0) for _ in range(6)])
    apart = cube_of(
        each.mean(axis=0),
        frame,
        n_events_imputed=(dims, each),
        n_imprecise=(("area", "time"), each.mean(axis=0)),
    )
    loose = emerging_hotspots(apart, frame, neighbours="queen")
    assert loose["fraction_missing"].mean() > 0.3
    assert loose["share_hot"].sum() < plain["share_hot"].sum()
    assert loose["imprecise_share"].tolist() == [1.0] * 64


def test_bad_exposure_is_refused() -> None:
    frame, counts, hours = patrolled()
    hours[5] = 0
    counts[5] = 1
    cube = cube_of(counts, frame, hours=(("area", "time"), hours))
    with pytest.raises(LayerError, match="0 where events"):
        emerging_hotspots(cube, frame, neighbours="queen", exposure="hours")
    counts[5] = 0
    found = emerging_hotspots(
        cube_of(counts, frame, hours=(("area", "time"), hours)),
        frame,
        neighbours="queen",
        exposure="hours",
    )
    assert found["emerging_class"][5] == "no_data"
    with pytest.raises(ParameterError, match="binomial"):
        emerging_hotspots(
            cube, frame.assign(h=1.0), neighbours="queen", exposure="h", inference="permutation"
        )
    with pytest.raises(LayerError):
        emerging_hotspots(cube, frame.assign(h=-1.0), neighbours="queen", exposure="h")


def test_all_zeros_and_one_period_are_no_hotspot() -> None:
    frame = grid(4)
    for counts in (np.zeros((16, 6), int), np.random.default_rng(0).poisson(2, (16, 1))):
        for more in ({}, {"exposure": "h"}):
            found = emerging_hotspots(
                cube_of(counts, frame), frame.assign(h=1.0), neighbours="queen", **more
            )
            assert set(found["emerging_class"]) <= {"none", "new_hot", "new_cold"}
