"""Borders as edges with a country on each side, ready to be crossed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._kernels.crossings import line_edge_crossings
from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import LayerError
from geocn.spatial.borders import SCALES, load_borders, load_countries
from geocn.spatial.crs import to_lonlat
from geocn.spatial.geodesy import distance_m

_ALL_KINDS = ("land", "disputed", "coast")
_BLOCK = 32


@dataclass(frozen=True)
class BorderIndex:
    """Edges of borders, in blocks under one tree.

    Attributes
    ----------
    edges : (m, 4) array of longitude and latitude of both ends
    piece : (m,) the row of ``pieces`` of each edge
    chainage : (m, 2) chainage in kilometres at both ends
    pieces : the border rows: ``dyad, kind, disputed, scale, left, right``
    has_coast : whether the sea is known, so that every change of country is an edge
    """

    edges: FloatArray
    piece: IntArray
    chainage: FloatArray
    pieces: pd.DataFrame
    first_edge: IntArray
    boxes: FloatArray
    tree: shapely.STRtree
    has_coast: bool
    scale: str

    def side(self, edge: IntArray, *, left: bool) -> AnyArray:
        """Country codes on one side of edges; an empty text is the sea."""
        return self.of_piece("left" if left else "right", edge)

    def of_piece(self, column: str, edge: IntArray) -> AnyArray:
        """Look up a column of the pieces for each edge; null where there is no column."""
        if column not in self.pieces:
            return np.full(len(edge), None, dtype=object)
        return self.pieces[column].to_numpy(dtype=object)[self.piece[edge]]

    def chainage_at(self, edge: IntArray, fraction: FloatArray) -> FloatArray:
        """Chainage in kilometres at a fraction of each edge."""
        span = self.chainage[edge]
        at: FloatArray = span[:, 0] + fraction * (span[:, 1] - span[:, 0])
        return at

    def nearest_on(self, dyad: str, lon: float, lat: float) -> tuple[int, float, float] | None:
        """Nearest edge of a dyad to a place, the fraction along it and the distance in metres."""
        rows = np.flatnonzero((self.pieces["dyad"] == dyad).to_numpy())
        edge = np.flatnonzero(np.isin(self.piece, rows))
        if not len(edge):
            return None
        scale = np.array([np.cos(np.radians(lat)), 1.0])
        place = np.array([lon, lat])
        a = _around(self.edges[edge, :2] - place) * scale
        b = _around(self.edges[edge, 2:] - place) * scale
        step = b - a
        length = np.maximum((step**2).sum(axis=1), 1e-30)
        fraction = np.clip(-(a * step).sum(axis=1) / length, 0, 1)
        best = int(np.argmin(((a + fraction[:, None] * step) ** 2).sum(axis=1)))
        at = place + (a + fraction[:, None] * step)[best] / scale
        return (
            int(edge[best]),
            float(fraction[best]),
            float(distance_m(place[:1], place[1:], at[:1], at[1:])[0]),
        )

    def crossings(self, xy: FloatArray, start: IntArray) -> FloatArray:
        """Crossings of lines whose longitudes run on past +-180; see the kernel."""
        pairs, shift = self._candidates(xy, start)
        capacity = max(1024, 2 * len(start))
        while True:
            out = np.empty((capacity, 5))
            n = line_edge_crossings(
                xy, start, self.edges, self.first_edge, self.boxes, pairs, shift, out
            )
            if n <= capacity:
                return out[:n]
            capacity = n

    def _candidates(self, xy: FloatArray, start: IntArray) -> tuple[IntArray, FloatArray]:
        low = np.minimum.reduceat(xy, start[:-1], axis=0)
        high = np.maximum.reduceat(xy, start[:-1], axis=0)
        pairs, shifts = [], []
        for turn in (-360.0, 0.0, 360.0):
            # Only lines that reach into this copy of the world need it.
            near = np.flatnonzero((low[:, 0] - turn <= 180) & (high[:, 0] - turn >= -180))
            boxes = shapely.box(
                low[near, 0] - turn, low[near, 1], high[near, 0] - turn, high[near, 1]
            )
            line, block = self.tree.query(boxes)
            pairs.append(np.column_stack([near[line], block]))
            shifts.append(np.full(len(line), turn))
        return np.concatenate(pairs).astype(np.int64), np.concatenate(shifts)


def _around(delta: FloatArray) -> FloatArray:
    """Differences of longitude and latitude, the short way around."""
    delta = delta.copy()
    delta[..., 0] = (delta[..., 0] + 180) % 360 - 180
    return delta


def border_index(borders: gpd.GeoDataFrame | None) -> BorderIndex:
    """Index the bundled 1:10 million borders, or a frame of borders with their sides.

    Land borders from :func:`~geocn.spatial.borders.load_borders` are joined by the bundled
    coast of the same scale.

    Raises
    ------
    LayerError
        Where the frame lacks ``dyad``, ``left`` or ``right``: without the countries on
        each side, direction has no meaning.
    """
    if borders is None:
        return _bundled("10m")
    missing = [name for name in ("dyad", "left", "right") if name not in borders]
    if missing:
        raise LayerError(
            "borders",
            found=f"no column {', '.join(missing)}",
            expected="lines shared by two countries, with the country to the left and right",
            repair="Use geocn.read_borders() or geocn.spatial.borders.load_borders().",
        )
    borders = to_lonlat(borders, "borders")
    scales = borders["scale"].dropna().unique() if "scale" in borders else []
    kinds = set(borders["kind"].dropna()) if "kind" in borders else set()
    bundled = "source" in borders and borders["source"].eq("Natural Earth 4.1.0").all()
    if bundled and len(scales) == 1 and scales[0] in SCALES and "coast" not in kinds:
        coast = load_borders(scales[0], kinds=("coast",))
        borders = pd.concat([borders, coast], ignore_index=True)
    return _build(borders)


@lru_cache(maxsize=3)
def _bundled(scale: str) -> BorderIndex:
    return _build(load_borders(scale, kinds=_ALL_KINDS))  # type: ignore[arg-type]


@lru_cache(maxsize=3)
def country_tree(scale: str) -> tuple[shapely.STRtree, AnyArray]:
    """Tree of the bundled countries, and their codes in the same order."""
    countries = load_countries(scale if scale in SCALES else "10m")  # type: ignore[arg-type]
    return shapely.STRtree(countries.geometry.to_numpy()), countries["iso_a3"].to_numpy(object)


def _build(borders: gpd.GeoDataFrame) -> BorderIndex:
    lines, row = shapely.get_parts(borders.geometry.to_numpy(), return_index=True)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    joined = line[1:] == line[:-1]
    a, b = xy[:-1][joined], xy[1:][joined]
    b = a + _around(b - a)
    piece = row[line[1:][joined]]
    km = distance_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1]) / 1000
    new_piece = np.flatnonzero(np.diff(piece, prepend=-1))
    along = np.cumsum(km)
    before = np.repeat((along - km)[new_piece], np.diff(np.append(new_piece, len(piece))))
    origin = np.zeros(len(borders))
    if "chainage_from_km" in borders:
        origin = borders["chainage_from_km"].to_numpy(dtype=float, na_value=0.0)
    chainage = origin[piece][:, None] + np.column_stack([along - km - before, along - before])
    # Edges follow each other along the line, so 32 of them make a small box.
    first = np.append(np.arange(0, len(piece), _BLOCK), len(piece)).astype(np.int64)
    low, high = np.minimum(a, b), np.maximum(a, b)
    if len(piece):
        low, high = (
            np.minimum.reduceat(low, first[:-1]),
            np.maximum.reduceat(high, first[:-1]),
        )
    pieces = pd.DataFrame(borders.drop(columns=borders.geometry.name)).reset_index(drop=True)
    scales = set(pieces["scale"].dropna()) if "scale" in pieces else set()
    return BorderIndex(
        edges=np.column_stack([a, b]),
        piece=piece.astype(np.int64),
        chainage=chainage,
        pieces=pieces,
        first_edge=first,
        boxes=np.column_stack([low, high]),
        tree=shapely.STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])),
        has_coast="kind" in pieces and bool(pieces["kind"].eq("coast").any()),
        scale="/".join(sorted(map(str, scales))),
    )
