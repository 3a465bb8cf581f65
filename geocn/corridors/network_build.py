"""Lines of several modes noded one mode at a time, and joined by transfers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import ParameterError, SchemaError
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import LONLAT, has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m, geodesic_length_km
from geocn.spatial.network import Network, NetworkReport, in_space
from geocn.spatial.network_build import build_network
from geocn.spatial.network_noding import ONE_PLACE_M
from geocn.spatial.network_split import split_at

TRANSFER = "transfer"


class Built(NamedTuple):
    """What a route network is made of."""

    node_xy: FloatArray
    edges: gpd.GeoDataFrame
    report: pd.DataFrame
    left_out: list[Any]


def joined_modes(
    lines: gpd.GeoDataFrame | Mapping[str, gpd.GeoDataFrame],
    *,
    mode: str,
    cost: str | None,
    speeds_kmh: Mapping[str, float],
    one_way: str | None,
    keep: tuple[str, ...],
    transfers: float | Mapping[tuple[str, str], float],
    points: gpd.GeoDataFrame | None,
    transfer_m: float,
    snap_m: float,
) -> Built:
    """Build the network of each mode and join them; see ``route_network``."""
    table = _table(lines, mode)
    used = _columns(table, cost, speeds_kmh, one_way, keep)
    parts: dict[str, Network] = {}
    for name in dict.fromkeys(table["mode"]):
        ways = gpd.GeoDataFrame(geometry=table.geometry[table["mode"] == name])
        only = used["is_one_way"][ways.index].to_numpy()
        parts[name] = build_network(ways, snap_m=snap_m, one_way=only, layer=f"{name} lines")
    reports = {name: asdict(part.report) for name, part in parts.items()}
    xy = None
    if points is not None:
        at = gpd.GeoDataFrame(geometry=points.geometry[has_geometry(points)])
        xy = shapely.get_coordinates(
            shapely.point_on_surface(to_lonlat(at, "transfer_points").geometry.to_numpy())
        )
    parts, pairs = _meetings(parts, transfers, xy, transfer_m)
    frames = []
    base = dict(zip(parts, _bases(parts), strict=True))
    for name, part in parts.items():
        frames.append(_edges(part, used[table["mode"] == name], base[name]))
    node_xy = np.concatenate([np.empty((0, 2)), *(part.node_xy for part in parts.values())])
    for (a, b), (one, other) in pairs.items():
        ends = node_xy, one + base[a], other + base[b]
        frames.append(_transfer_edges(ends, used, transfers, (a, b)))
        for name in (a, b):
            reports[name]["n_transfers"] = reports[name].get("n_transfers", 0) + len(one)
    edges = pd.concat([_no_edges(used), *(f for f in frames if len(f))], ignore_index=True)
    report = pd.DataFrame.from_dict(reports, orient="index", columns=_REPORTED)
    report = report.fillna(0).astype("int64").rename_axis("mode")
    left_out = list(table["line"][~has_geometry(table)])
    return Built(node_xy, edges, report, left_out)


_REPORTED = [*NetworkReport.__dataclass_fields__, "n_transfers"]


def _table(lines: gpd.GeoDataFrame | Mapping[str, gpd.GeoDataFrame], mode: str) -> gpd.GeoDataFrame:
    """All lines in degrees, with ``line`` (label), ``mode`` and their own columns."""
    if isinstance(lines, Mapping):
        if not lines:
            raise ParameterError("lines is an empty mapping; give at least one layer of lines")
        layers = [
            _renamed(to_lonlat(frame, f"{name} lines")).assign(mode=name, line=frame.index)
            for name, frame in lines.items()
        ]
        return gpd.GeoDataFrame(pd.concat(layers, ignore_index=True), crs=LONLAT)
    if mode not in lines:
        raise SchemaError(
            "lines",
            found=f"no column {mode!r}",
            expected="the mode of travel of each line",
            repair='Name the column, or give {"road": roads, "river": rivers}.',
        )
    frame = _renamed(to_lonlat(lines, "lines"))
    unnamed = frame[mode].isna()
    if unnamed.any():
        raise SchemaError("lines", found="no mode", expected="a mode of travel in each row",
                          rows=list(lines.index[unnamed]))  # fmt: skip
    frame = frame.assign(line=frame.index, mode=frame[mode].astype("str"))
    return frame.reset_index(drop=True)


def _renamed(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    known = frame.geometry.name == "geometry"
    return frame if known else frame.rename_geometry("geometry")


def _columns(
    table: gpd.GeoDataFrame,
    cost: str | None,
    speeds: Mapping[str, float],
    one_way: str | None,
    keep: tuple[str, ...],
) -> pd.DataFrame:
    """Columns of each line that its edges take: cost a metre, direction, and those kept."""
    taken = {"line", "mode", "u", "v", "length_m", "cost", "is_one_way", "is_transfer"}
    if taken & set(keep):
        raise ParameterError(f"keep names {sorted(taken & set(keep))}, which edges have anyway")
    missing = [n for n in (cost, one_way, *keep) if n is not None and n not in table]
    if missing:
        raise SchemaError("lines", found=f"no column {', '.join(map(repr, missing))}")
    if cost is None:
        unknown = sorted(set(table["mode"]) - set(speeds))
        if unknown:
            raise ParameterError(
                f"no speed for the modes {unknown}; give speeds_kmh={{{unknown[0]!r}: …}}"
            )
        a_metre = 60 / 1000 / table["mode"].map(dict(speeds)).to_numpy(dtype=float)
    else:
        whole = pd.to_numeric(table[cost], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        wrong = has_geometry(table) & ~(np.isfinite(whole) & (whole >= 0))
        if wrong.any():
            raise SchemaError(
                "lines",
                found=f"{cost} that is negative or no number",
                expected="costs of 0 or more",
                rows=list(table["line"][wrong]),
            )
        length = 1000 * np.asarray(geodesic_length_km(shortest_way(table.geometry.to_numpy())))
        a_metre = whole / np.where(length > 0, length, 1.0)
    line = table["line"]
    # A transfer comes from no line: whole numbers must bear that.
    line = line.astype("Int64") if pd.api.types.is_integer_dtype(line.dtype) else line
    columns: dict[str, Any] = {"line": line, "mode": table["mode"], "a_metre": a_metre}
    way = table[one_way].fillna(value=False) if one_way else False
    columns["is_one_way"] = pd.Series(way, index=table.index).astype(bool)
    return pd.DataFrame(columns | {name: table[name] for name in keep}, index=table.index)


def _meetings(
    parts: dict[str, Network],
    transfers: float | Mapping[tuple[str, str], float],
    points: FloatArray | None,
    reach_m: float,
) -> tuple[dict[str, Network], dict[tuple[str, str], tuple[IntArray, IntArray]]]:
    """Cut lines where other modes join them, and pair the nodes of each two modes."""
    names = list(parts)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    pairs = [(a, b) for a, b in pairs if _costs(transfers, a, b) != (None, None)]
    wanted: dict[str, list[FloatArray]] = {name: [] for name in names}
    for a, b in pairs:
        for one, other in ((a, b), (b, a)):
            wanted[one].append(_ends(parts[other]) if points is None else points)
    nodes: dict[str, tuple[FloatArray, IntArray]] = {}
    for name, asked in wanted.items():
        if asked:
            xy = np.unique(np.concatenate(asked), axis=0)
            place = parts[name].place_xy(xy, reach_m=max(reach_m, ONE_PLACE_M))
            split = split_at(parts[name], place.edge, place.offset_m)
            parts[name], nodes[name] = split.network, (xy, split.node)
    found = {}
    for a, b in pairs:
        if points is None:
            both = [_near(parts, nodes, a, b), _near(parts, nodes, b, a)[::-1]]
            pair = np.unique(np.concatenate(both, axis=1).T, axis=0)
        else:
            pair = np.column_stack([nodes[a][1], nodes[b][1]])
            pair = np.unique(pair[(pair >= 0).all(axis=1)], axis=0)
        found[a, b] = pair[:, 0].astype(np.int64), pair[:, 1].astype(np.int64)
    return parts, found


def _ends(part: Network) -> FloatArray:
    xy: FloatArray = part.node_xy[part.degree == 1]
    return xy


def _near(
    parts: dict[str, Network], nodes: dict[str, tuple[FloatArray, IntArray]], a: str, b: str
) -> AnyArray:
    """Find the ends of the lines of ``a`` beside their node on the lines of ``b``: two rows."""
    xy, node = nodes[b]
    ends = np.flatnonzero(parts[a].degree == 1)
    if not len(ends) or not len(xy):
        return np.empty((2, 0), dtype=np.int64)
    crs = parts[a].crs
    off, row = cKDTree(in_space(xy, crs)).query(in_space(parts[a].node_xy[ends], crs))
    beside = node[np.asarray(row, dtype=np.int64)]
    joined = (np.asarray(off) <= ONE_PLACE_M) & (beside >= 0)
    return np.vstack([ends[joined], beside[joined]])


def _costs(
    transfers: float | Mapping[tuple[str, str], float], a: str, b: str
) -> tuple[float | None, float | None]:
    """Cost of changing from a to b, and back; None where one cannot."""
    if not isinstance(transfers, Mapping):
        return float(transfers), float(transfers)
    there, back = transfers.get((a, b)), transfers.get((b, a))
    return (back if there is None else there), (there if back is None else back)


def _bases(parts: dict[str, Network]) -> list[int]:
    counts = [len(part.node_xy) for part in parts.values()]
    return [int(n) for n in np.append(0, np.cumsum(counts))[:-1]]


def _edges(part: Network, rows: pd.DataFrame, base: int) -> gpd.GeoDataFrame:
    given = rows.loc[part.labels[part.row]].reset_index(drop=True)
    given["u"], given["v"] = part.u + base, part.v + base
    given["length_m"] = part.length_m
    given["cost"] = given.pop("a_metre") * part.length_m
    given["is_transfer"] = False
    return gpd.GeoDataFrame(given, geometry=part.lines, crs=LONLAT)[_order(rows)]


def _order(rows: pd.DataFrame) -> list[str]:
    first = ["line", "mode", "u", "v", "length_m", "cost", "is_one_way", "is_transfer"]
    kept = [
        name for name in map(str, rows) if name not in {"line", "mode", "a_metre", "is_one_way"}
    ]
    return [*first, *kept, "geometry"]


def _transfer_edges(
    ends: tuple[FloatArray, IntArray, IntArray],
    rows: pd.DataFrame,
    transfers: float | Mapping[tuple[str, str], float],
    names: tuple[str, str],
) -> gpd.GeoDataFrame:
    xy, one, other = ends
    there, back = _costs(transfers, *names)
    ways = [(one, other, there)] if there == back else [(one, other, there), (other, one, back)]
    frames = []
    for u, v, cost in ways:
        at = np.stack([xy[u], xy[v]], axis=1).reshape(-1, 2, 2)
        # Both stand beside the antimeridian: the short way has no length worth drawing.
        at[:, 1, 0] = np.where(np.abs(at[:, 1, 0] - at[:, 0, 0]) > 180, at[:, 0, 0], at[:, 1, 0])
        data = {
            "line": pd.Series([None] * len(u), dtype=rows["line"].dtype),
            "mode": TRANSFER,
            "u": u,
            "v": v,
            "length_m": distance_m(*xy[u].T, *xy[v].T) if len(u) else np.empty(0),
            "cost": float(cost or 0.0),
            "is_one_way": there != back,
            "is_transfer": True,
        }
        shapes = shapely.linestrings(at) if len(u) else np.empty(0, dtype=object)
        frames.append(gpd.GeoDataFrame(data, geometry=shapes, crs=LONLAT))
    return pd.concat(frames, ignore_index=True).reindex(columns=_order(rows))


def _no_edges(rows: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return a frame without rows that fixes the types of the columns."""
    kinds = {"u": "int64", "v": "int64", "length_m": "float64", "cost": "float64"}
    kinds |= {"is_one_way": "bool", "is_transfer": "bool", "mode": "str"}
    data = {n: pd.Series(dtype=kinds.get(n) or rows[n].dtype) for n in _order(rows)[:-1]}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=LONLAT), crs=LONLAT)
