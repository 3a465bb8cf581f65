"""Which site covers which demand, as bits the page can switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.maps.columns import numbers, texts
from geocn.maps.geometry import STEPS
from geocn.maps.packing import Pack

MAX_SITES = 1_000
MAX_DEMAND = 20_000
_MOST_SAMPLES = 15


@dataclass(frozen=True)
class WhatIf:
    """Sites that can be switched, and the demand each covers.

    ``covers[s, d]`` says whether site ``s`` reaches demand point ``d``. Lines and areas of
    demand stand as points spread over them, their weight shared (``sampled``); ``exact`` is
    the share covered that the analysis found. ``places`` are longitude and latitude of the
    demand points, from which the page measures the distance to a site that a planner places,
    and ``rows`` the rows of the demand that they stand for; ``layer`` is the id of the layer
    that draws them.
    """

    names: list[str]
    partners: list[str | None]
    covers: BoolArray
    weights: FloatArray
    weight_label: str | None
    places: FloatArray
    rows: IntArray
    sampled: bool = False
    exact: float | None = None
    title: str | None = None
    layer: str | None = None

    @property
    def share_covered(self) -> float:
        """Share of the weight within reach of at least one site; NaN without any weight."""
        total = float(self.weights.sum())
        reached = float(self.weights[self.covers.any(axis=0)].sum())
        return reached / total if total > 0 else float("nan")

    def encode(self, pack: Pack) -> dict[str, Any]:
        """Put weights, places and bits into ``pack`` and return the description for the header."""
        steps = np.round(self.places * STEPS).astype(np.int32)
        bits = np.packbits(self.covers, axis=1, bitorder="little")
        return {
            "sites": [
                {"name": name, "partner": partner}
                for name, partner in zip(self.names, self.partners, strict=True)
            ],
            "stride": int(bits.shape[1]),
            "n": len(self.weights),
            "bits": pack.array(bits.ravel(), "u1"),
            "weights": pack.array(self.weights, "f8"),
            "steps": STEPS,
            "x": pack.array(steps[:, 0], "i4"),
            "y": pack.array(steps[:, 1], "i4"),
            "rows": pack.array(self.rows, "i4"),
            "layer": self.layer,
            "label": self.weight_label,
            "sampled": self.sampled,
            "exact": self.exact,
            "title": self.title,
        }


def what_if(
    demand: gpd.GeoDataFrame,
    reaches: gpd.GeoDataFrame,
    *,
    weight: str | None,
    label: str | None,
    exact: float | None,
    title: str | None = None,
) -> WhatIf:
    """Work out which reach covers which demand; both in EPSG:4326.

    Raises
    ------
    ParameterError
        Where there are more sites or demands than a page can switch.
    """
    if len(reaches) > MAX_SITES or len(demand) > MAX_DEMAND:
        raise ParameterError(
            f"{len(reaches)} sites and {len(demand)} demands are more than a map can switch; "
            f"give at most {MAX_SITES} sites and {MAX_DEMAND} demands (aggregate the demand)."
        )
    known = reaches[~shapely.is_missing(reaches.geometry.values)]
    points, row = _sample(demand)
    covers = np.zeros((len(known), len(points)), dtype=bool)
    tree = shapely.STRtree(points)
    site, hit = tree.query(np.asarray(known.geometry.values), predicate="intersects")
    covers[site, hit] = True
    shares = np.bincount(row, minlength=len(demand))
    return WhatIf(
        _names(known),
        texts(known["partner"]) if "partner" in known else [None] * len(known),
        covers,
        (_weights(demand, weight) / np.maximum(shares, 1))[row],
        label,
        shapely.get_coordinates(points),
        row,
        sampled=len(points) > len(demand),
        exact=exact,
        title=title,
    )


def _sample(demand: gpd.GeoDataFrame) -> tuple[AnyArray, IntArray]:
    """Return points of the demand and the row of each: points as they are, others spread."""
    shapes = np.asarray(demand.geometry.values)
    known = np.flatnonzero(~shapely.is_missing(shapes))
    single = shapely.get_dimensions(shapes[known]) == 0
    points, rows = (
        [shapely.get_parts(shapes[known][single])],
        [known[single][shapely.get_parts(shapes[known][single], return_index=True)[1]]],
    )
    spread = int(np.clip(np.sqrt(MAX_DEMAND / max(1, len(known))), 2, _MOST_SAMPLES))
    for row in known[~single]:
        found = _spread(shapes[row], spread)
        points.append(found)
        rows.append(np.full(len(found), row))
    return np.concatenate(points), np.concatenate(rows).astype(np.int64)


def _spread(shape: shapely.Geometry, samples: int) -> AnyArray:
    """Return points spread evenly over a line or an area."""
    if shapely.get_dimensions(shape) == 1:
        places = (np.arange(samples) + 0.5) / samples
        return np.asarray(
            shapely.line_interpolate_point(shapely.line_merge(shape), places, normalized=True)
        )
    west, south, east, north = shapely.bounds(shape)
    steps = (np.arange(samples) + 0.5) / samples
    x, y = np.meshgrid(west + steps * (east - west), south + steps * (north - south))
    shapely.prepare(shape)
    grid = shapely.points(x.ravel(), y.ravel())
    inside = grid[shapely.intersects(shape, grid)]
    return inside if len(inside) else np.array([shapely.point_on_surface(shape)])


def _weights(demand: pd.DataFrame, weight: str | None) -> FloatArray:
    if weight is None:
        return np.ones(len(demand))
    values = np.nan_to_num(numbers(demand[weight]), nan=0.0)
    return np.maximum(values, 0.0)


def _names(reaches: pd.DataFrame) -> list[str]:
    for column in ("name", "place", "intervention_id"):
        if column in reaches and reaches[column].notna().all():
            return [str(value) for value in texts(reaches[column])]
    return [str(number + 1) for number in range(len(reaches))]
