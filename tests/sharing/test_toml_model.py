import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from geocn.errors import ProjectError
from geocn.sharing.toml_model import locate, nearest, read_model

TEXT = '''\
title = "a # [not] = a table"
long = """
key = 1
[table]
"""
[a.b]
"quoted.key" = 1
dotted.key = 2
inline = { x = 1, y = [1, { z = 2 }] }
[[list]]
name = 'one'
gaps = [
  { from = 1 },  # a comment, with ] and }
  { from = 2, to = 3 },
]
[[list]]
name = "two"
[list.sub]
deep = true
[[list.items]]
v = 1
[[list.items]]
v = 2
'''


def test_every_key_has_its_line() -> None:
    lines = locate(TEXT)
    expected: dict[tuple[str | int, ...], int] = {
        ("title",): 1,
        ("long",): 2,
        ("a", "b", "quoted.key"): 7,
        ("a", "b", "dotted", "key"): 8,
        ("a", "b", "inline", "y", 1, "z"): 9,
        ("list", 0, "name"): 11,
        ("list", 0, "gaps", 1, "to"): 14,
        ("list", 1): 16,
        ("list", 1, "name"): 17,
        ("list", 1, "sub", "deep"): 19,
        ("list", 1, "items", 1, "v"): 23,
    }
    assert {key: lines[key] for key in expected} == expected
    assert _paths(tomllib.loads(TEXT)) <= set(lines)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    if not isinstance(value, (dict, list)):
        return {path}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found = {path} if path else set()
    return found.union(*(_paths(item, (*path, key)) for key, item in pairs))


KEYS = st.text("abc-_é. \"'#", min_size=1, max_size=4)
SCALARS = st.one_of(st.integers(), st.booleans(), st.text("ab\"'#[]{}\n,=é", max_size=6))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(_toml(v) for v in value) + " # ]\n]"
    return str(value)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_the_locator_finds_every_path_that_tomllib_finds(content: dict[str, Any]) -> None:
    text = "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in content.items())
    assert tomllib.loads(text) == content
    assert set(locate(text)) == _paths(content)


def test_nearest_skips_the_names_pydantic_gives_to_choices() -> None:
    lines = locate("[[analyses]]\nkind = 'x'\n")
    assert nearest(lines, ("analyses", 0, "hotspots", "kind")) == ("analyses", 0, "kind")
    assert nearest(lines, ("elsewhere",)) == ()


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"number = 'x'", "line 1, key number"),
        (b"number = 1\nother = 2", "line 2, key other"),
        (b"", "key number: Field required"),
        (b"number = \n", "line 1: this is not TOML"),
        (b"number = '\xff'", "UTF-8"),
    ],
)
def test_faults_are_project_errors(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "thing.toml"
    file.write_bytes(content)
    with pytest.raises(ProjectError, match=r"thing\.toml") as caught:
        read_model(file, Thing)
    assert said in str(caught.value)


def test_a_missing_file_is_a_project_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="cannot be opened"):
        read_model(tmp_path / "none.toml", Thing)


def test_windows_line_ends_and_bom(tmp_path: Path) -> None:
    file = tmp_path / "thing.toml"
    file.write_bytes(b"\xef\xbb\xbf# note\r\nnumber = 7\r\n")
    assert read_model(file, Thing).number == 7
