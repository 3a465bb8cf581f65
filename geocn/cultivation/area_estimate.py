"""Area of each class, with its uncertainty, from a map and a sample of reference labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from geocn._typing import BoolArray, FloatArray
from geocn.errors import ParameterError, SchemaError
from geocn.provenance import attach

_COLUMNS = ("stratum", "map_class", "reference_class")


def area_estimate(
    error_matrix: pd.DataFrame,
    mapped_area: Mapping[Any, float] | pd.Series,
    *,
    unit_ha: float = 1.0,
    finite: bool = False,
    confidence: float = 0.95,
    columns: tuple[str, str, str] = _COLUMNS,
) -> pd.DataFrame:
    r"""Estimate the area of each class from a map and a stratified sample of it.

    Counting the cells of a map is no estimate: what the map misses and what it takes for
    something else do not cancel. The sample says how much; the estimate is unbiased
    whatever the map's errors, and comes with an interval.

    Parameters
    ----------
    error_matrix : DataFrame
        Counts of sample units, one row a map class and one column a reference class, where
        the strata were the map classes; or one row a sample unit with its stratum, map class
        and reference class, where they were not (or were).
    mapped_area : mapping or Series
        Area of each stratum (of each map class, for a matrix), in units of ``unit_ha``.
    unit_ha : float
        Hectares of a unit of ``mapped_area``: 0.09 for cells of 30 m, 1 for hectares.
    finite : bool
        Units of ``mapped_area`` are the units that were drawn, as Stehman (2014) has it:
        variances take the finite population correction. Olofsson et al. (2014) leave it out.
    confidence : float
        Of the intervals, which are normal: estimate ± z x standard error.
    columns : (str, str, str)
        Names of stratum, map class and reference class in rows of samples.

    Returns
    -------
    DataFrame
        One row a class: ``n_map`` and ``n_reference`` (sample units), ``mapped_ha`` (NaN where
        strata are not the classes), ``area_ha`` with ``area_se_ha``, ``area_ci_ha`` (half
        width), ``area_low_ha`` (0 or more) and ``area_high_ha``, ``area_share``;
        ``users_accuracy`` and ``producers_accuracy``, each with ``…_ci`` (half width). NaN
        where a class was never mapped, or never found. ``attrs["geocn"]`` has
        ``overall_accuracy``, ``overall_ci`` and the matrix in shares of area.

    Raises
    ------
    SchemaError
        Where counts are negative or no whole numbers, a stratum has no sample, a single one
        (its variance is unknown) or no area, an area is not positive, or a label is missing.
        All faults are named at once.
    ParameterError
        Where an option is out of range.

    Notes
    -----
    With strata h of area :math:`A_h`, sample size :math:`n_h` and an indicator y of a unit,
    :math:`\hat Y = \sum_h A_h \bar y_h` and :math:`V(\hat Y) = \sum_h A_h^2 s_{yh}^2 / n_h`.
    User's and producer's accuracy are ratios :math:`\hat R = \hat Y / \hat X` with
    :math:`V(\hat R) = \hat X^{-2} \sum_h A_h^2 (s_{yh}^2 + \hat R^2 s_{xh}^2
    - 2 \hat R s_{xyh}) / n_h`. Where strata are the map classes these are the formulas
    5 to 11 of Olofsson et al.

    References
    ----------
    Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015.
    Stehman 2014, doi:10.1080/01431161.2014.930207.

    Examples
    --------
    >>> import pandas as pd
    >>> names = ["coca", "other"]
    >>> matrix = pd.DataFrame([[45, 5], [4, 196]], index=names, columns=names)
    >>> found = area_estimate(matrix, {"coca": 1000.0, "other": 99000.0})
    >>> found["area_ha"].round().tolist(), found["area_ci_ha"].round().tolist()
    ([2880.0, 97120.0], [1928.0, 1928.0])
    """
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence is {confidence!r}; give a share such as 0.95")
    if not (np.isfinite(unit_ha) and unit_ha > 0):
        raise ParameterError(f"unit_ha is {unit_ha!r}; give hectares above 0")
    if not isinstance(error_matrix, pd.DataFrame):
        raise SchemaError(
            "error matrix",
            found=f"a {type(error_matrix).__name__}",
            expected="a DataFrame with map classes as rows and reference classes as columns",
            repair="Name the classes: pandas.DataFrame(counts, index=names, columns=names).",
        )
    by_rows = set(columns) <= set(error_matrix.columns)
    sample = _from_rows(error_matrix, columns) if by_rows else _from_matrix(error_matrix)
    sizes = _sizes(sample, mapped_area)
    estimate = _Estimate(sample.counts, sizes, finite=finite)
    z = float(norm.ppf(0.5 + confidence / 2))
    overall, overall_se = estimate.ratio(sample.agree, np.ones_like(sample.agree))
    return attach(
        _table(sample, estimate, z=z, unit_ha=unit_ha),
        "cultivation.area_estimate",
        unit_ha=unit_ha,
        finite=finite,
        confidence=confidence,
        columns=list(columns),
        crs=None,
        n_samples=int(sample.counts.sum()),
        strata={str(s): float(a) for s, a in zip(sample.strata, sizes, strict=True)},
        total_ha=float(sizes.sum() * unit_ha),
        overall_accuracy=overall,
        overall_ci=z * overall_se if np.isfinite(overall_se) else None,
        matrix_of_shares=estimate.shares().tolist(),
    )


@dataclass(frozen=True)
class _Sample:
    """Counts of sample units by stratum, map class and reference class."""

    strata: list[Any]
    classes: list[Any]
    counts: FloatArray

    @property
    def agree(self) -> BoolArray:
        """Cells of the matrix where map and reference say the same."""
        return np.eye(len(self.classes), dtype=bool)

    @property
    def strata_are_classes(self) -> bool:
        """Whether every unit's stratum is its map class."""
        if not set(self.strata) <= set(self.classes):
            return False
        place = [self.classes.index(s) for s in self.strata]
        own = self.counts[np.arange(len(place)), place].sum()
        return bool(own == self.counts.sum())


