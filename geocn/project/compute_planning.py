"""Coverage, siting, change and comparison, as a project file asks for them."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn import coverage, cultivation, evaluation
from geocn.errors import ParameterError
from geocn.project import analyses_planning as asked
from geocn.project.results import Result, Results, World, find

_DEMAND = ("layer", "places", "analysis")


def assess_coverage(spec: asked.Coverage, world: World, results: Results) -> Result:
    """Share of a demand in reach, gaps, and who stands too near to enforcement."""
    demand = find(spec.demand, (*_DEMAND, "raster"), world, results)
    if isinstance(demand, gpd.GeoDataFrame):
        demand = _of_year(demand, spec.year, world.as_of)
        if spec.only_significant and "hotspot_class" in demand:
            demand = demand[demand["hotspot_class"] == "hot"]
        # A rank among hotspots would clash with the rank among gaps.
        demand = demand.rename(columns={"rank": "demand_rank"})
    sites = world.layers["interventions"]
    for column, wanted in (("partner", spec.partners), ("kind", spec.kinds)):
        if wanted:
            sites = sites[sites[column].isin(wanted)]
    reaches = coverage.reach(
        sites,
        distance_km=spec.distance_km,
        minutes=spec.minutes,
        friction=world.rasters[spec.friction] if spec.friction else None,
        as_of=world.as_of,
        areas=spec.areas,
    )
    assessed = coverage.assess(
        demand,
        reaches,
        weight=spec.weight,
        overlaps=spec.overlaps,
        areas=world.places[spec.by_area] if spec.by_area else None,
        periods=spec.periods,
        per=spec.per,
        capacity=spec.capacity,
    )
    more = {"reaches": reaches, **_tables(assessed)}
    if spec.separation_km is not None:
        more["separation"] = _separation(world, spec.separation_km)
    frame, rasters = assessed.demand, {}
    if not isinstance(frame, pd.DataFrame):
        frame, rasters = more.pop("gaps"), {"share covered": frame["share_covered"]}
    return Result(spec.name, spec.kind, frame, more, rasters, whole=assessed)


def _tables(assessed: coverage.Coverage) -> dict[str, pd.DataFrame]:
    """Return what a coverage tells beside the demand itself."""
    tables: dict[str, pd.DataFrame | None] = {
        "gaps": assessed.gaps,
        "by_partner": assessed.by_partner,
        "by_kind": assessed.by_kind,
        "duplication": assessed.duplication,
        "complementarity": assessed.complementarity,
        "by_area": assessed.by_area,
        "by_period": assessed.by_period,
        "service": None if assessed.service is None else assessed.service.sites,
    }
    return {name: table for name, table in tables.items() if table is not None}


def _separation(world: World, distance_km: float) -> gpd.GeoDataFrame:
    """Civilian sites that are active, and how near the enforcement ones are."""
    active = coverage.reach(world.layers["interventions"], as_of=world.as_of).index
    sites = world.layers["interventions"].loc[active]
    side = coverage.sides(sites)
    return coverage.separation(
        sites[side == "civilian"], sites[side == "security"], distance_km=distance_km
    )


def _of_year(demand: gpd.GeoDataFrame, year: int | None, as_of: date | None) -> gpd.GeoDataFrame:
    """Keep one survey year: the one asked for, else the last known at the cut-off."""
    if "year" not in demand or demand["year"].isna().all():
        return demand
    if year is None:
        known = demand["year"].dropna()
        year = int(known[known <= as_of.year].max() if as_of else known.max())
    return demand[(demand["year"] == year).fillna(value=False).astype(bool)]


def choose_sites(spec: asked.Siting, world: World, results: Results) -> Result:
    """Sites to open in order of what each adds, and the demand with who serves it."""
    demand, weight = _need(spec, world, results)
    candidates = find(spec.candidates, ("places", "layer"), world, results)
    found = coverage.locate(
        demand,
        candidates,
        objective=spec.objective,
        p=spec.p,
        budget=spec.budget,
        threshold=spec.threshold_km,
        weight=weight,
        site_cost=spec.site_cost,
        time_limit_s=spec.time_limit_s,
        gap=spec.gap,
    )
    gain = found.marginal_gain
    sites = found.sites.reset_index(drop=True)
    told = [name for name in gain.columns if name not in sites.columns]
    sites = sites.join(gain[told].reset_index(drop=True))
    return Result(spec.name, spec.kind, sites, {"demand": found.demand}, whole=found)


def _need(spec: asked.Siting, world: World, results: Results) -> tuple[gpd.GeoDataFrame, Any]:
    """Return what is to be served (areas spread over cells if asked), and its weight."""
    demand, weight = find(spec.demand, _DEMAND, world, results), spec.weight
    if spec.of == "gaps":
        whole = results.done[spec.demand].whole if spec.demand in results.done else None
        if not isinstance(whole, coverage.Coverage):
            raise ParameterError(
                f'{spec.name}: `of = "gaps"` needs a coverage, and {spec.demand} is none'
            )
        demand, weight = whole.gaps, "gap_weight"
    else:
        demand = _of_year(demand, None, world.as_of)
    demand = demand[demand.geometry.notna()]
    if spec.cell_km is None or not len(demand):
        return demand, weight
    amount = demand[weight].to_numpy() if weight else demand.to_crs("EPSG:6933").area / 1e4
    spread = gpd.GeoDataFrame(
        {"area_ha": np.asarray(amount, dtype=np.float64)},
        geometry=demand.geometry.to_numpy(),
        crs=demand.crs,
    )
    cells = cultivation.density_grid(spread, cell_km=spec.cell_km, to="frame")
    return cells[cells["area_ha"] > 0], "area_ha"


def change_of_cultivation(spec: asked.CultivationChange, world: World, results: Results) -> Result:
    """Hectares gained and lost by area, with the areas' own geometry."""
    survey = world.layers["cultivation"]
    before, after = (survey[survey["year"] == year] for year in (spec.before, spec.after))
    table = cultivation.change(before, after, crop=spec.crop)
    shapes = survey.loc[survey["year"] == spec.after, ["admin_code", "geometry"]]
    shapes = shapes.drop_duplicates("admin_code").set_index("admin_code").geometry
    if "admin_code" not in table:
        table = table.reset_index()
    geometry = shapes.reindex(table["admin_code"]).to_numpy()
    frame = gpd.GeoDataFrame(table, geometry=geometry, crs=survey.crs)
    return Result(spec.name, spec.kind, frame)


def compare_two_periods(spec: asked.ComparePeriods, world: World, results: Results) -> Result:
    """Change from one period to another in each area, with intervals."""
    frame = evaluation.compare_periods(
        world.layers[spec.layer],
        before=spec.before,
        after=spec.after,
        by=world.places[spec.by_area],
        value=spec.value,
    )
    return Result(spec.name, spec.kind, frame)
