"""A release as an ASGI application."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from geocn._optional import require
from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.serve.following import Shelf
from geocn.serve.guard import Guard
from geocn.serve.log import Visit

if TYPE_CHECKING:
    from geocn.serve.door import Door

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def utc_today() -> date:
    """Return the date in UTC: whether a release may still be handed out hangs on today."""
    return date(*time.gmtime()[:3])


def application(
    run: StrPath,
    *,
    profile: str,
    token: str | None = None,
    hosts: Sequence[str] = _LOOPBACK,
    origins: Sequence[str] = (),
    secure: bool = False,
    follow: bool = False,
    today: Callable[[], date] = utc_today,
    log: Callable[[Visit], None] | None = None,
) -> Door:
    """Return an ASGI application that hands out one release, read-only.

    What may be handed out is listed once, from the release's own ``release.json`` and
    ``SHA256SUMS``, and every file is checked against its SHA-256. A URL is looked up in that
    list and never turned into a path: what the profile did not allow has no URL. A file that is
    changed afterwards is refused with 503, an expired release with 410.

    Parameters
    ----------
    run : path
        A run folder, or the folder that holds the runs: then its ``latest``.
    profile : str
        Name of the release.
    token : str, optional
        Asked of every request, as ``Authorization: Bearer``; at least 32 visible ASCII
        characters. Without one everybody who reaches the application may read.
    hosts : sequence of str
        Names under which it may be asked, without port; by default those of loopback.
    origins : sequence of str
        Origins (``https://portal.example.org``) whose pages may read answers; none by default.
    secure : bool
        Let browsers send the session's cookie over TLS only.
    follow : bool
        Serve another run as soon as ``latest`` points to it.
    today : callable
        Gives the date (UTC) against which the release expires.
    log : callable, optional
        Told of each request.

    Returns
    -------
    Door

    Raises
    ------
    MissingDependencyError
        Where the extra ``serve`` is not installed.
    ParameterError
        Where there is no such release, the joint folder is asked for, or an option is wrong.
    ReadError
        Where a file of the release is not what its list says; all are named.

    Examples
    --------
    >>> application("out", profile="joint")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    geocn.errors.ParameterError: profile: the joint folder ... is never served; name a release.
    """
    require("starlette", extra="serve")
    from geocn.serve.door import Door

    if os.open not in os.supports_dir_fd:
        raise ParameterError("serve: this system cannot open files without following links.")
    for origin in origins:
        _check_origin(origin)
    return Door(
        Shelf.read(Path(run), profile, follow=follow),
        Guard(token),
        hosts=[host.casefold() for host in hosts],
        origins=origins,
        secure=secure,
        today=today,
        log=log,
    )


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin:
        raise ParameterError(
            f"allow_origin: found {origin!r}; expected scheme, host and port only, such as "
            "https://portal.example.org."
        )
