"""Counting points by the ten million in areas, a part at a time, here or on many machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geocn._typing import StrPath
from geocn.hotspots.count_periods import Period, check_period
from geocn.hotspots.count_tally import (
    LEFT_OUT,
    Tally,
    by_area_and_period,
    merge,
    rejected_reasons,
)
from geocn.hotspots.point_chunks import (
    Chunk,
    check_source,
    point_batches,
    report,
    tell_assumptions,
)
from geocn.hotspots.precision import PRECISION
from geocn.io.checkpoints import State, digest
from geocn.io.parts import Part, find_parts
from geocn.io.parts_points import PointBatch, PointColumns
from geocn.io.tasks import NOT_RECORDED, reduce_parts
from geocn.provenance import KEY, attach
from geocn.spatial.binning import Cells, Projection, cells_of
from geocn.spatial.crs import LONLAT, equal_area_crs, require_crs


def count_points(
    points: StrPath | Chunk | Iterable[Chunk],
    areas: gpd.GeoDataFrame,
    *,
    lon: str = "lon",
    lat: str = "lat",
    weight: str | None = None,
    crs: Any = None,
    by_period: Period | None = None,
    time: str = "seized_at",
    memory_mb: float = 512,
    on_invalid: str = "raise",
    rejects: StrPath | None = None,
    scheduler: Any = None,
    checkpoints: StrPath | None = None,
) -> gpd.GeoDataFrame:
    """Count points in areas, by period if wanted, from files or chunks larger than memory.

    For many precise points: it keeps a part and the counts, not the points. For imprecise
    events and shapes use :func:`count_events`. In which cell a point lies is decided alike.
    Points whose ``location_precision_m`` exceeds the radius of a circle of the median area's
    size are left out and counted.

    Parameters
    ----------
    points : path, frame, array, or iterable of frames or arrays
        A CSV, Parquet or GeoParquet file, or a folder of such (also partitioned,
        ``year=2024/month=03/…``); or chunks: GeoDataFrames of points, pandas or Arrow tables,
        (n, 2) arrays. Tables have the columns ``lon`` and ``lat``, or points as WKB or
        GeoArrow in their geometry column.
    areas : GeoDataFrame
        Polygons; grids from :func:`make_grid` are searched by arithmetic.
    lon, lat : str
        Columns of coordinates.
    weight : str, optional
        Numeric column to sum beside the count (null counts as 0).
    crs : optional
        CRS of coordinates that do not tell theirs; by default longitude and latitude.
    by_period : {"week", "month", "quarter", "year"}, optional
        One row an area and period of UTC calendar time (weeks end on Sunday), from the first
        to the last point in an area, periods without points included.
    time : str
        Column of instants for ``by_period``, texts in ISO 8601; without a zone they are UTC.
        Points without one are left out and counted.
    memory_mb : float
        Room for reading one part of a file, beside the counts.
    on_invalid : {"raise", "warn"}
        What to do, once all are counted, with rows that cannot be used: numbers or times that
        cannot be read, places nowhere on Earth, negative weights, cells missing.
    rejects : path, optional
        A CSV for these rows, with their numbers and reasons; from files only.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``"tcp://…"``) whose workers see the file, or a client.
    checkpoints : path, optional
        Folder that keeps what was counted of each part of a file: the same call goes on
        after a run that was stopped, and parts that did not change are not counted again.

    Returns
    -------
    GeoDataFrame
        The areas with ``n_events`` and ``total_<weight>``, and by period ``period`` (its
        name, such as "2024-03"). ``attrs["geocn"]["left_out"]`` counts points without
        coordinates, outside, imprecise and without time, ``["rejected"]`` rejected rows by
        reason. The same to the last bit on any number of workers.

    Raises
    ------
    ReadError, UnsafeFileError
        Where a file cannot be read, or is none of these formats.
    SchemaError
        Where there are neither coordinates nor geometry, or weights or times are missing.
    GeometryError
        Where geometries are no points.
    CoordinateError, RejectedRowsError
        Where rows cannot be used; they are numbered from 0.
    ParameterError
        Where weights are negative or infinite, or options do not fit each other.
    CRSError
        Where the areas have no CRS.
    ClusterError
        Where the scheduler is gone or its workers are of other versions.

    Examples
    --------
    >>> import numpy as np
    >>> from geocn.hotspots import make_grid
    >>> grid = make_grid((-78, 0, -77, 1), cell_size_km=60)
    >>> rng = np.random.default_rng(0)
    >>> chunks = (rng.uniform((-78, 0), (-77, 1), (1000, 2)) for _ in range(3))
    >>> int(count_points(chunks, grid)["n_events"].sum())
    3000
    """
    check_period(by_period)
    places = {"rejects": rejects, "scheduler": scheduler, "checkpoints": checkpoints}
    check_source(points, on_invalid, places)
    given = pyproj.CRS(LONLAT if crs is None else crs)
    columns = PointColumns(lon, lat, weight, time if by_period else None, (PRECISION,))
    job = CountJob.of(areas, columns, given, by_period)
    parts: list[Part] = []
    if isinstance(points, (str, PathLike)):
        parts = find_parts(
            points,
            numbers=columns.numbers,
            memory_mb=memory_mb,
            identities=checkpoints is not None,
        )
        columns.check(parts)
        tell_assumptions(parts, weight)
        state = reduce_parts(
            parts,
            count_part,
            merge,
            shared=job,
            key=job.key if checkpoints is not None else "",
            scheduler=scheduler,
            checkpoints=checkpoints,
        )
    else:
        state = _count_chunks(points, job)
    report(state, parts, columns, given, on_invalid=on_invalid, rejects=rejects)
    return attach(
        _labelled(areas, state, by_period, weight),
        "hotspots.count_points",
        **_told(state, by_period),
        lon=lon,
        lat=lat,
        weight=weight,
        by_period=by_period,
        time=time,
        memory_mb=memory_mb,
        on_invalid=on_invalid,
        rejects=rejects is not None,
        scheduler=NOT_RECORDED,
        checkpoints=NOT_RECORDED,
        crs=areas.crs,
        points_crs=given,
    )


@dataclass(frozen=True)
class CountJob:
    """What every part of the points needs to be counted.

    ``ground`` are the areas in a projected CRS; ``finest`` is the radius in metres beyond
    which points are imprecise.
    """

    ground: gpd.GeoDataFrame
    finest: float
    columns: PointColumns
    crs: pyproj.CRS
    by_period: Period | None

    @classmethod
    def of(
        cls,
        areas: gpd.GeoDataFrame,
        columns: PointColumns,
        crs: pyproj.CRS,
        by_period: Period | None,
    ) -> CountJob:
        """Bring the areas to metres and keep only what finds cells."""
        ground = require_crs(areas, "areas")
        if not ground.is_projected:
            ground = equal_area_crs(areas)
        names = [name for name in ("cell_id",) if name in areas]
        shapes = areas[[*names, areas.geometry.name]]
        shapes = shapes if ground == areas.crs else shapes.to_crs(ground)
        size = shapes.area.median() if len(shapes) else np.inf
        return cls(shapes, float(np.sqrt(size / np.pi)), columns, crs, by_period)

    @cached_property
    def cells(self) -> Cells:
        """What finds the area of a point; built once in each process."""
        return cells_of(self.ground)

    @cached_property
    def projections(self) -> dict[str, Projection]:
        """From the CRS of points to that of the areas, by its text."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def key(self) -> str:
        """Hash of all that shapes the counts beside the points."""
        shapes = self.ground.geometry.to_numpy()
        return digest(
            "count_points",
            b"".join(shapely.to_wkb(shapes[~shapely.is_missing(shapes)])),
            len(shapes),
            self.ground.crs.to_wkt(),
            self.ground.attrs.get(KEY, {}).get("grid"),
            self.ground["cell_id"].astype(str).tolist() if "cell_id" in self.ground else None,
            str(self.columns),
            self.crs.to_wkt(),
            self.by_period,
        )

    def tally(self) -> Tally:
        """Return an empty tally."""
        return Tally(len(self.ground), weight=self.columns.weight, by_period=self.by_period)

    def add(self, tally: Tally, batch: PointBatch) -> None:
        """Find the areas of a batch and count them."""
        key = batch.crs.to_wkt()
        if key not in self.projections:
            self.projections[key] = Projection.to(pyproj.CRS(self.ground.crs), batch.crs)
        area = self.cells.find(self.projections[key].forward(batch.x, batch.y))
        tally.add(batch, area, self.finest, PRECISION)


