"""What the rules of a profile do to places, dates and numbers."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import GeometryError, ParameterError, ReleaseError
from geocn.sharing import ReleaseProfile, donut, read_secret, simplify, to_admin, to_grid
from geocn.sharing.coarsen import coarsen_dates, old_enough, round_numbers
from geocn.sharing.generalise import cell_bounds
from geocn.sharing.protected import near
from geocn.spatial.geodesy import distance_m

SECRET = b"sixteen bytes or more"
PLACES = st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=20)


def points(places: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    lon, lat = np.array(places, dtype=float).T
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)


def xy(frame: gpd.GeoDataFrame) -> np.ndarray:
    return shapely.get_coordinates(frame.geometry.to_numpy())


@given(PLACES, st.floats(0.5, 3000))
def test_a_grid_hides_the_place_and_does_nothing_twice(
    places: list[tuple[float, float]], grid_km: float
) -> None:
    frame = points(places)
    coarse = to_grid(frame, grid_km=grid_km)
    before, after = xy(frame), xy(coarse)
    bounds = cell_bounds(*before.T, grid_km=grid_km)
    # A coordinate is kept only where the place is the centre of its cell, which all share.
    kept = (before == after).all(axis=1)
    centre = (bounds[:, :2] + bounds[:, 2:]) / 2
    assert (np.abs(before - centre)[kept] < 1e-6).all()
    moved = distance_m(*before.T, *after.T)
    assert (moved <= coarse["location_precision_m"] * 1.0001 + 0.02).all()
    again = to_grid(coarse, grid_km=grid_km)
    assert (xy(again) == after).all()
    assert np.allclose(again["location_precision_m"], coarse["location_precision_m"])


@given(PLACES, st.floats(0.5, 3000))
def test_a_place_lies_in_its_cell_wherever_it_is(
    places: list[tuple[float, float]], grid_km: float
) -> None:
    lon, lat = np.array(places, dtype=float).T
    west, south, east, north = cell_bounds(lon, lat, grid_km=grid_km).T
    # What a float cannot tell from 180 degrees east of zero lies in the first cell.
    folded = np.where(lon + 180 >= 360, -180, lon)
    assert ((west <= folded + 1e-6) & (folded <= east + 1e-6)).all()
    assert ((south <= lat + 1e-6) & (lat <= north + 1e-6)).all()
    assert (north - south <= max(2 * grid_km / 111, 1e-3)).all()


def test_a_grid_takes_lines_areas_and_several_points() -> None:
    line = shapely.LineString([(-77.11, 0.13), (-77.12, 0.14), (-75.03, 1.77)])
    small = shapely.box(-77.011, 0.011, -77.0105, 0.0115)
    wide = shapely.Point(-74, 3).buffer(2, quad_segs=32)
    several = shapely.MultiPoint([(-77.1, 0.13), (-77.101, 0.131), (-70.3, 2.2)])
    gone = shapely.LineString([(-77.11, 0.13), (-77.111, 0.131)])
    frame = gpd.GeoDataFrame(geometry=[line, small, wide, several, gone, None], crs=4326)
    coarse = to_grid(frame, grid_km=25).geometry
    assert coarse.geom_type.tolist()[:4] == ["LineString", "Polygon", "Polygon", "MultiPoint"]
    assert coarse.iloc[4] is None
    assert coarse.iloc[5] is None
    assert coarse.iloc[1].equals(shapely.box(*cell_bounds([-77.0107], [0.0112], grid_km=25)[0]))
    assert coarse.iloc[:4].is_valid.all()
    before = {tuple(one) for one in xy(frame)}
    after = {tuple(one) for one in xy(gpd.GeoDataFrame(geometry=coarse, crs=4326))}
    assert not before & after


def test_cells_may_stand_for_points() -> None:
    cells = to_grid(points([(-77.1, 0.4)]), grid_km=100, shape="cell")
    assert cells.geometry.iloc[0].covers(shapely.Point(-77.1, 0.4))


@settings(max_examples=60)
@given(PLACES, st.floats(0.1, 9e5), st.floats(1.001, 50))
def test_a_donut_moves_between_its_bounds_and_always_alike(
    places: list[tuple[float, float]], low: float, factor: float
) -> None:
    high = min(low * factor, 1e6)
    frame = points(places)
    moved = donut(frame, min_m=low, max_m=high, secret=SECRET)
    metres = distance_m(*xy(frame).T, *xy(moved).T)
    assert (metres >= low).all()
    assert (metres <= high).all()
    assert (moved["location_precision_m"] == high).all()
    again = donut(frame.iloc[::-1], min_m=low, max_m=high, secret=SECRET).iloc[::-1]
    assert (xy(again) == xy(moved)).all()
    withheld = {tuple(one) for one in xy(frame)}
    assert not withheld & {tuple(one) for one in xy(moved)}


def test_a_donut_hangs_on_the_secret_and_fills_its_ring() -> None:
    frame = points([(-77 + i / 100, 1 + j / 100) for i in range(40) for j in range(40)])
    one = donut(frame, min_m=1000, max_m=3000, secret=SECRET)
    other = donut(frame, min_m=1000, max_m=3000, secret=SECRET + b"!")
    assert (distance_m(*xy(one).T, *xy(other).T) > 1).all()
    metres = distance_m(*xy(frame).T, *xy(one).T)
    # Uniform over the area: the share within r is (r² - min²) / (max² - min²).
    assert abs((metres < 2000).mean() - 3 / 8) < 0.05
    east = (xy(one) > xy(frame)).mean(axis=0)
    assert (abs(east - 0.5) < 0.05).all()


def test_a_donut_refuses_shapes_bad_bounds_and_short_secrets() -> None:
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326)
    with pytest.raises(GeometryError, match="grid_km"):
        donut(line, min_m=1, max_m=2, secret=SECRET)
    for low, high in ((5, 5), (6, 5), (-1, 5), (0, 5)):
        with pytest.raises(ParameterError, match="donut_m"):
            donut(points([(0, 0)]), min_m=low, max_m=high, secret=SECRET)
    with pytest.raises(ReleaseError, match="16 bytes"):
        donut(points([(0, 0)]), min_m=1, max_m=5, secret=b"short")


def test_the_secret_comes_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    assert read_secret({}) is None
    assert read_secret({"GEOCN_RELEASE_SECRET_FILE": str(file)}) == SECRET
    assert read_secret({"GEOCN_RELEASE_SECRET": SECRET.decode()}) == SECRET
    with pytest.raises(ReleaseError, match="cannot be read"):
        read_secret({"GEOCN_RELEASE_SECRET_FILE": str(tmp_path / "none")})
    with pytest.raises(ReleaseError, match="16 bytes"):
        read_secret({"GEOCN_RELEASE_SECRET": "abc"})


def test_places_become_areas() -> None:
    areas = gpd.GeoDataFrame(
        {"code": ["a", "b"]}, geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], crs=4326
    )
    frame = points([(0.3, 0.7), (1.5, 0.5), (9, 9)]).assign(admin_code=["x", "b", "z"])
    shaped = to_admin(frame, areas)
    assert shaped["admin_code"].tolist() == ["a", "b", "z"]
    assert shaped.geometry.iloc[0].equals(areas.geometry.iloc[0])
    assert shaped.geometry.iloc[2] is None
    assert shaped["location_precision_m"].iloc[0] == pytest.approx(78_600, rel=0.01)
    assert to_admin(frame, areas, shape="code").geometry.isna().all()
    assert len(to_admin(frame.iloc[:0], areas)) == 0


def test_simpler_lines_keep_none_of_their_vertices() -> None:
    t = np.linspace(0, 3, 400)
    line = shapely.LineString(np.column_stack([-77 + t, np.sin(9 * t) / 50]))
    field = shapely.Point(-74, 3).buffer(0.0005)
    frame = gpd.GeoDataFrame(geometry=[line, field, shapely.Point(1, 2), None], crs=4326)
    simple = simplify(frame, tolerance_m=1000)
    assert len(simple.geometry.iloc[0].coords) < 120
    assert simple.geometry.iloc[0].hausdorff_distance(line) < 1500 / 111_000
    assert not {tuple(one) for one in xy(frame)[:400]} & {tuple(o) for o in xy(simple)}
    assert simple.geometry.iloc[1].area > field.area
    assert simple["location_precision_m"].tolist()[:2] == [1000, 1000]
    assert simple["location_precision_m"].isna().tolist()[2:] == [True, True]


@given(
    st.lists(st.floats(-1e9, 1e9) | st.none(), max_size=20),
    st.sampled_from([0.1, 0.25, 1.0, 5.0, 1000.0, 0.003]),
)
def test_rounding_is_idempotent_and_near(values: list[float | None], step: float) -> None:
    frame = pd.DataFrame({"weight_kg": pd.Series(values, dtype="float64")})
    once = round_numbers(frame, {"weight_kg": step})
    pd.testing.assert_frame_equal(round_numbers(once, {"weight_kg": step}), once)
    off = (once["weight_kg"] - frame["weight_kg"]).abs().dropna()
    assert (off <= step / 2 + 1e-6).all()


def test_whole_numbers_stay_whole() -> None:
    frame = pd.DataFrame({"n_sources": pd.array([1, None, 7], dtype="Int64")})
    rounded = round_numbers(frame, {"n_sources": 5})["n_sources"]
    assert rounded.dtype == "Int64"
    assert rounded.fillna(-1).tolist() == [0, -1, 5]
    assert round_numbers(frame, {"n_sources": 2.5})["n_sources"].dtype == "float64"
    with pytest.raises(ParameterError, match="positive"):
        round_numbers(frame, {"n_sources": -1})


@given(st.datetimes(pd.Timestamp("1980-01-01"), pd.Timestamp("2060-12-31")))
def test_dates_go_to_the_start_of_their_period(when: object) -> None:
    frame = pd.DataFrame({"seized_at": pd.to_datetime([when, None], utc=True)})
    stamp = pd.Timestamp(when)
    for time, letter in (("month", "M"), ("quarter", "Q"), ("year", "Y")):
        coarse = coarsen_dates(frame, time=time)
        assert coarse["seized_at"].iloc[0].tz_localize(None) == stamp.to_period(letter).start_time
        assert pd.isna(coarse["seized_at"].iloc[1])
        pd.testing.assert_frame_equal(coarsen_dates(coarse, time=time), coarse)


def test_a_coarser_date_stays_coarser() -> None:
    frame = pd.DataFrame(
        {
            "seized_at": pd.to_datetime(["2025-01-01"] * 4, utc=True),
            "date_precision": ["time", "day", "month", "year"],
        }
    )
    coarse = coarsen_dates(frame, time="month")["date_precision"].tolist()
    assert coarse == ["month", "month", "month", "year"]
    with pytest.raises(ParameterError, match="time="):
        coarsen_dates(frame, time="week")


def test_age_counts_from_the_last_date_and_the_end_of_what_is_known() -> None:
    frame = pd.DataFrame(
        {
            "starts_on": pd.to_datetime(["2025-01-01", "2025-01-01", None, "2025-03-01"], utc=True),
            "ends_on": pd.to_datetime([None, "2025-06-01", None, None], utc=True),
            "date_precision": ["day", "day", "day", "year"],
        }
    )
    old = old_enough(frame, min_age_days=90, as_of="2025-06-30")
    assert old.tolist() == [True, False, False, False]
    survey = pd.DataFrame({"year": pd.array([2024, 2025, None], dtype="Int64")})
    assert old_enough(survey, min_age_days=90, as_of="2025-06-30").tolist() == [True, False, False]


@given(st.floats(-180, 180), st.floats(-89.9, 89.9), st.floats(0, 360), st.floats(0.01, 3))
def test_near_agrees_with_the_geodesic(
    lon: float, lat: float, bearing: float, share: float
) -> None:
    from pyproj import Geod

    x, y, _ = Geod(ellps="WGS84").fwd(lon, lat, bearing, 1000 * share)
    found = near(points([(x, y)]), np.array([shapely.Point(lon, lat)]), within_m=1000)
    if abs(share - 1) > 1e-6:
        assert found.tolist() == [share < 1]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"grid_km": -1}, "greater than 0"),
        ({"grid_km": 0}, "greater than 0"),
        ({"simplify_m": float("nan")}, "finite"),
        ({"donut_m": [2000, 500]}, "the first must be the smaller"),
        ({"donut_m": [500, 500]}, "the first must be the smaller"),
        ({"donut_m": [-5, 500]}, "greater than 0"),
        ({"grid_km": 5, "donut_m": [1, 2]}, "one rule for the geometry"),
        ({"columns": ["drug"], "grid_km": 5}, "`columns` does not name"),
        ({"columns": ["place", "geometry"], "grid_km": 5}, "says in words"),
        ({"round_to": {"weight_kg": 5}}, "not among `columns`"),
        ({"columns": ["weight_kg"], "round_to": {"weight_kg": 0}}, "greater than 0"),
        ({"time": "week"}, "'month', 'quarter' or 'year'"),
        ({"min_age_days": -1}, "greater than or equal to 0"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: dict[str, object], said: str) -> None:
    whole = {"columns": ["drug", "geometry"]} | rule
    with pytest.raises(ValueError, match=said):
        ReleaseProfile.model_validate(
            {"partner": "a", "max_marking": "TLP:GREEN", "layers": {"seizures": whole}}
        )
