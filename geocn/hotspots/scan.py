"""Clusters of cases in space, and in space and time: the scan statistic."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np

from geocn.errors import ParameterError
from geocn.hotspots.scan_shapes import CIRCLE, Ellipses, Shape
from geocn.hotspots.scan_study import (
    MODELS,
    STEPS,
    Extent,
    Reading,
    dated_finely,
    read_counts,
    read_dated,
)
from geocn.hotspots.scan_table import Found, table
from geocn.hotspots.scan_windows import Window, clusters, draw_cases, scan_all
from geocn.provenance import attach
from geocn.spatial.crs import has_geometry, require_crs

Model = Literal["poisson", "bernoulli", "space_time_permutation"]
TimeStep = Literal["day", "week", "month", "quarter", "year"]


def spatial_scan(
    areas: gpd.GeoDataFrame,
    cases: str,
    *,
    population: str | None = None,
    controls: str | None = None,
    model: Model = "poisson",
    time: str | None = None,
    time_step: TimeStep = "week",
    max_duration: int | None = None,
    prospective: bool = False,
    shape: Literal["circular", "elliptic"] | Ellipses = "circular",
    max_share: float = 0.5,
    permutations: int = 999,
    seed: int = 0,
) -> gpd.GeoDataFrame:
    r"""Find the windows that hold more cases than chance would bring (Kulldorff).

    Circles or ellipses grow around the centroid of every area; areas at the same distance
    enter together. With c cases of C in a window where E are expected, the ratio is

    .. math:: c \ln \frac{c}{E} + (C - c) \ln \frac{C - c}{C - E}, \quad c > E

    (Bernoulli: the likelihood ratio of two binomial shares). The space-time permutation
    needs no population: a window is a circle and a run of time steps, and with
    :math:`C_z` cases in the circle at any time and :math:`C_t` anywhere in these steps,
    :math:`E = C_z C_t / C`. Purely spatial and purely seasonal patterns are no clusters then.

    The first cluster is the window with the greatest ratio; each next one the greatest
    among windows that share no area with those before. Every p-value compares with the
    greatest ratio anywhere in each replicate, and so holds for the map as a whole.

    Parameters
    ----------
    areas : GeoDataFrame
        Points or polygons; for ``model="space_time_permutation"`` one row a place and time.
        Rows without a geometry, and dates known less finely than ``time_step``
        (``date_precision``), are left out and counted.
    cases : str
        Column of cases: whole numbers from 0. An event count per area fits. With columns
        of its imputations from ``count_events`` it may hold means (Poisson only).
    population : str, optional
        Column of what cases should be proportional to, the exposure: people, patrol hours,
        kilometres of border; any number from 0. For ``model="poisson"``. An area may have
        none if it has no cases.
    controls : str, optional
        Column of whole numbers of controls, for ``model="bernoulli"``.
    model : {"poisson", "bernoulli", "space_time_permutation"}
        Counts against a population, cases against controls, or dated cases alone.
    time : str, optional
        Column of instants or ISO dates, for ``model="space_time_permutation"``.
    time_step : {"day", "week", "month", "quarter", "year"}
        Calendar steps that windows are made of; weeks begin on Monday.
    max_duration : int, optional
        The most steps in a window; by default half of those between first and last case.
    prospective : bool
        Only windows that end with the last step: what goes on now.
    shape : {"circular", "elliptic"} or Ellipses
        Shape of the windows; "elliptic" is :class:`Ellipses` as it stands. Ellipses lie on
        the plane of a projected CRS, else on an equal-area plane around the data.
    max_share : float
        The largest share of population, of cases and controls, or of the cases (space-time
        permutation) in a window's area; to 0.5.
    permutations : int
        Number of replicates under the null hypothesis, at least 1.
    seed : int
        Seed of the replicates.

    Returns
    -------
    GeoDataFrame
        Clusters by ``rank``: ``observed, exposure`` (population, or cases and controls),
        ``expected, rate`` (observed per exposure), ``relative_risk`` (inside against
        outside), ``log_likelihood_ratio``, ``p_value`` (rank among the replicates, not
        below 1 / (permutations + 1)), ``p_value_gumbel`` (tail of a Gumbel law fitted to
        the replicates by moments, an approximation for small p), ``n_members, members``
        (index labels from near to far), ``centre, radius_m``, and the members' joint
        ``geometry``. Space-time: ``start, end`` (first instant after it) and no exposure.
        Ellipses: ``radius_m`` is the short half axis, ``radius_long_m`` the long one and
        ``bearing_deg`` its direction clockwise from the plane's north; clusters are ordered
        by the ratio times the penalty. Imputed cases: ``support`` (share of imputations in
        which a cluster with p of 0.05 or less overlaps), ``fraction_missing``, and a
        ``p_value`` combined over imputations; ``imprecise_share`` where areas have it.
        Windows less unusual than every replicate are not listed.

    Raises
    ------
    CRSError
        Where the areas have no CRS.
    SchemaError
        Where a column is missing or of the wrong type.
    DateError
        Where a time is null or cannot be read; the rows are named.
    LayerError
        Where counts are null, negative or not whole, or cases stand where there is no
        population; the rows are named.
    ParameterError
        Where an option is out of range or does not fit the model.

    Notes
    -----
    Distances are straight on the plane of a projected CRS and through the Earth otherwise.
    Only high rates are looked for. A circle finds a long cluster (a road, a valley) badly.
    Secondary clusters are tested against the greatest ratio, which is conservative. The
    space-time permutation takes a place whose population grows for a cluster.

    References
    ----------
    Kulldorff 1997, doi:10.1080/03610929708831995; Kulldorff et al. 2005 (space-time
    permutation), doi:10.1371/journal.pmed.0020059; Kulldorff et al. 2006 (ellipses),
    doi:10.1002/sim.2490; Abrams, Kulldorff & Kleinman 2010 (Gumbel),
    doi:10.1186/1476-072X-9-61.

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
    _check_columns(population, controls, model, time)
    shapes = _shapes(shape)
    extent = Extent(max_share, max_duration, prospective, shapes)
    _check_options(extent, model, time_step, permutations)
    present = has_geometry(areas)
    crs = require_crs(areas, "areas")
    left_out = {"no_geometry": int((~present).sum())}
    if time is not None:
        fine = dated_finely(areas, time_step)
        left_out["date_coarser_than_step"] = int((present & ~fine).sum())
        present &= fine
        reading = read_dated(areas[present], cases, time, step=time_step, extent=extent)
    else:
        base = population or controls or ""
        reading = read_counts(areas[present], cases, base, model=model, extent=extent)
    result = table(reading, _scanned(reading, permutations=permutations, seed=seed))
    return attach(
        result,
        "hotspots.spatial_scan",
        cases=cases,
        population=population,
        controls=controls,
        model=model,
        time=time,
        time_step=time_step,
        max_duration=max_duration,
        prospective=prospective,
        shape=shape if isinstance(shape, str) else repr(shape),
        max_share=max_share,
        permutations=permutations,
        seed=seed,
        n_cases=_whole(float(reading.study.cases.sum())),
        n_areas=len(reading.study.xy),
        n_steps=reading.study.cases.shape[1],
        n_imputations=len(reading.imputed),
        left_out=left_out,
        crs=crs,
    )


