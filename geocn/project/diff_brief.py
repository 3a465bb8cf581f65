"""The brief of two runs: what changed, what came in late, and what was corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geocn.maps._text import plain_text
from geocn.project.brief import brief_of, closing
from geocn.project.brief_pages import Brief, Section
from geocn.project.brief_words import Words
from geocn.project.changes_days import silences_of
from geocn.project.planning import sources_of

if TYPE_CHECKING:
    from geocn.project.diffing import RunDiff

_MOST_LINES = 6


def diff_brief(found: RunDiff, words: Words) -> Brief:
    """Put the difference of two runs onto one page."""
    project = found.after.project
    page = brief_of(
        found.changes,
        title=found.after.told["title"],
        marking=found.marking,
        language=words.language,
        as_of=f"{found.before.told['as_of']} → {found.after.told['as_of']}",
        sources=sources_of([*found.before.layers.values(), *found.after.layers.values()]),
        silences=() if project is None else list(dict.fromkeys(silences_of(project))),
        author=None if project is None else project.author,
        releasable_to=found.after.partner,
        is_own=found.after.partner is None,
    )
    sections = [_late(found, words) if s.heading == words("late") else s for s in page.sections]
    if found.is_revision:
        kept = [s for s in sections if s.heading not in (words("summary"), words("how"))]
        sections = [_revisions(found, words), *kept[1:], *closing(words, (), "how_revised")]
    return Brief(
        words,
        title=page.title,
        subtitle=words("runs", after=found.after.name, before=found.before.name),
        marking=page.marking,
        tlp=page.tlp,
        releasable_to=page.releasable_to,
        facts=page.facts,
        sections=sections,
    )


def _revisions(found: RunDiff, words: Words) -> Section:
    lines = [
        f"{plain_text(name, limit=60)}: {words('revised')} {words.number(len(frame))}"
        for name, frame in found.changes.frames.items()
    ]
    return Section(words("summary"), lines[:_MOST_LINES])


def _late(found: RunDiff, words: Words) -> Section:
    if not found.same_period:
        return Section(words("late"), [words("late_other")], is_list=False)
    counts = ["added", "late", "withdrawn", "corrected"]
    by_layer = found.rows.groupby("layer")[counts].sum() if len(found.rows) else found.rows
    lines = [
        words(
            "late_rows",
            layer=words.layer(str(row["layer"])),
            **{name: words.number(int(row[name])) for name in counts},
        )
        for row in by_layer.reset_index().to_dict("records")
        if sum(int(row[name]) for name in counts)
    ]
    return Section(words("late"), (lines or [words("late_none")])[:_MOST_LINES])
