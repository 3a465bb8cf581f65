"""Sums held against what the source published."""

from __future__ import annotations

import pandas as pd
import pytest

from geocn.errors import ParameterError, SchemaError
from geocn.layers import compare_totals

FRAME = pd.DataFrame({"year": [2020, 2020, 2021, 2022], "area_ha": [60.0, 40.0, 94.55, 5.0]})


def test_a_mismatch_of_the_source_is_told() -> None:
    result = compare_totals(FRAME, {2020: 100.05, 2021: 100.0, 2019: 7.0})
    assert result["agrees"].tolist() == [True, False]
    assert result.loc[2021, "difference"] == pytest.approx(-0.0545)
    assert result.attrs["geocn"]["only_in_layer"] == ["2022"]
    assert result.attrs["geocn"]["only_published"] == ["2019"]


def test_empty_layer_gives_the_same_columns() -> None:
    result = compare_totals(FRAME.iloc[:0], {2020: 1.0})
    assert list(result.columns) == ["total", "published", "difference", "agrees"]
    assert result.empty


def test_faults_are_named() -> None:
    with pytest.raises(SchemaError, match="no column hectares"):
        compare_totals(FRAME, {2020: 1.0}, value="hectares")
    with pytest.raises(ParameterError, match="2020: 0"):
        compare_totals(FRAME, {2020: 0.0})