def count_part(part: Part, job: CountJob) -> State:
    """Count the points of one part of a file."""
    tally = job.tally()
    for batch in job.columns.read(part, job.crs):
        job.add(tally, batch)
    return tally.state()


def _count_chunks(points: Any, job: CountJob) -> State:
    tally = job.tally()
    for batch in point_batches(points, job.columns, job.crs):
        batch.rows = np.arange(tally.n_rows, tally.n_rows + batch.n_records)
        job.add(tally, batch)
    return tally.state()


def _labelled(
    areas: gpd.GeoDataFrame, state: State, by_period: Period | None, weight: str | None
) -> gpd.GeoDataFrame:
    if by_period is None:
        result = areas.copy()
        n = len(areas)
        result["n_events"] = state["counts"][0] if len(state["counts"]) else np.zeros(n, np.int64)
        if weight is not None:
            result[f"total_{weight}"] = state["totals"][0] if len(state["totals"]) else np.zeros(n)
        return result
    names, counts, totals = by_area_and_period(state, by_period)
    result = areas.iloc[np.repeat(np.arange(len(areas)), len(names))].copy()
    result["period"] = pd.Series(names * len(areas), index=result.index, dtype="str")
    result["n_events"] = counts.reshape(-1)
    if weight is not None:
        result[f"total_{weight}"] = totals.reshape(-1)
    return result


def _told(state: State, by_period: Period | None) -> dict[str, Any]:
    """Say how many points were counted, and why others were not."""
    left_out = dict(zip(LEFT_OUT, state["left_out"].tolist(), strict=True))
    if by_period is None:
        del left_out["no_time"]
    return {
        "n_events_in": int(state["n_rows"][0]),
        "n_counted": int(state["counts"].sum()),
        "left_out": left_out,
        "rejected": rejected_reasons(state),
        "n_without_weight": int(state["n_weightless"][0]),
    }
