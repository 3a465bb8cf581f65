"""Events of which only an area is known, put at many places they may lie in.

What an analysis would find is computed once for each set of places, and
:mod:`geocn.hotspots.combining` joins the findings.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geocn._typing import AnyArray, BoolArray, FloatArray, IntArray, ObjectArray
from geocn.errors import CRSError, ParameterError
from geocn.hotspots.precision import centres_and_precision, given_precision
from geocn.spatial.crs import has_geometry, require_crs

IMPUTATIONS = 20
CODE = "admin_code"
# Coordinates are told apart by about a metre when numbers are drawn for them: a change of
# CRS moves them by nanometres. Odd numbers keep round coordinates away from the edges.
_GRAIN_M, _SHIFT = 1.2360679775, 0.2718281828
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Placements:
    """Where each of m imputations puts each of n events.

    Attributes
    ----------
    xy : (m, n, 2) array
        In the CRS asked for; the same in all m for precise events, NaN where an event has
        neither geometry nor a known area. May be read-only.
    is_imprecise : (n,) boolean array
    """

    xy: FloatArray
    is_imprecise: BoolArray


def place_events(
    events: gpd.GeoDataFrame,
    *,
    crs: Any,
    finer_than_m: float | FloatArray,
    imputations: int = IMPUTATIONS,
    seed: int = 0,
    places: gpd.GeoDataFrame | None = None,
    layer: str = "events",
) -> Placements:
    """Put each imprecise event at ``imputations`` uniform random places it may lie in.

    An event that is an area lies uniformly inside that area; one whose ``admin_code`` is
    that of a place, inside the place; a line, on the line and within its
    ``location_precision_m`` of there; any other, in the circle of ``location_precision_m``.
    The numbers drawn belong to an event's place, not to its row: the order of rows decides
    nothing but which of several events known to one place gets which of the draws.

    Parameters
    ----------
    events : GeoDataFrame
    crs : projected CRS
        In which to place them.
    finer_than_m : float or (n,) array
        Events that may lie further than this from their centre are imprecise.
    imputations : int
        Number of places of each imprecise event.
    seed : int
        Seed of the draws.
    places : GeoDataFrame, optional
        Areas by ``admin_code``.
    layer : str
        Name of the events for messages.

    Raises
    ------
    CRSError
        Where a frame has no CRS or ``crs`` is not projected.
    ParameterError
        Where ``imputations`` is below 1 or ``places`` lack ``admin_code``.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> port = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 9000, 9000)], crs=6933)
    >>> placed = place_events(port, crs=6933, finer_than_m=1000, imputations=3)
    >>> placed.xy.shape, bool(((placed.xy >= 0) & (placed.xy <= 9000)).all())
    ((3, 1, 2), True)
    """
    check_imputations(imputations)
    found = locate(events, crs=crs, places=places, layer=layer)
    vague = found.radius_m > finer_than_m
    if not vague.any():
        return Placements(np.broadcast_to(found.xy, (imputations, *found.xy.shape)), vague)
    xy = np.repeat(found.xy[None], imputations, axis=0)
    xy[:, vague] = found.spread(vague, imputations=imputations, seed=seed)
    return Placements(xy, vague)


@dataclass(frozen=True, slots=True)
class Located:
    """What is known of where each of n events lies, in a projected CRS.

    Attributes
    ----------
    xy : (n, 2) array
        Centres, NaN where nothing is known.
    radius_m : (n,) array
        How far from it in metres the event may lie.
    region : (n,) object array
        Geometry of the event or, where it has none or no area, of its place.
    given_m : (n,) array
        ``location_precision_m``, 0 where it is not known.
    metre : float
        One metre in units of the CRS.
    """

    xy: FloatArray
    radius_m: FloatArray
    region: ObjectArray
    given_m: FloatArray
    metre: float

    def spread(self, rows: BoolArray, *, imputations: int, seed: int) -> FloatArray:
        """Put the k events of these rows at (imputations, k, 2) places."""
        region, centre = self.region[rows], self.xy[rows]
        line = shapely.get_dimensions(region) == 1
        reach = np.where(line, self.given_m[rows], self.radius_m[rows])
        stream = _Stream.of(centre / self.metre, reach, imputations, seed)
        return _draw(region, centre, reach * self.metre, stream)


def locate(
    events: gpd.GeoDataFrame, *, crs: Any, places: gpd.GeoDataFrame | None, layer: str
) -> Located:
    """Say of each event where it lies and how exactly; options as in :func:`place_events`."""
    target = pyproj.CRS(crs)
    if not target.is_projected:
        raise CRSError(layer, found=target.to_string(), expected="a projected CRS to place in")
    require_crs(events, layer)
    shapes, outline = _shapes(events, places, target)
    known = has_geometry(shapes)
    xy, radius = np.full((len(events), 2), np.nan), np.zeros(len(events))
    xy[known], radius[known] = centres_and_precision(events.set_geometry(shapes)[known])
    region = shapes.to_numpy().copy()
    # A precise point with a code has an outline too, and no use for it.
    coded = ~shapely.is_missing(outline) & (shapely.get_dimensions(region) < 2)
    region[coded] = outline[coded]
    metre = 1 / target.axis_info[0].unit_conversion_factor
    return Located(xy, radius, region, given_precision(events), metre)


def check_imputations(imputations: int) -> None:
    """Refuse a number of imputations that is none."""
    if imputations < 1 or int(imputations) != imputations:
        raise ParameterError(f"imputations is {imputations}; give a whole number of 1 or more")


def rows_by_code(events: gpd.GeoDataFrame, places: gpd.GeoDataFrame) -> IntArray:
    """Row of the first place with each event's ``admin_code``, -1 where there is none."""
    if CODE not in events or CODE not in places:
        return np.full(len(events), -1, dtype=np.int64)
    codes = pd.Series(np.arange(len(places)), index=places[CODE].astype("str").to_numpy())
    codes = codes[places[CODE].notna().to_numpy() & ~codes.index.duplicated()]
    found = events[CODE].astype("str").map(codes).where(events[CODE].notna())
    rows: IntArray = found.fillna(-1).to_numpy(dtype=np.int64)
    return rows


