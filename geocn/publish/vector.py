"""Layers as GeoPackage and GeoParquet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geocn._typing import StrPath
from geocn.errors import ParameterError
from geocn.publish._about import facts_of
from geocn.publish._geopackage import NO_TIME, furnish
from geocn.publish._order import hilbert_order
from geocn.publish._storable import metadata_text, renamed_columns, replacing, storable
from geocn.publish.styles import Geometry, LayerStyle

#: Rows of one row group: some megabytes, and small enough for a box to skip most of them.
ROW_GROUP_ROWS = 16_384
_NO_STYLES: Mapping[str, LayerStyle] = MappingProxyType({})
_NO_TIME_OPTION = "OGR_CURRENT_DATE"
_METADATA_KEY = "geocn"
#: The newest version of the format that the oldest QGIS in use reads without a warning.
_VERSION = "1.3"
_RESERVED_COLUMNS = frozenset({"fid", "geom", "ogc_fid", "rowid"})
_RESERVED_PREFIXES = ("gpkg_", "rtree_", "sqlite_", "ogr_")


def write_geopackage(
    layers: Mapping[str, pd.DataFrame],
    path: StrPath,
    *,
    metadata: Mapping[str, Any] | None = None,
    styles: Mapping[str, LayerStyle] = _NO_STYLES,
) -> Path:
    """Write layers into one GeoPackage, replacing the file in one step.

    Null and empty geometries and mixed geometry types are kept. Frames without geometry
    become plain tables. ``attrs`` of each frame go, as JSON, into the metadata of its
    layer under ``geocn``; what they tell of marking, cut-off and method, and the sources
    that the rows name, stand in words in the layer's description and in the metadata that
    QGIS shows. Times keep milliseconds, as the format does. The same frames give the same
    bytes with the same versions of GDAL and SQLite.

    Parameters
    ----------
    layers : mapping of str to GeoDataFrame or DataFrame
        Frames by the name of their layer.
    path : path-like
        The ``.gpkg`` file.
    metadata : mapping, optional
        Facts about the whole file (title, cut-off date); kept as JSON in its metadata.
    styles : mapping of str to LayerStyle, optional
        How QGIS draws a layer when it is opened, by the name of the layer. Where a layer
        mixes points, lines and areas, the most frequent kind is styled.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        Where there is no layer, a layer's name cannot be a table, or a style is for no
        layer or column that is there.
    CRSError, SchemaError
        Where a frame has no CRS or a column name stands twice.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Notes
    -----
    Where the format asks for a time of writing it gets 1 January 2000. A column whose name the
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
    _check_styles(layers, styles)
    prepared = {name: _for_geopackage(frame, name) for name, frame in layers.items()}
    general = {_METADATA_KEY: metadata_text(metadata)} if metadata else None
    looks = {
        name: (_renamed_style(style, prepared[name][2]), kind)
        for name, style in styles.items()
        if (kind := _main_kind(layers[name])) is not None
    }
    errors = (DataSourceError, DataLayerError, FeatureError, sqlite3.Error)
    with replacing(path, drivers=errors) as temporary:
        with _without_time():
            for name, (frame, about, _) in prepared.items():
                pyogrio.write_dataframe(
                    frame,
                    temporary,
                    layer=name,
                    driver="GPKG",
                    geometry_type=_declared_type(frame),
                    layer_metadata=about or None,
                    dataset_metadata=general,
                    use_arrow=True,
                    VERSION=_VERSION,
                    DATETIME_PRECISION="MILLISECOND",
                )
        facts = {name: facts_of(frame) for name, frame in layers.items()}
        furnish(temporary, styles=looks, facts=facts)
    return Path(path)


def write_geoparquet(
    frame: pd.DataFrame,
    path: StrPath,
    *,
    order: Literal["kept", "hilbert"] = "kept",
    row_group_rows: int = ROW_GROUP_ROWS,
) -> Path:
    """Write a layer as GeoParquet 1.1 with a covering box, replacing the file in one step.

    Types, time zones, nulls, several geometry columns and ``attrs`` come back as they
    were. The same frame gives the same bytes. A frame without geometry becomes a plain
    Parquet file.

    Parameters
    ----------
    frame : GeoDataFrame or DataFrame
        The layer.
    path : path-like
        The ``.parquet`` file.
    order : {"kept", "hilbert"}
        ``"kept"``: rows keep their order. ``"hilbert"``: they follow a Hilbert curve (rows
        without a place last, ties as they were), so that a reader with a box skips most
        row groups.
    row_group_rows : int
        Rows of one row group, the least that a reader can skip; 1 or more.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        Where ``order`` or ``row_group_rows`` is none of these.
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
    ...     _ = write_geoparquet(frame, folder + "/sites.parquet", order="hilbert")
    ...     geopandas.read_parquet(folder + "/sites.parquet").n.tolist()
    [1]
    """
    _check_parquet(order, row_group_rows)
    table = storable(frame, layer=Path(path).name)
    way: dict[str, Any] = {"index": False, "compression": "zstd", "row_group_size": row_group_rows}
    with replacing(path, drivers=(pa.ArrowException,)) as temporary:
        if isinstance(table, gpd.GeoDataFrame) and table.active_geometry_name is not None:
            if order == "hilbert":
                attrs, table = table.attrs, table.iloc[hilbert_order(table)]
                table.attrs = attrs
            table.to_parquet(
                temporary,
                schema_version="1.1.0",
                # the covering is a column of that name; a layer's own comes first
                write_covering_bbox="bbox" not in table.columns,
                **way,
            )
        else:
            plain_table = pd.DataFrame(table)
            plain_table.attrs = table.attrs
            plain_table.to_parquet(temporary, **way)
    return Path(path)


