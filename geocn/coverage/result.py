"""What an assessment of coverage found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Coverage:
    """What :func:`geocn.coverage.assess` found; weights are in ``unit``.

    Parameters
    ----------
    total, covered, share_covered : float
        Demand that has a place, the part of it within reach of anybody, and their ratio
        (NaN where there is no demand).
    demand : GeoDataFrame
        The demand with what it weighs and how much of it is covered.
    by : mapping of str to DataFrame
        For each grouping of the interventions: what each group covers, and alone.
    overlaps : mapping of str to DataFrame
        For each grouping, the weight that two groups both cover; on the diagonal what
        one covers.
    reaches : GeoDataFrame
        The areas it was measured with.
    gaps : GeoDataFrame
        What nobody reaches, ranked by weight.
    n_left_out, weight_left_out : int, float
        Demand without a place.
    n_presence_only : int
        Interventions without any reach.
    overlap_weight : float
        Demand that was given twice and counted once.
    unit : str
        The weight column, or points, km or km2.
    """

    total: float
    covered: float
    share_covered: float
    demand: gpd.GeoDataFrame
    by: Mapping[str, pd.DataFrame]
    overlaps: Mapping[str, pd.DataFrame]
    reaches: gpd.GeoDataFrame
    gaps: gpd.GeoDataFrame
    n_left_out: int
    weight_left_out: float
    n_presence_only: int
    overlap_weight: float
    unit: str

    @property
    def by_partner(self) -> pd.DataFrame:
        """What each partner covers."""
        return self.by["partner"]

    @property
    def by_kind(self) -> pd.DataFrame:
        """What each kind of intervention covers."""
        return self.by["kind"]

    @property
    def duplication(self) -> pd.DataFrame:
        """Weight that two partners both cover (of the first grouping)."""
        return next(iter(self.overlaps.values()))

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole as plain numbers.

        ``share_covered_lowest`` counts demand without a place as uncovered.
        """
        everything = self.total + self.weight_left_out
        return {
            "unit": self.unit,
            "total": self.total,
            "covered": self.covered,
            "share_covered": self.share_covered,
            "share_covered_lowest": self.covered / everything if everything else np.nan,
            "n_demand": len(self.demand),
            "n_gaps": len(self.gaps),
            "n_left_out": self.n_left_out,
            "weight_left_out": self.weight_left_out,
            "n_presence_only": self.n_presence_only,
            "overlap_weight": self.overlap_weight,
        }
