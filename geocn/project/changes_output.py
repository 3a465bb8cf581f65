"""The change layer and the brief of a run, joint and for each release."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from geocn import publish
from geocn.errors import ReleaseError, UnlabelledDataError
from geocn.io.atomic import safe_name
from geocn.project.brief import brief_of, totals_by_drug
from geocn.project.brief_pages import Brief, to_html, to_markdown
from geocn.project.brief_words import Words
from geocn.project.cache import Cache
from geocn.project.changes import Changes, compared, find_changes, pair_of
from geocn.project.changes_days import silences_of
from geocn.project.changes_release import FOLDER, clear_changes, clear_totals
from geocn.project.clearing import tables_of
from geocn.project.file import ProjectFile
from geocn.project.looks import look_of
from geocn.project.period import Period
from geocn.project.planning import sources_of
from geocn.project.reading import Progress
from geocn.project.results import Results, World
from geocn.sharing.marking import Marking
from geocn.sharing.profile import ReleaseProfile

_UNITS = ("month", "quarter", "year")


@dataclass(frozen=True)
class ChangeJob:
    """What a run compares: the project, its two periods, and where their rows are.

    Attributes
    ----------
    source : ProjectFile
        The project.
    period : Period, optional
        What the run looks at.
    pair : pair of Period
        The period before, and the period itself.
    worlds : pair of World
        Joint layers that hold the rows of each.
    """

    source: ProjectFile
    period: Period | None
    pair: tuple[Period, Period]
    worlds: tuple[World, World]
    progress: Progress
    cache: Cache | None = None

    @classmethod
    def of(
        cls,
        source: ProjectFile,
        worlds: tuple[World, World],
        *,
        period: Period | None,
        as_of: date,
        progress: Progress,
        cache: Cache | None = None,
    ) -> ChangeJob | None:
        """Return the work, None where the project asks for none."""
        pair = pair_of(source.project, period, as_of)
        if pair is None or not compared(source.project):
            return None
        return cls(source, period, pair, worlds, progress, cache)

    def joint(self, results: Results) -> Changes:
        """Find what changed in the joint layers."""
        return self._find(self.worlds, results, self.pair)

    def used(self, changes: Changes) -> list[pd.DataFrame]:
        """Return the frames that changes tell of: the product is marked as high as they are."""
        needed = {
            need.name
            for spec in compared(self.source.project)
            for need in spec.needs()
            if need.kinds == ("layer",)
        }
        return [
            world.layers[name]
            for world in changes.worlds
            for name in sorted({*needed, "seizures"})
            if name in world.layers
        ]

    def released(
        self,
        name: str,
        seen: World,
        *,
        release: Callable[[World], World],
        own: Results,
        cleared: Results,
        earlier: Sequence[Path],
    ) -> tuple[Changes, Changes, list[dict[str, Any]]]:
        """Find what changed in the layers of a release, and clear it.

        Parameters
        ----------
        name : str
            The release.
        seen : World
            Its layers.
        release : callable
            Gives what its profile leaves of a world.
        own, cleared : Results
            What its analyses gave, and what it tells of it.
        earlier : sequence of Path
            Folders of earlier releases to the same partner.

        Returns
        -------
        cleared, shown : Changes
            For the files; for map and brief.
        report : list of dict
            What each rule touched.
        """
        pair, why = self._pair_of(self.source.profiles[name])
        if why is not None:
            none = Changes(*pair, skipped={"all": why})
            return none, replace(none, skipped={}), []
        before = seen
        if self.period is not None:
            try:
                before = release(self.worlds[0])
            except (UnlabelledDataError, ReleaseError) as error:
                none = Changes(*pair, skipped={"all": str(error)})
                return none, replace(none, skipped={}), []
        found = self._find((before, seen), own, pair)
        _, shown, report = clear_changes(
            found,
            self.source.profiles[name],
            cleared=cleared,
            period=self.period,
            earlier=[tables_of(folder) for folder in earlier],
        )
        # Why something could not be compared may tell of what is withheld.
        return shown, replace(shown, skipped={}), report

    def _pair_of(self, profile: ReleaseProfile) -> tuple[tuple[Period, Period], str | None]:
        """Return periods of which a profile tells all days alike, or why there are none.

        Where the newest rows are held back, the last days would look like a fall; where
        dates are made coarser than the period, its first days like a rise.
        """
        needed = {n.name for one in compared(self.source.project) for n in one.needs()}
        rules = [rule for layer, rule in profile.layers.items() if layer in needed]
        ages = [rule.min_age_days + 1 for rule in rules if rule.min_age_days is not None]
        as_of, pair = self.worlds[1].as_of, self.pair
        if ages and as_of is not None:
            known = as_of - timedelta(days=max(ages))
            if self.period is None:
                pair = pair_of(self.source.project, None, known) or pair
            elif pair[1].end > known:
                return pair, "the newest rows of the period are held back (min_age_days)"
        coarse = [rule.time for rule in rules if rule.time is not None]
        if any("/" in pair[1].text or _UNITS.index(one) > _unit(pair[1]) for one in coarse):
            return pair, "dates are coarser than the period (time)"
        return pair, None

    def _find(
        self, worlds: tuple[World, World], results: Results, pair: tuple[Period, Period]
    ) -> Changes:
        return find_changes(
            compared(self.source.project),
            worlds,
            pair=pair,
            results=results,
            silences=silences_of(self.source.project),
            progress=self.progress,
            cache=self.cache,
        )

    def brief(
        self,
        changes: Changes,
        about: Mapping[str, Any],
        *,
        limits: Sequence[str],
        release: str | None = None,
    ) -> Brief:
        """Put changes on one page: the joint one, or that of a release."""
        project, silences = self.source.project, silences_of(self.source.project)
        drugs = totals_by_drug(changes, silences)
        partner = None
        if release is not None:
            profile = self.source.profiles[release]
            drugs, silences, partner = clear_totals(drugs, profile), [], profile.partner
        return brief_of(
            changes,
            title=about["title"],
            marking=Marking.parse(about["marking"]),
            language=project.outputs.language,
            as_of=about["as_of"],
            sources=sources_of(self.used(changes)),
            limits=limits,
            silences=silences,
            drugs=drugs,
            author=project.author if release is None else None,
            releasable_to=partner,
            is_own=release is None,
        )


def _unit(period: Period) -> int:
    """Return the place of a calendar period's length among the units of coarser dates."""
    if "Q" in period.text:
        return _UNITS.index("quarter")
    return _UNITS.index("month" if "-" in period.text else "year")


