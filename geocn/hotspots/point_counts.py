"""Counting points by the ten million in areas, a chunk at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from geocn._typing import AnyArray, FloatArray, StrPath
from geocn.errors import CoordinateError, GeometryError, ParameterError, ReadError, SchemaError
from geocn.hotspots.precision import PRECISION
from geocn.provenance import attach
from geocn.spatial.binning import Projection, cells_of
from geocn.spatial.crs import LONLAT, equal_area_crs, require_crs

Chunk: TypeAlias = gpd.GeoDataFrame | pd.DataFrame | pa.Table | pa.RecordBatch | FloatArray
# As many rows fit a processor's cache together with what is computed of them.
_ROWS = 131_072
_WKB_POINT = b"\x01\x01\x00\x00\x00"


def count_points(
    points: StrPath | Chunk | Iterable[Chunk],
    areas: gpd.GeoDataFrame,
    *,
    lon: str = "lon",
    lat: str = "lat",
    weight: str | None = None,
    crs: Any = None,
) -> gpd.GeoDataFrame:
    """Count points in areas from a Parquet file or from chunks, in little memory.

    For many precise points: it keeps a chunk and the counts, not the points. For imprecise
    events, shapes and periods use :func:`count_events`. In which cell a point lies is
    decided alike. Points whose ``location_precision_m`` exceeds the radius of a circle of
    the median area's size are left out and counted.

    Parameters
    ----------
    points : path, frame, array, or iterable of frames or arrays
        A Parquet or GeoParquet file, or chunks: GeoDataFrames of points, pandas or Arrow
        tables, (n, 2) arrays. Tables have the columns ``lon`` and ``lat``, or a column
        ``geometry`` of points as WKB.
    areas : GeoDataFrame
        Polygons; grids from :func:`make_grid` are searched by arithmetic.
    lon, lat : str
        Columns of coordinates.
    weight : str, optional
        Numeric column to sum beside the count (null counts as 0).
    crs : optional
        CRS of coordinates that do not tell theirs; by default longitude and latitude.

    Returns
    -------
    GeoDataFrame
        The areas with ``n_events`` and ``total_<weight>``. ``attrs["geocn"]["left_out"]``
        counts points without coordinates, outside and imprecise.

    Raises
    ------
    ReadError
        Where the file cannot be read.
    SchemaError
        Where a chunk has neither coordinates nor geometry, or lacks the weights.
    GeometryError
        Where geometries are no points.
    CoordinateError
        Where coordinates in degrees lie nowhere on Earth; rows are numbered from 0.
    ParameterError
        Where weights are negative or infinite.
    CRSError
        Where the areas have no CRS.

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
    ground = require_crs(areas, "areas")
    if not ground.is_projected:
        ground = equal_area_crs(areas)
    cells = cells_of(areas if ground == areas.crs else areas.to_crs(ground))
    size = areas.to_crs(ground).area.median() if len(areas) else np.inf
    finest = float(np.sqrt(size / np.pi))
    given = pyproj.CRS(LONLAT if crs is None else crs)
    read = _Reader(lon, lat, weight, given)
    tally = _Sums(len(areas), weight is not None)
    project: dict[str, Projection] = {}
    for chunk in read.chunks(points):
        key = chunk.crs.to_wkt()
        if key not in project:
            project[key] = Projection.to(ground, chunk.crs)
        chunk.check(tally.rows)
        xy = project[key].forward(chunk.x, chunk.y)
        tally.add(cells.find(xy), chunk, finest)
    result = areas.copy()
    result["n_events"] = tally.counts
    if weight is not None:
        result[f"total_{weight}"] = tally.totals
    return attach(
        result,
        "hotspots.count_points",
        n_events_in=tally.rows,
        n_counted=int(tally.counts.sum()),
        left_out=tally.left_out,
        lon=lon,
        lat=lat,
        weight=weight,
        crs=areas.crs,
        points_crs=given,
    )


