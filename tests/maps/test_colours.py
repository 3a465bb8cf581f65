"""Whoever looks at the map can tell its classes apart and see its marks and words."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from geocn import _palette, maps
from geocn.maps import layers, styles
from geocn.maps.recipes import RECIPES
from tests.maps import andes
from tests.maps.vision import MACHADO, closest, contrast, lab, over

ASSETS = Path(maps.__file__).parent / "assets"
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in ASSETS.glob("js/*.js")}
CSS = "".join(path.read_text(encoding="utf-8") for path in sorted(ASSETS.glob("css/*.css")))
SEA, LAND = re.findall(r"(?:SEA|[^_]LAND) = '(#\w{6})'", SCRIPTS["mapview"])
GROUNDS = {"land": LAND, "sea": SEA}

# Three times what an eye can just see side by side (about 2.3 in CIE76); a class on the map is
# mixed with the land below it and still twice that.
LEAST, LEAST_ON_LAND = 7.0, 4.6
#: The faintest fill that an area of each palette has on the page.
FAINTEST = {"flow": 0.5, "risk": 0.62, "crop": 0.62, "gap": 0.62, "hot": 0.68, "cold": 0.68}
ORDERED = {**styles.SEQUENTIAL, "hot": _palette.HOT, "cold": _palette.COLD}
LINES = {
    **{f"{name}, lines": colors for name, colors in styles.LINE_SEQUENTIAL.items()},
    "hot, lines": _palette.LINE_HOT,
    "cold, lines": _palette.LINE_COLD,
}
COVERAGE = ("#d95f0e", "#cfe8df", "#66b795", "#1b7a5a", _palette.UNKNOWN)
SETS = {
    **ORDERED,
    **LINES,
    "hot and cold": (*_palette.HOT, *_palette.COLD, _palette.NEUTRAL, _palette.UNKNOWN),
    "border": (*_palette.LINE_HOT, *_palette.LINE_COLD, _palette.QUIET_LINE),
    "change": [look.area for look in styles._CHANGES.values()],
    # The quiet ones differ by their dashes.
    "change, lines": sorted({look.line for look in styles._CHANGES.values()}),
    "categories": (*_palette.CATEGORIES, styles.OTHER),
    "partners": ([color for color, _ in styles.PARTNER_TYPES.values()] + [styles.OTHER]),
    "coverage": COVERAGE,
    "proposed sites and notes": (
        styles.siting_style()["color"],
        styles.annotation_style()["color"],
    ),
}


@pytest.mark.parametrize("vision", MACHADO)
@pytest.mark.parametrize("name", SETS)
def test_classes_can_be_told_apart_by_every_eye(name: str, vision: str) -> None:
    found = closest(SETS[name], vision)
    assert found[0] > LEAST, (name, vision, found)


@pytest.mark.parametrize("vision", MACHADO)
@pytest.mark.parametrize("name", FAINTEST)
def test_ordered_areas_can_be_told_apart_on_the_land_below_them(name: str, vision: str) -> None:
    found = closest([over(color, LAND, FAINTEST[name]) for color in ORDERED[name]], vision)
    assert found[0] > LEAST_ON_LAND, (name, vision, found)


@pytest.mark.parametrize("vision", MACHADO)
@pytest.mark.parametrize("name", [*ORDERED, *LINES])
def test_classes_darken_in_their_order(name: str, vision: str) -> None:
    lightness = [lab(color, MACHADO[vision])[0] for color in SETS[name]]
    assert lightness == sorted(lightness, reverse=True)


def test_the_simulation_knows_who_confuses_what() -> None:
    red, green = "#a05a2c", "#6f7f2c"
    assert closest((red, green), "normal")[0] > 35
    assert closest((red, green), "deuteranopia")[0] < 12
    assert closest(("#0000ff", "#008000"), "deuteranopia")[0] > 50


def test_the_styles_of_the_page_use_only_colours_that_are_tested() -> None:
    known = {color for colors in SETS.values() for color in colors}
    known |= {*_palette.LINE_CATEGORIES, "#3b4754", "#00795a"}
    plan = andes.full_map()
    assert {layer.kind for layer in plan.layers} <= set(RECIPES)
    for layer in plan.layers:
        for color in [*layer.style.get("colors", []), layer.style.get("color")]:
            assert color is None or color in known, (layer.kind, color)
    covered = layers._coverage(andes.coverage().demand, [])
    assert covered["colors"] == list(COVERAGE[:4])


@pytest.mark.parametrize("ground", GROUNDS)
def test_lines_stand_out_from_land_and_sea(ground: str) -> None:
    lines = [color for colors in LINES.values() for color in colors]
    lines += [*_palette.LINE_CATEGORIES, _palette.QUIET_LINE, styles.OTHER, "#3b4754"]
    lines += [color for color, _ in styles.PARTNER_TYPES.values()]
    lines += [styles.siting_style()["color"], styles.annotation_style()["color"]]
    lines += re.findall(r"STYLE = { color: '(#\w{6})'", "".join(SCRIPTS.values()))
    weak = {color: contrast(color, GROUNDS[ground]) for color in lines}
    assert {color: ratio for color, ratio in weak.items() if ratio < 3} == {}


@pytest.mark.parametrize("ground", GROUNDS)
def test_symbols_rings_and_strong_areas_have_an_outline_that_stands_out(ground: str) -> None:
    for script, edge, least in (
        ("symbols", "rgba(20,20,20,.85)", 2),
        ("layers", "rgba(30,20,20,.6)", 1),
    ):
        assert SCRIPTS[script].count(edge) >= least
        red, green, blue, opacity = map(float, re.findall(r"[\d.]+", edge))
        color = f"#{int(red):02x}{int(green):02x}{int(blue):02x}"
        assert contrast(over(color, GROUNDS[ground], opacity), GROUNDS[ground]) >= 3


OUTLINES = re.findall(r"^    (\w+): \(r\) =>", SCRIPTS["symbols"], re.MULTILINE)


def test_nothing_is_said_by_colour_alone() -> None:
    n = len(_palette.CATEGORIES)
    assert len(set(styles.SHAPES)) == len(set(styles.DASHES)) == n
    assert len(_palette.LINE_CATEGORIES) == n == len(set(_palette.LINE_CATEGORIES))
    partners = styles.partner_style(list(styles.PARTNER_TYPES))
    for marks in ("shapes", "dashes"):
        assert len(set(partners[marks])) == len(styles.PARTNER_TYPES)
    # Classes of a line get wider, significant ones are wider than those that are not.
    assert list(styles.LINE_WIDTHS) == sorted(set(styles.LINE_WIDTHS))
    border = styles.border_style(["hot_99", "hot_95", "hot_90", "not_significant"])
    assert border["widths"] == sorted(set(border["widths"]), reverse=True)
    # Strong classes have an outline of their own.
    for style in (
        styles.hotspot_style(["hot_99", "not_significant"]),
        styles.change_style(["more", "no_clear_change"]),
    ):
        assert style["strong"] == [True, False]
    # A change has a sign where it is clear, and a dash of its own where it is not.
    for line in (False, True):
        change = styles.change_style(list(styles.CHANGE_CLASSES), line=line)
        marks = list(zip(change["signs"], change["dashes"], strict=True))
        assert len(set(marks)) == len(styles.CHANGE_CLASSES)
        assert set(change["signs"]) - {None, "circle"} <= set(OUTLINES)
    # Proposed sites stand apart from partners by their shape.
    assert styles.siting_style()["shape"] not in partners["shapes"]


def resolved(text: str) -> str | None:
    """Return the colour that a declaration names, its variables resolved."""
    found = re.search(r"var\((--[\w-]+)\)|(#[0-9a-f]{3,6})\b", text)
    if found and found[1]:
        variable = re.search(rf"{found[1]}: (#[0-9a-f]{{3,6}})", CSS)
        return variable[1] if variable else None
    return found[2] if found else None


def words() -> list[tuple[str, str, str]]:
    """Every rule of the page that colours words: its selector, colour and ground."""
    rules = []
    for selector, body in re.findall(r"([^{};]+){([^{}]*)}", CSS):
        color = re.search(r"(?<![-\w])color: ([^;]+)", body)
        if not color or not resolved(color[1]) or ":disabled" in selector:
            continue
        ground = re.search(r"background(?:-color)?: ([^;]+)", body)
        under = resolved(ground[1]) if ground else None
        dark = "tlp" in selector or "banner" in selector
        rules.append((selector.strip(), resolved(color[1]), under or ("#000" if dark else "#fff")))
    return rules


def test_words_have_a_contrast_of_four_and_a_half_to_one() -> None:
    rules = words()
    assert {".tlp-red", ".tlp-amber", ".tlp-green"} <= {rule[0] for rule in rules}
    assert len(rules) > 25
    faint = [rule for rule in rules if contrast(rule[1], rule[2]) < 4.5]
    assert faint == []
    ink, soft = resolved("var(--ink)"), resolved("var(--soft)")
    for ground in ("#fff3cd", "#fbf6e6", "#dcebf5", "#eef5fa", resolved("var(--wash)")):
        assert contrast(ink, ground) >= 4.5
        assert contrast(soft, ground) >= 4.5


def test_names_on_the_basemap_can_be_read() -> None:
    names = re.findall(r"place\.country \? '(#\w{6})' : '(#\w{6})'", SCRIPTS["labels"])
    for color, ground in itertools.product(names[0], GROUNDS.values()):
        assert contrast(color, ground) >= 4.5, (color, ground)


def test_bars_of_the_chart_and_frames_of_fields_stand_out() -> None:
    (bar,) = re.findall(r"\.bar { fill: (#\w{6})", CSS)
    (chosen,) = re.findall(r"\.bar\.chosen { fill: (#\w{6})", CSS)
    (frame,) = re.findall(r"\nbutton, select, input.*?border: 1px solid (#\w{6})", CSS)
    for color in (bar, chosen, frame):
        assert contrast(color, "#fff") >= 3
    for vision in MACHADO:
        assert closest((bar, chosen), vision)[0] > 5 * LEAST
