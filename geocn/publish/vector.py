"""Layers as GeoPackage and GeoParquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.publish._storable import metadata_text, replacing, storable

#: Written where the format asks for a time of writing, so that content does not change with it.
_NO_TIME = "2000-01-01T00:00:00.000Z"
_NO_TIME_OPTION = "OGR_CURRENT_DATE"
_METADATA_KEY = "geocn"
_RESERVED_COLUMNS = frozenset({"fid", "geom", "ogc_fid", "rowid"})
_RESERVED_PREFIXES = ("gpkg_", "rtree_", "sqlite_", "ogr_")


def write_geopackage(
    layers: Mapping[str, pd.DataFrame],
    path: StrPath,
    *,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write layers into one GeoPackage, replacing the file in one step.

    Null and empty geometries and mixed geometry types are kept. Frames without geometry
    become plain tables. ``attrs`` of each frame go, as JSON, into the metadata of its
    layer under ``geocn``. Times keep milliseconds, as the format does.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame or DataFrame
        Frames by the name of their layer.
    path : path-like
        The ``.gpkg`` file.
    metadata : mapping, optional
        Facts about the whole file (title, cut-off date); kept as JSON in its metadata.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        Where there is no layer, or a layer's name cannot be a table.
    CRSError, SchemaError
        Where a frame has no CRS or a column name stands twice.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Notes
    -----
    The bytes of a GeoPackage are not promised, its content is: the same frames give the
    same layers, rows and metadata, without a time of writing. A column whose name the
    format reserves (``fid``, ``geom``) or that differs from another by case only gets
    an underscore; the layer's metadata says so under ``geocn_renamed``.

    Examples
    --------
    >>> import geopandas, tempfile
    >>> frame = geopandas.GeoDataFrame(
    ...     {"n": [1]}, geometry=geopandas.points_from_xy([-72], [4]), crs="EPSG:4326"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_geopackage({"sites": frame}, folder + "/sites.gpkg").name
    'sites.gpkg'
    """
    _check_layer_names(layers)
    prepared = {name: _for_geopackage(frame, name) for name, frame in layers.items()}
    general = {_METADATA_KEY: metadata_text(metadata)} if metadata else None
    errors = (DataSourceError, DataLayerError, FeatureError)
    with replacing(path, drivers=errors) as temporary, _without_time():
        for name, (frame, about) in prepared.items():
            pyogrio.write_dataframe(
                frame,
                temporary,
                layer=name,
                driver="GPKG",
                geometry_type="Unknown" if isinstance(frame, gpd.GeoDataFrame) else None,
                layer_metadata=about or None,
                dataset_metadata=general,
                use_arrow=True,
            )
    return Path(path)


def write_geoparquet(frame: pd.DataFrame, path: StrPath) -> Path:
    """Write a layer as GeoParquet 1.1 with a covering box, replacing the file in one step.

    Types, time zones, nulls, several geometry columns and ``attrs`` come back as they
    were. The same frame gives the same bytes. A frame without geometry becomes a plain
    Parquet file.

    Parameters
    ----------
    frame : GeoDataFrame or DataFrame
        The layer; rows keep their order.
    path : path-like
        The ``.parquet`` file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CRSError, SchemaError
        Where the frame has no CRS or a column name stands twice.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Examples
    --------
    >>> import geopandas, tempfile
    >>> frame = geopandas.GeoDataFrame(
    ...     {"n": [1]}, geometry=geopandas.points_from_xy([-72], [4]), crs="EPSG:4326"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_geoparquet(frame, folder + "/sites.parquet")
    ...     geopandas.read_parquet(folder + "/sites.parquet").n.tolist()
    [1]
    """
    table = storable(frame, layer=Path(path).name)
    with replacing(path, drivers=(pa.ArrowException,)) as temporary:
        if isinstance(table, gpd.GeoDataFrame) and table.active_geometry_name is not None:
            table.to_parquet(
                temporary,
                index=False,
                compression="zstd",
                schema_version="1.1.0",
                # the covering is a column of that name; a layer's own comes first
                write_covering_bbox="bbox" not in table.columns,
            )
        else:
            plain_table = pd.DataFrame(table)
            plain_table.attrs = table.attrs
            plain_table.to_parquet(temporary, index=False, compression="zstd")
    return Path(path)


def _check_layer_names(layers: Mapping[str, pd.DataFrame]) -> None:
    if not layers:
        raise ParameterError("a GeoPackage needs at least one layer; none was given")
    faults: list[str] = []
    seen: dict[str, str] = {}
    for name in layers:
        folded = name.casefold()
        if not name.strip() or not name.isprintable() or len(name) > 100:
            faults.append(f"{name[:40]!r} is not a printable name of 1 to 100 characters")
        elif folded.startswith(_RESERVED_PREFIXES):
            faults.append(f"{name!r} begins with a prefix that the format reserves")
        if folded in seen:
            faults.append(f"{name!r} and {seen[folded]!r} differ by case only")
        seen[folded] = name
    if faults:
        raise ParameterError(f"layer names: {'; '.join(faults)}. Rename these layers.")


def _for_geopackage(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, dict[str, str]]:
    table = storable(frame, layer=name)
    about = {_METADATA_KEY: metadata_text(frame.attrs)} if frame.attrs else {}
    active = getattr(table, "active_geometry_name", None)
    if active is None:
        table = pd.DataFrame(table)
    more = [c for c in table.columns if str(table[c].dtype) == "geometry" and c != active]
    for column in more:  # the format holds one geometry a row; others stay as text
        table[column] = pd.Series(table[column].to_wkt(), index=table.index, dtype="str")
    for column in table.columns:
        if str(table[column].dtype) == "uint64":
            table[column] = table[column].astype("str")
    renamed = _renamed([str(c) for c in table.columns if c != active])
    if renamed:
        table = table.rename(columns=renamed)
        about["geocn_renamed"] = metadata_text(renamed)
    return table, about


def _renamed(columns: list[str]) -> dict[str, str]:
    taken: set[str] = set(_RESERVED_COLUMNS)
    renamed: dict[str, str] = {}
    for column in columns:
        free = column
        while free.casefold() in taken:
            free += "_"
        taken.add(free.casefold())
        if free != column:
            renamed[column] = free
    return renamed


@contextmanager
def _without_time() -> Iterator[None]:
    """Keep the time of writing out of the file, and the user's own setting as it was."""
    before = pyogrio.get_gdal_config_option(_NO_TIME_OPTION)
    pyogrio.set_gdal_config_options({_NO_TIME_OPTION: _NO_TIME})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_NO_TIME_OPTION: before})
