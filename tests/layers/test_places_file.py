"""Areas and gazetteers."""

from __future__ import annotations

from pathlib import Path

import pytest

from geocn._sample import sample_folder
from geocn.errors import CoordinateError, PlaceError
from geocn.layers import read_places

PLACES = sample_folder() / "andes" / "places"


def test_areas_keep_roles_and_geometry() -> None:
    areas = read_places(PLACES / "admin1.geojson", name="name", code="code", country="country")
    assert list(areas.columns) == ["code", "name", "country", "geometry"]
    assert areas.crs.is_geographic


def test_one_country_for_all() -> None:
    towns = read_places(PLACES / "towns.csv", name="name", country="Colombia")
    assert set(towns["country"]) == {"Colombia"}


def test_usual_headers_are_found() -> None:
    towns = read_places(PLACES / "towns.csv")
    assert list(towns.columns) == ["code", "name", "parent", "country", "geometry"]
    assert (towns["name"] != "").all()
    assert "COL" in set(towns["country"])


def test_missing_column_is_named() -> None:
    with pytest.raises(PlaceError, match="expected no_such"):
        read_places(PLACES / "towns.csv", name="no_such")


def test_position_off_earth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "towns.csv"
    path.write_text("name,longitude,latitude\nA,-75,5\nB,-75,\nC,-75,95\n")
    with pytest.raises(CoordinateError, match=r"2 rows: row 3, row 4"):
        read_places(path)
