"""Where a scenario happens: real divisions, towns and coca figures, and a friction surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

import geopandas as gpd
import numpy as np
import pandas as pd
import rioxarray  # noqa: F401 - gives DataArray its .rio accessor
import shapely
import xarray as xr
from rasterio.features import rasterize
from rasterio.transform import Affine, from_origin
from scipy.ndimage import binary_dilation, gaussian_filter

from geocn._typing import BoolArray, FloatArray, IntArray
from geocn.spatial.borders import load_countries

#: West, south, east, north of the region in degrees: northern Andes and Central America.
REGION = (-93.0, -6.0, -66.0, 18.0)
CELL_DEGREES = 0.15

_EARTH_KM = 6371.0088
#: Cost of a kilometre relative to open country away from any road.
_SEA, _COAST, _ROADLESS, _GAP, _BORDER = 0.5, 3.0, 1.8, 4.0, 1.6
_ROAD_GAIN, _ROAD_KM = 0.6, 70.0
_TERRAIN_SIGMA, _TERRAIN_CELLS = 0.45, 5.0
#: Divisions with hardly a road through them, and the one without any across it.
_ROADLESS_CODES = ("CO01", "CO30", "CO15", "CO14", "CO31", "BR04", "PE16", "VE01", "HN09", "NU17")
_GAP_CODES = ("PA-DARIEN", "PA-EMBERA", "PM09")


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of the region, row 0 in the north.

    Attributes
    ----------
    lon, lat : arrays
        Cell centres in degrees, west to east and north to south.
    country : int array (rows, columns)
        Number of the country in ``countries``; -1 is sea.
    countries : tuple of str
        ISO alpha-3 codes.
    friction : float array (rows, columns)
        Relative cost of a kilometre.
    """

    lon: FloatArray
    lat: FloatArray
    country: IntArray
    countries: tuple[str, ...]
    roadless: BoolArray
    friction: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.lat), len(self.lon)

    @property
    def sea(self) -> BoolArray:
        """Which cells are sea."""
        return self.country < 0

    def cell_of(self, lon: FloatArray, lat: FloatArray) -> IntArray:
        """Return the flat number of the cell that holds each position, clipped to the region."""
        rows, columns = self.shape
        column = np.floor((np.asarray(lon) - REGION[0]) / CELL_DEGREES).astype(np.int64)
        row = np.floor((REGION[3] - np.asarray(lat)) / CELL_DEGREES).astype(np.int64)
        flat: IntArray = np.clip(row, 0, rows - 1) * columns + np.clip(column, 0, columns - 1)
        return flat


@cache
def _admin() -> gpd.GeoDataFrame:
    with as_file(files("geocn.scenario") / "data" / "admin1.parquet") as path:
        return gpd.read_parquet(path)


def load_admin() -> gpd.GeoDataFrame:
    """Return the bundled first-level divisions (Natural Earth, public domain).

    Returns
    -------
    GeoDataFrame
        ``code`` (FIPS 10-4 where there is one), ``name``, ``country``, ``iso_a3`` and
        the area, in WGS 84.

    Examples
    --------
    >>> "Nariño" in set(load_admin()["name"])
    True
    """
    return _admin().copy()


@cache
def _countries() -> gpd.GeoDataFrame:
    near = load_countries()
    near = near[near["iso_a3"].isin(set(_admin()["iso_a3"]))]
    # only what lies near the region: the rest of Brazil and Mexico costs time
    box = shapely.box(*REGION).buffer(3)
    return near[["iso_a3", "name", "geometry"]].clip(box).sort_values("iso_a3", ignore_index=True)


def load_area() -> gpd.GeoDataFrame:
    """Return the countries of the region, cut some degrees outside it.

    Returns
    -------
    GeoDataFrame
        ``iso_a3``, ``name`` and the area (the bundled Natural Earth countries, on whose
        borders the analyses work), ordered by code, in WGS 84.
    """
    return _countries().copy()


