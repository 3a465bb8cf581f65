"""What the leak scan looks for: texts, numbers and places of the rows that were withheld."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from geocn._typing import AnyArray, FloatArray, IntArray
from geocn.errors import ParameterError
from geocn.sharing.scan_frames import (
    is_id,
    layers_of,
    places_of,
    strings,
    telling_numbers,
    text_columns,
    texts_in,
)
from geocn.sharing.scan_places import PlaceIndex, unit_vectors
from geocn.sharing.scan_sieve import Sieve
from geocn.sharing.scan_text import folded, identifies, is_whole, spans_of, words_of

_PIECE = 8  # words: longer texts are looked for in pieces
_MOST_PIECES = 64


@dataclass(frozen=True)
class Origin:
    """Where a withheld value stands."""

    kind: str
    layer: str
    column: str
    label: Any


@dataclass
class WatchList:
    """Withheld values, indexed; made once by :func:`watch_list` and used for many files.

    Attributes
    ----------
    n_values : int
        Texts, numbers and places that are looked for.
    n_too_short : int
        Texts that are too short to be told from chance, and so are not looked for.
    n_allowed : int
        Values left out since the released data hold them too.
    """

    tolerance_m: float
    n_too_short: int = 0
    n_allowed: int = 0
    _starts: list[int] = field(default_factory=list)
    _groups: list[tuple[str, str, str, pd.Index]] = field(default_factory=list)
    _texts: dict[str, dict[int, dict[str, int]]] = field(default_factory=dict)
    _sieve: Sieve | None = None
    numbers: FloatArray = field(default_factory=lambda: np.empty(0))
    _number_codes: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    places: PlaceIndex = field(
        default_factory=lambda: PlaceIndex(np.empty((0, 2)), np.empty(0, dtype=np.int64), 0.0)
    )

    @property
    def n_texts(self) -> int:
        """Distinct texts that are looked for."""
        return sum(len(one) for sets in self._texts.values() for one in sets.values())

    @property
    def n_values(self) -> int:
        """Texts, numbers and places that are looked for."""
        return self.n_texts + len(self.numbers) + len(self.places)

    def origin(self, code: int) -> Origin:
        """Say which withheld value a code stands for."""
        group = bisect_right(self._starts, code) - 1
        kind, layer, column, labels = self._groups[group]
        return Origin(kind, layer, column, labels[code - self._starts[group]])

    @property
    def n_codes(self) -> int:
        """Codes given out until now."""
        return self._starts[-1] + len(self._groups[-1][3]) if self._groups else 0

    def add_group(self, kind: str, layer: str, column: str, labels: pd.Index) -> int:
        """Register values and return the code of the first."""
        start = self.n_codes
        self._starts.append(start)
        self._groups.append((kind, layer, column, labels))
        return start

    def add_text(self, value: str, code: int) -> None:
        """Look for one text from now on."""
        words = words_of(folded(value))
        if not identifies(words):
            self.n_too_short += 1
            return
        pieces = [words[at : at + _PIECE] for at in range(0, len(words), _PIECE)][:_MOST_PIECES]
        for number, piece in enumerate(pieces):
            if number == 0 or len(piece) == _PIECE:
                sets = self._texts.setdefault(piece[0], {})
                sets.setdefault(len(piece), {}).setdefault(" ".join(piece), code)
                self._sieve = None

    def find_text(self, text: str) -> Counter[int]:
        """Return the codes of the withheld texts that stand in a folded text, with counts."""
        found: Counter[int] = Counter()
        if self._sieve is None:
            self._sieve = Sieve(self._anchors())
        if not self._sieve.passes(text):
            return found
        words = words_of(text)
        present = self._texts.keys() & set(words)
        if not present:
            return found
        spans: list[tuple[int, int]] = []
        for at, word in enumerate(words):
            if word not in present:
                continue
            for length, known in self._texts[word].items():
                code = known.get(" ".join(words[at : at + length]))
                if code is None:
                    continue
                spans = spans or spans_of(text)
                if is_whole(text, spans[at][0], spans[at + length - 1][1]):
                    found[code] += 1
        return found

    def equal_to(self, text: str) -> int | None:
        """Return the code of the withheld text that this one is as a whole."""
        words = words_of(folded(text))
        known = self._texts.get(words[0], {}).get(len(words), {}) if words else {}
        return known.get(" ".join(words))

    def _anchors(self) -> set[str]:
        """Return the longest word of each text: none stands anywhere without its own."""
        texts = {text for sets in self._texts.values() for known in sets.values() for text in known}
        return {max(text.split(), key=len) for text in texts}

    def find_numbers(self, values: AnyArray) -> Counter[int]:
        """Return the codes of the withheld numbers that are among ``values``, exactly."""
        if not len(self.numbers) or not len(values):
            return Counter()
        with np.errstate(invalid="ignore"):
            near = (values >= self.numbers[0]) & (values <= self.numbers[-1])
        asked = values[near].astype(np.float64)
        at = np.searchsorted(self.numbers, asked)
        hit = self.numbers[np.minimum(at, len(self.numbers) - 1)] == asked
        return Counter(self._number_codes[at[hit]].tolist())

    def drop_texts(self, codes: Iterable[int]) -> None:
        """Stop looking for the texts with these codes."""
        gone = set(codes)
        for sets in self._texts.values():
            for length, known in sets.items():
                kept = {text: code for text, code in known.items() if code not in gone}
                self.n_allowed += len(known) - len(kept)
                sets[length] = kept
        self._sieve = None

    def set_numbers(self, values: FloatArray, codes: IntArray, allowed: FloatArray) -> None:
        """Look for these numbers, but for those that are allowed."""
        distinct, first = np.unique(values, return_index=True)
        free = ~np.isin(distinct, allowed)
        self.n_allowed += int((~free).sum())
        self.numbers, self._number_codes = distinct[free], codes[first][free]

    def set_places(self, lonlat: FloatArray, codes: IntArray, allowed: FloatArray) -> None:
        """Look for these places, but for those within the tolerance of an allowed one."""
        distinct, first = np.unique(lonlat, axis=0, return_index=True)
        distinct, codes = distinct[np.argsort(first)], codes[np.sort(first)]
        if len(allowed) and len(distinct):
            tree = cKDTree(unit_vectors(allowed))
            bound = self.tolerance_m * 1.000001
            far = ~np.isfinite(tree.query(unit_vectors(distinct), distance_upper_bound=bound)[0])
            self.n_allowed += int((~far).sum())
            distinct, codes = distinct[far], codes[far]
        self.places = PlaceIndex(distinct, codes, self.tolerance_m, allowed)


def watch_list(
    withheld: Any,
    *,
    released: Any = None,
    allow: Iterable[str] = (),
    canaries: Any = None,
    tolerance_m: float = 10.0,
) -> WatchList:
    """Index what was withheld, so that many files can be scanned for it.

    Parameters
    ----------
    withheld : DataFrame or mapping of str to DataFrame
        The layers in full; what ``released`` also holds is left out.
    released : DataFrame, mapping or sequence of DataFrame, optional
        What the files may hold. A withheld text that stands in a released one, an identifier
        that is one (amid a longer text it is a leak all the same), a number that is equal to
        a released one, and a place within ``tolerance_m`` of a released vertex are not
        looked for.
    allow : iterable of str, optional
        Texts that may stand in the files, such as titles and stated limits.
    canaries : DataFrame or iterable of str, optional
        As from :func:`geocn.sharing.plant_canaries`; never allowed.
    tolerance_m : float, default 10.0
        Distance up to which a place counts as a withheld one; 0 < tolerance ≤ 60.

    Returns
    -------
    WatchList

    Raises
    ------
    ParameterError
        Where the tolerance is out of range or ``withheld`` is no frame.

    Example
    -------
    >>> frame = pd.DataFrame({"seizure_id": ["SZ-00017"], "drug": ["cocaine"]})
    >>> watch_list(frame).n_values
    1
    """
    if not 0 < tolerance_m <= 60:
        raise ParameterError(f"tolerance_m is {tolerance_m}; choose more than 0, at most 60.")
    watch = WatchList(float(tolerance_m))
    values, places = _Gathered(), _Gathered()
    for layer, frame in layers_of(withheld).items():
        _add_frame(watch, layer, frame, values, places)
    public = list(layers_of(released).values()) if released is not None else []
    watch.drop_texts(watch.find_text(folded("\n".join(map(str, allow)))))
    _drop_released(watch, {text for frame in public for text in texts_in(frame)})
    planted = watch.n_codes
    if canaries is not None:
        _add_canaries(watch, canaries, values, places)
    known = [number for frame in public for number, _, _ in telling_numbers(frame)]
    spots = [places_of(frame)[0] for frame in public]
    watch.set_numbers(*values.stacked(1), np.concatenate([*known, np.empty(0)]))
    watch.set_places(*places.stacked(2), np.concatenate([*spots, np.empty((0, 2))]))
    watch.places.never_excuse(planted)
    return watch


def _drop_released(watch: WatchList, texts: set[str]) -> None:
    """Stop looking for names in released texts, and for identifiers that are one whole.

    An identifier amid a released remark is none that was released.
    """
    joined = watch.find_text(folded("\n".join(sorted(texts))))
    named = {code for code in joined if watch.origin(code).kind != "id"}
    if len(named) < len(joined):
        whole = (watch.equal_to(text) for text in texts)
        named |= {code for code in whole if code is not None}
    watch.drop_texts(named)


class _Gathered:
    """Arrays of values and of their codes, on their way to one index."""

    def __init__(self) -> None:
        self.values: list[FloatArray] = []
        self.codes: list[IntArray] = []

    def add(self, values: FloatArray, codes: IntArray) -> None:
        self.values.append(values)
        self.codes.append(codes)

    def stacked(self, width: int) -> tuple[FloatArray, IntArray]:
        empty = np.empty((0, width) if width > 1 else 0)
        none = np.empty(0, dtype=np.int64)
        return np.concatenate([*self.values, empty]), np.concatenate([*self.codes, none])


def _add_frame(
    watch: WatchList, layer: str, frame: pd.DataFrame, values: _Gathered, places: _Gathered
) -> None:
    for name, texts in text_columns(frame):
        _add_texts(watch, texts, "id" if is_id(name) else "text", layer, name)
    for numbers, rows, name in telling_numbers(frame):
        start = watch.add_group("number", layer, name, frame.index)
        values.add(numbers, start + rows)
    lonlat, rows = places_of(frame)
    # Every vertex has a code of its own: some may be public where others are not.
    start = watch.add_group("place", layer, "geometry", frame.index[rows])
    places.add(lonlat, start + np.arange(len(rows)))


def _add_texts(watch: WatchList, column: pd.Series, kind: str, layer: str, name: str) -> None:
    start = watch.add_group(kind, layer, name, column.index)
    seen: set[str] = set()
    for row, value in enumerate(column.tolist()):
        for text in strings(value):
            if text not in seen:
                seen.add(text)
                watch.add_text(text, start + row)


def _add_canaries(watch: WatchList, canaries: Any, values: _Gathered, places: _Gathered) -> None:
    first = len(watch._groups)  # noqa: SLF001
    if isinstance(canaries, pd.DataFrame):
        _add_frame(watch, "canaries", canaries, values, places)
    else:
        labels = pd.Index([str(one) for one in canaries])
        start = watch.add_group("canary", "canaries", "text", pd.RangeIndex(len(labels)))
        for number, text in enumerate(labels):
            watch.add_text(text, start + number)
    for at in range(first, len(watch._groups)):  # noqa: SLF001
        watch._groups[at] = ("canary", *watch._groups[at][1:])  # noqa: SLF001
