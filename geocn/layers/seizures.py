"""Seizures: what was taken, when, where, how much of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.harmonise.amounts import check_amounts
from geocn.harmonise.drugs import classify_drugs
from geocn.harmonise.duplicates import exact_duplicates
from geocn.harmonise.modes import canonical_modes
from geocn.harmonise.placeindex import PlaceIndex
from geocn.harmonise.units import convert_to_kg
from geocn.layers.columns import (
    fill_amount,
    fill_event_date,
    fill_id,
    fill_texts,
    fill_words,
    report_unknown,
)
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_location
from geocn.layers.rejects import OnInvalid

#: Heaviest single seizure that is believed, in kilograms: beyond any ship's cargo of drugs.
_HEAVIEST_KG = 1e8

#: Share by which a stated weight may differ from the amount before it is flagged.
_AGREE = 0.01


def read_seizures(
    path: StrPath,
    *,
    places: gpd.GeoDataFrame | PlaceIndex | None = None,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    units: str | Mapping[str, str] | None = None,
    on_invalid: OnInvalid = "warn",
    rejects: StrPath | None = None,
    source: str | None = None,
    marking: str | None = None,
    reliability: str | None = None,
    as_of: Any = None,
    **options: Unpack[FileOptions],
) -> gpd.GeoDataFrame:
    r"""Read seizures from any table or vector file into the canonical layer.

    Parameters
    ----------
    path : path
        CSV, TSV, XLSX, GeoJSON, GeoPackage, Shapefile, FlatGeobuf, GeoParquet, KML or GPX.
    places : GeoDataFrame or PlaceIndex, optional
        Areas or a gazetteer, for rows that name a place and have no coordinates. Such a
        row takes a point inside the area and, as ``location_precision_m``, the radius
        that holds the area; one of another country falls back to that country.
    fields : mapping, optional
        Canonical column (or helper such as ``latitude``) → header of the file.
    crs : CRS, optional
        Where the file does not state it.
    units : str or mapping, optional
        Unit of rows without one, or reported unit → the unit that is meant.
    on_invalid : {"warn", "raise"}
        Whether rejected rows are left out with a warning, or an error.
    rejects : path, optional
        CSV to which rejected rows are written whole, with line number and reasons.
    source, marking, reliability : str, optional
        For rows that do not state their own.
    as_of : date, optional
        Cut-off; later dates are flagged ``future_date``.
    **options
        See :class:`geocn.layers.FileOptions`.

    Returns
    -------
    GeoDataFrame
        Longitude and latitude; rows whose place is unknown have a null geometry.
        ``flags`` names ``zero_amount``, ``outlier``, ``future_date``, ``repeated_row``,
        ``no_date`` and ``weight_mismatch`` (the stated ``weight_kg`` is not the amount in
        its unit); ``duplicate_group`` and ``duplicate_score`` mark repeated rows. What was
        found stands in ``attrs["geocn"]``: rows in = rows out + rejected.

    Raises
    ------
    LayerError
        Where headers, CRS or (with ``on_invalid="raise"``) rows are at fault.
    ReadError
        Where the file is not what it claims to be.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "seizures.csv"
    >>> _ = path.write_text("Fecha;Droga;Cantidad;Unidad\n16/05/2024;Cocaína;1.250,5;g\n")
    >>> read_seizures(path, source="Police")[["drug", "weight_kg", "source"]].values.tolist()
    [['cocaine', 1.2505, 'Police']]
    >>> folder.cleanup()
    """
    request = Request(fields, crs, units, places, source, marking, reliability, as_of, options)
    return read_layer(
        path, "seizures", request, build_seizures, on_invalid=on_invalid, rejects=rejects
    )


def build_seizures(draft: Draft) -> None:
    """Fill every column of the seizures layer."""
    fill_id(draft, "seizure_id")
    fill_event_date(draft)
    _fill_drug(draft)
    fill_texts(draft, ("origin", "departure", "destination"))
    fill_words(draft, "mode", canonical_modes)
    _fill_amount(draft)
    fill_location(draft)
    _flag(draft)


def _fill_drug(draft: Draft) -> None:
    role = "drug" if draft.has("drug") else "drug_reported"
    reported = draft.text(role)
    result = classify_drugs(reported)
    draft.columns["drug"] = result.drug
    draft.columns["drug_reported"] = (
        draft.text("drug_reported").fillna(reported) if draft.has("drug_reported") else reported
    )
    if len(result.unknown):
        report_unknown(draft, "drug", result.unknown)


def _fill_amount(draft: Draft) -> None:
    """Amounts in their own unit, and in kilograms where that is sure or given."""
    quantity, in_cell = fill_amount(draft, "quantity")
    stated = draft.text("unit") if draft.has("unit") else None
    if in_cell is not None:
        _check_same_unit(draft, stated, in_cell)
        stated = in_cell if stated is None else in_cell.fillna(stated).astype("str")
    units = draft.request.units
    if units is None and "quantity" in draft.header.units:
        units = draft.header.units["quantity"]
    weight_given, weight_unit = fill_amount(draft, "weight_kg")
    if weight_unit is not None:
        weight_given = _in_kilograms(draft, weight_given, weight_unit)
    if draft.has("weight_kg"):
        draft.columns["weight_kg"] = weight_given
    converted = convert_to_kg(quantity, stated, draft.columns["drug"], units=units)
    weight = draft.columns.get("weight_kg", converted.weight_kg)
    apart = (weight - converted.weight_kg).abs() > _AGREE * converted.weight_kg.abs()
    draft.flags["weight_mismatch"] = apart.to_numpy(dtype=bool)
    weight = weight.fillna(converted.weight_kg)
    draft.columns |= {"quantity": quantity, "unit": converted.unit, "weight_kg": weight}
    if stated is not None:
        draft.columns["unit_reported"] = (
            draft.text("unit_reported").fillna(stated) if draft.has("unit_reported") else stated
        )
    draft.report["units"] = {str(u): int(n) for u, n in converted.unit.value_counts().items()}
    if len(converted.unknown):
        report_unknown(draft, "unit", converted.unknown)
    amount = quantity.fillna(weight)
    given = (
        draft.raw_column("quantity" if draft.has("quantity") else "weight_kg")
        if (draft.has("quantity") or draft.has("weight_kg"))
        else None
    )
    result = check_amounts(amount, weight_kg=weight, drug=draft.columns["drug"])
    draft.reject(result.rejected.notna().to_numpy(), "negative amount", given)
    draft.reject((weight < 0).to_numpy() & (amount >= 0).to_numpy(), "negative weight_kg", given)
    draft.reject((weight > _HEAVIEST_KG).to_numpy(), "more than 100,000 t in one seizure", given)
    named = result.flags.fillna("")
    for flag in ("zero_amount", "outlier"):
        draft.flags[flag] = named.str.contains(flag, regex=False).to_numpy(dtype=bool)


def _check_same_unit(draft: Draft, stated: pd.Series | None, in_cell: pd.Series) -> None:
    """Reject rows whose amount names another unit than their unit column."""
    if stated is None:
        return
    count = pd.Series(1.0, index=in_cell.index)
    both = (stated.notna() & in_cell.notna()).to_numpy()
    named, column = convert_to_kg(count, in_cell).unit, convert_to_kg(count, stated).unit
    apart = both & (named.fillna("") != column.fillna("")).to_numpy(dtype=bool)
    draft.reject(apart, "the amount names another unit than the unit column", in_cell)


def _in_kilograms(draft: Draft, weight: pd.Series, unit: pd.Series) -> pd.Series:
    """Bring weights whose cells name a unit of mass into kilograms."""
    converted = convert_to_kg(weight, unit, units="kg")
    no_mass = (weight.notna() & converted.weight_kg.isna()).to_numpy()
    draft.reject(no_mass, "weight_kg is given in a unit that is no sure mass", unit)
    return converted.weight_kg


def _flag(draft: Draft) -> None:
    repeated = exact_duplicates(draft.raw.frame.drop(columns="geometry", errors="ignore"))
    draft.flags["repeated_row"] = repeated.group.notna().to_numpy()
    draft.columns["duplicate_group"] = repeated.group
    draft.columns["duplicate_score"] = repeated.score
    dates = draft.columns.get("seized_at")
    draft.flags["no_date"] = (
        np.ones(draft.n_rows, dtype=bool) if dates is None else dates.isna().to_numpy()
    )
    draft.report["repeated_rows"] = repeated.n_extra
