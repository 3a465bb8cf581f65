"""From the layers of a project to what one partner may see."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import BoolArray
from geocn.errors import ParameterError, ReleaseError, ReleaseWarning, UnlabelledDataError
from geocn.sharing.applying import Account, Surroundings, apply_rules
from geocn.sharing.coarsen import date_columns
from geocn.sharing.label import classification_rank
from geocn.sharing.marking import Marking
from geocn.sharing.profile import ReleaseProfile, unknown_columns, unknown_names
from geocn.sharing.rules import LayerRule

_REPORT = (
    "layer",
    "n_in",
    "n_released",
    "n_above_marking",
    "n_not_releasable",
    "n_held_by_rules",
)
# What a value is worth travels with it: a point without its precision would pass for exact.
_TRAVELS_WITH = {"geometry": "location_precision_m", "seized_at": "date_precision"}
_HOLDS_BACK = ("min_age_days", "protected: drop", "min_count", "differencing")
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
        n_not_releasable, n_held_by_rules``, and the columns that were withheld. For the
        releasing side only: it counts what the partner must not know of.
    profile : ReleaseProfile
        The rule that was applied.
    rules : DataFrame
        One row a layer and rule of the profile: ``layer, rule, rows, cells, columns``, how
        many of each the rule touched. For the releasing side only.
    lowered : list of dict
        Records of markings that were lowered (:func:`geocn.sharing.lower_marking`).
    notes : list of str
        Layers of which the rules leave nothing.
    """

    layers: dict[str, Any]
    report: pd.DataFrame
    profile: ReleaseProfile
    rules: pd.DataFrame
    lowered: list[dict[str, Any]]
    notes: list[str]


def release(
    layers: Mapping[str, Any],
    profile: ReleaseProfile,
    *,
    places: Mapping[str, gpd.GeoDataFrame] | None = None,
    as_of: Any = None,
    secret: bytes | None = None,
    earlier: Sequence[Mapping[str, pd.DataFrame]] = (),
) -> Released:
    """Keep of ``layers`` what ``profile`` allows; the rest is absent, not hidden.

    A layer, raster or column that the profile does not name is left out. A row is left
    out where its marking is above ``profile.max_marking``, or where ``releasable_to`` does
    not name the partner: a row marked above TLP:GREEN must name it; one at or below it
    only if it names anybody. The marking of a row, and the precision of a place or date
    that leaves, travel unasked. Index, ``attrs`` and unused categories do not travel.
    Then the rules of each layer apply, in this order: age, protected places, geometry,
    time, rounding, small counts, differences from earlier releases. Sites of care and
    schools are never exact unless ``profile.exact_sites`` names their kind.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame or DataArray
        Layers by name. A raster carries its label in ``attrs["marking"]``.
    profile : ReleaseProfile
    places : mapping of str to GeoDataFrame, optional
        Place layers that rules name: areas with a ``code``, protected places.
    as_of : date or str, optional
        Information cut-off: ages and the expiry of the profile count from it.
    secret : bytes, optional
        For donut masking (:func:`geocn.sharing.read_secret`).
    earlier : sequence of mapping of str to DataFrame, optional
        Layers of earlier releases to the same partner; with ``min_count``, a place whose
        count differs from theirs by fewer is held back.

    Returns
    -------
    Released

    Raises
    ------
    UnlabelledDataError
        Where a row of an allowed layer carries no TLP 2.0 label; it names all of them.
    ReleaseError
        Where the profile has expired, or a rule needs a cut-off or a secret.
    ParameterError
        Where the profile names columns or place layers that are not there; it names all.

    Warns
    -----
    ReleaseWarning
        Where the rules leave nothing of a layer.

    Example
    -------
    >>> from geocn import schema
    >>> profile = ReleaseProfile(partner="ngo", max_marking="TLP:GREEN")
    >>> release({"seizures": schema.empty("seizures")}, profile).layers
    {}
    """
    around = Surroundings(layers, places or {}, as_of, secret, tuple(earlier))
    _refuse_expired(profile, as_of)
    _refuse_misfits(profile, around)
    allowed = {name for name in layers if name in profile.layers or name in profile.rasters}
    _refuse_unlabelled({name: layers[name] for name in sorted(allowed)})
    released: dict[str, Any] = {}
    lines: list[dict[str, Any]] = []
    lowered: list[dict[str, Any]] = []
    account = Account()
    for name, layer in layers.items():
        if name in allowed:
            lowered += [{"layer": name, **one} for one in layer.attrs.get("lowered", [])]
        if isinstance(layer, pd.DataFrame):
            kept, line = _release_frame(name, layer, profile, around, account)
        else:
            kept, line = _release_raster(name, layer, profile)
        lines.append(line)
        if kept is not None:
            released[name] = kept
    report = pd.DataFrame(lines, columns=[*_REPORT, "withheld_columns"])
    notes = list(_emptied(lines, account))
    if notes:
        warnings.warn("; ".join(notes), ReleaseWarning, stacklevel=2)
    return Released(released, report, profile, account.frame(), lowered, notes)


