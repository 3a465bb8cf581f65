"""What readers of formats hand to the leak scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from geocn._typing import AnyArray, FloatArray


@dataclass(frozen=True)
class MapColumns:
    """Columns of a map's block in which the basemap may stand, rounded to ``steps`` a degree."""

    columns: list[AnyArray]
    steps: int


@dataclass(frozen=True)
class TilePlaces:
    """Vertices of vector tiles in degrees, each known to ``precision_m`` metres."""

    lon: FloatArray
    lat: FloatArray
    precision_m: FloatArray


#: A part of what was decoded: where it stands, and bytes, text, columns of numbers, places, or
#: (as a memoryview) bytes that hold nothing but numbers.
Part = tuple[str, bytes | str | list[AnyArray] | memoryview | MapColumns | TilePlaces]
Reader = Callable[[bytes, int], Iterator[Part]]
