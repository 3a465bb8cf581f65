"""Corridor-km, border segments, hotspots and their weights as demand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn import corridors, coverage, hotspots
from geocn.errors import SchemaError
from tests.coverage.worlds import PLANE, block, discs, frame
from tests.properties.cases import world


def reaches() -> gpd.GeoDataFrame:
    return coverage.reach(world.interventions())


def union(crs) -> shapely.Geometry:
    return (
        gpd.GeoSeries(reaches().union_all(), index=[0], crs="EPSG:4326")
        .segmentize(0.01)
        .to_crs(crs)[0]
    )


def test_least_cost_paths_are_covered_by_their_km_and_by_a_weight() -> None:
    ends = {
        "origins": world.sites((-77.25, 1.2), (-77.1, 0.8)),
        "destinations": world.sites((-76.75, 0.9), (-76.8, 1.25)),
    }
    paths = corridors.least_cost_paths(world.friction(), **ends)
    by_length = coverage.assess(paths, reaches(), overlaps="add")
    lines = paths.to_crs(PLANE).geometry
    wanted = lines.intersection(union(PLANE)).length.sum() / lines.length.sum()
    assert by_length.unit == "km"
    assert by_length.share_covered == pytest.approx(wanted, rel=1e-3)
    weighed = coverage.assess(paths.assign(kg=[1.0, 5.0, 2.0, 9.0]), reaches(), weight="kg")
    assert weighed.total + weighed.overlap_weight == pytest.approx(17)
    # What two paths share counts once.
    assert coverage.assess(paths, reaches()).total <= by_length.total + 1e-9


def test_corridor_polygons_with_a_weight() -> None:
    belts = frame(
        [block(-6000, -1000, 12_000, 2000), block(-1000, -6000, 2000, 12_000)], kg=[24.0, 12.0]
    )
    sites = discs(np.random.default_rng(3), 5)
    found = coverage.assess(belts, sites, weight="kg")
    # Where belts cross the denser one counts: 4 of 24 km² of the second are the first's.
    assert found.demand["demand_weight"].tolist() == pytest.approx([24, 10])
    region = shapely.union_all(sites.geometry.to_numpy())
    first = belts.geometry[0].intersection(region).area / 24e6
    second = belts.geometry[1].difference(belts.geometry[0]).intersection(region).area / 20e6
    assert found.demand["share_covered"].tolist() == pytest.approx([first, second], rel=1e-6)


def test_border_hotspots_by_km_and_by_count() -> None:
    found = hotspots.border_hotspots(world.crossings(), world.segments(), exposure="hours")
    km = coverage.assess(found, reaches())
    assert km.unit == "km"
    assert km.total == pytest.approx(
        found.to_crs("EPSG:4326").geometry.pipe(_geodesic_km), rel=1e-4
    )
    weighed = coverage.assess(found, reaches(), weight="n_crossings")
    share = km.demand["share_covered"]
    assert weighed.covered == pytest.approx(float((share * found["n_crossings"]).sum()), rel=1e-6)
    assert (weighed.gaps["rank"].diff().dropna() == 1).all()
    assert 0 < weighed.share_covered < 1


def _geodesic_km(lines: gpd.GeoSeries) -> float:
    from geocn.spatial.geodesy import geodesic_length_km

    return float(geodesic_length_km(lines.to_numpy()).sum())


def test_hotspots_by_what_was_counted() -> None:
    found = hotspots.getis_ord(world.grid(), "n", neighbours="queen")
    hot = coverage.assess(found, reaches(), weight="n")
    lonlat = union("EPSG:4326")
    share = found.geometry.intersection(lonlat).area / found.geometry.area
    assert hot.covered == pytest.approx(float((share * found["n"]).sum()), rel=1e-3)
    assert hot.total == found["n"].sum()
    assert list(hot.demand.columns)[: found.shape[1]] == list(found.columns)


def test_bad_weights_are_named_by_row() -> None:
    demand = frame(shapely.points(np.zeros((4, 2))), w=[1.0, np.nan, -2.0, np.inf])
    demand.index = list("abcd")
    with pytest.raises(SchemaError, match="2 missing or infinite, 1 negative") as caught:
        coverage.assess(demand, discs(np.random.default_rng(0), 2), weight="w")
    assert caught.value.rows == ["b", "c", "d"]
