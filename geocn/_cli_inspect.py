"""Behind ``geocn inspect``: how every column of a file is understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geocn import layers
from geocn._cli_print import line, table
from geocn.errors import ParameterError
from geocn.schema import COMMON, layer_schema

# What a reader can be told on the command line, and how its text becomes a value.
_OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "as_of": str,
    "country": str,
    "crs": str,
    "date_order": str,
    "decimal": str,
    "delimiter": lambda text: "\t" if text in (r"\t", "tab") else text,
    "encoding": str,
    "layer": str,
    "member": str,
    "min_score": float,
    "organisations": str,
    "sheet": lambda text: int(text) if text.isdigit() else text,
    "thousands": str,
    "timezone": str,
    "units": str,
}
# What else the report of a reader may hold, in the order in which it is shown.
_FACTS = ("format", "encoding", "delimiter", "crs")


def inspect_and_print(
    file: Path,
    layer: str,
    *,
    fields: Sequence[str],
    options: Sequence[str],
    places: Path | None,
    suggest_aliases: Path | None = None,
) -> bool:
    """Print how a file is understood; return whether it would load.

    ``suggest_aliases`` gets the suggested aliases of its partners, to be confirmed there;
    what it already holds counts as its table of aliases, unless another is given.
    """
    if suggest_aliases is not None and layer != "interventions":
        raise ParameterError(f"--suggest-aliases is for interventions; {layer} have no partner.")
    given = _pairs(options, what="--option", known=_OPTIONS)
    settings = {name: _value(name, text) for name, text in given.items()}
    if places is not None:
        settings["places"] = layers.read_places(places)
    if suggest_aliases is not None and suggest_aliases.exists():
        settings.setdefault("organisations", suggest_aliases)
    named = _pairs(fields, what="--field")
    found = layers.inspect_file(file, layer, fields=named or None, **settings)
    _print(found)
    if suggest_aliases is not None and found.ok:
        from geocn.project import write_alias_suggestions

        line("aliases to confirm", write_alias_suggestions(found.suggestions, suggest_aliases))
    return found.ok


def _pairs(
    texts: Sequence[str], *, what: str, known: Mapping[str, Any] | None = None
) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ParameterError(f"{what} {text!r}: write it as name=value.")
        if known is not None and name.strip() not in known:
            raise ParameterError(f"{what} {name!r}: choose one of {', '.join(known)}.")
        pairs[name.strip()] = value
    return pairs


def _value(name: str, text: str) -> Any:
    try:
        return _OPTIONS[name](text)
    except ValueError as error:
        raise ParameterError(f"--option {name}={text}: {text!r} does not fit.") from error


def _print(found: layers.Inspection) -> None:
    if not found.n_rows and found.error:
        line(f"{found.file} as {found.layer}")
        line(f"would not load: {found.error}")
        return
    facts = [(name, found.report[name]) for name in _FACTS if found.report.get(name)]
    table(f"{found.file} as {found.layer}", ("what", "value"), facts)
    _frame("Columns", found.columns)
    filled = [(name, f"{share:.1%}") for name, share in found.filled.items() if share]
    table("What the layer would hold", ("column", "filled"), filled)
    lacking = [name for name in _asked(found.layer) if not found.filled.get(name)]
    if lacking and found.ok:
        line("nothing found for", ", ".join(lacking))
    _numbers(found.report.get("numbers", {}))
    _counts(found.report)
    _frame("Names that may mean another organisation", found.suggestions)
    notes = [*found.report.get("notes", ()), *found.report.get("assumptions", ())]
    table("Notes", ("note",), [(note,) for note in notes])
    table("Rejected", ("reason", "rows"), list(found.rejected.items()))
    _frame("First rejected rows", found.first_bad)
    line("rows", found.n_rows)
    line("rejected", found.n_rejected, f"{found.reject_rate:.2%}")
    _located(found)
    line("would load" if found.ok else f"would not load: {found.error}")


def _asked(layer: str) -> list[str]:
    """Columns that a file of a layer is expected to fill: the layer's own, and where it lies."""
    common = {column.name for column in COMMON}
    own = [column.name for column in layer_schema(layer).columns if column.name not in common]
    return [name for name in [*own, "geometry"] if name not in _MADE]


# Columns that geocn makes, or that few files have: their absence is no news.
_MADE = {"duplicate_group", "duplicate_score", "flags", "place_match", "unit_reported"}
_MADE |= {"partner_reported", "partner_section"}
_MADE |= {"date_precision", "location_precision_m", "admin_code", "area_ci_ha", "n_sources"}

# Single figures of a report, as an analyst would say them.
_SAID = {
    "source_rows": "rows of the file itself",
    "repeated_rows": "rows that repeat an earlier one",
    "repeated_ids": "rows that share an identifier",
    "made_valid": "geometries made valid",
    "points_joined": "points joined into routes",
    "total_ha": "hectares in all",
    "coordinates": "coordinates read as",
}
_NAMES_PLACES = ("country", "admin", "place", "admin_code", "place_code")


def _located(found: layers.Inspection) -> None:
    """Say how many rows would have a location, and what would give them one."""
    share = found.filled.get("geometry")
    if share is None:
        return
    line("with a location", f"{share:.2%}")
    if found.match_rate is not None:
        line("places matched", f"{found.match_rate:.2%}", "of the rows without coordinates")
    elif share < 1 and any(role in found.report.get("columns", {}) for role in _NAMES_PLACES):
        line("rows name places: give --places FILE to locate them")


def _frame(title: str, frame: Any) -> None:
    shown = frame.astype("object").where(frame.notna(), None)
    if "filled" in shown:
        shown["filled"] = [f"{share:.1%}" for share in frame["filled"]]
    table(title, [str(name) for name in shown.columns], shown.itertuples(index=False, name=None))


def _numbers(formats: Mapping[str, Mapping[str, Any]]) -> None:
    keys = ("decimal", "thousands", "evidence")
    rows = [(name, *(one.get(key) or "none" for key in keys)) for name, one in formats.items()]
    table("Numbers", ("column", *keys), rows)


def _counts(report: Mapping[str, Any]) -> None:
    """Print what a reader counted: units, dates, places, unknown words, flags."""
    shown = {*_FACTS, "file", "rows_in", "rows_out", "rows_rejected", "rejected", "columns"}
    shown |= {"numbers", "notes", "assumptions", "declared_gaps", "unused"}
    for title, value in report.items():
        if title not in shown and isinstance(value, Mapping):
            table(title.capitalize(), ("what", "value"), list(_flat(value)))
        elif title not in shown and value:
            said = ", ".join(map(str, value)) if isinstance(value, list) else value
            line(_SAID.get(title, title), said)


def _flat(value: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, one in value.items():
        if isinstance(one, list) and all(isinstance(item, Mapping) for item in one):
            pairs += [(f"{before}{name}", _record(item)) for item in one]
        elif isinstance(one, float):
            pairs.append((f"{before}{name}", f"{one:.4g}"))
        elif isinstance(one, Mapping):
            pairs += _flat(one, f"{before}{name}: ")
        else:
            pairs.append((f"{before}{name}", one))
    return pairs


def _record(item: Mapping[str, Any]) -> str:
    """Write one record as a sentence: what it holds, without its empty parts."""
    return "; ".join(f"{key} {value}" for key, value in item.items() if value not in ("", None))
