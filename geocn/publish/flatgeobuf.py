"""Layers as FlatGeobuf: one layer a file, with an index that a web page can query."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geocn._typing import StrPath
from geocn.errors import ParameterError, SchemaError
from geocn.publish._order import placed
from geocn.publish._storable import metadata_text, renamed_columns, replacing, storable


def write_flatgeobuf(
    frame: gpd.GeoDataFrame,
    path: StrPath,
    *,
    heights: Literal["kept", "all_or_none"] = "kept",
) -> Path:
    """Write a layer as FlatGeobuf, replacing the file in one step.

    The file carries a packed Hilbert R-tree, so that a web page or a script can fetch the
    rows of a box alone. The same frame gives the same bytes.

    Parameters
    ----------
    frame : GeoDataFrame
        The layer. No row is lost; with an index they stand in the order of the index.
    path : path-like
        The ``.fgb`` file.
    heights : {"kept", "all_or_none"}
        The format holds heights where all geometries have them and are of one type. Where
        they cannot be kept, ``"kept"`` is an error and ``"all_or_none"`` drops them.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        Where ``heights`` is neither.
    CRSError, SchemaError
        Where the frame has no geometry column, no CRS, a column name stands twice, or
        heights cannot be kept.
    WriteError
        Where the file cannot be written; the previous version is still whole.

    Notes
    -----
    The format cannot index a row without a place. A layer with such a row (null, empty or
    not finite) is written whole, in its own order, *without* the index; leave these rows out
    first where the index matters more. Empty geometries become null. Times keep
    milliseconds. A column that differs from another by case only gets an underscore.
    ``attrs`` stand as JSON in the file's description.

    Examples
    --------
    >>> import geopandas, tempfile
    >>> frame = geopandas.GeoDataFrame(
    ...     {"n": [1]}, geometry=geopandas.points_from_xy([-72], [4]), crs="EPSG:4326"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_flatgeobuf(frame, folder + "/sites.fgb")
    ...     geopandas.read_file(folder + "/sites.fgb").n.tolist()
    [1]
    """
    if heights not in ("kept", "all_or_none"):
        raise ParameterError(f"heights={heights!r}; choose 'kept' or 'all_or_none'")
    name = Path(path).name
    table, declared = _for_flatgeobuf(frame, name, heights)
    errors = (DataSourceError, DataLayerError, FeatureError)
    with replacing(path, drivers=errors) as temporary:
        pyogrio.write_dataframe(
            table,
            temporary,
            layer=Path(path).stem,
            driver="FlatGeobuf",
            geometry_type=declared,
            use_arrow=True,
            SPATIAL_INDEX="YES" if placed(table).all() else "NO",
            TITLE=Path(path).stem,
            DESCRIPTION=metadata_text(frame.attrs) if frame.attrs else "",
        )
    return Path(path)


def _for_flatgeobuf(
    frame: gpd.GeoDataFrame, name: str, heights: str
) -> tuple[gpd.GeoDataFrame, str]:
    active = getattr(frame, "active_geometry_name", None)
    if active is None:
        raise SchemaError(
            name,
            found="no geometry column",
            expected="one: the format holds layers only",
            repair="Write the table with write_csv or write_geoparquet.",
        )
    table = storable(frame, layer=name)
    for column in table.columns:
        if column != active and str(table[column].dtype) == "geometry":
            table[column] = pd.Series(table[column].to_wkt(), index=table.index, dtype="str")
    table = table.rename(columns=renamed_columns([str(c) for c in table.columns if c != active]))
    shapes, declared = _of_one_kind(table.geometry, name, heights)
    return table.set_geometry(shapes), declared


def _of_one_kind(shapes: gpd.GeoSeries, name: str, heights: str) -> tuple[gpd.GeoSeries, str]:
    """Return the shapes that the format can hold, and the type that its header declares."""
    kept = shapes.where(~shapes.is_empty, None)
    known = kept[kept.notna()]
    types, high = set(known.geom_type), known.has_z
    declared = types.pop() if len(types) == 1 else "Unknown"
    if not high.any():
        return kept, declared
    if high.all() and declared != "Unknown":
        return kept, f"{declared} Z"
    if heights == "all_or_none":
        flat = gpd.GeoSeries(shapely.force_2d(kept.to_numpy()), index=kept.index, crs=kept.crs)
        return flat, declared
    raise SchemaError(
        name,
        found=f"heights in {int(high.sum())} of {len(known)} geometries of {declared} type",
        expected="heights in all of one type, or in none: the format holds no others",
        rows=list(known.index[high]),
        repair="Drop them with heights='all_or_none' or shapely.force_2d.",
    )
