"""Which country lies left and right of a border that does not say."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import AnyArray, FloatArray, ObjectArray
from geocn.errors import LayerError
from geocn.spatial.border_repair import country_codes
from geocn.spatial.crs import has_geometry, to_lonlat

_SAMPLES = 15
_SEA = ""


def sides_from_countries(
    borders: gpd.GeoDataFrame,
    countries: gpd.GeoDataFrame,
    *,
    country: str | None = None,
    offset_m: float = 2000.0,
) -> gpd.GeoDataFrame:
    """Find the countries on both sides of lines of borders, by vote of points beside them.

    Each line is sampled at up to 15 edges spread along it; beside the middle of each, at
    ``offset_m`` to the left and to the right, stands a country. The pair that most samples
    agree on is taken; with a ``dyad`` only its two countries may stand there, so that the
    vote merely finds which is on the left.

    Parameters
    ----------
    borders : GeoDataFrame
        Lines, perhaps with ``dyad`` ("COL-ECU").
    countries : GeoDataFrame
        Areas, which need not fit the lines better than ``offset_m``.
    country : str, optional
        Column of ``countries`` with the code or name that dyads are made of.
    offset_m : float
        Distance of the points from the line, in metres.

    Returns
    -------
    GeoDataFrame
        The borders, in EPSG:4326, with ``dyad``, ``left`` and ``right``; an empty text is
        the sea.

    Raises
    ------
    LayerError
        Where a line has no, or the same, country on both sides; the rows are named.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> areas = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    >>> two = gpd.GeoDataFrame({"iso_a3": ["AAA", "BBB"]}, geometry=areas, crs=4326)
    >>> line = gpd.GeoDataFrame(geometry=[shapely.LineString([(1, 1), (1, 0)])], crs=4326)
    >>> sides_from_countries(line, two)[["dyad", "left", "right"]].to_numpy().tolist()
    [['AAA-BBB', 'BBB', 'AAA']]
    """
    degrees = to_lonlat(borders, "borders").copy()
    areas = to_lonlat(countries, "countries")
    areas = areas[has_geometry(areas)]
    codes = country_codes(areas, country)
    row, left, right = _beside(degrees.geometry.to_numpy(), offset_m)
    table = pd.DataFrame({"row": row})
    for name, points in (("left", left), ("right", right)):
        table[name] = _country_at(points, areas.geometry.to_numpy(), codes)
    if "dyad" in degrees:
        dyad = degrees["dyad"].astype("str").to_numpy(dtype=object)[row]
        table = _fitted(table, dyad)
    table = table[table["left"] != table["right"]]
    votes = table.groupby(["row", "left", "right"]).size().reset_index(name="n")
    votes = votes.sort_values(["n", "left"], ascending=[False, True]).drop_duplicates("row")
    votes = votes.set_index("row").reindex(range(len(degrees)))
    unknown = votes["left"].isna().to_numpy() & has_geometry(degrees)
    if unknown.any():
        raise LayerError(
            "borders",
            found="lines with no, or the same, country on both sides",
            expected=f"one country within {offset_m:g} m to the left and another to the right",
            repair="Raise offset_m, complete the countries, or fill the columns left and right.",
            rows=list(degrees.index[unknown]),
        )
    for name in ("left", "right"):
        degrees[name] = pd.Series(votes[name].to_numpy(), index=degrees.index, dtype="str")
    if "dyad" not in degrees:
        pairs = zip(votes["left"].fillna(""), votes["right"].fillna(""), strict=True)
        degrees["dyad"] = ["-".join(sorted(filter(None, pair))) for pair in pairs]
    return degrees


def _fitted(table: pd.DataFrame, dyad: AnyArray) -> pd.DataFrame:
    """Keep sides that are of the dyad; one known side tells the other."""
    sides = [str(name).partition("-")[::2] for name in dyad]
    first, second = (np.array([pair[i] for pair in sides], dtype=object) for i in (0, 1))
    left, right = table["left"].to_numpy(object), table["right"].to_numpy(object)
    ahead = ((left == first) & (right != first)) | ((right == second) & (left != second))
    behind = ((left == second) & (right != second)) | ((right == first) & (left != first))
    clear = ahead != behind
    fitted = table.assign(left=np.where(ahead, first, second), right=np.where(ahead, second, first))
    kept: pd.DataFrame = fitted[clear]
    return kept


def _beside(lines: ObjectArray, offset_m: float) -> tuple[AnyArray, ObjectArray, ObjectArray]:
    """Rows, and points to the left and right of some edges of each line."""
    xy, row = shapely.get_coordinates(lines, return_index=True)
    step = np.diff(xy, axis=0)
    edge = np.flatnonzero((row[1:] == row[:-1]) & (step != 0).any(axis=1))
    edge = edge[np.abs(step[edge, 0]) < 180]
    number = pd.Series(edge).groupby(row[edge]).cumcount().to_numpy()
    size = np.bincount(row[edge], minlength=len(lines))[row[edge]]
    # Every edge of a short line, else as many evenly spread ones.
    kept = number * _SAMPLES % np.maximum(size, 1) < _SAMPLES
    edge = edge[kept]
    middle = (xy[edge] + xy[edge + 1]) / 2
    cosine = np.maximum(np.cos(np.radians(middle[:, 1])), 1e-6)
    course = step[edge] * np.column_stack([cosine, np.ones(len(edge))])
    normal = np.column_stack([-course[:, 1], course[:, 0]])
    normal *= (offset_m / 111_320.0 / np.hypot(*normal.T))[:, None]
    normal[:, 0] /= cosine
    return row[edge], _points(middle + normal), _points(middle - normal)


def _points(xy: FloatArray) -> ObjectArray:
    return np.asarray(shapely.points((xy[:, 0] + 180) % 360 - 180, xy[:, 1]), dtype=object)


def _country_at(points: ObjectArray, areas: ObjectArray, codes: ObjectArray) -> AnyArray:
    found = np.full(len(points), _SEA, dtype=object)
    point, area = shapely.STRtree(areas).query(points, predicate="intersects")
    found[point] = codes[area]
    return found
