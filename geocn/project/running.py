"""A whole run: files in, joint layers, analyses, releases, maps and a manifest out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd

from geocn._typing import StrPath
from geocn.io.atomic import atomic_file, atomic_folder, sweep_stale
from geocn.project.checking import cutoff_of, notes_of, silent
from geocn.project.compute import compute
from geocn.project.file import ProjectFile
from geocn.project.lock import held
from geocn.project.manifest import recipe, run_name, write_manifest
from geocn.project.outputs import write_outputs
from geocn.project.period import Period
from geocn.project.planning import planning_map
from geocn.project.reading import Data, Progress, hash_inputs, read_all
from geocn.project.releasing import check_profiles, passphrase_of, write_release
from geocn.project.results import Results, World
from geocn.sharing.marking import Marking, marking_of


@dataclass(frozen=True)
class RunResult:
    """What a run gave.

    Attributes
    ----------
    folder : Path
        The run's own folder; ``latest`` beside it points to the last whole one.
    manifest : dict
        As in ``manifest.json``.
    layers : dict of str to GeoDataFrame
        The joint layers, of the period where one was asked for.
    results : dict of str to GeoDataFrame
        The main frame of each analysis, by name.
    skipped : dict of str to str
        Why an analysis was not computed.
    maps : list of Path
        The maps: the joint one first, then one a release.
    notes : list of str
        What the readers warned of, a line each, with the file.
    """

    folder: Path
    manifest: dict[str, Any]
    layers: dict[str, gpd.GeoDataFrame]
    results: dict[str, Any]
    skipped: dict[str, str] = field(default_factory=dict)
    maps: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run(
    project_file: StrPath,
    *,
    out: StrPath | None = None,
    period: str | None = None,
    as_of: Any = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run a project.

    A fresh folder appears under ``out`` in one step, then ``latest`` points to it; until
    then the previous run stands untouched. The same inputs, project and versions give the
    same folder name and the same bytes (a GeoPackage: the same content).

    Parameters
    ----------
    project_file : path
        A project file, or the folder that holds ``project.toml``.
    out : path, optional
        Folder for the runs; by default that of the project file.
    period : str, optional
        ``2025``, ``2025-Q1``, ``2025-03`` or ``2025-01-15/2025-02-20``: only rows that hold
        then are analysed.
    as_of : date or str, optional
        Information cut-off; by default the project's, else the end of the period.
    progress : callable, optional
        Told each step in a few words.

    Returns
    -------
    RunResult

    Raises
    ------
    ProjectError
        Where the project file is wrong; the message names file, line and key.
    ParameterError
        Where ``period`` or ``as_of`` cannot be read.
    LayerError, ReadError
        Where an input is bad.
    UnlabelledDataError
        Where a release meets rows without a marking.
    WriteError, LockedError
        Where ``out`` cannot be written, or another run is writing there.
    """
    source = ProjectFile.read(project_file)
    window = Period.parse(period) if period else None
    cutoff = cutoff_of(source, as_of, window)
    tell = progress or silent
    for release in source.project.releases:
        passphrase_of(release)
    target = Path(out) if out is not None else source.resolve(source.project.outputs.folder)
    hashes = hash_inputs(source)
    content = recipe(source, hashes, as_of=cutoff, period=window)
    with held(target):
        sweep_stale(target)
        folder = target / run_name(content)
        with atomic_folder(folder) as draft:
            rejects = draft / "rejects"
            rejects.mkdir()
            data = read_all(source, hashes, as_of=cutoff, rejects=rejects, progress=tell)
            job = _Job(source, data, cutoff, window, tell)
            results, manifest = job.write(draft, content)
        _point(target / "latest", folder.name)
    return job.result(folder, results, manifest)


class _Job:
    """One run after reading: what is computed, and written into the draft folder."""

    def __init__(
        self, source: ProjectFile, data: Data, as_of: date, period: Period | None, tell: Progress
    ) -> None:
        self.source, self.data, self.as_of, self.period = source, data, as_of, period
        self.tell = tell
        self.layers = dict(data.layers)
        self.left_out: dict[str, int] = {}
        if period is not None:
            for name, frame in data.layers.items():
                inside = period.within(frame, name)
                self.layers[name] = frame[inside]
                self.left_out[name] = int((~inside).sum())

    def write(self, draft: Path, content: dict[str, Any]) -> tuple[Results, dict[str, Any]]:
        project = self.source.project
        check_profiles(self.source, self.layers)
        world = World(self.layers, self.data.rasters, self.data.places, self.as_of)
        results = compute(project.analyses, world, progress=self.tell)
        self.tell("writing layers and map")
        joint = draft / "joint"
        joint.mkdir()
        label = Marking.highest([project.label, marking_of(*self.layers.values())])
        about = self._about(label)
        plan = None
        if "html" in project.outputs.formats:
            plan = planning_map(
                project.title,
                self.layers,
                results,
                marking=label,
                as_of=self.as_of,
                limits=[*project.limits, *self._limits()],
                language=project.outputs.language,
                author=project.author,
            )
        formats = project.outputs.formats
        write_outputs(joint, self.layers, results, plan=plan, formats=formats, about=about)
        releases = {}
        for one in project.releases:
            self.tell(f"release {one.name}")
            releases[one.name] = write_release(
                draft,
                self.source,
                one.name,
                world=world,
                joint=results,
                about=about,
                progress=self.tell,
            )
        account = self._account(results, label) | {"releases": releases}
        return results, write_manifest(draft, content | account, name="manifest.json")

    def _about(self, label: Marking) -> dict[str, Any]:
        return {
            "title": self.source.project.title,
            "marking": str(label),
            "as_of": self.as_of.isoformat(),
            "period": self.period.text if self.period else None,
        }

    def _account(self, results: Results, label: Marking) -> dict[str, Any]:
        lines = {
            name: {"rows": len(frame), "out_of_period": self.left_out.get(name, 0)}
            for name, frame in self.layers.items()
        }
        done = {name: {"rows": len(one.frame)} for name, one in results.done.items()}
        return {
            "marking": str(label),
            "files": self.data.files,
            "layers": lines,
            "analyses": done,
            "not_computed": results.skipped,
        }

    def _limits(self) -> list[str]:
        said = []
        for layer, files in self.source.project.layers.items():
            for file in files:
                who = file.source or file.path
                for gap in file.declared_gaps:
                    why = f" ({gap.why})" if gap.why else ""
                    said.append(f"{who}: no {layer} reported {gap.start} to {gap.end}{why}")
        for name, count in self.left_out.items():
            if count:
                said.append(f"{name}: {count:,} rows lie outside the period or carry no date")
        return said

    def result(self, folder: Path, results: Results, manifest: dict[str, Any]) -> RunResult:
        maps = [folder / path for path in manifest["outputs"] if path.endswith("map.html")]
        releases = manifest["releases"]
        return RunResult(
            folder=folder,
            manifest=manifest,
            layers=self.layers,
            results={name: one.frame for name, one in results.done.items()},
            skipped=results.skipped,
            maps=maps,
            notes=[
                *notes_of(self.data),
                *(f"release {name}: {n}" for name, r in releases.items() for n in r["notes"]),
            ],
        )


def _point(link: Path, name: str) -> None:
    """Let ``link`` point to the run ``name`` in one step; a text file where links are refused."""
    draft = link.with_name(f".{link.name}.new")
    try:
        draft.unlink(missing_ok=True)
        draft.symlink_to(name, target_is_directory=True)
        draft.replace(link)
    except OSError:
        with atomic_file(link.with_suffix(".txt")) as text:
            text.write_text(f"{name}\n", encoding="utf-8")
