"""How to ask for friction, and for what holds it to what was seen."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import xarray as xr

from geocn import corridors
from tests.properties.cases.world import density, routes, sites, zones
from tests.properties.check import Case


def _cover() -> xr.DataArray:
    values = np.random.default_rng(2).integers(1, 17, (40, 40))
    return density().copy(data=values)


def _heights() -> xr.DataArray:
    return density() * 100


def _roads() -> gpd.GeoDataFrame:
    return routes().iloc[:8].assign(speed_kmh=40.0)


def _layers() -> dict[str, Any]:
    return {
        "template": density(),
        "elevation": _heights(),
        "land_cover": _cover(),
        "roads": _roads(),
        "protected": zones(),
        "enforcement": sites((-77.1, 1.1), (-76.8, 0.9)),
        "tables": {"protected": {"multiplier": 2.0}, "enforcement": {"decay_m": 5000.0}},
    }


CASES = (
    Case(
        "corridors.friction_surface",
        corridors.friction_surface,
        _layers,
        data=("template",),
        shuffled=("roads", "protected", "enforcement"),
        empty=("roads", "protected", "enforcement"),
        moves=("protected", "enforcement"),
        rtol=1e-5,  # the share of a cell is counted in 64ths, the decay to a micrometre
    ),
)
