"""The façade: one call that makes a world, what partners see of it, and the truth."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from geocn import schema
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.scenario.borders import border_flows, crossings_of
from geocn.scenario.enforcement import describe_seizures, place_stations, stop_shipments
from geocn.scenario.flows import (
    Market,
    build_market,
    draw_routes,
    draw_shipments,
    pair_table,
    reported_routes,
)
from geocn.scenario.geography import Grid, build_grid, friction_raster, load_admin, load_coca
from geocn.scenario.partners import place_interventions
from geocn.scenario.paths import draw_line

_N_CORRIDORS = 25
_METHOD = "scenario.simulate"


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happened, for tests of recovery.

    Attributes
    ----------
    routes : GeoDataFrame
        Every route as it runs, with its flow in kg a month.
    corridors : GeoDataFrame
        Least-cost lines of the pairs with the largest flow: ``origin, destination,
        cost`` (km of open country), ``flow_kg`` a month.
    crossings : DataFrame
        Every crossing of a land border by every route.
    border_flows : DataFrame
        Shipments and mass that really crossed each border, each way.
    pairs : DataFrame
        Cost, distance and flow of every pair of origin and destination.
    shipments : DataFrame
        Every shipment: ``route_id, month, weight_kg, seized``, and ``chance``, the
        probability of being stopped.
    """

    routes: gpd.GeoDataFrame
    corridors: gpd.GeoDataFrame
    crossings: pd.DataFrame
    border_flows: pd.DataFrame
    pairs: pd.DataFrame
    shipments: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Scenario:
    """A simulated world: canonical layers as partners know them, and the truth beside.

    Attributes
    ----------
    routes, seizures, interventions, cultivation : GeoDataFrame
        Layers of :mod:`geocn.schema`. ``seizures`` also has ``agency`` and ``route_id``.
        ``cultivation`` holds the real survey figures by Colombian department.
    friction : DataArray
        Relative cost of a kilometre, WGS 84.
    truth : Truth
        What really happened.
    """

    routes: gpd.GeoDataFrame
    seizures: gpd.GeoDataFrame
    interventions: gpd.GeoDataFrame
    cultivation: gpd.GeoDataFrame
    friction: xr.DataArray
    truth: Truth


def simulate(
    *,
    seed: int,
    start: str = "2024-01-01",
    n_months: int = 24,
    n_routes: int = 250,
    n_seizures: int = 600,
    growth: float = 0.1,
) -> Scenario:
    """Simulate trafficking and enforcement in the northern Andes and Central America.

    Coca departments (real hectares) supply cocaine; invented demand at real towns
    draws it, by a gravity model over least-cost distance; routes follow least-cost ways
    with misjudged friction; shipments move on them and uneven enforcement stops some.
    Geography is real (Natural Earth); flows, routes, seizures and partners are invented.

    Parameters
    ----------
    seed : int
        The same seed gives the same world.
    start : str
        First day, ISO 8601.
    n_months : int
        Months simulated.
    n_routes : int
        Routes drawn.
    n_seizures : int
        Seizures expected; the number drawn differs by chance.
    growth : float
        Growth of the flow a year (0.1 is 10 %).

    Returns
    -------
    Scenario

    Raises
    ------
    ParameterError
        Where a number is out of range or ``start`` is no date.

    Examples
    --------
    >>> world = simulate(seed=7, n_months=3, n_routes=20, n_seizures=30)
    >>> len(world.routes)
    20
    """
    first = _first_day(start)
    _check(n_months=n_months, n_routes=n_routes, n_seizures=n_seizures, growth=growth)
    # one stream a stage, so that a change in one leaves the others as they were
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
    grid = build_grid(streams[0])
    market = build_market(grid, year=first.year, rng=streams[1])
    routes = draw_routes(grid, market, n_routes=n_routes, rng=streams[2])
    shipments = draw_shipments(routes, n_months=n_months, growth=growth, rng=streams[3])
    crossings = crossings_of(routes)
    sites = place_interventions(crossings, start=first, n_months=n_months, rng=streams[4])
    stations = place_stations(grid, routes, sites, start=first, n_months=n_months, rng=streams[5])
    stopped = stop_shipments(stations, shipments, n_seizures=n_seizures, rng=streams[5])
    seizures = describe_seizures(stations, stopped, routes, crossings, start=first, rng=streams[5])
    reports = reported_routes(routes, shipments, start=first, n_months=n_months, rng=streams[3])
    truth = Truth(
        routes=routes,
        corridors=_corridors(grid, market),
        crossings=crossings,
        border_flows=border_flows(crossings, routes, stopped),
        pairs=pair_table(market),
        shipments=_shipment_table(stopped, routes),
    )
    options = {"seed": seed, "start": start, "n_months": n_months, "n_routes": n_routes}
    options |= {"n_seizures": n_seizures, "growth": growth}
    return Scenario(
        routes=_layer(reports, "routes", options),
        seizures=_layer(seizures.assign(date_precision="time"), "seizures", options),
        interventions=_layer(sites, "interventions", options),
        cultivation=_layer(_cultivation(), "cultivation", options),
        friction=attach(friction_raster(grid), _METHOD, **options),
        truth=truth,
    )


