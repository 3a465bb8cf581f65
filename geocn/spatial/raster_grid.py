"""A raster as analyses see it: checked, north up, NaN where nothing is known."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import rioxarray
import xarray as xr
from affine import Affine
from pyproj import CRS, Geod

from geocn._kernels.cost import planar_lengths
from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import AssumptionWarning, CRSError, RasterError

_EVEN = 1e-3  # share of a cell that coordinates may stray from an even spacing
_DEGREE = np.pi / 180


@dataclass(frozen=True)
class RasterGrid:
    """Values of a raster, first row in the north and first column in the west.

    Parameters
    ----------
    values : (rows, columns) float64
        NaN where the raster has no data.
    transform : Affine
        From (column, row) of a cell corner to x and y.
    crs : pyproj.CRS
        Reference system of the raster.
    """

    values: FloatArray
    transform: Affine
    crs: CRS
    _coords: Mapping[Hashable, xr.DataArray]
    _axes: tuple[Hashable, Hashable]
    _flips: tuple[bool, bool]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def is_geographic(self) -> bool:
        """Whether x and y are degrees of longitude and latitude."""
        return bool(self.crs.is_geographic)

    @property
    def wraps(self) -> bool:
        """Whether the last column touches the first across the antimeridian."""
        columns = self.shape[1]
        return self.is_geographic and columns > 4 and abs(columns * self.transform.a - 360) < 1e-6

    def same_cells(self, other: RasterGrid) -> bool:
        """Whether another raster has the same cells, to a millionth of one."""
        same = self.shape == other.shape and self.crs == other.crs
        return same and bool(other.transform.almost_equals(self.transform, 1e-6 * self.transform.a))

    def centres(self, rows: IntArray, columns: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return x and y of cell centres."""
        t = self.transform
        x = t.c + (np.asarray(columns, dtype=np.float64) + 0.5) * t.a
        y = t.f + (np.asarray(rows, dtype=np.float64) + 0.5) * t.e
        return x, y

    def cells(self, x: FloatArray, y: FloatArray) -> tuple[IntArray, IntArray]:
        """Row and column of the cell that holds each point; -1 outside.

        A point on an edge belongs to the cell south or east of it, and on the outer
        edge to the raster. Longitudes are moved by 360 degrees where that brings them in.
        """
        t, (height, width) = self.transform, self.shape
        column = (np.asarray(x, dtype=float) - t.c) / t.a
        row = (np.asarray(y, dtype=float) - t.f) / t.e
        if self.is_geographic:
            turn = 360 / t.a
            column = np.where(column < 0, column + turn, column)
            column = np.where(column > width, column - turn, column)
        with np.errstate(invalid="ignore"):
            inside = (column >= 0) & (column <= width) & (row >= 0) & (row <= height)
        columns = np.where(inside, np.minimum(np.floor(column), width - 1), -1)
        rows = np.where(inside, np.minimum(np.floor(row), height - 1), -1)
        return rows.astype(np.int64), columns.astype(np.int64)

    def unflip(self, rows: IntArray, columns: IntArray) -> tuple[IntArray, IntArray]:
        """Rows and columns of this grid from those of the raster it was read from."""
        (height, width), (flip_y, flip_x) = self.shape, self._flips
        return (height - 1 - rows if flip_y else rows), (width - 1 - columns if flip_x else columns)

    def step_lengths_m(self) -> FloatArray:
        """Metres of each kind of step (see ``geocn._kernels.cost.STEPS``) by upper row.

        Geodesic on the ellipsoid of the CRS where it is geographic, planar otherwise.

        Returns
        -------
        (5, rows) float64
        """
        height, _ = self.shape
        dx, dy = self.transform.a, self.transform.e
        if not self.is_geographic:
            metres = float(self.crs.axis_info[0].unit_conversion_factor)
            return planar_lengths(height, dx * metres, dy * metres)
        latitude = self.centres(np.arange(height), np.zeros(height, dtype=np.int64))[1]
        lengths = np.empty((5, height))
        zero = np.zeros(height)
        geod = self.crs.get_geod() or Geod(ellps="WGS84")
        for kind, (rows, columns) in enumerate([(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)]):
            end = np.clip(latitude + rows * dy, -90, 90)
            lengths[kind] = geod.inv(zero, latitude, zero + columns * dx, end)[2]
        return lengths

    def restore(
        self, values: AnyArray, *, name: str, attrs: Mapping[str, Any], nodata: float = np.nan
    ) -> xr.DataArray:
        """Put values of this grid back into the axes of the raster it was read from."""
        flip_y, flip_x = self._flips
        values = values[::-1] if flip_y else values
        values = values[:, ::-1] if flip_x else values
        y, x = self._axes
        array = xr.DataArray(
            np.ascontiguousarray(values),
            dims=(y, x),
            coords=self._coords,
            name=name,
            attrs=dict(attrs),
        )
        # In place: each of these would copy a fresh array once more.
        array.rio.set_spatial_dims(x_dim=x, y_dim=y, inplace=True)
        array.rio.write_crs(self.crs, inplace=True)
        array.rio.write_nodata(nodata, inplace=True)
        return array


