"""Derive the bundled borders and countries from a Natural Earth topology.

In a TopoJSON file an arc that belongs to two countries is a land border and an arc that
belongs to one is a coast. No tolerance is involved, no line stands twice.

    python tools/build_borders.py --topology FOLDER --disputed world_map.gpkg

FOLDER holds countries-10m.json, countries-50m.json and countries-110m.json of the npm
package world-atlas 2.0.2 (Natural Earth 4.1.0, public domain; packaging ISC licence);
world_map.gpkg comes with Debian's qgis-common (Natural Earth 4.1.0 breakaway and disputed
lines). Writes geocn/spatial/data/*.parquet and SHA256SUMS.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn.spatial.geodesy import cumulative_km
from geocn.spatial.topology import merge_chains, ring_area, unwrap_lon

DATA = Path(__file__).parents[1] / "geocn" / "spatial" / "data"
SCALES = ("10m", "50m", "110m")
SEA = ""
# Territories whose line with these neighbours is itself the matter of the dispute.
CLAIMS = {
    "XKX": {"SRB"},
    "SOL": {"SOM"},
    "ESH": {"MAR"},
    "CYN": {"CYP", "CNM", "ESB"},
    "CNM": {"CYP", "CYN", "ESB"},
    "KAS": {"IND", "PAK", "CHN"},
    "PSE": {"ISR"},
}
# Whole borders, or the part inside a box (west, south, east, north), beyond which or up to
# which a neighbour claims land; the claims are those of Natural Earth's disputed areas.
WORLD = (-180.0, -90.0, 180.0, 90.0)
CLAIMED_BORDERS = {
    ("GUY", "VEN"): WORLD,  # Guayana Esequiba
    ("BLZ", "GTM"): WORLD,  # Guatemalan claim to Belize
    ("GUY", "SUR"): (-58.5, 1.0, -56.0, 4.0),  # New River triangle
    ("ISR", "SYR"): WORLD,  # Golan
    ("IND", "PAK"): (73.0, 32.4, 80.0, 38.0),  # Line of Control
    ("CHN", "IND"): WORLD,  # Aksai Chin, middle sector, Arunachal Pradesh
    ("BTN", "CHN"): WORLD,  # Doklam and the northern valleys
}
# Natural Earth lines are quantised to 0.0036 x 0.0017 degrees in the topology.
SAME_LINE_DEG = 0.005
SHORTEST_FLAG_KM = 3.0


class Topology:
    """Arcs in degrees, countries as rings of arcs, and the country on each side of an arc."""

    def __init__(self, path: Path, codes: dict[tuple[str, str], dict[str, str]]) -> None:
        raw = json.loads(path.read_text(encoding="utf-8"))
        scale, shift = raw["transform"]["scale"], raw["transform"]["translate"]
        self.arcs = [
            np.round(np.cumsum(np.array(a), axis=0) * scale + shift, 6) for a in raw["arcs"]
        ]
        self.countries: list[tuple[dict[str, str], list[list[list[int]]]]] = []
        for item in raw["objects"]["countries"]["geometries"]:
            parts = item.get("arcs", [])
            parts = [parts] if item["type"] == "Polygon" else parts
            code = codes[item.get("id") or "", item["properties"]["name"]]
            self.countries.append((code, parts))

    def ring(self, numbers: list[int]) -> np.ndarray:
        lines = [self.arcs[n] if n >= 0 else self.arcs[~n][::-1] for n in numbers]
        return np.vstack([lines[0], *(line[1:] for line in lines[1:])])

    def sides(self) -> tuple[list[str], list[str]]:
        """The country to the left and to the right of every arc; the sea is an empty text."""
        found = [(set(), set()) for _ in self.arcs]
        for code, parts in self.countries:
            for rings in parts:
                for place, numbers in enumerate(rings):
                    ring = self.ring(numbers)
                    ring = np.column_stack([unwrap_lon(ring[:, 0]), ring[:, 1]])
                    inside_left = (self._area(ring) > 0) == (place == 0)
                    for n in numbers:
                        left = inside_left == (n >= 0)
                        found[n if n >= 0 else ~n][0 if left else 1].add(code["iso_a3"])
        # A country on both sides is a spike of zero width, not an owner.
        spikeless = [(a - b, b - a) for a, b in found]
        return (
            [min(a, default=SEA) for a, _ in spikeless],
            [min(b, default=SEA) for _, b in spikeless],
        )

    @staticmethod
    def _area(ring: np.ndarray) -> float:
        if abs(ring[0, 0] - ring[-1, 0]) > 180:  # around a pole: only Antarctica is
            pole = [[ring[-1, 0], -90], [ring[0, 0], -90], ring[0].tolist()]
            ring = np.vstack([ring, pole])
        return ring_area(ring)


def border_pieces(topology: Topology, claims: shapely.Geometry, scale: str) -> pd.DataFrame:
    left, right = topology.sides()
    dyads: dict[tuple[str, str], list[int]] = defaultdict(list)
    for n, pair in enumerate(zip(left, right, strict=True)):
        if pair[0] != pair[1]:
            dyads[tuple(sorted(pair))].append(n)
    rows = []
    for (a, b), numbers in sorted(dyads.items()):
        lines = [topology.arcs[n] for n in numbers]
        side = {}
        for n, line in zip(numbers, lines, strict=True):
            for p, q in pairwise(map(tuple, line)):
                side[p, q], side[q, p] = (left[n], right[n]), (right[n], left[n])
        rows += list(_pieces((a, b), lines, side, claims, scale))
    return pd.DataFrame(rows)


def _pieces(pair, lines, side, claims, scale):
    a, b = pair
    coast = a == SEA
    dyad = b if coast else f"{a}-{b}"
    always = not coast and (b in CLAIMS.get(a, ()) or a in CLAIMS.get(b, ()))
    if coast:
        lines = [part for line in lines for part in _away_from_the_cut(line)]
    chainage, number = 0.0, 0
    for chain in merge_chains(lines):
        km = cumulative_km(chain[:, 0], chain[:, 1])
        sides = [side[edge] for edge in pairwise(map(tuple, chain))]
        if coast:
            flags = np.zeros(len(sides), bool)
        else:
            flags = np.ones(len(sides), bool) if always else _on_claim(chain, km, claims)
            flags |= _in_box(chain, CLAIMED_BORDERS.get((a, b)))
        labels = [(*s, f) for s, f in zip(sides, flags.tolist(), strict=True)]
        change = [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]
        for start, stop in zip([0, *change], [*change, len(labels)], strict=True):
            yield {
                "border_id": f"{dyad}/{number}",
                "dyad": dyad,
                "kind": "coast" if coast else "disputed" if labels[start][2] else "land",
                "disputed": labels[start][2],
                "chainage_from_km": round(chainage + km[start], 6),
                "chainage_to_km": round(chainage + km[stop], 6),
                "scale": scale,
                "left": labels[start][0],
                "right": labels[start][1],
                "geometry": shapely.LineString(chain[start : stop + 1]),
            }
            number += 1
        chainage += km[-1]


def _on_claim(chain: np.ndarray, km: np.ndarray, claims: shapely.Geometry) -> np.ndarray:
    middles = shapely.points((chain[:-1] + chain[1:]) / 2)
    near = shapely.dwithin(middles, claims, SAME_LINE_DEG)
    ends = shapely.dwithin(shapely.points(chain), claims, SAME_LINE_DEG)
    flags = near & ends[:-1] & ends[1:]
    change = [0, *(np.flatnonzero(np.diff(flags)) + 1), len(flags)]
    for start, stop in pairwise(change):
        if flags[start] and km[stop] - km[start] < SHORTEST_FLAG_KM:
            flags[start:stop] = False
    return flags


def _in_box(chain: np.ndarray, box: tuple[float, ...] | None) -> np.ndarray:
    if box is None:
        return np.zeros(len(chain) - 1, bool)
    inside = (chain >= box[:2]).all(axis=1) & (chain <= box[2:]).all(axis=1)
    return inside[:-1] & inside[1:]


def _away_from_the_cut(line: np.ndarray) -> list[np.ndarray]:
    """Cut a coast where it jumps across or runs along 180 degrees: no shore lies there."""
    on = np.abs(line[:, 0]) >= 180
    break_at = (np.abs(np.diff(line[:, 0])) > 180) | (on[:-1] & on[1:])
    parts = np.split(line, np.flatnonzero(break_at) + 1)
    return [part for part in parts if len(part) > 1]


def country_areas(topology: Topology, scale: str) -> gpd.GeoDataFrame:
    rows = []
    for code, parts in topology.countries:
        polygons = []
        for rings in parts:
            lines = [topology.ring(numbers) for numbers in rings]
            lines = [line for line in lines if len(line) >= 4]
            if lines:
                polygons += _cut_at_180(lines)
        if polygons:
            area = shapely.union_all(polygons)
            area = shapely.multipolygons([p for p in shapely.get_parts(area) if p.area > 0])
            if not area.is_empty:
                names = {key: code[key] for key in ("iso_a3", "iso_a2", "name")}
                rows.append({**names, "scale": scale, "geometry": area})
    return gpd.GeoDataFrame(rows, crs="EPSG:4326").sort_values("iso_a3", ignore_index=True)


def _cut_at_180(rings: list[np.ndarray]) -> list[shapely.Geometry]:
    lon = [unwrap_lon(r[:, 0]) for r in rings]
    shell = np.column_stack([lon[0], rings[0][:, 1]])
    if abs(shell[0, 0] - shell[-1, 0]) > 180:
        shell = np.vstack([shell, [[shell[-1, 0], -90], [shell[0, 0], -90]], shell[:1]])
    holes = [np.column_stack([x, r[:, 1]]) for x, r in zip(lon[1:], rings[1:], strict=True)]
    area = shapely.make_valid(shapely.Polygon(shell, holes))
    if shell[:, 0].min() >= -180 and shell[:, 0].max() <= 180:
        return _areas(area)
    pieces = []
    for turn in (-360, 0, 360):
        part = shapely.intersection(area, shapely.box(turn - 180, -90, turn + 180, 90))
        moved = shapely.transform(part, lambda xy, t=turn: xy - [t, 0])
        pieces += _areas(moved)
    return pieces


def _areas(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in parts if shapely.get_type_id(part) == 3 and not part.is_empty]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topology", type=Path, required=True)
    parser.add_argument("--disputed", type=Path, required=True)
    options = parser.parse_args()
    with (DATA / "country_codes.csv").open(encoding="utf-8") as file:
        codes = {(row["source_id"], row["source_name"]): row for row in csv.DictReader(file)}
    lines = gpd.read_file(options.disputed, layer="disputed_borders").geometry
    claims = shapely.union_all(lines.to_numpy())
    shapely.prepare(claims)
    written = []
    for scale in SCALES:
        topology = Topology(options.topology / f"countries-{scale}.json", codes)
        pieces = border_pieces(topology, claims, scale)
        frames = {
            "borders": gpd.GeoDataFrame(pieces, crs="EPSG:4326"),
            "countries": country_areas(topology, scale),
        }
        for name, frame in frames.items():
            path = DATA / f"{name}_{scale}.parquet"
            frame.to_parquet(path, index=False, compression="zstd", compression_level=19)
            written.append(path)
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in sorted(written)]
    (DATA / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
