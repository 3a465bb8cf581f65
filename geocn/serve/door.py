"""The door itself: one request in, one answer out, nothing written, nothing else opened."""

from __future__ import annotations

import time
from asyncio import Lock, wait_for
from collections.abc import Awaitable, Callable, Collection
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from geocn.errors import GeocnError
from geocn.serve import pages
from geocn.serve.following import Shelf
from geocn.serve.guard import SESSION_SECONDS, Guard, Verdict
from geocn.serve.headers import etag, general, of_file
from geocn.serve.holding import ChangedFileError, Entry, Holding
from geocn.serve.log import Visit
from geocn.serve.ranges import UnsatisfiableError, applies, matches, single, span_of

MOST_HEADER_BYTES = 16 << 10
_CHUNK = 1 << 18
_SEND_SECONDS = 60.0
_READING = "GET", "HEAD"
# A listed name never begins with a dash (io.atomic.safe_name), so this never hides a file.
_LINK = "/-/link"
_CORS = {
    "access-control-expose-headers": "accept-ranges, content-length, content-range, etag",
    "vary": "Origin",
}
_PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": ("authorization, if-match, if-none-match, if-range, range"),
    "access-control-max-age": "600",
}


class Door:
    """An ASGI application that hands out one release.

    Parameters
    ----------
    shelf : Shelf
        What is served.
    guard : Guard
        Who may come in.
    hosts : collection of str
        Names, without port, under which the door may be asked; any other is a name that
        somebody else lets point here.
    origins : collection of str
        Web pages that may read answers with a token of their own.
    secure : bool
        Whether cookies are for TLS only.
    today : callable
        Gives the date against which a release expires.
    log : callable, optional
        Told of each request.
    """

    def __init__(
        self,
        shelf: Shelf,
        guard: Guard,
        *,
        hosts: Collection[str],
        origins: Collection[str],
        secure: bool,
        today: Callable[[], date],
        log: Callable[[Visit], None] | None,
    ) -> None:
        self.shelf, self.guard = shelf, guard
        self._hosts, self._origins = frozenset(hosts), frozenset(origins)
        self._secure, self._today, self._log = secure, today, log
        self._cookie = f"geocn-{sha256(shelf.profile.encode()).hexdigest()[:8]}"
        self._moving = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; anything but HTTP is turned away."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._serve(Request(scope), receive, send)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        started, visit = time.monotonic(), Visit(_address(request), request.method, _path(request))
        marking = ""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message = {**message, "headers": self._finish(message, request, marking)}
            elif request.method == "HEAD":
                message = {**message, "body": b""}
            visit.sent += len(message.get("body", b""))
            await wait_for(send(message), _SEND_SECONDS)

        try:
            holding, answer = await self._answer(request)
            marking = "" if holding is None else str(holding.about.get("marking", ""))
            await answer(request.scope, receive, sending)
        finally:
            visit.seconds = time.monotonic() - started
            if self._log is not None:
                self._log(visit)

    def _finish(self, message: Message, request: Request, marking: str) -> list[Any]:
        """Put in front the headers of every answer, where the answer has none of that name."""
        own = list(message["headers"])
        there = {name for name, _ in own}
        more = general(marking)
        origin = request.headers.get("origin")
        if self._origins:
            more |= {"vary": _CORS["vary"]}
        if origin in self._origins:
            more |= {**_CORS, "access-control-allow-origin": str(origin)}
        return own + [
            (name.encode(), value.encode())
            for name, value in more.items()
            if name.encode() not in there
        ]

    async def _answer(self, request: Request) -> tuple[Holding | None, Response]:
        """Return an answer, and the release it is about, once the caller may know of it."""
        turned_away = self._refusal(request)
        if turned_away is not None:
            return None, turned_away
        if self.guard.asks and _path(request) == "/" and "once" in request.query_params:
            return None, self._enter(request)
        stranger = self._stranger(request)
        if stranger is not None:
            return None, stranger
        await self._move()
        holding = self.shelf.holding
        if holding is None:
            return None, _said(
                503, "The newest run does not hold this release whole. Ask whoever runs this door."
            )
        return holding, self._from(holding, request)

    def _refusal(self, request: Request) -> Response | None:
        """Return why a request is turned away before anybody asks who sends it."""
        headers = request.headers
        if sum(len(name) + len(value) for name, value in headers.raw) > MOST_HEADER_BYTES:
            return _said(431, "The headers are too large.")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name_of(hosts[0]) not in self._hosts:
            return _said(421, "This door is not known by that name.")
        if request.method == "OPTIONS" and headers.get("origin") in self._origins:
            return Response(status_code=204, headers=_PREFLIGHT)
        if request.method not in _READING:
            return _said(405, "Only GET and HEAD.", allow="GET, HEAD")
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return _said(413, "A request here has no body.", connection="close")
        return None

    def _stranger(self, request: Request) -> Response | None:
        if self.guard.knows_session(request.cookies.get(self._cookie)):
            return None
        verdict = self.guard.knows_token(request.headers.get("authorization"), _address(request))
        return None if verdict is Verdict.WELCOME else _turned_away(verdict)

    def _enter(self, request: Request) -> Response:
        """Open a session for a link; only GET uses it up, since mail filters ask by HEAD."""
        if request.method == "HEAD":
            return _said(200, "")
        found = self.guard.enter(request.query_params["once"], _address(request))
        if isinstance(found, Verdict):
            return _turned_away(found)
        answer = _page(pages.welcome())
        # Without a path the cookie holds for where the door stands, behind a prefix too.
        answer.set_cookie(
            self._cookie,
            found,
            max_age=int(SESSION_SECONDS),
            path=None,
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )
        return answer

    async def _move(self) -> None:
        """Follow ``latest``; while one request does, those that come wait for it."""
        if self.shelf.moved() is None:
            return
        async with self._moving:
            target = self.shelf.moved()
            if target is None:
                return
            try:
                await run_in_threadpool(self.shelf.follow, target)
                told = f"latest moved: serving {target[0]}"
            except GeocnError as error:
                told = f"latest moved, and nothing is served: {error}"
            if self._log is not None:
                self._log(Visit("", "", "", note=told))

    def _from(self, holding: Holding, request: Request) -> Response:
        if holding.expires_on is not None and self._today() > holding.expires_on:
            return _said(410, f"This release expired on {holding.expires_on.isoformat()}.")
        path = _path(request)
        if path == "/":
            return _page(pages.index(holding))
        if path == _LINK and self.guard.asks and "authorization" in request.headers:
            return _said(200, f"?once={self.guard.new_link()}")
        entry = holding.entries.get(path)
        if entry is None:
            return _said(404, "There is nothing here.")
        return _file(holding, entry, request)


