"""Where a result came from: written into ``.attrs["geocn"]`` of every result."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol, TypeVar

KEY = "geocn"
_RECORDED = ("geocn", "geopandas", "shapely", "pyproj", "numpy", "pandas", "numba", "scipy")


class HasAttrs(Protocol):
    """Anything with an ``attrs`` mapping: pandas and geopandas frames, xarray objects."""

    @property
    def attrs(self) -> Any: ...  # noqa: D102


T = TypeVar("T", bound=HasAttrs)


@lru_cache(maxsize=1)
def _installed() -> tuple[tuple[str, str], ...]:
    found = [("python", ".".join(map(str, sys.version_info[:3])))]
    for name in _RECORDED:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def versions() -> dict[str, str]:
    """Return the versions of geocn, Python and the libraries that shape results."""
    return dict(_installed())


def attach(result: T, method: str, **details: Any) -> T:
    """Write method, parameters and versions into ``result.attrs["geocn"]`` and return it.

    Parameters
    ----------
    result : DataFrame, GeoDataFrame, DataArray or Dataset
        A fresh result; its ``attrs`` are replaced under the key ``"geocn"`` only.
    method : str
        The public name of the analysis, such as ``"hotspots.getis_ord"``.
    **details
        Parameters, ``seed``, ``crs``, ``n_tests``, ``left_out`` and the like. Values
        are reduced to what JSON can hold, so that they survive a file.
    """
    record: dict[str, Any] = {"method": method, "versions": versions()}
    record.update({key: plain(value) for key, value in details.items()})
    result.attrs[KEY] = record
    return result


def plain(value: Any) -> Any:
    """Reduce ``value`` to what JSON can hold, with stable text for anything else."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [plain(item) for item in items]
    if hasattr(value, "to_string") and hasattr(value, "to_wkt"):
        return value.to_string()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item") and getattr(value, "size", 2) == 1:
        return plain(value.item())
    return f"<{type(value).__name__}>"
