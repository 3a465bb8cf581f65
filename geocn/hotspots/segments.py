"""Borders cut into segments of one length."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray
from geocn.errors import GeometryError, ParameterError, SchemaError
from geocn.hotspots.posts import read_posts, segments_of
from geocn.provenance import attach
from geocn.spatial.border_repair import are_areas, borders_from_countries
from geocn.spatial.borders import load_borders
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.topology import equal_lengths

_KEPT = ("kind", "disputed", "scale", "left", "right")
_FIRST = ["segment_id", "dyad", "kind", "disputed", "chainage_from_km", "chainage_to_km"]


def border_segments(
    borders: gpd.GeoDataFrame | None = None,
    *,
    length_km: float = 10.0,
    posts: gpd.GeoDataFrame | None = None,
    post_reach_m: float = 5000.0,
) -> gpd.GeoDataFrame:
    """Cut borders into segments of one geodesic length along their reference chainage.

    Every piece of border (one kind, one chain) is cut from its start; a remainder shorter
    than half a length is added to the segment before it, so segments are between a half
    and one and a half lengths long, unless the whole piece is shorter.

    Parameters
    ----------
    borders : GeoDataFrame, optional
        Lines with ``dyad``; by default the bundled 1:10 million land borders. Without
        ``chainage_from_km`` the chainage of a dyad runs on from row to row. Areas of
        countries are turned into borders by
        :func:`geocn.spatial.border_repair.borders_from_countries` with its defaults.
    length_km : float
        Length of a segment in kilometres.
    posts : GeoDataFrame, optional
        Points of official crossings, as in :func:`border_crossings`. Each counts in the
        nearest segment within reach, of its ``dyad`` where it has one.
    post_reach_m : float
        Geodesic distance in metres up to which a post stands at a segment.

    Returns
    -------
    GeoDataFrame
        In EPSG:4326: ``segment_id`` (dyad and number), ``dyad, kind, disputed,
        chainage_from_km, chainage_to_km, length_km, scale, left, right``, with posts
        ``n_posts``, and geometry. The length of a border depends on the map scale, so the
        scale stands in every row.

    Raises
    ------
    ParameterError
        Where the length or the reach is not positive.
    GeometryError
        Where the borders are points, or a post is not one.
    LayerError
        Where the borders are areas of which no two share an edge.
    SchemaError
        Where the borders have no dyad.

    Examples
    --------
    >>> from geocn.spatial.borders import load_borders
    >>> borders = load_borders("110m")
    >>> segments = border_segments(borders[borders["dyad"] == "COL-ECU"], length_km=100)
    >>> segments["length_km"].round(1).tolist()
    [100.0, 100.0, 100.0, 100.0, 56.0]
    """
    if not (np.isfinite(length_km) and length_km > 0):
        raise ParameterError(f"length_km is {length_km}, not positive")
    if not (np.isfinite(post_reach_m) and post_reach_m > 0):
        raise ParameterError(f"post_reach_m is {post_reach_m}, not positive")
    borders, repairs = _as_lines(borders)
    if "dyad" not in borders:
        raise SchemaError(
            "borders",
            found="no column dyad",
            expected="the two countries of each line",
            repair='Name the column of the two countries with fields={"dyad": …} when reading.',
        )
    columns, lines = _cut(borders, length_km)
    result = _frame(borders, columns, lines)
    places = None if posts is None else read_posts(posts)
    if places is not None:
        at = segments_of(result, places, reach_m=float(post_reach_m))
        n_posts = np.bincount(at[at >= 0], minlength=len(result)).astype(np.int64)
        result.insert(len(result.columns) - 1, "n_posts", n_posts)
    scales = sorted(result["scale"].dropna().unique().tolist())
    return attach(
        result,
        "hotspots.border_segments",
        length_km=float(length_km),
        posts=None
        if places is None
        else {
            "n_posts": len(places.name),
            "no_geometry": places.n_missing,
            "out_of_reach": int((at < 0).sum()),
        },
        post_reach_m=float(post_reach_m),
        scale="/".join(scales),
        crs="EPSG:4326",
        repairs=repairs,
        left_out={"no_geometry": int((~has_geometry(borders)).sum())},
    )


def _as_lines(
    borders: gpd.GeoDataFrame | None,
) -> tuple[gpd.GeoDataFrame, dict[str, Any] | None]:
    """Bring borders to lines in longitude and latitude; areas become borders."""
    if borders is None:
        return load_borders(), None
    borders = to_lonlat(borders, "borders")
    if are_areas(borders):
        borders = borders_from_countries(borders)
        return borders, borders.attrs["geocn"]["repairs"]
    kinds = borders.geometry.geom_type
    bad = kinds.notna() & ~kinds.isin(["LineString", "MultiLineString", "LinearRing"])
    if bad.any():
        raise GeometryError(
            "borders",
            found=", ".join(sorted(kinds[bad].unique())),
            expected="lines, or areas of countries throughout",
            rows=list(borders.index[bad]),
        )
    return borders, None


def _cut(
    borders: gpd.GeoDataFrame, length_km: float
) -> tuple[dict[str, list[AnyArray]], list[shapely.Geometry]]:
    """Cut every part of every row; rows and chainages of the pieces, and their lines."""
    columns: dict[str, list[AnyArray]] = {"row": [], "from": [], "to": []}
    lines: list[shapely.Geometry] = []
    reached: dict[object, float] = {}
    given = borders.get("chainage_from_km")
    for row, (dyad, geometry) in enumerate(zip(borders["dyad"], borders.geometry, strict=True)):
        known = given is not None and pd.notna(given.iloc[row])
        at = float(given.iloc[row]) if known and given is not None else reached.get(dyad, 0.0)
        for part in shapely.get_parts(geometry) if geometry is not None else ():
            if part.is_empty:
                continue
            pieces, bounds = equal_lengths(shapely.get_coordinates(part), length_km)
            lines += [shapely.LineString(piece) for piece in pieces]
            columns["row"].append(np.full(len(pieces), row))
            columns["from"].append(at + bounds[:-1])
            columns["to"].append(at + bounds[1:])
            at += float(bounds[-1])
            reached[dyad] = at
    return columns, lines


def _frame(
    borders: gpd.GeoDataFrame, columns: dict[str, list[AnyArray]], lines: list[shapely.Geometry]
) -> gpd.GeoDataFrame:
    row, start, end = (
        np.concatenate([*columns[name], np.empty(0)]) for name in ("row", "from", "to")
    )
    row = row.astype(np.int64)
    dyads = pd.Series(borders["dyad"].iloc[row].astype("str").to_numpy(), dtype="str")
    data = pd.DataFrame({"dyad": dyads})
    for name in _KEPT:
        present = name in borders
        values = borders[name].iloc[row].array if present else [None] * len(row)
        data[name] = pd.Series(values, dtype="boolean" if name == "disputed" else "str")
    data["chainage_from_km"], data["chainage_to_km"] = start, end
    data["length_km"] = end - start
    order = np.lexsort((start, data["dyad"].to_numpy(dtype=object).astype(str)))
    data = data.iloc[order].reset_index(drop=True)
    number = data.groupby("dyad").cumcount().astype("str")
    data["segment_id"] = (data["dyad"] + "/" + number).astype("str")
    rest = [name for name in data.columns if name not in _FIRST]
    geometry = np.empty(len(lines), dtype=object)
    geometry[:] = lines
    return gpd.GeoDataFrame(data[[*_FIRST, *rest]], geometry=geometry[order], crs="EPSG:4326")