def imputed_names(value: str, imputations: int) -> list[str]:
    """Names of the columns that hold a value of each imputation.

    Examples
    --------
    >>> imputed_names("n_events", 2)
    ['n_events_imputed_1', 'n_events_imputed_2']
    """
    return [f"{value}_imputed_{number}" for number in range(1, imputations + 1)]


def imputed_columns(frame: Container[Any], value: str) -> list[str]:
    """Names of the columns of a frame that hold this value by imputation, in their order.

    Examples
    --------
    >>> import pandas as pd
    >>> imputed_columns(pd.DataFrame({"n": [1.5], "n_imputed_1": [1], "n_imputed_2": [2]}), "n")
    ['n_imputed_1', 'n_imputed_2']
    """
    names: list[str] = []
    while (name := f"{value}_imputed_{len(names) + 1}") in frame:
        names.append(name)
    return names


@dataclass(frozen=True, slots=True)
class _Stream:
    """Uniform numbers that depend on a seed and on each event's key, not on its row."""

    key: AnyArray
    imputations: int

    @classmethod
    def of(cls, xy_m: FloatArray, radius_m: FloatArray, imputations: int, seed: int) -> _Stream:
        """Keys out of places; events of one place get keys of their own in order of rows."""
        key = np.full(len(xy_m), seed % 2**64, dtype=np.uint64)
        with np.errstate(invalid="ignore"):
            grains = np.floor(np.column_stack([xy_m, radius_m]) / _GRAIN_M + _SHIFT)
        for column in np.clip(np.nan_to_num(grains), -(2.0**62), 2.0**62).T:
            key = _mixed(key ^ column.astype(np.int64).astype(np.uint64))
        same = pd.Series(key).groupby(key).cumcount().to_numpy().astype(np.uint64)
        return cls(_mixed(key ^ _mixed(same)), imputations)

    def among(self, chosen: BoolArray) -> _Stream:
        """Return the stream of some of the events."""
        return _Stream(self.key[chosen], self.imputations)

    def uniform(self, which: int) -> FloatArray:
        """One number in [0, 1) for each imputation and event; ``which`` tells draws apart."""
        place = np.arange(self.imputations, dtype=np.uint64)[:, None]
        bits = _mixed(self.key + (place << np.uint64(8)) + np.uint64(which))
        return (bits >> np.uint64(11)).astype(float) * 2.0**-53


