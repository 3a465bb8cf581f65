"""Flows drawn: as great-circle arcs, or along a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, ObjectArray
from geocn.corridors.arcs import geodesic_arcs
from geocn.corridors.k_shortest import k_shortest_routes
from geocn.corridors.network import RouteNetwork
from geocn.errors import GeometryError, ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.borders import load_countries
from geocn.spatial.crs import LONLAT, has_geometry, require_crs, to_lonlat
from geocn.spatial.geodesy import geodesic_length_km

Router = Callable[[shapely.Point, shapely.Point], shapely.Geometry | None]

_NEEDED = ("from", "to", "n")


def flow_lines(
    matrix: pd.DataFrame,
    *,
    places: gpd.GeoDataFrame | None = None,
    node: str | None = None,
    routing: Literal["arc", "network"] = "arc",
    network: RouteNetwork | Router | None = None,
    width: str | None = None,
    reach_m: float = 100_000.0,
    bend: float = 0.0,
) -> gpd.GeoDataFrame:
    """Draw the flows of a matrix as arcs, or along a network.

    Parameters
    ----------
    matrix : DataFrame
        From :func:`flow_matrix`, whole or some of its rows: ``from``, ``to``, ``n``.
    places : GeoDataFrame, optional
        Points or areas of the nodes (a point inside stands for an area). The bundled
        countries fill what is not among them.
    node : str, optional
        Column of ``places`` with the nodes; by default its index.
    routing : {"arc", "network"}
        The shortest way over the ellipsoid (Karney 2013), or the cheapest over ``network``.
    network : RouteNetwork or callable
        From :func:`route_network`; or a function (or an object whose ``route`` is one)
        from two points in longitude and latitude to a line, None where there is no way.
    width : str, optional
        Column that the width of a line follows; by default ``weight_kg`` where the matrix
        has it, or else ``n``.
    reach_m : float
        How far a node may lie from the network.
    bend : float
        Moves the middle of an arc to the left by this share of its length, so that a flow
        and its return do not cover each other.

    Returns
    -------
    GeoDataFrame
        The rows of the matrix with their index, in longitude and latitude, with ``width``
        (share of the widest, 0 to 1), ``length_km`` (of the arc without bend, or of the
        way) and geometry, in parts where it crosses 180 degrees. A flow one end of which has
        no place, or between whose ends there is no way, keeps its row with a null geometry
        and is counted in ``attrs["geocn"]``.

    Raises
    ------
    SchemaError
        Where columns are missing, the width is negative or no number, or a node has two
        places.
    ParameterError
        Where the options do not fit each other.
    GeometryError
        Where a router returns no line.
    CRSError, CoordinateError
        Where places have no CRS or lie nowhere on Earth.

    References
    ----------
    Karney 2013, 10.1007/s00190-012-0578-z.

    Examples
    --------
    >>> import pandas as pd
    >>> matrix = pd.DataFrame({"from": ["NZL"], "to": ["CHL"], "n": [3]})
    >>> flow_lines(matrix).geometry.geom_type.tolist()
    ['MultiLineString']
    """
    routed = _router(routing, network, bend)
    column = width or ("weight_kg" if "weight_kg" in matrix else "n")
    values = _checked(matrix, column)
    ends = pd.unique(pd.concat([matrix["from"], matrix["to"]]).dropna())
    xy = _places(pd.Index(ends), places, node)
    start, end = (xy.reindex(matrix[name]).to_numpy(dtype=float) for name in ("from", "to"))
    placed = np.isfinite(start).all(axis=1) & np.isfinite(end).all(axis=1)
    if routed is None:
        geometry, length = geodesic_arcs(start, end, bend=bend)
    else:
        geometry = routed(start, end, placed, reach_m)
        length = geodesic_length_km(geometry)
        length[pd.isna(geometry)] = np.nan
    data = pd.DataFrame(matrix).drop(columns=["width", "length_km", "geometry"], errors="ignore")
    top = np.nanmax(values, initial=0.0)
    lines = gpd.GeoDataFrame(
        data.assign(width=values / top if top > 0 else values, length_km=length),
        geometry=geometry,
        crs=LONLAT,
    )
    return attach(
        lines,
        "corridors.flow_lines",
        places=None if places is None else len(places),
        node=node,
        routing=routing,
        network=None if network is None else type(network).__name__,
        width=column,
        reach_m=reach_m,
        bend=bend,
        crs=LONLAT,
        without_place=sorted(str(n) for n in ends if not np.isfinite(xy.loc[n]).all()),
        n_without_place=int((~placed).sum()),
        n_without_way=int((placed & pd.isna(geometry)).sum()),
    )


def _checked(matrix: pd.DataFrame, column: str) -> FloatArray:
    faults = [f"no column {name}" for name in (*_NEEDED, column) if name not in matrix]
    values: FloatArray = np.zeros(len(matrix))
    rows: list[Any] = []
    if not faults:
        try:
            values = matrix[column].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            faults.append(f"{column} that is no number ({error})")
        bad = (values < 0) | np.isinf(values)
        if bad.any():
            faults.append(f"{bad.sum()} values of {column} that are negative or infinite")
            rows = list(matrix.index[bad])
    if faults:
        raise SchemaError(
            "matrix",
            found="; ".join(dict.fromkeys(faults)),
            expected="flows from, to, n and a width of 0 or more",
            repair="Make it with geocn.corridors.flow_matrix.",
            rows=rows,
        )
    return values


def _places(nodes: pd.Index, places: gpd.GeoDataFrame | None, node: str | None) -> pd.DataFrame:
    """Longitude and latitude of each node, NaN where it has no place."""
    # Of the 1:110 million countries the small ones are missing.
    bundled = load_countries("50m").set_index("iso_a3")
    tables = [_points(bundled[bundled.index.isin(nodes)])]
    if places is not None:
        require_crs(places, "places")
        if node is not None and node not in places:
            raise SchemaError("places", found=f"no column {node}", expected="the nodes of the flow")
        named = places if node is None else places.set_index(node)
        named = named[has_geometry(named) & named.index.notna() & named.index.isin(nodes)]
        doubled = named.index.duplicated(keep=False)
        if doubled.any():
            raise SchemaError(
                "places",
                found="nodes with several places",
                expected="one place a node",
                repair="Dissolve or drop them.",
                rows=list(named.index[doubled]),
            )
        tables.insert(0, _points(named))
    table = pd.concat(tables)
    return table[~table.index.duplicated()].reindex(nodes)


def _points(named: gpd.GeoDataFrame) -> pd.DataFrame:
    degrees = to_lonlat(named[[named.geometry.name]], "places").geometry.to_numpy()
    return pd.DataFrame(
        shapely.get_coordinates(shapely.point_on_surface(_largest(degrees))), index=named.index
    )


def _largest(shapes: ObjectArray) -> ObjectArray:
    """Take the largest part of each area: a point on an outlying island misleads."""
    parts, row = shapely.get_parts(shapes, return_index=True)
    order = np.lexsort((-shapely.area(parts), row))
    first = order[np.diff(row[order], prepend=-1) != 0]
    return np.asarray(parts[first], dtype=object)


def _router(
    routing: str, network: RouteNetwork | Router | None, bend: float
) -> Callable[..., ObjectArray] | None:
    if routing not in ("arc", "network"):
        raise ParameterError(f"routing {routing!r}; choose 'arc' or 'network'")
    if (routing == "network") != (network is not None):
        raise ParameterError("give network= with routing='network', and only then")
    if not -1 <= bend <= 1 or (bend and network is not None):
        raise ParameterError(f"bend is {bend!r}; give -1 to 1, for arcs only")
    if network is None:
        return None
    if isinstance(network, RouteNetwork):
        return lambda *asked: _over_network(network, *asked)
    route = getattr(network, "route", network)
    if not callable(route):
        raise ParameterError(f"network is a {type(network).__name__}; give a RouteNetwork")
    return lambda *asked: _by_function(route, *asked)


def _by_function(
    route: Router, start: FloatArray, end: FloatArray, placed: Any, reach_m: float
) -> ObjectArray:
    found = np.full(len(start), None, dtype=object)
    known: dict[tuple[float, ...], Any] = {}
    for i in np.flatnonzero(placed):
        key = (*start[i].tolist(), *end[i].tolist())
        if key not in known:
            known[key] = route(shapely.Point(start[i]), shapely.Point(end[i]))
        found[i] = known[key]
    if not np.isin(shapely.get_type_id(found), (-1, 1, 5)).all():
        raise GeometryError("network", found="routes that are no lines", expected="lines or None")
    return found


def _over_network(
    network: RouteNetwork, start: FloatArray, end: FloatArray, placed: Any, reach_m: float
) -> ObjectArray:
    """Find the cheapest way of each pair; None beyond reach or where nothing connects them."""
    sites, number = np.unique(
        np.vstack([start, end])[np.tile(placed, 2)], axis=0, return_inverse=True
    )
    number = number.reshape(2, -1)
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*sites.T), crs=LONLAT)
    near = network.lines.place(points, reach_m=reach_m).edge >= 0
    reached = near[number].all(axis=0) & (number[0] != number[1])
    pairs = list(dict.fromkeys(zip(*number[:, reached].tolist(), strict=True)))
    found = np.full(len(start), None, dtype=object)
    if not pairs:
        return found
    origins, destinations = ([pair[k] for pair in pairs] for k in (0, 1))
    routes = k_shortest_routes(
        network,
        points.loc[sorted(set(origins))],
        points.loc[sorted(set(destinations))],
        k=1,
        pairs=pairs,
        reach_m=reach_m,
    ).to_crs(LONLAT)
    ways = dict(
        zip(zip(routes["origin"], routes["destination"], strict=True), routes.geometry, strict=True)
    )
    rows = np.flatnonzero(placed)[reached]
    for row, pair in zip(rows, number[:, reached].T.tolist(), strict=True):
        way = ways.get(tuple(pair))
        found[row] = None if way is None or way.is_empty else way
    return found