def _first_day(start: str) -> pd.Timestamp:
    try:
        first = pd.Timestamp(start)
    except ValueError as error:
        raise ParameterError(f"start={start!r} is no date; write it as 2024-01-01") from error
    if pd.isna(first):
        raise ParameterError(f"start={start!r} is no date; write it as 2024-01-01")
    return first.tz_localize("UTC") if first.tzinfo is None else first.tz_convert("UTC")


def _check(*, n_months: int, n_routes: int, n_seizures: int, growth: float) -> None:
    faults = [
        f"{name}={value} must be at least 1"
        for name, value in (
            ("n_months", n_months),
            ("n_routes", n_routes),
            ("n_seizures", n_seizures),
        )
        if value < 1
    ]
    if not -1 < growth < 10:
        faults.append(f"growth={growth} must lie between -1 and 10")
    if faults:
        raise ParameterError("; ".join(faults))


def _layer(frame: gpd.GeoDataFrame, layer: str, options: dict[str, object]) -> gpd.GeoDataFrame:
    labelled = frame.assign(source="simulation", marking="TLP:CLEAR")
    return attach(schema.conform(labelled, layer), _METHOD, layer=layer, **options)


def _corridors(grid: Grid, market: Market) -> gpd.GeoDataFrame:
    """Return the least-cost lines of the pairs with the largest flow, over true friction."""
    largest = np.argsort(-market.flow_kg, axis=None, kind="stable")[:_N_CORRIDORS]
    rows, lines = [], []
    for i, j in zip(*np.unravel_index(largest, market.flow_kg.shape), strict=True):
        source, sink = market.origins.iloc[i], market.destinations.iloc[j]
        start, end = (
            (float(source["lon"]), float(source["lat"])),
            (float(sink["lon"]), float(sink["lat"])),
        )
        cell = int(grid.cell_of(np.array(start[0]), np.array(start[1])))
        lines.append(draw_line(grid, market.ways.trace(int(j), cell), start=start, end=end))
        cost, flow = market.cost[i, j], market.flow_kg[i, j]
        rows.append((source["name"], sink["name"], round(float(cost), 2), round(float(flow), 1)))
    frame = pd.DataFrame(rows, columns=["origin", "destination", "cost", "flow_kg"])
    return gpd.GeoDataFrame(frame, geometry=lines, crs="EPSG:4326")


def _cultivation() -> gpd.GeoDataFrame:
    coca = load_coca()
    areas = load_admin().set_index("code").geometry
    shapes = shapely.force_2d(areas.loc[coca["code"]].to_numpy())
    return gpd.GeoDataFrame(
        {
            "field_id": coca["code"] + "-" + coca["year"].astype("str"),
            "crop": "coca",
            "year": coca["year"],
            "area_ha": coca["area_ha"],
            "admin": coca["department"],
            "admin_code": coca["code"],
            "place_match": "code",
        },
        geometry=shapes,
        crs="EPSG:4326",
    )


def _shipment_table(stopped: pd.DataFrame, routes: gpd.GeoDataFrame) -> pd.DataFrame:
    names = routes["route_id"].to_numpy()[stopped["route"].to_numpy()]
    return pd.DataFrame(
        {
            "route_id": names,
            "month": stopped["month"].to_numpy(),
            "weight_kg": stopped["weight_kg"].to_numpy(),
            "seized": stopped["station"].to_numpy() >= 0,
            "chance": stopped["chance"].to_numpy(),
        }
    )
