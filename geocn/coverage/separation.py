"""Civilian sites too near to enforcement: flagged so that they can be protected."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import on_plane
from geocn.coverage._precision import radii_m
from geocn.errors import ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.columns import refuse_taken
from geocn.spatial.crs import LONLAT, equal_area_crs, has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m

# By how much an equal-area plane may misjudge which of two sites is nearer.
_SLACK = 1.1
_FURTHEST_KM = 5000.0
_ADDED = (
    "too_near", "needs_protection", "distance_m", "distance_low_m", "distance_high_m",
    "nearest_id", "n_within",
)  # fmt: skip


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a site and something it may be too near to, with their geodesic distance."""

    site: IntArray
    other: IntArray
    metres: FloatArray


def separation(
    sites: gpd.GeoDataFrame,
    enforcement: gpd.GeoDataFrame,
    *,
    distance_km: float,
    id_column: str | None = None,
) -> gpd.GeoDataFrame:
    """Find civilian sites nearer than a stated distance to enforcement sites or hotspots.

    People stay away from a clinic beside a checkpoint, and a school in a hotspot is at
    risk; such sites are flagged to be protected or moved. The result says where
    protected people are: it deserves a marking at least as strict as both inputs.

    Parameters
    ----------
    sites : GeoDataFrame
        Civilian sites: points, lines or areas in any CRS. ``location_precision_m`` is the
        radius within which a site lies.
    enforcement : GeoDataFrame
        Enforcement sites, their routes or areas, or hotspots; they may be imprecise too.
    distance_km : float
        Sites at this distance or nearer are too near. Above 0 and up to 5,000.
    id_column : str, optional
        Column of ``enforcement`` that names a row in ``nearest_id``; by default
        ``intervention_id`` where there is one, else the index.

    Returns
    -------
    GeoDataFrame
        The sites with ``too_near``: "certainly" (wherever both lie), "possibly" (in
        some of the places that they may lie in) or "no"; ``needs_protection`` (the first
        two); ``distance_m`` to the nearest (0 where they overlap) as both are drawn;
        ``distance_low_m`` and ``distance_high_m``, what it may be for that pair;
        ``nearest_id``; and ``n_within``, how many are possibly too near. Null for sites
        without a place, and distances NaN where there is nothing to be near to.

    Raises
    ------
    ParameterError
        Where ``distance_km`` is out of range.
    SchemaError
        Where a precision is negative, a column is missing, or one of the result is there.
    CRSError, CoordinateError
        Where a frame has no CRS, or a place lies nowhere on Earth.

    Notes
    -----
    Between points the distance is geodesic (Karney 2013, doi:10.1007/s00190-012-0578-z).
    The nearest places of lines and areas are found on an equal-area plane and measured
    on the ellipsoid: right to some parts in ten thousand over 1,000 km.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> clinics = gpd.GeoDataFrame(geometry=shapely.points([-77, -76], [1, 1]), crs=4326)
    >>> posts = gpd.GeoDataFrame({"post": ["K1"]}, geometry=shapely.points([-77], [1.01]), crs=4326)
    >>> found = separation(clinics, posts, distance_km=2, id_column="post")
    >>> found[["too_near", "nearest_id"]].values.tolist()
    [['certainly', 'K1'], ['no', 'K1']]
    """
    limit = _limit_m(distance_km)
    names = _names(enforcement, id_column)
    _check(sites)
    lonlat = [to_lonlat(sites, "sites"), to_lonlat(enforcement, "enforcement")]
    vague = [radii_m(sites, "sites"), radii_m(enforcement, "enforcement")]
    plane = equal_area_crs(*lonlat)
    shapes = [_valid(on_plane(frame, plane)) for frame in lonlat]
    nearest = _nearest(shapes, plane)
    reach = limit + vague[0] + float(vague[1].max(initial=0.0))
    within = _within(shapes, reach, plane)
    off = vague[0][within.site] + vague[1][within.other]
    possibly = within.metres - off <= limit
    certainly = within.metres + off <= limit
    n = len(sites)
    n_within = np.bincount(within.site[possibly], minlength=n)
    sure = np.bincount(within.site[certainly], minlength=n) > 0
    placed = has_geometry(sites)
    result = sites.copy()
    grade = np.where(sure, "certainly", np.where(n_within > 0, "possibly", "no")).astype(object)
    grade[~placed] = None
    result["too_near"] = pd.Series(grade, index=sites.index, dtype="str")
    result["needs_protection"] = pd.Series(n_within > 0, sites.index, dtype="boolean").where(placed)
    metres, slack, called = (np.full(n, np.nan), np.zeros(n), np.full(n, None, dtype=object))
    metres[nearest.site] = nearest.metres
    slack[nearest.site] = vague[0][nearest.site] + vague[1][nearest.other]
    called[nearest.site] = names[nearest.other]
    result["distance_m"] = metres
    result["distance_low_m"] = np.maximum(metres - slack, 0.0)
    result["distance_high_m"] = metres + slack
    result["nearest_id"] = pd.Series(called, index=sites.index, dtype="str")
    result["n_within"] = pd.Series(n_within, sites.index, dtype="Int64").where(placed)
    return attach(
        result,
        "coverage.separation",
        distance_km=distance_km,
        id_column=id_column,
        crs=plane,
        n_certainly=int((sure & placed).sum()),
        n_possibly=int(((n_within > 0) & ~sure & placed).sum()),
        n_left_out=int((~placed).sum()),
        n_enforcement_left_out=int((~has_geometry(enforcement)).sum()),
    )


