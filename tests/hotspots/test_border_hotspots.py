"""Segments of borders, and the evidence on them against its expectation."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots import border_crossings, border_hotspots, border_segments
from geocn.hotspots.border_methods import BorderBayes, BorderKernel, BorderScan
from geocn.hotspots.correction import adjust
from geocn.spatial.borders import load_borders
from geocn.spatial.geodesy import distance_m, geodesic_length_km
from geocn.spatial.nearest import nearest_line
from tests.oracles_hotspots import binomial_two_sided

METHODS = ["scan", "kernel", "empirical_bayes", "poisson"]
ADDED = [
    "n_crossings",
    "n_routes",
    "n_seizures",
    "n_imprecise",
    "flow",
    "observed",
    "imprecise_share",
    "exposure",
    "expected",
    "rate",
    "rate_eb",
    "relative_risk",
    "p_value",
    "p_adjusted",
    "significant",
    "hotspot_class",
    "share_direction_ab",
    "rank",
    "cluster_id",
    "emerging_class",
    "scan_llr",
    "cluster_support",
    "relative_risk_smoothed",
    "exceedance_probability",
    "fraction_missing",
    "n_between_posts",
    "share_between_posts",
    "n_posts",
]


def meridian(**columns):
    row = {"dyad": ["AAA-BBB"], "left": ["AAA"], "right": ["BBB"], **columns}
    line = shapely.LineString([(0, 0), (0, 1)])
    return gpd.GeoDataFrame(row, geometry=[line], crs=4326)


def routes_at(*latitudes, east=True, weight_kg=1.0):
    x = (-1, 1) if east else (1, -1)
    lines = [shapely.LineString([(x[0], y), (x[1], y)]) for y in latitudes]
    return gpd.GeoDataFrame({"weight_kg": [weight_kg] * len(lines)}, geometry=lines, crs=4326)


@pytest.fixture
def segments():
    return border_segments(meridian(), length_km=10)


def crossings_at(*latitudes, **options):
    return border_crossings(routes_at(*latitudes, **options), meridian())


def test_world_segments_keep_length_scale_and_chainage():
    segments = border_segments()
    assert segments["length_km"].sum() == pytest.approx(232_903, abs=2)
    assert segments["scale"].unique().tolist() == ["10m"]
    assert segments.attrs["geocn"]["scale"] == "10m"
    assert segments["segment_id"].is_unique
    measured = geodesic_length_km(segments.geometry)
    # Cuts lie on the straight line in degrees, lengths are geodesic: 0.1 % at most.
    assert np.allclose(measured, segments["length_km"], rtol=1e-3)
    whole = segments[segments["dyad"] == "COL-ECU"]
    assert np.allclose(whole["length_km"].iloc[:-1], 10)
    assert 5 <= whole["length_km"].iloc[-1] < 15
    assert np.allclose(whole["chainage_from_km"].iloc[1:], whole["chainage_to_km"].iloc[:-1])


def test_borders_without_chainage_get_one_by_rows():
    two = pd.concat([meridian(), meridian()], ignore_index=True)
    two.loc[1, "geometry"] = shapely.LineString([(0, 1), (0, 2)])
    segments = border_segments(two, length_km=50)
    assert segments["chainage_to_km"].iloc[-1] == pytest.approx(221.15, abs=0.01)
    assert (
        segments["chainage_from_km"].iloc[1:].array == segments["chainage_to_km"].iloc[:-1]
    ).all()


def test_segments_of_nothing_and_faults():
    full = border_segments(meridian())
    empty = border_segments(meridian().iloc[:0])
    assert list(empty.columns) == list(full.columns)
    assert len(empty) == 0
    with pytest.raises(ParameterError):
        border_segments(meridian(), length_km=0)
    with pytest.raises(SchemaError, match="dyad"):
        border_segments(meridian().drop(columns="dyad"))


def test_counts_expectation_and_exact_p_values(segments):
    latitudes = [0.01, 0.02, 0.03, 0.04, 0.05, 0.5, 0.95]
    result = border_hotspots(crossings_at(*latitudes), segments, method="poisson")
    assert list(result.columns) == [*segments.columns, *ADDED]
    assert result["n_crossings"].sum() == 7
    assert result["n_crossings"].iloc[0] == 5
    assert result["expected"].sum() == pytest.approx(7)
    share = segments["length_km"] / segments["length_km"].sum()
    for observed, part, p in zip(result["observed"], share, result["p_value"], strict=True):
        assert p == pytest.approx(binomial_two_sided(observed, 7, part))
    assert np.allclose(result["p_adjusted"], adjust(result["p_value"]))
    assert result["hotspot_class"].tolist()[0] == "hot"
    assert result["rank"].iloc[0] == 1
    assert result["rank"].iloc[1:].isna().all()
    assert result["flow"].iloc[0] == 5
    assert result.index.equals(segments.index)


def test_direction_is_shared_by_the_order_of_the_dyad(segments):
    both = pd.concat([routes_at(0.01, 0.02, 0.03), routes_at(0.04, east=False)], ignore_index=True)
    result = border_hotspots(border_crossings(both, meridian()), segments)
    assert result["share_direction_ab"].iloc[0] == 0.75
    assert result["share_direction_ab"].iloc[1:].isna().all()


def test_exposure_takes_the_place_of_length(segments):
    crossings = crossings_at(*np.linspace(0.001, 0.08, 20), 0.5, 0.9)
    patrolled = segments.assign(hours=np.where(segments.index == 0, 50.0, 1.0))
    assert border_hotspots(crossings, segments)["hotspot_class"].iloc[0] == "hot"
    fair = border_hotspots(crossings, patrolled, exposure="hours")
    assert not fair["significant"].iloc[0]
    unseen = segments.assign(hours=np.where(segments.index == 0, 0.0, 1.0))
    with pytest.raises(LayerError, match="hours") as error:
        border_hotspots(crossings, unseen, exposure="hours")
    assert error.value.rows == ["AAA-BBB/0"]
    idle = segments.assign(hours=np.where(segments.index == 5, 0.0, 1.0))
    row = border_hotspots(crossings_at(0.01), idle, exposure="hours").iloc[5]
    assert row["hotspot_class"] == "no_exposure"
    assert np.isnan(row["p_value"])


def seizures(*points, precision=0.0):
    geometry = [None if p is None else shapely.Point(p) for p in points]
    data = {"location_precision_m": np.broadcast_to(precision, len(points)).astype(float)}
    return gpd.GeoDataFrame(data, geometry=geometry, crs=4326)


def test_a_seizure_counts_once_in_the_nearest_segment_within_reach(segments):
    found = seizures((0.05, 0.04), (0.05, 0.091), (0.2, 0.5), None)
    result = border_hotspots(crossings_at(0.5), segments, seizures=found, reach_km=10)
    assert result["n_seizures"].sum() == 2
    assert result["n_seizures"].iloc[:2].tolist() == [1, 1]
    assert result["observed"].sum() == 3
    record = result.attrs["geocn"]
    assert record["weights"] == {"crossings": 1, "seizures": 1}
    assert record["left_out"] == {
        "crossings_without_segment": 0,
        "seizures_without_geometry": 1,
        "seizures_out_of_reach": 1,
        "not_crossings": 0,
    }
    only = border_hotspots(crossings_at(0.5), segments, seizures=found, weights={"crossings": 1})
    assert only["observed"].sum() == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("imputations", [20, 0])
def test_seizures_known_to_a_province_do_not_pile_up(segments, imputations, method):
    pile = seizures(*[(0.0, 0.5)] * 300, precision=60_000)
    options = {"seizures": pile, "imputations": imputations, "seed": 1, "method": method}
    result = border_hotspots(crossings_at(0.1, 0.9), segments, **options)
    assert not result["significant"].any()
    again = border_hotspots(crossings_at(0.1, 0.9), segments, **options)
    pd.testing.assert_frame_equal(result, again)
    left_out = result.attrs["geocn"]["left_out"]
    if imputations:
        assert result["n_imprecise"].sum() > 30
        inside = result["n_imprecise"].sum()
        assert inside + left_out["seizures_out_of_reach"] == pytest.approx(300)
        assert result["imprecise_share"].max() > 0.9
    else:
        assert left_out["seizures_imprecise"] == 300
        assert result["n_seizures"].sum() == 0


def test_crossings_elsewhere_are_counted_as_left_out(segments):
    crossings = crossings_at(0.5)
    crossings.loc[len(crossings)] = crossings.iloc[0]
    crossings.loc[1, "dyad"] = "XXX-YYY"
    result = border_hotspots(crossings, segments)
    assert result["n_crossings"].sum() == 1
    assert result.attrs["geocn"]["left_out"]["crossings_without_segment"] == 1


@pytest.mark.parametrize("method", METHODS)
def test_no_evidence_finds_nothing(segments, method):
    for crossings in (crossings_at(), crossings_at(5.0)):
        result = border_hotspots(crossings, segments, method=method)
        assert (result["p_value"] == 1).all()
        assert set(result["hotspot_class"]) == {"not_significant"}
    empty = border_hotspots(crossings_at(), segments.iloc[:0], method=method)
    assert list(empty.columns) == [*segments.columns, *ADDED]


def test_maps_of_different_scale_are_not_mixed():
    fine, coarse = load_borders("50m"), load_borders("110m")
    routes = gpd.GeoDataFrame(geometry=[shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])], crs=4326)
    with pytest.raises(LayerError, match="scale"):
        border_hotspots(border_crossings(routes, fine), border_segments(coarse))


def test_faults_are_refused(segments):
    crossings = crossings_at(0.5)
    with pytest.raises(ParameterError, match=r"reach_km.*imputations.*step.*alpha"):
        border_hotspots(crossings, segments, reach_km=0, alpha=1, imputations=-1, step="day")
    with pytest.raises(ParameterError, match="scan, kernel"):
        border_hotspots(crossings, segments, method="satscan")
    with pytest.raises(ParameterError, match="look_for"):
        border_hotspots(crossings, segments, method=BorderScan(look_for="up"))
    with pytest.raises(ParameterError, match="factor is 1"):
        border_hotspots(crossings, segments, method=BorderBayes(factor=1))
    with pytest.raises(ParameterError, match=r"bandwidth_km is nan"):
        border_hotspots(crossings, segments, method=BorderKernel(bandwidth_km=np.nan))
    weights = {"routes": 1, "crossings": -1, "seizures": 2}
    with pytest.raises(ParameterError, match=r"routes.*crossings is -1.*seizures have a weight"):
        border_hotspots(crossings, segments, weights=weights)
    with pytest.raises(ParameterError, match="above 0"):
        border_hotspots(crossings, segments, weights={"crossings": 0})
    with pytest.raises(SchemaError, match="border_crossings"):
        border_hotspots(crossings.drop(columns="dyad"), segments)
    with pytest.raises(SchemaError, match="hours"):
        border_hotspots(crossings, segments, exposure="hours")


def test_p_values_hold_their_level_when_nothing_is_there(segments):
    below = total = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        crossings = crossings_at(*rng.uniform(0, 1, 40))
        p = border_hotspots(crossings, segments, method="poisson")["p_value"]
        below, total = below + (p <= 0.05).sum(), total + len(p)
    assert below / total <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / total)


def test_the_nearest_line_is_geodesic_and_crosses_180():
    lines = np.array(
        [
            shapely.LineString([(179.9, -1), (179.9, 1)]),
            shapely.LineString([(-170, 60), (-170, 70)]),
        ]
    )
    lon, lat = np.array([-179.9, -171.0, np.nan, 0.0]), np.array([0.0, 65.0, 0.0, 0.0])
    row, metres = nearest_line(lon, lat, lines, reach_m=60_000)
    assert row.tolist() == [0, 1, -1, -1]
    assert metres[0] == pytest.approx(distance_m(-179.9, 0, 179.9, 0), rel=1e-3)
    assert metres[1] == pytest.approx(47_100, rel=2e-2)
    assert nearest_line(lon[:0], lat[:0], lines, reach_m=1)[0].size == 0


def test_adjusted_p_values():
    p = [0.01, np.nan, 0.02, 0.03, 0.04]
    assert np.allclose(adjust(p), [0.04, np.nan, 0.04, 0.04, 0.04], equal_nan=True)
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert np.allclose(adjust(p, correction="by"), adjust(p) * harmonic, equal_nan=True)
    assert adjust(p, correction="bonferroni")[0] == pytest.approx(0.04)
    assert np.array_equal(adjust(p, correction="none"), p, equal_nan=True)
    with pytest.raises(ParameterError):
        adjust(p, correction="holm")


def test_grazes_and_landfalls_are_no_crossings(segments):
    found = crossings_at(0.1, 0.5, 0.9)
    kinds = found.assign(crossing_kind=["land", "graze", "along_border"])
    result = border_hotspots(kinds, segments)
    assert result["n_crossings"].sum() == result["observed"].sum() == 1
    assert result.attrs["geocn"]["left_out"]["not_crossings"] == 2


def test_a_stretch_given_twice_and_what_is_no_line_are_refused(segments):
    twice = pd.concat([segments, segments.iloc[[3]].set_axis([99])])
    with pytest.raises(LayerError, match="twice") as error:
        border_hotspots(crossings_at(0.1), twice)
    assert error.value.rows in ([3], [99])
    point = segments.copy()
    point.loc[2, "geometry"] = shapely.Point(0, 0)
    with pytest.raises(LayerError, match="not lines") as error:
        border_hotspots(crossings_at(0.1), point)
    assert error.value.rows == [2]
