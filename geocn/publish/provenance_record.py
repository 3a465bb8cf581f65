"""Where published files came from, as an RO-Crate: inputs, software, steps, outputs, approval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.io.atomic import sha256_file
from geocn.provenance import versions
from geocn.publish._media import media_type
from geocn.publish._storable import clean_text, finite, replacing

FILE_NAME = "ro-crate-metadata.json"
_CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://schema.org/sha256"},
]
_SPEC = "https://w3id.org/ro/crate/1.1"
_TLP = "https://www.first.org/tlp/"
#: A parameter whose text is longer is a result rather than a choice.
_MAX_TEXT = 400

Entity = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Who or what an output was made from.

    Attributes
    ----------
    name : str
        Of the partner, or of the file where one is told.
    sha256 : str, optional
        Of the input file; a release tells none, for a hash confirms a guess.
    marking : str, optional
        Of what it holds.
    partner : str, optional
        Who reported it, where ``name`` is that of a file.
    """

    name: str
    sha256: str | None = None
    marking: str | None = None
    partner: str | None = None


@dataclass(frozen=True)
class Step:
    """One analysis: what it used, with which parameters, and the files it gave.

    Attributes
    ----------
    name : str
        As in the project.
    method : str, optional
        The public name of the function.
    parameters : mapping
        Its options.
    uses, gives : sequence of path
        Files of the folder.
    approver, reason : str, optional
        Who approved that it was derived from withheld data, and why.
    """

    name: str
    method: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    uses: Sequence[Path] = ()
    gives: Sequence[Path] = ()
    approver: str | None = None
    reason: str | None = None


def write_provenance(
    folder: StrPath,
    *,
    title: str,
    as_of: date,
    marking: str,
    sources: Sequence[Source] = (),
    steps: Sequence[Step] = (),
    partner: str | None = None,
    approver: str | None = None,
) -> Path:
    """Write ``ro-crate-metadata.json`` (RO-Crate 1.1) for all files of a folder.

    It names each file with its size and SHA-256, the sources, the software with versions,
    one action an analysis with its parameters, and who approved. It reads no clock: the date
    is the information cut-off. The same folder gives the same bytes.

    Parameters
    ----------
    folder : path-like
        The folder; every file below it but the record itself is an output.
    title : str
        Of the folder.
    as_of : date
        Information cut-off.
    marking : str
        Of the folder.
    sources : sequence of Source
        What it was made from; for a release only what its partner may know.
    steps : sequence of Step
        The analyses.
    partner, approver : str, optional
        Whom it was released to, and by whom.

    Returns
    -------
    Path
        The record.

    Raises
    ------
    ParameterError
        Where ``folder`` is none, or a step names a file that is not in it.
    WriteError
        Where it cannot be written; the previous version is still whole.

    Notes
    -----
    The specification is Sefton et al. (2020), "RO-Crate Metadata Specification 1.1",
    https://doi.org/10.5281/zenodo.4541002; an action is written as its section "Provenance of
    entities" says.

    Examples
    --------
    >>> import datetime, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "sites.csv").write_text("n")
    ...     day = datetime.date(2025, 12, 31)
    ...     write_provenance(folder, title="Sites", as_of=day, marking="TLP:GREEN").name
    'ro-crate-metadata.json'
    """
    root = Path(folder)
    if not root.is_dir():
        raise ParameterError(f"{root}: no such folder. Write the outputs first.")
    paths = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name != FILE_NAME]
    ids = {path: quote(path.relative_to(root).as_posix()) for path in paths}
    absent = sorted({str(p) for step in steps for p in (*step.uses, *step.gives) if p not in ids})
    if absent:
        raise ParameterError(f"not in {root}: {', '.join(absent)}. Name files of the folder.")
    sourced = [_source(number, one) for number, one in enumerate(sources, start=1)]
    acted = [_action(number, one, ids) for number, one in enumerate(steps, start=1)]
    approved = _approval(partner, approver)
    about = [{"@id": entities[0]["@id"]} for entities in (*acted, *approved)]
    whole: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "description": f"{title}: {marking}, information cut-off {as_of.isoformat()}",
        "datePublished": as_of.isoformat(),
        "license": {"@id": "#marking"},
        "hasPart": [{"@id": identity} for identity in ids.values()],
        "isBasedOn": [{"@id": entities[0]["@id"]} for entities in sourced],
        "mentions": [{"@id": "#software-geocn"}, *about],
    }
    graph = [_descriptor(), whole, _marked(marking), *_software()]
    graph += [_file(path, identity) for path, identity in ids.items()]
    for entities in (*sourced, *acted, *approved):
        graph += entities
    text = json.dumps(
        {"@context": _CONTEXT, "@graph": _unique(graph)},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    with replacing(root / FILE_NAME) as temporary:
        temporary.write_text(str(clean_text(text)) + "\n", encoding="utf-8", newline="\n")
    return root / FILE_NAME


def _unique(graph: Sequence[Entity]) -> list[Entity]:
    """Keep one entity an identifier: two actions may have the same approver."""
    return [finite(one) for one in {entity["@id"]: entity for entity in graph}.values()]


def _descriptor() -> Entity:
    return {
        "@id": FILE_NAME,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _SPEC},
    }


