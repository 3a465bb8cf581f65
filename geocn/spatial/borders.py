"""The bundled Natural Earth borders and countries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import geopandas as gpd
import pandas as pd

from geocn.errors import ParameterError

Scale = Literal["10m", "50m", "110m"]
SCALES = ("10m", "50m", "110m")
LAND_KINDS = ("land", "disputed")
KINDS = ("land", "disputed", "coast")
_DATA = Path(__file__).parent / "data"
#: Columns of the common layer schema that the bundle fills with constants.
_SOURCE = "Natural Earth 4.1.0"
_CONSTANTS = {
    "source": _SOURCE,
    "marking": "TLP:CLEAR",
    "releasable_to": None,
    "reliability": "A",
    "credibility": "1",
}


def load_borders(scale: Scale = "10m", *, kinds: Sequence[str] = LAND_KINDS) -> gpd.GeoDataFrame:
    """Return the bundled borders as a ``borders`` layer in longitude and latitude.

    Land borders are the arcs that two countries share in the source's topology, so no line
    stands twice and no tolerance is involved. The length of a border depends on the map
    scale (world: 198,149 km at 110m, 213,024 km at 50m, 232,902 km at 10m), so the scale
    stands in every row.

    Parameters
    ----------
    scale : {"10m", "50m", "110m"}
        Natural Earth scale: 1:10 million, 1:50 million, 1:110 million.
    kinds : sequence of {"land", "disputed", "coast"}
        Which pieces to return. River and maritime borders are not told apart in the source.

    Returns
    -------
    GeoDataFrame
        The columns of the borders schema, and ``left`` and ``right``: the country on each
        side of the line as it runs (ISO 3166-1 alpha-3; an empty text is the sea). Chainage
        in kilometres runs from the southern end of a dyad's line to its northern end.

    Raises
    ------
    ParameterError
        Where the scale or a kind is unknown.

    Examples
    --------
    >>> borders = load_borders("110m")
    >>> borders.loc[borders.dyad == "COL-ECU", "left"].tolist()
    ['ECU']
    """
    _known_scale(scale)
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ParameterError(f"borders of kind {', '.join(unknown)}; choose from {KINDS}")
    frame = _read("borders", scale)
    return frame[frame["kind"].isin(list(kinds))].reset_index(drop=True)


def load_countries(scale: Scale = "10m") -> gpd.GeoDataFrame:
    """Return the bundled countries as areas in longitude and latitude.

    Areas that cross +-180 degrees are cut there. Territories without an ISO code carry the
    code that Natural Earth uses (such as CYN), Kosovo XKX.

    Parameters
    ----------
    scale : {"10m", "50m", "110m"}
        Natural Earth scale.

    Returns
    -------
    GeoDataFrame
        ``iso_a3, iso_a2, name, scale, geometry``, ordered by ``iso_a3``.

    Raises
    ------
    ParameterError
        Where the scale is unknown.

    Examples
    --------
    >>> countries = load_countries("110m")
    >>> countries.set_index("iso_a3").loc["COL", "name"]
    'Colombia'
    """
    _known_scale(scale)
    return _read("countries", scale).copy()


def _known_scale(scale: str) -> None:
    if scale not in SCALES:
        raise ParameterError(f"there is no scale {scale!r}; choose one of {', '.join(SCALES)}")


@lru_cache(maxsize=6)
def _read(name: str, scale: str) -> gpd.GeoDataFrame:
    frame = gpd.read_parquet(_DATA / f"{name}_{scale}.parquet")
    if name == "countries":
        return frame
    frame["disputed"] = frame["disputed"].astype("boolean")
    constants = pd.DataFrame(_CONSTANTS, index=frame.index).astype("str")
    constants = constants.where(constants.notna(), None).astype("str")
    geometry = frame.pop("geometry")
    sides = frame[["left", "right"]]
    data = pd.concat([frame.drop(columns=["left", "right"]), constants, sides], axis=1)
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(geometry, crs="EPSG:4326"))
