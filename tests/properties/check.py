"""`check_analysis`: what every public analysis promises, asked of each in the same way.

A :class:`Case` says how to call one analysis and what its input is made of; the checks
know nothing else about it.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numba
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

from geocn.provenance import KEY

#: Covers the region of the cases; straight edges in it differ little from those in degrees.
PROJECTED = "+proj=laea +lat_0=1 +lon_0=-77 +datum=WGS84 +units=m +type=crs"
LONLAT = "EPSG:4326"


@dataclass(frozen=True)
class Case:
    """How to ask one analysis.

    Parameters
    ----------
    name : str
        The analysis as ``room.function``, which its provenance must state as well.
    func : callable
    make_input : callable
        Fresh arguments by name; data first, options after them.
    data : tuple of str
        Arguments that hold data, in the order of the signature.
    spine : str, optional
        The argument whose rows, order and index the result keeps.
    shuffled : tuple of str
        Arguments whose row order must not matter to the result.
    empty : tuple of str
        Arguments that may have no rows.
    rtol : float
        Tolerance of numbers between two reference systems.
    moves : tuple of str
        Arguments brought to another CRS for equivariance.
    noisy : tuple of str
        Columns that Monte Carlo draws decide, row by row in their order.
    """

    name: str
    func: Callable[..., Any]
    make_input: Callable[[], dict[str, Any]]
    data: tuple[str, ...]
    spine: str | None = None
    shuffled: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    rtol: float = 1e-6
    noisy: tuple[str, ...] = ()

    def run(self, **changed: Any) -> Any:
        """Call the analysis, with some arguments changed."""
        given = self.make_input() | changed
        first = [given.pop(name) for name in self.data]
        return self.func(*first, **given)


def tables(result: Any) -> dict[str, Any]:
    """Every frame, array and figure that a result is made of, by name."""
    if dataclasses.is_dataclass(result):
        return {
            f"{name}{inner}": value
            for name in (f.name for f in dataclasses.fields(result))
            for inner, value in tables(getattr(result, name)).items()
        }
    if isinstance(result, xr.Dataset):
        return {str(name): result[name] for name in result}
    if isinstance(result, Mapping):
        return {f".{name}": table for name, table in result.items()}
    return {"": result}


def as_bytes(value: Any) -> bytes:
    """Everything a value says, attributes included, as bytes that repeat."""
    if isinstance(value, pd.DataFrame):
        parts = [as_bytes(value.index), *(as_bytes(value[c]) for c in value.columns)]
        head = [repr(list(value.columns)), repr(getattr(value, "crs", None)), _json(value.attrs)]
        return "|".join(head).encode() + b"".join(parts)
    if isinstance(value, gpd.GeoSeries):
        # Signed zeros and the bytes of NaN stay as they are: they are part of the promise.
        return b";".join(bytes(w) if w is not None else b"-" for w in shapely.to_wkb(value))
    if isinstance(value, (pd.Series, pd.Index)):
        if pd.api.types.is_float_dtype(value.dtype) and isinstance(value.dtype, np.dtype):
            return str(value.dtype).encode() + value.to_numpy().tobytes()
        return f"{value.dtype}{value.tolist()!r}{getattr(value, 'name', '')}".encode()
    if isinstance(value, (xr.DataArray, xr.Dataset)):
        parts = [value[c].to_numpy().tobytes() for c in value.coords]
        arrays = [value] if isinstance(value, xr.DataArray) else list(value.data_vars.values())
        return (
            b"".join([*parts, *(a.to_numpy().tobytes() for a in arrays)])
            + _json(value.attrs).encode()
        )
    if dataclasses.is_dataclass(value) or isinstance(value, Mapping):
        return b"".join(name.encode() + as_bytes(t) for name, t in tables(value).items())
    return repr(value).encode()


def _json(attrs: Any) -> str:
    return json.dumps(attrs, sort_keys=True, default=repr)


def digest(value: Any) -> str:
    """Short name of the bytes of a value."""
    return hashlib.sha256(as_bytes(value)).hexdigest()


def assert_alike(one: Any, other: Any, *, rtol: float, index: bool = True) -> None:
    """Two results say the same; numbers to within ``rtol``, places to within a metre."""
    first, second = tables(one), tables(other)
    assert list(first) == list(second)
    for name, table in first.items():
        _assert_table(table, second[name], rtol=rtol, index=index)


def _assert_table(one: Any, other: Any, *, rtol: float, index: bool) -> None:
    if isinstance(one, gpd.GeoDataFrame):
        a, b = (gpd.GeoSeries(t.geometry).to_crs(LONLAT) for t in (one, other))
        assert (a.isna().to_numpy() == b.isna().to_numpy()).all()
        far = [x.hausdorff_distance(y) for x, y in zip(a, b, strict=True) if x and y]
        assert max(far, default=0.0) < 1e-5
        one, other = (pd.DataFrame(t.drop(columns=t.geometry.name)) for t in (one, other))
    if isinstance(one, pd.DataFrame):
        if not index:
            one, other = one.reset_index(drop=True), other.reset_index(drop=True)
        for name in one.columns[one.dtypes.map(pd.api.types.is_datetime64_any_dtype)]:
            # Instants in proportion to distance: a millimetre is not a difference.
            late = (one[name] - other[name]).abs().max()
            assert pd.isna(late) or late < pd.Timedelta("10ms")
            one, other = one.drop(columns=name), other.drop(columns=name)
        pd.testing.assert_frame_equal(one, other, rtol=rtol, atol=1e-9, check_column_type=False)
    elif isinstance(one, xr.DataArray):
        np.testing.assert_allclose(one.to_numpy(), other.to_numpy(), rtol=rtol)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=rtol, nan_ok=True)
    else:
        assert one == other


def columns_of(result: Any) -> dict[str, Any]:
    """Names and types of the columns or variables of a result."""
    return {
        name: dict(table.dtypes)
        if isinstance(table, pd.DataFrame) and not name.startswith("overlaps")
        else type(table)
        for name, table in tables(result).items()
    }


# ---- the checks ------------------------------------------------------------------


def check_signature(case: Case) -> None:
    """Data stand first; every option is keyword-only and annotated."""
    parameters = list(inspect.signature(case.func).parameters.values())
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == list(case.data)
    options = parameters[len(positional) :]
    assert all(p.kind is p.KEYWORD_ONLY for p in options)
    assert all(p.annotation is not p.empty for p in parameters)
    assert not [p.name for p in parameters if isinstance(p.default, (list, dict, set))]


def check_docstring(case: Case) -> None:
    """What goes in, comes out and goes wrong is written down, with an example."""
    text = inspect.getdoc(case.func) or ""
    for heading in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{heading}\n{'-' * len(heading)}\n" in text, heading
    for name in inspect.signature(case.func).parameters:
        assert name in text, name
    assert ">>>" in text


def check_input_is_left_alone(case: Case) -> None:
    """Neither values nor index nor attributes of any argument change."""
    given = case.make_input()
    for value in given.values():
        if hasattr(value, "attrs"):
            value.attrs["note"] = {"kept": [1, 2]}
    before = copy.deepcopy(given)
    case.run(**given)
    for name, value in given.items():
        assert digest(value) == digest(before[name]), name


def check_index_and_order(case: Case) -> None:
    """The result has the rows of its spine, in their order and with their index."""
    if case.spine is None:
        return
    spine = case.make_input()[case.spine]
    spine.index = pd.Index([f"row {7 * i % 1009}" for i in range(len(spine))], name="name")
    straight = case.run(**{case.spine: spine})
    backward = case.run(**{case.spine: spine.iloc[::-1]})
    one, other = (_main(r) for r in (straight, backward))
    kept = spine.index[spine.index.isin(one.index)]
    assert one.index.tolist() == kept.tolist()
    assert one.index.name == "name"
    assert len(one) > 1
    noisy = list(case.noisy)
    _assert_table(
        one.drop(columns=noisy), other.iloc[::-1].drop(columns=noisy), rtol=1e-9, index=True
    )


def check_row_order_of_evidence(case: Case) -> None:
    """Evidence counts the same in any order."""
    straight = _sure(case, _plain(case))
    for name in case.shuffled:
        frame = case.make_input()[name]
        order = np.random.default_rng(5).permutation(len(frame))
        assert_alike(straight, _sure(case, case.run(**{name: frame.iloc[order]})), rtol=1e-9)


def check_empty(case: Case) -> None:
    """Nothing in gives the same columns of the same types, and no error."""
    full = columns_of(_plain(case))
    for name in case.empty:
        none = case.make_input()[name].iloc[:0]
        assert columns_of(case.run(**{name: none})) == full, name


def check_crs(case: Case) -> None:
    """The answer does not depend on the reference system that the input came in."""
    given = case.make_input()
    assert case.moves
    moved = {name: given[name].to_crs(PROJECTED) for name in case.moves}
    assert_alike(_sure(case, _plain(case)), _sure(case, case.run(**moved)), rtol=case.rtol)


def check_repeats(case: Case) -> None:
    """The same bytes again, for as many threads as there are, for one and for two."""
    once = digest(_plain(case))
    threads = numba.get_num_threads()
    try:
        for n in {1, min(2, numba.config.NUMBA_NUM_THREADS)}:
            numba.set_num_threads(n)
            assert digest(case.run()) == once
    finally:
        numba.set_num_threads(threads)


def check_provenance(case: Case) -> None:
    """Method, parameters, reference system and versions stand in the result."""
    record = _main(_plain(case)).attrs[KEY]
    assert record["method"] == case.name
    assert {"geocn", "python", "numpy"} <= set(record["versions"])
    assert any("crs" in key for key in record)
    options = [
        p.name
        for p in inspect.signature(case.func).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.name not in ("seizures", "grid")
    ]
    stated = set(record) | set(record.get("parameters", {}))
    assert [name for name in options if name not in stated] == []
    assert json.loads(json.dumps(record, allow_nan=False)) == record


@cache
def _plain(case: Case) -> Any:
    """The result of the arguments as they are, made once for all checks; not to be changed."""
    return case.run()


def _sure(case: Case, result: Any) -> Any:
    """The result without the columns that Monte Carlo draws decide."""
    if case.noisy and isinstance(result, pd.DataFrame):
        return result.drop(columns=list(case.noisy))
    return result


def _main(result: Any) -> Any:
    """The frame of a result that has one row a row of the spine."""
    return result.demand if dataclasses.is_dataclass(result) else result


CHECKS = (
    check_signature,
    check_docstring,
    check_input_is_left_alone,
    check_index_and_order,
    check_row_order_of_evidence,
    check_empty,
    check_crs,
    check_repeats,
    check_provenance,
)


def check_analysis(case: Case) -> None:
    """Ask everything at once; for a room that wants to hold a new analysis to it."""
    for check in CHECKS:
        check(case)
