"""Geospatial counter-narcotics joint planning: corridors, hotspots, coverage, maps.

The names a notebook uses are loaded when they are first touched, so that
``import geocn`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_ATTRIBUTES = {
    "read_routes": "geocn.layers",
    "read_seizures": "geocn.layers",
    "read_cultivation": "geocn.layers",
    "read_interventions": "geocn.layers",
    "read_borders": "geocn.layers",
    "read_raster": "geocn.layers",
    "run": "geocn.project",
}
_MODULES = (
    "corridors",
    "coverage",
    "cultivation",
    "errors",
    "hotspots",
    "layers",
    "maps",
    "publish",
    "scenario",
    "schema",
    "sharing",
)

__all__ = ["__version__", *_ATTRIBUTES, *_MODULES]

if TYPE_CHECKING:
    from geocn import (
        corridors,
        coverage,
        cultivation,
        errors,
        hotspots,
        layers,
        maps,
        publish,
        scenario,
        schema,
        sharing,
    )
    from geocn.layers import (
        read_borders,
        read_cultivation,
        read_interventions,
        read_raster,
        read_routes,
        read_seizures,
    )
    from geocn.project import run


def __getattr__(name: str) -> Any:
    if name in _ATTRIBUTES:
        return getattr(import_module(_ATTRIBUTES[name]), name)
    if name in _MODULES:
        return import_module(f"geocn.{name}")
    raise AttributeError(f"module 'geocn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
