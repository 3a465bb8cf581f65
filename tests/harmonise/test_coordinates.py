"""Coordinates are read however they are written, or a row says why not."""

from __future__ import annotations

import re

import mgrs
import numpy as np
import pandas as pd
import pyproj
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from geocn.errors import CRSError
from geocn.harmonise._angles import read_angle, split_pair
from geocn.harmonise.coordinates import format_coordinate, looks_swapped, parse_coordinates
from tests.oracles_values import degrees_plain

LAT = st.floats(-90, 90, allow_nan=False).map(lambda x: round(x, 6))
LON = st.floats(-180, 180, allow_nan=False).map(lambda x: round(x, 6))


def lonlat(texts, **options):
    frame = pd.DataFrame({"c": pd.Series(texts, dtype="str")})
    return parse_coordinates(frame, {"coordinates": "c"}, **options)


def pair(lat, lon, **options):
    frame = pd.DataFrame({"a": [lat], "b": [lon]})
    return parse_coordinates(frame, {"latitude": "a", "longitude": "b"}, **options)


@pytest.mark.parametrize(
    ("text", "axis", "parts"),
    [
        ("4°34'12\"N", "lat", (1, 4, 34, 12)),
        ("4º 34’ 12'' S", "lat", (-1, 4, 34, 12)),
        ("4d34m12sN", "lat", (1, 4, 34, 12)),
        ("4 deg 34 min 12 sec S", "lat", (-1, 4, 34, 12)),
        ("N4:34:12.5", "lat", (1, 4, 34, 12.5)),
        ("04-34-12N", "lat", (1, 4, 34, 12)),
        ("4° 34.5' Norte", "lat", (1, 4, 34, 30)),
        ("74° 5' 3\" O", "lon", (-1, 74, 5, 3)),
        ("74 05,5 Oeste", "lon", (-1, 74, 5, 30)),
        ("-74 05 12", "lon", (-1, 74, 5, 12)),
        ("4233N", "lat", (1, 42, 33, 0)),
        ("00144E", "lon", (1, 1, 44, 0)),
        ("423312S", "lat", (-1, 42, 33, 12)),
        ("0740512.5W", "lon", (-1, 74, 5, 12.5)),
        ("7405W", "lon", (-1, 74, 5, 0)),
        ("12,5 Sur", "lat", (-1, 12, 30, 0)),
        ("L 12.5", "lon", (1, 12, 30, 0)),
    ],
)
def test_spellings_of_angles(text: str, axis: str, parts: tuple) -> None:
    angle = read_angle(text, axis)
    assert angle.problem is None
    assert angle.degrees == pytest.approx(degrees_plain(*parts), abs=1e-12)


@pytest.mark.parametrize(
    ("text", "axis", "why"),
    [
        ("95", "lat", "outside -90 to 90"),
        ("286.1", "lon", "0 to 360"),
        ("-74.5 W", "lon", "a minus and a hemisphere"),
        ("74.5 W", "lat", "says W in a column of lat"),
        ("4.570.868", "lat", "several decimal signs"),
        ("4°75'N", "lat", "60 or more"),
        ("4N5N", "lat", "two hemispheres"),
        ("abc", "lat", "not read"),
        ("4.5.N.6", "lat", "not read"),
        ("1e300", "lat", "two hemispheres|not read"),
        ("9" * 100_000, "lat", "not read|outside"),
    ],
)
def test_faults_of_angles(text: str, axis: str, why: str) -> None:
    assert re.search(why, read_angle(text, axis).problem or "")


@given(LAT, LON, st.sampled_from(["dms", "dm"]))
def test_sexagesimal_survives_a_round_trip(lat: float, lon: float, style: str) -> None:
    decimals = 4 if style == "dms" else 6
    texts = [
        format_coordinate(v, a, style=style, decimals=decimals)
        for v, a in ((lat, "lat"), (lon, "lon"))
    ]
    apart, together = pair(*texts), lonlat([" ".join(texts)])
    assume(abs(lat) + abs(lon) > 1e-6)
    for result in (apart, together):
        assert result.problem.isna().all()
        assert result.lat[0] == pytest.approx(lat, abs=1e-7)
        assert result.lon[0] == pytest.approx(lon, abs=1e-7)


