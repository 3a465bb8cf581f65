"""Reading one unit as text: spellings, multiples ("thousand of doses"), sizes ("350gr")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from geocn.harmonise._tables import load_csv, register
from geocn.harmonise.text import fold, is_absent

_NAN: Final = float("nan")
_MULTIPLES: Final = {
    "dozen": 12, "dozens": 12, "docena": 12, "docenas": 12, "douzaine": 12, "duzia": 12,
    "hundred": 100, "hundreds": 100, "cien": 100, "cientos": 100, "centena": 100,
    "centenas": 100, "centaine": 100, "centaines": 100, "cento": 100,
    "thousand": 1000, "thousands": 1000, "mil": 1000, "miles": 1000, "millar": 1000,
    "millares": 1000, "mille": 1000, "millier": 1000, "milliers": 1000, "milhar": 1000,
    "milhares": 1000, "milheiro": 1000,
    "million": 10**6, "millions": 10**6, "millon": 10**6, "millones": 10**6,
    "milhao": 10**6, "milhoes": 10**6,
}  # fmt: skip
_WORD_OF: Final = {12: "dozen", 100: "hundred", 1000: "thousand", 10**6: "million"}
_LINKS: Final = frozenset({"of", "de", "d", "x", "a", "per", "por"})
_SIZE = re.compile(
    r"^(?P<holder>[^\d(]*?)\s*\(?\s*(?:(?P<top>\d+)\s*/\s*(?P<bottom>\d+)"
    r"|(?P<number>\d+(?:[.,]\d+)?))\s*(?P<unit>[^\W\d_][^()]*?)\s*\)?\s*$"
)
_GROUPED = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
#: As written, ``Mg`` is a million grams, and typed with auto-capitals a milligram.
_MEGAGRAM: Final = "Mg may be a milligram or a megagram: name one with units="


@dataclass(frozen=True, slots=True)
class Unit:
    """One row of the table of units."""

    name: str
    kind: str
    factor: float
    to: str
    source: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How one text was understood as a unit; ``kg`` is NaN unless it is a sure mass."""

    unit: str | None
    kind: str | None
    kg: float = _NAN
    problem: str | None = None


@lru_cache(maxsize=1)
def known_units() -> dict[str, Unit]:
    """Return the table of units by canonical name."""
    return {
        row["unit"]: Unit(
            row["unit"], row["kind"], float(row["factor"] or "nan"), row["to"], row["source"]
        )
        for row in load_csv("units.csv")
    }


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    table: dict[str, str] = {}
    for row in load_csv("units.csv"):
        register(table, [row["unit"], *row["synonyms"].split("|")], row["unit"], where="units.csv")
    return table


def read_unit(text: str, meant: Mapping[str, Reading]) -> Reading:
    """Read one reported unit; ``meant`` settles spellings in favour of a named unit."""
    settled = meant.get(" ".join(text.casefold().split()))
    if settled is not None:
        return settled
    found = find_unit(text)
    if found is not None:
        return found
    if is_absent(text):
        return meant.get("", Reading(None, None))
    return Reading(None, "unknown", problem=f"unit {text.strip()[:80]!r} is not known")


def find_unit(text: str) -> Reading | None:
    """Read one unit by the table alone, or return None."""
    if text.strip() == "Mg":
        return Reading("Mg", "unknown", problem=_MEGAGRAM)
    folded = fold(text.replace("@", " arroba "))
    name = _spellings().get(folded)
    if name is not None:
        return _of_table(known_units()[name])
    return _multiple(folded) or _sized(text)


def _of_table(unit: Unit) -> Reading:
    if unit.kind == "unsure":
        problem = f"{unit.name} is not one size: {unit.source}"
        return Reading(unit.name, "unknown", problem=problem)
    return Reading(unit.name, unit.kind, unit.factor if unit.kind == "mass" else _NAN)


def _multiple(folded: str) -> Reading | None:
    """Read ``thousand of tablets``, ``docena de unidades``."""
    words = folded.split()
    if len(words) < 2 or words[0] not in _MULTIPLES:
        return None
    rest = words[2:] if words[1] in _LINKS else words[1:]
    name = _spellings().get(" ".join(rest))
    if name is None:
        return None
    unit, times = known_units()[name], _MULTIPLES[words[0]]
    if unit.kind == "unsure":
        return _of_table(unit)
    kg = unit.factor * times if unit.kind == "mass" else _NAN
    return Reading(f"{_WORD_OF[times]}_{_plural(name)}", unit.kind, kg)


def _plural(name: str) -> str:
    if name.endswith(("sh", "ch", "x")):
        return name + "es"
    return name[:-1] + "ves" if name == "leaf" else name + "s"


def _sized(text: str) -> Reading | None:
    """Read ``100 gram``, ``Block (350gr)``, ``Paper (1/10 gm)``."""
    match = _SIZE.match(text.strip())
    if match is None:
        return None
    holder, name = fold(match["holder"]), _spellings().get(fold(match["unit"]))
    if name is None or (holder and not _holds(holder)):
        return None
    unit = known_units()[name]
    if unit.kind not in ("mass", "volume"):
        return None
    if match["number"] and _GROUPED.fullmatch(match["number"]):
        problem = f"the size in {text.strip()!r} has a point or a comma that may group thousands"
        return Reading(text.strip(), "unknown", problem=problem)
    size = _number(match)
    if size is None:
        return None
    label = f"{size:.12g}_{name}"
    label = f"{_spellings()[holder]}_{label}" if holder else label
    return Reading(label, unit.kind, size * unit.factor if unit.kind == "mass" else _NAN)


def _holds(holder: str) -> bool:
    """Say whether a word is a thing that has a size: a block is, "kg 500 g" is two amounts."""
    name = _spellings().get(holder)
    return name is not None and known_units()[name].kind == "count"


def _number(match: re.Match[str]) -> float | None:
    if match["number"]:
        return float(match["number"].replace(",", ".")) or None
    top, bottom = int(match["top"]), int(match["bottom"])
    return top / bottom if top and bottom else None
