"""What the analyses find in a simulated world is what is true in it."""

from __future__ import annotations

import pytest

from geocn.hotspots import border_crossings
from geocn.scenario import simulate


@pytest.mark.slow
def test_border_crossings_find_every_true_crossing() -> None:
    world = simulate(seed=9, n_months=2, n_routes=120, n_seizures=20)
    routes = world.truth.routes
    found = border_crossings(routes[routes["mode"] != "air"])
    by = ["route_id", "from_country", "to_country"]
    true = world.truth.crossings.groupby(by).size()
    recovered = found.groupby(by).size()
    both = true.reindex(true.index.union(recovered.index), fill_value=0)
    wrong = (both - recovered.reindex(both.index, fill_value=0)).abs().sum()
    # two independent ways of counting; they may differ on a stay of just about a kilometre
    assert wrong <= 0.01 * len(found)
    assert len(found) > 50
