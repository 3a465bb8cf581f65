"""Events as weighted places on a plane: what a density is summed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.hotspots.imputation import check_imputations, place_events
from geocn.hotspots.precision import Imprecise, check_imprecise, given_precision
from geocn.hotspots.values import numeric_column, refuse_rows
from geocn.spatial.crs import LONLAT, check_lonlat, equal_area_crs, require_crs

# Coordinates brought to another CRS at a time: what fits a processor's cache.
_AT_ONCE = 32_768


@dataclass(frozen=True, slots=True)
class WeightedPlaces:
    """Precise events at their places, and imprecise ones at those of every imputation.

    Attributes
    ----------
    xy, weight : (n, 2) and (n,) arrays
        Precise events.
    vague_xy, vague_weight : (m, k, 2) and (k,) arrays
        Imprecise events; each of the m imputations holds all of their weight.
    left_out : dict
        Number of events that take no part, by reason.
    """

    xy: FloatArray
    weight: FloatArray
    vague_xy: FloatArray
    vague_weight: FloatArray
    left_out: dict[str, int]

    @property
    def n_events(self) -> int:
        """Number of events that have a place."""
        return len(self.weight) + len(self.vague_weight)

    @property
    def imprecise_share(self) -> float:
        """Part of the weight that is known imprecisely; 0 where there is no weight."""
        vague = float(self.vague_weight.sum())
        total = vague + float(self.weight.sum())
        return vague / total if total > 0 else 0.0

    def stacked(self) -> tuple[FloatArray, FloatArray]:
        """All places at once, those of m imputations with an m-th of the weight each."""
        m, k = self.vague_xy.shape[:2]
        xy = np.concatenate([self.xy, self.vague_xy.reshape(m * k, 2)])
        return xy, np.concatenate([self.weight, np.tile(self.vague_weight / m, m)])


def weigh_places(
    events: gpd.GeoDataFrame,
    crs: pyproj.CRS,
    *,
    weight: str | None,
    finer_than_m: float,
    imprecise: Imprecise,
    imputations: int,
    seed: int,
    places: gpd.GeoDataFrame | None,
    analysis: str,
) -> WeightedPlaces:
    """Bring events to a plane, imprecise ones to several places they may lie in.

    Parameters
    ----------
    events : GeoDataFrame
        Points; areas, lines and events without geometry are imprecise, or left out where
        nothing tells where they are.
    crs : projected CRS
        The plane.
    weight : str, optional
        Numeric column; every event weighs 1 without it, 0 where it is null.
    finer_than_m, imprecise, imputations, seed, places
        As of :func:`geocn.hotspots.imputation.place_events`; ``imprecise`` is ``"spread"``
        or ``"leave_out"``.
    analysis : str
        Name for messages.

    Raises
    ------
    ParameterError, SchemaError, LayerError, CRSError, CoordinateError
        Where an option is wrong, a weight is negative or infinite, a CRS is missing, or
        coordinates lie nowhere on Earth.
    """
    check_imprecise(imprecise)
    check_imputations(imputations)
    amount = event_weights(events, weight, analysis=analysis)
    coordinates, doubtful = _known_points(events, finer_than_m)
    xy = _to_plane(coordinates, require_crs(events, "events"), crs)
    if not doubtful.any():
        return WeightedPlaces(xy, amount, np.empty((1, 0, 2)), np.empty(0), {"no_geometry": 0})
    vague = doubtful.copy()
    placed = place_events(
        events[doubtful],
        crs=crs,
        finer_than_m=finer_than_m,
        imputations=imputations,
        seed=seed,
        places=places,
    )
    lost = np.isnan(placed.xy[0]).any(axis=1)
    vague[doubtful] = placed.is_imprecise & ~lost
    small = ~placed.is_imprecise & ~lost
    exact_weight = amount[doubtful][small]
    xy = np.concatenate([xy, placed.xy[0][small]])
    precise_weight = np.concatenate([amount[~doubtful], exact_weight])
    left_out = {"no_geometry": int(lost.sum())}
    if imprecise == "leave_out":
        left_out["imprecise"] = int(vague.sum())
        vague[:] = False
    return WeightedPlaces(
        xy, precise_weight, placed.xy[:, vague[doubtful]], amount[vague], left_out
    )


def with_passes(
    exact: FloatArray, passes: Iterable[FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Join the density of precise events with those of imprecise ones in every imputation.

    Returns
    -------
    total, deviation, imprecise_share : arrays
        The density; its standard deviation between imputations, by Rubin's factor (1 + 1/m)
        on the variance; and the part of imprecise events in it, NaN where it is 0.

    Examples
    --------
    >>> with_passes(np.array([1.0]), [np.array([1.0]), np.array([3.0])])
    (array([3.]), array([1.73205081]), array([0.66666667]))
    """
    mean, squares, m = np.zeros_like(exact), np.zeros_like(exact), 0
    for once in passes:
        m += 1
        # Welford's update: the densities need not be kept.
        change = once - mean
        mean += change / m
        squares += change * (once - mean)
    total = exact + mean
    deviation = np.sqrt((1 + 1 / max(m, 1)) * squares / max(m - 1, 1))
    share = np.divide(mean, total, out=np.full_like(total, np.nan), where=total > 0)
    return total, deviation, share


