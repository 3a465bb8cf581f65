"""Density of events: a smooth surface instead of a pile of points."""

from __future__ import annotations

from typing import Literal, overload

import geopandas as gpd
import numpy as np
import rasterio.warp
import rioxarray  # noqa: F401 - registers the accessor .rio
import xarray as xr

from geocn._typing import FloatArray
from geocn.errors import ParameterError, RasterError
from geocn.hotspots.density_grid import TRIM, Window, Work
from geocn.hotspots.imputation import IMPUTATIONS
from geocn.hotspots.precision import Imprecise
from geocn.hotspots.smoothing import SUPPORT, Kernel
from geocn.hotspots.weighted_places import (
    WeightedPlaces,
    plane_of,
    weigh_places,
    with_passes,
)
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, require_crs
from geocn.spatial.extent import Extent, read_extent


@overload
def kernel_density(
    events: gpd.GeoDataFrame,
    *,
    cell_m: float,
    bandwidth_m: float,
    extent: Extent | None = ...,
    kernel: Kernel = ...,
    weight: str | None = ...,
    edge_correction: bool = ...,
    exposure: xr.DataArray | None = ...,
    adaptive: bool = ...,
    imprecise: Imprecise = ...,
    imputations: int = ...,
    seed: int = ...,
    places: gpd.GeoDataFrame | None = ...,
    uncertainty: Literal[False] = ...,
) -> xr.DataArray: ...


@overload
def kernel_density(
    events: gpd.GeoDataFrame,
    *,
    cell_m: float,
    bandwidth_m: float,
    extent: Extent | None = ...,
    kernel: Kernel = ...,
    weight: str | None = ...,
    edge_correction: bool = ...,
    exposure: xr.DataArray | None = ...,
    adaptive: bool = ...,
    imprecise: Imprecise = ...,
    imputations: int = ...,
    seed: int = ...,
    places: gpd.GeoDataFrame | None = ...,
    uncertainty: Literal[True],
) -> xr.Dataset: ...


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
    imputations: int = IMPUTATIONS,
    seed: int = 0,
    places: gpd.GeoDataFrame | None = None,
    uncertainty: bool = False,
) -> xr.DataArray | xr.Dataset:
    r"""Smooth events into a density per square kilometre.

    .. math:: \hat f(s) = \sum_i \frac{m_i}{e_i} K_h(s - s_i), \qquad
              K_h(d) = \frac{3}{\pi h^2}\Bigl(1 - \frac{d^2}{h^2}\Bigr)^2
              \text{ or } \frac{1}{2 \pi h^2} e^{-d^2 / 2 h^2}

    with weights m, and e the part of an event's kernel inside the extent (1 without edge
    correction). By linear binning and one convolution. For more points than memory holds there
    is :func:`point_density`.

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
        the width of an area) are spread over where they may lie, or left out; counted
        either way.
    imputations : int
        Number of places of each imprecise event; the surface is the mean over them.
    seed : int
        Seed of the spreading.
    places : GeoDataFrame, optional
        Areas by ``admin_code``, in which imprecise events of that code are spread.
    uncertainty : bool
        Return also what not knowing the places does to every cell.

    Returns
    -------
    DataArray
        ``density`` over (y, x), north up, with CRS; ``attrs["units"]`` is "events per km2",
        "<weight> per km2" or "events per unit of exposure". ``attrs["geocn"]`` counts
        events used, imprecise and left out by reason; ``mass`` is the weight the surface
        sums to inside the extent, before division by exposure; ``imprecise_share`` is the
        share of the weight that is known imprecisely.
    Dataset
        With ``uncertainty``: ``density``; ``density_sd``, its standard deviation between
        imputations, by Rubin's factor (1 + 1/m) on the variance; and ``imprecise_share``,
        the part of the density that stems from imprecise events, NaN where there is none.

    Raises
    ------
    ParameterError
        Where an option is out of range or the grid would exceed 50 million cells.
    LayerError, SchemaError, CRSError, CoordinateError, RasterError
        Where weights or exposure are negative, infinite or missing, a CRS is, or
        coordinates lie nowhere on Earth.

    References
    ----------
    Diggle 1985, doi:10.2307/2347366; Abramson 1982, doi:10.1214/aos/1176345986;
    Kelsall & Diggle 1995, doi:10.2307/3318678; Wand 1994 (linear binning),
    doi:10.1080/10618600.1994.10474656; Rubin 1987, doi:10.1002/9780470316696 (imputation).

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> events = gpd.GeoDataFrame(geometry=[shapely.Point(-77, 1), None], crs=4326)
    >>> density = kernel_density(events, cell_m=500, bandwidth_m=5_000)
    >>> round(float(density.sum()) * 0.25, 9), density.attrs["geocn"]["left_out"]["no_geometry"]
    (1.0, 1)
    """
    check_options(cell_m, bandwidth_m, kernel, edge_correction, extent)
    _require_frame(events)
    area = None if extent is None else read_extent(extent, "extent")
    crs = plane_of(events) if area is None else equal_area_crs(area)
    found = weigh_places(
        events,
        crs,
        weight=weight,
        finer_than_m=bandwidth_m,
        imprecise=imprecise,
        imputations=imputations,
        seed=seed,
        places=places,
        analysis="kernel_density",
    )
    spots = found.stacked()[0] if found.vague_weight.size else found.xy
    window = Window.of(area, crs, spots, cell_m, margin_m=bandwidth_m * SUPPORT[kernel])
    work = widened(window, bandwidth_m, kernel, adaptive=adaptive, edge_correction=edge_correction)
    surfaces = _surfaces(found, work, bandwidth_m, adaptive=adaptive, apart=uncertainty)
    mass = window.sum(surfaces["density"])
    result = labelled(surfaces, window, weight or "events", exposure)
    return attach(
        result if uncertainty else result["density"],
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
        imputations=imputations,
        seed=seed,
        places=places is not None,
        uncertainty=uncertainty,
        crs=crs,
        n_events_in=len(events),
        **_counts(found, work),
        mass=mass,
    )


