"""Segments of a border with more evidence than their exposure explains."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, FloatArray
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots.border_evidence import (
    flow_of,
    routes_of,
    segment_of,
    seizures_of,
    share_forward,
)
from geocn.hotspots.correction import CORRECTIONS, Correction, adjust
from geocn.hotspots.precision import Imprecise, check_imprecise
from geocn.hotspots.tails import binomial_p
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat

Evidence = Literal["crossings", "seizures", "both"]
_COUNTED = {
    "crossings": ["n_routes"],
    "seizures": ["n_seizures"],
    "both": ["n_routes", "n_seizures"],
}


def border_hotspots(
    crossings: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    *,
    seizures: gpd.GeoDataFrame | None = None,
    exposure: str | None = None,
    evidence: Evidence | None = None,
    weight: str = "weight_kg",
    reach_km: float = 10.0,
    imprecise: Imprecise = "spread",
    method: Literal["poisson"] = "poisson",
    alpha: float = 0.05,
    correction: Correction = "bh",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Test each border segment against the count its exposure leads to expect.

    With N pieces of evidence over all segments and exposures e, segment i is expected to
    hold :math:`E_i = N e_i / \sum e`. Independent Poisson counts of these means are, given
    N, multinomial, so the p-value is the exact two-sided binomial tail of
    :math:`\mathrm{Bin}(N, e_i / \sum e)`; no Monte Carlo noise. Pass the segments of the
    study area only: segments where nobody looked are not evidence of calm.

    A route is one piece of evidence in a segment however often it crosses there: its
    crossings are not independent, and counted one by one a single route that winds along
    the border would be a hotspot. Reports of one route by several partners should be
    merged before, for the same reason.

    Parameters
    ----------
    crossings : GeoDataFrame
        From one call of :func:`border_crossings`; counted in the segment of their dyad and
        chainage. Without its column ``route_row`` every crossing is a route of its own.
    segments : GeoDataFrame
        From :func:`border_segments`, at the same map scale as the crossings.
    seizures : GeoDataFrame, optional
        Each counts in the nearest segment within ``reach_km``, by geodesic distance.
    exposure : str, optional
        Column of the segments that the evidence should be proportional to: patrol hours,
        population, a prior intensity. By default the length in kilometres.
    evidence : {"crossings", "seizures", "both"}, optional
        What is counted and tested; "both" weighs a seizure like a route. By default
        "both" where seizures are given, else "crossings".
    weight : str
        Column of the crossings whose sum is ``flow``.
    reach_km : float
        How far from a segment a seizure may lie.
    imprecise : {"spread", "leave_out"}
        What to do with seizures whose ``location_precision_m`` exceeds the reach. Stacked
        on a centroid they would make a false hotspot: each is put at a uniform random place
        within its radius (by ``seed``), or left out; counted either way.
    method : {"poisson"}
        The test of one segment.
    alpha : float
        Level of significance after correction.
    correction : {"bh", "by", "bonferroni", "none"}
        See :func:`geocn.hotspots.correction.adjust`.
    seed : int
        Seed of the spreading.

    Returns
    -------
    GeoDataFrame
        The segments with ``n_crossings, n_routes`` (that cross there at least once),
        ``n_seizures, n_imprecise, flow, observed`` (routes, seizures or both), ``exposure,
        expected, rate`` (observed per unit of exposure), ``rate_eb`` (the same shrunk
        towards the overall rate), ``relative_risk, p_value, p_adjusted, significant,
        hotspot_class`` (hot, cold, not_significant, no_exposure), ``share_direction_ab``
        (share of crossings from the first country of the dyad to the second) and
        ``rank`` (1 is the most significant hot segment). ``attrs["geocn"]["left_out"]``
        counts crossings and seizures that stand in no segment, by reason.

    Raises
    ------
    SchemaError
        Where a needed column is missing.
    LayerError
        Where crossings and segments are of different map scales, exposure is negative, or
        evidence stands where there is no exposure.
    ParameterError
        Where an option is out of range.

    References
    ----------
    Przyborowski & Wilenski 1940, doi:10.1093/biomet/31.3-4.313;
    Marshall 1991 (empirical Bayes), doi:10.2307/2347593.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geocn.hotspots import border_crossings, border_segments
    >>> from geocn.spatial.borders import load_borders
    >>> borders = load_borders("110m")
    >>> borders = borders[borders["dyad"] == "COL-ECU"]
    >>> routes = [shapely.LineString([(-77.5 + i / 100, 1.2), (-78.5, 0.2)]) for i in range(9)]
    >>> found = border_crossings(gpd.GeoDataFrame(geometry=routes, crs=4326), borders)
    >>> hot = border_hotspots(found, border_segments(borders, length_km=50))
    >>> hot.loc[hot["significant"], "n_crossings"].tolist()
    [9]
    """
    evidence = evidence or ("crossings" if seizures is None else "both")
    _check_options(evidence, seizures, reach_km, method=method, alpha=alpha, correction=correction)
    check_imprecise(imprecise)
    _check_columns(crossings, segments, exposure)
    left_out: dict[str, int] = {}
    at = segment_of(crossings, segments)
    left_out["crossings_without_segment"] = int((at < 0).sum())
    result = to_lonlat(segments, "segments").copy()
    n = len(result)
    near, vague = seizures_of(
        seizures, result, reach_m=reach_km * 1000, imprecise=imprecise, seed=seed, left_out=left_out
    )
    numbers = {
        "n_crossings": np.bincount(at[at >= 0], minlength=n),
        "n_routes": routes_of(crossings, at, n),
        "n_seizures": np.bincount(near[near >= 0], minlength=n),
        "n_imprecise": np.bincount(near[(near >= 0) & vague], minlength=n),
        "flow": flow_of(crossings, weight, at, n),
    }
    counted = _COUNTED[evidence]
    numbers["observed"] = np.sum([numbers[name] for name in counted], axis=0)
    result = result.assign(**numbers)
    result = _judged(result, _exposure(result, exposure), alpha=alpha, correction=correction)
    result["share_direction_ab"] = share_forward(crossings, at, n)
    result["rank"] = _rank(result)
    return attach(
        result,
        "hotspots.border_hotspots",
        test=method,
        evidence=evidence,
        evidence_weights=dict.fromkeys(counted, 1),
        exposure=exposure or "length_km",
        weight=weight,
        reach_km=float(reach_km),
        imprecise=imprecise,
        alpha=alpha,
        correction=correction,
        seed=seed,
        n_tests=int(result["p_value"].notna().sum()),
        n_evidence=int(result["observed"].sum()),
        n_imprecise=int(result["n_imprecise"].sum()),
        scale=_scale(segments),
        crs="EPSG:4326",
        left_out=left_out,
    )


