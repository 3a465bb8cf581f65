"""Chains of stops cut into legs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from geocn._typing import BoolArray, ObjectArray
from geocn.corridors.flows_names import NameReader, Stops, seizure_stops
from geocn.harmonise.text import distinct

LEG_COLUMNS = ("from", "to", "leg", "how")

# Stages of a chain, in its order; transit stands before or behind the seizure.
_ORIGIN, _DEPARTURE, _TRANSIT, _SEIZURE, _ONWARD, _DESTINATION = range(6)
_ROLES = np.array(["origin", "departure", "transit", "seizure", "transit", "destination"])
_KEPT_NAMES = 20


class Legs(NamedTuple):
    """Legs (``row``, ``from``, ``to``, ``leg``, ``how``, ``is_guessed``), and what was counted."""

    legs: pd.DataFrame
    notes: dict[str, Any]


def find_legs(
    seizures: pd.DataFrame, reader: NameReader, *, transit: str, ends: bool = False
) -> Legs:
    """Cut every seizure's chain of stops into legs.

    Parameters
    ----------
    seizures : DataFrame
    reader : NameReader
    transit : str
        Column of stops on the way.
    ends : bool
        One leg from the first to the last stop that is known, in place of each.
    """
    held, n_located = seizure_stops(seizures, reader)
    stages = {_SEIZURE: held}
    for stage in (_ORIGIN, _DEPARTURE, _DESTINATION):
        if _ROLES[stage] in seizures:
            stages[stage] = reader.read(seizures[_ROLES[stage]])
    parts = [_long(stops, stage) for stage, stops in stages.items()]
    n_no_list = 0
    if transit in seizures:
        between, n_no_list = _transit(seizures[transit], reader, held.country)
        parts.append(between)
    stops = pd.concat(parts, ignore_index=True)
    stops = stops.sort_values(["row", "stage", "nth"], ignore_index=True)
    named = stops.loc[stops["is_unknown"], "node"].value_counts().sort_index(kind="stable")
    named = named.sort_values(ascending=False, kind="stable")
    legs = _cut(_finest(stops), ends)
    per_row = stops.groupby("row").size()
    moving = legs["row"].nunique()
    one = int((per_row == 1).sum())
    notes = {
        "n_moving": moving,
        "n_domestic": len(per_row) - one - moving,
        "n_one_stop": one,
        "n_nowhere": len(seizures) - len(per_row),
        "n_departed_abroad": _abroad(stages),
        "n_located": n_located,
        "n_unknown_names": int(named.sum()),
        "unknown_names": dict(named.head(_KEPT_NAMES).items()),
        "n_transit_unread": n_no_list,
    }
    return Legs(legs, notes)


def _long(stops: Stops, stage: int) -> pd.DataFrame:
    """One row a stop that is known."""
    row = np.flatnonzero(pd.notna(stops.node))
    return pd.DataFrame(
        {
            "row": row,
            "stage": np.full(len(row), stage),
            "nth": np.zeros(len(row), dtype=np.int64),
            "node": stops.node[row],
            "country": stops.country[row],
            "is_guessed": (stops.is_guessed | stops.is_coarse)[row],
            "is_coarse": stops.is_coarse[row],
            "is_unknown": stops.is_unknown[row],
        }
    )


def _transit(
    values: pd.Series, reader: NameReader, held_in: ObjectArray
) -> tuple[pd.DataFrame, int]:
    """Find stops on the way, and how many rows have a text that names none."""
    codes, uniques = distinct(values)
    lists = [reader.transit(str(text)) for text in uniques]
    data: list[tuple[Any, ...]] = []
    unread = 0
    for row, code in enumerate(codes.tolist()):
        names = lists[code] if code >= 0 else []
        unread += code >= 0 and not names
        at = [name.country for name in names]
        split = at.index(held_in[row]) if held_in[row] in at and pd.notna(held_in[row]) else None
        for nth, name in enumerate(names):
            if nth == split and name.is_coarse | (name.node == held_in[row]):
                continue
            stage = _ONWARD if split is not None and nth > split else _TRANSIT
            guessed = name.is_guessed or name.is_coarse
            data.append(
                (row, stage, nth, name.node, name.country, guessed, name.is_coarse, name.is_unknown)
            )
    kinds: dict[Any, Any] = {"row": "int64", "stage": "int64", "nth": "int64"}
    kinds |= {"node": object, "country": object}
    kinds |= dict.fromkeys(("is_guessed", "is_coarse", "is_unknown"), bool)
    return pd.DataFrame(data, columns=[*kinds]).astype(kinds), unread


def _finest(stops: pd.DataFrame) -> pd.DataFrame:
    """Leave out stops known to their country beside a finer one in the same country."""
    coarse = stops["is_coarse"].to_numpy(dtype=bool)
    if not coarse.any():
        return stops
    drop = np.zeros(len(stops), dtype=bool)
    row = stops["row"].to_numpy()
    country = stops["country"].fillna("").to_numpy(dtype=object)
    same = (row[1:] == row[:-1]) & (country[1:] == country[:-1]) & (country[1:] != "")
    drop[1:] |= same & ~coarse[:-1]
    drop[:-1] |= same & ~coarse[1:]
    kept: pd.DataFrame = stops[~(drop & coarse)].reset_index(drop=True)
    return kept


def _cut(stops: pd.DataFrame, ends: bool) -> pd.DataFrame:
    row = stops["row"].to_numpy()
    node = stops["node"].to_numpy(dtype=object)
    stage = stops["stage"].to_numpy()
    guessed = stops["is_guessed"].to_numpy(dtype=bool)
    if ends:
        first = np.flatnonzero(np.diff(row, prepend=-1))
        last = np.append(first[1:], len(row))[: len(first)] - 1
        before, after = first, last
    else:
        after = np.flatnonzero(row[1:] == row[:-1]) + 1
        before = after - 1
    moved: BoolArray = np.asarray(node[before] != node[after], dtype=bool)
    before, after = before[moved], after[moved]
    start, stop = stage[before], stage[after]
    skipped = np.zeros(len(start), dtype=bool)
    for stated in (_DEPARTURE, _SEIZURE):
        skipped |= (start < stated) & (stated < stop)
    if ends:
        # What lies between the ends may be known, and is passed over on purpose.
        skipped &= after - before == 1
    how = np.where(skipped, "inferred", np.where(start >= _SEIZURE, "intended", "stated"))
    roles = _ROLES.astype(object)
    legs = pd.DataFrame(
        {
            "row": row[before],
            "from": node[before],
            "to": node[after],
            "leg": roles[start] + "-" + roles[stop],
            "how": how,
            "is_guessed": skipped | guessed[before] | guessed[after],
        }
    )
    return legs.astype(dict.fromkeys(LEG_COLUMNS, "str"))


def _abroad(stages: dict[int, Stops]) -> int | None:
    """Count the rows whose departure and country of seizure are both named and differ."""
    if _DEPARTURE not in stages:
        return None
    from_, held = stages[_DEPARTURE], stages[_SEIZURE]
    country = np.where(pd.isna(from_.country), from_.node, from_.country)
    both = pd.notna(country) & pd.notna(held.country)
    return int((both & (country != held.country)).sum())
