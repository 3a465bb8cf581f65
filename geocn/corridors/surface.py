"""The cost of reaching every place from the nearest of several sources."""

from __future__ import annotations

import numpy as np
import scipy.ndimage
import xarray as xr

from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.cost import SitesLike, friction_surface, locate_sites


def cost_surface(
    friction: xr.DataArray,
    sources: SitesLike,
    *,
    neighbours: int = 16,
    max_cost: float | None = None,
) -> xr.Dataset:
    """Accumulate least cost from the sources to every cell.

    The cost of a step between two cell centres is the integral of friction along the
    straight line between them: mean friction of the cells it crosses times its length in
    metres (geodesic in a geographic CRS, planar otherwise). A raster that spans 360
    degrees wraps at the antimeridian.

    Parameters
    ----------
    friction : xarray.DataArray
        Cost per metre, above zero, with a CRS. NaN, no data and infinity are barriers.
    sources : GeoDataFrame or pairs of (row, column)
        Points, lines or areas in any CRS (brought to that of the raster). Rows without a
        geometry are left out and named in ``attrs``.
    neighbours : {16, 8}
        Steps out of a cell. The cost of a straight line is at most 2.75 % too high with
        16 and 8.24 % with 8.
    max_cost : float, optional
        Cells dearer than this are not reached.

    Returns
    -------
    xarray.Dataset
        ``accumulated``: cost, NaN where nothing arrives. ``allocation``: position in
        ``sources`` of the source that is cheapest to come from (the first of equals),
        -1 where nothing arrives; ``allocation.attrs["labels"]`` holds the index labels.

    Raises
    ------
    RasterError, CRSError
        Where friction is not above zero, has no CRS, or is rotated.
    CoordinateError
        Where a source lies outside the raster, on a barrier or on no data.
    ParameterError
        Where ``neighbours`` or ``max_cost`` is out of range.

    Notes
    -----
    Dijkstra's algorithm (doi:10.1007/BF01386390) in float64. With 8 neighbours the
    result equals ``skimage.graph.MCP_Geometric`` and GRASS ``r.cost``.

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
    surface = friction_surface(friction, neighbours=neighbours)
    sites = locate_sites(surface, sources, "sources")
    limit = np.inf if max_cost is None else float(max_cost)
    field = surface.accumulate(sites.cells, sites.owners, max_cost=limit)
    reached = np.isfinite(field.cost)
    unreached = np.isfinite(surface.friction) & ~reached
    _, n_islands = scipy.ndimage.label(unreached, np.ones((3, 3)))
    grid = surface.grid
    accumulated = grid.restore(
        np.where(reached, field.cost, np.nan),
        name="accumulated",
        attrs={"long_name": "accumulated least cost", "units": "unit of friction x metre"},
    )
    allocation = grid.restore(
        field.owner,
        name="allocation",
        attrs={"long_name": "position of the nearest source", "labels": sites.labels},
        nodata=-1,
    )
    result = xr.Dataset({"accumulated": accumulated, "allocation": allocation})
    return attach(
        result,
        "corridors.cost_surface",
        neighbours=neighbours,
        max_cost=max_cost,
        crs=grid.crs,
        n_sources=len(sites.labels) - len(sites.left_out),
        left_out=sites.left_out,
        n_cells_reached=int(reached.sum()),
        n_cells_unreached=int(unreached.sum()),
        n_islands_unreached=int(n_islands),
    )
