"""How much of each row of a layer lies in each area: events, kilometres, square kilometres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray
from geocn.errors import GeometryError, SchemaError
from geocn.evaluation.columns import amounts, require_columns
from geocn.spatial.binning import bin_points
from geocn.spatial.crs import equal_area_crs, has_geometry, same_crs, to_lonlat
from geocn.spatial.geodesy import area_km2, geodesic_length_km

_UNITS = ("events", "km", "km²")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of rows in areas: position of the row and of the area, and the amount."""

    row: IntArray
    area: IntArray
    amount: FloatArray
    labels: pd.Index
    unit: str
    left_out: dict[str, int]

    def sums(self, rows: Any) -> FloatArray:
        """Amount by area of the rows for which a mask holds."""
        mine = rows[self.row]
        weights = self.amount[mine]
        total = np.bincount(self.area[mine], weights=weights, minlength=len(self.labels))
        return total.astype(float)

    def labels_of_rows(self, n: int) -> Any:
        """Label of the first area of each row, None without one."""
        labels = np.full(n, None, dtype=object)
        labels[self.row[::-1]] = self.labels.to_numpy(dtype=object)[self.area[::-1]]
        return labels


def measure(layer: pd.DataFrame, by: str | gpd.GeoDataFrame | None, value: str | None) -> Pieces:
    """Measure a layer by area.

    Points and rows of a table count 1, lines their geodesic length and areas their area,
    unless ``value`` names a column. What lies in several areas is cut at their edges.

    Raises
    ------
    SchemaError, LayerError, GeometryError, CRSError
        Where a column or CRS is missing, an amount is out of range, types of geometry are
        mixed, or areas share a label.
    """
    whole, dimension, unit = _amounts(layer, value)
    usable = ~np.isnan(whole)
    left_out = {"no_amount": int((~usable).sum())}
    if isinstance(by, gpd.GeoDataFrame):
        if by.index.has_duplicates:
            raise SchemaError(
                "by",
                found="an index whose labels are not unique",
                expected="one label an area",
                repair="Use reset_index(), or set_index() of a code.",
                rows=list(by.index[by.index.duplicated()]),
            )
        row, area, share = _in_areas(layer, by, dimension)
        kept = usable[row]
        row, area, share = row[kept], area[kept], share[kept]
        found = np.isin(np.arange(len(layer)), row)
        placed = _placed(layer)
        left_out["no_place"] = int((usable & ~placed).sum())
        left_out["outside"] = int((usable & placed & ~found).sum())
        return Pieces(row, area, whole[row] * share, by.index, unit, left_out)
    if by is None:
        row = np.flatnonzero(usable)
        area = np.zeros(len(row), dtype=np.int64)
        return Pieces(row, area, whole[row], pd.Index(["all"]), unit, left_out)
    require_columns(layer, [by], "layer")
    codes, labels = pd.factorize(layer[by], sort=True)
    row = np.flatnonzero(usable & (codes >= 0))
    left_out[f"no_{by}"] = int((usable & (codes < 0)).sum())
    index = pd.Index(labels, name=by)
    return Pieces(row, codes[row].astype(np.int64), whole[row], index, unit, left_out)


def _placed(layer: pd.DataFrame) -> Any:
    if isinstance(layer, gpd.GeoDataFrame):
        return has_geometry(layer)
    return np.zeros(len(layer), dtype=bool)


def _amounts(layer: pd.DataFrame, value: str | None) -> tuple[FloatArray, int, str]:
    """Amount of each whole row, dimension of the geometry, and the unit."""
    dimension = _dimension(layer) if isinstance(layer, gpd.GeoDataFrame) else 0
    if value is not None:
        return amounts(layer, value, "layer"), dimension, value
    if dimension == 0:
        return np.ones(len(layer)), 0, _UNITS[0]
    geometry = to_lonlat(gpd.GeoDataFrame(layer), "layer").geometry.to_numpy()
    size = geodesic_length_km(geometry) if dimension == 1 else area_km2(geometry)
    size = np.where(_placed(layer), size, np.nan)
    return size, dimension, _UNITS[dimension]


def _dimension(layer: gpd.GeoDataFrame) -> int:
    there = has_geometry(layer)
    kinds = np.unique(shapely.get_dimensions(layer.geometry.to_numpy())[there])
    if len(kinds) > 1:
        raise GeometryError(
            "layer",
            found="points, lines or areas mixed",
            expected="one type of geometry",
            repair="Compare each type by itself.",
        )
    return int(kinds[0]) if len(kinds) else 0


def _in_areas(
    layer: pd.DataFrame, by: gpd.GeoDataFrame, dimension: int
) -> tuple[IntArray, IntArray, FloatArray]:
    """Rows, areas, and the share of the row that lies in the area."""
    if not isinstance(layer, gpd.GeoDataFrame):
        raise SchemaError(
            "layer",
            found="a table without geometry",
            expected="a layer with geometry, since `by` are areas",
            repair="Name the column of the areas with by=.",
        )
    if dimension == 0:
        metric = equal_area_crs(by) if by.crs is not None and by.crs.is_geographic else by.crs
        ground = by if by.crs == metric else by.to_crs(metric)
        points = same_crs(ground, layer, "layer").geometry
        there = has_geometry(layer)
        xy = np.full((len(layer), 2), np.nan)
        centres = shapely.centroid(points.to_numpy()[there])
        xy[there] = np.column_stack([shapely.get_x(centres), shapely.get_y(centres)])
        area = bin_points(xy, ground)
        row = np.flatnonzero(area >= 0)
        return row, area[row], np.ones(len(row))
    shapes = to_lonlat(by, "by").geometry.to_numpy()
    mine = to_lonlat(layer, "layer").geometry.to_numpy()
    row, area = shapely.STRtree(shapes).query(mine, predicate="intersects")
    size = geodesic_length_km if dimension == 1 else area_km2
    part = size(shapely.intersection(mine[row], shapes[area]))
    whole = size(mine)[row]
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    kept = share > 0
    order = np.lexsort((area[kept], row[kept]))
    return row[kept][order], area[kept][order], share[kept][order]
