"""The user's frames and options, checked at the door and made a siting problem."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array, issparse

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.coverage.locate_distance import all_distances_km, distances_km, within_km
from geocn.coverage.locate_problem import Problem
from geocn.coverage.locate_rules import Chosen, Costs, Request, Scenarios
from geocn.errors import GeometryError, ParameterError, SchemaError
from geocn.spatial.columns import read_numbers
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m

# HiGHS takes 1e20 for infinity, and sums beyond 2**53 are not exact.
_MOST = 1e15


def make_problem(
    demand: pd.DataFrame, candidates: pd.DataFrame, request: Request, *, measures_costs: bool
) -> Problem:
    """Check everything and bring it to arrays; ``measures_costs`` asks for costs, not reach."""
    rules = request.rules
    if not len(candidates):
        raise SchemaError("candidates", found="no rows", expected="places where a site could stand")
    _check_options(candidates, request, measures_costs=measures_costs)
    scenarios, probabilities = _scenarios(demand, rules.scenarios)
    weights = _weights(demand, request, scenarios, probabilities)
    existing = chosen_sites(candidates, request.existing, "existing")
    forbidden = chosen_sites(candidates, request.forbidden, "forbidden")
    _check_sites(candidates, request, existing, forbidden)
    site_cost = np.ones(len(candidates))
    if request.site_cost is not None:
        site_cost = column_values(candidates, request.site_cost, "candidates", "a cost")
    if not rules.charge_existing:
        site_cost[existing] = 0.0
    capacity = rules.capacity and column_values(
        candidates, rules.capacity, "candidates", "a capacity"
    )
    reach, costs = _service(demand, candidates, request, measures_costs=measures_costs)
    return Problem(
        weights=weights,
        reach=reach,
        costs=costs,
        site_cost=site_cost,
        existing=existing,
        forbidden=forbidden,
        clashes=_clashes(candidates, rules.min_separation_km, existing),
        p=request.p,
        budget=request.budget,
        capacity=capacity if isinstance(capacity, np.ndarray) else None,
        groups=_groups(demand, rules.equity),
        share_floor=rules.equity[1] if rules.equity else 0.0,
        scenarios=scenarios,
        scenario_weights=probabilities,
        risk=rules.scenarios.risk if rules.scenarios else "expected",
        cvar_level=rules.scenarios.level if rules.scenarios else 0.9,
        second_cover=rules.second_cover,
    )


def column_values(frame: pd.DataFrame, column: str, layer: str, what: str) -> FloatArray:
    """Return a column of finite numbers, 0 or more, or name the rows that are none."""
    values, _ = read_numbers(frame, column, layer, expected=what)
    missing, negative = ~np.isfinite(values), values < 0
    if (missing | negative).any():
        raise SchemaError(
            layer,
            found=f"{column}: {missing.sum()} missing or infinite, {negative.sum()} negative",
            expected=f"{what} of 0 or more in every row",
            repair="Drop these rows or set their value.",
            rows=list(frame.index[missing | negative]),
        )
    if values.sum() > _MOST:
        raise SchemaError(
            layer,
            found=f"{column} that adds up to {values.sum():.3g}",
            expected=f"{what} that adds up to {_MOST:g} or less",
            repair="Look for a code read as a number, or give it in a larger unit.",
            rows=list(frame.index[values == values.max()]),
        )
    return values


def chosen_sites(candidates: pd.DataFrame, chosen: Chosen, name: str) -> BoolArray:
    """Read a column of true and false, or a list of labels, as a mask."""
    if chosen is None:
        return np.zeros(len(candidates), dtype=bool)
    if isinstance(chosen, str):
        if chosen not in candidates:
            raise SchemaError(
                "candidates",
                found=f"no column {chosen!r}",
                expected=f"a column that says which sites are {name}, or a list of labels",
                repair="Name the column, or give the labels as a list.",
            )
        values = candidates[chosen]
        if values.isna().any() or not values.isin([True, False]).all():
            wrong = values.isna() | ~values.isin([True, False])
            raise SchemaError(
                "candidates",
                found=f"{chosen}: values other than true and false",
                expected="true or false in every row",
                repair="Fill them in.",
                rows=list(candidates.index[wrong]),
            )
        return np.array(values.astype(bool).to_numpy())
    labels = list(chosen)
    unknown = [label for label in labels if label not in candidates.index]
    if unknown:
        raise SchemaError(
            "candidates",
            found=f"no such rows, named as {name}",
            expected="labels of the index of candidates",
            repair="Look at candidates.index.",
            rows=unknown,
        )
    return np.array(candidates.index.isin(labels))


def _check_options(candidates: pd.DataFrame, request: Request, *, measures_costs: bool) -> None:
    rules, faults = request.rules, []
    if request.p is not None and (int(request.p) != request.p or request.p < 1):
        faults.append(f"p is {request.p}; it is a whole number of sites, 1 or more")
    if request.p is not None and request.p > len(candidates):
        faults.append(f"p is {request.p}, but there are {len(candidates)} candidates")
    if request.budget is not None and not (np.isfinite(request.budget) and request.budget >= 0):
        faults.append(f"budget is {request.budget}; it is a sum of 0 or more")
    if request.budget is not None and request.site_cost is None:
        faults.append("budget needs site_cost, the column of candidates with what a site costs")
    if request.p is None and request.budget is None and request.objective != "set_covering":
        faults.append(f"{request.objective} needs p or budget")
    if request.threshold is None and not measures_costs:
        faults.append(
            f"{request.objective} needs threshold: how far a site serves, in km or as costs"
        )
    if request.threshold is not None and not (
        np.isfinite(request.threshold) and request.threshold >= 0
    ):
        faults.append(f"threshold is {request.threshold}; it is a distance or cost of 0 or more")
    if not 0 <= rules.second_cover <= 1:
        faults.append(f"second_cover is {rules.second_cover}; it is a share from 0 to 1")
    if rules.min_separation_km is not None and not rules.min_separation_km >= 0:
        faults.append(f"min_separation_km is {rules.min_separation_km}; it is 0 or more")
    if rules.equity is not None and not 0 <= rules.equity[1] <= 1:
        faults.append(f"the share of equity is {rules.equity[1]}; it is from 0 to 1")
    if faults:
        raise ParameterError("; ".join(faults))


def _check_sites(
    candidates: pd.DataFrame, request: Request, existing: BoolArray, forbidden: BoolArray
) -> None:
    if not len(candidates):
        raise SchemaError("candidates", found="no rows", expected="places where a site could stand")
    repeated = candidates.index.duplicated(keep=False)
    if repeated.any():
        raise SchemaError(
            "candidates",
            found="labels that stand for several rows",
            expected="an index without repetition, since the answer names sites by it",
            repair="candidates.reset_index(drop=True)",
            rows=list(candidates.index[repeated]),
        )
    if (existing & forbidden).any():
        raise SchemaError(
            "candidates",
            found="sites that both exist and are forbidden",
            expected="one or the other",
            repair="Take them out of existing or forbidden.",
            rows=list(candidates.index[existing & forbidden]),
        )
    if request.p is not None and existing.sum() > request.p:
        raise ParameterError(
            f"p is {request.p}, but {existing.sum()} sites exist; p counts those that exist"
        )


def _weights(
    demand: pd.DataFrame,
    request: Request,
    scenarios: FloatArray | None,
    probabilities: FloatArray | None,
) -> FloatArray:
    if scenarios is not None and probabilities is not None:
        return np.asarray(probabilities @ scenarios, dtype=np.float64)
    if request.weight is None:
        return np.ones(len(demand))
    return column_values(demand, request.weight, "demand", "a weight")


def _scenarios(
    demand: pd.DataFrame, scenarios: Scenarios | None
) -> tuple[FloatArray | None, FloatArray | None]:
    if scenarios is None:
        return None, None
    columns = list(scenarios.columns)
    given = scenarios.probabilities
    chance = np.ones(len(columns)) if given is None else np.array(given, dtype=np.float64)
    if not columns or chance.shape != (len(columns),) or not (chance >= 0).all():
        raise ParameterError("scenarios need columns, and a probability of 0 or more for each")
    if not 0 < chance.sum() < np.inf:
        raise ParameterError("the probabilities of the scenarios sum to 0 or are not finite")
    if scenarios.risk not in ("expected", "minimax", "cvar"):
        raise ParameterError(f"risk is {scenarios.risk!r}; choose 'expected', 'minimax' or 'cvar'")
    if not 0 <= scenarios.level < 1:
        raise ParameterError(f"level is {scenarios.level}; it is from 0 to below 1")
    values = [column_values(demand, name, "demand", "a weight") for name in columns]
    return np.array(values).reshape(len(columns), len(demand)), chance / chance.sum()


def _groups(demand: pd.DataFrame, equity: tuple[str, float] | None) -> IntArray | None:
    if equity is None:
        return None
    if equity[0] not in demand:
        raise SchemaError(
            "demand",
            found=f"no column {equity[0]!r}",
            expected=f"groups; there are {', '.join(map(str, demand.columns))}",
            repair="Name the column in equity.",
        )
    codes, _ = pd.factorize(demand[equity[0]], use_na_sentinel=False)
    return np.asarray(codes, dtype=np.int64)


def _service(
    demand: pd.DataFrame, candidates: pd.DataFrame, request: Request, *, measures_costs: bool
) -> tuple[csr_array | None, csr_array | FloatArray | None]:
    limit = request.threshold
    if request.costs is not None:
        costs = given_costs(demand, candidates, request.costs)
        if isinstance(costs, csr_array):
            return _cut(costs, limit) if limit is not None else (None, costs)
        near = costs <= (np.inf if limit is None else limit)
        if measures_costs:
            return None, np.where(near, costs, np.inf)
        return csr_array(near.astype(np.int8)), costs
    here, there = lonlat(demand, "demand"), lonlat(candidates, "candidates")
    if limit is None:
        return None, all_distances_km(here, there)
    if measures_costs:
        return None, distances_km(here, there, limit)
    return within_km(here, there, limit), None


def _cut(costs: csr_array, limit: float) -> tuple[csr_array, csr_array]:
    keep = costs.data <= limit
    row = np.repeat(np.arange(costs.shape[0]), np.diff(costs.indptr))[keep]
    pointer = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=costs.shape[0]))])
    indices, shape = costs.indices[keep], costs.shape
    marks = np.ones(len(indices), dtype=np.int8)
    return csr_array((marks, indices, pointer), shape=shape), csr_array(
        (costs.data[keep], indices, pointer), shape=shape
    )


def given_costs(
    demand: pd.DataFrame, candidates: pd.DataFrame, costs: Costs
) -> csr_array | FloatArray:
    """Bring a demand × candidate matrix to CSR or to a dense array with ``inf`` for never."""
    if isinstance(costs, pd.DataFrame):
        if set(costs.index) != set(demand.index) or set(costs.columns) != set(candidates.index):
            raise ParameterError(
                "costs has other labels than demand (rows) and candidates (columns)"
            )
        costs = costs.reindex(index=demand.index, columns=candidates.index).to_numpy(dtype=float)
    if not issparse(costs):
        dense: FloatArray = np.array(costs, dtype=np.float64)
        _check_matrix(dense.shape, demand, candidates, np.any(np.atleast_2d(dense) < 0, axis=1))
        return np.where(np.isfinite(dense), dense, np.inf)
    sparse: Any = costs
    matrix: csr_array = csr_array(sparse, dtype=np.float64, copy=True)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    wrong = np.bincount(row[matrix.data < 0], minlength=matrix.shape[0]) > 0
    _check_matrix(matrix.shape, demand, candidates, wrong)
    matrix.sum_duplicates()
    return _cut(matrix, np.finfo(np.float64).max)[1]


def _check_matrix(
    shape: tuple[int, ...], demand: pd.DataFrame, candidates: pd.DataFrame, wrong: BoolArray
) -> None:
    expected = (len(demand), len(candidates))
    if shape != expected:
        raise ParameterError(f"costs is {shape}; demand × candidates is {expected}")
    if wrong.any():
        raise SchemaError(
            "costs",
            found="negative costs",
            expected="0 or more; missing or infinite where a site cannot serve",
            rows=list(demand.index[wrong]),
        )


def lonlat(frame: pd.DataFrame, layer: str) -> FloatArray:
    """Return the places of a frame, (n, 2); lines and areas by a point that lies on them."""
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ParameterError(f"{layer} has no geometry; give costs, or a GeoDataFrame")
    there = has_geometry(frame)
    if layer == "candidates" and not there.all():
        raise GeometryError(
            layer,
            found="candidates without a place",
            expected="a geometry in every row",
            repair="Drop these rows, or find their place.",
            rows=list(frame.index[~there]),
        )
    shapes = np.array(to_lonlat(frame, layer).geometry.to_numpy(), dtype=object)
    flat = there & (shapely.get_type_id(shapes) != 0)
    shapes[flat] = shapely.point_on_surface(shapes[flat])
    # GEOS finds no coordinates in an empty point, and says so with an error.
    shapes[~there] = None
    return np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)])


def _clashes(candidates: pd.DataFrame, km: float | None, existing: BoolArray) -> IntArray:
    """Pairs of candidates that are too near; two that exist stand already."""
    if not km:
        return np.empty((0, 2), dtype=np.int64)
    there = lonlat(candidates, "candidates")
    pairs = within_km(there, there, km).tocoo()
    a, b = there[pairs.row], there[pairs.col]
    exact = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1]) / 1000 < km
    keep = exact & (pairs.row < pairs.col) & ~(existing[pairs.row] & existing[pairs.col])
    return np.column_stack([pairs.row[keep], pairs.col[keep]]).astype(np.int64)
