"""How much of a service is within reach of whom, when all who reach it share it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from geocn._typing import BoolArray, FloatArray
from geocn.coverage.accessibility_weights import Decay, decay_weights
from geocn.coverage.equity import equity
from geocn.coverage.locate_distance import distances_km
from geocn.coverage.locate_input import column_values, given_costs, lonlat
from geocn.coverage.locate_rules import Costs
from geocn.errors import ParameterError, RejectedRowsWarning
from geocn.provenance import attach
from geocn.spatial.columns import refuse_taken
from geocn.spatial.crs import LONLAT

_ADDED = ("accessibility", "reachable_supply", "n_sites")


@dataclass(frozen=True)
class Accessibility:
    """What :func:`geocn.coverage.accessibility` found.

    Parameters
    ----------
    demand : GeoDataFrame or DataFrame
        The demand with ``accessibility``, ``reachable_supply`` and ``n_sites``.
    sites : GeoDataFrame or DataFrame
        The supply with ``provider_to_demand``, ``demand_reached`` and ``n_demand``.
    gini : float
        Of accessibility over demand: 0 where all have the same.
    worst_decile : float
        Mean accessibility of the tenth of the demand that has least.
    """

    demand: pd.DataFrame
    sites: pd.DataFrame
    gini: float
    worst_decile: float


def accessibility(
    demand: pd.DataFrame,
    supply: pd.DataFrame,
    *,
    threshold: float,
    costs: Costs | None = None,
    weight: str | None = None,
    capacity: str | None = "capacity",
    balanced: bool = False,
    decay: Decay = "binary",
    bandwidth: float | None = None,
    power: float = 1.0,
    nearest: float | None = None,
) -> Accessibility:
    r"""Measure accessibility by floating catchment areas: supply shared by those who reach it.

    With demand :math:`P_i`, supply :math:`S_j` and weights :math:`w_{ij}` of the pairs within
    the threshold, two steps give the supply per head of each site and its sum over the sites
    that each place reaches (Luo & Wang 2003):

    .. math:: R_j = \frac{S_j}{\sum_i w_{ij} P_i} \qquad A_i = \sum_j w_{ij} R_j

    so that :math:`\sum_i P_i A_i` is the supply of all sites that reach anybody. Balanced
    (Páez, Higgins & Vivona 2019), nobody is counted at several sites and no site's level
    of service several times:

    .. math:: R_j = \frac{S_j}{\sum_i P_i w_{ij} / \sum_j w_{ij}} \qquad
              A_i = \sum_j R_j \frac{w_{ij}}{\sum_i w_{ij}}

    so that the demand shared out is the demand within reach, and :math:`\sum_i A_i = \sum_j R_j`.

    Parameters
    ----------
    demand : GeoDataFrame, or DataFrame with ``costs``
        Points, lines or areas (by a point on them) in any CRS.
    supply : GeoDataFrame, or DataFrame with ``costs``
        Sites. One whose capacity is unknown takes no part and is named; one without
        a place reaches nobody.
    threshold : float
        Furthest that anybody goes: geodesic km, or the unit of ``costs``.
    costs : sparse matrix, array or DataFrame, optional
        Demand by supply, such as minutes, instead of distances. What is absent from a
        sparse matrix, and NaN or infinite, cannot be reached; a stored 0 costs nothing.
    weight : str, optional
        Column of demand with people or cases; without one each row is 1.
    capacity : str, optional
        Column of supply; None counts each site as 1.
    balanced : bool
        See above.
    decay : {"binary", "gaussian", "power"}, mapping or callable
        Weight by cost d: 1; :math:`e^{-(d / b)^2 / 2}` with b the ``bandwidth``;
        :math:`\max(d, nearest)^{-power}`; steps from their upper cost to a weight, such as
        ``{10: 1, 20: 0.68, 30: 0.22}`` (the enhanced method of Luo & Qi 2009); or a
        function of an array of costs.
    bandwidth, power, nearest : float, optional
        Of the decay. ``nearest`` is the cost below which no place counts as nearer.

    Returns
    -------
    Accessibility
        ``demand`` with its columns and index and ``accessibility`` (supply per unit of
        demand, 0 out of reach), ``reachable_supply`` and ``n_sites`` within the threshold,
        null where there is no place; ``sites`` with ``provider_to_demand`` (null where
        no demand is reached), ``demand_reached`` (weighted) and ``n_demand``;
        ``gini`` and ``worst_decile`` of accessibility over demand, also in ``attrs``.

    Raises
    ------
    SchemaError
        Where a weight is missing or negative, a capacity negative or infinite, or a
        column not there.
    ParameterError
        Where an option is out of range, or costs do not fit.
    CRSError, CoordinateError
        Where a frame has no CRS, or lies nowhere on Earth.

    Warns
    -----
    RejectedRowsWarning
        Where capacities are unknown.

    References
    ----------
    Luo & Wang 2003, doi:10.1068/b29120. Luo & Qi 2009, doi:10.1016/j.healthplace.2009.06.002.
    Páez, Higgins & Vivona 2019, doi:10.1371/journal.pone.0218773.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> places = pd.DataFrame({"people": [100, 300]})
    >>> clinics = pd.DataFrame({"capacity": [10, 6]})
    >>> minutes = np.array([[5.0, np.nan], [10.0, 20.0]])
    >>> found = accessibility(places, clinics, threshold=30, costs=minutes, weight="people")
    >>> found.sites["provider_to_demand"].tolist()
    [0.025, 0.02]
    >>> found.demand["accessibility"].tolist()
    [0.025, 0.045]
    """
    _check(demand, threshold)
    people = np.ones(len(demand)) if weight is None else column_values(
        demand, weight, "demand", "a weight"
    )  # fmt: skip
    offered, unknown = _capacity(supply, capacity)
    pairs, placed = _pairs(demand, supply, costs, threshold)
    weights = decay_weights(
        pairs, decay, threshold=threshold, bandwidth=bandwidth, power=power, nearest=nearest
    )
    weights, pairs = _without(weights, unknown), _without(pairs, unknown)
    counted = np.where(placed, people, 0.0)
    ratio, reached, access = (_balanced if balanced else _two_steps)(weights, counted, offered)
    even = _evenness(access, counted)
    record = {
        "threshold": threshold, "costs": "geodesic km" if costs is None else "given",
        "weight": weight, "capacity": capacity, "balanced": balanced, "decay": _stated(decay),
        "bandwidth": bandwidth, "power": power, "nearest": nearest,
        "crs": getattr(demand, "crs", None) or LONLAT, **even,
        "n_left_out": int((~placed).sum()), "unknown_capacity": list(supply.index[unknown]),
        "n_without_demand": int((np.isnan(ratio) & ~unknown).sum()),
        "n_out_of_reach": int((placed & (np.diff(weights.indptr) == 0)).sum()),
    }  # fmt: skip
    found, sites = demand.copy(), supply.copy()
    found["accessibility"] = np.where(placed, access, np.nan)
    found["reachable_supply"] = np.where(placed, _pattern(pairs) @ offered, np.nan)
    number = pd.Series(np.diff(pairs.indptr), index=found.index, dtype="Int64")
    found["n_sites"] = number.where(placed)
    sites["provider_to_demand"] = ratio
    sites["demand_reached"] = np.where(unknown, np.nan, reached)
    sites["n_demand"] = np.bincount(pairs.indices, minlength=len(supply)).astype(np.int64)
    return Accessibility(
        attach(found, "coverage.accessibility", **record),
        attach(sites, "coverage.accessibility", **record),
        *(float("nan") if value is None else value for value in even.values()),
    )


def _check(demand: pd.DataFrame, threshold: float) -> None:
    if not 0 < threshold < np.inf:
        raise ParameterError(f"threshold is {threshold!r}; give a number above 0")
    refuse_taken(demand, _ADDED, "demand")


def _stated(decay: Decay) -> Any:
    return "given" if callable(decay) else decay


def _capacity(supply: pd.DataFrame, capacity: str | None) -> tuple[FloatArray, BoolArray]:
    """Capacity by site, and which sites have an unknown one."""
    if capacity is None:
        return np.ones(len(supply)), np.zeros(len(supply), dtype=bool)
    unknown = np.zeros(len(supply), dtype=bool)
    if capacity in supply:
        unknown = supply[capacity].isna().to_numpy(dtype=bool)
    known = column_values(supply[~unknown], capacity, "supply", "a capacity")
    values = np.zeros(len(supply))
    values[~unknown] = known
    if unknown.any():
        labels = supply.index[unknown].tolist()
        shown = ", ".join(map(str, labels[:3])) + (", …" if len(labels) > 3 else "")
        warnings.warn(
            f"supply ({len(labels)} rows: {shown}) has an unknown capacity and takes no part. "
            "Fill it in, or count each site as 1 with capacity=None.",
            RejectedRowsWarning,
            stacklevel=3,
        )
    return values, unknown


def _pairs(
    demand: pd.DataFrame, supply: pd.DataFrame, costs: Costs | None, threshold: float
) -> tuple[csr_array, BoolArray]:
    """Cost of each pair within the threshold, and which demand has a place."""
    if costs is None:
        here, there = lonlat(demand, "demand"), lonlat(supply, "supply")
        placed: BoolArray = np.asarray(np.isfinite(here).all(axis=1))
        return distances_km(here, there, threshold), placed
    given = given_costs(demand, supply, costs)
    everywhere = np.ones(len(demand), dtype=bool)
    if isinstance(given, np.ndarray):
        row, column = np.nonzero(given <= threshold)
        pointer = np.searchsorted(row, np.arange(len(demand) + 1))
        return csr_array((given[row, column], column, pointer), shape=given.shape), everywhere
    return _kept(given, given.data <= threshold), everywhere


def _kept(matrix: csr_array, keep: BoolArray) -> csr_array:
    """Keep some entries, stored zeros among them."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[keep]
    pointer = np.searchsorted(row, np.arange(matrix.shape[0] + 1))
    return csr_array((matrix.data[keep], matrix.indices[keep], pointer), shape=matrix.shape)


