"""Annotations: what planners drew and wrote on a map, on its way back into the project."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import ObjectArray, StrPath
from geocn.layers.columns import fill_date, fill_numbers, fill_texts
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_own_geometry
from geocn.layers.rejects import OnInvalid
from geocn.provenance import KEY

#: What each kind of note may be drawn as, by dimension: point, line, area.
_KINDS: Final[Mapping[str, tuple[int, ...]]] = {
    "point": (0,),
    "line": (1,),
    "area": (2,),
    "measure": (1, 2),
    "proposed_site": (0,),
}
_BY_DIMENSION: Final = ("point", "line", "area")
_ORDER: Final = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
_NOBODY: Final = "author not stated"
_LONGEST_SHOWN = 400


def read_annotations(
    path: StrPath,
    *,
    maps: Sequence[str] | None = None,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    on_invalid: OnInvalid = "warn",
    rejects: StrPath | None = None,
    source: str | None = None,
    marking: str | None = None,
    reliability: str | None = None,
    as_of: Any = None,
    **options: Unpack[FileOptions],
) -> gpd.GeoDataFrame:
    """Read the notes that a planner drew on a map and downloaded.

    Parameters
    ----------
    path : path
        The GeoJSON that the map wrote, or any vector format with the same columns.
    maps : sequence of str, optional
        Ids of the maps that were handed out. A note that names another map, or none, is
        kept and flagged ``unknown_map``.
    fields, crs, on_invalid, rejects, source, marking, reliability, as_of, **options
        As in :func:`geocn.read_seizures`.

    Returns
    -------
    GeoDataFrame
        Points, lines and areas in longitude and latitude: ``note_id, kind, text, author,
        said_at, map_id``, and ``partner, reach_km`` of proposed sites. ``source`` is the
        author where the file states none. A note that stands several times is one row,
        its latest wording; see :func:`geocn.layers.latest_notes`.

    Raises
    ------
    ReadError, UnsafeFileError
        Where the file cannot be read, or is not what it claims to be.
    LayerError
        Where headers, CRS or (with ``on_invalid="raise"``) rows are at fault.

    Examples
    --------
    >>> import tempfile; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "notes.geojson"
    >>> _ = file.write_text('''{"type": "FeatureCollection", "features": [{"type": "Feature",
    ...   "properties": {"note_id": "a1", "text": "Check this ford", "author": "Ministry",
    ...     "said_at": "2025-03-01T10:00:00Z", "marking": "TLP:GREEN", "map_id": "0f"},
    ...   "geometry": {"type": "Point", "coordinates": [-76.6, 2.4]}}]}''')
    >>> notes = read_annotations(file)
    >>> notes[["kind", "text", "author"]].iloc[0].tolist()
    ['point', 'Check this ford', 'Ministry']
    """
    request = Request(fields, crs, None, None, source, marking, reliability, as_of, options)
    build = partial(build_annotations, maps=maps)
    notes = read_layer(path, "annotations", request, build, on_invalid=on_invalid, rejects=rejects)
    notes["source"] = notes["source"].fillna(notes["author"]).fillna(_NOBODY).astype("str")
    return latest_notes(notes)


def build_annotations(draft: Draft, maps: Sequence[str] | None = None) -> None:
    """Fill every column of the annotations layer."""
    fill_own_geometry(draft)
    fill_texts(draft, ("text", "author", "map_id", "partner"))
    fill_date(draft, "said_at")
    fill_numbers(draft, ("reach_km",))
    draft.columns["kind"] = _kinds(draft)
    draft.columns["note_id"] = _ids(draft)
    if maps is not None:
        known = draft.columns["map_id"].isin([str(one) for one in maps])
        draft.flags["unknown_map"] = ~known.to_numpy(dtype=bool)


def _kinds(draft: Draft) -> pd.Series:
    """Return the kind of each note: as stated where the drawing fits it, else by the drawing."""
    stated = draft.text("kind")
    kinds = np.full(draft.n_rows, None, dtype=object)
    dimensions = shapely.get_dimensions(draft.geometry)
    for row, (word, dimension) in enumerate(zip(stated, dimensions, strict=True)):
        if word in _KINDS and (dimension < 0 or dimension in _KINDS[word]):
            kinds[row] = word
        elif 0 <= dimension < len(_BY_DIMENSION):
            kinds[row] = _BY_DIMENSION[dimension]
    return pd.Series(kinds, index=stated.index).astype("str")


def _ids(draft: Draft) -> pd.Series:
    """Return the ids; a note without one is known by its content."""
    given = draft.text("note_id")
    missing = np.flatnonzero(given.isna())
    made: ObjectArray = np.array(given, dtype=object)
    drawn = shapely.to_wkb(draft.geometry)
    for row in missing:
        said = [draft.text(role).iloc[row] for role in ("text", "author", "said_at")]
        whole = repr([None if pd.isna(one) else str(one) for one in said]).encode("utf-8")
        made[row] = hashlib.sha256(whole + (drawn[row] or b"")).hexdigest()[:16]
    return pd.Series(made, index=given.index).astype("str")


def latest_notes(notes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep each note once, in its latest wording.

    Of rows with one ``note_id`` the last said stands (of those said at once, the last
    row); one without a time counts as the earliest. Its marking is the highest of them
    all, so that no edit lowers a label.

    Parameters
    ----------
    notes : GeoDataFrame
        An annotations layer.

    Returns
    -------
    GeoDataFrame
        With a fresh index. ``attrs["geocn"]`` counts ``repeated_notes`` (the very same
        note again) and lists under ``superseded_notes`` what an edit replaced.

    Examples
    --------
    >>> from geocn.schema import empty
    >>> len(latest_notes(empty("annotations")))
    0
    """
    ordered = notes.reset_index(drop=True)
    order = ordered["said_at"].sort_values(kind="stable", na_position="first").index
    last = ordered.loc[order].drop_duplicates("note_id", keep="last").sort_index()
    result = last.reset_index(drop=True)
    repeated, earlier = 0, []
    several = ordered["note_id"].duplicated(keep=False)
    for note, rows in ordered.loc[order][several.loc[order]].groupby("note_id", sort=False):
        stands = result["note_id"] == note
        result.loc[stands, "marking"] = _highest(rows["marking"])
        seen = {_content(rows.iloc[-1])}
        for _, row in rows.iloc[:-1].iterrows():
            repeated += _content(row) in seen
            if _content(row) not in seen:
                earlier.append(_told(row))
            seen.add(_content(row))
    report = dict(notes.attrs.get(KEY, {}))
    report["rows_out"] = len(result)
    report["repeated_notes"] = int(report.get("repeated_notes", 0)) + repeated
    report["superseded_notes"] = [*report.get("superseded_notes", []), *earlier]
    result.attrs = {**notes.attrs, KEY: report}
    return result


def _highest(markings: pd.Series) -> str | None:
    if markings.isna().all():
        return None
    return str(max(markings.fillna(_ORDER[-1]), key=_ORDER.index))


def _content(row: pd.Series) -> tuple[Any, ...]:
    shape = b"" if row["geometry"] is None else shapely.to_wkb(row["geometry"])
    said = ("text", "author", "said_at", "kind", "partner", "reach_km")
    return (shape, *(None if pd.isna(row[name]) else row[name] for name in said))


def _told(row: pd.Series) -> dict[str, Any]:
    """Return what a report says of an earlier wording."""
    said = row["said_at"]
    text = "" if pd.isna(row["text"]) else str(row["text"])
    return {
        "note_id": row["note_id"],
        "author": None if pd.isna(row["author"]) else row["author"],
        "said_at": None if pd.isna(said) else said.isoformat(),
        "text": text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…",
        "marking": None if pd.isna(row["marking"]) else row["marking"],
    }
