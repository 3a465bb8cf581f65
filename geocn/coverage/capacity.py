"""How much of the demand within reach the sites have the capacity to serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack

from geocn._typing import BoolArray, FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand
from geocn.coverage._raster_demand import RasterDemand
from geocn.coverage._regions import polygons, within
from geocn.errors import GeocnError, SchemaError
from geocn.spatial.crs import LONLAT
from geocn.spatial.geodesy import distance_m

Allocation = Literal["most", "nearest", "proportional"]
ALLOCATIONS = ("most", "nearest", "proportional")


@dataclass(frozen=True)
class Service:
    """What sites can serve of the demand that they reach.

    Parameters
    ----------
    served, share_served : float
        Demand served under the allocation, and its part of all demand. Sites that state
        no capacity serve nobody here.
    share_served_high : float
        The same if sites that state no capacity had no limit.
    most, share_most : float
        The most that any allocation could serve (maximum flow).
    allocation : str
        The one that was asked for.
    sites : DataFrame
        With the index of the reaches: ``capacity``, ``within_reach`` (demand that the
        site reaches), ``served`` and ``share_used`` of its capacity.
    n_unknown : int
        Sites with a reach that state no capacity.
    """

    served: float
    share_served: float
    share_served_high: float
    most: float
    share_most: float
    allocation: str
    sites: pd.DataFrame
    n_unknown: int


@dataclass(frozen=True)
class Units:
    """Demand cut so that every unit is reached whole by the same sites.

    ``reach`` is a (units, sites) matrix; what nobody reaches is left out.
    """

    weights: FloatArray
    reach: csr_array
    lon: FloatArray
    lat: FloatArray


def capacities(reaches: pd.DataFrame) -> FloatArray:
    """Capacity of each site, NaN where none is stated.

    Raises
    ------
    SchemaError
        Where there is no such column, or a capacity is negative or no number.
    """
    if "capacity" not in reaches:
        raise SchemaError(
            "reaches",
            found="no column capacity",
            expected="how much of the demand each site can serve",
            repair="Add the column, or leave capacity=… out.",
        )
    numbers = pd.to_numeric(reaches["capacity"], errors="coerce")
    values: FloatArray = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = (values < 0) | np.isinf(values) | (np.isnan(values) & reaches["capacity"].notna())
    if wrong.any():
        raise SchemaError(
            "reaches",
            found=f"capacity such as {reaches['capacity'][wrong].iloc[0]!r}",
            expected="0 or more in the unit of the demand's weight, or null",
            repair="Correct these rows.",
            rows=list(reaches.index[wrong]),
        )
    return values


def serve(
    ready: Demand | RasterDemand,
    reaches: gpd.GeoDataFrame,
    shapes: ObjectArray,
    *,
    allocation: Allocation,
) -> Service:
    """Allocate demand to the sites that reach it, none beyond its capacity."""
    capacity = capacities(reaches)
    units = units_of(ready, shapes)
    stated, total = np.nan_to_num(capacity), ready.total
    present = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    unknown = np.isnan(capacity) & present
    most = _most(units, stated)
    flows = _allocate(units, stated, allocation, reaches, most)
    by_site = np.asarray(flows.sum(axis=0)).ravel()
    served, high = float(by_site.sum()), float(by_site.sum())
    if unknown.any():
        endless = np.where(unknown, units.weights.sum(), stated)
        best = _most(units, endless)
        high = float(_allocate(units, endless, allocation, reaches, best).sum())
    within_reach = np.asarray(units.weights @ units.reach).ravel()
    used = np.divide(by_site, stated, out=np.full(len(stated), np.nan), where=stated > 0)
    sites = pd.DataFrame(
        {
            "capacity": capacity,
            "within_reach": np.where(present, within_reach, np.nan),
            "served": np.where(present & ~unknown, by_site, np.nan),
            "share_used": np.where(present & ~unknown, used, np.nan),
        },
        index=reaches.index,
    )
    return Service(
        served=served,
        share_served=served / total if total else float("nan"),
        share_served_high=max(high, served) / total if total else float("nan"),
        most=float(most.sum()),
        share_most=float(most.sum()) / total if total else float("nan"),
        allocation=allocation,
        sites=sites,
        n_unknown=int(unknown.sum()),
    )


def units_of(ready: Demand | RasterDemand, shapes: ObjectArray) -> Units:
    """Cut demand at the edges of all reaches; points stay one unit each."""
    sites = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    n = len(shapes)
    faces = _faces(shapes[sites])
    centre = shapely.point_on_surface(faces)
    face, site = _pairs(centre, shapes[sites], sites)
    if isinstance(ready, RasterDemand):
        weight = ready.weigh([polygons(f) for f in faces])
        return _units(weight, face, site, n, centre, ready.plane)
    point = ready.placed & (shapely.get_type_id(ready.shapes) == 0)
    rows = np.flatnonzero(point)
    row, by = _pairs(ready.shapes[rows], shapes[sites], sites)
    rest = np.flatnonzero(ready.placed & ~point & (ready.sizes > 0))
    pieces, _, at = within(ready.cut(ready.shapes[rest], rest, ready.sizes[rest]), faces)
    areal = np.asarray(np.bincount(at, pieces.weights, len(faces)), dtype=np.float64)
    one = _units(ready.weights[rows], row, by, n, ready.shapes[rows], ready.plane)
    other = _units(areal, face, site, n, centre, ready.plane)
    return Units(
        np.concatenate([one.weights, other.weights]),
        csr_array(vstack([one.reach, other.reach])),
        np.concatenate([one.lon, other.lon]),
        np.concatenate([one.lat, other.lat]),
    )


def _faces(shapes: ObjectArray) -> ObjectArray:
    """Find the parts of the plane that the outlines of all reaches cut it into."""
    if not len(shapes):
        return np.empty(0, dtype=object)
    lines = shapely.union_all(shapely.boundary(shapes))
    return np.asarray(shapely.get_parts(shapely.polygonize([lines])), dtype=object)


def _pairs(points: ObjectArray, shapes: ObjectArray, sites: IntArray) -> tuple[IntArray, IntArray]:
    site, point = shapely.STRtree(points).query(shapes, predicate="intersects")
    return point.astype(np.int64), sites[site]


def _units(  # noqa: PLR0917 - what a unit is
    weight: FloatArray,
    unit: IntArray,
    site: IntArray,
    n_sites: int,
    places: ObjectArray,
    plane: CRS,
) -> Units:
    reach = csr_array(coo_array((np.ones(len(unit)), (unit, site)), shape=(len(weight), n_sites)))
    keep = (weight > 0) & (np.diff(reach.indptr) > 0)
    degrees = gpd.GeoSeries(places[keep], crs=plane).to_crs(LONLAT)
    return Units(weight[keep], reach[keep], degrees.x.to_numpy(), degrees.y.to_numpy())


def _allocate(
    units: Units,
    capacity: FloatArray,
    allocation: str,
    reaches: gpd.GeoDataFrame,
    most: csr_array,
) -> csr_array:
    if allocation == "most":
        return most
    if allocation == "proportional":
        return _proportional(units, capacity)
    return _nearest(units, capacity, *site_places(reaches))


def _most(units: Units, capacity: FloatArray) -> csr_array:
    """Maximum flow from units to sites, as a linear programme (HiGHS); units alike are one.

    Returns
    -------
    (units alike, sites) array
    """
    merged, weights = _merged(units)
    n, m = merged.shape
    edges = merged.tocoo()
    k = edges.nnz
    if not k:
        return csr_array((n, m))
    # In parts of all demand, so that tolerances do not depend on the unit.
    scale = float(weights.sum()) or 1.0
    column, one = np.arange(k), np.ones(k)
    rows = coo_array((one, (edges.row, column)), shape=(n, k))
    columns = coo_array((one, (edges.col, column)), shape=(m, k))
    limit = np.concatenate([weights, np.minimum(capacity, scale)]) / scale
    # scipy's stubs do not know that sparse matrices are taken.
    matrix: Any = csr_array(vstack([rows, columns]))
    found = linprog(-one, A_ub=matrix, b_ub=limit, bounds=(0, None), method="highs")
    if not found.success:
        raise GeocnError(f"the linear programme of capacities did not end: {found.message}")
    return csr_array(
        coo_array((np.maximum(np.asarray(found.x), 0) * scale, (edges.row, edges.col)), (n, m))
    )


def _merged(units: Units) -> tuple[csr_array, FloatArray]:
    """Units that the same sites reach, put together."""
    reach = units.reach
    reach.sort_indices()
    starts = reach.indptr
    keys = [reach.indices[starts[i] : starts[i + 1]].tobytes() for i in range(len(starts) - 1)]
    names = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    group = np.array([names[key] for key in keys], dtype=np.int64)
    first = np.unique(group, return_index=True)[1]
    weights = np.bincount(group, units.weights, len(names))
    return reach[first], np.asarray(weights, dtype=np.float64)


def _proportional(units: Units, capacity: FloatArray) -> csr_array:
    """Each unit asks its sites in proportion to their capacity; a full site serves each in part."""
    offered = units.reach * capacity[None, :]
    total = np.asarray(offered.sum(axis=1)).ravel()
    part = np.divide(units.weights, total, out=np.zeros_like(total), where=total > 0)
    asked = csr_array(offered * part[:, None])
    load = np.asarray(asked.sum(axis=0)).ravel()
    ratio = np.divide(capacity, load, out=np.ones_like(load), where=load > capacity)
    return csr_array(asked * ratio[None, :])


def _nearest(units: Units, capacity: FloatArray, lon: FloatArray, lat: FloatArray) -> csr_array:
    """Serve the shortest way first, each pair as far as unit and site have some left."""
    pairs = units.reach.tocoo()
    far = distance_m(units.lon[pairs.row], units.lat[pairs.row], lon[pairs.col], lat[pairs.col])
    left, free = units.weights.tolist(), capacity.tolist()
    flow = np.zeros(pairs.nnz)
    order = np.lexsort((pairs.col, pairs.row, far))
    for at, unit, site in zip(
        order.tolist(), pairs.row[order].tolist(), pairs.col[order].tolist(), strict=True
    ):
        served = min(left[unit], free[site])
        if served > 0:
            flow[at] = served
            left[unit] -= served
            free[site] -= served
    return csr_array(coo_array((flow, (pairs.row, pairs.col)), shape=units.reach.shape))


def site_places(reaches: gpd.GeoDataFrame) -> tuple[FloatArray, FloatArray]:
    """Longitude and latitude of each site: its own where stated, else the middle of its reach."""
    middle = reaches.geometry.to_crs(LONLAT).reset_index(drop=True)
    lon, lat = _middles(np.asarray(middle.to_numpy(), dtype=object))
    for name, place in (("site_lon", lon), ("site_lat", lat)):
        if name in reaches:
            own = pd.to_numeric(reaches[name], errors="coerce").to_numpy(dtype=np.float64)
            stated: BoolArray = np.isfinite(own)
            place[stated] = own[stated]
    return lon, lat


def _middles(shapes: ObjectArray) -> tuple[FloatArray, FloatArray]:
    """Middle of areas in degrees, the parts on both sides of 180 degrees brought together."""
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):
        split = bounds[:, 2] - bounds[:, 0] > 180

    def east(xy: FloatArray) -> FloatArray:
        return np.column_stack([np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1]])

    moved = shapes.copy()
    moved[split] = shapely.transform(shapes[split], east)
    # An empty shape is in no place, and GEOS refuses to say where.
    moved[shapely.is_empty(moved)] = None
    xy = shapely.centroid(moved)
    lon = (shapely.get_x(xy) + 180) % 360 - 180
    return np.asarray(lon), np.asarray(shapely.get_y(xy))
