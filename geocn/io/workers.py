"""Tasks on the workers of a Dask scheduler, of which some follow from the results of others.

:func:`geocn.io.tasks.reduce_parts` is for many equal parts that become one result; this is
for tasks that each leave something behind, such as a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from geocn._optional import require
from geocn.errors import ClusterError, GeocnError
from geocn.io.tasks_dask import await_workers, client_of, refuse_strangers, told_of

T = TypeVar("T")


class Workers:
    """The workers of a scheduler, and the tasks that they were given.

    Parameters
    ----------
    distributed : module
        Dask's.
    client : distributed.Client
        Connected to the scheduler.
    """

    def __init__(self, distributed: Any, client: Any) -> None:
        self._client = client
        self._waiting = distributed.as_completed(loop=client.loop)
        self._tasks: dict[str, tuple[Any, Any]] = {}
        self._awaited = False

    def ask(self, look: Callable[..., Any], *args: Any) -> dict[str, Any]:
        """Return what ``look`` gives on every worker there is now, by address, or its error."""
        found: dict[str, Any] = self._client.run(look, *args, on_error="return")
        return found

    def submit(self, work: Callable[[T], Any], task: T) -> None:
        """Let some worker do ``work(task)``; a worker that dies is replaced by another."""
        future = self._client.submit(work, task, pure=False)
        self._tasks[future.key] = (future, task)
        self._waiting.add(future)

    def done(self) -> Iterator[tuple[Any, Any]]:
        """Yield tasks and what came of them, as they end; more may be submitted meanwhile.

        Raises
        ------
        ClusterError
            Where no worker comes.
        """
        if self._tasks and not self._awaited:
            await_workers(self._client)
            self._awaited = True
        for future in self._waiting:
            result = future.result()
            yield self._tasks.pop(future.key)[1], result

    def give_up(self) -> None:
        """Let go of all tasks: what has not begun is not done."""
        with suppress(Exception):
            if self._client.status == "running":
                self._client.cancel([future for future, _ in self._tasks.values()])


@contextmanager
def workers_of(scheduler: Any, *, advice: str) -> Iterator[Workers]:
    """Give the workers of a scheduler for a while; whatever ends it, no task is left behind.

    Parameters
    ----------
    scheduler : str or distributed.Client
        Address of a Dask scheduler (``"tcp://…"``), or a client of one.
    advice : str
        Ends the message where the cluster is lost: what is kept, and how to go on.

    Raises
    ------
    ClusterError
        Where the scheduler cannot be reached or is gone, workers die again and again, or are
        of another version.
    MissingDependencyError
        Where distributed is not installed.
    ParameterError
        Where ``scheduler`` is neither an address nor a client.
    """
    distributed = require("distributed", extra="scale")
    with client_of(distributed, scheduler) as client:
        refuse_strangers(client)
        workers = Workers(distributed, client)
        try:
            yield workers
        except GeocnError:
            workers.give_up()
            raise
        except BaseException as error:
            workers.give_up()
            told = told_of(distributed, error)
            if told is None:
                raise
            raise ClusterError(f"{told} {advice}") from error