@dataclass(frozen=True, slots=True)
class _Points:
    """Coordinates of a chunk and what they are told in; NaN where there are none."""

    x: FloatArray
    y: FloatArray
    crs: pyproj.CRS
    weight: FloatArray | None
    radius: FloatArray | None

    def check(self, before: int) -> None:
        """Refuse impossible coordinates and weights; ``before`` rows were read already."""
        if self.weight is not None:
            with np.errstate(invalid="ignore"):
                bad = (self.weight < 0) | np.isinf(self.weight)
            if bad.any():
                row = before + int(np.flatnonzero(bad)[0])
                raise ParameterError(
                    f"weights are negative or infinite in {bad.sum()} rows from row {row} on; "
                    "give amounts of 0 or more"
                )
        limits = (180.0, 90.0) if self.crs.is_geographic else (2e8, 2e8)
        for values, limit in zip((self.x, self.y), limits, strict=True):
            # Comparisons with NaN are false: what is missing is not wrong.
            if np.nanmax(np.abs(values), initial=0.0) > limit:
                rows = before + np.flatnonzero(np.abs(values) > limit)
                raise CoordinateError(
                    "points",
                    found=f"coordinates such as {values[rows[0] - before]:g}",
                    expected=f"numbers within -{limit:g}..{limit:g}",
                    repair="Look for swapped axes, or name the CRS.",
                    rows=rows.tolist(),
                )


class _Sums:
    """Counts and totals by area, and what stands nowhere."""

    def __init__(self, n: int, weighted: bool) -> None:
        self.rows = 0
        self.left_out = {"no_geometry": 0, "outside": 0, "imprecise": 0}
        self.totals = np.zeros(n)
        self._weighted = weighted
        # The place before the first holds what lies outside.
        self._counts = np.zeros(n + 1, dtype=np.int64)

    @property
    def counts(self) -> AnyArray:
        """Number of points in each area."""
        return self._counts[1:]

    def add(self, found: AnyArray, points: _Points, finest: float) -> None:
        """Take the areas of a chunk of points in."""
        self.rows += len(found)
        if points.radius is not None:
            with np.errstate(invalid="ignore"):
                vague = points.radius > finest
            self.left_out["imprecise"] += int(vague.sum())
            found = found[~vague]
            points = points if not vague.any() else _kept(points, ~vague)
        part = np.bincount(found + 1, minlength=len(self._counts))
        self._counts += part
        missing = 0
        if part[0]:
            missing = int((np.isnan(points.x) | np.isnan(points.y)).sum())
        self.left_out["no_geometry"] += missing
        self.left_out["outside"] += int(part[0]) - missing
        if points.weight is not None:
            weights = np.nan_to_num(points.weight)
            sums = np.bincount(found + 1, weights=weights, minlength=len(self._counts))
            self.totals += sums[1:]


def _kept(points: _Points, rows: AnyArray) -> _Points:
    weight = None if points.weight is None else points.weight[rows]
    return _Points(points.x[rows], points.y[rows], points.crs, weight, None)


