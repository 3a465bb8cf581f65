"""Borders as edges with a country on each side, ready to be crossed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._kernels.crossings import edges_by_cell, line_edge_crossings
from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray
from geocn.errors import LayerError
from geocn.spatial.border_repair import (
    are_areas,
    borders_from_countries,
    country_codes,
)
from geocn.spatial.border_sides import sides_from_countries
from geocn.spatial.borders import SCALES, load_borders, load_countries
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.geodesy import distance_m

_ALL_KINDS = ("land", "disputed", "coast")
_CELL = 0.25


@dataclass(frozen=True)
class BorderIndex:
    """Edges of borders, sorted into the cells of a grid.

    Attributes
    ----------
    edges : (m, 4) array of longitude and latitude of both ends
    piece : (m,) the row of ``pieces`` of each edge
    pieces : the border rows: ``dyad, kind, disputed, scale, left, right``
    first_edge : (pieces + 1,) first edge of each piece, and the end
    grid : the edges by cell
    areas : gives a tree of the countries and their codes; None where they are unknown
    repairs : what was repaired, where the borders were made of areas
    countries : country codes in order; an empty text is the sea
    side_numbers : (pieces, 2) numbers in ``countries`` of the left and the right side
    along : chainage in kilometres at every vertex, of the pieces measured so far
    measured : (pieces,) which those are
    n_missing : rows without geometry
    """

    edges: FloatArray
    piece: IntArray
    pieces: pd.DataFrame
    first_edge: IntArray
    grid: EdgeGrid
    areas: Callable[[], tuple[shapely.STRtree, AnyArray]] | None
    repairs: dict[str, Any] | None
    scale: str
    countries: AnyArray
    side_numbers: IntArray
    along: FloatArray
    measured: BoolArray
    n_missing: int

    def sides(self, edge: IntArray) -> tuple[IntArray, IntArray]:
        """Numbers in ``countries`` of the country to the left and to the right of edges."""
        numbers = self.side_numbers[self.piece[edge]]
        return numbers[:, 0], numbers[:, 1]

    def of_piece(self, column: str, edge: IntArray) -> AnyArray:
        """Look up a column of the pieces for each edge; null where there is no column."""
        if column not in self.pieces:
            return np.full(len(edge), None, dtype=object)
        return self.pieces[column].to_numpy(dtype=object)[self.piece[edge]]

    def chainage_at(self, edge: IntArray, fraction: FloatArray) -> FloatArray:
        """Chainage in kilometres at a fraction of each edge."""
        pieces = self.piece[edge]
        self._measure(np.unique(pieces))
        begin, end = self.along[edge + pieces], self.along[edge + pieces + 1]
        at: FloatArray = begin + fraction * (end - begin)
        return at

    def _measure(self, pieces: IntArray) -> None:
        # A geodesic for each of half a million edges takes longer than all else, and most
        # pieces are never crossed.
        wanted = pieces[~self.measured[pieces]].tolist()
        ends = self.edges[self._edges_of(wanted)]
        km = distance_m(ends[:, 0], ends[:, 1], ends[:, 2], ends[:, 3]) / 1000
        done = 0
        for piece in wanted:
            first = self.first_edge[piece]
            size = self.first_edge[piece + 1] - first
            steps = np.concatenate([[self._origin(piece)], km[done : done + size]])
            self.along[first + piece : first + piece + size + 1] = np.cumsum(steps)
            done += size
        self.measured[wanted] = True

    def _origin(self, piece: int) -> float:
        return float(self.pieces["chainage_from_km"].iloc[piece])

    def _edges_of(self, pieces: Iterable[int]) -> IntArray:
        first = self.first_edge
        spans = [np.arange(first[piece], first[piece + 1]) for piece in pieces]
        return np.concatenate([np.empty(0, dtype=np.int64), *spans])

    def nearest_on(self, dyad: str, lon: float, lat: float) -> tuple[int, float, float] | None:
        """Nearest edge of a dyad to a place, the fraction along it and the distance in metres."""
        rows = np.flatnonzero((self.pieces["dyad"] == dyad).to_numpy())
        edge = self._edges_of(rows.tolist())
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
        """Crossings of lines whose longitudes run on past +-180, in order of travel.

        Columns as in :func:`geocn._kernels.crossings.line_edge_crossings`.
        """
        grid, capacity = self.grid, max(1024, 2 * len(start))
        while True:
            out = np.empty((capacity, 5))
            n = line_edge_crossings(
                xy, start, self.edges, grid.cell, grid.shape, grid.first, grid.entry, out
            )
            if n <= capacity:
                break
            capacity = n
        found = out[:n]
        found = found[np.lexsort((np.abs(found[:, 3]), found[:, 2], found[:, 1], found[:, 0]))]
        again = (found[1:] == found[:-1]).all(axis=1)
        return found[np.concatenate([[True], ~again])] if n else found


def _around(delta: FloatArray) -> FloatArray:
    """Differences of longitude and latitude, the short way around."""
    delta = delta.copy()
    delta[..., 0] = (delta[..., 0] + 180) % 360 - 180
    return delta


def border_index(
    borders: gpd.GeoDataFrame | None, countries: gpd.GeoDataFrame | None = None
) -> BorderIndex:
    """Index the bundled 1:10 million borders, or a frame of borders or of countries.

    Land borders from :func:`~geocn.spatial.borders.load_borders` are joined by the bundled
    coast of the same scale. Areas become borders by
    :func:`~geocn.spatial.border_repair.borders_from_countries`; lines without sides take
    them from ``countries``.

    Raises
    ------
    LayerError
        Where the frame lacks ``dyad``, ``left`` or ``right``: without the countries on
        each side, direction has no meaning.
    """
    if borders is None:
        return _bundled("10m")
    borders = to_lonlat(borders, "borders")
    if are_areas(borders):
        made = borders_from_countries(borders, kinds=_ALL_KINDS)
        return _build(made, areas=partial(_tree, borders), repairs=made.attrs["geocn"]["repairs"])
    if countries is not None and not {"left", "right"} <= set(borders):
        borders = sides_from_countries(borders, countries)
    _check_sides(borders)
    scales = borders["scale"].dropna().unique() if "scale" in borders else []
    kinds = set(borders["kind"].dropna()) if "kind" in borders else set()
    bundled = "source" in borders and borders["source"].eq("Natural Earth 4.1.0").all()
    if not (bundled and len(scales) == 1 and scales[0] in SCALES):
        return _build(borders)
    if "coast" not in kinds:
        coast = load_borders(scales[0], kinds=("coast",))
        borders = pd.concat([borders, coast], ignore_index=True)
    return _build(borders, areas=partial(country_tree, scales[0]))


def _origins(pieces: pd.DataFrame, edges: FloatArray, piece: IntArray) -> FloatArray:
    """Chainage at which each piece begins; where not given it runs on from row to row."""
    given = np.full(len(pieces), np.nan)
    if "chainage_from_km" in pieces:
        given = pieces["chainage_from_km"].to_numpy(dtype=float, na_value=np.nan, copy=True)
    if not np.isnan(given).any():
        return given
    km = distance_m(edges[:, 0], edges[:, 1], edges[:, 2], edges[:, 3]) / 1000
    length = np.bincount(piece, weights=km, minlength=len(pieces))
    reached: dict[object, float] = {}
    for row, dyad in enumerate(pieces["dyad"]):
        if np.isnan(given[row]):
            given[row] = reached.get(dyad, 0.0)
        if length[row] > 0:
            reached[dyad] = given[row] + length[row]
    return given


def _check_sides(borders: gpd.GeoDataFrame) -> None:
    missing = [name for name in ("dyad", "left", "right") if name not in borders]
    if missing:
        raise LayerError(
            "borders",
            found=f"no column {', '.join(missing)}",
            expected="lines shared by two countries, with the country to the left and right",
            repair="Pass countries= (their areas, from which the sides follow), or pass the areas "
            "themselves as borders, or use geocn.read_borders() for the bundled borders.",
        )
    blank = borders[["left", "right"]].isna().any(axis=1)
    blank |= (borders["left"] == borders["right"]).fillna(value=False)
    if blank.any():
        raise LayerError(
            "borders",
            found="no country, or the same country, on both sides",
            expected="left and right differ; an empty text is the sea",
            repair="Drop the columns left and right and pass countries= to have them found.",
            rows=list(borders.index[blank]),
        )


@lru_cache(maxsize=3)
def _bundled(scale: str) -> BorderIndex:
    borders = load_borders(scale, kinds=_ALL_KINDS)  # type: ignore[arg-type]
    return _build(borders, areas=partial(country_tree, scale))


def _tree(countries: gpd.GeoDataFrame) -> tuple[shapely.STRtree, AnyArray]:
    codes = country_codes(countries)
    return shapely.STRtree(countries.geometry.to_numpy()), codes


@lru_cache(maxsize=3)
def country_tree(scale: str) -> tuple[shapely.STRtree, AnyArray]:
    """Tree of the bundled countries, and their codes in the same order."""
    countries = load_countries(scale if scale in SCALES else "10m")  # type: ignore[arg-type]
    return shapely.STRtree(countries.geometry.to_numpy()), countries["iso_a3"].to_numpy(object)


def _build(
    borders: gpd.GeoDataFrame,
    *,
    areas: Callable[[], tuple[shapely.STRtree, AnyArray]] | None = None,
    repairs: dict[str, Any] | None = None,
) -> BorderIndex:
    lines, row = shapely.get_parts(borders.geometry.to_numpy(), return_index=True)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    joined = line[1:] == line[:-1]
    a, b = xy[:-1][joined], xy[1:][joined]
    edges = np.column_stack([a, a + _around(b - a)])
    piece = row[line[1:][joined]].astype(np.int64)
    pieces = pd.DataFrame(borders.drop(columns=borders.geometry.name)).reset_index(drop=True)
    pieces["chainage_from_km"] = _origins(pieces, edges, piece)
    codes, countries = pd.factorize(pieces[["left", "right"]].to_numpy(object).ravel(), sort=True)
    scales = set(pieces["scale"].dropna()) if "scale" in pieces else set()
    return BorderIndex(
        edges=edges,
        piece=piece,
        pieces=pieces,
        first_edge=np.searchsorted(piece, np.arange(len(pieces) + 1)).astype(np.int64),
        grid=EdgeGrid.of(edges),
        areas=areas,
        repairs=repairs,
        scale="/".join(sorted(map(str, scales))),
        countries=np.asarray(countries, dtype=object),
        side_numbers=codes.reshape(-1, 2).astype(np.int64),
        along=np.full(len(edges) + len(pieces), np.nan),
        measured=np.zeros(len(pieces), dtype=bool),
        n_missing=int((~has_geometry(borders)).sum()),
    )


@dataclass(frozen=True)
class EdgeGrid:
    """Which edges touch each cell of a grid of the world; see the kernel."""

    cell: float
    shape: tuple[int, int]
    first: AnyArray
    entry: AnyArray

    @classmethod
    def of(cls, edges: FloatArray) -> EdgeGrid:
        """Sort edges into cells of a quarter of a degree."""
        cell = _CELL
        shape = (round(180 / cell), round(360 / cell))
        first = np.zeros(shape[0] * shape[1] + 1, dtype=np.int32)
        edges_by_cell(edges, cell, shape, first, np.empty(0, dtype=np.int32))
        first = np.cumsum(first, dtype=np.int32)
        entry = np.empty(first[-1], dtype=np.int32)
        edges_by_cell(edges, cell, shape, first.copy(), entry)
        return cls(cell, shape, first, entry)
