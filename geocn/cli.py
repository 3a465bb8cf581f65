"""The ``geocn`` command: demo, run, check, diff, inspect, scan, export, serve, publish.

Exit codes: 0 done, or nothing to do (said with the word "unchanged") · 2 the project file
(or the command line) is wrong · 3 an input is bad · 4 another run holds the output folder
· 5 partial: something failed, the rest is published (``--keep-going``) · 6 the output could
not be written, the previous version is whole · 7 a release held withheld data, nothing was
published · 8 the workers of ``--scheduler`` were lost or refused · 9 out of memory; the
previous version is whole · 130, 143 interrupted, ended.
``scan``: 0 clean · 1 a leak was found · 2 could not be scanned.
Heavy libraries are loaded inside the commands, so that ``geocn --help`` is immediate.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geocn.errors import (
    ClusterError,
    GeocnError,
    LeakFoundError,
    LockedError,
    ParameterError,
    ProjectError,
    WriteError,
)

if TYPE_CHECKING:
    from geocn._cli_log import Log

BAD_PROJECT, BAD_INPUT, LOCKED, PARTIAL, NOT_WRITTEN, LEAK = 2, 3, 4, 5, 6, 7
NO_WORKERS, NO_MEMORY = 8, 9
INTERRUPTED, TERMINATED = 130, 143
NOT_SCANNED = 2
# Drivers that open other files, the network or code. Only effective before GDAL loads,
# which is why it happens here: this process is ours.
# GDAL complains aloud of a name it does not know, so only those stand here that the wheels
# of both pyogrio and rasterio hold; io.guard refuses the others by content.
_SKIPPED_DRIVERS = (
    "VRT OGR_VRT GDALG WMS WMTS WCS WFS OAPIF OGCAPI STACIT STACTA EEDA EEDAI PLMOSAIC "
    "DAAS NGW AmigoCloud CARTO CSW HTTP GeoRSS PLSCENES PGDUMP Zarr"
)

app = typer.Typer(
    name="geocn",
    help="Joint counter-narcotics planning: partner files in, layers and offline maps out.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help needs no rich, which costs as much CPU as everything else together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path | None, typer.Option("--out", help="Folder for the results.")]
PeriodOption = Annotated[
    str | None,
    typer.Option("--period", help="Look at 2025, 2025-Q1, 2025-03 or 2025-01-15/2025-02-20 only."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Information cut-off, as 2025-12-31 (today: $(date -I))."),
]


class Every(StrEnum):
    """Lengths of periods."""

    month = "month"
    quarter = "quarter"
    year = "year"


class LogMode(StrEnum):
    """What a run tells on standard error."""

    text = "text"
    json = "json"


class Terminated(KeyboardInterrupt):
    """The process was told to end (SIGTERM)."""


def main() -> None:
    """Run the command line; every failure of ours is one line and an exit code."""
    os.environ.setdefault("GDAL_SKIP", _SKIPPED_DRIVERS)
    signal.signal(signal.SIGTERM, _terminate)
    app()


def _terminate(_number: int, _frame: object) -> None:
    raise Terminated


@contextmanager
def _failing_plainly(log: Log | None = None) -> Iterator[None]:
    """Turn errors into a line on stderr (an event of ``log``) and an exit code."""
    try:
        yield
    except Terminated:
        _stop("ended; the previous run is whole", TERMINATED, log)
    except KeyboardInterrupt:
        _stop("interrupted; the previous run is whole", INTERRUPTED, log)
    except GeocnError as error:
        _stop(str(error), code_of(error), log, kind=type(error).__name__)
    except MemoryError:
        _stop("out of memory; the previous run is whole", NO_MEMORY, log, kind="MemoryError")


def code_of(error: GeocnError) -> int:
    """Return the exit code that tells an error."""
    if isinstance(error, (ProjectError, ParameterError)):
        return BAD_PROJECT
    if isinstance(error, LockedError):
        return LOCKED
    if isinstance(error, LeakFoundError):
        return LEAK
    if isinstance(error, ClusterError):
        return NO_WORKERS
    return NOT_WRITTEN if isinstance(error, WriteError) else BAD_INPUT


def _stop(message: str, code: int, log: Log | None = None, *, kind: str = "Interrupted") -> None:
    if log is not None and log.is_json:
        log.event("error", kind=kind, message=message, code=code)
        raise typer.Exit(code)
    for line in message.splitlines():
        typer.echo(f"geocn: {line}", err=True)
    raise typer.Exit(code)


@app.command()
def demo(out: Out = None, period: PeriodOption = None, as_of: AsOf = None) -> None:
    """Run the bundled project and say where its maps are."""
    with _failing_plainly():
        from geocn._cli_log import Log
        from geocn._cli_run import Asked, run_project, sample_project

        asked = Asked(sample_project(), out or Path("geocn-demo"), period, as_of=as_of)
        run_project(asked, Log())


@app.command()
def run(
    project: Annotated[Path, typer.Argument(help="Project file, or the folder it stands in.")],
    out: Out = None,
    period: PeriodOption = None,
    as_of: AsOf = None,
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Every period from this one to the cut-off, such as 2025-01."),
    ] = None,
    every: Annotated[Every, typer.Option("--every", help="Length of these periods.")] = Every.month,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Publish what is whole where a part fails (code 5)."),
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read and compute everything, keep nothing.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", help="Dask scheduler whose workers do the work: tcp://…"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, write nothing.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file of the project changes.")
    ] = False,
    rest: Annotated[
        float, typer.Option("--rest", help="Seconds without a change before --watch runs.", min=0.1)
    ] = 2.0,
    log: Annotated[
        LogMode, typer.Option("--log", help="What stands on standard error.")
    ] = LogMode.text,
) -> None:
    """Read the partners' files of a project, analyse, and write layers, maps and manifest."""
    from geocn._cli_log import Log

    told = Log(log.value)
    with _failing_plainly(told):
        from geocn import _cli_run as behind

        asked = behind.Asked(
            project, out, period, since, every.value, as_of, not no_cache, keep_going, scheduler
        )
        if dry_run:
            behind.show_plan(asked, told)
        elif watch:
            behind.watch_project(asked, told, rest_s=rest)
        elif not behind.run_project(asked, told):
            raise typer.Exit(PARTIAL)


