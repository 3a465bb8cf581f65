"""How to compare two snapshots of who reports what."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geocn import coverage
from tests.properties.cases.world import interventions
from tests.properties.check import Case


def _first():
    frame = interventions()
    n = len(frame)
    ends = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    ends[:2] = pd.Timestamp("2024-06-30", tz="UTC")
    return frame.assign(
        intervention_id=[f"i{i}" for i in range(n)],
        admin=np.where(np.arange(n) % 2, "North", "South"),
        status="active",
        starts_on=pd.Timestamp("2024-01-01", tz="UTC"),
        ends_on=ends,
    )


def _second():
    later = _first().iloc[[0, 1, 2, 5, 6, 8, 9]]
    return later.assign(partner=later["partner"].str.upper())


CASES = (
    Case(
        "coverage.reporting_change",
        coverage.reporting_change,
        lambda: {
            "before": _first(),
            "after": _second(),
            "before_as_of": "2024-03-31",
            "as_of": "2024-12-31",
        },
        data=("before", "after"),
        shuffled=("before", "after"),
        empty=("before", "after"),
        moves=("before", "after"),
    ),
)
