"""Which segment of a border each crossing and each seizure belongs to."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.hotspots.precision import Imprecise, centres_and_precision, scatter
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs, to_lonlat
from geocn.spatial.nearest import nearest_line


def segment_of(crossings: gpd.GeoDataFrame, segments: gpd.GeoDataFrame) -> IntArray:
    """Row of the segment that holds each crossing's chainage, -1 where none does."""
    at = np.full(len(crossings), -1, dtype=np.int64)
    starts = segments["chainage_from_km"].to_numpy(dtype=float)
    ends = segments["chainage_to_km"].to_numpy(dtype=float)
    place = crossings["chainage_km"].to_numpy(dtype=float, na_value=np.nan)
    rows_of = pd.DataFrame({"dyad": segments["dyad"].to_numpy()}).groupby("dyad").indices
    for dyad, members in crossings.groupby("dyad", dropna=True).indices.items():
        if dyad not in rows_of:
            continue
        rows = np.asarray(rows_of[dyad])
        rows = rows[np.argsort(starts[rows], kind="stable")]
        found = np.searchsorted(starts[rows], place[members], side="right") - 1
        row = rows[np.maximum(found, 0)]
        # Chainages were summed in different orders: a metre of slack at both ends.
        inside = (place[members] >= starts[row] - 1e-3) & (place[members] <= ends[row] + 1e-3)
        at[members[inside]] = row[inside]
    return at


def seizures_of(
    seizures: gpd.GeoDataFrame | None,
    segments: gpd.GeoDataFrame,
    *,
    reach_m: float,
    imprecise: Imprecise,
    seed: int,
    left_out: dict[str, int],
) -> tuple[IntArray, BoolArray]:
    """Return the nearest segment within reach of each seizure, and which are imprecise.

    Rows of the segments, -1 where none is within reach; ``left_out`` receives the counts of
    those without geometry, out of reach and, where so asked, imprecise.
    """
    if seizures is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
    require_crs(seizures, "seizures")
    present = has_geometry(seizures)
    near = np.full(len(seizures), -1, dtype=np.int64)
    vague = np.zeros(len(seizures), dtype=bool)
    left_out["seizures_without_geometry"] = int((~present).sum())
    shown = to_lonlat(seizures.iloc[np.flatnonzero(present)], "seizures")
    metric = equal_area_crs(segments, shown)
    xy, radius = centres_and_precision(shown.to_crs(metric))
    vague[present] = radius > reach_m
    if imprecise == "spread":
        moved = vague[present]
        xy[moved] = scatter(xy[moved], radius[moved], seed=seed)
    degrees = gpd.GeoSeries(gpd.points_from_xy(xy[:, 0], xy[:, 1]), crs=metric).to_crs("EPSG:4326")
    lines = segments.geometry.to_numpy()
    near[present], _ = nearest_line(
        degrees.x.to_numpy(), degrees.y.to_numpy(), lines, reach_m=reach_m
    )
    if imprecise == "leave_out":
        near[vague] = -1
        left_out["seizures_imprecise"] = int(vague.sum())
    dropped = vague if imprecise == "leave_out" else np.zeros(len(vague), dtype=bool)
    left_out["seizures_out_of_reach"] = int((present & (near < 0) & ~dropped).sum())
    return near, vague


def routes_of(crossings: gpd.GeoDataFrame, at: IntArray, n: int) -> IntArray:
    """Count the different routes that cross each segment."""
    inside = at >= 0
    if "route_row" not in crossings:
        return np.bincount(at[inside], minlength=n).astype(np.int64)
    names = [name for name in ("route_row", "route_id") if name in crossings]
    once = pd.DataFrame(crossings[names]).assign(segment=at)[inside].drop_duplicates()
    return np.bincount(once["segment"].to_numpy(), minlength=n).astype(np.int64)


def flow_of(crossings: gpd.GeoDataFrame, weight: str, at: IntArray, n: int) -> FloatArray:
    """Sum a column of the crossings by segment; null weighs nothing."""
    if weight not in crossings:
        return np.full(n, np.nan)
    amount = np.nan_to_num(crossings[weight].to_numpy(dtype=float, na_value=np.nan))
    total = np.bincount(at[at >= 0], weights=amount[at >= 0], minlength=n)
    return total.astype(float)


def share_forward(crossings: gpd.GeoDataFrame, at: IntArray, n: int) -> FloatArray:
    """Return the share of crossings from the first country of the dyad to the second."""
    pairs = zip(crossings["dyad"], crossings["from_country"], strict=True)
    forward = np.array([str(d).partition("-")[0] == country for d, country in pairs], dtype=bool)
    counts = np.bincount(at[at >= 0], minlength=n)
    ab = np.bincount(at[(at >= 0) & forward], minlength=n)
    return np.where(counts > 0, ab / np.maximum(counts, 1), np.nan)
