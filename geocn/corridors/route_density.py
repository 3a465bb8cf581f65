"""How many kilometres of reported routes lie in each square kilometre."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import rioxarray  # noqa: F401 - registers the accessor .rio
import scipy.fft
import shapely
import xarray as xr
from affine import Affine
from pyproj import CRS, Transformer

from geocn._kernels.route_density import add_segments
from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.corridors.observed_input import checked_routes
from geocn.errors import ParameterError
from geocn.provenance import attach
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.crs import LONLAT, equal_area_crs, has_geometry, require_crs, to_lonlat
from geocn.spatial.geodesy import distance_m
from geocn.spatial.network import metres_a_unit

_MOST_CELLS = 50_000_000
_DEGREE_M = 111_000.0
# A stretch in degrees gets a vertex at least this often, so that it keeps its course.
_DENSE_CELLS = 10.0
# Up to this angle (0.06 degrees) a chord by the radii at its middle is a geodesic to 1e-7.
_SHORT = 1e-3
# Radii of precision within this share of each other are smoothed as one.
_ALIKE = 0.02
# Sums of a Fourier transform below this share of the greatest are rounding.
_ROUNDING = 1e-13
_SLICES = 64


def route_density(
    routes: gpd.GeoDataFrame,
    *,
    cell_m: float,
    weight: str | None = None,
    extent: gpd.GeoDataFrame | gpd.GeoSeries | None = None,
    widen: bool = True,
) -> xr.DataArray:
    """Sum the geodesic length of routes in every cell, exactly, as a density.

    Every stretch is cut at the edges of the cells. A route known to
    ``location_precision_m`` only is spread over the discs of that radius around all its
    places, as if it had been moved by a random step within the disc: no kilometre is lost.

    Parameters
    ----------
    routes : GeoDataFrame
        Lines; ``location_precision_m`` is used where present.
    cell_m : float
        Side of the square cells in metres, in an equal-area CRS chosen from the routes (and
        the extent); edges lie on its multiples.
    weight : str, optional
        Column that lengths are multiplied by; routes without a value are left out.
    extent : GeoDataFrame or GeoSeries, optional
        What the raster covers (its bounding box); by default the routes and the discs.
    widen : bool
        False draws every route as a sharp line.

    Returns
    -------
    DataArray
        (y, x) in km per km² (with ``weight``: times its unit), with the CRS;
        ``attrs["geocn"]`` states ``total`` (of all routes) and ``outside`` (of the extent),
        both in km times weight, ``n_widened`` and the rows left out. No cells where there
        is no route and no extent.

    Raises
    ------
    ParameterError
        Where ``cell_m`` is out of range or would give more than fifty million cells.
    GeometryError, SchemaError
        Where a geometry is not a line, a column is missing, or a weight or precision is
        negative or infinite.
    CRSError, CoordinateError
        Where a frame has no CRS or lies nowhere on Earth.

    Notes
    -----
    Lengths are geodesic to 1e-7; cells keep their area, not their shape. Radii within 2 %
    are treated as one, and one below half a cell does not widen.

    References
    ----------
    Amanatides & Woo 1987, A fast voxel traversal algorithm, 10.2312/egtp.19871000.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> line = shapely.LineString([(-77, 1), (-76.9, 1)])
    >>> routes = gpd.GeoDataFrame({"location_precision_m": [5000.0]}, geometry=[line], crs=4326)
    >>> density = route_density(routes, cell_m=500)
    >>> round(float(density.sum()) * 0.25, 3)
    11.13
    """
    if not 0 < cell_m < np.inf:
        raise ParameterError(f"cell_m is {cell_m!r}; give metres above zero")
    require_crs(routes, "routes")
    columns = checked_routes(routes, needed=() if weight is None else (weight,))
    factor = np.ones(len(routes)) if weight is None else columns[weight].to_numpy()
    drawn = has_geometry(routes)
    counted = np.flatnonzero(drawn & ~np.isnan(factor))
    some = routes.iloc[counted][[routes.geometry.name]]
    lonlat = shortest_way(to_lonlat(some, "routes").geometry.to_numpy())
    frames = [gpd.GeoSeries(lonlat, crs=LONLAT)]
    if extent is not None:
        require_crs(extent, "extent")
        frames.append(extent.geometry)
    plane = equal_area_crs(*frames)
    start, end, km, route = _segments(lonlat, plane, cell_m)
    amount = km * factor[counted][route]
    radius = np.nan_to_num(columns["location_precision_m"].to_numpy()[counted]) * bool(widen)
    radius = _alike(radius / cell_m)
    area = None if extent is None else extent.geometry[has_geometry(extent)].to_crs(plane)
    window = _window(start, end, area, radius.max(initial=0.0), cell_m)
    values, outside = _values(start, end, amount, radius[route], cell_m=cell_m, window=window)
    raster = _raster(values / (cell_m / 1000) ** 2, window, cell_m, plane)
    raster.attrs["units"] = "km per km2" if weight is None else f"{weight} km per km2"
    return attach(
        raster,
        "corridors.route_density",
        cell_m=cell_m,
        weight=weight,
        extent=None if extent is None else len(extent),
        widen=widen,
        crs=plane,
        total=float(amount.sum()),
        outside=outside,
        n_widened=int((radius > 0).sum()),
        n_left_out=int((~drawn).sum()),
        left_out=list(routes.index[~drawn]),
        n_without_weight=int((drawn & np.isnan(factor)).sum()),
    )


def _segments(
    lonlat: ObjectArray, plane: CRS, cell_m: float
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return starts and ends in metres of the plane, kilometres, and the line of each segment."""
    parts, line = shapely.get_parts(lonlat, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    inner = part[1:] == part[:-1]
    a, b, route = xy[:-1][inner], xy[1:][inner], line[part[1:][inner]]
    longest = _DENSE_CELLS * cell_m / _DEGREE_M
    pieces = np.maximum(np.ceil(np.hypot(*(b - a).T) / longest), 1).astype(np.int64)
    forward = Transformer.from_crs(LONLAT, plane, always_xy=True)
    if (pieces == 1).all():
        flat = np.column_stack(forward.transform(xy[:, 0], xy[:, 1]))
        return flat[:-1][inner], flat[1:][inner], _kilometres(a, b), route
    owner = np.repeat(np.arange(len(a)), pieces)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    step = (b - a)[owner] / pieces[owner, None]
    a, b = a[owner] + nth[:, None] * step, a[owner] + (nth + 1)[:, None] * step
    start, end = (np.column_stack(forward.transform(*ends.T.copy())) for ends in (a, b))
    return start, end, _kilometres(a, b), route[owner]


def _kilometres(a: FloatArray, b: FloatArray) -> FloatArray:
    middle, step = (a + b) / 2, b - a
    metres: FloatArray = np.hypot(*(step * metres_a_unit(middle, CRS(LONLAT))).T)
    long = (np.abs(np.radians(step)) > _SHORT).any(axis=1) | (np.abs(middle[:, 1]) > 80)
    metres[long] = distance_m(*a[long].T, *b[long].T)
    return metres / 1000.0


def _alike(radius: FloatArray) -> FloatArray:
    """Round radii in cells to steps of some per cent; what does not reach a neighbour to 0."""
    rounded = np.zeros_like(radius)
    wide = radius > 0.5
    step = np.log1p(_ALIKE)
    rounded[wide] = np.exp(np.round(np.log(radius[wide]) / step) * step)
    return rounded


def _window(
    start: FloatArray, end: FloatArray, area: gpd.GeoSeries | None, margin: float, cell_m: float
) -> tuple[int, int, int, int]:
    """First column, top row (counted upwards), numbers of columns and rows."""
    if area is None:
        corners, beyond = np.vstack([start, end]) / cell_m, np.ceil(margin)
    else:
        corners, beyond = shapely.get_coordinates(area.to_numpy()) / cell_m, 0.0
    if not len(corners):
        return 0, 0, 0, 0
    first = np.floor(corners.min(axis=0)) - beyond
    last = np.maximum(np.ceil(corners.max(axis=0)) + beyond, first + 1)
    columns, rows = last - first
    around = 2 * np.ceil(margin) if area is not None else 0.0
    if (columns + around) * (rows + around) > _MOST_CELLS:
        raise ParameterError(
            f"a surface of {columns * rows:,.0f} cells exceeds {_MOST_CELLS:,}; choose larger cells"
        )
    return int(first[0]), int(last[1]), int(columns), int(rows)


def _values(
    start: FloatArray,
    end: FloatArray,
    amount: FloatArray,
    radius: FloatArray,
    *,
    cell_m: float,
    window: tuple[int, int, int, int],
) -> tuple[FloatArray, float]:
    """Sum up the cells of the window, and what lies outside it."""
    west, north, columns, rows = window
    if not columns:
        return np.zeros((0, 0)), 0.0
    # What lies beside the window may be spread into it.
    margin = int(np.ceil(radius.max(initial=0.0))) + 1 if radius.any() else 0
    corner, flip = np.array([west - margin, north + margin]), np.array([1.0, -1.0])
    start, end = ((xy / cell_m - corner) * flip for xy in (start, end))
    shape = rows + 2 * margin, columns + 2 * margin
    total = np.zeros(shape)
    everything: IntArray = np.arange(len(amount))
    add_segments(start, end, amount, everything[radius == 0], total)
    if margin:
        size = [scipy.fft.next_fast_len(n + margin, real=True) for n in shape]
        spectrum = np.zeros((size[0], size[1] // 2 + 1), dtype=np.complex128)
        for r in np.unique(radius[radius > 0]):
            sharp = np.zeros(shape)
            add_segments(start, end, amount, everything[radius == r], sharp)
            spectrum += scipy.fft.rfft2(sharp, s=size) * scipy.fft.rfft2(_disc(r, size))
        spread = scipy.fft.irfft2(spectrum, s=size)[: shape[0], : shape[1]]
        spread[spread < _ROUNDING * spread.max(initial=0.0)] = 0.0
        total += spread
    inside = total[margin : margin + rows, margin : margin + columns]
    return np.ascontiguousarray(inside), _lost(float(amount.sum()), float(inside.sum()))


def _lost(total: float, inside: float) -> float:
    """Return what is missing, if it is more than rounding."""
    return total - inside if total - inside > 1e-12 * total else 0.0


def _disc(radius: float, size: list[int]) -> FloatArray:
    """Share of a disc in each cell, centred on the first cell of a grid that wraps."""
    reach = int(np.ceil(radius - 0.5))
    edges = np.arange(-reach, reach + 2) - 0.5
    x = (edges[:-1, None] + (np.arange(_SLICES) + 0.5) / _SLICES).ravel()
    half = np.sqrt(np.maximum(radius**2 - x**2, 0.0))[:, None]
    height = np.clip(edges[1:], -half, half) - np.clip(edges[:-1], -half, half)
    shares = height.reshape(len(edges) - 1, _SLICES, -1).mean(axis=1)
    disc = np.zeros(size)
    at = np.arange(-reach, reach + 1)
    disc[np.ix_(at, at)] = shares / shares.sum()
    return disc


def _raster(
    values: FloatArray, window: tuple[int, int, int, int], cell_m: float, plane: CRS
) -> xr.DataArray:
    west, north, columns, rows = window
    x = (west + np.arange(columns) + 0.5) * cell_m
    y = (north - np.arange(rows) - 0.5) * cell_m
    raster: xr.DataArray = xr.DataArray(values, {"y": y, "x": x}, ("y", "x"), name="route_density")
    raster.rio.write_crs(plane, inplace=True)
    raster.rio.write_transform(
        Affine(cell_m, 0, west * cell_m, 0, -cell_m, north * cell_m), inplace=True
    )
    return raster
