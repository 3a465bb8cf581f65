"""The cost of reaching every place from the nearest of several sources."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from geocn._typing import FloatArray, StrPath
from geocn.corridors._blocks import Slopes, by_blocks, fits, write_cost
from geocn.corridors._islands import Islands
from geocn.errors import ParameterError
from geocn.io.raster import read_raster
from geocn.provenance import attach
from geocn.spatial.cost import (
    CostField,
    FrictionSurface,
    Sites,
    SitesLike,
    friction_surface,
    locate_sites,
)
from geocn.spatial.cost_slope import SlopeLike, slope_factors


def cost_surface(
    friction: xr.DataArray | StrPath,
    sources: SitesLike,
    *,
    neighbours: int = 16,
    max_cost: float | None = None,
    elevation: xr.DataArray | StrPath | None = None,
    slope: SlopeLike = "tobler",
    to: StrPath | None = None,
    memory_budget_mb: float = 2048.0,
    progress: Callable[[str], None] | None = None,
) -> xr.Dataset:
    """Accumulate least cost from the sources to every cell.

    The cost of a step between two cell centres is the integral of friction along the
    straight line between them: mean friction of the cells it crosses times its length in
    metres (geodesic in a geographic CRS, planar otherwise). A raster that spans 360
    degrees wraps at the antimeridian.

    Parameters
    ----------
    friction : xarray.DataArray or path
        Cost per metre, above zero, with a CRS. NaN, no data and infinity are barriers. A
        path of a GeoTIFF or COG is read whole, or by blocks where ``to`` is given and the
        work does not fit into ``memory_budget_mb``.
    sources : GeoDataFrame or pairs of (row, column)
        Points, lines or areas in any CRS (brought to that of the raster). Rows without a
        geometry are left out and named in ``attrs``.
    neighbours : {16, 8}
        Steps out of a cell. The cost of a straight line is at most 2.75 % too high with
        16 and 8.24 % with 8.
    max_cost : float, optional
        Cells dearer than this are not reached, and no work is done for them.
    elevation : xarray.DataArray or path, optional
        Metres, on the cells of ``friction``. Each step is then multiplied by a factor of
        its slope in the direction of travel, away from the sources. A run by blocks takes
        the path of a GeoTIFF or COG.
    slope : {"tobler", "langmuir"}, callable, mapping or sequence of (slope, factor)
        That factor by rise over run; see :func:`geocn.spatial.cost_slope.slope_factors`.
    to : path, optional
        Write the result there as a COG of float64 (band 1 cost, band 2 allocation, NaN where
        nothing arrives), whole or not at all. A run by blocks reads its result from it when
        asked, and gives allocation as the file has it.
    memory_budget_mb : float
        What a run from path to path may hold in memory.
    progress : callable, optional
        Is told in words how far a run by blocks is.

    Returns
    -------
    xarray.Dataset
        ``accumulated``: cost, NaN where nothing arrives. ``allocation``: position in
        ``sources`` of the source that is cheapest to come from (the first of equals),
        -1 where nothing arrives; ``allocation.attrs["labels"]`` holds the index labels.
        ``attrs["geocn"]`` names passable ground that no source reaches
        (``islands_unreached``: cells, and x and y of one of them, the 100 largest) and
        sources that stand wholly on cells of earlier ones (``duplicated_sources``), which
        are nearest to nothing.

    Raises
    ------
    RasterError, CRSError
        Where friction is not above zero, has no CRS, or is rotated.
    CoordinateError
        Where a source lies outside the raster, on a barrier or on no data.
    ParameterError
        Where ``neighbours``, ``max_cost``, ``slope`` or ``memory_budget_mb`` is out of
        range, or a raster beyond the budget comes with ``elevation`` that is no path.
    WriteError
        Where ``to`` could not be written.

    Notes
    -----
    The least over all paths of the sum along the path, in float64, found by sweeps over
    tiles (a fixpoint, the same to the last bit for any number of threads) and by Dijkstra's
    algorithm (doi:10.1007/BF01386390) in mazes and on slopes. With 8 neighbours the result
    equals ``skimage.graph.MCP_Geometric`` and GRASS ``r.cost``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> axis = np.arange(5) * 1000.0
    >>> friction = xr.DataArray(np.ones((5, 5)), {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> result = cost_surface(friction.rio.write_crs("EPSG:32618"), [(2, 2)])
    >>> float(result.accumulated[2, 4])
    2000.0
    """
    if max_cost is not None and not max_cost >= 0:
        raise ParameterError(f"max_cost is {max_cost!r}; give a cost of 0 or more")
    if not memory_budget_mb > 0:
        raise ParameterError(f"memory_budget_mb is {memory_budget_mb!r}; give megabytes above 0")
    limit = np.inf if max_cost is None else float(max_cost)
    asked = {
        "neighbours": neighbours, "max_cost": max_cost, "elevation": elevation is not None,
        "slope": slope if isinstance(slope, str) else "given", "to": to and str(to),
        "memory_budget_mb": memory_budget_mb, "progress": progress is not None,
    }  # fmt: skip
    if (
        to is not None
        and isinstance(friction, (str, PathLike))
        and not fits(friction, memory_budget_mb, slopes=elevation is not None)
    ):
        slopes = None
        if isinstance(elevation, (str, PathLike)):
            slopes = Slopes(elevation, slope_factors(slope))
        elif elevation is not None:
            raise ParameterError(
                "friction is worked on by blocks; give elevation as the path of a GeoTIFF too"
            )
        return by_blocks(
            friction, sources, to, neighbours=neighbours, max_cost=limit,
            memory_budget_mb=memory_budget_mb, slopes=slopes, progress=progress, asked=asked,
        )  # fmt: skip
    surface = friction_surface(
        _held(friction),
        neighbours=neighbours,
        elevation=None if elevation is None else _held(elevation),
        slope=slope,
    )
    sites = locate_sites(surface, sources, "sources")
    field = surface.accumulate(sites.cells, sites.owners, max_cost=limit)
    facts = _facts(surface, sites, field.cost)
    result = attach(_result(field, sites), "corridors.cost_surface", **asked, **facts)
    return result if to is None else write_cost(result, to)


def _held(raster: xr.DataArray | StrPath) -> xr.DataArray:
    return read_raster(raster) if isinstance(raster, (str, PathLike)) else raster


def _result(field: CostField, sites: Sites) -> xr.Dataset:
    grid = field.surface.grid
    cost = field.cost  # not used again, so not copied
    cost[cost == np.inf] = np.nan
    accumulated = grid.restore(
        cost,
        name="accumulated",
        attrs={"long_name": "accumulated least cost", "units": "unit of friction x metre"},
    )
    allocation = grid.restore(
        field.owner,
        name="allocation",
        attrs={"long_name": "position of the nearest source", "labels": sites.labels},
        nodata=-1,
    )
    return xr.Dataset({"accumulated": accumulated, "allocation": allocation})


def _facts(surface: FrictionSurface, sites: Sites, cost: FloatArray) -> dict[str, Any]:
    n_reached = int(np.count_nonzero(cost < np.inf))
    n_unreached = int(np.count_nonzero(surface.friction < np.inf)) - n_reached
    islands = Islands(surface.grid)
    if n_unreached:
        islands.add((surface.friction < np.inf) & (cost == np.inf))
    return {
        "crs": surface.grid.crs,
        "n_sources": len(sites.labels) - len(sites.left_out),
        "left_out": sites.left_out,
        "duplicated_sources": sites.duplicated,
        "n_cells_reached": n_reached,
        "n_cells_unreached": n_unreached,
        **islands.facts(),
    }
