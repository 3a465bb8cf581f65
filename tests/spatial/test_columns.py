"""Columns of numbers, as analyses read them."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from geocn.errors import DateError, SchemaError
from geocn.spatial.columns import read_instants, read_numbers


@pytest.mark.parametrize(
    "values",
    [
        [1, 2],
        [1.0, 2.0],
        ["1", "2"],
        [Decimal(1), Decimal(2)],
        pd.array([1, 2], dtype="Int64"),
        pd.array([1, 2], dtype="Float32"),
        pd.Categorical([1, 2]),
    ],
)
def test_numbers_of_any_kind_are_read(values):
    found, unread = read_numbers(pd.DataFrame({"n": values}), "n", "layer")
    assert found.tolist() == [1, 2]
    assert found.flags.writeable
    assert not unread.any()


def test_null_and_text_are_told_apart():
    frame = pd.DataFrame({"n": [None, "many", 3, np.nan]})
    found, unread = read_numbers(frame, "n", "layer")
    assert np.isnan(found).tolist() == [True, True, False, True]
    assert unread.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1j, 2]),
        pd.to_datetime(["2024-01-01", "2024-01-02"]),
        pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True),
        pd.to_timedelta([1, 2], "D"),
    ],
)
def test_what_would_become_other_numbers_is_refused(values):
    with pytest.raises(SchemaError, match="of type"):
        read_numbers(pd.DataFrame({"n": values}), "n", "layer")


def test_a_column_must_stand_once():
    with pytest.raises(SchemaError, match=r"no column 'n'.*there are m"):
        read_numbers(pd.DataFrame({"m": [1]}), "n", "layer")
    with pytest.raises(SchemaError, match="2 columns 'n'"):
        read_numbers(pd.DataFrame([[1, 2]], columns=["n", "n"]), "n", "layer")


NOON = pd.Timestamp("2024-03-05T12:00", tz="UTC")


@pytest.mark.parametrize(
    "values",
    [
        [NOON, pd.NaT],
        [NOON.tz_localize(None), None],
        [NOON.tz_convert("America/Bogota"), None],
        ["2024-03-05T12:00", None],
        ["2024-03-05 07:00-05:00", ""],
        pd.Series([NOON.tz_localize(None), None], dtype=object),
        pd.Series([NOON.tz_convert("America/Bogota"), "2024-03-05"], dtype=object),
    ],
)
def test_instants_of_any_kind_are_read_as_utc(values):
    found = read_instants(pd.DataFrame({"d": values}), "d", "layer")
    assert str(found.dtype) == "datetime64[us, UTC]"
    assert found.iloc[0] == NOON


@pytest.mark.parametrize("value", ["05/03/2024", "soon", 3.5, 45_000, True, "2024-13-01"])
def test_what_may_be_another_day_is_refused(value):
    column = pd.Series(["2024-01-01", None, value], index=["a", "b", "c"], dtype=object)
    with pytest.raises(DateError, match="d such as") as caught:
        read_instants(column.to_frame("d"), "d", "layer")
    assert caught.value.rows == ["c"]


def test_numbers_are_no_instants_and_nulls_are_none():
    with pytest.raises(DateError, match=r"2024"):
        read_instants(pd.DataFrame({"d": [2024, 2025]}), "d", "layer")
    for frame in (pd.DataFrame({"d": [np.nan, np.nan]}), pd.DataFrame(index=[0, 1])):
        assert read_instants(frame, "d", "layer").isna().all()
    assert len(read_instants(pd.DataFrame({"d": []}), "d", "layer")) == 0
