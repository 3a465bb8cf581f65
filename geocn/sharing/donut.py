"""Donut masking: points moved by a secret, at least so far and at most so far.

Hampton et al. 2010, Mapping health data: improved privacy protection with donut method
geomasking, American Journal of Epidemiology 172, doi:10.1093/aje/kwq248.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from geocn._typing import FloatArray
from geocn.errors import GeometryError, ParameterError, ReleaseError
from geocn.sharing.generalise import with_precision
from geocn.spatial.crs import LONLAT, has_geometry, to_lonlat

#: Environment variables that name the secret at run time.
SECRET, SECRET_FILE = "GEOCN_RELEASE_SECRET", "GEOCN_RELEASE_SECRET_FILE"
SHORTEST_SECRET = 16
# Positions nearer than this, about a centimetre, are one place and move as one.
_DEGREE = 1e7
# A micrometre inside either edge, more than the geodesic's own rounding.
_EDGE_M = 1e-6
_DRAW = float(1 << 64)


def donut(
    frame: gpd.GeoDataFrame, *, min_m: float, max_m: float, secret: bytes
) -> gpd.GeoDataFrame:
    """Move every point by ``min_m`` to ``max_m`` metres in a direction that a secret tells.

    Direction and distance come from HMAC-SHA-256 of the position (and of the two bounds)
    under the secret: the same point moves the same way each time, so that releases one
    after the other cannot be averaged, and without the secret the way cannot be told. The
    landing places of a point are uniform over the area of the ring.

    Parameters
    ----------
    frame : GeoDataFrame
        Points or several points a row, in any CRS; null places stay.
    min_m, max_m : float
        Metres along the geodesic on WGS 84.
    secret : bytes
        At least 16 bytes; it goes nowhere.

    Returns
    -------
    GeoDataFrame
        In longitude and latitude; ``location_precision_m`` is at least ``max_m``.

    Raises
    ------
    ParameterError
        Where the bounds are not 0 < min_m < max_m.
    ReleaseError
        Where the secret is too short.
    GeometryError
        Where a row is a line or an area, whose form would give it away.

    References
    ----------
    Hampton et al. 2010, doi:10.1093/aje/kwq248.

    Example
    -------
    >>> site = gpd.GeoDataFrame(geometry=[shapely.Point(-77, 1)], crs=4326)
    >>> moved = donut(site, min_m=500, max_m=2000, secret=b"for an example only")
    >>> from geocn.spatial.geodesy import distance_m
    >>> point = moved.geometry.iloc[0]
    >>> bool(500 < distance_m(-77, 1, point.x, point.y) < 2000)
    True
    """
    if not 0 < min_m < max_m < np.inf:
        raise ParameterError(f"donut_m = [{min_m:g}, {max_m:g}]: 0 < first < second is needed.")
    _long_enough(secret)
    result = to_lonlat(frame, "release").copy()
    held = has_geometry(result)
    geometry = np.array(result.geometry.to_numpy(), dtype=object)
    shaped = held & (shapely.get_dimensions(geometry) > 0)
    if shaped.any():
        raise GeometryError(
            "donut_m",
            found="lines or areas",
            expected="points",
            rows=list(result.index[shaped]),
            repair="A moved shape is known by its form: use grid_km or simplify_m.",
        )
    flat = shapely.force_2d(geometry[held])
    geometry[held] = shapely.set_coordinates(
        flat, _moved(shapely.get_coordinates(flat), min_m=min_m, max_m=max_m, secret=secret)
    )
    result = result.set_geometry(gpd.GeoSeries(geometry, index=result.index, crs=LONLAT))
    return with_precision(result, np.where(held, max_m, np.nan))


def _moved(xy: FloatArray, *, min_m: float, max_m: float, secret: bytes) -> FloatArray:
    whole = np.round(xy * _DEGREE).astype(np.int64)
    whole[:, 0] = np.where(whole[:, 0] == round(-180 * _DEGREE), round(180 * _DEGREE), whole[:, 0])
    places, back = np.unique(whole, axis=0, return_inverse=True)
    bounds = struct.pack(">dd", min_m, max_m)
    draws = np.empty((len(places), 2))
    for number, (x, y) in enumerate(places.tolist()):
        message = b"geocn donut 1" + struct.pack(">qq", x, y) + bounds
        digest = hmac.new(secret, message, hashlib.sha256).digest()
        draws[number] = [part / _DRAW for part in struct.unpack(">QQ", digest[:16])]
    draws = draws[np.reshape(back, -1)]
    reach = np.sqrt(min_m**2 + draws[:, 1] * (max_m**2 - min_m**2))
    edge = min(_EDGE_M, (max_m - min_m) / 4)
    reach = np.clip(reach, min_m + edge, max_m - edge)
    x, y = np.ascontiguousarray(xy.T)
    lon, lat, _ = Geod(ellps="WGS84").fwd(x, y, 360 * draws[:, 0], reach)
    return np.column_stack([lon, lat])


def read_secret(environment: Mapping[str, str] | None = None) -> bytes | None:
    """Return the secret that the environment names, or None where it names none.

    ``GEOCN_RELEASE_SECRET_FILE`` is the path of a file, ``GEOCN_RELEASE_SECRET`` the secret
    itself; the file is the better place, since other programs may list an environment.

    Raises
    ------
    ReleaseError
        Where the file cannot be read, or the secret has fewer than 16 bytes.
    """
    told = os.environ if environment is None else environment
    if told.get(SECRET_FILE):
        try:
            secret = Path(told[SECRET_FILE]).read_bytes().strip()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ReleaseError(f"{SECRET_FILE}: the file cannot be read: {reason}.") from error
    elif told.get(SECRET):
        secret = told[SECRET].strip().encode()
    else:
        return None
    _long_enough(secret)
    return secret


def _long_enough(secret: bytes) -> None:
    if not isinstance(secret, bytes) or len(secret) < SHORTEST_SECRET:
        raise ReleaseError(
            f"the secret of donut_m needs at least {SHORTEST_SECRET} bytes. Make one with: "
            "head -c 32 /dev/urandom | base64"
        )
