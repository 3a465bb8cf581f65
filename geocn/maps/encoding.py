"""The rows of a layer on their way into a block: columns, geometry and when each row counts."""

from __future__ import annotations

from typing import Any

import geopandas as gpd

from geocn._typing import FloatArray
from geocn.io.packed import Pack
from geocn.maps.columns import NO_DAY, column_of
from geocn.maps.geometry import encode_geometry, order_of, point_places, steps_a_degree
from geocn.maps.periods import Spans


def encode_rows(
    frame: gpd.GeoDataFrame, spans: Spans | None, matrix: FloatArray | None, pack: Pack
) -> dict[str, Any]:
    """Put the rows of a layer into ``pack`` and return their description for the header.

    Many points are put in the order that makes the file smallest: rows of a map have no
    order of their own. ``matrix`` holds the values of each row by period.
    """
    names = [name for name in frame.columns if name != "geometry"]
    columns = [column_of(frame[name]) for name in names]
    steps = steps_a_degree(frame.get("location_precision_m"))
    places = point_places(frame.geometry)
    order = order_of(places, columns, steps=steps) if matrix is None else None
    told: dict[str, Any] = {
        "columns": [
            {"name": name, **column.put(pack, order)}
            for name, column in zip(names, columns, strict=True)
        ],
        "geometry": encode_geometry(frame.geometry, pack, steps=steps, order=order, places=places),
    }
    if spans is not None:
        first, last = (days if order is None else days[order] for days in (spans.first, spans.last))
        told["time"] = {
            "first": pack.days(first, NO_DAY),
            "last": pack.days(last, NO_DAY),
            "rule": spans.rule,
        }
    if matrix is not None:
        told["matrix"] = pack.numbers(matrix.ravel())
    return told
