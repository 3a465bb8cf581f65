"""Paths of a project file that stand for several files on disk."""

from __future__ import annotations

from pathlib import Path

#: The folder beside the runs that keeps what was read and computed before.
CACHE = ".geocn-cache"


def is_pattern(path: str) -> bool:
    """Say whether a path of a project file may stand for several files."""
    return bool(set(Path(path).name) & set("*?"))


def matches(pattern: Path) -> list[str]:
    """Return the names of the files that a pattern finds, sorted, without hidden ones."""
    found = [one.name for one in pattern.parent.glob(pattern.name) if is_file(one)]
    # Editors and offices put a hidden file beside the one that they have open.
    return sorted(name for name in found if not name.startswith((".", "~$")))


def companions(path: Path) -> set[Path]:
    """Return a file and, of a Shapefile, the files beside it that hold the rest of it."""
    if path.suffix.casefold() != ".shp":
        return {path}
    return {one for one in path.parent.glob(f"{path.stem}.*") if is_file(one)} | {path}


def is_file(path: Path) -> bool:
    """Say whether a file is seen there; not so in a folder that may not be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Say whether a folder is seen there; not so in one that may not be entered."""
    try:
        return path.is_dir()
    except OSError:
        return False
