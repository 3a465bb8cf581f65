"""The results of a release: cleared, and those that withheld data went into marked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn.errors import ReadError
from geocn.io.atomic import safe_name, sha256_file
from geocn.project.analyses import Corridors, Hotspots
from geocn.project.analysis import Analysis
from geocn.project.file import SUMS
from geocn.project.outputs import frames_of
from geocn.project.results import Result, Results, World
from geocn.sharing import Contribution, ReleaseProfile, clear

#: Analyses whose rows are cells, segments or areas and hold nothing of a withheld row.
DERIVABLE = ("hotspots", "border_hotspots", "corridors", "least_cost_corridors", "zonal")
_OF_ROWS = ("source", "marking", "reliability", "credibility", "releasable_to", "classification")


def clear_results(
    results: Results,
    profile: ReleaseProfile,
    *,
    world: World,
    specs: Iterable[Analysis],
    earlier: Sequence[Path] = (),
) -> tuple[Results, Results, list[dict[str, Any]]]:
    """Clear every frame of ``results``.

    Returns
    -------
    cleared : Results
        For the files.
    shown : Results
        For the map: without the rows that are held back.
    report : list of dict
        What each rule touched.
    """
    frames = dict(frames_of(results))
    given = {
        spec.name: Contribution(world.layers[layer], value)
        for spec, layer, value in _summed(specs)
        if spec.name in results.done and layer in world.layers and value in world.layers[layer]
    }
    before = [_results_of(folder, frames) for folder in earlier]
    done = clear(frames, profile, contributions=given, earlier=before)
    cleared, shown = Results(skipped=results.skipped), Results(skipped=results.skipped)
    for name, result in results.done.items():
        cleared.done[name] = _with(result, done.results)
        shown.done[name] = _with(result, {key: told_rows(one) for key, one in done.results.items()})
    report = [
        {str(key): one for key, one in line.items()} for line in done.report.to_dict("records")
    ]
    return cleared, shown, report


def _summed(specs: Iterable[Analysis]) -> Iterator[tuple[Analysis, str, str]]:
    for spec in specs:
        if isinstance(spec, Hotspots) and spec.weight is not None:
            yield spec, spec.layer, spec.weight
        if isinstance(spec, Corridors):
            yield spec, "routes", "weight_kg"


def told_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a cleared frame without the rows that are held back."""
    if "suppressed" not in frame:
        return frame
    return frame[~frame["suppressed"]].drop(columns="suppressed")


def _with(result: Result, frames: Mapping[str, pd.DataFrame]) -> Result:
    """Put cleared frames in the place of those of a result, and of the object behind it."""
    frame = frames[result.name]
    more = {suffix: frames[f"{result.name} {suffix}"] for suffix in result.more}
    whole = result.whole
    if result.kind == "coverage" and whole is not None:
        by = {key: more.get(f"by_{key}", one) for key, one in whole.by.items()}
        fields = {key: more[key] for key in ("gaps", "by_area", "by_period") if key in more}
        whole = replace(whole, demand=frame, by=by, **fields)
    return replace(result, frame=frame, more=more, whole=whole)


def add_derived(
    results: Results, joint: Results, profile: ReleaseProfile
) -> tuple[Results, list[dict[str, Any]]]:
    """Take from the joint results what ``profile`` names and its own layers cannot give.

    Returns
    -------
    results : Results
        With those analyses, their main frame only, each row saying what it is.
    records : list of dict
        Analysis, approver and reason of each.
    """
    done, skipped = dict(results.done), dict(results.skipped)
    records: list[dict[str, Any]] = []
    for one in profile.derived:
        found = joint.done.get(one.analysis)
        if one.analysis in done or found is None:
            continue
        record = one.model_dump()
        frame = found.frame.drop(columns=list(_OF_ROWS), errors="ignore")
        frame.attrs = {**found.frame.attrs, "derived": record}
        said = f"derived from withheld data; approved by {one.approver}"
        frame["derived"] = pd.Series(said, index=frame.index, dtype="str")
        done[one.analysis] = Result(found.name, found.kind, frame)
        skipped.pop(one.analysis, None)
        records.append(record)
    return Results(done, skipped), records


def layers_of(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the layers of an earlier release."""
    return {
        path.stem: checked_frame(folder, path) for path in sorted(folder.glob("layers/*.parquet"))
    }


def tables_of(folder: Path) -> tuple[dict[str, pd.DataFrame], str | None]:
    """Read the results and changes of an earlier release by file, and the period it looks at."""
    paths = [path for part in ("results", "changes") for path in folder.glob(f"{part}/*.parquet")]
    tables = {
        f"{path.parent.name}/{path.stem}": checked_frame(folder, path) for path in sorted(paths)
    }
    listed = folder / "release.json"
    told = json.loads(listed.read_text("utf-8")) if listed.is_file() else {}
    return tables, told.get("period")


def _results_of(folder: Path, frames: Iterable[str]) -> dict[str, pd.DataFrame]:
    paths = {name: folder / "results" / f"{safe_name(name)}.parquet" for name in frames}
    return {name: checked_frame(folder, path) for name, path in paths.items() if path.is_file()}


def checked_frame(folder: Path, path: Path) -> pd.DataFrame:
    """Read a frame of a run or a release if it is the one that the list beside it names.

    Raises
    ------
    ReadError
        Where it is another one.
    """
    name = path.relative_to(folder).as_posix()
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    if f"{sha256_file(path)}  {name}" not in lines:
        raise ReadError(f"{path}: not the file that {SUMS} beside it names.")
    try:
        frame: pd.DataFrame = gpd.read_parquet(path)
    except ValueError:
        frame = pd.read_parquet(path)
    return frame