def load_towns() -> pd.DataFrame:
    """Return towns of the region: position, people, weight of demand, airstrip.

    Positions are rounded to 0.01°; ``demand`` and ``airstrip`` are inventions of the
    scenario, not statements about these places.

    Returns
    -------
    DataFrame
        ``town, country, iso_a3, longitude, latitude, population_k, demand, airstrip``.

    Examples
    --------
    >>> load_towns().set_index("town").loc["Tumaco", "iso_a3"]
    'COL'
    """
    with (files("geocn.scenario") / "data" / "towns.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def load_coca() -> pd.DataFrame:
    """Return hectares of coca by Colombian department and year, 2001 to 2023.

    Sums of the municipal figures of the yearly survey of UNODC/SIMCI, published by
    the Colombian Ministry of Justice (CC BY-SA 4.0).

    Returns
    -------
    DataFrame
        ``code`` (as :func:`load_admin`), ``dane`` (department code), ``department``,
        ``year`` and ``area_ha``.

    Examples
    --------
    >>> coca = load_coca()
    >>> float(coca.loc[coca["year"] == 2023, "area_ha"].sum().round())
    252573.0
    """
    with (files("geocn.scenario") / "data" / "coca_departments.csv").open(
        encoding="utf-8"
    ) as stream:
        return pd.read_csv(stream, dtype={"dane": "str"})


def distance_km(
    lon: FloatArray | float,
    lat: FloatArray | float,
    lon2: FloatArray | float,
    lat2: FloatArray | float,
) -> FloatArray:
    """Return great-circle distances in kilometres (haversine; broadcasts)."""
    phi, phi2 = np.radians(lat), np.radians(lat2)
    half = np.sin((phi2 - phi) / 2) ** 2
    half = half + np.cos(phi) * np.cos(phi2) * np.sin(np.radians(lon2 - lon) / 2) ** 2
    result: FloatArray = 2 * _EARTH_KM * np.arcsin(np.sqrt(half))
    return result


def smooth_field(shape: tuple[int, int], *, cells: float, rng: np.random.Generator) -> FloatArray:
    """Return Gaussian noise of mean 0 and variance 1, correlated over some cells."""
    field: FloatArray = gaussian_filter(rng.standard_normal(shape), cells, mode="reflect")
    result: FloatArray = (field - field.mean()) / field.std()
    return result


def build_grid(rng: np.random.Generator) -> Grid:
    """Build the region's cells and their friction.

    Open country costs 1 a kilometre, less near towns (roads), more without roads, on
    coasts (embarking) and along borders; the sea costs 0.5. Terrain is a smooth random
    field, since no elevation model is bundled.
    """
    west, south, east, north = REGION
    columns = round((east - west) / CELL_DEGREES)
    rows = round((north - south) / CELL_DEGREES)
    lon: FloatArray = west + (np.arange(columns, dtype=np.float64) + 0.5) * CELL_DEGREES
    lat: FloatArray = north - (np.arange(rows, dtype=np.float64) + 0.5) * CELL_DEGREES
    admin = _admin()
    countries = tuple(sorted(set(admin["iso_a3"])))
    transform = from_origin(west, north, CELL_DEGREES, CELL_DEGREES)
    number = {iso: index for index, iso in enumerate(countries)}
    owner = zip(admin.geometry, admin["iso_a3"].map(number), strict=True)
    country = _burn(list(owner), (rows, columns), transform)
    roadless = _mask(admin, _ROADLESS_CODES, (rows, columns), transform)
    gap = _mask(admin, _GAP_CODES, (rows, columns), transform)
    friction = _friction(lon, lat, country=country, roadless=roadless, gap=gap, rng=rng)
    return Grid(lon, lat, country, countries, roadless, friction)


def _burn(
    shapes: list[tuple[shapely.Geometry, int]], shape: tuple[int, int], transform: Affine
) -> IntArray:
    burnt = rasterize(shapes, out_shape=shape, fill=-1, transform=transform, dtype="int32")
    result: IntArray = burnt.astype(np.int64)
    return result


def _mask(
    admin: gpd.GeoDataFrame, codes: tuple[str, ...], shape: tuple[int, int], transform: Affine
) -> BoolArray:
    chosen = admin.geometry[admin["code"].isin(codes)]
    result: BoolArray = _burn([(geometry, 1) for geometry in chosen], shape, transform) == 1
    return result


def _friction(
    lon: FloatArray,
    lat: FloatArray,
    *,
    country: IntArray,
    roadless: BoolArray,
    gap: BoolArray,
    rng: np.random.Generator,
) -> FloatArray:
    towns = load_towns()
    away = np.full(country.shape, np.inf)
    for town_lon, town_lat in zip(towns["longitude"], towns["latitude"], strict=True):
        there = distance_km(lon[np.newaxis, :], lat[:, np.newaxis], town_lon, town_lat)
        away = np.minimum(away, there)
    friction = np.exp(_TERRAIN_SIGMA * smooth_field(country.shape, cells=_TERRAIN_CELLS, rng=rng))
    friction *= 1 - _ROAD_GAIN * np.exp(-away / _ROAD_KM)
    friction = np.where(roadless, friction * _ROADLESS, friction)
    friction = np.where(gap, friction * _GAP, friction)
    friction = np.where(_edge_of_countries(country), friction * _BORDER, friction)
    sea = country < 0
    coast = ~sea & binary_dilation(sea)
    friction = np.where(coast, friction * _COAST, friction)
    return np.where(sea, _SEA, friction).round(4)


def _edge_of_countries(country: IntArray) -> BoolArray:
    edge: BoolArray = np.zeros(country.shape, dtype=np.bool_)
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        changes = (country[here] != country[there]) & (country[here] >= 0) & (country[there] >= 0)
        edge[here] |= changes
        edge[there] |= changes
    return edge


def friction_raster(grid: Grid) -> xr.DataArray:
    """Return the friction as a raster in WGS 84, north first."""
    raster: xr.DataArray = xr.DataArray(
        grid.friction.astype(np.float32),
        dims=("y", "x"),
        coords={"y": grid.lat, "x": grid.lon},
        name="friction",
    )
    located: xr.DataArray = raster.rio.write_crs("EPSG:4326")
    return located
