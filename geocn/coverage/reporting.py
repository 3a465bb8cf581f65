"""Whether a partner left or only stopped reporting: two snapshots of interventions."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import BoolArray, StrPath
from geocn.coverage.reach_dates import Day, find_active
from geocn.errors import ParameterError, SchemaError
from geocn.harmonise.organisations import resolve_organisations
from geocn.harmonise.organisations_aliases import alias_frame
from geocn.provenance import attach
from geocn.schema import layer_schema
from geocn.spatial.columns import read_instants
from geocn.spatial.crs import require_crs

_UNSTATED = "(not stated)"
_RESTING = ("planned", "suspended", "ended")
# What a partner changes when it updates a row.
_TEXTS = ("status", "kind")
_DATES = ("starts_on", "ends_on")
_NUMBERS = ("reach_km", "reach_minutes", "capacity", "cost")
_COUNTS = ("n_rows", "n_active", "n_sites")


def reporting_change(
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    *,
    keys: Sequence[str] = ("partner", "admin"),
    before_as_of: Day | None = None,
    as_of: Day | None = None,
    aliases: pd.DataFrame | StrPath | None = None,
) -> pd.DataFrame:
    """Hold the change in reporting beside the change in presence, by partner and area.

    Fewer rows do not mean that somebody left. Rows count as ended only where their status
    or their last day says so, and a partner that reports nothing any more "stopped
    reporting". With A active rows, of which D were due to end by ``as_of``, and E rows
    that are listed as ended or suspended, the drop A₀ − A₁ is explained as far as
    max(D₀, E₁ − E₀) reaches; the rest is ``n_unexplained``.

    Parameters
    ----------
    before, after : GeoDataFrame
        Interventions as two snapshots report them, each a whole list.
    keys : sequence of str
        Columns to compare by: the partner first, then areas or cells. Empty values are
        ``(not stated)``. ``partner`` is resolved over both snapshots together, so that
        another spelling is not another partner.
    before_as_of, as_of : date, optional
        Cut-offs of the two snapshots; what has ended by then is not present. Without
        them only ``status`` tells.
    aliases : DataFrame or path, optional
        Table of aliases that a person has confirmed.

    Returns
    -------
    DataFrame
        One row a combination of ``keys``, sorted, with ``change`` (``new``, ``grew``,
        ``unchanged``, ``ended``, ``reports less``, ``stopped reporting``); ``n_rows``,
        ``n_active`` and ``n_sites`` (distinct places of active rows) ``_before`` and
        ``_after``; ``share_dated`` (rows with a first or last day) of both;
        ``share_updated_after`` (rows that are new or differ from the row with the same
        source and identifier; null without identifiers); ``n_ended`` and
        ``n_unexplained`` active rows that are gone; and ``partner_reports_after``.

    Raises
    ------
    SchemaError
        Where a column of ``keys`` is in neither snapshot.
    DateError
        Where dates cannot be read.
    ParameterError
        Where ``keys`` is empty or repeats a column, or the second cut-off lies before the first.
    LayerError
        Where the table of aliases is at fault.
    CRSError
        Where a snapshot has no CRS.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> first = gpd.GeoDataFrame(
    ...     {"partner": ["MSF", "MSF-B", "Luz"], "status": "active"},
    ...     geometry=shapely.points([-77, -76, -75], 1),
    ...     crs="EPSG:4326",
    ... )
    >>> second = first.iloc[:1].assign(partner="Médicos Sin Fronteras")
    >>> change = reporting_change(first, second, keys=["partner"])
    >>> change[["partner", "change", "n_rows_before", "n_rows_after"]].values.tolist()
    [['Luz', 'stopped reporting', 1, 0], ['MSF', 'reports less', 2, 1]]
    """
    names = _checked_keys(before, after, keys)
    _check_days(before_as_of, as_of)
    crs = require_crs(before, "before")
    require_crs(after, "after")
    table_of_aliases = None if aliases is None else alias_frame(aliases)
    partners = _partners(before, after, table_of_aliases) if "partner" in names else {}
    known = set(_signatures(before).dropna())
    first = _described(before, names, partners, day=before_as_of, later=as_of, known=known)
    second = _described(after, names, partners, day=as_of, later=as_of, known=known)
    table = _joined(first, second, names)
    reporting = set(second[names[0]])
    table["partner_reports_after"] = table[names[0]].isin(reporting).astype("bool")
    table.insert(len(names), "change", _classes(table))
    result = table.drop(columns=[c for c in table if str(c).startswith("_")])
    return attach(
        result,
        "coverage.reporting_change",
        keys=names,
        before_as_of=None if before_as_of is None else str(before_as_of),
        as_of=None if as_of is None else str(as_of),
        aliases=None if table_of_aliases is None else f"{len(table_of_aliases)} rows",
        crs=crs.to_string(),
    )


def _checked_keys(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, keys: Sequence[str]
) -> list[str]:
    names = [keys] if isinstance(keys, str) else list(keys)
    if not names or len(set(names)) < len(names):
        raise ParameterError(f"keys is {names!r}; name the partner's column once, then areas")
    known = layer_schema("interventions").names
    missing = [n for n in names if n not in before and n not in after and n not in known]
    if missing:
        raise SchemaError(
            "interventions",
            found=f"no column {', '.join(missing)}",
            expected=f"columns to compare by; there are {', '.join(map(str, before.columns))}",
            repair="Correct keys=….",
        )
    return names


def _check_days(before_as_of: Day | None, as_of: Day | None) -> None:
    if before_as_of is None or as_of is None:
        return
    try:
        first, second = (pd.Timestamp(day) for day in (before_as_of, as_of))
    except (TypeError, ValueError) as error:
        message = f"before_as_of is {before_as_of!r} and as_of {as_of!r}; give dates"
        raise ParameterError(message) from error
    if second.tz_localize(None) < first.tz_localize(None):
        message = f"as_of ({second.date()}) lies before before_as_of ({first.date()})"
        raise ParameterError(f"{message}; give the earlier snapshot first")


def _partners(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, aliases: pd.DataFrame | None
) -> dict[str, str]:
    """Resolve the partners of both snapshots together: reported name → organisation."""
    parts = [_column(frame, "partner") for frame in (before, after)]
    names = pd.concat(parts, ignore_index=True)
    resolved = resolve_organisations(names, aliases=aliases).organisation
    return dict(zip(names.fillna(""), resolved.fillna(_UNSTATED), strict=True))


def _column(frame: gpd.GeoDataFrame, name: str) -> pd.Series:
    if name not in frame:
        return pd.Series(None, index=frame.index, dtype="str")
    values = frame[name]
    text: pd.Series = values.astype("str").where(values.notna(), None).astype("str")
    return text


def _described(
    frame: gpd.GeoDataFrame,
    names: list[str],
    partners: dict[str, str],
    *,
    day: Day | None,
    later: Day | None,
    known: set[str],
) -> pd.DataFrame:
    """One row a row of a snapshot: its keys, and what it says of presence and reporting."""
    table = pd.DataFrame({name: _column(frame, name) for name in names})
    if "partner" in table:
        table["partner"] = table["partner"].fillna("").map(partners).astype("str")
    table = table.fillna(_UNSTATED).reset_index(drop=True)
    active = _active(frame, day)
    status = _column(frame, "status").fillna("").to_numpy(dtype=object)
    dates = {name: read_instants(frame, name, "interventions") for name in _DATES}
    cutoff = None if day is None else pd.Timestamp(day)
    starts = dates["starts_on"]
    waiting = status == "planned"
    if cutoff is not None:
        cutoff = cutoff if cutoff.tzinfo is not None else cutoff.tz_localize("UTC")
        waiting |= (starts > cutoff).to_numpy(dtype=bool)
    signature = _signatures(frame)
    table["n_rows"] = 1
    table["n_active"] = active.astype(np.int64)
    table["_waiting"] = (waiting & ~active).astype(np.int64)
    table["_resting"] = (~active & ~waiting).astype(np.int64)
    table["_due"] = (active & ~_active(frame, later)).astype(np.int64) if later is not None else 0
    table["_dated"] = (starts.notna() | dates["ends_on"].notna()).to_numpy(dtype=np.float64)
    fresh = (~signature.isin(known)).astype("float64").where(signature.notna())
    table["_updated"] = fresh.to_numpy()
    table["_site"] = _sites(frame).reset_index(drop=True).where(active, None)
    return table


def _active(frame: gpd.GeoDataFrame, day: Day | None) -> BoolArray:
    rows = find_active(frame, day, None).rows.copy()
    if day is None:
        rows &= ~_column(frame, "status").isin(_RESTING).to_numpy(dtype=bool)
    return rows


def _sites(frame: gpd.GeoDataFrame) -> pd.Series:
    """Return what makes a place one: its geometry, else its identifier."""
    shapes: pd.Series = frame.geometry.to_wkb(hex=True).astype("object")
    return shapes.where(shapes.notna(), "id:" + _column(frame, "intervention_id").fillna(""))


def _signatures(frame: gpd.GeoDataFrame) -> pd.Series:
    """Return who and what a row says, as text; null where it has no identifier."""
    given = _column(frame, "intervention_id")
    parts = [_column(frame, "source").fillna(""), given.fillna("")]
    parts += [_column(frame, name).fillna("") for name in _TEXTS]
    parts += [read_instants(frame, name, "interventions").astype("str") for name in _DATES]
    for name in _NUMBERS:
        values = frame[name] if name in frame else pd.Series(np.nan, index=frame.index)
        parts.append(pd.to_numeric(values, errors="coerce").astype("float64").astype("str"))
    said = parts[0]
    for part in parts[1:]:
        said = said + "\x1f" + part.fillna("")
    return said.where(given.notna(), None).astype("str")


def _joined(first: pd.DataFrame, second: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Put the sums of both snapshots by key into one table sorted by the keys."""
    one, other = _summed(first, names), _summed(second, names)
    table = one.merge(other, on=names, how="outer", suffixes=("_before", "_after"), sort=True)
    counted = [*_COUNTS, "_waiting", "_resting", "_due"]
    for name in (f"{count}{side}" for count in counted for side in ("_before", "_after")):
        table[name] = table[name].fillna(0).astype("int64")
    table = table.drop(columns="share_updated_before")
    drop = (table["n_active_before"] - table["n_active_after"]).clip(lower=0)
    newly = (table["_resting_after"] - table["_resting_before"]).clip(lower=0)
    said = pd.concat([table["_due_before"], newly], axis=1).max(axis=1)
    table["n_ended"] = pd.concat([drop, said], axis=1).min(axis=1).astype("int64")
    table["n_unexplained"] = (drop - table["n_ended"]).astype("int64")
    ordered = [*names, *(f"{c}{side}" for c in _COUNTS for side in ("_before", "_after"))]
    shares = ["share_dated_before", "share_dated_after", "share_updated_after"]
    ordered += [*shares, "n_ended", "n_unexplained"]
    inner = [str(name) for name in table if str(name).startswith("_")]
    return table[[*ordered, *inner]].reset_index(drop=True)