class _Estimate:
    """Totals and ratios of indicators over a stratified sample."""

    def __init__(self, counts: FloatArray, sizes: FloatArray, *, finite: bool) -> None:
        self.counts, self.sizes = counts, sizes
        self.n = counts.sum(axis=(1, 2))
        left = np.maximum(1 - self.n / sizes, 0.0) if finite else np.ones(len(sizes))
        with np.errstate(divide="ignore", invalid="ignore"):
            # s² / n from shares: p (1 - p) / (n - 1).
            self.factor = sizes**2 * left / (self.n - 1)

    def mean(self, cells: BoolArray) -> FloatArray:
        """Share of the sample of each stratum in some cells of the matrix."""
        return np.asarray((self.counts * cells).sum(axis=(1, 2)) / self.n, dtype=np.float64)

    def total(self, cells: BoolArray) -> tuple[float, float]:
        """Area in some cells of the matrix, and its standard error."""
        p = self.mean(cells)
        return float(self.sizes @ p), float(np.sqrt(self.factor @ (p * (1 - p))))

    def ratio(self, top: BoolArray, bottom: BoolArray) -> tuple[float, float]:
        """Area in ``top`` over that in ``bottom``, which holds it, and its standard error."""
        y, x = self.mean(top), self.mean(bottom)
        whole = float(self.sizes @ x)
        if whole <= 0:
            return np.nan, np.nan
        r = float(self.sizes @ y) / whole
        # ``top`` lies within ``bottom``, so the product of the two indicators is ``top``.
        spread = y * (1 - y) + r**2 * x * (1 - x) - 2 * r * y * (1 - x)
        return r, float(np.sqrt(self.factor @ np.maximum(spread, 0.0))) / whole

    def shares(self) -> FloatArray:
        """Matrix of map × reference in shares of the whole area."""
        weight = self.sizes / self.sizes.sum() / self.n
        return np.asarray((self.counts * weight[:, None, None]).sum(axis=0), dtype=np.float64)


