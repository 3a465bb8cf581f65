"""Every result can be drawn, and the picture says what was done."""

from __future__ import annotations

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from geocn import _palette, hotspots
from geocn.errors import ParameterError
from tests.properties.cases import CASES, world

DRAWN = [case for case in CASES if case.name.startswith("hotspots.")]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("case", DRAWN, ids=[f"{c.name}-{i}" for i, c in enumerate(DRAWN)])
def test_every_result_of_the_room_can_be_drawn(case) -> None:
    result = case.run()
    axis = hotspots.plot(result)
    axis.figure.canvas.draw()
    assert axis.get_title().startswith(case.name.partition(".")[2])
    assert axis.has_data()


def _grid() -> gpd.GeoDataFrame:
    return hotspots.getis_ord(world.grid(), "n", neighbours="queen")


def test_hot_cells_are_red_and_counted_in_the_legend() -> None:
    hot = _grid()
    axis = hotspots.plot(hot)
    n_hot = int((hot["hotspot_class"] == "hot").sum())
    assert n_hot > 0
    handles = {h.get_label(): to_hex(h.get_color()) for h in axis.get_legend().legend_handles}
    assert handles[f"hot ({n_hot})"] == _palette.HOT[2]


def test_the_caption_says_how_many_tests() -> None:
    hot = _grid()
    texts = [t.get_text() for t in hotspots.plot(hot).texts]
    assert any(f"{hot.attrs['geocn']['n_tests']} tests" in text for text in texts)


def test_the_result_is_not_changed_and_the_axes_can_be_given() -> None:
    hot = _grid()
    before = hot.copy()
    axis = plt.subplots()[1]
    assert hotspots.plot(hot, ax=axis, title="Mine") is axis
    assert axis.get_title() == "Mine"
    pd.testing.assert_frame_equal(pd.DataFrame(hot), pd.DataFrame(before))


def test_another_column_can_be_drawn() -> None:
    axis = hotspots.plot(_grid(), column="gi_z")
    assert axis.collections[0].get_array().size == 100


def test_an_empty_result_says_so() -> None:
    axis = hotspots.plot(_grid().iloc[:0])
    assert axis.texts[0].get_text() == "no rows"


def test_knox_cells_carry_their_ratio() -> None:
    knox = hotspots.near_repeat(
        world.events(),
        time="seized_at",
        distances=[0, 5_000, np.inf],
        times=[0, 15, np.inf],
        permutations=99,
    )
    texts = [t.get_text() for t in hotspots.plot(knox).texts]
    assert f"{knox['knox_ratio'].iloc[0]:.2f}" in texts[0]


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(ParameterError, match="cannot be drawn"):
        hotspots.plot(pd.DataFrame({"a": [1]}))


def test_the_scale_of_an_amount_is_that_of_its_values() -> None:
    counted = hotspots.count_events(world.events(), world.grid())
    axis = hotspots.plot(counted)
    (bar,) = [other for other in axis.figure.axes if other is not axis]
    assert bar.get_ylim() == (counted["n_events"].min(), counted["n_events"].max())
    skewed = world.grid().assign(effort=[1000.0] + [1.0] * 99)
    drawn = hotspots.plot(skewed, column="effort").collections[0]
    assert drawn.norm(10.0) > 0.15  # on a plain scale it would be 0.01
