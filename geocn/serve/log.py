"""A line a request: who, what, how it ended; never a query, a token or a cookie."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_LONGEST = 200


@dataclass
class Visit:
    """One request, or a word of the door itself.

    Attributes
    ----------
    address, method, path : str
        Who asked what; the path without its query.
    status, sent : int
        HTTP status and bytes of the body.
    seconds : float
        From the request to the end of the answer.
    note : str
        What the door says of itself, in place of all these.
    """

    address: str
    method: str
    path: str
    status: int = 0
    sent: int = 0
    seconds: float = 0.0
    note: str = ""

    def told(self) -> dict[str, Any]:
        """Return what is written, its texts cut and without control characters."""
        if self.note:
            return {"note": _clean(self.note, 10 * _LONGEST)}
        return {
            "address": _clean(self.address, _LONGEST),
            "method": _clean(self.method, 20),
            "path": _clean(self.path, _LONGEST),
            "status": self.status,
            "bytes": self.sent,
            "ms": round(1000 * self.seconds),
        }


def _clean(text: str, longest: int) -> str:
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(one if one.isprintable() else " " for one in cut)


def as_text(record: logging.LogRecord, told: dict[str, Any]) -> str:
    """Return one line for people."""
    return " ".join([_time(record), *(str(value) for value in told.values())])


def as_json(record: logging.LogRecord, told: dict[str, Any]) -> str:
    """Return one line for machines."""
    return json.dumps({"time": _time(record), **told}, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")


class _Formatter(logging.Formatter):
    def __init__(self, write: Callable[[logging.LogRecord, dict[str, Any]], str]) -> None:
        super().__init__()
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        told = record.__dict__.get("told") or {"note": _clean(record.getMessage(), 10 * _LONGEST)}
        return self._write(record, told)


def logger(kind: str) -> Callable[[Visit], None]:
    """Return what writes visits to standard error, as ``text`` or as ``json``.

    What the server itself warns of goes the same way.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter({"text": as_text, "json": as_json}[kind]))
    for name, level in (("geocn.serve", logging.INFO), ("uvicorn", logging.WARNING)):
        one = logging.getLogger(name)
        one.handlers, one.propagate = [handler], False
        one.setLevel(level)
    log = logging.getLogger("geocn.serve")

    def write(visit: Visit) -> None:
        log.info("visit", extra={"told": visit.told()})

    return write
