"""Fuzz readers: ``python -m tests.fuzz [TARGET …] --examples N [--seconds S] [--keep]``.

Each example changes a seed or an input of the corpus. An input with an outcome not seen before
joins the pool (and the corpus, with ``--keep``); one that breaks a promise is written to the
corpus, whatever the options, and named, and the command ends with 1.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS, Target

CORPUS = Path(__file__).parent / "corpus"
#: A single input that takes longer than this is a hang: the process ends with its traceback.
HANG_S = 30.0
#: Longest input that is kept, in bytes.
MOST = 12_000


def corpus_of(target: Target) -> dict[str, bytes]:
    """The inputs saved for a target, by name."""
    return {p.name: p.read_bytes() for p in sorted((CORPUS / target.name).glob("*"))}


def fuzz(target: Target, *, examples: int, seconds: float, seed: int, keep: bool) -> list[str]:
    """Try ``examples`` inputs at most, for ``seconds`` at most; return what broke."""
    rng = np.random.default_rng([seed, *target.name.encode()])
    broken: list[str] = []
    pool = [*target.seeds(), *corpus_of(target).values()]
    known = {_tried(target, data, broken) for data in pool}
    until = time.monotonic() + seconds
    n = 0
    while n < examples and time.monotonic() < until:
        one, other = (pool[int(rng.integers(len(pool)))] for _ in range(2))
        data = mutate(one, other, rng)[:MOST]
        said = _tried(target, data, broken)
        if said not in known:
            known.add(said)
            pool.append(data)
            if keep:
                _save(target, data)
        n += 1
    print(f"{target.name}: {n} inputs, {len(known)} outcomes, {len(broken)} broken", flush=True)
    return broken


def prune(target: Target) -> None:
    """Leave the shortest input of each outcome in the corpus."""
    shortest: dict[str | None, str] = {}
    held = corpus_of(target)
    for name in sorted(held, key=lambda name: (len(held[name]), name)):
        shortest.setdefault(_tried(target, held[name], []), name)
    for name in set(held) - set(shortest.values()):
        (CORPUS / target.name / name).unlink()


def _tried(target: Target, data: bytes, broken: list[str]) -> str | None:
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    try:
        return target.outcome(data)
    except Exception as error:
        trace = "".join(traceback.format_exception(error, limit=-6))
        broken.append(f"{target.name}: {_save(target, data)}\n{trace}")
        return None
    finally:
        faulthandler.cancel_dump_traceback_later()


def _save(target: Target, data: bytes) -> Path:
    path = CORPUS / target.name / hashlib.sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def main() -> int:
    """Fuzz what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--examples", type=int, default=10**9)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--prune", action="store_true", help="thin out the corpus, fuzz nothing")
    given = parser.parse_args()
    broken: list[str] = []
    for name in given.targets or TARGETS:
        if given.prune:
            prune(TARGETS[name])
            continue
        broken += fuzz(
            TARGETS[name],
            examples=given.examples,
            seconds=given.seconds,
            seed=given.seed,
            keep=given.keep,
        )
    print("\n".join(broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
