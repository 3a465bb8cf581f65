"""What a map opens with: which layers are seen, and the part of the world it shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from geocn.maps.geometry import bounds_of
from geocn.maps.layers import MapLayer

Bounds = tuple[float, float, float, float]

#: Kinds that a crowded map shows from the start, the first layer of each.
_FIRST_SEEN = (
    "cultivation",
    "hotspots",
    "corridors",
    "border_hotspots",
    "seizures",
    "interventions",
    "siting",
    "annotations",
)
_CROWDED = 8
#: Filled areas that hide each other: one of them is seen first.
_SURFACES = ("periods", "change", "cultivation", "gaps", "coverage")
#: More single events than this hide the analysis that was made of them.
_MANY_EVENTS = 300
_ANALYSED = frozenset(
    {
        "hotspots",
        "border_hotspots",
        "corridors",
        "coverage",
        "gaps",
        "periods",
        "change",
        "cultivation",
    }
)
_FEW_POINTS = 40


def settle_visibility(layers: Sequence[MapLayer]) -> None:
    """Decide which layers a map opens with, where the caller did not say.

    A map of few layers shows them all; a crowded one shows the first layer of each main
    kind, and the others wait in the list. Of filled areas over the same ground only one
    kind is seen first, and many single events wait behind the hotspots made of them.
    """
    crowded = len(layers) > _CROWDED
    kinds = {layer.kind for layer in layers}
    eligible = kinds & set(_FIRST_SEEN) if crowded else kinds
    surface = next((kind for kind in _SURFACES if kind in eligible), None)
    analysed = bool(kinds & {"hotspots", "border_hotspots"})
    seen: set[str] = set()
    for layer in layers:
        if layer.visible is None:
            main = layer.kind in _FIRST_SEEN and layer.kind not in seen
            hidden = layer.kind in _SURFACES and layer.kind != surface
            hidden |= layer.kind == "seizures" and analysed and len(layer.frame) > _MANY_EVENTS
            layer.visible = (main or not crowded) and not hidden
        seen.add(layer.kind)


def first_view(layers: Sequence[MapLayer]) -> Bounds | None:
    """Return the bounds that a map opens on: the region of the analyses.

    Events and sites widen it where they lie about there; a few rows far away do not make
    it the world. None where nothing can be drawn.
    """
    analysed = bounds_of([layer.frame.geometry for layer in layers if layer.kind in _ANALYSED])
    others = [layer for layer in layers if layer.kind not in _ANALYSED]
    around = [box for box in map(_most, others) if box is not None]
    if analysed is None:
        return _union(around) if around else None
    wider = _union([analysed, *around])
    return wider if _size(wider) <= 2.0 * _size(analysed) else analysed


def _most(layer: MapLayer) -> Bounds | None:
    """Return the bounds of nearly all rows of a layer, of all where there are few."""
    whole = bounds_of([layer.frame.geometry])
    if whole is None or len(layer.frame) < _FEW_POINTS:
        return whole
    xy = shapely.get_coordinates(np.asarray(layer.frame.geometry.values))
    west, south = np.quantile(xy, 0.02, axis=0)
    east, north = np.quantile(xy, 0.98, axis=0)
    inner = (float(west), float(south), float(east), float(north))
    return inner if _size(whole) > 4.0 * _size(inner) else whole


def _union(boxes: Sequence[Bounds]) -> Bounds:
    stack = np.array(boxes)
    west, south = stack[:, :2].min(axis=0)
    east, north = stack[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)


def _size(box: Bounds) -> float:
    """Return the size in square degrees, at least half a degree a side."""
    return max(0.5, box[2] - box[0]) * max(0.5, box[3] - box[1])
