"""FlatGeobuf: what the driver gets wrong."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pyogrio
import shapely

from geocn.io.table import read_table


def test_null_geometry_in_a_file_without_index(tmp_path: Path) -> None:
    """The driver's Arrow batches have broken offsets here; every row must still come back."""
    given = gpd.GeoDataFrame(
        {"n": [1, 2, 3]}, geometry=[shapely.Point(1, 2), None, shapely.Point(3, 4)], crs=4326
    )
    path = tmp_path / "sites.fgb"
    pyogrio.write_dataframe(given, path, SPATIAL_INDEX="NO")
    read = read_table(path).frame
    assert read["n"].tolist() == [1, 2, 3]
    assert read.geometry.isna().tolist() == [False, True, False]
    assert read.geometry.iloc[2].equals(shapely.Point(3, 4))
