"""Rows that nobody reported, planted upstream: where one turns up, data has leaked."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.affinity import translate

from geocn.errors import ParameterError
from geocn.sharing.scan_frames import is_id, text_columns

__all__ = ["plant_canaries"]

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def plant_canaries(
    layer: gpd.GeoDataFrame, *, secret: str, count: int = 3
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Add rows to a layer that a leak scan recognises and a reader does not.

    A canary is a copy of a row with an identifier, a weight and a place of its own, all
    derived from the secret by HMAC-SHA-256: the same secret gives the same rows. Plant them
    before the layer is shared within the project, leave them out of what is released, and
    give them to ``scan`` as ``canaries``. They are in every count made of that layer.

    Parameters
    ----------
    layer : GeoDataFrame
        With at least one row.
    secret : str
        At least eight letters; who knows it knows the canaries.
    count : int, default 3
        How many.

    Returns
    -------
    planted : GeoDataFrame
        The layer with the canaries at its end; the index goes on from 0.
    canaries : DataFrame
        The canaries alone, with only what is theirs: identifiers, weight, place.

    Raises
    ------
    ParameterError
        Where the secret is too short, the count below 1, or the layer without rows, place or
        identifier.

    Example
    -------
    >>> import shapely
    >>> layer = gpd.GeoDataFrame({"seizure_id": ["SZ-17"], "weight_kg": [12.5]},
    ...     geometry=[shapely.Point(-76.6, 2.4)], crs="EPSG:4326")
    >>> planted, canaries = plant_canaries(layer, secret="a long secret", count=2)
    >>> len(planted), len(canaries)
    (3, 2)
    """
    ids = [name for name, _ in text_columns(layer) if is_id(name)]
    if len(secret) < 8 or count < 1 or not len(layer) or not ids:
        raise ParameterError(
            "plant_canaries needs a secret of 8 letters, a count of 1, a row and a column of ids."
        )
    rng = np.random.default_rng(_bits(secret, "rows"))
    rows = rng.integers(len(layer), size=count)
    copies = layer.iloc[rows].copy().reset_index(drop=True)
    for name in ids:
        copies[name] = [
            _name(str(copies[name].iloc[i]), secret, f"{name} {i}") for i in range(count)
        ]
    if "weight_kg" in copies:
        # Nine digits that no scale gives, near enough to the row's own weight to pass.
        share = 1.0 + rng.uniform(-0.05, 0.05, count)
        copies["weight_kg"] = (copies["weight_kg"].astype("float64") * share).round(9)
    moved = _moved(copies.geometry, rng)
    copies = copies.set_geometry(moved)
    planted = pd.concat([layer.reset_index(drop=True), copies], ignore_index=True)
    own = [*ids, *(["weight_kg"] if "weight_kg" in copies else []), copies.geometry.name]
    return planted, copies[own]


def _bits(secret: str, about: str) -> int:
    digest = hmac.new(secret.encode(), about.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest, "big")


def _name(like: str, secret: str, about: str) -> str:
    """Return an identifier that starts like another and ends in eight letters of our own."""
    bits = _bits(secret, about)
    start = like.rstrip("0123456789")[:12].rstrip("-_/ ")
    own = "".join(_LETTERS[(bits >> 5 * i) & 31] for i in range(8))
    return f"{start}-{own}" if start else own


def _moved(shapes: gpd.GeoSeries, rng: np.random.Generator) -> gpd.GeoSeries:
    """Move each shape some hundred metres, so that its place is its own."""
    geographic = shapes.crs is None or shapes.crs.is_geographic
    step = (1.0 if geographic else 111_000.0) * rng.uniform(0.003, 0.009, (len(shapes), 2))
    moved: list[Any] = [
        None if shape is None else translate(shape, xoff=x, yoff=y)
        for shape, (x, y) in zip(shapes, step.tolist(), strict=True)
    ]
    return gpd.GeoSeries(moved, index=shapes.index, crs=shapes.crs)
