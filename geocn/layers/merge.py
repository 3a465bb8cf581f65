"""Files of several partners joined into one layer that remembers who said what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import LayerError, SchemaError
from geocn.harmonise.drugs import rollup
from geocn.harmonise.duplicates import find_duplicates
from geocn.harmonise.text import fold_series
from geocn.layers.interventions import resolve_partners, told_of_organisations
from geocn.provenance import KEY, attach
from geocn.schema import LayerName, conform, empty, layer_schema
from geocn.spatial.crs import same_crs

_LONLAT = "EPSG:4326"


def merge_layers(
    frames: Sequence[gpd.GeoDataFrame],
    *,
    layer: LayerName,
    organisations: pd.DataFrame | StrPath | None = None,
) -> gpd.GeoDataFrame:
    """Join layers read from several files.

    Every row keeps its ``source``; ids stay those of the source. Seizures that two
    sources seem to report are flagged ``likely_duplicate`` with ``duplicate_group`` and
    ``duplicate_score`` and are not dropped: every result says what it did with them.
    Partners of interventions that two files spell differently get one name.

    Parameters
    ----------
    frames : sequence of GeoDataFrame
        Layers of one kind, as ``geocn.read_…`` returns them.
    layer : str
        Which kind.
    organisations : DataFrame or path, optional
        Table of aliases for the partners of interventions, as for
        :func:`geocn.read_interventions`.

    Returns
    -------
    GeoDataFrame
        Rows in the order of ``frames``, with a fresh index. ``attrs["geocn"]`` holds the
        report of each file under ``"files"`` and the sums of their rows in, out, rejected;
        with several files of interventions also ``"organisations"`` and how many rows were
        renamed across them.

    Raises
    ------
    SchemaError
        Where a frame is not of this layer.
    LayerError
        Where rows of several files do not say who reported them, or the table of aliases
        is at fault.

    Examples
    --------
    >>> from geocn.schema import empty
    >>> len(merge_layers([empty("seizures"), empty("seizures")], layer="seizures"))
    0
    """
    parts = [_checked(frame, layer, number) for number, frame in enumerate(frames)]
    files = [dict(frame.attrs.get(KEY, {})) for frame in frames]
    if not parts:
        return attach(empty(layer), "layers.merge_layers", layer=layer, files=[])
    _require_sources(parts, layer)
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    merged = conform(rows, layer, crs=_LONLAT)
    details: dict[str, Any] = {"layer": layer, "files": files}
    for key in ("rows_in", "rows_out", "rows_rejected"):
        details[key] = sum(int(f.get(key, 0)) for f in files)
    if layer == "seizures" and len(set(merged["source"])) > 1:
        details["likely_duplicates"] = _flag_duplicates(merged)
    if layer == "interventions" and (len(parts) > 1 or organisations is not None):
        merged = _agree_on_partners(merged, organisations, details)
    return attach(merged, "layers.merge_layers", **details)


def _checked(frame: gpd.GeoDataFrame, layer: LayerName, number: int) -> gpd.GeoDataFrame:
    wanted = [*layer_schema(layer).dtypes, "geometry"]
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise SchemaError(
            f"{layer} (frame {number})",
            found=f"no columns {', '.join(missing)}",
            expected=f"a {layer} layer",
            repair=f"Read the file with geocn.read_{layer} first.",
        )
    if frame.crs is None:
        return frame.set_crs(_LONLAT) if frame.geometry.isna().all() else _refuse(layer, number)
    return same_crs(gpd.GeoSeries([], crs=_LONLAT), frame, layer)


def _refuse(layer: str, number: int) -> gpd.GeoDataFrame:
    raise LayerError(
        f"{layer} (frame {number})",
        found="no coordinate reference system",
        expected="a layer with a CRS",
        repair="Declare it with set_crs.",
    )


def _require_sources(parts: Sequence[gpd.GeoDataFrame], layer: str) -> None:
    unnamed = [i for i, part in enumerate(parts) if part["source"].isna().any()]
    if len(parts) > 1 and unnamed:
        raise LayerError(
            layer,
            rows=[f"frame {i}" for i in unnamed],
            found="rows that do not say who reported them",
            expected="a source for every row of a joint layer",
            repair="Read each file with source='…'.",
        )


def _agree_on_partners(
    merged: gpd.GeoDataFrame,
    organisations: pd.DataFrame | StrPath | None,
    details: dict[str, Any],
) -> gpd.GeoDataFrame:
    """Give each partner one name and write into ``details`` what that changed."""
    resolved, match = resolve_partners(merged, organisations=organisations)
    renamed = resolved["partner"].fillna("") != merged["partner"].fillna("")
    details["organisations"] = told_of_organisations(match)
    details["rows_renamed_across_files"] = int(renamed.sum())
    return resolved


def _flag_duplicates(merged: gpd.GeoDataFrame) -> int:
    """Write group and score of likely duplicates into ``merged``; return the surplus rows."""
    # One agency's "Cocaine" is the other's "Cocaine HCl"; an unknown name is held as written.
    family = rollup(merged["drug"], "family").fillna(fold_series(merged["drug_reported"]))
    found = find_duplicates(merged.assign(drug=family))
    likely = found.group.notna()
    merged["duplicate_group"] = found.group
    merged["duplicate_score"] = found.score
    flags = merged["flags"] if "flags" in merged else pd.Series("", index=merged.index)
    given = flags.fillna("").astype("str")
    marked = (given + ";likely_duplicate").str.lstrip(";")
    merged["flags"] = given.mask(likely, marked).replace("", None).astype("str")
    return found.n_extra
