"""Which origins go with which destinations, and the cost fields of the origins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import geopandas as gpd
import numpy as np

from geocn._typing import FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.spatial.cost import CostField, FrictionSurface, Sites, SitesLike

Pairs: TypeAlias = Literal["all", "nearest", "mst"] | Sequence[tuple[Any, Any]]


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
        if pairs not in ("all", "nearest", "mst"):
            raise ParameterError(
                f"pairs is {pairs!r}; choose 'all', 'nearest', 'mst' or a list of pairs"
            )
        return {origin: list(placed[1]) for origin in placed[0]}
    first = {label: i for i, label in enumerate(origins.labels)}
    second = {label: i for i, label in enumerate(destinations.labels)}
    unknown = [pair for pair in pairs if pair[0] not in first or pair[1] not in second]
    if unknown:
        raise ParameterError(f"{len(unknown)} pairs name sites that are not there: {unknown[:3]}")
    chosen: dict[int, list[int]] = {}
    for origin, destination in pairs:
        i, j = first[origin], second[destination]
        if i in placed[0] and j in placed[1] and j not in chosen.setdefault(i, []):
            chosen[i].append(j)
    return chosen


def pair_costs(
    surface: FrictionSurface,
    origins: Sites,
    destinations: Sites,
    *,
    pairs: Pairs,
    slack: float = 0.0,
) -> Iterator[PairCost]:
    """Cost of each pair, one surface an origin, no further than ``1 + slack`` times the cost.

    An unreachable pair has infinite cost. ``"nearest"`` keeps the cheapest destination,
    ``"mst"`` the pairs that join all sites at the least cost in all.
    """
    chosen = wanted(pairs, origins, destinations)
    if pairs == "mst":
        keep = _spanning(surface, origins, destinations, chosen)
        chosen = {i: [j for j in ends if (i, j) in keep] for i, ends in chosen.items()}
    for origin, ends in chosen.items():
        if not ends:
            continue
        cells = [destinations.of(position) for position in ends]
        # For the nearest the cheapest cell of all counts, as if they were one place.
        groups = [np.concatenate(cells)] if pairs == "nearest" else cells
        field = surface.accumulate(origins.of(origin), targets=groups, slack=slack)
        found = []
        for position, at in zip(ends, cells, strict=True):
            cost, target = _least(field.cost, at)
            found.append(PairCost(origin, position, field, cost, target))
        yield from [min(found, key=lambda pair: pair.cost)] if pairs == "nearest" else found


def _spanning(
    surface: FrictionSurface, origins: Sites, destinations: Sites, chosen: dict[int, list[int]]
) -> set[tuple[int, int]]:
    """Pairs of the least spanning tree (Kruskal), of equals the first; one field at a time.

    Sites that share a cell are one place: where origins and destinations are the same
    layer, the tree joins that layer.
    """
    place: dict[int, int] = {}
    nodes: dict[tuple[int, int], int] = {}
    for side, sites in enumerate((origins, destinations)):
        for position in sorted(set(sites.owners.tolist())):
            at = sites.of(position).tolist()
            root = next((place[cell] for cell in at if cell in place), len(nodes))
            nodes[side, position] = root
            place.update(dict.fromkeys(at, root))
    edges = []
    for origin, ends in chosen.items():
        groups = [destinations.of(position) for position in ends]
        if groups:
            field = surface.accumulate(origins.of(origin), targets=groups)
            costs = [_least(field.cost, at)[0] for at in groups]
            edges += [(c, origin, end) for c, end in zip(costs, ends, strict=True)]
    parent = {node: node for node in nodes.values()}

    def root_of(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    keep = set()
    for cost, origin, end in sorted(edges):
        a, b = root_of(nodes[0, origin]), root_of(nodes[1, end])
        if a != b and np.isfinite(cost):
            parent[b] = a
            keep.add((origin, end))
    return keep


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
