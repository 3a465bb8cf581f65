"""Suggested aliases of partners as a CSV in which a person answers yes or no."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from geocn._typing import StrPath
from geocn.harmonise.organisations_aliases import ALIAS_COLUMNS, alias_frame
from geocn.harmonise.organisations_names import name_key
from geocn.publish import write_csv


def write_alias_suggestions(suggestions: pd.DataFrame, path: StrPath) -> Path:
    """Write suggestions as a table of aliases to confirm; what stands there already is kept.

    One row a suggestion: ``alias, organisation, section, confirmed, score, why``. A person
    writes yes or no under ``confirmed``; an empty cell leaves the name as it is and the
    suggestion open. Rows that the file holds already stay, answered or not, and are never
    written twice, so that the same file can be filled again with every new list. The file
    is replaced in one step, and text that a spreadsheet would run gets an apostrophe in
    front, which reading takes off again.

    Parameters
    ----------
    suggestions : DataFrame
        ``name, suggested, score, why``: ``suggestions`` of
        :func:`geocn.harmonise.organisations.resolve_organisations` or
        :func:`geocn.layers.inspect_file`.
    path : path
        The CSV, as ``aliases`` under ``[organisations]`` of a project file names it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    SchemaError
        Where the file that stands there is no table of aliases; it is left as it is.
    WriteError
        Where it cannot be written; the previous version is whole.

    Examples
    --------
    >>> import tempfile
    >>> from geocn.harmonise.organisations import resolve_organisations
    >>> match = resolve_organisations(["Fundación Semillas", "Fundacion Semilas", "Luz"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_alias_suggestions(match.suggestions, folder + "/a.csv").read_text())
    alias,organisation,section,confirmed,score,why
    Fundacion Semilas,Fundación Semillas,,,97.0,near spelling
    <BLANKLINE>
    """
    target = Path(path)
    fresh = pd.DataFrame(
        {
            "alias": suggestions["name"].astype("str"),
            "organisation": suggestions["suggested"].astype("str"),
            "section": pd.Series(None, index=suggestions.index, dtype="str"),
            "confirmed": pd.Series(None, index=suggestions.index, dtype="str"),
            "score": suggestions["score"].map("{:.1f}".format, na_action="ignore").astype("str"),
            "why": suggestions["why"].astype("str"),
        }
    )
    held = _held(target)
    there = set(_pairs(held))
    is_new = [pair not in there for pair in _pairs(fresh)]
    parts = [part for part in (held, fresh[is_new]) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else fresh
    return write_csv(table[list(ALIAS_COLUMNS)], target)


def _held(path: Path) -> pd.DataFrame:
    """Return the rows of the file that stands there; all hold where it asks for no answer."""
    if not path.exists():
        return pd.DataFrame(columns=list(ALIAS_COLUMNS), dtype="str")
    frame = alias_frame(path)
    if "confirmed" not in frame:
        frame = frame.assign(confirmed="yes")
    return frame.reindex(columns=list(ALIAS_COLUMNS)).astype("str")


def _pairs(frame: pd.DataFrame) -> list[tuple[str, str]]:
    given = frame[["alias", "organisation"]].fillna("")
    return [(name_key(a), name_key(b)) for a, b in given.itertuples(index=False, name=None)]
