"""Order statistics of a raster within zones, by exactextract (Baston 2018-2025)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import FloatArray, ObjectArray
from geocn.spatial.zonal import parts_within
from geocn.spatial.zonal_raster import RasterRows

ORDER_STATISTICS = ("min", "max", "median", "majority", "minority", "variety")
_QUANTILE = re.compile(r"q(\d{1,2}(?:\.\d+)?|100)")
# Bytes a cell of a window takes: the value twice, and its covered share.
_BYTES_A_CELL = 20


def is_order_statistic(name: object) -> bool:
    """Whether a name is one of the order statistics, ``"q90"`` and the like among them."""
    return name in ORDER_STATISTICS or (
        isinstance(name, str) and _QUANTILE.fullmatch(name) is not None
    )


def order_statistics(
    rows: RasterRows, zones: ObjectArray, names: Sequence[str], *, memory_mb: float
) -> dict[str, FloatArray]:
    """Order statistics of the cells that zones touch, by name; NaN where there is no data.

    Parameters
    ----------
    rows : RasterRows
    zones : array of polygons
        In the CRS of the raster; null and empty ones have no statistics.
    names : sequence of str
        Each an order statistic.
    memory_mb : float
        Room for the values of one zone; larger zones are read in parts.
    """
    from exactextract import exact_extract

    found = {name: np.full(len(zones), np.nan) for name in names}
    if not names:
        return found
    within = _within(rows, zones)
    at = np.flatnonzero(~shapely.is_missing(within))
    if not len(at):
        return found
    wkt = rows.crs.to_wkt()
    table = exact_extract(
        _source(rows, wkt),
        gpd.GeoDataFrame(geometry=within[at], crs=wkt),
        [_operation(name) for name in names],
        output="pandas",
        max_cells_in_memory=max(int(memory_mb * 2**20 / _BYTES_A_CELL), 1),
    )
    for i, name in enumerate(names):
        # By position: exactextract has its own names for quantiles.
        found[name][at] = table.iloc[:, i].to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def _operation(name: str) -> str:
    asked = _QUANTILE.fullmatch(name)
    return f"quantile(q={float(asked[1]) / 100!r})" if asked else name


def _within(rows: RasterRows, zones: ObjectArray) -> ObjectArray:
    """Zones where the raster has them: one from 0 to 360 meets those west of Greenwich."""
    parts, owner = parts_within(rows, *shapely.get_parts(zones, return_index=True))
    order = np.argsort(owner, kind="stable")
    within: ObjectArray = np.full(len(zones), None, dtype=object)
    shapely.multipolygons(parts[order], indices=owner[order], out=within)
    return within


def _source(rows: RasterRows, wkt: str) -> object:
    from exactextract.raster import RasterSource

    class Source(RasterSource):  # type: ignore[misc]
        """What exactextract asks of a raster."""

        def res(self) -> tuple[float, float]:
            return rows.transform.a, -rows.transform.e

        def extent(self) -> tuple[float, float, float, float]:
            t, (height, width) = rows.transform, rows.shape
            return t.c, t.f + t.e * height, t.c + t.a * width, t.f

        def srs_wkt(self) -> str:
            return wkt

        def nodata_value(self) -> float:
            return float("nan")

        def read_window(self, x0: int, y0: int, nx: int, ny: int) -> FloatArray:
            return rows.clean(rows.read(slice(y0, y0 + ny), slice(x0, x0 + nx)))

    return Source()
