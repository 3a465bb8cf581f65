"""Evaluation: what interventions changed, where it went instead, and how sure that is."""

from __future__ import annotations

from geocn.evaluation.compare import compare_periods
from geocn.evaluation.difference_in_differences import difference_in_differences
from geocn.evaluation.difference_in_differences_errors import Pretrend
from geocn.evaluation.difference_in_differences_result import DifferenceInDifferences
from geocn.evaluation.difference_in_differences_study import DidOptions
from geocn.evaluation.displacement import displacement
from geocn.evaluation.displacement_zones import displacement_zones
from geocn.evaluation.indicators import indicators
from geocn.evaluation.interdiction import CropSupply, interdiction_rate
from geocn.evaluation.operations import joint_operations, operations_by_partner
from geocn.evaluation.uncertain import LogNormal
from geocn.evaluation.zone_counts import zone_counts

__all__ = [
    "CropSupply",
    "DidOptions",
    "DifferenceInDifferences",
    "LogNormal",
    "Pretrend",
    "compare_periods",
    "difference_in_differences",
    "displacement",
    "displacement_zones",
    "indicators",
    "interdiction_rate",
    "joint_operations",
    "operations_by_partner",
    "zone_counts",
]
