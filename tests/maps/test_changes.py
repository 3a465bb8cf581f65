"""The layer of changes: classes as a run tells them, and what is not told."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geocn.errors import SchemaError
from geocn.maps import PlanningMap
from geocn.maps.styles import CHANGE_CLASSES


def table_of(**columns: object) -> gpd.GeoDataFrame:
    """A table of changes as a run writes it: a row a class, and one that is held back."""
    n = len(CHANGE_CLASSES) + 1
    told = {
        "cell_id": [f"c{k}" for k in range(n)],
        "n_before": 2.0,
        "n_after": 24.0,
        "change": 21.9,
        "ratio": 11.2,
        "ratio_low": 3.1,
        "ratio_high": 40.0,
        "p_value": 1e-5,
        "p_adjusted": 1e-4,
        "change_class": [*CHANGE_CLASSES, None],
        "period_before": "2025-02",
        "period_after": "2025-03",
        "words": "only in the file",
        **columns,
    }
    boxes = shapely.box(-75 + 0.3 * np.arange(n), 4, -74.75 + 0.3 * np.arange(n), 4.25)
    return gpd.GeoDataFrame(
        told, geometry=boxes, crs="EPSG:4326", index=[f"r{k}" for k in range(n)]
    )


def layer_of(frame: gpd.GeoDataFrame, **options: float):
    (layer,) = PlanningMap("Map", marking="TLP:GREEN").add_change(frame, **options).layers
    return layer


def test_the_classes_of_a_run_are_kept_whatever_alpha_says() -> None:
    frame = table_of(p_adjusted=0.9)
    layer = layer_of(frame, alpha=0.1)
    assert layer.frame["change_class"].tolist()[:-1] == list(CHANGE_CLASSES)
    assert layer.style["levels"] == list(CHANGE_CLASSES)
    assert layer.style["has_other"]
    assert layer.frame["confidence"].unique().tolist() == [0.9]
    assert {"before", "after", "ratio_low", "ratio_high"} <= set(layer.columns)
    assert not {"words", "p_value", "cell_id"} & set(layer.columns)
    assert "before" not in frame


def test_intervals_that_say_nothing_are_left_out() -> None:
    high, low = np.full(10, 40.0), np.full(10, 3.1)
    rate = np.full(10, 11.2)
    high[0], low[0] = 56_791_876_937.0, 0.0  # anything at all
    rate[1], high[1] = np.inf, np.inf  # none before: at least 3.1
    rate[2], low[2], high[2] = np.inf, 0.0, np.inf
    rate[3], low[3], high[3] = 0.0, 0.0, 0.8  # none now
    drawn = layer_of(table_of(ratio=rate, ratio_low=low, ratio_high=high)).frame
    assert drawn["ratio_low"].isna().tolist()[:4] == [True, False, True, False]
    assert drawn["ratio"].tolist()[3:5] == [0.0, 11.2]
    assert np.isnan(drawn["ratio"].iloc[1])


def test_what_a_release_holds_back_stays_away() -> None:
    frame = table_of(p_adjusted=np.nan, ratio=np.nan, ratio_low=np.nan, ratio_high=np.nan)
    layer = layer_of(frame)
    assert not {"p_adjusted", "ratio", "ratio_low", "ratio_high"} & set(layer.columns)
    assert layer.style["levels"] == list(CHANGE_CLASSES)


def test_a_class_that_is_none_is_named() -> None:
    frame = table_of()
    frame.loc["r2", "change_class"] = "revised"
    with pytest.raises(SchemaError, match=r"'revised'.*new, intensified") as caught:
        layer_of(frame)
    assert caught.value.rows == ["r2"]
