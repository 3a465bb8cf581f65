"""Points of a large table: coordinates, numbers and times as arrays, and what is wrong with them.

Coordinates stand in two columns, or as points in WKB or GeoArrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import GeometryError, SchemaError
from geocn.io.parts import GeometryColumn, Part, Records, read_part, require_columns
from geocn.io.parts_csv import read_times

_WKB_POINT = b"\x01\x01\x00\x00\x00"
#: Why a row cannot be used, in the order of their codes.
REASONS = (
    "another number of cells than the header",
    "a number that cannot be read",
    "a time that cannot be read",
    "impossible coordinates",
    "a negative or infinite weight",
)
RAGGED, NO_NUMBER, NO_TIME, IMPOSSIBLE, BAD_WEIGHT = range(len(REASONS))


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Columns that hold what is wanted of points.

    Attributes
    ----------
    lon, lat : str
        Coordinates, where a table has no geometry.
    weight : str, optional
        Amounts, which are neither negative nor infinite.
    time : str, optional
        Instants.
    also : tuple of str
        Other columns of numbers, taken where a file has them.
    """

    lon: str = "lon"
    lat: str = "lat"
    weight: str | None = None
    time: str | None = None
    also: tuple[str, ...] = ()

    def check(self, parts: Sequence[Part]) -> None:
        """Refuse parts without coordinates, weights or times.

        Raises
        ------
        SchemaError
        """
        plain = [part for part in parts if not self._shapes_of(part)]
        more = [name for name in (self.weight, self.time) if name]
        require_columns(plain, [self.lon, self.lat, *more])
        require_columns(parts, more)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers that may be there."""
        return tuple(dict.fromkeys([self.lon, self.lat, *filter(None, [self.weight]), *self.also]))

    def _shapes_of(self, part: Part) -> GeometryColumn | None:
        if self.lon in part.columns and self.lat in part.columns:
            return None
        return part.geometry

    def read(self, part: Part, crs: pyproj.CRS) -> Iterator[PointBatch]:
        """Read the points of a part; ``crs`` is that of coordinates that do not tell theirs."""
        shapes = self._shapes_of(part)
        numbers = [name for name in self.numbers if name in part.columns]
        if shapes:
            numbers = [name for name in numbers if name not in (self.lon, self.lat)]
            crs = pyproj.CRS.from_json(shapes.crs) if shapes.crs else crs
        raw = [shapes.name] if shapes else []
        times = [self.time] if self.time else []
        for records in read_part(part, numbers=numbers, times=times, raw=raw):
            yield self.batch(records, crs, shapes.name if shapes else None)

    def batch(self, records: Records, crs: pyproj.CRS, geometry: str | None) -> PointBatch:
        """Take the points out of records."""
        batch = records.batch
        names = batch.schema.names
        if geometry is not None:
            x, y = points_xy(batch.column(geometry))
        else:
            need_columns(names, self.lon, self.lat)
            x, y = (floats(batch.column(name)) for name in (self.lon, self.lat))
        if self.weight:
            need_columns(names, self.weight)
        if self.time:
            need_columns(names, self.time)
        more = [n for n in dict.fromkeys([self.weight, *self.also]) if n and n in names]
        values = {name: floats(batch.column(name)) for name in more}
        time, unread = instants(batch.column(self.time)) if self.time else (None, None)
        found = PointBatch(x, y, crs, records.rows, records.n_records, values, time)
        for name, at in records.unreadable.items():
            found.bad[at] = NO_TIME if name == self.time else NO_NUMBER
        if unread is not None:
            found.bad[unread] = NO_TIME
        found.check(self.weight)
        if records.ragged is not None and len(records.ragged):
            found.ragged = records.ragged
        return found


@dataclass(slots=True)
class PointBatch:
    """Points and what is known of each; NaN and NaT where there is nothing.

    ``rows`` are their numbers in the part, ``bad`` is -1 or the code of the reason why a
    point cannot be used (see :data:`REASONS`); ``ragged`` are numbers of records without
    points.
    """

    x: FloatArray
    y: FloatArray
    crs: pyproj.CRS
    rows: IntArray
    n_records: int
    values: dict[str, FloatArray] = field(default_factory=dict)
    time: AnyArray | None = None
    bad: AnyArray = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
    ragged: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if len(self.bad) != len(self.x):
            self.bad = np.full(len(self.x), -1, dtype=np.int8)

    def check(self, weight: str | None) -> None:
        """Find impossible coordinates and amounts."""
        limits = (180.0, 90.0) if self.crs.is_geographic else (2e8, 2e8)
        for values, limit in zip((self.x, self.y), limits, strict=True):
            # Comparisons with NaN are false: what is missing is not wrong.
            if np.nanmax(np.abs(values), initial=0.0) > limit:
                self.bad[(np.abs(values) > limit) & (self.bad < 0)] = IMPOSSIBLE
        if weight is not None:
            with np.errstate(invalid="ignore"):
                wrong = (self.values[weight] < 0) | np.isinf(self.values[weight])
            self.bad[wrong & (self.bad < 0)] = BAD_WEIGHT

    @property
    def good(self) -> AnyArray:
        """Which points can be used."""
        return self.bad < 0


def need_columns(names: Sequence[object], *wanted: str) -> None:
    """Refuse a chunk that lacks a column.

    Raises
    ------
    SchemaError
    """
    missing = [name for name in wanted if name not in names]
    if missing:
        raise SchemaError(
            "points",
            found=f"no column {', '.join(missing)}",
            expected=f"one of {', '.join(map(str, names))}",
        )


def floats(column: pa.Array) -> FloatArray:
    """Numbers of a column as float64, NaN where it is null.

    Raises
    ------
    SchemaError
        Where it holds anything else.
    """
    kind = column.type
    if not (
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_null(kind)
        or pa.types.is_decimal(kind)
    ):
        raise SchemaError("points", found=f"a column of {kind}", expected="numbers")
    plain = column.cast(pa.float64())
    return np.asarray(plain.to_numpy(zero_copy_only=False), dtype=float)


def instants(column: pa.Array) -> tuple[AnyArray, AnyArray | None]:
    """Instants in UTC; texts are ISO 8601, and which of them are none comes as well."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return read_times(pd.Series(column.to_pandas()))
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_null(kind)):
        raise SchemaError("points", found=f"times of type {kind}", expected="dates or instants")
    # Arrow keeps instants in UTC, whatever the zone they are shown in.
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp(kind.unit))
    moments = column.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)
    return moments.astype("datetime64[us]"), None


