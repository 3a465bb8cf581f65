"""Events before and after in treated, control and displacement zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import LayerError
from geocn.evaluation.columns import amounts, refuse, require_columns
from geocn.evaluation.displacement import RINGS, SIGNS
from geocn.evaluation.periods import (
    Period,
    in_a_gap,
    observed_days,
    read_gaps,
    read_spans,
    read_two,
    time_column,
)
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry, to_lonlat

_COLUMNS = ("before", "after", "before_low", "before_high", "after_low", "after_high")
#: Overlap of zones that rounding explains, as a share of the smaller.
_ROUNDING = 1e-6


def zone_counts(
    events: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    *,
    before: Period,
    after: Period,
    time: str | None = None,
    kind: str | None = None,
    gaps: Sequence[Mapping[str, Any]] | None = None,
) -> pd.DataFrame:
    """Count events by zone and period, ready for :func:`displacement`.

    Parameters
    ----------
    events : GeoDataFrame
        Points or areas. ``location_precision_m`` and ``date_precision`` are believed where
        they stand: an event that may lie in a zone or period and may not enters the range.
    zones : GeoDataFrame
        Areas with their ``role``, as of :func:`displacement_zones`; those of one role are
        taken together.
    before, after : (first, last)
        Days, both included, or instants; they may differ in length and must not overlap.
    time : str, optional
        Column that says when; by default that of the layer (``seized_at``, ``starts_on``, …).
    kind : str, optional
        Column to count by as well, for harm weights.
    gaps : sequence of mappings, optional
        Days on which nothing was reported (``from``, ``to``); by default those the layer
        declared. Gaps of some areas only are not applied, and counted.

    Returns
    -------
    DataFrame
        ``role``, ``kind`` ("all" without one), ``before`` and ``after`` (events whose best
        place lies in the zone and whose time surely lies in the period), and their least
        and most ``before_low``, ``before_high``, ``after_low``, ``after_high``.
        ``attrs["geocn"]`` states the ``days`` reported on and what was left out.

    Raises
    ------
    SchemaError, DateError, CRSError
        Where a column or CRS is missing, or a time cannot be read.
    LayerError
        Where a role is unknown, or zones overlap.
    ParameterError
        Where the periods overlap or end before they begin.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely
    >>> boxes = [shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)]
    >>> zones = gpd.GeoDataFrame({"role": ["treated", "control"]}, geometry=boxes, crs=4326)
    >>> events = gpd.GeoDataFrame({"seized_at": ["2024-02-01", "2024-08-01", "2024-09-01"]},
    ...     geometry=gpd.points_from_xy([0.5, 0.5, 2.5], [0.5, 0.5, 0.5]), crs=4326)
    >>> counts = zone_counts(events, zones, before=("2024-01-01", "2024-06-30"),
    ...     after=("2024-07-01", "2024-12-31"))
    >>> counts[["role", "before", "after"]].values.tolist()
    [['treated', 1, 1], ['control', 0, 1]]
    """
    windows = read_two(before, after)
    column = time_column(events, time, "events")
    spans = read_spans(events, column, "events")
    silent = read_gaps(events, gaps)
    general = [gap for gap in silent if gap.areas is None]
    shapes, crs = _shapes(zones)
    put = _place(to_lonlat(events, "events").geometry.to_crs(crs), shapes, _radius(events))
    kinds, levels = _kinds(events, kind)
    quiet = in_a_gap(spans, general, np.empty(len(events), dtype=object))
    rows = []
    for role, name in product(shapes, levels):
        mine = (kinds == name).to_numpy(dtype=bool) & ~quiet
        found: dict[str, Any] = {"role": role, "kind": name}
        for label, window in zip(("before", "after"), windows, strict=True):
            sure, perhaps = spans.surely_in(window), spans.perhaps_in(window)
            found[label] = int((mine & put.best[role] & sure).sum())
            found[f"{label}_low"] = int((mine & put.sure[role] & sure).sum())
            found[f"{label}_high"] = int((mine & put.perhaps[role] & perhaps).sum())
        rows.append(found)
    result = pd.DataFrame(rows, columns=["role", "kind", *_COLUMNS])
    result = result.astype(dict.fromkeys(_COLUMNS, "int64") | {"role": "str", "kind": "str"})
    in_time = np.logical_or.reduce([spans.perhaps_in(window) for window in windows])
    placed = has_geometry(events)
    inside = np.logical_or.reduce([*put.perhaps.values(), np.zeros(len(events), dtype=bool)])
    return attach(
        result,
        "evaluation.zone_counts",
        before=list(before),
        after=list(after),
        time=column,
        kind=kind,
        gaps=[{"first": str(g.first), "last": str(g.last)} for g in general],
        crs=zones.crs,
        days=[float(observed_days(window, general, ["all"])[0]) for window in windows],
        left_out={
            "no_place": int((~placed).sum()),
            "no_time": int((placed & np.isnat(spans.start)).sum()),
            "outside_periods": int((placed & ~np.isnat(spans.start) & ~in_time).sum()),
            "outside_zones": int((placed & in_time & ~inside).sum()),
            "during_gap": int((in_time & inside & quiet).sum()),
            "no_kind": int((in_time & inside & kinds.isna().to_numpy()).sum()),
            "gaps_of_some_areas": len(silent) - len(general),
        },
    )


@dataclass(frozen=True)
class _Placed:
    """By role: events whose best place, every place, or some place lies in the zone."""

    best: dict[str, BoolArray]
    sure: dict[str, BoolArray]
    perhaps: dict[str, BoolArray]


def _shapes(zones: gpd.GeoDataFrame) -> tuple[dict[str, Any], Any]:
    require_columns(zones, ["role"], "zones")
    known = [*SIGNS, *RINGS]
    refuse(
        zones,
        ~zones["role"].isin(known).to_numpy(dtype=bool),
        "zones",
        found="another role",
        expected=", ".join(known),
    )
    here = to_lonlat(zones, "zones")
    crs = equal_area_crs(here)
    metric = shapely.make_valid(here.geometry.to_crs(crs).to_numpy(), method="structure")
    roles = here["role"].to_numpy()
    shapes = {role: shapely.union_all(metric[roles == role]) for role in known if role in roles}
    faults = [
        f"{one} and {other} share {common / 1e6:.3g} km²"
        for family in (tuple(SIGNS), ("treated", "control", *RINGS))
        for one, other in product(family, family)
        if family.index(one) < family.index(other) and one in shapes and other in shapes
        for common in [shapes[one].intersection(shapes[other]).area]
        if common > _ROUNDING * min(shapes[one].area, shapes[other].area)
    ]
    if faults:
        raise LayerError(
            "zones",
            found="; ".join(dict.fromkeys(faults)),
            expected="zones that do not overlap",
            repair="Draw them with displacement_zones, or cut one of them.",
        )
    return shapes, crs


def _radius(events: gpd.GeoDataFrame) -> FloatArray:
    if "location_precision_m" not in events:
        return np.zeros(len(events))
    radius: FloatArray = np.nan_to_num(amounts(events, "location_precision_m", "events"))
    return radius


def _kinds(events: gpd.GeoDataFrame, kind: str | None) -> tuple[pd.Series, list[Any]]:
    """Kind of each event, and all kinds there are."""
    if kind is None:
        return pd.Series("all", index=events.index), ["all"]
    require_columns(events, [kind], "events")
    kinds: pd.Series = events[kind]
    return kinds, sorted(kinds.dropna().unique(), key=str)


def _place(where: gpd.GeoSeries, shapes: dict[str, Any], radius: FloatArray) -> _Placed:
    geometry: AnyArray = where.to_numpy()
    there = has_geometry(where)
    points = np.full(len(geometry), None, dtype=object)
    points[there] = shapely.point_on_surface(geometry[there])
    vague = there & ((radius > 0) | (shapely.get_dimensions(geometry) > 0))
    best: dict[str, BoolArray] = {}
    sure: dict[str, BoolArray] = {}
    perhaps: dict[str, BoolArray] = {}
    for role, shape in shapes.items():
        shapely.prepare(shape)
        inside: BoolArray = shapely.intersects(shape, points)
        # A point on a common edge belongs to the zone that comes first.
        rivals = [r for r in best if (r in RINGS) == (role in RINGS) or r in ("treated", "control")]
        for rival in rivals:
            inside &= ~best[rival]
        best[role] = inside
        sure[role], perhaps[role] = inside.copy(), inside.copy()
        fuzzy, reach = geometry[vague], radius[vague]
        perhaps[role][vague] = shapely.distance(shape, fuzzy) <= reach
        deep = shapely.distance(shape.boundary, fuzzy) >= reach
        sure[role][vague] = deep & shapely.covers(shape, fuzzy)
        perhaps[role] |= best[role]
        sure[role] &= best[role]
    return _Placed(best, sure, perhaps)