def _mixed(bits: AnyArray) -> AnyArray:
    """SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""
    bits = bits * _GAMMA + _GAMMA
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: AnyArray = bits ^ (bits >> np.uint64(31))
    return mixed


def _shapes(
    events: gpd.GeoDataFrame, places: gpd.GeoDataFrame | None, target: pyproj.CRS
) -> tuple[gpd.GeoSeries, ObjectArray]:
    """Geometries in the target CRS, those missing from the place; and each event's place."""
    shapes = events.geometry.to_crs(target)
    outline = np.full(len(events), None, dtype=object)
    if places is not None:
        require_crs(places, "places")
        if CODE not in places:
            raise ParameterError(f"places have no column {CODE!r} to find events' areas by")
        place = rows_by_code(events, places)
        used, back = np.unique(place[place >= 0], return_inverse=True)
        outline[place >= 0] = places.geometry.iloc[used].to_crs(target).to_numpy()[back]
        gap = ~has_geometry(shapes) & ~shapely.is_missing(outline)
        filled = shapes.to_numpy().copy()
        filled[gap] = outline[gap]
        shapes = gpd.GeoSeries(filled, index=events.index, crs=target)
    return shapes, outline


def _draw(region: ObjectArray, centre: FloatArray, reach: FloatArray, u: _Stream) -> FloatArray:
    away, angle = reach * np.sqrt(u.uniform(0)), 2 * np.pi * u.uniform(1)
    xy = centre + np.stack([away * np.cos(angle), away * np.sin(angle)], axis=-1)
    dimension = shapely.get_dimensions(region)
    area = dimension == 2
    line = (dimension == 1) & (shapely.get_type_id(region) != 7)
    if line.any():
        share = u.among(line).uniform(2)
        on = shapely.line_interpolate_point(region[line], share, normalized=True)
        placed = shapely.get_coordinates(on).reshape(*on.shape, 2)
        xy[:, line] += placed - centre[line]
    if area.any():
        inside = _in_polygons(region[area], u.among(area))
        # An outline without area keeps the circle.
        xy[:, area] = np.where(np.isnan(inside), xy[:, area], inside)
    return xy


def _in_polygons(polygons: ObjectArray, u: _Stream) -> FloatArray:
    """Uniform places: a triangle of each polygon by its size, then a place in it."""
    which = pd.factorize(shapely.to_wkb(polygons))[0]
    first = np.unique(which, return_index=True)[1]
    valid = shapely.make_valid(polygons[first], method="structure", keep_collapsed=False)
    triangle, owner = shapely.get_parts(
        shapely.constrained_delaunay_triangles(valid), return_index=True
    )
    corner = shapely.get_coordinates(triangle).reshape(-1, 4, 2)
    a, side, other = corner[:, 0], corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    size = np.abs(side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0])
    until = np.append(0.0, np.cumsum(size))
    begin, end = np.searchsorted(owner, [which, which + 1])
    at = until[begin] + u.uniform(2) * (until[end] - until[begin])
    # A place on the edge between two polygons' triangles stays with its own.
    t = np.clip(np.searchsorted(until, at, side="right") - 1, begin, np.maximum(end - 1, begin))
    if not len(triangle):
        return np.full((*t.shape, 2), np.nan)
    t = np.minimum(t, len(triangle) - 1)
    v, w = u.uniform(3), u.uniform(4)
    beyond = v + w > 1
    v, w = np.where(beyond, 1 - v, v)[..., None], np.where(beyond, 1 - w, w)[..., None]
    inside: FloatArray = a[t] + v * side[t] + w * other[t]
    inside[:, begin == end] = np.nan
    return inside
