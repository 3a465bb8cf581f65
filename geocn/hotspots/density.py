"""Density of events: a smooth surface instead of a pile of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pyproj
import rasterio.features
import rasterio.warp
import rioxarray  # noqa: F401 - registers the accessor .rio
import scipy.ndimage
import shapely
import xarray as xr
from affine import Affine

from geocn._kernels.density import bin_linear
from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError, RasterError
from geocn.hotspots.precision import (
    Imprecise,
    centres_and_precision,
    check_imprecise,
    scatter,
)
from geocn.hotspots.smoothing import SUPPORT, Kernel, Smoother, bandwidth_steps
from geocn.hotspots.values import numeric_column, refuse_rows
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs

Extent: TypeAlias = gpd.GeoDataFrame | gpd.GeoSeries | Sequence[float]
_NAME = "kernel_density"
_MOST_CELLS = 50_000_000
# Adaptive bandwidths are trimmed to within this factor of the fixed one.
_TRIM = 4.0
# An imprecise event is put at this many places, each with its share of the weight.
_PLACES, _MOST_PLACES = 25, 5_000_000


def kernel_density(
    events: gpd.GeoDataFrame,
    *,
    cell_m: float,
    bandwidth_m: float,
    extent: Extent | None = None,
    kernel: Kernel = "quartic",
    weight: str | None = None,
    edge_correction: bool = False,
    exposure: xr.DataArray | None = None,
    adaptive: bool = False,
    imprecise: Imprecise = "spread",
    seed: int = 0,
) -> xr.DataArray:
    r"""Smooth events into a density per square kilometre.

    .. math:: \hat f(s) = \sum_i \frac{m_i}{e_i} K_h(s - s_i), \qquad
              K_h(d) = \frac{3}{\pi h^2}\Bigl(1 - \frac{d^2}{h^2}\Bigr)^2
              \text{ or } \frac{1}{2 \pi h^2} e^{-d^2 / 2 h^2}

    with weights m, and e the part of an event's kernel inside the extent (1 without edge
    correction). By linear binning and one convolution.

    Parameters
    ----------
    events : GeoDataFrame
        Points; areas and lines count as imprecise points. Null geometries are left out.
    cell_m : float
        Side of a cell in metres; cells lie on multiples of it in an equal-area CRS.
    bandwidth_m : float
        In metres, at least a cell: where the quartic kernel ends, or one standard
        deviation of the Gaussian (cut off at five).
    extent : GeoDataFrame, GeoSeries or (west, south, east, north) in degrees, optional
        What to cover. Cells whose centre lies outside areas are NaN; points and lines stand
        for their bounding box. By default the box of the events and all their kernels.
        Events outside count where their kernel reaches in, unless ``edge_correction``.
    kernel : {"quartic", "gaussian"}
        Kind of kernel.
    weight : str, optional
        Numeric column of the events to smooth in place of their number (null counts as 0).
    edge_correction : bool
        Treat the extent as the window of observation: only events inside count, and what
        their kernels would lose beyond it is given back (Diggle 1985), so that the surface
        sums to the events inside; at the very edge it is still some 20 % low. Needs ``extent``.
    exposure : DataArray, optional
        Density of what events should be proportional to, such as the kernel density of
        patrol hours with the same extent and bandwidth. The result is the ratio, events
        per unit of exposure (Kelsall & Diggle 1995); NaN where exposure is 0 or unknown.
    adaptive : bool
        Give each event its own bandwidth, wider where events are few (Abramson 1982):
        inversely to the root of a pilot density, within a factor of 4 of ``bandwidth_m``.
    imprecise : {"spread", "leave_out"}
        Events known less exactly than ``bandwidth_m`` (``location_precision_m``, or half
        the width of an area) are spread over 25 random places within their radius, or
        left out; counted either way.
    seed : int
        Seed of the spreading.

    Returns
    -------
    DataArray
        ``density`` over (y, x), north up, with CRS; ``attrs["units"]`` is "events per km2",
        "<weight> per km2" or "events per unit of exposure". ``attrs["geocn"]`` counts
        events used, imprecise and left out by reason; ``mass`` is the weight the surface
        sums to inside the extent, before division by exposure.

    Raises
    ------
    ParameterError
        Where an option is out of range or the grid would exceed 50 million cells.
    LayerError, SchemaError, CRSError, RasterError
        Where weights or exposure are negative, infinite or missing, or a CRS is.

    References
    ----------
    Diggle 1985, doi:10.2307/2347366; Abramson 1982, doi:10.1214/aos/1176345986;
    Kelsall & Diggle 1995, doi:10.2307/3318678; Wand 1994 (linear binning),
    doi:10.1080/10618600.1994.10474656.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> events = gpd.GeoDataFrame(geometry=[shapely.Point(-77, 1), None], crs=4326)
    >>> density = kernel_density(events, cell_m=500, bandwidth_m=5_000)
    >>> round(float(density.sum()) * 0.25, 9), density.attrs["geocn"]["left_out"]["no_geometry"]
    (1.0, 1)
    """
    check_imprecise(imprecise)
    _check_options(cell_m, bandwidth_m, kernel, edge_correction, extent)
    area = None if extent is None else _area(extent)
    require_crs(events, "events")
    crs = equal_area_crs(events if area is None else area)
    cast = _cast(events, crs, weight, bandwidth_m=bandwidth_m, imprecise=imprecise, seed=seed)
    widest = bandwidth_m * SUPPORT[kernel] * (_TRIM if adaptive else 1.0)
    window = _window(area, crs, cast.xy, cell_m, margin_m=bandwidth_m * SUPPORT[kernel])
    work = _Work.around(window, int(np.ceil(widest / cell_m)) + 1, kernel, edge_correction)
    values, left_out = _surface(cast, work, bandwidth_m, adaptive=adaptive)
    density = np.where(window.mask, values / cell_m**2 * 1e6, np.nan)
    units = f"{weight or 'events'} per km2"
    if exposure is not None:
        density, units = _ratio(density, window, exposure), units[:-3] + "unit of exposure"
    return attach(
        _raster(density, window, units),
        "hotspots.kernel_density",
        cell_m=cell_m,
        bandwidth_m=bandwidth_m,
        extent="given" if extent is not None else "the events and a bandwidth around",
        kernel=kernel,
        weight=weight,
        edge_correction=edge_correction,
        exposure=exposure is not None,
        adaptive=adaptive,
        imprecise=imprecise,
        seed=seed,
        crs=crs,
        n_events_in=len(events),
        n_used=cast.n_events - left_out,
        n_imprecise=cast.n_imprecise,
        left_out=cast.left_out | {"outside": left_out},
        mass=float(values[window.mask].sum()),
    )


def _check_options(
    cell_m: float, bandwidth_m: float, kernel: str, edge_correction: bool, extent: object
) -> None:
    faults = []
    if not (np.isfinite(cell_m) and cell_m > 0):
        faults.append(f"cell_m is {cell_m!r}, not a positive number of metres")
    elif not (np.isfinite(bandwidth_m) and bandwidth_m >= cell_m):
        faults.append(f"bandwidth_m is {bandwidth_m!r}, not at least a cell of {cell_m:g} m")
    if kernel not in SUPPORT:
        faults.append(f"kernel {kernel!r} is not one of {', '.join(SUPPORT)}")
    if edge_correction and extent is None:
        faults.append("edge_correction needs extent=…, the area in which events were observed")
    if faults:
        raise ParameterError("; ".join(faults))


def _area(extent: Extent) -> gpd.GeoSeries:
    if isinstance(extent, (gpd.GeoDataFrame, gpd.GeoSeries)):
        require_crs(extent, "extent")
        return extent.geometry
    west, south, east, north = map(float, extent)
    if west > east:
        parts = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    else:
        parts = [shapely.box(west, south, east, north)]
    # A parallel is curved in the analysis CRS.
    return gpd.GeoSeries(shapely.segmentize(np.array(parts), 0.5), crs="EPSG:4326")


@dataclass
class _Cast:
    """Events as weighted places; ``event`` says which event a place belongs to."""

    xy: FloatArray
    weight: FloatArray
    event: FloatArray
    n_events: int
    n_imprecise: int
    left_out: dict[str, int]


def _cast(
    events: gpd.GeoDataFrame,
    crs: pyproj.CRS,
    weight: str | None,
    *,
    bandwidth_m: float,
    imprecise: Imprecise,
    seed: int,
) -> _Cast:
    amount = np.ones(len(events))
    if weight is not None:
        amount = np.nan_to_num(numeric_column(events, weight, analysis=_NAME), posinf=np.inf)
        bad = (amount < 0) | np.isinf(amount)
        refuse_rows(
            events, bad, analysis=_NAME, found=f"negative or infinite {weight}", expected=">= 0"
        )
    rows = np.flatnonzero(has_geometry(events))
    left_out = {"no_geometry": len(events) - len(rows)}
    xy, radius = centres_and_precision(events.iloc[rows].to_crs(crs))
    amount, vague = amount[rows], radius > bandwidth_m
    event = np.arange(len(rows), dtype=float)
    n_imprecise = int(vague.sum())
    if imprecise == "leave_out":
        left_out["imprecise"] = n_imprecise
        xy, amount, event = xy[~vague], amount[~vague], event[~vague]
        n_imprecise = 0
    elif n_imprecise:
        places = max(1, min(_PLACES, _MOST_PLACES // n_imprecise))
        again = np.repeat(np.flatnonzero(vague), places)
        spread = scatter(xy[again], radius[again], seed=seed)
        xy = np.concatenate([xy[~vague], spread])
        amount = np.concatenate([amount[~vague], amount[again] / places])
        event = np.concatenate([event[~vague], event[again]])
    n_events = len(rows) - left_out.get("imprecise", 0)
    return _Cast(xy, amount, event, n_events, n_imprecise, left_out)


@dataclass(frozen=True)
class _Window:
    """The cells of the result: their corner, and which of them lie in the area."""

    crs: pyproj.CRS
    cell_m: float
    west: float
    north: float
    mask: BoolArray

    @property
    def transform(self) -> Affine:
        """From column and row of a cell corner to x and y."""
        return Affine(self.cell_m, 0, self.west, 0, -self.cell_m, self.north)


def _window(
    area: gpd.GeoSeries | None, crs: pyproj.CRS, xy: FloatArray, cell_m: float, *, margin_m: float
) -> _Window:
    shapes = None if area is None else area[has_geometry(area)].to_crs(crs).to_numpy()
    if shapes is None:
        corners, margin = xy[np.isfinite(xy).all(axis=1)], margin_m
    else:
        corners, margin = shapely.get_coordinates(shapes), 0.0
    if not len(corners):
        return _Window(crs, cell_m, 0.0, 0.0, np.zeros((0, 0), dtype=bool))
    first = np.floor((corners.min(axis=0) - margin) / cell_m)
    last = np.maximum(np.ceil((corners.max(axis=0) + margin) / cell_m), first + 1)
    columns, rows = (last - first).astype(int).tolist()
    if columns * rows > _MOST_CELLS:
        raise ParameterError(
            f"a surface of {columns * rows:,} cells exceeds {_MOST_CELLS:,}; choose larger cells"
        )
    west, north = float(first[0] * cell_m), float(last[1] * cell_m)
    window = _Window(crs, cell_m, west, north, np.ones((rows, columns), dtype=bool))
    if shapes is None or not (shapely.get_dimensions(shapes) == 2).all():
        return window
    mask = rasterio.features.geometry_mask(
        shapes, (rows, columns), window.transform, invert=True, all_touched=False
    )
    if not mask.any():
        raise ParameterError(f"no cell of {cell_m:g} m has its centre in the extent; use smaller")
    return _Window(crs, cell_m, west, north, mask)


@dataclass(frozen=True)
class _Work:
    """The grid on which is smoothed: the window with a margin as wide as a kernel."""

    window: _Window
    margin: int
    region: BoolArray
    smoother: Smoother
    edge_correction: bool

    @classmethod
    def around(cls, window: _Window, margin: int, kernel: Kernel, edge_correction: bool) -> _Work:
        """Widen a window; with edge correction nothing outside its area counts."""
        if edge_correction:
            region = np.pad(window.mask, margin)
        else:
            rows, columns = window.mask.shape
            region = np.ones((rows + 2 * margin, columns + 2 * margin), dtype=bool)
        if region.size > 4 * _MOST_CELLS:
            raise ParameterError(
                f"kernels reach {margin:,} cells; choose larger cells or a smaller bandwidth"
            )
        shape = (region.shape[0], region.shape[1])
        return cls(window, margin, region, Smoother(shape, window.cell_m, kernel), edge_correction)

    def position(self, xy: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Column and row, whole numbers at the centres of cells."""
        window, offset = self.window, self.margin - 0.5
        column = (xy[:, 0] - window.west) / window.cell_m + offset
        row = (window.north - xy[:, 1]) / window.cell_m + offset
        return column, row

    def smooth(self, layers: list[tuple[float, FloatArray]]) -> FloatArray:
        """Return smoothed weights on the working grid."""
        return self.smoother.smooth(layers, region=self.region if self.edge_correction else None)


