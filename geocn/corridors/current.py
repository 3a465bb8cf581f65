"""Current through a landscape or a network: circuit theory of connection."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import AnyArray
from geocn.corridors.current_input import (
    FocalLike,
    Resistive,
    Wiring,
    grounds_of,
    positions_of,
    sources_of,
    strengths_of,
    wire_network,
    wire_raster,
)
from geocn.corridors.current_solve import Tally, advanced, one_and_all, pairwise
from geocn.errors import ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.graph_solve import SolverName, chosen

CurrentMode: TypeAlias = Literal["pairwise", "one_to_all", "all_to_one", "advanced"]


@dataclass(frozen=True)
class CurrentFlow:
    """What flows, and what it meets.

    Attributes
    ----------
    resistances : DataFrame
        Pairwise: effective resistance in ohms, focal places by focal places, NaN where
        nothing joins a pair or it was not asked for. Otherwise one row a focal place with
        the column ``resistance``: power over the square of the current (voltage over
        current where there is one source); in advanced mode voltage over current of each
        source.
    current : DataArray, or Series by node of a network
        Amperes through each cell or node, summed over all solutions.
    maximum : DataArray or Series
        The most in any one solution.
    voltages, currents : dict
        Maps of each solution where they were asked for, by pair of labels, by label, or
        under ``"advanced"``. Voltage is 0 at the ground and NaN where none is defined.
    branches : DataFrame or None
        The edges of a network with the column ``current``, summed over all solutions.
    unreachable : list
        Pairs of labels that nothing joins; in advanced mode sources without a ground.
    """

    resistances: pd.DataFrame
    current: xr.DataArray | pd.Series[Any]
    maximum: xr.DataArray | pd.Series[Any]
    voltages: dict[Any, Any]
    currents: dict[Any, Any]
    branches: pd.DataFrame | None
    unreachable: list[Any]


def current_flow(
    resistance: xr.DataArray | pd.DataFrame,
    focal: FocalLike,
    *,
    mode: CurrentMode = "pairwise",
    neighbours: int = 8,
    average: Resistive = "resistance",
    values: Resistive = "resistance",
    regions: xr.DataArray | gpd.GeoDataFrame | Iterable[Any] | None = None,
    mask: xr.DataArray | gpd.GeoDataFrame | None = None,
    pairs: Literal["all"] | Iterable[tuple[Any, Any]] = "all",
    excluded: Iterable[tuple[Any, Any]] = (),
    strengths: str | Mapping[Any, float] | None = None,
    grounds: Any = None,
    maps: Collection[str] = (),
    solver: SolverName = "auto",
) -> CurrentFlow:
    """Let a current flow between focal places, as Circuitscape does.

    Current takes every way there is, more where resistance is less: a narrow way that all of
    it must take is a chokepoint, and resistance falls where there are many ways.

    Parameters
    ----------
    resistance : xarray.DataArray, or DataFrame with columns ``u, v, resistance``
        Ohms of each cell, above zero, with a CRS; NaN, no data and infinity are barriers. Or
        the edges of a network.
    focal : GeoDataFrame, pairs of (row, column), or DataArray of whole numbers above 0
        Places by index label or number, in any CRS. One of several cells is a focal region:
        its cells are one node while it is itself connected (in the other modes always). In
        advanced mode the sources; a DataArray then holds their amperes. For a network its
        nodes, or a mapping from label to node or nodes.
    mode : {"pairwise", "one_to_all", "all_to_one", "advanced"}
        1 A between each pair; from each place in turn with all others grounded; from all
        others with each in turn grounded; or from given sources to given grounds.
    neighbours : {8, 4}
        Cells that a cell of a raster touches.
    average : {"resistance", "conductance"}
        Whether two cells are joined by their mean resistance or their mean conductance.
    values : {"resistance", "conductance"}
        What the raster holds, or which column the edges have.
    regions : DataArray of numbers above 0, GeoDataFrame, or lists of nodes, optional
        Places within which there is no resistance, joined in every solution.
    mask : DataArray or GeoDataFrame, optional
        Cells (above 0, or touched) outside which nothing flows.
    pairs, excluded : "all" or pairs of labels
        Which focal places are joined, and which are not.
    strengths : str or mapping, optional
        Amperes of each source, 1 by default: a column of ``focal``, or by label.
    grounds : GeoDataFrame, pairs, DataArray, nodes or mapping, optional
        Advanced mode: where current leaves, tied directly or through the ohms of a column
        ``resistance``, of the DataArray, or of the mapping. A row's ohms, and a source's
        amperes, are shared by its cells.
    maps : collection of {"voltage", "current"}
        Maps to keep of each solution.
    solver : {"auto", "direct", "multigrid"}
        See :func:`geocn.spatial.graph_solve.chosen`.

    Returns
    -------
    CurrentFlow

    Raises
    ------
    RasterError, CRSError
        Where the raster is rotated, without CRS, or has cells of zero or negative
        resistance, or another raster is not on its cells.
    CoordinateError
        Where a place lies outside, on a barrier or on no data.
    SchemaError
        Where fewer than two places are given, labels stand twice, edges, strengths or
        grounds are wrong, or no source has a ground.
    ParameterError
        Where an option is unknown or does not fit the mode.

    Notes
    -----
    Kirchhoff's laws (McRae et al. 2008, doi:10.1890/07-1861.1). The n focal nodes need n - 1
    solutions of one system; those of all pairs, and the other modes, are sums of them. The
    current of a cell is what comes in, from its neighbours and from outside. In cells that
    are not square the steps are weighed so that a uniform sheet conducts alike in all
    directions; a raster that spans 360 degrees wraps.

    Examples
    --------
    >>> import pandas as pd
    >>> edges = pd.DataFrame({"u": list("aab"), "v": list("bcc"), "resistance": [1.0, 1.0, 1.0]})
    >>> float(current_flow(edges, ["a", "c"]).resistances.loc["a", "c"].round(6))
    0.666667
    """
    kept, barred = set(maps), list(excluded)
    _check(mode, neighbours, average, values, kept, solver, strengths, grounds)
    listed = pairs if isinstance(pairs, str) else [tuple(pair) for pair in pairs]
    if isinstance(resistance, pd.DataFrame):
        if mask is not None:
            raise ParameterError("mask is for rasters; leave edges out of the table instead")
        wiring = wire_network(resistance, values=values, regions=regions)
    else:
        wiring = wire_raster(
            resistance, values=values, average=average, neighbours=neighbours, regions=regions,
            mask=mask,
        )  # fmt: skip
    tally = Tally(wiring, kept, solver)
    if mode == "advanced":
        frame, lost, left_out = _advanced(tally, focal, strengths, grounds)
    else:
        frame, lost, left_out = _focal(tally, focal, (mode, listed, barred, strengths))
    told = {
        "mode": mode, "neighbours": neighbours, "average": average, "values": values,
        "regions": regions is not None, "mask": mask is not None,
        "pairs": listed, "excluded": barred, "grounds": grounds is not None,
        "strengths": strengths if isinstance(strengths, str) else strengths is not None,
        "maps": kept, "solver": solver, "solvers": tally.solvers, "crs": wiring.crs,
        "n_nodes": wiring.graph.n, "left_out": left_out, "unreachable": lost,
    }  # fmt: skip
    return _result(resistance, wiring, tally, (frame, lost), told)


def _check(  # noqa: PLR0917
    mode: str,
    neighbours: int,
    average: str,
    values: str,
    maps: set[str],
    solver: SolverName,
    strengths: Any,
    grounds: Any,
) -> None:
    faults = []
    if mode not in get_args(CurrentMode):
        faults.append(f"mode is {mode!r}; choose one of {', '.join(get_args(CurrentMode))}")
    if neighbours not in (4, 8):
        faults.append(f"neighbours is {neighbours!r}; choose 8 or 4")
    for name, given in (("average", average), ("values", values)):
        if given not in get_args(Resistive):
            faults.append(f"{name} is {given!r}; choose 'resistance' or 'conductance'")
    if not maps <= {"voltage", "current"}:
        faults.append(f"maps is {sorted(maps)!r}; choose among 'voltage' and 'current'")
    if mode == "pairwise" and strengths is not None:
        faults.append("strengths do not fit pairwise mode, where 1 A flows")
    if (mode == "advanced") != (grounds is not None):
        faults.append("grounds are for advanced mode, which needs them")
    if faults:
        raise ParameterError("; ".join(faults))
    chosen(solver, 1, 1)


def _focal(
    tally: Tally, focal: Any, asked: tuple[Any, ...]
) -> tuple[pd.DataFrame, list[Any], list[Any]]:
    mode, pairs, excluded, strengths = asked
    labels, sites, left_out = tally.wiring.find(focal, "focal")
    tally.labels = labels
    if len(labels) < 2:
        raise SchemaError(
            "focal",
            found=f"{len(labels)} places",
            expected="two or more between which a current flows",
            repair="Add places, or use mode='advanced' with sources and grounds.",
            rows=labels,
        )
    wanted = positions_of(labels, pairs, excluded)
    index = (
        focal.index if isinstance(focal, (gpd.GeoDataFrame, gpd.GeoSeries)) else pd.Index(labels)
    )
    index = index[index.isin(labels)] if len(index) != len(labels) else index
    if mode == "pairwise":
        found = pairwise(tally, sites, wanted)
        lost = [[labels[i], labels[j]] for i, j in wanted if np.isnan(found[i, j])]
        return pd.DataFrame(found, index=index, columns=index), lost, left_out
    amperes = strengths_of(strengths, focal, labels, positive=True)
    each, apart = one_and_all(tally, sites, wanted, amperes, to_one=mode == "all_to_one")
    lost = [[labels[i], labels[j]] for i, j in apart]
    return pd.DataFrame({"resistance": each}, index=index), lost, left_out


def _advanced(
    tally: Tally, focal: Any, strengths: Any, grounds: Any
) -> tuple[pd.DataFrame, list[Any], list[Any]]:
    labels, sites, amperes = sources_of(tally.wiring, focal, strengths)
    if not labels:
        raise SchemaError(
            "focal",
            found="no source",
            expected="one or more",
            repair="Give places, or a raster with amperes.",
        )
    tally.labels = labels
    ground = grounds_of(tally.wiring, grounds)
    found, lost = advanced(tally, sites, amperes, ground)
    return pd.DataFrame({"resistance": found}, index=pd.Index(labels)), lost, []


def _result(
    given: xr.DataArray | pd.DataFrame,
    wiring: Wiring,
    tally: Tally,
    found: tuple[pd.DataFrame, list[Any]],
    told: dict[str, Any],
) -> CurrentFlow:
    name = "corridors.current_flow"
    frame, lost = found
    amperes = {"units": "ampere"}

    def total(by_node: AnyArray, what: str) -> Any:
        return attach(wiring.restore(by_node, what, amperes), name, **told)

    branches = None
    if isinstance(given, pd.DataFrame):
        branches = attach(given.assign(current=tally.branches), name, **told)
    return CurrentFlow(
        resistances=attach(frame, name, **told),
        current=total(tally.cumulative, "current"),
        maximum=total(tally.maximum, "maximum"),
        voltages=tally.voltages,
        currents=tally.currents,
        branches=branches,
        unreachable=lost,
    )
