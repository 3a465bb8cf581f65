"""Derive the bundled basemap of ``geocn.maps`` from Natural Earth.

Source: the GeoPackage ``world_map.gpkg`` of Debian's ``qgis-common`` package, which holds
Natural Earth 1:10m (public domain, version 4.1) countries and first-level divisions. Both
layers were dissolved from the same generalised divisions, so that neighbours share their
edges exactly: an edge with two owners is a boundary. The land is the union of the countries:
its rings are the coasts.

    python tools/build_basemap.py /usr/share/qgis/resources/data/world_map.gpkg

writes GeoParquet files and ``SHA256SUMS`` into ``geocn/maps/assets/basemap``.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

TARGET = Path(__file__).parents[1] / "geocn" / "maps" / "assets" / "basemap"
DETAIL_TOLERANCE = 0.004
WORLD_TOLERANCE = 0.16
WORLD_MIN_AREA = 0.06
GRID = 8192  # cells a degree: 14 m; a power of two leaves zero bits that compress well


def edges(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct edges of polygons as (x0, y0, x1, y1) and how many own each."""
    rings = shapely.get_rings(shapely.get_parts(polygons))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[:-1] == ring[1:]
    found = np.c_[xy[:-1], xy[1:]][inside]
    found = found[(found[:, :2] != found[:, 2:]).any(axis=1)]
    swap = (found[:, 0] > found[:, 2]) | (
        (found[:, 0] == found[:, 2]) & (found[:, 1] > found[:, 3])
    )
    found[swap] = found[swap][:, [2, 3, 0, 1]]
    return np.unique(found, axis=0, return_counts=True)


def chains(segments: np.ndarray) -> shapely.Geometry:
    """Join edges to the longest possible lines."""
    lines = shapely.linestrings(segments.reshape(-1, 2, 2))
    return shapely.line_merge(shapely.multilinestrings(lines))


def snapped(geometry: np.ndarray) -> np.ndarray:
    """Move every vertex onto the grid; shared edges stay shared."""
    return shapely.transform(geometry, lambda xy: np.round(xy * GRID) / GRID)


def borders(countries: np.ndarray) -> dict[str, shapely.Geometry]:
    """Return the edges with two owners."""
    found, owners = edges(countries)
    return {"border": chains(found[owners > 1])}


def land(countries: np.ndarray) -> gpd.GeoDataFrame:
    """Return the union of countries that share their edges exactly."""
    parts = shapely.get_parts(shapely.coverage_union_all(countries))
    return gpd.GeoDataFrame(geometry=parts, crs="EPSG:4326")


def inner_lines(divisions: gpd.GeoDataFrame) -> shapely.Geometry:
    """Return the boundaries between divisions of one country."""
    kept = []
    for _, group in divisions.groupby("adm0_a3", sort=True):
        found, owners = edges(group.geometry.values)
        kept.append(found[owners > 1])
    return chains(np.concatenate(kept))


def framed(lines: dict[str, shapely.Geometry]) -> gpd.GeoDataFrame:
    """Return one row a line, with its kind."""
    return gpd.GeoDataFrame(
        {"kind": list(lines)}, geometry=list(lines.values()), crs="EPSG:4326"
    ).explode(ignore_index=True)


def labels(frame: gpd.GeoDataFrame, kind: str) -> pd.DataFrame:
    """Return one label point an area: inside its largest part, ranked by that part's size."""
    parts = frame[["iso_a2", "name", "geometry"]].explode(ignore_index=False)
    parts["size"] = shapely.area(parts.geometry.values)
    largest = parts.sort_values("size", kind="stable").groupby(level=0).tail(1).sort_index()
    circles = shapely.maximum_inscribed_circle(largest.geometry.values, tolerance=0.05)
    points = shapely.get_point(circles, 0)
    found = pd.DataFrame(
        {
            "kind": kind,
            "iso_a2": largest["iso_a2"].to_numpy(),
            "name": largest["name"].to_numpy(),
            "size": np.round(largest["size"].to_numpy(), 4),
            "lon": np.round(shapely.get_x(points), 3),
            "lat": np.round(shapely.get_y(points), 3),
        }
    )
    return found[found["name"].notna() & (found["name"] != "")]


def read(source: Path) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Read countries, divisions and disputed boundaries, generalised along shared edges."""
    countries = gpd.read_file(source, layer="countries").rename(columns={"NAME": "name"})
    divisions = gpd.read_file(source, layer="states_provinces")
    disputed = gpd.read_file(source, layer="disputed_borders").explode(ignore_index=True)
    for frame in (countries, divisions):
        frame["geometry"] = snapped(
            shapely.coverage_simplify(frame.geometry.values, DETAIL_TOLERANCE)
        )
    return countries, divisions, disputed


def world(countries: gpd.GeoDataFrame) -> np.ndarray:
    """Return the countries for a small scale, without specks."""
    coarse = snapped(shapely.coverage_simplify(countries.geometry.values, WORLD_TOLERANCE))
    parts, owner = shapely.get_parts(coarse, return_index=True)
    large = shapely.area(parts) > WORLD_MIN_AREA
    parts, owner = parts[large], owner[large]
    return np.array([shapely.multipolygons(parts[owner == k]) for k in np.unique(owner)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    source = parser.parse_args().source
    TARGET.mkdir(parents=True, exist_ok=True)
    countries, divisions, disputed = read(source)
    coarse = world(countries)
    claims = disputed[["geometry"]].assign(kind="disputed").to_crs("EPSG:4326")
    claims["geometry"] = claims.geometry.simplify(DETAIL_TOLERANCE)
    detail = borders(countries.geometry.values) | {"division": inner_lines(divisions)}
    outputs = {
        "land": land(countries.geometry.values),
        "lines": pd.concat([framed(detail), claims], ignore_index=True),
        "world_land": land(coarse),
        "world_lines": framed(borders(coarse)),
    }
    for name, frame in outputs.items():
        frame.to_parquet(TARGET / f"{name}.parquet", compression="zstd", index=False)
        print(name, len(frame), int(shapely.get_num_coordinates(frame.geometry).sum()))
    text = pd.concat([labels(countries, "country"), labels(divisions, "division")])
    text = text.sort_values(["size", "name"], ascending=[False, True]).reset_index(drop=True)
    text.to_parquet(TARGET / "labels.parquet", compression="zstd", index=False)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted(TARGET.glob("*.parquet"))
    ]
    sums.insert(0, f"{hashlib.sha256(source.read_bytes()).hexdigest()}  {source.name}  # source")
    (TARGET / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