def _surface(
    cast: _Cast, work: _Work, bandwidth_m: float, *, adaptive: bool
) -> tuple[FloatArray, int]:
    """Weight a cell of the window, and the number of events that stand too far outside."""
    column, row = work.position(cast.xy)
    rows, columns = work.region.shape
    with np.errstate(invalid="ignore"):
        used = (column >= -0.5) & (column < columns - 0.5) & (row >= -0.5) & (row < rows - 0.5)
    column, row, weight = column[used], row[used], cast.weight[used]
    at = (
        np.rint(row).clip(0, rows - 1).astype(int),
        np.rint(column).clip(0, columns - 1).astype(int),
    )
    held = work.region[at]
    n_outside = cast.n_events - len(np.unique(cast.event[used][held]))
    column, row, weight = column[held], row[held], weight[held]
    if not len(column):
        return np.zeros(work.window.mask.shape), n_outside
    whole = bin_linear(column, row, weight, work.region)
    layers = [(bandwidth_m, whole)]
    if adaptive:
        pilot = scipy.ndimage.map_coordinates(work.smooth(layers), [row, column], order=1)
        factor = _abramson(pilot, weight, work.window.cell_m / bandwidth_m)
        layers = [
            (bandwidth_m * step, bin_linear(column[i], row[i], share, work.region))
            for step, i, share in bandwidth_steps(factor, weight)
        ]
    m = work.margin
    return work.smooth(layers)[m : rows - m, m : columns - m], n_outside


