"""Who sends how much to whom: supply, demand, gravity, and the routes that carry it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray
from geocn.scenario.geography import (
    Grid,
    distance_km,
    load_admin,
    load_coca,
    load_towns,
    smooth_field,
)
from geocn.scenario.paths import Ways, draw_flight, draw_line, ways_from

#: Departments that send, the largest by hectares first.
_N_SOURCES = 12
#: Kilograms of cocaine that a hectare gives in a year: an assumption of the scenario.
_KG_PER_HA = 6.5
#: How fast flow falls with cost: exp(-_DECAY * cost / mean cost).
_DECAY = 1.2
_AIR_SHARE = 0.35
#: Of the worlds that people see, the first two close the sea: those who only know the land.
_PATH_SIGMA, _PATH_CELLS, _WORLDS, _OVERLAND = 0.5, 4.0, 4, 2
_CLOSED_SEA = 8.0
_SPREAD_DEGREES = 0.15
_SHIPMENT_KG = {"road": 130.0, "river": 220.0, "sea": 900.0, "air": 420.0}
_REPORT_SIGMA = 0.5


@dataclass(frozen=True, slots=True)
class Market:
    """Origins, destinations, and the mass that moves between them.

    Attributes
    ----------
    origins, destinations : DataFrame
        ``name, iso_a3, lon, lat`` with ``supply_kg`` a month and ``area``, or ``demand``.
    cost : float array (origins, destinations)
        Least cost in kilometres of open country.
    flow_kg : float array (origins, destinations)
        Mass a month in the first year.
    ways : Ways
        Seen from the destinations, over the true friction.
    """

    origins: pd.DataFrame
    destinations: pd.DataFrame
    cost: FloatArray
    flow_kg: FloatArray
    ways: Ways


def build_market(grid: Grid, *, year: int, rng: np.random.Generator) -> Market:
    """Share the potential production of ``year`` over the destinations.

    The model is the production-constrained gravity model (Wilson 1971,
    doi:10.1068/a030001): T_ij = O_i D_j f(c_ij) / sum_j D_j f(c_ij), with
    f(c) = exp(-b c / mean c).
    """
    origins = _origins(year, rng=rng)
    towns = load_towns()
    destinations = towns[towns["demand"] > 0].rename(
        columns={"town": "name", "longitude": "lon", "latitude": "lat"}
    )
    destinations = destinations.reset_index(drop=True)
    ends = grid.cell_of(destinations["lon"].to_numpy(float), destinations["lat"].to_numpy(float))
    ways = ways_from(grid, ends)
    starts = grid.cell_of(origins["lon"].to_numpy(float), origins["lat"].to_numpy(float))
    cost = ways.cost[:, starts].T
    pull = destinations["demand"].to_numpy(float) * np.exp(-_DECAY * cost / cost.mean())
    flow = origins["supply_kg"].to_numpy(float)[:, np.newaxis] * pull
    flow /= pull.sum(axis=1, keepdims=True)
    return Market(origins, destinations, cost, flow, ways)


def _origins(year: int, *, rng: np.random.Generator) -> pd.DataFrame:
    coca = load_coca()
    coca = coca[coca["year"] == min(max(year, coca["year"].min()), coca["year"].max())]
    coca = coca.nlargest(_N_SOURCES, "area_ha")
    admin = load_admin().set_index("code")
    points = [_point_in(admin.geometry[code], rng=rng) for code in coca["code"]]
    return pd.DataFrame(
        {
            "name": coca["department"].to_list(),
            "iso_a3": "COL",
            "lon": [point[0] for point in points],
            "lat": [point[1] for point in points],
            "area": admin.geometry[coca["code"]].to_numpy(),
            "supply_kg": coca["area_ha"].to_numpy(float) * _KG_PER_HA / 12,
        }
    )


def _point_in(
    area: shapely.Polygon | shapely.MultiPolygon, *, rng: np.random.Generator
) -> tuple[float, float]:
    west, south, east, north = area.bounds
    while True:
        lon, lat = rng.uniform(west, east), rng.uniform(south, north)
        if shapely.contains_xy(area, lon, lat):
            return round(lon, 4), round(lat, 4)


def draw_routes(
    grid: Grid, market: Market, *, n_routes: int, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Draw the routes that carry the market's flow.

    Each follows a least-cost way over friction that its people misjudge (smooth
    lognormal noise; half of them never take to the sea); some go by air where a
    destination has a strip. Every pair's flow is shared by its routes; pairs that drew
    none lose theirs to the others.

    Returns
    -------
    GeoDataFrame
        ``route_id, origin, destination, mode, drug, flow_kg`` (a month), lines in WGS 84.
    """
    shares = (market.flow_kg / market.flow_kg.sum()).ravel()
    pairs = np.sort(rng.choice(shares.size, size=n_routes, p=shares))
    origin, destination = np.divmod(pairs, market.flow_kg.shape[1])
    worlds = _worlds(grid, market, rng=rng)
    by_air = market.destinations["airstrip"].to_numpy(float)[destination] > 0
    by_air &= rng.random(n_routes) < _AIR_SHARE
    lines, modes = [], []
    for number in range(n_routes):
        way = worlds[int(rng.integers(len(worlds)))]
        line, mode = _one_route(
            grid,
            market,
            way,
            pair=(origin[number], destination[number]),
            air=by_air[number],
            rng=rng,
        )
        lines.append(line)
        modes.append(mode)
    flow = market.flow_kg.sum() * _split(pairs, shares, rng=rng)
    return gpd.GeoDataFrame(
        {
            "route_id": [f"T{number:04d}" for number in range(n_routes)],
            "origin": market.origins["name"].to_numpy()[origin],
            "destination": market.destinations["name"].to_numpy()[destination],
            "mode": modes,
            "drug": np.where(rng.random(n_routes) < 0.9, "cocaine", "cannabis_herb"),
            "flow_kg": flow.round(1),
        },
        geometry=lines,
        crs="EPSG:4326",
    )


