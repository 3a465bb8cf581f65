"""Which run a door serves: the one named, or the one that ``latest`` points to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geocn.errors import ParameterError, ReadError
from geocn.serve.holding import Holding, refuse_joint

LATEST = "latest"
#: The run folder's name and what tells a folder that was replaced from the one before.
Target = tuple[str, int, int]


def run_folder(path: Path) -> tuple[Path, Path | None]:
    """Return the run folder that ``path`` means, and the output folder where it followed latest.

    Parameters
    ----------
    path : Path
        A run folder, the folder that holds the runs, or its ``latest``.

    Raises
    ------
    ParameterError
        Where it is neither.
    """
    if path.name == LATEST and (path.is_symlink() or path.with_suffix(".txt").is_file()):
        path = path.parent
    whole = path.resolve()
    if (whole / "manifest.json").is_file():
        return whole, None
    if not (path / LATEST).is_symlink() and not (path / f"{LATEST}.txt").is_file():
        raise ParameterError(f"{path} is no run and holds no {LATEST}: name what geocn run wrote.")
    return whole / latest_of(whole)[0], whole


def latest_of(out: Path) -> Target:
    """Return what ``latest`` points to now.

    Raises
    ------
    ReadError
        Where it points nowhere, or out of the folder.
    """
    link = out / LATEST
    try:
        told = link.readlink().as_posix() if link.is_symlink() else _written(out)
        if Path(told).name != told or told in {"", ".", ".."}:
            raise ReadError(f"{link} points out of its folder, to {told!r}; it is not followed.")
        found = (out / told).lstat()
    except ReadError:
        raise
    except (OSError, ValueError) as error:
        raise ReadError(f"{link} cannot be followed: {error}.") from error
    return told, found.st_dev, found.st_ino


def _written(out: Path) -> str:
    return (out / f"{LATEST}.txt").read_text(encoding="utf-8").strip()


@dataclass
class Shelf:
    """The release that is served now, and the next one when ``latest`` moves.

    Attributes
    ----------
    holding : Holding or None
        None where ``latest`` moved to a run whose release cannot be served: the earlier one is
        over, and showing it would go on giving out what may have been withdrawn.
    """

    profile: str
    holding: Holding | None
    out: Path | None = None
    target: Target | None = None

    @classmethod
    def read(cls, path: Path, profile: str, *, follow: bool) -> Shelf:
        """Check a release, and remember what to follow.

        Raises
        ------
        ParameterError
            Where there is nothing to serve or to follow, or the joint folder is asked for.
        ReadError
            Where the release is not what it lists.
        """
        refuse_joint(profile)
        run, out = run_folder(path)
        if not follow:
            return cls(profile, Holding.read(run, profile))
        if out is None:
            raise ParameterError(f"follow: {path} is one run; name the folder that holds {LATEST}.")
        target = latest_of(out)
        return cls(profile, Holding.read(out / target[0], profile), out, target)

    def moved(self) -> Target | None:
        """Return where ``latest`` points now, None where it has not moved or is not followed."""
        if self.out is None:
            return None
        try:
            now = latest_of(self.out)
        except ReadError:
            now = ("", 0, 0)
        return None if now == self.target else now

    def follow(self, target: Target) -> None:
        """Check the release of another run and put it in the place of the present one.

        Raises
        ------
        ParameterError, ReadError
            Where that run does not hold it whole; nothing is served from then on.
        """
        holding = None
        try:
            if self.out is None or not target[0]:
                raise ReadError(f"{LATEST} points nowhere.")
            holding = Holding.read(self.out / target[0], self.profile)
        finally:
            self.holding, self.target = holding, target
