"""Evaluation: what interventions changed, where it went instead, and how sure that is."""

from __future__ import annotations

from geocn.evaluation.displacement import displacement
from geocn.evaluation.displacement_zones import displacement_zones
from geocn.evaluation.interdiction import CropSupply, interdiction_rate
from geocn.evaluation.uncertain import LogNormal
from geocn.evaluation.zone_counts import zone_counts

__all__ = [
    "CropSupply",
    "LogNormal",
    "displacement",
    "displacement_zones",
    "interdiction_rate",
    "zone_counts",
]
