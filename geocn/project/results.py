"""What the analyses of a project see, and what they give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd


@dataclass
class World:
    """What analyses may see: the joint layers of a project, or those of one release."""

    layers: dict[str, gpd.GeoDataFrame]
    rasters: dict[str, Any]
    places: dict[str, gpd.GeoDataFrame]
    as_of: date | None = None


@dataclass
class Result:
    """What one analysis gave.

    Attributes
    ----------
    name, kind : str
        As in the project file.
    frame : GeoDataFrame
        The main result.
    more : dict of str to DataFrame
        Further frames, such as the crossings behind border hotspots.
    rasters : dict of str to DataArray
        Results as rasters, such as the accumulated cost.
    whole : object, optional
        The analysis's own result object, where it has one (coverage).
    """

    name: str
    kind: str
    frame: pd.DataFrame
    more: dict[str, pd.DataFrame] = field(default_factory=dict)
    rasters: dict[str, Any] = field(default_factory=dict)
    whole: Any = None


@dataclass
class Results:
    """The results by name, why others were not computed or failed, and which are not new."""

    done: dict[str, Result] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    cached: list[str] = field(default_factory=list)


def find(name: str, kinds: Iterable[str], world: World, results: Results) -> Any:
    """Return what bears a name among layers, places, rasters or results, else None."""
    for kind in kinds:
        if kind == "layer" and name in world.layers:
            return world.layers[name]
        if kind == "places" and name in world.places:
            return world.places[name]
        if kind == "raster" and name in world.rasters:
            return world.rasters[name]
        if kind == "analysis" and name in results.done:
            return results.done[name].frame
    return None