class FileAnswer(Response):
    """A file or a part of it, in pieces, each sent only while the file is what was checked."""

    def __init__(
        self, holding: Holding, entry: Entry, span: tuple[int, int] | None, *, empty: bool
    ) -> None:
        self._holding, self._entry, self._empty = holding, entry, empty
        self._start, self._length = span or (0, entry.size)
        super().__init__(status_code=200 if span is None else 206, headers=of_file(entry))
        self.headers["content-length"] = str(self._length)
        if span is not None:
            last = self._start + self._length - 1
            self.headers["content-range"] = f"bytes {self._start}-{last}/{entry.size}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or say that the file is not what it was."""
        opened = self._holding.opened(self._entry)
        try:
            file = await run_in_threadpool(opened.__enter__)
        except ChangedFileError as error:
            await _said(503, f"{error} It is not served.")(scope, receive, send)
            return
        try:
            begin = {"type": "http.response.start", "status": self.status_code}
            await send({**begin, "headers": self.raw_headers})
            at, stop = self._start, self._start + (0 if self._empty else self._length)
            caller = Request(scope, receive)
            while at < stop and not await caller.is_disconnected():
                body = await run_in_threadpool(file.read, at, min(_CHUNK, stop - at))
                at += len(body)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            opened.__exit__(None, None, None)


def _file(holding: Holding, entry: Entry, request: Request) -> Response:
    """Weigh the conditions of a request, in the order of RFC 9110, section 13.2.2."""
    headers, tag = request.headers, etag(entry)
    must, unless = (headers.getlist(name) for name in ("if-match", "if-none-match"))
    if must and not matches(",".join(must), tag, weak=False):
        return _said(412, "The file is another by now.", etag=tag)
    if unless and matches(",".join(unless), tag, weak=True):
        return Response(status_code=304, headers={"etag": tag})
    whole = partial(FileAnswer, holding, entry, empty=request.method == "HEAD")
    if request.method == "HEAD" or not applies(headers.get("if-range"), tag):
        return whole(None)
    try:
        return whole(span_of(single(headers.getlist("range")), entry.size))
    except UnsatisfiableError:
        size = f"bytes */{entry.size}"
        return _said(416, "That part lies outside the file.", **{"content-range": size})


def _page(text: str) -> Response:
    headers = {"content-security-policy": pages.POLICY}
    return Response(text, media_type="text/html", headers=headers)


def _said(status: int, text: str, **headers: str) -> Response:
    return PlainTextResponse(f"{text}\n" if text else "", status_code=status, headers=headers)


def _turned_away(verdict: Verdict) -> Response:
    if verdict is Verdict.SLOW_DOWN:
        return _said(429, "Too many wrong tokens. Try again in a minute.", **{"retry-after": "60"})
    asked = "Bring the token as 'Authorization: Bearer …', or open a link that still works."
    return _said(401, asked, **{"www-authenticate": "Bearer"})


def _path(request: Request) -> str:
    """Return the path as it was sent: names are compared before anything is decoded."""
    raw = request.scope.get("raw_path")
    if raw is None:
        return quote(request.scope["path"])
    return str(raw.decode("latin-1"))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _name_of(host: str) -> str:
    """Return a ``Host`` without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).casefold()


async def _live(receive: Receive, send: Callable[[Message], Awaitable[None]]) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
