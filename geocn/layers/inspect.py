"""How a file would be read, column by column, without reading it into a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Unpack

import numpy as np
import pandas as pd

from geocn._typing import StrPath
from geocn.errors import GeocnError, ParameterError
from geocn.harmonise.organisations import SUGGESTION_COLUMNS, resolve_organisations
from geocn.layers.annotations import build_annotations
from geocn.layers.borders import build_borders
from geocn.layers.cultivation import build_cultivation
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import Builder, draft_layer, report
from geocn.layers.interventions import build_interventions
from geocn.layers.rejects import rejected_rows
from geocn.layers.routes import build_routes
from geocn.layers.seizures import build_seizures
from geocn.schema import layer_schema

_BUILDERS: Mapping[str, Builder] = {
    "routes": build_routes,
    "seizures": build_seizures,
    "cultivation": build_cultivation,
    "interventions": build_interventions,
    "borders": build_borders,
    "annotations": build_annotations,
}
_FIRST_BAD = 10


@dataclass(frozen=True, slots=True)
class Inspection:
    """How a file was understood.

    Attributes
    ----------
    layer, file : str
        What it was read as, and its name.
    ok : bool
        Whether it would load with at least one row. Rejected rows do not make it fail;
        see ``n_rejected``.
    error : str or None
        Why it would not load.
    columns : DataFrame
        ``header, role, how, filled, example``: one row a column of the file.
    filled : dict
        Canonical column → share of the rows that would load and hold a value.
    n_rows, n_rejected : int
        Rows of the file, and how many of them would be rejected.
    rejected : dict
        Reason → number of rows.
    first_bad : DataFrame
        The first rejected rows with their line and reasons.
    report : dict
        All that a reader writes into ``attrs["geocn"]``: formats, units, match rates.
    suggestions : DataFrame
        ``name, suggested, score, why, n_rows``: names of partners that may mean another
        organisation, for a person to confirm in a table of aliases.
    """

    layer: str
    file: str
    ok: bool
    error: str | None = None
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    filled: dict[str, float] = field(default_factory=dict)
    n_rows: int = 0
    n_rejected: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    first_bad: pd.DataFrame = field(default_factory=pd.DataFrame)
    report: dict[str, Any] = field(default_factory=dict)
    suggestions: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(SUGGESTION_COLUMNS))
    )

    @property
    def reject_rate(self) -> float:
        """Share of the rows that would be rejected."""
        return self.n_rejected / self.n_rows if self.n_rows else 0.0

    @property
    def match_rate(self) -> float | None:
        """Share of the rows without coordinates whose place reached an area; None: not asked."""
        places = self.report.get("places")
        return None if places is None else float(places["match_rate"])


def inspect_file(
    path: StrPath,
    layer: str,
    /,
    *,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    units: str | Mapping[str, str] | None = None,
    places: Any = None,
    organisations: pd.DataFrame | StrPath | None = None,
    as_of: Any = None,
    **options: Unpack[FileOptions],
) -> Inspection:
    """Say how a file would be read as ``layer``; a file that would not load says why.

    Parameters
    ----------
    path : path
        A table or vector file.
    layer : str
        ``routes``, ``seizures``, ``cultivation``, ``interventions``, ``borders`` or
        ``annotations``.
    fields, crs, units, places, as_of, **options
        As in :func:`geocn.read_seizures`.
    organisations : DataFrame or path, optional
        Table of aliases, for interventions only.

    Raises
    ------
    ParameterError
        Where there is no such layer, or ``organisations`` is given for another.

    Examples
    --------
    >>> inspect_file("absent.csv", "seizures").ok
    False
    """
    layer_schema(layer)
    if organisations is not None and layer != "interventions":
        raise ParameterError(f"organisations is for interventions; {layer} have no partner")
    build = _BUILDERS[layer]
    if layer == "interventions":
        build = partial(build_interventions, organisations=organisations)
    request = Request(fields, crs, units, places, as_of=as_of, options=options)
    name = str(path).replace("\\", "/").rsplit("/", 1)[-1]
    try:
        draft = draft_layer(path, layer, request, build)
    except ParameterError:
        raise
    except GeocnError as error:
        return Inspection(layer, name, ok=False, error=str(error))
    n_rejected = int(draft.rejected.sum())
    kept = draft.n_rows - n_rejected
    found = report(draft, n_out=kept)
    return Inspection(
        layer=layer,
        file=name,
        ok=kept > 0,
        error=None if kept else "no row would load",
        columns=_columns(draft),
        filled=_filled(draft),
        n_rows=draft.n_rows,
        n_rejected=n_rejected,
        rejected=found["rejected"],
        first_bad=rejected_rows(draft).head(_FIRST_BAD),
        report=found,
        suggestions=_suggestions(draft, organisations),
    )


def _suggestions(draft: Draft, organisations: pd.DataFrame | StrPath | None) -> pd.DataFrame:
    given = draft.text("partner").mask(draft.rejected)
    return resolve_organisations(given, aliases=organisations).suggestions


def _columns(draft: Draft) -> pd.DataFrame:
    """One row a column of the file: what it means, how that is known, and an example."""
    roles = {column: role for role, column in draft.header.mapping.items()}
    rows = []
    for name in draft.raw.frame.columns:
        values = draft.raw.frame[name]
        given = values.dropna()
        role = "geometry" if name == "geometry" else roles.get(name)
        example = str(given.iloc[0])[:60] if len(given) else ""
        if str(name).startswith("geocn_"):
            how = "made from the file's own columns"
        elif role == "geometry":
            how = "the file's geometry"
        else:
            how = draft.header.how.get(role, "") if role else "unused"
        rows.append((str(name), role or "", how, float(values.notna().mean()), example))
    return pd.DataFrame(rows, columns=["header", "role", "how", "filled", "example"])


def _filled(draft: Draft) -> dict[str, float]:
    keep = ~draft.rejected
    if not keep.any():
        return {}
    shares = {name: float(column[keep].notna().mean()) for name, column in draft.columns.items()}
    shares["geometry"] = float(np.mean([shape is not None for shape in draft.geometry[keep]]))
    return shares
