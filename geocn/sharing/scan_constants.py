"""What every map holds: words of the package itself, which give nobody away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

import pandas as pd

from geocn.sharing.scan_text import folded
from geocn.sharing.scan_watch import WatchList

_SHORTEST = 8  # letters of a line that is left out
_TEXTS = (".js", ".css", ".json", ".md")

Found = tuple[str, int, int]


def without_constants(found: list[Found], watch: WatchList) -> list[Found]:
    """Leave out texts that the package's scripts, catalogues or basemap hold by themselves.

    They are read only where something was found, so that a clean scan costs nothing more.
    Canaries are never left out.
    """
    codes = {code for _, code, _ in found}
    kinds = {code: watch.origin(code).kind for code in codes}
    if not any(kind in ("id", "text") for kind in kinds.values()):
        return found
    public = watch.find_text(constant_text()).keys()
    gone = {code for code in public & codes if kinds[code] != "canary"}
    return [one for one in found if one[1] not in gone]


@lru_cache(maxsize=1)
def _constant_lines() -> frozenset[str]:
    """Return the lines of the scripts and styles, and the messages of the catalogues."""
    lines: set[str] = set()
    with as_file(files("geocn") / "maps" / "assets") as assets:
        for path in sorted(assets.rglob("*")):
            if path.suffix in (".js", ".css"):
                lines.update(map(str.strip, path.read_text(encoding="utf-8").splitlines()))
            elif path.suffix == ".json":
                lines.update(_messages(json.loads(path.read_text(encoding="utf-8"))))
    return frozenset(line for line in lines if len(line) >= _SHORTEST)


def _messages(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield from map(str.strip, node.splitlines())
    elif isinstance(node, (dict, list)):
        for one in node.values() if isinstance(node, dict) else node:
            yield from _messages(one)


def without_constant_lines(text: str) -> str:
    """Leave out lines that are exactly lines of the package's scripts, styles and messages."""
    lines = text.split("\n")
    constant = _constant_lines()
    kept = [line for line in lines if line.strip() not in constant]
    return text if len(kept) == len(lines) else "\n".join(kept)


def without_constant_texts(node: Any) -> Any:
    """Return the header of a block without the package's own lines in its texts."""
    if isinstance(node, str):
        return without_constant_lines(node) if len(node) >= _SHORTEST else node
    if isinstance(node, list):
        return [without_constant_texts(one) for one in node]
    if isinstance(node, dict):
        return {key: without_constant_texts(one) for key, one in node.items()}
    return node


@lru_cache(maxsize=1)
def constant_text() -> str:
    """Return all texts of scripts, styles, catalogues and basemap, folded."""
    return folded("\n".join(_texts()))


def _texts() -> Iterator[str]:
    with as_file(files("geocn") / "maps" / "assets") as assets:
        for path in sorted(assets.rglob("*")):
            if path.suffix in _TEXTS:
                yield path.read_text(encoding="utf-8")
        labels = pd.read_parquet(assets / "basemap" / "labels.parquet")
    yield from labels["name"].astype(str)
