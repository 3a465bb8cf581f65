"""Seizures: what uneven enforcement takes out of the flow."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray
from geocn.scenario.geography import Grid, distance_km, load_admin, load_towns

_STATION_DEGREES = 0.15
_KM_PER_DEGREE = 111.195
_TOWN_KM, _BASE_EFFORT = 25.0, 0.08
_COUNTRY_SIGMA, _SEA_FACTOR = 0.7, 1.5
#: How hard each kind of work presses where it stands; others press nobody.
_PRESSURE = {"checkpoint": 1.0, "patrol": 5.0, "eradication": 0.2}
_SCATTER_DEGREES = 0.015
_CUSTOMS_KM = 30.0
_BISECTIONS = 60


@dataclass(frozen=True, slots=True)
class Stations:
    """Places along the routes at which a shipment may be stopped.

    Attributes
    ----------
    route : int array
        Position of the route.
    lon, lat, at_km : float arrays
        Where the place is, and how far along its route (degrees times 111.195).
    effort : float array (stations, months)
        Relative chance of being stopped there.
    """

    route: IntArray
    lon: FloatArray
    lat: FloatArray
    at_km: FloatArray
    effort: FloatArray


def place_stations(
    grid: Grid,
    routes: gpd.GeoDataFrame,
    interventions: gpd.GeoDataFrame,
    *,
    start: pd.Timestamp,
    n_months: int,
    rng: np.random.Generator,
) -> Stations:
    """Set stations along every route and give each its enforcement effort by month.

    Effort is a low base, more near towns, multiplied by a lognormal factor for each
    country (some look harder than others), plus what checkpoints, patrols and
    eradication add within their reach while they last.
    """
    lines = routes.geometry.to_numpy()
    counts = np.maximum((shapely.length(lines) / _STATION_DEGREES).astype(np.int64), 2)
    route = np.repeat(np.arange(len(lines)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    share = (np.arange(len(route)) - first + 0.5) / np.repeat(counts, counts)
    along = share * shapely.length(lines)[route]
    points = shapely.line_interpolate_point(lines[route], along)
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    static = _static_effort(grid, lon, lat, rng=rng)
    effort = np.repeat(static[:, np.newaxis], n_months, axis=1)
    _add_sites(effort, lon, lat, interventions, start=start)
    effort *= (routes["mode"].to_numpy()[route] != "air")[:, np.newaxis] * 0.85 + 0.15
    return Stations(route, lon, lat, along * _KM_PER_DEGREE, effort)


def _static_effort(
    grid: Grid, lon: FloatArray, lat: FloatArray, *, rng: np.random.Generator
) -> FloatArray:
    towns = load_towns()
    near = np.zeros(len(lon))
    for x, y, people in towns[["longitude", "latitude", "population_k"]].to_numpy(float):
        away = distance_km(lon, lat, x, y)
        size = np.sqrt(people) / 30
        near += size * np.exp(-((away / _TOWN_KM) ** 2))
    factor = rng.lognormal(0, _COUNTRY_SIGMA, len(grid.countries) + 1)
    factor[-1] = _SEA_FACTOR  # sea cells bear the number -1
    country = grid.country.ravel()[grid.cell_of(lon, lat)]
    result: FloatArray = (_BASE_EFFORT + near) * factor[country]
    return result


def _add_sites(
    effort: FloatArray,
    lon: FloatArray,
    lat: FloatArray,
    interventions: gpd.GeoDataFrame,
    *,
    start: pd.Timestamp,
) -> None:
    months = start + pd.to_timedelta(np.arange(effort.shape[1]) * 30.44, unit="D")
    for row in interventions[interventions["kind"].isin(list(_PRESSURE))].itertuples():
        away = distance_km(lon, lat, row.geometry.x, row.geometry.y)
        pull = _PRESSURE[row.kind] * np.exp(-((away / row.reach_km) ** 2))
        last = months[-1] if pd.isna(row.ends_on) else row.ends_on
        active = np.asarray((months >= row.starts_on) & (months <= last))
        effort += pull[:, np.newaxis] * active


def stop_shipments(
    stations: Stations, shipments: pd.DataFrame, *, n_seizures: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Decide which shipments are stopped, and at which station.

    A shipment is stopped with probability 1 - exp(-k H), H being the effort along its
    route in its month; k is set so that ``n_seizures`` are expected. The station is
    drawn in proportion to effort: seizures are flow thinned by enforcement.

    Returns
    -------
    DataFrame
        The shipments with ``station`` (-1 where nobody stopped them) and ``stopped_km``.
    """
    total = np.zeros((int(stations.route.max()) + 1, stations.effort.shape[1]))
    np.add.at(total, stations.route, stations.effort)
    route, month = shipments["route"].to_numpy(), shipments["month"].to_numpy()
    hazard = total[route, month]
    chance = -np.expm1(-_calibrate(hazard, n_seizures) * hazard)
    stopped = np.flatnonzero(rng.random(len(shipments)) < chance)
    station = np.full(len(shipments), -1, dtype=np.int64)
    first = np.searchsorted(stations.route, route)
    last = np.searchsorted(stations.route, route, side="right")
    for number in stopped:
        effort = stations.effort[first[number] : last[number], month[number]]
        cumulative = np.cumsum(effort)
        pick = np.searchsorted(cumulative, rng.random() * cumulative[-1])
        station[number] = first[number] + pick
    at_km = np.where(station >= 0, stations.at_km[station], np.inf)
    return shipments.assign(station=station, stopped_km=at_km, chance=chance)


