"""What a circuit is made of: conductors, focal places, regions, strengths and grounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._kernels.graph import CONDUCTANCE, CONDUCTANCE_OF_RESISTANCE
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import CoordinateError, LayerError, ParameterError, RasterError, SchemaError
from geocn.spatial.cost import Sites, SitesLike, place_sites
from geocn.spatial.graph import Graph, edge_graph, face_lengths, raster_graph
from geocn.spatial.raster_grid import RasterGrid, grid_on_cells, raster_grid

Resistive: TypeAlias = Literal["resistance", "conductance"]
#: Places of a circuit: a layer or cells of a raster, or nodes of a network.
FocalLike: TypeAlias = SitesLike | xr.DataArray | Mapping[Any, Any] | Iterable[Any]


#: Sums of conductances keep 16 digits, and results six.
_CONTRAST = 1e10


@dataclass(frozen=True)
class Wiring:
    """A circuit without its sources.

    Attributes
    ----------
    graph : Graph
        Conductances.
    groups : list of arrays
        Nodes joined without resistance.
    find : callable
        Reads focal places as labels, nodes of each, and labels without a place.
    restore : callable
        Brings values by node, a name and its attributes to the shape of the input.
    branches : (u, v, conductance), optional
        Edges of a network.
    crs : Any
        Of the raster.
    drawn : callable, optional
        Reads sources and grounds drawn on a raster as nodes and values.
    """

    graph: Graph
    groups: list[IntArray]
    find: Callable[[Any, str], tuple[list[Any], list[IntArray], list[Any]]]
    restore: Callable[[FloatArray, str, dict[str, str]], Any]
    crs: Any = None
    branches: tuple[IntArray, IntArray, FloatArray] | None = None
    drawn: Callable[[xr.DataArray, str], tuple[IntArray, FloatArray]] | None = None


def wire_raster(
    resistance: xr.DataArray,
    *,
    values: Resistive,
    average: Resistive,
    neighbours: int,
    regions: Any,
    mask: Any,
) -> Wiring:
    """Read a raster as a circuit; see :func:`geocn.corridors.current_flow`."""
    grid = raster_grid(resistance, "resistance")
    worth, is_node, shorted = _conductors(grid, values, regions, mask)
    if average != values:
        worth = 1 / worth
    kind = CONDUCTANCE_OF_RESISTANCE if average == "resistance" else CONDUCTANCE
    graph = raster_graph(
        grid,
        worth,
        is_node.reshape(grid.shape),
        lengths=face_lengths(grid, neighbours),
        neighbours=neighbours,
        kind=kind,
    )

    def find(focal: Any, layer: str) -> tuple[list[Any], list[IntArray], list[Any]]:
        sites = _cells_of(focal, grid, layer, lambda cells: is_node[cells])
        here = np.unique(sites.owners)
        nodes = [np.unique(graph.nodes(sites.of(int(i)))) for i in here]
        return [sites.labels[i] for i in here], nodes, sites.left_out

    def restore(by_node: FloatArray, name: str, attrs: dict[str, str]) -> xr.DataArray:
        return grid.restore(graph.on_raster(by_node), name=name, attrs=attrs)

    def drawn(array: xr.DataArray, layer: str) -> tuple[IntArray, FloatArray]:
        cells, found = _drawn(array, grid, layer)
        off = ~is_node[cells]
        if off.any():
            raise CoordinateError(
                layer,
                found=f"{int(off.sum())} cells on no data or outside the mask",
                expected="cells that conduct",
                repair="Clear these cells.",
            )
        return graph.nodes(cells), found

    groups = [graph.nodes(cells) for cells in shorted]
    return Wiring(graph, groups, find, restore, crs=grid.crs, drawn=drawn)


def wire_network(edges: pd.DataFrame, *, values: Resistive, regions: Any) -> Wiring:
    """Read a table of edges as a circuit; see :func:`geocn.corridors.current_flow`."""
    graph, names, u, v = edge_graph(edges, values, invert=values == "resistance")

    def find(focal: Any, layer: str) -> tuple[list[Any], list[IntArray], list[Any]]:
        places = dict(focal) if isinstance(focal, (Mapping, pd.Series)) else focal
        if not isinstance(places, dict):
            keys = list(places)
            if len(set(keys)) < len(keys):
                raise SchemaError(
                    layer,
                    found="nodes that stand twice",
                    expected="each node once",
                    repair="Leave the repeats out, or give a mapping from label to nodes.",
                    rows=[key for key in keys if keys.count(key) > 1],
                )
            places = {key: key for key in keys}
        several = {k: n if isinstance(n, (list, tuple, set)) else [n] for k, n in places.items()}
        nodes = [np.unique(names.get_indexer(pd.Index(list(n)))) for n in several.values()]
        away = [k for k, n in zip(several, nodes, strict=True) if len(n) == 0 or n[0] < 0]
        if away:
            raise CoordinateError(
                layer,
                found="places at nodes that no edge has",
                expected="nodes of the columns u and v",
                repair="Check the names and types of the nodes.",
                rows=away,
            )
        return list(several), nodes, []

    def restore(by_node: FloatArray, name: str, attrs: dict[str, str]) -> pd.Series[Any]:
        found = pd.Series(by_node, index=names.rename("node"), name=name)
        found.attrs.update(attrs)
        return found

    groups = [] if regions is None else find(dict(enumerate(regions)), "regions")[1]
    given = edges[values].to_numpy(dtype=np.float64)
    _refuse_contrast(given, SchemaError, "edges")
    conducts = 1 / given if values == "resistance" else given
    return Wiring(graph, groups, find, restore, branches=(u, v, conducts))


def positions_of(
    labels: list[Any], pairs: Iterable[tuple[Any, Any]] | str, excluded: Iterable[tuple[Any, Any]]
) -> list[tuple[int, int]]:
    """Pairs of positions that are asked for, the lower first, in order.

    Raises
    ------
    ParameterError
        Where a pair names a label that is not there, or one label twice.
    """
    at = {label: i for i, label in enumerate(labels)}
    listed = [] if isinstance(pairs, str) else [tuple(pair) for pair in pairs]
    barred = [tuple(pair) for pair in excluded]
    if isinstance(pairs, str) and pairs != "all":
        raise ParameterError(f"pairs is {pairs!r}; choose 'all' or a list of pairs of labels")
    bad = [p for p in (*listed, *barred) if len(p) != 2 or p[0] == p[1] or not set(p) <= set(at)]
    if bad:
        raise ParameterError(
            f"{len(bad)} pairs are not of two focal places that are there: {bad[:3]}"
        )

    def ordered(some: list[tuple[Any, ...]]) -> set[tuple[int, int]]:
        return {(min(at[a], at[b]), max(at[a], at[b])) for a, b in some}

    n = len(labels)
    every = {(i, j) for i in range(n) for j in range(i + 1, n)}
    return sorted((every if isinstance(pairs, str) else ordered(listed)) - ordered(barred))


def strengths_of(strengths: Any, focal: Any, labels: list[Any], *, positive: bool) -> FloatArray:
    """Amperes of each focal place; 1 where nothing is said."""
    if strengths is None:
        return np.ones(len(labels))
    if isinstance(strengths, str):
        if not isinstance(focal, gpd.GeoDataFrame) or strengths not in focal.columns:
            raise SchemaError(
                "focal",
                found=f"no column {strengths!r}",
                expected="a column with the strength in amperes",
                repair="Name a column of the frame, or give a mapping from label to strength.",
            )
        given = focal[strengths].to_dict()
    else:
        given = dict(strengths)
    found = np.array([given.get(label, np.nan) for label in labels], dtype=np.float64)
    bad = ~np.isfinite(found) | (found == 0) | (positive & (found < 0))
    if bad.any():
        raise SchemaError(
            "strengths",
            found=f"{int(bad.sum())} strengths that are unknown, infinite, zero or negative",
            expected="amperes above zero" if positive else "amperes other than zero",
            repair="Give each focal place its strength, or leave it out.",
            rows=[label for label, wrong in zip(labels, bad, strict=True) if wrong],
        )
    return found


def sources_of(wiring: Wiring, focal: Any, strengths: Any) -> tuple[list[Any], list[IntArray], Any]:
    """Labels, nodes and amperes of the sources of an advanced circuit."""
    if isinstance(focal, xr.DataArray) and wiring.drawn is not None:
        nodes, amperes = wiring.drawn(focal, "focal")
        kept = amperes != 0
        alone = [nodes[kept][i : i + 1] for i in range(int(kept.sum()))]
        return list(range(len(alone))), alone, amperes[kept]
    labels, places, _ = wiring.find(focal, "focal")
    return labels, places, strengths_of(strengths, focal, labels, positive=False)


def grounds_of(wiring: Wiring, grounds: Any) -> FloatArray:
    """Conductance of each node to ground, infinite where it is tied to it."""
    if isinstance(grounds, xr.DataArray) and wiring.drawn is not None:
        nodes, ohms = wiring.drawn(grounds, "grounds")
        places, labels = [nodes[i : i + 1] for i in range(len(nodes))], list(range(len(nodes)))
    elif wiring.branches is not None:
        given = dict(grounds) if isinstance(grounds, (Mapping, pd.Series)) else None
        labels, places, _ = wiring.find(list(given) if given is not None else grounds, "grounds")
        ohms = np.array([0.0 if given is None else given[k] for k in labels], dtype=np.float64)
    else:
        labels, places, _ = wiring.find(grounds, "grounds")
        ohms = np.zeros(len(labels))
        if isinstance(grounds, gpd.GeoDataFrame) and "resistance" in grounds.columns:
            ohms = grounds.loc[labels, "resistance"].to_numpy(dtype=np.float64)
    bad = ~(ohms >= 0) | np.isinf(ohms)
    if bad.any():
        raise SchemaError(
            "grounds",
            found=f"{int(bad.sum())} resistances that are negative, infinite or unknown",
            expected="ohms of 0 or more",
            repair="Give 0 for a direct tie to ground, or leave the ground out.",
            rows=[label for label, wrong in zip(labels, bad, strict=True) if wrong],
        )
    conductance = np.zeros(wiring.graph.n)
    for nodes, ohm in zip(places, ohms, strict=True):
        conductance[nodes] += np.inf if ohm == 0 else 1 / (ohm * len(nodes))
    return conductance


def _conductors(
    grid: RasterGrid, values: Resistive, regions: Any, mask: Any
) -> tuple[FloatArray, BoolArray, list[IntArray]]:
    """Values of the cells that conduct, which cells are nodes, and cells joined as one."""
    worth = _checked(grid, values)
    inside = np.ones(worth.size, bool)
    if mask is not None:
        inside[:] = False
        inside[_cells_of(mask, grid, "mask").cells] = True
    worth[~inside.reshape(grid.shape)] = np.nan
    shorted: list[IntArray] = []
    if regions is not None:
        found = _cells_of(regions, grid, "regions")
        shorted = [found.of(i)[inside[found.of(i)]] for i in np.unique(found.owners)]
    is_node = np.isfinite(worth).ravel()
    for cells in shorted:
        is_node[cells] = True
    return worth, is_node, shorted


def _checked(grid: RasterGrid, values: Resistive) -> FloatArray:
    worth = grid.values
    with np.errstate(invalid="ignore"):
        bad = worth <= 0 if values == "resistance" else (worth < 0) | np.isposinf(worth)
    if bad.any():
        rows, columns = np.nonzero(bad)
        x, y = grid.centres(rows[:100], columns[:100])
        kinds = "zero or negative" if values == "resistance" else "negative or infinite"
        raise RasterError(
            "resistance",
            found=f"{len(rows)} cells of {kinds} {values}",
            expected=f"{values} above zero; NaN for a barrier",
            repair="Join cells without resistance by regions, and clear the others.",
            rows=[f"x={a:g} y={b:g}" for a, b in zip(x, y, strict=True)],
        )
    worth[~np.isfinite(worth) | (worth == 0)] = np.nan
    _refuse_contrast(worth, RasterError, "resistance")
    return worth


def _refuse_contrast(worth: FloatArray, error: type[LayerError], layer: str) -> None:
    known = worth[np.isfinite(worth)]
    if known.size and known.max() > _CONTRAST * known.min():
        raise error(
            layer,
            found=f"values from {known.min():g} to {known.max():g}, a factor of "
            f"{known.max() / known.min():.0e}",
            expected=f"a factor of {_CONTRAST:.0e} or less: doubles lose the small ones beside "
            "the large",
            repair="Join what has next to no resistance by regions, and clear what has all but "
            "endless resistance.",
        )


def _cells_of(
    places: Any,
    grid: RasterGrid,
    layer: str,
    is_passable: Callable[[IntArray], BoolArray] | None = None,
) -> Sites:
    """Cells of a layer, of pairs of (row, column), or of a raster of numbers above 0."""

    def everywhere(cells: IntArray) -> BoolArray:
        return np.ones(len(cells), bool)

    passable = is_passable or everywhere
    if not isinstance(places, xr.DataArray):
        return place_sites(grid, passable, places, layer)
    cells, ids = _drawn(places, grid, layer)
    cells, ids = cells[ids > 0], ids[ids > 0]
    if not np.array_equal(ids, np.round(ids)):
        raise RasterError(
            layer,
            found="numbers with a fraction",
            expected="a whole number above 0 for each place",
            repair="Round the raster, or give the places as a layer.",
        )
    labels, owners = np.unique(ids.astype(np.int64), return_inverse=True)
    standing = passable(cells)
    off = sorted(set(range(len(labels))) - set(owners[standing].tolist()))
    if off:
        raise CoordinateError(
            layer,
            found=f"{len(off)} on a barrier or no data",
            expected="places on cells that conduct",
            repair="Move or drop these places.",
            rows=labels[off].tolist(),
        )
    return Sites(cells[standing], owners[standing].astype(np.int64), labels.tolist(), [])


def _drawn(array: xr.DataArray, grid: RasterGrid, layer: str) -> tuple[IntArray, AnyArray]:
    """Flat cells with a value, and the values, of a raster on the same cells."""
    flat = grid_on_cells(array, layer, grid, "resistance").values.ravel()
    cells = np.flatnonzero(np.isfinite(flat))
    return cells, flat[cells]
