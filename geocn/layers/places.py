"""Areas and gazetteers: where place names and codes of partners' files lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from geocn._typing import BoolArray, FloatArray, StrPath
from geocn.errors import CoordinateError, PlaceError
from geocn.harmonise.placeindex import PlaceIndex
from geocn.io.numbers import parse_numbers
from geocn.io.table import RawTable, read_table
from geocn.provenance import attach

_ROLES = ("code", "name", "parent", "country")


def read_places(
    path: StrPath,
    *,
    name: str | None = None,
    code: str | None = None,
    parent: str | None = None,
    country: str | None = None,
    longitude: str = "longitude",
    latitude: str = "latitude",
    columns: Sequence[str] = (),
    layer: str | None = None,
    crs: Any = None,
) -> gpd.GeoDataFrame:
    """Read areas or a gazetteer, for the ``places=`` of the readers.

    Parameters
    ----------
    path : path
        A vector file, or a plain table with coordinates in decimal degrees.
    name, code, parent : str, optional
        Columns with the place's name, its code and the division above it. Where no name
        is given, all of them are found by their usual headers.
    country : str, optional
        A column, or the name or code of the one country all places lie in. Where it is
        not given, each place belongs to the country whose polygon holds it.
    longitude, latitude : str
        Columns of a plain table; a vector file brings its own geometry.
    columns : sequence of str
        Columns to keep beside, for use as an exposure.
    layer : str, optional
        Layer of a file that holds several.
    crs : CRS, optional
        Where the file does not state it.

    Returns
    -------
    GeoDataFrame
        ``code, name, parent, country`` as far as given (all four, empty where nothing
        was found, if no name is given), ``columns`` and the geometry.

    Raises
    ------
    PlaceError
        Where a column is missing.
    CoordinateError
        Where a position is no number or not on Earth.

    Examples
    --------
    >>> from geocn._sample import sample_folder
    >>> path = sample_folder() / "andes/places/towns.csv"
    >>> towns = read_places(path, name="name", country="country")
    >>> list(towns.columns)
    ['name', 'country', 'geometry']
    """
    raw = read_table(path, layer=layer, crs=crs)
    table = raw.frame
    given = {"code": code, "name": name, "parent": parent, "country": country}
    one_country = country if country is not None and country not in table else None
    if one_country is not None:
        del given["country"]
    used = {role: column for role, column in given.items() if column is not None}
    is_spatial = isinstance(table, gpd.GeoDataFrame)
    position = () if is_spatial else (longitude, latitude)
    _require(raw, [*used.values(), *columns, *position])
    data = {role: table[column] for role, column in used.items()}
    data |= {column: table[column] for column in columns}
    if one_country is not None:
        data["country"] = pd.Series(one_country, index=table.index, dtype="str")
    if is_spatial:
        geometry, system = table.geometry, raw.crs
    else:
        geometry, system = _positions(raw, longitude, latitude), crs or "EPSG:4326"
    if name is None:
        others = [str(column) for column in table.columns if column != "geometry"]
        data = {**{column: table[column] for column in others}, **data}
    places = gpd.GeoDataFrame(data, geometry=geometry, crs=system)
    if name is None:
        found = PlaceIndex.from_frame(places, code=code, parent=parent, country=country).areas
        places = found[[*_ROLES, "geometry"]].assign(**{c: table[c] for c in columns})
    return attach(places, "layers.read_places", file=raw.path.name, columns=used)


def _require(raw: RawTable, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in raw.frame]
    if missing:
        raise PlaceError(
            raw.path.name,
            found=f"columns {', '.join(map(str, raw.frame.columns))}",
            expected=", ".join(missing),
            repair="Name the columns: in a project file under [places.…], else as arguments.",
        )


def _positions(raw: RawTable, longitude: str, latitude: str) -> gpd.GeoSeries:
    x, no_x = _degrees(raw, longitude, 180)
    y, no_y = _degrees(raw, latitude, 90)
    broken = no_x | no_y
    if broken.any():
        raise CoordinateError(
            raw.path.name,
            rows=[f"row {raw.line_of(int(row))}" for row in broken.nonzero()[0]],
            found=f"{longitude} or {latitude} that is no number or not on Earth",
            expected="decimal degrees",
            repair="Correct these rows.",
        )
    return gpd.GeoSeries(gpd.points_from_xy(x, y), index=raw.frame.index)


def _degrees(raw: RawTable, column: str, limit: float) -> tuple[FloatArray, BoolArray]:
    values, bad = parse_numbers(raw.frame[column], raw.number_formats.get(column))
    return values, bad | ~(abs(values) <= limit)
