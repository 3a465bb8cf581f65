"""Coordinates and measures of the page against the packages that know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mgrs
import numpy as np
import pytest
from pyproj import Geod

from geocn.maps import PlanningMap
from tests.browser.conftest import SETTLE, Opened

pytestmark = pytest.mark.browser
WGS84 = Geod(ellps="WGS84")


@pytest.fixture
def page(show: Callable[..., Opened]) -> Iterator[Any]:
    opened = show(PlanningMap("Nothing"))
    yield opened.page
    opened.check()


def anywhere(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.column_stack([lat, rng.uniform(-180, 180, n)])


def hard_places() -> np.ndarray:
    """Norway, Svalbard, both polar areas, and the edges between zones and bands."""
    rng = np.random.default_rng(5)
    north = np.column_stack([rng.uniform(56, 84, 600), rng.uniform(-2, 45, 600)])
    poles = [np.column_stack([rng.uniform(*span, 300), rng.uniform(-180, 180, 300)])
             for span in ((84, 90), (-90, -80))]  # fmt: skip
    edges = [(0, 0), (90, 0), (-90, 0), (-80, 5), (8, -180), (-8, 6), (84, 12), (72, 9), (64, 3)]
    return np.vstack([north, *poles, np.array(edges, dtype=float)])


def test_mgrs_is_that_of_the_package(page: Any) -> None:
    places = np.vstack([anywhere(2500, 1), hard_places()])
    ours = page.evaluate(
        "places => places.map(([lat, lon]) => geocn.parts.coordinates.toMgrs(lat, lon))",
        places.tolist(),
    )
    package = mgrs.MGRS()
    theirs = [package.toMGRS(lat, lon) for lat, lon in places]
    plain = [text.replace(" ", "") for text in ours]
    different = [k for k, text in enumerate(plain) if text != theirs[k]]
    # Metres are cut off, and the package is exact to a millimetre or two: the last may differ.
    assert len(different) <= len(places) / 200
    for k in different:
        a, b = (package.toLatLon(text) for text in (plain[k], theirs[k]))
        assert WGS84.inv(a[1], a[0], b[1], b[0])[2] < 1.5


def test_mgrs_comes_back(page: Any) -> None:
    places = np.vstack([anywhere(1500, 2), hard_places()])
    back = page.evaluate(
        """places => places.map(([lat, lon]) => {
            const { toMgrs, fromMgrs } = geocn.parts.coordinates;
            const spot = fromMgrs(toMgrs(lat, lon));
            return [spot.lat, spot.lon];
        })""",
        places.tolist(),
    )
    found = np.array(back)
    away = WGS84.inv(places[:, 1], places[:, 0], found[:, 1], found[:, 0])[2]
    assert np.max(away) < 0.75


def test_what_is_typed_is_understood(page: Any) -> None:
    known = {
        "1.5, -77.25": (1.5, -77.25),
        "1,5 -77,25": (1.5, -77.25),
        "1,5; \u221277,25": (1.5, -77.25),
        "1°30′00″N 77°15′00″W": (1.5, -77.25),
        "77°15'W 1°30'N": (1.5, -77.25),
        "1:30 -77:15": (1.5, -77.25),
        "N 1.5 O 77.25": (1.5, -77.25),
        "٢٫٥، ٧٧": (2.5, 77.0),
        "0 0": (0.0, 0.0),
    }
    parse = "text => geocn.parts.coordinates.parse(text)"
    for text, (lat, lon) in known.items():
        spot = page.evaluate(parse, text)
        assert (spot["lat"], spot["lon"]) == pytest.approx((lat, lon), abs=1e-9), text
    for text in ("91, 3", "3, 181", "Cali", "1 61 77 15", "1N 2N", "5, 6, 7", "18N", "61NAA1212",
                 "18NII1234", "18NTF123", "<img>", "", "1e5, 3", "-"):  # fmt: skip
        assert page.evaluate(parse, text) is None, text
    rough = page.evaluate(parse, "18N VM 12 34")
    assert rough["size"] == 1000
    assert page.evaluate("at => geocn.parts.coordinates.toMgrs(at.lat, at.lon)", rough).startswith(
        "18N VM 12"
    )


def test_degrees_minutes_and_seconds_carry(page: Any) -> None:
    dms = "([lat, lon]) => geocn.parts.coordinates.toDms(lat, lon)"
    assert page.evaluate(dms, [2.4, -76.6]) == "2°24′00.0″N 76°36′00.0″W"
    assert page.evaluate(dms, [-0.99999999, 179.99999999]) == "1°00′00.0″S 180°00′00.0″E"


def test_lengths_are_those_of_geodesics(page: Any) -> None:
    pairs = np.hstack([anywhere(1500, 3), anywhere(1500, 4)])
    near = pairs.copy()
    near[:, 2:] = near[:, :2] + np.random.default_rng(6).uniform(-0.05, 0.05, (1500, 2))
    near = near[np.abs(near[:, 2]) < 90]
    pairs = np.vstack([pairs, near, [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0.2, 179.9]]])
    ours = page.evaluate(
        """pairs => pairs.map(([a, b, c, d]) =>
            geocn.parts.measure.distance({ lat: a, lng: b }, { lat: c, lng: d }))""",
        pairs.tolist(),
    )
    theirs = WGS84.inv(pairs[:, 1], pairs[:, 0], pairs[:, 3], pairs[:, 2])[2]
    error = np.abs(np.array(ours) - theirs) / np.maximum(theirs, 1)
    assert np.max(error) < 0.005
    assert np.max(error[theirs < 19_900_000]) < 1e-6


def test_areas_are_those_of_geodesic_polygons(page: Any) -> None:
    rng = np.random.default_rng(7)
    rings = []
    for lat, lon in anywhere(300, 8):
        radius, n = rng.uniform(0.01, 6), rng.integers(3, 9)
        turns = np.sort(rng.uniform(0, 360, n))
        if np.max(np.diff(np.r_[turns, turns[0] + 360])) > 170:
            turns = np.linspace(0, 300, 5)
        x, y, _ = WGS84.fwd(
            np.full(len(turns), lon), np.full(len(turns), lat), turns,
            np.full(len(turns), radius * 111_000),
        )  # fmt: skip
        rings.append(np.column_stack([y, x]))
    rings.append(np.array([(80.0, lon) for lon in range(-180, 180, 30)]))
    ours = page.evaluate(
        """rings => rings.map(ring =>
            geocn.parts.measure.area(ring.map(([lat, lng]) => ({ lat, lng }))))""",
        [ring.tolist() for ring in rings],
    )
    theirs = [abs(WGS84.polygon_area_perimeter(r[:, 1], r[:, 0])[0]) for r in rings]
    assert np.array(ours) == pytest.approx(np.array(theirs), rel=0.005)


def test_coordinates_are_shown_chosen_and_copied(show: Callable[..., Opened]) -> None:
    opened = show(PlanningMap("Nothing"))
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.mouse.click(800, 400)
    spot = page.evaluate(
        """() => {
            const box = geocn.map.getContainer().getBoundingClientRect();
            const at = geocn.map.containerPointToLatLng([800 - box.x, 400 - box.y]);
            return [at.lat, at.lng];
        }"""
    )
    expected = f"{spot[0]:.5f}, {spot[1]:.5f}"
    assert page.inner_text("#coordinates") == expected
    page.click("#coordinates-copy")
    assert expected in page.inner_text("#said")
    assert page.evaluate("navigator.clipboard.readText()") == expected
    page.select_option("#coordinates-format", "mgrs")
    grid = page.inner_text("#coordinates").replace(" ", "")
    assert grid[:-10] == mgrs.MGRS().toMGRS(*spot)[:-10]
    page.select_option("#language", "ar")
    assert page.locator("#coordinates").get_attribute("dir") == "ltr"
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    page.wait_for_timeout(SETTLE)
    assert page.input_value("#coordinates-format") == "mgrs"
    assert set(opened.requests) == {page.url}
    assert opened.said == []
