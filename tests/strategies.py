"""Hypothesis strategies that several rooms' tests share."""

from __future__ import annotations

import unicodedata

import numpy as np
import shapely
from hypothesis import strategies as st

#: Longitude and latitude with room for a margin around them.
longitudes = st.floats(-179, 179, allow_nan=False).map(lambda v: round(v, 6))
latitudes = st.floats(-59, 79, allow_nan=False).map(lambda v: round(v, 6))
lonlat = st.tuples(longitudes, latitudes)
points = lonlat.map(shapely.Point)
lines = st.lists(lonlat, min_size=2, max_size=8, unique=True).map(shapely.LineString)

words = st.text("abcdefghijklmnopqrstuvwxyzáéíóúñüç", min_size=4, max_size=12)
place_names = st.lists(words, min_size=1, max_size=3).map(" ".join)


@st.composite
def spellings(draw: st.DrawFn, name: str) -> str:
    """The same name as another clerk would type it: case, accents, spaces, punctuation."""
    text = draw(st.sampled_from([str.upper, str.lower, str.title, str.strip]))(name)
    if draw(st.booleans()):
        decomposed = unicodedata.normalize("NFD", text)
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
    if draw(st.booleans()):
        text = unicodedata.normalize("NFD", text)
    text = text.replace(" ", draw(st.sampled_from([" ", "  ", "-", ", "])))
    return draw(st.sampled_from(["", " ", "\t"])) + text + draw(st.sampled_from(["", " ", "."]))


def weights(n: int) -> st.SearchStrategy[np.ndarray]:
    """Weights in kilograms over the range that seizures have."""
    each = st.floats(1e-6, 1e6, allow_nan=False)
    return st.lists(each, min_size=n, max_size=n).map(np.array)
