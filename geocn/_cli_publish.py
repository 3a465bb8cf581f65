"""Behind ``geocn publish``: a run or one of its releases into a database."""

from __future__ import annotations

import os
from pathlib import Path

from geocn._cli_print import line, table
from geocn.errors import ParameterError
from geocn.publish import write_postgis


def publish_and_print(
    run: Path, *, postgis: str | None, release: str | None, schema: str | None, replace: bool
) -> None:
    """Publish and print what changed, table by table; never the connection itself."""
    if postgis is None and not {"PGSERVICE", "PGHOST", "PGDATABASE"} & set(os.environ):
        raise ParameterError(
            "say where to publish: --postgis DSN, or GEOCN_POSTGIS or PGSERVICE in the environment."
        )
    # A release goes to a schema of its own, so that rights can be granted by schema.
    named = schema or (f"geocn_{release}" if release else "geocn")
    report = write_postgis(run, postgis or "", schema=named, release=release, replace=replace)
    if report.unchanged:
        line("unchanged", f"run {report.run_id} stands in schema {named} already")
        return
    rows = [(n, c.inserted, c.updated, c.deleted) for n, c in sorted(report.changes.items())]
    table("Published", ("table", "inserted", "updated", "deleted"), rows)
    table("Notes", ("note",), [(note,) for note in report.notes])
    line("published", f"run {report.run_id}, period {report.period}, schema {named}")