def _check_options(
    evidence: str,
    seizures: gpd.GeoDataFrame | None,
    reach_km: float,
    *,
    method: str,
    alpha: float,
    correction: str,
) -> None:
    faults = []
    if evidence not in _COUNTED:
        faults.append(f"evidence {evidence!r} is not one of {', '.join(_COUNTED)}")
    elif evidence != "crossings" and seizures is None:
        faults.append(f"evidence {evidence!r} needs seizures")
    if not (np.isfinite(reach_km) and reach_km > 0):
        faults.append(f"reach_km is {reach_km}, not positive")
    if method != "poisson":
        faults.append(f"method {method!r} is not 'poisson'")
    if not 0 < alpha < 1:
        faults.append(f"alpha is {alpha}, not between 0 and 1")
    if correction not in CORRECTIONS:
        faults.append(f"correction {correction!r} is not one of {', '.join(CORRECTIONS)}")
    if faults:
        raise ParameterError("; ".join(faults))


def _check_columns(
    crossings: gpd.GeoDataFrame, segments: gpd.GeoDataFrame, exposure: str | None
) -> None:
    need = ["dyad", "chainage_from_km", "chainage_to_km", "length_km"]
    need += [] if exposure is None else [exposure]
    for layer, frame, names, maker in (
        ("segments", segments, need, "border_segments"),
        ("crossings", crossings, ["dyad", "chainage_km", "from_country"], "border_crossings"),
    ):
        missing = [name for name in names if name not in frame]
        if missing:
            raise SchemaError(
                layer,
                found=f"no column {', '.join(missing)}",
                expected=f"a result of {maker}",
            )
    scales = [crossings.attrs.get("geocn", {}).get("scale"), _scale(segments)]
    if all(scales) and scales[0] != scales[1]:
        raise LayerError(
            "segments",
            found=f"crossings at scale {scales[0]} and segments at scale {scales[1]}",
            expected="one map scale: chainage differs between scales",
            repair="Pass the same borders to border_crossings and border_segments.",
        )


