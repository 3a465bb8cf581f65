"""The application on a socket: loopback, unless there is a token."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from geocn._optional import require
from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.serve.app import _LOOPBACK, application
from geocn.serve.log import logger

if TYPE_CHECKING:
    from geocn.serve.door import Door

PORT = 8750
_GRACE_SECONDS = 10
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  refused without a name
_PROXIES = ["127.0.0.1", "::1"]


def serve(
    run: StrPath,
    *,
    profile: str,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    public_url: str | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    follow: bool = False,
    log: str = "text",
    ready: Callable[[str, str | None], None] | None = None,
) -> None:
    """Serve one release until SIGINT or SIGTERM; answers under way are finished first.

    Parameters
    ----------
    run, profile, token, origins, follow
        As in :func:`application`.
    host : str
        Address to listen on. Any but one of loopback needs a token.
    port : int
        0 takes a free one.
    public_url : str, optional
        Where a proxy on this machine shows the door, such as ``https://maps.example.org/ngo/``;
        needs a token. The address of a client is then what the proxy says it is.
    hosts : sequence of str
        Further names under which the door may be asked.
    log : {"text", "json"}
        How requests are logged, to standard error.
    ready : callable, optional
        Told where the door is and, with a token, a link that works once.

    Raises
    ------
    ParameterError
        Where an option is wrong or the address is taken.
    MissingDependencyError, ReadError
        As :func:`application`.
    """
    uvicorn = require("uvicorn", extra="serve")
    shown = _public(public_url)
    _check(host, token, shown, log)
    listener = _listener(host, port)
    with listener:
        names = [*_LOOPBACK, *hosts, *([] if host in _EVERYWHERE else [_bracketed(host)])]
        names += [] if shown is None else [_bracketed(str(shown.hostname))]
        door = application(
            run,
            profile=profile,
            token=token,
            hosts=names,
            origins=origins,
            secure=shown is not None and shown.scheme == "https",
            follow=follow,
            log=logger(log),
        )
        server = uvicorn.Server(uvicorn.Config(door, **_settings(proxied=shown is not None)))
        with _obeying_signals(server):
            if ready is not None:
                ready(*_told(door, host, listener, public_url))
            server.run(sockets=[listener])


def _told(
    door: Door, host: str, listener: socket.socket, public_url: str | None
) -> tuple[str, str | None]:
    """Return where the door is, and a link where one is needed."""
    here = f"http://{_bracketed(host)}:{listener.getsockname()[1]}/"
    url = here if public_url is None else public_url.rstrip("/") + "/"
    return url, f"{url}?once={door.guard.new_link()}" if door.guard.asks else None


def _settings(*, proxied: bool) -> dict[str, Any]:
    from geocn.serve.door import MOST_HEADER_BYTES
    from geocn.serve.patience import MOST_AT_ONCE, PatientProtocol

    return {
        # The pure Python parser: the other one has no limit on headers.
        "http": PatientProtocol,
        "ws": "none",
        "h11_max_incomplete_event_size": MOST_HEADER_BYTES,
        "limit_concurrency": MOST_AT_ONCE,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": proxied,
        "forwarded_allow_ips": _PROXIES,
    }


@contextmanager
def _obeying_signals(server: Any) -> Iterator[None]:
    """End the server by a signal that comes before it listens for them itself.

    Once it has ended by one, uvicorn raises that signal again, which then changes nothing.
    """

    def end(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address; a name may mean anything.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(host: str, token: str | None, public: SplitResult | None, log: str) -> None:
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise ParameterError(f"host: found {host!r}; expected an IP address.") from error
    if token is None and (public is not None or not is_loopback(host)):
        raise ParameterError(
            "token: beyond this machine a token is asked for. Give --token-file, or set "
            "GEOCN_SERVE_TOKEN; make one with: head -c 32 /dev/urandom | base64"
        )
    if log not in {"text", "json"}:
        raise ParameterError(f"log: found {log!r}; expected text or json.")


def _public(url: str | None) -> SplitResult | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ParameterError(f"public_url: found {url!r}; expected https://host/path/.")
    return parts


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise ParameterError(f"port: cannot listen on {host}, port {port}: {error}.") from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
