"""Zonal statistics of a file in parts: bands of rows for sums, groups of zones for orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geocn._typing import FloatArray, ObjectArray, StrPath
from geocn.cultivation.zonal_file import opened_rows
from geocn.cultivation.zonal_order import order_statistics
from geocn.errors import ReadError
from geocn.io.atomic import sha256_file
from geocn.io.checkpoints import State, digest
from geocn.io.tasks import reduce_parts
from geocn.spatial.zonal import Outlines, ZonalSums, added_sums, band_sums, finished_sums
from geocn.spatial.zonal_raster import RasterRows

# Bands begin where blocks of a file do, whose sizes divide this one.
_ROWS = 512
_BANDS = 16
_ZONES = 64


@dataclass(frozen=True)
class Window:
    """Rows of a raster, or zones of a job, from ``start`` to before ``stop``."""

    kind: str
    start: int
    stop: int
    identity: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.start} to {self.stop}"


@dataclass(frozen=True)
class ZonalJob:
    """What every part needs beside its rows; ``zones`` are in the CRS of the raster."""

    zones: ObjectArray
    path: str
    band: int | None
    memory_mb: float
    squares: bool
    areas: bool
    ordered: tuple[str, ...]
    file_bytes: int = 0

    def run(
        self, rows: RasterRows, *, scheduler: Any, checkpoints: StrPath | None
    ) -> tuple[ZonalSums, dict[str, FloatArray]]:
        """Sum all bands, and order the values of all zones where that is asked for."""
        job = replace(self, file_bytes=Path(self.path).stat().st_size)
        hashed = sha256_file(self.path) if checkpoints is not None else ""
        key = self._key() if checkpoints is not None else ""
        where: dict[str, Any] = {"scheduler": scheduler, "checkpoints": checkpoints}
        step = -(-rows.shape[0] // (_BANDS * _ROWS)) * _ROWS
        bands = _windows("rows", rows.shape[0], step, hashed)
        state = reduce_parts(bands, sum_band, _add, shared=job, key=key, **where)
        raw = [state[name] for name in sorted(state)]
        sums = finished_sums(raw, self.outlines(rows).n_cells)
        groups = _windows("zones", len(self.zones) if self.ordered else 0, _ZONES, hashed)
        if scheduler is None and checkpoints is None:
            names = list(self.ordered)
            return sums, order_statistics(rows, self.zones, names, memory_mb=self.memory_mb)
        orders = reduce_parts(groups, order_zones, _join, shared=job, key=key, **where)
        return sums, {name: orders.get(name, np.zeros(0)) for name in self.ordered}

    def outlines(self, rows: RasterRows) -> Outlines:
        """Outlines of the zones on the raster, made once in each process."""
        if "outlines" not in self._made:
            self._made["outlines"] = Outlines.of(rows, self.zones)
        return self._made["outlines"]

    @contextmanager
    def opened(self) -> Iterator[RasterRows]:
        """Open the file, which must be the one that was asked for.

        Raises
        ------
        ReadError
            Where its size is another.
        """
        if Path(self.path).stat().st_size != self.file_bytes:
            raise ReadError(f"{self.path}: the file changed while it was read; start again")
        with opened_rows(self.path, band=self.band, memory_mb=self.memory_mb) as rows:
            yield rows

    @cached_property
    def _made(self) -> dict[str, Outlines]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def _key(self) -> str:
        known = ~shapely.is_missing(self.zones)
        return digest(
            "zonal_stats",
            b"".join(shapely.to_wkb(self.zones[known])),
            known,
            self.band,
            self.memory_mb,
            self.squares,
            self.areas,
            self.ordered,
        )


def sum_band(part: Window, job: ZonalJob) -> State:
    """Sum the zones over a band of rows."""
    with job.opened() as rows:
        band = slice(part.start, part.stop)
        raw = band_sums(rows, job.outlines(rows), band, squares=job.squares, areas=job.areas)
    return {f"sums_{i}": sums for i, sums in enumerate(raw)}


def order_zones(part: Window, job: ZonalJob) -> State:
    """Order the values within some zones."""
    zones = job.zones[part.start : part.stop]
    with job.opened() as rows:
        return dict(order_statistics(rows, zones, list(job.ordered), memory_mb=job.memory_mb))


def _add(states: Sequence[State]) -> State:
    return {name: added_sums([state[name] for state in states]) for name in states[0]}


def _join(states: Sequence[State]) -> State:
    names = states[0] if states else ()
    return {name: np.concatenate([state[name] for state in states]) for name in names}


def _windows(kind: str, size: int, step: int, hashed: str) -> list[Window]:
    return [
        Window(
            kind,
            start,
            min(start + step, size),
            digest(hashed, kind, start, min(start + step, size)) if hashed else "",
        )
        for start in range(0, size, step)
    ]
