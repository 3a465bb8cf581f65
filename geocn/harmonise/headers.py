"""Headers of partner files matched to canonical columns and helper roles.

A header is compared after folding, so ``"FECHA_INCAUTACIÓN"`` is "fecha incautacion".
``data/fields.toml`` lists what stands for what in four languages. Nothing is guessed: a
header that is not listed stays unused, and two headers for one role are an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from geocn.errors import ParameterError, SchemaError
from geocn.harmonise._tables import LANGUAGES, load_toml
from geocn.harmonise._units import find_unit
from geocn.harmonise.text import fold
from geocn.schema import layer_schema

__all__ = ["HeaderMatch", "match_headers", "roles_of"]

_CAMEL: Final = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
_YEAR: Final = re.compile(r"^(?:[a-z]+ ?)?((?:19|20)\d{2})(?: ?(?:ha|has|hectares|hectareas))?$")
_FIRST_YEAR, _LAST_YEAR = 1950, 2100
_SPREAD_LAYER: Final = "cultivation"
_WEAK: Final = "weak synonym"
_CUT: Final = "cut to 10 characters"
_CUT_AT: Final = 10


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """Which column of a file plays which role.

    Attributes
    ----------
    mapping : dict
        Role (a canonical column or a helper such as ``latitude``) to source column.
    how : dict
        Role to ``"exact"``, ``"synonym en"`` (es, fr, pt), ``"weak synonym"``,
        ``"cut to 10 characters"`` or ``"fields"``.
    unused : list of str
        Source columns without a role, in the order of the file.
    years : dict
        Year to source column, where a cultivation table has one column a year.
    units : dict
        Role to the unit that its header states, such as ``{"quantity": "gram"}`` for
        ``"Cantidad (g)"``.
    """

    mapping: dict[str, str]
    how: dict[str, str]
    unused: list[str]
    years: dict[int, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Claim:
    role: str
    how: str
    weak: bool = False
    unit: str | None = None


def roles_of(layer: str) -> tuple[str, ...]:
    """Return every role a header of ``layer`` can play: canonical columns, then helpers.

    Examples
    --------
    >>> {"seized_at", "latitude", "place_code"} <= set(roles_of("seizures"))
    True
    """
    canonical = layer_schema(layer).names
    helpers = [role for role, entry in _fields().items() if _applies(entry, layer)]
    return (*canonical, *(role for role in helpers if role not in canonical))


def match_headers(
    columns: Sequence[str], layer: str, *, fields: Mapping[str, str] | None = None
) -> HeaderMatch:
    """Match the headers of a file to the roles of a layer.

    Parameters
    ----------
    columns : sequence of str
        Headers as they stand in the file; ``geometry`` is left alone.
    layer : str
        ``routes``, ``seizures``, ``cultivation``, ``interventions`` or ``borders``.
    fields : mapping, optional
        Role to source header, which overrides what the headers say.

    Returns
    -------
    HeaderMatch

    Raises
    ------
    SchemaError
        Where two headers claim one role, or ``fields`` names a role or a header that
        does not exist; all faults are named at once.
    ParameterError
        Where there is no such layer.

    Examples
    --------
    >>> match = match_headers(["FECHA", "Droga", "Peso (kg)", "Observación"], "seizures")
    >>> match.mapping
    {'seized_at': 'FECHA', 'drug': 'Droga', 'weight_kg': 'Peso (kg)'}
    >>> match.how["drug"], match.unused
    ('synonym es', ['Observación'])
    """
    layer_schema(layer)
    names = [str(name) for name in columns]
    faults = _repeated(names)
    chosen = _chosen(names, layer, dict(fields or {}), faults)
    free = [n for n in names if n not in chosen.values() and n != "geometry"]
    years = _year_columns(free) if layer == _SPREAD_LAYER else {}
    free = [name for name in free if name not in years.values()]
    claims = {name: _claims(name, layer) for name in free}
    mapping, how = dict(chosen), dict.fromkeys(chosen, "fields")
    units: dict[str, str] = {}
    for weak in (False, True):
        for role, held in _by_role(claims, weak=weak, taken=mapping).items():
            if len(held) > 1:
                faults.append(_doubled(role, [name for name, _ in held]))
            name, claim = held[0]
            if role in mapping or name in mapping.values():
                continue
            mapping[role], how[role] = name, claim.how
            if claim.unit is not None:
                units[role] = claim.unit
    if faults:
        raise SchemaError(
            layer,
            found="; ".join(faults),
            expected="one header for each column",
            repair='Say which one is meant with fields={"role": "header"}.',
        )
    order = {name: place for place, name in enumerate(names)}
    mapping = dict(sorted(mapping.items(), key=lambda item: order[item[1]]))
    used = {*mapping.values(), *years.values()}
    unused = [name for name in names if name not in used and name != "geometry"]
    return HeaderMatch(mapping, how, unused, years, units)


@lru_cache(maxsize=1)
def _fields() -> dict[str, dict[str, list[str]]]:
    return load_toml("fields.toml")


def _applies(entry: Mapping[str, list[str]], layer: str) -> bool:
    return layer in entry.get("layers", [layer])


@lru_cache(maxsize=8)
def _synonyms(layer: str) -> dict[str, tuple[_Claim, ...]]:
    """Folded header → the roles it may play, strongest first."""
    table: dict[str, list[_Claim]] = {}
    roles = roles_of(layer)
    entries = [(role, _fields().get(role, {})) for role in roles]
    for role, _ in entries:
        table[fold(role)] = [_Claim(role, "exact")]
    for language in LANGUAGES:
        for role, entry in entries:
            for header in entry.get(language, []):
                held = table.setdefault(fold(header), [])
                if all(claim.how != "exact" and claim.role != role for claim in held):
                    held.append(_Claim(role, f"synonym {language}"))
    for role, entry in entries:
        for header in entry.get("weak", []):
            table.setdefault(fold(header), []).append(_Claim(role, _WEAK, weak=True))
    return {header: tuple(held) for header, held in table.items()}


def header_clashes(layer: str) -> dict[str, list[str]]:
    """Return headers that stand for two roles of a layer at once: faults of the data file."""
    strong = {
        header: [claim.role for claim in held if not claim.weak]
        for header, held in _synonyms(layer).items()
    }
    return {header: roles for header, roles in strong.items() if len(roles) > 1}


def _claims(name: str, layer: str) -> tuple[_Claim, ...]:
    table = _synonyms(layer)
    for spelled in (fold(name), fold(_CAMEL.sub(" ", name))):
        if spelled in table:
            return table[spelled]
    return _with_unit(fold(_CAMEL.sub(" ", name)), table) or _cut(name, table)


def _with_unit(header: str, table: Mapping[str, tuple[_Claim, ...]]) -> tuple[_Claim, ...]:
    """Read a header that ends in its unit, such as ``Cantidad (g)``."""
    words = header.split()
    for length in (2, 1):
        stem, unit = " ".join(words[:-length]), " ".join(words[-length:])
        reading = find_unit(unit) if stem else None
        if reading is None or reading.unit is None or reading.kind not in ("mass", "volume"):
            continue
        for claim in table.get(stem.removesuffix(" en").removesuffix(" in"), ()):
            if claim.role == "quantity" and reading.unit == "kilogram":
                return (_Claim("weight_kg", claim.how),)
            if claim.role == "quantity":
                return (_Claim("quantity", claim.how, claim.weak, reading.unit),)
    return ()


def _cut(name: str, table: Mapping[str, tuple[_Claim, ...]]) -> tuple[_Claim, ...]:
    """Read a header that a Shapefile cut to ten characters, where it can mean one role only."""
    start = fold(name)
    if len(name) != _CUT_AT or len(start) < _CUT_AT - 1:
        return ()
    found = [held for header, held in table.items() if header.startswith(start)]
    roles = {held[0].role for held in found}
    return (_Claim(roles.pop(), _CUT, weak=True),) if len(roles) == 1 else ()


def _by_role(
    claims: Mapping[str, tuple[_Claim, ...]], *, weak: bool, taken: Mapping[str, str]
) -> dict[str, list[tuple[str, _Claim]]]:
    held: dict[str, list[tuple[str, _Claim]]] = {}
    for name, listed in claims.items():
        if name in taken.values():
            continue
        for claim in listed:
            if claim.weak == weak and claim.role not in taken:
                held.setdefault(claim.role, []).append((name, claim))
                break
    return held


def _year_columns(names: Sequence[str]) -> dict[int, str]:
    """Find columns named by a year; a single one is a header, not a wide table."""
    found: dict[int, str] = {}
    for name in names:
        match = _YEAR.match(fold(name))
        if match and _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            if int(match[1]) in found:
                return {}
            found[int(match[1])] = name
    return dict(sorted(found.items()))


def _chosen(
    names: Sequence[str], layer: str, fields: Mapping[str, str], faults: list[str]
) -> dict[str, str]:
    roles = roles_of(layer)
    chosen: dict[str, str] = {}
    for role, header in fields.items():
        if role not in roles:
            faults.append(f"fields names {role!r}, which is no column of {layer}")
        elif header not in names:
            shown = ", ".join(map(repr, names[:12]))
            faults.append(f"fields maps {role!r} to {header!r}, which is not among {shown}")
        else:
            chosen[role] = header
    return chosen


def _repeated(names: Sequence[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"the header {name!r} twice" for name in twice]


def _doubled(role: str, names: Sequence[str]) -> str:
    return f"{' and '.join(map(repr, names))} for {role}"


def require_role(role: str, layer: str) -> None:
    """Refuse a role that ``layer`` does not have.

    Raises
    ------
    ParameterError
        Naming the roles there are.
    """
    if role not in roles_of(layer):
        raise ParameterError(f"{layer} has no {role!r}; it has {', '.join(roles_of(layer))}")
