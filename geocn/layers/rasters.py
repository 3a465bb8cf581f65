"""Rasters: friction, density, demand, classes, as arrays that know where they lie."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from geocn import provenance
from geocn._typing import AnyArray, StrPath
from geocn.errors import ParameterError, RasterError, ReadError, SchemaError
from geocn.harmonise.kinds import canonical_crops
from geocn.harmonise.text import fold
from geocn.io.raster import read_raster as read_array
from geocn.io.table import read_table

Legend: TypeAlias = Mapping[int, str] | StrPath
Probability: TypeAlias = Literal["share", "percent"]
_SHOWN_CODES = 8
_CODE_HEADERS = ("code", "value", "codigo", "valor", "class code", "id", "dn")
_NAME_HEADERS = ("crop", "class", "name", "label", "cultivo", "clase", "nombre", "culture", "nom")


def read_raster(
    path: StrPath, *, crs: Any = None, band: int | None = None, nodata: float | None = None
) -> xr.DataArray:
    """Read a GeoTIFF or COG as a DataArray with CRS, NaN where there is no data.

    Parameters
    ----------
    path : path
        The file; only this file is opened.
    crs : CRS, optional
        Where the file does not state it.
    band : int, optional
        Band to read, from 1.
    nodata : float, optional
        Value that means "no data", where the file does not state it.

    Returns
    -------
    DataArray

    Raises
    ------
    RasterError
        Where the raster has no CRS or is rotated.
    ReadError
        Where the file is not what it claims to be.
    """
    raster = read_array(path, crs=crs, band=band, nodata=nodata)
    return provenance.attach(raster, "layers.read_raster", shape=list(raster.shape))


def read_legend(legend: Legend) -> dict[int, str]:
    """Read what each code of a raster of classes means.

    Parameters
    ----------
    legend : mapping or path
        ``{3: "coca", 1: "forest"}``, a table with a column of codes (``code``, ``value``)
        and one of names (``crop``, ``class``, ``name``), or a TOML file with lines such as
        ``3 = "coca"``, under ``[classes]`` or not.

    Raises
    ------
    SchemaError
        Where a code is no whole number or stands twice, a name is empty, or there are none.
    ReadError
        Where the file is damaged.

    Examples
    --------
    >>> read_legend({3: "coca", 1: "forest"})
    {1: 'forest', 3: 'coca'}
    """
    where, pairs = "legend", []
    if isinstance(legend, (str, PathLike)):
        where = Path(legend).name
        pairs = _toml(legend) if where.lower().endswith(".toml") else _table(legend)
    else:
        pairs = list(legend.items())
    codes = pd.to_numeric(pd.Series([str(code) for code, _ in pairs]), errors="coerce")
    faults = [
        f"code {code!r}"
        for (code, _), number in zip(pairs, codes, strict=True)
        if not float(number).is_integer()
    ]
    twice = codes[codes.duplicated()].dropna().unique()
    faults += [f"code {code:g} twice" for code in twice]
    faults += [f"no name for {code!r}" for code, name in pairs if not str(name or "").strip()]
    if faults or not pairs:
        raise SchemaError(
            where,
            found="; ".join(faults) or "no classes",
            expected='whole numbers with a name each, such as {3: "coca"}',
            repair="Correct the legend.",
        )
    named = {int(n): str(name).strip() for n, (_, name) in zip(codes, pairs, strict=True)}
    return dict(sorted(named.items()))


def label_cultivation(
    raster: xr.DataArray,
    *,
    legend: Legend | None = None,
    probability: Probability | None = None,
    crop: str | None = None,
    year: int | None = None,
) -> xr.DataArray:
    """Say what the values of a raster of cultivation are, and check that they are that.

    Parameters
    ----------
    raster : DataArray
        As :func:`read_raster` gives it: NaN where there is no data.
    legend : mapping or path, optional
        What each code is (:func:`read_legend`); classes that are a crop in any of four
        languages count as cultivation.
    probability : {"share", "percent"}, optional
        Values are probabilities or covered shares, from 0 to 1 or from 0 to 100.
    crop : str, optional
        The crop of a raster of probabilities.
    year : int, optional
        Year of the survey.

    Returns
    -------
    DataArray
        A copy with ``classes`` and ``crops`` (name and crop of each code), or
        ``probability`` (values now from 0 to 1), ``crop`` and ``year`` in its attributes.

    Raises
    ------
    RasterError
        Where codes are not in the legend (each with its number of cells), probabilities lie
        outside their scale, or no cell has data.
    SchemaError
        Where the legend is at fault or has no crop.
    ParameterError
        Where both or an unknown scale are given.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> codes = xr.DataArray(np.array([[1.0, 3.0]]), dims=("y", "x"))
    >>> label_cultivation(codes, legend={1: "forest", 3: "coca"}).attrs["crops"]
    {'3': 'coca'}
    """
    if legend is not None and probability is not None:
        raise ParameterError("give legend= for classes or probability= for a scale, not both")
    if probability not in (None, "share", "percent"):
        raise ParameterError(f"probability {probability!r}; choose 'share' or 'percent'")
    labelled = raster.copy()
    if (legend is not None or probability is not None) and bool(np.isnan(raster.to_numpy()).all()):
        raise RasterError(
            "cultivation",
            found="no cell with data",
            expected="codes or probabilities",
            repair="Check the nodata value and the band.",
        )
    if legend is not None:
        classes = read_legend(legend)
        check_codes(raster.to_numpy(), classes)
        crops = canonical_crops(pd.Series(list(classes.values()))).values
        known = {c: str(v) for c, v in zip(classes, crops, strict=True) if pd.notna(v)}
        if not known:
            raise SchemaError(
                "legend",
                found=f"classes {', '.join(classes.values())}",
                expected="at least one of coca, opium_poppy, cannabis",
                repair="Name the crop in the legend.",
            )
        labelled.attrs["classes"] = {str(code): name for code, name in classes.items()}
        labelled.attrs["crops"] = {str(code): name for code, name in known.items()}
    if probability is not None:
        labelled = labelled / _checked_scale(raster, probability)
        labelled.attrs = {**raster.attrs, "probability": "share"}
        labelled.encoding = dict(raster.encoding)
        if crop is not None:
            labelled.attrs["crop"] = crop
    if year is not None:
        labelled.attrs["year"] = int(year)
    return labelled


def check_codes(values: AnyArray, classes: Mapping[int, str]) -> None:
    """Refuse codes that a legend does not name, each with its number of cells.

    Raises
    ------
    RasterError
    """
    codes, counts = np.unique(values, return_counts=True)
    strange = ~np.isin(codes, list(classes)) & ~np.isnan(codes)
    if strange.any():
        pairs = zip(codes[strange], counts[strange], strict=True)
        found = [f"{code:g} ({n:,} cells)" for code, n in pairs]
        more = f" and {len(found) - _SHOWN_CODES} more" if len(found) > _SHOWN_CODES else ""
        raise RasterError(
            "cultivation",
            found=f"codes that the legend does not have: {', '.join(found[:_SHOWN_CODES])}{more}",
            expected=", ".join(f"{code} {name}" for code, name in classes.items()),
            repair="Add them to the legend, or declare nodata=… where one of them means no data.",
        )


def _checked_scale(raster: xr.DataArray, probability: Probability) -> float:
    top = 1.0 if probability == "share" else 100.0
    values = raster.to_numpy()
    outside = (values < 0) | (values > top)
    if outside.any():
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        raise RasterError(
            "cultivation",
            found=f"{int(outside.sum()):,} cells outside 0 to {top:g} (from {low:g} to {high:g})",
            expected=f"probabilities from 0 to {top:g}",
            repair='Declare the other scale with probability="percent" or "share", or nodata=….',
        )
    return top


def _toml(path: StrPath) -> list[tuple[Any, Any]]:
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ReadError(f"{Path(path).name}: the legend cannot be read ({error})") from error
    classes = content.get("classes", content)
    return list(classes.items()) if isinstance(classes, dict) else []


def _table(path: StrPath) -> list[tuple[Any, Any]]:
    frame = read_table(path).frame
    headers = {fold(str(name)): name for name in frame.columns}
    code = next((headers[h] for h in _CODE_HEADERS if h in headers), None)
    name = next((headers[h] for h in _NAME_HEADERS if h in headers), None)
    if code is None or name is None:
        raise SchemaError(
            Path(path).name,
            found=f"columns {', '.join(map(str, frame.columns))}",
            expected="a column code (or value) and a column crop (or class, name)",
            repair="Rename the columns.",
        )
    return [(c, None if pd.isna(n) else n) for c, n in zip(frame[code], frame[name], strict=True)]
