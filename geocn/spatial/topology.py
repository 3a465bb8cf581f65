"""Lines that share nodes: merging arcs into chains, measuring and cutting them by distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from geocn._typing import AnyArray, FloatArray
from geocn.spatial.geodesy import cumulative_km


def merge_chains(lines: Sequence[FloatArray]) -> list[FloatArray]:
    """Join lines that meet end to end into chains with one fixed direction and order.

    A node where three or more lines meet ends a chain. Every chain starts at its more
    southern end (the more western one of two at the same latitude); a closed chain starts
    at its southernmost vertex and runs anticlockwise. Chains are ordered by their start.
    The result therefore depends on the geometry alone, not on the order of the input.

    Parameters
    ----------
    lines : sequence of (n, 2) arrays
        Longitude and latitude in degrees. Shared nodes must be equal to the last bit.

    Returns
    -------
    list of (m, 2) arrays

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.array([[0.0, 2], [0, 1]]), np.array([[0.0, 0], [0, 1]])
    >>> merge_chains([a, b])[0].tolist()
    [[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]]
    """
    if not lines:
        return []
    owner = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    arcs = np.asarray(shapely.linestrings(np.concatenate(lines), indices=owner), dtype=object)
    merged = shapely.line_merge(shapely.multilinestrings(arcs))
    chains = [_oriented(shapely.get_coordinates(part)) for part in shapely.get_parts(merged)]
    return sorted(chains, key=lambda c: (c[0, 1], c[0, 0], c[-1, 1], c[-1, 0], len(c)))


def _oriented(chain: FloatArray) -> FloatArray:
    if not np.array_equal(chain[0], chain[-1]):
        forward = (chain[0, 1], chain[0, 0]) <= (chain[-1, 1], chain[-1, 0])
        return chain if forward else chain[::-1]
    ring = chain[:-1]
    first = np.lexsort((ring[:, 0], ring[:, 1]))[0]
    ring = np.vstack([np.roll(ring, -first, axis=0), ring[first]])
    return ring if ring_area(ring) >= 0 else ring[::-1]


def ring_area(ring: FloatArray) -> float:
    """Signed planar area of a closed ring: positive when it runs anticlockwise."""
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def unwrap_lon(lon: FloatArray) -> FloatArray:
    """Make longitudes continuous where a line jumps across +-180 degrees."""
    steps = np.diff(lon)
    turns = np.where(steps > 180, -360.0, np.where(steps < -180, 360.0, 0.0))
    return np.concatenate([lon[:1], lon[1:] + np.cumsum(turns)])


def cut_line(line: FloatArray, km: FloatArray, cuts: AnyArray) -> list[FloatArray]:
    """Cut a line at distances along it.

    Parameters
    ----------
    line : (n, 2) array
        Longitude and latitude.
    km : (n,) array
        Cumulative distance at every vertex, as from :func:`~geocn.spatial.geodesy.cumulative_km`.
    cuts : (m,) array
        Increasing distances strictly inside ``km``.

    Returns
    -------
    list of m + 1 arrays
    """
    cuts = np.asarray(cuts, dtype=float)
    lon = unwrap_lon(line[:, 0])
    at = np.column_stack([np.interp(cuts, km, lon), np.interp(cuts, km, line[:, 1])])
    at[:, 0] = (at[:, 0] + 180) % 360 - 180
    place = np.searchsorted(km, cuts, side="right")
    pieces = []
    begin, start = 0, None
    for point, stop, distance in zip(at, place, cuts, strict=True):
        inner = line[begin:stop]
        if len(inner) and km[stop - 1] == distance:
            inner = inner[:-1]
        pieces.append(_joined(start, inner, point))
        begin, start = stop, point
    pieces.append(_joined(start, line[begin:], None))
    return pieces


def _joined(start: FloatArray | None, inner: FloatArray, end: FloatArray | None) -> FloatArray:
    parts = [inner]
    if start is not None:
        parts.insert(0, start[None])
    if end is not None:
        parts.append(end[None])
    return np.vstack(parts)


def equal_lengths(line: FloatArray, length_km: float) -> tuple[list[FloatArray], FloatArray]:
    """Cut a line into pieces of one length, the last taking what is left.

    A remainder shorter than half a length is added to the piece before it, so that no
    sliver stands at the end of a line.

    Returns
    -------
    pieces : list of arrays
    bounds : (pieces + 1,) array
        Distance in kilometres at which each piece starts, and the total length.
    """
    km = cumulative_km(line[:, 0], line[:, 1])
    n = max(1, int(np.floor(km[-1] / length_km + 0.5)))
    cuts = np.arange(1, n) * length_km
    return cut_line(line, km, cuts), np.concatenate([[0.0], cuts, km[-1:]])
