"""What a forecast is made from and how it is scored, the same for one and for many origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots.area_series import locate, read_times
from geocn.hotspots.calendar import Instant, cut_off, instant
from geocn.hotspots.forecast_models import METHODS, Ground, History, expect, history
from geocn.hotspots.forecast_scores import Scores, score
from geocn.hotspots.imputation import check_imputations

#: The method that every other one is held against.
NAIVE = "persistence"
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Job:
    """What a forecast needs beside events and origin."""

    grid: gpd.GeoDataFrame
    ground: Ground
    horizon_days: float
    history_days: float
    bandwidth_m: float
    bandwidth: str
    decay_days: float
    top_share: float
    time: str
    as_of: Instant | None
    imputations: int
    places: gpd.GeoDataFrame | None
    seed: int

    @classmethod
    def of(
        cls,
        grid: gpd.GeoDataFrame,
        methods: Sequence[str],
        *,
        bandwidth_m: float | None,
        top_share: float,
        imputations: int,
        horizon_days: float,
        history_days: float,
        decay_days: float,
        **others: Any,
    ) -> Job:
        """Check options; without a bandwidth, choose the diameter of the median cell.

        Raises
        ------
        ParameterError
            Naming every option that is out of range.
        CRSError, LayerError
            Where the grid has no CRS, or a cell no geometry.
        """
        _check(
            methods,
            top_share,
            horizon_days=horizon_days,
            history_days=history_days,
            decay_days=decay_days,
            bandwidth_m=bandwidth_m,
        )
        check_imputations(imputations)
        ground = Ground.of(grid)
        return cls(
            grid,
            ground,
            bandwidth_m=2 * ground.radius_m if bandwidth_m is None else bandwidth_m,
            bandwidth="by the cells" if bandwidth_m is None else "given",
            top_share=top_share,
            imputations=imputations,
            horizon_days=horizon_days,
            history_days=history_days,
            decay_days=decay_days,
            **others,
        )

    @property
    def options(self) -> dict[str, Any]:
        """Options as provenance tells them."""
        return {
            "horizon_days": self.horizon_days,
            "history_days": self.history_days,
            "bandwidth_m": self.bandwidth_m,
            "bandwidth": self.bandwidth,
            "decay_days": self.decay_days,
            "top_share": self.top_share,
            "time": self.time,
            "as_of": self.as_of,
            "imputations": self.imputations,
            "places": self.places is not None,
            "seed": self.seed,
        }

    def end(self, events: gpd.GeoDataFrame) -> pd.Timestamp:
        """First instant that is not known: after the cut-off, or the day of the last event."""
        until = cut_off(self.as_of)
        when, known = read_times(events, self.time, finest="day")
        if until is not None:
            return until
        last = when[known].max()
        return pd.Timestamp(0) if pd.isna(last) else last.normalize() + _DAY

    def origins(self, origins: int | Sequence[Instant], until: pd.Timestamp) -> list[pd.Timestamp]:
        """First instants of horizons that end by ``until``: those given, or so many.

        Raises
        ------
        ParameterError
            Where there are none, or one leaves less than a horizon.
        """
        if isinstance(origins, int):
            if origins < 1:
                raise ParameterError(f"origins is {origins}; at least 1 is needed")
            return [until - back * self.horizon_days * _DAY for back in range(origins, 0, -1)]
        starts = [instant(origin, "origins") for origin in origins]
        late = [start for start in starts if start + self.horizon_days * _DAY > until]
        if late or not starts:
            raise ParameterError(
                f"origins must leave {self.horizon_days:g} days before {until.date()}; "
                f"found {', '.join(str(start.date()) for start in late) or 'none'}"
            )
        return starts

    def known(self, events: gpd.GeoDataFrame, until: pd.Timestamp) -> History:
        """Events before an origin."""
        return history(
            events,
            self.grid,
            self.ground,
            time=self.time,
            until=until,
            days=self.history_days,
            imputations=self.imputations,
            places=self.places,
            seed=self.seed,
        )

    def expect(self, method: str, known: History) -> tuple[FloatArray, dict[str, Any]]:
        """Events to expect within the horizon."""
        return expect(
            method,
            known,
            self.ground,
            horizon_days=self.horizon_days,
            bandwidth_m=self.bandwidth_m,
            decay_days=self.decay_days,
        )

    def scores(
        self, events: gpd.GeoDataFrame, methods: Sequence[str], starts: Sequence[pd.Timestamp]
    ) -> list[tuple[str, pd.Timestamp, Scores]]:
        """Score each method from each origin by the events of the horizon after it."""
        found = []
        when, known = read_times(events, self.time, finest="day")
        for start in starts:
            end = start + self.horizon_days * _DAY
            came = known & ((when >= start) & (when < end)).to_numpy()
            where = locate(
                events[came],
                self.grid,
                imputations=self.imputations,
                places=self.places,
                seed=self.seed,
            )
            observed = _per_cell(where.area, len(self.grid))
            past = self.known(events, start)
            before, _ = self.expect(NAIVE, past)
            for method in methods:
                expected, _ = self.expect(method, past)
                scores = score(
                    expected, observed, before, self.ground.size, top_share=self.top_share
                )
                found.append((method, start, scores))
        return found


def _check(methods: Sequence[str], top_share: float, **lengths: float | None) -> None:
    faults = [f"method {m!r}; choose of {', '.join(METHODS)}" for m in methods if m not in METHODS]
    faults += [
        f"{name} is {value}; give a positive number"
        for name, value in lengths.items()
        if value is not None and not (np.isfinite(value) and value > 0)
    ]
    if not 0 < top_share <= 1:
        faults.append(f"top_share is {top_share}; give a share above 0 and at most 1")
    if faults:
        raise ParameterError("; ".join(faults))


def _per_cell(area: IntArray, n: int) -> FloatArray:
    """Mean count over imputations."""
    counts = [np.bincount(one[one >= 0], minlength=n) for one in area]
    mean: FloatArray = np.mean(counts, axis=0)
    return mean
