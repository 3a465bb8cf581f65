"""Cells and segments of two runs, matched by their ids or counted anew on one grid."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, FloatArray
from geocn.errors import LayerError
from geocn.project.analyses import BorderHotspots, Hotspots
from geocn.project.changes import Changes, compared, find_changes
from geocn.project.changes_classes import change_table
from geocn.project.changes_comparison import KEYS
from geocn.project.changes_days import silences_of
from geocn.project.diff_folders import Folder
from geocn.project.period import Period
from geocn.project.results import Result, Results, World

_IDS = ("cell_id", "segment_id", "admin_code", "code", "name")
_EVENTS = (("n_events",), ("n_routes", "n_seizures"))
_ALPHA = 0.05


def compare_analyses(first: Folder, second: Folder, *, overlap: bool) -> Changes:
    """Compare cells and segments of two runs.

    Runs of periods without a day in common are tested as two periods are; joint ones are
    counted anew on one grid from their layers. Runs with days in common count many events
    twice: their cells are told as revised, with both counts and no test.
    """
    pair = (_period(first), _period(second))
    changes = Changes(*pair)
    for name in _names(first, second):
        spec = _to_count(name, first, second)
        try:
            if overlap:
                changes.frames[name] = _revised(*_matched(name, first, second))
            elif spec is not None:
                _count_anew(changes, spec, first, second)
            else:
                changes.frames[name] = _tested(*_matched(name, first, second), pair, second)
        except LayerError as error:
            changes.skipped[name] = str(error)
            continue
        changes.alpha.setdefault(name, _ALPHA)
    return changes


def _period(folder: Folder) -> Period:
    if folder.period is not None:
        return folder.period
    day = str(folder.told["as_of"])
    return Period.parse(f"0001-01-01/{day}")


def _names(first: Folder, second: Folder) -> list[str]:
    projects = [folder.project for folder in (first, second)]
    if all(projects):
        found = [[one.name for one in compared(p)] for p in projects if p is not None]
        return [name for name in found[1] if name in found[0]]
    both = set(first.results()) & set(second.results())
    return [name for name in second.results() if name in both and _has_ids(second.result(name))]


def _has_ids(frame: pd.DataFrame | None) -> bool:
    return (
        frame is not None
        and "period" not in frame
        and any(name in frame for name in _IDS)
        and any(some[0] in frame for some in _EVENTS)
        and "hotspot_class" in frame
    )


def _spec(folder: Folder, name: str) -> Hotspots | BorderHotspots | None:
    project = folder.project
    specs = [] if project is None else compared(project)
    return next((one for one in specs if one.name == name), None)


def _to_count(name: str, first: Folder, second: Folder) -> Hotspots | BorderHotspots | None:
    """Return an analysis that needs only what the folders hold, and is asked alike in both."""
    one, other = (_spec(folder, name) for folder in (first, second))
    if one is None or other is None or one != other:
        return None
    alone = all(set(need.kinds) <= {"layer"} for need in other.needs())
    return other if alone else None


def _count_anew(
    changes: Changes, spec: Hotspots | BorderHotspots, first: Folder, second: Folder
) -> None:
    """Compare two periods from the layers themselves, on one grid."""
    before, after = (World(dict(f.layers), {}, {}) for f in (first, second))
    whole = second.result(spec.name)
    done = {} if whole is None else {spec.name: Result(spec.name, spec.kind, whole)}
    found = find_changes(
        [spec],
        (before, after),
        pair=(changes.before, changes.after),
        results=Results(done),
        silences=[] if second.project is None else silences_of(second.project),
        progress=lambda _step: None,
    )
    changes.frames |= found.frames
    changes.skipped |= found.skipped
    changes.alpha |= found.alpha


def _matched(name: str, first: Folder, second: Folder) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the results of both with the rows of either, in one order."""
    frames: list[Any] = [folder.result(name) for folder in (first, second)]
    for folder, frame in zip((first, second), frames, strict=True):
        if frame is None or not _has_ids(frame):
            raise LayerError(f"{folder.name}, {name}", found="no result with cells",
                             expected="one in both runs")  # fmt: skip
    ids = [next(key for key in _IDS if key in frame) for frame in frames]
    sizes = [getattr(_spec(folder, name), "grid", None) for folder in (first, second)]
    lengths = [getattr(_spec(folder, name), "segment_km", None) for folder in (first, second)]
    same = ids[0] == ids[1] and sizes[0] == sizes[1] and lengths[0] == lengths[1]
    if ids[0] == "cell_id":
        same &= _system(frames[0]) == _system(frames[1])
    if not same:
        raise LayerError(
            name,
            found="cells of another grid in each run",
            expected="the same cells",
            repair="Compare runs of one project; where a grid's centre moved with the data, "
            "count in areas or on kind = 'h3', or compare runs of two periods.",
        )
    one, other = (f.set_index(f[key].astype("str")) for f, key in zip(frames, ids, strict=True))
    if not (one.index.is_unique and other.index.is_unique):
        raise LayerError(name, found=f"a {ids[0]} that stands twice", expected="one a row")
    every = other.index.union(one.index, sort=False)
    return one.reindex(every), other.reindex(every)


