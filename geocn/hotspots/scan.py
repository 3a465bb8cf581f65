"""Clusters of cases: the spatial scan statistic with circular windows."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots.positions import positions_m
from geocn.hotspots.scan_windows import Study, Window, clusters, draw_cases, scan_all
from geocn.provenance import attach
from geocn.spatial.crs import has_geometry, require_crs

Model = Literal["poisson", "bernoulli"]
_COLUMNS = {
    "observed": "int64",
    "expected": "float64",
    "relative_risk": "float64",
    "log_likelihood_ratio": "float64",
    "p_value": "float64",
    "p_value_gumbel": "float64",
    "n_members": "int64",
    "members": "object",
    "centre": "object",
    "radius_m": "float64",
}


def spatial_scan(
    areas: gpd.GeoDataFrame,
    cases: str,
    *,
    population: str | None = None,
    controls: str | None = None,
    model: Model = "poisson",
    max_share: float = 0.5,
    permutations: int = 999,
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Find the circles that hold more cases than chance would bring (Kulldorff).

    Circles grow around the centroid of every area; areas at the same distance enter
    together. With c cases of C in a window where E are expected, the Poisson model's ratio is

    .. math:: c \ln \frac{c}{E} + (C - c) \ln \frac{C - c}{C - E}, \quad c > E.

    The first cluster is the window with the greatest ratio; each next one the greatest
    among windows that share no area with those before. Every p-value compares with the
    greatest ratio anywhere in each replicate, and so holds for the map as a whole.

    Parameters
    ----------
    areas : GeoDataFrame
        Points or polygons. Rows without a geometry are left out and counted.
    cases : str
        Column of cases: whole numbers from 0. An event count per area fits.
    population : str, optional
        Column of what cases should be proportional to (people, patrol hours, kilometres of
        border), for ``model="poisson"``. An area may have none if it has no cases.
    controls : str, optional
        Column of whole numbers of controls, for ``model="bernoulli"``.
    model : {"poisson", "bernoulli"}
        Counts against a population, or cases against controls.
    max_share : float
        The largest share of population, or of cases and controls, in a window; to 0.5.
    permutations : int
        Number of replicates under the null hypothesis, at least 1.
    seed : int
        Seed of the replicates.

    Returns
    -------
    GeoDataFrame
        Clusters by ``rank``: ``observed, expected, relative_risk`` (inside against outside),
        ``log_likelihood_ratio``, ``p_value`` (rank among the replicates, not below
        1 / (permutations + 1)), ``p_value_gumbel`` (tail of a Gumbel law fitted to the
        replicates by moments, an approximation for small p), ``n_members, members`` (index
        labels from near to far), ``centre, radius_m``, and the members' joint ``geometry``.
        Windows less unusual than every replicate are not listed.

    Raises
    ------
    CRSError
        Where the areas have no CRS.
    SchemaError
        Where a column is missing or not numeric.
    LayerError
        Where counts are null, negative or not whole, or cases stand where there is no
        population; the rows are named.
    ParameterError
        Where an option is out of range or does not fit the model.

    Notes
    -----
    Distances are straight on the plane of a projected CRS and through the Earth otherwise.
    Only high rates are looked for. A circle finds a long cluster (a road, a valley) badly.
    Secondary clusters are tested against the greatest ratio, which is conservative.

    References
    ----------
    Kulldorff 1997, doi:10.1080/03610929708831995; Abrams, Kulldorff & Kleinman 2010,
    doi:10.1186/1476-072X-9-61 (Gumbel).

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely
    >>> x, y = np.meshgrid(np.arange(8) * 1000, np.arange(8) * 1000)
    >>> areas = gpd.GeoDataFrame(
    ...     {"n_events": np.ones(64, int), "people": np.full(64, 100)},
    ...     geometry=shapely.points(x, y).ravel(), crs=32618)
    >>> areas.loc[[0, 1, 8], "n_events"] = 12
    >>> first = spatial_scan(areas, "n_events", population="people").loc[1]
    >>> int(first["observed"]), sorted(first["members"]), float(first["p_value"])
    (36, [0, 1, 8], 0.001)
    """
    _check_options(population, controls, model, max_share, permutations)
    names = [name for name in (cases, population, controls) if name is not None]
    present = has_geometry(areas)
    crs = require_crs(areas, "areas")
    kept = areas[present]
    columns = [_column(kept, name) for name in names]
    _check_values(kept, names, columns, whole=model == "bernoulli")
    study = _study(kept, columns, bernoulli=model == "bernoulli", max_share=max_share)
    total = int(study.cases.sum())
    found: list[Window] = []
    maxima = np.zeros(permutations)
    if total > 0:
        replicates = draw_cases(study, permutations=permutations, seed=seed)
        ratio, size, batches = scan_all(study, replicates)
        maxima = np.concatenate(batches)
        for window in clusters(study, ratio, size):
            if window.ratio < maxima.min():
                break
            found.append(window)
    result = _table(kept, study, found, maxima)
    return attach(
        result,
        "hotspots.spatial_scan",
        cases=cases,
        population=population,
        controls=controls,
        model=model,
        max_share=max_share,
        permutations=permutations,
        seed=seed,
        n_cases=total,
        n_areas=len(kept),
        left_out={"no_geometry": int((~present).sum())},
        crs=crs,
    )


