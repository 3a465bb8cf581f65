"""What a run, a release or a set of frames gives to a database: frames and their label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from geocn._typing import StrPath
from geocn.errors import ParameterError, ReadError
from geocn.io.atomic import safe_name, sha256_file
from geocn.publish._storable import clean_text
from geocn.sharing.marking import Marking, marking_of

JOINT = "joint"
_WHOLE = "all"
_PARTS = (("layers", ""), ("results", "result_"))


@dataclass(frozen=True)
class Publication:
    """Frames by the name of their table, and what is told of them all.

    Attributes
    ----------
    frames : dict of str to DataFrame
    run_id : str
        The same for the same content, another for any other.
    audience : str
        ``"joint"``, or the partner of a release.
    period : str
        As the run's; ``"all"`` where it had none.
    marking : Marking
    as_of : date or None
        Information cut-off.
    title : str
    """

    frames: dict[str, pd.DataFrame]
    run_id: str
    audience: str
    period: str
    marking: Marking
    as_of: date | None
    title: str


def publication_of(
    source: StrPath | Mapping[str, pd.DataFrame],
    *,
    release: str | None,
    about: Mapping[str, Any] | None,
) -> Publication:
    """Read a run's or a release's folder, or take frames as they are.

    Raises
    ------
    ReadError
        Where the folder is no run or release, lacks its Parquet files, or a file is not the
        one that its manifest lists.
    ParameterError
        Where the release is not in the run, or frames come without ``run_id``.
    """
    if isinstance(source, Mapping):
        if release is not None:
            raise ParameterError("release= is for a run's folder; name the audience in about=.")
        return _of_frames(source, about or {})
    if about is not None:
        raise ParameterError("about= is for frames; a folder says these things itself.")
    folder = Path(source).resolve()
    if not (folder / "manifest.json").is_file() and (folder / "latest").is_dir():
        folder = (folder / "latest").resolve()
    if (folder / "release.json").is_file():
        if release is not None:
            raise ParameterError(f"{folder.name} is one release; leave release= away.")
        return _of_release(folder)
    if not (folder / "manifest.json").is_file():
        message = f"{source}: holds neither manifest.json nor release.json. Name a run's folder."
        raise ReadError(message)
    if release is None:
        return _of_run(folder)
    inside = folder / "releases" / safe_name(release)
    if not (inside / "release.json").is_file():
        found = sorted(one.parent.name for one in folder.glob("releases/*/release.json"))
        there = f"there are {', '.join(found)}" if found else "there are none"
        raise ParameterError(f"{folder.name}: no release is called {release!r}; {there}.")
    return _of_release(inside)


def _of_frames(frames: Mapping[str, pd.DataFrame], about: Mapping[str, Any]) -> Publication:
    unknown = sorted(set(about) - {"run_id", "audience", "period", "marking", "as_of", "title"})
    if unknown:
        raise ParameterError(f"about= does not know {', '.join(unknown)}.")
    if not about.get("run_id"):
        raise ParameterError("frames need about={'run_id': …}: it tells one publishing from next.")
    label = about.get("marking")
    return Publication(
        frames=dict(frames),
        run_id=str(clean_text(str(about["run_id"]))),
        audience=str(clean_text(str(about.get("audience") or JOINT))),
        period=str(clean_text(str(about.get("period") or _WHOLE))),
        marking=Marking.parse(label) if label else marking_of(*frames.values()),
        as_of=_day(about.get("as_of")),
        title=str(about.get("title") or ""),
    )


def _of_run(folder: Path) -> Publication:
    told = _json(folder / "manifest.json")
    outputs = {
        name.removeprefix(f"{JOINT}/"): digest
        for name, digest in told.get("outputs", {}).items()
        if name.startswith(f"{JOINT}/")
    }
    return _publication(folder / JOINT, told, outputs, run_id=folder.name, audience=JOINT)


def _of_release(folder: Path) -> Publication:
    told = _json(folder / "release.json")
    # A release leaves its run's folder, whose name it does not know: its own list tells it.
    run_id = f"{folder.name}-{sha256_file(folder / 'release.json')[:8]}"
    audience = str(told.get("partner") or folder.name)
    return _publication(folder, told, told.get("outputs", {}), run_id=run_id, audience=audience)


def _publication(
    folder: Path,
    told: Mapping[str, Any],
    outputs: Mapping[str, str | None],
    *,
    run_id: str,
    audience: str,
) -> Publication:
    frames: dict[str, pd.DataFrame] = {}
    for part, prefix in _PARTS:
        for path in sorted((folder / part).glob("*.parquet")):
            digest = outputs.get(f"{part}/{path.name}")
            if digest != sha256_file(path):
                raise ReadError(
                    f"{path.name}: is not the file that the manifest lists. Make the run again."
                )
            frames[f"{prefix}{path.stem}".lower()] = _frame(path)
    listed = sum(name.endswith(".parquet") for name in outputs)
    if not frames or len(frames) != listed:
        raise ReadError(
            f'{folder.name}: {len(frames)} of {listed} Parquet files are there. Add "parquet" to '
            "the formats of the project, or name a run that is whole."
        )
    return Publication(
        frames=frames,
        run_id=str(clean_text(run_id)),
        audience=str(clean_text(audience)),
        period=str(clean_text(str(told.get("period") or _WHOLE))),
        marking=Marking.parse(str(told["marking"])),
        as_of=_day(told.get("as_of")),
        title=str(told.get("title") or ""),
    )


def _frame(path: Path) -> pd.DataFrame:
    try:
        spatial = b"geo" in (pq.read_schema(path).metadata or {})
        return gpd.read_parquet(path) if spatial else pd.read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ReadError(f"{path.name}: cannot be read as Parquet. Make the run again.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReadError(f"{path.name}: cannot be read as JSON. Make the run again.") from error
    if not isinstance(told, dict) or "marking" not in told:
        raise ReadError(f"{path.name}: states no marking. Name the folder of a run or a release.")
    return told


def _day(value: Any) -> date | None:
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ParameterError(f"as_of {value!r} is no day; write it as 2025-12-31.") from error
