"""Regular grids of squares and hexagons in an equal-area system, and of H3 cells."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from geocn._typing import FloatArray, IntArray
from geocn.errors import CRSError, ParameterError
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry
from geocn.spatial.extent import Extent, read_extent
from geocn.spatial.h3_grid import check_resolution, cover, shapes_of

GridKind = Literal["square", "hex", "h3"]
_MOST_CELLS = 5_000_000
_ROW_HEIGHT = np.sqrt(3) / 2


def make_grid(
    extent: Extent,
    *,
    cell_m: float | None = None,
    cell_size_km: float | None = None,
    kind: GridKind = "square",
    resolution: int | None = None,
    crs: Any = None,
) -> gpd.GeoDataFrame:
    """Cover an extent with cells of equal area, or with H3 cells.

    Squares and hexagons lie on multiples of their size from the origin of the CRS, so two
    grids of one CRS and size share their cells and ids. H3 cells have the same ids
    everywhere; their areas differ (by up to a factor of two over the globe). Administrative
    areas need no grid: give them to :func:`geocn.hotspots.count_events` as they are.

    Parameters
    ----------
    extent : GeoDataFrame, GeoSeries or (west, south, east, north) in degrees
        What to cover. For areas, cells that touch none of them are left out; for points
        and lines the whole bounding box is covered.
    cell_m, cell_size_km : float
        One of the two: the side of a square, or the distance between the centres of two
        neighbouring hexagons, in metres or kilometres.
    kind : {"square", "hex", "h3"}
        Shape of the cells.
    resolution : int, optional
        Of H3 cells, 0 (4.4 million km²) to 15 (1 m²), in place of a size.
    crs : optional
        A projected CRS for the grid; by default
        :func:`geocn.spatial.crs.equal_area_crs` of the extent.

    Returns
    -------
    GeoDataFrame
        ``cell_id`` (column and row from the origin of the CRS, such as "12_-3", or the H3
        id) and geometry, row by row from the south-west (H3 cells by id). No rows where the
        extent is empty. ``attrs["geocn"]["grid"]`` says how cells are found by arithmetic.

    Raises
    ------
    ParameterError
        Where the size is missing, given twice or not positive, the kind is unknown, or the
        grid would have more than five million cells.
    CRSError
        Where the extent has no CRS or ``crs`` is not projected.

    Examples
    --------
    >>> grid = make_grid((-78, 0, -77, 1), cell_size_km=50)
    >>> len(grid), float(grid.area.iloc[0].round())
    (16, 2500000000.0)
    """
    if kind not in ("square", "hex", "h3"):
        raise ParameterError(f"grid kind {kind!r}; choose 'square', 'hex' or 'h3'")
    series = read_extent(extent, "make_grid")
    target = pyproj.CRS(crs) if crs is not None else equal_area_crs(series)
    if not target.is_projected:
        raise CRSError("make_grid", found=target.to_string(), expected="a projected CRS in metres")
    lattice: dict[str, Any] = {"kind": kind, "resolution": resolution}
    if kind != "h3":
        if resolution is not None:
            raise ParameterError(f"resolution is for kind='h3', not {kind!r}; give cell_m=…")
        cell = _side(cell_m, cell_size_km) / target.axis_info[0].unit_conversion_factor
        lattice = {"kind": kind, "cell": cell}
    elif check_resolution(resolution) >= 0 and (cell_m or cell_size_km):
        raise ParameterError("H3 cells have a resolution, not a size; leave out cell_m")
    series = series[has_geometry(series)].to_crs(target)
    grid = _cells(series, target, lattice)
    areas = series[shapely.get_dimensions(series.to_numpy()) == 2]
    if len(areas) == len(series):
        hit = np.unique(grid.sindex.query(areas.to_numpy(), predicate="intersects")[1])
        grid = grid.iloc[hit].reset_index(drop=True)
    return attach(
        grid,
        "hotspots.make_grid",
        cell_m=cell_m,
        cell_size_km=cell_size_km,
        kind=kind,
        resolution=resolution,
        crs=target,
        grid=lattice,
    )


def _cells(series: gpd.GeoSeries, target: pyproj.CRS, lattice: dict[str, Any]) -> gpd.GeoDataFrame:
    """Every cell over the bounding box."""
    if not len(series):
        return _frame(np.empty((0, 2), dtype=np.int64), np.empty((0, 0, 2)), target)
    bounds = series.total_bounds
    if lattice["kind"] == "h3":
        ids = cover(bounds, target, lattice["resolution"], _MOST_CELLS)
        shapes = shapes_of(ids, target)
        hit = shapely.intersects(shapes, shapely.box(*bounds))
        chosen = {"cell_id": np.array(ids, dtype=object)[hit]}
        return gpd.GeoDataFrame(chosen, geometry=shapes[hit], crs=target).astype({"cell_id": "str"})
    build = _squares if lattice["kind"] == "square" else _hexagons
    return _frame(*build(bounds, lattice["cell"]), target)


def _side(cell_m: float | None, cell_size_km: float | None) -> float:
    given = [s for s in (cell_m, None if cell_size_km is None else cell_size_km * 1000) if s]
    if len(given) != 1 or not (np.isfinite(given[0]) and given[0] > 0):
        raise ParameterError("give one positive cell size: cell_m=… or cell_size_km=…")
    return float(given[0])


def _check_count(columns: int, rows: int) -> None:
    if columns * rows > _MOST_CELLS:
        raise ParameterError(
            f"a grid of {columns * rows:,} cells exceeds {_MOST_CELLS:,}; choose larger cells"
        )


def _squares(bounds: FloatArray, cell: float) -> tuple[IntArray, FloatArray]:
    first = np.floor(bounds[:2] / cell).astype(int)
    last = np.maximum(np.ceil(bounds[2:] / cell).astype(int), first + 1)
    columns, rows = last - first
    _check_count(columns, rows)
    row, column = np.divmod(np.arange(columns * rows), columns)
    numbers = np.column_stack([column + first[0], row + first[1]])
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    return numbers, (numbers[:, None, :] + corners[None]) * cell


def _hexagons(bounds: FloatArray, cell: float) -> tuple[IntArray, FloatArray]:
    # Pointy-top hexagons: rows are 0.866 cells apart, odd rows shifted by half a cell.
    height = cell * _ROW_HEIGHT
    radius = cell / np.sqrt(3)
    row_from = int(np.floor((bounds[1] - radius) / height))
    row_to = int(np.ceil((bounds[3] + radius) / height))
    column_from = int(np.floor(bounds[0] / cell - 1))
    column_to = int(np.ceil(bounds[2] / cell + 1))
    columns, rows = column_to - column_from + 1, row_to - row_from + 1
    _check_count(columns, rows)
    row, column = np.divmod(np.arange(columns * rows), columns)
    row, column = row + row_from, column + column_from
    centre = np.column_stack([(column + (row % 2) / 2) * cell, row * height])
    # Corners are whole multiples of half a cell and half a radius, so that neighbours share
    # them to the last bit of the same expression.
    dx = np.array([1, 0, -1, -1, 0, 1, 1])
    dy = np.array([1, 2, 1, -1, -2, -1, 1])
    half = 2 * column + row % 2
    x = (half[:, None] + dx) * (cell / 2)
    y = (3 * row[:, None] + dy) * (radius / 2)
    reach = np.array([cell / 2, radius])
    low, high = centre - reach, centre + reach
    hit = ((high > bounds[:2]) & (low < bounds[2:])).all(axis=1) | (
        (bounds[:2] == bounds[2:]).any() & ((high >= bounds[:2]) & (low <= bounds[2:])).all(axis=1)
    )
    numbers = np.column_stack([column, row])
    return numbers[hit], np.stack([x, y], axis=-1)[hit]


def _frame(numbers: IntArray, rings: FloatArray, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    ids = [f"{column}_{row}" for column, row in numbers.tolist()]
    geometry = np.empty(len(rings), dtype=object)
    if len(rings):
        geometry[:] = shapely.polygons(rings)
    frame = gpd.GeoDataFrame({"cell_id": ids}, geometry=geometry, crs=crs)
    return frame.astype({"cell_id": "str"})
