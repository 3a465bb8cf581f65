"""The real thing: a run of a project, the command, a socket, a browser, GDAL."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from geocn.errors import ParameterError
from geocn.serve import serve
from tests.project.conftest import PROJECT, write_project
from tests.serve.conftest import TOKEN, write_run

GEOCN = Path(sys.executable).with_name("geocn")
PASSPHRASE = "copper lantern river twelve"
SEALED = '\n[[releases]]\nname = "sealed"\nprofile = "ngo.toml"\npassphrase_env = "SEALED_WORDS"\n'


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real run with an open and an encrypted release."""
    from geocn import project as projects

    file = write_project(tmp_path_factory.mktemp("served") / "project")
    head, _, rest = PROJECT.partition('[[analyses]]\nkind = "border_hotspots"')
    releases = rest[rest.index("[[releases]]") :]
    formats = '\n[outputs]\nformats = ["parquet", "gpkg", "html"]\n'
    file.write_text(head + releases + SEALED + formats, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALED_WORDS", PASSPHRASE)
        projects.run(file, out=file.parent / "out")
    return file.parent / "out"


class Served:
    """A running ``geocn serve``."""

    def __init__(self, run: Path, *options: str, token: str | None = None) -> None:
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        env.pop("GEOCN_SERVE_TOKEN", None)
        if token:
            env["GEOCN_SERVE_TOKEN"] = token
        command = [str(GEOCN), "serve", str(run), "--port", "0", *options]
        self.process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said, self.profile, self.url = self.process.stdout.readline().strip().split("\t")
        assert said == "serving"
        self.link = ""
        if "--link" in options:
            self.link = self.process.stdout.readline().strip().split("\t")[1]

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(re.search(r":(\d+)/", self.url).group(1))

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def started(*arguments: Any, **options: Any) -> Served:
        running.append(Served(*arguments, **options))
        return running[-1]

    yield started
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.fixture(scope="module")
def door(out: Path) -> Iterator[Served]:
    served = Served(out, "--profile", "ngo", "--log", "json")
    yield served
    served.process.kill()
    served.process.communicate()


def test_a_release_of_a_real_run(door: Served, out: Path) -> None:
    folder = out / "latest/releases/ngo"
    for name in ("map.html", "layers/seizures.parquet", "layers.gpkg", "release.json"):
        got = httpx.get(door.url + name)
        assert (got.status_code, got.content) == (200, (folder / name).read_bytes())
        assert "server" not in got.headers
    assert httpx.get(door.url + "../joint/layers.gpkg").status_code == 404
    assert "CANARY" not in httpx.get(door.url).text


def test_gdal_reads_a_layer_by_parts(door: Served) -> None:
    import pyogrio

    path = f"/vsicurl/{door.url}layers.gpkg"
    there = dict(pyogrio.list_layers(path))
    assert "seizures" in there
    assert len(pyogrio.read_dataframe(path, layer="seizures")) == 4


@pytest.mark.browser
def test_a_served_map_opens_in_silence(door: Served, browser: Any) -> None:
    said, asked = [], []
    page = browser.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(door.url)
    page.click("text=map.html")
    page.wait_for_selector("html[data-ready=true]", timeout=20_000)
    page.wait_for_timeout(200)
    assert said == []
    assert asked == [door.url, door.url + "map.html"]
    page.close()


@pytest.mark.browser
def test_an_encrypted_map_opens_by_a_link_that_works_once(
    out: Path,
    start: Callable[..., Served],
    browser: Any,
) -> None:
    served = start(out, "--profile", "sealed", "--link", token=TOKEN)
    assert TOKEN not in served.link
    context = browser.new_context()
    page, said = context.new_page(), []
    # A portal of another site holds the link: the cookie must survive coming from there.
    page.route("https://portal.example/", lambda route: route.fulfill(
        body=f'<a href="{served.link}">release</a>', content_type="text/html"))  # fmt: skip
    page.goto("https://portal.example/")
    page.on("console", lambda message: said.append(message.text))
    page.click("text=release")
    page.click("text=map.encrypted.html", timeout=20_000)
    page.fill("input[type=password]", PASSPHRASE)
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-ready=true]", timeout=20_000)
    assert said == []
    assert page.evaluate("document.cookie") == ""
    context.close()
    assert httpx.get(served.link).status_code == 401
    assert httpx.get(served.url + "map.encrypted.html").status_code == 401
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.get(served.url + "map.encrypted.html", headers=bearer).status_code == 200
    code, logged = served.end(signal.SIGINT)
    assert code == 0, logged
    assert TOKEN not in logged
    assert served.link.partition("once=")[2] not in logged


