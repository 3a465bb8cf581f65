"""The rules of a profile applied to one layer, one after the other, each one counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, ObjectArray
from geocn.errors import ReleaseError
from geocn.sharing import coarsen, generalise
from geocn.sharing.donut import SECRET_FILE, donut
from geocn.sharing.profile import ReleaseProfile
from geocn.sharing.protected import is_of_kind, near, protected_shapes
from geocn.sharing.rules import PROTECTED_KINDS, LayerRule, Protected
from geocn.spatial.crs import has_geometry

#: Columns of the account of rules.
TOUCHED = ("layer", "rule", "rows", "cells", "columns")


@dataclass(frozen=True)
class Surroundings:
    """What rules look at beside the layer itself.

    Attributes
    ----------
    layers : mapping
        All layers, withheld rows too: what stands near a withheld clinic is protected.
    places : mapping of str to GeoDataFrame
        Place layers by name.
    as_of : date, optional
        Information cut-off, for ages.
    secret : bytes, optional
        For donut masking.
    earlier : sequence of mapping
        Released layers of earlier releases by name.
    """

    layers: Mapping[str, Any]
    places: Mapping[str, gpd.GeoDataFrame]
    as_of: Any = None
    secret: bytes | None = None
    earlier: tuple[Mapping[str, pd.DataFrame], ...] = ()


@dataclass
class Account:
    """How many rows, cells and columns each rule touched."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, layer: str, rule: str, *, rows: int = 0, cells: int = 0, columns: int = 0
    ) -> None:
        """Note a rule that was applied, even if it found nothing to do."""
        self.lines.append(
            {"layer": layer, "rule": rule, "rows": rows, "cells": cells, "columns": columns}
        )

    def frame(self) -> pd.DataFrame:
        """Return the account as a table."""
        return pd.DataFrame(self.lines, columns=list(TOUCHED))


def apply_rules(
    name: str,
    frame: pd.DataFrame,
    profile: ReleaseProfile,
    around: Surroundings,
    account: Account,
) -> pd.DataFrame:
    """Return the rows of ``frame`` that the rules of its layer leave, as they leave them.

    Raises
    ------
    ReleaseError
        Where a rule needs a cut-off, a secret or a place layer that is not there.
    """
    rule = profile.layers[name]
    result = _young(name, frame, rule, around, account)
    if "geometry" in rule.columns and isinstance(frame, gpd.GeoDataFrame):
        result = _protect(name, result, profile, around, account)
    if rule.time is not None:
        before, result = result, coarsen.coarsen_dates(result, time=rule.time)
        dates = coarsen.date_columns(before)
        account.add(name, "time", rows=len(result), columns=len(dates))
    if rule.round_to:
        before, result = result, coarsen.round_numbers(result, rule.round_to)
        columns = [column for column in rule.round_to if column in before]
        changed = _changed(before[columns], result[columns])
        account.add(name, "round_to", rows=int(changed.sum()), columns=len(columns))
    return _small(name, result, profile, around, account)


def _young(
    name: str, frame: pd.DataFrame, rule: LayerRule, around: Surroundings, account: Account
) -> pd.DataFrame:
    if rule.min_age_days is None:
        return frame
    if around.as_of is None:
        raise ReleaseError(f"layers.{name}.min_age_days needs a cut-off: give as_of=….")
    old = coarsen.old_enough(frame, min_age_days=rule.min_age_days, as_of=around.as_of)
    account.add(name, "min_age_days", rows=int((~old).sum()))
    return frame[old]


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> BoolArray:
    same = (before == after) | (before.isna() & after.isna())
    agree = np.asarray(same.fillna(value=False), dtype=bool).all(axis=1)
    return np.asarray(~agree, dtype=bool)


def _protect(
    name: str,
    frame: gpd.GeoDataFrame,
    profile: ReleaseProfile,
    around: Surroundings,
    account: Account,
) -> gpd.GeoDataFrame:
    """Make places coarse by the layer's rule, and what is protected by the coarser of both."""
    rule = profile.layers[name]
    grid_km = np.zeros(len(frame))
    dropped = np.zeros(len(frame), dtype=bool)
    for one in _protections(profile):
        hit = _hit(name, frame, one, profile, around)
        if one.action == "drop":
            dropped |= hit
        else:
            grid_km[hit] = np.maximum(grid_km[hit], one.grid_km)
    if rule.admin is not None or rule.grid_km is not None:
        grid_km[grid_km <= (rule.grid_km or np.inf)] = 0
    if dropped.any() or profile.protected:
        account.add(name, "protected: drop", rows=int(dropped.sum()))
    frame, grid_km = frame[~dropped], grid_km[~dropped]
    pieces = [_coarser(name, frame[grid_km == 0], rule, around, account)]
    for size in np.unique(grid_km[grid_km > 0]):
        chosen = frame[grid_km == size]
        coarse = generalise.to_grid(chosen, grid_km=float(size))
        account.add(name, "protected", rows=len(chosen), cells=_n_places(coarse), columns=1)
        pieces.append(coarse)
    return _joined(pieces, frame.index)


