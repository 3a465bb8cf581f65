"""Where routes change country."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.errors import AssumptionWarning, DateError, ParameterError, SchemaError
from geocn.hotspots.posts import at_posts, count_posts, read_posts
from geocn.hotspots.precision import PRECISION, given_precision
from geocn.hotspots.route_lines import Hits, RouteLines, check_lines, find_hits
from geocn.hotspots.travel import HAPPENINGS, Stops, find_stops
from geocn.provenance import attach
from geocn.spatial.border_index import BorderIndex, border_index
from geocn.spatial.crs import to_lonlat

TimeReversed = Literal["refuse", "follow", "as_drawn"]
_TIME_REVERSED = ("refuse", "follow", "as_drawn")
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
# Degrees. Routes may well stay short of every border; those this far off never were near one.
_FAR: Final = 20.0
# What a crossing inherits from its route, where the route has it.
_CARRIED = (
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


def border_crossings(
    routes: gpd.GeoDataFrame,
    borders: gpd.GeoDataFrame | None = None,
    *,
    countries: gpd.GeoDataFrame | None = None,
    min_excursion_m: float = 1000.0,
    include: Sequence[str] = ("land",),
    time_reversed: TimeReversed = "refuse",
    posts: gpd.GeoDataFrame | None = None,
    post_reach_m: float = 5000.0,
) -> gpd.GeoDataFrame:
    """Find where routes change country over a land border, in the order they travel.

    A crossing is a change of country that lasts: an excursion that returns to the country
    it left within ``min_excursion_m`` is a graze, several within one stay are a run along
    the border, and neither is a crossing. A route that begins or ends exactly on a border has
    not crossed it there. A stretch of water shorter than that between two
    neighbours (a river mouth) is crossed as the land border nearest to it. Longitudes may
    jump at +-180 degrees; each step of a route goes the short way around.

    Parameters
    ----------
    routes : GeoDataFrame
        Lines in the direction of travel; Z and M are not used. ``first_seen`` and
        ``last_seen``, where both are known, are taken as the times at its ends and
        ``crossed_at`` lies between them in proportion to distance; where one is known, it
        is used as it is.
    borders : GeoDataFrame, optional
        From ``read_borders`` or :func:`geocn.spatial.borders.load_borders`; by default the
        bundled 1:10 million borders. Lines need ``dyad``, ``left`` and ``right``. Areas of
        countries are turned into borders by
        :func:`geocn.spatial.border_repair.borders_from_countries` with its defaults.
    countries : GeoDataFrame, optional
        Areas that tell which country lies left and right of borders that do not say.
    min_excursion_m : float
        Geodesic length along the route, in metres, below which an excursion is a graze.
    include : sequence of {"land", "landfall", "departure", "graze", "coast_graze", \
"along_border"}
        Which happenings to return, the last five only where asked for. Each graze is a row;
        a run along the border is one row more, where it begins.
    time_reversed : {"refuse", "follow", "as_drawn"}
        What to do with a route last seen before it was first seen: raise an error that
        names the rows; take it to run from its last vertex to its first; or keep the
        direction of the line, with ``crossed_at`` unknown.
    posts : GeoDataFrame, optional
        Points of official crossings, with ``name`` (else the index is the name) and perhaps
        ``dyad``: a post of a dyad serves only the crossings of that dyad.
    post_reach_m : float
        Geodesic distance in metres up to which a crossing is at a post.

    Returns
    -------
    GeoDataFrame
        One row a crossing, in EPSG:4326: ``route_id, dyad, chainage_km, from_country,
        to_country, crossed_at, kind`` (of the border, or landfall or departure),
        ``disputed, distance_along_km, route_row`` (row number in ``routes``),
        ``crossing_kind`` (as in ``include``), ``excursion_m`` (length of a graze or of a run
        along the border), the route's own attributes, geometry (Point). For a change between
        land and sea, dyad is the country and the sea an empty text.

        With posts also ``post`` (name, null beyond reach), ``post_distance_m`` (to the
        nearest) and ``between_posts``: null where ``location_precision_m`` of the route
        leaves open on which side of the reach the crossing lies.

        ``attrs["geocn"]["reported"]`` counts grazes, runs along borders, coast grazes,
        landfalls, departures, short sea passages counted as crossings, unseen changes
        (borders that do not close) and touches at the very ends of routes; ``["left_out"]``
        counts routes without geometry or without length, and borders without geometry;
        ``["imprecise"]`` the crossings whose route is known less exactly than the reach of a
        post (without posts: than ``min_excursion_m``); ``["posts"]`` how many crossings are at
        posts, between them and undecided; ``["repairs"]`` what had to
        be repaired in areas of countries.

    Warns
    -----
    AssumptionWarning
        Where nothing was found and all routes lie more than 20 degrees from all borders, as
        where one of them has its axes swapped.

    Raises
    ------
    GeometryError
        Where a geometry is not a line, or a post not a point.
    CRSError, CoordinateError
        Where the CRS is missing or coordinates lie nowhere on Earth.
    DateError
        Where a route was last seen before it was first seen, or a time cannot be read.
    SchemaError
        Where times are numbers.
    LayerError
        Where the borders have no shared sides.
    ParameterError
        Where an option is out of range.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> route = shapely.LineString([(-77.5, 1.2), (-78.5, 0.2)])
    >>> found = border_crossings(gpd.GeoDataFrame({"route_id": ["r1"]}, geometry=[route], crs=4326))
    >>> found[["dyad", "from_country", "to_country"]].to_numpy().tolist()
    [['COL-ECU', 'COL', 'ECU']]
    """
    _check_options(min_excursion_m, include, time_reversed, post_reach_m)
    backward, timed = _order_of_time(routes, time_reversed)
    degrees = to_lonlat(routes, "routes")
    check_lines(degrees)
    places = None if posts is None else read_posts(posts)
    index = border_index(borders, countries)
    lines = RouteLines.of(degrees, backward=backward)
    hits = find_hits(index, lines, whole=timed)
    stops, counted = find_stops(index, lines, hits, min_excursion_m=float(min_excursion_m))
    stops = stops.only(np.isin(stops.happening, list(include)))
    if borders is not None and not len(stops.event):
        _warn_if_apart(degrees, to_lonlat(borders, "borders"))
    result = _frame(stops, index, lines, hits, routes, backward=backward)
    if places is not None:
        result = result.assign(**at_posts(result, places, reach_m=float(post_reach_m)))
        result = result[[c for c in result if c != "geometry"] + ["geometry"]]
    return attach(
        result,
        "hotspots.border_crossings",
        min_excursion_m=float(min_excursion_m),
        include=list(include),
        time_reversed=time_reversed,
        posts=None if places is None else count_posts(result, places),
        post_reach_m=float(post_reach_m),
        countries=None if countries is None else len(countries),
        scale=index.scale,
        crs="EPSG:4326",
        n_routes=len(routes),
        n_time_reversed=int(backward.sum()),
        imprecise=_imprecise(result, min_excursion_m if posts is None else post_reach_m),
        reported=_reported(counted) | {"ends_on_border": hits.n_at_ends},
        repairs=index.repairs,
        left_out={
            "no_geometry": lines.n_missing,
            "no_length": lines.n_short,
            "borders_without_geometry": index.n_missing,
        },
    )


def _check_options(
    min_excursion_m: float, include: Sequence[str], time_reversed: str, post_reach_m: float
) -> None:
    faults = []
    if not (np.isfinite(min_excursion_m) and min_excursion_m >= 0):
        faults.append(f"min_excursion_m is {min_excursion_m}, not 0 or more")
    if isinstance(include, str) or set(include) - set(HAPPENINGS):
        faults.append(f"include {include!r}; choose from {', '.join(HAPPENINGS)}")
    if time_reversed not in _TIME_REVERSED:
        faults.append(f"time_reversed {time_reversed!r} is not one of {', '.join(_TIME_REVERSED)}")
    if not (np.isfinite(post_reach_m) and post_reach_m > 0):
        faults.append(f"post_reach_m is {post_reach_m}, not positive")
    if faults:
        raise ParameterError("; ".join(faults))


def _warn_if_apart(routes: gpd.GeoDataFrame, borders: gpd.GeoDataFrame) -> None:
    """Say so where no route comes near any border: a swapped axis looks like peace."""
    ours, theirs = routes.total_bounds, borders.total_bounds
    if np.isnan([ours, theirs]).any():
        return
    beyond = np.maximum(ours[:2] - theirs[2:], theirs[:2] - ours[2:])
    if beyond.max() > _FAR:
        warnings.warn(
            f"routes ({_extent(ours)}) and borders ({_extent(theirs)}) share no place, so nothing "
            "crosses; if they should, one of them has its axes swapped or another CRS than it says",
            AssumptionWarning,
            stacklevel=3,
        )


def _extent(bounds: FloatArray) -> str:
    west, south, east, north = bounds
    return f"longitude {west:.1f} to {east:.1f}, latitude {south:.1f} to {north:.1f}"


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


def _order_of_time(
    routes: gpd.GeoDataFrame, time_reversed: TimeReversed
) -> tuple[BoolArray, BoolArray]:
    """Routes to be taken backward, and routes whose times at both ends are known."""
    first, last = _times(routes, "first_seen"), _times(routes, "last_seen")
    wrong = (last < first).to_numpy(dtype=bool)
    if wrong.any() and time_reversed == "refuse":
        raise DateError(
            "routes",
            found="last_seen before first_seen",
            expected="times in the direction of travel",
            repair='Correct them, or pass time_reversed="follow" (the route runs from its last '
            'vertex to its first) or "as_drawn" (the time of crossing stays unknown).',
            rows=list(routes.index[wrong]),
        )
    timed = (first.notna() & last.notna()).to_numpy(dtype=bool)
    return wrong & (time_reversed == "follow"), timed


def _reported(counted: dict[str, int]) -> dict[str, int]:
    names = {
        "grazes": "graze",
        "runs_along_border": "along_border",
        "coast_grazes": "coast_graze",
        "landfalls": "landfall",
        "departures": "departure",
        "short_sea_passages": "short_sea_passages",
        "unseen_changes": "unseen_changes",
    }
    return {name: counted.get(key, 0) for name, key in names.items()}


def _imprecise(result: gpd.GeoDataFrame, finer_than_m: float) -> dict[str, Any]:
    vague = int((given_precision(result) > finer_than_m).sum())
    share = vague / len(result) if len(result) else None
    return {"finer_than_m": float(finer_than_m), "n": vague, "share": share}


def _frame(
    stops: Stops,
    index: BorderIndex,
    lines: RouteLines,
    hits: Hits,
    routes: gpd.GeoDataFrame,
    *,
    backward: BoolArray,
) -> gpd.GeoDataFrame:
    at = lines.route[hits.line[stops.event]].astype(np.int64)
    kind = index.of_piece("kind", stops.edge)
    kind = np.where(pd.isna(kind), "land", kind)
    sea = np.isin(stops.happening, ("landfall", "departure"))
    ids = routes["route_id"] if "route_id" in routes else pd.Series(routes.index)
    share = stops.at_m / _route_length(lines, hits.along, len(routes))[at]
    data = {
        "route_id": ids.iloc[at].astype("str").to_numpy(),
        "dyad": _dyads(stops),
        "chainage_km": index.chainage_at(stops.edge, stops.fraction),
        "from_country": stops.origin,
        "to_country": stops.target,
        "crossed_at": _crossed_at(routes, at, share, backward),
        "kind": np.where(sea, stops.happening, kind),
        "disputed": index.of_piece("disputed", stops.edge),
        "distance_along_km": stops.at_m / 1000,
        "route_row": at,
        "crossing_kind": stops.happening,
        "excursion_m": stops.excursion_m,
    }
    table = pd.DataFrame(data).astype(_DTYPES)
    for name in _CARRIED:
        if name in routes:
            table[name] = routes[name].iloc[at].array
    places = shapely.points(hits.lon[stops.event], hits.lat[stops.event])
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(places, crs="EPSG:4326"))


def _dyads(stops: Stops) -> Any:
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
    routes: gpd.GeoDataFrame, at: IntArray, share: FloatArray, backward: BoolArray
) -> pd.Series:
    first, last = (
        _times(routes, name).iloc[at].reset_index(drop=True) for name in ("first_seen", "last_seen")
    )
    turned = backward[at]
    first, last = first.where(~turned, last), last.where(~turned, first)
    span = last - first
    # Last seen before first seen says nothing about when the border was passed.
    moved = first + span.where(span >= pd.Timedelta(0)) * share
    known = first.notna() & last.notna()
    result: pd.Series = moved.where(known, first.fillna(last)).astype(_TIME)
    return result
