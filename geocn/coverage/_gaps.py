"""What nobody reaches, ranked, with the area it lies in and the nearest site."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from scipy.spatial import KDTree

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand
from geocn.coverage.capacity import site_places
from geocn.spatial.crs import LONLAT
from geocn.spatial.geodesy import distance_m

WHOLE = 1 - 1e-9
# On a sphere another site may seem nearer; these many are measured on the ellipsoid.
_CANDIDATES = 4


def gaps_of_rows(
    demand: gpd.GeoDataFrame, ready: Demand, share: FloatArray, rest: ObjectArray
) -> gpd.GeoDataFrame:
    """Uncovered parts of demand, heaviest first, in the demand's CRS."""
    weight = ready.weights * (1 - share)
    open_ = np.flatnonzero(ready.placed & (share < WHOLE) & (ready.sizes > 0))
    order = open_[np.argsort(-weight[open_], kind="stable")]
    gaps = demand.iloc[order].copy()
    shapes = gpd.GeoSeries(rest[order], index=gaps.index, crs=ready.plane).to_crs(demand.crs)
    # Where a place is uncertain the gap is the place as given, not a part of its circle.
    shapes = shapes.where(~ready.spread[order], gaps.geometry)
    gaps = gaps.set_geometry(shapes)
    # Demand that is itself a ranked result brings a rank of its own, which means another thing.
    gaps = gaps.drop(columns="rank", errors="ignore")
    gaps.insert(0, "rank", np.arange(1, len(gaps) + 1))
    gaps["gap_weight"] = weight[order]
    gaps["share_uncovered"] = 1 - share[order]
    return gaps


def describe_gaps(
    gaps: gpd.GeoDataFrame,
    reaches: gpd.GeoDataFrame,
    areas: tuple[ObjectArray, ObjectArray] | None,
    plane: CRS,
) -> gpd.GeoDataFrame:
    """Add the nearest site, how far it is, and the area that a gap lies in.

    Parameters
    ----------
    areas : (shapes on the plane, names), optional
    """
    middle = _middles(np.asarray(gaps.geometry.to_crs(plane).to_numpy(), dtype=object))
    degrees = gpd.GeoSeries(middle, crs=plane).to_crs(LONLAT)
    row, metres = nearest_sites(degrees.x.to_numpy(), degrees.y.to_numpy(), *site_places(reaches))
    names = _names_of_sites(reaches)
    found = row >= 0
    nearest = np.full(len(gaps), None, dtype=object)
    nearest[found] = names[row[found]]
    gaps["nearest_site"] = pd.Series(nearest, index=gaps.index, dtype="str")
    gaps["nearest_site_km"] = metres / 1000
    if areas is not None:
        shapes, called = areas
        point, area = shapely.STRtree(shapes).query(middle, predicate="intersects")
        inside = np.full(len(gaps), None, dtype=object)
        # The first area, where several hold it.
        order = np.lexsort((-area, point))
        inside[point[order]] = called[area[order]]
        gaps["area"] = pd.Series(inside, index=gaps.index, dtype="str")
    return gaps


def _middles(shapes: ObjectArray) -> ObjectArray:
    """Return the centroid of each gap, or a place within it where it lies outside an area."""
    middle = np.asarray(shapely.centroid(shapes), dtype=object)
    outside = (shapely.get_dimensions(shapes) == 2) & ~shapely.covers(shapes, middle)
    middle[outside] = shapely.point_on_surface(shapes[outside])
    return middle


def _names_of_sites(reaches: gpd.GeoDataFrame) -> ObjectArray:
    """Return the identifier of each site, else its index."""
    index = pd.Series([str(label) for label in reaches.index], index=reaches.index, dtype="str")
    if "intervention_id" in reaches:
        own = reaches["intervention_id"].astype("str")
        index = own.where(reaches["intervention_id"].notna(), index)
    return np.asarray(index, dtype=object)


def nearest_sites(
    lon: FloatArray, lat: FloatArray, site_lon: FloatArray, site_lat: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Nearest site to each place and its geodesic distance in metres; -1 and NaN where none."""
    known = np.flatnonzero(np.isfinite(site_lon) & np.isfinite(site_lat))
    row, metres = np.full(len(lon), -1, dtype=np.int64), np.full(len(lon), np.nan)
    placed = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if not len(known) or not len(placed):
        return row, metres
    k = min(_CANDIDATES, len(known))
    tree = KDTree(_unit(site_lon[known], site_lat[known]))
    near: Any = tree.query(_unit(lon[placed], lat[placed]), k=k)[1]
    near = known[np.reshape(near, (len(placed), k))]
    far = distance_m(lon[placed, None], lat[placed, None], site_lon[near], site_lat[near])
    best = np.lexsort((near, far))[:, 0] if k > 1 else np.zeros(len(placed), dtype=np.int64)
    one = np.arange(len(placed))
    row[placed], metres[placed] = near[one, best], far[one, best]
    return row, metres


def _unit(lon: FloatArray, lat: FloatArray) -> FloatArray:
    x, y = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
