"""The area that is searched, and the scores of models and baselines over it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pyproj
import rasterio.features
import shapely
import xarray as xr
from affine import Affine

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.corridors.friction_distance import Places, cell_places, cell_side_m, known_shapes
from geocn.corridors.friction_layers import shapes_on, share_of
from geocn.corridors.validate_evidence import route_ends
from geocn.corridors.validate_ranks import Ranks
from geocn.errors import GeometryError, ParameterError, RasterError
from geocn.spatial.crs import equal_area_crs, require_crs
from geocn.spatial.raster_grid import RasterGrid, raster_grid

_CORRIDOR_SHARE = 0.10
_CELLS_ACROSS = 200
_MAX_CELLS = 100_000_000


@dataclass(frozen=True)
class Field:
    """Cells to search: flat scores (NaN outside), areas in square metres, and the corridor.

    ``corridor_share`` is the share of the area that the corridor takes.
    """

    grid: RasterGrid
    score: FloatArray
    area: FloatArray
    corridor: BoolArray
    corridor_share: float

    def cells(self, lon: FloatArray, lat: FloatArray) -> IntArray:
        """Flat cells of places in degrees; -1 outside."""
        to_grid = pyproj.Transformer.from_crs("EPSG:4326", self.grid.crs, always_xy=True)
        x, y = to_grid.transform(lon, lat)
        rows, columns = self.grid.cells(np.asarray(x), np.asarray(y))
        return np.where(rows < 0, -1, rows * self.grid.shape[1] + columns)

    def places(self, cells: IntArray) -> Places:
        """Centres of flat cells, to measure distances to."""
        lon, lat = cell_places(self.grid)
        return Places(np.asarray(shapely.points(lon[cells], lat[cells])), np.inf)


def study_field(
    modelled: xr.DataArray | gpd.GeoDataFrame,
    observed: gpd.GeoDataFrame,
    *,
    low_is_likely: bool,
    study_area: gpd.GeoDataFrame | None,
    cell_m: float | None,
) -> Field:
    """Lay out the cells to search and score them by the model."""
    if isinstance(modelled, gpd.GeoDataFrame):
        grid = _cells_over(modelled, observed, study_area, cell_m)
        score = corridor_score(grid, modelled)
    else:
        if cell_m is not None:
            raise ParameterError("cell_m goes with corridors; a surface has cells of its own")
        grid = raster_grid(modelled, "modelled")
        score = -grid.values if low_is_likely else grid.values.copy()
        score[np.isinf(score)] = np.nan
    if study_area is not None:
        score[share_of(grid, study_area, "study_area") < 0.5] = np.nan
    score = score.ravel()
    if np.isnan(score).all():
        raise RasterError(
            "modelled",
            found="no cell with a value in the study area",
            expected="cells to search",
            repair="Check the CRS and the extent of both.",
        )
    lengths = grid.step_lengths_m()
    area = np.repeat(lengths[0] * lengths[1], grid.shape[1])
    if isinstance(modelled, gpd.GeoDataFrame) and (score == -np.inf).any():
        corridor = ~np.isnan(score) & (score > -np.inf)
    else:
        corridor = Ranks.of(score, area).top(_CORRIDOR_SHARE)
    share = float(area[corridor].sum() / area[~np.isnan(score)].sum())
    return Field(grid, score, area, corridor, share)


def corridor_score(grid: RasterGrid, corridors: gpd.GeoDataFrame) -> FloatArray:
    """Areas by falling tolerance, minus infinity outside of all; lines by their distance.

    Raises
    ------
    GeometryError
        Where corridors are points, or areas are mixed with lines.
    """
    shapes, rows = shapes_on(grid, corridors, "modelled")
    kinds = set(shapely.get_dimensions(shapes).tolist())
    if kinds not in ({1}, {2}):
        raise GeometryError(
            "modelled",
            found="no geometry" if not kinds else "points, or lines beside areas",
            expected="corridors as areas or as lines",
            repair="Score areas and lines apart.",
        )
    if kinds == {1}:
        return -_distance(grid, known_shapes(corridors, "modelled"))
    level = np.zeros(len(corridors))
    if "tolerance" in corridors:
        level = corridors["tolerance"].to_numpy(dtype=float, na_value=np.nan)
    level = level[rows]
    # The lowest tolerance is burnt last and stays.
    order = np.argsort(-level, kind="stable")
    burnt = rasterio.features.rasterize(
        zip(shapes[order], -level[order], strict=True), out_shape=grid.shape,
        transform=grid.transform, fill=-np.inf, dtype="float64",
    )  # fmt: skip
    return np.asarray(burnt, dtype=np.float64)


def baseline_score(
    name: str,
    field: Field,
    observed: gpd.GeoDataFrame,
    *,
    origins: gpd.GeoDataFrame | None,
    destinations: gpd.GeoDataFrame | None,
    roads: gpd.GeoDataFrame | None,
) -> tuple[FloatArray | None, str]:
    """Score of a baseline on the same cells, or None and why there is none."""
    if name == "road_distance":
        if roads is None:
            return None, "no roads given"
        require_crs(roads, "roads")
        shapes, why = known_shapes(roads, "roads"), "roads without a geometry"
    else:
        if (origins is None) != (destinations is None):
            raise ParameterError("give both origins and destinations, or neither")
        ends = _ends(observed, origins, destinations)
        shapes = np.array([_geodesic(end, cell_side_m(field.grid)) for end in ends], dtype=object)
        why = "no routes, and no origins and destinations given"
    if not len(shapes):
        return None, why
    score = -_distance(field.grid, shapes).ravel()
    score[np.isnan(field.score)] = np.nan
    return score, ""


def _distance(grid: RasterGrid, shapes: AnyArray) -> FloatArray:
    away = Places(shapes, cell_side_m(grid) / 2).distance_m(*cell_places(grid))
    return away.reshape(grid.shape)


def _ends(
    observed: gpd.GeoDataFrame,
    origins: gpd.GeoDataFrame | None,
    destinations: gpd.GeoDataFrame | None,
) -> AnyArray:
    if origins is None or destinations is None:
        return route_ends(observed)
    starts, stops = (
        shapely.get_coordinates(shapely.centroid(known_shapes(frame, layer)))
        for frame, layer in ((origins, "origins"), (destinations, "destinations"))
    )
    pairs = np.indices((len(starts), len(stops))).reshape(2, -1)
    return np.column_stack([starts[pairs[0]], stops[pairs[1]]])


def _geodesic(ends: FloatArray, cell_m: float) -> shapely.Geometry:
    """Geodesic between two places, as points close enough to be a line of cells."""
    geod = pyproj.Geod(ellps="WGS84")
    west, south, east, north = ends.tolist()
    length = geod.inv(west, south, east, north)[2]
    inner = geod.npts(west, south, east, north, max(int(length / (cell_m / 2)), 1))
    return shapely.MultiPoint([(west, south), *inner, (east, north)])


def _cells_over(
    corridors: gpd.GeoDataFrame,
    observed: gpd.GeoDataFrame,
    study_area: gpd.GeoDataFrame | None,
    cell_m: float | None,
) -> RasterGrid:
    if cell_m is not None and not 0 < cell_m < np.inf:
        raise ParameterError(f"cell_m is {cell_m!r}; give metres above zero")
    frames = [corridors, observed] if study_area is None else [study_area]
    crs = equal_area_crs(*frames)
    bounds = np.array([frame.geometry.to_crs(crs).total_bounds for frame in frames])
    (west, south), (east, north) = np.nanmin(bounds[:, :2], 0), np.nanmax(bounds[:, 2:], 0)
    if not np.isfinite([west, south, east, north]).all():
        raise GeometryError(
            "modelled", found="no geometry", expected="corridors", repair="Give at least one."
        )
    side = cell_m or max(east - west, north - south, 1.0) / _CELLS_ACROSS
    width, height = (max(int(np.ceil(span / side)), 2) for span in (east - west, north - south))
    if width * height > _MAX_CELLS:
        raise ParameterError(f"{height} x {width} cells of {side:g} m; give a larger cell_m")
    cells = xr.DataArray(np.zeros((height, width)), dims=("y", "x")).rio.write_crs(crs)
    cells = cells.rio.write_transform(Affine(side, 0, west, 0, -side, north))
    return raster_grid(cells, "modelled")
