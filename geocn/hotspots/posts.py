"""Official crossing points, and how far from them a border is crossed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import GeometryError
from geocn.hotspots.precision import given_precision
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m
from geocn.spatial.nearest import nearest_line

# The nearest by chord on a sphere may be farther on the ellipsoid than one of the next.
_NEXT = 4


@dataclass(frozen=True)
class Posts:
    """Posts with a place: names, dyads (empty where a post serves all), degrees."""

    name: AnyArray
    dyad: AnyArray
    lon: FloatArray
    lat: FloatArray
    n_missing: int


def read_posts(posts: gpd.GeoDataFrame) -> Posts:
    """Take names, dyads and places from a layer of points.

    Raises
    ------
    GeometryError
        Where a geometry is not a point.
    CRSError, CoordinateError
        Where the CRS is missing or coordinates lie nowhere on Earth.
    """
    degrees = to_lonlat(posts, "posts")
    present = has_geometry(degrees)
    bad = present & (degrees.geometry.geom_type != "Point").to_numpy()
    if bad.any():
        raise GeometryError(
            "posts",
            found=", ".join(sorted(degrees.geometry.geom_type[bad].unique())),
            expected="points",
            repair="Take one point of each post, such as geometry.representative_point().",
            rows=list(degrees.index[bad]),
        )
    degrees = degrees[present]
    names = degrees["name"] if "name" in degrees else pd.Series(degrees.index)
    dyads = degrees["dyad"].fillna("") if "dyad" in degrees else pd.Series("", degrees.index)
    return Posts(
        name=names.astype("str").to_numpy(dtype=object),
        dyad=dyads.astype("str").to_numpy(dtype=object),
        lon=degrees.geometry.x.to_numpy(dtype=float),
        lat=degrees.geometry.y.to_numpy(dtype=float),
        n_missing=int((~present).sum()),
    )


def at_posts(crossings: gpd.GeoDataFrame, posts: Posts, *, reach_m: float) -> dict[str, Any]:
    """Return name and distance of the nearest post, and whether a crossing is between posts."""
    lon = crossings.geometry.x.to_numpy(dtype=float)
    lat = crossings.geometry.y.to_numpy(dtype=float)
    nearest = np.full(len(lon), -1, dtype=np.int64)
    metres = np.full(len(lon), np.nan)
    for dyad, rows in crossings.groupby("dyad").indices.items():
        served = np.flatnonzero((posts.dyad == "") | (posts.dyad == dyad))
        if len(served):
            near, metres[rows] = _nearest(
                lon[rows], lat[rows], posts.lon[served], posts.lat[served]
            )
            nearest[rows] = served[near]
    within = metres <= reach_m
    name = np.full(len(lon), None, dtype=object)
    name[within] = posts.name[nearest[within]]
    between = pd.Series(~within, index=crossings.index, dtype="boolean")
    # The true crossing may be on either side of the reach.
    between[np.abs(metres - reach_m) < given_precision(crossings)] = pd.NA
    return {
        "post": pd.Series(name, index=crossings.index, dtype="str"),
        "post_distance_m": metres,
        "between_posts": between,
    }


def segments_of(segments: gpd.GeoDataFrame, posts: Posts, *, reach_m: float) -> IntArray:
    """Row of the nearest segment within reach of each post, of its dyad; -1 where none is."""
    at = np.full(len(posts.name), -1, dtype=np.int64)
    lines = segments.geometry.to_numpy()
    of_dyad = segments.groupby("dyad").indices
    for dyad in np.unique(posts.dyad):
        mine = posts.dyad == dyad
        rows = np.arange(len(segments)) if dyad == "" else of_dyad.get(dyad, np.empty(0, int))
        if len(rows):
            near, _ = nearest_line(posts.lon[mine], posts.lat[mine], lines[rows], reach_m=reach_m)
            at[mine] = np.where(near >= 0, rows[near], -1)
    return at


def _nearest(
    lon: FloatArray, lat: FloatArray, to_lon: FloatArray, to_lat: FloatArray
) -> tuple[AnyArray, FloatArray]:
    k = min(_NEXT, len(to_lon))
    _, found = cKDTree(_on_sphere(to_lon, to_lat)).query(_on_sphere(lon, lat), k=k)
    found = np.asarray(found).reshape(len(lon), k)
    metres = distance_m(lon[:, None], lat[:, None], to_lon[found], to_lat[found])
    best = metres.argmin(axis=1)[:, None]
    return np.take_along_axis(found, best, 1)[:, 0], np.take_along_axis(metres, best, 1)[:, 0]


def _on_sphere(lon: FloatArray, lat: FloatArray) -> FloatArray:
    east, north = np.radians(lon), np.radians(lat)
    return np.column_stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)]
    )


def count_posts(crossings: gpd.GeoDataFrame, posts: Posts) -> dict[str, int]:
    """Count posts, and crossings at them, between them and undecided."""
    between = crossings["between_posts"]
    return {
        "n_posts": len(posts.name),
        "no_geometry": posts.n_missing,
        "at_posts": int((~between).sum()),
        "between_posts": int(between.sum()),
        "undecided": int(between.isna().sum()),
    }
