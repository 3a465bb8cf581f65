"""Results cleared for a release: small counts, dominance, and differences from earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray
from geocn.sharing.applying import Account, places_of
from geocn.sharing.profile import ReleaseProfile
from geocn.sharing.rules import Dominance
from geocn.sharing.suppression import dominated, guard
from geocn.spatial.crs import has_geometry

# Numbers of cells, neighbours and organisations say nothing about single events.
_NO_COUNTS = frozenset(
    {"n_neighbours", "n_cells", "n_posts", "n_tests", "n_partners", "n_sources", "n_periods"}
)
# Of the events of a row, those with some property: held back alone, not with their row.
_SUBSETS = {"n_imprecise": ("imprecise_share",), "n_presence_only": ()}
#: What a row is, as against what was computed of it: stays where the rest is held back.
IDENTITY = frozenset(
    {
        *("geometry", "cell_id", "segment_id", "field_id", "intervention_id", "cluster_id"),
        *("code", "name", "country", "admin", "admin_code", "period", "year", "crop"),
        *("dyad", "kind", "disputed", "chainage_from_km", "chainage_to_km", "scale"),
        *("left", "right", "length_km", "partner", "partner_type", "side", "marking"),
        *("classification", "origin", "destination", "tolerance", "n_neighbours", "n_cells"),
        *("n_posts", "suppressed", "derived"),
    }
)
# These draw on neighbours or on the whole: with one cell unknown they would tell of it.
_OF_NEIGHBOURS = (
    *("gi_z", "p_value", "p_adjusted", "fraction_missing", "local_i", "spatial_lag"),
    *("scan_llr", "cluster_support", "rate_eb", "relative_risk_smoothed"),
    *("exceedance_probability", "expected"),
)
_PERIODS = " periods"


@dataclass(frozen=True)
class Contribution:
    """The rows whose sum a result tells, for the dominance rule.

    Attributes
    ----------
    rows : GeoDataFrame
        Each row a contributor, with its place.
    value : str
        Column that is summed.
    """

    rows: gpd.GeoDataFrame
    value: str


@dataclass(frozen=True)
class Cleared:
    """Results that may leave.

    Attributes
    ----------
    results : dict of str to DataFrame
        As given, null where held back; ``suppressed`` says in which rows, without saying
        which were small and which guard them.
    report : DataFrame
        ``layer`` (the result), ``rule, rows, cells, columns``. For the releasing side only.
    """

    results: dict[str, pd.DataFrame]
    report: pd.DataFrame


def clear(
    results: Mapping[str, pd.DataFrame],
    profile: ReleaseProfile,
    *,
    contributions: Mapping[str, Contribution] | None = None,
    earlier: Sequence[Mapping[str, pd.DataFrame]] = (),
    held: Mapping[str, BoolArray] | None = None,
) -> Cleared:
    """Hold back of results what would tell of few events, or of one contributor.

    A row with a count (a column ``n_…``) from 1 to below ``profile.min_count`` keeps only
    what it is: its place and names. So do rows whose sum few contributors make up, and rows
    whose count differs from an earlier release's by fewer than ``min_count``. Further rows
    follow, the smallest first, until no count can be found by subtracting from the total of
    its column; of results by period (a column ``period``), from the totals of rows and
    periods. Where a row is held back, statistics of neighbours go from the whole result.

    Parameters
    ----------
    results : mapping of str to DataFrame
        By name; "X periods" is taken for the periods of "X".
    profile : ReleaseProfile
        Its ``min_count`` and ``dominance`` hold; without them nothing changes.
    contributions : mapping of str to Contribution, optional
        Of results that tell a sum, the rows it was made of.
    earlier : sequence of mapping of str to DataFrame, optional
        Results of earlier releases to the same partner, as they were released.
    held : mapping of str to array of bool, optional
        Rows to hold back in any case where ``min_count`` is set, by the name of the result:
        such as those that another result of the same release holds back.

    Returns
    -------
    Cleared

    Example
    -------
    >>> cells = pd.DataFrame({"cell_id": ["a", "b", "c"], "n_events": [1, 4, 9]})
    >>> profile = ReleaseProfile(partner="all", max_marking="TLP:CLEAR", min_count=3)
    >>> clear({"cells": cells}, profile).results["cells"]["n_events"].fillna(0).tolist()
    [0, 0, 9]
    """
    account = Account()
    given = contributions or {}
    cleared: dict[str, pd.DataFrame] = {}
    margins: dict[str, set[Any]] = {}
    # By period first: what their margins hold back is held back in the whole as well.
    for name in sorted(results, key=lambda one: (not one.endswith(_PERIODS), one)):
        frame = results[name]
        counts = _counts(frame)
        if (profile.min_count is None or not counts) and name not in given:
            cleared[name] = frame
            continue
        before = [one[name] for one in earlier if name in one]
        hidden = _first(
            name,
            frame,
            counts,
            profile=profile,
            sums=given.get(name),
            before=before,
            account=account,
        )
        hidden |= np.array([key in margins.get(name, ()) for key in _keys(frame)], dtype=bool)
        if profile.min_count is not None:
            if held is not None and name in held:
                hidden |= held[name]
            n_first = int(hidden.sum())
            hidden, also = _guarded(frame, counts, hidden, profile.min_count)
            margins.setdefault(name.removesuffix(_PERIODS), set()).update(also)
            n_more = int(hidden.sum()) - n_first
            account.add(name, "complementary suppression", rows=n_more, cells=n_more)
        cleared[name] = _without(
            name, frame, counts, hidden=hidden, profile=profile, account=account
        )
    return Cleared({name: cleared[name] for name in results}, account.frame())


def _counts(frame: pd.DataFrame) -> list[str]:
    return [
        str(name)
        for name in frame.columns
        if str(name).startswith("n_")
        and name not in _NO_COUNTS
        and name not in _SUBSETS
        and pd.api.types.is_numeric_dtype(frame[name])
    ]


def _numbers(values: pd.Series) -> FloatArray:
    numbers: FloatArray = np.nan_to_num(values.to_numpy(dtype=float, na_value=np.nan))
    return numbers


def _small(values: pd.Series, least: float) -> BoolArray:
    numbers = _numbers(values)
    small: BoolArray = (numbers > 0) & (numbers < least)
    return small


def _first(
    name: str,
    frame: pd.DataFrame,
    counts: list[str],
    *,
    profile: ReleaseProfile,
    sums: Contribution | None,
    before: Sequence[pd.DataFrame],
    account: Account,
) -> BoolArray:
    """Say which rows the rules themselves hold back."""
    hidden = np.zeros(len(frame), dtype=bool)
    if profile.min_count is not None:
        for column in counts:
            hidden |= _small(frame[column], profile.min_count)
        account.add(name, "min_count", rows=int(hidden.sum()), cells=int(hidden.sum()))
        for other in before:
            found = _differing(frame, other, counts, profile.min_count)
            account.add(name, "differencing", rows=int(found.sum()), cells=int(found.sum()))
            hidden |= found
    if profile.dominance is not None and sums is not None:
        found = _dominated(frame, sums, profile.dominance)
        account.add(name, "dominance", rows=int(found.sum()), cells=int(found.sum()))
        hidden |= found
    return hidden


def _keys(frame: pd.DataFrame) -> list[Any]:
    """Return what each row is, apart from its period, alike in any order of the rows."""
    if isinstance(frame, gpd.GeoDataFrame) and has_geometry(frame).all():
        return list(places_of(frame))
    named = [
        column
        for column in frame.columns
        if column in IDENTITY
        and column not in ("period", "suppressed", "geometry")
        and not pd.api.types.is_float_dtype(frame[column])
    ]
    return [tuple(map(str, row)) for row in frame[named].itertuples(index=False, name=None)]


def _with_period(frame: pd.DataFrame) -> list[Any]:
    if "period" not in frame:
        return _keys(frame)
    return list(zip(_keys(frame), frame["period"].astype("str"), strict=True))


def _differing(
    frame: pd.DataFrame, other: pd.DataFrame, counts: Sequence[str], least: float
) -> BoolArray:
    """Say which rows differ from those of an earlier release by few, but not by none."""
    hidden = np.zeros(len(frame), dtype=bool)
    then = {key: row for row, key in enumerate(_with_period(other))}
    at = np.array([then.get(key, -1) for key in _with_period(frame)], dtype=np.int64)
    for column in counts:
        if column not in other or not len(other):
            continue
        told = other[column].to_numpy(dtype=float, na_value=np.nan)[at]
        change = np.abs(_numbers(frame[column]) - told)
        with np.errstate(invalid="ignore"):
            hidden |= (at >= 0) & (change > 0) & (change < least)
    return hidden


def _dominated(frame: pd.DataFrame, sums: Contribution, rule: Dominance) -> BoolArray:
    hidden = np.zeros(len(frame), dtype=bool)
    if not isinstance(frame, gpd.GeoDataFrame) or not len(frame):
        return hidden
    rows = sums.rows[has_geometry(sums.rows)].to_crs(frame.crs)
    tree = shapely.STRtree(rows.geometry.to_numpy())
    cell, row = tree.query(frame.geometry.to_numpy(), predicate="intersects")
    amounts = _numbers(rows[sums.value])[row]
    found = dominated(amounts, cell, n=rule.n, percent=rule.percent)
    hidden[[int(one) for one, yes in found.items() if yes]] = True
    # A sum without a contributor in its cell comes from places known roughly: nobody can say.
    for column in (sums.value, f"total_{sums.value}"):
        if column in frame:
            unknown = ~np.isin(np.arange(len(frame)), list(found))
            hidden |= unknown & (_numbers(frame[column]) > 0)
    return hidden


def _guarded(
    frame: pd.DataFrame, counts: Sequence[str], first: BoolArray, least: float
) -> tuple[BoolArray, set[Any]]:
    """Hold back further rows until no count follows; also tell whose total must go."""
    hidden = first.copy()
    margins: set[Any] = set()
    by_period = "period" in frame
    row, column_at = np.arange(len(frame)), np.zeros(len(frame), dtype=np.int64)
    named: list[Any] = []
    if by_period:
        row, keys = pd.factorize(pd.Series(_keys(frame), dtype=object))
        column_at, _ = pd.factorize(frame["period"].astype("str"))
        named = list(keys)
    shape = (int(row.max(initial=-1)) + 2, int(column_at.max(initial=0)) + 2)
    while True:
        before = int(hidden.sum())
        for column in counts:
            whole, mask = np.zeros(shape), np.zeros(shape, dtype=bool)
            np.add.at(whole, (row, column_at), _numbers(frame[column]))
            mask[row, column_at] = hidden
            whole[:-1, -1] = whole[:-1, :-1].sum(axis=1)
            whole[-1] = whole[:-1].sum(axis=0)
            held = guard(whole, mask, min_count=least)
            hidden |= held[row, column_at]
            if by_period:
                margins |= {named[one] for one in np.flatnonzero(held[:-1, -1]).tolist()}
        if int(hidden.sum()) == before:
            return hidden, margins


def _without(
    name: str,
    frame: pd.DataFrame,
    counts: Sequence[str],
    *,
    hidden: BoolArray,
    profile: ReleaseProfile,
    account: Account,
) -> pd.DataFrame:
    result = frame.copy()
    result.attrs = dict(frame.attrs)
    computed = [column for column in frame.columns if column not in IDENTITY]
    for column in computed:
        result[column] = _blanked(result[column], hidden)
    for column, shares in _SUBSETS.items():
        if column in frame and profile.min_count is not None:
            few = _small(frame[column], profile.min_count)
            for one in (column, *(share for share in shares if share in frame)):
                result[one] = _blanked(result[one], few)
    drawn = [column for column in _OF_NEIGHBOURS if column in frame]
    if hidden.any() and drawn and counts:
        for column in drawn:
            result[column] = _blanked(result[column], np.ones(len(frame), dtype=bool))
        account.add(name, "statistics of neighbours", rows=len(frame), columns=len(drawn))
    result["suppressed"] = hidden
    return result


def _blanked(values: pd.Series, rows: BoolArray) -> pd.Series:
    """Null ``rows``, keeping whole numbers and flags what they are."""
    if not rows.any():
        return values
    wider: Any = None
    if values.dtype == bool:
        wider = "boolean"
    elif isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        wider = "Int64"
    widened = values if wider is None else values.astype(wider)
    blank: pd.Series = widened.mask(rows)
    return blank