def _refuse_expired(profile: ReleaseProfile, as_of: Any) -> None:
    if profile.expires_on is None:
        return
    if as_of is None:
        raise ReleaseError("expires_on needs a cut-off to be held against: give as_of=….")
    if pd.Timestamp(as_of).date() > profile.expires_on:
        raise ReleaseError(
            f"the profile for {profile.partner} expired on {profile.expires_on.isoformat()}, "
            f"before the cut-off {pd.Timestamp(as_of).date().isoformat()}. Have it renewed."
        )


def _refuse_misfits(profile: ReleaseProfile, around: Surroundings) -> None:
    frames = {n: one for n, one in around.layers.items() if isinstance(one, pd.DataFrame)}
    faults = [
        *unknown_names(profile, {"places": around.places}),
        *unknown_columns(profile, frames),
    ]
    if faults:
        told = "; ".join(f"{'.'.join(map(str, at))}: {said}" for at, said in faults)
        raise ParameterError(f"the profile for {profile.partner} does not fit: {told}")


def _emptied(lines: list[dict[str, Any]], account: Account) -> Iterator[str]:
    for line in lines:
        if line["n_held_by_rules"] and not line["n_released"]:
            rules = [
                one["rule"]
                for one in account.lines
                if one["layer"] == line["layer"] and one["rule"] in _HOLDS_BACK and one["rows"]
            ]
            yield (
                f"nothing is left of {line['layer']}: all {line['n_held_by_rules']:,} rows that "
                f"the marking allows are held back by {', '.join(rules)}"
            )


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
    name: str,
    frame: pd.DataFrame,
    profile: ReleaseProfile,
    around: Surroundings,
    account: Account,
) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    line: dict[str, Any] = dict.fromkeys(_REPORT, 0) | {"layer": name, "n_in": len(frame)}
    if name not in profile.layers:
        return None, line | {"withheld_columns": "all"}
    labels = _row_labels(frame)
    above = np.asarray([one is None or one > profile.max_marking for one in labels], dtype=bool)
    above |= _too_classified(frame, profile.classification)
    open_to_all = np.asarray([one is not None and one <= _OPEN_UP_TO for one in labels], dtype=bool)
    elsewhere = ~above & ~_names_partner(frame, profile.partner, open_to_all)
    keep = ~above & ~elsewhere
    allowed = frame[keep].reset_index(drop=True)
    ruled = apply_rules(name, allowed, profile, around, account)
    wanted = _wanted(profile.layers[name], ruled)
    columns = [column for column in ruled.columns if column in wanted]
    line["n_released"], line["n_held_by_rules"] = len(ruled), len(allowed) - len(ruled)
    line["n_above_marking"], line["n_not_releasable"] = int(above.sum()), int(elsewhere.sum())
    withheld = [str(column) for column in frame.columns if column not in wanted]
    account.add(name, "columns", columns=len(withheld))
    return _fresh(ruled, columns), line | {"withheld_columns": ", ".join(withheld)}


def _wanted(rule: LayerRule, frame: pd.DataFrame) -> set[str]:
    """Name the columns that may leave, and those that travel with them."""
    wanted = {*rule.columns, "marking", "classification"}
    wanted |= {_TRAVELS_WITH[one] for one in rule.columns if one in _TRAVELS_WITH}
    if rule.time is not None and set(rule.columns) & set(date_columns(frame)):
        wanted.add("date_precision")
    if rule.admin is not None:
        wanted.add("admin_code")
    return wanted


def _too_classified(frame: pd.DataFrame, top: str | None) -> BoolArray:
    """Say which rows carry a national classification above ``top``, or one unheard of."""
    if "classification" not in frame:
        return np.zeros(len(frame), dtype=bool)
    limit = 0 if top is None else classification_rank(top)
    verdict: dict[Any, bool] = {}
    for value in frame["classification"].dropna().unique():
        try:
            verdict[value] = classification_rank(value) > limit
        except ParameterError:
            verdict[value] = True
    return np.asarray([verdict.get(value, False) for value in frame["classification"]], dtype=bool)


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


def _fresh(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Build the frame anew, so that nothing of the withheld rows hides in index or dtype."""
    data: dict[str, Any] = {}
    for column in columns:
        values = frame[column].reset_index(drop=True)
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.cat.remove_unused_categories()
        data[column] = values
    fresh = pd.DataFrame(data, columns=columns, index=pd.RangeIndex(len(frame)))
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
