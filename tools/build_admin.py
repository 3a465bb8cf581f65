"""Derive the scenario's first-level divisions from Natural Earth.

Input: ``world_map.gpkg`` as Debian's package ``qgis-common`` ships it (layer
``states_provinces``; Natural Earth, public domain). Output:
``geocn/scenario/data/admin1.parquet`` with every named division that touches the region,
coordinates rounded to 0.0001 degrees.

Run: ``python tools/build_admin.py /usr/share/qgis/resources/data/world_map.gpkg``
"""

from __future__ import annotations

import argparse
import unicodedata
from pathlib import Path

import geopandas as gpd
import shapely

from geocn.publish import write_geoparquet
from geocn.scenario.geography import REGION

TARGET = Path(__file__).parents[1] / "geocn" / "scenario" / "data" / "admin1.parquet"
PRECISION_DEGREES = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    write_geoparquet(derive(parser.parse_args().source), TARGET)


def derive(source: Path) -> gpd.GeoDataFrame:
    """Return the divisions with ``code, name, country, iso_a3``, ordered by code."""
    box = shapely.box(*REGION)
    raw = gpd.read_file(source, layer="states_provinces", engine="pyogrio")
    raw = raw[raw["name"].notna() & raw.intersects(box)]
    fips = raw["fips"].where(raw["fips"].map(raw["fips"].value_counts()) == 1)
    frame = gpd.GeoDataFrame(
        {
            "code": [code_of(*row) for row in zip(fips, raw["iso_a2"], raw["name"], strict=True)],
            "name": raw["name"].to_list(),
            "country": raw["admin"].to_list(),
            "iso_a3": raw["adm0_a3"].to_list(),
        },
        geometry=shapely.set_precision(
            shapely.make_valid(raw.geometry.to_numpy()), PRECISION_DEGREES
        ),
        crs=raw.crs,
    )
    if frame["code"].duplicated().any():
        raise SystemExit(f"codes stand twice: {frame['code'][frame['code'].duplicated()].tolist()}")
    return frame.sort_values("code", ignore_index=True)


def code_of(fips: object, iso_a2: str, name: str) -> str:
    """Return the FIPS 10-4 code where one division has it, or letters of country and name."""
    if isinstance(fips, str) and fips.strip():
        return fips.strip()
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"{iso_a2}-{''.join(c for c in ascii_name if c.isalpha())[:6].upper()}"


if __name__ == "__main__":
    main()
