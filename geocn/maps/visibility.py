"""Which layers a map opens with."""

from __future__ import annotations

from collections.abc import Sequence

from geocn.maps.layers import MapLayer

#: Kinds that a crowded map shows from the start, the first layer of each.
_FIRST_SEEN = (
    "cultivation",
    "hotspots",
    "corridors",
    "border_hotspots",
    "seizures",
    "interventions",
)
_CROWDED = 8


def settle_visibility(layers: Sequence[MapLayer]) -> None:
    """Decide which layers a map opens with, where the caller did not say.

    A map of few layers shows them all; a crowded one shows the first layer of each main
    kind, and the others wait in the list.
    """
    crowded = len(layers) > _CROWDED
    seen: set[str] = set()
    for layer in layers:
        if layer.visible is None:
            main = layer.kind in _FIRST_SEEN and layer.kind not in seen
            layer.visible = main or not crowded
        seen.add(layer.kind)
