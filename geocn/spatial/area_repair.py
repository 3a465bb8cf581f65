"""Areas of countries made to fit: slivers between them closed, and each one counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, FloatArray, IntArray, ObjectArray
from geocn.spatial.geodesy import area_km2

_METRES_A_DEGREE = 111_320.0
_WIDEST_SPAN = 60.0


@dataclass(frozen=True)
class Coverage:
    """Areas that share their edges to the last bit, and what two of them claim."""

    areas: ObjectArray
    contested: ObjectArray


def repair_coverage(
    areas: ObjectArray, codes: ObjectArray, *, snap_m: float
) -> tuple[Coverage, dict[str, Any]]:
    """Make areas fit where they do not; report number, area and pairs of countries.

    Parameters
    ----------
    areas : (n,) array of polygons in longitude and latitude
    codes : (n,) array of the country of each
    snap_m : float
        Widest gap and overlap that is closed.

    References
    ----------
    The cleaning is GEOS's CoverageCleaner (snap, then give each sliver to the neighbour
    with the longest common edge).
    """
    broken = ~shapely.is_valid(areas)
    areas = np.where(broken, [_only_areas(area) for area in shapely.make_valid(areas)], areas)
    none = np.empty(0, dtype=object)
    repairs = {"snap_m": snap_m, "n_invalid_areas": int(broken.sum())}
    stretch, width = _plane(areas, snap_m)
    flat = _stretched(areas, stretch)
    suspect = _unfit(flat, width)
    if len(suspect):
        # Sums of longitudes leave noise in the last digits; a tenth of a millimetre is none.
        areas = np.asarray(shapely.transform(areas, _rounded), dtype=object)
        flat = _stretched(areas, stretch)
        suspect = _unfit(flat, width)
    if not len(suspect):
        return Coverage(areas, none), repairs | _report(_left_open(areas, codes))
    overlaps = _overlaps(flat[suspect], codes[suspect])
    cleaned = shapely.coverage_clean(  # type: ignore[attr-defined]
        flat, gap_width=width, snapping_distance=width
    )
    slivers = overlaps + _filled(flat[suspect], cleaned[suspect], codes[suspect])
    for sliver in slivers:
        thin = shapely.is_empty(shapely.buffer(sliver.shape, -width / 2))
        sliver.repaired = sliver.kind == "gap" or bool(thin)
        sliver.shape = _stretched(np.array([sliver.shape], dtype=object), 1 / stretch)[0]
    wide = [s for s in slivers if not s.repaired]
    areas = _stretched(cleaned, 1 / stretch)
    slivers += _left_open(areas, codes)
    contested = np.array([s.shape for s in wide], dtype=object) if wide else none
    return Coverage(areas, contested), repairs | _report(slivers)


@dataclass
class _Sliver:
    """A piece that no country or two countries claim."""

    kind: str
    pair: str
    shape: Any
    repaired: bool = True


def _only_areas(shape: Any) -> Any:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def _plane(areas: ObjectArray, snap_m: float) -> tuple[float, float]:
    """Factor of longitudes that makes both axes alike, and the tolerance in degrees."""
    _, south, _, north = shapely.total_bounds(areas) if len(areas) else (0.0, 0.0, 0.0, 0.0)
    narrow = north - south < _WIDEST_SPAN
    stretch = float(np.cos(np.radians((south + north) / 2))) if narrow else 1.0
    return stretch, snap_m / _METRES_A_DEGREE


def _stretched(shapes: ObjectArray, factor: float) -> ObjectArray:
    if factor == 1.0:
        return shapes

    def stretch(xy: FloatArray) -> FloatArray:
        moved: FloatArray = xy * np.array([factor, 1.0])
        return moved

    return np.asarray(shapely.transform(shapes, stretch), dtype=object)


def _rounded(xy: FloatArray) -> FloatArray:
    near: FloatArray = np.round(xy, 9)
    return near


def _unfit(areas: ObjectArray, width: float) -> IntArray:
    """Areas with edges that do not fit those of a neighbour."""
    edges = shapely.coverage_invalid_edges(areas, gap_width=width)
    return np.flatnonzero(~shapely.is_empty(edges)).astype(np.int64)


def _overlaps(areas: ObjectArray, codes: ObjectArray) -> list[_Sliver]:
    one, other = shapely.STRtree(areas).query(areas, predicate="intersects")
    once = (one < other) & (codes[one] != codes[other])
    one, other = one[once], other[once]
    found = []
    for a, b, shape in zip(one, other, shapely.intersection(areas[one], areas[other]), strict=True):
        parts = shapely.get_parts(shapely.get_parts(shape))
        pair = "-".join(sorted((codes[a], codes[b])))
        found += [_Sliver("overlap", pair, part) for part in parts[shapely.area(parts) > 0]]
    return found


def _filled(before: ObjectArray, after: ObjectArray, codes: ObjectArray) -> list[_Sliver]:
    """Find what belongs to a country now and belonged to none."""
    grown = shapely.difference(shapely.coverage_union_all(after), shapely.union_all(before))
    return _between(shapely.get_parts(shapely.get_parts(grown)), after, codes, repaired=True)


def _left_open(areas: ObjectArray, codes: ObjectArray) -> list[_Sliver]:
    """Holes among countries that are still there."""
    whole = shapely.get_parts(shapely.coverage_union_all(areas))
    rings, owner = shapely.get_rings(whole, return_index=True)
    inner = np.diff(owner, prepend=-1) == 0
    return _between(shapely.polygons(rings[inner]), areas, codes, repaired=False)


def _between(
    parts: AnyArray, areas: ObjectArray, codes: ObjectArray, *, repaired: bool
) -> list[_Sliver]:
    """Those of some pieces that touch two countries or more."""
    parts = parts[shapely.area(parts) > 0] if len(parts) else parts
    part, area = shapely.STRtree(areas).query(parts, predicate="dwithin", distance=1e-9)
    touched: dict[int, set[str]] = {}
    for i, name in zip(part.tolist(), codes[area].tolist(), strict=True):
        touched.setdefault(i, set()).add(name)
    return [
        _Sliver("gap", "-".join(sorted(names)), parts[i], repaired)
        for i, names in sorted(touched.items())
        if len(names) > 1
    ]


def _report(slivers: list[_Sliver]) -> dict[str, Any]:
    size = area_km2([s.shape for s in slivers]) if slivers else np.empty(0)
    table = pd.DataFrame(
        {
            "kind": [s.kind for s in slivers],
            "pair": [s.pair for s in slivers],
            "repaired": [s.repaired for s in slivers],
            "area_km2": size,
        }
    )
    report: dict[str, Any] = {}
    for kind, name in (("overlap", "overlaps"), ("gap", "gaps")):
        mine = table[(table["kind"] == kind) & table["repaired"].astype(bool)]
        pairs = mine.groupby("pair")["area_km2"].agg(["size", "sum"]).sort_index()
        report[name] = {
            "n": len(mine),
            "area_km2": round(float(mine["area_km2"].sum()), 6),
            "pairs": {
                pair: {"n": int(n), "area_km2": round(float(km2), 6)}
                for pair, n, km2 in pairs.itertuples()
            },
        }
    wide = [(s, km2) for s, km2 in zip(slivers, size.tolist(), strict=True) if not s.repaired]
    report["unrepaired"] = [
        {"kind": s.kind, "pair": s.pair, "area_km2": round(km2, 6), "at": _place(s.shape)}
        for s, km2 in sorted(wide, key=lambda pair: (-pair[1], pair[0].pair))
    ]
    return report


def _place(shape: Any) -> list[float]:
    point = shapely.point_on_surface(shape)
    return [round(float(shapely.get_x(point)), 5), round(float(shapely.get_y(point)), 5)]
