"""Reported routes, checked."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray
from geocn.errors import GeometryError, LayerError, SchemaError

_MEASURES = ("weight_kg", "location_precision_m")
_NUMBERS = (*_MEASURES, "n_sources")
_DATES = ("first_seen", "last_seen")
_TEXTS = ("source", "mode", "drug")


def checked_routes(routes: gpd.GeoDataFrame, *, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read the columns that are counted, typed, by position; all faults in one error.

    Parameters
    ----------
    routes : GeoDataFrame
        Lines; columns that are not there come back empty.
    needed : sequence of str
        Columns of numbers that must be there.

    Raises
    ------
    GeometryError, SchemaError
        Where a geometry is not a line; a column is missing or cannot be read; a weight, a
        precision or a needed number is negative or infinite.
    """
    kinds = shapely.get_type_id(routes.geometry.to_numpy())
    wrong = ~np.isin(kinds, (-1, 1, 5))
    faults = [f"{wrong.sum()} geometries that are not lines"] if wrong.any() else []
    faults += [f"no column {name}" for name in needed if name not in routes]
    data: dict[str, pd.Series] = {}
    numbers = dict.fromkeys((*_NUMBERS, *needed))
    for name in (*numbers, *_DATES, *_TEXTS):
        values = routes[name] if name in routes else pd.Series(None, index=routes.index)
        try:
            if name in numbers:
                values = values.astype("float64")
            elif name in _DATES:
                values = pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
            else:
                values = values.astype("str").where(values.notna(), None)
        except (TypeError, ValueError) as error:
            faults.append(f"{name} that cannot be read ({error})")
            values = pd.Series(np.nan, index=routes.index)
        data[name] = values.reset_index(drop=True)
    columns = pd.DataFrame(data)
    bad = np.zeros(len(routes), dtype=bool)
    for name in dict.fromkeys((*_MEASURES, *needed)):
        low = _negative_or_infinite(columns[name])
        if low.any():
            what = "weights" if name == "weight_kg" else f"values of {name}"
            faults.append(f"{low.sum()} {what} that are negative or infinite")
            bad |= low
    if faults:
        kind: type[LayerError] = GeometryError if wrong.any() else SchemaError
        raise kind(
            "routes",
            found="; ".join(faults),
            expected="lines, with weights in kilograms of 0 or more and readable dates",
            repair="Read the file with geocn.read_routes, or correct these rows.",
            rows=list(routes.index[wrong | bad]),
        )
    return columns


def _negative_or_infinite(values: pd.Series) -> BoolArray:
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    bad: BoolArray = (numbers < 0) | np.isinf(numbers)
    return bad
