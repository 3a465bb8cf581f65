"""Who may come in: one token, links that work once, and a limit on those who guess."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

from geocn._typing import StrPath
from geocn.errors import ParameterError

TOKEN = "GEOCN_SERVE_TOKEN"  # noqa: S105  the name of a variable
LEAST_LENGTH = 32
LINK_SECONDS, SESSION_SECONDS = 24 * 3600.0, 12 * 3600.0
_MOST_LINKS, _MOST_SESSIONS, _MOST_ADDRESSES = 64, 1024, 1024
_FREE_FAILURES, _SECONDS_A_FAILURE = 10, 6.0


def read_token(
    file: StrPath | None = None, *, environment: Mapping[str, str] | None = None
) -> str | None:
    """Return the token of a file, else of the variable ``GEOCN_SERVE_TOKEN``, else None.

    A token on a command line could be read by every user of the machine, so there is no such
    option.

    Raises
    ------
    ParameterError
        Where the file cannot be read, everybody may read it or its group write it, or the
        token has fewer than 32 characters or any but visible ASCII ones.

    Examples
    --------
    >>> read_token(environment={}) is None
    True
    """
    told = os.environ if environment is None else environment
    if file is not None:
        place = Path(file)
        try:
            # A group may read it: that is how systemd hands a credential to a service.
            if os.name == "posix" and place.stat().st_mode & 0o027:
                raise ParameterError(f"token_file: everybody may reach {place}; chmod 600 it.")
            token = place.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"token_file: {place} cannot be read: {error}.") from error
    elif TOKEN in told:
        token = told[TOKEN].strip()
    else:
        return None
    return checked(token)


def checked(token: str) -> str:
    """Return a token that is long enough and fits a header.

    Raises
    ------
    ParameterError
        Where it does not; the message never holds it.
    """
    visible = token.isascii() and token.isprintable() and " " not in token
    if len(token) < LEAST_LENGTH or not visible:
        raise ParameterError(
            f"token: found {len(token)} characters; expected at least {LEAST_LENGTH}, visible "
            "ASCII only. Make one with: head -c 32 /dev/urandom | base64"
        )
    return token


class Verdict(Enum):
    """What the guard says of a request."""

    WELCOME = "welcome"
    STRANGER = "stranger"
    SLOW_DOWN = "slow down"


class Guard:
    """Knows the token, the links and the sessions; forgets the oldest when it knows too many.

    Parameters
    ----------
    token : str or None
        Without one, everybody who reaches the door may come in.
    seconds : callable, optional
        A clock that never goes back.
    """

    def __init__(self, token: str | None, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._token = None if token is None else _digest(checked(token))
        self._seconds = seconds
        self._links: OrderedDict[bytes, float] = OrderedDict()
        self._sessions: OrderedDict[bytes, float] = OrderedDict()
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def asks(self) -> bool:
        """Whether a token is asked for."""
        return self._token is not None

    def new_link(self) -> str:
        """Return a code that opens one session, within a day."""
        return self._new(self._links, LINK_SECONDS, _MOST_LINKS)

    def enter(self, code: str, address: str) -> str | Verdict:
        """Turn the code of a link into a session, once."""
        if self._too_many(address):
            return Verdict.SLOW_DOWN
        until = self._links.pop(_digest(code), 0.0)
        if until <= self._seconds():
            self._count(address)
            return Verdict.STRANGER
        return self._new(self._sessions, SESSION_SECONDS, _MOST_SESSIONS)

    def knows_session(self, session: str | None) -> bool:
        """Say whether a session is open."""
        if not session:
            return False
        return self._sessions.get(_digest(session), 0.0) > self._seconds()

    def knows_token(self, authorization: str | None, address: str) -> Verdict:
        """Judge an ``Authorization`` header; guessing is slowed down by address."""
        if self._token is None:
            return Verdict.WELCOME
        if authorization is None:
            return Verdict.STRANGER
        if self._too_many(address):
            return Verdict.SLOW_DOWN
        scheme, _, given = authorization.partition(" ")
        right = hmac.compare_digest(_digest(given.strip()), self._token)
        if right and scheme.casefold() == "bearer":
            return Verdict.WELCOME
        self._count(address)
        return Verdict.STRANGER

    def _new(self, known: OrderedDict[bytes, float], seconds: float, most: int) -> str:
        code = secrets.token_urlsafe(32)
        known[_digest(code)] = self._seconds() + seconds
        while len(known) > most:
            known.popitem(last=False)
        return code

    def _left(self, address: str) -> float:
        """Return how many failures an address has left; they come back with time."""
        left, since = self._failures.get(_network(address), (float(_FREE_FAILURES), 0.0))
        return min(_FREE_FAILURES, left + (self._seconds() - since) / _SECONDS_A_FAILURE)

    def _too_many(self, address: str) -> bool:
        return self._left(address) < 1

    def _count(self, address: str) -> None:
        key = _network(address)
        self._failures[key] = (self._left(address) - 1, self._seconds())
        self._failures.move_to_end(key)
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _network(address: str) -> str:
    """Return what one guesser has: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((int(found), 64), strict=False))
