"""Current flow: closed forms, laws, a dense oracle, every mode, and bad input."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import current_flow
from geocn.errors import CoordinateError, CRSError, ParameterError, RasterError, SchemaError
from tests.oracles_corridors import raster

UTM = "EPSG:32618"


def edges(*rows):
    return pd.DataFrame(rows, columns=["u", "v", "resistance"])


def rough(height, width, seed=0):
    return np.exp(np.random.default_rng(seed).normal(0, 0.7, (height, width)))


def dense(values, neighbours=8, average="resistance"):
    """Conductances between all cells of a raster of resistances, as a full matrix."""
    height, width = values.shape
    matrix = np.zeros((values.size, values.size))
    for r, c in np.ndindex(height, width):
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
            if (dr and dc and neighbours == 4) or r + dr >= height or not 0 <= c + dc < width:
                continue
            a, b = values[r, c], values[r + dr, c + dc]
            one = 2 / (a + b) if average == "resistance" else (1 / a + 1 / b) / 2
            i, j = r * width + c, (r + dr) * width + c + dc
            matrix[i, j] = matrix[j, i] = one / np.hypot(dr, dc) if np.isfinite(one) else 0.0
    return matrix


def through(matrix, volts, outside):
    """Current of each node, from all differences of voltage."""
    flows = matrix * (volts[:, None] - volts[None, :])
    return (np.abs(flows).sum(axis=1) + outside) / 2


def pseudo_inverse(matrix):
    return np.linalg.pinv(np.diag(matrix.sum(axis=1)) - matrix)


class TestClosedForms:
    def test_in_series_and_in_parallel(self):
        series = edges(("a", "b", 2.0), ("b", "c", 3.0))
        assert current_flow(series, ["a", "c"]).resistances.loc["a", "c"] == pytest.approx(5)
        both = edges(("a", "b", 2.0), ("a", "b", 3.0))
        assert current_flow(both, ["a", "b"]).resistances.loc["a", "b"] == pytest.approx(6 / 5)

    def test_wheatstone_bridge_carries_nothing_across(self):
        bridge = edges((0, 1, 1.0), (0, 2, 2.0), (1, 3, 2.0), (2, 3, 4.0), (1, 2, 7.0))
        found = current_flow(bridge, [0, 3])
        assert found.resistances.loc[0, 3] == pytest.approx(2.0)
        np.testing.assert_allclose(
            found.branches["current"], [2 / 3, 1 / 3, 2 / 3, 1 / 3, 0], atol=1e-12
        )

    def test_endless_ladder(self):
        """Rungs and rails of 1 ohm: the golden ratio."""
        rows = []
        for i in range(40):
            rows += [(f"a{i}", f"a{i + 1}", 1.0), (f"a{i + 1}", "b", 1.0)]
        found = current_flow(edges(*rows), ["a0", "b"])
        assert found.resistances.loc["a0", "b"] == pytest.approx((1 + 5**0.5) / 2, rel=1e-12)

    def test_lattice_without_end(self):
        """Between neighbours of a square lattice of 1 ohm: 1/2, and 2/pi across the diagonal."""
        found = current_flow(
            raster(np.ones((301, 301))), [(150, 150), (150, 151), (151, 151)], neighbours=4
        ).resistances
        assert found.loc[0, 1] == pytest.approx(0.5, abs=2e-5)
        assert found.loc[0, 2] == pytest.approx(2 / np.pi, abs=4e-5)

    def test_strip(self):
        found = current_flow(raster(np.full((1, 11), 3.0)), [(0, 0), (0, 10)])
        assert found.resistances.loc[0, 1] == pytest.approx(30.0)
        np.testing.assert_allclose(found.current, 1.0)

    def test_a_sheet_conducts_alike_whatever_the_shape_of_its_cells(self):
        """Ends of a plate: length over width, for long cells as for square ones."""
        for neighbours, gain in ((4, 1.0), (8, 1 + 2**0.5)):
            square = raster(np.ones((40, 40)))
            long = square.isel(y=slice(None, None, 2))
            long = long.assign_coords(y=np.arange(20)[::-1] * 2.0)
            long = long.rio.write_transform(long.rio.transform(recalc=True))
            for plate, rows in ((square, 40), (long, 20)):
                ends = plate.copy(data=np.zeros(plate.shape))
                ends[:, 0], ends[:, -1] = 1, 2
                found = current_flow(plate, ends, neighbours=neighbours)
                ideal = 39 / 40 / gain
                # With askew steps the two long edges of the plate conduct less.
                assert found.resistances.loc[1, 2] == pytest.approx(ideal, rel=0.6 / rows)

    def test_degrees_wrap_and_shrink(self):
        """Near the pole a way around it is short; the seam at 180 degrees is none."""
        values = np.ones((9, 36))
        world = raster(values, cell=10.0, crs="EPSG:4326", west=-180, south=-45)
        found = current_flow(world, [(4, 0), (4, 35), (4, 17), (4, 18)]).resistances
        assert found.loc[0, 1] == pytest.approx(found.loc[2, 3], rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(0, 10_000),
    st.sampled_from([4, 8]),
    st.sampled_from(["resistance", "conductance"]),
    st.sampled_from(["direct", "multigrid"]),
)
def test_same_as_the_pseudo_inverse(height, width, seed, neighbours, average, solver):
    values = rough(height, width, seed)
    rng = np.random.default_rng(seed)
    cells = rng.choice(values.size, min(4, values.size), replace=False)
    found = current_flow(
        raster(values),
        [tuple(map(int, np.divmod(cell, width))) for cell in cells],
        neighbours=neighbours,
        average=average,
        maps=("voltage",),
        solver=solver,
    )
    matrix = dense(values, neighbours, average)
    inverse = pseudo_inverse(matrix)
    resistances = found.resistances.to_numpy()
    np.testing.assert_array_equal(resistances, resistances.T)
    total = np.zeros(values.size)
    for i, a in enumerate(cells):
        for j, b in enumerate(cells[:i]):
            expected = inverse[a, a] + inverse[b, b] - 2 * inverse[a, b]
            assert resistances[i, j] == pytest.approx(expected, rel=1e-8)
            volts = inverse[a] - inverse[b]
            np.testing.assert_allclose(
                found.voltages[j, i].to_numpy().ravel(), volts - volts[b], atol=1e-8
            )
            outside = np.isin(np.arange(values.size), [a, b]).astype(float)
            total += through(matrix, volts, outside)
    np.testing.assert_allclose(found.current.to_numpy().ravel(), total, atol=1e-7)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_commute_time(seed):
    """Steps of a random walk there and back: resistance x twice the sum of conductances."""
    values = rough(4, 5, seed)
    matrix = dense(values)
    chance = matrix / matrix.sum(axis=1, keepdims=True)
    hours = 0.0
    for start, end in ((0, 19), (19, 0)):
        kept = np.arange(20) != end
        steps = np.linalg.solve(np.eye(19) - chance[np.ix_(kept, kept)], np.ones(19))
        hours += steps[np.flatnonzero(kept) == start][0]
    found = current_flow(raster(values), [(0, 0), (3, 4)]).resistances.loc[0, 1]
    assert hours == pytest.approx(found * matrix.sum(), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["one_to_all", "all_to_one", "advanced"]))
def test_currents_are_conserved(seed, mode):
    """Kirchhoff: what leaves a node for its neighbours is what enters it from outside."""
    values = rough(5, 6, seed)
    places = [(0, 0), (2, 3), (4, 5), (0, 5)]
    more = {"grounds": [(4, 0)]} if mode == "advanced" else {}
    found = current_flow(
        raster(values), places, mode=mode, strengths={0: 1.0, 1: 2.0, 2: 0.5, 3: 1.5},
        maps=("voltage",), **more,
    )  # fmt: skip
    matrix = dense(values)
    terminals = [6 * r + c for r, c in [*places, *([(4, 0)] if more else [])]]
    for array in found.voltages.values():
        volts = array.to_numpy().ravel()
        net = (matrix * (volts[:, None] - volts[None, :])).sum(axis=1)
        assert abs(net.sum()) < 1e-9
        assert np.abs(np.delete(net, terminals)).max() < 1e-9


class TestModes:
    values = rough(6, 7, 3)
    places = [(0, 0), (5, 6), (2, 3), (5, 0)]
    nodes = [7 * r + c for r, c in places]

    def solved(self, source, ground):
        """Voltages for amperes by node, with some nodes at 0 V."""
        matrix = dense(self.values)
        whole = np.diag(matrix.sum(axis=1)) - matrix
        kept = ~np.isin(np.arange(42), ground)
        volts = np.zeros(42)
        volts[kept] = np.linalg.solve(whole[np.ix_(kept, kept)], source[kept])
        return matrix, volts

    @pytest.mark.parametrize("mode", ["one_to_all", "all_to_one"])
    def test_one_against_the_others(self, mode):
        strengths = {0: 1.0, 1: 2.0, 2: 0.5, 3: 1.5}
        found = current_flow(
            raster(self.values), self.places, mode=mode, strengths=strengths,
            maps=("voltage", "current"),
        )  # fmt: skip
        total = np.zeros(42)
        for i, node in enumerate(self.nodes):
            others = [n for n in self.nodes if n != node]
            source = np.zeros(42)
            if mode == "one_to_all":
                source[node] = strengths[i]
                matrix, volts = self.solved(source, others)
                expected = volts[node] / strengths[i]
            else:
                source[others] = [strengths[k] for k in range(4) if k != i]
                matrix, volts = self.solved(source, [node])
                expected = source @ volts / source.sum() ** 2
            assert found.resistances.loc[i, "resistance"] == pytest.approx(expected, rel=1e-9)
            np.testing.assert_allclose(found.voltages[i].to_numpy().ravel(), volts, atol=1e-9)
            net = (matrix * (volts[:, None] - volts[None, :])).sum(axis=1)
            current = through(matrix, volts, np.abs(net))
            np.testing.assert_allclose(found.currents[i].to_numpy().ravel(), current, atol=1e-9)
            total += current
        np.testing.assert_allclose(found.current.to_numpy().ravel(), total, atol=1e-9)

    def test_two_places_are_a_pair_in_every_mode(self):
        two = self.places[:2]
        pair = current_flow(raster(self.values), two)
        for mode in ("one_to_all", "all_to_one"):
            found = current_flow(raster(self.values), two, mode=mode)
            np.testing.assert_allclose(found.resistances["resistance"], pair.resistances.loc[0, 1])
            np.testing.assert_allclose(found.maximum, pair.current, atol=1e-9)

    def test_pairs_bar_partners(self):
        all_three = current_flow(
            raster(self.values), self.places[:3], mode="one_to_all", excluded=[(0, 2)]
        ).resistances["resistance"]
        pair = current_flow(raster(self.values), self.places[:3]).resistances
        assert all_three[0] == pytest.approx(pair.loc[0, 1])
        assert all_three[2] == pytest.approx(pair.loc[1, 2])
        assert all_three[1] < pair.loc[0, 1]

    def test_sources_and_grounds(self):
        """Finite and direct grounds, a source that draws, against a dense solution."""
        frame = gpd.GeoDataFrame(
            {"resistance": [0.0, 2.5]},
            geometry=[shapely.Point(5e5 + 6.5, 4e6 + 0.5), shapely.Point(5e5 + 0.5, 4e6 + 0.5)],
            crs=UTM,
        )
        found = current_flow(
            raster(self.values), [(0, 0), (2, 3)], mode="advanced", grounds=frame,
            strengths={0: 3.0, 1: -1.0}, maps=("voltage",),
        )  # fmt: skip
        matrix = dense(self.values)
        whole = np.diag(matrix.sum(axis=1)) - matrix
        whole[35, 35] += 1 / 2.5
        source = np.zeros(42)
        source[[0, 17]] = 3.0, -1.0
        kept = np.arange(42) != 41
        volts = np.zeros(42)
        volts[kept] = np.linalg.solve(whole[np.ix_(kept, kept)], source[kept])
        np.testing.assert_allclose(found.voltages["advanced"].to_numpy().ravel(), volts, atol=1e-9)
        assert found.resistances["resistance"].tolist() == pytest.approx([volts[0] / 3, -volts[17]])
        leaving = np.zeros(42)
        leaving[35] = volts[35] / 2.5
        leaving[41] = -(matrix * (volts[:, None] - volts[None, :])).sum(axis=1)[41]
        expected = through(matrix, volts, np.abs(source) + np.abs(leaving))
        np.testing.assert_allclose(found.current.to_numpy().ravel(), expected, atol=1e-9)

    def test_sources_and_grounds_drawn_as_rasters(self):
        amperes, ohms = np.zeros((6, 7)), np.full((6, 7), np.nan)
        amperes[0, 0], amperes[2, 3], ohms[5, 6], ohms[5, 0] = 3.0, 1.0, 0.0, 2.5
        drawn = current_flow(
            raster(self.values), raster(amperes), mode="advanced", grounds=raster(ohms)
        )
        frame = gpd.GeoDataFrame(
            {"resistance": [0.0, 2.5]},
            geometry=[shapely.Point(5e5 + 6.5, 4e6 + 0.5), shapely.Point(5e5 + 0.5, 4e6 + 0.5)],
            crs=UTM,
        )
        listed = current_flow(
            raster(self.values), [(0, 0), (2, 3)], mode="advanced", strengths={0: 3.0, 1: 1.0},
            grounds=frame,
        )  # fmt: skip
        np.testing.assert_allclose(drawn.current, listed.current, rtol=1e-12)

    def test_network_with_grounds(self):
        line = edges(("a", "b", 1.0), ("b", "c", 2.0))
        found = current_flow(line, ["a"], mode="advanced", grounds={"c": 4.0}, maps=["voltage"])
        assert found.resistances["resistance"].tolist() == pytest.approx([7.0])
        assert found.voltages["advanced"].to_dict() == pytest.approx({"a": 7, "b": 6, "c": 4})


class TestPlaces:
    def test_areas_and_points_in_degrees(self):
        values = rough(20, 20, 4)
        ground = raster(values, cell=1000.0)
        areas = gpd.GeoDataFrame(
            geometry=[
                shapely.box(5e5 + 1100, 4e6 + 1100, 5e5 + 2900, 4e6 + 2900),
                shapely.Point(5e5 + 15500, 4e6 + 15500),
            ],
            index=["area", "town"],
            crs=UTM,
        )
        drawn = np.zeros((20, 20))
        drawn[17:19, 1:3], drawn[4, 15] = 1, 2
        by_frame = current_flow(ground, areas.to_crs("EPSG:4326"))
        by_raster = current_flow(ground, raster(drawn, cell=1000.0))
        assert by_frame.resistances.index.tolist() == ["area", "town"]
        np.testing.assert_allclose(by_frame.resistances, by_raster.resistances, rtol=1e-12)
        np.testing.assert_allclose(by_frame.current, by_raster.current, rtol=1e-9, atol=1e-12)

    def test_regions_join_and_mask_parts(self):
        values = np.ones((3, 9))
        shorted = np.zeros((3, 9))
        shorted[1, 2:7] = 1
        free = current_flow(raster(values), [(1, 0), (1, 8)]).resistances.loc[0, 1]
        joined = current_flow(raster(values), [(1, 0), (1, 8)], regions=raster(shorted))
        assert joined.resistances.loc[0, 1] < free
        inside = np.zeros((3, 9))
        inside[1] = 1
        masked = current_flow(raster(values), [(1, 0), (1, 8)], mask=raster(inside))
        assert masked.resistances.loc[0, 1] == pytest.approx(8.0)
        assert np.isnan(masked.current.to_numpy()[[0, 2]]).all()

    def test_row_order_of_edges_and_raster_axes_do_not_matter(self):
        rng = np.random.default_rng(1)
        rows = [(i, j, rng.uniform(1, 9)) for i in range(9) for j in range(i) if rng.random() < 0.6]
        one = current_flow(edges(*rows), [0, 4, 8])
        other = current_flow(edges(*rows[::-1]), [0, 4, 8])
        pd.testing.assert_series_equal(one.current, other.current)
        upright = raster(rough(6, 5))
        turned = current_flow(upright.isel(y=slice(None, None, -1)), [(5, 0), (0, 4)])
        np.testing.assert_array_equal(
            turned.current[::-1], current_flow(upright, [(0, 0), (5, 4)]).current
        )

    def test_network_regions_and_focal_groups(self):
        line = edges(*((i, i + 1, 1.0) for i in range(6)))
        assert current_flow(line, [0, 6], regions=[[1, 4]]).resistances.loc[0, 6] == pytest.approx(
            3
        )
        found = current_flow(line, {"ends": [0, 6], "middle": 3})
        assert found.resistances.loc["ends", "middle"] == pytest.approx(1.5)

    def test_list_of_pairs(self):
        found = current_flow(
            raster(rough(5, 5)), [(0, 0), (0, 4), (4, 4)], pairs=[(2, 0)], maps=["current"]
        )
        assert list(found.currents) == [(0, 2)]
        assert np.isnan(found.resistances.loc[0, 1])
        assert found.unreachable == []

    def test_islands_are_named_and_no_current_is_drawn_there(self):
        values = rough(5, 9)
        values[:, 4] = np.inf
        for mode in ("pairwise", "one_to_all", "all_to_one"):
            found = current_flow(raster(values), [(0, 0), (4, 1), (2, 8)], mode=mode)
            assert found.unreachable == [[0, 2], [1, 2]]
            assert np.isfinite(found.current.to_numpy()[:, :4]).all()
            assert (found.current.to_numpy()[:, 5:] == 0).all()
            assert np.isnan(found.current.to_numpy()[:, 4]).all()
        assert np.isnan(current_flow(raster(values), [(0, 0), (2, 8)]).resistances.loc[0, 1])
        source = current_flow(
            raster(values), [(0, 0), (0, 8)], mode="advanced", grounds=[(4, 0)], maps=["voltage"]
        )
        assert source.unreachable == [1]
        assert np.isnan(source.voltages["advanced"].to_numpy()[:, 5:]).all()

    def test_places_that_share_a_cell(self):
        found = current_flow(raster(rough(4, 4)), [(0, 0), (0, 0), (3, 3)])
        assert found.resistances.loc[0, 1] == 0.0
        assert found.resistances.loc[0, 2] == found.resistances.loc[1, 2] > 0

    def test_conductances_of_zero_are_barriers(self):
        values = np.ones((3, 3))
        values[:, 1] = 0.0
        found = current_flow(raster(values), [(0, 0), (0, 2)], values="conductance")
        assert found.unreachable == [[0, 1]]


class TestBadInput:
    ground = raster(rough(4, 4))

    def test_focal_on_no_data_or_outside(self):
        values = rough(4, 4)
        values[0, 0] = np.nan
        with pytest.raises(CoordinateError, match=r"1 outside the raster and 1 on a barrier"):
            current_flow(raster(values), [(0, 0), (9, 9), (1, 1)])
        drawn = np.zeros((4, 4))
        drawn[0, 0], drawn[3, 3] = 5, 6
        with pytest.raises(CoordinateError, match=r"1 row: 5.*on a barrier"):
            current_flow(raster(values), raster(drawn))

    @pytest.mark.parametrize("wrong", [0.0, -1.0])
    def test_zero_or_negative_resistance(self, wrong):
        values = rough(4, 4)
        values[1, 2] = wrong
        with pytest.raises(RasterError, match=r"1 row: x=500002.*zero or negative resistance"):
            current_flow(raster(values), [(0, 0), (3, 3)])
        with pytest.raises(SchemaError, match=r"edges \(1 row: 1\).*zero"):
            current_flow(edges(("a", "b", 1.0), ("b", "c", wrong)), ["a", "c"])

    def test_labels_that_stand_twice(self):
        twice = gpd.GeoDataFrame(
            geometry=gpd.points_from_xy([5e5 + 0.5, 5e5 + 2.5], [4e6 + 0.5, 4e6 + 2.5]),
            index=["a", "a"], crs=UTM,
        )  # fmt: skip
        with pytest.raises(SchemaError, match="twice"):
            current_flow(self.ground, twice)
        with pytest.raises(SchemaError, match="twice"):
            current_flow(edges(("a", "b", 1.0)), ["a", "a"])

    def test_fewer_than_two(self):
        for focal in ([(0, 0)], []):
            with pytest.raises(SchemaError, match="two or more"):
                current_flow(self.ground, focal)

    def test_no_crs_other_cells_and_rotated(self):
        with pytest.raises(CRSError, match="no coordinate"):
            current_flow(self.ground.drop_vars("spatial_ref"), [(0, 0), (3, 3)])
        with pytest.raises(CRSError):
            current_flow(self.ground, gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)] * 2))
        other = raster(np.arange(25).reshape(5, 5))
        with pytest.raises(RasterError, match="reproject_match"):
            current_flow(self.ground, other)
        moved = raster(np.eye(4), crs="EPSG:32617")
        with pytest.raises(RasterError, match="EPSG:32617"):
            current_flow(self.ground, [(0, 0), (3, 3)], regions=moved)
        turned = self.ground.drop_vars(["x", "y"]).rio.write_transform(
            self.ground.rio.transform().rotation(20)
        )
        with pytest.raises(RasterError, match="rotated"):
            current_flow(turned, [(0, 0), (3, 3)])

    def test_sources_without_a_ground(self):
        with pytest.raises(ParameterError, match="grounds"):
            current_flow(self.ground, [(0, 0)], mode="advanced")
        values = np.ones((3, 5))
        values[:, 2] = np.nan
        with pytest.raises(SchemaError, match="no ground that is joined"):
            current_flow(raster(values), [(0, 0)], mode="advanced", grounds=[(0, 4)])
        with pytest.raises(SchemaError, match="no source"):
            current_flow(self.ground, [], mode="advanced", grounds=[(0, 1)])

    def test_wrong_strengths_and_grounds(self):
        for wrong in ({0: 1.0}, {0: 1.0, 1: 0.0}, {0: 1.0, 1: -2.0}, {0: np.inf, 1: 1.0}):
            with pytest.raises(SchemaError, match="strengths"):
                current_flow(self.ground, [(0, 0), (3, 3)], mode="one_to_all", strengths=wrong)
        with pytest.raises(SchemaError, match="no column 'amps'"):
            current_flow(self.ground, [(0, 0), (3, 3)], mode="all_to_one", strengths="amps")
        with pytest.raises(SchemaError, match=r"grounds \(1 row: b\)"):
            current_flow(edges(("a", "b", 1.0)), ["a"], mode="advanced", grounds={"b": -1.0})

    def test_places_at_unknown_nodes_and_columns(self):
        with pytest.raises(CoordinateError, match="1 row: z"):
            current_flow(edges(("a", "b", 1.0)), ["a", "z"])
        with pytest.raises(SchemaError, match="no column v, conductance"):
            current_flow(pd.DataFrame({"u": [1]}), [1, 2], values="conductance")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"mode": "x"}, {"neighbours": 16}, {"average": "x"}, {"values": "x"}, {"maps": ["x"]},
            {"solver": "x"}, {"pairs": "x"}, {"pairs": [(0, 9)]}, {"excluded": [(1, 1)]},
            {"strengths": {0: 1.0}}, {"grounds": [(0, 0)]},
        ],
        ids=lambda wrong: next(iter(wrong)),
    )  # fmt: skip
    def test_options_that_do_not_fit(self, wrong):
        with pytest.raises(ParameterError):
            current_flow(self.ground, [(0, 0), (3, 3)], **wrong)

    def test_mask_of_a_network(self):
        with pytest.raises(ParameterError, match="mask"):
            current_flow(edges(("a", "b", 1.0)), ["a", "b"], mask=self.ground)

    def test_contrast_beyond_doubles(self):
        with pytest.raises(SchemaError, match=r"a factor of 1e.12"):
            current_flow(edges(("a", "b", 1.0), ("b", "c", 1e-12)), ["a", "c"])
        values = np.ones((4, 4))
        values[2, 2] = 1e-11
        with pytest.raises(RasterError, match=r"a factor of 1e.11"):
            current_flow(raster(values), [(0, 0), (3, 3)])


@pytest.mark.parametrize("noise", ["smooth", "rough", "maze"])
def test_multigrid_is_as_good_as_factors(noise):
    rng = np.random.default_rng(8)
    values = np.exp(rng.normal(0, {"smooth": 0.2, "rough": 2.0, "maze": 0.1}[noise], (150, 150)))
    if noise == "maze":
        values[1::2] = np.nan
        values[1::4, -1] = values[3::4, 0] = 1.0
    places = [(0, 3), (100, 100), (148, 20)]
    one, other = (
        current_flow(raster(values), places, solver=solver) for solver in ("direct", "multigrid")
    )
    np.testing.assert_allclose(one.resistances, other.resistances, rtol=1e-8)
    np.testing.assert_allclose(one.current, other.current, atol=1e-7)