@app.command()
def check(
    project: Annotated[Path, typer.Argument(help="Project file, or the folder it stands in.")],
    as_of: AsOf = None,
) -> None:
    """Check a project file and read its inputs, without writing anything."""
    with _failing_plainly():
        from geocn._cli_run import check_project

        check_project(project, as_of=as_of)


@app.command()
def diff(
    before: Annotated[
        Path, typer.Argument(help="Folder of a run; alone, a folder of runs (previous, latest).")
    ],
    after: Annotated[Path | None, typer.Argument(help="Folder of the later run.")] = None,
    release: Annotated[
        str | None, typer.Option("--release", help="Compare this release of both runs.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the change layer and the brief.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")] = False,
) -> None:
    """Say what differs between two runs: inputs, parameters, rows, cells and segments."""
    with _failing_plainly():
        from geocn._cli_diff import diff_and_print

        diff_and_print(before, after, release=release, as_json=as_json, out=out)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="Any table, vector file or raster.")],
    layer: Annotated[
        str,
        typer.Option(
            "--as", help="routes, seizures, cultivation, interventions, borders, annotations."
        ),
    ],
    field: Annotated[
        list[str] | None,
        typer.Option("--field", help="canonical=Header; may stand several times."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="name=value, an option of geocn.read_…: crs, units, date_order, timezone, "
            "encoding, delimiter, decimal, thousands, sheet, layer, organisations, as_of; "
            "several times.",
        ),
    ] = None,
    places: Annotated[
        Path | None, typer.Option("--places", help="Areas or gazetteer for place names.")
    ] = None,
    *,
    suggest_aliases: Annotated[
        Path | None,
        typer.Option(
            "--suggest-aliases", help="CSV that gets suggested aliases of partners to confirm."
        ),
    ] = None,
) -> None:
    """Show how every column of a file is understood; exit code 3 if it would not load."""
    with _failing_plainly():
        from geocn._cli_inspect import inspect_and_print

        would_load = inspect_and_print(
            file,
            layer,
            fields=field or [],
            options=option or [],
            places=places,
            suggest_aliases=suggest_aliases,
        )
    if not would_load:
        raise typer.Exit(BAD_INPUT)


