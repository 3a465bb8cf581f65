"""Maps as PDF and PNG, printed by a Chromium that is installed, with no network.

The page itself lays out the sheet and carries the marking on it, so what is exported is what
a planner would print by hand.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from geocn._typing import StrPath
from geocn.errors import MissingDependencyError, ParameterError, ReadError, WriteError
from geocn.io.atomic import atomic_file
from geocn.maps.planning import PlanningMap

#: Where a browser is looked for, besides the variable CHROMIUM.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PAPERS = ("A4", "A3")
_MAX_PIXELS = 16_384
_LONGEST_S = 300.0
#: What the page may take to be ready, in milliseconds of its own clock.
_BUDGET_MS = 60_000
_READY = b'data-ready="true"'
# The browser prints on its own: no profile of the user, no service that calls home.
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    f"--virtual-time-budget={_BUDGET_MS}",
)
_DATES = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")
_NO_DATE = rb"\g<1>19700101000000"


def export_pdf(
    plan: PlanningMap | StrPath,
    path: StrPath,
    *,
    paper: Literal["A4", "A3"] = "A4",
    landscape: bool = True,
    timeout_s: float = 120.0,
) -> Path:
    """Print a map to one sheet of paper, its marking top and bottom.

    Parameters
    ----------
    plan : PlanningMap or path
        A map, or the HTML file of one.
    path : path
        The PDF; the previous file stays whole until the new one is.
    paper : {"A4", "A3"}
    landscape : bool
        Lying, else standing.
    timeout_s : float
        Seconds after which the browser is ended.

    Returns
    -------
    Path
        The file. The same map, browser and fonts give the same bytes: it bears no date.

    Raises
    ------
    MissingDependencyError
        Where no Chromium is installed.
    ParameterError
        Where paper or time are none of these.
    ReadError
        Where the file is no map, is locked by a passphrase, or does not open.
    WriteError
        Where the PDF cannot be written, or the browser fails.

    Examples
    --------
    >>> export_pdf(PlanningMap("Review"), "review.pdf", paper="A2")
    Traceback (most recent call last):
    ...
    geocn.errors.ParameterError: paper='A2'; choose one of A4, A3.
    """
    if paper not in _PAPERS:
        raise ParameterError(f"paper={paper!r}; choose one of {', '.join(_PAPERS)}.")
    sheet = f"{paper.lower()}-{'landscape' if landscape else 'portrait'}"
    flags = ["--no-pdf-header-footer", "--print-to-pdf={out}"]
    content = _printed(plan, flags, fragment=f"paper={sheet}", timeout_s=timeout_s)
    return _write(_DATES.sub(_NO_DATE, content), path)


def export_png(
    plan: PlanningMap | StrPath,
    path: StrPath,
    *,
    width: int = 1600,
    height: int = 1000,
    scale: float = 1.0,
    timeout_s: float = 120.0,
) -> Path:
    """Take a picture of a map as it opens, for a slide or a report.

    Parameters
    ----------
    plan : PlanningMap or path
        A map, or the HTML file of one.
    path : path
        The PNG; the previous file stays whole until the new one is.
    width, height : int
        Size of the page in CSS pixels, 320 to 16,384.
    scale : float
        Pixels of the picture to one of the page, 0.5 to 4.
    timeout_s : float
        Seconds after which the browser is ended.

    Returns
    -------
    Path

    Raises
    ------
    MissingDependencyError, ParameterError, ReadError, WriteError
        As :func:`export_pdf`.

    Examples
    --------
    >>> export_png(PlanningMap("Review"), "review.png", width=10)
    Traceback (most recent call last):
    ...
    geocn.errors.ParameterError: width and height are 10 x 1000; give 320 to 16384 pixels each.
    """
    if not all(320 <= side <= _MAX_PIXELS for side in (width, height)):
        raise ParameterError(
            f"width and height are {width} x {height}; give 320 to {_MAX_PIXELS} pixels each."
        )
    if not 0.5 <= scale <= 4 or max(width, height) * scale > _MAX_PIXELS:
        raise ParameterError(
            f"scale={scale}; give 0.5 to 4, and at most {_MAX_PIXELS} pixels a side in all."
        )
    flags = [
        "--hide-scrollbars",
        f"--window-size={int(width)},{int(height)}",
        f"--force-device-scale-factor={float(scale)}",
        "--screenshot={out}",
    ]
    return _write(_printed(plan, flags, fragment="picture", timeout_s=timeout_s), path)


def find_chromium() -> str:
    """Return the program of Chromium (or Chrome): the variable CHROMIUM, else on the PATH.

    Raises
    ------
    MissingDependencyError
        Where there is none.
    """
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else _NAMES)), None)
    if found is None:
        where = f"CHROMIUM={named!r} is no program" if named else "no Chromium was found"
        raise MissingDependencyError(
            f"{where}; PDF and PNG are made by a browser. Install Chromium or Chrome (Debian: "
            "apt install chromium), or set CHROMIUM to its program. Every map also prints from "
            "the browser that shows it."
        )
    return found


def _printed(
    plan: PlanningMap | StrPath, flags: Sequence[str], *, fragment: str, timeout_s: float
) -> bytes:
    """Return what the browser makes of a map; it works in a folder of its own."""
    if not 0 < timeout_s <= _LONGEST_S:
        raise ParameterError(f"timeout_s={timeout_s}; give up to {_LONGEST_S:.0f} seconds.")
    program = find_chromium()
    text = plan.to_html().encode("utf-8") if isinstance(plan, PlanningMap) else _map_of(Path(plan))
    with tempfile.TemporaryDirectory(prefix="geocn-export-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # The browser decides by the ending what kind of picture it takes.
        page, out = (
            folder / "map.html",
            folder / ("out.png" if fragment == "picture" else "out.pdf"),
        )
        page.write_bytes(text)
        call = [
            program,
            *_FLAGS,
            *(["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []),
            f"--user-data-dir={folder / 'profile'}",
            *(flag.replace("{out}", str(out)) for flag in flags),
            "--dump-dom",
            f"{page.as_uri()}#{fragment}",
        ]
        dom = _run(call, timeout_s)
        if _READY not in dom[:2_000]:
            raise ReadError("the map did not open in the browser; open it by hand to see why.")
        try:
            return out.read_bytes()
        except OSError as error:
            raise WriteError(f"{program} wrote nothing ({error.strerror}).") from error


def _map_of(path: Path) -> bytes:
    """Return a map file.

    Raises
    ------
    ReadError
        Where it is something else, or locked: nobody is there to type the passphrase.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path.name}: cannot be read: {error.strerror}.") from error
    if b'id="geocn-config"' not in text or not text.startswith(b"<!DOCTYPE html>"):
        locked = b'id="geocn-locked"' in text
        found = "a map locked by a passphrase" if locked else "something else"
        raise ReadError(
            f"{path.name}: found {found}; expected a map that PlanningMap.save wrote"
            f"{' without one: print it from the browser once it is open' if locked else ''}."
        )
    return text


def _run(call: Sequence[str], timeout_s: float) -> bytes:
    """Run the browser and return the page's document; it is ended with all its helpers."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603 (the program that the user installed; no shell)
            call,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        ) as process,
    ):
        try:
            dom, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise WriteError(
                f"the browser took longer than {timeout_s:g} s; give a larger timeout_s."
            ) from error
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise WriteError(f"{call[0]} ended with code {process.returncode}.")
    return dom


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and the processes that it started, which are a group of their own."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, 9)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()


def _write(content: bytes, path: StrPath) -> Path:
    target = Path(path)
    with atomic_file(target) as temporary:
        Path(temporary).write_bytes(content)
    return target