def event_weights(events: pd.DataFrame, weight: str | None, *, analysis: str) -> FloatArray:
    """Weights of events: 1 without a column, 0 where it is null, never negative.

    Raises
    ------
    SchemaError, LayerError
        Where the column is missing, not of numbers, or holds negative or infinite ones.
    """
    if weight is None:
        return np.ones(len(events))
    amount: FloatArray = np.nan_to_num(
        numeric_column(events, weight, analysis=analysis), posinf=np.inf, neginf=-np.inf
    )
    bad = (amount < 0) | np.isinf(amount)
    refuse_rows(
        events, bad, analysis=analysis, found=f"negative or infinite {weight}", expected=">= 0"
    )
    return amount


def plane_of(events: gpd.GeoDataFrame) -> pyproj.CRS:
    """Choose the equal-area CRS of events, as ``equal_area_crs`` does but quicker for points."""
    crs = require_crs(events, "events")
    geometry = events.geometry.to_numpy()
    xy = shapely.get_coordinates(geometry)
    if not len(xy) or (shapely.get_type_id(geometry) > 0).any():
        return equal_area_crs(events)
    degrees = _to_plane(xy, crs, pyproj.CRS(LONLAT))
    low, high = degrees.min(axis=0), degrees.max(axis=0)
    # Below half a turn the widest gap between longitudes is the one around the globe.
    if not (np.isfinite([low, high]).all() and high[0] - low[0] < 180):
        return equal_area_crs(events)
    return equal_area_crs(gpd.GeoSeries(shapely.points([low, high]), crs=LONLAT))


def _known_points(events: gpd.GeoDataFrame, finer_than_m: float) -> tuple[FloatArray, BoolArray]:
    """Coordinates of precise points, and which events are anything else."""
    geometry = np.asarray(events.geometry, dtype=object)
    xy = _xy_of_points(geometry)
    vague = given_precision(events) > finer_than_m
    if not np.isnan(xy).any():
        return (xy[~vague] if vague.any() else xy), vague
    doubtful = (shapely.get_type_id(geometry) != 0) | shapely.is_empty(geometry) | vague
    return shapely.get_coordinates(geometry[~doubtful]), doubtful


def _xy_of_points(geometry: AnyArray) -> FloatArray:
    """Coordinates of points, NaN for anything else; quicker than to ask for all of a geometry."""
    xy = np.empty((2, len(geometry)))
    for begin in range(0, len(geometry), _AT_ONCE):
        some = geometry[begin : begin + _AT_ONCE]
        # GEOS refuses to name the coordinates of an empty point.
        empty = shapely.is_empty(some)
        if empty.any():
            some = some.copy()
            some[empty] = None
        xy[0, begin : begin + _AT_ONCE] = shapely.get_x(some)
        xy[1, begin : begin + _AT_ONCE] = shapely.get_y(some)
    return xy.T


def _to_plane(xy: FloatArray, source: pyproj.CRS, target: pyproj.CRS) -> FloatArray:
    if source.is_geographic and not (np.abs(xy) <= (180.0, 90.0)).all():
        check_lonlat(gpd.GeoSeries(shapely.points(xy), crs=source), "events")
    if source == target:
        return xy
    turn = pyproj.Transformer.from_crs(source, target, always_xy=True)
    turned = np.empty((2, len(xy)))
    for begin in range(0, len(xy), _AT_ONCE):
        x, y = np.ascontiguousarray(xy[begin : begin + _AT_ONCE].T)
        turned[:, begin : begin + _AT_ONCE] = turn.transform(x, y)
    return turned.T
