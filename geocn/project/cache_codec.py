"""Frames, rasters and results as bytes and back, without code in them (no pickle).

The bytes are a tree in JSON and blobs of plain arrays. The same object gives the same
bytes on every machine, so that their SHA-256 stands for its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import xarray as xr

from geocn.project.cache_arrays import Node, UnstorableError, array_node, array_of

# Objects of ours that may stand in an entry: what a file names beyond these is refused.
_OURS = {
    "Coverage": "geocn.coverage.result",
    "Service": "geocn.coverage.capacity",
    "Siting": "geocn.coverage.locate_result",
    "Result": "geocn.project.results",
    "Reading": "geocn.project.reading",
}
_LZ4_LEAST_BYTES = 256


class EntryError(ValueError):
    """The bytes of an entry do not make sense."""


def digest(value: Any) -> str:
    """Return the SHA-256 of the content of ``value``: the same for equal values everywhere.

    Frames count with dtypes, index, order of columns, CRS and ``attrs``.

    Raises
    ------
    UnstorableError
        Where ``value`` holds something without a form here.

    Examples
    --------
    >>> import pandas as pd
    >>> digest(pd.DataFrame({"a": [1]})) == digest(pd.DataFrame({"a": [1.0]}))
    False
    """
    writer = _Writer()
    tree = writer.put(value)
    content = hashlib.sha256(_json(tree))
    for blob in writer.blobs:
        content.update(blob)
    return content.hexdigest()


def to_bytes(value: Any) -> bytes:
    """Write ``value`` as bytes from which :func:`from_bytes` makes an equal one."""
    writer = _Writer()
    tree = writer.put(value)
    packed = [_packed(blob) for blob in writer.blobs]
    sizes = [[len(blob), len(one)] for blob, one in zip(writer.blobs, packed, strict=True)]
    head = _json({"tree": tree, "blobs": sizes})
    return b"".join([f"{len(head)}\n".encode(), head, *packed])


def from_bytes(content: bytes) -> Any:
    """Read what :func:`to_bytes` wrote.

    Raises
    ------
    EntryError
        Where the bytes are not of that form.
    """
    try:
        line, _, _ = content[:20].partition(b"\n")
        start = len(line) + 1
        head = json.loads(content[start : start + int(line)])
        place, blobs = start + int(line), []
        for size, packed in head["blobs"]:
            blobs.append(_unpacked(content[place : place + packed], size))
            place += packed
        return _Reader(blobs).take(head["tree"])
    except UnstorableError:
        raise
    except Exception as error:
        raise EntryError(f"an entry that cannot be read: {type(error).__name__}") from error


def _json(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=True, separators=(",", ":")).encode()


def _packed(blob: bytes) -> bytes:
    if len(blob) < _LZ4_LEAST_BYTES:
        return blob
    small: bytes = pa.compress(blob, codec="lz4", asbytes=True)
    return small if len(small) < len(blob) else blob


def _unpacked(blob: bytes, size: int) -> bytes:
    if len(blob) == size:
        return blob
    whole: bytes = pa.decompress(blob, decompressed_size=size, codec="lz4", asbytes=True)
    return whole


class _Writer:
    """Takes a value apart; arrays go to ``blobs``."""

    def __init__(self) -> None:
        self.blobs: list[bytes] = []

    def put(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, (list, tuple, Mapping, set, frozenset)):
            return self._container(value)
        if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)):
            return self._pandas(value)
        if isinstance(value, pd.api.extensions.ExtensionArray):
            return {"t": "column", "v": array_node(value, self.put)}
        if isinstance(value, (xr.DataArray, xr.Dataset, xr.Variable)):
            return self._xarray(value)
        if is_dataclass(value) and type(value).__name__ in _OURS:
            held = [[one.name, self.put(getattr(value, one.name))] for one in fields(value)]
            return {"t": "ours", "c": type(value).__name__, "v": held}
        return _scalar(value)

    def _array(self, values: Any) -> Node:
        if values.dtype == object:
            return {"t": "objects", "n": list(values.shape), "v": [*map(self.put, values.flat)]}
        solid = np.ascontiguousarray(values)
        self.blobs.append(solid.tobytes())
        shape = list(values.shape)
        return {"t": "array", "d": values.dtype.str, "n": shape, "b": len(self.blobs) - 1}

    def _container(self, value: Any) -> Node:
        if isinstance(value, Mapping):
            kind = "proxy" if isinstance(value, MappingProxyType) else "dict"
            return {"t": kind, "v": [[self.put(k), self.put(v)] for k, v in value.items()]}
        if isinstance(value, (set, frozenset)):
            kind = type(value).__name__
            return {"t": kind, "v": [self.put(one) for one in sorted(value, key=repr)]}
        if type(value) not in (list, tuple):
            raise UnstorableError(type(value).__name__)
        return {"t": type(value).__name__, "v": [self.put(one) for one in value]}

    def _pandas(self, value: Any) -> Node:
        if isinstance(value, pd.Index):
            return self._index(value)
        node: Node = {"i": self.put(value.index), "a": self.put(dict(value.attrs))}
        if isinstance(value, pd.Series):
            kind = "geoseries" if isinstance(value, gpd.GeoSeries) else "series"
            held = array_node(value.array if _extends(value) else value.to_numpy(), self.put)
            return node | {"t": kind, "n": self.put(value.name), "v": held}
        node["c"] = self.put(value.columns)
        columns = [value.iloc[:, place] for place in range(value.shape[1])]
        node["v"] = [
            array_node(one.array if _extends(one) else one.to_numpy(), self.put) for one in columns
        ]
        if isinstance(value, gpd.GeoDataFrame):
            return node | {"t": "geoframe", "g": self.put(value.active_geometry_name)}
        return node | {"t": "frame"}

    def _index(self, value: Any) -> Node:
        if isinstance(value, pd.RangeIndex):
            bounds = [value.start, value.stop, value.step]
            return {"t": "range", "v": bounds, "n": self.put(value.name)}
        if isinstance(value, pd.MultiIndex):
            levels, codes = [*map(self.put, value.levels)], [*map(self.put, value.codes)]
            return {"t": "multi", "l": levels, "c": codes, "n": self.put(list(value.names))}
        held = array_node(value.array if _extends(value) else value.to_numpy(), self.put)
        frequency = getattr(value, "freqstr", None)
        return {"t": "index", "v": held, "n": self.put(value.name), "f": frequency}

    def _xarray(self, value: Any) -> Node:
        if isinstance(value, xr.Variable):
            dims, attrs = list(value.dims), self.put(dict(value.attrs))
            encoding = self.put(dict(value.encoding))
            return {
                "t": "variable",
                "d": dims,
                "a": attrs,
                "e": encoding,
                "v": self.put(value.values),
            }
        node: Node = {
            "c": [[str(name), self.put(one.variable)] for name, one in value.coords.items()],
            "a": self.put(dict(value.attrs)),
        }
        if isinstance(value, xr.DataArray):
            return node | {"t": "raster", "v": self.put(value.variable), "n": self.put(value.name)}
        held = [[str(name), self.put(one.variable)] for name, one in value.data_vars.items()]
        return node | {"t": "dataset", "v": held, "e": self.put(dict(value.encoding))}


def _extends(value: Any) -> bool:
    return isinstance(value.dtype, pd.api.extensions.ExtensionDtype)


def _scalar(value: Any) -> Node:
    if value is pd.NA:
        return {"t": "NA"}
    if value is pd.NaT:
        return {"t": "NaT"}
    if isinstance(value, pd.Timestamp):
        zone = None if value.tz is None else str(value.tz)
        return {"t": "stamp", "v": int(value.asm8.astype("int64")), "u": value.unit, "z": zone}
    if isinstance(value, pd.Timedelta):
        return {"t": "delta", "v": int(value.asm8.astype("int64")), "u": value.unit}
    if isinstance(value, np.generic) and value.dtype.kind in "biufcMmSU":
        return {"t": "scalar", "d": value.dtype.str, "v": value.tobytes().hex()}
    if type(value) is date:
        return {"t": "date", "v": value.isoformat()}
    if type(value) is datetime and value.tzinfo is None:
        return {"t": "datetime", "v": value.isoformat()}
    raise UnstorableError(type(value).__name__)


class _Reader:
    """Puts a value together again."""

    def __init__(self, blobs: list[bytes]) -> None:
        self.blobs = blobs

    def take(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        kind = node["t"]
        if kind in _SIMPLE:
            return _SIMPLE[kind](node)
        return getattr(self, f"_{kind}")(node)

    def _all(self, nodes: Any) -> list[Any]:
        return [self.take(one) for one in nodes]

    def _array(self, node: Node) -> Any:
        made = np.empty(node["n"], dtype=np.dtype(node["d"]))
        if made.size:
            flat = np.frombuffer(self.blobs[node["b"]], dtype=made.dtype)
            made[...] = flat.reshape(made.shape)
        return made

    def _objects(self, node: Node) -> Any:
        values = np.empty(len(node["v"]), dtype=object)
        for place, one in enumerate(node["v"]):
            values[place] = self.take(one)
        return values.reshape(node["n"])

    def _column(self, node: Node) -> Any:
        return array_of(node["v"], self.take)

    def _dict(self, node: Node) -> dict[Any, Any]:
        return {self.take(key): self.take(value) for key, value in node["v"]}

    def _proxy(self, node: Node) -> Any:
        return MappingProxyType(self._dict(node))

    def _list(self, node: Node) -> list[Any]:
        return self._all(node["v"])

    def _tuple(self, node: Node) -> tuple[Any, ...]:
        return tuple(self._all(node["v"]))

    def _set(self, node: Node) -> set[Any]:
        return set(self._all(node["v"]))

    def _frozenset(self, node: Node) -> frozenset[Any]:
        return frozenset(self._all(node["v"]))

    def _ours(self, node: Node) -> Any:
        made = _class(node["c"])
        return made(**{name: self.take(value) for name, value in node["v"]})

    def _range(self, node: Node) -> Any:
        start, stop, step = node["v"]
        return pd.RangeIndex(start, stop, step, name=self.take(node["n"]))

    def _multi(self, node: Node) -> Any:
        levels, codes = self._all(node["l"]), self._all(node["c"])
        return pd.MultiIndex(
            levels=levels, codes=codes, names=self.take(node["n"]), verify_integrity=False
        )

    def _index(self, node: Node) -> Any:
        found = pd.Index(array_of(node["v"], self.take), name=self.take(node["n"]))
        if node["f"] is not None and isinstance(found, (pd.DatetimeIndex, pd.TimedeltaIndex)):
            return type(found)(found, freq=node["f"])
        return found

    def _series(self, node: Node) -> Any:
        name, index = self.take(node["n"]), self.take(node["i"])
        found = pd.Series(array_of(node["v"], self.take), index=index, name=name)
        found.attrs = self.take(node["a"])
        return found

    def _geoseries(self, node: Node) -> Any:
        name, index = self.take(node["n"]), self.take(node["i"])
        found = gpd.GeoSeries(array_of(node["v"], self.take), index=index, name=name)
        found.attrs = self.take(node["a"])
        return found

    def _frame(self, node: Node) -> Any:
        columns = {place: array_of(one, self.take) for place, one in enumerate(node["v"])}
        frame = pd.DataFrame(columns, index=self.take(node["i"]))
        frame.columns = self.take(node["c"])
        frame.attrs = self.take(node["a"])
        return frame

    def _geoframe(self, node: Node) -> Any:
        frame, name = self._frame(node), self.take(node["g"])
        found = gpd.GeoDataFrame(frame) if name is None else gpd.GeoDataFrame(frame, geometry=name)
        found.attrs = self.take(node["a"])
        return found

    def _variable(self, node: Node) -> Any:
        held = (self.take(node["v"]), self.take(node["a"]), self.take(node["e"]))
        return xr.Variable(tuple(node["d"]), held[0], attrs=held[1], encoding=held[2])

    def _raster(self, node: Node) -> Any:
        coords = {name: self.take(one) for name, one in node["c"]}
        body = self.take(node["v"])
        found = xr.DataArray(body, coords=coords, name=self.take(node["n"]))
        found.encoding = body.encoding
        return found

    def _dataset(self, node: Node) -> Any:
        coords = {name: self.take(one) for name, one in node["c"]}
        held = {name: self.take(one) for name, one in node["v"]}
        found = xr.Dataset(held, coords=coords, attrs=self.take(node["a"]))
        found.encoding = self.take(node["e"])
        return found


def _stamp(node: Node) -> Any:
    stamp = pd.Timestamp(np.datetime64(node["v"], node["u"]))
    if node["z"] is None:
        return stamp
    return stamp.tz_localize("UTC").tz_convert(node["z"])


_SIMPLE: dict[str, Any] = {
    "NA": lambda _: pd.NA,
    "NaT": lambda _: pd.NaT,
    "stamp": _stamp,
    "delta": lambda node: pd.Timedelta(np.timedelta64(node["v"], node["u"])),
    "scalar": lambda node: np.frombuffer(bytes.fromhex(node["v"]), dtype=np.dtype(node["d"]))[0],
    "date": lambda node: date.fromisoformat(node["v"]),
    "datetime": lambda node: datetime.fromisoformat(node["v"]),
}


@lru_cache(maxsize=len(_OURS))
def _class(name: str) -> Any:
    return getattr(import_module(_OURS[name]), name)
