"""Route networks: roads, rivers, sea lanes and flights as one graph."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.corridors.network_build import joined_modes
from geocn.corridors.network_graph import Graph
from geocn.errors import ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.crs import require_crs
from geocn.spatial.network import Network, NetworkReport, components, step_lengths

Transfers: TypeAlias = float | Mapping[tuple[str, str], float]

_SPEEDS = Path(__file__).with_name("network_speeds.toml")
_NEEDED = ("mode", "u", "v", "length_m", "cost", "is_one_way", "is_transfer")
_NO_REPORT = NetworkReport(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def speed_table() -> pd.DataFrame:
    """Return the speeds that stand in for unknown ones: ``kmh`` and ``source`` by mode."""
    table = tomllib.loads(_SPEEDS.read_text(encoding="utf-8"))
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("mode")


@dataclass(frozen=True)
class RouteNetwork:
    """Nodes and edges that traffic may take; all else is worked out from the two frames.

    Attributes
    ----------
    nodes : GeoDataFrame
        Points, numbered from 0: ``component`` (connected piece, regardless of direction),
        ``degree``, ``modes`` (joined by ``";"``).
    edges : GeoDataFrame
        Lines from node ``u`` to node ``v``: ``line`` (label of the row it comes from, null
        for a transfer), ``mode``, ``u``, ``v``, ``length_m``, ``cost`` (minutes, or the unit
        of the column asked for; 0 or more), ``is_one_way`` (from u to v only),
        ``is_transfer``, and the columns that were kept.
    report : DataFrame
        What was found and mended, one row a mode: the fields of
        :class:`geocn.spatial.network.NetworkReport` and ``n_transfers``.

    Raises
    ------
    SchemaError
        Where columns are missing, nodes unknown, or costs negative or not numbers.
    """

    nodes: gpd.GeoDataFrame
    edges: gpd.GeoDataFrame
    report: pd.DataFrame

    def __post_init__(self) -> None:
        missing = [name for name in _NEEDED if name not in self.edges]
        if missing:
            raise SchemaError("edges", found=f"no column {', '.join(missing)}",
                              expected=", ".join(_NEEDED))  # fmt: skip
        ends = self.edges[["u", "v"]].to_numpy()
        unknown = ((ends < 0) | (ends >= len(self.nodes))).any(axis=1)
        cost = self.edges[["cost", "length_m"]].to_numpy(dtype=float)
        wrong = ~(np.isfinite(cost) & (cost >= 0)).all(axis=1)
        if unknown.any() or wrong.any():
            raise SchemaError(
                "edges",
                found=f"{unknown.sum()} edges between unknown nodes, {wrong.sum()} costs or "
                "lengths that are negative or no finite numbers",
                expected="nodes by position, costs of 0 or more",
                repair="Build the network with geocn.corridors.route_network.",
                rows=list(self.edges.index[unknown | wrong]),
            )

    @property
    def crs(self) -> pyproj.CRS:
        """Of nodes and edges."""
        return require_crs(self.edges, "edges")

    @cached_property
    def line_rows(self) -> IntArray:
        """Positions of the edges that are lines, not transfers."""
        return np.flatnonzero(~self.edges["is_transfer"].to_numpy(dtype=bool))

    @cached_property
    def lines(self) -> Network:
        """The edges that are lines as arrays, on which places are found."""
        part = self.edges.iloc[self.line_rows]
        xy, owner = shapely.get_coordinates(part.geometry.to_numpy(), return_index=True)
        first = np.searchsorted(owner, np.arange(len(part) + 1)).astype(np.int64)
        length = part["length_m"].to_numpy(dtype=float)
        along = np.append(0.0, np.cumsum(np.append(0.0, step_lengths(xy, self.crs))[1:]))
        metres = (along[: len(xy)] - along[first[:-1]][owner]) if len(xy) else along[:0]
        last = metres[first[1:] - 1]
        # Lengths that were given count: edges may be schematic.
        metres *= (length / np.where(last > 0, last, 1.0))[owner]
        metres[first[1:] - 1] = length
        u, v = (part[name].to_numpy(dtype=np.int64) for name in ("u", "v"))
        places = shapely.get_coordinates(self.nodes.geometry.to_numpy())
        return Network(
            self.crs, "geodesic" if self.crs.is_geographic else "planar", places, u, v, length,
            np.arange(len(part)), part.index, xy, metres, first, _NO_REPORT,
        )  # fmt: skip

    @cached_property
    def graph(self) -> Graph:
        """The directed graph of the edges, by their cost."""
        columns = {name: self.edges[name].to_numpy() for name in ("u", "v", "cost", "is_one_way")}
        return Graph.of(len(self.nodes), np.arange(len(self.edges)), **columns)

    def least_costs(self, sources: Sequence[int] | IntArray) -> FloatArray:
        """Return the least cost from any of the source nodes to every node, infinite where none.

        Raises
        ------
        ParameterError
            Where a source is no node.
        """
        given = np.asarray(sources, dtype=np.int64)
        if ((given < 0) | (given >= len(self.nodes))).any():
            raise ParameterError(f"sources {given.tolist()[:3]} are not all nodes of the network")
        return self.graph.tree(given)[0]


def route_network(
    lines: gpd.GeoDataFrame | Mapping[str, gpd.GeoDataFrame],
    *,
    mode: str = "mode",
    cost: str | None = None,
    speeds_kmh: Mapping[str, float] | None = None,
    one_way: str | None = None,
    keep: Sequence[str] = (),
    transfers: Transfers = 30.0,
    transfer_points: gpd.GeoDataFrame | None = None,
    transfer_m: float = 100.0,
    snap_m: float = 10.0,
) -> RouteNetwork:
    """Make lines of several modes of travel one network, and report what was mended.

    Lines of one mode are cut where they meet, loose ends within ``snap_m`` brought to the
    nearest line, and edges without length or drawn twice left out. A road that crosses a
    river is a bridge: modes join only where a line of one ends within ``transfer_m`` of a
    line of the other, or at the transfer points where they are given.

    Parameters
    ----------
    lines : GeoDataFrame, or mapping of mode to GeoDataFrame
        LineStrings in any CRS. A line from 179 to -179 degrees goes the short way, and is
        cut at the antimeridian.
    mode : str
        Column with the mode of each line; not needed in a mapping.
    cost : str, optional
        Column with the cost of each whole line; its pieces share it by their length.
        By default minutes, from length and speed.
    speeds_kmh : mapping, optional
        Speed by mode where it differs from :func:`speed_table`.
    one_way : str, optional
        Column that is true where a line leads only the way it is drawn.
    keep : sequence of str
        Columns to keep with the edges, such as a capacity or a cost of closing.
    transfers : float, or mapping of (from mode, to mode) to float
        Cost of changing modes, in minutes or the unit of ``cost``. In a mapping a pair
        stands for both directions unless its reverse is there too, and pairs that are not
        named cannot be changed between.
    transfer_points : GeoDataFrame, optional
        Ports, landings and air strips: the only places where modes join.
    transfer_m : float
        How far apart in metres lines that join may lie.
    snap_m : float
        How far from a line of its own mode a loose end may lie.

    Returns
    -------
    RouteNetwork
        In EPSG:4326 with geodesic lengths. A layer without lines makes one without edges.

    Raises
    ------
    ParameterError
        Where options do not fit, or a mode has no speed.
    SchemaError
        Where a column is missing, or costs are negative or not numbers.
    CRSError, CoordinateError, GeometryError
        Where a layer has no CRS, lies nowhere on Earth, or holds anything but lines.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> road = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 0)])], crs=4326)
    >>> river = gpd.GeoDataFrame(geometry=[shapely.LineString([(1, 0), (1, 1)])], crs=4326)
    >>> network = route_network({"road": road, "river": river}, transfers=45)
    >>> network.edges[["mode", "cost"]].round(1).values.tolist()
    [['road', 133.6], ['river', 442.3], ['transfer', 45.0]]
    """
    given = {str(m): float(s) for m, s in speed_table()["kmh"].items()} | dict(speeds_kmh or {})
    _check(given, transfers, transfer_m, snap_m)
    built = joined_modes(
        lines, mode=mode, cost=cost, speeds_kmh=given, one_way=one_way, keep=tuple(keep),
        transfers=transfers, points=transfer_points, transfer_m=transfer_m, snap_m=snap_m,
    )  # fmt: skip
    edges = attach(
        built.edges,
        "corridors.route_network",
        mode=mode,
        cost=cost or "minutes",
        speeds_kmh=given,
        one_way=one_way,
        keep=list(keep),
        transfers=transfers,
        transfer_points=None if transfer_points is None else len(transfer_points),
        transfer_m=transfer_m,
        snap_m=snap_m,
        crs=built.edges.crs,
        left_out=built.left_out,
    )
    nodes = _nodes(built.node_xy, edges)
    nodes.attrs.update(edges.attrs)
    return RouteNetwork(nodes, edges, built.report)


def _check(
    speeds: Mapping[str, float], transfers: Transfers, transfer_m: float, snap_m: float
) -> None:
    faults = [
        f"{name} is {value!r}, not 0 or more metres"
        for name, value in (("transfer_m", transfer_m), ("snap_m", snap_m))
        if not 0 <= value < np.inf
    ]
    faults += [
        f"the speed of {m!r} is {s!r}, not above 0" for m, s in speeds.items() if not 0 < s < np.inf
    ]
    costs = transfers.values() if isinstance(transfers, Mapping) else [transfers]
    faults += [f"a transfer costs {c!r}, not 0 or more" for c in costs if not 0 <= c < np.inf]
    if faults:
        raise ParameterError("; ".join(faults))


def _nodes(xy: FloatArray, edges: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    n = len(xy)
    u, v = (edges[name].to_numpy(dtype=np.int64) for name in ("u", "v"))
    travelled: BoolArray = ~edges["is_transfer"].to_numpy(dtype=bool)
    names, code = np.unique(edges["mode"].to_numpy(dtype=object)[travelled], return_inverse=True)
    used = np.zeros((n, len(names)), dtype=bool)
    used[u[travelled], code] = used[v[travelled], code] = True
    modes = np.full(n, "", dtype=object)
    for i, name in enumerate(names):
        modes[used[:, i]] += np.where(modes[used[:, i]] == "", name, ";" + name)
    data = {
        "component": components(u, v, n) if n else np.empty(0, dtype=np.int64),
        "degree": np.bincount(np.concatenate([u, v]), minlength=n).astype(np.int64),
        "modes": pd.array(modes.tolist(), dtype="str"),
    }
    return gpd.GeoDataFrame(data, geometry=shapely.points(xy), crs=edges.crs)