def points_xy(column: pa.Array) -> tuple[FloatArray, FloatArray]:
    """Coordinates of points as WKB or GeoArrow; NaN where there is no point.

    Raises
    ------
    GeometryError
        Where other geometries stand there.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = column.storage, kind.storage_type
    if pa.types.is_struct(kind):
        # Null points have null coordinates below.
        x, y = (floats(part) for part in column.flatten()[:2])
        return x, y
    if pa.types.is_fixed_size_list(kind):
        width = kind.list_size
        flat = floats(column.values.slice(column.offset * width, len(column) * width))
        xy = flat.reshape(-1, width)[:, :2].copy()
        xy[np.asarray(column.is_null())] = np.nan
        return xy[:, 0], xy[:, 1]
    if pa.types.is_binary(kind) and not column.null_count and len(column):
        edges = np.frombuffer(column.buffers()[1], np.int32)[column.offset :][: len(column) + 1]
        # Those of 21 bytes are read where they lie.
        if edges[-1] - edges[0] == 21 * len(column) and (np.diff(edges) == 21).all():
            data = np.frombuffer(column.buffers()[2], np.uint8)[edges[0] : edges[-1]]
            rows = data.reshape(-1, 21)
            if (rows[:, :5] == np.frombuffer(_WKB_POINT, np.uint8)).all():
                xy = np.ascontiguousarray(rows[:, 5:]).view("<f8")
                return np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
    return shape_xy(shapely.from_wkb(column.to_numpy(zero_copy_only=False)))


def shape_xy(shapes: AnyArray) -> tuple[FloatArray, FloatArray]:
    """Coordinates of shapely points; NaN where there is none.

    Raises
    ------
    GeometryError
        Where other geometries stand there.
    """
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
