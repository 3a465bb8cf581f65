"""Behind ``geocn diff``: compare two runs, then say what differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from geocn import project as projects
from geocn._cli_print import line, table
from geocn.project.diffing import RunDiff, classes_of

_MOST = 20


def diff_and_print(
    before: Path,
    after: Path | None,
    *,
    release: str | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Compare two runs and print what differs, as tables or as JSON; perhaps write it."""
    found = projects.diff(before, after, release=release)
    if out is not None:
        found.write(out)
    if as_json:
        text = json.dumps(found.to_dict(), sort_keys=True, ensure_ascii=False, indent=1)
        sys.stdout.write(f"{text}\n")
        return
    _print(found)
    if out is not None:
        line("brief", out / "changes" / "brief.html")


def _print(found: RunDiff) -> None:
    line("marking", found.marking)
    line("before", found.before.name)
    line("after", found.after.name)
    changed = [(kind, path) for kind, paths in found.inputs.items() for path in paths]
    table("Inputs", ("what", "file"), changed)
    told = [(one["key"], one["before"], one["after"]) for one in found.parameters]
    table("Parameters", ("key", "before", "after"), told)
    counts = ["before", "after", "added", "late", "withdrawn", "corrected"]
    rows = [
        [row["layer"], row["source"], *(int(row[name]) for name in counts)]
        for row in found.rows.to_dict("records")
    ]
    table("Rows", ("layer", "source", *counts), rows)
    for name, frame in found.changes.frames.items():
        classes = classes_of(frame)
        table(f"{name}: cells", ("change", "cells"), [(k, n) for k, n in classes.items() if n])
        ids = next((key for key in ("cell_id", "segment_id", "admin_code") if key in frame), None)
        told_rows = frame[~frame["change_class"].isin(["no_clear_change", "too_few"])]
        columns = [ids] if ids else []
        columns += ["change_class", "n_before", "n_after", "ratio", "ratio_low", "ratio_high"]
        columns += ["p_adjusted", "hotspot_before", "hotspot_after"]
        shown = told_rows.sort_values("p_adjusted", kind="stable").head(_MOST)[columns]
        cells = [[_short(value) for value in row] for row in shown.itertuples(index=False)]
        table(f"{name}: changed", columns, cells)
    table("Not compared", ("name", "why"), list(found.changes.skipped.items()))


def _short(value: object) -> object:
    return f"{value:.3g}" if isinstance(value, float) else value
