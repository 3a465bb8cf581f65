"""Segments of a border with more evidence than their exposure explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots.border_bayes import by_bayes
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.border_counts import Counted, count_evidence
from geocn.hotspots.border_emerging import Emerging, emerging_classes
from geocn.hotspots.border_methods import (
    BorderBayes,
    BorderScan,
    Judgement,
    Method,
    Settings,
    Study,
    by_windows,
    settings_of,
)
from geocn.hotspots.border_scan import by_scan
from geocn.hotspots.border_table import ADDED, judgement, rank, rates, texts
from geocn.hotspots.calendar import FREQUENCIES, Step
from geocn.hotspots.correction import Correction, level_faults
from geocn.hotspots.imputation import IMPUTATIONS
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat

KINDS = ("crossings", "seizures")


def border_hotspots(
    crossings: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    *,
    seizures: gpd.GeoDataFrame | None = None,
    exposure: str | None = None,
    method: Method | Settings = "scan",
    weights: Mapping[str, float] | None = None,
    weight: str = "weight_kg",
    reach_km: float = 10.0,
    imputations: int = IMPUTATIONS,
    places: gpd.GeoDataFrame | None = None,
    step: Step | None = "month",
    alpha: float = 0.05,
    correction: Correction = "bh",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Find segments of borders with more evidence, or less, than their exposure explains.

    With N pieces of evidence of a kind over all segments and exposures e, segment i is
    expected to hold :math:`N e_i / \sum e`. Under the null hypothesis each piece falls on a
    segment with the chance :math:`e_i / \sum e`, whatever its kind: counts of each kind,
    given their totals, are multinomial, and so the law of their weighted sum is known. Pass
    the segments of the study area only: segments where nobody looked are not evidence of
    calm.

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
    method : {"scan", "kernel", "empirical_bayes", "poisson"} or settings
        ``"scan"`` (:class:`BorderScan`): the runs of consecutive segments that are most
        unusual, their p-values by Monte Carlo for all runs together. ``"kernel"``
        (:class:`BorderKernel`): the evidence around each segment, weighted by a quartic
        kernel of the distance along the border, against the exact law of that sum.
        ``"empirical_bayes"`` (:class:`BorderBayes`): the chance that a rate drawn towards
        the others exceeds the overall one by a factor. ``"poisson"``: each segment alone,
        by the exact binomial law.
    weights : mapping, optional
        What a route (``"crossings"``) and a seizure (``"seizures"``) count; 0 leaves a
        kind out. By default 1 each.
    weight : str
        Column of the crossings whose sum is ``flow``.
    reach_km : float
        How far from a segment a seizure may lie.
    imputations : int
        In how many ways imprecise evidence is placed: seizures known less precisely than
        ``reach_km``, anywhere they may lie; crossings of routes whose
        ``location_precision_m`` exceeds the length of the segment, along the border. 0
        leaves it out, counted.
    places : GeoDataFrame, optional
        Areas by ``admin_code`` in which such seizures lie.
    step : {"month", "week", "quarter", "year"}, optional
        Periods for ``emerging_class``, from ``crossed_at`` and ``seized_at``. None for none.
    alpha : float
        Level of significance after correction.
    correction : {"bh", "by", "bonferroni", "none"}
        See :func:`geocn.hotspots.correction.adjust`; of "kernel" and "poisson", and of the
        periods. P-values of a scan hold for all segments together as they are; those of
        "empirical_bayes" are adjusted to the expected share of false discoveries.
    seed : int
        Seed of replicates and placements.

    Returns
    -------
    GeoDataFrame
        The segments with ``n_crossings, n_routes`` (that cross there at least once),
        ``n_seizures, n_imprecise, flow, observed`` (weighted), ``imprecise_share`` of it,
        ``exposure, expected, rate`` (observed per unit of exposure), ``rate_eb`` (the same
        drawn towards the overall rate), ``relative_risk, p_value, p_adjusted, significant,
        hotspot_class`` (hot, cold, not_significant, no_exposure), ``share_direction_ab``
        (share of crossings from the first country of the dyad to the second), ``rank``
        (1 is the most significant hot segment), ``cluster_id`` (neighbouring segments that
        are hot, or cold, together), ``emerging_class``, ``n_between_posts,
        share_between_posts`` (where crossings say so) and ``n_posts``. Counts are means
        over the imputations where there is imprecise evidence.

        Null where the method does not give them: ``scan_llr`` (greatest log likelihood
        ratio of the runs that hold the segment), ``cluster_support`` (share of the
        imputations in which its cluster is significant), ``relative_risk_smoothed``,
        ``exceedance_probability`` and ``fraction_missing`` (what imprecision adds to the
        variance). ``p_value`` of a scan is that of the cluster that holds the segment, 1
        outside; of "empirical_bayes" the posterior chance that the rate does not exceed
        (or fall below) the overall one by the factor.
        ``attrs["geocn"]["left_out"]`` counts crossings and seizures that stand in no
        segment, by reason; ``["emerging"]`` says what the classes rest on, or why there
        are none.

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
    Kulldorff 1997, doi:10.1080/03610929708831995; Przyborowski & Wilenski 1940,
    doi:10.1093/biomet/31.3-4.313; Marshall 1991, doi:10.2307/2347593; Newton et al. 2004,
    doi:10.1093/biostatistics/5.2.155; Rubin 1987, doi:10.1002/9780470316696.

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
    >>> hot.loc[hot["significant"] & (hot["hotspot_class"] == "hot"), "n_crossings"].tolist()
    [9]
    """
    name, settings = settings_of(method)
    counting = _weights(weights, seizures)
    _check_options(reach_km, imputations, step, alpha=alpha, correction=correction)
    _check_columns(crossings, segments, exposure)
    crossings, n_other = _of_land_borders(crossings)
    result = to_lonlat(segments, "segments").copy()
    chains, exposed = Chains.of(result), _exposure(result, exposure)
    options: dict[str, Any] = {
        "weights": counting,
        "weight": weight,
        "reach_km": float(reach_km),
        "imputations": imputations,
        "step": step,
        "seed": seed,
    }
    counted = count_evidence(crossings, seizures, result, chains, exposed, places=places, **options)
    _check_blind(result, counted.blind, exposure)
    tested: dict[str, Any] = {"alpha": alpha, "correction": correction}
    study = _study(counted, counting, chains, exposed, seed=seed, **tested)
    judged = _judge(study, settings)
    emerging = _emerging(counted, study, step)
    result = result.assign(**counted.columns)
    result = result.assign(**rates(result, study, settings))
    result = result.assign(**judgement(result, study, judged))
    result["rank"], result["emerging_class"] = rank(result), texts(emerging.names, study, result)
    if "n_posts" not in result:
        result["n_posts"] = pd.Series(pd.NA, result.index, dtype="Int64")
    return attach(
        result[_ordered(segments)],
        "hotspots.border_hotspots",
        test=name,
        settings=asdict(settings),
        exposure=exposure or "length_km",
        places=None if places is None else len(places),
        n_tests=int(result["p_value"].notna().sum()),
        n_evidence=float(result["observed"].sum()),
        n_imprecise=counted.n_imprecise,
        emerging=emerging.record,
        judged=judged.record,
        scale=_scale(segments),
        crs="EPSG:4326",
        left_out=counted.left_out | {"not_crossings": n_other},
        **options,
        **tested,
    )


