"""Tables of friction: one data file a factor, each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

from geocn.errors import ParameterError
from geocn.spatial.cost_slope import slope_factors

#: A variant of the package's table by name, or settings that go before those of the table.
TableLike: TypeAlias = str | Mapping[str, Any]
Table: TypeAlias = dict[str, Any]

FACTORS = (
    "base", "slope", "land_cover", "roads", "rivers", "sea", "protected", "population",
    "enforcement",
)  # fmt: skip
_RESAMPLING = ("nearest", "bilinear", "average", "mode", "cubic", "max", "min", "med")
_NODATA = ("neutral", "barrier")
_ABOVE_ZERO = ("speed_kmh", "multiplier", "decay_m")
_NUMBERS = (*_ABOVE_ZERO, "per_decade", "peak")


def friction_tables(given: Mapping[str, TableLike] | None) -> dict[str, Table]:
    """Table of every factor, with what was given in place of the package's settings.

    Parameters
    ----------
    given : mapping of factor to name or settings
        ``{"land_cover": "worldcover"}`` takes another table of the package;
        ``{"roads": {"column": "type", "values": {"Major Highway": 70}}}`` replaces settings.
        A table whose numbers were all given is no assumption of the package any more.

    Raises
    ------
    ParameterError
        Where a factor, a table or a setting is unknown, or a number is out of range.

    Examples
    --------
    >>> friction_tables({"sea": {"speed_kmh": 40.0}})["sea"]["speed_kmh"]
    40.0
    """
    given = given or {}
    unknown = [name for name in given if name not in FACTORS]
    if unknown:
        raise ParameterError(f"tables for {unknown}; choose from {', '.join(FACTORS)}")
    faults: list[str] = []
    tables = {name: _table(name, given.get(name, {}), faults) for name in FACTORS}
    if faults:
        raise ParameterError("; ".join(faults))
    return tables


@lru_cache
def _read(name: str) -> str:
    path = files("geocn.corridors").joinpath("data", f"{name}.toml")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _table(factor: str, given: TableLike, faults: list[str]) -> Table:
    variant = f"{factor}_{given}" if isinstance(given, str) else factor
    text = _read(variant)
    if not text:
        faults.append(f"no table {given!r} for {factor}")
        return {}
    table = tomllib.loads(text)
    if isinstance(given, str):
        return table
    strange = [key for key in given if key not in {*table, "default"}]
    if strange:
        allowed = ", ".join(sorted(table))
        faults.append(f"the table of {factor} has no setting {strange}; it has {allowed}")
    if given:
        table = {**table, **given}
        table.setdefault("values", {})
        table["values"] = {str(key): value for key, value in table["values"].items()}
        if not table["values"]:
            del table["values"]
        if "source" not in given:
            table["source"] = (
                f"given by the caller: {', '.join(map(str, given))}; else {table['source']}"
            )
        table["assumed"] = bool(given.get("assumed", False))
    faults += [f"{factor}: {fault}" for fault in _faults(table)]
    return table


def _faults(table: Table) -> list[str]:
    found = []
    for key in _NUMBERS:
        value = table.get(key)
        if value is None:
            continue
        low = 0.0 if key in _ABOVE_ZERO else -1.0
        if not _is_number(value) or not low < value < float("inf"):
            found.append(f"{key} is {value!r}; give a number above {low:g}")
    values = table.get("values", {})
    bad = {k: v for k, v in values.items() if not _is_number(v) or not 0 <= v < float("inf")}
    if bad:
        found.append(f"speeds {bad}; give km/h of 0 (cannot be passed) or more")
    for key, choices in (("resampling", _RESAMPLING), ("nodata", _NODATA)):
        if key in table and table[key] not in choices:
            found.append(f"{key} is {table[key]!r}; choose one of {', '.join(choices)}")
    if "rule" in table:
        try:
            slope_factors(table["rule"])
        except ParameterError as error:
            found.append(str(error))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
