"""The cells of a density, and the wider grid on which it is smoothed."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pyproj
import rasterio.features
import rioxarray  # noqa: F401 - registers the accessor .rio
import scipy.ndimage
import shapely
import xarray as xr
from affine import Affine

from geocn._kernels.density import bin_linear, held_by
from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError
from geocn.hotspots.smoothing import Kernel, Smoother, bandwidth_steps, fast_length
from geocn.spatial.crs import has_geometry

MOST_CELLS = 50_000_000
# Adaptive bandwidths are trimmed to within this factor of the fixed one.
TRIM = 4.0


@dataclass(frozen=True)
class Window:
    """The cells of the result: their corner, and which of them lie in the area."""

    crs: pyproj.CRS
    cell_m: float
    west: float
    north: float
    mask: BoolArray

    @classmethod
    def of(
        cls,
        area: gpd.GeoSeries | None,
        crs: pyproj.CRS,
        xy: FloatArray,
        cell_m: float,
        *,
        margin_m: float,
    ) -> Window:
        """Cover an area, or without one all places with a margin."""
        shapes = None if area is None else area[has_geometry(area)].to_crs(crs).to_numpy()
        if shapes is None:
            corners, margin = xy[np.isfinite(xy).all(axis=1)], margin_m
        else:
            corners, margin = shapely.get_coordinates(shapes), 0.0
        if not len(corners):
            return cls(crs, cell_m, 0.0, 0.0, np.zeros((0, 0), dtype=bool))
        first = np.floor((corners.min(axis=0) - margin) / cell_m)
        last = np.maximum(np.ceil((corners.max(axis=0) + margin) / cell_m), first + 1)
        columns, rows = (last - first).astype(int).tolist()
        if columns * rows > MOST_CELLS:
            raise ParameterError(
                f"a surface of {columns * rows:,} cells exceeds {MOST_CELLS:,}; choose larger cells"
            )
        west, north = float(first[0] * cell_m), float(last[1] * cell_m)
        window = cls(crs, cell_m, west, north, np.ones((rows, columns), dtype=bool))
        if shapes is None or not (shapely.get_dimensions(shapes) == 2).all():
            return window
        mask = rasterio.features.geometry_mask(
            shapes, (rows, columns), window.transform, invert=True, all_touched=False
        )
        if not mask.any():
            raise ParameterError(
                f"no cell of {cell_m:g} m has its centre in the extent; use smaller"
            )
        return cls(crs, cell_m, west, north, mask)

    @property
    def transform(self) -> Affine:
        """From column and row of a cell corner to x and y."""
        return Affine(self.cell_m, 0, self.west, 0, -self.cell_m, self.north)

    def sum(self, values: FloatArray) -> float:
        """Sum over the cells of the area."""
        return float((values if self.mask.all() else values[self.mask]).sum())

    def raster(self, values: FloatArray, name: str, units: str) -> xr.DataArray:
        """Label values of the cells; NaN outside the area."""
        rows, columns = values.shape
        x = self.west + (np.arange(columns) + 0.5) * self.cell_m
        y = self.north - (np.arange(rows) + 0.5) * self.cell_m
        if not self.mask.all():
            values = np.where(self.mask, values, np.nan)
        raster: xr.DataArray = xr.DataArray(values, {"y": y, "x": x}, ("y", "x"), name=name)
        # Not in place each of them would copy the values.
        raster.rio.write_crs(self.crs, inplace=True)
        raster.rio.write_transform(self.transform, inplace=True)
        raster.attrs["units"] = units
        return raster


@dataclass(frozen=True)
class Work:
    """The grid on which is smoothed: the window with a margin as wide as a kernel."""

    window: Window
    margin: int
    region: BoolArray
    smoother: Smoother
    edge_correction: bool

    @classmethod
    def around(cls, window: Window, margin: int, kernel: Kernel, edge_correction: bool) -> Work:
        """Widen a window; with edge correction nothing outside its area counts."""
        rows, columns = window.mask.shape
        # Sides that are quickly transformed spare copies to and from a larger grid.
        shape = fast_length(rows + 2 * margin), fast_length(columns + 2 * margin)
        region = np.full(shape, not edge_correction)
        if edge_correction:
            region[margin : margin + rows, margin : margin + columns] = window.mask
        if region.size > 4 * MOST_CELLS:
            raise ParameterError(
                f"kernels reach {margin:,} cells; choose larger cells or a smaller bandwidth"
            )
        return cls(window, margin, region, Smoother(shape, window.cell_m, kernel), edge_correction)

    def position(self, xy: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Column and row, whole numbers at the centres of cells."""
        window, offset = self.window, self.margin - 0.5
        column = (xy[:, 0] - window.west) / window.cell_m + offset
        row = (window.north - xy[:, 1]) / window.cell_m + offset
        return column, row

    def holds(self, xy: FloatArray) -> BoolArray:
        """Say which places may have a kernel that reaches the window."""
        rows, columns = self.region.shape
        if not self.edge_correction and len(xy):
            # Read faster than every place: a column of an array at a time.
            column, row = self.position(np.stack([xy.min(axis=0), xy.max(axis=0)]))
            least, most = min(column.min(), row.min()), (columns - 0.5, rows - 0.5)
            if least >= -0.5 and column.max() < most[0] and row.max() < most[1]:
                return np.ones(len(xy), dtype=bool)
        column, row = self.position(xy)
        held: BoolArray = held_by(column, row, self.region)
        return held

    def smooth(self, layers: list[tuple[float, FloatArray]]) -> FloatArray:
        """Weight a cell of the window, from layers on the working grid."""
        m, (rows, columns) = self.margin, self.window.mask.shape
        return self._smooth(layers)[m : m + rows, m : m + columns]

    def _smooth(self, layers: list[tuple[float, FloatArray]]) -> FloatArray:
        return self.smoother.smooth(layers, region=self.region if self.edge_correction else None)

    def layers(
        self, xy: FloatArray, weight: FloatArray, bandwidth_m: float, factor: FloatArray | None
    ) -> list[tuple[float, FloatArray]]:
        """Weights on the working grid by bandwidth; ``factor`` multiplies it for each place."""
        column, row = self.position(xy)
        if factor is None:
            return [(bandwidth_m, bin_linear(column, row, weight, self.region))]
        return [
            (bandwidth_m * step, bin_linear(column[i], row[i], share, self.region))
            for step, i, share in bandwidth_steps(factor, weight)
        ]

    def abramson(self, xy: FloatArray, weight: FloatArray, bandwidth_m: float) -> FloatArray:
        """Bandwidth of each place over the fixed one: the inverse root of a pilot density.

        Places that the working grid does not hold keep the fixed one.
        """
        held = self.holds(xy)
        column, row = self.position(xy[held])
        factor = np.ones(len(xy))
        if not held.any():
            return factor
        pilot = self._smooth([(bandwidth_m, bin_linear(column, row, weight[held], self.region))])
        at = scipy.ndimage.map_coordinates(pilot, [row, column], order=1)
        factor[held] = _inverse_root(at, weight[held], self.window.cell_m / bandwidth_m)
        return factor


def _inverse_root(pilot: FloatArray, weight: FloatArray, least: float) -> FloatArray:
    counted = (weight > 0) & (pilot > 0)
    if not counted.any():
        return np.ones(len(pilot))
    mean = np.average(np.log(pilot[counted]), weights=weight[counted])
    with np.errstate(divide="ignore"):
        factor = np.exp((mean - np.log(pilot)) / 2)
    # Interpolation between steps reaches up to one step further, so the ends are kept a step in.
    trimmed: FloatArray = np.clip(factor, max(1 / TRIM, least), TRIM / 1.1)
    return trimmed
