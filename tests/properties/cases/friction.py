"""How to ask for friction, and for what holds it to what was seen."""

from __future__ import annotations

import functools
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn import corridors
from tests.properties.cases.world import density, routes, sites, zones
from tests.properties.check import Case

_SEEN = ((-77.2, 1.1), (-77.1, 0.95), (-76.95, 1.05), (-76.9, 0.9), (-76.8, 1.2))


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


@functools.wraps(corridors.validate)
def _scores(*args: Any, **more: Any) -> pd.DataFrame:
    return corridors.validate(*args, **more).scores


@functools.wraps(corridors.validate)
def _curve(*args: Any, **more: Any) -> pd.DataFrame:
    found = corridors.validate(*args, **more)
    return found.curve.pipe(_with_record, found.record)


def _with_record(frame: pd.DataFrame, record: dict[str, Any]) -> pd.DataFrame:
    frame.attrs["geocn"] = record
    return frame


def _comparison() -> dict[str, Any]:
    return {
        "modelled": density(),
        "observed": sites(*_SEEN).assign(location_precision_m=3000.0),
        "origins": sites((-77.25, 1.2)),
        "destinations": sites((-76.75, 0.9)),
        "roads": _roads(),
        "n_bootstrap": 49,
    }


@functools.wraps(corridors.calibrate_friction)
def _weights(*args: Any, **more: Any) -> pd.DataFrame:
    return corridors.calibrate_friction(*args, **more).weights


@functools.wraps(corridors.calibrate_friction)
def _learnt(*args: Any, **more: Any) -> xr.DataArray:
    return corridors.calibrate_friction(*args, **more).friction


def _lesson() -> dict[str, Any]:
    """Eight ways over the plane that keep to the north."""
    plane = density()
    factors = xr.Dataset({"north": plane * 0 + plane.y / 40_000, "rough": plane})
    start = np.column_stack([np.full(8, -37_100.0), np.linspace(-30_300, 21_700, 8)])
    end = np.column_stack([np.full(8, 36_900.0), np.linspace(21_100, -30_900, 8)])
    bend = np.column_stack([np.full(8, 300.0), np.full(8, 31_100.0)])
    lines = shapely.linestrings(np.stack([start, bend, end], axis=1))
    routes = gpd.GeoDataFrame(geometry=lines, crs=plane.rio.crs)
    return {"factors": factors, "routes": routes, "folds": 2, "max_cells": 400}


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
    *(
        Case(
            "corridors.validate",
            func,
            _comparison,
            data=("modelled", "observed"),
            empty=("observed",),
            moves=("observed", "origins", "destinations"),
            rtol=1e-4,  # a place on a disc may pass from one cell to the next
        )
        for func in (_scores, _curve)
    ),
    *(
        Case(
            "corridors.calibrate_friction",
            func,
            _lesson,
            data=("factors", "routes"),
            moves=("routes",),
            rtol=1e-3,  # an edge is a little bent in another system
        )
        for func in (_weights, _learnt)
    ),
)

NOT_ANALYSES = {
    "corridors.Calibration": "the result of calibrate_friction",
    "corridors.Validation": "the result of validate",
    "corridors.with_score": "writes into the attributes of a result",
}