def _check_parquet(order: str, row_group_rows: int) -> None:
    if order not in ("kept", "hilbert"):
        raise ParameterError(f"order={order!r}; choose 'kept' or 'hilbert'")
    if row_group_rows < 1:
        raise ParameterError(f"row_group_rows={row_group_rows}; give 1 or more")


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


def _check_styles(layers: Mapping[str, pd.DataFrame], styles: Mapping[str, LayerStyle]) -> None:
    faults = [f"{name!r} is no layer" for name in styles if name not in layers]
    for name, style in styles.items():
        columns = {style.column, style.sizes.column if style.sizes else None} - {None}
        if name in layers:
            absent = sorted(str(c) for c in columns if c not in layers[name].columns)
            faults += [f"layer {name!r} has no column {column!r}" for column in absent]
    if "layer_styles" in {name.casefold() for name in layers} and styles:
        faults.append("'layer_styles' is the name of the table that holds styles")
    if faults:
        raise ParameterError(f"styles: {'; '.join(faults)}. Name layers and columns that exist.")


def _main_kind(frame: pd.DataFrame) -> Geometry | None:
    """Return the most frequent kind of geometry, None without any."""
    if getattr(frame, "active_geometry_name", None) is None:
        return None
    dimensions = shapely.get_dimensions(frame.geometry.to_numpy())
    counts = [int((dimensions == number).sum()) for number in range(3)]
    kinds: tuple[Geometry, ...] = ("point", "line", "area")
    return kinds[counts.index(max(counts))] if any(counts) else None


def _declared_type(frame: pd.DataFrame) -> str | None:
    """Return the type that all geometries share, ``"Unknown"`` where they differ."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return None
    shapes = frame.geometry[~shapely.is_missing(frame.geometry.to_numpy())]
    types, flat = set(shapes.geom_type), not shapes.has_z.any()
    return types.pop() if len(types) == 1 and flat else "Unknown"


def _renamed_style(style: LayerStyle, renamed: Mapping[str, str]) -> LayerStyle:
    column, sizes = style.column, style.sizes
    if sizes is not None:
        sizes = replace(sizes, column=renamed.get(sizes.column, sizes.column))
    return replace(style, column=column and renamed.get(column, column), sizes=sizes)


def _for_geopackage(
    frame: pd.DataFrame, name: str
) -> tuple[pd.DataFrame, dict[str, str], dict[str, str]]:
    table = storable(frame, layer=name)
    about = {_METADATA_KEY: metadata_text(frame.attrs)} if frame.attrs else {}
    table.attrs = {}  # the file holds them as text, and pandas copies them with every column
    active = getattr(table, "active_geometry_name", None)
    if active is None:
        table = pd.DataFrame(table)
    more = [c for c in table.columns if str(table[c].dtype) == "geometry" and c != active]
    for column in more:  # the format holds one geometry a row; others stay as text
        table[column] = pd.Series(table[column].to_wkt(), index=table.index, dtype="str")
    for column in table.columns:
        if str(table[column].dtype) == "uint64":
            table[column] = table[column].astype("str")
    renamed = renamed_columns(
        [str(c) for c in table.columns if c != active], reserved=_RESERVED_COLUMNS
    )
    if renamed:
        table = table.rename(columns=renamed)
        about["geocn_renamed"] = metadata_text(renamed)
    return table, about, renamed


@contextmanager
def _without_time() -> Iterator[None]:
    """Keep the time of writing out of the file, and the user's own setting as it was."""
    before = pyogrio.get_gdal_config_option(_NO_TIME_OPTION)
    pyogrio.set_gdal_config_options({_NO_TIME_OPTION: NO_TIME})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_NO_TIME_OPTION: before})
