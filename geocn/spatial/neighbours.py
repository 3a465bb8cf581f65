"""Who is next to whom: one sparse matrix from whatever describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from scipy import sparse
from scipy.spatial import KDTree

from geocn._typing import FloatArray, IntArray
from geocn.errors import LayerError, ParameterError
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs, to_lonlat
from geocn.spatial.geodesy import distance_m
from geocn.spatial.lattice import LatticeNeighbours, find_lattice


@dataclass(frozen=True, slots=True)
class DistanceBand:
    """Neighbours are the rows whose centres lie within a distance, in metres."""

    distance_m: float


@dataclass(frozen=True, slots=True)
class KNearest:
    """Neighbours are the k rows with the nearest centres (not symmetric)."""

    k: int


def distance_band(distance_m: float) -> DistanceBand:
    """Choose neighbours within ``distance_m`` metres between centres, the limit included.

    Raises
    ------
    ParameterError
        Where the distance is not a positive finite number.

    Examples
    --------
    >>> distance_band(20_000)
    DistanceBand(distance_m=20000.0)
    """
    if not (np.isfinite(distance_m) and distance_m > 0):
        raise ParameterError(f"a distance band needs a positive distance, not {distance_m!r}")
    return DistanceBand(float(distance_m))


def knn(k: int) -> KNearest:
    """Choose the ``k`` rows with the nearest centres.

    Raises
    ------
    ParameterError
        Where k is not a positive whole number.

    Examples
    --------
    >>> knn(6)
    KNearest(k=6)
    """
    if k < 1 or int(k) != k:
        raise ParameterError(f"knn needs a positive whole number, not {k!r}")
    return KNearest(int(k))


Neighbours: TypeAlias = Literal["queen", "rook"] | float | DistanceBand | KNearest | Any


def neighbour_matrix(frame: gpd.GeoDataFrame, neighbours: Neighbours) -> sparse.csr_matrix:
    """Return the weights between the rows of a frame, in row order, without explicit zeros.

    Parameters
    ----------
    frame : GeoDataFrame
        Areas or points. Rows with null or empty geometry have no neighbours.
    neighbours : "queen", "rook", float, DistanceBand, KNearest, sparse matrix, libpysal Graph
        Queen: areas that touch anywhere or overlap. Rook: areas that share a stretch of
        boundary. A number is a distance in metres between centres: planar in the units of
        a projected CRS, geodesic where the CRS is geographic. A matrix, Graph or
        :class:`geocn.spatial.lattice.LatticeNeighbours` is taken
        with its weights, its diagonal too.

    Returns
    -------
    csr_matrix of shape (n, n)

    Raises
    ------
    ParameterError
        Where ``neighbours`` is of no known kind.
    LayerError
        Where a matrix or Graph does not fit the frame, or holds negative or unreal weights.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> cells = gpd.GeoDataFrame(geometry=[shapely.box(x, 0, x + 1, 1) for x in range(3)], crs=6933)
    >>> neighbour_matrix(cells, "rook").toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    found = find_neighbours(frame, neighbours)
    return found.matrix() if isinstance(found, LatticeNeighbours) else found


def find_neighbours(
    frame: gpd.GeoDataFrame, neighbours: Neighbours
) -> sparse.csr_matrix | LatticeNeighbours:
    """Return neighbours as offsets where the frame is a lattice, else as a sparse matrix.

    Both say the same: see :func:`neighbour_matrix` for parameters and errors, and
    :mod:`geocn.spatial.lattice` for what counts as a lattice.

    Examples
    --------
    >>> from geocn.spatial.grids import make_grid
    >>> grid = make_grid((-78, 0, -77, 1), cell_size_km=50)
    >>> len(find_neighbours(grid, 80_000).offsets)
    8
    """
    if isinstance(neighbours, (int, float, np.integer, np.floating)):
        neighbours = distance_band(float(neighbours))
    if isinstance(neighbours, KNearest):
        return _nearest(frame, neighbours.k)
    if isinstance(neighbours, LatticeNeighbours):
        if len(neighbours) != len(frame):
            raise LayerError(
                "neighbours",
                found=f"a lattice of {len(neighbours)} rows",
                expected=f"{len(frame)}, as the frame has",
            )
        return neighbours
    if not isinstance(neighbours, (str, DistanceBand)):
        return _given(frame, neighbours)
    if neighbours not in ("queen", "rook") and isinstance(neighbours, str):
        raise ParameterError(
            f"neighbours {neighbours!r} is unknown; choose 'queen', 'rook', a distance in "
            "metres, distance_band(…), knn(…), a sparse matrix or a libpysal Graph"
        )
    if isinstance(neighbours, DistanceBand):
        crs = require_crs(frame, "neighbours")
        lattice = find_lattice(frame) if crs.is_projected else None
        reach_m = neighbours.distance_m
        return _within(frame, reach_m) if lattice is None else lattice.within(reach_m)
    lattice = find_lattice(frame)
    if lattice is None:
        return _contiguity(frame, rook=neighbours == "rook")
    return lattice.rook() if neighbours == "rook" else lattice.queen()


def describe(neighbours: Neighbours) -> str:
    """Return a short text for a result's provenance."""
    if isinstance(neighbours, (str, DistanceBand, KNearest)):
        return str(neighbours)
    if isinstance(neighbours, (int, float, np.integer, np.floating)):
        return str(distance_band(float(neighbours)))
    if isinstance(neighbours, LatticeNeighbours):
        return f"LatticeNeighbours({len(neighbours.offsets)} offsets)"
    return f"given {type(neighbours).__name__}"


