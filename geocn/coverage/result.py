"""What an assessment of coverage found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn.coverage import _report
from geocn.coverage.capacity import Service
from geocn.coverage.equity import Equity, equity


@dataclass(frozen=True)
class Coverage:
    """What :func:`geocn.coverage.assess` found; weights are in ``unit``.

    Parameters
    ----------
    total, covered, share_covered : float
        Demand that has a place, the part of it within reach of anybody, and their ratio
        (NaN where there is no demand). A point whose place is uncertain counts by the
        share of its circle that is reached.
    share_covered_low, share_covered_high : float
        The share that is surely covered wherever imprecise demand and sites lie, and
        the one that may be; equal where all places are exact.
    demand : GeoDataFrame or Dataset
        The demand with what it weighs and how much of it is covered.
    by : mapping of str to DataFrame
        For each grouping of the interventions: what each group covers, and alone.
    overlaps : mapping of str to DataFrame
        For each grouping, the weight that two groups both cover; on the diagonal what
        one covers.
    reaches : GeoDataFrame
        The areas it was measured with.
    gaps : GeoDataFrame
        What nobody reaches, ranked by weight, with the nearest site.
    complementarity : DataFrame
        Weight and share covered by security only, by civilians only, by both, by neither.
    sides : GeoDataFrame
        The same for each row of demand, with the geometry of each part.
    unknown_kinds : mapping of str to int
        Kinds of interventions that are on neither side, and how many there are.
    by_area : GeoDataFrame, optional
        Areas with what is demanded and covered in each.
    by_period : DataFrame, optional
        Share covered period by period.
    service : Service, optional
        What the sites have the capacity to serve.
    n_left_out, weight_left_out : int, float
        Demand without a place.
    n_presence_only : int
        Interventions without any reach.
    overlap_weight : float
        Demand that was given twice and counted once.
    weight_outside_areas : float
        Demand in none of the areas; NaN without areas.
    unit : str
        The weight column, or points, km or km2.
    """

    total: float
    covered: float
    share_covered: float
    share_covered_low: float
    share_covered_high: float
    demand: Any
    by: Mapping[str, pd.DataFrame]
    overlaps: Mapping[str, pd.DataFrame]
    reaches: gpd.GeoDataFrame
    gaps: gpd.GeoDataFrame
    complementarity: pd.DataFrame
    sides: gpd.GeoDataFrame
    unknown_kinds: Mapping[str, int]
    by_area: gpd.GeoDataFrame | None
    by_period: pd.DataFrame | None
    service: Service | None
    n_left_out: int
    weight_left_out: float
    n_presence_only: int
    overlap_weight: float
    weight_outside_areas: float
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

    @property
    def duplication_share(self) -> pd.DataFrame:
        """Part of what the partner of a row covers that the one of a column covers too."""
        matrix = self.duplication
        return matrix.div(pd.Series(np.diagonal(matrix), matrix.index).replace(0.0, np.nan), axis=0)

    @property
    def duplication_jaccard(self) -> pd.DataFrame:
        """Weight that two partners both cover over what either does (Jaccard), 0 to 1."""
        matrix = self.duplication
        own = np.diagonal(matrix)
        either = own[:, None] + own[None, :] - matrix
        ratio: pd.DataFrame = matrix / either.where(either > 0)
        return ratio

    @property
    def equity(self) -> Equity:
        """How evenly coverage is spread over the demand."""
        share, weight = (self.demand[name] for name in ("share_covered", "demand_weight"))
        return equity(share.to_numpy().ravel(), weight.to_numpy().ravel())

    @property
    def equity_of_areas(self) -> Equity | None:
        """How evenly coverage is spread over the areas, weighed by their demand."""
        if self.by_area is None:
            return None
        return equity(self.by_area["share_covered"], self.by_area["demand_weight"])

    def summary(self) -> dict[str, Any]:
        """Return the figures of the whole as plain numbers.

        ``share_covered_lowest`` counts demand without a place as uncovered, and imprecise
        demand only where it is surely covered.
        """
        everything = self.total + self.weight_left_out
        surely = self.share_covered_low * self.total if self.total else 0.0
        even = self.equity
        classes = self.complementarity.set_index("side")["share"]
        figures = {
            "unit": self.unit,
            "total": self.total,
            "covered": self.covered,
            "share_covered": self.share_covered,
            "share_covered_low": self.share_covered_low,
            "share_covered_high": self.share_covered_high,
            "share_covered_lowest": surely / everything if everything else np.nan,
            "n_demand": self._n_demand(),
            "n_gaps": len(self.gaps),
            "n_left_out": self.n_left_out,
            "weight_left_out": self.weight_left_out,
            "n_presence_only": self.n_presence_only,
            "overlap_weight": self.overlap_weight,
            "gini": even.gini,
            "worst_decile_share": even.worst_decile,
            "decile_ratio": even.decile_ratio,
            **{f"share_{str(name).replace(' ', '_')}": float(v) for name, v in classes.items()},
        }
        if self.service is not None:
            figures["share_served"] = self.service.share_served
            figures["share_served_most"] = self.service.share_most
        return figures

    def report(self) -> str:
        """Return the findings as plain sentences in English, one a line."""
        return _report.report(self)

    def _n_demand(self) -> int:
        if isinstance(self.demand, xr.Dataset):
            return int(np.isfinite(self.demand["demand_weight"].to_numpy()).sum())
        return len(self.demand)
