from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geocn.coverage import separation
from geocn.errors import CRSError, ParameterError, SchemaError
from tests.coverage.worlds import PLANE, block, frame

GEOD = Geod(ellps="WGS84")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(1, 200))
def test_points_agree_with_measuring_every_pair(seed: int, n: int, km: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform((-79, -2), (-75, 3), (15, 2)), rng.uniform((-79, -2), (-75, 3), (n, 2))
    vague, other = rng.choice([0.0, 500.0, 20_000.0], 15), rng.choice([0.0, 3000.0], n)
    sites = frame(shapely.points(a), "EPSG:4326", location_precision_m=vague)
    posts = frame(shapely.points(b), "EPSG:4326", location_precision_m=other)
    found = separation(sites, posts, distance_km=km)
    far = np.array([[GEOD.inv(*p, *q)[2] for q in b] for p in a])
    off = vague[:, None] + other[None, :]
    np.testing.assert_allclose(found["distance_m"], far.min(axis=1), rtol=1e-6)
    assert found["nearest_id"].tolist() == far.argmin(axis=1).astype(str).tolist()
    sure, may = (far + off <= km * 1000).any(axis=1), (far - off <= km * 1000).any(axis=1)
    wanted = np.where(sure, "certainly", np.where(may, "possibly", "no"))
    assert found["too_near"].tolist() == wanted.tolist()
    assert found["needs_protection"].tolist() == may.tolist()
    assert found["n_within"].tolist() == (far - off <= km * 1000).sum(axis=1).tolist()
    assert (found["distance_low_m"] <= found["distance_m"]).all()
    assert (found["distance_m"] <= found["distance_high_m"]).all()


def test_lines_and_areas_and_what_overlaps() -> None:
    sites = frame([block(0, 0), shapely.Point(5000, 500), None, shapely.Point(9000, 9000)])
    route = shapely.LineString([(2000, -5000), (2000, 5000)])
    others = frame([route, block(8500, 8500), None], post=["road", "zone", "lost"])
    found = separation(sites, others, distance_km=1.5, id_column="post")
    assert found["distance_m"].tolist() == pytest.approx(
        [1000, 3000, np.nan, 0], rel=1e-4, nan_ok=True
    )
    assert found["nearest_id"].tolist()[::3] == ["road", "zone"]
    assert found["too_near"].tolist()[:2] == ["certainly", "no"]
    assert found["too_near"].isna().tolist() == [False, False, True, False]
    assert found.attrs["geocn"]["n_left_out"] == found.attrs["geocn"]["n_enforcement_left_out"] == 1


def test_across_180_degrees_and_without_anybody_near() -> None:
    sites = frame(shapely.points([[179.99, 0]]), "EPSG:4326")
    posts = frame(shapely.points([[-179.99, 0]]), "EPSG:4326", intervention_id=["K"])
    found = separation(sites, posts, distance_km=3)
    assert found["distance_m"].iloc[0] == pytest.approx(GEOD.inv(179.99, 0, -179.99, 0)[2])
    assert found["nearest_id"].tolist() == ["K"]
    nobody = separation(sites, posts.iloc[:0], distance_km=3)
    assert nobody["too_near"].tolist() == ["no"]
    assert nobody["distance_m"].isna().all()


@pytest.mark.parametrize(
    ("sites", "options", "error", "word"),
    [
        (frame([shapely.Point(0, 0)]), {"distance_km": 0}, ParameterError, "distance_km"),
        (frame([shapely.Point(0, 0)]), {"distance_km": "near"}, ParameterError, "near"),
        (frame([shapely.Point(0, 0)], too_near=[1]), {"distance_km": 1}, SchemaError, "too_near"),
        (
            frame([shapely.Point(0, 0)], location_precision_m=[-5]),
            {"distance_km": 1},
            SchemaError,
            "-5",
        ),
        (frame([shapely.Point(0, 0)]), {"distance_km": 1, "id_column": "x"}, SchemaError, "'x'"),
        (frame([shapely.Point(0, 0)], None), {"distance_km": 1}, CRSError, "CRS"),
    ],
)
def test_refusals(sites, options, error, word) -> None:
    with pytest.raises(error, match=word):
        separation(sites, frame([shapely.Point(0, 0)], PLANE), **options)
