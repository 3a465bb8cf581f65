"""The planning map of a project or of one release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from geocn.maps import PlanningMap
from geocn.project.brief_words import Words
from geocn.project.changes import Changes
from geocn.project.results import Result, Results
from geocn.sharing.marking import Marking

_ADD: Mapping[str, Callable[..., PlanningMap]] = {
    "hotspots": PlanningMap.add_hotspots,
    "border_hotspots": PlanningMap.add_border_hotspots,
    "corridors": PlanningMap.add_corridors,
    "least_cost_corridors": PlanningMap.add_corridors,
    "siting": PlanningMap.add_siting,
    "cultivation_change": PlanningMap.add_change,
    "compare_periods": PlanningMap.add_change,
}
# Layers of the map in the order of drawing: areas below, lines, then points.
_LAYERS = {
    "cultivation": PlanningMap.add_cultivation,
    "routes": PlanningMap.add_routes,
    "seizures": PlanningMap.add_seizures,
    "interventions": PlanningMap.add_interventions,
    "annotations": PlanningMap.add_annotations,
}


def planning_map(
    title: str,
    layers: Mapping[str, Any],
    results: Results,
    *,
    marking: Marking,
    releasable_to: str | None = None,
    as_of: Any = None,
    limits: Sequence[str] = (),
    language: str = "en",
    author: str | None = None,
    changes: Changes | None = None,
) -> PlanningMap:
    """Build the map of ``layers`` and ``results``; layers without geometry are left out.

    Its sources are those that the rows of the layers name. ``releasable_to`` is the partner
    that the map is for. ``changes`` are layers that are switched off at first.
    """
    shown = {name: frame for name, frame in layers.items() if "geometry" in frame}
    plan = PlanningMap(
        title,
        marking=str(marking),
        releasable_to=f"REL TO {releasable_to}" if releasable_to else None,
        as_of=as_of,
        sources=sources_of(shown.values()),
        limits=limits,
        language=language,
        author=author,
    )
    for name in ("cultivation",):
        if name in shown:
            _LAYERS[name](plan, _last_year(shown[name]))
    for result in results.done.values():
        _add_result(plan, result)
    if changes is not None:
        _add_changes(plan, changes, Words(language))
    for name in ("routes", "seizures", "interventions", "annotations"):
        if name in shown:
            _LAYERS[name](plan, shown[name])
    return plan


def _add_result(plan: PlanningMap, result: Result) -> None:
    if result.kind in _ADD:
        _ADD[result.kind](plan, _worth_drawing(result), name=result.name)
    if result.kind == "coverage":
        plan.add_coverage(result.whole, reaches=result.more["reaches"], name=result.name)
    if "paths" in result.more:
        plan.add_corridors(result.more["paths"], name=f"{result.name}: least-cost paths")
    if "periods" in result.more:
        plan.add_periods(result.more["periods"], name=f"{result.name}: by period")


def _add_changes(plan: PlanningMap, changes: Changes, words: Words) -> None:
    """Add the cells and segments whose change may be told, switched off."""
    between = f"{changes.before.text} → {changes.after.text}"
    for name, frame in changes.frames.items():
        told = frame[frame["change_class"].notna()]
        if not len(told):
            continue
        plan.add_change(told, alpha=changes.alpha[name], name=f"{name}: {words('what')}, {between}")
        plan.layers[-1].visible = False


def _worth_drawing(result: Result) -> Any:
    """Leave out cells that are empty and say nothing: they took part, but only cover the map."""
    frame = result.frame
    if result.kind != "hotspots" or "n_events" not in frame:
        return frame
    return frame[(frame["n_events"] > 0) | frame["hotspot_class"].isin(["hot", "cold"])]


def _last_year(cultivation: Any) -> Any:
    if "year" not in cultivation or cultivation["year"].isna().all():
        return cultivation
    last = cultivation["year"].max()
    return cultivation[(cultivation["year"] == last).fillna(value=False).astype(bool)]


def sources_of(frames: Iterable[Any]) -> list[str]:
    """Return the sources that the rows of ``frames`` name, sorted."""
    found: set[str] = set()
    for frame in frames:
        if isinstance(frame, pd.DataFrame) and "source" in frame:
            found.update(str(name) for name in frame["source"].dropna().unique())
    return sorted(found)
