"""Change of cultivation between two surveys, by area or by class."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import AnyArray, BoolArray, FloatArray
from geocn.cultivation._cells import areas_ha
from geocn.cultivation._class_rasters import classes_of
from geocn.cultivation._surveys import hectares, require_columns, select
from geocn.errors import ParameterError, RasterError, SchemaError
from geocn.layers.rasters import check_codes
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat
from geocn.spatial.raster_grid import RasterGrid, grid_on_cells, raster_grid

_FIGURES = (
    "before_ha",
    "after_ha",
    "stable_ha",
    "gained_ha",
    "lost_ha",
    "net_ha",
    "change_percent",
)


def change(
    before: pd.DataFrame | xr.DataArray,
    after: pd.DataFrame | xr.DataArray,
    *,
    area: str = "admin_code",
    crop: str | None = None,
    survey_method: str | None = None,
) -> pd.DataFrame:
    """Compare two surveys: what was gained, lost and stable, in hectares and per cent.

    Parameters
    ----------
    before, after : DataFrame or DataArray
        Two surveys with ``area_ha`` by ``area``, each of one year; or two rasters of classes
        on the same cells, as :func:`geocn.read_cultivation` gives them with a legend.
    area : str
        Column that names the area.
    crop : str, optional
        Take only these rows. Needed where a survey has several crops.
    survey_method : str, optional
        Column that says how an area was surveyed, such as the sensor or the kind of survey.
        Where it differs between the two, or is unknown in one, a change is ``uncertain``.

    Returns
    -------
    DataFrame
        One row an area (or a class), in order: ``before_ha``, ``after_ha``, ``stable_ha``,
        ``gained_ha``, ``lost_ha``, ``net_ha``, ``change_percent`` (NaN from 0).

        For areas also ``status`` (``new``, ``increase``, ``stable``, ``decrease``, ``gone``,
        ``none``, or ``before_only`` and ``after_only`` for an area that only one of them
        surveyed, whose hectares are neither gain nor loss), ``net_ci_ha`` (half width from
        ``area_ci_ha`` where both have it) and ``uncertain``, with the reason in ``why``.
        Within an area only the net is known: gains and losses that cancel are not seen.

        For classes also ``to_<class>``, the hectares that went to each class: the transition
        matrix. Cells that only one raster knows are in ``unknown_after_ha`` (known before)
        and ``unknown_before_ha``, and in no other column.

        ``attrs["geocn"]["total"]`` sums the areas that both surveyed; beside it stand the
        hectares of each survey as a whole.

    Raises
    ------
    SchemaError
        Where an area stands twice, a survey has several years, or hectares are impossible.
    RasterError, CRSError
        Where rasters have other cells, other legends, or codes that they do not name.
    ParameterError
        Where a survey has several crops, or a table meets a raster.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.DataFrame({"admin_code": ["a", "b"], "area_ha": [100.0, 50.0]})
    >>> after = pd.DataFrame({"admin_code": ["a", "c"], "area_ha": [143.0, 9.0]})
    >>> change(before, after)[["net_ha", "change_percent", "status"]].values.tolist()
    [[43.0, 43.0, 'increase'], [nan, nan, 'before_only'], [nan, nan, 'after_only']]
    """
    if isinstance(before, xr.DataArray) and isinstance(after, xr.DataArray):
        if crop is not None or survey_method is not None:
            raise ParameterError(
                "crop and survey_method are for tables; rasters are compared by class"
            )
        table, account = _by_class(before, after)
    elif isinstance(before, xr.DataArray) or isinstance(after, xr.DataArray):
        raise ParameterError("compare two tables or two rasters, not one with the other")
    else:
        table, account = _by_area(before, after, area, crop=crop, method=survey_method)
    return attach(
        table,
        "cultivation.change",
        area=area,
        crop=crop,
        survey_method=survey_method,
        **account,
    )


def _by_area(
    before: pd.DataFrame, after: pd.DataFrame, area: str, *, crop: str | None, method: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    one, other = (
        _one_year(survey, name, area, crop=crop, method=method)
        for survey, name in ((before, "before"), (after, "after"))
    )
    index = one.index.union(other.index, sort=False)
    index = index[np.argsort(index.astype("str"), kind="stable")].rename(area)
    one, other = one.reindex(index), other.reindex(index)
    table = _figures(one["ha"].to_numpy(), other["ha"].to_numpy(), index)
    table["status"] = _status(table)
    table["net_ci_ha"] = np.hypot(one["ci"].to_numpy(), other["ci"].to_numpy())
    table["why"] = _why(table, one["method"], other["method"], asked=method is not None)
    table["uncertain"] = table["why"] != ""
    both = table["net_ha"].notna()
    total = _figures(
        np.array([table.loc[both, "before_ha"].sum()]),
        np.array([table.loc[both, "after_ha"].sum()]),
        pd.RangeIndex(1),
    ).iloc[0]
    total[["stable_ha", "gained_ha", "lost_ha"]] = table.loc[
        both, ["stable_ha", "gained_ha", "lost_ha"]
    ].sum()
    account = {
        "crs": None,
        "total": _plain(total),
        "n_both": int(both.sum()),
        "n_before_only": int((table["status"] == "before_only").sum()),
        "n_after_only": int((table["status"] == "after_only").sum()),
        "before_only_ha": float(table.loc[~both, "before_ha"].sum()),
        "after_only_ha": float(table.loc[~both, "after_ha"].sum()),
        "n_uncertain": int(table["uncertain"].sum()),
        "without_code": {
            name: {"rows": int(frame.attrs["rows"]), "ha": float(frame.attrs["ha"])}
            for name, frame in (("before", one), ("after", other))
        },
        "with_crop": {
            "before": int((table["before_ha"] > 0).sum()),
            "after": int((table["after_ha"] > 0).sum()),
        },
    }
    return table, account


def _one_year(
    survey: pd.DataFrame, name: str, area: str, *, crop: str | None, method: str | None
) -> pd.DataFrame:
    """Hectares, their interval and how they were found, by area."""
    require_columns(survey, area, *([method] if method else []))
    if isinstance(survey, gpd.GeoDataFrame) and survey.crs is not None:
        to_lonlat(survey, name)  # a survey that lies nowhere on Earth is no survey
    frame = select(survey, year=None, crop=crop)
    ha = hectares(frame)
    for column, repair in (("year", "select one year"), ("crop", "give crop=…")):
        found = sorted(map(str, frame[column].dropna().unique())) if column in frame else []
        if len(found) > 1:
            raise ParameterError(f"{name} has the {column}s {', '.join(found[:6])}; {repair}")
    coded = frame[area].notna().to_numpy()
    codes = frame.loc[coded, area]
    twice = codes.duplicated(keep=False)
    if twice.any():
        raise SchemaError(
            name,
            found=f"areas that stand twice: {', '.join(map(str, codes[twice].unique()[:5]))}",
            expected=f"one row for each {area}",
            repair=f"Sum them first where they are parts: survey.groupby({area!r}).sum().",
            rows=list(codes.index[twice]),
        )
    ci = frame["area_ci_ha"] if "area_ci_ha" in frame else pd.Series(np.nan, index=frame.index)
    data = {
        "ha": ha[coded],
        "ci": ci.to_numpy(dtype=np.float64, na_value=np.nan)[coded],
        "method": frame.loc[coded, method].to_numpy(dtype=object) if method else None,
    }
    table = pd.DataFrame(data, index=pd.Index(codes.astype("str"), name=area))
    table.attrs = {"rows": int((~coded).sum()), "ha": float(np.nansum(ha[~coded]))}
    return table


def _figures(before: FloatArray, after: FloatArray, index: pd.Index) -> pd.DataFrame:
    both = np.isfinite(before) & np.isfinite(after)
    one, other = np.where(both, before, np.nan), np.where(both, after, np.nan)
    stable = np.minimum(one, other)
    with np.errstate(invalid="ignore", divide="ignore"):
        percent = np.where(one > 0, (other - one) / one * 100, np.nan)
    columns = (before, after, stable, other - stable, one - stable, other - one, percent)
    return pd.DataFrame(dict(zip(_FIGURES, columns, strict=True)), index=index)


def _status(table: pd.DataFrame) -> pd.Series:
    before, after = table["before_ha"], table["after_ha"]
    status = np.select(
        [
            before.isna() & after.isna(),
            after.isna(),
            before.isna(),
            (before == 0) & (after == 0),
            before == 0,
            after == 0,
            after > before,
            after < before,
        ],
        ["unknown", "before_only", "after_only", "none", "new", "gone", "increase", "decrease"],
        "stable",
    )
    return pd.Series(status, index=table.index, dtype="str")


def _why(table: pd.DataFrame, one: pd.Series, other: pd.Series, *, asked: bool) -> pd.Series:
    """Why a change is uncertain, in words; empty where nothing speaks against it."""
    alone = table["net_ha"].isna().to_numpy()
    within = (table["net_ha"].abs() <= table["net_ci_ha"]).to_numpy(dtype=bool)
    changed = np.zeros(len(table), dtype=bool)
    if asked:
        known = one.notna() & other.notna()
        changed = (~known | (one != other)).to_numpy(dtype=bool) & ~alone
    words = np.full(len(table), "", dtype=object)
    reasons: list[tuple[BoolArray, str]] = [
        (alone, "surveyed in one only"),
        (changed, "survey method differs"),
        (within & ~alone, "within the intervals"),
    ]
    for rows, text in reasons:
        words[rows] = [f"{w}; {text}" if w else text for w in words[rows]]
    return pd.Series(words, index=table.index, dtype="str")


def _plain(row: pd.Series) -> dict[str, float | None]:
    return {str(k): None if pd.isna(v) else float(v) for k, v in row.items()}


def _by_class(before: xr.DataArray, after: xr.DataArray) -> tuple[pd.DataFrame, dict[str, Any]]:
    one = raster_grid(before, "before")
    other = grid_on_cells(after, "after", one, "before")
    classes = classes_of(before)
    if not classes or classes != classes_of(after):
        raise RasterError(
            "after",
            found=f"classes {classes_of(after) or 'without a legend'}",
            expected=f"those of before: {classes or 'a legend'}",
            repair="Read both with geocn.read_cultivation and one legend.",
        )
    for grid in (one, other):
        check_codes(grid.values, classes)
    matrix = _transitions(one, other, list(classes))
    names = list(classes.values())
    index = pd.Index(names, name="class")
    k = len(names)
    within = matrix[:k, :k]
    kept = np.diag(within)
    table = _figures(within.sum(axis=1), within.sum(axis=0), index)
    table["stable_ha"] = kept
    table["gained_ha"] = within.sum(axis=0) - kept
    table["lost_ha"] = within.sum(axis=1) - kept
    table["unknown_after_ha"], table["unknown_before_ha"] = matrix[:k, k], matrix[k, :k]
    for i, name in enumerate(names):
        table[f"to_{name}"] = within[:, i]
    account = {
        "crs": one.crs,
        "classes": {str(code): name for code, name in classes.items()},
        "total": {"known_in_both_ha": float(within.sum()), "stable_ha": float(kept.sum())},
        "unknown_after_ha": float(matrix[:k, k].sum()),
        "unknown_before_ha": float(matrix[k, :k].sum()),
        "n_unknown_in_both": int((np.isnan(one.values) & np.isnan(other.values)).sum()),
    }
    return table, account


def _transitions(one: RasterGrid, other: RasterGrid, codes: list[int]) -> FloatArray:
    """Hectares by class before and after; the last row and column are without data."""
    size = len(codes) + 1
    known = ~(np.isnan(one.values) & np.isnan(other.values))
    cells = np.flatnonzero(known).astype(np.int64)
    pair = _place(one, cells, codes) * size + _place(other, cells, codes)
    found = np.bincount(pair, areas_ha(one, cells), size * size)
    return np.asarray(found.reshape(size, size), dtype=np.float64)


def _place(grid: RasterGrid, cells: AnyArray, codes: list[int]) -> AnyArray:
    values = grid.values.ravel()[cells]
    return np.where(np.isnan(values), len(codes), np.searchsorted(codes, np.nan_to_num(values)))
