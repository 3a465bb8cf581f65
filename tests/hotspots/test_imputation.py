"""Events of which only an area is known: where they are put."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import stats

from geocn.errors import CRSError, ParameterError
from geocn.hotspots.imputation import (
    imputed_columns,
    imputed_names,
    place_events,
    rows_by_code,
)

PLANE = 6933
RING = shapely.Polygon(
    [(0, 0), (9000, 0), (9000, 9000), (0, 9000)],
    [[(1000, 1000), (8000, 1000), (8000, 8000), (1000, 8000)]],
)


def frame(shapes: list[object], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, index=range(len(shapes)), geometry=shapes, crs=PLANE)


def place(events: gpd.GeoDataFrame, **options: object) -> np.ndarray:
    return place_events(events, **({"crs": PLANE, "finer_than_m": 100.0} | options)).xy


def test_precise_events_stay_where_they_are() -> None:
    events = frame([shapely.Point(1, 2), None], location_precision_m=[100.0, 9e9])
    placed = place_events(events, crs=PLANE, finer_than_m=100, imputations=4)
    assert placed.xy.shape == (4, 2, 2)
    assert not placed.is_imprecise.any()
    np.testing.assert_array_equal(placed.xy[:, 0], [[1, 2]] * 4)
    assert np.isnan(placed.xy[:, 1]).all()


def test_an_area_is_filled_evenly_up_to_its_edges_and_not_in_its_holes() -> None:
    events = frame([RING] * 500)
    xy = place(events, imputations=20).reshape(-1, 2)
    assert shapely.covers(RING.buffer(1e-6), shapely.points(xy)).all()
    # Parts of equal area hold equally many: the ring's four strips and its corners.
    west = (xy[:, 0] < 1000).mean()
    assert west == pytest.approx(9 / 32, abs=4 * np.sqrt(9 / 32 * 23 / 32 / len(xy)))
    square = frame([shapely.box(0, 0, 10, 10)] * 400)
    cells = (place(square, finer_than_m=1.0, imputations=25) // 2).astype(int).reshape(-1, 2)
    counts = np.bincount(cells[:, 0] * 5 + cells[:, 1], minlength=25)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_a_circle_is_filled_evenly() -> None:
    events = frame([shapely.Point(0, 0)] * 1000, location_precision_m=5000.0)
    xy = place(events, imputations=10).reshape(-1, 2)
    away = np.hypot(*xy.T) / 5000
    assert stats.kstest(away**2, "uniform").pvalue > 1e-3
    assert stats.kstest(np.arctan2(*xy.T) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3


def test_a_line_is_filled_along_its_length_and_within_its_precision() -> None:
    road = shapely.MultiLineString([[(0, 0), (1000, 0)], [(5000, 0), (5000, 3000)]])
    xy = place(frame([road] * 500), imputations=10).reshape(-1, 2)
    assert (shapely.distance(road, shapely.points(xy)) < 1e-6).all()
    assert (xy[:, 0] == 5000).mean() == pytest.approx(0.75, abs=0.03)
    wide = place(frame([road] * 500, location_precision_m=50.0)).reshape(-1, 2)
    off = shapely.distance(road, shapely.points(wide))
    assert 40 < off.max() <= 50 + 1e-6


def test_a_code_gives_the_area_and_a_precise_point_keeps_its_place() -> None:
    places = frame([RING, shapely.box(20_000, 0, 30_000, 9000)], admin_code=["a", "b"])
    point = shapely.Point(4500, 4500)
    events = frame(
        [point, point, None, point, None],
        admin_code=["a", "a", "b", "unknown", None],
        location_precision_m=[10.0, 40_000.0, None, 200.0, 300.0],
    )
    placed = place_events(
        events, crs=PLANE, finer_than_m=100, imputations=50, places=places.to_crs(4326)
    )
    assert placed.is_imprecise.tolist() == [False, True, True, True, False]
    xy = placed.xy
    assert (xy[:, 0] == [4500, 4500]).all()
    assert shapely.covers(RING.buffer(0.01), shapely.points(xy[:, 1])).all()
    assert (xy[:, 2, 0] > 19_999).all()
    assert (np.hypot(*(xy[:, 3] - 4500).T) <= 200).all()
    assert np.isnan(xy[:, 4]).all()
    own = frame([shapely.box(0, 0, 900, 900)], admin_code=["b"])
    assert place(own, places=places).max() <= 900
    assert rows_by_code(events, places).tolist() == [0, 0, 1, -1, -1]


def test_draws_belong_to_places_not_to_rows() -> None:
    rng = np.random.default_rng(1)
    shapes = [*shapely.points(rng.uniform(0, 1e6, (40, 2))), *[RING] * 5, *[None] * 2]
    events = frame(shapes, location_precision_m=5000.0)
    order = rng.permutation(len(events))
    straight, mixed = place(events, seed=3), place(events.iloc[order], seed=3)
    np.testing.assert_array_equal(straight[:, order[order < 40]], mixed[:, order < 40])
    stacked, again = straight[:, 40:45], mixed[:, (order >= 40) & (order < 45)]
    np.testing.assert_array_equal(np.sort(stacked, axis=1), np.sort(again, axis=1))
    assert len(np.unique(straight[:, 40:45, 0])) == 5 * 20
    np.testing.assert_array_equal(straight, place(events, seed=3))
    assert (place(events, seed=4)[:, :40] != straight[:, :40]).all()
    np.testing.assert_allclose(
        straight[:, :40], place(events.to_crs(4326), seed=3)[:, :40], atol=1e-3
    )


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Polygon([(0, 0), (5000, 5000), (5000, 0), (0, 5000)]),  # a bow-tie
        shapely.Polygon([(0, 0), (5000, 0), (9000, 0)]),  # without area
        shapely.LineString([(0, 0), (0, 0)]),
        shapely.GeometryCollection([RING, shapely.Point(0, 0)]),
        shapely.GeometryCollection([shapely.LineString([(0, 0), (9000, 9)])]),
        shapely.MultiPoint([(0, 0), (9000, 9000)]),
    ],
)
def test_odd_shapes_are_placed_somewhere_near(shape: object) -> None:
    xy = place(frame([shape], location_precision_m=200.0), imputations=30)
    assert np.isfinite(xy).all()
    assert np.abs(xy).max() < 15_000


def test_feet_are_no_metres() -> None:
    events = gpd.GeoDataFrame(
        {"location_precision_m": [1000.0] * 200}, geometry=[shapely.Point(0, 0)] * 200, crs=2263
    )
    away = np.hypot(*place(events, crs=2263).reshape(-1, 2).T)
    assert away.max() == pytest.approx(1000 / 0.3048, rel=0.01)


def test_nothing_and_wrong_options() -> None:
    assert place(frame([])).shape == (20, 0, 2)
    one = frame([shapely.Point(0, 0)])
    with pytest.raises(ParameterError, match="imputations is 0"):
        place(one, imputations=0)
    with pytest.raises(ParameterError, match="admin_code"):
        place(one, places=one)
    with pytest.raises(CRSError):
        place(one, crs=4326)
    with pytest.raises(CRSError):
        place(one.set_crs(None, allow_override=True))


def test_names_are_found_in_order() -> None:
    names = imputed_names("n", 12)
    columns = pd.DataFrame(columns=["n", *names[::-1], "n_imputed_14"])
    assert imputed_columns(columns, "n") == names
    assert imputed_columns(columns, "x") == []
