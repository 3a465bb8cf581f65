"""GeoTIFF and COG rasters: one file, one driver, north up, missing cells as NaN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geocn._typing import AnyArray, StrPath
from geocn.errors import CRSError, RasterError, ReadError, UnsafeFileError
from geocn.io.crs import settle_crs
from geocn.io.guard import FileFormat, check_path, identify_content, open_regular

if TYPE_CHECKING:
    import xarray as xr
    from affine import Affine
    from rasterio.io import DatasetReader

_HEAD = 4096
_MAX_CELLS = 500_000_000
_SPARSE_CELLS = 50_000_000
_MAX_CELLS_A_BYTE = 2000
#: GDAL looks at nothing but the file: no list of its folder, no ``.aux.xml``, no world file.
ALONE = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
}


@contextmanager
def open_geotiff(path: StrPath, *, cache_mb: int | None = None) -> Iterator[DatasetReader]:
    """Open a GeoTIFF or COG and nothing that it may name.

    Parameters
    ----------
    path : path
        The file; its content must be a TIFF, whatever its name.
    cache_mb : int, optional
        What GDAL may keep of its blocks, where none is read twice.

    Raises
    ------
    ReadError, UnsafeFileError
        Where the file is damaged, no TIFF, a disguise, or far larger than its bytes.
    """
    import rasterio

    checked = check_path(path)
    with open_regular(checked) as stream:
        found = identify_content(stream.read(_HEAD), checked.name)
    if found is not FileFormat.GEOTIFF:
        raise ReadError(f"{checked.name}: found {found.value}; expected a GeoTIFF")
    with rasterio.Env(**ALONE, **({} if cache_mb is None else {"GDAL_CACHEMAX": cache_mb})):
        try:
            source = rasterio.open(checked, driver="GTiff", sharing=False)
        except rasterio.errors.RasterioError as error:
            raise damaged(checked.name, error) from error
        with source:
            cells, size = source.width * source.height, checked.stat().st_size
            if cells > _SPARSE_CELLS and cells > _MAX_CELLS_A_BYTE * size:
                raise UnsafeFileError(
                    f"{checked.name}: found {source.width} × {source.height} cells in {size} "
                    "bytes. Cut out the area you need."
                )
            yield source


def damaged(name: str, error: Exception) -> ReadError:
    """Say that a raster could not be read."""
    return ReadError(f"{name}: the raster is damaged or was cut ({error})")


def require_upright(source: DatasetReader, name: str) -> None:
    """Refuse a raster whose rows do not run from west to east.

    Raises
    ------
    RasterError
    """
    turn = source.transform
    if turn.b or turn.d or turn.a <= 0 or turn.e == 0:
        raise RasterError(
            name,
            found="a rotated, sheared or mirrored grid",
            expected="rows that run west to east",
            repair="Warp it first: gdalwarp in.tif out.tif",
        )


def read_raster(
    path: StrPath, *, crs: Any = None, band: int | None = None, nodata: float | None = None
) -> xr.DataArray:
    """Read one band of a GeoTIFF or COG.

    Parameters
    ----------
    path : path
        The file; its content must be a TIFF, whatever its name.
    crs : anything pyproj understands, optional
        Declares the coordinate reference system where the file states none.
    band : int, optional
        From 1. Needed where the file holds several bands.
    nodata : float, optional
        A value that means "no data", beside the one the file states.

    Returns
    -------
    DataArray
        Dimensions ``y`` (falling) and ``x`` (rising) with coordinates of cell centres and
        the CRS; float32 for float32 and integers of up to 16 bits, float64 otherwise. Cells
        without data are NaN. The file's scale and offset are applied. ``attrs["geocn_notes"]``
        tells what was assumed.

    Raises
    ------
    ReadError, UnsafeFileError
        Where the file is damaged, no TIFF, a disguise, or beyond 500 million cells.
    RasterError
        Where it is rotated, sheared or not georeferenced, or several bands could be meant.
    CRSError
        Where no CRS is known, or ``crs`` contradicts the file.

    Examples
    --------
    >>> import tempfile; import numpy as np; import rasterio; from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "coca.tif"
    >>> grid = {"width": 2, "height": 1, "count": 1, "dtype": "int16", "nodata": -1}
    >>> place = {"crs": "EPSG:4326", "transform": rasterio.Affine(0.1, 0, -75, 0, -0.1, 5)}
    >>> with rasterio.open(file, "w", driver="GTiff", **grid, **place) as out:
    ...     out.write(np.array([[[3, -1]]], dtype="int16"))
    >>> read_raster(file).values
    array([[ 3., nan]], dtype=float32)
    """
    import rasterio

    with open_geotiff(path) as source:
        name = Path(path).name
        try:
            _check(source, name)
            return _read(source, name, crs=crs, band=band, nodata=nodata)
        except (rasterio.errors.RasterioError, OSError, ValueError, MemoryError) as error:
            if isinstance(error, (ReadError, RasterError, CRSError)):
                raise
            raise damaged(name, error) from error


def _check(source: DatasetReader, name: str) -> None:
    if source.width * source.height > _MAX_CELLS:
        raise UnsafeFileError(
            f"{name}: found {source.width} × {source.height} cells; expected at most "
            f"{_MAX_CELLS}. Cut out the area you need."
        )
    require_upright(source, name)
    turn = source.transform
    if turn.is_identity and source.crs is None:
        raise RasterError(
            name,
            found="a picture without georeference",
            expected="a GeoTIFF",
            repair="Export it with its georeference inside the file.",
        )
    if any("complex" in kind for kind in source.dtypes):
        raise RasterError(name, found="complex numbers", expected="real numbers")


def _read(
    source: DatasetReader, name: str, *, crs: Any, band: int | None, nodata: float | None
) -> xr.DataArray:
    import xarray as xr

    chosen, notes = _band(source, band, name), []
    stated = _stated_crs(source)
    settled = settle_crs(stated, crs, name=name)
    if settled is None:
        raise CRSError(
            name,
            found="no coordinate reference system",
            expected="one",
            repair='Declare it: crs="EPSG:4326".',
        )
    if source.nodata is None and nodata is None:
        notes.append("no nodata value is stated: every cell counts as data")
    values = _values(source, chosen, nodata)
    x = source.transform.c + source.transform.a * (np.arange(source.width) + 0.5)
    y = source.transform.f + source.transform.e * (np.arange(source.height) + 0.5)
    if source.transform.e > 0:
        values, y = values[::-1], y[::-1]
        notes.append("the rows ran south to north and were turned")
    raster = xr.DataArray(values, dims=("y", "x"), coords={"y": y, "x": x}, name="band")
    return _labelled(raster, settled, source, chosen, notes)


def _labelled(
    raster: xr.DataArray, crs: Any, source: DatasetReader, band: int, notes: list[str]
) -> xr.DataArray:
    """Write CRS, nodata and what is known of the band into the array."""
    import rioxarray  # noqa: F401 - registers the accessor

    turn = source.transform
    north_up = turn if turn.e < 0 else _turned(turn, source.height)
    # In place: a copy and its accessor hold on to each other until garbage is collected.
    raster.rio.write_crs(crs, inplace=True)
    raster.rio.write_transform(north_up, inplace=True)
    raster.rio.write_nodata(np.nan, inplace=True)
    raster.attrs["band"] = band
    if source.descriptions[band - 1]:
        raster.attrs["long_name"] = source.descriptions[band - 1]
    if source.units[band - 1]:
        raster.attrs["units"] = source.units[band - 1]
    raster.attrs["geocn_notes"] = notes
    return raster


def _turned(transform: Affine, height: int) -> Affine:
    """Return the transform of the same grid with its rows running from north to south."""
    top = transform.f + transform.e * height
    return type(transform)(transform.a, 0.0, transform.c, 0.0, -transform.e, top)


def _band(source: DatasetReader, band: int | None, name: str) -> int:
    if band is None and source.count == 1:
        return 1
    if band is None or not 1 <= band <= source.count:
        named = [text or str(i) for i, text in enumerate(source.descriptions, start=1)]
        raise RasterError(
            name,
            found=f"{source.count} bands: {', '.join(named[:8])}"
            + (f", not {band}" if band else ""),
            expected="one band",
            repair="Say which with band=, counted from 1.",
        )
    return band


def _values(source: DatasetReader, band: int, nodata: float | None) -> AnyArray:
    raw = source.read(band, masked=True)
    small = np.dtype(raw.dtype).itemsize <= 2 or raw.dtype == np.float32
    values: AnyArray = raw.data.astype(np.float32 if small else np.float64, copy=False)
    gone = np.ma.getmaskarray(raw)
    if nodata is not None:
        gone = gone | (raw.data == nodata)
    scale, offset = source.scales[band - 1], source.offsets[band - 1]
    if (scale, offset) != (1.0, 0.0):
        values = values * scale + offset
    values[gone] = np.nan
    return values


def _stated_crs(source: DatasetReader) -> Any:
    from pyproj import CRS

    return None if source.crs is None else CRS.from_user_input(source.crs.to_wkt())
