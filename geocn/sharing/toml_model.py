"""TOML files read into pydantic models; an error names the file, the line and the key."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from geocn._typing import StrPath
from geocn.errors import ProjectError

M = TypeVar("M", bound=BaseModel)
Location = tuple[str | int, ...]
Check = Callable[[M], Iterable[tuple[Location, str]]]

_LARGEST_BYTES = 4_000_000
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_BLANK = re.compile(r"(?:[\s,]+|#[^\n]*)*")
_SEVERAL_LINES = r'"""(?:[^\\]|\\.)*?"{3,5}' + r"|'''.*?'{3,5}"
_ONE_LINE = r'"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'"
_STRING = re.compile(f"{_SEVERAL_LINES}|{_ONE_LINE}", re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}\n#]*")


def read_model(path: StrPath, model: type[M], *, check: Check[M] | None = None) -> M:
    """Read the TOML file at ``path`` into ``model``.

    Parameters
    ----------
    path : path
        The file.
    model : type of BaseModel
        What it must hold.
    check : callable, optional
        Given the model, yields further faults, each as the place of its key and a sentence.

    Raises
    ------
    ProjectError
        Where the file is missing, is no TOML, or does not fit the model. The message has
        one line a fault: file, line, key, and what is wrong with it.
    """
    file = Path(path)
    text = _text(file)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        where = f"{file}, line {at[1]}" if at else str(file)
        raise ProjectError(f"{where}: this is not TOML: {error}") from error
    try:
        read = model.model_validate(content)
    except ValidationError as error:
        lines = locate(text)
        faults = [_fault(file, lines, one["loc"], one["msg"]) for one in error.errors()]
        raise ProjectError("\n".join(dict.fromkeys(faults))) from error
    found = list(check(read)) if check else []
    if found:
        lines = locate(text)
        raise ProjectError("\n".join(_fault(file, lines, loc, said) for loc, said in found))
    return read


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise ProjectError(f"{file}: larger than {_LARGEST_BYTES:,} bytes; this is no project.")
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ProjectError(f"{file}: TOML files are UTF-8; save it with that encoding.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ProjectError(f"{file}: cannot be opened: {reason}.") from error


def _fault(file: Path, lines: dict[Location, int], loc: Sequence[str | int], message: str) -> str:
    found = nearest(lines, loc)
    where = f"{file}, line {lines[found]}" if found else str(file)
    key = _key_text(found, loc)
    return f"{where}{', key ' + key if key else ''}: {message.removeprefix('Value error, ')}"


def _key_text(found: Location, loc: Sequence[str | int]) -> str:
    """Write the key as a user would, without the names that pydantic gives to choices."""
    parts: list[str | int] = list(found)
    if loc and (not found or loc[-1] != found[-1]) and isinstance(loc[-1], str):
        parts.append(loc[-1])
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def nearest(lines: dict[Location, int], loc: Sequence[str | int]) -> Location:
    """Return the deepest known place on the way along ``loc``; other parts are skipped."""
    found: Location = ()
    for part in loc:
        if (*found, part) in lines:
            found = (*found, part)
    return found


def locate(text: str) -> dict[Location, int]:
    """Return the line (from 1) of every key, table and array item of a valid TOML text."""
    return _Locator(text).run()


class _Locator:
    """Walks over a text that ``tomllib`` has accepted and notes where keys stand."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self.lines: dict[Location, int] = {}
        self.counts: dict[Location, int] = {}

    def run(self) -> dict[Location, int]:
        table: Location = ()
        while self._skip():
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _note(self, path: Location) -> None:
        self.lines.setdefault(path, bisect_right(self.starts, self.at))

    def _skip(self) -> bool:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at < len(self.text)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip()
            quoted = _STRING.match(self.text, self.at)
            match = quoted or _BARE_KEY.match(self.text, self.at)
            if match is None:
                return keys
            self.at = match.end()
            keys.append(_unquoted(match[0]) if quoted else match[0])
            self._skip()
            if self.text[self.at : self.at + 1] != ".":
                return keys
            self.at += 1

    def _header(self) -> Location:
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        keys = self._keys()
        path: Location = ()
        for depth, key in enumerate(keys):
            path = (*path, key)
            self._note(path)
            if is_array and depth == len(keys) - 1:
                self.counts[path] = self.counts.get(path, -1) + 1
            if path in self.counts:
                path = (*path, self.counts[path])
                self._note(path)
        self.at += 2 if is_array else 1
        return path

    def _pair(self, table: Location) -> None:
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path)
        self.at += 1  # the equals sign
        self._value(path)

    def _value(self, path: Location) -> None:
        self._skip()
        opening = self.text[self.at : self.at + 1]
        if opening in ("[", "{"):
            self._members(path, closing="]" if opening == "[" else "}")
            return
        match = _STRING.match(self.text, self.at) or _BARE_VALUE.match(self.text, self.at)
        self.at = match.end() if match else self.at + 1

    def _members(self, path: Location, *, closing: str) -> None:
        self.at += 1
        index = 0
        while self._skip() and self.text[self.at] != closing:
            if closing == "}":
                self._pair(path)
                continue
            self._note((*path, index))
            self._value((*path, index))
            index += 1
        self.at += 1


def _unquoted(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    return str(next(iter(tomllib.loads(f"{key} = 0"))))
