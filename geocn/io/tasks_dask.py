"""The same work on the workers of a Dask scheduler: every task reads its own part."""

from __future__ import annotations

import platform
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any

from geocn._optional import require
from geocn.errors import ClusterError, GeocnError, ParameterError
from geocn.io.checkpoints import Checkpoints, State
from geocn.io.tasks import PartT, Progress, run_part, tree
from geocn.provenance import versions

_ADDRESS = re.compile(r"(?:tcp|tls|ws|wss|ucx|inproc)://\S+")
_PATIENCE_S = 300
_CONNECT_S = 30
_SHOWN = 3
# What is merged makes room for more: merging goes before reading.
_MERGING = 10


def reduce_on_cluster(
    scheduler: Any,
    parts: Sequence[PartT],
    work: Callable[[PartT, Any], State],
    merge: Callable[[Sequence[State]], State],
    *,
    shared: Any,
    store: Checkpoints | None,
    progress: Progress | None,
) -> State:
    """Do what :func:`geocn.io.tasks.reduce_parts` says on a cluster.

    Raises
    ------
    ClusterError, MissingDependencyError, ParameterError
        As there.
    """
    distributed = require("distributed", extra="scale")
    with client_of(distributed, scheduler) as client:
        refuse_strangers(client)
        done = 0
        root = None
        waiting = None
        try:
            leaves, root = _submit(client, parts, work, merge, shared=shared, store=store)
            await_workers(client)
            waiting = distributed.as_completed(leaves, loop=client.loop)
            leaves.clear()
            for future in waiting:
                if future.status != "finished":
                    break
                done += 1
                if progress is not None:
                    progress(done, len(parts))
                # Nothing but the tree holds the result of a part any longer.
                del future
            state: State = root.result()
        except GeocnError:
            _give_up(client, waiting, root)
            raise
        except BaseException as error:
            _give_up(client, waiting, root)
            told = told_of(distributed, error)
            if told is None:
                raise
            raise ClusterError(f"{told} {_resume(done, len(parts), store)}") from error
        return state


def _submit(
    client: Any,
    parts: Sequence[PartT],
    work: Callable[[PartT, Any], State],
    merge: Callable[[Sequence[State]], State],
    *,
    shared: Any,
    store: Checkpoints | None,
) -> tuple[list[Any], Any]:
    """Submit all tasks; returns those of the parts, and the one that all are merged into."""
    leaves: list[Any] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        # A task, not scattered data: a worker that is lost takes nothing with it.
        given = client.submit(_given, shared, pure=False)

        def submitted() -> Iterator[Any]:
            for part in parts:
                leaf = client.submit(_run, work, part, given, store, versions(), pure=False)
                leaves.append(leaf)
                yield leaf

        def combine(few: list[Any]) -> Any:
            return client.submit(merge, few, pure=False, priority=_MERGING)

        root = tree(submitted(), combine)
    return leaves, root


def _given(shared: Any) -> Any:
    return shared


def _run(
    work: Callable[[PartT, Any], State],
    part: PartT,
    shared: Any,
    store: Checkpoints | None,
    expected: Mapping[str, str],
) -> State:
    differs = _differences(versions(), expected)
    if differs:
        # Workers may join after the others were asked.
        raise ClusterError(_strangers({platform.node() or "a worker": differs}))
    return run_part(work, part, shared, store)


@contextmanager
def client_of(distributed: Any, scheduler: Any) -> Iterator[Any]:
    """Give a client of the scheduler: the one that was given, or one of our own for a while."""
    if isinstance(scheduler, distributed.Client):
        if scheduler.asynchronous:
            raise ParameterError("scheduler is an asynchronous client; give one that waits")
        if scheduler.status != "running":
            raise ClusterError(
                f"the client is not connected to its scheduler (it is {scheduler.status})"
            )
        yield scheduler
        return
    if not isinstance(scheduler, str) or not _ADDRESS.fullmatch(scheduler):
        raise ParameterError(
            f"scheduler is {scheduler!r}; give the address of a Dask scheduler, such as "
            "'tcp://host:8786', or a distributed.Client"
        )
    try:
        client = distributed.Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, TypeError, ValueError) as error:
        raise ClusterError(
            f"the scheduler at {scheduler} cannot be reached ({error}). Look whether it runs, "
            "and for a network with TLS give a distributed.Client with its security."
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=5)


def refuse_strangers(client: Any) -> None:
    """Refuse workers whose geocn, Python or libraries are not those of this process."""
    try:
        found = client.run(version, "geocn", on_error="return")
        mine = versions()["geocn"]
        wrong = {
            address: [f"geocn {told}" if isinstance(told, str) else "no geocn"]
            for address, told in found.items()
            if told != mine
        }
        if not wrong:
            told = client.run(versions, on_error="return")
            wrong = {
                address: differs
                for address, theirs in told.items()
                if (differs := _differences(theirs, versions()))
            }
    except (OSError, TimeoutError) as error:
        raise ClusterError(f"the scheduler cannot be reached ({error})") from error
    if wrong:
        raise ClusterError(_strangers(wrong))


def _differences(theirs: object, mine: Mapping[str, str]) -> list[str]:
    """Versions that are not the same; of Python only the first two numbers count."""
    if not isinstance(theirs, Mapping):
        return [f"an environment that cannot tell its versions ({theirs})"]
    return [
        f"{name} {theirs.get(name, 'missing')} (here {mine[name]})"
        for name in mine
        if _short(name, theirs.get(name, "")) != _short(name, mine[name])
    ]


def _short(name: str, told: str) -> str:
    return ".".join(told.split(".")[:2]) if name == "python" else told


def _strangers(wrong: Mapping[str, list[str]]) -> str:
    shown = "; ".join(f"{at}: {', '.join(differs)}" for at, differs in list(wrong.items())[:_SHOWN])
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return (
        f"{len(wrong)} workers are not of this process's versions ({shown}{more}), so that results "
        "could differ. Install the same environment on all of them."
    )


def await_workers(client: Any) -> None:
    """Wait for the first worker; clusters that adapt start them once there is work."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_S)
    except TimeoutError as error:
        raise ClusterError(
            f"no worker came to the scheduler within {_PATIENCE_S} s; start some"
        ) from error


def _give_up(client: Any, waiting: Any, root: Any) -> None:
    """Let go of all tasks: what has not begun is not done."""
    with suppress(Exception):
        left = [] if waiting is None else list(waiting.futures)
        if root is not None and client.status == "running":
            client.cancel([root, *left])


def told_of(distributed: Any, error: BaseException) -> str | None:
    """Say what befell the cluster; None where the error is none of its."""
    if isinstance(error, distributed.KilledWorker):
        return (
            "workers died again and again on the same part, perhaps for want of memory: give "
            f"them more, or take smaller parts ({error})."
        )
    gone = (
        CancelledError,
        distributed.client.FutureCancelledError,
        distributed.comm.CommClosedError,
        TimeoutError,
        ConnectionError,
    )
    if isinstance(error, gone):
        return f"the scheduler is gone, or gave the work up ({type(error).__name__})."
    if isinstance(error, ImportError):
        return f"a worker lacks what this process has ({error})."
    return None


def _resume(done: int, n: int, store: Checkpoints | None) -> str:
    if store is None:
        return "Nothing was kept: give checkpoints= a folder that all workers see, to go on later."
    return (
        f"{done} of {n} parts are known to be done and kept in {store.folder}: the same call with "
        "the same checkpoints goes on from there."
    )
