"""Two runs compared: inputs, parameters, rows, and what changed in cells and segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.io.atomic import atomic_folder
from geocn.project.brief_words import Words
from geocn.project.changes import Changes
from geocn.project.changes_classes import CLASSES
from geocn.project.changes_output import write_changes
from geocn.project.diff_analyses import compare_analyses
from geocn.project.diff_brief import diff_brief
from geocn.project.diff_folders import Folder, open_two
from geocn.project.diff_rows import COLUMNS, compare_rows
from geocn.project.manifest import to_text
from geocn.provenance import plain
from geocn.sharing.marking import Marking

_MARK = "diff.json"
_FORMATS = ("parquet", "gpkg")
_NOTHING = object()


@dataclass(frozen=True)
class RunDiff:
    """What differs between two runs, or two releases to one partner.

    Attributes
    ----------
    before, after : Folder
        The two.
    inputs : dict of str to list of str
        Paths of inputs ``added``, ``removed`` and ``changed``.
    parameters : list of dict
        Keys of the project file that differ: ``key, before, after``.
    rows : DataFrame
        By layer and source: rows ``before, after, added, late`` (added rows dated up to the
        cut-off of the earlier run), ``withdrawn, corrected``. Empty where the runs look at
        other periods, whose rows are others.
    changes : Changes
        By analysis, cells and segments with their class.
    is_revision : bool
        Whether both tell of days in common: then the differences are corrections of what is
        known, and are counted, not tested.
    """

    before: Folder
    after: Folder
    inputs: dict[str, list[str]]
    parameters: list[dict[str, Any]]
    rows: pd.DataFrame
    changes: Changes
    is_revision: bool

    @property
    def same_period(self) -> bool:
        """Whether both look at the same period, so that their rows can be compared."""
        return bool(self.before.told["period"] == self.after.told["period"])

    @property
    def marking(self) -> Marking:
        """Marking of what is said here: the higher of the two."""
        return max(self.before.marking, self.after.marking)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, the change tables without geometry."""
        tables = {
            name: _records(frame.drop(columns="geometry", errors="ignore"))
            for name, frame in self.changes.frames.items()
        }
        told: dict[str, Any] = plain(
            {
                "marking": str(self.marking),
                "before": {"run": self.before.name, "as_of": self.before.told["as_of"]},
                "after": {"run": self.after.name, "as_of": self.after.told["as_of"]},
                "partner": self.after.partner,
                "is_revision": self.is_revision,
                "inputs": self.inputs,
                "parameters": self.parameters,
                "rows": _records(self.rows),
                "analyses": {
                    name: {
                        "classes": classes_of(frame),
                        "cells": tables[name],
                    }
                    for name, frame in self.changes.frames.items()
                },
                "not_compared": self.changes.skipped,
            }
        )
        return told

    def write(self, folder: StrPath, *, language: str | None = None) -> Path:
        """Write the change layer (GeoParquet, GeoPackage), the brief and ``diff.json``.

        Parameters
        ----------
        folder : path
            A new folder, or that of an earlier comparison, which is replaced.
        language : {"en", "es", "fr", "pt", "ar"}, optional
            Of the brief; by default that of the later run's project.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ParameterError
            Where something else stands in the folder.
        WriteError
            Where it cannot be written.
        """
        target = Path(folder)
        taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
        if taken and not (target / _MARK).is_file():
            raise ParameterError(f"{target}: holds something else; choose a new folder.")
        words = Words(language or self._language())
        about = {
            "title": self.after.told["title"],
            "marking": str(self.marking),
            "as_of": self.after.told["as_of"],
        }
        with atomic_folder(target) as draft:
            write_changes(draft, self.changes, diff_brief(self, words), formats=_FORMATS,
                          about=about)  # fmt: skip
            (draft / _MARK).write_text(to_text(self.to_dict()), encoding="utf-8", newline="\n")
        return target

    def _language(self) -> str:
        project = self.after.project
        return "en" if project is None else project.outputs.language


def diff(before: StrPath, after: StrPath | None = None, *, release: str | None = None) -> RunDiff:
    """Compare two runs.

    Parameters
    ----------
    before, after : path
        Folders of two runs, or of two releases to one partner. With ``before`` alone, a
        folder of runs, of which ``previous`` and ``latest`` are compared.
    release : str, optional
        Compare this release of both runs in place of what is joint.

    Returns
    -------
    RunDiff

    Raises
    ------
    ReadError
        Where one is no run, was changed since, or holds no layers as GeoParquet.
    ParameterError
        Where they are of two kinds: joint and released, or released to two partners.
    """
    first, second = open_two(before, after, release=release)
    overlap = _overlap(first, second)
    same = first.told["period"] == second.told["period"]
    rows = pd.DataFrame(columns=list(COLUMNS))
    if same:
        found = [
            compare_rows(
                name,
                first.layers.get(name, frame.iloc[:0]),
                second.layers.get(name, frame.iloc[:0]),
                known_until=first.told["as_of"],
            )
            for name, frame in sorted({**first.layers, **second.layers}.items())
        ]
        rows = pd.concat(found, ignore_index=True)
    return RunDiff(
        before=first,
        after=second,
        inputs=_inputs(first, second),
        parameters=list(_parameters(first, second)),
        rows=rows,
        changes=compare_analyses(first, second, overlap=overlap),
        is_revision=overlap,
    )


def classes_of(frame: pd.DataFrame) -> dict[str, int]:
    """Count the classes of a change table, all of them named."""
    counts = frame["change_class"].value_counts()
    names = [*CLASSES, *(name for name in counts.index if name not in CLASSES)]
    return {str(name): int(counts.get(name, 0)) for name in names}


def _overlap(first: Folder, second: Folder) -> bool:
    one, other = first.period, second.period
    if one is None or other is None:
        return True
    return one.start <= other.end and other.start <= one.end


def _inputs(first: Folder, second: Folder) -> dict[str, list[str]]:
    one, other = first.told.get("inputs", {}), second.told.get("inputs", {})
    return {
        "added": sorted(set(other) - set(one)),
        "removed": sorted(set(one) - set(other)),
        "changed": sorted(name for name in set(one) & set(other) if one[name] != other[name]),
    }


def _parameters(first: Folder, second: Folder) -> Iterator[dict[str, Any]]:
    one, other = (
        dict(_leaves({key: folder.told.get(key) for key in ("as_of", "period", "parameters")}))
        for folder in (first, second)
    )
    for key in sorted({*one, *other}):
        if one.get(key, _NOTHING) != other.get(key, _NOTHING):
            yield {"key": key, "before": one.get(key), "after": other.get(key)}


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value below, with the path of its key."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            label = one.get("name", number) if isinstance(one, Mapping) else number
            yield from _leaves(one, f"{at}[{label}]")
    elif value is not None:
        yield at, value


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain values; what is no number or infinite becomes null."""
    rows = []
    for row in frame.to_dict("records"):
        told: dict[str, Any] = {}
        for key, value in row.items():
            bad = value is None or value is pd.NA
            if isinstance(value, (float, np.floating)):
                bad = not np.isfinite(value)
            told[str(key)] = None if bad else value
        rows.append(told)
    return rows