def _limit_m(distance_km: float) -> float:
    try:
        km = float(distance_km)
    except (TypeError, ValueError):
        km = np.nan
    if not 0 < km <= _FURTHEST_KM:
        raise ParameterError(
            f"distance_km is {distance_km!r}; give kilometres above 0 and up to 5000"
        )
    return km * 1000


def _names(enforcement: gpd.GeoDataFrame, column: str | None) -> ObjectArray:
    if column is None and "intervention_id" in enforcement:
        column = "intervention_id"
    if column is None:
        return np.array([str(label) for label in enforcement.index], dtype=object)
    if column not in enforcement:
        raise SchemaError(
            "enforcement",
            found=f"no column {column!r}",
            expected=f"a name; there are {', '.join(map(str, enforcement.columns))}",
            repair="Correct id_column=….",
        )
    return np.asarray(enforcement[column].astype("str"), dtype=object)


def _check(sites: gpd.GeoDataFrame) -> None:
    refuse_taken(sites, _ADDED, "sites")


def _valid(shapes: ObjectArray) -> ObjectArray:
    return np.asarray(shapely.make_valid(shapes), dtype=object)


def _nearest(shapes: list[ObjectArray], plane: CRS) -> _Pairs:
    """Find the nearest other of each site: candidates on the plane, the choice on the ellipsoid."""
    near = np.zeros(len(shapes[0]))
    tree = shapely.STRtree(shapes[1])
    pair, metres = tree.query_nearest(shapes[0], return_distance=True, all_matches=False)
    near[pair[0]] = metres
    some = np.unique(pair[0])
    site, other = tree.query(shapes[0][some], "dwithin", distance=_SLACK * near[some] + 1.0)
    found = _measured(shapes, some[site].astype(np.int64), other.astype(np.int64), plane)
    order = np.lexsort((found.other, found.metres, found.site))
    first = order[np.diff(found.site[order], prepend=-1) != 0]
    return _Pairs(found.site[first], found.other[first], found.metres[first])


def _within(shapes: list[ObjectArray], reach_m: FloatArray, plane: CRS) -> _Pairs:
    """All pairs within reach, each site with a reach of its own."""
    tree = shapely.STRtree(shapes[1])
    site, other = tree.query(shapes[0], "dwithin", distance=_SLACK * reach_m + 1.0)
    order = np.lexsort((other, site))
    return _measured(shapes, site[order].astype(np.int64), other[order].astype(np.int64), plane)


def _measured(shapes: list[ObjectArray], site: IntArray, other: IntArray, plane: CRS) -> _Pairs:
    lines = shapely.shortest_line(shapes[0][site], shapes[1][other])
    ends = [shapely.get_point(lines, 0), shapely.get_point(lines, -1)]
    degrees = [gpd.GeoSeries(end, crs=plane).to_crs(LONLAT) for end in ends]
    (lon1, lat1), (lon2, lat2) = ((d.x.to_numpy(), d.y.to_numpy()) for d in degrees)
    return _Pairs(site, other, distance_m(lon1, lat1, lon2, lat2))
