"""Cultivation: hectares of a crop by area and year, from tables, polygons or rasters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from geocn._typing import StrPath
from geocn.errors import ParameterError, UnitError
from geocn.harmonise.headers import HeaderMatch
from geocn.harmonise.kinds import canonical_crops
from geocn.harmonise.placeindex import PlaceIndex
from geocn.harmonise.text import fold
from geocn.io.guard import FileFormat, identify
from geocn.io.numbers import parse_numbers
from geocn.layers.columns import fill_id, fill_integer, fill_numbers, fill_words
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_location
from geocn.layers.rasters import Legend, Probability, label_cultivation, read_raster
from geocn.layers.rejects import OnInvalid
from geocn.provenance import KEY

#: Hectares in one unit of area; the acre is the international acre, exactly 4046.8564224 m².
_HECTARES = {
    "ha": 1.0,
    "hectare": 1.0,
    "km2": 100.0,
    "square kilometre": 100.0,
    "m2": 1e-4,
    "square metre": 1e-4,
    "acre": 0.40468564224,
}
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_YEAR, _AREA = "geocn_year", "geocn_area"
_OF_RASTERS = ("legend", "probability", "year", "band", "nodata")


class CultivationOptions(FileOptions, total=False):
    """What else can be said about a survey; the new ones are for rasters only.

    ``legend`` says what each code of a raster of classes is: ``{3: "coca"}`` or a CSV or
    TOML file; ``probability`` ("share" or "percent") that values are probabilities from 0
    to 1 or 100; ``year`` is the year of the survey, ``band`` the band to read, ``nodata``
    the value that means no data where the file does not state it.
    """

    legend: Legend | None
    probability: Probability | None
    year: int | None
    band: int | None
    nodata: float | None


def read_cultivation(
    path: StrPath,
    *,
    places: gpd.GeoDataFrame | PlaceIndex | None = None,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    units: str | None = None,
    crop: str | None = None,
    on_invalid: OnInvalid = "warn",
    rejects: StrPath | None = None,
    source: str | None = None,
    marking: str | None = None,
    reliability: str | None = None,
    as_of: Any = None,
    **options: Unpack[CultivationOptions],
) -> gpd.GeoDataFrame | xr.DataArray:
    """Read a survey of cultivation: a table (long, or one column a year), polygons or a raster.

    Parameters
    ----------
    path : path
        A table or vector file; a GeoTIFF is returned as a raster.
    places : GeoDataFrame or PlaceIndex, optional
        Areas for rows that name a place or give its code; the row takes the polygon.
    units : str, optional
        Unit of the areas: ``ha`` (default), ``km2``, ``m2`` or ``acre``.
    crop : str, optional
        Crop of rows that do not state one, or of a raster of probabilities.
    fields, crs, on_invalid, rejects, source, marking, reliability, as_of, **options
        As in :func:`geocn.read_seizures`; and for rasters ``legend``, ``probability``,
        ``year``, ``band`` and ``nodata`` (:func:`geocn.layers.rasters.label_cultivation`).

    Returns
    -------
    GeoDataFrame or DataArray
        One row an area and year. A table with one column a year is spread first, so
        ``rows_in`` of its report counts areas × years, and ``source_rows`` its own rows.

    Raises
    ------
    UnitError
        Where ``units`` is no unit of area.
    RasterError
        Where a raster has codes that its legend does not name, or values off its scale.
    LayerError
        Where headers, CRS or (with ``on_invalid="raise"``) rows are at fault.
    """
    if units is not None and fold(units) not in _HECTARES:
        raise UnitError(
            "cultivation",
            found=f"units={units!r}",
            expected=f"a unit of area: {', '.join(sorted(_HECTARES))}",
        )
    known = None if crop is None else canonical_crops(pd.Series([crop])).values.iloc[0]
    if crop is not None and pd.isna(known):
        message = f"crop is {crop!r}; expected coca, opium_poppy or cannabis"
        raise ParameterError(message)
    of_raster = {name: options.pop(name, None) for name in _OF_RASTERS}  # type: ignore[misc]
    if identify(path) is FileFormat.GEOTIFF:
        return _raster(path, crs=crs, crop=known, given=of_raster)
    given = [name for name, value in of_raster.items() if value is not None]
    if given:
        raise ParameterError(f"{', '.join(given)}: for rasters only; {path} is a table or vector")
    request = Request(fields, crs, units, places, source, marking, reliability, as_of, options)

    def build(draft: Draft) -> None:
        build_cultivation(draft)
        if known is not None:
            draft.columns["crop"] = draft.columns["crop"].fillna(known)

    return read_layer(path, "cultivation", request, build, on_invalid=on_invalid, rejects=rejects)


def _raster(path: StrPath, *, crs: Any, crop: str | None, given: Mapping[str, Any]) -> xr.DataArray:
    raster = read_raster(path, crs=crs, band=given["band"], nodata=given["nodata"])
    record = raster.attrs[KEY]
    options = {name: given[name] for name in ("legend", "probability", "year")}
    labelled = label_cultivation(raster, crop=crop, **options)
    labelled.attrs[KEY] = {**record, "crop": crop, "year": given["year"]}
    return labelled


def build_cultivation(draft: Draft) -> None:
    """Fill every column of the cultivation layer."""
    wide = bool(draft.header.years)
    if wide:
        _spread(draft)
    else:
        fill_integer(draft, "year")
        fill_numbers(draft, ("area_ha",))
    fill_id(draft, "field_id")
    fill_numbers(draft, ("area_ci_ha",))
    _to_hectares(draft)
    _check_years(draft)
    fill_words(draft, "crop", canonical_crops)
    fill_location(draft, areas=True)
    draft.columns.pop("country", None)
    draft.columns.pop("location_precision_m", None)


def _spread(draft: Draft) -> None:
    """Turn one column a year into one row an area and year.

    Every year column is read in its own number format: agencies do change locale from
    one year's report to the next.
    """
    raw, header = draft.raw, draft.header
    n, years = len(raw.frame), sorted(header.years)
    names = [header.years[year] for year in years]
    numbers, bad = [], []
    for name in names:
        values, wrong = parse_numbers(raw.frame[name], draft.number_format(name))
        numbers.append(values)
        bad.append(wrong)
    row = np.tile(np.arange(n), len(years))
    long = raw.frame.drop(columns=names).iloc[row].reset_index(drop=True)
    long[_YEAR] = np.repeat(years, n).astype(np.int64)
    given = [raw.frame[name].astype("str").where(raw.frame[name].notna(), None) for name in names]
    long[_AREA] = pd.concat(given, ignore_index=True).astype("str") if given else None
    lines = raw.lines if raw.lines is not None else raw.first_row + np.arange(n)
    draft.report["source_rows"] = n
    draft.report["years"] = years
    draft.raw = replace(raw, frame=long, lines=lines[row])
    mapping = {**header.mapping, "year": _YEAR, "area_ha": _AREA}
    draft.header = HeaderMatch(mapping, header.how, header.unused, header.years, header.units)
    held, category = draft.reasons[row], draft.category[row]
    draft.__post_init__()
    draft.reasons, draft.category = held, category
    area = pd.Series(np.concatenate(numbers) if numbers else np.empty(0), index=long.index)
    draft.reject(np.concatenate(bad), "area_ha is not a number", long[_AREA])
    draft.reject((area < 0).to_numpy() | np.isinf(area.to_numpy()), "impossible area", long[_AREA])
    draft.columns["area_ha"] = area
    draft.columns["year"] = long[_YEAR].astype("Int64")


def _to_hectares(draft: Draft) -> None:
    unit = draft.request.units or draft.header.units.get("area_ha") or "ha"
    factor = _HECTARES.get(fold(unit), 1.0) if isinstance(unit, str) else 1.0
    for role in ("area_ha", "area_ci_ha"):
        if role in draft.columns and factor != 1.0:
            draft.columns[role] = draft.columns[role] * factor
    if "area_ha" in draft.columns:
        area = draft.columns["area_ha"]
        draft.report["total_ha"] = float(area[~draft.rejected].sum())


def _check_years(draft: Draft) -> None:
    if "year" not in draft.columns:
        return
    year = draft.columns["year"]
    outside = ((year < _FIRST_YEAR) | (year > _LAST_YEAR)).fillna(value=False).to_numpy(dtype=bool)
    draft.reject(outside, "impossible year", draft.raw_column("year"))
    cut = draft.request.cut_off()
    if cut is not None:
        draft.flags["future_date"] = (year > cut.year).fillna(value=False).to_numpy(dtype=bool)
