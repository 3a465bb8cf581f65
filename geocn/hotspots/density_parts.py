"""Density of points from files or chunks larger than memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pyproj
import xarray as xr

from geocn._kernels.density import add_linear, held_by
from geocn._typing import FloatArray, StrPath
from geocn.hotspots.count_tally import LEFT_OUT, Tally, merge, rejected_reasons
from geocn.hotspots.density import check_options, labelled, widened
from geocn.hotspots.density_grid import Window, Work
from geocn.hotspots.point_chunks import (
    Chunk,
    check_source,
    point_batches,
    report,
    tell_assumptions,
)
from geocn.hotspots.precision import PRECISION
from geocn.hotspots.smoothing import SUPPORT, Kernel
from geocn.io.checkpoints import State
from geocn.io.parts import Part, find_parts
from geocn.io.parts_points import PointBatch, PointColumns
from geocn.io.tasks import NOT_RECORDED, reduce_parts
from geocn.provenance import attach
from geocn.spatial.binning import Projection
from geocn.spatial.crs import LONLAT, equal_area_crs
from geocn.spatial.extent import Extent, read_extent

_ONLY_AREA = 0


def point_density(
    points: StrPath | Chunk | Iterable[Chunk],
    *,
    cell_m: float,
    bandwidth_m: float,
    extent: Extent,
    kernel: Kernel = "quartic",
    weight: str | None = None,
    edge_correction: bool = False,
    lon: str = "lon",
    lat: str = "lat",
    crs: Any = None,
    memory_mb: float = 512,
    on_invalid: str = "raise",
    rejects: StrPath | None = None,
    scheduler: Any = None,
) -> xr.DataArray:
    """Smooth points into a density, from files or chunks larger than memory.

    As :func:`kernel_density` of precise points: their weights are added up on the grid part
    by part, and one convolution follows. It keeps a part and the grid, not the points.

    Parameters
    ----------
    points : path, frame, array, or iterable of frames or arrays
        As of :func:`count_points`: a CSV, Parquet or GeoParquet file, a folder of such, or
        chunks.
    cell_m, bandwidth_m, kernel, edge_correction
        As of :func:`kernel_density`.
    extent : GeoDataFrame, GeoSeries or (west, south, east, north) in degrees
        What to cover; it must be told, since the points are read only once.
    weight : str, optional
        Numeric column to smooth in place of the number of points (null counts as 0).
    lon, lat : str
        Columns of coordinates.
    crs : optional
        CRS of coordinates that do not tell theirs; by default longitude and latitude.
    memory_mb : float
        Room for reading one part of a file, beside the grid.
    on_invalid : {"raise", "warn"}
        What to do, once all are read, with rows that cannot be used.
    rejects : path, optional
        A CSV for these rows, with their numbers and reasons; from files only.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``"tcp://…"``) whose workers see the file, or a client.
        A worker sends the whole grid for each part it read, so this pays for grids up to
        some million cells.

    Returns
    -------
    DataArray
        As of :func:`kernel_density`, with ``imprecise="leave_out"``: points whose
        ``location_precision_m`` exceeds the bandwidth are left out. ``attrs["geocn"]`` counts
        points used, left out and rejected, each by reason. To divide it by exposure, divide
        by the density of exposure with the same extent, cells and bandwidth. Sums are taken
        in the order of the points here, part by part on workers: the two agree to rounding.

    Raises
    ------
    ParameterError
        Where an option is out of range, weights are negative or infinite, or the grid would
        exceed 50 million cells.
    ReadError, UnsafeFileError
        Where a file cannot be read, or is none of these formats.
    SchemaError, GeometryError, CRSError
        Where columns are missing, geometries are no points, or the extent has no CRS.
    CoordinateError, RejectedRowsError
        Where rows cannot be used; they are numbered from 0.
    ClusterError
        Where the scheduler is gone or its workers are of other versions.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> chunks = (rng.uniform((-78, 0), (-77, 1), (1000, 2)) for _ in range(3))
    >>> density = point_density(
    ...     chunks, cell_m=1_000, bandwidth_m=10_000, extent=(-78.5, -0.5, -76.5, 1.5)
    ... )
    >>> round(float(density.sum()), 6), density.attrs["geocn"]["n_used"]
    (3000.0, 3000)
    """
    check_options(cell_m, bandwidth_m, kernel, edge_correction, extent)
    check_source(points, on_invalid, {"rejects": rejects, "scheduler": scheduler})
    area = read_extent(extent, "extent")
    plane = equal_area_crs(area)
    none = np.empty((0, 2))
    window = Window.of(area, plane, none, cell_m, margin_m=bandwidth_m * SUPPORT[kernel])
    work = widened(window, bandwidth_m, kernel, adaptive=False, edge_correction=edge_correction)
    given = pyproj.CRS(LONLAT if crs is None else crs)
    job = DensityJob(work, PointColumns(lon, lat, weight, None, (PRECISION,)), given, bandwidth_m)
    state, parts = _binned(points, job, memory_mb=memory_mb, scheduler=scheduler)
    report(state, parts, job.columns, given, on_invalid=on_invalid, rejects=rejects)
    surface = work.smooth([(bandwidth_m, state["grid"])])
    mass = window.sum(surface)
    result = labelled({"density": surface}, window, weight or "events", None)["density"]
    return attach(
        result,
        "hotspots.point_density",
        cell_m=cell_m,
        bandwidth_m=bandwidth_m,
        extent="given",
        kernel=kernel,
        weight=weight,
        edge_correction=edge_correction,
        lon=lon,
        lat=lat,
        memory_mb=memory_mb,
        on_invalid=on_invalid,
        rejects=rejects is not None,
        scheduler=NOT_RECORDED,
        crs=plane,
        points_crs=given,
        n_events_in=int(state["n_rows"][0]),
        n_used=int(state["counts"].sum()),
        left_out=dict(zip(LEFT_OUT[:3], state["left_out"].tolist(), strict=False)),
        rejected=rejected_reasons(state),
        mass=mass,
    )


@dataclass(frozen=True)
class DensityJob:
    """What every part of the points needs to be put on the grid.

    ``finest`` is the radius in metres beyond which points are imprecise.
    """

    work: Work
    columns: PointColumns
    crs: pyproj.CRS
    finest: float

    @cached_property
    def projections(self) -> dict[str, Projection]:
        """From the CRS of points to that of the grid, by its text."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def tally(self) -> Tally:
        """Return what counts points; the working grid is its only area."""
        return Tally(1, weight=None, by_period=None)

    def grid(self) -> FloatArray:
        """Return an empty working grid."""
        return np.zeros(self.work.region.shape)

    def add(self, tally: Tally, grid: FloatArray, batch: PointBatch) -> None:
        """Count a batch of points and add their weights to the grid."""
        key = batch.crs.to_wkt()
        if key not in self.projections:
            self.projections[key] = Projection.to(self.work.window.crs, batch.crs)
        xy = self.projections[key].forward(batch.x, batch.y)
        column, row = self.work.position(xy)
        held = held_by(column, row, self.work.region)
        tally.add(batch, np.where(held, _ONLY_AREA, -1), self.finest, PRECISION)
        keep = held & batch.good
        if PRECISION in batch.values:
            with np.errstate(invalid="ignore"):
                keep &= ~(batch.values[PRECISION] > self.finest)
        name = self.columns.weight
        amount = np.ones(len(xy)) if name is None else np.nan_to_num(batch.values[name])
        amount[~keep] = 0.0
        add_linear(column, row, amount, self.work.region, grid)


