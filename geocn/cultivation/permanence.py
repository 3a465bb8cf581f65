"""How lasting cultivation is: permanent, intermittent, new or abandoned over a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.cultivation._cells import areas_ha
from geocn.cultivation._surveys import hectares, require_columns, select
from geocn.errors import ParameterError, RasterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat
from geocn.spatial.raster_grid import raster_grid

#: The classes in the order of their codes in a raster.
CLASSES = ("never", "new", "intermittent", "permanent", "abandoned", "uncertain")
_UNCERTAIN = CLASSES.index("uncertain")


def permanence(
    cultivation: pd.DataFrame | xr.DataArray,
    *,
    window: tuple[int, int],
    recent_years: int = 3,
    above: float = 0.0,
    gaps: Literal["uncertain", "ignore"] = "uncertain",
    area: str = "admin_code",
    crop: str | None = None,
) -> pd.DataFrame | xr.DataArray:
    """Class areas or cells by how lasting cultivation was there over a window of years.

    Parameters
    ----------
    cultivation : DataFrame or DataArray
        Surveys with ``year`` and ``area_ha`` by ``area``; or a raster with an axis ``year``,
        as :func:`density_grid` gives it with ``by="year"``.
    window : (int, int)
        First and last year, both counted. UNODC/SIMCI look at ten years.
    recent_years : int
        How many of the last years of the window tell new and abandoned from the rest.
    above : float
        Cultivation is present above this (hectares of an area, ha/km² of a cell).
    gaps : {"uncertain", "ignore"}
        What a year without a survey means. ``"uncertain"``: a class is given only where
        every answer of the missing years would lead to it. ``"ignore"``: years without a
        survey are left out, as if the window did not have them. Never: absence.
    area : str
        Column that names the area.
    crop : str, optional
        Take only these rows.

    Returns
    -------
    DataFrame or DataArray
        For areas one row each: ``permanence``, ``possible`` (the classes that the gaps leave
        open), ``n_present``, ``n_surveyed``, ``n_missing``, ``first_year`` and ``last_year``
        with cultivation, ``last_ha`` (in the last year of the window; NaN where it is
        missing) and ``mean_ha``; geometry where the survey has it. For a raster, codes
        with their names in ``attrs["classes"]``. ``attrs["geocn"]["by_class"]`` counts
        areas or cells and hectares in the last year by class.

    Raises
    ------
    SchemaError
        Where an area stands twice in a year, or hectares are impossible.
    RasterError
        Where a raster has no axis ``year``, a year twice, or negative values.
    ParameterError
        Where the window is no longer than ``recent_years``, or an option is unknown.

    Notes
    -----
    With *early* for the years of the window before the last ``recent_years``:

    - permanent: present in every year;
    - new: absent in every early year, present in a recent one;
    - abandoned: present in an early year, absent in every recent one;
    - never: absent in every year;
    - intermittent: everything else.

    The four classes of cultivation are those of the coca surveys of UNODC and the
    Government of Colombia (SIMCI), on cells of 1 km and ten years; the number of years
    that stands for "recent" is stated in each report and is an argument here.

    Examples
    --------
    >>> import pandas as pd
    >>> years = [2018, 2019, 2020, 2021] * 2
    >>> survey = pd.DataFrame({"admin_code": ["a"] * 4 + ["b"] * 4, "year": years})
    >>> survey["area_ha"] = [5.0, 6, 7, 8, 0, 0, 0, 9]
    >>> permanence(survey, window=(2018, 2021), recent_years=2)["permanence"].tolist()
    ['permanent', 'new']
    """
    first, last = _check_options(window, recent_years, above, gaps)
    years, rule = np.arange(first, last + 1), Rule(recent_years, above, gaps)
    result: pd.DataFrame | xr.DataArray
    if isinstance(cultivation, xr.DataArray):
        if crop is not None:
            raise ParameterError("crop is for tables; select the crop of a raster with .sel()")
        result, account = _of_cells(cultivation, years, rule)
    else:
        result, account = _of_areas(cultivation, years, rule, area=area, crop=crop)
    return attach(
        result,
        "cultivation.permanence",
        window=[first, last],
        recent_years=recent_years,
        above=above,
        gaps=gaps,
        area=area,
        crop=crop,
        **account,
    )


def _check_options(
    window: tuple[int, int], recent_years: int, above: float, gaps: str
) -> tuple[int, int]:
    first, last = (int(year) for year in window)
    if not 0 < recent_years < last - first + 1:
        raise ParameterError(
            f"a window of {first} to {last} with {recent_years} recent years: it needs one "
            "recent year or more, and one before them"
        )
    if not (np.isfinite(above) and above >= 0):
        raise ParameterError(f"above is {above!r}; give a number of 0 or more")
    if gaps not in ("uncertain", "ignore"):
        raise ParameterError(f"gaps is {gaps!r}; choose 'uncertain' or 'ignore'")
    return first, last


@dataclass(frozen=True)
class Rule:
    """How years are told apart; as the options of :func:`permanence`."""

    recent_years: int
    above: float
    gaps: str


def possible_classes(values: FloatArray, rule: Rule) -> BoolArray:
    """Say which classes the years leave open.

    Parameters
    ----------
    values : (years, …) float64
        NaN where a year was not surveyed.
    rule : Rule

    Returns
    -------
    (5, …) bool
        In the order of ``CLASSES``, without the last.
    """
    present, missing = values > rule.above, np.isnan(values)
    cut = len(values) - rule.recent_years
    early, recent = present[:cut].sum(axis=0), present[cut:].sum(axis=0)
    early_gaps, recent_gaps = missing[:cut].sum(axis=0), missing[cut:].sum(axis=0)
    n_early, n_recent = np.full_like(early, cut), np.full_like(early, rule.recent_years)
    if rule.gaps == "ignore":
        n_early, n_recent = n_early - early_gaps, n_recent - recent_gaps
        early_gaps = recent_gaps = np.zeros_like(early)
    most_early, most_recent = early + early_gaps, recent + recent_gaps
    full = np.maximum(early, 1) + np.maximum(recent, 1) == n_early + n_recent
    # Where one of the two periods has no survey at all, there is nothing to compare.
    judged = (n_early > 0) & (n_recent > 0)
    possible: BoolArray = judged & np.stack(
        [
            (early == 0) & (recent == 0),
            (early == 0) & (most_recent > 0),
            (most_early > 0) & (most_recent > 0) & ~full,
            (most_early == n_early) & (most_recent == n_recent),
            (recent == 0) & (most_early > 0),
        ]
    )
    return possible


def _decide(possible: BoolArray) -> AnyArray:
    """Code of the one class left open; uncertain where there are more or none."""
    code = np.argmax(possible, axis=0)
    return np.where(possible.sum(axis=0) == 1, code, _UNCERTAIN)


def _of_areas(
    survey: pd.DataFrame, years: AnyArray, rule: Rule, *, area: str, crop: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    require_columns(survey, area, "year")
    frame = select(survey, year=None, crop=crop)
    crops = list(frame["crop"].dropna().unique()) if "crop" in frame else []
    if len(crops) > 1:
        raise ParameterError(f"the survey has {', '.join(sorted(map(str, crops)))}; give crop=…")
    ha = pd.Series(hectares(frame), index=frame.index)
    known = frame[area].notna() & frame["year"].notna()
    inside = known & frame["year"].between(int(years[0]), int(years[-1])).fillna(value=False)
    rows = frame[inside.to_numpy(dtype=bool)]
    twice = rows.duplicated([area, "year"], keep=False)
    if twice.any():
        raise SchemaError(
            "cultivation",
            found="areas that stand twice in a year",
            expected=f"one row for each {area} and year",
            repair=f'Sum them first where they are parts: groupby([{area!r}, "year"]).',
            rows=list(rows.index[twice]),
        )
    codes, names = pd.factorize(rows[area].astype("str"), sort=True)
    values = np.full((len(years), len(names)), np.nan)
    place = rows["year"].to_numpy(dtype=np.int64) - years[0]
    values[place, codes] = ha[inside.to_numpy(dtype=bool)].to_numpy()
    table = _table(values, years, rule, pd.Index(names, name=area))
    last = table["last_ha"].groupby(table["permanence"]).agg(["size", "sum"])
    by_class = {
        name: {"areas": int(last["size"].get(name, 0)), "last_ha": float(last["sum"].get(name, 0))}
        for name in CLASSES
    }
    account: dict[str, Any] = {
        "crs": None,
        "by_class": by_class,
        "years_without_survey": _silent(values, years),
        "n_left_out": int((~known).sum()),
    }
    if isinstance(survey, gpd.GeoDataFrame) and survey.crs is not None:
        to_lonlat(survey, "cultivation")
        shapes = rows.geometry.to_numpy()
        first = pd.Series(shapes, index=codes).groupby(level=0).first()
        geometry = first.reindex(np.arange(len(names))).to_numpy()
        table = gpd.GeoDataFrame(table, geometry=geometry, crs=survey.crs)
        account["crs"] = survey.crs
    return table, account


def _table(values: FloatArray, years: AnyArray, rule: Rule, index: pd.Index) -> pd.DataFrame:
    possible = possible_classes(values, rule)
    code = _decide(possible)
    present = values > rule.above
    any_year: BoolArray = np.asarray(present.any(axis=0))
    surveyed = (~np.isnan(values)).sum(axis=0)
    first = np.where(any_year, years[np.argmax(present, axis=0)], 0)
    last = np.where(any_year, years[::-1][np.argmax(present[::-1], axis=0)], 0)
    names = np.array(CLASSES, dtype=object)
    open_to = [";".join(names[:_UNCERTAIN][column].tolist()) for column in possible.T]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(surveyed > 0, np.nansum(values, axis=0) / surveyed, np.nan)
    return pd.DataFrame(
        {
            "permanence": pd.Series(names[code], index=index, dtype="str"),
            "possible": pd.Series(open_to, index=index, dtype="str"),
            "n_present": present.sum(axis=0),
            "n_surveyed": surveyed,
            "n_missing": len(years) - surveyed,
            "first_year": pd.Series(first, index=index, dtype="Int64").where(any_year),
            "last_year": pd.Series(last, index=index, dtype="Int64").where(any_year),
            "last_ha": values[-1],
            "mean_ha": mean,
        },
        index=index,
    )


def _of_cells(
    raster: xr.DataArray, years: AnyArray, rule: Rule
) -> tuple[xr.DataArray, dict[str, Any]]:
    found = raster["year"].to_numpy().tolist() if "year" in raster.dims else []
    if raster.ndim != 3 or len(set(found)) < len(found) or "year" not in raster.dims:
        raise RasterError(
            "cultivation",
            found=f"axes {', '.join(map(str, raster.dims))}",
            expected="year, y and x, each year once",
            repair='Make it with density_grid(…, by="year"), or xarray.concat(…, "year").',
        )
    cube = raster.transpose("year", "y", "x").reindex(year=years)
    values = cube.to_numpy().astype(np.float64)
    nodata = raster.rio.nodata
    if nodata is not None and not np.isnan(nodata):
        values[values == nodata] = np.nan
    if (values < 0).any() or np.isinf(values).any():
        raise RasterError(
            "cultivation",
            found=f"{int(((values < 0) | np.isinf(values)).sum())} negative or infinite cells",
            expected="densities of 0 or more, or nodata",
            repair="Set them to NaN.",
        )
    code = _decide(possible_classes(values, rule))
    template = cube.isel(year=-1, drop=True)
    result: xr.DataArray = template.copy(data=code.astype(np.float64))
    result.name = "permanence"
    result.attrs = {"classes": {str(i): name for i, name in enumerate(CLASSES)}}
    size_ha = _sizes(template)
    is_density = raster.attrs.get("units") == "ha/km2"
    last = np.nan_to_num(values[-1]) * size_ha / 100
    by_class = {
        name: {
            "cells": int((code == i).sum()),
            "cells_km2": float(size_ha[code == i].sum() / 100),
            "last_ha": float(last[code == i].sum()) if is_density else None,
        }
        for i, name in enumerate(CLASSES)
    }
    account = {
        "crs": raster.rio.crs.to_string() if raster.rio.crs else None,
        "by_class": by_class,
        "years_without_survey": _silent(values.reshape(len(years), -1), years),
    }
    return result, account


def _sizes(raster: xr.DataArray) -> FloatArray:
    """Hectares of each cell, in the order of the raster."""
    if not raster.size:
        return np.zeros(raster.shape)
    grid = raster_grid(raster, "cultivation")
    cells = np.arange(grid.values.size, dtype=np.int64)
    size = areas_ha(grid, cells).reshape(grid.shape)
    return np.asarray(grid.restore(size, name="ha", attrs={}).to_numpy(), dtype=np.float64)


def _silent(values: FloatArray, years: AnyArray) -> list[int]:
    """Years of the window in which nothing was surveyed anywhere."""
    return [int(year) for year in years[np.isnan(values).all(axis=1)]] if values.size else []
