"""Joint operations: one operation, however many partners report it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError, SchemaError
from geocn.evaluation.columns import require_columns
from geocn.evaluation.periods import Spans, read_spans, time_column
from geocn.provenance import attach
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m

#: Mean radius of the Earth in metres, a little small so that no pair is missed.
_RADIUS_M = 6_335_000.0
_DAY_US = 86_400_000_000


def joint_operations(
    reports: pd.DataFrame,
    *,
    partner: str = "partner",
    within_days: float = 1.0,
    within_km: float = 5.0,
    same: Sequence[str] = ("kind", "drug"),
    link: str | None = None,
    time: str | None = None,
) -> pd.DataFrame:
    """Tell which reports are of one operation, so that totals count it once.

    Reports of different partners are of one operation where they carry the same ``link``, or
    lie within the days and kilometres of each other and agree in the columns of ``same``.
    Pairs are joined nearest first, and two groups only where every report of one lies within
    the tolerances of every report of the other and no partner would stand twice: a chain of
    raids on following days stays a chain of operations.

    Parameters
    ----------
    reports : DataFrame or GeoDataFrame
        Interventions or seizures. Areas and lines stand for their centroid.
    partner : str
        Column of who reported; several names in one cell are parted by ";".
    within_days, within_km : float
        Tolerances, 0 or more. Without geometry only ``link`` joins.
    same : sequence of str
        Columns that must agree where the layer has them; null agrees with nothing.
    link : str, optional
        Column of an operation's own name or number; equal ones are joined whatever the
        distance, and different ones never.
    time : str, optional
        Column that says when; by default that of the layer. Dates known only to a month or
        year are joined by ``link`` only.

    Returns
    -------
    DataFrame
        The rows with ``operation_id`` ("op-0", … in order of time and place), ``partners`` (all of
        the operation, sorted, parted by ";"), ``n_partners``, ``n_reports`` and ``credit``,
        the row's share of its operation: credits of an operation add up to 1, so that their
        sum over any rows never counts twice. Partners share alike, and a partner's reports
        share its part. See :func:`operations_by_partner`.

    Raises
    ------
    SchemaError, DateError, CRSError
        Where a column is missing, a time cannot be read, or a frame has no CRS.
    ParameterError
        Where a tolerance is negative.

    Examples
    --------
    >>> import geopandas as gpd
    >>> reports = gpd.GeoDataFrame({"partner": ["navy", "police", "navy"],
    ...     "kind": "checkpoint", "starts_on": ["2024-05-01", "2024-05-01", "2024-05-09"]},
    ...     geometry=gpd.points_from_xy([-77.0, -77.01, -77.0], [1.0, 1.0, 1.0]), crs=4326)
    >>> found = joint_operations(reports)
    >>> found[["operation_id", "partners", "credit"]].values.tolist()
    [['op-0', 'navy;police', 0.5], ['op-0', 'navy;police', 0.5], ['op-1', 'navy', 1.0]]
    """
    if not (within_days >= 0 and within_km >= 0):
        raise ParameterError(
            f"within_days is {within_days!r} and within_km {within_km!r}; give 0 or more"
        )
    require_columns(reports, [partner, *([] if link is None else [link])], "reports")
    if reports.index.has_duplicates:
        raise SchemaError(
            "reports",
            found="an index whose labels are not unique",
            expected="one label a report",
            repair="Use reset_index(drop=True).",
        )
    column = time_column(reports, time, "reports")
    near = _Near(reports, read_spans(reports, column, "reports"), within_days, within_km)
    names = [_names(cell) for cell in reports[partner]]
    linked = _codes(reports[link]) if link is not None else np.full(len(reports), -1)
    agree = [_codes(reports[name]) for name in same if name in reports]
    groups = _Groups(names, linked, near)
    groups.join_links()
    n_ambiguous = groups.join_pairs(*near.pairs(agree))
    result = _frame(reports, groups.labels(), names, near)
    return attach(
        result,
        "evaluation.joint_operations",
        partner=partner,
        within_days=within_days,
        within_km=within_km,
        same=[name for name in same if name in reports],
        link=link,
        time=column,
        crs=getattr(reports, "crs", None),
        n_reports=len(result),
        n_operations=int(result["operation_id"].nunique()),
        n_joint=int((result.drop_duplicates("operation_id")["n_partners"] > 1).sum()),
        n_pairs_not_joined=n_ambiguous,
        left_alone={
            "no_place_or_exact_time": int((~near.usable).sum()),
            "no_partner": sum(not parts for parts in names),
        },
    )


def operations_by_partner(operations: pd.DataFrame, *, partner: str = "partner") -> pd.DataFrame:
    """Count operations by partner: those it took part in, and its share of them.

    Parameters
    ----------
    operations : DataFrame
        Of :func:`joint_operations`.
    partner : str
        Column of who reported, as given there.

    Returns
    -------
    DataFrame
        Indexed by ``partner``, sorted: ``n_operations`` it took part in, ``n_joint`` with
        others, ``n_reports``, and ``credit``. Participations add up to more than there are
        operations; credits add up to the number of operations with a named partner.

    Raises
    ------
    SchemaError
        Where a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> operations = pd.DataFrame({"partner": ["navy", "police", "navy"],
    ...     "operation_id": ["op-0", "op-0", "op-1"], "partners": ["navy;police"] * 2 + ["navy"],
    ...     "n_partners": [2, 2, 1]})
    >>> operations_by_partner(operations)["credit"].to_dict()
    {'navy': 1.5, 'police': 0.5}
    """
    require_columns(operations, [partner, "operation_id", "n_partners"], "operations")
    rows = pd.DataFrame(
        {
            "partner": [_names(cell) for cell in operations[partner]],
            "operation_id": operations["operation_id"].to_numpy(),
            "n_partners": operations["n_partners"].to_numpy(),
        }
    ).explode("partner")
    rows = rows.dropna(subset=["partner"])
    once = rows.drop_duplicates(["partner", "operation_id"])
    sizes = once["n_partners"].to_numpy(dtype=float)
    once = once.assign(credit=1 / np.maximum(sizes, 1), joint=sizes > 1)
    by = once.groupby("partner", sort=True)
    result = pd.DataFrame(
        {
            "n_operations": by.size().astype("int64"),
            "n_joint": by["joint"].sum().astype("int64"),
            "n_reports": rows.groupby("partner").size().astype("int64"),
            "credit": by["credit"].sum().astype("float64"),
        }
    )
    result.index = result.index.astype("str")
    return attach(
        result,
        "evaluation.operations_by_partner",
        partner=partner,
        crs=getattr(operations, "crs", None),
        n_operations=int(operations["operation_id"].nunique()),
    )


def _names(cell: Any) -> tuple[str, ...]:
    if not isinstance(cell, str):
        return () if pd.isna(cell) else (str(cell),)
    return tuple(sorted({part.strip() for part in cell.split(";")} - {""}))


def _codes(values: pd.Series) -> IntArray:
    return pd.factorize(values)[0].astype(np.int64)


class _Near:
    """When and where reports are, and how near two of them come."""

    def __init__(
        self, reports: pd.DataFrame, spans: Spans, within_days: float, within_km: float
    ) -> None:
        self.spans, self.days, self.metres = spans, within_days, within_km * 1000
        self.lon, self.lat = np.full(len(reports), np.nan), np.full(len(reports), np.nan)
        if isinstance(reports, gpd.GeoDataFrame):
            there = has_geometry(reports)
            geometry = to_lonlat(reports, "reports").geometry.to_numpy()
            centre = shapely.centroid(geometry[there])
            self.lon[there], self.lat[there] = shapely.get_x(centre), shapely.get_y(centre)
        self._start = spans.start.astype("M8[us]").astype(np.int64)
        self._end = spans.end.astype("M8[us]").astype(np.int64)
        length = (spans.end - spans.start).astype("m8[us]")
        exact = ~np.isnat(spans.start) & (length <= np.timedelta64(_DAY_US, "us"))
        self.usable: BoolArray = exact & ~np.isnan(self.lon)

    def apart(self, i: AnyArray, j: AnyArray) -> FloatArray:
        """Share of the tolerances used by pairs, the larger of both; above 1 is too far."""
        start, end = self._start, self._end
        # Two days are as far apart as they begin; an instant on a day is not apart from it.
        same = np.minimum(end[i], end[j]) > np.maximum(start[i], start[j])
        days = np.where(same, 0.0, np.abs(start[i] - start[j]) / _DAY_US)
        metres = distance_m(self.lon[i], self.lat[i], self.lon[j], self.lat[j])
        used = np.maximum(_used(days, self.days), _used(metres, self.metres))
        return np.where(self.usable[i] & self.usable[j], used, np.inf)

    def pairs(self, agree: list[IntArray]) -> tuple[IntArray, IntArray, FloatArray]:
        """Pairs within both tolerances that agree, nearest first."""
        rows = np.flatnonzero(self.usable)
        for codes in agree:
            rows = rows[codes[rows] >= 0]
        if len(rows) < 2:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        lon, lat = np.radians(self.lon[rows]), np.radians(self.lat[rows])
        start = self._start[rows] / _DAY_US
        # Each coordinate in its tolerance, time among them: one search finds what is near in both.
        space = _RADIUS_M / max(self.metres, 1.0)
        when = (start - start.min()) / max(self.days + 1, 1e-6)
        xyz = np.column_stack(
            [space * np.cos(lat) * np.cos(lon), space * np.cos(lat) * np.sin(lon),
             space * np.sin(lat), when]
        )  # fmt: skip
        found = cKDTree(xyz).query_pairs(np.sqrt(2) * (1 + 1e-9), output_type="ndarray")
        i, j = rows[found[:, 0]], rows[found[:, 1]]
        for codes in agree:
            alike = codes[i] == codes[j]
            i, j = i[alike], j[alike]
        used = self.apart(i, j)
        near = used <= 1
        i, j, used = np.minimum(i, j)[near], np.maximum(i, j)[near], used[near]
        # Of pairs equally near, those that come first in time, and then in place.
        early = np.minimum(self._start[i], self._start[j])
        order = np.lexsort((self.lat[i], self.lon[i], early, used))
        return i[order], j[order], used[order]


def _used(apart: FloatArray, tolerance: float) -> FloatArray:
    if tolerance == 0:
        return np.where(apart > 0, np.inf, 0.0)
    return apart / tolerance


class _Groups:
    """Reports joined into operations: a forest whose roots know their members."""

    def __init__(self, names: list[tuple[str, ...]], linked: IntArray, near: _Near) -> None:
        self.names, self.linked, self.near = names, linked, near
        self.root = list(range(len(names)))
        self.members = [[row] for row in range(len(names))]

    def _join(self, one: int, other: int) -> None:
        keep, gone = min(one, other), max(one, other)
        for row in self.members[gone]:
            self.root[row] = keep
        self.members[keep] += self.members[gone]
        self.members[gone] = []

    def join_links(self) -> None:
        """Join reports of equal link."""
        first: dict[int, int] = {}
        for row, code in enumerate(self.linked.tolist()):
            if code >= 0 and first.setdefault(code, row) != row:
                self._join(self.root[first[code]], self.root[row])

    def join_pairs(self, i: IntArray, j: IntArray, used: FloatArray) -> int:
        """Join pairs in order where groups may be one; return how many may not."""
        refused = 0
        for a, b in zip(i.tolist(), j.tolist(), strict=True):
            one, other = self.root[a], self.root[b]
            if one == other:
                continue
            if not self._partners(one) or not self._partners(other):
                continue
            if self._fit(one, other):
                self._join(one, other)
            else:
                refused += bool(self._partners(one).isdisjoint(self._partners(other)))
        return refused

    def _partners(self, root: int) -> set[str]:
        return {name for row in self.members[root] for name in self.names[row]}

    def _fit(self, one: int, other: int) -> bool:
        if not self._partners(one).isdisjoint(self._partners(other)):
            return False
        links = {int(self.linked[row]) for root in (one, other) for row in self.members[root]}
        if len(links - {-1}) > 1:
            return False
        if len(self.members[one]) == len(self.members[other]) == 1:
            return True
        a, b = np.array(self.members[one]), np.array(self.members[other])
        i, j = np.repeat(a, len(b)), np.tile(b, len(a))
        return bool((self.near.apart(i, j) <= 1).all())

    def labels(self) -> IntArray:
        """Root of each report."""
        return np.array(self.root, dtype=np.int64)


def _frame(
    reports: pd.DataFrame, group: IntArray, names: list[tuple[str, ...]], near: _Near
) -> pd.DataFrame:
    """Add what is known of the operation to each report; operations are numbered in time."""
    table = pd.DataFrame(
        {"group": group, "start": near.spans.start, "lon": near.lon, "lat": near.lat}
    ).assign(row=np.arange(len(group)))
    # The number of an operation must not hang on the order of the rows.
    keys = ["start", "lon", "lat"]
    first = table.sort_values([*keys, "row"], na_position="last").drop_duplicates("group")
    number = pd.Series(np.arange(len(first)), index=first["group"])
    keys_of = group.tolist()
    said: Counter[tuple[int, str]] = Counter()
    found: dict[int, set[str]] = {key: set() for key in keys_of}
    for key, parts in zip(keys_of, names, strict=True):
        found[key].update(parts)
        said.update((key, name) for name in parts)
    partners = {key: ";".join(sorted(parts)) for key, parts in found.items()}
    sizes = np.array([len(found[key]) for key in keys_of], dtype=np.int64)
    n_reports = np.bincount(group, minlength=len(group))[group]
    credit = [
        sum(1 / said[key, name] for name in parts) / size if size else 1 / n
        for key, parts, size, n in zip(keys_of, names, sizes, n_reports, strict=True)
    ]
    ids = [f"op-{one}" for one in number[keys_of]]
    joined = [partners[key] for key in keys_of]
    return reports.assign(
        operation_id=pd.Series(ids, index=reports.index, dtype="str"),
        partners=pd.Series(joined, index=reports.index, dtype="str"),
        n_partners=sizes,
        n_reports=n_reports.astype(np.int64),
        credit=np.array(credit, dtype=float),
    )
