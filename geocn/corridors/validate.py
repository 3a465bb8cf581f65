"""How far to trust a corridor: what it says of routes and seizures it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import FloatArray, IntArray
from geocn.corridors.friction_distance import cell_side_m
from geocn.corridors.validate_evidence import Evidence, evidence
from geocn.corridors.validate_ranks import (
    ItemScores,
    Ranks,
    bootstrap_means,
    boyce_index,
    delong_interval,
)
from geocn.corridors.validate_scores import Field, baseline_score, study_field
from geocn.errors import ParameterError
from geocn.provenance import KEY, attach, plain

Baseline = Literal["straight_line", "road_distance"]
_BASELINES = ("straight_line", "road_distance")
_WORDS = {"straight_line": "straight line", "road_distance": "distance to roads"}
_TENTHS = np.arange(11) / 10
_CURVE = np.arange(101) / 100


@dataclass(frozen=True)
class Validation:
    """What :func:`validate` found.

    Attributes
    ----------
    scores : DataFrame
        One row a method (``model`` first, then the baselines): ``auc`` with ``auc_low`` and
        ``auc_high``; ``captured_10pct`` and the like, each with ``_low`` and ``_high``;
        ``median_distance_m`` and ``p90_distance_m``; ``boyce``; and, for a baseline,
        ``lead_auc`` and ``lead_10pct`` (model less baseline) with intervals.
        ``attrs["geocn"]`` holds numbers of observations and options.
    curve : DataFrame
        ``method``, ``area_share`` and ``captured`` from 0 to 1 in steps of 0.01.
    """

    scores: pd.DataFrame
    curve: pd.DataFrame

    @property
    def record(self) -> dict[str, Any]:
        """Options and counts of the comparison."""
        return dict(self.scores.attrs[KEY])

    def captured(self, share: float, method: str = "model") -> float:
        """Share of the observations within the top ``share`` of the area.

        Raises
        ------
        ParameterError
            Where the method was not compared, or the share is not within 0 and 1.
        """
        if method not in self.scores.index or not 0 <= share <= 1:
            raise ParameterError(f"no curve of {method!r} at a share of {share!r}")
        mine = self.curve[self.curve["method"] == method]
        return float(np.interp(share, mine["area_share"], mine["captured"]))

    def legend_text(self, share: float = 0.10) -> str:
        """One line for the legend of a map, with what the baselines capture beside it."""
        record = self.record
        if not record["n_observed"]:
            return "not scored: no held-out observations"
        told = f"captures {_percent(self.captured(share))} of {record['n_observed']} held-out "
        told += f"{record['noun']} in {_percent(share)} of area"
        others = [name for name in self.scores.index if name != "model"]
        if not others:
            return f"{told} (no baseline)"
        beside = [f"{_WORDS[name]} {_percent(self.captured(share, name))}" for name in others]
        return f"{told} ({', '.join(beside)})"

    def summary(self) -> str:
        """Tell in a few lines what was found and what was not compared."""
        record = self.record
        lines = [
            f"{record['n_observed']} {record['noun']}, {record['n_imprecise']} of them imprecise"
        ]
        for name, row in self.scores.iterrows():
            lines.append(
                f"{_WORDS.get(str(name), name)}: AUC {row['auc']:.3f} "
                f"({row['auc_low']:.3f} to {row['auc_high']:.3f}), median distance "
                f"{row['median_distance_m']:.0f} m"
            )
        lines += [
            f"not compared with {_WORDS[name]}: {why}" for name, why in record["without"].items()
        ]
        if record["share_outside"] > 0:
            lines.append(f"{_percent(record['share_outside'])} lie where the model says nothing")
        return "\n".join([*lines, self.legend_text()])


def validate(
    modelled: xr.DataArray | gpd.GeoDataFrame,
    observed: gpd.GeoDataFrame,
    *,
    low_is_likely: bool = False,
    shares: Sequence[float] = (0.01, 0.05, 0.10, 0.20),
    baselines: Sequence[Baseline] = ("straight_line", "road_distance"),
    origins: gpd.GeoDataFrame | None = None,
    destinations: gpd.GeoDataFrame | None = None,
    roads: gpd.GeoDataFrame | None = None,
    study_area: gpd.GeoDataFrame | None = None,
    cell_m: float | None = None,
    interval: Literal["bootstrap", "delong"] = "bootstrap",
    confidence: float = 0.95,
    n_bootstrap: int = 999,
    seed: int = 0,
) -> Validation:
    r"""Score a surface or corridors against routes or seizures that were held out.

    Cells are searched from the likeliest down. An observation counts by the share of it
    (length of a route, chance that an imprecise event lies there) in the cells searched:

    .. math:: C(a) = \frac1n \sum_i w_i(\text{top } a \text{ of the area}), \qquad
              \mathrm{AUC} = \int_0^1 C(a)\, da

    AUC is then the chance that an observed place scores above a random one; 0.5 is no skill.

    Parameters
    ----------
    modelled : xarray.DataArray or GeoDataFrame
        A surface; or corridors as areas (the lower ``tolerance`` the likelier; without it,
        in or out) or as lines (the nearer the likelier).
    observed : GeoDataFrame
        Lines, points or areas that the model has not been fitted to. With
        ``location_precision_m`` each counts by its expected share over that disc.
    low_is_likely : bool
        Whether low values of a surface are the likely ones, as in accumulated cost.
    shares : sequence of float
        Shares of the area to report.
    baselines : sequence of {"straight_line", "road_distance"}
        Distance to geodesics from all origins to all destinations (without them: between
        the two ends of each observed route), and distance to ``roads``. What cannot be
        computed is left out and named in ``attrs["geocn"]["without"]``.
    origins, destinations : GeoDataFrame, optional
        Ends of the straight lines: points, or areas by their centres.
    roads : GeoDataFrame, optional
        Lines.
    study_area : GeoDataFrame, optional
        Areas within which cells are searched. By default the whole raster, or the extent of
        corridors and observations: a wider area raises every score.
    cell_m : float, optional
        Side of the cells where ``modelled`` is a frame; by default 1/200 of the extent.
    interval : {"bootstrap", "delong"}
        Interval of the AUC; all others are bootstrapped over whole observations.
    confidence : float
        Of the intervals.
    n_bootstrap : int
        Number of resamples.
    seed : int
        Seed of the resamples.

    Returns
    -------
    Validation
        ``scores``, ``curve``, ``summary()`` and ``legend_text()``. Distances are from the
        observation to the corridor: the areas or lines given, or the top tenth of a surface;
        for a baseline, to its top area of the same size; 0 inside.

    Raises
    ------
    ParameterError
        Where an option is out of range.
    RasterError, CRSError, CoordinateError, GeometryError, SchemaError
        Where a layer cannot be used, or holds no cell to search.

    Notes
    -----
    What lies outside the area searched, or where the surface has no value, is never captured
    and counts as AUC 0. Boyce index: Boyce et al. 2002
    (doi:10.1016/S0304-3800(02)00200-4); DeLong et al. 1988 (doi:10.2307/2531595).

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> axis = np.arange(10) * 1000.0
    >>> surface = xr.DataArray(np.eye(10)[::-1], {"y": axis, "x": axis}, ("y", "x"))
    >>> surface = surface.rio.write_crs("EPSG:32618")
    >>> seen = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0, 9000, 0], [9000, 0, 0]), crs=32618)
    >>> found = validate(surface, seen)
    >>> round(found.captured(0.1), 3)
    0.667
    """
    wanted = _checked(shares, baselines, interval, confidence, n_bootstrap)
    field = study_field(
        modelled, observed, low_is_likely=low_is_likely, study_area=study_area, cell_m=cell_m
    )
    found = evidence(observed, cell_m=cell_side_m(field.grid))
    methods, without = {"model": field.score}, {}
    for name in dict.fromkeys(baselines):
        score, why = baseline_score(
            name, field, observed, origins=origins, destinations=destinations, roads=roads
        )
        if score is None:
            without[name] = why
        else:
            methods[name] = score
    cells = field.cells(found.lon, found.lat)
    asked = {"n": n_bootstrap, "seed": seed, "confidence": confidence}
    scores, curve = _tables(field, methods, found, cells, wanted, asked, interval)
    attach(
        scores,
        "corridors.validate",
        low_is_likely=low_is_likely,
        shares=wanted,
        baselines=list(baselines),
        origins=origins is not None,
        destinations=destinations is not None,
        roads=roads is not None,
        study_area=study_area is not None,
        cell_m=cell_side_m(field.grid),
        interval=interval,
        confidence=confidence,
        n_bootstrap=n_bootstrap,
        seed=seed,
        crs=field.grid.crs,
        n_observed=found.n_items,
        n_imprecise=found.n_imprecise,
        noun="routes" if found.is_route else "events",
        left_out=found.left_out,
        without=without,
        area_km2=float(field.area[~np.isnan(field.score)].sum() / 1e6),
        corridor_area_share=field.corridor_share,
        share_outside=_outside(field, found, cells),
    )
    return Validation(scores, curve)


def with_score(corridors: Any, validation: Validation, *, share: float = 0.10) -> Any:
    """Put a score into the attributes of a corridor result, where a map's legend finds it.

    Parameters
    ----------
    corridors : GeoDataFrame, DataArray or Dataset
        Not changed.
    validation : Validation
        What :func:`validate` found for it.
    share : float
        Share of the area that the legend tells of.

    Returns
    -------
    GeoDataFrame, DataArray or Dataset
        A copy with ``attrs["geocn"]["validation"]``: the line for the legend, the scores by
        method, and what was not compared.

    Raises
    ------
    ParameterError
        Where ``share`` is not within 0 and 1.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely
    >>> way = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 0.1)], crs=4326)
    >>> seen = gpd.GeoDataFrame(geometry=[shapely.Point(0.5, 0.05), shapely.Point(1, 1)], crs=4326)
    >>> with_score(way, validate(way, seen)).attrs["geocn"]["validation"]["legend"]
    'captures 50 % of 2 held-out events in 10 % of area (no baseline)'
    """
    scored = corridors.copy()
    record = dict(scored.attrs.get(KEY, {}))
    record.pop("note", None)
    told = validation.record
    names = [name for name in map(str, validation.scores) if not name.startswith("lead_")]
    by_method = {
        method: {name: None if pd.isna(value) else value for name, value in row.items()}
        for method, row in validation.scores[names].to_dict("index").items()
    }
    record["validation"] = plain(
        {
            "legend": validation.legend_text(share),
            "scores": by_method,
            "n_observed": told["n_observed"],
            "without": told["without"],
        }
    )
    record["score"] = plain(by_method["model"]["auc"])
    scored.attrs = {**scored.attrs, KEY: record}
    return scored


def _checked(
    shares: Sequence[float],
    baselines: Sequence[str],
    interval: str,
    confidence: float,
    n_bootstrap: int,
) -> list[float]:
    faults = []
    wanted = sorted({float(share) for share in shares})
    if not wanted or not all(0 < share <= 1 for share in wanted):
        faults.append(f"shares are {list(shares)!r}; give shares of the area such as 0.05")
    if strange := [name for name in baselines if name not in _BASELINES]:
        faults.append(f"baselines {strange}; choose from {', '.join(_BASELINES)}")
    if interval not in ("bootstrap", "delong"):
        faults.append(f"interval is {interval!r}; choose 'bootstrap' or 'delong'")
    if not 0 < confidence < 1:
        faults.append(f"confidence is {confidence!r}; give a share such as 0.95")
    if n_bootstrap < 1:
        faults.append(f"n_bootstrap is {n_bootstrap!r}; give 1 or more")
    if faults:
        raise ParameterError("; ".join(faults))
    return wanted


def _tables(  # noqa: PLR0917
    field: Field,
    methods: dict[str, FloatArray],
    found: Evidence,
    cells: IntArray,
    shares: list[float],
    asked: dict[str, Any],
    interval: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    at = np.concatenate([shares, _TENTHS, _CURVE])
    rows, curves, model = {}, [], None
    for name, score in methods.items():
        ranks = Ranks.of(score, field.area)
        items = ItemScores.of(ranks, found, cells, at)
        corridor = field.corridor if name == "model" else ranks.top(field.corridor_share)
        model = model or items
        rows[name] = {
            **_row(items, shares, asked, interval),
            **_distances(field, corridor, found, cells),
            **_lead(model, items, shares, asked),
        }
        mean = items.captured.mean(axis=0) if found.n_items else np.full(len(at), np.nan)
        tenths = mean[len(shares) : len(shares) + len(_TENTHS)]
        rows[name]["boyce"] = boyce_index(tenths)
        captured = mean[len(shares) + len(_TENTHS) :]
        curves.append(pd.DataFrame({"method": name, "area_share": _CURVE, "captured": captured}))
    for name in ("lead_auc", *(f"lead_{_name(share)}" for share in shares)):
        for end in ("", "_low", "_high"):
            rows["model"][f"{name}{end}"] = np.nan
    scores = pd.DataFrame(rows).T.astype("float64").rename_axis("method")
    return scores, pd.concat(curves, ignore_index=True)


def _row(
    items: ItemScores, shares: list[float], asked: dict[str, Any], interval: str
) -> dict[str, float]:
    values = np.column_stack([items.auc, items.captured[:, : len(shares)]])
    low, high = bootstrap_means(values, **asked)
    if interval == "delong":
        low[0], high[0] = delong_interval(items.auc, confidence=asked["confidence"])
    return _named(("auc", *(f"captured_{_name(s)}" for s in shares)), values, low, high)


def _lead(
    model: ItemScores, items: ItemScores, shares: list[float], asked: dict[str, Any]
) -> dict[str, float]:
    values = np.column_stack(
        [model.auc - items.auc, (model.captured - items.captured)[:, : len(shares)]]
    )
    low, high = bootstrap_means(values, **asked)
    return _named(("lead_auc", *(f"lead_{_name(s)}" for s in shares)), values, low, high)


def _named(
    names: Sequence[str], values: FloatArray, low: FloatArray, high: FloatArray
) -> dict[str, float]:
    mean = values.mean(axis=0) if len(values) else np.full(len(names), np.nan)
    found: dict[str, float] = {}
    for i, name in enumerate(names):
        found |= {name: mean[i], f"{name}_low": low[i], f"{name}_high": high[i]}
    return found


def _distances(field: Field, corridor: Any, found: Evidence, cells: IntArray) -> dict[str, float]:
    """Median and 90 % quantile of the distance to the corridor, each observation weighing 1."""
    names = ("median_distance_m", "p90_distance_m")
    if not corridor.any() or not found.n_items:
        return dict.fromkeys(names, np.nan)
    places = field.places(np.flatnonzero(corridor))
    away = places.distance_m(found.lon, found.lat)
    away[(cells >= 0) & corridor[cells]] = 0.0
    order = np.argsort(away, kind="stable")
    reached = np.cumsum(found.weight[order]) / found.n_items
    at = np.searchsorted(reached, (0.5 - 1e-12, 0.9 - 1e-12))
    quantiles = away[order][np.minimum(at, len(away) - 1)]
    return dict(zip(names, quantiles.tolist(), strict=True))


def _outside(field: Field, found: Evidence, cells: IntArray) -> float:
    if not found.n_items:
        return 0.0
    unscored = (cells < 0) | np.isnan(field.score[cells])
    return float(found.weight[unscored].sum() / found.n_items)


def _name(share: float) -> str:
    return f"{100 * share:g}pct"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
