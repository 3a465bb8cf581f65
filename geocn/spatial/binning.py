"""One way to tell in which cell of a grid, or in which area, each point lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geocn._kernels.binning import azimuthal_equal_area, hexagon_cells, square_cells
from geocn._typing import AnyArray, FloatArray, IntArray, ObjectArray
from geocn.provenance import KEY
from geocn.spatial.crs import LONLAT, require_crs
from geocn.spatial.h3_grid import cells_at, shapes_of

# A table of cells of this size takes 160 MB.
_LARGEST_TABLE = 40_000_000
# Semi-major axis in metres and squared eccentricity.
_WGS84 = np.array([6378137.0, 0.0066943799901413165])


class Cells(Protocol):
    """What tells the cell of each point."""

    def find(self, xy: FloatArray) -> IntArray:
        """Row of the cell of each of (n, 2) points, -1 where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Lattice:
    """Squares or hexagons of one size on multiples of it, found by arithmetic."""

    kind: str
    cell: float
    first: FloatArray
    table: AnyArray

    def find(self, xy: FloatArray) -> IntArray:
        """Row of the cell of each point, -1 outside."""
        kernel = square_cells if self.kind == "square" else hexagon_cells
        found: IntArray = kernel(np.ascontiguousarray(xy), self.cell, self.first, self.table)
        return found


@dataclass(frozen=True, slots=True)
class H3Cells:
    """Cells of the H3 system, which itself says in which one a place on Earth lies."""

    resolution: int
    ids: pd.Index
    crs: pyproj.CRS

    def find(self, xy: FloatArray) -> IntArray:
        """Row of the cell of each point, -1 where the grid has no such cell."""
        turn = pyproj.Transformer.from_crs(self.crs, LONLAT, always_xy=True)
        lon, lat = turn.transform(*xy.T)
        found: IntArray = self.ids.get_indexer(pd.Index(cells_at(lon, lat, self.resolution)))
        return found


@dataclass(frozen=True, slots=True)
class Outlines:
    """Any polygons; a point on the edge of several belongs to the first."""

    shapes: ObjectArray
    tree: shapely.STRtree

    def find(self, xy: FloatArray) -> IntArray:
        """Row of the first polygon that each point touches, -1 where there is none."""
        found = np.full(len(xy), len(self.shapes), dtype=np.int64)
        at = np.flatnonzero(np.isfinite(xy).all(axis=1))
        point, hit = self.tree.query(shapely.points(xy[at]), predicate="intersects")
        np.minimum.at(found, at[point], hit)
        found[found == len(self.shapes)] = -1
        return found


def bin_points(xy: FloatArray, areas: gpd.GeoDataFrame) -> IntArray:
    """Row of the area in which each point lies, -1 where there is none; never two.

    Grids from :func:`geocn.hotspots.make_grid`, whole or in part, are searched by
    arithmetic: squares are half-open (west and south edges belong to a cell), hexagons
    belong to the nearest centre, H3 says itself. A point on the outer edge of the grid
    counts inside. Other polygons are searched by a tree; the first that touches holds.

    Parameters
    ----------
    xy : (n, 2) array
        In the CRS of the areas; NaN lies nowhere.
    areas : GeoDataFrame
        Polygons.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely
    >>> areas = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=6933)
    >>> bin_points(np.array([[1.0, 0.5], [2.0, 0.5]]), areas).tolist()
    [0, -1]
    """
    return cells_of(areas).find(np.asarray(xy, dtype=float))


def cells_of(areas: gpd.GeoDataFrame) -> Cells:
    """Prepare the search, once for many points."""
    crs = require_crs(areas, "areas")
    shapes = areas.geometry.to_numpy()
    record = areas.attrs.get(KEY, {})
    told: dict[str, Any] = record.get("grid") or {}
    # Attributes outlive the clipping or moving of cells: what they say is looked at.
    if told.get("kind") in ("square", "hex") and len(shapes):
        lattice = _lattice(told["kind"], float(told["cell"]), shapes)
        if lattice is not None:
            return lattice
    if told.get("kind") == "h3" and "cell_id" in areas and len(shapes):
        drawn = shapes_of(areas["cell_id"].tolist(), crs)
        if np.allclose(shapely.area(drawn), shapely.area(shapes), rtol=1e-6, atol=0):
            return H3Cells(int(told["resolution"]), pd.Index(areas["cell_id"]), crs)
    return Outlines(shapes, shapely.STRtree(shapes))


def _lattice(kind: str, cell: float, shapes: ObjectArray) -> Lattice | None:
    """Return the table of the cells, or nothing where one is not where the lattice has it."""
    bounds, height = shapely.bounds(shapes), cell * np.sqrt(3) / 2
    centre = (bounds[:, :2] + bounds[:, 2:]) / 2
    if kind == "square":
        numbers, size = np.round(centre / cell - 0.5), cell**2
        off = np.abs((numbers + 0.5) * cell - centre)
    else:
        row = np.round(centre[:, 1] / height)
        shift = row % 2 / 2
        numbers, size = np.column_stack([np.round(centre[:, 0] / cell - shift), row]), cell * height
        off = np.abs(np.column_stack([(numbers[:, 0] + shift) * cell, row * height]) - centre)
    whole = np.abs(shapely.area(shapes) - size) <= 1e-6 * size
    if not (whole.all() and (off <= 1e-6 * cell).all()):
        return None
    first = numbers.min(axis=0)
    columns, rows = (numbers.max(axis=0) - first + 1).astype(int)
    if columns * rows > _LARGEST_TABLE:
        return None
    table = np.full((rows, columns), -1, dtype=np.int32)
    at = (numbers - first).astype(int)
    # Of two equal cells the first holds.
    table[at[::-1, 1], at[::-1, 0]] = np.arange(len(shapes))[::-1]
    return Lattice(kind, cell, first, table)


@dataclass(frozen=True, slots=True)
class Projection:
    """From one CRS to another, many points at once."""

    transformer: pyproj.Transformer | None
    centre: FloatArray | None

    @classmethod
    def to(cls, crs: pyproj.CRS, source: Any = LONLAT) -> Projection:
        """Choose the kernel for the azimuthal systems of :func:`equal_area_crs`, else PROJ."""
        start = pyproj.CRS(source)
        if start == crs:
            return cls(None, None)
        turn = pyproj.Transformer.from_crs(start, crs, always_xy=True)
        return cls(turn, _centre(crs) if start == pyproj.CRS(LONLAT) else None)

    def forward(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return (n, 2) coordinates; not finite where there are none."""
        xy = np.empty((len(x), 2))
        if self.centre is not None:
            azimuthal_equal_area(x, y, self.centre, _WGS84, xy)
        elif self.transformer is None:
            xy[:, 0], xy[:, 1] = x, y
        else:
            xy[:, 0], xy[:, 1] = self.transformer.transform(x, y)
        return xy


def _centre(crs: pyproj.CRS) -> FloatArray | None:
    """Centre of an oblique azimuthal equal-area system in metres on WGS 84, if it is one."""
    how = crs.coordinate_operation
    if how is None or how.method_name != "Lambert Azimuthal Equal Area":
        return None
    told = {part.name: float(part.value) for part in how.params}
    lat, lon = told["Latitude of natural origin"], told["Longitude of natural origin"]
    shifted = told["False easting"] or told["False northing"]
    datum = crs.datum.name if crs.datum is not None else ""
    metres = all(axis.unit_name == "metre" for axis in crs.axis_info)
    if shifted or not metres or "1984" not in datum or abs(lat) > 89:
        return None
    return np.array([lon, lat])