def _check_options(
    population: str | None,
    controls: str | None,
    model: str,
    max_share: float,
    permutations: int,
) -> None:
    faults = []
    if model not in {"poisson", "bernoulli"}:
        faults.append(f"model {model!r}; choose poisson or bernoulli")
    if model == "poisson" and (population is None or controls is not None):
        faults.append('model "poisson" needs population= and no controls=')
    if model == "bernoulli" and (controls is None or population is not None):
        faults.append('model "bernoulli" needs controls= and no population=')
    if not 0 < max_share <= 0.5:
        faults.append(f"max_share is {max_share}; expected more than 0 and at most 0.5")
    if permutations < 1:
        faults.append(f"permutations is {permutations}; at least 1 is needed")
    if faults:
        raise ParameterError("; ".join(faults))


def _column(areas: gpd.GeoDataFrame, name: str) -> FloatArray:
    if name not in areas:
        raise SchemaError("areas", found=f"no column {name}", expected="a column of numbers")
    if not pd.api.types.is_numeric_dtype(areas[name]):
        raise SchemaError("areas", found=f"{name} of type {areas[name].dtype}", expected="numbers")
    values: FloatArray = areas[name].to_numpy(dtype=float, na_value=np.nan)
    return values


def _check_values(
    areas: gpd.GeoDataFrame, names: list[str], columns: list[FloatArray], *, whole: bool
) -> None:
    bad = np.zeros(len(areas), dtype=bool)
    faults = []

    def note(wrong: BoolArray, what: str) -> None:
        if wrong.any():
            bad[:] |= wrong
            faults.append(what)

    for number, (name, values) in enumerate(zip(names, columns, strict=True)):
        note(~np.isfinite(values), f"{name} that is null or infinite")
        note(values < 0, f"{name} below 0")
        if number == 0 or whole:
            finite = np.isfinite(values)
            note(
                finite & (np.floor(np.nan_to_num(values)) != np.nan_to_num(values)),
                f"{name} that is not a whole number",
            )
    if not whole:
        note((columns[0] > 0) & (columns[1] == 0), f"{names[0]} where {names[1]} is 0")
    if faults:
        raise LayerError(
            "areas",
            found=", ".join(faults),
            expected="whole counts from 0, and cases only where there is a population",
            repair="Correct these rows, or leave them out before scanning.",
            rows=list(areas.index[bad]),
        )


def _study(
    areas: gpd.GeoDataFrame, columns: list[FloatArray], *, bernoulli: bool, max_share: float
) -> Study:
    cases, other = columns
    count = cases.astype(np.int64)
    if bernoulli:
        mass = cases + other
    else:
        mass = other * (cases.sum() / other.sum()) if other.sum() > 0 else other
    # A share met exactly must not fail by rounding.
    limit = max_share * float(mass.sum()) * (1 + 1e-12)
    return Study(positions_m(areas, "areas"), count, mass, limit, bernoulli)


def _table(
    areas: gpd.GeoDataFrame, study: Study, found: list[Window], maxima: FloatArray
) -> gpd.GeoDataFrame:
    total, whole = float(study.cases.sum()), float(study.mass.sum())
    shapes = areas.geometry.to_numpy()
    rows, joint = [], []
    for window in found:
        at = window.members
        observed, expected = int(study.cases[at].sum()), study.mass[at].sum() * total / whole
        outside = total - observed
        row = {
            "observed": observed,
            "expected": float(expected),
            "log_likelihood_ratio": window.ratio,
            "relative_risk": np.inf
            if outside == 0
            else (observed / expected) / (outside / (total - expected)),
            "p_value": (1 + int((maxima >= window.ratio).sum())) / (1 + maxima.size),
            "p_value_gumbel": _gumbel_tail(window.ratio, maxima),
            "n_members": len(at),
            "members": areas.index[at].tolist(),
            "centre": areas.index[window.centre],
            "radius_m": window.radius_m,
        }
        rows.append(row)
        joint.append(shapely.union_all(shapes[at]))
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)
    table.index = pd.RangeIndex(1, len(found) + 1, name="rank")
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(joint, index=table.index, crs=areas.crs))


def _gumbel_tail(ratio: float, maxima: FloatArray) -> float:
    """Tail beyond ``ratio`` of the Gumbel law with the mean and spread of the maxima."""
    scale = float(maxima.std(ddof=1)) * np.sqrt(6) / np.pi if maxima.size > 1 else 0.0
    if scale == 0:
        return float("nan")
    place = float(maxima.mean()) - np.euler_gamma * scale
    return float(-np.expm1(-np.exp(-(ratio - place) / scale)))
