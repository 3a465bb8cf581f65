"""What the command prints: tables with rich on a terminal, plain tabbed lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

Progress = Callable[[str], None]
_LONGEST = 300


def clean(value: object) -> str:
    """Return ``value`` as one line that no terminal takes for a command."""
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return "".join(c if c.isprintable() else " " for c in text)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def line(*cells: object) -> None:
    """Print one line, its cells with tabs between them."""
    sys.stdout.write("\t".join(clean(cell) for cell in cells) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; nothing where it has no rows."""
    cells = [[_shortened(clean(value)) for value in row] for row in rows]
    if not cells:
        return
    if sys.stdout.isatty():
        _rich_table(title, columns, cells)
        return
    line(f"# {title}")
    for row in [list(columns), *cells]:
        line(*row)


def _rich_table(title: str, columns: Sequence[str], cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title), title_justify="left", show_edge=False, pad_edge=False)
    for name in columns:
        drawn.add_column(Text(name), overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(drawn)
    console.print()


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Yield what shows a step on the terminal, or None where nobody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("starting") as status:
        yield lambda step: status.update(Text(clean(step)))
