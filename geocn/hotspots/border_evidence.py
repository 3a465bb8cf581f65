"""Which segment of a border each crossing and each seizure belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.imputation import place_events
from geocn.hotspots.precision import PRECISION
from geocn.spatial.crs import equal_area_crs, require_crs, to_lonlat
from geocn.spatial.nearest import nearest_line

# Degrees. Two segments of one chain meet within it, two that only share a chainage lie apart.
_ON_SEGMENT: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Located:
    """Where pieces of evidence lie.

    Attributes
    ----------
    rows : (m, k) integer array
        Row of the segment of each of k pieces in each of m imputations, -1 for none.
    imprecise : (k,) boolean array
    left_out : dict
        How many stand in no segment, by reason: the mean over imputations.
    """

    rows: IntArray
    imprecise: BoolArray
    left_out: dict[str, float] = field(default_factory=dict)

    def sum_by_segment(self, n: int, amount: FloatArray | None = None) -> AnyArray:
        """Sum an amount (1 where not given) over the pieces in each segment: (m, n)."""
        return np.stack([_sums(row, n, amount) for row in self.rows])

    def only(self, chosen: BoolArray) -> Located:
        """Return the chosen pieces alone."""
        return Located(self.rows[:, chosen], self.imprecise[chosen])

    def imputed(self, imputations: int) -> Located:
        """Repeat what is the same in all imputations."""
        if len(self.rows) == imputations:
            return self
        rows = np.broadcast_to(self.rows, (imputations, self.rows.shape[1]))
        return Located(rows, self.imprecise, self.left_out)


def _sums(at: IntArray, n: int, amount: FloatArray | None) -> AnyArray:
    inside = at >= 0
    weights = None if amount is None else amount[inside]
    return np.bincount(at[inside], weights=weights, minlength=n)


def mean_of(values: AnyArray) -> AnyArray:
    """Mean over the imputations; whole numbers stay whole where there is one."""
    mean: AnyArray = values[0] if len(values) == 1 else values.mean(axis=0)
    return mean


def segment_of(crossings: gpd.GeoDataFrame, segments: gpd.GeoDataFrame) -> IntArray:
    """Row of the segment that holds each crossing's chainage, -1 where none does.

    Where one chain of a border ends at the chainage at which the next begins, the crossing
    belongs to the segment that it lies on.
    """
    at = np.full(len(crossings), -1, dtype=np.int64)
    starts = segments["chainage_from_km"].to_numpy(dtype=float)
    ends = segments["chainage_to_km"].to_numpy(dtype=float)
    place = crossings["chainage_km"].to_numpy(dtype=float, na_value=np.nan)
    places = to_lonlat(crossings, "crossings").geometry.to_numpy()
    lines = to_lonlat(segments, "segments").geometry.to_numpy()
    rows_of = pd.DataFrame({"dyad": segments["dyad"].to_numpy()}).groupby("dyad").indices
    for dyad, members in crossings.groupby("dyad", dropna=True).indices.items():
        if dyad not in rows_of:
            continue
        rows = np.asarray(rows_of[dyad])
        rows = rows[np.argsort(starts[rows], kind="stable")]
        found = np.searchsorted(starts[rows], place[members], side="right") - 1
        row = rows[np.maximum(found, 0)]
        inside = _holds(place[members], starts[row], ends[row])
        at[members[inside]] = row[inside]
        for step in (-1, 1):
            other = rows[np.clip(found + step, 0, len(rows) - 1)]
            tied = _holds(place[members], starts[other], ends[other]) & (other != row)
            if not tied.any():
                continue
            who, instead = members[tied], other[tied]
            nearer = _lies_nearer(places[who], lines, at[who], instead)
            at[who[nearer]] = instead[nearer]
    return at


def _holds(place: FloatArray, start: FloatArray, end: FloatArray) -> BoolArray:
    # Chainages were summed in different orders: a metre of slack at both ends.
    held: BoolArray = (place >= start - 1e-3) & (place <= end + 1e-3)
    return held


def _lies_nearer(places: AnyArray, lines: AnyArray, row: IntArray, other: IntArray) -> BoolArray:
    """Whether places lie off the segment of a row (or have none), and nearer to another."""
    apart, instead = (shapely.distance(places, lines[part]) for part in (row, other))
    nearer: BoolArray = (row < 0) | ((apart > _ON_SEGMENT) & (instead < apart))
    return nearer


def locate_crossings(
    crossings: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    chains: Chains,
    *,
    imputations: int,
    seed: int,
) -> Located:
    """Find the segments of crossings; those of imprecise routes lie anywhere within reach.

    A route known less precisely than the length of the segment it crosses may cross
    anywhere on the chain within that distance, by chainage; all its crossings move alike.
    """
    at = segment_of(crossings, segments)
    left_out: dict[str, float] = {"crossings_without_segment": int((at < 0).sum())}
    vague = _imprecise(crossings, segments, at)
    if not vague.any():
        return Located(at[None], vague, left_out)
    if imputations == 0:
        left_out["crossings_imprecise"] = int(vague.sum())
        return Located(np.where(vague, -1, at)[None], vague, left_out)
    place_of = np.empty(len(segments), dtype=np.int64)
    place_of[chains.order] = np.arange(len(segments))
    place = place_of[at[vague]]
    radius = crossings[PRECISION].to_numpy(dtype=float, na_value=np.nan)[vague] / 1000
    known = crossings["chainage_km"].to_numpy(dtype=float)[vague]
    begin, end = chains.bounds_km(place)
    low, high = np.maximum(known - radius, begin), np.minimum(known + radius, end)
    route = _route_codes(crossings)[vague]
    draws = np.random.default_rng([seed, 1]).random((route.max() + 1, imputations)).T
    spread = low + draws[:, route] * (high - low)
    full = np.repeat(at[None], imputations, axis=0)
    full[:, vague] = chains.order[chains.find(chains.chain[place], spread)]
    return Located(full, vague, left_out)


def _imprecise(crossings: gpd.GeoDataFrame, segments: gpd.GeoDataFrame, at: IntArray) -> BoolArray:
    if PRECISION not in crossings or not len(segments):
        return np.zeros(len(crossings), dtype=bool)
    radius = crossings[PRECISION].to_numpy(dtype=float, na_value=np.nan)
    length = segments["length_km"].to_numpy(dtype=float)[np.maximum(at, 0)]
    vague: BoolArray = (at >= 0) & (np.nan_to_num(radius) > 1000 * length)
    return vague


def _route_codes(crossings: gpd.GeoDataFrame) -> IntArray:
    """Tell routes apart by numbers that do not depend on the order of rows."""
    names = [name for name in ("route_row", "route_id") if name in crossings]
    if not names:
        # Every crossing is a route of its own, told apart by where it crosses.
        place = crossings[["dyad", "chainage_km"]].to_numpy(dtype=object).astype(str).T
        code = np.empty(len(crossings), dtype=np.int64)
        code[np.lexsort(place[::-1])] = np.arange(len(crossings))
        return code
    groups = pd.DataFrame(crossings[names]).groupby(names, dropna=False)
    return groups.ngroup().to_numpy().astype(np.int64)


def locate_seizures(
    seizures: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    *,
    reach_m: float,
    imputations: int,
    seed: int,
    places: gpd.GeoDataFrame | None,
) -> Located:
    """Find the nearest segment within reach of each seizure, in each imputation."""
    require_crs(seizures, "seizures")
    metric = equal_area_crs(segments, seizures)
    placed = place_events(
        seizures,
        crs=metric,
        finer_than_m=reach_m,
        imputations=max(imputations, 1),
        seed=seed,
        places=places,
        layer="seizures",
    )
    vague, present = placed.is_imprecise, np.isfinite(placed.xy[0]).all(axis=1)
    lines = segments.geometry.to_numpy()

    def nearest(xy: FloatArray) -> IntArray:
        points = gpd.GeoSeries(gpd.points_from_xy(*xy.reshape(-1, 2).T), crs=metric)
        degrees = points.to_crs("EPSG:4326")
        row, _ = nearest_line(degrees.x.to_numpy(), degrees.y.to_numpy(), lines, reach_m=reach_m)
        return row.reshape(xy.shape[:-1])

    m = imputations if vague.any() and imputations else 1
    at = np.full((m, len(seizures)), -1, dtype=np.int64)
    sure = present & ~vague
    at[:, sure] = nearest(placed.xy[0][sure])
    left_out: dict[str, float] = {"seizures_without_geometry": int((~present).sum())}
    counted = present
    if imputations:
        at[:, vague] = nearest(placed.xy[:m, vague])
    else:
        left_out["seizures_imprecise"] = int(vague.sum())
        counted = sure
    outside = (at[:, counted] < 0).sum(axis=1)
    left_out["seizures_out_of_reach"] = int(outside[0]) if m == 1 else float(outside.mean())
    return Located(at, vague, left_out)


def first_of_route(crossings: gpd.GeoDataFrame, at: IntArray, when: pd.Series) -> BoolArray:
    """Which crossings are the first of their route in their segment; those undated last."""
    codes, inside = _route_codes(crossings), at >= 0
    order = np.lexsort((when.to_numpy(), at, codes))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(codes[order]) != 0) | (np.diff(at[order]) != 0)
    first = np.zeros(len(crossings), dtype=bool)
    first[order] = fresh
    return first & inside


def routes_by_segment(
    crossings: gpd.GeoDataFrame, found: Located, n: int
) -> tuple[AnyArray, AnyArray]:
    """Count the different routes that cross each segment, and those of them imprecise."""
    codes = _route_codes(crossings)
    span = int(codes.max(initial=0)) + 1
    routes = np.zeros((len(found.rows), n), dtype=np.int64)
    vague = np.zeros_like(routes)
    for row, at in enumerate(found.rows):
        inside = at >= 0
        key = at[inside] * span + codes[inside]
        routes[row] = np.bincount(np.unique(key) // span, minlength=n)
        if found.imprecise.any():
            sure = np.unique(key[~found.imprecise[inside]])
            vague[row] = routes[row] - np.bincount(sure // span, minlength=n)
    return routes, vague


def going_forward(crossings: gpd.GeoDataFrame) -> BoolArray:
    """Say which crossings go from the first country of the dyad to the second."""
    pairs = zip(crossings["dyad"], crossings["from_country"], strict=True)
    return np.array([str(d).partition("-")[0] == country for d, country in pairs], dtype=bool)
