"""Clusters and outliers: the Local Moran statistic."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from scipy import sparse

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.errors import LayerError, ParameterError
from geocn.hotspots import tails
from geocn.hotspots.correction import Correction, adjust
from geocn.hotspots.getis import Inference
from geocn.hotspots.local import check_options, expectation, under_exposure
from geocn.hotspots.moments import row_standardised, window_weights
from geocn.hotspots.values import numeric_column, refuse_rows
from geocn.provenance import attach
from geocn.spatial.neighbours import (
    DistanceBand,
    KNearest,
    Neighbours,
    describe,
    neighbour_matrix,
)

_NAME = "local_moran"


def local_moran(
    frame: gpd.GeoDataFrame,
    value: str,
    *,
    neighbours: Neighbours,
    exposure: str | None = None,
    inference: Inference = "auto",
    permutations: int | None = None,
    alpha: float = 0.05,
    correction: Correction = "bh",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Find clusters (high among high, low among low) and outliers with Local Moran.

    .. math:: I_i = \frac{(n - 1)\, d_i \sum_{j \ne i} w_{ij} d_j}{\sum_j d_j^2},
              \qquad d_i = x_i - \bar x

    The p-value is two-sided with ties in both tails and conditional on the cell's own
    value: it asks whether the neighbours are unusual for the rest of the map.

    Parameters
    ----------
    frame : GeoDataFrame
        Cells, areas or points; see :func:`make_grid` and :func:`count_events`.
    value : str
        Column to analyse. Rows where it is null take no part.
    neighbours : "queen", "rook", metres, distance_band, knn, sparse matrix or libpysal Graph
        Weights of a kind given by name are row-standardised: the lag is the mean of the
        neighbours. A matrix or Graph is taken with its weights, without its diagonal.
    exposure : str, optional
        Column of what the count should be proportional to (patrol hours, border length,
        population). The statistic then works on the rate less its mean, standardised by
        empirical Bayes (Assunção & Reis 1999). For counts with equal weights the p-value
        is the binomial tail of the neighbours' count given the total without the cell, and
        high means more than ``exposure * sum(value) / sum(exposure)``; otherwise
        the standardised rates are permuted. Rows with no exposure and no events take no part.
    inference : {"auto", "exact", "permutation", "analytic"}
        As in :func:`getis_ord`.
    permutations : int, optional
        Number of permutations; by default as many as the correction needs.
    alpha : float
        Level of significance after correction.
    correction : {"bh", "by", "bonferroni", "none"}
        See :func:`geocn.hotspots.correction.adjust`.
    seed : int
        Seed of the permutations.

    Returns
    -------
    GeoDataFrame
        The frame with ``value, n_neighbours, local_i, local_z, p_value, p_adjusted,
        significant, quadrant, hotspot_class``; with exposure also ``exposure, expected,
        rate, rate_eb, relative_risk``. ``local_z`` is the standard score of ``local_i`` given the
        cell's own value (moments of drawing neighbours without replacement). The
        quadrants are high_high, low_low, high_low (a high cell among low ones) and
        low_high; classes are the quadrants of significant cells, not_significant,
        no_neighbours and no_data. Columns of these names in the input are replaced.

    Raises
    ------
    SchemaError
        Where a column is missing or not numeric.
    LayerError
        Where values are infinite, exposure is negative, or events stand where there is no
        exposure; the rows are named.
    ParameterError
        Where an option is out of range.

    Notes
    -----
    A cell that equals the mean has ``local_i`` 0 whatever its neighbours, so its p-value
    is 1. The factor n - 1 is that of GeoDa and PySAL; R's spdep has n.

    References
    ----------
    Anselin 1995, doi:10.1111/j.1538-4632.1995.tb00338.x;
    Sokal, Oden & Thomson 1998, doi:10.1111/j.1538-4632.1998.tb00406.x;
    Assunção & Reis 1999, doi:10.1002/(SICI)1097-0258(19990830)18:16<2147::AID-SIM179>3.0.CO;2-I.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(20) for x in range(20)]
    >>> counts = np.zeros(400, int)
    >>> counts[[0, 1, 2, 20, 21, 22, 40, 41, 42]] = 5
    >>> grid = gpd.GeoDataFrame({"n_events": counts}, geometry=cells, crs=6933)
    >>> found = local_moran(grid, "n_events", neighbours="queen")
    >>> int((found["hotspot_class"] == "high_high").sum())
    9
    """
    check_options(inference, permutations, alpha, correction)
    data = _read(frame, value, exposure)
    weights = _weights(frame, neighbours, data.valid)
    columns, method = _score(
        frame, data, weights, inference=inference, draws=permutations, alpha=alpha, seed=seed
    )
    columns["p_adjusted"] = adjust(columns["p_value"], correction=correction)
    columns["significant"] = columns["p_adjusted"] <= alpha
    columns["quadrant"] = columns.pop("quadrant")
    columns["hotspot_class"] = np.select(
        [~data.valid, columns["n_neighbours"] == 0, ~columns["significant"]],
        ["no_data", "no_neighbours", "not_significant"],
        default=columns["quadrant"],
    )
    result = frame.assign(**columns)
    result = result.astype({"quadrant": "str", "hotspot_class": "str"})
    return attach(
        result,
        "hotspots.local_moran",
        value=value,
        exposure=exposure,
        neighbours=describe(neighbours),
        alpha=alpha,
        correction=correction,
        seed=seed,
        crs=frame.crs,
        n_tests=int(np.isfinite(columns["p_value"]).sum()),
        left_out={
            "no_data": int((~data.valid).sum()),
            "no_neighbours": int((result["hotspot_class"] == "no_neighbours").sum()),
        },
        **method,
    )