def _protections(profile: ReleaseProfile) -> Iterable[Protected]:
    kinds = tuple(kind for kind in PROTECTED_KINDS if kind not in profile.exact_sites)
    if kinds:
        yield Protected(kinds=kinds, protect_m=0)
    yield from profile.protected


def _hit(
    name: str,
    frame: gpd.GeoDataFrame,
    rule: Protected,
    profile: ReleaseProfile,
    around: Surroundings,
) -> BoolArray:
    sites = np.zeros(len(frame), dtype=bool)
    exact = np.zeros(len(frame), dtype=bool)
    if name == "interventions":
        sites = is_of_kind(frame, rule.kinds)
        exact = is_of_kind(frame, profile.exact_sites)
    if rule.protect_m > 0 or rule.places is not None:
        shapes = protected_shapes(rule, around.layers, around.places)
        sites |= near(frame, shapes, within_m=rule.protect_m)
    return sites & ~exact


def _coarser(
    name: str,
    frame: gpd.GeoDataFrame,
    rule: LayerRule,
    around: Surroundings,
    account: Account,
) -> gpd.GeoDataFrame:
    kinds = rule.geometry_rules()
    if not kinds:
        return frame
    if rule.grid_km is not None:
        result = generalise.to_grid(frame, grid_km=rule.grid_km, shape=rule.grid_as)
    elif rule.admin is not None:
        if rule.admin not in around.places:
            raise ReleaseError(f"layers.{name}.admin: there is no place layer {rule.admin!r}.")
        result = generalise.to_admin(frame, around.places[rule.admin], shape=rule.admin_as)
    elif rule.simplify_m is not None:
        result = generalise.simplify(frame, tolerance_m=rule.simplify_m)
    else:
        result = _masked(name, frame, rule, around)
    account.add(
        name, kinds[0], rows=int(has_geometry(frame).sum()), cells=_n_places(result), columns=1
    )
    return result


def _masked(
    name: str, frame: gpd.GeoDataFrame, rule: LayerRule, around: Surroundings
) -> gpd.GeoDataFrame:
    if around.secret is None:
        raise ReleaseError(
            f"layers.{name}.donut_m needs a secret: name its file in {SECRET_FILE} "
            "(or give secret=…); it never stands in the profile."
        )
    low, high = rule.donut_m or (0.0, 0.0)
    return donut(frame, min_m=low, max_m=high, secret=around.secret)


def _joined(pieces: list[gpd.GeoDataFrame], order: pd.Index) -> gpd.GeoDataFrame:
    """Put the pieces back in the order of the rows, in one CRS."""
    held = [piece for piece in pieces if len(piece)]
    if len(held) < 2:
        return held[0] if held else pieces[0]
    crs = held[-1].crs
    alike = [piece if piece.crs == crs else piece.to_crs(crs) for piece in held]
    joined: gpd.GeoDataFrame = pd.concat(alike)
    return joined.reindex(order.intersection(joined.index))


def places_of(frame: pd.DataFrame) -> ObjectArray:
    """Return what each row's place is known by: its shape, else its ``admin_code``, else None."""
    names = np.full(len(frame), None, dtype=object)
    if "admin_code" in frame:
        told = frame["admin_code"].notna().to_numpy()
        names[told] = frame["admin_code"].astype("str").to_numpy(dtype=object)[told]
    if isinstance(frame, gpd.GeoDataFrame):
        held = has_geometry(frame)
        shapes = shapely.set_precision(frame.geometry.to_numpy()[held], 1e-6, mode="pointwise")
        names[held] = shapely.to_wkb(shapely.normalize(shapes))
    return names


def _n_places(frame: pd.DataFrame) -> int:
    return len({name for name in places_of(frame) if name is not None})


def _small(
    name: str,
    frame: pd.DataFrame,
    profile: ReleaseProfile,
    around: Surroundings,
    account: Account,
) -> pd.DataFrame:
    """Hold back coarse places with few rows, or with few more or fewer than told before."""
    rule = profile.layers[name]
    if profile.min_count is None or (rule.grid_km is None and rule.admin is None):
        return frame
    names = places_of(frame)
    counts = _counted(names)
    few = {one for one, n in counts.items() if n < profile.min_count}
    hidden = np.array([one in few for one in names], dtype=bool)
    account.add(name, "min_count", rows=int(hidden.sum()), cells=len(few))
    told: set[Any] = set()
    for earlier in around.earlier:
        if name in earlier:
            told |= _differing(counts, _counted(places_of(earlier[name])), profile.min_count)
    if around.earlier:
        also = np.array([one in told for one in names], dtype=bool) & ~hidden
        n_cells = len({one for one, yes in zip(names, also, strict=True) if yes})
        account.add(name, "differencing", rows=int(also.sum()), cells=n_cells)
        hidden |= also
    return frame[~hidden]


def _counted(names: AnyArray) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for one in names:
        counts[one] = counts.get(one, 0) + 1
    return counts


def _differing(now: Mapping[Any, int], then: Mapping[Any, int], least: int) -> set[Any]:
    """Places told before whose count has changed by fewer than ``least``."""
    return {one for one, n in now.items() if one in then and 0 < abs(n - then[one]) < least}
