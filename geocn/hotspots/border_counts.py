"""Evidence on border segments, counted in every imputation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import DateError
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.border_evidence import (
    Located,
    first_of_route,
    going_forward,
    locate_crossings,
    locate_seizures,
    mean_of,
    routes_by_segment,
)
from geocn.hotspots.calendar import FREQUENCIES, Step
from geocn.hotspots.values import numeric_column, refuse_rows

# A date centuries off would make a class of every century between.
_MOST_YEARS: Final = 100
_INSTANT: Final = "datetime64[us]"
_NOWHERE = Located(np.empty((1, 0), dtype=np.int64), np.empty(0, dtype=bool))


@dataclass(frozen=True, slots=True)
class Counted:
    """What lies on the segments, by row of the frame.

    Attributes
    ----------
    counts : dict of (m, n) integer arrays
        Pieces of evidence by kind and imputation.
    columns : dict
        Columns of the result.
    blind : (n,) boolean array
        Segments without exposure where precise evidence that counts lies.
    pieces : (row, when)
        Row of the segment and instant of each precise piece that counts.
    left_out : dict
    n_imprecise : int
    """

    counts: dict[str, IntArray]
    columns: dict[str, AnyArray]
    blind: BoolArray
    pieces: tuple[IntArray, pd.Series]
    left_out: dict[str, float]
    n_imprecise: int


def count_evidence(
    crossings: gpd.GeoDataFrame,
    seizures: gpd.GeoDataFrame | None,
    segments: gpd.GeoDataFrame,
    chains: Chains,
    exposed: FloatArray,
    *,
    weights: Mapping[str, float],
    weight: str,
    reach_km: float,
    imputations: int,
    places: gpd.GeoDataFrame | None,
    seed: int,
    step: Step | None,
) -> Counted:
    """Locate crossings and seizures, and count them; options as of :func:`border_hotspots`."""
    n, drawn = len(segments), {"imputations": imputations, "seed": seed}
    found = {"crossings": locate_crossings(crossings, segments, chains, **drawn)}
    found["seizures"] = (
        _NOWHERE
        if seizures is None
        else locate_seizures(seizures, segments, reach_m=reach_km * 1000, places=places, **drawn)
    )
    m = max(len(located.rows) for located in found.values())
    left_out = {k: v for located in found.values() for k, v in located.left_out.items()}
    n_imprecise = sum(int(located.imprecise.sum()) for located in found.values())
    blind = np.zeros(n, dtype=bool)
    for kind, located in found.items():
        sure = located.only(~located.imprecise).rows[0]
        blind[sure[sure >= 0]] |= weights.get(kind, 0) > 0
        found[kind] = _seen(located, exposed, left_out).imputed(m)
    crossed, seized = found["crossings"], found["seizures"]
    routes, vague_routes = routes_by_segment(crossings, crossed, n)
    caught = seized.sum_by_segment(n)
    vague_caught = seized.only(seized.imprecise).sum_by_segment(n)
    counts = {"crossings": routes, "seizures": caught}
    columns = _columns(crossings, crossed, weight, n)
    columns["n_routes"], columns["n_seizures"] = mean_of(routes), mean_of(caught)
    columns["n_imprecise"] = mean_of(vague_routes + vague_caught)
    columns["observed"] = _weighted(counts, weights)
    with np.errstate(invalid="ignore"):
        columns["imprecise_share"] = (
            _weighted({"crossings": vague_routes, "seizures": vague_caught}, weights)
            / columns["observed"]
        )
    used = {kind for kind, value in weights.items() if value > 0}
    pieces = _pieces((crossings, crossed), (seizures, seized), used, step)
    return Counted(counts, columns, blind & (exposed <= 0), pieces, left_out, n_imprecise)


def _seen(located: Located, exposed: FloatArray, left_out: dict[str, float]) -> Located:
    """Drop what imprecision puts where nobody looked."""
    if not located.imprecise.any() or not len(exposed):
        return located
    unseen = located.imprecise & (located.rows >= 0) & (exposed[located.rows] <= 0)
    name = "imprecise_without_exposure"
    left_out[name] = left_out.get(name, 0.0) + float(unseen.sum(axis=1).mean())
    return Located(np.where(unseen, -1, located.rows), located.imprecise, located.left_out)


def _weighted(counts: Mapping[str, AnyArray], weights: Mapping[str, float]) -> FloatArray:
    """Mean over imputations of the weighted sum."""
    total: FloatArray = sum(
        (weight * counts[kind].mean(axis=0) for kind, weight in weights.items()),
        start=np.zeros(counts["crossings"].shape[1]),
    )
    return total


def _columns(
    crossings: gpd.GeoDataFrame, crossed: Located, weight: str, n: int
) -> dict[str, AnyArray]:
    """Sum up the crossings: counts, flow, direction, between posts."""
    crossing = crossed.sum_by_segment(n)
    forward = crossed.only(going_forward(crossings)).sum_by_segment(n).mean(axis=0)
    flow = np.full((1, n), np.nan)
    if weight in crossings:
        amount = numeric_column(crossings, weight, analysis="crossings")
        refuse_rows(
            crossings,
            (amount < 0) | np.isinf(amount),
            analysis="crossings",
            found=f"negative or infinite {weight}",
            expected="amounts of 0 or more, or null",
        )
        flow = crossed.sum_by_segment(n, np.nan_to_num(amount))
    with np.errstate(invalid="ignore"):
        share = forward / crossing.mean(axis=0)
    columns = {"n_crossings": mean_of(crossing), "flow": flow.mean(axis=0)}
    columns["share_direction_ab"] = share
    between = np.full(n, np.nan)
    told = between
    if "between_posts" in crossings:
        said = crossings["between_posts"].astype("boolean")
        between = crossed.only(said.fillna(False).to_numpy(bool)).sum_by_segment(n).mean(axis=0)
        told = crossed.only(said.notna().to_numpy()).sum_by_segment(n).mean(axis=0)
    columns["n_between_posts"] = between
    with np.errstate(invalid="ignore"):
        columns["share_between_posts"] = between / told
    return columns


def _pieces(
    crossings: tuple[gpd.GeoDataFrame, Located],
    seizures: tuple[gpd.GeoDataFrame | None, Located],
    used: set[str],
    step: Step | None,
) -> tuple[IntArray, pd.Series]:
    """Rows and instants of precise pieces; a route counts once a segment, when it first came."""
    frame, crossed = crossings
    caught, seized = seizures
    rows, times = [np.empty(0, dtype=np.int64)], [pd.Series([], dtype=_INSTANT)]
    if "crossings" in used:
        row = np.where(crossed.imprecise, -1, crossed.rows[0])
        when = _instants(frame, "crossed_at", "crossings", step)
        first = first_of_route(frame, row, when)
        rows.append(row[first])
        times.append(when[first])
    if caught is not None and "seizures" in used:
        inside = ~seized.imprecise & (seized.rows[0] >= 0)
        rows.append(seized.rows[0][inside])
        times.append(_instants(caught[inside], "seized_at", "seizures", step))
    return np.concatenate(rows), pd.concat(times, ignore_index=True)


def _check_span(
    frame: gpd.GeoDataFrame, when: pd.Series, column: str, layer: str, step: Step | None
) -> None:
    """Refuse dates so far apart that most are slips of the pen, naming the furthest."""
    middle = when.median()
    if step is None or pd.isna(middle):
        return
    far = ((when - middle).abs() > pd.Timedelta(days=_MOST_YEARS * 365.25)).to_numpy(dtype=bool)
    if far.any():
        raise DateError(
            layer,
            found=f"{column} more than {_MOST_YEARS} years from the others",
            expected="one period of study",
            repair="Correct the dates, leave them null, or pass step=None.",
            rows=list(frame.index[far]),
        )


def _instants(frame: gpd.GeoDataFrame, column: str, layer: str, step: Step | None) -> pd.Series:
    """Instants in UTC without zone, null where the frame has none."""
    if column not in frame:
        return pd.Series(pd.NaT, index=range(len(frame)), dtype=_INSTANT)
    try:
        when = pd.to_datetime(frame[column], utc=True).dt.tz_localize(None).astype(_INSTANT)
    except (TypeError, ValueError) as error:
        raise DateError(
            layer, found=f"{column} that is no instant ({error})", expected="datetimes"
        ) from error
    _check_span(frame, when, column, layer, step)
    if "date_precision" in frame and step is not None:
        # Known to a month or year longer than the step: its first day is no news of when.
        lengths = list(FREQUENCIES)
        longer = lengths[lengths.index(step) + 1 :]
        when = when.mask(frame["date_precision"].isin(longer))
    in_order: pd.Series = when.reset_index(drop=True)
    return in_order
