"""Ways over a network as lines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import shapely

from geocn._typing import AnyArray, IntArray
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
    modes = sited.of_edges("mode")[pieces] if len(pieces) else np.empty(0, dtype=object)
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
    shapes = sited.shapes(sited.graph.edge[slots])
    ahead = sited.graph.is_forward[slots]
    courses: list[AnyArray] = []
    for shape, forward in zip(shapes, ahead, strict=True):
        xy = shapely.get_coordinates(shape)
        xy = xy if forward else xy[::-1]
        # A jump over half the globe is the antimeridian: drawing goes on at the other side.
        if courses and abs(courses[-1][-1, 0] - xy[0, 0]) < 180:
            courses[-1] = np.concatenate([courses[-1], xy])
        elif courses and sited.lines.crs.is_geographic:
            courses.append(xy)
        elif courses:
            courses[-1] = np.concatenate([courses[-1], xy])
        else:
            courses = [xy]
    parts = []
    for xy in courses:
        new = np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))
        if new.sum() > 1:
            parts.append(shapely.linestrings(xy[new]))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.multilinestrings(parts)