def _of_land_borders(crossings: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """Leave out grazes, runs along a border and landfalls, and count them."""
    if "crossing_kind" not in crossings:
        return crossings, 0
    over = (crossings["crossing_kind"] == "land").to_numpy()
    return crossings[over], int((~over).sum())


def _weights(
    weights: Mapping[str, float] | None, seizures: gpd.GeoDataFrame | None
) -> dict[str, float]:
    given = dict(weights) if weights is not None else {}
    faults = [
        f"weights of {kind!r}; expected {' or '.join(KINDS)}" for kind in given if kind not in KINDS
    ]
    faults += [
        f"weight of {kind} is {value}, not 0 or more"
        for kind, value in given.items()
        if not (np.isfinite(value) and value >= 0)
    ]
    if given and not any(value > 0 for value in given.values()):
        faults.append("no kind of evidence has a weight above 0")
    if seizures is None and given.get("seizures", 0) > 0:
        faults.append("seizures have a weight but are not given")
    if faults:
        raise ParameterError("; ".join(faults))
    if weights is None:
        given = {"crossings": 1.0, "seizures": 0.0 if seizures is None else 1.0}
    return {kind: float(given.get(kind, 0.0)) for kind in KINDS}


def _check_options(
    reach_km: float, imputations: int, step: str | None, *, alpha: float, correction: str
) -> None:
    faults = []
    if not (np.isfinite(reach_km) and reach_km > 0):
        faults.append(f"reach_km is {reach_km}, not positive")
    if imputations < 0 or int(imputations) != imputations:
        faults.append(f"imputations is {imputations}, not a whole number of 0 or more")
    if step is not None and step not in FREQUENCIES:
        faults.append(f"step {step!r} is not one of {', '.join(FREQUENCIES)}")
    faults += level_faults(alpha, correction)
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
    _check_segments(segments)
    scales = [crossings.attrs.get("geocn", {}).get("scale"), _scale(segments)]
    if all(scales) and scales[0] != scales[1]:
        raise LayerError(
            "segments",
            found=f"crossings at scale {scales[0]} and segments at scale {scales[1]}",
            expected="one map scale: chainage differs between scales",
            repair="Pass the same borders to border_crossings and border_segments.",
        )


def _check_segments(segments: gpd.GeoDataFrame) -> None:
    """Refuse what is no line, and segments that hold the same stretch twice."""
    shapes = segments.geometry.to_numpy()
    other = ~shapely.is_missing(shapes) & (shapely.get_dimensions(shapes) != 1)
    along = pd.DataFrame(
        {
            "dyad": segments["dyad"].to_numpy(),
            "start": segments["chainage_from_km"].to_numpy(dtype=float),
            "end": segments["chainage_to_km"].to_numpy(dtype=float),
        }
    ).sort_values(["dyad", "start", "end"])
    same = (along["dyad"] == along["dyad"].shift()).to_numpy()
    # Chainages were summed in different orders: a metre of slack.
    twice = same & (along["start"] < along["end"].shift() - 1e-3).to_numpy()
    for rows, found in (
        (np.flatnonzero(other), "segments that are not lines"),
        (along.index[twice].to_numpy(), "segments that hold the same stretch twice"),
    ):
        if len(rows):
            raise LayerError(
                "segments",
                found=found,
                expected="a result of border_segments, each stretch once",
                repair="Drop these rows.",
                rows=list(segments.index[rows]),
            )


def _scale(segments: gpd.GeoDataFrame) -> str:
    scales = segments["scale"].dropna().unique().tolist() if "scale" in segments else []
    return "/".join(sorted(map(str, scales)))


def _exposure(segments: gpd.GeoDataFrame, exposure: str | None) -> FloatArray:
    values = segments[exposure or "length_km"].to_numpy(dtype=float, na_value=np.nan)
    _refuse(segments, (values < 0) | np.isinf(values), f"negative or infinite {exposure}")
    return np.where(values > 0, values, 0.0)


def _check_blind(segments: gpd.GeoDataFrame, blind: BoolArray, exposure: str | None) -> None:
    _refuse(segments, blind, f"evidence in segments with no {exposure or 'length_km'}")


def _refuse(segments: gpd.GeoDataFrame, bad: BoolArray, found: str) -> None:
    if bad.any():
        raise LayerError(
            "segments",
            found=found,
            expected="0 or more, and more than 0 where there is evidence",
            rows=segments["segment_id"][bad].tolist() if "segment_id" in segments else (),
        )


def _study(
    counted: Counted,
    weights: Mapping[str, float],
    chains: Chains,
    exposed: FloatArray,
    **options: Any,
) -> Study:
    """Evidence in the order along the borders; kinds of one weight are one kind."""
    used = [kind for kind in KINDS if weights[kind] > 0]
    counts = np.stack([counted.counts[kind] for kind in used])[:, :, chains.order]
    units = np.array([weights[kind] for kind in used])
    if len(set(units.tolist())) == 1:
        counts, units = counts.sum(axis=0)[None], units[:1]
    return Study(chains, counts.astype(np.int64), units, exposed[chains.order], **options)


def _judge(study: Study, settings: Settings) -> Judgement:
    if isinstance(settings, BorderScan):
        return by_scan(study, settings)
    if isinstance(settings, BorderBayes):
        return by_bayes(study, settings)
    return by_windows(study, settings)


def _emerging(counted: Counted, study: Study, step: Step | None) -> Emerging:
    row, when = counted.pieces
    place = np.empty(len(study.exposed), dtype=np.int64)
    place[study.chains.order] = np.arange(len(place))
    seen = study.exposed[place[row]] > 0
    return emerging_classes(
        place[row][seen],
        when[seen],
        study.exposed,
        study.chains.end,
        step=step,
        alpha=study.alpha,
        correction=study.correction,
    )


def _ordered(segments: gpd.GeoDataFrame) -> list[str]:
    return [*segments.columns, *(name for name in ADDED if name not in segments)]
