"""Who lies within a geodesic distance of whom, and how far, as sparse rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from geocn._typing import FloatArray, IntArray
from geocn.spatial.geodesy import distance_m

_WGS84_A_M = 6378137.0
_WGS84_E2 = 0.0066943799901413165
# The least radius of curvature of the ellipsoid, along the meridian at the equator.
_LEAST_RADIUS_M = _WGS84_A_M * (1 - _WGS84_E2)
_PAIRS_AT_ONCE = 2_000_000


def within_km(here: FloatArray, there: FloatArray, km: float) -> csr_array:
    """Mark which places of ``there`` lie within a geodesic distance of each of ``here``.

    A chord through the ellipsoid is shorter than the way along it, and not by more than on
    a sphere of the least radius (Schur's theorem): only pairs between these two are measured.

    Parameters
    ----------
    here, there : (n, 2), (m, 2) arrays
        Longitude and latitude in degrees; NaN is near nothing.
    km : float
        Geodesic distance, the limit included.

    Returns
    -------
    (n, m) csr_array of int8
    """
    counts = np.zeros(len(here), dtype=np.int64)
    columns = []
    for row, column, chord in _pairs(here, there, km):
        half = np.minimum(chord / (2 * _LEAST_RADIUS_M), 1.0)
        sure = 2 * _LEAST_RADIUS_M * np.arcsin(half) <= km * 1000
        open_ = np.flatnonzero(~sure)
        sure[open_] = _km(here, there, row[open_], column[open_]) <= km
        counts += np.bincount(row[sure], minlength=len(here))
        columns.append(column[sure].astype(np.int32))
    indices = np.concatenate([np.empty(0, dtype=np.int32), *columns])
    return _matrix(np.ones(len(indices), dtype=np.int8), indices, counts, len(there))


def distances_km(here: FloatArray, there: FloatArray, km: float) -> csr_array:
    """Measure the geodesic distance in km of all pairs within ``km``, as :func:`within_km`."""
    counts = np.zeros(len(here), dtype=np.int64)
    columns, values = [], []
    for row, column, _ in _pairs(here, there, km):
        far = _km(here, there, row, column)
        near = far <= km
        counts += np.bincount(row[near], minlength=len(here))
        columns.append(column[near].astype(np.int32))
        values.append(far[near])
    indices = np.concatenate([np.empty(0, dtype=np.int32), *columns])
    return _matrix(np.concatenate([np.empty(0), *values]), indices, counts, len(there))


def all_distances_km(here: FloatArray, there: FloatArray) -> FloatArray:
    """Measure all pairs, ``inf`` where a place is unknown; (n, m) array."""
    far = distance_m(here[:, :1], here[:, 1:], there[:, 0], there[:, 1]) / 1000
    return np.where(np.isfinite(far), far, np.inf)


def _km(here: FloatArray, there: FloatArray, row: IntArray, column: IntArray) -> FloatArray:
    a, b = here[row], there[column]
    return distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1]) / 1000


def _matrix(values: FloatArray, indices: IntArray, counts: IntArray, width: int) -> csr_array:
    pointer = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((values, indices, pointer), shape=(len(counts), width))


def _pairs(
    here: FloatArray, there: FloatArray, km: float
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """Yield pairs by row and column, a part of the rows at a time, with their chord in metres."""
    known, sites = (np.flatnonzero(np.isfinite(xy).all(axis=1)) for xy in (here, there))
    if not len(known) or not len(sites):
        return
    radius = km * 1000 * (1 + 1e-12)
    tree = cKDTree(_cartesian(there[sites]))
    places = _cartesian(here[known])
    sizes = tree.query_ball_point(places, radius, return_length=True)
    cuts = np.searchsorted(np.cumsum(sizes), np.arange(0, sizes.sum(), _PAIRS_AT_ONCE))
    for low, high in pairwise(np.unique([0, *cuts, len(known)])):
        part = cKDTree(places[low:high])
        # Chords of 0 must stay: the matrix keeps stored zeros.
        found = csr_array(
            part.sparse_distance_matrix(tree, radius, output_type="coo_matrix"),
            shape=(high - low, len(sites)),
        )
        found.sort_indices()
        row = np.repeat(np.arange(low, high), np.diff(found.indptr))
        yield known[row], sites[found.indices], found.data


def _cartesian(lonlat: FloatArray) -> FloatArray:
    """Earth-centred coordinates in metres of places on the ellipsoid."""
    lon, lat = np.radians(lonlat.T)
    normal = _WGS84_A_M / np.sqrt(1 - _WGS84_E2 * np.sin(lat) ** 2)
    return np.column_stack(
        [
            normal * np.cos(lat) * np.cos(lon),
            normal * np.cos(lat) * np.sin(lon),
            normal * (1 - _WGS84_E2) * np.sin(lat),
        ]
    )
