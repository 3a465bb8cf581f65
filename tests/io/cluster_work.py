"""Work that the workers of the tests import."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geocn.io.checkpoints import State


@dataclass(frozen=True)
class Number:
    """A part that is a number."""

    value: int
    identity: str

    @property
    def name(self) -> str:
        return f"number {self.value}"


def numbers(n: int) -> list[Number]:
    return [Number(i, f"number {i}") for i in range(n)]


def slow(part: Number, shared: dict) -> State:
    """Leave a mark for every time it ran, wait, and give numbers whose sum depends on order."""
    if shared.get("marks"):
        mark = Path(shared["marks"])
        with (mark / f"{part.value}").open("a") as stream:
            stream.write("x")
    time.sleep(shared["wait_s"])
    return {"sum": np.array([0.1 * part.value]), "seen": np.array([part.value])}


def join(states: Sequence[State]) -> State:
    """Add floats in order, and say in which order they came."""
    if not states:
        return {"sum": np.zeros(1), "seen": np.zeros(0, dtype=int)}
    total = states[0]["sum"].copy()
    for state in states[1:]:
        total += state["sum"]
    return {"sum": total, "seen": np.concatenate([state["seen"] for state in states])}


def lose_memory(part: Number, shared: dict) -> State:
    """Die as a worker that takes too much memory does."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def refuse(part: Number, shared: dict) -> State:
    """Raise an error of ours, which has to come back whole."""
    from geocn.errors import CoordinateError

    raise CoordinateError("points", found="99", expected="less", repair="Mend.", rows=[4, 5])
