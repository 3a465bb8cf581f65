"""Places that stand in every map: the vertices and labels of the basemap that comes along."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geocn._typing import BoolArray, FloatArray, IntArray

#: Names of the columns of the list of labels in a map.
LABELS = frozenset({"kind", "iso_a2", "name", "size", "lon", "lat"})
#: Steps a degree to which maps round the coarse world with the labels, and the detail.
WORLD_STEPS, DETAIL_STEPS = 100, 1_000
_KEY = 10_000_000
_LINE = 4_000_000_000


def is_bundled(lonlat: FloatArray, steps: int | None = None) -> BoolArray:
    """Say which places are, to the last digit, vertices or labels of the bundled basemap.

    Parameters
    ----------
    lonlat : ndarray, shape (n, 2)
    steps : int, optional
        Steps a degree to which the basemap was rounded where these places stand; without
        it only unrounded vertices count.
    """
    known = _known(steps)
    wanted = _keys(lonlat)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    same: BoolArray = known[at] == wanted
    return same


@lru_cache(maxsize=3)
def _known(steps: int | None) -> IntArray:
    whole = _vertices()
    if steps == WORLD_STEPS:
        spots = np.concatenate([whole["world_land"], whole["world_lines"], whole["labels"]])
    elif steps == DETAIL_STEPS:
        spots = np.concatenate([whole["land"], whole["lines"]])
    else:
        return np.unique(_keys(np.concatenate(list(whole.values()))))
    return np.unique(_keys(np.round(spots * steps) / steps))


@lru_cache(maxsize=1)
def _vertices() -> dict[str, FloatArray]:
    found: dict[str, FloatArray] = {}
    with as_file(files("geocn") / "maps" / "assets" / "basemap") as folder:
        for path in sorted(folder.glob("*.parquet")):
            if path.stem == "labels":
                labels = pd.read_parquet(path)
                found[path.stem] = labels[["lon", "lat"]].to_numpy("float64")
            else:
                shapes = np.asarray(gpd.read_parquet(path).geometry.values)
                found[path.stem] = shapely.get_coordinates(shapes)
    return found


def _keys(lonlat: FloatArray) -> IntArray:
    """Return a whole number a place, equal where they are the same to a centimetre."""
    whole = np.rint(lonlat * _KEY).astype(np.int64)
    keys: IntArray = whole[:, 0] * _LINE + whole[:, 1]
    return keys
