"""Where traffic goes when an area is closed: the stretches of corridors that lead out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import rasterio.features
import shapely
import xarray as xr
from affine import Affine

from geocn._typing import BoolArray, ObjectArray
from geocn.errors import GeometryError, LayerError, ParameterError
from geocn.provenance import attach
from geocn.spatial.antimeridian import fold_longitudes
from geocn.spatial.cost import FrictionSurface, friction_surface, locate_sites
from geocn.spatial.crs import LONLAT, equal_area_crs, has_geometry, to_lonlat
from geocn.spatial.raster_grid import RasterGrid

#: Cells along the distance asked for, where no size of cell is given.
_CELLS_ALONG = 100
#: Cells of a raster of corridors at most.
_MOST_CELLS = 16_000_000
#: Overlap of treated and control area that rounding explains, as a share of the smaller.
_ROUNDING = 1e-6


def displacement_zones(
    treated: gpd.GeoDataFrame,
    corridors: gpd.GeoDataFrame | xr.DataArray,
    *,
    control: gpd.GeoDataFrame | None = None,
    within_km: float | None = None,
    within_cost: float | None = None,
    ring_km: float | None = None,
    line_width_km: float = 1.0,
    cell_m: float | None = None,
) -> gpd.GeoDataFrame:
    """Draw the areas into which traffic can move from a treated area, along its corridors.

    Traffic moves along corridors and not in rings, so the displacement zone is what can be
    reached from the edge of the treated area inside the corridors, by distance along them or
    by travel cost. Plain rings stand beside it for comparison.

    Parameters
    ----------
    treated : GeoDataFrame
        Areas where something was done; taken together.
    corridors : GeoDataFrame or xarray.DataArray
        Corridors as areas, or routes as lines, which are given a width; or a friction
        surface in cost per metre, whose barriers (NaN, infinity) are outside all corridors.
    control : GeoDataFrame, optional
        Areas held against it; they get a displacement zone of their own.
    within_km : float, optional
        Distance along corridors, for areas and lines.
    within_cost : float, optional
        Travel cost, for a friction surface: minutes where it is in minutes per metre.
    ring_km : float, optional
        Width of the rings; by default ``within_km``, and without one no rings.
    line_width_km : float
        Width that routes are given.
    cell_m : float, optional
        Cell on which distance along corridors is measured; by default a hundredth of
        ``within_km``. Distances are right to about two cells and 3 %; corridors nearer to
        one another than a cell are joined.

    Returns
    -------
    GeoDataFrame
        In EPSG:4326, a row a zone: ``role`` (treated, control, displacement_treated,
        displacement_control, ring_treated, ring_control), ``drawn_from`` (given, corridors,
        ring), ``area_km2`` and the area; empty where no corridor leads out. No zone covers
        ground of treated or control; what both displacement zones would share goes to that
        of the treated area, and ``attrs["geocn"]["shared_km2"]`` says how much.

    Raises
    ------
    ParameterError
        Where the distance or cost that fits the corridors is missing or not above zero, or
        the cells would be too many.
    GeometryError, LayerError
        Where treated or control holds anything but areas, or they overlap.
    CRSError, CoordinateError, RasterError
        Where a frame or raster has no CRS, or an area lies outside the friction surface.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> treated = gpd.GeoDataFrame(geometry=[shapely.box(-77.1, 1, -77, 1.1)], crs=4326)
    >>> road = gpd.GeoDataFrame(geometry=[shapely.LineString([(-78, 1.05), (-76, 1.05)])], crs=4326)
    >>> zones = displacement_zones(treated, road, within_km=10)
    >>> zones["role"].tolist()
    ['treated', 'displacement_treated', 'ring_treated']
    >>> (zones["area_km2"].iloc[1:] / [2 * 10 * 1, 44.2 * 10 + 314]).round(1).tolist()
    [1.0, 1.0]
    """
    _check_options(corridors, within_km, within_cost, ring_km, line_width_km, cell_m)
    ground = _Ground.of(treated, control, corridors)
    ring_km = within_km if ring_km is None else ring_km
    if isinstance(corridors, xr.DataArray):
        surface = friction_surface(corridors, layer="corridors")
        stretches = {n: _by_cost(surface, ground, n, float(within_cost or 0)) for n in ground.given}
    else:
        lanes = _lanes(corridors, ground.crs, line_width_km)
        reach_m = float(within_km or 0) * 1000
        size = reach_m / _CELLS_ALONG if cell_m is None else float(cell_m)
        stretches = {
            n: _along(lanes, s, ground.crs, reach_m, size) for n, s in ground.given.items()
        }
    rows, shared = _parted(ground.given, stretches, "displacement")
    if ring_km is not None:
        rings = {n: s.buffer(ring_km * 1000, quad_segs=32) for n, s in ground.given.items()}
        rows |= _parted(ground.given, rings, "ring")[0]
    return attach(
        _frame(ground, rows),
        "evaluation.displacement_zones",
        control=control is not None,
        within_km=within_km,
        within_cost=within_cost,
        ring_km=ring_km,
        line_width_km=line_width_km,
        cell_m=cell_m,
        crs=LONLAT,
        metric_crs=ground.crs,
        shared_km2=shared,
        no_way_out=[name for name, shape in rows.items() if shape.is_empty],
        left_out=ground.left_out,
    )


def _check_options(
    corridors: gpd.GeoDataFrame | xr.DataArray,
    within_km: float | None,
    within_cost: float | None,
    *others: float | None,
) -> None:
    is_surface = isinstance(corridors, xr.DataArray)
    name, fits, other = (
        ("within_cost", within_cost, within_km)
        if is_surface
        else ("within_km", within_km, within_cost)
    )
    faults = []
    if fits is None or other is not None:
        what = "a friction surface" if is_surface else "areas or lines"
        faults.append(f"corridors are {what}: give {name}, and it alone")
    faults += [
        f"{value!r} is no distance or cost above zero"
        for value in (within_km, within_cost, *others)
        if value is not None and not 0 < value < np.inf
    ]
    if faults:
        raise ParameterError("; ".join(faults))


@dataclass(frozen=True)
class _Ground:
    """Treated and control area as one shape each, on an equal-area plane in metres."""

    crs: pyproj.CRS
    given: dict[str, Any]
    left_out: dict[str, int]

    @classmethod
    def of(
        cls,
        treated: gpd.GeoDataFrame,
        control: gpd.GeoDataFrame | None,
        corridors: gpd.GeoDataFrame | xr.DataArray,
    ) -> _Ground:
        frames = {"treated": to_lonlat(treated, "treated")}
        if control is not None:
            frames["control"] = to_lonlat(control, "control")
        lanes = [] if isinstance(corridors, xr.DataArray) else [to_lonlat(corridors, "corridors")]
        for name, frame in frames.items():
            _only_areas(frame, name)
        crs = equal_area_crs(*frames.values(), *lanes)
        given = {
            name: shapely.union_all(_on_plane(frame, crs))
            for name, frame in frames.items()
            if has_geometry(frame).any()
        }
        if "treated" not in given:
            given = {}
        _refuse_overlap(given)
        left_out = {name: int((~has_geometry(f)).sum()) for name, f in frames.items()}
        return cls(crs, given, left_out)


def _only_areas(frame: gpd.GeoDataFrame, name: str) -> None:
    other = has_geometry(frame) & (shapely.get_dimensions(frame.geometry.to_numpy()) != 2)
    if other.any():
        raise GeometryError(
            name,
            found="points or lines",
            expected="areas",
            repair="Give a buffer of them, with the distance that was meant.",
            rows=list(frame.index[other]),
        )


def _on_plane(frame: gpd.GeoDataFrame, crs: pyproj.CRS) -> ObjectArray:
    """Return what has a place, with outlines that cross themselves mended."""
    shapes = frame.geometry[has_geometry(frame)].to_crs(crs).to_numpy()
    return np.asarray(shapely.make_valid(shapes, method="structure"), dtype=object)


def _refuse_overlap(given: dict[str, Any]) -> None:
    if len(given) < 2:
        return
    common = given["treated"].intersection(given["control"]).area
    if common > _ROUNDING * min(shape.area for shape in given.values()):
        raise LayerError(
            "zones",
            found=f"{common / 1e6:.3g} km² that treated and control share",
            expected="areas apart from each other",
            repair="Cut one of them: a control that was treated is none.",
        )


def _lanes(corridors: gpd.GeoDataFrame, crs: pyproj.CRS, width_km: float) -> Any:
    here = to_lonlat(corridors, "corridors")
    shapes = _on_plane(here, crs)
    is_area = shapely.get_dimensions(shapes) == 2
    wide = shapely.buffer(shapes[~is_area], width_km * 500)
    return shapely.union_all(np.concatenate([shapes[is_area], wide]))


def _along(lanes: Any, shape: Any, crs: pyproj.CRS, reach_m: float, cell_m: float) -> Any:
    """Return what lies within a distance of a shape, measured inside the lanes."""
    # Nothing further than this in a straight line can be nearer along a corridor.
    near = shapely.intersection(lanes, shape.buffer(reach_m + 2 * cell_m))
    if near.is_empty or not near.intersects(shape):
        return shapely.Polygon()
    west, south, east, north = (np.array(near.bounds) + np.array([-2, -2, 2, 2]) * cell_m) // cell_m
    n_rows, n_columns = int(north - south) + 1, int(east - west) + 1
    if n_rows * n_columns > _MOST_CELLS:
        raise ParameterError(
            f"{n_rows} × {n_columns} cells of {cell_m:g} m are too many; give a larger cell_m"
        )
    top, left = (south + n_rows) * cell_m, west * cell_m
    transform = Affine(cell_m, 0, left, 0, -cell_m, top)

    def touched(area: Any) -> BoolArray:
        cells: BoolArray = rasterio.features.rasterize(
            [(area, 1)], (n_rows, n_columns), transform=transform, all_touched=True, dtype="uint8"
        ).astype(bool)
        return cells

    open_ = touched(near)
    friction = xr.DataArray(
        np.where(open_, 1.0, np.inf),
        {
            "y": top - (np.arange(n_rows) + 0.5) * cell_m,
            "x": left + (np.arange(n_columns) + 0.5) * cell_m,
        },
        ("y", "x"),
    ).rio.write_crs(crs)
    surface = friction_surface(friction)
    starts = np.flatnonzero(touched(shapely.intersection(near, shape)) & open_)
    cost = surface.accumulate(starts, max_cost=reach_m).cost
    return shapely.intersection(_outline(surface.grid, np.isfinite(cost)), near)


def _by_cost(surface: FrictionSurface, ground: _Ground, name: str, limit: float) -> Any:
    """Return what lies within a travel cost of a shape, on the plane of the ground."""
    frame = gpd.GeoDataFrame(geometry=[ground.given[name]], crs=ground.crs)
    sites = locate_sites(surface, frame, name)
    cost = surface.accumulate(np.unique(sites.cells), max_cost=limit).cost
    reached = _outline(surface.grid, np.isfinite(cost))
    dense = shapely.segmentize(reached, 20 * surface.grid.transform.a)
    if surface.grid.is_geographic:
        dense = fold_longitudes([dense])[0]
    return gpd.GeoSeries([dense], crs=surface.grid.crs).to_crs(ground.crs).iloc[0]


def _outline(grid: RasterGrid, inside: BoolArray) -> Any:
    parts = rasterio.features.shapes(
        inside.astype(np.uint8), mask=inside, connectivity=4, transform=grid.transform
    )
    return shapely.union_all([shapely.geometry.shape(part) for part, _ in parts])


def _parted(
    given: dict[str, Any], reached: dict[str, Any], prefix: str
) -> tuple[dict[str, Any], float]:
    """Zones without the areas themselves and without each other; and what they would share."""
    taken = shapely.union_all(list(given.values()))
    zones: dict[str, Any] = {}
    shared = 0.0
    for name, shape in reached.items():
        zone = _areas_of(shapely.difference(shape, taken))
        before = zone.area
        for other in zones.values():
            zone = _areas_of(shapely.difference(zone, other))
        shared += before - zone.area
        zones[f"{prefix}_{name}"] = zone
    return zones, shared / 1e6


def _areas_of(shape: Any) -> Any:
    parts = shapely.get_parts(shape)
    return shapely.multipolygons(parts[shapely.get_dimensions(parts) == 2])


def _frame(ground: _Ground, zones: dict[str, Any]) -> gpd.GeoDataFrame:
    shapes = ground.given | zones
    drawn = ["given"] * len(ground.given)
    drawn += ["corridors" if name.startswith("displacement") else "ring" for name in zones]
    series = gpd.GeoSeries(list(shapes.values()), crs=ground.crs)
    frame = gpd.GeoDataFrame(
        {"role": list(shapes), "drawn_from": drawn, "area_km2": series.area.astype(float) / 1e6},
        geometry=series.to_crs(LONLAT),
    )
    return frame.astype({"role": "str", "drawn_from": "str", "area_km2": "float64"})