def _marked(marking: str) -> Entity:
    return {
        "@id": "#marking",
        "@type": "CreativeWork",
        "name": marking,
        "description": "Who may see the files: a label of the Traffic Light Protocol 2.0",
        "url": _TLP,
    }


def _software() -> list[Entity]:
    parts = [
        {
            "@id": f"#software-{name}",
            "@type": "SoftwareApplication",
            "name": name,
            "softwareVersion": version,
        }
        for name, version in versions().items()
    ]
    needs = [{"@id": part["@id"]} for part in parts if part["name"] != "geocn"]
    return [
        part | ({"softwareRequirements": needs} if part["name"] == "geocn" else {})
        for part in parts
    ]


def _file(path: Path, identity: str) -> Entity:
    return {
        "@id": identity,
        "@type": "File",
        "name": path.name,
        "encodingFormat": media_type(path),
        "contentSize": str(path.stat().st_size),
        "sha256": sha256_file(path),
    }


def _source(number: int, source: Source) -> list[Entity]:
    if source.sha256 is None and source.partner is None:
        entity: Entity = {"@id": f"#source-{number}", "@type": "Dataset", "name": source.name}
        return [entity | _restricted(source)]
    entity = {"@id": f"#input-{number}", "@type": "CreativeWork", "name": source.name}
    if source.sha256 is not None:
        entity["sha256"] = source.sha256
    entities = [entity | _restricted(source)]
    if source.partner is not None:
        who = _named("Organization", source.partner)
        entities[0]["creator"] = {"@id": who["@id"]}
        entities.append(who)
    return entities


def _restricted(source: Source) -> Entity:
    return {"conditionsOfAccess": source.marking} if source.marking else {}


def _action(number: int, step: Step, ids: Mapping[Path, str]) -> list[Entity]:
    identity = f"#step-{number}"
    values = [
        {
            "@id": f"{identity}/{_quoted(name)}",
            "@type": "PropertyValue",
            "name": str(name),
            "value": text,
        }
        for name, value in sorted(step.parameters.items())
        if len(text := _text(value)) <= _MAX_TEXT
    ]
    uses = [{"@id": ids[path]} for path in step.uses] + [{"@id": one["@id"]} for one in values]
    action: Entity = {
        "@id": identity,
        "@type": "CreateAction",
        "name": step.name,
        "instrument": {"@id": "#software-geocn"},
        "object": uses,
        "result": [{"@id": ids[path]} for path in step.gives],
    }
    if step.method:
        action["description"] = f"geocn {step.method}"
    if step.approver is None:
        return [action, *values]
    who = _named("Person", step.approver)
    action["agent"] = {"@id": who["@id"]}
    action["disambiguatingDescription"] = f"Derived from withheld data: {step.reason or ''}".strip()
    return [action, *values, who]


def _approval(partner: str | None, approver: str | None) -> list[list[Entity]]:
    if partner is None:
        return []
    to = _named("Audience", partner)
    action: Entity = {
        "@id": "#release",
        "@type": "AuthorizeAction",
        "name": f"Release to {partner}",
        "object": {"@id": "./"},
        "recipient": {"@id": to["@id"]},
    }
    if approver is None:
        return [[action, to]]
    who = _named("Person", approver)
    return [[action | {"agent": {"@id": who["@id"]}}, to, who]]


def _named(kind: str, name: str) -> Entity:
    return {"@id": f"#{kind.lower()}-{_quoted(name)}", "@type": kind, "name": name}


def _quoted(name: Any) -> str:
    return quote(str(clean_text(str(name))), safe="")


def _text(value: Any) -> str:
    reduced = finite(value)
    if isinstance(reduced, str):
        return reduced
    return json.dumps(reduced, sort_keys=True, ensure_ascii=False, allow_nan=False)
