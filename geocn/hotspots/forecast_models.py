"""What each method expects of the days to come, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._kernels.self_exciting import spread_on_cells
from geocn._typing import FloatArray, IntArray
from geocn.hotspots.area_series import locate, read_times
from geocn.hotspots.self_exciting import expected_counts, fit_self_exciting
from geocn.hotspots.values import refuse_rows
from geocn.spatial.crs import equal_area_crs, has_geometry, require_crs

Method = Literal["prospective_kde", "self_exciting", "persistence"]
METHODS = ("prospective_kde", "self_exciting", "persistence")
_DAY = pd.Timedelta(days=1)
# Cells whose areas differ by less than this share of the median count as equally large.
_ALIKE = 0.01


@dataclass(frozen=True, slots=True)
class Ground:
    """Cells: centres in metres ordered by x, and areas; ``order`` leads back to the rows."""

    centre: FloatArray
    area: FloatArray
    order: IntArray

    @classmethod
    def of(cls, grid: gpd.GeoDataFrame) -> Ground:
        """Cells of a grid."""
        crs = require_crs(grid, "grid")
        metric = crs if crs.is_projected else equal_area_crs(grid)
        refuse_rows(
            grid, ~has_geometry(grid), analysis="grid", found="no geometry", expected="polygons"
        )
        shapes = (grid if crs == metric else grid.to_crs(metric)).geometry.to_numpy()
        metre = metric.axis_info[0].unit_conversion_factor
        centre = shapely.get_coordinates(shapely.centroid(shapes)).reshape(-1, 2) * metre
        order = np.argsort(centre[:, 0], kind="stable")
        return cls(centre[order], shapely.area(shapes)[order] * metre**2, order)

    @property
    def radius_m(self) -> float:
        """Radius of a circle as large as the median cell."""
        return float(np.sqrt(np.median(self.area) / np.pi)) if len(self.area) else 1.0

    @property
    def middle(self) -> FloatArray:
        """Centres in the order of the rows."""
        return self.centre[np.argsort(self.order)]

    @property
    def size(self) -> FloatArray:
        """Areas in the order of the rows, in square metres; those all but equal made equal.

        Cells of a grid in degrees differ by parts in 10,000, which shall not rank them.
        """
        area = self.area[np.argsort(self.order)]
        usual = np.median(area) if len(area) else 0.0
        equal: FloatArray = np.where(np.abs(area - usual) <= _ALIKE * usual, usual, area)
        return equal

    def spread(self, past: Past, weight: FloatArray, bandwidth_m: float) -> FloatArray:
        """Share weights of past events among the cells, in the order of their rows."""
        own = np.argsort(self.order)[past.cell]
        shared = spread_on_cells(self.centre, self.area, past.xy, own, weight, bandwidth_m)
        back = np.empty_like(shared)
        back[self.order] = shared
        return back


@dataclass(frozen=True, slots=True)
class Past:
    """Events inside the cells, and their age in days at the origin of the forecast."""

    xy: FloatArray
    cell: IntArray
    age: FloatArray
    length: float


@dataclass(frozen=True, slots=True)
class History:
    """What was known at the origin, one past for each imputation."""

    pasts: list[Past]
    vague_share: FloatArray
    left_out: dict[str, int]


def history(
    events: gpd.GeoDataFrame,
    grid: gpd.GeoDataFrame,
    ground: Ground,
    *,
    time: str,
    until: pd.Timestamp,
    days: float,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
) -> History:
    """Take the events of the days before the origin; later ones are not looked at."""
    when, known = read_times(events, time, finest="day")
    since = until - days * _DAY
    seen = known & ((when >= since) & (when < until)).to_numpy()
    located = locate(events[seen], grid, imputations=imputations, places=places, seed=seed)
    crs = require_crs(grid, "grid")
    metre = crs.axis_info[0].unit_conversion_factor if crs.is_projected else 1.0
    age = (until - when[seen]).dt.total_seconds().to_numpy(dtype=float) / _DAY.total_seconds()
    length = min(days, float(age.max(initial=0.0)))
    pasts = []
    vague = np.zeros(len(grid))
    total = np.zeros(len(grid))
    for xy, cell in zip(located.xy, located.area, strict=True):
        inside = cell >= 0
        at = xy[inside] * metre
        # An event that only its code places stands in the middle of its cell.
        at = np.where(np.isnan(at), ground.middle[cell[inside]], at)
        pasts.append(Past(at, cell[inside], age[inside], length))
        total += np.bincount(cell[inside], minlength=len(grid))
        vague += np.bincount(cell[inside & located.is_imprecise], minlength=len(grid))
    with np.errstate(invalid="ignore"):
        share = vague / total
    left_out = {
        "no_exact_time": int((~known).sum()),
        "not_in_history": int((known & ~seen).sum()),
        "outside": int((located.area < 0).all(axis=0).sum()),
    }
    return History(pasts, share, left_out)


def expect(
    method: str,
    known: History,
    ground: Ground,
    *,
    horizon_days: float,
    bandwidth_m: float,
    decay_days: float,
) -> tuple[FloatArray, dict[str, Any]]:
    """Return expected events by cell, a mean over imputations, and what was fitted."""
    found = []
    fitted: dict[str, Any] = {}
    for past in known.pasts:
        if not len(past.age):
            expected = np.zeros(len(ground.area))
        elif method == "persistence":
            expected = _recent(past, ground, horizon_days)
        elif method == "prospective_kde":
            expected = _fading(past, ground, horizon_days, bandwidth_m, decay_days)
        else:
            expected, fitted = _exciting(past, ground, horizon_days, bandwidth_m)
        found.append(expected)
    return np.mean(found, axis=0), fitted


def _recent(past: Past, ground: Ground, horizon_days: float) -> FloatArray:
    """As many as in as long a time before."""
    recent = past.cell[past.age <= horizon_days]
    return np.bincount(recent, minlength=len(ground.area)).astype(float)


def _fading(
    past: Past, ground: Ground, horizon_days: float, bandwidth_m: float, decay_days: float
) -> FloatArray:
    """Past events spread in space, the older the fainter; a steady rate is kept."""
    lasting = -np.expm1(-past.length / decay_days)
    weight = np.exp(-past.age / decay_days) / (decay_days * lasting)
    return ground.spread(past, weight * horizon_days, bandwidth_m)


def _exciting(
    past: Past, ground: Ground, horizon_days: float, bandwidth_m: float
) -> tuple[FloatArray, dict[str, Any]]:
    process = fit_self_exciting(
        past.xy, past.length - past.age, length_days=past.length, bandwidth_m=bandwidth_m
    )
    base = ground.spread(past, process.background / past.length, bandwidth_m)
    fresh = np.exp(-past.age / process.decay_days)
    excited = ground.spread(past, fresh, process.spread_m)
    fitted = {
        "offspring": process.offspring,
        "decay_days": process.decay_days,
        "spread_m": process.spread_m,
        "background_share": float(process.background.mean()),
        "steps": process.steps,
    }
    return expected_counts(base, excited, process, horizon_days), fitted