def _matrix(i: IntArray, j: IntArray, n: int) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((np.ones(len(i)), (i, j)), shape=(n, n))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def _contiguity(frame: gpd.GeoDataFrame, *, rook: bool) -> sparse.csr_matrix:
    geometry = np.asarray(frame.geometry, dtype=object)
    points = np.flatnonzero(has_geometry(frame) & (shapely.get_dimensions(geometry) < 2))
    if len(points):
        raise LayerError(
            "neighbours",
            found="rows that are not areas",
            expected="polygons for queen or rook",
            repair="Use a distance, distance_band(…) or knn(…) for points and lines.",
            rows=list(frame.index[points]),
        )
    i, j = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    keep = i < j
    i, j = i[keep], j[keep]
    if rook:
        a, b = geometry[i], geometry[j]
        # Boundaries share a line, or the interiors overlap.
        shared = shapely.relate_pattern(a, b, "****1****") | shapely.relate_pattern(
            a, b, "2********"
        )
        i, j = i[shared], j[shared]
    return _matrix(np.concatenate([i, j]), np.concatenate([j, i]), len(frame))


def _centres(frame: gpd.GeoDataFrame) -> tuple[FloatArray, FloatArray | None, IntArray]:
    """Coordinates for a tree, lon/lat where the CRS is geographic, and the rows they stand for."""
    crs = require_crs(frame, "neighbours")
    rows = np.flatnonzero(has_geometry(frame))
    shown = frame.iloc[rows]
    if crs.is_projected:
        metres = crs.axis_info[0].unit_conversion_factor
        xy = shapely.get_coordinates(shapely.centroid(shown.geometry.to_numpy())) * metres
        return xy, None, rows
    degrees = to_lonlat(shown[[shown.geometry.name]], "neighbours").geometry
    if (shapely.get_type_id(degrees.to_numpy()) != 0).any():
        degrees = degrees.to_crs(equal_area_crs(degrees)).centroid.to_crs("EPSG:4326")
    lonlat = shapely.get_coordinates(degrees.to_numpy())
    astray = ~(np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat) <= (360, 90)).all(axis=1))
    if astray.any():
        raise LayerError(
            "neighbours",
            found="areas without a centre on Earth, such as a ring that crosses itself",
            expected="valid areas",
            repair="Mend them with geometry.make_valid().",
            rows=list(shown.index[astray]),
        )
    to_xyz = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    xyz = np.column_stack(to_xyz.transform(lonlat[:, 0], lonlat[:, 1], np.zeros(len(lonlat))))
    return xyz, lonlat, rows


def _within(frame: gpd.GeoDataFrame, reach_m: float) -> sparse.csr_matrix:
    points, lonlat, rows = _centres(frame)
    if len(points) < 2:
        return _matrix(np.empty(0, int), np.empty(0, int), len(frame))
    # A chord is never longer than its geodesic, so no pair is missed before the exact test.
    pairs = KDTree(points).query_pairs(reach_m * (1 + 1e-12), output_type="ndarray")
    i, j = pairs[:, 0], pairs[:, 1]
    if lonlat is not None:
        exact = distance_m(lonlat[i, 0], lonlat[i, 1], lonlat[j, 0], lonlat[j, 1])
        i, j = i[exact <= reach_m], j[exact <= reach_m]
    return _matrix(rows[np.concatenate([i, j])], rows[np.concatenate([j, i])], len(frame))


def _nearest(frame: gpd.GeoDataFrame, k: int) -> sparse.csr_matrix:
    points, _, rows = _centres(frame)
    if k >= len(points):
        raise ParameterError(f"knn({k}) needs more than {k} rows with a geometry: {len(points)}")
    found = np.asarray(KDTree(points).query(points, k=k + 1)[1])
    own = found == np.arange(len(points))[:, None]
    # Of several rows at one place the row itself may be missing among its nearest.
    own[~own.any(axis=1), k] = True
    j = found[~own]
    return _matrix(rows[np.repeat(np.arange(len(points)), k)], rows[j], len(frame))


def _csr(matrix: Any) -> sparse.csr_matrix:
    return sparse.csr_matrix(matrix, dtype=float, copy=True)


def _given(frame: gpd.GeoDataFrame, neighbours: Any) -> sparse.csr_matrix:
    n = len(frame)
    if isinstance(neighbours, np.ndarray):
        matrix = _csr(np.atleast_2d(neighbours))
    elif sparse.issparse(neighbours):
        matrix = _csr(neighbours)
    elif hasattr(neighbours, "sparse"):
        matrix = _csr(neighbours.sparse)
        ids = getattr(neighbours, "unique_ids", None)
        ids = list(ids if ids is not None else neighbours.id_order)
        if sorted(map(str, ids)) != sorted(map(str, frame.index)):
            raise LayerError(
                "neighbours",
                found=f"a Graph over {len(ids)} ids that are not the index of the frame",
                expected=f"the {n} labels of the frame's index",
                repair="Build the Graph from the same frame.",
            )
        order = {label: place for place, label in enumerate(ids)}
        places = np.array([order[label] for label in frame.index], dtype=int)
        matrix = matrix[places][:, places]
    else:
        raise ParameterError(f"neighbours of type {type(neighbours).__name__} are not understood")
    if matrix.shape != (n, n):
        raise LayerError(
            "neighbours", found=f"a matrix of shape {matrix.shape}", expected=f"({n}, {n})"
        )
    if not (np.isfinite(matrix.data).all() and (matrix.data >= 0).all()):
        raise LayerError("neighbours", found="negative or unreal weights", expected="weights >= 0")
    matrix.eliminate_zeros()
    return matrix
