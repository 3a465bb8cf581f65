"""Days of a period that sources reported on, and rows that surely lie in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import BoolArray
from geocn.evaluation.periods import Window, read_spans
from geocn.project.model import Project
from geocn.project.period import Period
from geocn.project.results import World


@dataclass(frozen=True)
class Silence:
    """Days on which a source of a layer declared that it did not report.

    ``source`` is None where the file does not say whose rows it holds: then all rows of the
    layer may be concerned.
    """

    layer: str
    source: str | None
    start: date
    end: date


def silences_of(project: Project) -> list[Silence]:
    """Return the gaps that the files of a project declare."""
    return [
        Silence(layer, file.source, gap.start, gap.end)
        for layer, files in project.layers.items()
        for file in files
        for gap in file.declared_gaps
    ]


def restricted(world: World, period: Period) -> tuple[World, dict[str, int]]:
    """Keep the rows that surely lie in a period.

    A seizure known only to a month or year that is longer than the period counts in none:
    taken for its first day it would make a change of every January.

    Returns
    -------
    world : World
    unsure : dict of str to int
        Rows of each layer that may lie in the period but need not.
    """
    layers: dict[str, Any] = {}
    unsure: dict[str, int] = {}
    for name, frame in world.layers.items():
        inside = period.within(frame, name)
        if name == "seizures" and "seized_at" in frame:
            sure, perhaps = _surely(frame, period)
            unsure[name] = int((perhaps & ~sure).sum())
            inside = sure
        layers[name] = frame[inside]
    return World(layers, world.rasters, world.places, world.as_of), unsure


def _surely(frame: pd.DataFrame, period: Period) -> tuple[BoolArray, BoolArray]:
    first = np.datetime64(period.start, "us")
    window = Window(first, np.datetime64(period.end, "us") + np.timedelta64(1, "D"))
    spans = read_spans(frame, "seized_at", "seizures")
    return spans.surely_in(window), spans.perhaps_in(window)


def days_by_source(
    layer: str, frame: pd.DataFrame, silences: Sequence[Silence], pair: tuple[Period, Period]
) -> pd.Series:
    """Return of each row the days before and after on which its source reported.

    Returns
    -------
    Series
        Pairs of numbers, by the rows of ``frame``.
    """
    whole = (pair[0].days, pair[1].days)
    mine = [one for one in silences if one.layer == layer and _touches(one, pair)]
    if not mine:
        return pd.Series([whole] * len(frame), index=frame.index, dtype=object)
    named: Mapping[Any, Any] = {}
    # A release may leave out who reported: then every row may be of the silent source.
    anybody = "source" not in frame or any(one.source is None for one in mine)
    sources = [None] if anybody else list(frame["source"].unique())
    named = {
        source: tuple(
            period.days - _silent_days([s for s in mine if anybody or s.source == source], period)
            for period in pair
        )
        for source in sources
    }
    told = [named[None]] * len(frame) if anybody else [named[s] for s in frame["source"]]
    return pd.Series(told, index=frame.index, dtype=object)


def _touches(one: Silence, pair: tuple[Period, Period]) -> bool:
    return any(one.start <= period.end and one.end >= period.start for period in pair)


def _silent_days(silences: Sequence[Silence], period: Period) -> int:
    quiet = np.zeros(period.days, dtype=bool)
    for one in silences:
        first = max((one.start - period.start).days, 0)
        last = min((one.end - period.start).days, period.days - 1)
        quiet[first : last + 1] = True
    return int(quiet.sum())
