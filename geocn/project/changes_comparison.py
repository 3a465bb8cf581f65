"""One analysis in two periods: the same cells or segments, counted and classed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn import hotspots
from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import LayerError
from geocn.evaluation.dispersion import PARTS, measure_spread
from geocn.project.analyses import BorderHotspots, Hotspots
from geocn.project.analysis import Analysis
from geocn.project.changes_classes import change_table
from geocn.project.changes_days import Silence, days_by_source
from geocn.project.compute import compute
from geocn.project.period import Period
from geocn.project.results import Results, World
from geocn.provenance import attach
from geocn.spatial.binning import bin_points
from geocn.spatial.crs import has_geometry

#: What tells a cell, an area or a segment, as far as an analysis has it.
KEYS = (
    *("cell_id", "segment_id", "admin_code", "code", "name", "country"),
    *("dyad", "kind", "chainage_from_km", "chainage_to_km", "length_km"),
)
_TIMES = {"seizures": "seized_at", "routes": "first_seen", "interventions": "starts_on"}
_COUNTS = {"routes": "n_routes", "seizures": "n_seizures"}


class Comparison:
    """Results of one analysis in two periods, cell by cell.

    Raises
    ------
    GeocnError
        Where the periods cannot be compared.
    """

    def __init__(
        self,
        spec: Hotspots | BorderHotspots,
        worlds: tuple[World, World],
        pair: tuple[Period, Period],
        results: Results,
        *,
        options: dict[str, Any],
    ) -> None:
        self.pair, self.options = pair, options
        self.evidence = [spec.layer] if isinstance(spec, Hotspots) else ["routes", "seizures"]
        if isinstance(spec, BorderHotspots) and spec.evidence != "both":
            self.evidence = ["routes" if spec.evidence == "crossings" else "seizures"]
        self._refuse_timeless(worlds)
        self.worlds = worlds
        self.spec: Hotspots | BorderHotspots = spec
        if isinstance(spec, Hotspots):
            self.spec, self.worlds = self._on_one_grid(spec, results)
        self.frames = self._frames()

    def _refuse_timeless(self, worlds: tuple[World, World]) -> None:
        for layer in self.evidence:
            for world in worlds:
                if layer in world.layers and _TIMES[layer] not in world.layers[layer]:
                    raise LayerError(
                        layer,
                        found=f"no column {_TIMES[layer]}",
                        expected="when each row happened",
                    )

    def _on_one_grid(
        self, spec: Hotspots, results: Results
    ) -> tuple[Hotspots, tuple[World, World]]:
        """Put the union's grid in the place of the areas, so that cells are the same twice."""
        if spec.grid is None:
            return spec, self.worlds
        parts = [w.layers[spec.layer] for w in self.worlds if spec.layer in w.layers]
        shapes = [part.geometry[has_geometry(part)].to_crs("EPSG:4326") for part in parts]
        if not sum(map(len, shapes)):
            raise LayerError(spec.layer, found="no row with a place", expected="one in a period")
        # Cells of the run's own result bear the same ids only in the same system.
        done = results.done.get(spec.name)
        grid = hotspots.make_grid(
            gpd.GeoDataFrame(geometry=pd.concat(shapes, ignore_index=True)),
            cell_size_km=spec.grid.cell_km,
            kind=spec.grid.kind,
            crs=done.frame.crs if done is not None and "cell_id" in done.frame else None,
        )
        name = f"cells of {spec.name}"
        own = spec.model_copy(update={"grid": None, "areas": name})
        first, second = (
            World(w.layers, w.rasters, {**w.places, name: grid}, w.as_of) for w in self.worlds
        )
        return own, (first, second)

    def _frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Results of both periods, those of one without any event as zeros."""
        found: list[Any] = []
        for world, period in zip(self.worlds, self.pair, strict=True):
            spec = self.spec
            if spec.effort is not None:
                span = {"since": period.start, "until": period.end}
                effort = spec.effort.model_copy(update=span)
                spec = spec.model_copy(update={"effort": effort})
            found.append(self._result(spec, world))
        for side in (0, 1):
            if isinstance(found[side], str):
                other = found[1 - side]
                if (
                    isinstance(other, str)
                    or self.spec.effort is not None
                    or any(self._placed(self.worlds[side], layer) for layer in self.evidence)
                ):
                    raise LayerError(self.pair[side].text, found=f"that it {found[side]}")
                found[side] = _without_events(other)
        first, second = found
        if len(first) != len(second):
            raise LayerError(
                self.spec.name, found="other cells in each period", expected="the same cells"
            )
        return first, second

    def _result(self, spec: Analysis, world: World) -> pd.DataFrame | str:
        done = compute([spec], world, progress=_silent, **self.options)
        if spec.name in done.skipped:
            return done.skipped[spec.name]
        return done.done[spec.name].frame

    def _placed(self, world: World, layer: str) -> bool:
        return layer in world.layers and bool(has_geometry(world.layers[layer]).any())

    def table(self, silences: Sequence[Silence]) -> gpd.GeoDataFrame:
        """Test the cells and class them."""
        before, after = (self._count(frame) for frame in self.frames)
        exposure, comparable = self._exposure(silences)
        alpha = float(self.spec.alpha)
        factor, law = self._spread(before, after)
        hot = tuple(
            frame["hotspot_class"].astype(object).fillna("").to_numpy() for frame in self.frames
        )
        told = change_table(
            before,
            after,
            exposure=exposure,
            hotspot=(hot[0], hot[1]),
            alpha=alpha,
            factor=factor,
            comparable=comparable,
        )
        cells = self.frames[1]
        shown = gpd.GeoDataFrame(cells[[name for name in KEYS if name in cells]]).reset_index(
            drop=True
        )
        shown = shown.set_geometry(cells.geometry.reset_index(drop=True))
        periods = {"period_before": self.pair[0].text, "period_after": self.pair[1].text}
        result = shown.join(told.assign(**periods).astype(dict.fromkeys(periods, "str")))
        worth = (result["n_before"] > 0) | (result["n_after"] > 0)
        worth |= (result["hotspot_before"] == "hot") | (result["hotspot_after"] == "hot")
        last = [name for name in result if name != "geometry"]
        kept = result.loc[worth, [*last, "geometry"]].reset_index(drop=True)
        return attach(
            kept,
            "project.changes",
            analysis=self.spec.name,
            kind=self.spec.kind,
            before=self.pair[0].text,
            after=self.pair[1].text,
            exposure="days reported on" if self.spec.effort is None else "effort",
            alpha=alpha,
            law=law,
            n_tests=int(kept["p_value"].notna().sum()),
            crs=kept.crs,
        )

    def _count(self, frame: pd.DataFrame, layers: Iterable[str] | None = None) -> FloatArray:
        wanted = self.evidence if layers is None else layers
        names = (
            ["n_events"]
            if isinstance(self.spec, Hotspots)
            else [_COUNTS[layer] for layer in wanted if _COUNTS[layer] in frame]
        )
        total: FloatArray = np.zeros(len(frame))
        for name in names:
            total = total + np.nan_to_num(frame[name].to_numpy(dtype=float, na_value=np.nan))
        return total

    def _exposure(
        self, silences: Sequence[Silence]
    ) -> tuple[tuple[FloatArray, FloatArray], BoolArray]:
        """Days or effort of each cell before and after, and whether they can be compared."""
        days, comparable = self._days(silences)
        if self.spec.effort is None:
            return days, comparable
        given = [frame["effort"].to_numpy(dtype=float, na_value=np.nan) for frame in self.frames]
        whole = (days[0] == self.pair[0].days) & (days[1] == self.pair[1].days)
        return (np.nan_to_num(given[0]), np.nan_to_num(given[1])), comparable & whole

    def _days(self, silences: Sequence[Silence]) -> tuple[tuple[FloatArray, FloatArray], BoolArray]:
        """Days that the sources of each cell reported on, and whether they are one number.

        A cell to which sources contribute that were silent for different days is compared
        with nothing: its counts are of different days.
        """
        n = len(self.frames[0])
        days = np.tile(np.array([[p.days] for p in self.pair], dtype=float), (1, n))
        comparable = np.ones(n, dtype=bool)
        touched = np.zeros(n, dtype=bool)
        groups: list[tuple[str, Any, tuple[Any, Any]]] = []
        for layer in self.evidence:
            rows = [
                days_by_source(layer, w.layers[layer], silences, self.pair)
                if layer in w.layers
                else pd.Series(dtype=object)
                for w in self.worlds
            ]
            groups += [
                (layer, one, (rows[0].isin([one]), rows[1].isin([one])))
                for one in sorted({*rows[0], *rows[1]})
            ]
        if len({one for _, one, _ in groups}) < 2:
            for _, one, _ in groups[:1]:
                days[0], days[1] = one
            return (days[0], days[1]), comparable
        for layer, one, masks in groups:
            there = self._touched(layer, masks)
            comparable &= ~(there & touched & ((days[0] != one[0]) | (days[1] != one[1])))
            days[:, there & ~touched] = np.array(one, dtype=float)[:, None]
            touched |= there
        return (days[0], days[1]), comparable

    def _touched(self, layer: str, masks: tuple[Any, Any]) -> BoolArray:
        """Cells to which some rows of a layer contribute, in either period."""
        cheap = {"inference": "analytic", "by_period": None, "effort": None, "exposure": None}
        if isinstance(self.spec, BorderHotspots):
            cheap = {"method": "poisson", "step": None, "effort": None}
        spec = self.spec.model_copy(update=cheap)
        touched = np.zeros(len(self.frames[0]), dtype=bool)
        for world, mask in zip(self.worlds, masks, strict=True):
            if layer not in world.layers:
                continue
            some = world.layers[layer][mask.to_numpy(dtype=bool)]
            if not has_geometry(some).any():
                continue
            part = World({**world.layers, layer: some}, world.rasters, world.places, world.as_of)
            found = self._result(spec, part)
            if not isinstance(found, str):
                touched |= self._count(found, [layer]) > 0
        return touched

    def _spread(self, before: FloatArray, after: FloatArray) -> tuple[FloatArray | float, str]:
        """By how much counts vary more than Poisson ones within the periods."""
        if not isinstance(self.spec, Hotspots):
            return 1.0, "poisson"
        n = len(before)
        counts = np.zeros((n, 2, PARTS))
        for side, (world, period) in enumerate(zip(self.worlds, self.pair, strict=True)):
            cell, part = _parts(world.layers[self.spec.layer], self.frames[side], period, self.spec)
            np.add.at(counts[:, side], (cell, part), 1.0)
        spread = measure_spread(counts, np.full((n, 2, PARTS), 1 / PARTS), "auto")
        shape = np.full((2, n), float(PARTS))
        return spread.of(before, after, shape, 1 - float(self.spec.alpha)), spread.law


def _parts(
    events: gpd.GeoDataFrame, cells: Any, period: Period, spec: Hotspots
) -> tuple[IntArray, IntArray]:
    """Cell and part of the period of each event whose place and day are known."""
    known = has_geometry(events) & events[_TIMES[spec.layer]].notna().to_numpy()
    if "date_precision" in events:
        known &= ~events["date_precision"].isin(["month", "year"]).to_numpy()
    if spec.duplicates == "once":
        group = events["duplicate_group"]
        known &= (group.isna() | ~group.duplicated()).to_numpy()
    seen = events[known]
    points = seen.geometry.to_crs(cells.crs).representative_point()
    cell = bin_points(np.column_stack([points.x, points.y]), cells)
    when = pd.to_datetime(seen[_TIMES[spec.layer]], utc=True)
    elapsed = (when - pd.Timestamp(period.start, tz="UTC")) / pd.Timedelta(days=period.days)
    share = elapsed.to_numpy(dtype=float)
    inside = (cell >= 0) & (share >= 0) & (share < 1)
    return cell[inside], (share[inside] * PARTS).astype(np.int64)


def _without_events(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of a result as they are where nothing was reported."""
    empty = frame.copy()
    for name in ("n_events", *_COUNTS.values()):
        if name in empty:
            empty[name] = 0
    empty["hotspot_class"] = pd.Series("not_significant", index=frame.index, dtype="str")
    return empty


def _silent(_step: str) -> None:
    """Say nothing: the steps of a comparison are told by its analysis."""
