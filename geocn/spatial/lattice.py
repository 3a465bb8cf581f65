"""Frames whose rows are the cells of a lattice: neighbours by offset, not by geometry."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy import sparse

from geocn._kernels.lattice import Field, neighbour_sums
from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.spatial.crs import has_geometry

# A lattice emptier than this is cheaper as a sparse matrix.
_MOST_PLACES_A_CELL = 4
# How many rows are looked at first.
_FEW = 64
_BLOCK = 4_000_000
# Widths may differ by what rounding does to coordinates far from the origin.
_EVEN = 1e-6


@dataclass(frozen=True, slots=True)
class Lattice:
    """Where each row of a frame lies on a lattice of equal rectangles.

    Parameters
    ----------
    n_rows, n_columns : int
        Size of the lattice, holes included.
    place : (n,) integer array
        For each row of the frame ``row * n_columns + column``, or -1 where it has no cell;
        no two rows share a place.
    cell_m : (float, float)
        Width and height of a cell in metres, NaN where the CRS is geographic.

    Examples
    --------
    >>> import numpy as np
    >>> Lattice(2, 3, np.arange(6), (1000.0, 1000.0)).rook().sums(np.arange(6)).tolist()
    [4, 6, 6, 4, 9, 6]
    """

    n_rows: int
    n_columns: int
    place: IntArray
    cell_m: tuple[float, float]

    def queen(self) -> LatticeNeighbours:
        """Choose the eight cells that share an edge or a corner."""
        return LatticeNeighbours(self, _square(1))

    def rook(self) -> LatticeNeighbours:
        """Choose the four cells that share an edge."""
        offsets = _square(1)
        return LatticeNeighbours(self, offsets[np.abs(offsets).sum(axis=1) == 1])

    def within(self, distance_m: float) -> LatticeNeighbours:
        """Choose the cells whose centres lie within a distance, the limit included.

        Raises
        ------
        ParameterError
            Where the size of a cell in metres is not known, or the distance not positive.
        """
        if not (np.isfinite(self.cell_m).all() and 0 < distance_m < np.inf):
            raise ParameterError("a distance on a lattice needs cells in metres and a positive one")
        # The same slack as between centres of any other areas.
        limit = distance_m * (1 + 1e-12)
        width, height = self.cell_m
        right = np.arange(min(int(limit / width) + 1, self.n_columns - 1) + 1)
        down = np.arange(min(int(limit / height) + 1, self.n_rows - 1) + 1)
        down, right = (np.concatenate([-a[:0:-1], a]) for a in (down, right))
        rows, columns = (a.ravel() for a in np.meshgrid(down, right, indexing="ij"))
        near = (np.hypot(columns * width, rows * height) <= limit) & ((rows != 0) | (columns != 0))
        return LatticeNeighbours(self, np.column_stack([rows[near], columns[near]]))


@dataclass(frozen=True, slots=True)
class LatticeNeighbours:
    """Neighbours at fixed offsets on a lattice, each of weight 1.

    Can be given as ``neighbours=`` wherever a sparse matrix can.

    Parameters
    ----------
    lattice : Lattice
    offsets : (m, 2) integer array
        Rows and columns from a cell to its neighbours, without (0, 0).
    """

    lattice: Lattice
    offsets: IntArray

    def __len__(self) -> int:
        """Count the rows of the frame."""
        return len(self.lattice.place)

    def sums(self, values: Field) -> Field:
        """Sum the values of the neighbours of every row; a row without a cell gets 0.

        Parameters
        ----------
        values : (n,) array
            Finite; sums of whole numbers of an integer type are exact.
        """
        shape = self.lattice.n_rows, self.lattice.n_columns
        place = self.lattice.place
        if _in_order(place, shape[0] * shape[1]):
            return neighbour_sums(values.reshape(shape), self.offsets).ravel()
        inside = place >= 0
        field = np.zeros(shape[0] * shape[1], dtype=values.dtype)
        field[place[inside]] = values[inside]
        total = np.zeros_like(values)
        total[inside] = neighbour_sums(field.reshape(shape), self.offsets).ravel()[place[inside]]
        return total

    def matrix(self) -> sparse.csr_matrix:
        """Return the same neighbours as a sparse matrix, in row order of the frame."""
        n, rows, columns = len(self), self.lattice.n_rows, self.lattice.n_columns
        place = self.lattice.place
        inside = np.flatnonzero(place >= 0)
        row_at = np.full(rows * columns, -1, dtype=np.int32)
        row_at[place[inside]] = inside
        count = np.zeros(n, dtype=np.int64)
        found = [np.empty(0, dtype=np.int32)]
        block = max(_BLOCK // max(len(self.offsets), 1), 1)
        for start in range(0, len(inside), block):
            some = inside[start : start + block]
            y, x = np.divmod(place[some], columns)
            to_y, to_x = y[:, None] + self.offsets[:, 0], x[:, None] + self.offsets[:, 1]
            within = (to_y >= 0) & (to_y < rows) & (to_x >= 0) & (to_x < columns)
            near = row_at[np.where(within, to_y * columns + to_x, 0)]
            taken = within & (near >= 0)
            count[some] = taken.sum(axis=1)
            found.append(near[taken])
        indices = np.concatenate(found)
        pointer = np.concatenate([[0], np.cumsum(count)])
        matrix = sparse.csr_matrix((np.ones(len(indices)), indices, pointer), shape=(n, n))
        matrix.sort_indices()
        return matrix


def find_lattice(frame: gpd.GeoDataFrame) -> Lattice | None:
    """Return the lattice that the rows of a frame are cells of, or None.

    A lattice is found only where each geometry is a rectangle along the axes, all are of one
    size, cells side by side share their edge to the last bit, and no two lie in one place: so
    that cells which touch on the lattice are those whose polygons touch. Holes and rows
    without geometry are allowed.

    Parameters
    ----------
    frame : GeoDataFrame
        In any CRS, or none.

    Examples
    --------
    >>> from geocn.spatial.grids import make_grid
    >>> found = find_lattice(make_grid((-78, 0, -77, 1), cell_size_km=50))
    >>> found.n_rows, found.n_columns
    (4, 4)
    """
    geometry = np.asarray(frame.geometry, dtype=object)
    # Most frames that are no lattice show it in their first rows.
    if not len(geometry) or _boxes(geometry[:_FEW]) is None:
        return None
    bounds = _boxes(geometry)
    if bounds is None:
        return None
    across, up = _steps(bounds[0], bounds[2]), _steps(bounds[1], bounds[3])
    if across is None or up is None:
        return None
    (column, width), (row, height) = across, up
    n_columns, n_rows = int(column.max()) + 1, int(row.max()) + 1
    if n_columns * n_rows > _MOST_PLACES_A_CELL * len(row) + _FEW:
        return None
    place = row * n_columns + column
    if np.bincount(place).max() > 1:
        return None
    if len(place) < len(geometry):
        cells, place = place, np.full(len(geometry), -1, dtype=np.int64)
        place[has_geometry(frame)] = cells
    projected = frame.crs is not None and frame.crs.is_projected
    metres = frame.crs.axis_info[0].unit_conversion_factor if projected else np.nan
    return Lattice(n_rows, n_columns, place, (width * metres, height * metres))


def _boxes(geometry: object) -> FloatArray | None:
    """West, south, east, north of what has a geometry; None where one is no rectangle."""
    shapes = np.asarray(geometry, dtype=object)
    size = shapely.get_num_coordinates(shapes)
    if (size != 5).any():
        shapes = shapes[size > 0]
        if not len(shapes) or (size[size > 0] != 5).any():
            return None
    bounds: FloatArray = np.ascontiguousarray(shapely.bounds(shapes).T)
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    # Four corners that enclose all of their bounds stand in its corners. GEOS sums width times
    # height twice over and halves it, so that nothing is rounded otherwise than here.
    solid = (width > 0).all() and (height > 0).all() and np.isfinite(bounds).all()
    return bounds if solid and (shapely.area(shapes) == width * height).all() else None


def _steps(low: FloatArray, high: FloatArray) -> tuple[IntArray, float] | None:
    """Whole steps from the lowest edge, and their length; None where edges do not coincide."""
    first, step = low.min(), float(high[0] - low[0])
    steps = np.rint((low - first) / step)
    if not steps.max() <= _MOST_PLACES_A_CELL * len(low) + _FEW:
        return None
    at = steps.astype(np.int64)
    edge = np.full(int(at.max()) + 2, np.nan)
    edge[at] = low
    edge[at + 1] = high
    if not ((edge[at] == low).all() and (edge[1:][at] == high).all()):
        return None
    known = np.flatnonzero(~np.isnan(edge))
    if (np.abs(edge[known] - (first + known * step)) > _EVEN * step).any():
        return None
    return at, step


def _square(reach: int) -> IntArray:
    side = np.arange(-reach, reach + 1)
    every = [(down, right) for down in side for right in side if down or right]
    return np.array(every, dtype=np.int64)


def _in_order(place: IntArray, size: int) -> bool:
    return len(place) == size and bool((place == np.arange(size)).all())
