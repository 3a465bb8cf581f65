"""The columns that judged segments of a border carry."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, FloatArray
from geocn.hotspots.border_bayes import neighbour_pattern
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.border_methods import BorderBayes, Judgement, Settings, Study
from geocn.hotspots.empirical_bayes import rate_columns, shrunken_rates

#: Columns that not every method fills.
OPTIONAL = (
    *("scan_llr", "cluster_support", "relative_risk_smoothed"),
    *("exceedance_probability", "fraction_missing"),
)
#: Columns that are added to the segments, in their order.
ADDED = (
    *("n_crossings", "n_routes", "n_seizures", "n_imprecise", "flow", "observed"),
    *("imprecise_share", "exposure", "expected", "rate", "rate_eb", "relative_risk"),
    *("p_value", "p_adjusted", "significant", "hotspot_class", "share_direction_ab", "rank"),
    *("cluster_id", "emerging_class", *OPTIONAL),
    *("n_between_posts", "share_between_posts", "n_posts"),
)


def back(values: AnyArray, study: Study) -> AnyArray:
    """From the order along the borders to the rows of the frame."""
    rows = np.empty_like(values)
    rows[study.chains.order] = values
    return rows


def texts(names: AnyArray, study: Study, result: gpd.GeoDataFrame) -> pd.Series:
    """Texts in the rows of the frame; None is null."""
    return pd.Series(back(names, study), index=result.index, dtype="str")


def rates(result: gpd.GeoDataFrame, study: Study, settings: Settings) -> dict[str, AnyArray]:
    """Exposure, and the evidence measured against it."""
    exposed = back(study.exposed, study)
    observed, unit = result["observed"].to_numpy(), study.pieces_a_count
    near = None
    if isinstance(settings, BorderBayes) and settings.neighbours_km is not None:
        near = neighbour_pattern(study, settings.neighbours_km)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(exposed > 0, observed.sum() * exposed / exposed.sum(), np.nan)
    shrunk = shrunken_rates(study.effective.mean(axis=0), study.exposed, weights=near)
    return rate_columns(observed, exposed, expected=expected, rate_eb=unit * back(shrunk, study))


def judgement(
    result: gpd.GeoDataFrame, study: Study, judged: Judgement
) -> dict[str, AnyArray | pd.Series]:
    """Tell what the method found, with classes and clusters, in the rows of the frame."""
    with np.errstate(invalid="ignore"):
        found = judged.p_adjusted <= study.alpha
    state = np.where(found, judged.sign, 0)
    names = np.select(
        [np.isnan(judged.p_value), state > 0, state < 0],
        ["no_exposure", "hot", "cold"],
        default="not_significant",
    )
    nothing = np.full(len(state), np.nan)
    cluster = judged.cluster
    if cluster is None:
        cluster = _runs(state, judged.p_value, study.chains)
    numbers = pd.Series(back(cluster, study) + 1, index=result.index, dtype="Int64")
    columns: dict[str, AnyArray | pd.Series] = {
        "p_value": back(judged.p_value, study),
        "p_adjusted": back(judged.p_adjusted, study),
        "significant": back(found, study),
        "hotspot_class": texts(names.astype(object), study, result),
        "cluster_id": numbers.where(numbers > 0),
    }
    return columns | {name: back(judged.columns.get(name, nothing), study) for name in OPTIONAL}


def _runs(state: AnyArray, p_value: FloatArray, chains: Chains) -> AnyArray:
    """Give runs of hot, or of cold, segments numbers by their smallest p-value; -1 elsewhere."""
    fresh = np.ones(len(state), dtype=bool)
    fresh[1:] = (np.diff(state) != 0) | (np.diff(chains.chain) != 0)
    run = np.cumsum(fresh) - 1
    members = np.flatnonzero(state != 0)
    least = np.full(len(state), np.inf)
    np.minimum.at(least, run[members], p_value[members])
    number = np.full(len(state), -1, dtype=np.int64)
    order = np.argsort(least, kind="stable")[: np.unique(run[members]).size]
    number[order] = np.arange(len(order))
    return np.where(state != 0, number[run], -1) if len(state) else number


def rank(result: gpd.GeoDataFrame) -> pd.Series:
    """Place of hot segments by p-value, then by relative risk; null elsewhere."""
    hot = np.flatnonzero((result["hotspot_class"] == "hot").to_numpy())
    p, risk = result["p_value"].to_numpy()[hot], result["relative_risk"].to_numpy()[hot]
    place = np.full(len(result), np.nan)
    place[hot[np.lexsort((-risk, p))]] = np.arange(1, len(hot) + 1)
    return pd.Series(place, index=result.index).astype("Int64")
