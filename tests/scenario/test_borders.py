"""Crossings of land borders, against walking along the line step by step."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.scenario import simulate
from geocn.scenario.borders import border_flows, crossings_of
from geocn.scenario.geography import load_area

COLUMNS = ["route_id", "dyad", "from_country", "to_country", "at_km", "longitude", "latitude"]


def routes(*lines: list[tuple[float, float]], mode: str = "road") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"route_id": [f"R{n}" for n in range(len(lines))], "mode": mode},
        geometry=[shapely.LineString(line) for line in lines],
        crs=4326,
    )


def walked(line: shapely.LineString, *, step: float = 0.002) -> list[tuple[str, str]]:
    """Walk along the line and note every direct change from one country to another."""
    area = load_area()
    points = shapely.line_interpolate_point(line, np.arange(0, line.length, step))
    owner = np.full(len(points), "", dtype=object)
    for iso, shape in zip(area["iso_a3"], area.geometry, strict=True):
        shapely.prepare(shape)
        owner[shapely.contains(shape, points)] = iso
    runs: list[tuple[str, int]] = []
    for iso in owner:
        if runs and runs[-1][0] == iso:
            runs[-1] = (iso, runs[-1][1] + 1)
        else:
            runs.append((iso, 1))
    kept = [(iso, n) for iso, n in runs if n * step * 111.195 >= 1]
    changes = pairwise(kept)
    return [(a, b) for (a, _), (b, _) in changes if a and b and a != b]


def test_one_crossing_with_its_direction() -> None:
    found = crossings_of(routes([(-77.28, 1.21), (-77.64, 0.83), (-78.47, -0.18)]))
    assert found[["dyad", "from_country", "to_country"]].to_numpy().tolist() == [
        ["COL-ECU", "COL", "ECU"]
    ]
    assert list(found.columns) == COLUMNS
    assert found["latitude"][0] == pytest.approx(0.83, abs=0.1)
    back = crossings_of(routes([(-78.47, -0.18), (-77.64, 0.83), (-77.28, 1.21)]))
    assert back[["from_country", "to_country"]].to_numpy().tolist() == [["ECU", "COL"]]


def test_out_and_back_is_two_crossings() -> None:
    found = crossings_of(routes([(-77.28, 1.21), (-78.47, -0.18), (-76.65, 1.15)]))
    assert found["to_country"].tolist() == ["ECU", "COL"]
    assert found["at_km"].is_monotonic_increasing


def test_leaving_for_the_sea_and_landing_elsewhere_is_none() -> None:
    by_sea = [(-76.9, 3.9), (-78.5, 4.0), (-79.5, 7.0), (-79.53, 9.0)]
    assert crossings_of(routes(by_sea)).empty


def test_flights_and_no_routes_cross_nothing() -> None:
    assert crossings_of(routes([(-77.28, 1.21), (-78.47, -0.18)], mode="air")).empty
    empty = crossings_of(routes())
    assert list(empty.columns) == COLUMNS


@pytest.mark.slow
def test_simulated_routes_cross_where_walking_says() -> None:
    world = simulate(seed=5, n_months=2, n_routes=40, n_seizures=20)
    found = world.truth.crossings.groupby("route_id")[["from_country", "to_country"]]
    by_route = {name: [tuple(row) for row in part.to_numpy()] for name, part in found}
    ground = world.truth.routes[world.truth.routes["mode"] != "air"]
    wrong = [
        route
        for route, line in zip(ground["route_id"], ground.geometry, strict=True)
        if by_route.get(route, []) != walked(line)
    ]
    # walking in steps of 220 m can miss a stay of little more than a kilometre
    assert len(wrong) <= 1


def test_flows_count_only_what_got_through() -> None:
    lines = routes([(-77.28, 1.21), (-78.47, -0.18)])
    crossings = crossings_of(lines)
    at_km = crossings["at_km"][0]
    moved = pd.DataFrame(
        {
            "route": [0, 0, 0],
            "weight_kg": [10.0, 20.0, 40.0],
            "stopped_km": [np.inf, at_km + 1, at_km - 1],
        }
    )
    flows = border_flows(crossings, lines, moved)
    assert flows.to_dict("records") == [
        {
            "dyad": "COL-ECU",
            "from_country": "COL",
            "to_country": "ECU",
            "n_routes": 1,
            "n_crossings": 2,
            "weight_kg": 30.0,
        }
    ]
