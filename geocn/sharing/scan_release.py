"""The leak scan of a release: the folder against what the joint layers hold beyond it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from geocn._typing import StrPath
from geocn.errors import LeakFoundError
from geocn.sharing.scan import ScanReport, scan
from geocn.sharing.scan_text import folded
from geocn.sharing.scan_watch import watch_list

__all__ = ["scan_release"]


def scan_release(
    folder: StrPath,
    joint_layers: Mapping[str, Any],
    released_layers: Mapping[str, Any],
    *,
    public: Iterable[pd.DataFrame] = (),
    allow: Iterable[str] = (),
    canaries: Any = None,
    tolerance_m: float = 10.0,
    plain: Mapping[str, bytes] | None = None,
    refuse: bool = False,
) -> ScanReport:
    """Look in a release's folder for rows and columns that its layers do not have.

    Parameters
    ----------
    folder : path
        The release as it would be handed over.
    joint_layers, released_layers : mapping of str to GeoDataFrame
        The layers before and after; rasters among them are passed over.
    public : iterable of DataFrame, optional
        Gazetteers and areas that the project itself names to every partner.
    allow : iterable of str, optional
        Texts that the project or the profile writes out, such as titles and limits. Names
        in them are no secret; an identifier in them is a leak all the same.
    canaries, tolerance_m
        As for ``watch_list``.
    plain : mapping of str to bytes, optional
        What files that are encrypted held before, by their path from the folder.
    refuse : bool, default False
        Raise where the folder is not clean.

    Returns
    -------
    ScanReport

    Raises
    ------
    LeakFoundError
        With ``refuse``, where something was found or could not be scanned.

    Example
    -------
    >>> import tempfile; from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rows.txt").write_text("see SZ-00017")
    >>> joint = {"seizures": pd.DataFrame({"seizure_id": ["SZ-00017"], "drug": ["cocaine"]})}
    >>> scan_release(folder, joint, {"seizures": joint["seizures"][["drug"]]}).n_hits
    1
    """
    frames = [one for one in released_layers.values() if isinstance(one, pd.DataFrame)]
    watch = watch_list(
        {name: one for name, one in joint_layers.items() if isinstance(one, pd.DataFrame)},
        released=[*frames, *(one for one in public if isinstance(one, pd.DataFrame))],
        canaries=canaries,
        tolerance_m=tolerance_m,
    )
    told = watch.find_text(folded("\n".join(allow)))
    watch.drop_texts(code for code in told if watch.origin(code).kind == "text")
    report = scan(folder, watch, plain=plain)
    if refuse and not report.clean:
        message = f"The release was not published: {report.summary()}."
        raise LeakFoundError(message, report)
    return report