def _system(frame: gpd.GeoDataFrame) -> tuple[Any, ...]:
    """Return what decides where a cell of an id lies: the projection and its numbers."""
    operation = None if frame.crs is None else frame.crs.coordinate_operation
    if operation is None:
        return (str(frame.crs),)
    return operation.method_name, tuple((one.name, one.value) for one in operation.params)


def _counts(frame: pd.DataFrame) -> FloatArray:
    names = next([c for c in some if c in frame] for some in _EVENTS if some[0] in frame)
    total: FloatArray = np.zeros(len(frame))
    for name in names:
        total = total + np.nan_to_num(frame[name].to_numpy(dtype=float, na_value=np.nan))
    return total


def _held_back(frame: pd.DataFrame) -> AnyArray:
    if "suppressed" not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame["suppressed"].astype("boolean").fillna(value=False).to_numpy(dtype=bool)


def _classes(frame: pd.DataFrame) -> AnyArray:
    return (
        frame["hotspot_class"].astype(object).where(frame["hotspot_class"].notna(), "").to_numpy()
    )


def _cells(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return what each row is, from whichever run holds it."""
    both = {name: other[name].combine_first(one[name]) for name in KEYS if name in other}
    shapes = other.geometry.where(other.geometry.notna(), one.geometry)
    cells = gpd.GeoDataFrame(both, geometry=shapes.to_numpy(), crs=other.crs, index=other.index)
    return cells.reset_index(drop=True)


def _joined(cells: gpd.GeoDataFrame, table: pd.DataFrame, worth: AnyArray) -> gpd.GeoDataFrame:
    result = cells.join(table)
    last = [name for name in result if name != "geometry"]
    return result.loc[worth, [*last, "geometry"]].reset_index(drop=True)


def _revised(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Tell the rows whose counts or classes differ, without a test."""
    before, after = _counts(one), _counts(other)
    known = ~(_held_back(one) | _held_back(other))
    ones = np.ones(len(before))
    table = change_table(
        before,
        after,
        exposure=(ones, ones),
        hotspot=(_classes(one), _classes(other)),
        comparable=np.zeros(len(before), dtype=bool),
    )
    table["change"] = after - before
    differ = (before != after) | (table["hotspot_before"] != table["hotspot_after"]).to_numpy()
    table["change_class"] = pd.Series("revised", index=table.index, dtype="str")
    return _joined(_cells(one, other), table, differ & known)


def _tested(
    one: gpd.GeoDataFrame, other: gpd.GeoDataFrame, pair: tuple[Period, Period], second: Folder
) -> gpd.GeoDataFrame:
    """Test two periods whose cells bear the same ids."""
    before, after = _counts(one), _counts(other)
    known = ~(_held_back(one) | _held_back(other))
    project = second.project
    silent = project is not None and any(
        s.start <= p.end and s.end >= p.start for s in silences_of(project) for p in pair
    )
    days = [np.full(len(before), float(period.days)) for period in pair]
    table = change_table(
        before,
        after,
        exposure=(days[0], days[1]),
        hotspot=(_classes(one), _classes(other)),
        comparable=known & (not silent),
    )
    worth = (before > 0) | (after > 0) | (table["hotspot_before"] == "hot").to_numpy()
    return _joined(_cells(one, other), table, worth & known)
