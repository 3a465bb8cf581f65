"""Coverage: how far interventions reach, and what share of the need they meet."""

from __future__ import annotations

from geocn.coverage.assessment import assess
from geocn.coverage.reach import reach
from geocn.coverage.result import Coverage

__all__ = ["Coverage", "assess", "reach"]
