"""What share of demand interventions reach, who reaches it, and where nobody does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand, on_plane, prepare
from geocn.coverage._groups import by_group
from geocn.coverage._regions import Regions, cover
from geocn.coverage.result import Coverage
from geocn.errors import GeometryError, ParameterError, SchemaError
from geocn.provenance import attach
from geocn.schema import layer_schema
from geocn.spatial.crs import equal_area_crs, require_crs

# Columns of the result that demand may not bring along.
_ADDED = ("demand_weight", "covered_weight", "share_covered", "n_partners", "covered")
_WHOLE = 1 - 1e-9


def assess(
    demand: gpd.GeoDataFrame,
    reaches: gpd.GeoDataFrame,
    *,
    weight: str | None = None,
    by: Sequence[str] = ("partner", "kind"),
    overlaps: Literal["once", "add"] = "once",
) -> Coverage:
    """Measure how much of the demand lies within reach, by whom, and what is left.

    A point is covered or not; a line or an area is covered by the share of its geodesic
    length or its area that lies within reach, its weight being spread evenly. Where
    reaches overlap, demand counts once in the whole and once for each partner.

    Parameters
    ----------
    demand : GeoDataFrame
        Points, lines or areas. Rows without a geometry are left out and counted.
    reaches : GeoDataFrame
        Areas from :func:`reach`, or a partner's own. A null geometry is presence only: it
        is counted and covers nothing.
    weight : str, optional
        Column of demand with people, hectares and the like. Without one, points count
        1, lines their km and areas their km².
    by : sequence of str
        Columns of ``reaches`` to report by. An empty value is ``(not stated)``.
    overlaps : {"once", "add"}
        What becomes of places that lie in several demand lines or areas: they count once,
        for the row with the most weight to the km or km² (the first of equals), or
        for each row. Points at one place always add up.

    Returns
    -------
    Coverage
        ``demand`` has its own columns and index with ``demand_weight``,
        ``covered_weight``, ``share_covered``, ``n_partners`` (groups of the first of
        ``by`` that reach any of it) and ``covered`` (all of it); ``by`` has
        ``n_interventions``, ``n_presence_only``, ``covered_weight``, ``share_covered`` and
        ``exclusive_weight`` (reached by no other group); ``gaps`` has the demand's
        columns with ``rank``, ``gap_weight``, ``share_uncovered`` and the geometry of what
        is not reached.

    Raises
    ------
    SchemaError
        Where a weight is missing, negative or infinite, or a column is not there.
    GeometryError
        Where a reach is not an area.
    ParameterError
        Where demand without ``weight`` mixes points, lines and areas, or ``by`` is empty.
    CRSError
        Where a frame has no CRS.

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
    >>> assess(villages, reach(sites), weight="people").share_covered
    0.75
    """
    if overlaps not in ("once", "add"):
        raise ParameterError(f"overlaps is {overlaps!r}; choose 'once' or 'add'")
    groups = _groups(reaches, by)
    _check_demand(demand)
    _check_areas(reaches)
    plane = equal_area_crs(demand, reaches)
    ready = prepare(demand, weight, plane=plane, once=overlaps == "once")
    shapes = on_plane(reaches, plane)
    anyone = Regions(shapes, np.zeros(len(shapes), dtype=np.int64), 1)
    share, rest = cover(ready, anyone.parts(0), remainder=True)
    total = float(ready.weights[ready.placed].sum())
    covered = float((ready.weights * share)[ready.placed].sum())
    found = {name: by_group(ready, shapes, labels, total) for name, labels in groups.items()}
    n_partners = found[next(iter(found))].n_groups
    n_left_out, n_presence_only = int((~ready.placed).sum()), int(shapely.is_missing(shapes).sum())
    record = {
        "weight": weight,
        "unit": ready.unit,
        "by": list(groups),
        "overlaps": overlaps,
        "crs": plane.to_string(),
        "n_left_out": n_left_out,
        "n_presence_only": n_presence_only,
    }
    return Coverage(
        total=total,
        covered=covered,
        share_covered=covered / total if total else float("nan"),
        demand=attach(_measured(demand, ready, share, n_partners), "coverage.assess", **record),
        by={name: attach(g.table, "coverage.assess", **record) for name, g in found.items()},
        overlaps={name: g.overlap for name, g in found.items()},
        reaches=reaches,
        gaps=attach(_gaps(demand, ready, share, rest), "coverage.assess", **record),
        n_left_out=n_left_out,
        weight_left_out=float(ready.weights[~ready.placed].sum()),
        n_presence_only=n_presence_only,
        overlap_weight=ready.overlap_weight,
        unit=ready.unit,
    )


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
    taken = [name for name in _ADDED if name in demand]
    if taken:
        raise SchemaError(
            "demand",
            found=f"columns {', '.join(taken)}",
            expected="no column named as a result",
            repair="Rename or drop them.",
        )


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


def _measured(
    demand: gpd.GeoDataFrame, ready: Demand, share: FloatArray, n_partners: IntArray
) -> gpd.GeoDataFrame:
    """Demand with what it weighs and how much of it is covered; null where it counts nowhere."""
    frame = demand.copy()
    counted = ready.placed & (ready.sizes > 0)
    frame["demand_weight"] = ready.weights
    frame["covered_weight"] = np.where(ready.placed, ready.weights * share, np.nan)
    frame["share_covered"] = np.where(counted, share, np.nan)
    frame["n_partners"] = pd.Series(n_partners, frame.index, dtype="Int64").where(counted)
    frame["covered"] = pd.Series(share >= _WHOLE, frame.index, dtype="boolean").where(counted)
    return frame


def _gaps(
    demand: gpd.GeoDataFrame, ready: Demand, share: FloatArray, rest: ObjectArray
) -> gpd.GeoDataFrame:
    """Uncovered parts of demand, heaviest first, in the demand's CRS."""
    weight = ready.weights * (1 - share)
    open_ = np.flatnonzero(ready.placed & (share < _WHOLE) & (ready.sizes > 0))
    order = open_[np.argsort(-weight[open_], kind="stable")]
    gaps = demand.iloc[order].copy()
    shapes = gpd.GeoSeries(rest[order], index=gaps.index, crs=ready.plane).to_crs(demand.crs)
    gaps = gaps.set_geometry(shapes)
    # Demand that is itself a ranked result brings a rank of its own, which means another thing.
    gaps = gaps.drop(columns="rank", errors="ignore")
    gaps.insert(0, "rank", np.arange(1, len(gaps) + 1))
    gaps["gap_weight"] = weight[order]
    gaps["share_uncovered"] = 1 - share[order]
    return gaps
