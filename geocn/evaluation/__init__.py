"""Evaluation: what interventions changed, where it went instead, and how sure that is."""

from __future__ import annotations

from geocn.evaluation.compare import compare_periods
from geocn.evaluation.displacement import displacement
from geocn.evaluation.displacement_zones import displacement_zones
from geocn.evaluation.indicators import indicators
from geocn.evaluation.interdiction import CropSupply, interdiction_rate
from geocn.evaluation.operations import joint_operations, operations_by_partner
from geocn.evaluation.uncertain import LogNormal
from geocn.evaluation.zone_counts import zone_counts

__all__ = [
    "CropSupply",
    "LogNormal",
    "compare_periods",
    "displacement",
    "displacement_zones",
    "indicators",
    "interdiction_rate",
    "joint_operations",
    "operations_by_partner",
    "zone_counts",
]