def _calibrate(hazard: FloatArray, expected: int) -> float:
    """Find k with sum(1 - exp(-k hazard)) = expected, by bisection on its logarithm."""
    low, high = -30.0, 30.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if -np.expm1(-np.exp(middle) * hazard).sum() < expected:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def describe_seizures(
    stations: Stations,
    stopped: pd.DataFrame,
    routes: gpd.GeoDataFrame,
    crossings: pd.DataFrame,
    *,
    start: pd.Timestamp,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """Turn stopped shipments into seizures with a time, a place and an agency.

    Returns
    -------
    GeoDataFrame
        ``seizure_id, seized_at, drug, weight_kg, origin, destination, mode, country,
        admin, admin_code, agency, route_id``, points in WGS 84, in order of time.
    """
    taken = stopped[stopped["station"] >= 0]
    station, n = taken["station"].to_numpy(), len(taken)
    route = routes.iloc[taken["route"].to_numpy()]
    lon = (stations.lon[station] + rng.normal(0, _SCATTER_DEGREES, n)).round(5)
    lat = (stations.lat[station] + rng.normal(0, _SCATTER_DEGREES, n)).round(5)
    minutes = rng.integers(0, 60 * 24 * 28, n)
    at = _month_starts(start, taken["month"].to_numpy()) + pd.to_timedelta(minutes, unit="min")
    columns = {name: route[name].to_numpy() for name in ("drug", "origin", "destination", "mode")}
    frame = gpd.GeoDataFrame(
        {"seized_at": at, "weight_kg": taken["weight_kg"].to_numpy(float), **columns},
        geometry=gpd.points_from_xy(lon, lat, crs="EPSG:4326"),
    )
    frame["route_id"] = route["route_id"].to_numpy()
    frame["drug"] = _paste_near_source(frame, stations.at_km[station], rng=rng)
    _name_places(frame)
    frame["agency"] = _agency(frame, crossings)
    frame = frame.sort_values(["seized_at", "route_id"], ignore_index=True)
    frame.insert(0, "seizure_id", [f"S{number:05d}" for number in range(n)])
    return frame


def _month_starts(start: pd.Timestamp, month: IntArray) -> pd.DatetimeIndex:
    starts = pd.DatetimeIndex(
        [start + pd.DateOffset(months=int(m)) for m in range(int(month.max(initial=0)) + 1)]
    )
    return starts[month]


def _paste_near_source(
    frame: gpd.GeoDataFrame, at_km: FloatArray, *, rng: np.random.Generator
) -> FloatArray:
    drug = frame["drug"].to_numpy(dtype=object)
    early = (at_km < 120) & (drug == "cocaine") & (rng.random(len(frame)) < 0.5)
    kinds: FloatArray = np.where(early, "coca_paste", drug)
    return kinds


def _name_places(frame: gpd.GeoDataFrame) -> None:
    admin = load_admin()
    where = admin.sindex.query(frame.geometry, predicate="intersects")
    place = np.full(len(frame), -1, dtype=np.int64)
    place[where[0]] = where[1]
    for column, source in (("country", "country"), ("admin", "name"), ("admin_code", "code")):
        values = admin[source].to_numpy(dtype=object)[place]
        frame[column] = pd.Series(np.where(place >= 0, values, None), dtype="str")


def _agency(frame: gpd.GeoDataFrame, crossings: pd.DataFrame) -> list[str]:
    lon, lat = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    away = np.full(len(frame), np.inf)
    for x, y in zip(crossings["longitude"], crossings["latitude"], strict=True):
        away = np.minimum(away, distance_km(lon, lat, x, y))
    at_sea = frame["admin_code"].isna().to_numpy() | (frame["mode"] == "air").to_numpy()
    names = np.where(away < _CUSTOMS_KM, "customs", "police")
    return [str(name) for name in np.where(at_sea, "navy", names)]
