"""Points of tracks joined into routes: one line a route, in the order of time or sequence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, IntArray, ObjectArray
from geocn.harmonise.dates import assemble_dates, parse_dates
from geocn.harmonise.headers import HeaderMatch
from geocn.layers.draft import Draft, as_text

#: A cell that holds the time of day alone; its date stands in a column of its own.
_CLOCK = r"\d{1,2}[:h]\d{2}"
_FIRST, _LAST, _ORDER = "geocn_first_seen", "geocn_last_seen", "geocn_order"
_POINT = 0
_ANTARCTIC = -60.0


def join_points(draft: Draft) -> None:
    """Join the points of each route into one line; a draft without points stays as it is.

    Points need a route identifier and a time or a sequence. The draft then holds one row a
    route and one for each point that cannot be used, so that rows in stay rows out plus
    rejected; ``source_rows`` and ``points_joined`` of its report count the points.
    """
    points = (shapely.get_type_id(draft.geometry) == _POINT) & ~draft.rejected
    if not points.any():
        return
    times = _times(draft)
    key = _sequence(draft) if draft.has("sequence") else times
    if not draft.has("route_id") or draft.header.how["route_id"].startswith("weak") or key is None:
        reason = "geometry is a Point, expected LineString or MultiLineString"
        draft.reject(points, f"{reason} (or points with route_id and a time or sequence)")
        draft.geometry[points] = None
        return
    route = draft.text("route_id")
    usable = points & ~draft.rejected
    for reason, missing in (
        ("point without route_id", route.isna().to_numpy()),
        ("point without time or sequence", key.isna().to_numpy()),
    ):
        draft.reject(usable & missing, reason)
    usable = points & ~draft.rejected
    draft.geometry[points & ~usable] = None
    _collapse(draft, usable, route, key, times)


def refuse_polar(draft: Draft) -> None:
    """Reject lines and points that reach south of 60 degrees: their axes look swapped."""
    south = shapely.bounds(draft.geometry)[:, 1]
    with np.errstate(invalid="ignore"):
        polar = south < _ANTARCTIC
    draft.reject(polar, "latitude south of 60 degrees: the axes look swapped")
    draft.geometry[polar] = None


def _sequence(draft: Draft) -> pd.Series:
    return draft.number("sequence")


def _times(draft: Draft) -> pd.Series | None:
    """Return when each point was passed, or None where the file does not say."""
    frame, mapping = draft.raw.frame, draft.header.mapping
    if draft.has("recorded_at"):
        values: pd.Series | None = draft.raw_column("recorded_at")
        clock = as_text(draft.raw_column("recorded_at")).dropna().str.match(_CLOCK)
        if draft.has("first_seen") and len(clock) and bool(clock.all()):
            roles = {"date": mapping["first_seen"], "time": mapping["recorded_at"]}
            values = assemble_dates(frame, roles)
    elif draft.has("first_seen") and not draft.has("last_seen"):
        values = draft.raw_column("first_seen")
    else:
        return None
    options = draft.request.options
    assert values is not None  # noqa: S101 (a date column always gives texts)
    result = parse_dates(values, order=options.get("date_order"), timezone=options.get("timezone"))
    draft.reject_each(result.problem, "time of the point")
    if result.ambiguous:
        draft.assume(
            f"times of points were read as {result.order or 'day first'} ({result.evidence}); "
            "give date_order= to override"
        )
    return result.at


def _collapse(
    draft: Draft,
    usable: BoolArray,
    route: pd.Series,
    key: pd.Series,
    times: pd.Series | None,
) -> None:
    rows = np.flatnonzero(usable)
    table = pd.DataFrame({"route": route.to_numpy()[rows], _ORDER: key.to_numpy()[rows]})
    if bool(table.duplicated().any()):
        draft.assume("points of one route with the same time or sequence keep the file's order")
    table["row"] = rows
    table = table.sort_values(["route", _ORDER], kind="stable")
    groups = [part["row"].to_numpy() for _, part in table.groupby("route", sort=False)]
    groups.sort(key=lambda group: int(group.min()))
    others = np.flatnonzero(~usable)
    first = np.array([int(group.min()) for group in groups], dtype=np.int64)
    _note_disagreement(draft, route, rows)
    lines: ObjectArray = np.full(len(groups), None, dtype=object)
    for position, group in enumerate(groups):
        if len(group) > 1:
            lines[position] = shapely.LineString(shapely.get_coordinates(draft.geometry[group]))
    spans = None if times is None else [_span(times, group) for group in groups]
    precision = draft.columns.get("location_precision_m")
    coarsest = None if precision is None else [precision.iloc[group].max() for group in groups]
    draft.report |= {"source_rows": draft.n_rows, "points_joined": len(rows)}
    draft.raw.notes.append(f"{len(rows)} points were joined into {len(groups)} routes")
    _replace_rows(draft, np.concatenate([first, others]), lines, spans)
    if coarsest is not None:
        filled = [*coarsest, *[np.nan] * len(others)]
        draft.columns["location_precision_m"] = pd.Series(filled, dtype="float64")
    single = np.array([len(group) == 1 for group in groups] + [False] * len(others), dtype=bool)
    draft.reject(single, "route of a single point")
    short = ~shapely.is_missing(draft.geometry) & ~shapely.is_valid(draft.geometry)
    draft.reject(short, "line without length")
    draft.geometry[short] = None


def _span(times: pd.Series, group: IntArray) -> tuple[pd.Timestamp, pd.Timestamp]:
    held = times.iloc[group]
    return held.min(), held.max()


def _note_disagreement(draft: Draft, route: pd.Series, rows: IntArray) -> None:
    """Say which columns differ along a route: only the first point's value is kept."""
    for role in ("mode", "drug", "weight_kg", "n_sources", "source", "marking"):
        if not draft.has(role):
            continue
        several = draft.text(role).iloc[rows].groupby(route.iloc[rows]).nunique() > 1  # noqa: PD101
        if n := int(several.sum()):
            draft.assume(f"{n} routes state several values of {role}; the first point's was taken")


def _replace_rows(
    draft: Draft,
    rows: IntArray,
    lines: ObjectArray,
    spans: list[tuple[pd.Timestamp, pd.Timestamp]] | None,
) -> None:
    """Let the draft go on with one row a route, then the rows that hold no usable point."""
    raw, header = draft.raw, draft.header
    old_lines = raw.lines if raw.lines is not None else raw.first_row + np.arange(len(raw.frame))
    frame = raw.frame.iloc[rows].reset_index(drop=True)
    mapping = dict(header.mapping)
    if spans is not None:
        n_rest = len(rows) - len(spans)
        for role, name, at in (("first_seen", _FIRST, 0), ("last_seen", _LAST, 1)):
            if role == "last_seen" and draft.has(role):
                continue
            dates = [span[at] for span in spans] + [pd.NaT] * n_rest
            frame[name] = pd.Series(pd.DatetimeIndex(dates, tz="UTC"), index=frame.index)
            mapping[role] = name
    held, category = draft.reasons[rows], draft.category[rows]
    geometry = draft.geometry[rows]
    geometry[: len(lines)] = lines
    draft.raw = replace(raw, frame=frame, lines=old_lines[rows])
    draft.header = HeaderMatch(mapping, header.how, header.unused, header.years, header.units)
    draft.columns.clear()
    draft.__post_init__()
    draft.reasons, draft.category, draft.geometry = held, category, geometry
