"""What the issue lists as bad input, layer by layer; the page itself is opened in the browser."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geocn.errors import GeocnError
from geocn.io.packed import decode_block
from geocn.maps import PlanningMap
from geocn.maps.encryption import blocks_of
from tests.maps import andes
from tests.maps.hostile import HOSTILE, worst

KINDS = ("seizures", "routes", "cultivation", "interventions", "annotations", "corridors",
         "hotspots", "border_hotspots")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_and_long_texts_in_every_column(kind: str) -> None:
    frame = worst(getattr(andes, kind)())
    plan = getattr(PlanningMap("t"), f"add_{kind}")(frame)
    header, arrays = decode_block(blocks_of(plan.to_html())["geocn-data"])
    (layer,) = header["layers"]
    assert layer["n"] > 0
    for column in layer["columns"]:
        if column["k"] == "number" and column["name"] in frame and layer["n"] == len(frame):
            assert np.isnan(arrays[column["a"]["#"]]).any(), column["name"]
        assert all(len(text) <= 2_000 for text in column.get("l", []))


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_of_one_row_at_each_edge(kind: str) -> None:
    frame = getattr(andes, kind)()
    frame = frame.iloc[np.flatnonzero(frame.geometry.notna())[:1]].copy()
    for x, y in ((180, 0), (-180, 0), (0, 90), (0, -90)):
        place = shapely.Point(x, y) if kind in ("seizures", "interventions") else None
        frame["geometry"] = [place or shapely.LineString([(x, y), (x * 0.99, y * 0.99)])]
        assert getattr(PlanningMap("t"), f"add_{kind}")(frame).to_html()


def test_a_period_that_is_none_is_refused_by_its_name() -> None:
    frame = andes.by_quarter().drop(columns="when")
    frame["period"] = HOSTILE.replace("\ud800", "")
    with pytest.raises(GeocnError, match="period"):
        PlanningMap("t").add_periods(frame)
