"""Enforcement effort of a project's own interventions, as exposure of its hotspots."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from geocn import coverage, hotspots
from geocn.errors import ParameterError
from geocn.project.analyses import Effort


def with_effort(
    areas: gpd.GeoDataFrame,
    spec: Effort | None,
    interventions: gpd.GeoDataFrame | None,
    *,
    times: Sequence[pd.Series],
) -> tuple[gpd.GeoDataFrame, str | None]:
    """Add the column ``effort`` where it is asked for, and return its name.

    Parameters
    ----------
    areas : GeoDataFrame
        Cells, areas or segments.
    spec : Effort, optional
        What the project file asks for.
    interventions : GeoDataFrame, optional
        The sites.
    times : sequence of Series
        When the evidence was seen, for a span that the project file leaves open.

    Raises
    ------
    ParameterError
        Where the span is left open and no evidence has a time.
    """
    if spec is None or interventions is None:
        return areas, None
    seen = pd.concat([pd.to_datetime(series, utc=True) for series in times]).dropna()
    since, until = spec.since or _or_nothing(seen.min()), spec.until or _or_nothing(seen.max())
    if since is None or until is None:
        raise ParameterError("effort needs `since` and `until`: no evidence has a time")
    reaches = coverage.reach(interventions, distance_km=spec.distance_km)
    found = hotspots.enforcement_effort(
        areas,
        reaches,
        since=since,
        until=until,
        kinds=spec.kinds,
        background_share=spec.background_share,
        per_day="capacity" if "capacity" in reaches else None,
    )
    return found, "effort"


def _or_nothing(time: pd.Timestamp) -> pd.Timestamp | None:
    return None if pd.isna(time) else time
