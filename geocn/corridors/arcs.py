"""Great-circle arcs between places, cut where they cross 180 degrees."""

from __future__ import annotations

import numpy as np
import shapely
from pyproj import Geod

from geocn._typing import FloatArray, ObjectArray
from geocn.spatial.antimeridian import shortest_way


def geodesic_arcs(
    start: FloatArray, end: FloatArray, *, step_km: float = 100.0, bend: float = 0.0
) -> tuple[ObjectArray, FloatArray]:
    """Draw geodesics between pairs of places in degrees.

    Parameters
    ----------
    start, end : (n, 2) arrays
        Longitude and latitude; NaN gives None.
    step_km : float
        A vertex at least this often.
    bend : float
        How far the middle is moved to the left of the way, as a share of its length.

    Returns
    -------
    lines, length_km : (n,) arrays
        Lines within [-180, 180], MultiLineStrings where they cross 180 degrees; geodesic
        lengths of the straight way, bend or not.
    """
    geod = Geod(ellps="WGS84")
    lines = np.full(len(start), None, dtype=object)
    length = np.full(len(start), np.nan)
    known = np.flatnonzero(np.isfinite(start).all(axis=1) & np.isfinite(end).all(axis=1))
    if not len(known):
        return lines, length
    (x, y), (to_x, to_y) = start[known].T.copy(), end[known].T.copy()
    azimuth, _, metres = geod.inv(x, y, to_x, to_y)
    pieces = np.maximum(np.ceil(metres / (1000 * step_km)), 1).astype(np.int64)
    owner = np.repeat(np.arange(len(known)), pieces + 1)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces + 1) - pieces - 1, pieces + 1)
    part = nth / pieces[owner]
    lon, lat, back = geod.fwd(x[owner], y[owner], azimuth[owner], part * metres[owner])
    if bend:
        aside = bend * metres[owner] * np.sin(np.pi * part)
        lon, lat, _ = geod.fwd(lon, lat, np.asarray(back) + 90.0, aside)
    xy = np.column_stack([lon, lat])
    # Ends are exact: a line begins and ends where its places are.
    first, last = nth == 0, nth == pieces[owner]
    xy[first], xy[last] = np.column_stack([x, y]), np.column_stack([to_x, to_y])
    lines[known] = shortest_way(shapely.linestrings(xy, indices=owner))
    length[known] = np.asarray(metres) / 1000
    return lines, length