def _scanned(reading: Reading, *, permutations: int, seed: int) -> Found:
    """Scan the data, its imputations and the replicates."""
    found: list[Window] = []
    study = reading.study
    if round(float(study.cases.sum())) == 0:
        return Found(found, [], np.zeros(permutations))
    replicates = draw_cases(study, permutations=permutations, seed=seed)
    bests, batches = scan_all(study, replicates, reading.imputed)
    maxima = np.concatenate(batches)
    for window in clusters(study, bests[0]):
        if window.ratio < maxima.min():
            break
        found.append(window)
    return Found(found, bests[1:], maxima)


def _shapes(shape: str | Ellipses) -> tuple[Shape, ...]:
    if isinstance(shape, Ellipses):
        return shape.shapes()
    if shape == "elliptic":
        return Ellipses().shapes()
    if shape == "circular":
        return (CIRCLE,)
    raise ParameterError(f'shape {shape!r}; choose "circular", "elliptic" or Ellipses(…)')


def _check_columns(
    population: str | None, controls: str | None, model: str, time: str | None
) -> None:
    needed = {"poisson": "population", "bernoulli": "controls", "space_time_permutation": "time"}
    if model not in MODELS:
        raise ParameterError(f"model {model!r}; choose one of {', '.join(MODELS)}")
    given = {"population": population, "controls": controls, "time": time}
    faults = []
    for name, value in given.items():
        if (value is not None) != (name == needed[model]):
            faults.append(f'model "{model}" needs {"no " * (value is not None)}{name}=')
    if faults:
        raise ParameterError("; ".join(faults))


def _check_options(extent: Extent, model: str, time_step: str, permutations: int) -> None:
    faults = []
    if not 0 < extent.max_share <= 0.5:
        faults.append(f"max_share is {extent.max_share}; expected more than 0 and at most 0.5")
    if permutations < 1:
        faults.append(f"permutations is {permutations}; at least 1 is needed")
    if time_step not in STEPS:
        faults.append(f"time_step {time_step!r}; choose one of {', '.join(STEPS)}")
    if extent.longest is not None and extent.longest < 1:
        faults.append(f"max_duration is {extent.longest}; at least 1 step is needed")
    if model != "space_time_permutation" and (extent.prospective or extent.longest is not None):
        faults.append(f'prospective= and max_duration= need time, which model "{model}" has not')
    if faults:
        raise ParameterError("; ".join(faults))


def _whole(total: float) -> float | int:
    return int(total) if total == int(total) else total
