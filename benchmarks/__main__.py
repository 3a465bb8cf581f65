"""Run every case and print a table: ``python -m benchmarks [WORD IN THE NAME]``."""

from __future__ import annotations

import sys

from benchmarks.case import Case
from benchmarks.cases import CASES
from benchmarks.measure import Measured, measure, measure_first, reference


def row(case: Case, folder: str) -> str:
    """Measure one case and write its line of the table."""
    ours_code = case.ours.format(reference=folder)
    first = measure_first(ours_code)
    ours = measure(ours_code)
    peer = measure(case.peer.format(reference=folder)) if case.peer else None
    return (
        f"| {case.name} | {cost(ours)} | {first.cpu_s:.1f} s | {promise(case)} "
        f"| {cost(peer) if peer else '—'} | {case.peer_name or '—'} "
        f"| {f'{peer.work_cpu_s / ours.work_cpu_s:.2g}×' if peer else '—'} |"
    )


def cost(measured: Measured) -> str:
    return f"{measured.work_cpu_s:.2f} s of {measured.cpu_s:.1f} s, {measured.peak_mb:.0f} MB"


def promise(case: Case) -> str:
    parts = []
    if case.limit_cpu_s is not None:
        parts.append(f"≤ {case.limit_cpu_s:g} s")
    if case.limit_mb is not None:
        parts.append(f"≤ {case.limit_mb:g} MB")
    return ", ".join(parts) or "—"


def main(word: str = "") -> None:
    folder = reference()
    print("CPU seconds of the work, of the whole process (imports included), and peak memory.\n")
    print("| work | geocn | first run, nothing compiled | promised | peer | which | peer ÷ geocn |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        if word not in case.name:
            continue
        if "{reference}" in case.ours and folder is None:
            print(f"| {case.name} | no reference data: set GEOCN_REFERENCE | | | | | |")
            continue
        print(row(case, str(folder)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
