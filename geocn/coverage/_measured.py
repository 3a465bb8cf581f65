"""The measuring itself: demand as rows or as a raster against what is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from pyproj import CRS

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage import complementarity
from geocn.coverage._demand import Demand, prepare
from geocn.coverage._gaps import WHOLE, describe_gaps, gaps_of_rows
from geocn.coverage._groups import Groups, codes, group_tables, shares_of_groups
from geocn.coverage._precision import Reached, bounds, radii_m, reached, spread
from geocn.coverage._raster_demand import (
    RasterDemand,
    raster_demand,
    raster_gaps,
    raster_result,
    shares_of_raster_groups,
)
from geocn.coverage._regions import Regions, cover
from geocn.coverage.by_area import area_names, areas_on_plane, raster_by_area, rows_by_area


@dataclass(frozen=True)
class Field:
    """Reaches on the plane of an analysis, what they reach together, and their labels."""

    reaches: gpd.GeoDataFrame
    shapes: ObjectArray
    found: Reached
    labels: Mapping[str, pd.Series]
    side: pd.Series
    areas: tuple[ObjectArray, ObjectArray] | None
    plane: CRS


@dataclass(frozen=True)
class Measured:
    """What was measured; ``sums`` has demand, covered, least and most by area."""

    ready: Demand | RasterDemand
    covered: float
    low: float
    high: float
    demand: gpd.GeoDataFrame | xr.Dataset
    groups: dict[str, Groups]
    gaps: gpd.GeoDataFrame
    classes: pd.DataFrame
    pieces: gpd.GeoDataFrame
    sums: FloatArray | None


def field_of(
    reaches: gpd.GeoDataFrame,
    labels: Mapping[str, pd.Series],
    side: pd.Series,
    areas: gpd.GeoDataFrame | None,
    plane: CRS,
) -> Field:
    """Bring reaches and areas to one plane."""
    shapes, found = reached(reaches, plane)
    named = None if areas is None else (areas_on_plane(areas, plane), area_names(areas))
    return Field(reaches, shapes, found, labels, side, named, plane)


def measure_rows(
    demand: gpd.GeoDataFrame, weight: str | None, field: Field, *, once: bool
) -> Measured:
    """Measure points, lines and areas."""
    radius = radii_m(demand, "demand")
    exact = prepare(demand, weight, plane=field.plane, once=once)
    edges = field.shapes if field.areas is None else np.concatenate([field.shapes, field.areas[0]])
    ready = spread(exact, radius, edges)
    share, rest = cover(ready, field.found.drawn, remainder=True)
    low, high = bounds(ready, share, radius, field.found)
    groups = {}
    for name, labels in field.labels.items():
        names, group = codes(labels)
        shares = shares_of_groups(ready, Regions(field.shapes, group, len(names)))
        groups[name] = group_tables(shares, labels, field.shapes, ready.total)
    gaps = describe_gaps(
        gaps_of_rows(demand, ready, share, rest), field.reaches, field.areas, field.plane
    )
    both = complementarity.regions_of_sides(field.shapes, field.side)
    classes, pieces = complementarity.of_rows(demand, ready, both)
    sums = None
    if field.areas is not None:
        sums = rows_by_area(ready, (share, low, high), field.found, field.areas[0])
    n_partners = next(iter(groups.values())).n_groups
    return Measured(
        ready=ready,
        covered=ready.dot(share),
        low=ready.dot(low),
        high=ready.dot(high),
        demand=_columns(demand, ready, (share, low, high), n_partners),
        groups=groups,
        gaps=gaps,
        classes=classes,
        pieces=pieces,
        sums=sums,
    )


def _columns(
    demand: gpd.GeoDataFrame,
    ready: Demand,
    shares: tuple[FloatArray, FloatArray, FloatArray],
    n_partners: IntArray,
) -> gpd.GeoDataFrame:
    """Demand with what it weighs and how much of it is covered; null where it counts nowhere."""
    frame = demand.copy()
    share = shares[0]
    counted = ready.placed & (ready.sizes > 0)
    frame["demand_weight"] = ready.weights
    frame["covered_weight"] = np.where(ready.placed, ready.weights * share, np.nan)
    names = ("share_covered", "share_covered_low", "share_covered_high")
    for name, values in zip(names, shares, strict=True):
        frame[name] = np.where(counted, values, np.nan)
    frame["n_partners"] = pd.Series(n_partners, frame.index, dtype="Int64").where(counted)
    frame["covered"] = pd.Series(share >= WHOLE, frame.index, dtype="boolean").where(counted)
    return frame


def measure_raster(demand: xr.DataArray, per: str, field: Field) -> Measured:
    """Measure a raster: totals by exact sums over regions, shares cell by cell."""
    ready = raster_demand(demand, per)
    found = field.found
    covered, low, high = ready.weigh([found.drawn, found.surely, found.possibly])
    share = ready.share(found.drawn)
    shares = (share, share, share)
    if found.imprecise:
        shares = (share, ready.share(found.surely), ready.share(found.possibly))
    groups = {}
    for name, labels in field.labels.items():
        names, group = codes(labels)
        weighed = shares_of_raster_groups(ready, Regions(field.shapes, group, len(names)))
        groups[name] = group_tables(weighed, labels, field.shapes, ready.total)
    gaps = raster_gaps(ready, share, found.drawn)
    both = complementarity.regions_of_sides(field.shapes, field.side)
    classes, pieces = complementarity.of_raster(ready, both)
    n_partners = next(iter(groups.values())).n_groups
    return Measured(
        ready=ready,
        covered=float(covered),
        low=float(min(low, covered)),
        high=float(max(high, covered)),
        demand=raster_result(ready, shares, n_partners),
        groups=groups,
        gaps=describe_gaps(gaps, field.reaches, field.areas, field.plane),
        classes=classes,
        pieces=pieces,
        sums=None if field.areas is None else raster_by_area(ready, found, field.areas[0]),
    )
