"""Behind ``geocn serve``: one release over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from geocn import serve as door
from geocn._cli_print import line


def serve_release(
    run: Path,
    *,
    profile: str,
    host: str,
    port: int,
    token_file: Path | None,
    public_url: str | None,
    hosts: Sequence[str],
    origins: Sequence[str],
    follow: bool,
    log: str,
    link: bool,
) -> None:
    """Serve a release until a signal, and say where it is."""

    def ready(url: str, once: str | None) -> None:
        line("serving", profile, url)
        if link and once is not None:
            line("link", once)
        sys.stdout.flush()

    door.serve(
        run,
        profile=profile,
        token=door.read_token(token_file),
        host=host,
        port=port,
        public_url=public_url,
        hosts=hosts,
        origins=origins,
        follow=follow,
        log=log,
        ready=ready,
    )
