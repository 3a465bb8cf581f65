"""Hectares of a crop by square kilometre, from polygons, tables by area, or rasters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
import xarray as xr
from scipy.sparse import csr_array

from geocn._typing import AnyArray, FloatArray, IntArray, ObjectArray
from geocn.cultivation._cells import (
    Lattice,
    cell_areas_ha,
    covered,
    outline,
    plane_of,
    raster_lattice,
    spread_cells,
    spread_polygons,
)
from geocn.cultivation._class_rasters import crop_share
from geocn.cultivation._overlaps import count_once, distinct, find_overlaps
from geocn.cultivation._surveys import Survey, groups_of, read_survey
from geocn.errors import ParameterError, RasterError
from geocn.provenance import attach
from geocn.spatial.crs import to_lonlat
from geocn.spatial.densify import densify
from geocn.spatial.raster_grid import RasterGrid, raster_grid

By = Literal["year", "crop"]
_UNITS = "ha/km2"
_DENSE = 1000
_MOST_FRAME_CELLS = 5_000_000


def density_grid(
    cultivation: pd.DataFrame | xr.DataArray,
    *,
    cell_km: float = 1.0,
    by: By | Sequence[By] = (),
    year: int | None = None,
    crop: str | None = None,
    places: gpd.GeoDataFrame | None = None,
    weight: xr.DataArray | None = None,
    overlaps: Literal["add", "once"] = "add",
    crs: Any = None,
    to: Literal["raster", "frame"] = "raster",
) -> xr.DataArray | gpd.GeoDataFrame:
    """Lay cultivation on square cells of equal area, in hectares per square kilometre.

    The hectares of every row are spread over its polygon in proportion to area, by exact
    clipping, so that the sum over cells times the size of a cell is the sum of the rows.

    Parameters
    ----------
    cultivation : GeoDataFrame, DataFrame or DataArray
        Polygons with ``area_ha`` (their own geodesic size where that column is missing), a
        table by ``admin_code`` (with ``places``), or a raster of classes or probabilities
        as :func:`geocn.read_cultivation` gives it.
    cell_km : float
        Side of a cell in kilometres. UNODC's density maps have 1.
    by : "year", "crop" or both
        Axes before y and x. A year that no row has is no layer, rather than a layer of zeros.
    year, crop : optional
        Take only these rows, or that crop of a raster with several.
    places : GeoDataFrame, optional
        Areas with ``code`` or ``admin_code``; each row takes the polygon of its code.
    weight : DataArray, optional
        How dense cultivation is, relatively, at each place (such as a suitability or a
        probability): hectares of a row go to the cells of this raster in proportion to
        area x weight (dasymetric). Without it they spread evenly.
    overlaps : {"add", "once"}
        Fields of one year and crop that overlap were surveyed twice: add both, or leave
        the place to the denser one. Their number is reported either way.
    crs : optional
        An equal-area CRS; by default one that fits the data. Grids of one CRS and size share
        their cells.
    to : {"raster", "frame"}
        A DataArray, or a GeoDataFrame with one row a cell (and year, crop): ``cell_id`` as
        :func:`geocn.hotspots.make_grid` has it, ``ha_per_km2``, ``area_ha``, geometry.

    Returns
    -------
    DataArray or GeoDataFrame
        NaN where nothing is known: only rows whose ``area_ha`` is null, or no data in the
        raster, lie there. ``attrs["geocn"]`` has ``placed_ha``, and rows and hectares that
        are ``unplaced``, by reason.

    Raises
    ------
    SchemaError, GeometryError, CoordinateError, CRSError, LayerError
        Where hectares are negative, geometries are no areas or nowhere on Earth, ``places``
        has a code twice, or a CRS is missing or not equal-area.
    RasterError
        Where a raster does not say which of its values are the crop.
    ParameterError
        Where several years would add up, an option is unknown, or there are too many cells.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> field = shapely.box(-77.02, 0.99, -76.99, 1.02)
    >>> fields = gpd.GeoDataFrame({"area_ha": [12.0]}, geometry=[field], crs=4326)
    >>> grid = density_grid(fields, cell_km=1)
    >>> float(grid.sum().round(9)), grid.attrs["units"]
    (12.0, 'ha/km2')
    """
    axes = (by,) if isinstance(by, str) else tuple(by)
    _check_options(cell_km, axes, overlaps, to)
    options = {"cell_km": cell_km, "by": list(axes), "year": year, "crop": crop}
    options |= {"places": None if places is None else len(places), "overlaps": overlaps, "to": to}
    options["weight"] = None if weight is None else list(weight.shape)
    if isinstance(cultivation, xr.DataArray):
        if places is not None or weight is not None or axes:
            raise ParameterError("places, weight and by are for surveys, not for one raster")
        lead: dict[str, AnyArray] = {}
        lattice, values, account = _from_raster(cultivation, cell_km, crop=crop, crs=crs)
    else:
        survey = read_survey(cultivation, year=year, crop=crop, places=places)
        lead, group = groups_of(survey.frame, axes, year=year)
        lattice, values, account = _from_survey(
            survey, lead, group, cell_km, weight=weight, once=overlaps == "once", crs=crs
        )
    result = (
        lattice.label(values, lead, "ha_per_km2")
        if to == "raster"
        else _frame(lattice, values, lead)
    )
    result.attrs["units"] = _UNITS
    return attach(result, "cultivation.density_grid", **options, crs=lattice.crs, **account)


def _check_options(cell_km: float, axes: tuple[str, ...], overlaps: str, to: str) -> None:
    faults = []
    if not (np.isfinite(cell_km) and cell_km > 0):
        faults.append(f"cell_km is {cell_km!r}; give kilometres above 0")
    if set(axes) - {"year", "crop"} or len(set(axes)) < len(axes):
        faults.append(f"by is {axes!r}; choose of 'year' and 'crop'")
    if overlaps not in ("add", "once"):
        faults.append(f"overlaps is {overlaps!r}; choose 'add' or 'once'")
    if to not in ("raster", "frame"):
        faults.append(f"to is {to!r}; choose 'raster' or 'frame'")
    if faults:
        raise ParameterError("; ".join(faults))


def _from_survey(
    survey: Survey,
    lead: dict[str, AnyArray],
    group: IntArray,
    cell_km: float,
    *,
    weight: xr.DataArray | None,
    once: bool,
    crs: Any,
) -> tuple[Lattice, FloatArray, dict[str, Any]]:
    frame = gpd.GeoDataFrame(geometry=survey.shapes)
    to_lonlat(frame, "cultivation")  # refuses what lies nowhere on Earth
    plane = plane_of(crs, frame)
    shapes, area = _on_plane(survey.shapes, plane), survey.area_ha
    found = find_overlaps(shapes, area, group)
    if once:
        shapes, area = count_once(shapes, area, found)
    n_groups = int(np.prod([len(labels) for labels in lead.values()], dtype=np.int64))
    lattice = Lattice.over(_bounds(shapes), plane, cell_km, layers=n_groups)
    unplaced = dict(survey.unplaced)
    ready = survey.placed & (group >= 0)
    if (survey.placed & (group < 0)).any():
        unplaced["no year or crop"] = _count(area, survey.placed & (group < 0))
    if weight is None:
        unique, same = _distinct(shapes)
        spread = spread_polygons(unique, lattice)
    else:
        unique, same = shapes, np.arange(len(shapes))
        spread = _by_weight(shapes, weight, lattice)
        empty = np.diff(spread.indptr) == 0
        if (empty & ready).any():
            unplaced["no weight in the area"] = _count(area, empty & ready)
        ready &= ~empty
    known = ready & ~np.isnan(area)
    values = _sums(spread, same, group, np.where(known, area, 0.0), known, n_groups)
    if (ready & ~known).any():
        blank = _sums(spread, same, group, np.ones(len(area)), ready & ~known, n_groups)
        values[(blank > 0) & (values == 0)] = np.nan
    size = np.array([len(labels) for labels in lead.values()], dtype=np.int64)
    values = values.reshape(*size, *lattice.shape) / lattice.cell_km2
    account: dict[str, Any] = {
        "area_from": survey.area_from,
        "n_rows": len(area),
        "n_placed": int(known.sum()),
        "placed_ha": float(area[known].sum()),
        "n_area_unknown": int((ready & ~known).sum()),
        "unplaced": unplaced,
        "n_smaller_than_a_cell": int((shapely.area(shapes[ready]) < lattice.cell**2).sum()),
        "n_overlapping_pairs": len(found.one),
        "overlap_ha": found.overlap_ha,
    }
    return lattice, values, account


def _count(area: FloatArray, rows: AnyArray) -> dict[str, float]:
    return {"rows": int(rows.sum()), "ha": float(np.nansum(area[rows]))}


def _on_plane(shapes: gpd.GeoSeries, plane: pyproj.CRS) -> ObjectArray:
    """Make polygons valid on the plane; edges get vertices so that they keep their course."""
    geometry: ObjectArray = shapes.to_numpy().copy()
    if shapes.crs != plane and len(geometry):
        step = np.diff(np.reshape(shapes.total_bounds, (2, 2)), axis=0).max() / _DENSE
        box = shapely.bounds(geometry)
        # What is smaller than a step has no edge that would get a vertex.
        wide = (box[:, 2:] - box[:, :2]).max(axis=1) > step
        if wide.any() and step > 0:
            geometry[wide] = densify(geometry[wide], float(step))
    moved: ObjectArray = gpd.GeoSeries(geometry, crs=shapes.crs).to_crs(plane).to_numpy().copy()
    broken = ~shapely.is_valid(moved) & ~shapely.is_missing(moved)
    moved[broken] = shapely.make_valid(moved[broken], method="structure", keep_collapsed=True)
    return moved


def _bounds(shapes: ObjectArray) -> FloatArray:
    if shapely.is_missing(shapes).all():
        return np.full(4, np.nan)
    return np.asarray(shapely.total_bounds(shapes), dtype=np.float64)


def _distinct(shapes: ObjectArray) -> tuple[ObjectArray, IntArray]:
    """Each polygon once: those of an administrative table come back every year."""
    first, same = distinct(shapes)
    return shapes[first], same


def _sums(  # noqa: PLR0917 - columns of one table
    spread: csr_array,
    same: IntArray,
    group: IntArray,
    amount: FloatArray,
    rows: AnyArray,
    n_groups: int,
) -> FloatArray:
    """Amounts of rows by group and cell."""
    chosen = np.flatnonzero(rows)
    table = csr_array((amount[chosen], (group[chosen], same[chosen])), (n_groups, spread.shape[0]))
    return np.asarray((table @ spread).toarray(), dtype=np.float64)


def _by_weight(shapes: ObjectArray, weight: xr.DataArray, lattice: Lattice) -> csr_array:
    """Spread 1 over the lattice for each polygon by way of the cells of a weight."""
    grid = raster_grid(weight, "weight")
    wrong = (grid.values < 0) | np.isinf(grid.values)
    if wrong.any():
        raise RasterError(
            "weight",
            found=f"{int(wrong.sum())} negative or infinite cells",
            expected="weights of 0 or more, or nodata",
            repair="Set them to 0 or NaN.",
        )
    there = gpd.GeoSeries(shapes, crs=lattice.crs).to_crs(grid.crs).to_numpy()
    row_of, row, column, share = covered(there, grid.transform)
    inside = (row >= 0) & (row < grid.shape[0]) & (column >= 0) & (column < grid.shape[1])
    row_of, share = row_of[inside], share[inside]
    cell = row[inside] * grid.shape[1] + column[inside]
    value = np.nan_to_num(grid.values.ravel()[cell])
    used, place = np.unique(cell[value > 0], return_inverse=True)
    size = cell_areas_ha(grid, used, lattice.crs)
    amount = (share * value)[value > 0] * size[place]
    owner = row_of[value > 0]
    total = np.bincount(owner, amount, len(shapes))
    fine = csr_array((amount / total[owner], (owner, place)), (len(shapes), len(used)))
    return csr_array(fine @ spread_cells(grid, used.astype(np.int64), lattice))


def _from_raster(
    raster: xr.DataArray, cell_km: float, *, crop: str | None, crs: Any
) -> tuple[Lattice, FloatArray, dict[str, Any]]:
    grid, share, classes = crop_share(raster, crop)
    known = ~np.isnan(share)
    plane = plane_of(crs, outline(grid, known))
    lattice = raster_lattice(grid, known, plane, cell_km)
    cells = np.flatnonzero(share > 0).astype(np.int64)
    amount = share.ravel()[cells] * cell_areas_ha(grid, cells, plane)
    values = np.zeros(lattice.shape[0] * lattice.shape[1])
    for start in range(0, len(cells), 1_000_000):
        part = slice(start, start + 1_000_000)
        values += spread_cells(grid, cells[part], lattice).T @ amount[part]
    values = values.reshape(lattice.shape)
    values[(values == 0) & ~_known_at(grid, known, lattice)] = np.nan
    account = {
        "classes": classes,
        "n_cells_with_crop": len(cells),
        "placed_ha": float(amount.sum()),
        "n_nodata": int((~known).sum()),
    }
    return lattice, values / lattice.cell_km2, account


def _known_at(grid: RasterGrid, known: AnyArray, lattice: Lattice) -> AnyArray:
    """Whether the raster has data at the centre of each cell of the lattice."""
    x, y = np.meshgrid(*lattice.coordinates())
    back = pyproj.Transformer.from_crs(lattice.crs, grid.crs, always_xy=True)
    rows, columns = grid.cells(*back.transform(x, y))
    return (rows >= 0) & known[rows, columns]


def _frame(lattice: Lattice, values: FloatArray, lead: dict[str, AnyArray]) -> gpd.GeoDataFrame:
    """One row a cell and year or crop, with its outline."""
    if values.size > _MOST_FRAME_CELLS:
        raise ParameterError(
            f"a frame of {values.size:,} cells exceeds {_MOST_FRAME_CELLS:,}; choose larger cells"
        )
    ids, squares = lattice.ids(), lattice.squares()
    repeats = values.size // max(len(ids), 1)
    data: dict[str, Any] = {"cell_id": pd.array(ids * repeats, dtype="str")}
    labels = np.meshgrid(*lead.values(), indexing="ij") if lead else []
    for name, label in zip(lead, labels, strict=True):
        data[name] = pd.Series(np.repeat(label.ravel(), len(ids)))
    flat = values.ravel()
    data |= {"ha_per_km2": flat, "area_ha": flat * lattice.cell_km2}
    frame = gpd.GeoDataFrame(data, geometry=np.tile(squares, repeats), crs=lattice.crs)
    return frame.astype({name: "int64" if name == "year" else "str" for name in lead})
