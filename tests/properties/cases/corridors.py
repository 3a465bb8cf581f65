"""How to ask for corridors."""

from __future__ import annotations

from typing import Any

from geocn import corridors
from tests.properties.cases.world import (
    friction,
    sites,
)
from tests.properties.check import Case


def _cost(**more: Any) -> dict[str, Any]:
    ends = {
        "origins": sites((-77.25, 1.2), (-77.1, 0.8)),
        "destinations": sites((-76.75, 0.9), (-76.8, 1.25)),
    }
    return {"friction": friction(), **ends, **more}


CASES = (
    Case(
        "corridors.cost_surface",
        corridors.cost_surface,
        lambda: {"friction": friction(), "sources": sites((-77.2, 1.2), (-76.8, 0.9))},
        data=("friction", "sources"),
        empty=("sources",),
        moves=("sources",),
    ),
    Case(
        "corridors.least_cost_paths",
        corridors.least_cost_paths,
        lambda: _cost(second_best=True, apart_m=4000.0, pairs="mst"),
        data=("friction", "origins", "destinations"),
        empty=("origins", "destinations"),
        moves=("origins", "destinations"),
    ),
    Case(
        "corridors.least_cost_corridors",
        corridors.least_cost_corridors,
        lambda: _cost(second_best=True),
        data=("friction", "origins", "destinations"),
        empty=("origins", "destinations"),
        moves=("origins", "destinations"),
    ),
)
