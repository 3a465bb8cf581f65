"""Official crossing points: at them, between them, or undecided."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import CRSError, GeometryError, ParameterError
from geocn.hotspots import border_crossings, border_segments
from geocn.hotspots.posts import at_posts, read_posts
from geocn.spatial.geodesy import distance_m
from tests.hotspots.test_crossings import AB, PER_DEGREE, routes


def posts(*places, **columns):
    geometry = [None if place is None else shapely.Point(place) for place in places]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=4326)


def across(*latitudes, **columns):
    return routes(*[[(-1, y), (1, y)] for y in latitudes], **columns)


def test_a_crossing_is_at_the_nearest_post_within_reach():
    stations = posts((0, 0), (0, 0.5), name=["Rumichaca", "Ipiales"])
    found = border_crossings(across(0.01, 0.3, 0.49), AB, posts=stations, post_reach_m=2000)
    assert found["post"].tolist()[::2] == ["Rumichaca", "Ipiales"]
    assert found["post"].isna().tolist() == [False, True, False]
    assert found["between_posts"].tolist() == [False, True, False]
    assert found["post_distance_m"].iloc[1] == pytest.approx(22115, abs=5)
    counts = found.attrs["geocn"]["posts"]
    assert counts == {
        "n_posts": 2,
        "no_geometry": 0,
        "at_posts": 2,
        "between_posts": 1,
        "undecided": 0,
    }
    assert list(found.columns)[-1] == "geometry"


def test_a_route_known_less_exactly_than_the_reach_leaves_it_open():
    near, far = 0.02, 0.5  # 2.2 km and 55 km from the post
    frame = across(near, near, far, far, location_precision_m=[100.0, 5000.0, 5000.0, np.nan])
    found = border_crossings(frame, AB, posts=posts((0, 0)), post_reach_m=4000)
    assert found["between_posts"].isna().tolist() == [False, True, False, False]
    assert found["between_posts"].dropna().tolist() == [False, True, True]
    record = found.attrs["geocn"]
    assert record["imprecise"] == {"finer_than_m": 4000.0, "n": 2, "share": 0.5}
    assert record["posts"]["undecided"] == 1
    assert found["location_precision_m"].tolist()[:3] == [100, 5000, 5000]


def test_a_post_of_another_dyad_does_not_serve():
    stations = posts((0, 0), (0, 0.2), dyad=["AAA-CCC", "AAA-BBB"])
    found = border_crossings(across(0.0), AB, posts=stations, post_reach_m=1000)
    assert found["between_posts"].tolist() == [True]
    assert found["post_distance_m"].iloc[0] == pytest.approx(22115, abs=5)
    assert border_segments(AB, posts=stations)["n_posts"].sum() == 1


def test_without_any_post_every_crossing_is_between_posts():
    for none in (posts(name=[]), posts(None, name=["lost"])):
        found = border_crossings(across(0.0), AB, posts=none)
        assert found["between_posts"].tolist() == [True]
        assert found["post_distance_m"].isna().all()
    assert found.attrs["geocn"]["posts"]["no_geometry"] == 1


def test_nothing_crossed_gives_the_same_columns():
    stations = posts((0, 0), name=["P"])
    full = border_crossings(across(0.0), AB, posts=stations)
    empty = border_crossings(across(), AB, posts=stations)
    assert list(empty.columns) == list(full.columns)
    assert (empty.dtypes.drop("geometry") == full.dtypes.drop("geometry")).all()


def test_segments_count_their_posts():
    stations = posts((0, -1.99), (0, -1.99), (0.001, 0.01), (3, 0), (0.02, 0.01), None)
    found = border_segments(AB, length_km=100, posts=stations, post_reach_m=1000)
    assert found["n_posts"].tolist() == [2, 0, 1, 0]
    assert found["n_posts"].dtype == np.int64
    assert found.attrs["geocn"]["posts"] == {"n_posts": 5, "no_geometry": 1, "out_of_reach": 2}
    assert "n_posts" not in border_segments(AB, length_km=100)


def test_faults_are_refused():
    with pytest.raises(GeometryError) as error:
        border_crossings(across(0.0), AB, posts=AB)
    assert error.value.layer == "posts"
    assert error.value.rows == [0]
    with pytest.raises(CRSError):
        border_crossings(across(0.0), AB, posts=posts((0, 0)).set_crs(None, allow_override=True))
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ParameterError, match="post_reach_m"):
            border_crossings(across(0.0), AB, post_reach_m=wrong)
        with pytest.raises(ParameterError, match="post_reach_m"):
            border_segments(AB, post_reach_m=wrong)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 12))
def test_the_nearest_post_is_that_of_all_geodesics(seed, n):
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(-180, 180, n), rng.uniform(-85, 85, n)
    x, y = rng.uniform(-180, 180, 20), rng.uniform(-85, 85, 20)
    places = gpd.GeoDataFrame({"dyad": "A-B"}, index=range(20), geometry=gpd.points_from_xy(x, y))
    table = at_posts(places, read_posts(posts(*zip(lon, lat, strict=True))), reach_m=1e6)
    every = distance_m(x[:, None], y[:, None], lon, lat)
    assert np.allclose(table["post_distance_m"], every.min(axis=1), rtol=1e-12)
    assert (table["between_posts"].to_numpy() == (every.min(axis=1) > 1e6)).all()
    named = table["post"].dropna()
    assert (named.astype(int) == every.argmin(axis=1)[named.index]).all()


def test_the_reach_is_geodesic():
    away = 3000 / PER_DEGREE
    found = border_crossings(across(0.0), AB, posts=posts((away, 0)), post_reach_m=3000.1)
    assert found["between_posts"].tolist() == [False]
    found = border_crossings(across(0.0), AB, posts=posts((away, 0)), post_reach_m=2999)
    assert found["between_posts"].tolist() == [True]
