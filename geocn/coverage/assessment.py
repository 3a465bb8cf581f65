"""What share of demand interventions reach, who reaches it, and where nobody does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn.coverage import complementarity
from geocn.coverage._measured import Field, Measured, field_of, measure_raster, measure_rows
from geocn.coverage.by_area import (
    Span,
    area_table,
    by_period,
    check_areas,
    periods_of,
    weight_outside,
)
from geocn.coverage.capacity import ALLOCATIONS, Allocation, capacities, serve
from geocn.coverage.result import Coverage
from geocn.errors import GeometryError, ParameterError, SchemaError
from geocn.provenance import attach
from geocn.schema import layer_schema
from geocn.spatial.columns import refuse_taken
from geocn.spatial.crs import equal_area_crs, require_crs
from geocn.spatial.raster_grid import raster_grid

# Columns of the result that demand may not bring along.
_ADDED = (
    "demand_weight", "covered_weight", "share_covered", "share_covered_low",
    "share_covered_high", "n_partners", "covered",
)  # fmt: skip
_METHOD = "coverage.assess"


def assess(
    demand: gpd.GeoDataFrame | xr.DataArray,
    reaches: gpd.GeoDataFrame,
    *,
    weight: str | None = None,
    by: Sequence[str] = ("partner", "kind"),
    overlaps: Literal["once", "add"] = "once",
    per: Literal["cell", "km2"] = "cell",
    areas: gpd.GeoDataFrame | None = None,
    periods: str | Sequence[object] | None = None,
    capacity: Allocation | None = None,
    sides: Mapping[str, str] | None = None,
) -> Coverage:
    """Measure how much of the demand lies within reach, by whom, and what is left.

    A point is covered or not; a line or an area is covered by the share of its geodesic
    length or its area that lies within reach, its weight being spread evenly; a cell of a
    raster likewise. Where reaches overlap, demand counts once in the whole and once for
    each partner.

    Parameters
    ----------
    demand : GeoDataFrame or xarray.DataArray
        Points, lines or areas, or a raster with a CRS (people or hectares by cell, the
        weight of hotspots). Rows without a geometry are left out and counted. A point with
        ``location_precision_m`` lies anywhere in that circle with equal chance; of lines
        and areas with one the least and most covered are given.
    reaches : GeoDataFrame
        Areas from :func:`reach`, or a partner's own. A null geometry is presence only: it
        is counted and covers nothing. ``location_precision_m`` of a site widens and narrows
        what is possibly and surely reached; the expected share takes reaches as drawn.
    weight : str, optional
        Column of demand with people, hectares and the like. Without one, points count
        1, lines their km and areas their km².
    by : sequence of str
        Columns of ``reaches`` to report by. An empty value is ``(not stated)``.
    overlaps : {"once", "add"}
        What becomes of places that lie in several demand lines or areas: they count once,
        for the row with the most weight to the km or km² (the first of equals), or
        for each row. Points at one place always add up.
    per : {"cell", "km2"}
        Whether a raster's values are amounts of each cell or densities to the km²; the
        latter are multiplied by the cell's area on the ellipsoid.
    areas : GeoDataFrame, optional
        Administrative areas to report by; where they overlap, demand counts in each.
    periods : str or sequence, optional
        Periods to report by: a frequency of pandas ("Y", "Q", "M", …) over the dates that
        reaches state, or periods such as "2024-03", or pairs of first and last day.
    capacity : {"most", "nearest", "proportional"}, optional
        Also say what sites can serve with their ``capacity`` (in the unit of the weight):
        the most that is possible; the shortest way first; or every place asking
        the sites that reach it in proportion to their capacity.
    sides : mapping of str to {"security", "civilian"}, optional
        Which side a kind or a type of partner is on, over those that :func:`sides` knows.

    Returns
    -------
    Coverage
        ``demand`` has its own columns and index with ``demand_weight``,
        ``covered_weight``, ``share_covered`` (with ``_low`` and ``_high``), ``n_partners``
        (groups of the first of ``by`` that reach any of it) and ``covered`` (all of it); of
        a raster it is a Dataset of rasters of such names. ``by`` has ``n_interventions``,
        ``n_presence_only``, ``covered_weight``, ``share_covered`` and
        ``exclusive_weight`` (reached by no other group); ``gaps`` has the demand's
        columns with ``rank``, ``gap_weight``, ``share_uncovered``, ``nearest_site``,
        ``nearest_site_km``, with ``areas`` also ``area``, and the geometry of what
        is not reached (of a raster its 1,000 heaviest cells).

    Raises
    ------
    SchemaError
        Where a weight, precision or capacity is negative, infinite or not a number, or a
        column is not there.
    GeometryError
        Where a reach or one of ``areas`` is not an area.
    RasterError
        Where a cell is negative or infinite, or none has data.
    ParameterError
        Where demand without ``weight`` mixes points, lines and areas, or an option is none
        of those named.
    CRSError
        Where a frame or raster has no CRS.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.coverage import reach
    >>> villages = gpd.GeoDataFrame(
    ...     {"people": [300, 100]}, geometry=shapely.points([-77, -70], [1, 1]), crs="EPSG:4326"
    ... )
    >>> sites = gpd.GeoDataFrame(
    ...     {"partner": ["A"], "kind": ["treatment"], "reach_km": [20]},
    ...     geometry=shapely.points([-77], [1.1]),
    ...     crs="EPSG:4326",
    ... )
    >>> found = assess(villages, reach(sites), weight="people")
    >>> found.share_covered, found.by_partner["share_covered"].tolist()
    (0.75, [0.75])
    """
    _check_options(overlaps, per, capacity)
    labels = _groups(reaches, by)
    _check_areas(reaches)
    raster = isinstance(demand, xr.DataArray)
    if raster and weight is not None:
        raise ParameterError("weight names a column, but demand is a raster; leave it out")
    if not raster:
        _check_demand(demand)
    if areas is not None:
        check_areas(areas)
    if capacity is not None:
        capacities(reaches)
    spans = periods_of(periods, reaches)
    plane = raster_grid(demand, "demand").crs if raster else equal_area_crs(demand, reaches)
    side = complementarity.sides(reaches, mapping=sides)
    field = field_of(reaches, labels, side, areas, plane)
    if raster:
        found = measure_raster(demand, per, field)
    else:
        found = measure_rows(demand, weight, field, once=overlaps == "once")
    record = {
        "weight": weight,
        "unit": found.ready.unit,
        "by": list(labels),
        "overlaps": overlaps,
        "per": per,
        "areas": None if areas is None else len(areas),
        "periods": [f"{a:%Y-%m-%d}/{b:%Y-%m-%d}" for a, b in spans] if spans else None,
        "capacity": capacity,
        "sides": dict(sides) if sides else None,
        "crs": plane.to_string(),
        "n_left_out": found.ready.n_left_out,
        "n_presence_only": int(shapely.is_missing(field.shapes).sum()),
    }
    tables = _tables(found, field, areas, spans, capacity)
    return _result(found, field, record, tables)


def _groups(reaches: gpd.GeoDataFrame, by: Sequence[str]) -> dict[str, pd.Series]:
    names = [by] if isinstance(by, str) else list(by)
    if not names:
        raise ParameterError("by is empty; name at least one column, such as 'partner'")
    known = layer_schema("interventions").names
    missing = [name for name in names if name not in reaches and name not in known]
    if missing:
        raise SchemaError(
            "reaches",
            found=f"no column {', '.join(missing)}",
            expected=f"columns to report by; there are {', '.join(map(str, reaches.columns))}",
            repair="Correct by=….",
        )
    nothing = pd.Series(None, index=reaches.index, dtype="str")
    columns = {name: reaches.get(name, nothing) for name in names}
    return {
        name: values.astype("str").where(values.notna(), "(not stated)").rename(name)
        for name, values in columns.items()
    }


def _check_demand(demand: gpd.GeoDataFrame) -> None:
    require_crs(demand, "demand")
    refuse_taken(demand, _ADDED, "demand")


def _check_areas(reaches: gpd.GeoDataFrame) -> None:
    require_crs(reaches, "reaches")
    kinds = shapely.get_type_id(reaches.geometry.to_numpy())
    wrong = ~np.isin(kinds, (-1, 3, 6)) & ~shapely.is_empty(reaches.geometry.to_numpy())
    if wrong.any():
        raise GeometryError(
            "reaches",
            found="geometries that are not areas",
            expected="Polygon or MultiPolygon, or null for presence only",
            repair="Draw them first with geocn.coverage.reach(interventions, …).",
            rows=list(reaches.index[wrong]),
        )


def _check_options(overlaps: str, per: str, capacity: str | None) -> None:
    wrong = []
    if overlaps not in ("once", "add"):
        wrong.append(f"overlaps is {overlaps!r}; choose 'once' or 'add'")
    if per not in ("cell", "km2"):
        wrong.append(f"per is {per!r}; choose 'cell' or 'km2'")
    if capacity is not None and capacity not in ALLOCATIONS:
        wrong.append(f"capacity is {capacity!r}; choose {', '.join(map(repr, ALLOCATIONS))}")
    if wrong:
        raise ParameterError("; ".join(wrong))


def _tables(
    found: Measured,
    field: Field,
    areas: gpd.GeoDataFrame | None,
    spans: Sequence[Span],
    capacity: Allocation | None,
) -> dict[str, Any]:
    """Make what is reported only where it is asked for."""
    by_area, outside = None, float("nan")
    if areas is not None and found.sums is not None and field.areas is not None:
        by_area = area_table(areas, field.areas[1], found.sums)
        outside = weight_outside(found.ready, field.areas[0])
    ready, shapes, reaches = found.ready, field.shapes, field.reaches
    return {
        "by_area": by_area,
        "by_period": by_period(ready, reaches, shapes, spans) if spans else None,
        "service": serve(ready, reaches, shapes, allocation=capacity) if capacity else None,
        "weight_outside_areas": outside,
    }


def _result(
    found: Measured, field: Field, record: Mapping[str, Any], tables: dict[str, Any]
) -> Coverage:
    ready, total = found.ready, found.ready.total

    def share(weight: float) -> float:
        return min(weight / total, 1.0) if total else float("nan")

    def signed(frame: Any) -> Any:
        return None if frame is None else attach(frame, _METHOD, **record)

    return Coverage(
        total=total,
        covered=found.covered,
        share_covered=share(found.covered),
        share_covered_low=share(found.low),
        share_covered_high=share(found.high),
        demand=signed(found.demand),
        by={name: signed(group.table) for name, group in found.groups.items()},
        overlaps={name: group.overlap for name, group in found.groups.items()},
        reaches=field.reaches,
        gaps=signed(found.gaps),
        complementarity=signed(found.classes),
        sides=signed(found.pieces),
        unknown_kinds=complementarity.unknown_kinds(field.reaches, field.side),
        by_area=signed(tables["by_area"]),
        by_period=signed(tables["by_period"]),
        service=tables["service"],
        n_left_out=record["n_left_out"],
        weight_left_out=ready.weight_left_out,
        n_presence_only=record["n_presence_only"],
        overlap_weight=ready.overlap_weight,
        weight_outside_areas=tables["weight_outside_areas"],
        unit=ready.unit,
    )