@dataclass(frozen=True, slots=True)
class _Data:
    """Values, exposure if given, and the rows that take part."""

    y: FloatArray
    exposed: FloatArray | None
    valid: BoolArray

    def analysed(self) -> FloatArray:
        """Deviations from the mean of what is analysed, over the rows that take part."""
        y = self.y[self.valid]
        x = y if self.exposed is None else _standardised_rate(y, self.exposed[self.valid])
        d = x - x.mean() if len(x) else x
        # What rounding leaves of constant data, or of a value at the mean, is not deviation.
        return np.where(np.abs(d) > 1e-12 * np.abs(x).max(initial=0.0), d, 0.0)


def _read(frame: gpd.GeoDataFrame, value: str, exposure: str | None) -> _Data:
    y = numeric_column(frame, value, analysis=_NAME)

    def refuse(bad: BoolArray, found: str, expected: str) -> None:
        refuse_rows(frame, bad, analysis=_NAME, found=found, expected=expected)

    refuse(np.isinf(y), f"infinite {value}", "finite numbers or null")
    if exposure is None:
        return _Data(y, None, ~np.isnan(y))
    exposed = numeric_column(frame, exposure, analysis=_NAME)
    refuse(np.isinf(exposed) | (exposed < 0), f"negative or infinite {exposure}", "0 or more")
    refuse(y < 0, f"negative {value} with exposure", "0 or more")
    refuse((exposed == 0) & (y > 0), f"{value} where {exposure} is 0", "exposure")
    return _Data(y, exposed, ~np.isnan(y) & (exposed > 0))


def _weights(
    frame: gpd.GeoDataFrame, neighbours: Neighbours, valid: BoolArray
) -> sparse.csr_matrix:
    """Weights between the rows that take part, without the diagonal."""
    matrix = neighbour_matrix(frame, neighbours)
    _, others = window_weights(matrix, star=False)
    named = isinstance(neighbours, (str, int, float, np.number, DistanceBand, KNearest))
    mean = named or row_standardised(others)
    rows = np.flatnonzero(valid)
    among = sparse.csr_matrix(others[rows][:, rows])
    if mean:
        # The mean is over the neighbours that take part.
        total = np.asarray(among.sum(axis=1), dtype=float).ravel()
        scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        among = sparse.csr_matrix(sparse.diags_array(scale, format="csr") @ among)
    return among


def _standardised_rate(counts: FloatArray, exposed: FloatArray) -> FloatArray:
    """Rates less their mean over their empirical-Bayes spread (Assunção & Reis 1999)."""
    if not len(counts):
        return counts
    overall = counts.sum() / exposed.sum()
    rate = counts / exposed
    between = (exposed * (rate - overall) ** 2).sum() / exposed.sum() - overall / exposed.mean()
    variance = between + overall / exposed
    variance = np.where(variance < 0, overall / exposed, variance)
    with np.errstate(invalid="ignore"):
        return np.where(variance > 0, (rate - overall) / np.sqrt(variance), 0.0)


