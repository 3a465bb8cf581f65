"""One partner's release: its layers, the analyses of those layers, its map, its own list."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from geocn.errors import ProjectError, ReleaseWarning
from geocn.io.atomic import safe_name, sha256_file
from geocn.maps import PlanningMap
from geocn.maps.encryption import LEAST_LENGTH
from geocn.project.cache import Cache
from geocn.project.changes import Changes
from geocn.project.changes_output import ChangeJob, write_changes
from geocn.project.clearing import DERIVABLE, add_derived, clear_results, layers_of
from geocn.project.compute import compute
from geocn.project.file import ProjectFile
from geocn.project.manifest import write_manifest, write_sums
from geocn.project.model import Fault, ReleaseEntry
from geocn.project.outputs import hashes_of, record_of, write_outputs
from geocn.project.planning import planning_map
from geocn.project.reading import Progress
from geocn.project.release_scan import scan_written
from geocn.project.results import Results, World
from geocn.provenance import versions
from geocn.sharing import Label, Marking, ReleaseProfile, label_of, read_secret
from geocn.sharing.profile import unknown_columns
from geocn.sharing.release import Released, release
from geocn.sharing.sidecar import sidecar, to_json, to_xml
from geocn.sharing.toml_model import read_model

# What the map says of these two stands in the language of the map.
_EXPIRES = {
    "en": "This release expires on {}.",
    "es": "Esta divulgación caduca el {}.",
    "fr": "Cette diffusion expire le {}.",
    "pt": "Esta divulgação expira em {}.",
    "ar": "تنتهي صلاحية هذا الإصدار في {}.",
}
_DERIVED = {
    "en": "{} is derived from withheld data; approved by {}.",
    "es": "{} se deriva de datos reservados; aprobado por {}.",
    "fr": "{} est dérivé de données non diffusées ; approuvé par {}.",
    "pt": "{} deriva de dados reservados; aprovado por {}.",
    "ar": "{} مشتق من بيانات محجوبة؛ وافق عليه {}.",
}


def check_profiles(source: ProjectFile, layers: Mapping[str, Any]) -> None:
    """Refuse profiles that name columns which the layers lack, before anything is computed.

    Raises
    ------
    ProjectError
        With one line a fault: file, line, key and what is wrong.
    """
    kinds = {one.name: one.kind for one in source.project.analyses}
    frames = {name: one for name, one in layers.items() if isinstance(one, pd.DataFrame)}

    def check(profile: ReleaseProfile) -> Iterator[Fault]:
        yield from unknown_columns(profile, frames)
        for number, one in enumerate(profile.derived):
            if kinds.get(one.analysis) not in DERIVABLE:
                at = ("derived", number, "analysis")
                yield at, f"only {', '.join(DERIVABLE)} may be derived from withheld data"

    for entry in source.project.releases:
        read_model(source.resolve(entry.profile), ReleaseProfile, check=check)


def write_release(
    draft: Path,
    source: ProjectFile,
    name: str,
    *,
    world: World,
    joint: Results,
    about: Mapping[str, Any],
    progress: Progress,
    cache: Cache | None = None,
    keep_going: bool = False,
    changes: ChangeJob | None = None,
) -> dict[str, Any]:
    """Write what one profile allows into ``releases/<name>``, ready to be handed over.

    Every analysis is computed anew from the released layers, so that what is withheld is
    absent, and cleared of small counts. Of the ``joint`` results it takes only what the
    profile names as derived. What the folder holds says nothing of what was withheld; the
    account that is returned does, and stays with the project's own manifest.

    Returns
    -------
    dict
        Partner, counts by layer, what each rule touched, and the analyses that could not be
        computed.

    Raises
    ------
    UnlabelledDataError
        Where a row of an allowed layer carries no marking.
    ReleaseError
        Where the profile has expired, or its secret is not named.
    LeakFoundError
        Where what was written holds anything that is withheld, or cannot be scanned.
    """
    project, profile = source.project, source.profiles[name]
    entry = _entry(source, name)
    earlier = [source.resolve(one) for one in entry.earlier]
    released, seen = released_world(source, name, world)
    layers = seen.layers
    own = compute(project.analyses, seen, progress=progress, cache=cache, keep_going=keep_going)
    results, derived = add_derived(own, joint, profile)
    cleared, shown, touched = clear_results(
        results, profile, world=seen, specs=project.analyses, earlier=earlier
    )
    moved, moved_shown, more = _changed(changes, source, name, seen, cleared=(own, cleared))
    frames = [*released.layers.values(), *(changes.used(moved) if changes and moved else ())]
    label = _label(frames, project.label, profile)
    told = {**about, "marking": str(label.marking), "title": profile.title or project.title}
    folder = draft / "releases" / safe_name(name)
    folder.mkdir(parents=True)
    limits = _limits(source, profile, derived)
    plan = _plan(source, name, seen, shown, told=told, limits=limits, changes=moved_shown)
    formats = project.outputs.formats
    way: dict[str, Any] = {"formats": formats, "passphrase": passphrase_of(entry)}
    # Beside an encrypted map everything else would be readable.
    if changes and moved and moved_shown and way["passphrase"] is None:
        brief = changes.brief(moved_shown, told, limits=limits, release=name)
        write_changes(folder, moved, brief, formats=formats, about=told)
    approved: dict[str, Any] = {"partner": profile.partner, "approver": profile.approver}
    # Last, since its record names every file of the folder.
    way["record"] = record_of(project, derived=derived, **approved)
    write_outputs(folder, layers, cleared, plan=plan, about=told, **way)
    _bind(folder, source, name, told=told, label=label, records=(released.lowered, derived))
    worlds = [world, *(changes.worlds[:1] if changes else ())]
    open_map = None if way["passphrase"] is None else plan
    texts = [told["title"], *limits]
    gave: dict[str, Any] = {"results": results, "moved": moved, "plan": open_map}
    scanned = scan_written(folder, project, entry, worlds=worlds, seen=seen, texts=texts, **gave)
    account = _account(source, entry, released, label=label, derived=derived)
    account["rules"] += [*touched, *more]
    return account | {
        "analyses": {key: {"rows": len(one.frame)} for key, one in results.done.items()},
        "not_computed": results.skipped,
        "not_compared": moved.skipped if moved else {},
        "failed": own.failed,
        "scan": scanned,
    }


def _plan(
    source: ProjectFile,
    name: str,
    seen: World,
    shown: Results,
    *,
    told: Mapping[str, Any],
    limits: list[str],
    changes: Changes | None,
) -> PlanningMap | None:
    """Return the map of a release, None where the project asks for none."""
    outputs = source.project.outputs
    if "html" not in outputs.formats:
        return None
    return planning_map(
        told["title"],
        seen.layers,
        shown,
        marking=Marking.parse(told["marking"]),
        releasable_to=source.profiles[name].partner,
        as_of=seen.as_of,
        limits=limits,
        language=outputs.language,
        changes=changes,
    )


def _account(
    source: ProjectFile,
    entry: ReleaseEntry,
    released: Released,
    *,
    label: Label,
    derived: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return what the rules of a profile did, for the manifest of the run."""
    return {
        "partner": source.profiles[entry.name].partner,
        "profile": source.shown(source.resolve(entry.profile)),
        "marking": str(label.marking),
        "layers": released.report.to_dict("records"),
        "rules": released.rules.to_dict("records"),
        "lowered": released.lowered,
        "derived": derived,
        "notes": released.notes,
    }


