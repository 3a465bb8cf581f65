"""Work on the parts of a large input, here or on the workers of Dask, with one result.

Each part is worked on alone; the results are merged in a tree whose shape depends on the
number of parts alone. So sums are taken in the same order wherever the work is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.io.checkpoints import Checkpoints, State

#: How many results are merged at once.
FAN_IN = 8
#: Stands in the provenance for options that say where work is done, not what its result is.
NOT_RECORDED = "not recorded: it does not shape the result"

T = TypeVar("T")
Progress = Callable[[int, int], None]


class HasIdentity(Protocol):
    """A part, which can be told from others by its content."""

    @property
    def identity(self) -> str:
        """Hash of its content, empty where none was asked for."""
        ...

    @property
    def name(self) -> str:
        """What messages call it."""
        ...


PartT = TypeVar("PartT", bound=HasIdentity)


def reduce_parts(
    parts: Sequence[PartT],
    work: Callable[[PartT, Any], State],
    merge: Callable[[Sequence[State]], State],
    *,
    shared: Any = None,
    key: str = "",
    scheduler: Any = None,
    checkpoints: StrPath | None = None,
    progress: Progress | None = None,
) -> State:
    """Work on every part and merge what comes of them.

    Parameters
    ----------
    parts : sequence
        Small descriptions that can be pickled; with ``checkpoints`` they have identities.
    work : callable
        A function of a module: part and ``shared`` in, arrays by name out. It reads its own
        input.
    merge : callable
        A function of a module: neighbouring states in, in order, one new state out; of no
        states, that of nothing.
    shared : object
        What all parts need beside their input; sent to each worker once.
    key : str
        Hash of the method and all that shapes its results beside the parts.
    scheduler : str or distributed.Client, optional
        Address of a Dask scheduler (``"tcp://…"``), or a client of one. Without it the work
        is done here, in order, holding at most a few states.
    checkpoints : path, optional
        Folder that keeps the state of every part; all workers must see it. The same call
        then goes on where another was stopped.
    progress : callable, optional
        Told the number of parts done and that of all.

    Returns
    -------
    dict of str to array
        The same to the last bit wherever the work is done.

    Raises
    ------
    ClusterError
        Where the scheduler is gone, workers die again and again, or are of another version.
    MissingDependencyError
        Where distributed is not installed.
    ParameterError
        Where ``scheduler`` is neither an address nor a client.
    WriteError
        Where a checkpoint cannot be written.
    """
    store = None
    if checkpoints is not None:
        without = [part.name for part in parts if not part.identity]
        if without:
            raise ParameterError(f"checkpoints need parts with identities: {without[0]} has none")
        store = Checkpoints.open(checkpoints, key)
    if not parts:
        return merge([])
    if scheduler is not None:
        from geocn.io.tasks_dask import reduce_on_cluster

        return reduce_on_cluster(
            scheduler, parts, work, merge, shared=shared, store=store, progress=progress
        )

    def states() -> Iterable[State]:
        for i, part in enumerate(parts, start=1):
            yield run_part(work, part, shared, store)
            if progress is not None:
                progress(i, len(parts))

    return tree(states(), merge)


def run_part(
    work: Callable[[PartT, Any], State], part: PartT, shared: Any, store: Checkpoints | None
) -> State:
    """Work on one part, or take what a checkpoint kept of it."""
    if store is None:
        return work(part, shared)
    state = store.load(part.identity)
    if state is None:
        state = work(part, shared)
        store.save(part.identity, state)
    return state


def tree(leaves: Iterable[T], combine: Callable[[list[T]], T]) -> T:
    """Combine neighbours, their results, and so on until one is left.

    At any time at most ``FAN_IN`` of each level wait. There is at least one leaf.

    Examples
    --------
    >>> tree("abcdefghij", lambda few: "(" + "".join(few) + ")")
    '((abcdefgh)(ij))'
    """
    levels: list[list[T]] = [[]]
    for leaf in leaves:
        levels[0].append(leaf)
        level = 0
        while len(levels[level]) == FAN_IN:
            if level + 1 == len(levels):
                levels.append([])
            levels[level + 1].append(combine(levels[level]))
            levels[level] = []
            level += 1
    last: T | None = None
    for level, waiting in enumerate(levels):
        few = waiting if last is None else [*waiting, last]
        if few:
            last = few[0] if len(few) == 1 and (level or len(levels) > 1) else combine(few)
    if last is None:
        raise ValueError("a tree without leaves")
    return last
