"""Tokens, links that work once, and those who guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from geocn.errors import ParameterError
from geocn.serve import application, read_token
from geocn.serve.guard import Guard, Verdict
from tests.serve.conftest import TOKEN, Client, knock

BEARER = {"authorization": f"Bearer {TOKEN}"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_opens_everything_and_nothing_else_does(run: Path) -> None:
    door = knock(run, token=TOKEN)
    for path in ("/", "/map.html", "/nothing", "/-/link", "/?once="):
        got = door.get(path)
        assert got.status_code == 401, path
        assert got.headers["www-authenticate"] == "Bearer"
    assert door.get("/map.html", BEARER).status_code == 200
    assert door.get("/nothing", BEARER).status_code == 404
    assert door.get("/map.html", {"authorization": f"bearer  {TOKEN} "}).status_code == 200
    wrong = [TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", "",
             "Bearer ünï"]  # fmt: skip
    for number, one in enumerate(wrong):
        got = door.request("GET", "/map.html", {"authorization": one}, address=f"10.0.0.{number}")
        assert got.status_code == 401, one
    assert door.get(f"/map.html?token={TOKEN}").status_code == 401
    assert door.get("/map.html", {"cookie": f"geocn={TOKEN}"}).status_code == 401


def test_a_link_works_once_and_gives_a_cookie(run: Path) -> None:
    door = knock(run, token=TOKEN, secure=True)
    link = "/" + door.get("/-/link", BEARER).text.strip()
    assert TOKEN not in link
    assert door.head(link).status_code == 200
    got = door.get(link)
    assert got.status_code == 200
    cookie, *attributes = got.headers["set-cookie"].split("; ")
    assert {one.casefold() for one in attributes} >= {"httponly", "samesite=strict", "secure"}
    assert not any(one.casefold().startswith(("path", "domain")) for one in attributes)
    assert 'url=./"' in got.text
    assert "<script" not in got.text
    assert "TLP" not in got.text
    session = {"cookie": f"other=1; {cookie}"}
    assert door.get("/map.html", session).status_code == 200
    # A session reads; only the token makes further links.
    assert door.get("/-/link", session).status_code == 404
    assert door.get(link).status_code == 401
    assert door.get("/?once=guess").status_code == 401
    assert knock(run, token=TOKEN).get("/map.html", session).status_code == 401


def test_without_tls_the_cookie_is_not_for_tls_only(run: Path) -> None:
    door = knock(run, token=TOKEN)
    link = "/" + door.get("/-/link", BEARER).text.strip()
    assert "secure" not in door.get(link).headers["set-cookie"].casefold()


def test_without_a_token_there_are_no_links(run: Path, client: Client) -> None:
    assert client.get("/-/link", BEARER).status_code == 404
    assert "set-cookie" not in client.get("/?once=x").headers


def test_links_and_sessions_end() -> None:
    clock = Clock()
    guard = Guard(TOKEN, seconds=clock)
    late = guard.new_link()
    clock.now += 24 * 3600
    assert guard.enter(late, "::1") is Verdict.STRANGER
    session = guard.enter(guard.new_link(), "::1")
    assert guard.knows_session(str(session))
    clock.now += 12 * 3600
    assert not guard.knows_session(str(session))
    assert not guard.knows_session(None)


def test_guessing_is_slowed_down_by_address_and_only_there() -> None:
    clock = Clock()
    guard = Guard(TOKEN, seconds=clock)
    session = str(guard.enter(guard.new_link(), "10.0.0.1"))

    def ask(header: str = "Bearer wrong", address: str = "10.0.0.1") -> Verdict:
        return guard.knows_token(header, address)

    assert [ask() for _ in range(10)] == [Verdict.STRANGER] * 10
    assert ask() is Verdict.SLOW_DOWN
    # Not even the right token is looked at, or guessing could go on; a session stays open.
    assert ask(f"Bearer {TOKEN}") is Verdict.SLOW_DOWN
    assert guard.enter(guard.new_link(), "10.0.0.1") is Verdict.SLOW_DOWN
    assert guard.knows_session(session)
    assert ask(f"Bearer {TOKEN}", "10.0.0.2") is Verdict.WELCOME
    clock.now += 6.1
    assert ask() is Verdict.STRANGER
    assert ask() is Verdict.SLOW_DOWN
    clock.now += 60
    assert ask(f"Bearer {TOKEN}") is Verdict.WELCOME


def test_a_network_of_addresses_is_one_guesser() -> None:
    guard = Guard(TOKEN, seconds=Clock())
    for number in range(10):
        guard.knows_token("Bearer wrong", f"2001:db8::{number:x}")
    assert guard.knows_token("Bearer wrong", "2001:db8::ffff") is Verdict.SLOW_DOWN
    assert guard.knows_token("Bearer wrong", "2001:db8:0:1::1") is Verdict.STRANGER


def test_memory_is_bounded() -> None:
    guard = Guard(TOKEN, seconds=Clock())
    for number in range(5000):
        guard.knows_token("Bearer wrong", f"10.0.{number // 256}.{number % 256}")
        guard.enter(guard.new_link(), "")
    for _ in range(100):
        guard.new_link()
    held = (guard._failures, guard._sessions, guard._links)
    assert [len(one) for one in held] == [1024, 1024, 64]


def test_too_many_wrong_tokens_through_the_door(run: Path) -> None:
    door = knock(run, token=TOKEN)
    wrong = {"authorization": "Bearer wrong"}
    assert {door.get("/", wrong).status_code for _ in range(10)} == {401}
    got = door.get("/", BEARER)
    assert (got.status_code, got.headers["retry-after"]) == (429, "60")
    assert door.request("GET", "/", BEARER, address="10.0.0.9").status_code == 200


def test_secrets_are_compared_in_constant_time(run: Path, monkeypatch) -> None:
    import hmac

    calls: list[tuple[int, int]] = []
    real = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda a, b: (calls.append((len(a), len(b))), real(a, b))[1]
    )
    guard = Guard(TOKEN, seconds=Clock())
    for given in ("", "x", TOKEN[:-1], TOKEN):
        guard.knows_token(f"Bearer {given}", "")
    assert calls == [(32, 32)] * 4


def test_where_a_token_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", "utf-8")
    file.chmod(0o600)
    assert read_token(file, environment={"GEOCN_SERVE_TOKEN": "x" * 40}) == TOKEN
    assert read_token(environment={"GEOCN_SERVE_TOKEN": "x" * 40}) == "x" * 40
    assert read_token(environment={}) is None
    file.chmod(0o440)
    assert read_token(file) == TOKEN
    for mode in (0o604, 0o620, 0o644, 0o666):
        file.chmod(mode)
        with pytest.raises(ParameterError, match="chmod 600"):
            read_token(file)
    with pytest.raises(ParameterError, match="cannot be read"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize("bad", ["", "short", "x" * 31, "x" * 40 + " y", "ñ" * 40, "x" * 40 + "\n"])
def test_weak_tokens_are_refused_and_not_repeated(run: Path, bad: str) -> None:
    with pytest.raises(ParameterError, match="at least 32") as error:
        application(run, profile="ngo", token=bad)
    assert len(bad) < 6 or bad not in str(error.value)
    with pytest.raises(ParameterError, match="at least 32"):
        read_token(environment={"GEOCN_SERVE_TOKEN": bad[:31]})