def raster_grid(raster: xr.DataArray, layer: str) -> RasterGrid:
    """Check a raster and turn it north up, as float64 with NaN for no data.

    Parameters
    ----------
    raster : xarray.DataArray
        Two dimensions (or a band dimension of length 1 beside them), with a CRS as
        rioxarray keeps it. Not changed.
    layer : str
        What errors call it.

    Raises
    ------
    RasterError
        Where it is not a raster of numbers, has no cells, is rotated, or is unevenly spaced.
    CRSError
        Where it has no CRS, or one whose axes are not degrees or lengths.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> raster = xr.DataArray(np.ones((2, 3)), {"y": [1.0, 0.0], "x": [0.0, 1.0, 2.0]}, ("y", "x"))
    >>> raster_grid(raster.rio.write_crs("EPSG:32618"), "friction").shape
    (2, 3)
    """
    if not isinstance(raster, xr.DataArray):
        raise RasterError(
            layer,
            found=f"a {type(raster).__name__}",
            expected="an xarray DataArray with a CRS",
            repair="Read it with geocn.read_raster or rioxarray.open_rasterio.",
        )
    extra = {
        dim: 0
        for dim in raster.dims
        if raster.sizes[dim] == 1 and dim not in ("x", "y", "longitude", "latitude", "lon", "lat")
    }
    flat = raster.isel(extra) if raster.ndim > 2 else raster
    if flat.ndim != 2 or flat.size == 0 or flat.dtype.kind not in "biuf":
        raise RasterError(
            layer,
            found=f"{flat.dtype} values of shape {flat.shape}",
            expected="numbers in rows and columns",
            repair="Select one band with .isel(band=0).",
        )
    crs = _crs(flat, layer)
    x, y = _dimensions(flat, layer)
    flat = flat.transpose(y, x)
    values = _values(flat)
    left, dx, top, dy = _spacing(flat, x, y, layer)
    flip_x, flip_y = dx < 0, dy > 0
    if flip_x:
        values, left, dx = values[:, ::-1], left + dx * values.shape[1], -dx
    if flip_y:
        values, top, dy = values[::-1], top + dy * values.shape[0], -dy
    if crs.is_geographic and (top > 90 + 1e-6 or top + dy * values.shape[0] < -90 - 1e-6):
        raise RasterError(
            layer,
            found=f"latitudes from {top + dy * values.shape[0]:g} to {top:g}",
            expected="cell edges within -90 and 90",
            repair="Check that x is longitude and y latitude.",
        )
    transform = Affine(dx, 0.0, left, 0.0, dy, top)
    # The coordinates and not the raster, whose values may then go.
    coords = {k: v.copy() for k, v in flat.coords.items() if set(v.dims) <= {y, x}}
    return RasterGrid(
        np.ascontiguousarray(values), transform, crs, coords, (y, x), (flip_y, flip_x)
    )


def grid_on_cells(raster: xr.DataArray, layer: str, grid: RasterGrid, of: str) -> RasterGrid:
    """Check a raster that must have the cells of ``grid``, which errors call ``of``.

    Raises
    ------
    RasterError, CRSError
        As :func:`raster_grid`, or where it has other cells.
    """
    other = raster_grid(raster, layer)
    require_same_cells(other, layer, grid, of)
    return other


def require_same_cells(other: RasterGrid, layer: str, grid: RasterGrid, of: str) -> None:
    """Refuse a raster whose cells are not those of ``grid``, which errors call ``of``.

    Raises
    ------
    RasterError
    """
    if not grid.same_cells(other):
        raise RasterError(
            layer,
            found=f"{other.shape} cells of {other.transform.a:g} in {other.crs.to_string()}",
            expected=f"the cells of {of}: {grid.shape} of {grid.transform.a:g} in "
            f"{grid.crs.to_string()}",
            repair=f"Bring it there with {layer}.rio.reproject_match({of}).",
        )


