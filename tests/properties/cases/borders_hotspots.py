"""How to ask about hotspots along borders."""

from __future__ import annotations

from typing import Any

from geocn import hotspots
from tests.properties.cases.world import crossings, events, segments
from tests.properties.check import Case


def _case(**options: Any) -> Case:
    return Case(
        "hotspots.border_hotspots",
        hotspots.border_hotspots,
        lambda: (
            {
                "crossings": crossings(),
                "segments": segments(),
                "seizures": events(),
                "exposure": "hours",
            }
            | options
        ),
        data=("crossings", "segments"),
        spine="segments",
        shuffled=("crossings", "seizures"),
        empty=("crossings", "segments", "seizures"),
        moves=("crossings", "segments", "seizures"),
    )


CASES = (
    _case(),
    _case(method="kernel"),
    _case(method="empirical_bayes"),
    _case(method="poisson", weights={"crossings": 1, "seizures": 0.5}),
)
NOT_ANALYSES = {
    f"hotspots.{name}": "settings of border_hotspots"
    for name in ("BorderBayes", "BorderKernel", "BorderPoisson", "BorderScan")
}
