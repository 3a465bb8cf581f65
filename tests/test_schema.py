"""What a layer is."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point

from geocn import schema
from geocn.errors import ParameterError, SchemaError


@pytest.mark.parametrize("layer", list(schema.LAYERS))
def test_empty_has_every_column_typed(layer: str) -> None:
    frame = schema.empty(layer)
    assert list(frame.columns) == [*schema.LAYERS[layer].names, "geometry"]
    assert frame.dtypes.drop("geometry").astype(str).to_dict() == schema.LAYERS[layer].dtypes
    assert frame.crs == "EPSG:4326"


def test_conform_keeps_index_extra_columns_and_the_input() -> None:
    given = gpd.GeoDataFrame(
        {"hiding_place": ["car"], "weight_kg": ["2.5"]}, geometry=[Point(1, 2)], crs=4326, index=[7]
    )
    before = given.copy()
    frame = schema.conform(given, "seizures")
    assert list(frame.index) == [7]
    assert frame["hiding_place"].tolist() == ["car"]
    assert frame["weight_kg"].tolist() == [2.5]
    assert frame.crs == given.crs
    pd.testing.assert_frame_equal(given, before)


def test_conform_refuses_a_column_that_cannot_be_typed() -> None:
    with pytest.raises(SchemaError, match="weight_kg"):
        schema.conform(pd.DataFrame({"weight_kg": ["much"]}), "seizures")


def test_conform_refuses_doubled_names() -> None:
    frame = pd.DataFrame([[1.0, 2.0]], columns=["weight_kg", "weight_kg"])
    with pytest.raises(SchemaError, match="stand twice: weight_kg"):
        schema.conform(frame, "seizures")


def test_unknown_layer_names_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="choose one of routes, seizures"):
        schema.layer_schema("roads")


def test_every_column_says_what_it_means() -> None:
    for layer in schema.LAYERS.values():
        assert all(column.meaning for column in layer.columns)
        assert layer.id_column in layer.names