def write_changes(
    folder: Path,
    changes: Changes,
    brief: Brief,
    *,
    formats: Sequence[str],
    about: Mapping[str, Any],
) -> None:
    """Write ``changes/`` into ``folder``: the layers in the formats asked for, and the brief.

    Parameters
    ----------
    folder : Path
        That of the joint outputs, or of a release.
    changes : Changes
        What was found.
    brief : Brief
        The page.
    formats : sequence of {"gpkg", "parquet", "geotiff", "html"}
        "parquet": a file an analysis; "gpkg": ``changes.gpkg``; the brief is always written,
        as ``brief.md`` and ``brief.html``.
    about : mapping
        Title, marking and cut-off date.
    """
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    periods = {"before": changes.before.text, "after": changes.after.text}
    frames = {
        name: with_words(frame, brief.words, {**about, **periods})
        for name, frame in changes.frames.items()
    }
    if "parquet" in formats:
        for name, frame in frames.items():
            publish.write_geoparquet(frame, target / f"{safe_name(name)}.parquet")
    if "gpkg" in formats and frames:
        named = {f"change_{safe_name(name)}": frame for name, frame in frames.items()}
        looks = {
            name: look_of(frame, kind=FOLDER, language=brief.words.language)
            for name, frame in named.items()
        }
        publish.write_geopackage(
            named,
            target / "changes.gpkg",
            metadata={**about, **periods},
            styles={name: look for name, look in looks.items() if look is not None},
        )
    for name, text in (("brief.md", to_markdown(brief)), ("brief.html", to_html(brief))):
        (target / name).write_text(text, encoding="utf-8", newline="\n")


def with_words(frame: Any, words: Words, about: Mapping[str, Any]) -> Any:
    """Return a change table with a sentence a row, where its numbers may be told."""
    told = frame["change_class"].notna()
    sentences = pd.Series(None, index=frame.index, dtype="str")
    if told.any():
        sentences[told] = words.sentences(frame[told])
    result = frame.assign(words=sentences.astype("str"))
    result = result[[name for name in result if name != "geometry"] + ["geometry"]]
    result.attrs = {**frame.attrs, "about": dict(about)}
    return result
