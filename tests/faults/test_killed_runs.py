"""P1: a run that is killed, or runs beside another, leaves whole versions only."""

from __future__ import annotations

import signal
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.faults.runs import Ask, Forker, Said, assert_whole, runs_in, stable_bytes

KILLS = 200
#: Each so many runs one writes all formats; the others tables only, at a third of the cost.
WITH_MAPS = 4


def day(number: int) -> str:
    """A cut-off for each run: the same one twice would find its work done."""
    return (date(2026, 1, 1) + timedelta(days=number)).isoformat()


class Watched:
    """An output folder whose every version is held against its own list, once."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.seen: set[str] = set()

    def check(self) -> None:
        """``latest`` is whole, and so is every version beside it."""
        for folder in runs_in(self.out):
            if folder.name not in self.seen:
                assert_whole(folder)
                self.seen.add(folder.name)
        latest = self.out / "latest"
        if self.seen:
            assert latest.resolve().name in self.seen
        # At most the draft of the last run and the rows that it had rejected.
        assert len(list(self.out.glob(".geocn-tmp-*"))) <= 2


def ended_by(said: Said, number: int) -> bool:
    return said["signal"] == number


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_kill_9_at_200_random_moments(
    warm: Forker, tiny: Path, tables: Path, tmp_path: Path
) -> None:
    out, rng = tmp_path / "out", np.random.default_rng(9)
    watched = Watched(out)
    took: dict[Path, list[float]] = {tiny: [], tables: []}
    for k, project in enumerate((tiny, tiny, tables)):
        took[project] = [warm.run(Ask(str(project), str(out), day(k)))["seconds"]]
    watched.check()
    killed = {tiny: 0, tables: 0}
    for k in range(KILLS):
        project = tables if k % WITH_MAPS else tiny
        # The machine may grow slower or faster meanwhile: moments follow the last whole runs.
        after = float(rng.uniform(0, 1.1 * np.median(took[project][-9:])))
        ask = Ask(str(project), str(out), day(k + 3), signal=int(signal.SIGKILL), after_s=after)
        said = warm.run(ask)
        if said["signal"]:
            killed[project] += 1
        else:
            assert "folder" in said, said
            took[project].append(said["seconds"])
        watched.check()
    assert KILLS // 2 < sum(killed.values()) < KILLS, killed
    assert killed[tiny] > KILLS // WITH_MAPS // 2, killed
    last = warm.run(Ask(str(tiny), str(out), day(1000)))
    watched.check()
    assert list(out.glob(".geocn-tmp-*")) == []
    clean = warm.run(Ask(str(tiny), str(tmp_path / "clean"), day(1000)))
    assert stable_bytes(Path(last["folder"])) == stable_bytes(Path(clean["folder"]))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_at_random_moments(
    warm: Forker, tiny: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out, rng = tmp_path / "out", np.random.default_rng(int(number))
    watched = Watched(out)
    took = warm.run(Ask(str(tiny), str(out), day(0)))["seconds"]
    for k in range(8):
        after = float(rng.uniform(0, took))
        said = warm.run(Ask(str(tiny), str(out), day(k + 1), signal=int(number), after_s=after))
        stopped = said["signal"] == number or said.get("error") == "KeyboardInterrupt"
        assert stopped or "folder" in said or not said["sent"], said
        watched.check()
        if said.get("error") == "KeyboardInterrupt":
            assert list(out.glob(".geocn-tmp-*")) == []


@pytest.mark.slow
def test_two_runs_on_one_output(warm: Forker, tables: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    watched = Watched(out)
    whole = refused = 0
    for k in range(6):
        # Both at once, with the same work and with other work.
        days = (day(k), day(k if k % 2 else k + 100))
        for said in warm.run_together(*(Ask(str(tables), str(out), one) for one in days)):
            whole += "folder" in said
            refused += said.get("error") == "LockedError"
            assert "folder" in said or said["error"] == "LockedError", said
        watched.check()
    assert whole >= 6
    assert refused >= 1
    assert whole + refused == 12
