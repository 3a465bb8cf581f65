"""What has a URL, what has none, and the headers of every answer."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.serve import application
from geocn.serve.door import Door
from tests.serve.conftest import FILES, TOKEN, in_a_loop, knock

TRICKS = [
    "/../../manifest.json", "/%2e%2e/%2e%2e/manifest.json", "/..%2f..%2fmanifest.json",
    "/layers/../map.html", "/./map.html", "//map.html", "/layers//seizures.parquet",
    "/layers\\seizures.parquet", "/layers%5cseizures.parquet", "/map.html%00", "/map.html/",
    "/map.html%20", "/MAP.HTML", "/%6dap.html", "/etc/passwd", "/releases/ngo/map.html",
    "/joint/layers.gpkg", "/rejects/", "/layers", "/layers/", "/unlisted.txt", "/manifest.json",
    "/map.html.bak", "/" + "a" * 9000, "/layers/secuestros_n%CC%83.parquet",
    "/layers/secuestros_%c3%b1.parquet", "/layers/secuestros_%F1.parquet", "/%", "/%zz", "/-/link",
    "/map.html;x", "/favicon.ico", "/robots.txt", "/.git/config", "/latest/map.html",
]  # fmt: skip


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name that is opened from now on."""
    names: list[str] = []
    real = os.open

    def watching(path: object, *arguments: object, **options: object) -> int:
        names.append(os.fspath(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", watching)
    return names


@pytest.mark.parametrize("name", FILES)
def test_a_listed_file_is_served_whole(client, name: str) -> None:
    got = client.get("/" + quote(name))
    assert (got.status_code, got.content) == (200, FILES[name])
    assert got.headers["etag"] == f'"{hashlib.sha256(FILES[name]).hexdigest()}"'
    head = client.head("/" + quote(name))
    assert head.content == b""
    assert head.headers.items() == got.headers.items()


@pytest.mark.parametrize("path", TRICKS, ids=lambda path: path[:40])
def test_what_is_not_listed_has_no_url(client, opened: list[str], path: str) -> None:
    got = client.get(path)
    assert (got.status_code, got.text) == (404, "There is nothing here.\n")
    assert opened == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    st.lists(
        st.sampled_from([*"./\\%", "..", "%2e", "%2f", "%00", "layers", "map.html", "joint", "ñ"])
        | st.text(max_size=4),
        max_size=8,
    ).map("".join)
)
def test_no_path_leads_anywhere_but_to_the_list(client, opened: list[str], text: str) -> None:
    path = "/" + quote(text, safe="/.%\\-_~")
    opened.clear()
    got = client.get(path)
    # The oracle: the bytes of a listed name, percent-encoded in the one way, or nothing.
    exact = {"/" + quote(name): content for name, content in FILES.items()}
    if path == "/" or path in {"/release.json", "/sidecar.json", "/SHA256SUMS"}:
        assert got.status_code == 200
    elif path in exact:
        assert (got.status_code, got.content) == (200, exact[path])
    else:
        assert got.status_code == 404
        assert opened == []


def test_a_listed_file_opens_itself_and_its_folders_only(
    client, run: Path, opened: list[str]
) -> None:
    assert client.get("/layers/seizures.parquet").status_code == 200
    assert opened == [str(run / "releases/ngo"), "layers", "seizures.parquet"]


def test_the_index_lists_the_release_and_runs_nothing(client, opened: list[str]) -> None:
    got = client.get("/")
    assert opened == []
    links = re.findall(r'<a href="([^"]*)"', got.text)
    assert {"/" + link for link in links} >= {"/" + quote(name) for name in FILES}
    assert all(client.get("/" + link).status_code == 200 for link in links)
    assert "unlisted" not in got.text
    assert "joint" not in got.text
    assert "Aid &lt;b&gt;network&lt;/b&gt;" in got.text
    assert got.text.count("TLP:GREEN</p>") == 2
    assert "2025-12-31" in got.text
    assert hashlib.sha256(FILES["map.html"]).hexdigest() in got.text
    assert "<script" not in got.text
    assert "default-src 'none'" in got.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/map.html", 200), ("/layers.gpkg", 200), ("/no", 404)]
)
def test_headers_of_every_answer(client, path: str, status: int) -> None:
    got = client.get(path)
    assert got.status_code == status
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "private, no-store",
    }
    assert expected.items() <= dict(got.headers.items()).items()
    assert "frame-ancestors 'none'" in got.headers["content-security-policy"]
    assert "geolocation=()" in got.headers["permissions-policy"]
    assert "server" not in got.headers
    assert not [name for name in got.headers if name.startswith("access-control")]


def test_policy_and_type_by_kind(client) -> None:
    policies = {n: client.head(f"/{n}").headers["content-security-policy"] for n in FILES}
    # A map names its scripts itself, and a second policy would forbid them.
    assert policies["map.html"] == "frame-ancestors 'none'"
    assert policies["brief.html"].startswith("default-src 'none'")
    types = {name: client.head(f"/{quote(name)}").headers for name in FILES}
    assert types["layers.gpkg"]["content-type"] == "application/geopackage+sqlite3"
    assert types["layers.gpkg"]["content-disposition"] == "attachment"
    assert "content-disposition" not in types["map.html"]


