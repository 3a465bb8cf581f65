"""From what the files hold to one joint layer each, of a period where one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn import layers as readers
from geocn.project.file import ProjectFile
from geocn.project.paths import companions
from geocn.project.period import Period
from geocn.project.reading import Data, rejects_name
from geocn.provenance import KEY
from geocn.schema import layer_schema

# A span that every date lies in: a row within it has a date.
_EVER = Period("ever", date(1700, 1, 1), date(2250, 1, 1))


@dataclass
class Joint:
    """The joint layers of a run, and the account of what went into them.

    Attributes
    ----------
    layers : dict of str to GeoDataFrame
        By name; only the rows that hold in the period.
    left_out : dict of str to int
        How many rows of each layer lie outside the period, or carry no date.
    files : list of dict
        The accounts.
    rejects : dict of str to str
        The rejected rows of each file as CSV, by the name of that file.
    aside : list of Path
        Files with dated rows of which none lies in the period: no part of the run.
    """

    layers: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    rejects: dict[str, str] = field(default_factory=dict)
    aside: list[Path] = field(default_factory=list)


Kept = dict[str, tuple[int, ...]]


class Joiner:
    """Joins what was read, for one period after the other; the same files are joined once."""

    def __init__(self, source: ProjectFile, data: Data) -> None:
        self.source, self.data = source, data
        self._kept: dict[str | None, Kept] = {}
        self._of: dict[str | None, Joint] = {}
        self._joints: dict[tuple[str, tuple[int, ...]], tuple[Any, list[dict[str, Any]]]] = {}
        self._spans: dict[tuple[str, int], Any] = {}

    def kept(self, period: Period | None) -> Kept:
        """Return which files of each layer, from 0, are part of a run of ``period``.

        A file whose dated rows all lie elsewhere is left aside, so that what a partner adds
        for another period changes nothing here.
        """
        name = None if period is None else period.text
        if name not in self._kept:
            self._kept[name] = {
                layer: tuple(n for n in range(len(held)) if self._touches(layer, n, period))
                for layer, held in self.data.readings.items()
            }
        return self._kept[name]

    def aside(self, period: Period | None) -> list[Path]:
        """Return the files that are no part of a run of ``period``, companions included."""
        kept, found = self.kept(period), set[Path]()
        for layer, files in self.source.project.layers.items():
            for number, file in enumerate(files):
                if number not in kept[layer]:
                    found |= companions(self.source.resolve(file.path))
        return sorted(found)

    def of(self, period: Period | None) -> Joint:
        """Return the joint layers of ``period``, of all rows where it is None.

        Raises
        ------
        LayerError
            Where the files of a layer cannot be joined.
        """
        name = None if period is None else period.text
        if name not in self._of:
            self._of[name] = self._made(period)
        return self._of[name]

    def _made(self, period: Period | None) -> Joint:
        joint = Joint(files=list(self.data.files), aside=self.aside(period))
        told: list[dict[str, Any]] = []
        for layer, kept in self.kept(period).items():
            frame, accounts = self._joined(layer, kept)
            told += accounts
            if period is not None:
                inside = period.within(frame, layer)
                joint.left_out[layer] = int((~inside).sum())
                frame = frame[inside]
            joint.layers[layer] = frame
            for number in kept:
                one = self.data.readings[layer][number]
                joint.files.append(one.account)
                if one.rejects:
                    joint.rejects[rejects_name(self.source, layer, number)] = one.rejects
        joint.files += told
        return joint

    def _joined(self, layer: str, kept: tuple[int, ...]) -> tuple[Any, list[dict[str, Any]]]:
        if (layer, kept) not in self._joints:
            frames = [self.data.readings[layer][number].frame for number in kept]
            self._joints[layer, kept] = _join(self.source, layer, frames)
        return self._joints[layer, kept]

    def _touches(self, layer: str, number: int, period: Period | None) -> bool:
        frame = self.data.readings[layer][number].frame
        if period is None or not len(frame):
            return True
        if (layer, number) not in self._spans:
            self._spans[layer, number] = _span(frame, layer)
        first, last = self._spans[layer, number]
        if first is None:
            return True
        if last < period.start or first > period.end:
            return False
        return bool(period.within(frame, layer).any())


def columns_of(data: Data) -> dict[str, pd.DataFrame]:
    """Return an empty frame a layer with every column that any of its files has."""
    found = {}
    for layer, readings in data.readings.items():
        # The types stay: a profile may round only columns that hold numbers.
        parts = [pd.DataFrame(one.frame.iloc[:0]) for one in readings]
        for part in parts:
            part.attrs = {}  # pandas would copy them with every column
        found[layer] = pd.DataFrame({name: part[name] for part in parts for name in part})
    return found


def _span(frame: gpd.GeoDataFrame, layer: str) -> tuple[date | None, date | None]:
    """Return days that no row with a date lies outside of; None where no row has a date."""
    if not _EVER.within(frame, layer).any():
        return None, None
    if layer != "seizures":
        return _EVER.start, _EVER.end
    at = pd.to_datetime(frame["seized_at"], utc=True)
    return at.min().date(), at.max().date()


def _join(
    source: ProjectFile, layer: str, frames: Sequence[gpd.GeoDataFrame]
) -> tuple[gpd.GeoDataFrame, list[dict[str, Any]]]:
    kind = layer_schema(layer).name
    given = source.project.organisations if kind == "interventions" else None
    aliases = None if given is None else source.resolve(given.aliases)
    joint = readers.merge_layers(frames, layer=kind, organisations=aliases)
    # pandas copies attrs with every column it touches; the accounts are kept elsewhere.
    joint.attrs.get(KEY, {}).pop("files", None)
    if kind == "annotations":
        return _latest_notes(source, joint)
    return joint, _partners(source, joint, aliases) if kind == "interventions" else []


def _partners(
    source: ProjectFile, joint: gpd.GeoDataFrame, aliases: Path | None
) -> list[dict[str, Any]]:
    """Account for partners that several files spelled differently."""
    said = joint.attrs.get(KEY, {})
    told, changed = said.pop("organisations", None), said.pop("rows_renamed_across_files", 0)
    if told is None or (aliases is None and not changed):
        return []
    account: dict[str, Any] = {"path": source.shown(aliases or source.path)}
    account |= {"organisations": told, "rows_renamed_across_files": changed, "warnings": []}
    if told["n_suggested"]:
        account["warnings"].append(
            f"{told['n_suggested']} names of partners may mean another organisation; "
            "geocn inspect FILE --as interventions --suggest-aliases CSV lists them to confirm"
        )
    return [account]


def _latest_notes(
    source: ProjectFile, before: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, list[dict[str, Any]]]:
    """Count a note that several files hold once, in its latest wording, and account for it."""
    joint = readers.latest_notes(before)
    report = joint.attrs.get(KEY, {})
    # Earlier wordings stand in the account alone: attrs go into the files of the layer.
    earlier = report.pop("superseded_notes", [])
    repeated = report.pop("repeated_notes", 0)
    if len(joint) == len(before):
        return joint, []
    account = {
        "path": source.shown(source.path),
        "notes": len(joint),
        "repeated_notes": repeated,
        "superseded_notes": earlier,
        "warnings": [],
    }
    return joint, [account]
