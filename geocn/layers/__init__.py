"""Layers: files of partners read into canonical frames, nothing lost on the way."""

from __future__ import annotations

from geocn.layers.annotations import latest_notes, read_annotations
from geocn.layers.borders import read_borders
from geocn.layers.cultivation import read_cultivation
from geocn.layers.draft import FileOptions
from geocn.layers.inspect import Inspection, inspect_file
from geocn.layers.interventions import read_interventions
from geocn.layers.merge import merge_layers
from geocn.layers.places import read_places
from geocn.layers.rasters import read_raster
from geocn.layers.routes import read_routes
from geocn.layers.seizures import read_seizures
from geocn.layers.totals import compare_totals

__all__ = [
    "FileOptions",
    "Inspection",
    "compare_totals",
    "inspect_file",
    "latest_notes",
    "merge_layers",
    "read_annotations",
    "read_borders",
    "read_cultivation",
    "read_interventions",
    "read_places",
    "read_raster",
    "read_routes",
    "read_seizures",
]
