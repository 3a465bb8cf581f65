"""How to ask about pairs of events."""

from __future__ import annotations

import numpy as np

from geocn import hotspots
from tests.properties.cases.world import (
    events,
)
from tests.properties.check import Case

CASES = (
    Case(
        "hotspots.near_repeat",
        hotspots.near_repeat,
        lambda: {
            "events": events(),
            "time": "seized_at",
            "distances": [0, 5_000, 20_000, np.inf],
            "times": [0, 15, 60, np.inf],
            "permutations": 99,
        },
        data=("events",),
        shuffled=("events",),
        empty=("events",),
        moves=("events",),
        noisy=("p_value",),
    ),
)
