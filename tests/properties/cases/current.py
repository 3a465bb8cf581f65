"""How to ask for current flow and for randomised shortest paths."""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd
import xarray as xr

from geocn import corridors
from tests.properties.cases.world import friction, sites
from tests.properties.check import Case

NOT_ANALYSES = {
    "corridors.CurrentFlow": "what current_flow returns",
    "corridors.RandomisedPaths": "what randomised_shortest_paths returns",
}


@functools.wraps(corridors.current_flow)
def _map(*args: Any, **more: Any) -> xr.DataArray:
    return corridors.current_flow(*args, **more).current


@functools.wraps(corridors.current_flow)
def _table(*args: Any, **more: Any) -> pd.DataFrame:
    return corridors.current_flow(*args, **more).resistances


@functools.wraps(corridors.randomised_shortest_paths)
def _walks(*args: Any, **more: Any) -> xr.DataArray:
    return corridors.randomised_shortest_paths(*args, **more).passages


@functools.wraps(corridors.randomised_shortest_paths)
def _costs(*args: Any, **more: Any) -> pd.DataFrame:
    return corridors.randomised_shortest_paths(*args, **more).costs


def _ways(**more: Any) -> dict[str, Any]:
    starts = sites((-77.25, 1.2), (-77.1, 0.8))
    ends = sites((-76.75, 0.9), (-76.8, 1.25))
    return {"friction": friction(), "origins": starts, "destinations": ends, **more}


def _landscape(**more: Any) -> dict[str, Any]:
    places = sites((-77.25, 1.2), (-77.1, 0.8), (-76.75, 0.9), (-76.8, 1.25))
    return {"resistance": friction(), "focal": places, **more}


CASES = (
    *(
        Case(
            "corridors.current_flow",
            func,
            functools.partial(_landscape, mode=mode, solver=solver),
            data=("resistance", "focal"),
            moves=("focal",),
        )
        for func, mode, solver in (
            (_map, "pairwise", "auto"),
            (_table, "pairwise", "multigrid"),
            (_table, "one_to_all", "auto"),
            (_map, "all_to_one", "auto"),
        )
    ),
    Case(
        "corridors.current_flow",
        _map,
        lambda: _landscape(mode="advanced", grounds=sites((-76.9, 0.9))),
        data=("resistance", "focal"),
        shuffled=("focal",),
        moves=("focal", "grounds"),
    ),
    *(
        Case(
            "corridors.randomised_shortest_paths",
            func,
            functools.partial(_ways, theta=theta, count=count),
            data=("friction", "origins", "destinations"),
            shuffled=("origins",) if func is _walks else (),
            empty=("origins", "destinations"),
            moves=("origins", "destinations"),
        )
        for func, theta, count in ((_walks, 1e-4, "net"), (_costs, 0.01, "total"))
    ),
)
