"""What partners do on the ground: soldiers and police, aid organisations and clinics."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn.scenario.geography import load_admin, load_coca, load_towns

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Programme:
    """One kind of work of one partner: where it takes place, how far it reaches."""

    kind: str
    partner: str
    partner_type: str
    where: str
    n: int
    reach_km: tuple[float, float]
    capacity: tuple[int, int]


_PROGRAMMES = (
    _Programme(
        "checkpoint", "Army Joint Task Force", "military", "crossings", 12, (8, 25), (40, 90)
    ),
    _Programme("patrol", "Navy Pacific Command", "military", "coast", 7, (40, 110), (60, 150)),
    _Programme("eradication", "Army Joint Task Force", "military", "coca", 8, (10, 30), (80, 200)),
    _Programme("checkpoint", "Border Police", "law_enforcement", "towns", 6, (5, 20), (20, 60)),
    _Programme(
        "alternative_livelihood", "Fundación Semillas", "ngo", "coca", 10, (10, 40), (150, 900)
    ),
    _Programme("treatment", "Clínica Abierta", "ngo", "towns", 8, (15, 50), (30, 400)),
    _Programme("prevention", "Youth Bridge", "ngo", "towns", 7, (5, 25), (100, 1500)),
    _Programme("harm_reduction", "Clínica Abierta", "ngo", "towns", 4, (5, 15), (50, 300)),
)


def place_interventions(
    crossings: pd.DataFrame, *, start: pd.Timestamp, n_months: int, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Place each partner's work where such work is done.

    Checkpoints stand where routes cross borders, patrols off ports, eradication and
    livelihoods in departments with coca, clinics in towns. One in eight NGO sites
    states no reach: presence only.

    Returns
    -------
    GeoDataFrame
        ``intervention_id, kind, partner, partner_type, status, starts_on, ends_on,
        reach_km, capacity, cost, country``, points in WGS 84.
    """
    end = start + pd.DateOffset(months=n_months)
    parts = []
    for programme in _PROGRAMMES:
        sites = _sites(programme, crossings, rng=rng)
        parts.append(_describe(programme, sites, period=(start, end), rng=rng))
    frame = pd.concat(parts, ignore_index=True)
    frame.insert(0, "intervention_id", [f"I{number:03d}" for number in range(len(frame))])
    points = gpd.points_from_xy(frame.pop("longitude"), frame.pop("latitude"), crs="EPSG:4326")
    return gpd.GeoDataFrame(frame, geometry=points)


def _sites(
    programme: _Programme, crossings: pd.DataFrame, *, rng: np.random.Generator
) -> pd.DataFrame:
    towns = load_towns()
    if programme.where == "crossings" and len(crossings):
        pool, spread = crossings[["longitude", "latitude"]], 0.05
    elif programme.where == "coast":
        pool, spread = (
            towns.loc[(towns["demand"] > 1) & (towns["airstrip"] == 0), ["longitude", "latitude"]],
            0.25,
        )
    elif programme.where == "coca":
        pool, spread = _coca_points(), 0.3
    else:
        weight = np.sqrt(towns["population_k"].to_numpy(float))
        picked = rng.choice(len(towns), programme.n, p=weight / weight.sum())
        return _spread(towns.iloc[picked][["longitude", "latitude"]], 0.04, rng=rng)
    picked = rng.choice(len(pool), programme.n, replace=len(pool) < programme.n)
    return _spread(pool.iloc[picked], spread, rng=rng)


def _coca_points() -> pd.DataFrame:
    coca = load_coca()
    largest = coca[coca["year"] == coca["year"].max()].nlargest(10, "area_ha")["code"]
    areas = load_admin().set_index("code").geometry[largest].representative_point()
    return pd.DataFrame({"longitude": areas.x.to_numpy(), "latitude": areas.y.to_numpy()})


def _spread(pool: pd.DataFrame, degrees: float, *, rng: np.random.Generator) -> pd.DataFrame:
    return (pool + rng.normal(0, degrees, pool.shape)).round(4).reset_index(drop=True)


def _describe(
    programme: _Programme,
    sites: pd.DataFrame,
    *,
    period: tuple[pd.Timestamp, pd.Timestamp],
    rng: np.random.Generator,
) -> pd.DataFrame:
    n, (start, end) = len(sites), period
    days = (end - start) // _DAY
    begins = start + pd.to_timedelta(rng.integers(-400, max(days // 2, 1), n), unit="D")
    lasts = pd.to_timedelta(rng.integers(180, 900, n), unit="D")
    ends = pd.Series(begins + lasts)
    open_ended = rng.random(n) < 0.4
    reach = rng.uniform(*programme.reach_km, n).round(0)
    if programme.partner_type == "ngo":
        reach = np.where(rng.random(n) < 1 / 8, np.nan, reach)
    ended = (ends < end) & ~open_ended
    return sites.assign(
        kind=programme.kind,
        partner=programme.partner,
        partner_type=programme.partner_type,
        status=np.where(ended, "ended", "active"),
        starts_on=begins,
        ends_on=ends.mask(open_ended),
        reach_km=reach,
        capacity=rng.integers(*programme.capacity, n).astype(float),
        cost=(rng.lognormal(11, 0.7, n)).round(-2),
    )
