import hashlib
import html
import json
import re
import subprocess
from base64 import b64encode
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import GeocnError
from geocn.maps.export import find_chromium
from geocn.project.brief import brief_of, totals_by_drug
from geocn.project.brief_pages import Brief, escape_markdown, to_html, to_markdown
from geocn.project.brief_words import Words
from geocn.project.changes import Changes
from geocn.project.changes_classes import CLASSES
from geocn.project.changes_days import Silence
from geocn.project.period import Period
from geocn.project.results import World
from geocn.sharing.marking import Marking

LANGUAGES = ("en", "es", "fr", "pt", "ar")
EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> "
    '| [a](http://evil.example) $x$ `c` "\n# h'
)
PAIR = (Period.parse("2025-02"), Period.parse("2025-03"))


def seizures(n: int, text: str) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(n)
    drugs = ["cocaine", "heroin", "cannabis_herb", "opium", "mdma", "coca_paste", "morphine", text]
    return gpd.GeoDataFrame(
        {
            "seized_at": pd.Timestamp("2025-03-02", tz="UTC"),
            "drug": rng.choice(drugs, n),
            "weight_kg": rng.gamma(1, 20, n),
            "source": text,
        },
        geometry=[None, *[shapely.Point(0, 0)] * (n - 1)],
        crs=4326,
    )


def changes_of(text: str, n: int = 14) -> Changes:
    frame = gpd.GeoDataFrame(
        {
            "name": [text] * n,
            "n_before": np.arange(n),
            "n_after": np.arange(n) * 7 + 9,
            "ratio": np.r_[np.inf, np.full(n - 1, 7.25)],
            "ratio_low": 1.5,
            "ratio_high": np.r_[np.inf, np.full(n - 1, 31.5)],
            "p_value": np.linspace(0.001, 0.01, n),
            "p_adjusted": 0.02,
            "change_class": np.resize(CLASSES[:6], n),
        },
        geometry=[shapely.box(i, -2, i + 1, -1) for i in range(n)],
        crs=6933,
    )
    worlds = tuple(World({"seizures": seizures(k, text)}, {}, {}) for k in (60, 90))
    return Changes(
        *PAIR,
        frames={f"one {text}"[:60]: frame},
        skipped={"other": text},
        worlds=(worlds[0], worlds[1]),
        unsure={"seizures": 3},
        alpha={f"one {text}"[:60]: 0.05},
    )


