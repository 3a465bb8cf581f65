"""Geospatial counter-narcotics joint planning: corridors, hotspots, coverage, maps.

The names a notebook uses are loaded when they are first touched, so that
``import geocn`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geocn import (
        corridors,
        coverage,
        cultivation,
        errors,
        evaluation,
        hotspots,
        layers,
        maps,
        publish,
        scenario,
        schema,
        sharing,
    )
    from geocn.layers import (
        read_annotations,
        read_borders,
        read_cultivation,
        read_interventions,
        read_places,
        read_raster,
        read_routes,
        read_seizures,
    )
    from geocn.project import diff, run

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "corridors",
    "coverage",
    "cultivation",
    "diff",
    "errors",
    "evaluation",
    "hotspots",
    "layers",
    "maps",
    "publish",
    "read_annotations",
    "read_borders",
    "read_cultivation",
    "read_interventions",
    "read_places",
    "read_raster",
    "read_routes",
    "read_seizures",
    "run",
    "scenario",
    "schema",
    "sharing",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'geocn' has no attribute {name!r}")
    if name.startswith("read_"):
        return getattr(import_module("geocn.layers"), name)
    if name in ("diff", "run"):
        return getattr(import_module("geocn.project"), name)
    return import_module(f"geocn.{name}")


def __dir__() -> list[str]:
    return sorted(__all__)
