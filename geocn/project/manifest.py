"""What a run was made of: inputs, parameters, versions, rows and outputs, without a clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from geocn.io.atomic import safe_name
from geocn.project.code import code_version
from geocn.project.file import SUMS, ProjectFile
from geocn.project.outputs import hashes_of, stable
from geocn.project.period import Period
from geocn.provenance import plain, versions

FORMAT = 1


def recipe(
    source: ProjectFile,
    hashes: Mapping[str, str],
    *,
    as_of: date,
    period: Period | None,
    content: str | None = None,
) -> dict[str, Any]:
    """Return all that decides the content of a run: the same recipe gives the same bytes.

    ``content`` is the hash of what the files hold of a period.
    """
    parameters = source.written.model_dump(mode="json", by_alias=True)
    # They say where the results go and what is kept beside them, not what they are.
    parameters["outputs"].pop("folder")
    parameters.pop("cache")
    parameters["marking"] = str(source.project.marking) if source.project.marking else None
    return {
        "format": FORMAT,
        "title": source.project.title,
        "as_of": as_of.isoformat(),
        "period": period.text if period else None,
        "project": source.path.name,
        "inputs": dict(sorted(hashes.items())),
        "parameters": parameters,
        "content": content,
        "versions": versions(),
        "code": code_version(),
    }


def run_name(content: Mapping[str, Any]) -> str:
    """Name the folder of a run after its period (or cut-off) and its recipe."""
    when = safe_name(str(content["period"] or content["as_of"]).replace("/", "_"))
    digest = hashlib.sha256(to_text(content).encode()).hexdigest()
    return f"{when}-{digest[:8]}"


def to_text(content: Mapping[str, Any]) -> str:
    """Write ``content`` as JSON with sorted keys, the same text for the same content."""
    return json.dumps(plain(content), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_manifest(folder: Path, content: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """Write the manifest of all files below ``folder``, and ``SHA256SUMS`` beside it.

    The manifest leaves out the hash of files whose bytes are not promised (encrypted maps);
    ``SHA256SUMS``, which ``sha256sum --check`` reads, has them all.

    Returns
    -------
    dict
        The manifest as it was written.
    """
    hashes = hashes_of(folder)
    whole = {**content, "outputs": stable(hashes)}
    (folder / name).write_text(to_text(whole), encoding="utf-8", newline="\n")
    write_sums(folder)
    return whole


def write_sums(folder: Path) -> None:
    """Write ``SHA256SUMS`` of all other files below ``folder``."""
    sums = folder / SUMS
    sums.unlink(missing_ok=True)
    lines = [f"{digest}  {path}\n" for path, digest in hashes_of(folder).items()]
    sums.write_text("".join(lines), encoding="utf-8", newline="\n")
