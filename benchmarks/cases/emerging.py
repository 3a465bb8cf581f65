"""Emerging hotspots."""

from __future__ import annotations

from benchmarks.case import Case


def _cube(side: int, steps: int, limit: float | None) -> Case:
    return Case(
        f"emerging hotspots of {side * side:,} cells × {steps} months",
        f"""
import numpy as np, geopandas as gpd, shapely, xarray as xr
from geocn.hotspots import emerging_hotspots
def made(side, steps):
    x, y = (a.ravel() * 1e3 for a in np.meshgrid(np.arange(side), np.arange(side)))
    grid = gpd.GeoDataFrame(geometry=shapely.box(x, y, x + 1e3, y + 1e3), crs=6933)
    counts = np.random.default_rng(0).poisson(0.3, (side * side, steps))
    data = {{{{"n_events": (("area", "time"), counts)}}}}
    return xr.Dataset(data, {{{{"area": grid.index}}}}), grid
cube, grid = made({side}, {steps})
emerging_hotspots(*made(5, 6), neighbours="queen")
#--
print(len(emerging_hotspots(cube, grid, neighbours="queen")))
""",
        limit_cpu_s=limit,
    )


CASES = (_cube(32, 60, None), _cube(100, 60, None), _cube(316, 60, 5.0))
