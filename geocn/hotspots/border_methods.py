"""Ways to judge segments of a border: what each needs to know, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal

import numpy as np

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.hotspots import border_windows as windows
from geocn.hotspots.border_chains import Chains
from geocn.hotspots.combining import combine_scores, scores_from_p
from geocn.hotspots.correction import Correction, adjust
from geocn.hotspots.interval_scan import LOOK_FOR, LookFor


@dataclass(frozen=True)
class BorderScan:
    """Settings of ``border_hotspots(method=BorderScan(...))``: runs of segments.

    Attributes
    ----------
    max_share : float
        The largest share of exposure in a run, to 1.
    max_segments : int
        The most segments in a run.
    permutations : int
        Number of replicates, at least 1.
    look_for : {"high", "low", "both"}
        Excess, lack, or either.
    """

    max_share: float = 0.5
    max_segments: int = 20
    permutations: int = 999
    look_for: LookFor = "both"


@dataclass(frozen=True)
class BorderKernel:
    """Settings of ``border_hotspots(method=BorderKernel(...))``: weighted windows.

    Attributes
    ----------
    bandwidth_km : float
        Distance along the border at which a segment's weight is 0.
    """

    bandwidth_km: float = 25.0


@dataclass(frozen=True)
class BorderBayes:
    """Settings of ``border_hotspots(method=BorderBayes(...))``: shrunken rates.

    Attributes
    ----------
    factor : float
        How many times the overall rate a hot segment's rate is to exceed; above 1.
    neighbours_km : float, optional
        Rates are drawn towards those of segments closer than this along the border; by
        default towards those of all segments.
    """

    factor: float = 1.5
    neighbours_km: float | None = None


@dataclass(frozen=True)
class BorderPoisson:
    """Settings of ``border_hotspots(method=BorderPoisson())``: each segment alone; none."""


Method = Literal["scan", "kernel", "empirical_bayes", "poisson"]
Settings = BorderScan | BorderKernel | BorderBayes | BorderPoisson
_NAMED: dict[str, type[Settings]] = {
    "scan": BorderScan,
    "kernel": BorderKernel,
    "empirical_bayes": BorderBayes,
    "poisson": BorderPoisson,
}


def settings_of(method: Method | Settings) -> tuple[str, Settings]:
    """Name and settings of a method.

    Raises
    ------
    ParameterError
        Where the method is unknown or a setting is out of range.
    """
    for name, kind in _NAMED.items():
        if method == name or isinstance(method, kind):
            settings = kind() if isinstance(method, str) else method
            faults = _faults(settings)
            if faults:
                raise ParameterError("; ".join(faults))
            return name, settings
    raise ParameterError(f"method {method!r} is not one of {', '.join(_NAMED)}")


def _faults(settings: Settings) -> list[str]:
    def wrong(name: str, low: float, high: float, expected: str) -> None:
        value = getattr(settings, name)
        if value is not None and not low < value <= high:
            faults.append(f"{name} is {value}; expected {expected}")

    faults: list[str] = []
    limits = {
        "max_share": (0.0, 1.0, "more than 0 and at most 1"),
        "max_segments": (0.0, np.inf, "at least 1"),
        "permutations": (0.0, np.inf, "at least 1"),
        "bandwidth_km": (0.0, 1e5, "a distance"),
        "neighbours_km": (0.0, 1e5, "a distance"),
        "factor": (1.0, 1e6, "more than 1"),
    }
    for field in fields(settings):
        if field.name in limits:
            wrong(field.name, *limits[field.name])
    if isinstance(settings, BorderScan) and settings.look_for not in LOOK_FOR:
        faults.append(f"look_for {settings.look_for!r}; choose one of {', '.join(LOOK_FOR)}")
    return faults


@dataclass(frozen=True)
class Study:
    """Evidence on segments in the order along the borders.

    Attributes
    ----------
    chains : Chains
    counts : (kinds, m, n) integer array
        Pieces of evidence of each kind on each segment in each imputation.
    weights : (kinds,) array
        What a piece of each kind counts, more than 0 and not all the same.
    exposed : (n,) array
        Exposure, 0 where there is none.
    alpha, correction, seed
        As in :func:`border_hotspots`.
    """

    chains: Chains
    counts: IntArray
    weights: FloatArray
    exposed: FloatArray
    alpha: float
    correction: Correction
    seed: int

    @cached_property
    def share(self) -> FloatArray:
        """Share of the exposure on each segment."""
        whole = self.exposed.sum()
        return self.exposed / whole if whole > 0 else self.exposed

    @cached_property
    def pieces_a_count(self) -> float:
        """Weight that a single count would have for sums to vary as the weighted ones do."""
        totals = self.counts.mean(axis=1).sum(axis=1)
        plain = float(self.weights @ totals)
        return float(self.weights**2 @ totals) / plain if plain > 0 else 1.0

    @cached_property
    def effective(self) -> FloatArray:
        """Weighted evidence as counts, (m, n): whole where all kinds weigh the same."""
        weighted = np.tensordot(self.weights, self.counts, axes=1)
        effective: FloatArray = weighted / self.pieces_a_count
        return effective


@dataclass(frozen=True)
class Judgement:
    """What a method says of each segment, in the order along the borders.

    ``sign`` is 1 where there is more evidence than expected, -1 where there is less; NaN
    stands in what a method does not give. ``record`` goes into the metadata.
    """

    p_value: FloatArray
    p_adjusted: FloatArray
    sign: AnyArray
    columns: dict[str, FloatArray]
    record: dict[str, object]
    cluster: IntArray | None = None


def by_windows(study: Study, settings: BorderKernel | BorderPoisson) -> Judgement:
    """Test each segment, or the kernel around it, against the exact law of its sum."""
    around = (
        windows.around(study.chains, settings.bandwidth_km)
        if isinstance(settings, BorderKernel)
        else windows.single(len(study.exposed))
    )
    expected = around.sum(study.share)
    weighted = np.tensordot(study.weights, study.counts, axes=1)
    p = windows.window_p(around, study.counts, study.weights, study.share)
    excess = np.stack([around.sum(row) - row.sum() * expected for row in weighted])
    p_value, sign, missing = p[0], np.sign(excess[0]), np.zeros(len(expected))
    if len(p) > 1:
        z, p_value, missing = combine_scores(scores_from_p(p, excess))
        sign = np.sign(z)
    p_value = np.where(study.exposed > 0, p_value, np.nan)
    columns = {"fraction_missing": missing}
    if isinstance(settings, BorderKernel):
        mean = weighted.mean(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            columns["relative_risk_smoothed"] = around.sum(mean) / (mean.sum() * expected)
    adjusted = adjust(p_value, correction=study.correction)
    return Judgement(p_value, adjusted, sign, columns, {"p_adjusted": study.correction})
