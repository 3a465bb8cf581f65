"""Coordinate reference systems as files state them and as users declare them."""

from __future__ import annotations

from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from geocn.errors import CRSError


def parse_crs(crs: Any, *, name: str = "crs") -> CRS:
    """Return what the user declared as a CRS.

    Raises
    ------
    CRSError
        Where pyproj does not understand it.
    """
    try:
        return CRS.from_user_input(crs)
    except (ProjError, TypeError, ValueError) as error:
        raise CRSError(
            name,
            found=repr(crs)[:80],
            expected="a coordinate reference system",
            repair='Write it as an EPSG code, such as "EPSG:4326".',
        ) from error


def settle_crs(stated: CRS | None, declared: Any, *, name: str) -> CRS | None:
    """Return the CRS of a file: what it states, or else what the user declares.

    Raises
    ------
    CRSError
        Where both are given and contradict each other.
    """
    if declared is None:
        return stated
    given = parse_crs(declared)
    if stated is None or stated.equals(given, ignore_axis_order=True):
        return given
    raise CRSError(
        name,
        found=f"{stated.to_string()[:60]} in the file, {given.to_string()[:60]} declared",
        expected="one coordinate reference system",
        repair="Leave crs= out, or convert the file.",
    )