def test_open_data_may_lie_in_a_shared_place(fresh) -> None:
    answer = knock(fresh(marking="TLP:CLEAR")).get("/map.html")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods(client, method: str) -> None:
    got = client.request(method, "/map.html")
    assert (got.status_code, got.headers["allow"]) == (405, "GET, HEAD")


def test_a_body_is_refused_and_never_read(client) -> None:
    assert client.get("/map.html", {"content-length": "100"}).status_code == 413
    assert client.get("/map.html", {"transfer-encoding": "chunked"}).status_code == 413


def test_headers_that_are_too_large(client) -> None:
    assert client.get("/", headers={"x": "y" * 17_000}).status_code == 431


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("127.0.0.1:9", 200), ("LocalHost:8750", 200), ("[::1]:8750", 200),
        ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("localhost.", 421),
        ("localhost:80:80", 421), ("127.0.0.1@evil.example", 421), ("10.0.0.1", 421),
    ],
)  # fmt: skip
def test_only_names_that_are_known(client, host: str, status: int) -> None:
    assert client.get("/", headers={"host": host}).status_code == status


def test_cross_origin_only_for_whom_it_was_asked(run: Path) -> None:
    portal = "https://portal.example.org"
    door = knock(run, origins=[portal], token=TOKEN)
    asked = {"access-control-request-method": "GET", "origin": portal}
    ready = door.request("OPTIONS", "/map.html", asked)
    assert ready.status_code == 204
    assert "authorization" in ready.headers["access-control-allow-headers"]
    bearer = {"authorization": f"Bearer {TOKEN}"}
    got = door.get("/map.html", headers={"origin": portal, **bearer})
    assert got.headers["access-control-allow-origin"] == portal
    assert "access-control-allow-credentials" not in got.headers
    assert door.get("/map.html", headers={"origin": portal}).status_code == 401
    for other in ("https://portal.example.org.evil.example", "null", "http://portal.example.org"):
        refused = door.get("/map.html", headers={"origin": other, **bearer})
        assert "access-control-allow-origin" not in refused.headers
        assert refused.headers["vary"] == "Origin"
        assert door.request("OPTIONS", "/", {**asked, "origin": other}).status_code == 405


@pytest.mark.parametrize("origin", ["*", "portal.example.org", "https://a/b", "https://a/", "null"])
def test_origins_are_exact(run: Path, origin: str) -> None:
    with pytest.raises(ParameterError, match="allow_origin"):
        application(run, profile="ngo", origins=[origin])


def test_an_expired_release_is_gone(fresh) -> None:
    run = fresh(expires_on="2026-01-31")
    today = [date(2026, 1, 31)]
    door = knock(run, today=lambda: today[0])
    assert "2026-01-31" in door.get("/").text
    today[0] = date(2026, 2, 1)
    for path in ("/", "/map.html", "/nothing"):
        got = door.get(path)
        assert (got.status_code, got.text) == (410, "This release expired on 2026-01-31.\n")
    assert knock(run, today=lambda: today[0], token=TOKEN).get("/").status_code == 401


def test_a_page_of_text_from_data_shows_as_text(fresh) -> None:
    text = "<img src=x onerror=alert(1)>\"'`${7*7}</script>"
    run = fresh(title=text, partner=text, as_of=text, period=text, marking=text)
    page = knock(run).get("/").text
    assert "<img" not in page
    assert "<script" not in page
    assert page.count("&lt;img") >= 5


def test_websockets_are_turned_away_and_a_lifespan_is_answered(run: Path) -> None:
    door, sent = application(run, profile="ngo"), []
    assert isinstance(door, Door)
    coming = iter(["lifespan.startup", "lifespan.shutdown"])

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": next(coming)}

    async def talk() -> None:
        await door({"type": "websocket"}, receive, send)
        await door({"type": "lifespan"}, receive, send)

    in_a_loop(talk())
    assert sent == [
        {"type": "websocket.close", "code": 1008},
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


def test_the_log_holds_no_query_token_or_cookie(run: Path) -> None:
    visits: list[object] = []
    door = knock(run, token=TOKEN, log=visits.append)
    bearer = {"authorization": f"Bearer {TOKEN}"}
    link = door.get("/-/link", headers=bearer).text.strip()
    door.get(f"/{link}")
    door.get("/map.html?key=PRIVATE&more=1", headers={**bearer, "cookie": "a=PRIVATE"})
    door.get("/%0aforged\x1b[31m" + "x" * 999)
    told = [visit.told() for visit in visits]
    text = repr(told)
    code = link.partition("=")[2]
    assert not any(secret in text for secret in (TOKEN, "PRIVATE", code, "?", "\x1b"))
    assert [one["path"] for one in told][:3] == ["/-/link", "/", "/map.html"]
    assert told[2]["status"] == 200
    assert told[2]["bytes"] == len(FILES["map.html"])
    assert len(told[3]["path"]) == 200
