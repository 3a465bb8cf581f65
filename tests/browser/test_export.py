"""PDF and PNG through Chromium itself: one marked sheet, nothing clipped, errors that help."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from geocn.cli import app
from geocn.errors import MissingDependencyError, ParameterError, ReadError, WriteError
from geocn.maps import PlanningMap, export_pdf, export_png, seal
from geocn.maps.export import find_chromium
from tests.browser.conftest import Opened
from tests.maps import andes
from tests.maps.folium_zoo import zoo

pytestmark = pytest.mark.browser
SHEETS = {
    ("A4", True): (842, 595), ("A4", False): (595, 842),
    ("A3", True): (1191, 842), ("A3", False): (842, 1191),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _chromium(browser: object) -> None:
    """Skip where there is no browser, as the other tests do."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return andes.full_map().save(tmp_path_factory.mktemp("export") / "map.html")


def _text(path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on the path: install Debian's poppler-utils")
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def _share_of(path: Path, colour: tuple[int, int, int]) -> float:
    """Share of the sheet that has a colour."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("no pdftoppm on the path: install Debian's poppler-utils")
    done = subprocess.run(["pdftoppm", "-r", "30", path], capture_output=True, check=True)
    magic, size, _, pixels = done.stdout.split(b"\n", 3)
    assert magic == b"P6"
    width, height = map(int, size.split())
    picture = np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3).astype(int)
    return float((np.abs(picture - colour).max(axis=2) <= 3).mean())


def _clipped(opened: Opened) -> list[str]:
    """Elements of the laid out sheet that reach beyond it or are cut."""
    return opened.page.evaluate(
        """() => {
            const sheet = document.querySelector('#sheet'), box = sheet.getBoundingClientRect();
            const cut = [...sheet.querySelectorAll('*')].filter((e) => {
                const own = e.getBoundingClientRect();
                return own.width && (own.bottom > box.bottom + 1 || own.right > box.right + 1
                    || own.left < box.left - 1 || own.top < box.top - 1);
            });
            return cut.map((e) => e.tagName + ' ' + e.textContent.slice(0, 40));
        }"""
    )


@pytest.mark.parametrize(("paper", "landscape"), SHEETS)
def test_a_sheet_bears_marking_title_scale_legend_sources_and_limits(
    file: Path, tmp_path: Path, paper: str, landscape: bool
) -> None:
    path = export_pdf(file, tmp_path / "map.pdf", paper=paper, landscape=landscape)
    content = path.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert (float(box[1]), float(box[2])) == pytest.approx(SHEETS[paper, landscape], abs=2)
    text = _text(path)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines[0].endswith("TLP:AMBER")
    assert lines[-1].endswith("TLP:AMBER")
    flat = re.sub(r"\s+", " ", text)
    for said in ("Northern Andes", "Dec 31, 2025", "What this map does not show", "Sources",
                 "Legend", "Natural Earth"):  # fmt: skip
        assert said in flat
    assert re.search(r"\d+ km", flat)
    # Sea and land lie under the layers; a canvas that hid them would leave the sheet white.
    assert _share_of(path, (219, 231, 236)) > 0.03
    assert _share_of(path, (247, 245, 240)) > 0.1


def test_a_sealed_folium_map_prints_with_its_marking(tmp_path: Path) -> None:
    seal(zoo(), tmp_path / "sealed.html", title="Sketch", marking="TLP:AMBER")
    text = _text(export_pdf(tmp_path / "sealed.html", tmp_path / "sealed.pdf", landscape=False))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines[0].endswith("TLP:AMBER")
    assert lines[-1].endswith("TLP:AMBER")
    for said in ("Sketch", "What this map does not show", "Legend", "Choropleth", "Natural Earth"):
        assert said in text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_nothing_of_a_sheet_is_clipped(show: Callable[..., Opened], language: str) -> None:
    plan = andes.full_map(language=language)
    plan.add_routes(andes.routes(), name="A second reading of the same routes")
    opened = show(plan)
    page = opened.page
    page.evaluate("geocn.layers.forEach((layer) => geocn.setVisible(layer, true))")
    page.emulate_media(media="print")
    for sheet in ("a4-landscape", "a4-portrait", "a3-landscape", "a3-portrait"):
        page.evaluate(
            "(name) => { const box = document.getElementById('paper'); box.value = name;"
            " box.dispatchEvent(new Event('change')); geocn.parts.print.layOut(); }",
            sheet,
        )
        assert _clipped(opened) == [], sheet
        map_box, sheet_box = (page.locator(i).bounding_box() for i in ("#map", "#sheet"))
        aside = sheet_box["width"] * sheet_box["height"]
        assert map_box["width"] * map_box["height"] > 1.2 * aside, sheet
        page.evaluate("geocn.parts.print.restore()")
    opened.check()


def test_the_same_map_gives_the_same_pdf(file: Path, tmp_path: Path) -> None:
    first, second = (export_pdf(file, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert b"D:19700101000000" in first
    assert first == second


def test_a_picture_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    plan = PlanningMap("Picture", marking="TLP:CLEAR").add_routes(andes.routes())
    content = export_png(plan, tmp_path / "m.png", width=900, height=600, scale=2).read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1800, 1200)


def test_without_a_browser_the_error_says_how_to_get_one(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-program")
    with pytest.raises(MissingDependencyError, match=r"no-such-program.*Install Chromium"):
        export_pdf(file, tmp_path / "m.pdf")
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="no Chromium was found"):
        find_chromium()
    assert not (tmp_path / "m.pdf").exists()


def test_a_failure_leaves_the_previous_file_whole(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "m.pdf"
    target.write_bytes(b"previous")
    with pytest.raises(WriteError, match=r"longer than 0\.05 s"):
        export_pdf(file, target, timeout_s=0.05)
    other = tmp_path / "other.html"
    other.write_text("<!DOCTYPE html><p>Hello</p>")
    with pytest.raises(ReadError, match="found something else"):
        export_pdf(other, target)
    with pytest.raises(ReadError, match="cannot be read"):
        export_pdf(tmp_path / "absent.html", target)
    broken = tmp_path / "broken.html"
    broken.write_text(file.read_text().replace('id="geocn-data"', 'id="geocn-other"'))
    with pytest.raises(ReadError, match="did not open"):
        export_pdf(broken, target)
    monkeypatch.setenv("CHROMIUM", "false")
    with pytest.raises(WriteError, match="ended with code 1"):
        export_pdf(file, target)
    assert target.read_bytes() == b"previous"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.html", "m.pdf", "other.html"]


@pytest.mark.parametrize("options", [
    {"width": 10}, {"height": 100_000}, {"scale": 0}, {"scale": float("nan")}, {"timeout_s": 0},
])  # fmt: skip
def test_sizes_that_make_no_sense_are_refused(tmp_path: Path, options: dict) -> None:
    with pytest.raises(ParameterError):
        export_png(PlanningMap("t"), tmp_path / "m.png", **options)


def test_the_command_writes_both(file: Path, tmp_path: Path) -> None:
    pdf, png = tmp_path / "m.pdf", tmp_path / "m.png"
    told = [
        "--pdf",
        str(pdf),
        "--paper",
        "a3",
        "--portrait",
        "--png",
        str(png),
        "--size",
        "800x600",
    ]
    done = CliRunner().invoke(app, ["export", str(file), *told])
    assert done.exit_code == 0, done.output
    assert pdf.read_bytes().startswith(b"%PDF")
    assert struct.unpack(">II", png.read_bytes()[16:24]) == (800, 600)
    assert CliRunner().invoke(app, ["export", str(file)]).exit_code == 2
    assert CliRunner().invoke(app, ["export", str(tmp_path / "no"), *told]).exit_code == 3
