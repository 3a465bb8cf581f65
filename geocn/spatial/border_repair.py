"""Borders made of the areas of countries, with gaps and overlaps repaired and reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import FloatArray, IntArray, ObjectArray
from geocn.errors import GeometryError, LayerError, ParameterError, SchemaError
from geocn.provenance import attach
from geocn.spatial.antimeridian import shortest_way
from geocn.spatial.area_repair import repair_coverage
from geocn.spatial.borders import KINDS, LAND_KINDS
from geocn.spatial.crs import has_geometry, to_lonlat
from geocn.spatial.geodesy import geodesic_length_km
from geocn.spatial.topology import merge_chains

#: Where the code or name of a country may stand, whatever the case of the letters.
_CODES = ("iso_a3", "adm0_a3", "iso3", "iso_3", "iso", "country", "admin_code", "name")
_SEA = ""


def are_areas(frame: gpd.GeoDataFrame) -> bool:
    """Whether a layer holds areas and no lines."""
    kinds = set(frame.geometry.geom_type.dropna())
    return bool(kinds) and kinds <= {"Polygon", "MultiPolygon"}


def country_codes(countries: gpd.GeoDataFrame, country: str | None = None) -> ObjectArray:
    """Return the code or name of the country of each area.

    Raises
    ------
    SchemaError
        Where no column names the countries.
    LayerError
        Where an area has no country.
    """
    lower = {str(name).lower(): name for name in countries.columns}
    found = [lower[name] for name in _CODES if name in lower]
    name = country if country is not None else next(iter(found), None)
    if name is None or name not in countries:
        raise SchemaError(
            "countries",
            found=f"no column {name or ' or '.join(_CODES)}",
            expected="a column with the code or name of each country",
            repair='Name it: borders_from_countries(areas, country="…").',
        )
    codes = countries[name].astype("str").str.strip()
    blank = countries[name].isna() | codes.eq("")
    if blank.any():
        raise LayerError(
            "countries",
            found=f"no {name}",
            expected="a code or name for every area",
            rows=list(countries.index[blank]),
        )
    return np.asarray(codes.to_numpy(dtype=object), dtype=object)


def borders_from_countries(
    countries: gpd.GeoDataFrame,
    *,
    country: str | None = None,
    snap_m: float = 100.0,
    kinds: Sequence[str] = LAND_KINDS,
    scale: str | None = None,
) -> gpd.GeoDataFrame:
    """Make borders of the areas of countries: the edges that two of them share.

    Areas digitised one by one leave gaps and overlaps along their borders. Vertices and
    edges within ``snap_m`` are snapped together, gaps and overlaps narrower than that go to
    the neighbour with the longest common edge, and each is counted. What is wider is not
    guessed at: such a gap stays open (a lake, no man's land), and the border around such an
    overlap is of kind ``disputed``. Areas that fit exactly are not changed at all.

    Parameters
    ----------
    countries : GeoDataFrame
        Polygons; several of one country are taken together.
    country : str, optional
        Column with the code or name; by default ``iso_a3``, ``adm0_a3``, ``iso3``,
        ``country`` or ``name``, the first there is, in any case of letters.
    snap_m : float
        Tolerance in metres along a meridian. Near one latitude it is as much along the
        parallel; over a span of more than 60 degrees of latitude it shrinks there with the
        cosine of the latitude.
    kinds : sequence of {"land", "disputed", "coast"}
        Which pieces to return.
    scale : str, optional
        Map scale of the areas, kept in every row; by default their column ``scale``.

    Returns
    -------
    GeoDataFrame
        ``dyad, kind, disputed, chainage_from_km, chainage_to_km, scale, left, right``,
        geometry (LineString, EPSG:4326). Chainage runs from the southern end of a dyad's
        lines to the northern, line by line. ``attrs["geocn"]["repairs"]`` counts what was
        repaired (``overlaps`` and ``gaps``: number, area_km2, and both by pair) and lists
        under ``unrepaired`` what was too wide, with pair, area and place.

    Raises
    ------
    GeometryError
        Where a geometry is not an area.
    LayerError
        Where no two areas share an edge.
    ParameterError
        Where the tolerance or a kind is out of range.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> areas = [shapely.box(0, 0, 1, 1), shapely.box(1.0005, 0, 2, 1)]
    >>> two = gpd.GeoDataFrame({"iso_a3": ["AAA", "BBB"]}, geometry=areas, crs=4326)
    >>> borders = borders_from_countries(two)
    >>> borders[["dyad", "left", "right"]].to_numpy().tolist()
    [['AAA-BBB', 'AAA', 'BBB']]
    """
    if not (np.isfinite(snap_m) and snap_m >= 0):
        raise ParameterError(f"snap_m is {snap_m}, not 0 or more")
    if set(kinds) - set(KINDS):
        raise ParameterError(f"kinds {list(kinds)}; choose from {', '.join(KINDS)}")
    degrees = to_lonlat(countries, "countries")
    _check_areas(degrees)
    present = has_geometry(degrees)
    degrees = degrees[present]
    codes = country_codes(degrees, country)
    cover, repairs = repair_coverage(
        shortest_way(degrees.geometry.to_numpy()), codes, snap_m=float(snap_m)
    )
    pieces = _pieces(cover.areas, codes, cover.contested)
    if not any(piece[1] and piece[2] for piece in pieces):
        raise LayerError(
            "countries",
            found=f"{len(degrees)} areas of which no two share an edge",
            expected="areas of neighbouring countries",
            repair=f"Give all neighbours, or raise snap_m (now {snap_m:g}) above their gaps.",
        )
    if scale is None and "scale" in degrees:
        scale = "/".join(sorted(degrees["scale"].dropna().astype("str").unique())) or None
    frame = _frame(pieces, scale)
    frame = frame[frame["kind"].isin(list(kinds))].reset_index(drop=True)
    return attach(
        frame,
        "spatial.borders_from_countries",
        country=country,
        snap_m=float(snap_m),
        kinds=list(kinds),
        scale=scale,
        crs="EPSG:4326",
        n_areas=len(degrees),
        repairs=repairs,
        left_out={"no_geometry": int((~present).sum())},
    )


def _check_areas(countries: gpd.GeoDataFrame) -> None:
    kinds = countries.geometry.geom_type
    bad = (kinds.notna() & ~kinds.isin(["Polygon", "MultiPolygon"])).to_numpy()
    if bad.any():
        raise GeometryError(
            "countries",
            found=", ".join(sorted(kinds[bad].unique())),
            expected="Polygon or MultiPolygon",
            rows=list(countries.index[bad]),
        )


_Piece = tuple[FloatArray, str, str, bool]


def _pieces(areas: ObjectArray, codes: ObjectArray, contested: ObjectArray) -> list[_Piece]:
    """Chains of edges with one country on each side: line, left, right, disputed."""
    ends, nodes, left, right = _edges(areas, codes)
    disputed = np.zeros(len(ends), dtype=bool)
    if len(contested):
        middle = shapely.points(nodes[ends].mean(axis=1))
        disputed[
            shapely.STRtree(contested).query(middle, predicate="dwithin", distance=1e-9)[0]
        ] = True
    names = pd.DataFrame({"a": np.minimum(left, right), "b": np.maximum(left, right)})
    flags = disputed & (names["a"].to_numpy() != _SEA)
    names["disputed"] = flags
    forward = dict(zip(map(tuple, ends.tolist()), zip(left, right, strict=True), strict=True))
    number = {tuple(xy): i for i, xy in enumerate(nodes.tolist())}
    pieces: list[_Piece] = []
    for rows in names.groupby(["a", "b", "disputed"], sort=True).indices.values():
        for chain in merge_chains(list(nodes[ends[rows]])):
            first, second = (number[tuple(xy)] for xy in chain[:2].tolist())
            sides = forward.get((first, second)) or forward[second, first][::-1]
            pieces.append((chain, *sides, bool(flags[rows[0]])))
    return pieces


def _edges(areas: ObjectArray, codes: ObjectArray) -> tuple[IntArray, FloatArray, Any, Any]:
    """Different edges of all rings as numbers of nodes, with the countries on both sides."""
    parts, owner = shapely.get_parts(shapely.orient_polygons(areas), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    nodes, node = np.unique(xy, axis=0, return_inverse=True)
    node = node.reshape(-1)
    joined = (ring[1:] == ring[:-1]) & (node[1:] != node[:-1])
    a, b = node[:-1][joined], node[1:][joined]
    code = codes[owner[part[ring[1:][joined]]]]
    low, high = np.minimum(a, b), np.maximum(a, b)
    key = low * np.int64(len(nodes)) + high
    edge, row, at = np.unique(key, return_index=True, return_inverse=True)
    left = np.full(len(edge), _SEA, dtype=object)
    right = left.copy()
    # Outer rings run anticlockwise and holes clockwise: the country lies to the left.
    up = a == low
    left[at[up]], right[at[~up]] = code[up], code[~up]
    ends = np.column_stack([low[row], high[row]])
    seam = np.abs(nodes[ends]) == (180.0, 90.0)
    drop = seam[:, :, 0].all(axis=1) | seam[:, :, 1].all(axis=1) | (left == right)
    return ends[~drop], nodes, left[~drop], right[~drop]


def _frame(pieces: list[_Piece], scale: str | None) -> gpd.GeoDataFrame:
    lines = np.array([shapely.LineString(piece[0]) for piece in pieces], dtype=object)
    km = geodesic_length_km(lines)
    disputed = np.array([piece[3] for piece in pieces], dtype=bool)
    left, right = [piece[1] for piece in pieces], [piece[2] for piece in pieces]
    dyad = ["-".join(sorted(filter(None, pair))) for pair in zip(left, right, strict=True)]
    land = np.array([bool(a and b) for a, b in zip(left, right, strict=True)], dtype=bool)
    data = pd.DataFrame(
        {
            "dyad": pd.Series(dyad, dtype="str"),
            "kind": np.where(land, np.where(disputed, "disputed", "land"), "coast"),
            "disputed": pd.Series(disputed, dtype="boolean"),
        }
    ).astype({"kind": "str"})
    south = np.array([piece[0][0, 1] for piece in pieces])
    order = np.lexsort((south, np.array(dyad, dtype=str)))
    data["chainage_from_km"] = km
    data = data.iloc[order]
    reached = data.groupby("dyad")["chainage_from_km"].cumsum()
    data["chainage_to_km"] = reached
    data["chainage_from_km"] = reached - km[order]
    data["scale"] = pd.Series(scale, index=data.index, dtype="str")
    data["left"] = pd.Series(left, dtype="str").iloc[order]
    data["right"] = pd.Series(right, dtype="str").iloc[order]
    return gpd.GeoDataFrame(
        data.reset_index(drop=True), geometry=gpd.GeoSeries(lines[order], crs="EPSG:4326")
    )