def _without(matrix: csr_array, sites: BoolArray) -> csr_array:
    return _kept(matrix, ~sites[matrix.indices]) if sites.any() else matrix


def _pattern(matrix: csr_array) -> csr_array:
    marks = np.ones(len(matrix.data))
    return csr_array((marks, matrix.indices, matrix.indptr), shape=matrix.shape)


def _ratio(supply: FloatArray, demand: FloatArray) -> FloatArray:
    """Supply by unit of demand, NaN where there is none."""
    ratio = np.full(len(supply), np.nan)
    np.divide(supply, demand, out=ratio, where=demand > 0)
    return ratio


def _two_steps(
    weights: csr_array, people: FloatArray, offered: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    reached = weights.T @ people
    ratio = _ratio(offered, reached)
    return ratio, reached, weights @ np.nan_to_num(ratio)


def _balanced(
    weights: csr_array, people: FloatArray, offered: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    by_place, by_site = (np.asarray(weights.sum(axis=axis)).ravel() for axis in (1, 0))
    parts = np.divide(people, by_place, out=np.zeros(len(people)), where=by_place > 0)
    reached = weights.T @ parts
    ratio = _ratio(offered, reached)
    level = np.divide(np.nan_to_num(ratio), by_site, out=np.zeros(len(offered)), where=by_site > 0)
    return ratio, reached, weights @ level


def _evenness(access: FloatArray, people: FloatArray) -> dict[str, float | None]:
    """Gini and the mean of the worst tenth; None where nobody has any."""
    most = float(access.max(initial=0.0))
    if most == 0:
        return {"gini": None, "worst_decile": None}
    even = equity(access / most, people)
    plain = {"gini": even.gini, "worst_decile": even.worst_decile * most}
    return {name: None if np.isnan(value) else value for name, value in plain.items()}
