"""What changed since the period before: cells and segments of the same analyses, tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import geopandas as gpd

from geocn.errors import GeocnError
from geocn.project.analyses import BorderHotspots, Hotspots
from geocn.project.changes_comparison import Comparison
from geocn.project.changes_days import Silence, restricted
from geocn.project.model import Project
from geocn.project.period import Period
from geocn.project.reading import Progress
from geocn.project.results import Results, World


@dataclass
class Changes:
    """What changed from one period to the next.

    Attributes
    ----------
    before, after : Period
        The two periods.
    frames : dict of str to GeoDataFrame
        By analysis, a row a cell or segment with any event or a hotspot in either period.
    skipped : dict of str to str
        Why an analysis could not be compared.
    worlds : pair of World
        What each period was computed from.
    unsure : dict of str to int
        Rows by layer whose date is known too roughly to say in which period they lie.
    alpha : dict of str to float
        Level of the tests, by analysis.
    """

    before: Period
    after: Period
    frames: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    worlds: tuple[World, World] = field(default_factory=lambda: (World({}, {}, {}),) * 2)
    unsure: dict[str, int] = field(default_factory=dict)
    alpha: dict[str, float] = field(default_factory=dict)


def pair_of(project: Project, period: Period | None, as_of: date) -> tuple[Period, Period] | None:
    """Return the period before and the period itself; None where a project wants no changes.

    Without a period it is the last whole month (quarter, year) before the cut-off.

    Raises
    ------
    ParameterError
        Where the calendar has none before.
    """
    if project.changes.skip:
        return None
    after = period or Period.last_whole(as_of, project.changes.every)
    return after.before(), after


def compared(project: Project) -> list[Hotspots | BorderHotspots]:
    """Return the analyses whose changes a project asks for."""
    named = project.changes.analyses
    return [
        one
        for one in project.analyses
        if isinstance(one, (Hotspots, BorderHotspots)) and (named is None or one.name in named)
    ]


def find_changes(
    specs: Iterable[Hotspots | BorderHotspots],
    worlds: tuple[World, World],
    *,
    pair: tuple[Period, Period],
    results: Results,
    silences: Sequence[Silence] = (),
    progress: Progress,
    **options: Any,
) -> Changes:
    """Compute analyses in two periods on the same cells or segments, and test what differs.

    Parameters
    ----------
    specs : iterable of Analysis
        Hotspots and border hotspots, as in the project file.
    worlds : pair of World
        Where to take the rows of the period before, and those of the period; rows that do
        not surely lie in it are left out.
    pair : pair of Period
        The period before, and the period.
    results : Results
        What the run gave for the same analyses: cells lie on the lattice of theirs.
    silences : sequence of Silence
        Days on which sources did not report.
    progress : callable
        Told what is being computed.
    **options
        Passed on to :func:`geocn.project.compute.compute`.

    Returns
    -------
    Changes
        What cannot be compared stands in ``skipped``; nothing is raised for it, since the
        run itself is whole without it.
    """
    sides = [restricted(world, period) for world, period in zip(worlds, pair, strict=True)]
    unsure = {
        name: sum(told.get(name, 0) for _, told in sides) for name in {**sides[0][1], **sides[1][1]}
    }
    both = (sides[0][0], sides[1][0])
    found = Changes(*pair, worlds=both, unsure=unsure)
    for spec in specs:
        progress(f"{spec.name}: changes since {pair[0].text}")
        try:
            one = Comparison(spec, both, pair, results, options=options)
            table = one.table(silences)
        except GeocnError as error:
            found.skipped[spec.name] = str(error)
            continue
        found.frames[spec.name] = table
        found.alpha[spec.name] = float(spec.alpha)
    return found