def released_world(source: ProjectFile, name: str, world: World) -> tuple[Released, World]:
    """Return what the profile of a release leaves of a world, and its account."""
    earlier = [source.resolve(one) for one in _entry(source, name).earlier]
    released = _released(source.profiles[name], world, earlier)
    layers = {key: one for key, one in released.layers.items() if key in world.layers}
    rasters = {key: one for key, one in released.layers.items() if key in world.rasters}
    return released, World(layers, rasters, world.places, world.as_of)


def _released(profile: ReleaseProfile, world: World, earlier: list[Path]) -> Released:
    masks = any(rule.donut_m is not None for rule in profile.layers.values())
    with warnings.catch_warnings():
        # The notes of the release say it in the manifest, where the next person looks.
        warnings.simplefilter("ignore", ReleaseWarning)
        return release(
            {**world.layers, **world.rasters},
            profile,
            places=world.places,
            as_of=world.as_of,
            secret=read_secret() if masks else None,
            earlier=[layers_of(folder) for folder in earlier],
        )


def _changed(
    changes: ChangeJob | None,
    source: ProjectFile,
    name: str,
    seen: World,
    *,
    cleared: tuple[Results, Results],
) -> tuple[Changes | None, Changes | None, list[dict[str, Any]]]:
    """Find what changed for a release: for its files, for its map, and the rules' account."""
    if changes is None:
        return None, None, []
    return changes.released(
        name,
        seen,
        release=lambda world: released_world(source, name, world)[1],
        own=cleared[0],
        cleared=cleared[1],
        earlier=[source.resolve(one) for one in _entry(source, name).earlier],
    )


def _label(frames: Iterable[Any], project: Marking, profile: ReleaseProfile) -> Label:
    """Label what is released; the project's own label adds, but never above the release's."""
    found = label_of(*frames)
    marking = Marking.highest([found.marking, min(project, profile.max_marking)])
    return Label(marking, found.classification, (profile.partner,))


def _limits(
    source: ProjectFile, profile: ReleaseProfile, derived: list[dict[str, Any]]
) -> list[str]:
    project = source.project
    limits = list(project.limits if profile.limits is None else profile.limits)
    language = project.outputs.language
    limits += [_DERIVED[language].format(one["analysis"], one["approver"]) for one in derived]
    if profile.expires_on is not None:
        limits.append(_EXPIRES[language].format(profile.expires_on.isoformat()))
    return limits


def _bind(
    folder: Path,
    source: ProjectFile,
    name: str,
    *,
    told: Mapping[str, Any],
    label: Label,
    records: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    """Write the list of the release, and the sidecars that bind its label to every file."""
    profile = source.profiles[name]
    expires = profile.expires_on.isoformat() if profile.expires_on else None
    content = {**told, "partner": profile.partner, "versions": versions(), "expires_on": expires}
    write_manifest(folder, content, name="release.json")
    hashes = hashes_of(folder)
    hashes.pop("SHA256SUMS")
    bound = sidecar(
        label,
        hashes,
        profile={
            "partner": profile.partner,
            "approver": profile.approver,
            "expires_on": expires,
            "sha256": sha256_file(source.resolve(_entry(source, name).profile)),
        },
        title=told["title"],
        as_of=told.get("as_of"),
        lowered=records[0],
        derived=records[1],
    )
    for file, text in (("sidecar.json", to_json(bound)), ("sidecar.xml", to_xml(bound))):
        (folder / file).write_text(text, encoding="utf-8", newline="\n")
    write_sums(folder)


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
