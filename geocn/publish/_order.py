"""Rows in an order in which neighbours on the ground are neighbours in the file."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from geocn._typing import BoolArray, IntArray


def placed(frame: gpd.GeoDataFrame) -> BoolArray:
    """Say which rows have a geometry with finite bounds."""
    known: BoolArray = np.isfinite(frame.geometry.bounds.to_numpy(dtype=float)).all(axis=1)
    return known


def hilbert_order(frame: gpd.GeoDataFrame) -> IntArray:
    """Return row positions along a Hilbert curve; rows without a place come last.

    Rows at the same step of the curve keep the order they had.
    """
    known = placed(frame)
    step = np.full(len(frame), np.iinfo(np.int64).max, dtype=np.int64)
    if known.any():
        shapes = frame.geometry[known]
        step[known] = shapes.hilbert_distance(level=16).to_numpy(dtype=np.int64)
    order: IntArray = np.argsort(step, kind="stable")
    return order
