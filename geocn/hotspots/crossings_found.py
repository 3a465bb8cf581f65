"""The crossings of some routes as plain arrays, and the table that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import DateError, SchemaError
from geocn.hotspots.precision import PRECISION
from geocn.hotspots.route_lines import Hits, RouteLines, check_lines, find_hits
from geocn.hotspots.travel import Stops, find_stops
from geocn.io.checkpoints import State, digest
from geocn.spatial.border_index import BorderIndex, border_index
from geocn.spatial.crs import to_lonlat

TimeReversed = Literal["refuse", "follow", "as_drawn"]
TIME_REVERSED = ("refuse", "follow", "as_drawn")
TIMES = ("first_seen", "last_seen")
_TIME: Final = "datetime64[us, UTC]"
_DTYPES = {
    "route_id": "str",
    "dyad": "str",
    "chainage_km": "float64",
    "from_country": "str",
    "to_country": "str",
    "crossed_at": _TIME,
    "kind": "str",
    "disputed": "boolean",
    "distance_along_km": "float64",
    "route_row": "int64",
    "crossing_kind": "str",
    "excursion_m": "float64",
}
#: What a crossing inherits from its route, where the route has it.
CARRIED = (
    "mode",
    "drug",
    "weight_kg",
    "n_sources",
    PRECISION,
    "source",
    "marking",
    "releasable_to",
    "reliability",
    "credibility",
)
# How what is reported is called where it is counted.
_REPORTED = {
    "grazes": "graze",
    "runs_along_border": "along_border",
    "coast_grazes": "coast_graze",
    "landfalls": "landfall",
    "departures": "departure",
    "short_sea_passages": "short_sea_passages",
    "unseen_changes": "unseen_changes",
}
COUNTED = (*_REPORTED, "ends_on_border", "no_geometry", "no_length", "n_time_reversed")
_OF_PIECES = ("dyad", "kind", "disputed", "left", "right", "scale", "chainage_from_km")


@dataclass(frozen=True)
class CrossingJob:
    """What all routes need for their crossings to be found: borders and options."""

    borders: gpd.GeoDataFrame | None
    countries: gpd.GeoDataFrame | None
    min_excursion_m: float
    include: tuple[str, ...]
    time_reversed: TimeReversed

    @cached_property
    def index(self) -> BorderIndex:
        """The borders ready to be crossed; built once in each process."""
        return border_index(self.borders, self.countries)

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def key(self) -> str:
        """Hash of all that shapes the crossings of a route beside the route."""
        index = self.index
        given = [] if self.borders is None else self.borders.geometry.to_wkb().tolist()
        told = index.pieces[[name for name in _OF_PIECES if name in index.pieces]]
        return digest(
            "border_crossings",
            b"".join(wkb or b"" for wkb in given),
            index.edges,
            index.piece,
            told.columns.tolist(),
            told.astype("str").fillna("").to_numpy(dtype=object).tolist(),
            self.min_excursion_m,
            self.include,
            self.time_reversed,
        )

    def find(self, degrees: gpd.GeoDataFrame, first: pd.Series, last: pd.Series) -> State:
        """Find the crossings of routes in longitude and latitude.

        Parameters
        ----------
        degrees : GeoDataFrame
            Lines.
        first, last : Series of instants
            When each route was seen first and last, by its position.

        Returns
        -------
        dict of str to array
            A crossing a place, ``route_row`` the position of its route; ``counts`` as
            :data:`COUNTED`, ``bounds`` of all lines, ``n_rows``.
        """
        backward = reversed_rows(first, last) & (self.time_reversed == "follow")
        timed = (first.notna() & last.notna()).to_numpy(dtype=bool)
        lines = RouteLines.of(degrees, backward=backward)
        hits = find_hits(self.index, lines, whole=timed)
        stops, counted = find_stops(self.index, lines, hits, min_excursion_m=self.min_excursion_m)
        stops = stops.only(np.isin(stops.happening, list(self.include)))
        counts = [counted.get(key, 0) for key in _REPORTED.values()]
        counts += [hits.n_at_ends, lines.n_missing, lines.n_short, int(backward.sum())]
        at = lines.route[hits.line[stops.event]].astype(np.int64)
        share = stops.at_m / _route_length(lines, hits.along, len(degrees))[at]
        return {
            **_columns(stops, self.index, hits),
            "crossed_at": _crossed_at(first, last, at, share, backward),
            "route_row": at,
            "counts": np.array(counts, dtype=np.int64),
            "bounds": degrees.total_bounds,
            "n_rows": np.array([len(degrees)], dtype=np.int64),
        }


@dataclass(frozen=True)
class Found:
    """Crossings, what the record tells of them, and where all routes lie."""

    table: gpd.GeoDataFrame
    told: dict[str, Any]
    left_out: dict[str, int]
    bounds: FloatArray


def of_frame(routes: gpd.GeoDataFrame, job: CrossingJob) -> Found:
    """Find the crossings of routes in memory.

    Raises
    ------
    LayerError
        Of the kind of the first fault that was found.
    """
    first, last = (_times(routes, name) for name in TIMES)
    wrong = reversed_rows(first, last)
    if job.time_reversed == "refuse" and wrong.any():
        raise DateError(
            "routes",
            found="last_seen before first_seen",
            expected="times in the direction of travel",
            repair='Correct them, or pass time_reversed="follow" (the route runs from its last '
            'vertex to its first) or "as_drawn" (the time of crossing stays unknown).',
            rows=list(routes.index[wrong]),
        )
    degrees = to_lonlat(routes, "routes")
    check_lines(degrees)
    state = job.find(degrees, first, last)
    at = state["route_row"]
    ids = routes["route_id"] if "route_id" in routes else pd.Series(routes.index)
    carried = {name: routes[name].iloc[at].array for name in CARRIED if name in routes}
    return found_of(state, ids.iloc[at].astype("str").to_numpy(), carried, rejected={})


def found_of(
    state: State, route_id: AnyArray, carried: Mapping[str, Any], *, rejected: dict[str, int]
) -> Found:
    """Make the table of crossings and what is told of them."""
    told = dict(zip(COUNTED, state["counts"].tolist(), strict=True))
    disputed = state["disputed"]
    data = {
        **{name: state[name] for name in _DTYPES if name in state},
        "route_id": route_id,
        "crossed_at": pd.DatetimeIndex(state["crossed_at"], tz="UTC"),
        "disputed": pd.arrays.BooleanArray(disputed == 1, disputed < 0),
    }
    table = pd.DataFrame({name: data[name] for name in _DTYPES}).astype(_DTYPES)
    for name, values in carried.items():
        table[name] = values
    places = shapely.points(state["lon"], state["lat"])
    return Found(
        gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(places, crs="EPSG:4326")),
        {
            "n_routes": int(state["n_rows"][0]),
            "n_time_reversed": told["n_time_reversed"],
            "reported": {name: told[name] for name in (*_REPORTED, "ends_on_border")},
            "rejected": rejected,
        },
        {name: told[name] for name in ("no_geometry", "no_length")},
        state["bounds"],
    )


def reversed_rows(first: pd.Series, last: pd.Series) -> BoolArray:
    """Say which routes were last seen before they were first seen."""
    wrong: BoolArray = (last < first).to_numpy(dtype=bool)
    return wrong


def _times(routes: gpd.GeoDataFrame, name: str) -> pd.Series:
    if name not in routes:
        return pd.Series(pd.NaT, index=range(len(routes)), dtype=_TIME)
    if pd.api.types.is_numeric_dtype(routes[name]) and routes[name].notna().any():
        raise SchemaError("routes", found=f"numbers in {name}", expected="instants or ISO dates")
    try:
        times = pd.to_datetime(routes[name], utc=True).astype(_TIME)
    except (TypeError, ValueError) as error:
        raise DateError(
            "routes", found=f"{name} that is no instant ({error})", expected="datetimes"
        ) from error
    return pd.Series(times.array)


def _columns(stops: Stops, index: BorderIndex, hits: Hits) -> State:
    kind = index.of_piece("kind", stops.edge)
    kind = np.where(pd.isna(kind), "land", kind)
    sea = np.isin(stops.happening, ("landfall", "departure"))
    disputed = pd.array(index.of_piece("disputed", stops.edge), dtype="boolean")
    texts = {
        "dyad": _dyads(stops),
        "from_country": stops.origin,
        "to_country": stops.target,
        "kind": np.where(sea, stops.happening, kind),
        "crossing_kind": stops.happening,
    }
    return {
        **{name: values.astype(np.str_) for name, values in texts.items()},
        "chainage_km": index.chainage_at(stops.edge, stops.fraction),
        "disputed": disputed.to_numpy(dtype=np.int8, na_value=-1),
        "distance_along_km": stops.at_m / 1000,
        "excursion_m": stops.excursion_m,
        "lon": hits.lon[stops.event],
        "lat": hits.lat[stops.event],
    }


def _dyads(stops: Stops) -> AnyArray:
    pairs = pd.MultiIndex.from_arrays([stops.origin, stops.target])
    number, different = pairs.factorize()
    names = ["-".join(sorted(filter(None, pair))) for pair in different]
    return np.array(names, dtype=object)[number] if names else np.empty(0, dtype=object)


def _route_length(lines: RouteLines, along: FloatArray, n: int) -> FloatArray:
    """Length in metres by row of the routes, where it was measured."""
    length = np.ones(n)
    if len(lines.route):
        length[lines.route] = np.maximum(along[lines.start[1:] - 1], 1e-9)
    return length


def _crossed_at(
    first: pd.Series, last: pd.Series, at: IntArray, share: FloatArray, backward: BoolArray
) -> AnyArray:
    first, last = (times.iloc[at].reset_index(drop=True) for times in (first, last))
    turned = backward[at]
    first, last = first.where(~turned, last), last.where(~turned, first)
    span = last - first
    # Last seen before first seen says nothing about when the border was passed.
    moved = first + span.where(span >= pd.Timedelta(0)) * share
    known = first.notna() & last.notna()
    result = moved.where(known, first.fillna(last)).astype(_TIME)
    instants: AnyArray = result.dt.tz_localize(None).to_numpy()
    return instants
