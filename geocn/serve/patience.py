"""Connections that keep the door waiting are cut: by itself the server would wait for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Connections held at once.
MOST_AT_ONCE = 64
#: For a whole request to come, and for what is left of a broken answer to go.
REQUEST_SECONDS, CLOSING_SECONDS = 20.0, 10.0
_LOOK_SECONDS = 2.0


class PatientProtocol(H11Protocol):
    """A connection that ends where nothing comes of it.

    Where there are too many, the one that has been without a request for longest makes room.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for a connection, and begin to look after it."""
        waiting = [one for one in self.connections if isinstance(one, PatientProtocol)]
        waiting = [one for one in waiting if one.is_waiting]
        if len(self.connections) >= MOST_AT_ONCE - 1 and waiting:
            last = min(waiting, key=lambda one: one.since)
            last.transport.abort()
            # Its end is told later, and many more may come before.
            self.connections.discard(last)
        if len(self.connections) >= 2 * MOST_AT_ONCE:
            transport.abort()
        self.since = time.monotonic()
        self._closing_since: float | None = None
        super().connection_made(transport)
        self._look = self.loop.call_later(_LOOK_SECONDS, self._look_after)

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.since = time.monotonic()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look after it no more."""
        self._look.cancel()
        super().connection_lost(exc)

    def _look_after(self) -> None:
        now = time.monotonic()
        if self.transport.is_closing():
            # What the client does not fetch would hold the connection open.
            self._closing_since = self._closing_since or now
        late: Any = self._closing_since and now - self._closing_since > CLOSING_SECONDS
        if late or (self.is_waiting and now - self.since > REQUEST_SECONDS):
            self.transport.abort()
        else:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._look_after)
