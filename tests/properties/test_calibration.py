"""P-values hold their level where nothing is there: P(p <= a) <= a, for every a."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.hotspots import (
    border_crossings,
    border_hotspots,
    border_segments,
    getis_ord,
    local_moran,
)
from tests.properties.cases.world import borders

LEVELS = np.array([0.01, 0.05, 0.2])


def assert_holds(p_values: list[np.ndarray]) -> None:
    """The share of small p-values in repeated worlds is no larger than their level."""
    found = np.array([[(p <= level).mean() for level in LEVELS] for p in p_values])
    # Tests of one world share events; worlds do not: their spread gives the error.
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (found.mean(axis=0) <= LEVELS + 3 * error + 1e-9).all(), found.mean(axis=0)


def lattice(**columns: np.ndarray) -> gpd.GeoDataFrame:
    height, width = next(iter(columns.values())).shape
    cells = [shapely.box(x, y, x + 1, y + 1) for y in range(height) for x in range(width)]
    data = {name: values.ravel() for name, values in columns.items()}
    return gpd.GeoDataFrame(data, geometry=cells, crs=6933)


@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("inference", ["exact", "permutation"])
def test_getis_ord(rate: float, inference: str) -> None:
    found = []
    for seed in range(16):
        counts = np.random.default_rng(seed).poisson(rate, (15, 15))
        draws = 999 if inference == "permutation" else None
        result = getis_ord(
            lattice(n=counts), "n", neighbours="queen", inference=inference, permutations=draws
        )
        found.append(result["p_value"].to_numpy())
    assert_holds(found)


@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("star", [True, False])
def test_getis_ord_under_uneven_exposure(rate: float, star: bool) -> None:
    found = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        hours = rng.lognormal(0, 1, (15, 15))
        frame = lattice(n=rng.poisson(rate * hours), hours=hours)
        result = getis_ord(frame, "n", neighbours="rook", exposure="hours", star=star)
        found.append(result["p_value"].to_numpy())
    assert_holds(found)


def clustered(rng: np.random.Generator, rate: float, shape: tuple[int, int]) -> np.ndarray:
    """Negative-binomial counts: cells differ in rate, but not by place."""
    return rng.poisson(rng.gamma(0.5, rate / 0.5, shape))


@pytest.mark.slow
@pytest.mark.parametrize("analysis", [getis_ord, local_moran])
@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("kind", ["poisson", "clustered"])
@pytest.mark.parametrize("inference", ["exact", "permutation"])
def test_local_statistics(analysis: Any, rate: float, kind: str, inference: str) -> None:
    found = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        counts = (
            rng.poisson(rate, (15, 15)) if kind == "poisson" else clustered(rng, rate, (15, 15))
        )
        options = {"permutations": 999} if inference == "permutation" else {}
        result = analysis(
            lattice(n=counts), "n", neighbours="queen", inference=inference, **options
        )
        found.append(result["p_value"].to_numpy())
    assert_holds(found)


@pytest.mark.slow
@pytest.mark.parametrize("analysis", [getis_ord, local_moran])
@pytest.mark.parametrize("rate", [0.05, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("inference", ["exact", "permutation"])
def test_local_statistics_under_uneven_exposure(analysis: Any, rate: float, inference: str) -> None:
    found = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        hours = rng.lognormal(0, 1, (15, 15))
        options = {"permutations": 999} if inference == "permutation" else {}
        result = analysis(
            lattice(n=rng.poisson(rate * hours), hours=hours),
            "n",
            neighbours="queen",
            exposure="hours",
            inference=inference,
            **options,
        )
        found.append(result["p_value"].to_numpy())
    assert_holds(found)


def zigzags(rng: np.random.Generator, n: int, legs: int) -> gpd.GeoDataFrame:
    """Routes that each cross the border at one random place, back and forth."""
    line = borders().geometry.iloc[0]
    lines = []
    for share in rng.random(n):
        at = line.interpolate(share, normalized=True)
        x = at.x + 0.02 * (np.arange(legs + 1) - legs / 2)
        y = at.y + 0.06 * np.resize([-1, 1], legs + 1)
        lines.append(shapely.LineString(np.column_stack([x, y])))
    return gpd.GeoDataFrame(geometry=lines, crs="EPSG:4326")


@pytest.mark.parametrize("legs", [1, 6])
def test_border_hotspots(legs: int) -> None:
    segments = border_segments(borders(), length_km=60)
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        crossings = border_crossings(zigzags(rng, 40, legs), borders())
        found.append(border_hotspots(crossings, segments)["p_value"].to_numpy())
    assert_holds(found)


def test_a_route_is_one_piece_of_evidence_in_a_segment() -> None:
    crossings = border_crossings(zigzags(np.random.default_rng(1), 1, 6), borders())
    assert len(crossings) > 2
    result = border_hotspots(crossings, border_segments(borders(), length_km=200))
    assert result["n_crossings"].sum() == len(crossings)
    assert result["n_routes"].max() == 1
    assert result["observed"].sum() == result["n_routes"].sum() < len(crossings)
    assert not result["significant"].any()
