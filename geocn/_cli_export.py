"""Behind ``geocn export``: a map file as PDF, as PNG, or both."""

from __future__ import annotations

from pathlib import Path

from geocn._cli_print import line
from geocn.errors import ParameterError
from geocn.maps import export_pdf, export_png


def export_map(
    file: Path,
    *,
    pdf: Path | None,
    png: Path | None,
    paper: str,
    landscape: bool,
    size: str,
    scale: float,
) -> None:
    """Write what was asked for and print where it is."""
    if pdf is None and png is None:
        raise ParameterError("say what to write: --pdf FILE, --png FILE, or both.")
    width, height = _size(size)
    if pdf is not None:
        line("pdf", export_pdf(file, pdf, paper=paper.upper(), landscape=landscape))  # type: ignore[arg-type]
    if png is not None:
        line("png", export_png(file, png, width=width, height=height, scale=scale))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.casefold().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise ParameterError(f"--size {text!r}; write it as 1600x1000.")
    return int(width), int(height)