@app.command()
def scan(
    file: Annotated[Path, typer.Argument(help="A file, or a folder with all below it.")],
    withheld: Annotated[
        list[Path],
        typer.Option("--withheld", help="Rows that must not stand there."),
    ],
    released: Annotated[
        list[Path] | None, typer.Option("--released", help="Rows that may stand there.")
    ] = None,
    tolerance_m: Annotated[
        float, typer.Option("--tolerance-m", help="Distance up to which a place is a withheld one.")
    ] = 10.0,
) -> None:
    """Look for withheld data in a file; exit code 0 clean, 1 a leak, 2 could not be scanned."""
    from geocn._cli_scan import scan_and_print

    try:
        with _failing_plainly():
            code = scan_and_print(file, withheld, released or [], tolerance_m=tolerance_m)
    except typer.Exit as error:
        if error.exit_code == BAD_INPUT:
            raise typer.Exit(NOT_SCANNED) from error
        raise
    raise typer.Exit(code)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The HTML file of a map.")],
    pdf: Annotated[Path | None, typer.Option("--pdf", help="PDF to write.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="PNG to write.")] = None,
    paper: Annotated[str, typer.Option("--paper", help="A4 or A3.")] = "A4",
    *,
    landscape: Annotated[
        bool, typer.Option("--landscape/--portrait", help="Lying or standing sheet.")
    ] = True,
    size: Annotated[str, typer.Option("--size", help="Of the PNG, in pixels.")] = "1600x1000",
    scale: Annotated[float, typer.Option("--scale", help="Pixels of the PNG to one.")] = 1.0,
) -> None:
    """Print a map to PDF or PNG with an installed Chromium; no network is used."""
    with _failing_plainly():
        from geocn._cli_export import export_map

        export_map(file, pdf=pdf, png=png, paper=paper, landscape=landscape, size=size, scale=scale)


@app.command()
def serve(
    run: Annotated[Path, typer.Argument(help="A run, or the folder that holds the runs.")],
    *,
    profile: Annotated[str, typer.Option("--profile", help="Name of the release.")],
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 8750,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="File with the token; or set GEOCN_SERVE_TOKEN."),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="Where a proxy shows this door.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", help="Further name of this machine.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option("--allow-origin", help="Origin that may read answers.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Serve the next run once latest points to it.")
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Print a link that lets one browser in, once.")
    ] = False,
    log: Annotated[str, typer.Option("--log", help="text or json.")] = "text",
) -> None:
    """Serve one release's maps and layers read-only, on this machine unless told otherwise."""
    with _failing_plainly():
        from geocn._cli_serve import serve_release

        serve_release(
            run,
            profile=profile,
            host=host,
            port=port,
            token_file=token_file,
            public_url=public_url,
            hosts=allow_host or [],
            origins=allow_origin or [],
            follow=follow,
            log=log,
            link=link,
        )


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(help="Folder of a run, of all runs, or of a release.")],
    postgis: Annotated[
        str | None,
        typer.Option(
            "--postgis",
            envvar="GEOCN_POSTGIS",
            help="Database, as libpq takes it: service=… or postgresql://…; without it PGSERVICE.",
        ),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", help="This release in place of the joint layers.")
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="By default geocn, or geocn_RELEASE.")
    ] = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Even over a newer run; compare every row.")
    ] = False,
) -> None:
    """Publish a run into PostGIS in one transaction; the same run again changes nothing."""
    with _failing_plainly():
        from geocn._cli_publish import publish_and_print

        publish_and_print(run, postgis=postgis, release=release, schema=schema, replace=replace)


if __name__ == "__main__":
    main()
