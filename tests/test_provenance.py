"""Where a result came from."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
from pyproj import CRS

from geocn import provenance


def test_attach_writes_json_and_keeps_other_attrs() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["mine"] = 1
    result = provenance.attach(
        frame,
        "hotspots.getis_ord",
        seed=0,
        crs=CRS(4326),
        alpha=np.float64(0.05),
        day=date(2024, 1, 2),
        parts={"b", "a"},
        graph=object(),
    )
    record = json.loads(json.dumps(result.attrs["geocn"]))
    assert record["method"] == "hotspots.getis_ord"
    assert record["crs"] == "EPSG:4326"
    assert record["alpha"] == 0.05
    assert record["day"] == "2024-01-02"
    assert record["parts"] == ["a", "b"]
    assert record["graph"] == "<object>"
    assert record["versions"]["geocn"]
    assert result.attrs["mine"] == 1
