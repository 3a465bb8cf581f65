"""Share covered by administrative area, and by period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.coverage._demand import Demand, on_plane
from geocn.coverage._precision import Reached
from geocn.coverage._raster_demand import RasterDemand
from geocn.coverage._regions import cover, polygons, union_parts, within
from geocn.coverage.reach_dates import find_active
from geocn.errors import GeometryError, ParameterError
from geocn.spatial.columns import read_instants, refuse_taken
from geocn.spatial.crs import require_crs

_ADDED = (
    "demand_weight", "covered_weight", "share_covered", "share_covered_low",
    "share_covered_high", "gap_weight", "gap_rank",
)  # fmt: skip
_NAMES = ("area_name", "name", "area", "admin", "zone", "area_id")
_WHOLE = 1e-9
Span = tuple[pd.Timestamp, pd.Timestamp]


def check_areas(areas: gpd.GeoDataFrame) -> None:
    """Refuse areas that are none, or that bring a column of the result."""
    require_crs(areas, "areas")
    shapes: ObjectArray = areas.geometry.to_numpy()
    wrong = ~np.isin(shapely.get_type_id(shapes), (-1, 3, 6)) & ~shapely.is_empty(shapes)
    refuse_taken(areas, _ADDED, "areas")
    if wrong.any():
        raise GeometryError(
            "areas",
            found="geometries that are not areas",
            expected="Polygon or MultiPolygon",
            repair="Drop these rows.",
            rows=list(areas.index[wrong]),
        )


def areas_on_plane(areas: gpd.GeoDataFrame, plane: CRS) -> ObjectArray:
    """Areas on the plane of the analysis, valid; null ones hold nothing."""
    shapes = on_plane(areas, plane)
    return np.asarray(
        shapely.make_valid(shapes, method="structure", keep_collapsed=False), dtype=object
    )


def area_names(areas: gpd.GeoDataFrame) -> ObjectArray:
    """Say what to call each area: its first column of a usual name, else its index."""
    for name in _NAMES:
        if name in areas:
            return np.asarray(areas[name].astype("str"), dtype=object)
    return np.array([str(label) for label in areas.index], dtype=object)


def rows_by_area(
    ready: Demand,
    shares: tuple[FloatArray, FloatArray, FloatArray],
    found: Reached,
    shapes: ObjectArray,
) -> FloatArray:
    """Demand, covered, least and most of it in each area: shape (4, areas).

    An uncertain point counts in each area by the share of its circle there.
    """
    pieces, row, area = within(ready, shapes)
    drawn = cover(pieces, found.drawn)[0]
    low, high = drawn, drawn
    if found.imprecise:
        low, high = cover(pieces, found.surely)[0], cover(pieces, found.possibly)[0]
    # How far a row itself may be off is known for the row, not for its pieces.
    vague = pieces.spread | (shares[1][row] != shares[2][row])
    low = np.minimum(np.where(vague, np.minimum(shares[1][row], low), low), drawn)
    high = np.maximum(np.where(vague, np.maximum(shares[2][row], high), high), drawn)
    sums = [np.bincount(area, pieces.weights * s, len(shapes)) for s in (1.0, drawn, low, high)]
    return np.vstack(sums).astype(np.float64)


def raster_by_area(ready: RasterDemand, found: Reached, shapes: ObjectArray) -> FloatArray:
    """Demand, covered, least and most of it in each area: shape (4, areas)."""
    zones = [polygons(shape) for shape in shapes]
    wanted = list(zones)
    for parts in (found.drawn, found.surely, found.possibly):
        union = shapely.union_all(parts)
        shapely.prepare(union)
        wanted += [polygons(shapely.intersection(shape, union)) for shape in shapes]
    return ready.weigh(wanted).reshape(4, len(shapes))


def weight_outside(ready: Demand | RasterDemand, shapes: ObjectArray) -> float:
    """Weight of demand that lies in none of the areas."""
    parts = union_parts(shapes)
    if isinstance(ready, RasterDemand):
        inside = float(ready.weigh([parts])[0])
    else:
        inside = ready.dot(cover(ready, parts)[0])
    return max(ready.total - inside, 0.0)


def area_table(areas: gpd.GeoDataFrame, names: ObjectArray, sums: FloatArray) -> gpd.GeoDataFrame:
    """Areas with what is demanded and covered there, and their rank by what is not."""
    frame = areas.copy()
    frame["area_name"] = pd.Series(names, index=frame.index, dtype="str")
    weight, covered, low, high = sums
    covered = np.minimum(covered, weight)
    gap = weight - covered
    frame["demand_weight"], frame["covered_weight"] = weight, covered
    columns = ("share_covered", "share_covered_low", "share_covered_high")
    for name, part in zip(columns, (covered, low, high), strict=True):
        share = np.divide(part, weight, out=np.full(len(frame), np.nan), where=weight > 0)
        frame[name] = np.clip(share, 0.0, 1.0)
    frame["gap_weight"] = gap
    rank = np.empty(len(frame), dtype=np.int64)
    rank[np.argsort(-gap, kind="stable")] = np.arange(1, len(frame) + 1)
    frame["gap_rank"] = rank
    return frame


def periods_of(periods: str | Sequence[object] | None, reaches: gpd.GeoDataFrame) -> list[Span]:
    """First and last day of each period.

    Raises
    ------
    ParameterError
        Where they cannot be read, are out of order, or no date says when to begin and end.
    """
    if periods is None:
        return []
    if isinstance(periods, str):
        return _spans_of_frequency(periods, reaches)
    items: Iterable[object] = periods
    try:
        spans = [
            (_day(p.start_time), _day(p.end_time)) if isinstance(p, pd.Period) else
            (_day(pd.Period(str(p)).start_time), _day(pd.Period(str(p)).end_time))
            if isinstance(p, str) else (_day(p[0]), _day(p[1]))  # type: ignore[index]
            for p in items
        ]  # fmt: skip
    except (TypeError, ValueError, IndexError) as error:
        raise ParameterError(
            f"periods {periods!r} cannot be read; give a frequency such as 'Y', or periods such "
            "as '2024-03', or pairs of first and last day"
        ) from error
    wrong = [span for span in spans if span[1] < span[0]]
    if wrong:
        raise ParameterError(f"a period ends before it begins: {wrong[0][0]} to {wrong[0][1]}")
    return spans


def _day(value: object) -> pd.Timestamp:
    day = pd.Timestamp(value)  # type: ignore[arg-type]
    if pd.isna(day):
        raise ValueError("no date")
    return (day.tz_localize("UTC") if day.tzinfo is None else day.tz_convert("UTC")).normalize()


def _spans_of_frequency(frequency: str, reaches: gpd.GeoDataFrame) -> list[Span]:
    said = pd.concat([read_instants(reaches, name, "reaches") for name in ("starts_on", "ends_on")])
    said = said.dropna()
    if said.empty:
        raise ParameterError(
            "periods is a frequency, but no reach has starts_on or ends_on; list the periods"
        )
    try:
        first, last = (day.tz_localize(None) for day in (said.min(), said.max()))
        index = pd.period_range(first, last, freq=frequency)
    except (TypeError, ValueError, KeyError) as error:
        raise ParameterError(
            f"periods is {frequency!r}; give a frequency of pandas: 'Y', 'Q', 'M', 'W' or 'D'"
        ) from error
    return [(_day(p.start_time), _day(p.end_time)) for p in index]


def by_period(
    ready: Demand | RasterDemand,
    reaches: gpd.GeoDataFrame,
    shapes: ObjectArray,
    spans: Sequence[Span],
) -> pd.DataFrame:
    """Share covered in each period by whom is active on any day of it, and on all days.

    Rows without dates are taken as active throughout, and counted; a ``status`` counts as
    in :func:`geocn.coverage.reach`.
    """
    active = [find_active(reaches, None, span) for span in spans]
    any_day = [found.rows for found in active]
    all_days = [found.rows & (found.share > 1 - _WHOLE) for found in active]
    undated = [int(found.undated.sum()) for found in active]
    covered = _weigh_sets(ready, shapes, [*any_day, *all_days]).reshape(2, len(spans))
    total = ready.total
    share = covered / total if total else np.full_like(covered, np.nan)
    dtype = "datetime64[us, UTC]"
    return pd.DataFrame(
        {
            "period_starts_on": pd.Series([a for a, _ in spans], dtype=dtype),
            "period_ends_on": pd.Series([b for _, b in spans], dtype=dtype),
            "n_active": np.array([m.sum() for m in any_day], dtype=np.int64),
            "n_active_throughout": np.array([m.sum() for m in all_days], dtype=np.int64),
            "n_undated": np.array(undated, dtype=np.int64),
            "covered_weight": covered[0],
            "share_covered": share[0],
            "covered_weight_throughout": covered[1],
            "share_covered_throughout": share[1],
        }
    )


def _weigh_sets(
    ready: Demand | RasterDemand, shapes: ObjectArray, masks: Sequence[BoolArray]
) -> FloatArray:
    """Weight covered by each set of reaches; sets that recur are measured once."""
    different = {mask.tobytes(): mask for mask in masks}
    regions = [union_parts(shapes[mask]) for mask in different.values()]
    if isinstance(ready, RasterDemand):
        weights = ready.weigh(regions).tolist()
    else:
        weights = [ready.dot(cover(ready, parts)[0]) for parts in regions]
    found = dict(zip(different, weights, strict=True))
    return np.array([found[mask.tobytes()] for mask in masks], dtype=np.float64)