def _worlds(grid: Grid, market: Market, *, rng: np.random.Generator) -> list[Ways]:
    ends = grid.cell_of(
        market.destinations["lon"].to_numpy(float), market.destinations["lat"].to_numpy(float)
    )
    found = []
    for number in range(_WORLDS):
        noise = np.exp(_PATH_SIGMA * smooth_field(grid.shape, cells=_PATH_CELLS, rng=rng))
        sea = _CLOSED_SEA if number < _OVERLAND else 1.0
        friction = grid.friction * noise * np.where(grid.sea, sea, 1.0)
        found.append(ways_from(grid, ends, friction=friction))
    return found


def _one_route(
    grid: Grid,
    market: Market,
    ways: Ways,
    *,
    pair: tuple[int, int],
    air: bool,
    rng: np.random.Generator,
) -> tuple[shapely.LineString, str]:
    source, sink = market.origins.iloc[pair[0]], market.destinations.iloc[pair[1]]
    start = _start(source, rng=rng)
    end = (float(sink["lon"]), float(sink["lat"]))
    if air:
        return draw_flight(start, end, rng=rng), "air"
    cells = ways.trace(pair[1], int(grid.cell_of(np.array(start[0]), np.array(start[1]))))
    return draw_line(grid, cells, start=start, end=end, rng=rng), _mode(grid, cells)


def _start(source: pd.Series, *, rng: np.random.Generator) -> tuple[float, float]:
    """Draw a place near the source and inside its division."""
    middle, area = (float(source["lon"]), float(source["lat"])), source["area"]
    for lon, lat in rng.normal(middle, _SPREAD_DEGREES, (20, 2)):
        if shapely.contains_xy(area, lon, lat):
            return float(lon), float(lat)
    return middle


def _mode(grid: Grid, cells: IntArray) -> str:
    if grid.sea.ravel()[cells].mean() > 0.3:
        return "sea"
    return "river" if grid.roadless.ravel()[cells].mean() > 0.5 else "road"


def _split(pairs: IntArray, shares: FloatArray, *, rng: np.random.Generator) -> FloatArray:
    """Return each route's share of all flow: its pair's, split unevenly among its routes."""
    part = rng.gamma(2.0, size=len(pairs))
    of_pair = np.bincount(pairs, weights=part, minlength=len(shares))
    weight = shares[pairs] * part / of_pair[pairs]
    result: FloatArray = weight / weight.sum()
    return result


def draw_shipments(
    routes: gpd.GeoDataFrame, *, n_months: int, growth: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw the shipments of every route and month.

    Numbers are Poisson with mean flow / size, growing by ``growth`` a year; masses are
    lognormal around the size that is usual for the mode.

    Returns
    -------
    DataFrame
        ``route`` (position in ``routes``), ``month`` (from 0), ``weight_kg``.
    """
    size = routes["mode"].map(_SHIPMENT_KG).to_numpy(float)
    trend = (1 + growth) ** (np.arange(n_months) / 12)
    means = (routes["flow_kg"].to_numpy(float) / size)[:, np.newaxis] * trend
    counts = rng.poisson(means)
    route, month = np.nonzero(counts)
    repeats = counts[route, month]
    route, month = np.repeat(route, repeats), np.repeat(month, repeats)
    noise = rng.lognormal(-0.32, 0.8, len(route))  # mean 1: -s²/2 with s = 0.8
    return pd.DataFrame(
        {"route": route, "month": month, "weight_kg": (size[route] * noise).round(2)}
    )


def reported_routes(
    routes: gpd.GeoDataFrame,
    shipments: pd.DataFrame,
    *,
    start: pd.Timestamp,
    n_months: int,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """Return the routes as partners report them: simplified, with a misjudged mass."""
    frame = routes[["route_id", "mode", "drug", "origin", "destination", "geometry"]].copy()
    weight = shipments.groupby("route")["weight_kg"].sum().reindex(range(len(routes)), fill_value=0)
    days = (start + pd.DateOffset(months=n_months) - start).days
    first = rng.integers(0, max(days // 4, 1), len(frame))
    last = np.minimum(first + rng.integers(days // 12, max(days, 2), len(frame)), days - 1)
    frame["weight_kg"] = (
        weight.to_numpy(float) * rng.lognormal(-1.5, _REPORT_SIGMA, len(frame))
    ).round(0)
    frame["first_seen"] = start + pd.to_timedelta(first, unit="D")
    frame["last_seen"] = start + pd.to_timedelta(last, unit="D")
    frame["n_sources"] = rng.integers(1, 5, len(frame))
    frame["location_precision_m"] = 5000.0
    frame["geometry"] = shapely.set_precision(frame.geometry.simplify(0.02).to_numpy(), 1e-4)
    return frame


def pair_table(market: Market) -> pd.DataFrame:
    """Return every pair of origin and destination with cost, distance and flow."""
    rows, columns = market.flow_kg.shape
    i, j = np.divmod(np.arange(rows * columns), columns)
    one, two = market.origins.iloc[i], market.destinations.iloc[j]
    straight = distance_km(
        one["lon"].to_numpy(), one["lat"].to_numpy(), two["lon"].to_numpy(), two["lat"].to_numpy()
    )
    return pd.DataFrame(
        {
            "origin": one["name"].to_numpy(),
            "destination": two["name"].to_numpy(),
            "cost": market.cost.ravel().round(2),
            "distance_km": straight.round(1),
            "flow_kg": market.flow_kg.ravel().round(1),
        }
    )
