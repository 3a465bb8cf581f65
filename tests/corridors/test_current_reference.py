"""Circuitscape's own verification cases: resistances, voltages and currents at 1e-6."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.corridors import current_flow
from tests.oracles_corridors import raster

pytestmark = pytest.mark.reference

CASES = {
    2: {"cells": "cellmap.asc", "neighbours": 4, "values": "conductance"},
    3: {"cells": "cellmap.asc", "neighbours": 4, "values": "conductance"},
    5: {"cells": "cellmap5x5.asc", "neighbours": 4, "values": "resistance"},
    7: {"cells": "cellmap5x5.asc", "neighbours": 4, "values": "resistance"},
    14: {"cells": "cellmap.asc", "neighbours": 8, "values": "conductance"},
}


def grid(path):
    lines = path.read_text().split("\n")
    head = {line.split()[0].lower(): float(line.split()[1]) for line in lines[:6]}
    values = np.array([row.split() for row in lines[6:] if row.strip()], dtype=float)
    values[values == head["nodata_value"]] = np.nan
    return raster(values, cell=head["cellsize"], west=head["xllcorner"], south=head["yllcorner"])


def points(path):
    """Points by number; a number that stands twice is one place."""
    table = np.loadtxt(path)
    places = {}
    for number, x, y in table:
        places.setdefault(int(number), []).append((x, y))
    shapes = [
        shapely.MultiPoint(xy) if len(xy) > 1 else shapely.Point(xy[0]) for xy in places.values()
    ]
    return gpd.GeoDataFrame(geometry=shapes, index=list(places), crs="EPSG:32618")


def solve(reference, number, solver):
    folder = reference / "circuitscape/pairwise" / str(number)
    case = CASES[number]
    texts = sorted(folder.glob("points*.txt"))
    focal = points(texts[0]) if texts else grid(folder / "points.asc")
    return current_flow(
        grid(folder / case["cells"]),
        focal,
        neighbours=case["neighbours"],
        values=case["values"],
        regions=grid(next(folder.glob("polygons*.asc"))),
        maps=("voltage", "current"),
        solver=solver,
    )


@pytest.fixture(scope="module", params=["direct", "multigrid"])
def results(request, reference):
    return {number: solve(reference, number, request.param) for number in CASES}


def same(found, expected):
    """Circuitscape writes 0 where there is no node and no voltage; we write NaN."""
    found, expected = found.to_numpy(), np.nan_to_num(expected.to_numpy())
    np.testing.assert_allclose(np.nan_to_num(found), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("number", CASES)
def test_resistances(results, reference, number):
    path = reference / f"circuitscape/expected/sgVerify{number}_resistances.out"
    table = np.loadtxt(path)
    expected = np.where(table[1:, 1:] == -1, np.nan, table[1:, 1:])
    found = results[number].resistances
    order = table[0, 1:].astype(int)
    np.testing.assert_allclose(found.loc[order, order], expected, rtol=1e-6, atol=1e-6)
    lost = [
        [order[i], order[j]] for i, j in zip(*np.nonzero(np.isnan(expected)), strict=True) if i < j
    ]
    assert results[number].unreachable == lost


@pytest.mark.parametrize("number", [5, 14])
@pytest.mark.parametrize("kind", ["volt", "cur"])
def test_maps_of_every_pair(results, reference, number, kind):
    folder = reference / "circuitscape/expected"
    maps = results[number].voltages if kind == "volt" else results[number].currents
    paths = sorted(folder.glob(f"sgVerify{number}_{kind}map_[0-9]*.asc"))
    assert len(paths) == len(maps) == 10
    for path in paths:
        a, b = (int(word) for word in path.stem.split("_")[-2:])
        same(maps[a, b], grid(path))


@pytest.mark.parametrize(
    ("number", "name", "field"),
    [
        (5, "cum_curmap", "current"),
        (14, "cum_curmap", "current"),
        (14, "max_curmap", "maximum"),
        (14, "curmap_max", "maximum"),
    ],
)
def test_summary_maps(results, reference, number, name, field):
    path = reference / f"circuitscape/expected/sgVerify{number}_{name}.asc"
    same(getattr(results[number], field), grid(path))


def test_every_file_of_theirs_is_checked(reference):
    names = {path.name for path in (reference / "circuitscape/expected").iterdir()}
    assert len(names) == 5 + 40 + 4