def _table(sample: _Sample, estimate: _Estimate, *, z: float, unit_ha: float) -> pd.DataFrame:
    k, whole = len(sample.classes), float(estimate.sizes.sum())
    counts = sample.counts.sum(axis=0)
    own = sample.strata_are_classes
    rows = []
    for i, name in enumerate(sample.classes):
        mapped, found, both = (np.zeros((k, k), dtype=bool) for _ in range(3))
        mapped[i], found[:, i], both[i, i] = True, True, True
        area, se = estimate.total(found)
        users, users_se = estimate.ratio(both, mapped)
        producers, producers_se = estimate.ratio(both, found)
        drawn = own and name in sample.strata
        rows.append(
            {
                "n_map": int(counts[i].sum()),
                "n_reference": int(counts[:, i].sum()),
                "mapped_ha": estimate.sizes[sample.strata.index(name)] * unit_ha
                if drawn
                else np.nan,
                "area_ha": area * unit_ha,
                "area_se_ha": se * unit_ha,
                "area_ci_ha": z * se * unit_ha,
                "area_low_ha": max(area - z * se, 0.0) * unit_ha,
                "area_high_ha": min(area + z * se, whole) * unit_ha,
                "area_share": area / whole,
                "users_accuracy": users,
                "users_ci": z * users_se,
                "producers_accuracy": producers,
                "producers_ci": z * producers_se,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(sample.classes, name="class"))


def _from_matrix(matrix: pd.DataFrame) -> _Sample:
    faults = []
    try:
        counts = matrix.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        counts = np.full(matrix.shape, np.nan)
    bad = ~np.isfinite(counts) | (counts < 0) | (counts != np.round(counts))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        value = matrix.iloc[int(row), int(column)]
        faults.append(f"{int(bad.sum())} counts that are negative or no whole numbers ({value!r})")
    rows, columns = list(matrix.index), list(matrix.columns)
    if len(set(rows)) < len(rows) or len(set(columns)) < len(columns):
        faults.append("a class that stands twice")
    if not rows:
        faults.append("no classes")
    classes = rows + [name for name in columns if name not in rows]
    if not set(rows) & set(columns):
        faults.append(f"rows {rows[:4]} and columns {columns[:4]} without a common class")
    if faults:
        raise SchemaError(
            "error matrix",
            found="; ".join(faults),
            expected="counts of sample units, rows by map class, columns by reference class",
            repair="Correct the matrix, or give one row a sample unit with its stratum.",
        )
    cube = np.zeros((len(rows), len(classes), len(classes)))
    place = [classes.index(name) for name in columns]
    for i in range(len(rows)):
        cube[i, i, place] = counts[i]
    return _Sample(rows, classes, cube)


def _from_rows(frame: pd.DataFrame, columns: tuple[str, str, str]) -> _Sample:
    missing = frame[list(columns)].isna().any(axis=1)
    if missing.any() or not len(frame):
        raise SchemaError(
            "samples",
            found="a stratum or class that is missing" if len(frame) else "no rows",
            expected="stratum, map class and reference class of every sample unit",
            repair="Complete or drop these rows.",
            rows=list(frame.index[missing]),
        )
    stratum, mapped, reference = (frame[name] for name in columns)
    strata = sorted(stratum.unique().tolist(), key=str)
    classes = sorted({*mapped.unique().tolist(), *reference.unique().tolist()}, key=str)
    cube = np.zeros((len(strata), len(classes), len(classes)))
    place = (
        stratum.map({name: i for i, name in enumerate(strata)}).to_numpy(dtype=np.int64),
        mapped.map({name: i for i, name in enumerate(classes)}).to_numpy(dtype=np.int64),
        reference.map({name: i for i, name in enumerate(classes)}).to_numpy(dtype=np.int64),
    )
    np.add.at(cube, place, 1.0)
    return _Sample(strata, classes, cube)


def _sizes(sample: _Sample, mapped_area: Mapping[Any, float] | pd.Series) -> FloatArray:
    """Area of each stratum; every fault of sample and areas is named."""
    area = {name: float(value) for name, value in dict(mapped_area).items()}
    n = sample.counts.sum(axis=(1, 2))
    drawn = dict(zip(sample.strata, n.tolist(), strict=True))
    faults = [f"no area for {name!r}" for name in sample.strata if name not in area]
    faults += [
        f"area {value:g} of {name!r}"
        for name, value in area.items()
        if not (np.isfinite(value) and value > 0)
    ]
    faults += [
        f"no sample in {name!r}"
        for name in [*area, *(s for s in sample.strata if s not in area)]
        if drawn.get(name, 0) == 0
    ]
    faults += [
        f"a single sample in {name!r}, whose variance is unknown"
        for name, size in drawn.items()
        if size == 1
    ]
    if faults:
        raise SchemaError(
            "strata",
            found="; ".join(faults),
            expected="an area above 0 and two samples or more in every stratum",
            repair="Sample the stratum, or join it to another.",
        )
    return np.array([area[name] for name in sample.strata])
