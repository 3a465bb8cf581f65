"""Friction: what a metre costs, from land, ways, water, people and posts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Literal

import geopandas as gpd
import numpy as np
import xarray as xr
from affine import Affine

from geocn._typing import FloatArray
from geocn.corridors import friction_layers as layers
from geocn.corridors.friction_tables import Table, TableLike, friction_tables
from geocn.errors import AssumptionWarning, LayerError, ParameterError, RasterError
from geocn.provenance import attach
from geocn.spatial.crs import equal_area_crs, require_crs
from geocn.spatial.raster_grid import RasterGrid, raster_grid

Combine = Literal["multiplicative", "additive"]
Unit = Literal["minutes_per_metre", "cost_per_metre"]

#: Minutes that a metre takes at 1 km/h.
_PACE = 0.06
_MODES = ("foot", "road", "river", "sea")
_LONGEST = {"foot": "land_cover", "road": "roads", "river": "rivers", "sea": "sea"}
_SURCHARGES = ("protected", "population", "enforcement")
_MAX_CELLS = 400_000_000
_TEXT = {
    "slope": "factor of walking time",
    "land_cover": "cost of a metre on foot on level ground",
    "roads": "cost of a metre by road",
    "rivers": "cost of a metre by river",
    "sea": "cost of a metre by sea",
    "protected": "factor of cost in protected areas",
    "population": "factor of cost where people live",
    "enforcement": "factor of cost near posts",
}


def friction_surface(
    template: xr.DataArray | gpd.GeoDataFrame,
    *,
    elevation: xr.DataArray | None = None,
    land_cover: xr.DataArray | None = None,
    roads: gpd.GeoDataFrame | None = None,
    rivers: gpd.GeoDataFrame | None = None,
    sea: gpd.GeoDataFrame | None = None,
    protected: gpd.GeoDataFrame | None = None,
    population: xr.DataArray | None = None,
    enforcement: gpd.GeoDataFrame | None = None,
    combine: Combine = "multiplicative",
    unit: Unit = "minutes_per_metre",
    tables: Mapping[str, TableLike] | None = None,
    cell_m: float | None = None,
) -> xr.Dataset:
    r"""Build friction from layers, each factor kept beside it.

    Each cell is crossed in its fastest mode: on foot (land cover, slope), by road, by river
    or by sea. With its pace :math:`t` and the factors :math:`m_k` of protected areas,
    population and enforcement:

    .. math:: f = t \prod_k m_k \quad\text{(multiplicative)} \qquad
              f = t + t_0 \sum_k (m_k - 1) \quad\text{(additive)}

    with :math:`t_0` the pace of level walking. The pace on foot is that of the land cover
    times (or, additive, plus :math:`t_0` times what exceeds 1 of) the factor of slope.

    Parameters
    ----------
    template : xarray.DataArray or GeoDataFrame
        The cells: a raster, whose values are not read, or a frame over whose extent cells of
        ``cell_m`` are laid in an equal-area CRS.
    elevation : xarray.DataArray, optional
        Metres. Slope counts the same in all directions here; for travel up and down give
        ``elevation`` to :func:`geocn.corridors.cost_surface` instead, not to both.
    land_cover : xarray.DataArray, optional
        Classes of the IGBP legend, or of another with ``tables``.
    roads, rivers : GeoDataFrame, optional
        Lines or areas with ``speed_kmh``, or a class (roads: ``highway``; rivers: ``class``,
        else navigable). Every cell that one touches has the speed of the fastest.
    sea : GeoDataFrame, optional
        Areas; a cell is sea where they cover half of it.
    protected : GeoDataFrame, optional
        Areas; the factor grows with the share of the cell, to a 64th.
    population : xarray.DataArray, optional
        People per square kilometre.
    enforcement : GeoDataFrame, optional
        Posts as points, lines or areas; the factor decays with the distance in metres.
    combine : {"multiplicative", "additive"}
        See above.
    unit : {"minutes_per_metre", "cost_per_metre"}
        Of the result: minutes, or metres of level walking that a metre is worth.
    tables : mapping of factor to settings, optional
        In place of the package's tables (``geocn/corridors/data``): speeds, decay,
        resampling, and whether cells without data are ``"neutral"`` or a ``"barrier"``. A
        string takes another table: ``{"land_cover": "worldcover"}``.
    cell_m : float, optional
        Side of the cells where ``template`` is a frame.

    Returns
    -------
    xarray.Dataset
        ``friction`` (NaN for a barrier), ``mode`` (0 foot, 1 road, 2 river, 3 sea, -1
        barrier) and each factor given: ``land_cover``, ``roads``, ``rivers`` and ``sea`` in
        ``unit`` (NaN where that mode does not pass), ``slope``, ``protected``, ``population``
        and ``enforcement`` as factors. ``attrs["geocn"]["tables"]`` holds every figure used
        with its source. Factors that rest on assumptions of this package are named in a
        warning and in ``assumed``.

    Raises
    ------
    ParameterError
        Where an option or a table is unknown or out of range.
    RasterError, CRSError, SchemaError, GeometryError, CoordinateError
        Where a layer has no CRS, is rotated, lies elsewhere, or has classes without a speed
        (all of them are named with their number); or friction comes out at zero or below.

    Notes
    -----
    Rasters are resampled onto the template (elevation bilinear, land cover by the most
    frequent class, population by the mean; ``tables`` changes it). Cells without data:
    elevation and population neutral, land cover a barrier on foot. The tables: Tobler 1993
    (slope), Weiss et al. 2020 (doi:10.1038/s41591-020-1059-1; walking by land cover), the
    car profile of OSRM (roads), Nelson 2008 (rivers).

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, shapely, xarray as xr
    >>> axis = np.arange(3) * 1000.0
    >>> cover = xr.DataArray(np.full((3, 3), 2), {"y": axis[::-1], "x": axis}, ("y", "x"))
    >>> cover = cover.rio.write_crs("EPSG:32618")
    >>> road = gpd.GeoDataFrame(
    ...     {"highway": ["track"]}, geometry=[shapely.LineString([(-500, 0), (2500, 0)])], crs=32618
    ... )
    >>> found = friction_surface(cover, land_cover=cover, roads=road)
    >>> (60 / 1000 / found.friction).round(2).values.tolist()
    [[1.62, 1.62, 1.62], [1.62, 1.62, 1.62], [5.04, 5.04, 5.04]]
    """
    _check(combine, unit)
    settings = friction_tables(tables)
    grid = _grid(template, cell_m)
    given = {
        "slope": elevation, "land_cover": land_cover, "roads": roads, "rivers": rivers,
        "sea": sea, "protected": protected, "population": population, "enforcement": enforcement,
    }  # fmt: skip
    present = [name for name, layer in given.items() if layer is not None]
    factors = _factors(grid, {name: given[name] for name in present}, settings)
    level = _PACE / float(settings["base"]["speed_kmh"])
    friction, mode = _combine(factors, settings, level, grid, additive=combine == "additive")
    scale = 1.0 if unit == "minutes_per_metre" else 1 / level
    assumed = [name for name in present if settings[name]["assumed"]]
    if assumed:
        warnings.warn(
            f"friction of {', '.join(assumed)} rests on assumptions of this package, not on "
            "measurements. Give your own figures with tables=, or learn them with "
            "calibrate_friction.",
            AssumptionWarning,
            stacklevel=2,
        )
    result = _dataset(grid, friction * scale, mode, factors, scale, unit)
    return attach(
        result,
        "corridors.friction_surface",
        **{name: given[name] is not None for name in given if name != "slope"},
        elevation=elevation is not None,
        combine=combine,
        unit=unit,
        cell_m=cell_m,
        tables={name: settings[name] for name in ("base", *present)},
        assumed=assumed,
        n_barrier_cells=int(np.isnan(friction).sum()),
        crs=grid.crs,
    )


def _check(combine: str, unit: str) -> None:
    if combine not in ("multiplicative", "additive"):
        raise ParameterError(f"combine is {combine!r}; choose 'multiplicative' or 'additive'")
    if unit not in ("minutes_per_metre", "cost_per_metre"):
        raise ParameterError(f"unit is {unit!r}; choose 'minutes_per_metre' or 'cost_per_metre'")


def _grid(template: xr.DataArray | gpd.GeoDataFrame, cell_m: float | None) -> RasterGrid:
    if not isinstance(template, gpd.GeoDataFrame):
        if cell_m is not None:
            raise ParameterError("cell_m goes with a frame; a raster has cells of its own")
        return raster_grid(template, "template")
    require_crs(template, "template")
    if cell_m is None or not 0 < cell_m < np.inf:
        raise ParameterError(f"cell_m is {cell_m!r}; give the side of the cells in metres")
    crs = equal_area_crs(template)
    west, south, east, north = template.geometry.to_crs(crs).total_bounds
    if not np.isfinite([west, south, east, north]).all():
        raise ParameterError("template has no geometry to lay cells over")
    columns = max(int(np.ceil((east - west) / cell_m)), 1)
    rows = max(int(np.ceil((north - south) / cell_m)), 1)
    if rows * columns > _MAX_CELLS:
        raise ParameterError(f"{rows} x {columns} cells of {cell_m:g} m; give a larger cell_m")
    x = west + (np.arange(columns) + 0.5) * cell_m
    y = north - (np.arange(rows) + 0.5) * cell_m
    cells = xr.DataArray(np.zeros((rows, columns)), {"y": y, "x": x}, ("y", "x")).rio.write_crs(crs)
    if 1 in (rows, columns):
        cells = cells.rio.write_transform(Affine(cell_m, 0, west, 0, -cell_m, north))
    return raster_grid(cells, "template")


def _factors(
    grid: RasterGrid, given: Mapping[str, object], settings: Mapping[str, Table]
) -> dict[str, FloatArray]:
    """Each factor on the grid: minutes per metre of ways, factors of the rest."""
    found: dict[str, FloatArray] = {}
    faults: list[LayerError] = []
    for name, layer in given.items():
        try:
            found[name] = _BUILDERS[name](grid, layer, settings[name])
        except LayerError as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise RasterError("friction layers", found=" | ".join(str(fault) for fault in faults))
    return found


def _pace(speeds: FloatArray) -> FloatArray:
    """Minutes per metre; infinite where nothing passes, NaN unknown."""
    with np.errstate(divide="ignore"):
        return np.asarray(_PACE / speeds)


def _walk(grid: RasterGrid, layer: xr.DataArray, table: Table) -> FloatArray:
    return _pace(layers.speeds_of_classes(grid, layer, table))


def _afloat(grid: RasterGrid, layer: gpd.GeoDataFrame, table: Table) -> FloatArray:
    at_sea = layers.share_of(grid, layer, "sea") >= 0.5
    return np.where(at_sea, _PACE / float(table["speed_kmh"]), np.nan)


def _guarded(grid: RasterGrid, layer: gpd.GeoDataFrame, table: Table) -> FloatArray:
    share = layers.share_of(grid, layer, "protected")
    return np.asarray(1.0 + share * (float(table["multiplier"]) - 1.0))


_BUILDERS: dict[str, Callable[..., FloatArray]] = {
    "slope": layers.slope_on,
    "land_cover": _walk,
    "roads": lambda grid, layer, t: _pace(layers.speeds_of_shapes(grid, layer, "roads", t)),
    "rivers": lambda grid, layer, t: _pace(layers.speeds_of_shapes(grid, layer, "rivers", t)),
    "sea": _afloat,
    "protected": _guarded,
    "population": layers.population_on,
    "enforcement": layers.enforcement_on,
}


def _combine(
    factors: dict[str, FloatArray],
    settings: Mapping[str, Table],
    level: float,
    grid: RasterGrid,
    *,
    additive: bool,
) -> tuple[FloatArray, FloatArray]:
    """Friction in minutes per metre and the mode of each cell; neutral cells are filled."""
    neutral = {"slope": 1.0, "population": 1.0, "land_cover": level}
    for name, value in neutral.items():
        if name in factors and settings[name]["nodata"] == "neutral":
            factors[name] = np.where(np.isnan(factors[name]), value, factors[name])
    ground = factors.get("land_cover", np.full(grid.shape, level))
    slope = factors.get("slope", np.ones(grid.shape))
    afoot = ground + level * (slope - 1) if additive else ground * slope
    none = np.full(grid.shape, np.nan)
    if "sea" in factors:
        # Nobody walks on the sea, whatever a land cover says.
        afoot = np.where(np.isnan(factors["sea"]), afoot, np.nan)
    paces = np.stack([afoot, *(factors.get(_LONGEST[mode], none) for mode in _MODES[1:])])
    paces[np.isnan(paces)] = np.inf
    mode = np.argmin(paces, axis=0)
    friction = np.take_along_axis(paces, mode[None], axis=0)[0]
    friction[np.isinf(friction)] = np.nan
    for name in _SURCHARGES:
        if name in factors:
            extra = factors[name]
            friction = friction + level * (extra - 1) if additive else friction * extra
    with np.errstate(invalid="ignore"):
        bad = friction <= 0
    if bad.any():
        raise RasterError(
            "friction",
            found=f"{int(bad.sum())} cells at zero or below (lowest {np.nanmin(friction):g})",
            expected="cost per metre above zero",
            repair="Raise the factors below 1 in tables=, or use combine='multiplicative'.",
        )
    return friction, np.where(np.isnan(friction), -1, mode)


def _dataset(  # noqa: PLR0917
    grid: RasterGrid,
    friction: FloatArray,
    mode: FloatArray,
    factors: Mapping[str, FloatArray],
    scale: float,
    unit: str,
) -> xr.Dataset:
    units = {"minutes_per_metre": "minutes per metre", "cost_per_metre": "metres of level walking"}
    found = {
        "friction": grid.restore(
            friction, name="friction", attrs={"long_name": "friction", "units": units[unit]}
        ),
        "mode": grid.restore(
            mode.astype(np.int8),
            name="mode",
            attrs={"long_name": "fastest mode", "labels": list(_MODES)},
            nodata=-1,
        ),
    }
    for name, values in factors.items():
        is_pace = name in _LONGEST.values()
        attrs = {"long_name": _TEXT[name], "units": units[unit] if is_pace else "1"}
        shown = np.where(np.isinf(values), np.nan, values * (scale if is_pace else 1.0))
        found[name] = grid.restore(shown, name=name, attrs=attrs)
    return xr.Dataset(found)
