"""Routes: lines along which drugs were reported to move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import geopandas as gpd
import numpy as np
import shapely

from geocn._typing import StrPath
from geocn.errors import GeometryError
from geocn.harmonise.amounts import check_dates
from geocn.harmonise.drugs import classify_drugs
from geocn.harmonise.modes import canonical_modes
from geocn.harmonise.units import convert_to_kg
from geocn.layers.columns import (
    check_order,
    fill_date,
    fill_id,
    fill_integer,
    fill_numbers,
    fill_words,
    report_unknown,
)
from geocn.layers.draft import Draft, FileOptions, Request
from geocn.layers.finish import read_layer
from geocn.layers.location import fill_own_geometry
from geocn.layers.rejects import OnInvalid
from geocn.layers.tracks import join_points, refuse_polar
from geocn.schema import layer_schema


def read_routes(
    path: StrPath,
    *,
    fields: Mapping[str, str] | None = None,
    crs: Any = None,
    units: str | Mapping[str, str] | None = None,
    on_invalid: OnInvalid = "warn",
    rejects: StrPath | None = None,
    source: str | None = None,
    marking: str | None = None,
    reliability: str | None = None,
    as_of: Any = None,
    **options: Unpack[FileOptions],
) -> gpd.GeoDataFrame:
    """Read routes from a vector file, a table of well-known text, or the points of tracks.

    Points with a route identifier and a time or sequence become one line a route; a route
    of a single point is rejected.

    Parameters
    ----------
    path : path
        GeoJSON, GeoPackage, Shapefile, FlatGeobuf, GeoParquet, KML or GPX; or a table.
    fields, crs, units, on_invalid, rejects, source, marking, reliability, as_of, **options
        As in :func:`geocn.read_seizures`.

    Returns
    -------
    GeoDataFrame
        Lines in longitude and latitude.

    Raises
    ------
    GeometryError
        Where the file holds no lines at all.
    LayerError
        Where headers, CRS or (with ``on_invalid="raise"``) rows are at fault.
    """
    request = Request(fields, crs, units, None, source, marking, reliability, as_of, options)
    return read_layer(path, "routes", request, build_routes, on_invalid=on_invalid, rejects=rejects)


def build_routes(draft: Draft) -> None:
    """Fill every column of the routes layer."""
    draft.geometry_types = (*layer_schema("routes").geometry_types, "Point")
    fill_own_geometry(draft)
    refuse_polar(draft)
    join_points(draft)
    fill_id(draft, "route_id")
    if draft.n_rows and bool(shapely.is_missing(draft.geometry).all()) and not draft.rejected.any():
        raise GeometryError(
            f"routes ({draft.raw.path.name})",
            found="no lines",
            expected="a vector file of lines, or a column of well-known text (LINESTRING …)",
            repair='Name the column with fields={"coordinates": "header"}.',
        )
    fill_words(draft, "mode", canonical_modes)
    drugs = classify_drugs(draft.text("drug"))
    draft.columns["drug"] = drugs.drug
    if len(drugs.unknown):
        report_unknown(draft, "drug", drugs.unknown)
    _fill_weight(draft)
    for role in ("first_seen", "last_seen"):
        fill_date(draft, role)
    check_order(draft, "first_seen", "last_seen")
    fill_integer(draft, "n_sources")
    fill_numbers(draft, ("location_precision_m",))
    cut = draft.request.cut_off()
    if cut is not None:
        later = np.zeros(draft.n_rows, dtype=bool)
        for role in ("first_seen", "last_seen"):
            if role in draft.columns:
                later |= check_dates(draft.columns[role], as_of=cut)
        draft.flags["future_date"] = later


def _fill_weight(draft: Draft) -> None:
    """Take the weights over, from the unit that ``units`` or the header states."""
    fill_numbers(draft, ("weight_kg",))
    unit = draft.request.units or draft.header.units.get("weight_kg")
    if "weight_kg" in draft.columns and isinstance(unit, str):
        converted = convert_to_kg(draft.columns["weight_kg"], None, units=unit)
        draft.columns["weight_kg"] = converted.weight_kg
