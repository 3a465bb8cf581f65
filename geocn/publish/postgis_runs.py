"""The table of runs of a schema: what stands there, for whom, and what may replace it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from geocn.errors import ParameterError
from geocn.publish._storable import clean_text
from geocn.publish.postgis_source import Publication
from geocn.publish.postgis_tables import Writer
from geocn.sharing.marking import Marking

#: The table of runs.
RUNS = "runs"


def make_runs(writer: Writer) -> None:
    """Make the table of runs."""
    writer.run(
        "CREATE TABLE {runs} (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "run_id text NOT NULL, period text NOT NULL, audience text NOT NULL, "
        "marking text NOT NULL, as_of date, title text NOT NULL, sha256 text NOT NULL, "
        "tables jsonb NOT NULL, is_current boolean NOT NULL, "
        "published_at timestamp with time zone NOT NULL DEFAULT now())",
        runs=writer.place(RUNS),
    )
    writer.run("CREATE UNIQUE INDEX ON {runs} (period) WHERE is_current", runs=writer.place(RUNS))
    writer.run(
        "COMMENT ON TABLE {runs} IS {text}",
        runs=writer.place(RUNS),
        text=writer.text("Runs that geocn published; is_current says whose rows a period shows."),
    )


def earlier(writer: Writer) -> list[dict[str, Any]]:
    """Return all runs that were published into the schema, first to last."""
    keys = (
        "run_id",
        "period",
        "audience",
        "marking",
        "as_of",
        "title",
        "sha256",
        "tables",
        "is_current",
    )
    writer.run(
        "SELECT {keys} FROM {runs} ORDER BY number",
        keys=writer.sql.SQL(", ").join(map(writer.sql.Identifier, keys)),
        runs=writer.place(RUNS),
    )
    return [dict(zip(keys, row, strict=True)) for row in writer.cursor.fetchall()]


def refuse_other_audience(schema: str, found: Publication, runs: list[dict[str, Any]]) -> None:
    """Refuse a schema that holds what others may see.

    Raises
    ------
    ParameterError
    """
    others = sorted({one["audience"] for one in runs} - {found.audience})
    if others:
        raise ParameterError(
            f"schema {schema!r} holds what was published for {', '.join(others)}, and this is for "
            f"{found.audience}. One schema holds one audience: name another one."
        )


def refuse_older(found: Publication, digest: str, runs: list[dict[str, Any]]) -> None:
    """Refuse a run that is older than the one that stands for its period in ``runs``.

    Raises
    ------
    ParameterError
    """
    current = next((one for one in runs if one["is_current"]), None)
    if current is None:
        return
    cutoff = current["as_of"]
    older = cutoff is not None and (found.as_of is None or found.as_of < cutoff)
    gone = [one for one in runs if not one["is_current"]]
    back = (found.run_id, digest) in {(one["run_id"], one["sha256"]) for one in gone}
    if older or (back and found.as_of == cutoff):
        raise ParameterError(
            f"run {found.run_id} (cut-off {found.as_of}) is older than {current['run_id']} "
            f"(cut-off {cutoff}), which stands there for period {found.period}. "
            "Publish with replace=True (--replace) to go back to it."
        )


def record(writer: Writer, found: Publication, digest: str, names: dict[str, str]) -> None:
    """Write a run down as the one that its period shows."""
    writer.run(
        "UPDATE {runs} SET is_current = false WHERE period = {period} AND is_current",
        runs=writer.place(RUNS),
        period=writer.text(found.period),
    )
    values = {
        "run_id": found.run_id,
        "period": found.period,
        "audience": found.audience,
        "marking": str(found.marking),
        "as_of": found.as_of,
        "title": clean_text(found.title),
        "sha256": digest,
        "tables": json.dumps({clean_text(key): one for key, one in names.items()}, sort_keys=True),
        "is_current": True,
    }
    writer.run(
        "INSERT INTO {runs} ({names}) VALUES ({values})",
        runs=writer.place(RUNS),
        names=writer.sql.SQL(", ").join(map(writer.sql.Identifier, values)),
        values=writer.sql.SQL(", ").join(map(writer.text, values.values())),
    )


def label_all(writer: Writer) -> None:
    """Write the marking and the runs that a table shows into its comment, where a user looks."""
    current = [one for one in earlier(writer) if one["is_current"]]
    shown: dict[str, list[Mapping[str, Any]]] = {}
    for one in current:
        for name in one["tables"].values():
            shown.setdefault(name, []).append(one)
    for name, runs in sorted(shown.items()):
        writer.run(
            "COMMENT ON TABLE {table} IS {text}",
            table=writer.place(name),
            text=writer.text(_label(runs)),
        )
    writer.run(
        "COMMENT ON SCHEMA {schema} IS {text}",
        schema=writer.schema,
        text=writer.text(_label(current)),
    )


def _label(runs: Sequence[Mapping[str, Any]]) -> str:
    marking = Marking.highest(one["marking"] for one in runs)
    titles = ", ".join(dict.fromkeys(one["title"] for one in runs if one["title"]))
    said = [f"{marking} for {runs[0]['audience']}"]
    said += [f"{one['period']}: run {one['run_id']}, cut-off {one['as_of']}" for one in runs]
    return "; ".join([*said, titles] if titles else said)
