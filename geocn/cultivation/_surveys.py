"""Surveys of cultivation as analyses take them: one crop, known years, sane hectares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, ObjectArray
from geocn.errors import GeometryError, LayerError, ParameterError, SchemaError
from geocn.spatial.columns import read_numbers
from geocn.spatial.crs import require_crs, to_lonlat
from geocn.spatial.geodesy import area_km2

_CODES = ("admin_code", "code")


@dataclass(frozen=True)
class Survey:
    """Rows with their polygons in one CRS, their hectares, and what could not be placed.

    ``area_ha`` is NaN where it is unknown; ``unplaced`` says by reason how many rows and
    hectares have no polygon.
    """

    frame: pd.DataFrame
    shapes: gpd.GeoSeries
    area_ha: FloatArray
    area_from: str
    unplaced: dict[str, dict[str, float]]

    @property
    def placed(self) -> BoolArray:
        """Rows that have a polygon."""
        shapes = self.shapes.to_numpy()
        present: BoolArray = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        return present


def select(frame: pd.DataFrame, *, year: int | None, crop: str | None) -> pd.DataFrame:
    """Keep the rows of one year or crop.

    Raises
    ------
    SchemaError
        Where the column is missing.
    ParameterError
        Where no row has that year or crop.
    """
    for column, wanted in (("year", year), ("crop", crop)):
        if wanted is None:
            continue
        require_columns(frame, column)
        kept = frame[(frame[column] == wanted).fillna(value=False).to_numpy(dtype=bool)]
        if len(frame) and not len(kept):
            known = ", ".join(map(str, sorted(frame[column].dropna().unique())))
            raise ParameterError(f"no row has {column} {wanted!r}; there are {known}")
        frame = kept
    return frame


def require_columns(frame: pd.DataFrame, *names: str) -> None:
    """Refuse a survey without a column that the analysis needs."""
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError(
            "cultivation",
            found=f"a {type(frame).__name__}",
            expected="a GeoDataFrame or a DataFrame",
            repair="Read it with geocn.read_cultivation.",
        )
    missing = [name for name in names if name not in frame]
    if missing:
        raise SchemaError(
            "cultivation",
            found=f"columns {', '.join(map(str, frame.columns))}",
            expected=", ".join(missing),
            repair="Read the file with geocn.read_cultivation, or name the column.",
        )


def hectares(frame: pd.DataFrame, column: str = "area_ha") -> FloatArray:
    """Hectares of each row, NaN where unknown.

    Raises
    ------
    SchemaError
        Where the column is missing or holds no numbers, or a value is negative or infinite.
    """
    require_columns(frame, column)
    area, unread = read_numbers(frame, column, "cultivation", expected="hectares")
    if unread.any():
        raise SchemaError(
            "cultivation",
            found=f"{column} such as {frame[column][unread].iloc[0]!r}",
            expected="hectares as numbers",
            repair="Read the file with geocn.read_cultivation.",
            rows=list(frame.index[unread]),
        )
    wrong = (area < 0) | np.isinf(area)
    if wrong.any():
        raise SchemaError(
            "cultivation",
            found=f"negative or infinite {column}, such as {area[wrong][0]:g}",
            expected="hectares of 0 or more, or null where they are unknown",
            repair="Correct or drop these rows.",
            rows=list(frame.index[wrong]),
        )
    return area


def read_survey(
    cultivation: pd.DataFrame,
    *,
    year: int | None,
    crop: str | None,
    places: gpd.GeoDataFrame | None,
) -> Survey:
    """Check a survey, take its polygons from it or from ``places``, and count what has none."""
    require_columns(cultivation)
    frame = select(cultivation, year=year, crop=crop)
    reason = "no geometry"
    if places is not None:
        shapes, reason = _from_places(frame, places), "no place with this code"
    elif isinstance(frame, gpd.GeoDataFrame):
        require_crs(frame, "cultivation")
        shapes = frame.geometry
    else:
        raise LayerError(
            "cultivation",
            found="a table without geometry",
            expected="polygons",
            repair="Give the areas of its codes with places=.",
        )
    _check_areas(shapes)
    area_from = "area_ha"
    if "area_ha" in frame:
        area = hectares(frame)
    else:
        area_from = "geometry"
        degrees = to_lonlat(gpd.GeoDataFrame(geometry=shapes), "cultivation").geometry
        area = area_km2(shapely.make_valid(degrees.to_numpy())) * 100
    values = shapes.to_numpy()
    lost = shapely.is_missing(values) | shapely.is_empty(values)
    unplaced: dict[str, dict[str, float]] = {}
    if lost.any():
        unplaced[reason] = {"rows": int(lost.sum()), "ha": float(np.nansum(area[lost]))}
    return Survey(pd.DataFrame(frame), shapes, area, area_from, unplaced)


def _from_places(frame: pd.DataFrame, places: gpd.GeoDataFrame) -> gpd.GeoSeries:
    require_crs(places, "places")
    require_columns(frame, "admin_code")
    code = next((name for name in _CODES if name in places), None)
    if code is None:
        raise SchemaError(
            "places",
            found=f"columns {', '.join(map(str, places.columns))}",
            expected="a column code or admin_code",
            repair="Read the areas with geocn.read_places.",
        )
    codes = places[code].astype("str")
    twice = codes.duplicated(keep=False) & places[code].notna()
    if twice.any():
        raise SchemaError(
            "places",
            found=f"codes that stand twice: {', '.join(sorted(set(codes[twice]))[:5])}",
            expected="one area a code",
            repair="Dissolve or drop the double rows.",
            rows=list(places.index[twice]),
        )
    known = pd.Series(places.geometry.to_numpy(), index=codes)[places[code].notna().to_numpy()]
    wanted = frame["admin_code"].astype("str").where(frame["admin_code"].notna(), None)
    found = known.reindex(wanted.to_numpy()).to_numpy()
    return gpd.GeoSeries(found, index=frame.index, crs=places.crs)


def _check_areas(shapes: gpd.GeoSeries) -> None:
    values: ObjectArray = shapes.to_numpy()
    wrong = ~np.isin(shapely.get_type_id(values), (-1, 3, 6, 7)) & ~shapely.is_empty(values)
    if wrong.any():
        raise GeometryError(
            "cultivation",
            found="geometries that are not areas",
            expected="Polygon or MultiPolygon",
            repair="Give the areas with places=, or drop these rows.",
            rows=list(shapes.index[wrong]),
        )


def groups_of(
    frame: pd.DataFrame, by: tuple[str, ...], *, year: int | None
) -> tuple[dict[str, Any], Any]:
    """Labels of the groups along each axis of ``by``, and the group number of each row (-1).

    Raises
    ------
    ParameterError
        Where several years would be added up.
    """
    years = list(frame["year"].dropna().unique()) if "year" in frame else []
    if "year" not in by and year is None and len(years) > 1:
        raise ParameterError(
            f"the survey has the years {', '.join(str(y) for y in sorted(years)[:8])}: hectares "
            'of several years do not add up; give by="year" or year=…'
        )
    lead: dict[str, Any] = {}
    number = np.zeros(len(frame), dtype=np.int64)
    for name in by:
        require_columns(frame, name)
        codes, labels = pd.factorize(frame[name], sort=True)
        lead[name] = (
            np.asarray(labels, dtype=np.int64) if name == "year" else np.asarray(labels, dtype=str)
        )
        number = np.where((codes < 0) | (number < 0), -1, number * max(len(labels), 1) + codes)
    return lead, number
