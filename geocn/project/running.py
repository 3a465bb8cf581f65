"""A whole run: files in, joint layers, analyses, releases, maps and a manifest out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.project.checking import cutoff_of, silent
from geocn.project.cluster import check_scheduler, fill_store
from geocn.project.file import ProjectFile
from geocn.project.known import ready, request_of
from geocn.project.period import Period
from geocn.project.reading import Progress
from geocn.project.record import Request
from geocn.project.releasing import passphrase_of
from geocn.project.run_result import RunResult
from geocn.project.session import Session, Window

__all__ = ["RunResult", "periods", "run", "run_since"]


def run(
    project_file: StrPath,
    *,
    out: StrPath | None = None,
    period: str | None = None,
    as_of: Any = None,
    progress: Progress | None = None,
    cache: bool = True,
    keep_going: bool = False,
    scheduler: Any = None,
) -> RunResult:
    """Run a project.

    A fresh folder appears under ``out`` in one step, then ``latest`` points to it; until
    then the previous run stands untouched. The same inputs, project and versions give the
    same folder name and the same bytes. A run that is there
    and whole is not made again, and of a new one only what changed is computed.

    Parameters
    ----------
    project_file : path
        A project file, or the folder that holds ``project.toml``.
    out : path, optional
        Folder for the runs; by default that of the project file.
    period : str, optional
        ``2025``, ``2025-Q1``, ``2025-03`` or ``2025-01-15/2025-02-20``: only rows that hold
        then are analysed. A file whose dated rows all lie elsewhere is no part of the run.
    as_of : date or str, optional
        Information cut-off; by default the project's, else the end of the period.
    progress : callable, optional
        Told each step in a few words.
    cache : bool
        False reads and computes everything, whatever is there, and keeps nothing.
    keep_going : bool
        Where an analysis or a release fails, publish the others: the run is then "partial",
        its manifest says what failed, and it is made again the next time.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``"tcp://…"``), or a client of one. Its workers read the
        files and compute the analyses, each as a whole, and hand them over through the cache
        in ``out``, a folder that all of them see. The run is the same to the last byte.

    Returns
    -------
    RunResult

    Raises
    ------
    ProjectError
        Where the project file is wrong; the message names file, line and key.
    ParameterError
        Where ``period`` or ``as_of`` cannot be read, or a scheduler is given without a cache.
    ClusterError
        Where the scheduler is gone, or workers die again and again, have another code or do
        not see the files. What was done is kept: the same call goes on from there.
    LayerError, ReadError
        Where an input is bad.
    UnlabelledDataError
        Where a release meets rows without a marking.
    WriteError, LockedError
        Where ``out`` cannot be written, or another run is writing there.
    """
    check_scheduler(scheduler, cache=cache)
    window = Period.parse(period) if period else None
    request = request_of(project_file, out=out, as_of=as_of, period=period)
    if cache and (found := ready(request)):
        return found[0]
    source = ProjectFile.read(project_file)
    windows = [(window, cutoff_of(source, as_of, window))]
    cutoff = windows[0][1]
    with _opened(source, request, cutoff, progress, cache=cache, keep_going=keep_going) as session:
        return _made(session, windows, scheduler)[0]


def run_since(
    project_file: StrPath,
    *,
    since: str,
    every: str = "month",
    out: StrPath | None = None,
    as_of: Any = None,
    progress: Progress | None = None,
    cache: bool = True,
    keep_going: bool = False,
    scheduler: Any = None,
) -> list[RunResult]:
    """Run a project for every period from one to the cut-off, each in a folder of its own.

    Files are read once, up to the cut-off. The cut-off of each run is the end of its period,
    or the one asked for where that comes earlier. What comes in late makes the runs anew
    whose period it touches (or is compared with), and no others.

    Parameters
    ----------
    project_file, out, as_of, progress, cache, keep_going, scheduler
        As :func:`run`.
    since : str
        The first period, such as ``2024-01``; of a longer one its first month (quarter, year).
    every : {"month", "quarter", "year"}
        How long a period is.

    Returns
    -------
    list of RunResult
        In the order of the periods; ``latest`` points to the last.

    Raises
    ------
    GeocnError
        As :func:`run`; ParameterError also where ``since`` lies after the cut-off.
    """
    check_scheduler(scheduler, cache=cache)
    start = Period.parse(since).start
    first = Period.around(start, every)
    request = request_of(project_file, out=out, as_of=as_of, since=since, every=every)
    if cache and (found := ready(request)):
        return found
    source = ProjectFile.read(project_file)
    cutoff = cutoff_of(source, as_of, None)
    windows = periods(first, cutoff, every)
    with _opened(source, request, cutoff, progress, cache=cache, keep_going=keep_going) as session:
        return _made(session, windows, scheduler)


def periods(first: Period, cutoff: date, every: str) -> list[tuple[Period, date]]:
    """Return the periods from ``first`` to the one of ``cutoff``, each with its own cut-off.

    Raises
    ------
    ParameterError
        Where ``first`` lies after ``cutoff``.
    """
    if first.start > cutoff:
        raise ParameterError(f"since {first.text} lies after the cut-off {cutoff.isoformat()}")
    found = [first]
    while found[-1].end < cutoff:
        found.append(Period.around(found[-1].end + timedelta(days=1), every))
    return [(one, min(cutoff, one.end)) for one in found]


def _made(session: Session, windows: Sequence[Window], scheduler: Any) -> list[RunResult]:
    if scheduler is not None:
        fill_store(session, windows, scheduler)
    return session.runs(windows)


@contextmanager
def _opened(
    source: ProjectFile,
    request: Request,
    cutoff: date,
    progress: Progress | None,
    *,
    cache: bool,
    keep_going: bool,
) -> Iterator[Session]:
    for release in source.project.releases:
        passphrase_of(release)
    target = request.out or source.resolve(source.project.outputs.folder)
    session = Session(source, request, target, cutoff, progress or silent, keep_going=keep_going)
    with session.opened(cache=cache):
        yield session
