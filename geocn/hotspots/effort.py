"""How hard somebody looked: enforcement effort by area or border segment, as an exposure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError, SchemaError
from geocn.hotspots.values import numeric_column, refuse_rows
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry, to_lonlat
from geocn.spatial.geodesy import geodesic_length_km

#: Kinds of intervention that look for traffic where they stand.
LOOKING = ("checkpoint", "patrol", "joint_operation")


def enforcement_effort(
    areas: gpd.GeoDataFrame,
    reaches: gpd.GeoDataFrame,
    *,
    since: str | date | pd.Timestamp,
    until: str | date | pd.Timestamp,
    kinds: Sequence[str] = LOOKING,
    per_day: str | None = "capacity",
    background_share: float = 0.1,
) -> gpd.GeoDataFrame:
    r"""Measure the effort that each area or border segment saw, to pass on as ``exposure=``.

    Each site gives its days of work between ``since`` and ``until`` times its strength,
    evenly over the area it reaches:

    .. math:: e_j = \sum_i \frac{\text{days}_i\,\text{strength}_i}{\text{area}_i}\,m(j \cap i),

    m being area (km²) or, for lines, length (km). A share of all effort is spread evenly
    over every row, for what is seen where nobody is posted; without it a report from such a
    place would have no exposure, and the analysis would refuse it.

    Parameters
    ----------
    areas : GeoDataFrame
        Cells, areas or border segments.
    reaches : GeoDataFrame
        Areas that sites reach, such as from :func:`geocn.coverage.reach`, with ``starts_on``
        and ``ends_on`` (the last day; null is open) and, for ``kinds``, ``kind``. Rows
        without a reach are left out and counted.
    since, until : date
        First and last day of the time that the evidence is from.
    kinds : sequence of str
        Kinds of intervention that count; an empty one takes all.
    per_day : str, optional
        Column of the strength of a site on a day (personnel, boats, hours). Null counts as
        the median of the others. None: every site weighs 1.
    background_share : float
        Share of all effort that is spread evenly over all rows, from 0 to below 1.

    Returns
    -------
    GeoDataFrame
        The rows with ``effort`` (strength-days by area; for lines, strength-days per km² of
        reach times km) and ``n_sites`` that reach the row.

    Raises
    ------
    ParameterError
        Where the days or the share are out of range, or no site is left.
    SchemaError, LayerError
        Where a column is missing, or a strength is negative.
    CRSError
        Where a frame has no CRS.

    Notes
    -----
    Effort that was not reported is not in the result: where a partner withholds its patrols,
    rates there are too high.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(x, 0, x + 1, 1) for x in (0, 1)], crs=4326)
    >>> sites = gpd.GeoDataFrame({"kind": ["patrol"], "starts_on": ["2024-06-01"],
    ...     "ends_on": ["2024-06-10"], "capacity": [5]}, geometry=areas.geometry[:1], crs=4326)
    >>> found = enforcement_effort(areas, sites, since="2024-06-01", until="2024-06-05",
    ...     background_share=0)
    >>> found["effort"].round(3).tolist()
    [25.0, 0.0]
    """
    first, last = _day(since, "since"), _day(until, "until")
    if last < first or not 0 <= background_share < 1:
        raise ParameterError(
            f"since {since}, until {until}, background_share {background_share!r}: give days in "
            "order and a share from 0 to below 1"
        )
    sites, left_out = _looking(reaches, kinds)
    strength, n_assumed = _strength(sites, per_day)
    given = strength * _days_of_work(sites, first, last)
    shown = to_lonlat(areas, "areas")
    effort, n_sites = _shared_out(shown, sites, given)
    size = _sizes(shown)
    even = np.divide(size, size.sum(), out=np.zeros_like(size), where=size.sum() > 0)
    keep = background_share / (1 - background_share)
    result = areas.copy()
    result["effort"] = effort + keep * effort.sum() * even
    result["n_sites"] = n_sites
    return attach(
        result,
        "hotspots.enforcement_effort",
        since=since,
        until=until,
        kinds=list(kinds),
        per_day=per_day,
        background_share=background_share,
        crs=areas.crs,
        n_sites=len(sites),
        n_strengths_assumed=n_assumed,
        left_out=left_out,
    )


def _day(value: str | date | pd.Timestamp, name: str) -> pd.Timestamp:
    try:
        day = pd.Timestamp(value)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is {value!r}; give a date such as '2025-12-31'") from error
    return day.tz_localize("UTC") if day.tzinfo is None else day.tz_convert("UTC")


def _looking(
    reaches: gpd.GeoDataFrame, kinds: Sequence[str]
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    missing = [
        name
        for name in ("starts_on", "ends_on", *(["kind"] if kinds else []))
        if name not in reaches
    ]
    if missing:
        raise SchemaError(
            "reaches",
            found=f"no column {', '.join(missing)}",
            expected="starts_on, ends_on and kind",
            repair="Pass the result of coverage.reach(interventions).",
        )
    chosen = reaches["kind"].isin(list(kinds)).to_numpy() if kinds else np.ones(len(reaches), bool)
    placed = has_geometry(reaches)
    areal = placed & (shapely.get_dimensions(reaches.geometry.to_numpy()) == 2)
    left_out = {"other_kinds": int((~chosen).sum()), "no_reach": int((chosen & ~areal).sum())}
    return to_lonlat(reaches[chosen & areal], "reaches"), left_out


def _strength(sites: gpd.GeoDataFrame, per_day: str | None) -> tuple[FloatArray, int]:
    if per_day is None:
        return np.ones(len(sites)), 0
    values = numeric_column(sites, per_day, analysis="enforcement_effort")
    refuse_rows(
        sites,
        (values < 0) | np.isinf(values),
        analysis="reaches",
        found=f"negative or infinite {per_day}",
        expected="0 or more, or null",
    )
    unknown = np.isnan(values)
    usual = 1.0 if unknown.all() else float(np.median(values[~unknown]))
    return np.where(unknown, usual, values), int(unknown.sum())


def _days_of_work(sites: gpd.GeoDataFrame, first: pd.Timestamp, last: pd.Timestamp) -> FloatArray:
    starts = pd.to_datetime(sites["starts_on"], utc=True).fillna(first).clip(lower=first)
    ends = pd.to_datetime(sites["ends_on"], utc=True).fillna(last).clip(upper=last)
    days = (ends.dt.normalize() - starts.dt.normalize()).dt.days + 1
    worked: FloatArray = np.maximum(days.to_numpy(dtype=float), 0.0)
    return worked


def _shared_out(
    areas: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, given: FloatArray
) -> tuple[FloatArray, IntArray]:
    shapes, reach = areas.geometry.to_numpy(), sites.geometry.to_numpy()
    site, row = shapely.STRtree(shapes).query(reach, predicate="intersects")
    common = shapely.intersection(shapes[row], reach[site])
    inside = _measure(common, areas.crs, areal=shapely.get_dimensions(shapes[row]) == 2)
    area = _measure(reach, areas.crs, areal=np.ones(len(reach), dtype=bool))
    density = given / np.maximum(area, 1e-12)
    n = len(areas)
    effort = np.bincount(row, weights=density[site] * inside, minlength=n).astype(float)
    working = given[site] > 0
    return effort, np.bincount(row[working], minlength=n).astype(np.int64)


def _sizes(areas: gpd.GeoDataFrame) -> FloatArray:
    shapes = areas.geometry.to_numpy()
    return _measure(shapes, areas.crs, areal=shapely.get_dimensions(shapes) == 2)


def _measure(shapes: AnyArray, crs: object, *, areal: BoolArray) -> FloatArray:
    """Square kilometres where ``areal`` (a shared edge has none), elsewhere kilometres."""
    series = gpd.GeoSeries(shapes, crs=crs)
    size = np.zeros(len(shapes))
    if areal.any():
        size[areal] = series[areal].to_crs(equal_area_crs(series[areal])).area / 1e6
    size[~areal] = geodesic_length_km(shapes[~areal])
    return size