def _scale(segments: gpd.GeoDataFrame) -> str:
    scales = segments["scale"].dropna().unique().tolist() if "scale" in segments else []
    return "/".join(sorted(map(str, scales)))


def _exposure(segments: gpd.GeoDataFrame, exposure: str | None) -> FloatArray:
    values = segments[exposure or "length_km"].to_numpy(dtype=float, na_value=np.nan)
    wrong = (values < 0) | np.isinf(values)
    blind = ~(values > 0) & (segments["observed"].to_numpy() > 0)
    for bad, found in ((wrong, "negative or infinite"), (blind, "evidence in segments with no")):
        if bad.any():
            raise LayerError(
                "segments",
                found=f"{found} {exposure or 'length_km'}",
                expected="0 or more, and more than 0 where there is evidence",
                rows=segments["segment_id"][bad].tolist() if "segment_id" in segments else (),
            )
    return np.where(values > 0, values, 0.0)


def _judged(
    result: gpd.GeoDataFrame, exposed: FloatArray, *, alpha: float, correction: Correction
) -> gpd.GeoDataFrame:
    """Rates, p-values and classes of ``observed`` under what the exposure expects."""
    result = result.assign(**_tested(result["observed"].to_numpy(dtype=float), exposed))
    result["p_adjusted"] = adjust(result["p_value"], correction=correction)
    result["significant"] = result["p_adjusted"].to_numpy() <= alpha
    result["hotspot_class"] = _classes(result)
    return result


def _tested(observed: FloatArray, exposed: FloatArray) -> dict[str, AnyArray]:
    total, reach = observed.sum(), exposed.sum()
    some = exposed > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(some, exposed / reach, np.nan)
        expected = total * share
        rate = np.where(some, observed / exposed, np.nan)
        risk = np.where(expected > 0, observed / expected, np.nan)
    p = np.full(len(observed), np.nan)
    p[some] = binomial_p(observed[some], np.full(int(some.sum()), total), share[some])
    return {
        "exposure": exposed,
        "expected": expected,
        "rate": rate,
        "rate_eb": _shrunk(observed, exposed),
        "relative_risk": risk,
        "p_value": p,
    }


def _shrunk(observed: FloatArray, exposed: FloatArray) -> FloatArray:
    """Empirical-Bayes rates by the method of moments (Marshall 1991)."""
    some = exposed > 0
    shrunk = np.full(len(observed), np.nan)
    if not some.any():
        return shrunk
    y, e = observed[some], exposed[some]
    mean = y.sum() / e.sum()
    between = (e * (y / e - mean) ** 2).sum() / e.sum() - mean / e.mean()
    between = max(between, 0.0)
    within = mean / e
    keep = between / (between + within) if mean > 0 else np.zeros(len(y))
    shrunk[some] = mean + keep * (y / e - mean)
    return shrunk


def _classes(result: gpd.GeoDataFrame) -> pd.Series:
    more = (result["observed"] > result["expected"]).to_numpy()
    found = result["significant"].to_numpy()
    names = np.select(
        [result["p_value"].isna().to_numpy(), found & more, found],
        ["no_exposure", "hot", "cold"],
        default="not_significant",
    )
    return pd.Series(names, index=result.index, dtype="str")


def _rank(result: gpd.GeoDataFrame) -> pd.Series:
    hot = np.flatnonzero((result["hotspot_class"] == "hot").to_numpy())
    p, risk = result["p_value"].to_numpy()[hot], result["relative_risk"].to_numpy()[hot]
    rank = np.full(len(result), np.nan)
    rank[hot[np.lexsort((-risk, p))]] = np.arange(1, len(hot) + 1)
    return pd.Series(rank, index=result.index).astype("Int64")
