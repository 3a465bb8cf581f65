"""Runs of border segments with more evidence, or less, than their exposure explains."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from geocn._kernels.border_windows import scatter
from geocn._kernels.interval_scan import interval_maxima, poisson_ratio
from geocn._typing import FloatArray, IntArray
from geocn.hotspots.border_methods import BorderScan, Judgement, Study
from geocn.hotspots.gumbel import gumbel_p, rank_p
from geocn.hotspots.interval_scan import scan_intervals

_TOGETHER = 333
# Clusters less unusual than all of so many replicates are no clusters.
_FIRST = 99
# Weights are brought to whole numbers up to this, so that totals stay countable.
_GREATEST = 20


def by_scan(study: Study, settings: BorderScan) -> Judgement:
    """Scan all runs; a segment has the p-value of the cluster that holds it, or 1.

    Where evidence is imprecise its mean over the imputations is scanned, which is smoother
    than what the replicates hold: p-values are no smaller than they should be.
    """
    found = scan_intervals(
        study.effective.mean(axis=0),
        study.share,
        study.chains.chain,
        max_share=settings.max_share,
        max_segments=settings.max_segments,
        permutations=min(settings.permutations, _FIRST),
        seed=study.seed,
        look_for=settings.look_for,
    )
    whole = whole_weights(study.weights)
    maxima = found.maxima
    if study.counts.any():
        maxima = maxima_of(study, whole, settings)
    n = len(study.exposed)
    p_value, sign, cluster = np.ones(n), np.zeros(n), np.full(n, -1, dtype=np.int64)
    support = np.full(n, np.nan)
    ratio = found.clusters["log_likelihood_ratio"].to_numpy()
    told = {"p_value": rank_p(ratio, maxima), "p_value_gumbel": gumbel_p(ratio, maxima)}
    clusters = found.clusters.assign(**told)
    places = clusters[["start", "stop"]].to_numpy()
    high = (clusters["direction"] == "high").to_numpy()
    for number, p in enumerate(clusters["p_value"].to_numpy()):
        inside = slice(*places[number])
        p_value[inside] = p
        sign[inside] = 1 if high[number] else -1
        if p <= study.alpha:
            cluster[inside] = number
            support[inside] = _support(study, inside, high[number], maxima)
    p_value[study.exposed <= 0] = np.nan
    return Judgement(
        p_value,
        p_value,
        sign,
        {"scan_llr": found.log_likelihood_ratio, "cluster_support": support},
        {
            "p_adjusted": "p_value, which holds for all segments together",
            "permutations": settings.permutations,
            "whole_weights": whole.tolist(),
            "clusters": _listed(clusters, study),
        },
        cluster,
    )


def whole_weights(weights: FloatArray) -> IntArray:
    """Whole numbers up to 20 in nearly the ratio of one or two weights.

    Examples
    --------
    >>> whole_weights(np.array([1.0, 0.25])).tolist()
    [4, 1]
    """
    low, high = min(weights.tolist()), max(weights.tolist())
    ratio = max(Fraction(low / high).limit_denominator(_GREATEST), Fraction(1, _GREATEST))
    pair = [ratio.denominator, ratio.numerator]
    return np.array(pair if weights[0] == high else pair[::-1], dtype=np.int64)[: len(weights)]


def maxima_of(study: Study, whole: IntArray, settings: BorderScan) -> FloatArray:
    """Greatest ratio of replicates in which each kind keeps its own total and weight."""
    totals = np.rint(study.counts.mean(axis=1).sum(axis=1)).astype(np.int64)
    weighted = int(whole @ totals)
    # Of effective counts, as in the data.
    unit = float(whole**2 @ totals) / weighted
    n = len(study.share)
    until = np.append(0.0, np.cumsum(study.share))
    fall = until[1:].copy()
    fall[np.flatnonzero(study.share > 0)[-1] :] = 1.0
    guide = np.searchsorted(fall, np.arange(n) / n, side="right").astype(np.int64)
    found = []
    for number, begin in enumerate(range(0, settings.permutations, _TOGETHER)):
        rng = np.random.default_rng([study.seed, 2, number])
        drawn = np.zeros((min(_TOGETHER, settings.permutations - begin), n), dtype=np.int32)
        for row in range(len(drawn)):
            for amount, total in zip(whole, totals, strict=True):
                scatter(rng.random(total), fall, guide, amount, drawn[row])
        found.append(
            interval_maxima(
                drawn,
                until * weighted,
                study.chains.end,
                min(settings.max_segments, n),
                settings.max_share * weighted * (1 + 1e-9),
                settings.look_for != "low",
                settings.look_for != "high",
            )
        )
    maxima: FloatArray = np.concatenate(found) / unit
    return maxima


def _support(study: Study, inside: slice, high: bool, maxima: FloatArray) -> float:
    """Share of the imputations in which a run is a significant cluster by itself."""
    counts = study.effective
    held = counts[:, inside].sum(axis=1)
    expected = study.share[inside].sum() * counts.sum(axis=1)
    away = held > expected if high else held < expected
    ratio = [
        poisson_ratio(a, b, c) for a, b, c in zip(held, expected, counts.sum(axis=1), strict=True)
    ]
    return float((away & (rank_p(np.array(ratio), maxima) <= study.alpha)).mean())


def _listed(clusters: pd.DataFrame, study: Study) -> list[dict[str, object]]:
    """List significant clusters for the metadata, by falling ratio."""
    kept = clusters[clusters["p_value"] <= study.alpha]
    names = ["direction", "relative_risk", "log_likelihood_ratio", "p_value", "p_value_gumbel"]
    rows: list[dict[str, object]] = []
    for number, row in enumerate(kept[names].to_dict("records"), start=1):
        finite = {k: v if isinstance(v, str) or np.isfinite(v) else None for k, v in row.items()}
        rows.append({"cluster_id": number} | {str(k): v for k, v in finite.items()})
    return rows
