"""Segments in their order along borders, in chains that hang together."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray

# Chainages were summed in different orders: a metre is no gap.
_SLACK_KM = 1e-3
# Longer than any border, so that chains do not meet on one axis.
_APART_KM = 1e6


@dataclass(frozen=True, slots=True)
class Chains:
    """Segments in order: their rows, the chain of each, and where each starts and stops.

    Attributes
    ----------
    order : (n,) array
        Row of each segment of the frame, in the order along the borders.
    chain : (n,) array
        Number of the chain, from 0. A chain is of one dyad, without a gap in chainage or
        on the ground.
    start_km, stop_km : (n,) arrays
        Chainage.
    """

    order: IntArray
    chain: IntArray
    start_km: FloatArray
    stop_km: FloatArray

    @classmethod
    def of(cls, segments: gpd.GeoDataFrame) -> Chains:
        """Order segments that have ``dyad``, chainage and lines in longitude and latitude."""
        dyad = pd.factorize(segments["dyad"], sort=True)[0]
        start, stop = (
            segments[f"chainage_{end}_km"].to_numpy(dtype=float) for end in ("from", "to")
        )
        order = np.lexsort((stop, start, dyad)).astype(np.int64)
        dyad, start, stop = dyad[order], start[order], stop[order]
        lines = segments.geometry.to_numpy()[order]
        first, last = (shapely.get_coordinates(shapely.get_point(lines, i)) for i in (0, -1))
        breaks = (dyad[1:] != dyad[:-1]) | (np.abs(start[1:] - stop[:-1]) > _SLACK_KM)
        if len(first) == len(lines):
            breaks |= (first[1:] != last[:-1]).any(axis=1)
        chain = np.append(0, np.cumsum(breaks))[: len(order)].astype(np.int64)
        return cls(order, chain, start, stop)

    @property
    def middle_km(self) -> FloatArray:
        """Chainage of the middle of each segment."""
        return (self.start_km + self.stop_km) / 2

    @property
    def end(self) -> IntArray:
        """One past the last segment of each segment's chain."""
        return np.searchsorted(self.chain, self.chain, side="right").astype(np.int64)

    def bounds_km(self, place: IntArray) -> tuple[FloatArray, FloatArray]:
        """Where the chain of the segment at each place begins and ends."""
        first = np.searchsorted(self.chain, self.chain[place])
        return self.start_km[first], self.stop_km[self.end[place] - 1]

    def find(self, chain: IntArray, chainage_km: FloatArray) -> IntArray:
        """Place of the segment of a chain that holds a chainage within its bounds."""
        key = self.chain * _APART_KM + self.start_km
        at: IntArray = np.searchsorted(key, chain * _APART_KM + chainage_km, side="right") - 1
        first = np.searchsorted(self.chain, chain)
        return np.maximum(at, first).astype(np.int64)

    def pairs_within(self, reach_km: float) -> tuple[IntArray, IntArray, FloatArray]:
        """Pairs of one chain whose middles are closer than this: earlier, later, distance."""
        middle, n = self.middle_km, len(self.order)
        one: list[IntArray] = [np.empty(0, dtype=np.int64)]
        other: list[IntArray] = [np.empty(0, dtype=np.int64)]
        for ahead in range(1, n):
            i = np.arange(n - ahead)
            near = (self.chain[:-ahead] == self.chain[ahead:]) & (
                middle[ahead:] - middle[:-ahead] < reach_km
            )
            if not near.any():
                break
            one.append(i[near])
            other.append(i[near] + ahead)
        before, after = np.concatenate(one), np.concatenate(other)
        return before, after, middle[after] - middle[before]
