"""The last step of every reader: draft → layer, with its report and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import SchemaError
from geocn.harmonise.amounts import join_flags
from geocn.layers.columns import extra_columns, fill_common
from geocn.layers.draft import Draft, Request, open_draft
from geocn.layers.rejects import check_on_invalid, count_reasons, report_rejects
from geocn.layers.rows import reject_non_rows
from geocn.provenance import attach
from geocn.schema import conform

Builder = Callable[[Draft], None]
_LONLAT = "EPSG:4326"


def read_layer(
    path: StrPath,
    layer: str,
    request: Request,
    build: Builder,
    *,
    on_invalid: str,
    rejects: StrPath | None,
) -> gpd.GeoDataFrame:
    """Read a file, build its columns, and return the layer with its report."""
    check_on_invalid(on_invalid)
    draft = draft_layer(path, layer, request, build)
    report_rejects(draft, on_invalid=on_invalid, rejects=rejects)
    return finish(draft)


def draft_layer(path: StrPath, layer: str, request: Request, build: Builder) -> Draft:
    """Read a file and build its columns, without judging the rows that are at fault.

    Raises
    ------
    SchemaError
        Where no header of the file means anything to the layer.
    """
    request.cut_off()
    draft = open_draft(path, layer, request)
    if not draft.header.mapping and not draft.header.years and not _has_geometry(draft):
        raise SchemaError(
            f"{layer} ({draft.raw.path.name})",
            found=f"columns {', '.join(map(repr, draft.raw.frame.columns)) or 'none'}",
            expected=f"columns of a {layer} layer",
            repair='Say what they mean with fields={"canonical column": "header"}.',
        )
    reject_non_rows(draft)
    build(draft)
    fill_common(draft)
    draft.settle_assumptions()
    return draft


def _has_geometry(draft: Draft) -> bool:
    return isinstance(draft.raw.frame, gpd.GeoDataFrame)


def finish(draft: Draft) -> gpd.GeoDataFrame:
    """Return the rows that stand as a layer in longitude and latitude."""
    keep = np.flatnonzero(~draft.rejected)
    flags = join_flags(draft.raw.frame.index, **draft.flags)
    data = pd.DataFrame({**draft.columns, **extra_columns(draft), "flags": flags})
    data = data.iloc[keep].reset_index(drop=True)
    data["geometry"] = gpd.GeoSeries(draft.geometry[keep], index=data.index, crs=_LONLAT)
    layer = conform(data, draft.layer, crs=_LONLAT)
    return attach(layer, f"layers.read_{draft.layer}", **report(draft, n_out=len(keep)))


def report(draft: Draft, *, n_out: int) -> dict[str, Any]:
    """Return what a reader found out about a file, as plain values."""
    raw, header = draft.raw, draft.header
    flagged = {name: int(np.count_nonzero(mask)) for name, mask in draft.flags.items()}
    return {
        "file": raw.path.name,
        "format": str(raw.format),
        "encoding": raw.encoding,
        "delimiter": raw.delimiter,
        "crs": raw.crs.to_string() if raw.crs is not None else None,
        "rows_in": draft.n_rows,
        "rows_out": n_out,
        "rows_rejected": draft.n_rows - n_out,
        "rejected": count_reasons(draft),
        "flagged": flagged,
        "columns": {
            role: {"header": column, "how": header.how.get(role)}
            for role, column in header.mapping.items()
        },
        "unused": header.unused,
        "numbers": {
            name: {"decimal": f.decimal, "thousands": f.thousands, "evidence": f.evidence}
            for name, f in raw.number_formats.items()
        },
        "notes": list(raw.notes),
        "assumptions": draft.assumptions,
        "declared_gaps": list(draft.request.options.get("declared_gaps", ())),
        **draft.report,
    }
