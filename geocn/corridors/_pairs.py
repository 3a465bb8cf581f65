"""Which origins go with which destinations, and the cost fields of the origins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import geopandas as gpd
import numpy as np

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.spatial.cost import CostField, FrictionSurface, Sites, SitesLike

Pairs: TypeAlias = Literal["all", "nearest"] | Sequence[tuple[Any, Any]]


class PairCost(NamedTuple):
    """One pair: positions, the field of its origin, and where and at what cost it ends."""

    origin: int
    destination: int
    field: CostField
    cost: float
    target: int


def wanted(pairs: Pairs, origins: Sites, destinations: Sites) -> dict[int, list[int]]:
    """Destination positions by origin position, in order.

    Raises
    ------
    ParameterError
        Where ``pairs`` is unknown, or names a label that is not there.
    """
    placed = [sorted(set(sites.owners.tolist())) for sites in (origins, destinations)]
    if isinstance(pairs, str):
        if pairs not in ("all", "nearest"):
            raise ParameterError(f"pairs is {pairs!r}; choose 'all', 'nearest' or a list of pairs")
        return {origin: list(placed[1]) for origin in placed[0]}
    first = {label: i for i, label in enumerate(origins.labels)}
    second = {label: i for i, label in enumerate(destinations.labels)}
    unknown = [pair for pair in pairs if pair[0] not in first or pair[1] not in second]
    if unknown:
        raise ParameterError(f"{len(unknown)} pairs name sites that are not there: {unknown[:3]}")
    chosen: dict[int, list[int]] = {}
    for origin, destination in pairs:
        i, j = first[origin], second[destination]
        if i in placed[0] and j in placed[1]:
            chosen.setdefault(i, []).append(j)
    return chosen


def pair_costs(
    surface: FrictionSurface,
    origins: Sites,
    destinations: Sites,
    *,
    pairs: Pairs,
    slack: float = 0.0,
) -> Iterator[PairCost]:
    """Cost of each pair, one surface an origin; ``slack`` as in the kernel.

    An unreachable pair has infinite cost. ``"nearest"`` keeps the cheapest destination.
    """
    for origin, chosen in wanted(pairs, origins, destinations).items():
        if not chosen:
            continue
        targets = [destinations.of(position) for position in chosen]
        # The nearest needs only one of them; the kernel stops when all have been settled.
        field = surface.accumulate(origins.of(origin), targets=np.concatenate(targets), slack=slack)
        found = []
        for position, cells in zip(chosen, targets, strict=True):
            cost, target = _least(field.cost, cells)
            found.append(PairCost(origin, position, field, cost, target))
        yield from [min(found, key=lambda pair: pair.cost)] if pairs == "nearest" else found


def label_types(origins: SitesLike, destinations: SitesLike) -> dict[str, Any]:
    """Types of the columns that name sites, the same where there are none."""
    names = {"origin": origins, "destination": destinations}
    return {
        name: sites.index.dtype if isinstance(sites, (gpd.GeoDataFrame, gpd.GeoSeries)) else "int64"
        for name, sites in names.items()
    }


def _least(cost: FloatArray, cells: IntArray) -> tuple[float, int]:
    values = cost.ravel()[cells]
    best = int(np.argmin(values))
    return float(values[best]), int(cells[best])
