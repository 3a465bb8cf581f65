"""How far each intervention reaches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.coverage import _buffers
from geocn.coverage.reach_dates import Active, Day, find_active
from geocn.coverage.reach_limits import Chosen, Limits, choose, read_limits
from geocn.coverage.reach_network import NetworkLike, has_minutes, reach_by_network, ways
from geocn.coverage.reach_rules import Travelled, TravelRules
from geocn.coverage.reach_travel import reach_by_time, time_surface
from geocn.errors import ParameterError, RejectedRowsWarning
from geocn.provenance import attach
from geocn.spatial.crs import LONLAT, to_lonlat

_EQUAL_AREA = "EPSG:6933"


def reach(
    interventions: gpd.GeoDataFrame,
    *,
    distance_km: float | Mapping[str, float] | None = None,
    minutes: float | Mapping[str, float] | None = None,
    friction: xr.DataArray | xr.Dataset | None = None,
    network: NetworkLike | None = None,
    as_of: Day | None = None,
    period: tuple[Day, Day] | None = None,
    areas: Literal["presence", "reach"] = "presence",
    travel: TravelRules | None = None,
    uncertain: bool = False,
) -> gpd.GeoDataFrame:
    """Draw the area that each intervention reaches: by distance, travel time or a network.

    Presence is not coverage: a row with no reach of its own and none assumed keeps a null
    geometry, and counts as presence only.

    The limit of a row is the first of these that it has: its own ``reach_minutes`` (where
    there is ``friction``, or a ``network`` in minutes), its own ``reach_km``, the assumed
    ``minutes``, the assumed ``distance_km``; a reach of 0 is none. Minutes are travelled
    over the friction or along the network, kilometres along the network where there is
    one and else straight.

    Parameters
    ----------
    interventions : GeoDataFrame
        Points, lines or areas in any CRS; their own ``reach_km`` and ``reach_minutes`` are
        used where given.
    distance_km, minutes : float or mapping from ``kind`` to float, optional
        Reach to assume for rows without one of their own.
    friction : xarray.DataArray or Dataset, optional
        Minutes per metre, as :func:`geocn.corridors.friction_surface` gives them; seconds
        and hours are converted where ``units`` say so. What is reached is all cells whose
        accumulated cost (:func:`geocn.corridors.cost_surface`) is within the minutes.
    network : RouteNetwork or Network, optional
        Lines to travel along, instead of ``friction``.
    as_of : date, optional
        Keep only what was active on that day: begun (``starts_on``) and not over
        (``ends_on``, the last day). A ``status`` of suspended takes a row out, as do
        planned or ended where no date says otherwise. Rows without dates are kept as
        active and counted. Without ``as_of`` all rows are kept.
    period : (date, date), optional
        Instead of one day: keep what was active on any day from the first to the last,
        with the share of those days in ``active_share`` (1 for rows without dates).
    areas : {"presence", "reach"}
        Whether an area with no reach is where somebody is present, such as a district, or
        is itself what the intervention reaches.
    travel : TravelRules, optional
        Directions, snapping, slope, width along a network.
    uncertain : bool
        Also say what is reached wherever within ``location_precision_m`` a site stands
        (``reach_certain``) and what is if it stands somewhere in it (``reach_possible``),
        as columns of areas, with ``certain_area_km2`` and ``possible_area_km2``. Null
        along networks; certain is null for lines and areas reached by travel time.

    Returns
    -------
    GeoDataFrame
        In EPSG:4326, with the columns and index of the rows kept (``capacity`` and
        ``location_precision_m`` among them), ``reach_km`` (the one used, NaN where none),
        ``reach_basis`` (reported, assumed, travel time, network, own area, none) and
        ``reach_area_km2``. With friction or a network also ``reach_minutes`` (the one
        used), ``limit_basis`` (reported, assumed, none), ``snapped_m`` (metres from the
        site to where travel starts), ``reach_note`` (why nothing was reached) and, with a
        network, ``reach_length_km``. Null geometries: no reach, or no place; ``attrs["geocn"]``
        counts them (``unreached`` names sites that reach nothing), and the rows that were
        not active or had no dates.

    Raises
    ------
    SchemaError
        Where a reach, capacity or precision is negative, infinite, or not a number, or a
        reach over 5,000 km.
    DateError
        Where ``starts_on`` or ``ends_on`` holds numbers, or text that is no ISO date.
    ParameterError
        Where an option is out of range, or options do not fit each other.
    RasterError, UnitError
        Where friction is not above zero, has no CRS, or is no time per distance.
    CRSError, CoordinateError
        Where there is no CRS, or a place is nowhere on Earth.

    Warns
    -----
    RejectedRowsWarning
        Where sites are off the friction, on a barrier, or away from the network.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> sites = gpd.GeoDataFrame(
    ...     {"partner": ["A", "B"], "reach_km": [10.0, None]},
    ...     geometry=[shapely.Point(-77, 1), shapely.Point(-76, 1)],
    ...     crs="EPSG:4326",
    ... )
    >>> reach(sites)[["reach_basis", "reach_area_km2"]].round(0).values.tolist()
    [['reported', 314.0], ['none', nan]]

    An hour on foot at 5 km/h:

    >>> import numpy as np, xarray as xr
    >>> axis = np.arange(41) * 500.0 - 10_000
    >>> ground = xr.DataArray(np.full((41, 41), 0.012), {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> ground = ground.rio.write_crs("+proj=laea +lat_0=1 +lon_0=-77")
    >>> found = reach(sites[:1].drop(columns="reach_km"), minutes=60, friction=ground)
    >>> found[["reach_basis", "reach_area_km2"]].round(1).values.tolist()
    [['travel time', 77.2]]
    """
    rules = TravelRules() if travel is None else travel
    by_time = _check(areas, minutes, friction, network)
    limits = read_limits(interventions, distance_km, minutes)
    lonlat = to_lonlat(interventions, "interventions")
    active = find_active(interventions, as_of, period)
    result = lonlat[active.rows].copy()
    limits = limits.of(active.rows)
    chosen = choose(limits, by_time=by_time)
    drawn = _Drawn(result.geometry, chosen, limits.precision_m if uncertain else None)
    if network is None:
        drawn.straight(~np.isnan(chosen.km))
    else:
        drawn.along(network, rules)
    if friction is not None:
        drawn.over(friction, rules)
    if areas == "reach":
        drawn.themselves()
    if period is not None:
        result["active_share"] = active.share[active.rows]
    travelled = friction is not None or network is not None
    result = drawn.write(result, travelled=travelled, network=network is not None)
    return attach(
        result,
        "coverage.reach",
        distance_km=distance_km,
        minutes=minutes,
        friction=drawn.record.get("friction"),
        network=drawn.record.get("network"),
        as_of=as_of,
        period=period,
        areas=areas,
        travel=rules.record() if travelled else None,
        uncertain=uncertain,
        crs=lonlat.crs,
        **_counts(active, limits, drawn, by_time=by_time),
    )


def _check(areas: str, minutes: object, friction: object, network: NetworkLike | None) -> bool:
    """Whether there is ground on which minutes can be travelled."""
    if areas not in ("presence", "reach"):
        raise ParameterError(f"areas is {areas!r}; choose 'presence' or 'reach'")
    if friction is not None and network is not None:
        raise ParameterError("give friction or network, not both: reach one after the other")
    by_time = friction is not None or (network is not None and has_minutes(network))
    if minutes is not None and not by_time:
        raise ParameterError(
            "minutes need ground to travel on: give friction, or a network with costs in minutes"
        )
    return by_time


def _counts(active: Active, limits: Limits, drawn: _Drawn, *, by_time: bool) -> dict[str, Any]:
    capacity = limits.capacity
    stated = (limits.own_minutes > 0).sum()
    return {
        "n_not_active": int((~active.rows).sum()),
        "n_undated": int((active.rows & active.undated).sum()),
        "n_presence_only": int(((drawn.basis == "none") & pd.isna(drawn.note)).sum()),
        "n_left_out": int((~drawn.placed).sum()),
        "n_minutes_unused": 0 if by_time else int(stated),
        "n_zero_capacity": int((capacity == 0).sum()),
        "unreached": drawn.unreached,
        "n_imprecise": int((limits.precision_m > 0).sum()),
    }


class _Drawn:
    """Areas of rows as they are drawn one way after another."""

    def __init__(
        self, geometry: gpd.GeoSeries, chosen: Chosen, precision_m: FloatArray | None
    ) -> None:
        n = len(geometry)
        self.sites, self.chosen, self.precision_m = geometry, chosen, precision_m
        shapes: ObjectArray = geometry.to_numpy()
        self.placed: BoolArray = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        self.basis = chosen.limited_by
        self.shapes, self.note, self.certain, self.possible = (
            np.full(n, None, dtype=object) for _ in range(4)
        )
        self.snapped_m, self.length_km = np.full(n, np.nan), np.full(n, np.nan)
        self.record: dict[str, Any] = {}
        self.unreached: list[Any] = []

    def straight(self, rows: BoolArray) -> None:
        """Draw geodesic buffers."""
        at = np.flatnonzero(rows & self.placed)
        shapes, metres = self.sites.to_numpy()[at], self.chosen.km[at] * 1e3
        self.shapes[at] = _buffers.buffers(shapes, metres)
        if self.precision_m is not None:
            spread = np.nan_to_num(self.precision_m[at])
            sure = metres > spread
            self.possible[at] = _buffers.buffers(shapes, metres + spread)
            self.certain[at[sure]] = _buffers.buffers(shapes[sure], (metres - spread)[sure])

    def over(self, friction: xr.DataArray | xr.Dataset, rules: TravelRules) -> None:
        """Draw what is reached over friction in the minutes of each row."""
        surface, units = time_surface(friction, rules)
        rows = np.flatnonzero(~np.isnan(self.chosen.minutes))
        found = reach_by_time(
            self.sites.iloc[rows], surface, self.chosen.minutes[rows], rules,
            precision_m=None if self.precision_m is None else self.precision_m[rows],
        )  # fmt: skip
        self.record["friction"] = found.record | {"units": units}
        self._take(rows, found, "travel time")

    def along(self, network: NetworkLike, rules: TravelRules) -> None:
        """Draw what is reached along a network, by minutes or by kilometres."""
        for by_minutes, limits in ((True, self.chosen.minutes), (False, self.chosen.km * 1e3)):
            rows = np.flatnonzero(~np.isnan(limits))
            if not len(rows):
                continue
            found_ways = ways(network, minutes=by_minutes, towards=rules.towards)
            pace = 0.06 / rules.access_kmh if by_minutes else 1.0
            found = reach_by_network(self.sites.iloc[rows], found_ways, limits[rows], rules, pace)
            self.record["network"] = found.record
            self._take(rows, found, "network")
        self.record.setdefault("network", {})

    def themselves(self) -> None:
        """Let areas without a reach be what they reach."""
        shapes = self.sites.to_numpy()
        rows = self.placed & (shapely.get_dimensions(shapes) == 2) & (self.basis == "none")
        rows &= pd.isna(self.note)
        self.shapes[rows], self.basis[rows] = shapes[rows], "own area"
        if self.precision_m is None:
            return
        for i in np.flatnonzero(rows):
            self.certain[i] = self.possible[i] = shapes[i]
            if self.precision_m[i] > 0:
                rim = _buffers.around(shapely.boundary(shapes[i]), float(self.precision_m[i]))
                self.possible[i] = shapely.union(shapes[i], rim)
                inner = shapely.difference(shapes[i], rim)
                self.certain[i] = None if shapely.is_empty(inner) else inner

    def _take(self, rows: Any, found: Travelled, basis: str) -> None:
        self.shapes[rows], self.note[rows] = found.shapes, found.note
        self.certain[rows], self.possible[rows] = found.certain, found.possible
        self.snapped_m[rows], self.length_km[rows] = found.snapped_m, found.length_km
        drawn = ~shapely.is_missing(found.shapes)
        self.basis[rows] = np.where(drawn, basis, "none")
        self._warn(rows[~drawn & self.placed[rows]])

    def _warn(self, rows: Any) -> None:
        if not len(rows):
            return
        reasons, counts = np.unique(self.note[rows].astype(str), return_counts=True)
        said = ", ".join(f"{n} {why}" for why, n in zip(reasons, counts, strict=True))
        labels = self.sites.index[rows].tolist()
        self.unreached += labels
        shown = ", ".join(map(str, labels[:3])) + (", …" if len(labels) > 3 else "")
        warnings.warn(
            f"interventions ({len(labels)} rows: {shown}) reach nothing: {said}. Move these "
            "rows, or let them be snapped with travel=TravelRules(snap_m=…).",
            RejectedRowsWarning,
            stacklevel=5,
        )

    def write(
        self, result: gpd.GeoDataFrame, *, travelled: bool, network: bool
    ) -> gpd.GeoDataFrame:
        """Write the columns of the result."""
        index = result.index
        result["reach_km"] = self.chosen.km
        result["reach_basis"] = pd.Series(self.basis, index=index, dtype="str")
        if travelled:
            result["reach_minutes"] = self.chosen.minutes
            result["limit_basis"] = pd.Series(self.chosen.limited_by, index=index, dtype="str")
            result["snapped_m"] = self.snapped_m
            result["reach_note"] = pd.Series(self.note, index=index, dtype="str")
        if network:
            result["reach_length_km"] = self.length_km
        result = result.set_geometry(gpd.GeoSeries(self.shapes, index=index, crs=LONLAT))
        result["reach_area_km2"] = _area_km2(self.shapes)
        if self.precision_m is not None:
            for name in ("certain", "possible"):
                shapes = getattr(self, name)
                result[f"reach_{name}"] = gpd.GeoSeries(shapes, index=index, crs=LONLAT)
                result[f"{name}_area_km2"] = _area_km2(shapes)
        return result


def _area_km2(shapes: ObjectArray) -> FloatArray:
    area = gpd.GeoSeries(shapes, crs=LONLAT).to_crs(_EQUAL_AREA).area.to_numpy() / 1e6
    known: FloatArray = np.where(shapely.is_missing(shapes), np.nan, area)
    return known
