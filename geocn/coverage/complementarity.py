"""Who covers a place from which side: security forces, civilians, both or neither."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.coverage._demand import Demand
from geocn.coverage._raster_demand import RasterDemand
from geocn.coverage._regions import Regions, polygons, within
from geocn.errors import ParameterError

#: What a place can be covered by.
CLASSES = ("security only", "civilian only", "both", "neither")
#: Which side a ``kind`` of intervention, or failing that a ``partner_type``, is on.
SIDES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("checkpoint", "patrol", "surveillance", "interdiction", "eradication",
             "joint_operation", "liaison_office", "military_base", "police_station"),
            "security",
        ),
        **dict.fromkeys(
            ("alternative_livelihood", "treatment", "prevention", "harm_reduction",
             "humanitarian"),
            "civilian",
        ),
        **dict.fromkeys(("military", "law_enforcement"), "security"),
        **dict.fromkeys(("ngo", "international", "civil"), "civilian"),
    }
)  # fmt: skip
_NAMES = ("security", "civilian")
_SLIVER = 1e-9


def sides(interventions: pd.DataFrame, *, mapping: Mapping[str, str] | None = None) -> pd.Series:
    """Say of each intervention whether security forces or civilians run it.

    Its ``kind`` decides (a clinic of an army is a clinic), and where that says nothing its
    ``partner_type``. Spelling is read without regard to case, blanks and hyphens.

    Parameters
    ----------
    interventions : DataFrame
        With ``kind`` or ``partner_type`` or both, as ``reach`` keeps them.
    mapping : mapping of str to {"security", "civilian"}, optional
        Kinds or types of partners, over those known: checkpoint, patrol, surveillance,
        interdiction, eradication, joint_operation, liaison_office, military_base and
        police_station are security; alternative_livelihood, treatment, prevention,
        harm_reduction and humanitarian are civilian; demining and training are what their
        partner is: military and law_enforcement security, ngo, international and civil
        civilian.

    Returns
    -------
    Series
        ``side``: security, civilian, or null where neither column says.

    Raises
    ------
    ParameterError
        Where a side is neither.

    Examples
    --------
    >>> import pandas as pd
    >>> sites = pd.DataFrame({"kind": ["patrol", "Harm reduction", "radio mast"]})
    >>> sides(sites).fillna("unknown").tolist()
    ['security', 'civilian', 'unknown']
    """
    wrong = sorted({side for side in (mapping or {}).values() if side not in _NAMES})
    if wrong:
        raise ParameterError(
            f"sides {', '.join(map(repr, wrong))}; choose 'security' or 'civilian'"
        )
    known = {**SIDES, **{_plain(name): side for name, side in (mapping or {}).items()}}
    found = pd.Series(None, index=interventions.index, dtype="str", name="side")
    for column in ("kind", "partner_type"):
        if column in interventions:
            said = interventions[column].map(
                lambda value: known.get(_plain(value)) if isinstance(value, str) else None
            )
            found = found.where(found.notna(), said.astype("str"))
    return found


def _plain(name: str) -> str:
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


def regions_of_sides(shapes: ObjectArray, side: pd.Series) -> tuple[ObjectArray, ...]:
    """Disjoint polygons reached by security only, by civilians only, and by both."""
    known = side.notna().to_numpy()
    group = (side[known] == "civilian").to_numpy().astype(np.int64)
    both = Regions(shapes[known], group, 2)
    return both.only(0), both.only(1), both.common(0, 1)


def unknown_kinds(reaches: gpd.GeoDataFrame, side: pd.Series) -> dict[str, int]:
    """Kinds of interventions that are on no side, with how many there are."""
    lost = reaches[side.isna().to_numpy()]
    kinds = lost["kind"] if "kind" in lost else pd.Series(None, index=lost.index, dtype="str")
    named = kinds.astype("str").where(kinds.notna(), "(not stated)")
    return {str(k): int(n) for k, n in named.value_counts().sort_index().items()}


def of_rows(
    demand: gpd.GeoDataFrame, ready: Demand, regions: tuple[ObjectArray, ...]
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Cut each row of demand by class: weights by class, and pieces with their geometry."""
    areas = np.concatenate(regions)
    kind = np.repeat(np.arange(3), [len(parts) for parts in regions])
    pieces, row, area = within(ready, areas)
    weight = np.zeros((3, len(ready.shapes)))
    np.add.at(weight, (kind[area], row), pieces.weights)
    placed = np.where(ready.placed, ready.weights, 0.0)
    neither = np.maximum(placed - weight.sum(axis=0), 0.0)
    neither[neither <= _SLIVER * placed] = 0.0
    weights = np.vstack([weight, neither])
    shapes, owner, which = _dissolved(ready, pieces, row, kind[area], weights, areas)
    frame = gpd.GeoDataFrame(
        {
            "side": pd.Series(np.array(CLASSES, dtype=object)[which], dtype="str"),
            "weight": weights[which, owner],
        },
        geometry=gpd.GeoSeries(shapes, crs=ready.plane).to_crs(demand.crs),
        crs=demand.crs,
    )
    frame.index = demand.index[owner]
    return class_table(weights.sum(axis=1)), frame


def _dissolved(  # noqa: PLR0917 - what was cut, and by what
    ready: Demand,
    pieces: Demand,
    row: IntArray,
    kind: IntArray,
    weights: FloatArray,
    areas: ObjectArray,
) -> tuple[ObjectArray, IntArray, IntArray]:
    """One geometry for each row and class that has weight, in the order of both."""
    owner, which = np.nonzero(weights.T > 0)
    shapes = ready.shapes[owner].copy()
    order = np.lexsort((kind, row))
    keys = row[order] * 4 + kind[order]
    wanted = owner * 4 + which
    first, last = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    for at in np.flatnonzero(which < 3):
        mine = pieces.shapes[order[first[at] : last[at]]]
        shapes[at] = mine[0] if len(mine) == 1 else shapely.union_all(mine)
    partly = np.flatnonzero((which == 3) & np.isin(owner, row) & ~ready.spread[owner])
    if len(partly):
        reached = shapely.union_all(areas)
        shapely.prepare(reached)
        shapes[partly] = shapely.difference(shapes[partly], reached)
    return shapes, owner.astype(np.int64), which.astype(np.int64)


def of_raster(
    ready: RasterDemand, regions: tuple[ObjectArray, ...]
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Weigh each class on a raster; its geometry is the region within the raster."""
    reached = shapely.union_all(np.concatenate(regions))
    rest = polygons(shapely.difference(ready.extent, reached))
    weights = ready.weigh([*regions, rest])
    shapes = [shapely.MultiPolygon(list(parts)) for parts in (*regions, rest)]
    frame = gpd.GeoDataFrame(
        {"side": pd.Series(CLASSES, dtype="str"), "weight": weights},
        geometry=gpd.GeoSeries(shapes, crs=ready.plane),
        crs=ready.plane,
    )
    return class_table(weights), frame


def class_table(weights: FloatArray) -> pd.DataFrame:
    """Weight and share of each class."""
    total = float(weights.sum())
    share = weights / total if total else np.full(4, np.nan)
    return pd.DataFrame(
        {"side": pd.Series(CLASSES, dtype="str"), "weight": weights, "share": share}
    )
