"""In a simulated world, the border hotspots that partners' reports show are the true ones."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from geocn.hotspots import border_crossings, border_hotspots, border_segments
from geocn.hotspots.border_evidence import segment_of
from geocn.scenario import simulate
from geocn.spatial.borders import load_borders
from geocn.spatial.nearest import nearest_line


@pytest.mark.slow
def test_the_busiest_segments_are_found_from_reported_routes() -> None:
    world = simulate(seed=5, n_months=12, n_routes=250, n_seizures=300)
    truth = world.truth.crossings
    borders = load_borders()
    dyads = truth["dyad"].unique()
    borders = borders[borders["dyad"].isin(dyads) & (borders["kind"] == "land")]
    segments = border_segments(borders, length_km=50)
    at, _ = nearest_line(
        truth["longitude"].to_numpy(),
        truth["latitude"].to_numpy(),
        segments.geometry.to_numpy(),
        reach_m=5000,
    )
    assert (at >= 0).mean() > 0.95
    true = truth.assign(at=at).groupby("at")["route_id"].nunique()
    busiest = true.drop(index=-1, errors="ignore").nlargest(5).index

    reported = world.routes[world.routes["mode"] != "air"]
    found = border_crossings(gpd.GeoDataFrame(reported), borders)
    result = border_hotspots(found, segments)
    assert (segment_of(found, segments) >= 0).all()
    hot = result[result["hotspot_class"] == "hot"]
    # A sketched route may cross a little beside the true place: the next segment counts.
    starts = result["chainage_from_km"].to_numpy()
    for row in busiest:
        same = (hot["dyad"] == result["dyad"].iloc[row]).to_numpy()
        gap = np.abs(hot["chainage_from_km"].to_numpy()[same] - starts[row])
        assert gap.min(initial=np.inf) <= 75
    # Most of what is called hot is truly busier than its length explains.
    mean = true.sum() / result["length_km"].sum()
    truly = true.reindex(hot.index, fill_value=0) / hot["length_km"] > mean
    assert truly.mean() >= 0.8