@given(LAT, LON, st.sampled_from(["decimal", "comma"]), st.sampled_from(["; ", " ", " / "]))
def test_decimals_survive_a_round_trip(lat: float, lon: float, style: str, sign: str) -> None:
    assume(abs(lat) + abs(lon) > 1e-6)
    texts = [format_coordinate(v, "lat", style=style, decimals=6) for v in (lat, lon)]
    apart, together = pair(*texts), lonlat([sign.join(texts)])
    assert (apart.lat[0], apart.lon[0]) == (lat, lon)
    if abs(lon) <= 90 or abs(lat) <= 90:
        assert (together.lat[0], together.lon[0]) == (lat, lon)


@given(LAT, LON)
def test_compact_survives_a_round_trip(lat: float, lon: float) -> None:
    texts = [
        format_coordinate(lat, "lat", style="compact"),
        format_coordinate(lon, "lon", style="compact"),
    ]
    result = lonlat([" ".join(texts)])
    assume(not result.problem.astype(str).str.contains("placeholder")[0])
    assert result.lat[0] == pytest.approx(lat, abs=0.5 / 3600 + 1e-9)
    assert result.lon[0] == pytest.approx(lon, abs=0.5 / 3600 + 1e-9)


@given(st.floats(-79, 83), st.floats(-179.9, 179.9))
def test_utm_survives_a_round_trip(lat: float, lon: float) -> None:
    zone = int((lon + 180) // 6) + 1
    to_utm = pyproj.Transformer.from_crs(
        4326, (32600 if lat >= 0 else 32700) + zone, always_xy=True
    )
    easting, northing = to_utm.transform(lon, lat)
    side = "N" if lat >= 0 else " south"
    frame = pd.DataFrame(
        {"e": [f"{easting:.3f}"], "n": [f"{northing:.3f}"], "z": [f"{zone}{side}"]}
    )
    result = parse_coordinates(frame, {"easting": "e", "northing": "n", "utm_zone": "z"})
    assert result.lat[0] == pytest.approx(lat, abs=1e-7)
    assert result.lon[0] == pytest.approx(lon, abs=1e-6)


@given(st.floats(-79, 83), st.floats(-179.9, 179.9), st.integers(2, 5))
def test_mgrs_survives_a_round_trip(lat: float, lon: float, digits: int) -> None:
    text = mgrs.MGRS().toMGRS(lat, lon, MGRSPrecision=digits)
    side = 10.0 ** (5 - digits)
    result = parse_coordinates(pd.DataFrame({"m": [text]}), {"mgrs": "m"})
    assert result.format == "MGRS"
    assert result.precision_m[0] == side / 2
    metres = pyproj.Geod(ellps="WGS84").inv(lon, lat, result.lon[0], result.lat[0])[2]
    # Half the diagonal of the square, and a grid that the scale factor stretches a little.
    assert metres < 0.72 * side


@pytest.mark.parametrize(
    "text",
    [
        "4.5709, -74.2973",
        "4,5709; -74,2973",
        "4,5709 -74,2973",
        "4,5709, -74,2973",
        "(4.5709,-74.2973)",
        "POINT(-74.2973 4.5709)",
        "N4.5709 W74.2973",
        "4.5709N/74.2973W",
        "74.2973 O, 4.5709 N",
        "Lat 4.5709 Lon -74.2973",
        "4,5709 N, 74,2973 O",
    ],
)
def test_pairs(text: str) -> None:
    result = lonlat([text])
    assert (result.lon[0], result.lat[0]) == (-74.2973, 4.5709)
    assert result.precision_m[0] == pytest.approx(5.56, abs=0.01)


def test_the_order_of_pairs_is_settled_by_the_column() -> None:
    longitude_first = lonlat(["-74.5,4", "-105.1,20"])
    assert longitude_first.lon.tolist() == [-74.5, -105.1]
    assert "longitude first" in longitude_first.format
    assumed = lonlat(["-74.5,4"])
    assert assumed.lat.tolist() == [-74.5]
    assert "assumed" in assumed.format
    assert split_pair("no such pair") is None


def test_codes_in_a_column_of_positions() -> None:
    result = lonlat(
        ["18N 600000 500000", "18NWL8500085000", "4233N 00144E", "x", None, "18S 600000 3600000"]
    )
    assert result.problem.isna().tolist() == [True, True, True, False, True, False]
    assert result.lat[0] == pytest.approx(4.52300, abs=1e-5)
    assert result.lat[2] == pytest.approx(42.55)
    assert "band S or the southern hemisphere" in result.problem[5]


@pytest.mark.parametrize(
    ("zone", "easting", "why"),
    [
        ("18", "600000", "no hemisphere"),
        ("61N", "600000", "no UTM zone"),
        ("18N", "60", "easting 60 is outside"),
        (None, "600000", "without a UTM zone"),
        ("18S", "600000", "outside UTM"),
        ("18N", "x", "no number"),
        ("18N", None, "missing"),
    ],
)
def test_faults_of_utm(zone: str | None, easting: str | None, why: str) -> None:
    frame = pd.DataFrame({"e": [easting], "n": ["500000"], "z": [zone]}, dtype="str")
    result = parse_coordinates(frame, {"easting": "e", "northing": "n", "utm_zone": "z"})
    assert np.isnan(result.lon[0])
    assert why in result.problem[0]


def test_declared_crs() -> None:
    frame = pd.DataFrame({"e": ["1000000"], "n": ["1000000"]})
    for roles in ({"easting": "e", "northing": "n"}, {"x": "e", "y": "n"}):
        result = parse_coordinates(frame, roles, crs="EPSG:3116")
        assert (result.lon[0], result.lat[0]) == pytest.approx((-74.0775, 4.5962), abs=1e-4)
    bare = parse_coordinates(frame, {"easting": "e", "northing": "n"})
    assert "declared projected CRS" in bare.problem[0]
    with pytest.raises(CRSError, match="projected"):
        pair("4.5", "-74", crs="EPSG:3116")
    with pytest.raises(CRSError, match="PROJ"):
        pair("4.5", "-74", crs="EPSG:999999")
    shifted = pair("4.5", "-74", crs="EPSG:4218")
    assert 0 < abs(shifted.lon[0] + 74) < 0.01


def test_placeholders_halves_and_nothing() -> None:
    assert "placeholder" in pair("0", "0.0").problem[0]
    assert "missing" in pair("4.5", None).problem[0]
    nothing = pair(None, "n/a")
    assert nothing.problem.isna().all()
    assert np.isnan(nothing.lon[0])


def test_numbers_and_their_precision() -> None:
    frame = pd.DataFrame({"a": [4.25, 95.0, np.nan, np.inf], "b": [-74.125, 3.0, np.nan, 1e300]})
    result = parse_coordinates(frame, {"latitude": "a", "longitude": "b"})
    assert result.problem.isna().tolist() == [True, False, True, False]
    assert result.precision_m[0] == pytest.approx(55.6, abs=0.1)
    assert np.isnan(result.precision_m[1])


def test_rows_take_the_first_way_they_fill() -> None:
    frame = pd.DataFrame(
        {"a": ["4.5", None], "b": ["-74", None], "m": ["18NWL8500085000"] * 2}, index=[9, 4]
    )
    result = parse_coordinates(frame, {"latitude": "a", "longitude": "b", "mgrs": "m"})
    assert result.lat.round(2).tolist() == [4.5, 5.29]
    assert result.format == "decimal degrees; then MGRS"
    assert result.problem.index.tolist() == [9, 4]


def test_empty_and_without_columns() -> None:
    empty = pd.DataFrame({"a": pd.Series([], dtype="str"), "b": pd.Series([], dtype="str")})
    assert len(parse_coordinates(empty, {"latitude": "a", "longitude": "b"}).lon) == 0
    none = parse_coordinates(pd.DataFrame({"z": [1]}), {})
    assert none.format == ""
    assert np.isnan(none.lon).all()


@pytest.mark.parametrize(
    ("lon", "lat", "bounds", "swapped"),
    [
        ([4.6], [-74.1], None, True),
        ([-74.1], [4.6], None, False),
        ([10.0], [120.0], None, True),
        ([4.6], [7.1], (0, 0, 10, 10), False),
        ([51.0], [10.0], (5, 47, 15, 55), True),
        ([-17.0], [178.0], (177, -19, -178, -16), True),
        ([np.nan], [np.nan], None, False),
        ([], [], None, False),
    ],
)
def test_swapped_axes(lon: list, lat: list, bounds: tuple | None, swapped: bool) -> None:
    assert looks_swapped(np.array(lon), np.array(lat), bounds) is swapped


@given(st.text(max_size=40))
def test_any_text_is_a_position_or_a_problem(text: str) -> None:
    result = lonlat([text])
    if not np.isnan(result.lon[0]):
        assert -180 <= result.lon[0] <= 180
        assert -90 <= result.lat[0] <= 90
        assert result.problem.isna().all()
