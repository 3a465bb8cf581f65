"""One partner's release: its layers, the analyses of those layers, its map, its own list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geocn.errors import ProjectError
from geocn.io.atomic import safe_name
from geocn.maps.encryption import LEAST_LENGTH
from geocn.project.compute import compute
from geocn.project.file import ProjectFile
from geocn.project.manifest import write_manifest
from geocn.project.model import ReleaseEntry
from geocn.project.outputs import write_outputs
from geocn.project.planning import planning_map
from geocn.project.reading import Progress
from geocn.project.results import World
from geocn.provenance import versions
from geocn.sharing.marking import Marking, marking_of
from geocn.sharing.release import release


def write_release(
    draft: Path,
    source: ProjectFile,
    name: str,
    *,
    world: World,
    about: Mapping[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    """Write what one profile allows into ``releases/<name>``, ready to be handed over.

    Every analysis is computed anew from the released layers, so that what is withheld is
    absent. What the folder holds says nothing of what was withheld; the account that is
    returned does, and stays with the project's own manifest.

    Returns
    -------
    dict
        Partner, counts by layer, and the analyses that could not be computed.

    Raises
    ------
    UnlabelledDataError
        Where a row of an allowed layer carries no marking.
    """
    project, profile = source.project, source.profiles[name]
    released = release({**world.layers, **world.rasters}, profile)
    layers = {key: one for key, one in released.layers.items() if key in world.layers}
    rasters = {key: one for key, one in released.layers.items() if key in world.rasters}
    seen = World(layers, rasters, world.places, world.as_of)
    results = compute(project.analyses, seen, progress=progress)
    # What the project itself adds takes the project's label, but never above the release's.
    label = Marking.highest(
        [marking_of(*released.layers.values()), min(project.label, profile.max_marking)]
    )
    told = {**about, "marking": str(label), "title": profile.title or project.title}
    folder = draft / "releases" / safe_name(name)
    folder.mkdir(parents=True)
    plan = None
    if "html" in project.outputs.formats:
        plan = planning_map(
            told["title"],
            layers,
            results,
            marking=label,
            releasable_to=profile.partner,
            as_of=world.as_of,
            limits=project.limits if profile.limits is None else profile.limits,
            language=project.outputs.language,
        )
    formats = project.outputs.formats
    secret = passphrase_of(_entry(source, name))
    write_outputs(
        folder, layers, results, plan=plan, formats=formats, about=told, passphrase=secret
    )
    content = {**told, "partner": profile.partner, "versions": versions()}
    write_manifest(folder, content, name="release.json")
    return {
        "partner": profile.partner,
        "profile": source.shown(source.resolve(_entry(source, name).profile)),
        "marking": str(label),
        "layers": released.report.to_dict("records"),
        "analyses": {key: {"rows": len(one.frame)} for key, one in results.done.items()},
        "not_computed": results.skipped,
    }


def passphrase_of(entry: ReleaseEntry) -> str | None:
    """Return the passphrase of a release from its environment variable, None without one.

    Raises
    ------
    ProjectError
        Where the variable is not set, or too short to be a passphrase.
    """
    if entry.passphrase_env is None:
        return None
    secret = os.environ.get(entry.passphrase_env, "")
    if len(secret) < LEAST_LENGTH:
        raise ProjectError(
            f"release {entry.name!r}: found {len(secret)} characters in the environment variable "
            f"{entry.passphrase_env}; expected a passphrase of at least {LEAST_LENGTH}. Set it "
            "for this run only."
        )
    return secret


def _entry(source: ProjectFile, name: str) -> ReleaseEntry:
    return next(one for one in source.project.releases if one.name == name)
