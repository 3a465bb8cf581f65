"""What changed, for one partner: from released layers only, and cleared with the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray
from geocn.io.atomic import safe_name
from geocn.project.changes import Changes
from geocn.project.clearing import told_rows
from geocn.project.period import Period
from geocn.project.results import Result, Results
from geocn.sharing import ReleaseProfile, clear

#: Where the changes of a run stand in its folder, and in that of a release.
FOLDER = "changes"
_KEYS = ("cell_id", "segment_id", "admin_code", "code", "name")
_EVENTS = (("n_events",), ("n_routes", "n_seizures"))


def clear_changes(
    changes: Changes,
    profile: ReleaseProfile,
    *,
    cleared: Results,
    period: Period | None,
    earlier: Sequence[tuple[Mapping[str, pd.DataFrame], str | None]] = (),
) -> tuple[Changes, Changes, list[dict[str, Any]]]:
    """Hold back what would tell of few events, alone or together with the results.

    A row is held back where its count before or after is small; where the results of the
    same release hold it back; where subtracting its counts from those that the results tell
    (or from the sums of their periods) leaves few events; and where a count differs by few
    from what an earlier release told of the same period. Then, as for every result, so many
    others follow that no total gives them back.

    Parameters
    ----------
    changes : Changes
        As computed from the released layers.
    profile : ReleaseProfile
        Its ``min_count`` holds.
    cleared : Results
        What the release tells of its analyses.
    period : Period, optional
        What the results look at, where not at everything.
    earlier : sequence of (frames, period)
        Change tables and results of earlier releases by file, and the period of each.

    Returns
    -------
    cleared : Changes
        Every row, those that are held back without numbers.
    shown : Changes
        What may leave: without the rows that are held back. Only places with an event have a
        row at all, so that one without numbers would tell of some.
    report : list of dict
        What each rule touched.
    """
    if profile.min_count is None:
        return changes, changes, []
    least = profile.min_count
    held = {
        name: _held(frame, changes, cleared.done.get(name), period, least)
        for name, frame in changes.frames.items()
    }
    before = [
        {
            name: table
            for name, frame in changes.frames.items()
            for table in _told_before(name, frame, changes, told, of)
        }
        for told, of in earlier
    ]
    done = clear(changes.frames, profile, held=held, earlier=before)
    frames: dict[str, Any] = dict(done.results)
    for frame in frames.values():
        _retell_tests(frame)
    shown = {name: told_rows(frame) for name, frame in frames.items()}
    report = [
        {str(key): one for key, one in line.items()} for line in done.report.to_dict("records")
    ]
    for line in report:
        line["layer"] = f"changes of {line['layer']}"
    return replace(changes, frames=frames), replace(changes, frames=shown), report


def _retell_tests(frame: pd.DataFrame) -> None:
    """Count the tests that are told: all would tell how many rows held back have many events."""
    record = frame.attrs.get("geocn", {})
    if "n_tests" in record:
        told = int(frame["p_value"].notna().sum()) if "p_value" in frame else 0
        frame.attrs = {**frame.attrs, "geocn": {**record, "n_tests": told}}


def clear_totals(totals: pd.DataFrame, profile: ReleaseProfile) -> pd.DataFrame:
    """Hold back small counts by drug, and kilograms wherever a rule on numbers is set."""
    if profile.min_count is None and profile.dominance is None:
        return totals
    counted = totals.drop(columns=[name for name in totals if str(name).startswith("kg_")])
    # A drug is what the row is, not what was computed of it.
    named = counted.rename(columns={"drug": "name"})
    done = clear({"seizures by drug": named}, profile).results["seizures by drug"]
    told = told_rows(done).rename(columns={"name": "drug"}).reset_index(drop=True)
    told.attrs["held_back"] = len(told) < len(totals) or len(counted.columns) < len(totals.columns)
    return told


def _keys(frame: pd.DataFrame) -> pd.Series:
    names = [name for name in _KEYS if name in frame]
    return frame[names[0]].astype("str") if names else pd.Series(frame.index.astype("str"))


def _events(frame: pd.DataFrame) -> FloatArray:
    """Events of each row, NaN where they are held back."""
    columns = next(([c for c in some if c in frame] for some in _EVENTS if some[0] in frame), [])
    total: FloatArray = np.zeros(len(frame))
    for name in columns:
        total = total + frame[name].to_numpy(dtype=float, na_value=np.nan)
    return total


def _held(
    frame: pd.DataFrame,
    changes: Changes,
    told: Result | None,
    period: Period | None,
    least: float,
) -> BoolArray:
    """Rows that the results hold back, or whose rest by subtraction is small."""
    hidden = np.zeros(len(frame), dtype=bool)
    if told is None:
        return hidden
    keys = _keys(frame)
    counts = [frame[name].to_numpy(dtype=float) for name in ("n_before", "n_after")]
    for whole in (told.frame, told.more.get("periods")):
        if whole is None:
            continue
        for part, spans in _slices(whole, changes, period):
            if "suppressed" in part:
                hidden |= keys.isin(set(_keys(part)[part["suppressed"].to_numpy(dtype=bool)]))
            sums = pd.Series(_events(part), index=_keys(part)).groupby(level=0).sum()
            known = keys.map(sums).fillna(0.0).to_numpy(dtype=float)
            for take in spans:
                rest = np.abs(known - sum(counts[side] for side in take))
                hidden |= (rest > 0) & (rest < least)
    return hidden


def _slices(
    frame: pd.DataFrame, changes: Changes, period: Period | None
) -> Iterator[tuple[pd.DataFrame, tuple[tuple[int, ...], ...]]]:
    """Parts of a result whose sums a reader can set beside counts, and beside which."""
    if "period" not in frame:
        yield frame, ((0,), (1,), (0, 1)) if period is None else ((1,),)
        return
    spans = [_span(text) for text in frame["period"]]
    for side, one in enumerate((changes.before, changes.after)):
        first, last = pd.Timestamp(one.start), pd.Timestamp(one.end)
        touching = np.array([a <= last and b >= first for a, b in spans], dtype=bool)
        within = np.array([a >= first and b <= last for a, b in spans], dtype=bool)
        yield frame[touching], ((side,),)
        yield frame[within], ((side,),)


def _span(text: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day of a period as it is named in a result."""
    if "/" in text:
        first, last = text.split("/", 1)
        return pd.Timestamp(first), pd.Timestamp(last)
    period = pd.Period(text)
    return period.start_time.normalize(), period.end_time.normalize()


def _told_before(
    name: str,
    frame: pd.DataFrame,
    changes: Changes,
    told: Mapping[str, pd.DataFrame],
    of: str | None,
) -> Iterator[pd.DataFrame]:
    """Yield counts that an earlier release told of the same periods, as columns of this one."""
    wanted = {"n_before": changes.before.text, "n_after": changes.after.text}
    table = told.get(f"{FOLDER}/{safe_name(name)}")
    columns: dict[str, pd.Series] = {}
    base: pd.DataFrame | None = table
    for target, text in wanted.items():
        for source in ("before", "after") if table is not None else ():
            if text in set(table[f"period_{source}"].dropna()):  # type: ignore[index]
                columns[target] = table[f"n_{source}"]  # type: ignore[index]
    result = told.get(f"results/{safe_name(name)}")
    if not columns and result is not None and of in wanted.values():
        base = result
        target = next(key for key, text in wanted.items() if text == of)
        columns[target] = pd.Series(_events(result), index=result.index)
    if base is not None and columns:
        yield base[[c for c in frame if c in base and not str(c).startswith("n_")]].assign(
            **columns
        )
