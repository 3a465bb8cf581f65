"""What the tests of runs on a cluster do inside its workers."""

import os
import time
from pathlib import Path

from geocn.project import cluster_tasks
from geocn.project.compute import analysis_entry


def pause_first_analysis(mark: str) -> None:
    """Let the worker that begins an analysis first leave its process id and hang."""

    def hang(*args, **options):
        try:
            with Path(mark).open("x") as stream:
                stream.write(str(os.getpid()))
        except FileExistsError:
            return analysis_entry(*args, **options)
        time.sleep(60)
        raise AssertionError("it should have been killed")

    cluster_tasks.analysis_entry = hang


def go_on() -> None:
    """Undo the pause."""
    cluster_tasks.analysis_entry = analysis_entry