def _score(
    frame: gpd.GeoDataFrame,
    data: _Data,
    weights: sparse.csr_matrix,
    *,
    inference: str,
    draws: int | None,
    alpha: float,
    seed: int,
) -> tuple[dict[str, AnyArray], dict[str, object]]:
    d, k = data.analysed(), np.diff(weights.indptr)
    tested = k > 0
    lag = weights @ d
    squares = float(d @ d)
    n_valid = len(d)
    local_i = (n_valid - 1) * d * lag / squares if squares else np.full(n_valid, np.nan)
    z_lag = _lag_score(d, weights)
    high, lag_high = d > 0, lag > 0
    counts = data.y[data.valid]
    whole = bool(tails.whole_counts(counts).all())
    cells = tails.Cells(counts if data.exposed is None else d, weights, lag, tested)
    method: dict[str, object] = {"inference": _choose(frame, data, cells, inference, whole)}
    method["permutations"] = None
    if method["inference"] == "exact" and data.exposed is not None:
        exposed = data.exposed[data.valid]
        z_lag, p = under_exposure(counts, exposed, weights)
        high, lag_high = counts * exposed.sum() > exposed * counts.sum(), z_lag > 0
    elif method["inference"] == "exact":
        p = tails.exact_p(cells, list(frame.index[data.valid]))
    elif method["inference"] == "permutation":
        centred = tails.Cells(d, weights, lag, tested)
        p, method["permutations"] = tails.permutation_p(
            centred, permutations=draws, alpha=alpha, seed=seed
        )
    else:
        p = tails.analytic_p(z_lag)
    # Constant data, or a cell at the mean: nothing is unusual.
    p = np.where(np.isnan(p) | (d == 0) | (squares == 0), 1.0, p)
    quadrant = np.select(
        [high & lag_high, high, lag_high], ["high_high", "high_low", "low_high"], "low_low"
    ).astype(object)
    quadrant[~tested | (squares == 0)] = None
    z = np.where(d != 0, np.sign(d) * z_lag, np.nan)
    return _spread(data, k=k, local_i=local_i, local_z=z, p_value=p, quadrant=quadrant), method


def _choose(
    frame: gpd.GeoDataFrame, data: _Data, cells: tails.Cells, inference: str, whole: bool
) -> str:
    """Name the inference; the binomial law under exposure costs nothing and needs no budget."""
    if inference == "exact" and not whole:
        bad = data.valid & ~tails.whole_counts(np.nan_to_num(data.y))
        raise LayerError(
            _NAME,
            found=f"values that are not counts, such as {data.y[bad][0]:g}",
            expected='whole numbers of 0 or more for inference="exact"',
            repair='Use inference="permutation".',
            rows=list(frame.index[bad]),
        )
    if data.exposed is None or inference not in ("auto", "exact"):
        return tails.choose(cells, inference)
    if inference == "exact" and not cells.equal_weights:
        raise ParameterError('inference="exact" needs equal weights; use "permutation"')
    return "exact" if whole and cells.equal_weights else "permutation"


def _lag_score(d: FloatArray, weights: sparse.csr_matrix) -> FloatArray:
    """Score each lag against its law given the cell's own value (Sokal, Oden & Thomson 1998)."""
    n = len(d)
    total = np.asarray(weights.sum(axis=1), dtype=float).ravel()
    squares = np.asarray(weights.multiply(weights).sum(axis=1), dtype=float).ravel()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = -d / (n - 1)
        variance = ((d**2).sum() - d**2) / (n - 1) - mean**2
        spread = np.sqrt(variance * ((n - 1) * squares - total**2) / (n - 2))
        z: FloatArray = (weights @ d - total * mean) / spread
    return np.where(np.isfinite(z), z, np.nan)


def _spread(data: _Data, *, k: AnyArray, **scores: AnyArray) -> dict[str, AnyArray]:
    """Put scores of the rows that take part among all rows; untested ones have none."""
    n, rows, tested = len(data.y), np.flatnonzero(data.valid), k > 0
    neighbours = np.zeros(n, dtype=np.int64)
    neighbours[rows] = k
    columns: dict[str, AnyArray] = {"value": data.y, "n_neighbours": neighbours}
    for name, score in scores.items():
        blank = None if score.dtype == object else np.nan
        columns[name] = np.full(n, blank, dtype=score.dtype)
        columns[name][rows[tested]] = score[tested]
    if data.exposed is not None:
        columns |= expectation(data.y, data.exposed, data.valid)
    return columns
