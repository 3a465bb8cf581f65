"""Small worlds of demand and reaches on a plane of metres."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

#: The plane that `equal_area_crs` chooses for what lies within a few km of this place.
PLANE = "+proj=laea +lat_0=1.0 +lon_0=-77.0 +datum=WGS84 +units=m +type=crs"


def frame(shapes, crs=PLANE, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def block(x, y, width=1000.0, height=1000.0):
    return shapely.box(x, y, x + width, y + height)


def discs(rng, n, *, side=10_000.0, radius=(400.0, 2500.0)):
    """Round reaches of three partners and two kinds."""
    xy = rng.uniform(-side / 2, side / 2, (n, 2))
    shapes = shapely.buffer(shapely.points(xy), rng.uniform(*radius, n), quad_segs=12)
    kinds = rng.choice(["patrol", "treatment", "radio"], n)
    return frame(shapes, partner=rng.choice(["A", "B", "C"], n), kind=kinds)


def raster(values, *, cell=500.0, crs=PLANE):
    """North up, its middle at the origin."""
    rows, columns = np.shape(values)
    y = (rows / 2 - 0.5 - np.arange(rows)) * cell
    x = (np.arange(columns) + 0.5 - columns / 2) * cell
    array = xr.DataArray(np.asarray(values, dtype=float), {"y": y, "x": x}, ("y", "x"))
    return array.rio.write_crs(crs)


def cells_of(array):
    """The cells of a raster as polygons, row by row."""
    cell = float(array.x[1] - array.x[0])
    x, y = np.meshgrid(array.x, array.y)
    half = cell / 2
    boxes = shapely.box(x - half, y - half, x + half, y + half).ravel()
    return frame(boxes, w=array.to_numpy().ravel())
