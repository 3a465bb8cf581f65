"""From the layers of a project to what one partner may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import BoolArray
from geocn.errors import ParameterError, UnlabelledDataError
from geocn.sharing.marking import Marking
from geocn.sharing.profile import ReleaseProfile

_REPORT = ("layer", "n_in", "n_released", "n_above_marking", "n_not_releasable")
# What a value is worth travels with it: a point without its precision would pass for exact.
_TRAVELS_WITH = {"geometry": "location_precision_m", "seized_at": "date_precision"}
# TLP:GREEN goes to the whole community and TLP:CLEAR to everybody, so that a row so
# marked needs no partner named; above it the recipient must stand in the row.
_OPEN_UP_TO = Marking.GREEN


@dataclass(frozen=True)
class Released:
    """What a release holds.

    Attributes
    ----------
    layers : dict of str to GeoDataFrame or DataArray
        Fresh layers with the allowed rows and columns only, and nothing in ``attrs``.
    report : DataFrame
        One row a layer of the project: ``layer, n_in, n_released, n_above_marking,
        n_not_releasable``, and the ``columns`` that were withheld. For the releasing side
        only: it counts what the partner must not know of.
    profile : ReleaseProfile
        The rule that was applied.
    """

    layers: dict[str, Any]
    report: pd.DataFrame
    profile: ReleaseProfile


def release(layers: Mapping[str, Any], profile: ReleaseProfile) -> Released:
    """Keep of ``layers`` what ``profile`` allows; the rest is absent, not hidden.

    A layer, raster or column that the profile does not name is left out. A row is left
    out where its marking is above ``profile.max_marking``, or where ``releasable_to`` does
    not name the partner: a row marked above TLP:GREEN must name it; one at or below it
    only if it names anybody. The marking of a row, and the precision of a place or date
    that leaves, travel unasked. Index, ``attrs`` and unused categories do not travel.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame or DataArray
        Layers by name. A raster carries its label in ``attrs["marking"]``.
    profile : ReleaseProfile

    Returns
    -------
    Released

    Raises
    ------
    UnlabelledDataError
        Where a row of an allowed layer carries no TLP 2.0 label; it names all of them.

    Example
    -------
    >>> from geocn import schema
    >>> profile = ReleaseProfile(partner="ngo", max_marking="TLP:GREEN")
    >>> release({"seizures": schema.empty("seizures")}, profile).layers
    {}
    """
    allowed = {name for name in layers if name in profile.layers or name in profile.rasters}
    _refuse_unlabelled({name: layers[name] for name in sorted(allowed)})
    released: dict[str, Any] = {}
    lines: list[dict[str, Any]] = []
    for name, layer in layers.items():
        if isinstance(layer, pd.DataFrame):
            kept, line = _release_frame(name, layer, profile)
        else:
            kept, line = _release_raster(name, layer, profile)
        lines.append(line)
        if kept is not None:
            released[name] = kept
    report = pd.DataFrame(lines, columns=[*_REPORT, "withheld_columns"])
    return Released(released, report, profile)


def _refuse_unlabelled(layers: Mapping[str, Any]) -> None:
    faults: list[str] = []
    for name, layer in layers.items():
        if not isinstance(layer, pd.DataFrame):
            if _label(layer.attrs.get("marking")) is None:
                faults.append(f"raster {name}")
            continue
        bad = np.asarray([label is None for label in _row_labels(layer)], dtype=bool)
        if bad.any():
            first = ", ".join(map(str, layer.index[bad][:3]))
            faults.append(
                f"{name} ({int(bad.sum())} rows: {first}{', …' if bad.sum() > 3 else ''})"
            )
    if faults:
        message = f"No TLP 2.0 marking in {'; '.join(faults)}. Set `marking` where the file is read"
        raise UnlabelledDataError(f"{message}; unlabelled data is never released.")


def _label(value: Any) -> Marking | None:
    try:
        return Marking.parse(value) if isinstance(value, (str, Marking)) else None
    except ParameterError:
        return None


def _row_labels(frame: pd.DataFrame) -> list[Marking | None]:
    if "marking" not in frame:
        return [None] * len(frame)
    known = {value: _label(value) for value in frame["marking"].unique()}
    return [known.get(value) for value in frame["marking"]]


def _release_frame(
    name: str, frame: pd.DataFrame, profile: ReleaseProfile
) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    line: dict[str, Any] = dict.fromkeys(_REPORT, 0) | {"layer": name, "n_in": len(frame)}
    if name not in profile.layers:
        return None, line | {"withheld_columns": "all"}
    labels = _row_labels(frame)
    above = np.asarray([one is None or one > profile.max_marking for one in labels], dtype=bool)
    open_to_all = np.asarray([one is not None and one <= _OPEN_UP_TO for one in labels], dtype=bool)
    elsewhere = ~above & ~_names_partner(frame, profile.partner, open_to_all)
    keep = ~above & ~elsewhere
    named = profile.layers[name].columns
    wanted = {*named, "marking", *(_TRAVELS_WITH[one] for one in named if one in _TRAVELS_WITH)}
    columns = [column for column in frame.columns if column in wanted]
    line["n_released"] = int(keep.sum())
    line["n_above_marking"], line["n_not_releasable"] = int(above.sum()), int(elsewhere.sum())
    withheld = [str(column) for column in frame.columns if column not in wanted]
    return _fresh(frame, keep, columns), line | {"withheld_columns": ", ".join(withheld)}


def _names_partner(frame: pd.DataFrame, partner: str, open_to_all: BoolArray) -> BoolArray:
    if "releasable_to" not in frame:
        return open_to_all
    wanted = partner.casefold()
    verdict: dict[Any, bool | None] = {}
    for value in frame["releasable_to"].unique():
        names = {part.strip().casefold() for part in str(value).split(";")} - {""}
        verdict[value] = None if pd.isna(value) or not names else wanted in names
    said = [verdict.get(value) for value in frame["releasable_to"]]
    return np.asarray(
        [bool(free) if one is None else one for one, free in zip(said, open_to_all, strict=True)],
        dtype=bool,
    )


def _fresh(frame: pd.DataFrame, keep: BoolArray, columns: list[str]) -> pd.DataFrame:
    """Build the frame anew, so that nothing of the withheld rows hides in index or dtype."""
    data: dict[str, Any] = {}
    for column in columns:
        values = frame[column][keep].reset_index(drop=True)
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.cat.remove_unused_categories()
        data[column] = values
    fresh = pd.DataFrame(data, columns=columns, index=pd.RangeIndex(int(keep.sum())))
    geometry = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    if geometry is not None and geometry in columns:
        fresh = gpd.GeoDataFrame(fresh, geometry=geometry, crs=frame.crs)
    fresh.attrs = {}
    return fresh


def _release_raster(
    name: str, raster: Any, profile: ReleaseProfile
) -> tuple[Any | None, dict[str, Any]]:
    line: dict[str, Any] = dict.fromkeys(_REPORT, 0) | {"layer": name, "n_in": 1}
    line["withheld_columns"] = ""
    if name not in profile.rasters:
        return None, line
    label = _label(raster.attrs.get("marking"))
    if label is None or label > profile.max_marking:
        return None, line | {"n_above_marking": 1}
    fresh = raster.copy(deep=True)
    fresh.attrs = {"marking": str(label)}
    return fresh, line | {"n_released": 1}
