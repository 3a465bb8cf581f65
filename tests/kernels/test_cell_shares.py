from __future__ import annotations

import numpy as np
import pytest
import shapely

from geocn._kernels.cell_shares import cell_shares


def edges(shape):
    rings = shapely.get_rings(shapely.orient_polygons(shapely.get_parts(shape), exterior_cw=True))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    step = ring[1:] == ring[:-1]
    return xy[:-1][step], xy[1:][step]


@pytest.mark.parametrize("seed", range(60))
def test_shares_equal_the_area_of_each_intersection(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 9, 2)
    places = rng.uniform(-3, 12, (rng.integers(1, 6), 2))
    places = np.round(places) if seed % 3 == 0 else places
    discs = shapely.buffer(shapely.points(places), rng.uniform(0.2, 4, len(places)), quad_segs=5)
    corner = np.round(rng.uniform(-3, 12, (3, 2)), seed % 4)
    holes = shapely.box(*corner.T, *(corner + rng.uniform(0.1, 3, (3, 2))).T)
    shape = shapely.difference(shapely.union_all(discs), shapely.union_all(holes))
    cells = [[shapely.box(c, r, c + 1, r + 1) for c in range(width)] for r in range(height)]
    wanted = shapely.area(shapely.intersection(shape, np.array(cells, dtype=object)))
    np.testing.assert_allclose(cell_shares(*edges(shape), (height, width)), wanted, atol=1e-12)


def test_nothing_covers_nothing_and_all_covers_all() -> None:
    none = np.empty((0, 2))
    assert (cell_shares(none, none, (3, 4)) == 0).all()
    assert (cell_shares(*edges(shapely.box(-5, -5, 9, 9)), (3, 4)) == 1).all()
