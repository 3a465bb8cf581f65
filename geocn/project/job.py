"""One run after reading: what is computed, and written into the draft of its folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from geocn.errors import GeocnError
from geocn.io.atomic import safe_name
from geocn.project.cache import Cache
from geocn.project.changes_output import ChangeJob, write_changes
from geocn.project.compute import compute
from geocn.project.file import ProjectFile
from geocn.project.joining import Joint
from geocn.project.manifest import write_manifest
from geocn.project.outputs import record_of, write_outputs
from geocn.project.period import Period
from geocn.project.planning import planning_map
from geocn.project.reading import Data, Progress
from geocn.project.releasing import check_profiles, write_release
from geocn.project.results import Results, World
from geocn.sharing.marking import Marking, marking_of


@dataclass
class Job:
    """What one run works on, and how.

    Attributes
    ----------
    source : ProjectFile
        The project.
    data : Data
        What its files hold.
    joint : Joint
        The layers of this run.
    before : Joint
        Those of the period before, to compare with; of a run without a period, its own.
    columns : mapping
        Empty frames with every column that a file of a layer has.
    as_of : date
        Information cut-off.
    period : Period, optional
        What the run looks at.
    tell : callable
        Told each step.
    cache : Cache, optional
        What was computed before.
    keep_going : bool
        Publish what is whole where an analysis or a release fails.
    """

    source: ProjectFile
    data: Data
    joint: Joint
    before: Joint
    columns: Mapping[str, Any]
    as_of: date
    period: Period | None
    tell: Progress
    cache: Cache | None = None
    keep_going: bool = False
    failed: dict[str, str] = field(default_factory=dict)

    def world(self, joint: Joint | None = None) -> World:
        """Return what the analyses may see."""
        layers = (joint or self.joint).layers
        return World(layers, self.data.rasters, self.data.places, self.as_of)

    def results(self) -> Results:
        """Compute the analyses of the joint layers, or take them from the cache."""
        project = self.source.project
        return compute(
            project.analyses,
            self.world(),
            progress=self.tell,
            cache=self.cache,
            keep_going=self.keep_going,
        )

    def write(self, draft: Path, content: dict[str, Any]) -> tuple[Results, dict[str, Any]]:
        """Compute everything and write it into ``draft``; return results and manifest."""
        project, layers = self.source.project, self.joint.layers
        check_profiles(self.source, {**layers, **self.columns})
        self._write_rejects(draft / "rejects")
        results = self.results()
        self.failed = {f"analysis {name}": why for name, why in results.failed.items()}
        self.tell("writing layers and map")
        joint = draft / "joint"
        joint.mkdir()
        changes = ChangeJob.of(
            self.source,
            (self.world(self.before), self.world()),
            period=self.period,
            as_of=self.as_of,
            progress=self.tell,
            cache=self.cache,
        )
        moved = changes.joint(results) if changes else None
        used = changes.used(moved) if changes and moved else []
        label = Marking.highest([project.label, marking_of(*layers.values(), *used)])
        about = self._about(label)
        plan = None
        if "html" in project.outputs.formats:
            plan = planning_map(
                project.title,
                layers,
                results,
                marking=label,
                as_of=self.as_of,
                limits=[*project.limits, *self._limits()],
                language=project.outputs.language,
                author=project.author,
                changes=moved,
            )
        formats = project.outputs.formats
        if changes and moved:
            brief = changes.brief(moved, about, limits=project.limits)
            write_changes(joint, moved, brief, formats=formats, about=about)
        # Last, since its record names every file of the folder.
        way: dict[str, Any] = {"plan": plan, "formats": formats, "about": about}
        record = record_of(project, files=self.joint.files, hashes=content["inputs"])
        write_outputs(joint, layers, results, record=record, **way)
        releases = self._releases(draft, results, about, changes)
        account = self._account(results, label) | {"releases": releases, "failed": self.failed}
        return results, write_manifest(draft, content | account, name="manifest.json")

    def _write_rejects(self, folder: Path) -> None:
        folder.mkdir()
        for name, text in self.joint.rejects.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")

    def _releases(
        self,
        draft: Path,
        joint: Results,
        about: Mapping[str, Any],
        changes: ChangeJob | None,
    ) -> dict[str, Any]:
        found = {}
        for one in self.source.project.releases:
            self.tell(f"release {one.name}")
            try:
                account = write_release(
                    draft,
                    self.source,
                    one.name,
                    world=self.world(),
                    joint=joint,
                    about=about,
                    progress=self.tell,
                    cache=self.cache,
                    keep_going=self.keep_going,
                    changes=changes,
                )
            except GeocnError as error:
                if not self.keep_going:
                    raise
                # What a release that failed has written may hold what it must not.
                folder = draft / "releases" / safe_name(one.name)
                if folder.exists():
                    shutil.rmtree(folder)
                self.failed[f"release {one.name}"] = str(error)
                continue
            found[one.name] = account
            for name, why in account["failed"].items():
                self.failed[f"release {one.name}, analysis {name}"] = why
        return found

    def _about(self, label: Marking) -> dict[str, Any]:
        return {
            "title": self.source.project.title,
            "marking": str(label),
            "as_of": self.as_of.isoformat(),
            "period": self.period.text if self.period else None,
        }

    def _account(self, results: Results, label: Marking) -> dict[str, Any]:
        lines = {
            name: {"rows": len(frame), "out_of_period": self.joint.left_out.get(name, 0)}
            for name, frame in self.joint.layers.items()
        }
        done = {name: {"rows": len(one.frame)} for name, one in results.done.items()}
        return {
            "marking": str(label),
            "files": self.joint.files,
            "layers": lines,
            "analyses": done,
            "not_computed": results.skipped,
        }

    def _limits(self) -> list[str]:
        said = []
        for layer, files in self.source.written.layers.items():
            for file in files:
                who = file.source or file.path
                for gap in file.declared_gaps:
                    why = f" ({gap.why})" if gap.why else ""
                    said.append(f"{who}: no {layer} reported {gap.start} to {gap.end}{why}")
        for name, count in self.joint.left_out.items():
            if count:
                said.append(f"{name}: {count:,} rows lie outside the period or carry no date")
        return said
