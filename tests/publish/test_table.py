"""CSV: nothing in it runs, nothing in it is lost."""

from __future__ import annotations

import io
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from geocn.errors import CRSError
from geocn.publish import defuse, write_csv

_STARTS = "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\t\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(A1)",
        " =1+1",
        "\t=1+1",
        "\r=1",
        "\N{FULLWIDTH EQUALS SIGN}1+1",
        "\N{ZERO WIDTH SPACE}=1+1",
        "\N{ZERO WIDTH NO-BREAK SPACE}=1",
        "-",
        "+57 300 1234567",
    ],
)
def test_formulas_are_defused(text: str) -> None:
    assert defuse(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["coca", "", "-12.5", "+5", "-1.234,5", "1e-5", "-1e5", "'=1", "a=b"]
)
def test_other_text_stays(text: str) -> None:
    assert defuse(text) == text


@given(st.text())
def test_no_text_keeps_a_formulas_start(text: str) -> None:
    safe = defuse(text)
    assert safe in (text, f"'{text}")
    if safe[:1] and safe[0] in _STARTS:
        assert re.fullmatch(r"[+-]\d[\d.,]*([eE][+-]?\d+)?", safe)


def test_points_become_degrees_and_times_iso(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {
            "=id": ["a", "=b"],
            "at": pd.to_datetime(["2024-01-01T05:00-05:00", None], utc=True),
            "kg": [-1.5, np.nan],
        },
        geometry=gpd.points_from_xy([-72.5, -73], [4, 5], crs=4326).to_crs(3857),
        crs=3857,
    )
    back = pd.read_csv(write_csv(frame, tmp_path / "x.csv"))
    assert list(back.columns) == ["'=id", "at", "kg", "longitude", "latitude"]
    assert back["'=id"].tolist() == ["a", "'=b"]
    assert back["at"][0] == "2024-01-01T10:00:00Z"
    assert back["kg"][0] == -1.5
    np.testing.assert_allclose(back["longitude"], [-72.5, -73])


def test_lines_nulls_and_empties(tmp_path: Path) -> None:
    lines = gpd.GeoDataFrame(
        {"a": [1, 2, 3]}, geometry=[LineString([(0, 0), (1, 1)]), None, Point()], crs=4326
    )
    back = pd.read_csv(write_csv(lines, tmp_path / "x.csv"))
    assert back["geometry"].fillna("").tolist() == ["LINESTRING (0 0, 1 1)", "", "POINT EMPTY"]
    points = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[Point(1, 2), None], crs=4326)
    back = pd.read_csv(write_csv(points, tmp_path / "p.csv"))
    assert back["longitude"].isna().tolist() == [False, True]
    empty = pd.read_csv(write_csv(points.iloc[:0], tmp_path / "e.csv"))
    assert list(empty.columns) == ["a", "longitude", "latitude"]


def test_existing_longitudes_are_not_overwritten(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"longitude": ["given"]}, geometry=[Point(1, 2)], crs=4326)
    back = pd.read_csv(write_csv(frame, tmp_path / "x.csv"))
    assert back["longitude"].tolist() == ["given"]
    assert back["geometry"].tolist() == ["POINT (1 2)"]


def test_bytes_bom_and_a_missing_crs(tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": ['a"b', "línea\nnueva", None]})
    one = write_csv(frame, tmp_path / "1.csv").read_bytes()
    assert write_csv(frame, tmp_path / "2.csv").read_bytes() == one
    with_bom = write_csv(frame, tmp_path / "3.csv", bom=True).read_bytes()
    assert with_bom == b"\xef\xbb\xbf" + one
    assert pd.read_csv(io.BytesIO(one))["t"].tolist()[:2] == ['a"b', "línea\nnueva"]
    with pytest.raises(CRSError):
        write_csv(gpd.GeoDataFrame(geometry=[Point(1, 2)]), tmp_path / "4.csv")
