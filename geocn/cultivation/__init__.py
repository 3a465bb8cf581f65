"""Cultivation: rasters and surveys summed over areas."""

from __future__ import annotations

from geocn.cultivation.area_estimate import area_estimate
from geocn.cultivation.density_grid import density_grid
from geocn.cultivation.zonal import zonal_stats

__all__ = ["area_estimate", "density_grid", "zonal_stats"]