def test_wire_level_abuse(door: Served) -> None:
    def said(request: bytes) -> bytes:
        with socket.create_connection(door.address, timeout=10) as wire:
            wire.sendall(request)
            got = b""
            while b"\r\n\r\n" not in got and (part := wire.recv(65536)):
                got += part
            return got.split(b"\r\n", 1)[0]

    host = b"Host: 127.0.0.1\r\n"
    assert b" 200 " in said(b"GET / HTTP/1.1\r\n" + host + b"\r\n")
    assert b" 404 " in said(b"GET http://127.0.0.1/map.html HTTP/1.1\r\n" + host + b"\r\n")
    assert b" 404 " in said(b"GET /../../../../etc/passwd HTTP/1.1\r\n" + host + b"\r\n")
    assert b" 421 " in said(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert b" 421 " in said(b"GET / HTTP/1.0\r\n\r\n")
    assert b" 400 " in said(b"GET / HTTP/1.1\r\n" + host + host + b"\r\n")
    large = b"X: " + b"y" * 40_000 + b"\r\n"
    assert said(b"GET / HTTP/1.1\r\n" + host + large + b"\r\n").split()[1] in {b"400", b"431"}
    body = b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\n\r\nhello"
    assert b" 413 " in said(body)
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    assert b" 200 " in said(b"GET / HTTP/1.1\r\n" + host + upgrade + b"\r\n")
    assert httpx.get(door.url).status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_connections_without_a_request_make_room(door: Served, sent: bytes) -> None:
    idle = [socket.create_connection(door.address, timeout=10) for _ in range(150)]
    try:
        for wire in idle:
            wire.sendall(sent)
        assert httpx.get(door.url).status_code == 200
    finally:
        for wire in idle:
            wire.close()


def test_connections_that_keep_the_door_waiting_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    import uvicorn

    from geocn.serve import application, door, patience
    from geocn.serve.server import _settings
    from tests.serve.conftest import in_a_loop, sums, write_release

    for module, name in ((patience, "REQUEST_SECONDS"), (patience, "CLOSING_SECONDS")):
        monkeypatch.setattr(module, name, 0.4)
    monkeypatch.setattr(patience, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(door, "_SEND_SECONDS", 0.4)
    run = tmp_path / "out/2025-aaaa"
    write_release(run, files={"big.tif": b"0" * 30_000_000})
    (run / "manifest.json").write_text("{}", "utf-8")
    sums(run)
    asks = [b"", b"GET / HTTP/1.1\r\nHost:", b"GET /big.tif HTTP/1.1\r\nHost: localhost\r\n\r\n"]

    async def held() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(application(run, profile="ngo"), **_settings(proxied=False))
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0.02)
            for ask in asks:
                _, writer = await asyncio.open_connection(*listener.getsockname(), limit=1 << 10)
                writer.write(ask)
                ends.append(writer)
            await asyncio.sleep(0.2)
            assert len(server.server_state.connections) == len(asks)
            for _ in range(100):
                await asyncio.sleep(0.1)
                if not server.server_state.connections:
                    break
            left = len(server.server_state.connections)
            server.should_exit = True
            await task
            return left

    ends: list[asyncio.StreamWriter] = []
    assert in_a_loop(held()) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_download_under_way_is_finished_at_the_end(
    tmp_path: Path, start: Callable[..., Served], number: int
) -> None:
    big = os.urandom(1 << 16) * 400
    run = tmp_path / "out/2025-aaaa"
    from tests.serve.conftest import sums, write_release

    write_release(run, files={"big.tif": big})
    (run / "manifest.json").write_text("{}", "utf-8")
    sums(run)
    served = start(run, "--profile", "ngo", "--log", "json")
    wire = http.client.HTTPConnection(*served.address, timeout=20)
    wire.request("GET", "/big.tif")
    answer = wire.getresponse()
    got = answer.read(1000)
    served.process.send_signal(number)
    time.sleep(0.3)
    assert got + answer.read() == big
    _, logged = served.process.communicate(timeout=20)
    assert served.process.returncode == 0, logged
    (visit,) = [json.loads(line) for line in logged.splitlines()]
    assert visit.pop("time").startswith("20")
    assert visit.pop("ms") >= 0
    told = {"address": "127.0.0.1", "method": "GET", "path": "/big.tif", "status": 200}
    assert visit == told | {"bytes": len(big)}


def test_behind_a_proxy_the_address_is_what_the_proxy_says(
    tmp_path: Path, start: Callable[..., Served]
) -> None:
    write_run(tmp_path / "out")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    public = "https://maps.example.org:1/ngo"
    options = ("--public-url", public, "--port", str(port), "--link", "--log", "json")
    served = start(tmp_path / "out", "--profile", "ngo", *options, token=TOKEN)
    assert served.url == f"{public}/"
    here = f"http://127.0.0.1:{port}/"
    ahead = {"x-forwarded-for": "203.0.113.9, 198.51.100.7", "host": "maps.example.org"}
    got = httpx.get(served.link.replace(f"{public}/", here), headers=ahead)
    assert "secure" in got.headers["set-cookie"].casefold()
    code, logged = served.end()
    assert code == 0, logged
    # The last hop is the proxy's word; what stands before it is the client's.
    assert json.loads(logged.splitlines()[0])["address"] == "198.51.100.7"


def test_without_a_proxy_nobody_may_say_that_they_come_from_elsewhere(
    tmp_path: Path, start: Callable[..., Served]
) -> None:
    write_run(tmp_path / "out")
    served = start(tmp_path / "out", "--profile", "ngo", "--log", "json")
    ahead = {"x-forwarded-for": "198.51.100.7"}
    assert httpx.get(served.url, headers={**ahead, "host": "maps.example.org"}).status_code == 421
    assert httpx.get(served.url, headers=ahead).status_code == 200
    _, logged = served.end()
    assert {json.loads(line)["address"] for line in logged.splitlines()} == {"127.0.0.1"}


def test_a_signal_right_at_the_start_ends_cleanly(
    tmp_path: Path, start: Callable[..., Served]
) -> None:
    write_run(tmp_path / "out")
    code, logged = start(tmp_path / "out", "--profile", "ngo").end()
    assert (code, logged) == (0, "")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"host": "0.0.0.0"}, "token"),
        ({"host": "::"}, "token"),
        ({"host": "192.0.2.1"}, "token"),
        ({"public_url": "https://maps.example.org/"}, "token"),
        ({"host": "localhost"}, "IP address"),
        ({"public_url": "maps.example.org", "token": TOKEN}, "public_url"),
        ({"public_url": "https://a/?b", "token": TOKEN}, "public_url"),
        ({"host": "192.0.2.1", "token": TOKEN}, "cannot listen"),
        ({"port": 70_000}, "cannot listen"),
        ({"log": "xml"}, "log"),
        ({"profile": "joint"}, "joint"),
    ],
)
def test_what_the_server_refuses(run: Path, options: dict[str, Any], why: str) -> None:
    with pytest.raises(ParameterError, match=why):
        serve(run, **{"profile": "ngo", "port": 0, **options})


def test_the_command_refuses_with_one_line_and_has_no_option_for_a_token(run: Path) -> None:
    from typer.testing import CliRunner

    from geocn import cli

    got = CliRunner().invoke(cli.app, ["serve", str(run), "--profile", "joint"])
    assert (got.exit_code, got.stderr.count("\n")) == (2, 1)
    assert "never served" in got.stderr
    got = CliRunner().invoke(
        cli.app, ["serve", str(run), "--profile", "ngo", "--host", "0.0.0.0"], env={}
    )
    assert got.exit_code == 2
    assert "--token-file" in got.stderr
    assert CliRunner().invoke(cli.app, ["serve", str(run), "--token", TOKEN]).exit_code == 2
    (run.parent / "none").mkdir(exist_ok=True)
    none = CliRunner().invoke(cli.app, ["serve", str(run.parent / "none"), "--profile", "ngo"])
    assert none.exit_code == 2
