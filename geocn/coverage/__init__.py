"""Coverage: how far interventions reach, and what share of the need they meet."""

from __future__ import annotations

from geocn.coverage.accessibility import Accessibility, accessibility
from geocn.coverage.assessment import assess
from geocn.coverage.capacity import Service
from geocn.coverage.complementarity import sides
from geocn.coverage.equity import Equity, equity
from geocn.coverage.locate import locate
from geocn.coverage.locate_result import Siting
from geocn.coverage.locate_rules import Scenarios, SitingRules
from geocn.coverage.reach import reach
from geocn.coverage.reach_rules import TravelRules
from geocn.coverage.reporting import reporting_change
from geocn.coverage.result import Coverage
from geocn.coverage.separation import separation

__all__ = [
    "Accessibility",
    "Coverage",
    "Equity",
    "Scenarios",
    "Service",
    "Siting",
    "SitingRules",
    "TravelRules",
    "accessibility",
    "assess",
    "equity",
    "locate",
    "reach",
    "reporting_change",
    "separation",
    "sides",
]
