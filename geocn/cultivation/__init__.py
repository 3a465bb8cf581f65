"""Cultivation: rasters and surveys summed over areas."""

from __future__ import annotations

from geocn.cultivation.area_estimate import area_estimate
from geocn.cultivation.change import change
from geocn.cultivation.density_grid import density_grid
from geocn.cultivation.permanence import permanence
from geocn.cultivation.zonal import zonal_stats

__all__ = ["area_estimate", "change", "density_grid", "permanence", "zonal_stats"]
