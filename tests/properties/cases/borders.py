"""How to ask about borders."""

from __future__ import annotations

from geocn import hotspots
from tests.properties.cases.world import borders, posts, routes
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.border_segments",
        hotspots.border_segments,
        lambda: {"borders": borders(), "length_km": 25, "posts": posts()},
        data=("borders",),
        shuffled=("borders", "posts"),
        empty=("borders", "posts"),
        moves=("borders", "posts"),
    ),
    Case(
        "hotspots.border_crossings",
        hotspots.border_crossings,
        lambda: {"routes": routes(), "borders": borders(), "posts": posts()},
        data=("routes", "borders"),
        shuffled=("posts",),
        empty=("routes", "posts"),
        moves=("routes", "posts"),
    ),
)
