"""Ways over a network as lines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import shapely

from geocn._typing import IntArray
from geocn.corridors.network_build import TRANSFER
from geocn.corridors.network_sites import SitedGraph


class Described(NamedTuple):
    """What is told of one way."""

    cost: float
    length_m: float
    modes: str
    n_transfers: int
    geometry: Any


def describe(sited: SitedGraph, slots: IntArray) -> Described:
    """Describe the way by arcs of the sited graph; its line is cut at 180 degrees."""
    graph = sited.graph
    pieces = graph.edge[slots]
    modes = sited.of_edges("mode", pieces)
    travelled = [str(m) for m in modes if m != TRANSFER]
    turns = [m for i, m in enumerate(travelled) if i == 0 or m != travelled[i - 1]]
    cost = 0.0
    for value in graph.cost[slots].tolist():
        cost += value
    return Described(
        cost,
        float(sited.edges["length_m"].to_numpy()[pieces].sum()),
        ";".join(turns),
        int((modes == TRANSFER).sum()),
        line_of(sited, slots),
    )


def line_of(sited: SitedGraph, slots: IntArray) -> Any:
    """Line along arcs in the direction of travel; None where it has no length."""
    xy, _ = sited.course(sited.graph.edge[slots], sited.graph.is_forward[slots])
    step = np.diff(xy, axis=0)
    new = np.append(True, (step != 0).any(axis=1)) if len(xy) else np.empty(0, dtype=bool)
    part = np.zeros(len(xy), dtype=np.int64)
    if sited.lines.crs.is_geographic and len(xy):
        # A jump over half the globe is the antimeridian: drawing goes on at the other side.
        jump = np.abs(step[:, 0]) >= 180
        part[1:] = np.cumsum(jump)
    xy, part = xy[new], part[new]
    parts = [xy[part == i] for i in range(int(part.max(initial=0)) + 1)]
    lines = [shapely.linestrings(at) for at in parts if len(at) > 1]
    if not lines:
        return None
    return lines[0] if len(lines) == 1 else shapely.multilinestrings(lines)
