"""Factors as a graph of cells, and observed routes as walks on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from affine import Affine

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.friction_distance import cell_side_m
from geocn.errors import GeometryError, ParameterError, RasterError
from geocn.spatial.crs import has_geometry, require_crs
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid, raster_grid

_ALIKE = 0.999
#: Down and to the right; each step is taken both ways. The last entry is the kind of step.
_STEPS = ((0, 1, 0), (1, 0, 1), (1, 1, 2), (1, -1, 2))


@dataclass(frozen=True)
class FactorGrid:
    """Values of factors: (cells, factors), NaN rows for cells that none can pass."""

    grid: RasterGrid
    names: list[str]
    values: FloatArray

    @property
    def passable(self) -> BoolArray:
        """Flat cells that have a value of every factor."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def coarser(self, max_cells: int) -> FactorGrid:
        """Average blocks of cells until no more than ``max_cells`` are left."""
        height, width = self.grid.shape
        if height * width <= max_cells:
            return self
        by = int(np.ceil(np.sqrt(height * width / max_cells)))
        rows, columns = -(-height // by), -(-width // by)
        values = np.where(self.passable[:, None], self.values, np.nan)
        full = np.full((rows * by, columns * by, len(self.names)), np.nan)
        full[:height, :width] = values.reshape(height, width, -1)
        blocks = full.reshape(rows, by, columns, by, -1)
        known = np.isfinite(blocks)
        n = known.sum(axis=(1, 3))
        total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
        # A block is passed where at least half of it can be.
        mean = np.where(n >= by * by / 2, total / np.maximum(n, 1), np.nan)
        t = self.grid.transform
        cells = xr.DataArray(np.zeros((rows, columns)), dims=("y", "x")).rio.write_crs(
            self.grid.crs
        )
        cells = cells.rio.write_transform(t @ Affine.scale(by))
        coarse = raster_grid(cells, "factors")
        return FactorGrid(coarse, self.names, mean.reshape(rows * columns, -1))


def factor_grid(factors: xr.Dataset | Mapping[str, xr.DataArray]) -> FactorGrid:
    """Check factors and stack them.

    Raises
    ------
    ParameterError
        Where there are none, or a factor is constant or the same as another: no route can
        tell its weight. All such factors are named.
    RasterError, CRSError
        Where factors lie on different cells, or are no rasters.
    """
    names = [str(name) for name in factors]
    if not names:
        raise ParameterError("no factors given")
    grids = [raster_grid(factors[name], f"factors[{name!r}]") for name in names]
    first = grids[0]
    odd = [
        f"{name} ({grid.shape[0]} x {grid.shape[1]} cells in {grid.crs.to_string()})"
        for name, grid in zip(names, grids, strict=True)
        if not first.same_cells(grid)
    ]
    if odd:
        raise RasterError(
            "factors",
            found=f"other cells in {', '.join(odd)}",
            expected=f"those of {names[0]}: {first.shape[0]} x {first.shape[1]} in "
            f"{first.crs.to_string()}",
            repair=f"Bring them there with .rio.reproject_match(factors[{names[0]!r}]).",
        )
    stack = np.column_stack([grid.values.ravel() for grid in grids])
    found = FactorGrid(first, names, stack)
    _refuse_unidentified(found)
    return found


def _refuse_unidentified(factors: FactorGrid) -> None:
    values = factors.values[factors.passable]
    if len(values) < 2:
        raise RasterError(
            "factors",
            found=f"{len(values)} cells with a value of every factor",
            expected="cells to pass",
            repair="Check the values for no data.",
        )
    spread = values.std(axis=0)
    flat = [n for n, s in zip(factors.names, spread, strict=True) if not s > 0]
    faults = [f"{', '.join(flat)} constant"] if flat else []
    if not flat and len(factors.names) > 1:
        alike = np.abs(np.corrcoef(values.T)) > _ALIKE
        faults += [
            f"{factors.names[i]} and {factors.names[j]} the same up to a factor"
            for i, j in np.argwhere(np.triu(alike, 1))
        ]
    if faults:
        raise ParameterError(f"weights that no route can tell: {'; '.join(faults)}. Leave one out.")


@dataclass(frozen=True)
class CellGraph:
    """Steps between passable cells, both ways; ``half`` in sides of a mean cell."""

    number: IntArray
    cells: IntArray
    start: IntArray
    end: IntArray
    half: FloatArray


def cell_graph(factors: FactorGrid) -> CellGraph:
    """Join each passable cell to its 8 neighbours."""
    height, width = factors.grid.shape
    passable = factors.passable
    cells = np.flatnonzero(passable)
    number = np.full(height * width, -1, dtype=np.int64)
    number[cells] = np.arange(len(cells))
    lengths = factors.grid.step_lengths_m() / cell_side_m(factors.grid)
    index = np.arange(height * width).reshape(height, width)
    ends: list[Any] = []
    for down, across, kind in _STEPS:
        upper = index[: height - down, max(-across, 0) : width - max(across, 0)]
        lower = upper + down * width + across
        length = np.repeat(lengths[kind, : height - down], upper.shape[1])
        both = passable[upper.ravel()] & passable[lower.ravel()]
        ends.append((upper.ravel()[both], lower.ravel()[both], length[both] / 2))
    a, b, half = (np.concatenate(part) for part in zip(*ends, strict=True))
    return CellGraph(
        number, cells, number[np.concatenate([a, b])], number[np.concatenate([b, a])],
        np.concatenate([half, half]),
    )  # fmt: skip


@dataclass(frozen=True)
class Walks:
    """Routes as flat cells in their order, by position in the layer."""

    cells: list[IntArray]
    rows: IntArray
    left_out: dict[str, list[Any]]


def route_walks(factors: FactorGrid, routes: gpd.GeoDataFrame) -> Walks:
    """Find the cells that each route passes; those that cannot be followed are named.

    Raises
    ------
    GeometryError
        Where no route is left.
    """
    require_crs(routes, "routes")
    there = has_geometry(routes)
    lines = routes.geometry.to_crs(factors.grid.crs).to_numpy()
    passable, grid = factors.passable, factors.grid
    step = min(abs(grid.transform.a), abs(grid.transform.e)) / 8
    left_out: dict[str, list[Any]] = {}
    kept, rows = [], []
    for position, line in enumerate(lines):
        cells, why = np.empty(0, np.int64), "no geometry"
        if there[position]:
            cells, why = _walk(grid, line, step)
        if not why and not passable[cells].all():
            why = "on a barrier or no data"
        if why:
            left_out.setdefault(why, []).append(routes.index[position])
            continue
        kept.append(cells)
        rows.append(position)
    if not kept:
        reasons = ", ".join(f"{len(names)} {why}" for why, names in left_out.items())
        raise GeometryError(
            "routes",
            found=f"no route that can be followed ({reasons or 'none given'})",
            expected="lines over at least two passable cells of the factors",
            repair="Check the CRS and the extent, or use smaller cells.",
            rows=[name for names in left_out.values() for name in names],
        )
    return Walks(kept, np.array(rows, dtype=np.int64), left_out)


def _walk(grid: RasterGrid, line: Any, step: float) -> tuple[IntArray, str]:
    none = np.empty(0, np.int64)
    merged = shapely.line_merge(line) if shapely.get_type_id(line) == 5 else line
    if shapely.get_type_id(merged) != 1:
        return none, "in pieces or no line"
    xy = shapely.get_coordinates(densify([merged], step))[:, :2]
    middle, long = (xy[1:] + xy[:-1]) / 2, np.hypot(*np.diff(xy, axis=0).T)
    rows, columns = grid.cells(middle[:, 0], middle[:, 1])
    if (rows < 0).any():
        return none, "beyond the raster"
    cells = rows * grid.shape[1] + columns
    first = np.flatnonzero(np.append(True, np.diff(cells) != 0))
    stays = np.add.reduceat(long, first)
    # What a line only clips on its way between two cells that touch is no cell of its way.
    walk = _without(cells[first], stays < 4 * step, grid.shape[1])
    return walk, "" if len(walk) > 1 else "within one cell"


def _without(cells: IntArray, clipped: BoolArray, width: int) -> IntArray:
    kept = [int(cells[0])]
    for i in range(1, len(cells)):
        after = int(cells[i + 1]) if i + 1 < len(cells) else -1
        if clipped[i] and after not in (-1, kept[-1]) and _touch(kept[-1], after, width):
            continue
        if cells[i] != kept[-1]:
            kept.append(int(cells[i]))
    return np.array(kept, dtype=np.int64)


def _touch(a: int, b: int, width: int) -> bool:
    return abs(a // width - b // width) <= 1 and abs(a % width - b % width) <= 1
