"""Cultivation: rasters and surveys summed over areas."""

from __future__ import annotations

from geocn.cultivation.zonal import zonal_stats

__all__ = ["zonal_stats"]
