"""Rows of two runs: added, withdrawn and corrected, by source."""

from __future__ import annotations

import hashlib
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from geocn.schema import LAYERS

_TIMES = {"seizures": "seized_at", "routes": "last_seen", "interventions": "starts_on"}
COLUMNS = ("layer", "source", "before", "after", "added", "late", "withdrawn", "corrected")


def compare_rows(
    layer: str, before: pd.DataFrame, after: pd.DataFrame, *, known_until: Any
) -> pd.DataFrame:
    """Count rows that came, went or changed, by source.

    A row is known by its source and its id, and by its whole content where it has no id: then
    a correction counts as one row withdrawn and one added.

    Parameters
    ----------
    layer : str
        Name of the layer.
    before, after : DataFrame
        Its rows in both runs.
    known_until : day
        Cut-off of the earlier run; added rows dated until then came in late.

    Returns
    -------
    DataFrame
        ``layer, source, before, after`` (rows), ``added, late`` (of these), ``withdrawn,
        corrected``; a row a source.

    Example
    -------
    >>> old = pd.DataFrame({"seizure_id": ["a", "b"], "source": "P", "weight_kg": [1.0, 2.0]})
    >>> new = pd.DataFrame({"seizure_id": ["b", "c"], "source": "P", "weight_kg": [9.0, 2.0]})
    >>> table = compare_rows("seizures", old, new, known_until="2025-01-31")
    >>> table[["added", "withdrawn", "corrected"]].to_numpy().tolist()
    [[1, 1, 1]]
    """
    shared = [name for name in before.columns if name in set(after.columns)]
    one, other = _keyed(layer, before, shared), _keyed(layer, after, shared)
    both = one.merge(other, on="key", how="outer", suffixes=("_before", "_after"), indicator=True)
    source = both["source_after"].fillna(both["source_before"])
    came, went = both["_merge"] == "right_only", both["_merge"] == "left_only"
    changed = (both["_merge"] == "both") & (both["content_before"] != both["content_after"])
    limit = pd.Timestamp(known_until, tz="UTC") + pd.Timedelta(days=1)
    late = came & (pd.to_datetime(both["when_after"], utc=True) < limit)
    told = {
        "layer": layer,
        "source": source,
        "before": (~came).astype("int64"),
        "after": (~went).astype("int64"),
        "added": came.astype("int64"),
        "late": late.astype("int64"),
        "withdrawn": went.astype("int64"),
        "corrected": changed.astype("int64"),
    }
    table = pd.DataFrame(told, columns=list(COLUMNS))
    return table.groupby(["layer", "source"], sort=True).sum().reset_index()


def _keyed(layer: str, frame: pd.DataFrame, shared: list[str]) -> pd.DataFrame:
    """Return of each row its key, a hash of its content, its source and its time."""
    text = pd.DataFrame(
        {name: frame[name].astype("str").fillna("") for name in shared if name != "geometry"},
        index=frame.index,
    )
    if "geometry" in shared and isinstance(frame, gpd.GeoDataFrame):
        text["geometry"] = shapely.to_wkb(frame.geometry.to_numpy(), hex=True)
    content = [
        hashlib.sha256("\0".join(map(str, row)).encode("utf-8", "surrogatepass")).hexdigest()
        for row in text.itertuples(index=False, name=None)
    ]
    blank = pd.Series("", index=frame.index, dtype="str")
    source = frame["source"].astype("str").fillna("") if "source" in frame else blank
    name = LAYERS[layer].id_column if layer in LAYERS else ""
    ids = frame[name].astype("str") if name in frame else blank.where(blank != "", None)
    hashed = pd.Series(content, index=frame.index, dtype="str")
    who = source.where(ids.notna(), "") + "\0" + ids.fillna("\0" + hashed)
    # Ids that stand twice are told apart by their order.
    key = who + "\0" + who.groupby(who).cumcount().astype("str")
    when = frame[_TIMES[layer]] if _TIMES.get(layer) in frame else pd.Series(pd.NaT, frame.index)
    return pd.DataFrame({"key": key, "content": hashed, "source": source, "when": when})
