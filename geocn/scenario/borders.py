"""Exact crossings of land borders by the true routes, and what flows over them."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn.scenario.geography import load_area

#: Stays shorter than this are grazes of a border, not visits of a country.
_MIN_STAY_KM = 1.0
#: Two stays further apart than this have sea or a third country between them.
_MAX_GAP_KM = 1.0
_KM_PER_DEGREE = 111.195
_TOUCHING = 1e-9


def crossings_of(routes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Count every crossing of a land border along every route, from the areas themselves.

    A crossing is the end of a stay in one country that meets the start of a stay in
    another. Leaving for the sea and landing elsewhere is none; flights cross nothing
    on the ground and are left out.

    Returns
    -------
    DataFrame
        ``route_id, dyad, from_country, to_country, at_km`` (along the route, in
        degrees times 111.195), ``longitude, latitude``; in order along each route.
    """
    columns = ["route_id", "dyad", "from_country", "to_country", "at_km", "longitude", "latitude"]
    area = load_area()
    codes, shapes = area["iso_a3"].to_numpy(), area.geometry.to_numpy()
    ground = routes[routes["mode"] != "air"]
    tree = shapely.STRtree(shapes)
    rows: list[tuple[object, ...]] = []
    for route_id, line in zip(ground["route_id"], ground.geometry, strict=True):
        near = tree.query(line, predicate="intersects")
        stays = _stays(line, [(str(codes[i]), shapes[i]) for i in near])
        for (before, _, left), (after, entered, _) in pairwise(stays):
            if before == after or (entered - left) * _KM_PER_DEGREE > _MAX_GAP_KM:
                continue
            point = line.interpolate((left + entered) / 2)
            dyad = "-".join(sorted((before, after)))
            at_km = round(left * _KM_PER_DEGREE, 3)
            rows.append(
                (route_id, dyad, before, after, at_km, round(point.x, 4), round(point.y, 4))
            )
    return pd.DataFrame(rows, columns=columns).astype({"at_km": "float64"})


def _stays(
    line: shapely.LineString, areas: list[tuple[str, shapely.Geometry]]
) -> list[tuple[str, float, float]]:
    """Return the stays of a line in areas as (code, from, to) in order along the line."""
    found: list[tuple[str, float, float]] = []
    for code, shape in areas:
        inside = line.intersection(shape)
        for part in getattr(inside, "geoms", [inside]):
            if part.geom_type != "LineString":
                continue
            ends = [line.project(shapely.Point(xy)) for xy in (part.coords[0], part.coords[-1])]
            # where a route begins or ends it was, however short the stay
            outer = min(ends) < _TOUCHING or max(ends) > line.length - _TOUCHING
            if outer or part.length * _KM_PER_DEGREE >= _MIN_STAY_KM:
                found.append((code, min(ends), max(ends)))
    found.sort(key=lambda stay: stay[1])
    return found


def border_flows(
    crossings: pd.DataFrame, routes: gpd.GeoDataFrame, moved: pd.DataFrame
) -> pd.DataFrame:
    """Sum what really crossed each border, each way.

    Parameters
    ----------
    crossings : DataFrame
        From :func:`crossings_of`.
    routes : GeoDataFrame
        The true routes.
    moved : DataFrame
        Shipments with ``route``, ``weight_kg`` and ``stopped_km``: how far along the
        route they came (infinite where nobody stopped them).

    Returns
    -------
    DataFrame
        ``dyad, from_country, to_country, n_routes, n_crossings`` (of shipments) and
        ``weight_kg``, the largest flow first.
    """
    position = pd.Series(np.arange(len(routes)), index=routes["route_id"])
    points = crossings.assign(route=crossings["route_id"].map(position))
    by = ["dyad", "from_country", "to_country"]
    joined = points[["route", "route_id", "at_km", *by]].merge(moved, on="route")
    passed = joined[joined["stopped_km"] > joined["at_km"]]
    flows = passed.groupby(by, as_index=False).agg(
        n_routes=("route_id", "nunique"),
        n_crossings=("weight_kg", "size"),
        weight_kg=("weight_kg", "sum"),
    )
    flows["weight_kg"] = flows["weight_kg"].round(1)
    return flows.sort_values(["weight_kg", "dyad"], ascending=[False, True], ignore_index=True)