def _abramson(pilot: FloatArray, weight: FloatArray, least: float) -> FloatArray:
    """Bandwidth of each event over the fixed one: the inverse root of its pilot density."""
    counted = (weight > 0) & (pilot > 0)
    if not counted.any():
        return np.ones(len(pilot))
    mean = np.average(np.log(pilot[counted]), weights=weight[counted])
    with np.errstate(divide="ignore"):
        factor = np.exp((mean - np.log(pilot)) / 2)
    # Interpolation between steps reaches up to one step further, so the ends are kept a step in.
    trimmed: FloatArray = np.clip(factor, max(1 / _TRIM, least), _TRIM / 1.1)
    return trimmed


def _ratio(density: FloatArray, window: _Window, exposure: xr.DataArray) -> FloatArray:
    if exposure.rio.crs is None:
        raise RasterError("exposure", found="no CRS", expected="a declared CRS")
    known = exposure.to_numpy().astype(float)
    if (known < 0).any():
        raise RasterError("exposure", found="negative values", expected="0 or more, or NaN")
    on_grid = np.full(window.mask.shape, np.nan)
    rasterio.warp.reproject(
        known,
        on_grid,
        src_transform=exposure.rio.transform(recalc=True),
        src_crs=exposure.rio.crs,
        src_nodata=np.nan,
        dst_transform=window.transform,
        dst_crs=rasterio.crs.CRS.from_wkt(window.crs.to_wkt()),
        dst_nodata=np.nan,
        resampling=rasterio.warp.Resampling.bilinear,
    )
    ratio: FloatArray = np.full_like(density, np.nan)
    np.divide(density, on_grid, out=ratio, where=on_grid > 0)
    return ratio


def _raster(density: FloatArray, window: _Window, units: str) -> xr.DataArray:
    rows, columns = density.shape
    x = window.west + (np.arange(columns) + 0.5) * window.cell_m
    y = window.north - (np.arange(rows) + 0.5) * window.cell_m
    raster: xr.DataArray = xr.DataArray(density, {"y": y, "x": x}, ("y", "x"), name="density")
    raster = raster.rio.write_crs(window.crs)
    raster = raster.rio.write_transform(window.transform)
    raster.attrs["units"] = units
    return raster