def _require_frame(events: gpd.GeoDataFrame) -> None:
    if not hasattr(events, "geometry"):
        raise ParameterError(f"events is a {type(events).__name__}; for files use point_density")
    require_crs(events, "events")


def check_options(
    cell_m: float, bandwidth_m: float, kernel: str, edge_correction: bool, extent: object
) -> None:
    """Refuse options out of range; all are named.

    Raises
    ------
    ParameterError
    """
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


def widened(
    window: Window, bandwidth_m: float, kernel: Kernel, *, adaptive: bool, edge_correction: bool
) -> Work:
    """Widen a window by as much as a kernel reaches."""
    reach = bandwidth_m * SUPPORT[kernel] * (TRIM if adaptive else 1.0)
    margin = int(np.ceil(reach / window.cell_m)) + 1
    return Work.around(window, margin, kernel, edge_correction)


def _surfaces(
    found: WeightedPlaces, work: Work, bandwidth_m: float, *, adaptive: bool, apart: bool
) -> dict[str, FloatArray]:
    """Weight a cell; with ``apart`` also its deviation and imprecise part by imputation."""
    xy, weight = found.stacked() if found.vague_weight.size else (found.xy, found.weight)
    factor = work.abramson(xy, weight, bandwidth_m) if adaptive else None
    if not apart:
        return {"density": work.smooth(work.layers(xy, weight, bandwidth_m, factor))}
    n, (m, k) = len(found.weight), found.vague_xy.shape[:2]
    exact = work.smooth(
        work.layers(found.xy, found.weight, bandwidth_m, None if factor is None else factor[:n])
    )
    passes = (
        work.smooth(
            work.layers(
                found.vague_xy[i],
                found.vague_weight,
                bandwidth_m,
                None if factor is None else factor[n + i * k : n + (i + 1) * k],
            )
        )
        for i in range(m if k else 0)
    )
    total, deviation, share = with_passes(exact, passes)
    return {"density": total, "density_sd": deviation, "imprecise_share": share}


def _counts(found: WeightedPlaces, work: Work) -> dict[str, object]:
    """Count events; outside are those none of whose places the working grid holds."""
    n_vague = len(found.vague_weight)
    reached = np.zeros(n_vague, dtype=bool)
    for xy in found.vague_xy if n_vague else ():
        reached |= work.holds(xy)
    n_outside = int((~work.holds(found.xy)).sum() + (~reached).sum())
    return {
        "n_used": found.n_events - n_outside,
        "n_imprecise": n_vague,
        "imprecise_share": found.imprecise_share,
        "left_out": found.left_out | {"outside": n_outside},
    }


def labelled(
    surfaces: dict[str, FloatArray], window: Window, what: str, exposure: xr.DataArray | None
) -> xr.Dataset:
    """Bring weights a cell to a density, or to the ratio to exposure, with units."""
    known = None if exposure is None else _on_grid(exposure, window)
    units = f"{what} per " + ("km2" if known is None else "unit of exposure")
    rasters = {}
    for name, values in surfaces.items():
        if name == "imprecise_share":
            rasters[name] = window.raster(values, name, "1")
            continue
        scaled = np.multiply(values, 1e6 / window.cell_m**2, out=values)
        if known is not None:
            ratio = np.full_like(scaled, np.nan)
            scaled = np.divide(scaled, known, out=ratio, where=known > 0)
        rasters[name] = window.raster(scaled, name, units)
    return xr.Dataset(rasters)


def _on_grid(exposure: xr.DataArray, window: Window) -> FloatArray:
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
    return on_grid