def page_of(text: str, language: str, limits: int = 3) -> Brief:
    changes = changes_of(text)
    gap = [Silence("seizures", text, PAIR[1].start, PAIR[1].start)]
    return brief_of(
        changes,
        title=text,
        marking=Marking.AMBER,
        language=language,
        as_of="2025-04-15",
        sources=[text, "Navy"],
        limits=[text] * limits,
        silences=gap,
        drugs=totals_by_drug(changes),
        author=text,
        releasable_to=text,
    )


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_neither_runs_nor_loads(language: str) -> None:
    page = to_html(page_of(EVIL, language))
    found = Reader()
    found.feed(page)
    allowed = {"html", "head", "meta", "link", "title", "style", "body", "div", "main", "h1", "h2"}
    allowed |= {"p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "bdi"}
    assert {tag for tag, _ in found.tags} <= allowed
    named = {name for _, attributes in found.tags for name in attributes}
    assert not {name for name in named if name.startswith("on")} | (named & {"src", "style"})
    assert [a["href"] for t, a in found.tags if "href" in a] == ["data:,"]
    policy = next(a["content"] for t, a in found.tags if a.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy is not None
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert html.unescape(page).count("TLP:AMBER") >= 3
    assert ('dir="rtl"' in page) == (language == "ar")


@pytest.mark.parametrize("language", LANGUAGES)
def test_markdown_shows_data_as_text(language: str) -> None:
    text = to_markdown(page_of(EVIL, language))
    raw = re.sub(r"\\.", "", text)
    assert "<" not in raw
    assert "](" not in raw
    assert "$" not in raw
    assert "://" not in raw
    assert "`" not in raw
    lines = text.splitlines()
    tables = [line for line in lines if line.startswith("|")]
    widths = {re.sub(r"\\\|", "", line).count("|") for line in tables}
    assert widths == {6}
    assert sum(line.startswith("# ") for line in lines) == 1
    assert lines[0].startswith("**TLP:AMBER")
    assert lines[-1] == lines[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a|b", r"a\|b"),
        ("[x](y)", r"\[x\](y)"),
        ("see www.evil.example", r"see www\.evil.example"),
        ("HTTPS://e", r"HTTPS\://e"),
        ("a@b.c", r"a\@b.c"),
        ("two\nlines", "two lines"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_escapes(given: str, expected: str) -> None:
    assert escape_markdown(given) == expected


def test_lists_are_not_broken_by_data() -> None:
    text = to_markdown(page_of("1. - x", "en"))
    assert "- 1\\. - x" in text


def test_all_languages_say_the_same_things() -> None:
    folder = files("geocn.project") / "i18n"
    told = {code: json.loads((folder / f"{code}.json").read_text("utf-8")) for code in LANGUAGES}
    holes = {
        code: {key: sorted(re.findall(r"{(\w+)}", one)) for key, one in catalogue.items()}
        for code, catalogue in told.items()
    }
    assert all(one == holes["en"] for one in holes.values())
    for code in LANGUAGES[1:]:
        same = {key for key, one in told[code].items() if one == told["en"][key]}
        assert same <= {"sources", "layer.interventions", "layer.notes", "layer.annotations"}


def test_numbers_and_places() -> None:
    assert Words("fr").number(1234567.0) == "1\u202f234\u202f567"
    assert Words("es").number(0.25) == "0,25"
    assert Words("en").number(float("nan")) == "–"
    assert Words("en").number(float("inf")) == "∞"
    row = {"ratio": np.inf, "ratio_low": 2.5, "ratio_high": np.inf}
    assert Words("en").ratio(row) == ("∞", "2.5 or more")
    cell = gpd.GeoDataFrame(geometry=[shapely.box(-77.6, -1.1, -77.4, -0.9)], crs=4326)
    assert Words("es").places(cell) == ["cerca de 1,0° S, 77,5° O"]
    part = {"dyad": ["COL-ECU"], "chainage_from_km": [100.0], "chainage_to_km": [120.0]}
    line = gpd.GeoDataFrame(part, geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326)
    assert Words("en").places(line) == ["COL-ECU, km 100 to 120"]


def test_totals_are_those_of_compare_periods() -> None:
    """The peer: the same counts, ratios and intervals as of the evaluation's comparison."""
    from geocn import evaluation

    changes = changes_of("x")
    before, after = (world.layers["seizures"] for world in changes.worlds)
    both = pd.concat([before.assign(seized_at=pd.Timestamp("2025-02-02", tz="UTC")), after])
    days = {"before": ("2025-02-01", "2025-02-28"), "after": ("2025-03-01", "2025-03-31")}
    totals = totals_by_drug(changes).set_index("drug")
    for value, prefix, counts in ((None, "", "n_"), ("weight_kg", "kg_", "kg_")):
        peer = evaluation.compare_periods(
            pd.DataFrame(both.drop(columns="geometry")).assign(one=1.0),
            **days,
            by="drug",
            value=value or "one",
            dispersion="poisson",
        ).loc[totals.index]
        np.testing.assert_allclose(totals[f"{counts}before"], peer["before"])
        np.testing.assert_allclose(totals[f"{counts}after"], peer["after"])
        for name in ("ratio", "ratio_low", "ratio_high", "p_value"):
            np.testing.assert_allclose(totals[f"{prefix}{name}"], peer[name], rtol=1e-9)


def test_no_ratio_where_sources_were_silent_on_different_days() -> None:
    changes = changes_of("P")
    frame = changes.worlds[0].layers["seizures"]
    frame["source"] = np.where(np.arange(len(frame)) % 2, "P", "Q")
    gap = [Silence("seizures", "P", PAIR[0].start, PAIR[0].start)]
    assert totals_by_drug(changes, gap)["ratio"].isna().all()
    assert totals_by_drug(changes)["ratio"].notna().all()


def test_a_quiet_month_says_so() -> None:
    empty = Changes(*PAIR)
    page = brief_of(empty, title="T", marking=Marking.CLEAR, language="en")
    text = to_markdown(page)
    assert "Nothing could be compared" in text
    calm = changes_of("x").frames["one x"].assign(change_class="no_clear_change")
    page = brief_of(
        Changes(*PAIR, frames={"x": calm}), title="T", marking=Marking.CLEAR, language="en"
    )
    assert "Nothing changed that chance would not explain as well." in to_markdown(page)
    assert totals_by_drug(empty).empty


@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_prints_on_one_sheet(language: str, tmp_path: Path) -> None:
    try:
        chromium = find_chromium()
    except GeocnError as error:
        pytest.skip(f"no browser: {error}")
    page, sheet = tmp_path / "brief.html", tmp_path / "brief.pdf"
    page.write_text(to_html(page_of("A rather long name of a place " * 5, language, 12)), "utf-8")
    call = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    call += [f"--print-to-pdf={sheet}", page.as_uri()]
    subprocess.run(call, check=True, capture_output=True, timeout=120)
    counts = re.findall(rb"/Count (\d+)", sheet.read_bytes())
    assert counts == [b"1"]
