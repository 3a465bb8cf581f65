"""What a run tells while it works: JSON lines for machines, a line of progress for people.

The only place of a run that reads the clock: a line of a log says when it was written.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from geocn._cli_print import progress
from geocn.provenance import plain

Step = Callable[[str], None] | None


class Log:
    """Events on standard error as JSON lines, or nothing in the ``text`` mode.

    Parameters
    ----------
    mode : {"text", "json"}
    """

    def __init__(self, mode: str = "text") -> None:
        self.is_json = mode == "json"

    def event(self, name: str, **fields: Any) -> None:
        """Write one event with the time and its fields."""
        if not self.is_json:
            return
        line = {"time": _now(), "event": name, **{key: plain(one) for key, one in fields.items()}}
        sys.stderr.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stderr.flush()

    @contextmanager
    def progress(self) -> Iterator[Step]:
        """Yield what is told each step: an event, or what stands on the terminal."""
        if self.is_json:
            yield lambda step: self.event("step", step=step)
            return
        with progress() as tell:
            yield tell


def _now() -> str:
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC).isoformat(timespec="milliseconds")
