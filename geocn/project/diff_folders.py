"""The folders of two runs, or of two releases, read back to be compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from geocn._typing import StrPath
from geocn.errors import ParameterError, ReadError
from geocn.io.atomic import safe_name
from geocn.project.clearing import checked_frame
from geocn.project.file import SUMS
from geocn.project.model import Project
from geocn.project.period import Period
from geocn.sharing.marking import Marking


@dataclass(frozen=True)
class Folder:
    """A run, or one of its releases.

    Attributes
    ----------
    path : Path
        The folder that its list of sums stands in.
    told : dict
        Its manifest, or what the release says of itself.
    """

    path: Path
    told: dict[str, Any]

    @classmethod
    def open(cls, path: StrPath) -> Folder:
        """Open the folder of a run or of a release.

        Raises
        ------
        ReadError
            Where it is neither, or what stands in it cannot be read.
        """
        folder = Path(path).resolve()
        for name in ("manifest.json", "release.json"):
            if (folder / name).is_file() and (folder / SUMS).is_file():
                try:
                    told = json.loads((folder / name).read_text("utf-8"))
                    Marking.parse(told["marking"])
                    told["as_of"], told["period"], told["title"]
                except (OSError, ValueError, KeyError, TypeError) as error:
                    raise ReadError(f"{path}: {name} is not what a run wrote ({error}).") from error
                return cls(folder, told)
        raise ReadError(
            f"{path}: neither a run nor a release: there is no manifest.json or release.json with "
            f"{SUMS} beside it. Give the folder of a run, such as out/2025-03-1a2b3c4d."
        )

    @property
    def partner(self) -> str | None:
        """Partner of a release; None for a run."""
        return self.told.get("partner") if "parameters" not in self.told else None

    @property
    def name(self) -> str:
        """Name of the run that it is or belongs to."""
        return (self.path if self.partner is None else self.path.parent.parent).name

    @property
    def marking(self) -> Marking:
        """Marking of the whole."""
        return Marking.parse(self.told["marking"])

    @property
    def period(self) -> Period | None:
        """What it looks at, None for everything."""
        return Period.parse(self.told["period"]) if self.told["period"] else None

    @cached_property
    def project(self) -> Project | None:
        """The project as the run knew it; None for a release, which does not say."""
        if "parameters" not in self.told:
            return None
        try:
            return Project.model_validate(self.told["parameters"])
        except ValidationError as error:
            raise ReadError(
                f"{self.path}: its parameters are of another version of geocn "
                f"({error.error_count()} keys do not fit). Run the project again."
            ) from error

    @property
    def _home(self) -> Path:
        return self.path / "joint" if self.partner is None else self.path

    @cached_property
    def layers(self) -> dict[str, pd.DataFrame]:
        """Its layers.

        Raises
        ------
        ReadError
            Where it holds none as GeoParquet, or one is not what its list names.
        """
        paths = sorted((self._home / "layers").glob("*.parquet"))
        if not paths:
            raise ReadError(
                f"{self.path}: holds no layers as GeoParquet to compare. Add parquet to `formats` "
                "of [outputs], and run again."
            )
        return {path.stem: checked_frame(self.path, path) for path in paths}

    def result(self, name: str) -> pd.DataFrame | None:
        """Return the result of an analysis, None where it holds none."""
        path = self._home / "results" / f"{safe_name(name)}.parquet"
        return checked_frame(self.path, path) if path.is_file() else None

    def results(self) -> list[str]:
        """Return the names of the results as their files bear them."""
        return [path.stem for path in sorted((self._home / "results").glob("*.parquet"))]


def open_two(
    before: StrPath, after: StrPath | None, *, release: str | None = None
) -> tuple[Folder, Folder]:
    """Open what is to be compared.

    Without ``after``, ``before`` is a folder of runs, whose ``previous`` and ``latest`` are
    meant.

    Raises
    ------
    ReadError
        Where one is no run.
    ParameterError
        Where they are not of one kind: a run and a release, or releases to two partners.
    """
    if after is None:
        base = Path(before)
        paths = [_linked(base, name) for name in ("previous", "latest")]
    else:
        paths = [Path(before), Path(after)]
    if release is not None:
        paths = [path.resolve() / "releases" / safe_name(release) for path in paths]
    first, second = (Folder.open(path) for path in paths)
    if first.partner != second.partner:
        kinds = ["a joint run" if f.partner is None else f"a release to {f.partner}"
                 for f in (first, second)]  # fmt: skip
        raise ParameterError(
            f"{kinds[0]} and {kinds[1]} cannot be compared: what is withheld from one would look "
            "like a change. Give two runs, or two releases to one partner."
        )
    return first, second


def _linked(base: Path, name: str) -> Path:
    link = base / name
    text = base / f"{name}.txt"
    if not link.exists() and text.is_file():
        return base / Path(text.read_text("utf-8").strip()).name
    if not link.exists():
        raise ReadError(
            f"{base}: there is no {name!r} in it. Give two runs, or a folder with two runs or more."
        )
    return link
