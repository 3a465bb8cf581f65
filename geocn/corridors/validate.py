"""How far to trust a corridor: what it says of routes and seizures it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import geopandas as gpd
import numpy as np
import xarray as xr

from geocn._typing import IntArray
from geocn.corridors.friction_distance import cell_side_m
from geocn.corridors.validate_evidence import Evidence, evidence
from geocn.corridors.validate_result import Validation
from geocn.corridors.validate_scores import Field, baseline_score, study_field
from geocn.corridors.validate_tables import score_tables
from geocn.errors import ParameterError
from geocn.provenance import attach

Baseline = Literal["straight_line", "road_distance"]
_BASELINES = ("straight_line", "road_distance")


def validate(
    modelled: xr.DataArray | gpd.GeoDataFrame,
    observed: gpd.GeoDataFrame,
    *,
    low_is_likely: bool = False,
    shares: Sequence[float] = (0.01, 0.05, 0.10, 0.20),
    baselines: Sequence[Baseline] = ("straight_line", "road_distance"),
    origins: gpd.GeoDataFrame | None = None,
    destinations: gpd.GeoDataFrame | None = None,
    roads: gpd.GeoDataFrame | None = None,
    study_area: gpd.GeoDataFrame | None = None,
    cell_m: float | None = None,
    interval: Literal["bootstrap", "delong"] = "bootstrap",
    confidence: float = 0.95,
    n_bootstrap: int = 999,
    seed: int = 0,
) -> Validation:
    r"""Score a surface or corridors against routes or seizures that were held out.

    Cells are searched from the likeliest down. An observation counts by the share of it
    (length of a route, chance that an imprecise event lies there) in the cells searched:

    .. math:: C(a) = \frac1n \sum_i w_i(\text{top } a \text{ of the area}), \qquad
              \mathrm{AUC} = \int_0^1 C(a)\, da

    AUC is then the chance that an observed place scores above a random one; 0.5 is no skill.

    Parameters
    ----------
    modelled : xarray.DataArray or GeoDataFrame
        A surface; or corridors as areas (the lower ``tolerance`` the likelier; without it,
        in or out) or as lines (the nearer the likelier).
    observed : GeoDataFrame
        Lines, points or areas that the model has not been fitted to. With
        ``location_precision_m`` each counts by its expected share over that disc.
    low_is_likely : bool
        Whether low values of a surface are the likely ones, as in accumulated cost.
    shares : sequence of float
        Shares of the area to report.
    baselines : sequence of {"straight_line", "road_distance"}
        Distance to geodesics from all origins to all destinations (without them: between
        the two ends of each observed route), and distance to ``roads``. What cannot be
        computed is left out and named in ``attrs["geocn"]["without"]``.
    origins, destinations : GeoDataFrame, optional
        Ends of the straight lines: points, or areas by their centres.
    roads : GeoDataFrame, optional
        Lines.
    study_area : GeoDataFrame, optional
        Areas within which cells are searched. By default the whole raster, or the extent of
        corridors and observations: a wider area raises every score.
    cell_m : float, optional
        Side of the cells where ``modelled`` is a frame; by default 1/200 of the extent.
    interval : {"bootstrap", "delong"}
        Interval of the AUC; all others are bootstrapped over whole observations.
    confidence : float
        Of the intervals.
    n_bootstrap : int
        Number of resamples.
    seed : int
        Seed of the resamples.

    Returns
    -------
    Validation
        ``scores``, ``curve``, ``summary()`` and ``legend_text()``. Distances are from the
        observation to the corridor: the areas or lines given, or the top tenth of a surface;
        for a baseline, to its top area of the same size; 0 inside.

    Raises
    ------
    ParameterError
        Where an option is out of range.
    RasterError, CRSError, CoordinateError, GeometryError, SchemaError
        Where a layer cannot be used, or holds no cell to search.

    Notes
    -----
    What lies outside the area searched, or where the surface has no value, is never captured
    and counts as AUC 0. Boyce index: Boyce et al. 2002
    (doi:10.1016/S0304-3800(02)00200-4); DeLong et al. 1988 (doi:10.2307/2531595).

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> axis = np.arange(10) * 1000.0
    >>> surface = xr.DataArray(np.eye(10)[::-1], {"y": axis, "x": axis}, ("y", "x"))
    >>> surface = surface.rio.write_crs("EPSG:32618")
    >>> seen = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0, 9000, 0], [9000, 0, 0]), crs=32618)
    >>> found = validate(surface, seen)
    >>> round(found.captured(0.1), 3)
    0.667
    """
    wanted = _checked(shares, baselines, interval, confidence, n_bootstrap)
    field = study_field(
        modelled, observed, low_is_likely=low_is_likely, study_area=study_area, cell_m=cell_m
    )
    found = evidence(observed, cell_m=cell_side_m(field.grid))
    methods, without = {"model": field.score}, {}
    for name in dict.fromkeys(baselines):
        score, why = baseline_score(
            name, field, observed, origins=origins, destinations=destinations, roads=roads
        )
        if score is None:
            without[name] = why
        else:
            methods[name] = score
    cells = field.cells(found.lon, found.lat)
    asked = {"n": n_bootstrap, "seed": seed, "confidence": confidence}
    scores, curve = score_tables(field, methods, found, cells, wanted, asked, interval)
    attach(
        scores,
        "corridors.validate",
        low_is_likely=low_is_likely,
        shares=wanted,
        baselines=list(baselines),
        origins=origins is not None,
        destinations=destinations is not None,
        roads=roads is not None,
        study_area=study_area is not None,
        cell_m=cell_side_m(field.grid),
        interval=interval,
        confidence=confidence,
        n_bootstrap=n_bootstrap,
        seed=seed,
        crs=field.grid.crs,
        n_observed=found.n_items,
        n_imprecise=found.n_imprecise,
        noun="routes" if found.is_route else "events",
        left_out=found.left_out,
        without=without,
        area_km2=float(field.area[~np.isnan(field.score)].sum() / 1e6),
        corridor_area_share=field.corridor_share,
        share_outside=_outside(field, found, cells),
    )
    return Validation(scores, curve)


def _checked(
    shares: Sequence[float],
    baselines: Sequence[str],
    interval: str,
    confidence: float,
    n_bootstrap: int,
) -> list[float]:
    faults = []
    wanted = sorted({float(share) for share in shares})
    if not wanted or not all(0 < share <= 1 for share in wanted):
        faults.append(f"shares are {list(shares)!r}; give shares of the area such as 0.05")
    if strange := [name for name in baselines if name not in _BASELINES]:
        faults.append(f"baselines {strange}; choose from {', '.join(_BASELINES)}")
    if interval not in ("bootstrap", "delong"):
        faults.append(f"interval is {interval!r}; choose 'bootstrap' or 'delong'")
    if not 0 < confidence < 1:
        faults.append(f"confidence is {confidence!r}; give a share such as 0.95")
    if n_bootstrap < 1:
        faults.append(f"n_bootstrap is {n_bootstrap!r}; give 1 or more")
    if faults:
        raise ParameterError("; ".join(faults))
    return wanted


def _outside(field: Field, found: Evidence, cells: IntArray) -> float:
    if not found.n_items:
        return 0.0
    unscored = (cells < 0) | np.isnan(field.score[cells])
    return float(found.weight[unscored].sum() / found.n_items)