def _binned(
    points: Any, job: DensityJob, *, memory_mb: float, scheduler: Any
) -> tuple[State, list[Part]]:
    """Put all points on one grid: here as they come, on workers one grid a part."""
    tally, grid = job.tally(), job.grid()
    parts: list[Part] = []
    if isinstance(points, (str, PathLike)):
        parts = find_parts(points, numbers=job.columns.numbers, memory_mb=memory_mb)
        job.columns.check(parts)
        tell_assumptions(parts, job.columns.weight)
        if scheduler is not None and parts:
            state = reduce_parts(parts, bin_part, merge_grids, shared=job, scheduler=scheduler)
            return state, parts
        for part in parts:
            before = tally.n_rows
            for batch in job.columns.read(part, job.crs):
                batch.rows, batch.ragged = batch.rows + before, batch.ragged + before
                job.add(tally, grid, batch)
    else:
        for batch in point_batches(points, job.columns, job.crs):
            batch.rows = np.arange(tally.n_rows, tally.n_rows + batch.n_records)
            job.add(tally, grid, batch)
    return {**tally.state(), "grid": grid}, parts


def bin_part(part: Part, job: DensityJob) -> State:
    """Put the points of one part of a file on a grid."""
    tally, grid = job.tally(), job.grid()
    for batch in job.columns.read(part, job.crs):
        job.add(tally, grid, batch)
    return {**tally.state(), "grid": grid}


def merge_grids(states: Sequence[State]) -> State:
    """Add neighbouring grids and tallies."""
    grid = states[0]["grid"].copy()
    for state in states[1:]:
        grid += state["grid"]
    return {**merge(states), "grid": grid}
