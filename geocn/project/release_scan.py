"""The leak scan of a release that was just written, before the run can appear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn.errors import LeakFoundError
from geocn.maps import PlanningMap
from geocn.project.changes import Changes
from geocn.project.model import Project, ReleaseEntry
from geocn.project.outputs import ENCRYPTED_MAP, frames_of
from geocn.project.results import Results, World
from geocn.sharing.scan import Hit, ScanReport
from geocn.sharing.scan_frames import is_id
from geocn.sharing.scan_release import scan_release

_SHOWN = 8


def scan_written(
    folder: Path,
    project: Project,
    entry: ReleaseEntry,
    *,
    worlds: Sequence[World],
    seen: World,
    texts: Sequence[str],
    results: Results,
    moved: Changes | None = None,
    plan: PlanningMap | None = None,
) -> dict[str, Any]:
    """Look in the folder of a release for what its partner may not see.

    Parameters
    ----------
    folder : Path
        The release as it would be handed over.
    project : Project
        Names and positions in its analyses are no secret.
    entry : ReleaseEntry
        The release; it may say why it is not scanned.
    worlds : sequence of World
        The joint layers: of the run, and of the period it is compared with.
    seen : World
        What the release shows of them.
    texts : sequence of str
        Title and limits that the release writes out. A withheld identifier among them is a
        leak all the same.
    results : Results
        What its analyses gave: the centre of their projection follows from released rows.
    moved : Changes, optional
        What the release tells of an earlier period.
    plan : PlanningMap, optional
        The map where it is encrypted: it is scanned as it was before.

    Returns
    -------
    dict
        What was done, for the manifest of the run; nothing of it belongs into the release.

    Raises
    ------
    LeakFoundError
        Where something was found, or could not be scanned. The message names file, place in
        it and row, not the value.
    """
    if entry.scan.skip is not None:
        return {"skipped": entry.scan.skip}
    joint = dict(worlds[0].layers)
    for before in worlds[1:]:
        joint |= {f"{name} (before)": frame for name, frame in before.layers.items()}
    shown = dict(seen.layers)
    if moved is not None:
        shown |= {f"{name} (before)": one for name, one in moved.worlds[0].layers.items()}
    named = list(_named(project))
    report = scan_release(
        folder,
        joint,
        shown,
        public=[*seen.places.values(), _spots([*named, *_centres(results)])],
        allow=[*texts, *(one for one in named if isinstance(one, str))],
        plain={} if plan is None else {ENCRYPTED_MAP: plan.to_html().encode("utf-8")},
    )
    if not report.clean:
        raise LeakFoundError(_message(entry.name, report, joint), report)
    return {
        "files": report.n_files,
        "decoded_parts": report.n_decoded,
        "values_watched": report.n_values,
        "too_short_to_watch": report.n_too_short,
        "hits": report.n_hits,
    }


def _named(project: Project) -> Iterator[str | tuple[float, float]]:
    """Yield every text and every position that the analyses of a project name."""
    waiting: list[Any] = [one.model_dump(mode="json") for one in project.analyses]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            if isinstance(node.get("longitude"), float) and isinstance(node.get("latitude"), float):
                yield node["longitude"], node["latitude"]
            waiting += node.values()
        elif isinstance(node, (list, tuple)):
            waiting += node


def _centres(results: Results) -> Iterator[tuple[float, float]]:
    """Yield the origins of the projections in which results stand, which their files tell."""
    for frame in dict(frames_of(results)).values():
        crs = getattr(frame, "crs", None)
        if crs is None or crs.coordinate_operation is None:
            continue
        told = {one.name: float(one.value) for one in crs.coordinate_operation.params}
        lon, lat = (
            next((value for name, value in told.items() if name.startswith(axis)), None)
            for axis in ("Longitude", "Latitude")
        )
        if lon is not None and lat is not None:
            yield lon, lat


def _spots(named: Sequence[Any]) -> gpd.GeoDataFrame:
    spots = [one for one in named if isinstance(one, tuple)]
    x, y = ([one[axis] for one in spots] for axis in (0, 1))
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs="EPSG:4326")


def _message(name: str, report: ScanReport, joint: Mapping[str, pd.DataFrame]) -> str:
    lines = [f"release {name!r} was not published, and neither was the run:"]
    # One place a file and row: the others are the same text in another coding.
    first: dict[tuple[Any, ...], Hit] = {}
    for hit in report.hits:
        first.setdefault((hit.file, hit.kind, hit.layer, hit.column, hit.label), hit)
    shown = list(first.values())[:_SHOWN]
    lines += [f"  {_place(one)} holds {_withheld(one, joint)}" for one in shown]
    if len(first) > _SHOWN:
        lines.append(f"  and {len(first) - _SHOWN:,} more")
    lines += [f"  {part} {why}" for part, why in report.not_scanned[:_SHOWN]]
    lines.append(
        "Take it out of titles, limits and profile; where it is no secret, release it. "
        f'scan = {{ skip = "why" }} of the release {name!r} leaves the scan out, on record.'
    )
    return "\n".join(lines)


def _place(hit: Hit) -> str:
    return f"{hit.file} › {hit.path}" if hit.path else hit.file


def _withheld(hit: Hit, joint: Mapping[str, pd.DataFrame]) -> str:
    frame, row = joint.get(hit.layer), f"row {hit.label}"
    if frame is not None and frame.index.is_unique and hit.label in frame.index:
        known = [name for name in frame.columns if is_id(str(name))]
        if known:
            row = f"{known[0]} {frame.loc[hit.label, known[0]]}"
    return f"the {hit.kind} in {hit.column} of {hit.layer}, {row}"
