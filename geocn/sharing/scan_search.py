"""Looking for withheld values in what was decoded: texts, raw bytes, columns of numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import h3
import numpy as np
import pandas as pd

from geocn._typing import AnyArray, FloatArray
from geocn.harmonise.coordinates import parse_coordinates
from geocn.sharing.scan_parts import TilePlaces
from geocn.sharing.scan_places import COARSEST_M
from geocn.sharing.scan_raw import RawSearch
from geocn.sharing.scan_text import folded
from geocn.sharing.scan_watch import WatchList

_DECIMAL = re.compile(r"[-+]?\d+\.\d+(?:e[-+]?\d+)?")
_COMMA = re.compile(r"[-+]?\d{1,3},\d{4,}")
_WHOLE = re.compile(r"(?<![\d.])-?\d{6,9}(?![\d.])")
_GRID = re.compile(r"\b\d{1,2}[c-hj-np-x] ?[a-hj-np-z]{2} ?(?:\d{5} ?\d{5}|\d{4} ?\d{4})\b")
_UTM = re.compile(r"\b\d{1,2} ?[a-z][\s,;:]+\d{6}(?:\.\d+)?\s*m?\s*e?[\s,;]+\d{6,8}(?:\.\d+)?")
_H3 = re.compile(r"\b8[0-9a-f]{14}\b")
_END = r"(?:\s*[nsewol]\b)"
_ANGLE = re.compile(
    rf"[nsewol]?\s*-?\d{{1,3}}\s*[°ºd]\s*\d{{1,2}}(?:[.,]\d+)?(?:\s*['′m]\s*(?:\d{{1,2}}(?:[.,]\d+)?"
    rf"\s*(?:\"|″|''|s)?)?)?{_END}?"
    rf"|\b\d{{2,3}} \d{{1,2}} \d{{1,2}}(?:\.\d+)?{_END}|\b\d{{6,7}}(?:\.\d+)?[nsewol]\b"
    rf"|\b[nsewol]?\d{{1,3}}:\d{{1,2}}:\d{{1,2}}(?:\.\d+)?{_END}?"
)
_ANGULAR = re.compile(r"\d\s*[°ºd]\s*\d|\d \d{1,2} \d|\d{6}(?:\.\d+)?[nsewol]\b|\d:\d{1,2}:\d")
_ODD = str.maketrans({"−": "-", "–": "-", "′": "'", "″": '"', "’": "'", "”": '"', "º": "°"})
_GAPS = (1, 2, 3)
_FINE_H3 = 11
_MOST_COLUMNS = 40
_CHUNK = 1 << 23


@dataclass
class Search:
    """Collects what was found: ``(path, code, count)`` in the order of finding."""

    watch: WatchList
    found: list[tuple[str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the search of bytes."""
        self._numeric = bool(len(self.watch.places) or len(self.watch.numbers))
        self._raw = RawSearch(self.watch.places, self.watch.numbers)

    def add(self, path: str, codes: Counter[int]) -> None:
        """Note the codes found at a path."""
        self.found += [(path, code, count) for code, count in codes.items()]

    def words(self, path: str, text: str) -> None:
        """Look for texts, and for numbers and places with a decimal point."""
        self._plain(path, folded(text))

    def _plain(self, path: str, plain: str) -> None:
        self.add(path, self.watch.find_text(plain))
        if not (self._numeric and "." in plain):
            return
        decimals = _floats(_DECIMAL.findall(plain))
        self.add(path, self.watch.find_numbers(np.concatenate([decimals, -decimals])))
        self._sequence(path, decimals, ("degrees", "metres"))

    def text(self, path: str, text: str) -> None:
        """Look for texts, numbers and places in a text, whatever way they are written."""
        plain = folded(text if text.isascii() else text.translate(_ODD))
        self._plain(path, plain)
        if len(self.watch.places):
            if _COMMA.search(plain):
                spelled = [one.replace(",", ".") for one in _COMMA.findall(plain)]
                self._sequence(path, _floats(spelled), ("degrees",))
            whole = _floats(_WHOLE.findall(plain))
            self._sequence(path, whole, ("e5", "e6", "e7", "metres"))
            self._grids(path, plain)

    def raw(self, path: str, data: bytes) -> None:
        """Look for numbers and places in bytes: floats and integers at every offset."""
        # Chunks overlap by a pair of float64, so that none is cut in two.
        for start in range(0, len(data), _CHUNK):
            for kind, values in self._raw.look(data[start : start + _CHUNK + 15]):
                if kind == "numbers":
                    self.add(path, self.watch.find_numbers(values))
                else:
                    self.add(path, Counter(values.tolist()))

    def columns(
        self, path: str, columns: Sequence[AnyArray], *, basemap_steps: int | None = None
    ) -> None:
        """Look for places in two columns of one length, in every pair of columns.

        The basemap may stand there rounded to ``basemap_steps`` a degree.
        """
        plausible = [one for one in columns if len(one) and one.dtype.kind in "fiu"]
        for one in plausible:
            if one.dtype == np.float64:
                self.add(path, self.watch.find_numbers(one))
        if not len(self.watch.places):
            return
        for codes in self.watch.places.pairs(plausible[:_MOST_COLUMNS], basemap_steps):
            self.add(path, Counter(codes.tolist()))

    def tiles(self, path: str, places: TilePlaces) -> None:
        """Look for places among the vertices of vector tiles."""
        codes = self.watch.places.in_tiles(places.lon, places.lat, places.precision_m)
        self.add(path, Counter(codes.tolist()))

    def _sequence(
        self,
        path: str,
        values: AnyArray,
        scales: tuple[str, ...],
        gaps: tuple[int, ...] = _GAPS,
    ) -> None:
        for codes in self.watch.places.sequence(values, gaps=gaps, scales=scales):
            self.add(path, Counter(codes.tolist()))

    def _grids(self, path: str, text: str) -> None:
        """Look for places written as MGRS, UTM, degrees–minutes–seconds or H3."""
        texts = [*_GRID.findall(text), *_UTM.findall(text)]
        if texts:
            for role, chosen in (("mgrs", _GRID), ("coordinates", _UTM)):
                self._parsed(path, {role: chosen.findall(text)})
        angles = _ANGLE.findall(text) if _ANGULAR.search(text) else []
        if len(angles) > 1:
            first, second = angles[:-1], angles[1:]
            self._parsed(path, {"latitude": first, "longitude": second})
            self._parsed(path, {"longitude": first, "latitude": second})
        cells = [one for one in set(_H3.findall(text)) if h3.is_valid_cell(one)]
        fine = [one for one in cells if h3.get_resolution(one) >= _FINE_H3]
        if fine:
            lat, lon = np.array([h3.cell_to_latlng(one) for one in fine]).T
            edges = [h3.average_hexagon_edge_length(h3.get_resolution(c), unit="m") for c in fine]
            codes = self.watch.places.near(lon, lat, np.minimum(edges, COARSEST_M))[1]
            self.add(path, Counter(codes.tolist()))

    def _parsed(self, path: str, columns: dict[str, list[str]]) -> None:
        frame = pd.DataFrame(columns, dtype="str").drop_duplicates()
        if len(frame):
            read = parse_coordinates(frame, {name: name for name in columns})
            codes = self.watch.places.near(read.lon, read.lat, read.precision_m * 2**0.5)[1]
            self.add(path, Counter(codes.tolist()))


def _floats(texts: Iterable[str]) -> FloatArray:
    return np.array([float(one) for one in texts], dtype=np.float64)