@dataclass(frozen=True, slots=True)
class _Reader:
    """How to find coordinates in whatever a chunk is."""

    lon: str
    lat: str
    weight: str | None
    crs: pyproj.CRS

    def chunks(self, points: Any) -> Iterator[_Points]:
        """Every chunk of the input, none of them large."""
        if isinstance(points, (str, PathLike)):
            yield from self._file(Path(points))
            return
        whole = isinstance(points, (pd.DataFrame, pa.Table, pa.RecordBatch, np.ndarray))
        for chunk in [points] if whole else points:
            if isinstance(chunk, pa.Table):
                yield from (self._batch(b, self.crs, None) for b in chunk.to_batches(_ROWS))
            elif isinstance(chunk, pa.RecordBatch):
                yield self._batch(chunk, self.crs, None)
            else:
                for start in range(0, len(chunk), _ROWS):
                    yield self._piece(chunk[start : start + _ROWS])

    def _piece(self, chunk: Any) -> _Points:
        if isinstance(chunk, gpd.GeoDataFrame):
            x, y = _point_xy(chunk.geometry.to_numpy())
            crs = require_crs(chunk, "points")
            return _Points(x, y, crs, *self._numbers(chunk))
        if isinstance(chunk, pd.DataFrame):
            self._need(list(chunk.columns), self.lon, self.lat)
            x, y = (chunk[c].to_numpy(dtype=float, na_value=np.nan) for c in (self.lon, self.lat))
            return _Points(x, y, self.crs, *self._numbers(chunk))
        array = np.asarray(chunk, dtype=float)
        if array.ndim != 2 or array.shape[1] != 2 or self.weight is not None:
            raise SchemaError(
                "points",
                found=f"an array of shape {array.shape}" + (", weighted" if self.weight else ""),
                expected="(n, 2) coordinates; a table for weights",
            )
        return _Points(array[:, 0], array[:, 1], self.crs, None, None)

    def _numbers(self, chunk: pd.DataFrame) -> tuple[FloatArray | None, FloatArray | None]:
        if self.weight is not None:
            self._need(list(chunk.columns), self.weight)
        weight, radius = (
            chunk[c].to_numpy(dtype=float, na_value=np.nan) if c in chunk else None
            for c in (self.weight, PRECISION)
        )
        return weight, radius

    def _need(self, columns: list[Any], *names: str) -> None:
        missing = [name for name in names if name not in columns]
        if missing:
            raise SchemaError(
                "points",
                found=f"no column {', '.join(missing)}",
                expected=f"one of {', '.join(map(str, columns))}",
            )

    def _file(self, path: Path) -> Iterator[_Points]:
        try:
            # An open file is no address: nothing but this file can be read.
            with (
                pa.OSFile(str(path)) as source,
                pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False) as file,
            ):
                names = file.schema_arrow.names
                geometry, crs = self._geometry(file)
                wanted = [self.lon, self.lat] if geometry is None else [geometry]
                self._need(names, *wanted, *([self.weight] if self.weight else []))
                more = [c for c in (self.weight, PRECISION) if c in names]
                for batch in file.iter_batches(_ROWS, columns=[*wanted, *more]):
                    yield self._batch(batch, crs, geometry)
        except (OSError, pa.ArrowException) as error:
            raise ReadError(f"{path} cannot be read as Parquet: {error}") from error

    def _geometry(self, file: pq.ParquetFile) -> tuple[str | None, pyproj.CRS]:
        names = file.schema_arrow.names
        if self.lon in names and self.lat in names:
            return None, self.crs
        told = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"{}"))
        name = told.get("primary_column", "geometry" if "geometry" in names else None)
        if name not in names:
            return None, self.crs
        column = told.get("columns", {}).get(name, {})
        # GeoParquet: a CRS that is not told is longitude and latitude; null is unknown.
        return name, pyproj.CRS(column["crs"]) if column.get("crs") else self.crs

    def _batch(self, batch: pa.RecordBatch, crs: pyproj.CRS, geometry: str | None) -> _Points:
        names = batch.schema.names
        if geometry is None and self.lon not in names and "geometry" in names:
            geometry = "geometry"
        if geometry is not None:
            x, y = _wkb_xy(batch.column(geometry))
        else:
            self._need(names, self.lon, self.lat)
            x, y = (_floats(batch.column(c)) for c in (self.lon, self.lat))
        if self.weight is not None:
            self._need(names, self.weight)
        weight, radius = (
            _floats(batch.column(c)) if c in names else None for c in (self.weight, PRECISION)
        )
        return _Points(x, y, crs, weight, radius)


def _floats(column: pa.Array) -> FloatArray:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise SchemaError("points", found=f"a column of {column.type}", expected="numbers")
    plain = column.cast(pa.float64())
    return np.asarray(plain.to_numpy(zero_copy_only=False), dtype=float)


def _wkb_xy(column: pa.Array) -> tuple[FloatArray, FloatArray]:
    """Coordinates of points as WKB; those of 21 bytes are read where they lie."""
    if pa.types.is_binary(column.type) and not column.null_count and len(column):
        edges = np.frombuffer(column.buffers()[1], np.int32)[column.offset :][: len(column) + 1]
        if edges[-1] - edges[0] == 21 * len(column) and (np.diff(edges) == 21).all():
            data = np.frombuffer(column.buffers()[2], np.uint8)[edges[0] : edges[-1]]
            rows = data.reshape(-1, 21)
            if (rows[:, :5] == np.frombuffer(_WKB_POINT, np.uint8)).all():
                xy = np.ascontiguousarray(rows[:, 5:]).view("<f8")
                return np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    return _point_xy(shapely.from_wkb(column.to_numpy(zero_copy_only=False)))


def _point_xy(shapes: AnyArray) -> tuple[FloatArray, FloatArray]:
    kind = shapely.get_type_id(shapes)
    if not np.isin(kind, (-1, 0)).all():
        raise GeometryError(
            "points",
            found=f"{int((kind > 0).sum())} geometries that are no points",
            expected="points",
            repair="Use count_events, which spreads areas and lines.",
        )
    there = ~shapely.is_empty(shapes) & (kind == 0)
    xy = np.full((len(shapes), 2), np.nan)
    xy[there] = shapely.get_coordinates(shapes[there])
    return xy[:, 0], xy[:, 1]
