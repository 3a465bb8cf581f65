"""What a map opens with, how its numbers are classed, and what is seen first."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn.maps import PlanningMap, styles
from geocn.maps.periods import year_spans
from geocn.maps.visibility import first_view, settle_visibility
from tests.maps import andes


def test_many_zeros_leave_room_for_classes() -> None:
    values = np.r_[np.zeros(900), np.arange(1.0, 101.0)]
    breaks = styles.class_breaks(values)
    assert breaks[0] == 0.0
    assert breaks[-1] == 100.0
    assert len(breaks) == 6
    assert styles.class_breaks(np.r_[np.zeros(9), 26.0]) == [0.0, 26.0]


def test_amounts_over_many_magnitudes_are_classed_from_the_upper_half() -> None:
    weights = np.r_[np.full(500, 1e-10), np.logspace(-4, 4, 500)]
    style = styles.size_style("weight_kg", weights)
    assert style is not None
    inner = style["breaks"][1:-1]
    assert inner == sorted({float(f"{limit:.0e}") for limit in inner})
    assert inner[-1] >= 100
    assert len(style["radii"]) == len(style["breaks"]) - 1


def test_a_drug_keeps_its_colour_from_map_to_map() -> None:
    def look(levels: list[str | None]) -> dict[str, tuple[str, str]]:
        style = styles.category_style("drug", levels, slots=styles.DRUG_SLOTS)
        return dict(
            zip(style["levels"], zip(style["colors"], style["shapes"], strict=True), strict=True)
        )

    one = look(["cocaine", "cocaine", "heroin", "khat", None])
    other = look(["heroin", "heroin", "khat", "khat", "khat", "cocaine"])
    assert one["cocaine"] == other["cocaine"]
    assert one["heroin"] == other["heroin"]
    assert len(set(one.values())) == len(one)


def test_border_segments_are_classed_by_significance_first() -> None:
    plan = PlanningMap("t", marking="TLP:AMBER").add_border_hotspots(andes.border_hotspots())
    style = plan.layers[0].style
    assert style["column"] == "hotspot_class"
    widths = dict(zip(style["levels"], style["widths"], strict=True))
    assert all(widths[level] > 3 for level in widths if level.startswith("hot"))
    assert all(widths[level] < 3 for level in widths if level.startswith("not"))


def points(xy: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    frame = pd.DataFrame({"drug": ["cocaine"] * len(xy), "weight_kg": 1.0})
    return gpd.GeoDataFrame(frame, geometry=shapely.points(xy), crs=4326)


def test_a_few_rows_far_away_do_not_make_the_map_the_world() -> None:
    near = [(-75 + k / 100, 2 + k / 100) for k in range(200)]
    far = points([*near, (100.5, 13.7), (174.8, -41.3)])
    view = first_view(PlanningMap("t").add_seizures(far).layers)
    assert view is not None
    assert -76 < view[0] < view[2] < -72
    with_analysis = PlanningMap("t").add_seizures(far).add_hotspots(andes.hotspots())
    box = first_view(with_analysis.layers)
    assert box is not None
    assert box[2] < -50
    few = first_view(PlanningMap("t").add_seizures(points([(-75, 2), (100, 13)])).layers)
    assert few == (-75.0, 2.0, 100.0, 13.0)
    assert first_view(PlanningMap("t").layers) is None


def test_many_events_wait_behind_their_hotspots_and_one_surface_is_seen() -> None:
    many = points([(-75 + k / 1000, 2) for k in range(400)])
    plan = PlanningMap("t").add_seizures(many).add_hotspots(andes.hotspots())
    settle_visibility(plan.layers)
    assert [layer.visible for layer in plan.layers] == [False, True]
    alone = PlanningMap("t").add_seizures(many)
    settle_visibility(alone.layers)
    assert alone.layers[0].visible is True
    asked = PlanningMap("t").add_seizures(many, visible=True).add_hotspots(andes.hotspots())
    settle_visibility(asked.layers)
    assert asked.layers[0].visible is True
    full = andes.full_map()
    settle_visibility(full.layers)
    surfaces = {"cultivation", "gaps", "coverage", "periods"}
    assert len({la.kind for la in full.layers if la.visible and la.kind in surfaces}) == 1


def test_one_survey_alone_stands_for_every_period() -> None:
    assert year_spans(pd.DataFrame({"year": [2023, 2023]})) is None
    assert year_spans(pd.DataFrame({"year": [2022, 2023]})) is not None
