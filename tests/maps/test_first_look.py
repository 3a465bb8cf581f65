"""What a map opens with, how its numbers are classed, and whether its colours can be told apart."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn import _palette
from geocn.maps import PlanningMap, styles
from geocn.maps.periods import year_spans
from geocn.maps.visibility import first_view, settle_visibility
from tests.maps import andes

# Machado, Oliveira & Fernandes (2009), severity 1.0; doi:10.1109/TVCG.2009.113.
MACHADO = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
ORDERED = {**styles.SEQUENTIAL, "hot": _palette.HOT, "cold": _palette.COLD}
TOLD_APART = {
    "partners": [color for color, _ in styles.PARTNER_TYPES.values()],
    "hot, cold, neither": [_palette.HOT[2], _palette.COLD[2], _palette.NEUTRAL],
    "border": [_palette.HOT[2], _palette.COLD[2], _palette.QUIET_LINE],
}
# A difference well above what an eye can just see (about 2.3 in CIE76).
LEAST = 7.0


def lab(color: str, matrix: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of a colour as someone with that vision sees it."""
    rgb = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(matrix @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
         [0.0193339, 0.1191920, 0.9503041]]
    )  # fmt: skip
    xyz = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", MACHADO)
@pytest.mark.parametrize("name", [*ORDERED, *TOLD_APART])
def test_colours_can_be_told_apart_by_every_eye(name: str, vision: str) -> None:
    colors = ORDERED.get(name) or TOLD_APART[name]
    seen = [lab(color, MACHADO[vision]) for color in colors]
    closest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert closest > LEAST, (name, vision, closest)


@pytest.mark.parametrize("vision", MACHADO)
@pytest.mark.parametrize("name", ORDERED)
def test_classes_darken_in_their_order(name: str, vision: str) -> None:
    lightness = [lab(color, MACHADO[vision])[0] for color in ORDERED[name]]
    assert lightness == sorted(lightness, reverse=True)


def test_categories_differ_by_colour_or_by_shape() -> None:
    assert len(set(styles.SHAPES)) == len(set(styles.DASHES)) == len(_palette.CATEGORIES)


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