def _crs(raster: xr.DataArray, layer: str) -> CRS:
    if raster.rio.crs is None:
        raise CRSError(
            layer,
            found="no coordinate reference system",
            expected="a raster with a CRS",
            repair="Declare it with raster.rio.write_crs('EPSG:…').",
        )
    crs = CRS.from_user_input(raster.rio.crs)
    factor = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 0.0
    if (crs.is_geographic and abs(factor - _DEGREE) > 1e-9) or factor <= 0:
        raise CRSError(
            layer,
            found=f"{crs.name}, whose axes are not degrees or lengths",
            expected="a geographic CRS in degrees or a projected one",
            repair="Reproject it with raster.rio.reproject('EPSG:…').",
        )
    return crs


def _dimensions(raster: xr.DataArray, layer: str) -> tuple[Hashable, Hashable]:
    try:
        return raster.rio.x_dim, raster.rio.y_dim
    except rioxarray.exceptions.MissingSpatialDimensionError as error:
        raise RasterError(
            layer,
            found=f"dimensions {', '.join(map(str, raster.dims))}",
            expected="dimensions x and y",
            repair="Name them with raster.rio.set_spatial_dims(x_dim=…, y_dim=…).",
        ) from error


def _values(raster: xr.DataArray) -> FloatArray:
    values = raster.to_numpy().astype(np.float64)
    nodata = raster.rio.nodata
    if nodata is not None and not np.isnan(nodata):
        values[values == float(nodata)] = np.nan
    return values


def _spacing(
    raster: xr.DataArray, x: Hashable, y: Hashable, layer: str
) -> tuple[float, float, float, float]:
    """Left edge, cell width, top edge and cell height, signed as the axes run."""
    stored = raster.rio.transform()
    if stored.b or stored.d:
        raise RasterError(
            layer,
            found="a rotated or sheared raster",
            expected="rows along x and columns along y",
            repair="Straighten it with raster.rio.reproject(raster.rio.crs).",
        )
    if x not in raster.coords and y not in raster.coords and not stored.is_identity:
        return stored.c, stored.a, stored.f, stored.e
    cell_x, cell_y = _step(raster, x, layer), _step(raster, y, layer)
    if cell_x is None or cell_y is None:
        # One row or column says nothing of its own height or width.
        known = raster.rio._cached_transform()  # noqa: SLF001 - the file's own transform
        known = None if known is None or known.is_identity else known
        if known is None and (cell_x is not None or cell_y is not None):
            warnings.warn(
                f"{layer} has a single row or column and no transform: its cells are taken to "
                "be square. Declare the size with raster.rio.write_transform(…).",
                AssumptionWarning,
                stacklevel=4,
            )
        if known is None and cell_x is None and cell_y is None:
            raise RasterError(
                layer,
                found="a single cell of unknown size",
                expected="a transform",
                repair="Declare it with raster.rio.write_transform(…).",
            )
        cell_x = cell_x if cell_x is not None else (known.a if known else abs(cell_y or 0.0))
        cell_y = cell_y if cell_y is not None else (known.e if known else -abs(cell_x))
    left = float(raster[x].values[0]) - cell_x / 2
    top = float(raster[y].values[0]) - cell_y / 2
    return left, cell_x, top, cell_y


def _step(raster: xr.DataArray, dim: Hashable, layer: str) -> float | None:
    if dim not in raster.coords:
        raise RasterError(
            layer,
            found=f"no coordinates along {dim}",
            expected="the coordinate of each row and column",
            repair="Assign them with raster.assign_coords(x=…, y=…).",
        )
    centres = raster[dim].to_numpy().astype(np.float64)
    if len(centres) == 1:
        return None
    step = float(centres[-1] - centres[0]) / (len(centres) - 1)
    even = centres[0] + step * np.arange(len(centres))
    if not np.isfinite(step) or step == 0 or np.abs(centres - even).max() > _EVEN * abs(step):
        raise RasterError(
            layer,
            found=f"unevenly spaced coordinates along {dim}",
            expected="cells of one size",
            repair="Resample it to a regular grid with raster.rio.reproject(…).",
        )
    return step
