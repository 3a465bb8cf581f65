from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.coverage import assess, sides
from geocn.errors import ParameterError
from tests.coverage.worlds import block, discs, frame

CLASSES = ["security only", "civilian only", "both", "neither"]


def test_sides_by_kind_then_by_type_of_partner() -> None:
    found = sides(
        pd.DataFrame(
            {
                "kind": ["Check-point", "patrol", "alternative livelihood", "training", None, "x"],
                "partner_type": ["ngo", None, "military", "military", "ngo", None],
            },
            index=list("abcdef"),
        ),
        mapping={"check point": "security"},
    )
    assert found.tolist()[:5] == ["security", "security", "civilian", "security", "civilian"]
    assert pd.isna(found["f"])
    with pytest.raises(ParameterError, match="army"):
        sides(pd.DataFrame({"kind": ["a"]}), mapping={"a": "army"})
    assert sides(pd.DataFrame(index=[3])).isna().all()


def test_classes_by_row_with_their_geometry() -> None:
    demand = frame([block(0, 0, 4000), block(9000, 0)], w=[40.0, 5.0])
    kinds = ["patrol", "treatment", "antenna"]
    reaches = frame(
        [block(0, 0, 2000), block(1000, 0, 2000), block(9000, 0)], partner=["A"] * 3, kind=kinds
    )
    found = assess(demand, reaches, weight="w")
    assert found.complementarity["weight"].tolist() == pytest.approx([10, 10, 10, 15])
    assert found.unknown_kinds == {"antenna": 1}
    pieces = found.sides
    assert pieces["side"].tolist() == [*CLASSES, "neither"]
    assert pieces.index.tolist() == [0, 0, 0, 0, 1]
    assert pieces["weight"].tolist() == pytest.approx([10, 10, 10, 10, 5])
    wanted = [block(0, 0), block(2000, 0), block(1000, 0), block(3000, 0), block(9000, 0)]
    for got, want in zip(pieces.geometry, wanted, strict=True):
        assert got.symmetric_difference(want).area < 1
    assert found.summary()["share_both"] == pytest.approx(10 / 45)
    assert "antenna (1)" in found.report()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6), st.sampled_from(["points", "lines", "areas"]))
def test_classes_add_up_and_agree_with_an_overlay(seed: int, n: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-5000, 5000, (25, 2))
    shapes = {
        "points": shapely.points(xy),
        "lines": shapely.linestrings(np.stack([xy, xy + rng.uniform(300, 3000, (25, 2))], axis=1)),
        "areas": shapely.box(*xy.T, *(xy + rng.uniform(300, 3000, (25, 2))).T),
    }[kind]
    demand = frame(shapes, w=rng.integers(1, 9, 25).astype(float))
    reaches = discs(rng, n)
    found = assess(demand, reaches, weight="w", overlaps="add")
    assert found.complementarity["weight"].sum() == pytest.approx(found.total)
    assert found.sides["weight"].sum() == pytest.approx(found.total)
    force, care = (
        shapely.union_all(reaches.geometry[(reaches["kind"] == k).to_numpy()].to_numpy())
        for k in ("patrol", "treatment")
    )
    regions = [force.difference(care), care.difference(force), force.intersection(care)]

    def share(shape, region):
        if kind == "points":
            return float(shape.intersects(region))
        size = "length" if kind == "lines" else "area"
        return getattr(shape.intersection(region), size) / getattr(shape, size)

    for name, region in zip(CLASSES, regions, strict=False):
        want = sum(share(s, region) * w for s, w in zip(demand.geometry, demand["w"], strict=True))
        row = found.complementarity.set_index("side").loc[name]
        assert row["weight"] == pytest.approx(want, rel=1e-5, abs=1e-5)