def _summed(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    groups = rows.groupby(names, sort=True)
    return groups.agg(
        n_rows=("n_rows", "sum"),
        n_active=("n_active", "sum"),
        n_sites=("_site", "nunique"),
        share_dated=("_dated", "mean"),
        share_updated=("_updated", "mean"),
        _waiting=("_waiting", "sum"),
        _resting=("_resting", "sum"),
        _due=("_due", "sum"),
    ).reset_index()


def _classes(table: pd.DataFrame) -> pd.Series:
    """Name the change of each row; the first that fits holds."""
    gone = table["n_rows_after"] == 0
    silent = ~table["partner_reports_after"]
    over = (table["n_active_before"] == table["_due_before"]) & (table["_waiting_before"] == 0)
    active = table["n_active_after"] - table["n_active_before"]
    rows = table["n_rows_after"] - table["n_rows_before"]
    steps = [
        (table["n_rows_before"] == 0, "new"),
        (silent & ~over, "stopped reporting"),
        (silent, "ended"),
        (table["n_unexplained"] > 0, "reports less"),
        (active < 0, "ended"),
        ((active > 0) | (rows > 0), "grew"),
        (gone & (table["_waiting_before"] > 0), "reports less"),
        (gone, "ended"),
    ]
    chosen = np.select([when for when, _ in steps], [name for _, name in steps], "unchanged")
    return pd.Series(chosen, index=table.index).astype("str")
