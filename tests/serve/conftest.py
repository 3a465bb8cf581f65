"""A run made by hand: what a door reads of it, and nothing that takes time."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.datastructures import Headers

from geocn.serve import application

T = TypeVar("T")
TOKEN = "t" * 16 + "0123456789abcdef"
FILES = {
    "map.html": b'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="x"><p>map',
    "brief.html": b"<!DOCTYPE html><p>brief",
    "layers/seizures.parquet": bytes(range(256)) * 40,
    "layers/secuestros_ñ.parquet": b"n with tilde",
    "results/cells.tif": b"II*\0" + b"0" * 5000,
    "layers.gpkg": b"SQLite format 3\0" + b"1" * 3000,
    "empty.csv": b"",
}


def sums(folder: Path) -> None:
    """Write what ``sha256sum`` would of all files below a folder."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / "SHA256SUMS"
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")


def write_release(
    run: Path, name: str = "ngo", files: Mapping[str, bytes] = FILES, **about: Any
) -> Path:
    folder = run / "releases" / name
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    outputs = {
        path: None if path.endswith(".gpkg") else hashlib.sha256(content).hexdigest()
        for path, content in files.items()
    }
    told = {"title": "Aid <b>network</b>", "marking": "TLP:GREEN", "partner": "ngo"}
    told |= {"as_of": "2025-12-31", "period": None, "expires_on": None, "outputs": outputs}
    (folder / "release.json").write_text(json.dumps(told | about), "utf-8")
    (folder / "sidecar.json").write_text("{}", "utf-8")
    sums(folder)
    (folder / "unlisted.txt").write_text("SECRET beside the list", "utf-8")
    return folder


def write_run(out: Path, name: str = "2025-aaaa", **about: Any) -> Path:
    """A run with one release, its joint folder, and ``latest`` pointing to it."""
    run = out / name
    write_release(run, **about)
    (run / "joint").mkdir()
    (run / "joint/layers.gpkg").write_text("SECRET of the joint folder", "utf-8")
    (run / "manifest.json").write_text("{}", "utf-8")
    sums(run)
    point(out, name)
    return run


def point(out: Path, name: str) -> None:
    draft = out / ".latest.new"
    draft.symlink_to(name, target_is_directory=True)
    draft.replace(out / "latest")


@dataclass
class Answer:
    status_code: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class Client:
    """Asks an application in this process, path and headers byte by byte as they are given."""

    def __init__(self, door: Any, headers: Mapping[str, str] | None = None) -> None:
        self.door, self.headers = door, dict(headers or {})

    def get(self, path: str, headers: Any = ()) -> Answer:
        return self.request("GET", path, headers)

    def head(self, path: str, headers: Any = ()) -> Answer:
        return self.request("HEAD", path, headers)

    def request(self, method: str, path: str, headers: Any = (), address: str = "::1") -> Answer:
        more: Iterable[tuple[str, str]] = headers.items() if hasattr(headers, "items") else headers
        sent = list({"host": "127.0.0.1:8750", **self.headers}.items())
        sent = [one for one in sent if one[0] not in dict(more)] + list(more)
        raw, _, query = path.encode().partition(b"?")
        scope = {"type": "http", "method": method, "path": path, "raw_path": raw}
        scope |= {"query_string": query, "client": (address, 1), "scheme": "http"}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in sent]
        return in_a_loop(self._ask(scope))

    async def _ask(self, scope: dict[str, Any]) -> Answer:
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(3600)
            raise AssertionError("a body was waited for")

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await self.door(scope, receive, send)
        assert not said[-1].get("more_body")
        body = b"".join(one.get("body", b"") for one in said[1:])
        return Answer(said[0]["status"], Headers(raw=said[0]["headers"]), body)


def knock(run: Path, *, bearer: str | None = None, **options: Any) -> Client:
    """A client at the door of a run."""
    options = {"profile": "ngo", "today": lambda: date(2026, 1, 15), **options}
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    return Client(application(run, **options), headers)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run, not to be changed."""
    return write_run(tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="session")
def client(run: Path) -> Client:
    return knock(run)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run of this test's own."""
    return lambda *arguments, **about: write_run(tmp_path / "out", *arguments, **about)
