"""Emerging hotspots: every class, the order of the rules, silence, and the bins beneath."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.hotspots import bins
from geocn.hotspots.correction import adjust
from geocn.hotspots.emerging import emerging_hotspots
from geocn.hotspots.getis import getis_ord
from geocn.hotspots.patterns import CLASSES, classify, rules
from geocn.spatial.neighbours import neighbour_matrix

H, C, O = 1, -1, 0  # noqa: E741 - O is the unremarkable step


def grid(nx, ny=None):
    x, y = (a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny or nx)))
    return gpd.GeoDataFrame(geometry=shapely.box(x, y, x + 1, y + 1), crs=6933)


def cube_of(counts, frame, **more):
    start = np.datetime64("2020-01", "M") + np.arange(counts.shape[1])
    return xr.Dataset(
        {"n_events": (("area", "time"), counts), **more},
        {"area": frame.index.to_numpy(), "time": start.astype("datetime64[us]")},
    )


def one(states, trend=0, valid=None):
    row = np.array([states], dtype=np.int8)
    known = np.ones(row.shape, bool) if valid is None else np.array([valid], bool)
    return classify(row, known, np.array([trend]))[0]


CASES = [
    ([O] * 9 + [H], 0, "new"),
    ([O] * 7 + [H, H, H], 0, "consecutive"),
    ([H] * 10, 1, "intensifying"),
    ([H] * 10, 0, "persistent"),
    ([H] * 10, -1, "diminishing"),
    ([H] * 9 + [O], 0, "historical"),
    ([C, O, H, O, O, H, O, O, O, H], 0, "oscillating"),
    ([O, O, H, O, O, H, O, O, O, H], 0, "sporadic"),
]


@pytest.mark.parametrize(("states", "trend", "name"), CASES)
@pytest.mark.parametrize(("sign", "word"), [(1, "hot"), (-1, "cold")])
def test_each_pattern_and_its_mirror(states, trend, name, sign, word):
    assert one([sign * s for s in states], sign * trend) == f"{name}_{word}"


PRECEDENCE = [
    # Never hot before is new, also where it was cold before; at a tenth of cases it is also
    # the end of a cold history.
    ([C, O, O, O, O, O, O, O, O, H], 0, "new_hot"),
    ([H] * 9 + [C], 0, "new_cold"),
    # A run that ends in the last step is consecutive, also after cold; a run broken is not.
    ([C, O, O, O, O, O, O, O, H, H], 0, "consecutive_hot"),
    ([H, O, O, O, O, O, O, O, H, H], 0, "sporadic_hot"),
    # Nine of ten is nearly always, eight of nine is not.
    ([O] + [H] * 9, 0, "persistent_hot"),
    ([O] + [H] * 8, 0, "consecutive_hot"),
    # Past comes before persistent, whatever the trend; a cold end comes in its own order.
    ([H] * 9 + [O], 1, "historical_hot"),
    ([H] * 18 + [C, C], 0, "consecutive_cold"),
    ([C] + [H] * 18 + [C], 0, "historical_hot"),
    ([C] * 9 + [O], 1, "historical_cold"),
    # Nearly always hot with one cold step is still persistent, not oscillating.
    ([C] + [H] * 9, 0, "persistent_hot"),
    # Cold steps are not hot ones: no share of nine tenths out of both together.
    ([C] * 5 + [H] * 5, 1, "consecutive_hot"),
    ([O] * 10, 1, "none"),
    ([H, H, O, O, O, O, O, O, O, O], -1, "none"),
]


@pytest.mark.parametrize(("states", "trend", "name"), PRECEDENCE)
def test_precedence(states, trend, name):
    assert one(states, trend) == name
    swap = {"hot": "cold", "cold": "hot", "none": "none"}
    mirrored = "_".join(swap.get(word, word) for word in name.split("_"))
    assert one([-s for s in states], -trend) == mirrored


def test_steps_not_observed_are_passed_over():
    silent = [True] * 5 + [False] * 2
    assert one([O, O, O, O, H, H, O], valid=silent) == "new_hot"
    assert one([H] * 5 + [O, O], valid=silent) == "persistent_hot"
    assert one([H] * 5, valid=[False] * 5) == "none"
    assert len(classify(np.empty((0, 4), int), np.empty((0, 4), bool), np.empty(0))) == 0
    assert classify(np.empty((2, 0), int), np.empty((2, 0), bool), np.zeros(2)).tolist() == [
        "none",
        "none",
    ]


def slow_class(states, trend):
    """The rules once more, one row at a time, one sentence at a time."""
    n = len(states)

    def fits(sign):
        hot = [s * sign == 1 for s in states]
        cold = [s * sign == -1 for s in states]
        share, now, before = sum(hot) / n, hot[-1], sum(hot[:-1])
        turns = sum(a != b for a, b in zip([False, *hot], hot, strict=False))
        yield "new", now and before == 0
        yield "consecutive", now and turns == 1 and sum(hot) >= 2 and share < 0.9
        for name, wanted in (("intensifying", 1), ("persistent", 0), ("diminishing", -1)):
            yield name, now and share >= 0.9 and trend * sign == wanted
        yield "historical", not now and share >= 0.9
        yield "oscillating", now and any(cold) and share < 0.9
        yield "sporadic", now and not any(cold) and share < 0.9

    for (name, hot), (_, cold) in zip(fits(1), fits(-1), strict=True):
        if hot or cold:
            return f"{name}_{'hot' if hot else 'cold'}"
    return "none"


@given(
    states=st.lists(st.sampled_from([H, H, H, O, C]), min_size=1, max_size=20),
    trend=st.sampled_from([-1, 0, 1]),
)
def test_classes_equal_the_rules_read_slowly(states, trend):
    assert one(states, trend) == slow_class(states, trend)


def test_seventeen_names_with_a_rule_each():
    assert len(CLASSES) == len(set(CLASSES)) == 17
    assert set(rules()) == set(CLASSES)
    assert rules()["oscillating_cold"].startswith(
        "cold in the last step and in less than 90 %, hot"
    )


def planted():
    """Blocks of 3 x 3 cells that live through each history, far apart in quiet noise."""
    rng = np.random.default_rng(5)
    frame = grid(40)
    n = 20
    counts = rng.poisson(20, (1600, n))
    up, level = np.linspace(60, 110, n), np.full(n, 80.0)
    histories = {
        "new": [O] * 19 + [H],
        "consecutive": [O] * 16 + [H] * 4,
        "intensifying": up,
        "persistent": level,
        "diminishing": up[::-1],
        "historical": [H] * 18 + [O] * 2,
        "oscillating": [C, C] + [O] * 5 + [H, H] + [O] * 8 + [H] * 3,
        "sporadic": [O, O, H, H] * 5,
    }
    centres = {}
    for place, (name, history) in enumerate(histories.items()):
        for sign, word, row in ((1, "hot", 3), (-1, "cold", 23)):
            cx, cy = 4 + 9 * (place % 4), row + 9 * (place // 4)
            centres[f"{name}_{word}"] = cy * 40 + cx
            for cell in [(cy + b) * 40 + cx + a for a in (-1, 0, 1) for b in (-1, 0, 1)]:
                for t, h in enumerate(history):
                    if h in (H, C):
                        counts[cell, t] = 80 if sign * h == 1 else 0
                    elif h != O:  # the trend of a cold spot fades towards 0, not below
                        counts[cell, t] = h if sign == 1 else max(0, round((110 - h) / 6))
                if name == "persistent":
                    counts[cell] = rng.permutation(n) % 5 + (80 if sign == 1 else 0)
    return frame, counts, centres


def test_all_seventeen_from_counts():
    frame, counts, centres = planted()
    found = emerging_hotspots(cube_of(counts, frame), frame, neighbours="queen", time_neighbours=0)
    got = {name: found["emerging_class"][cell] for name, cell in centres.items()}
    assert got == {name: name for name in centres}
    assert (found["emerging_class"] == "none").sum() > 1000
    assert set(found["emerging_class"]) == set(CLASSES)
    cell = found.loc[centres["intensifying_hot"]]
    assert (cell["share_hot"], cell["share_cold"], cell["last_state"]) == (1, 0, "hot")
    assert cell["trend_z"] > 2 < 2 + cell["sen_slope"]
    assert str(cell["last_period"]) == "2021-08-01 00:00:00+00:00"
    assert found.attrs["geocn"]["classes"] == rules()
    assert found.attrs["geocn"]["inference"] == "exact"


def slow_windows(counts, valid, near, back):
    """Sum and size of each neighbourhood, bin by bin, without the bin itself."""
    m, n = counts.shape
    lag, size = np.zeros((m, n)), np.zeros((m, n), int)
    for i in range(m):
        for t in range(n):
            for s in range(max(0, t - back), t + 1):
                for j in [i, *near[i]]:
                    if (j, s) != (i, t) and valid[j, s]:
                        lag[i, t] += counts[j, s]
                        size[i, t] += 1
    return lag, size


@given(seed=st.integers(0, 99), back=st.integers(0, 3))
def test_windows_and_scores_equal_slow_loops(seed, back):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(1.5, (6, 5)).astype(float)
    valid = rng.random((6, 5)) < 0.8
    dense = (rng.random((6, 6)) < 0.4) & ~np.eye(6, dtype=bool)
    dense[:, 0] |= ~dense.any(axis=1)
    dense[0, 0], dense[0, 1] = False, True
    near = [np.flatnonzero(row) for row in dense]
    window = bins.windows(
        counts, valid, sparse.csr_matrix(dense.astype(float)), time_neighbours=back
    )
    lag, size = slow_windows(counts, valid, near, back)
    assert window.lag == pytest.approx(lag[valid])
    assert window.size.tolist() == size[valid].tolist()
    options = {"permutations": 400, "alpha": 0.05, "correction": "bh", "seed": 0}
    exact = bins.score(window, inference="exact", **options)
    drawn = bins.score(window, inference="permutation", **options)
    both = ~np.isnan(exact.p_value)
    assert exact.p_value[both] == pytest.approx(drawn.p_value[both], abs=0.2)
    y, k = counts[valid], size[valid] + 1
    n, x = len(y), y.mean()
    with np.errstate(all="ignore"):
        z = (lag[valid] + y - k * x) / np.sqrt(y.var() * (n * k - k**2) / (n - 1))
    z[(k == 1) | ~np.isfinite(z)] = np.nan
    assert exact.z[valid] == pytest.approx(z, nan_ok=True)


def test_one_step_is_getis_ord():
    frame = grid(12)
    frame["n"] = np.random.default_rng(1).poisson(1.0, 144)
    peer = getis_ord(frame, "n", neighbours="queen", inference="exact")
    window = bins.windows(
        frame[["n"]].to_numpy(float),
        np.ones((144, 1), bool),
        neighbour_matrix(frame, "queen"),
        time_neighbours=1,
    )
    ours = bins.score(
        window, inference="auto", permutations=None, alpha=0.05, correction="bh", seed=0
    )
    assert ours.z[:, 0] == pytest.approx(peer["gi_z"].to_numpy())
    assert ours.p_value[:, 0] == pytest.approx(peer["p_value"].to_numpy(), rel=1e-9)


@pytest.mark.parametrize("correction", ["bh", "by", "bonferroni", "none"])
def test_significance_of_the_few_equals_that_among_all(correction):
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.random(500), rng.random(60) ** 6, [np.nan]])
    with np.errstate(invalid="ignore"):
        slow = adjust(p, correction=correction) <= 0.05
    assert bins._significant(p, 0.05, correction).tolist() == slow.tolist()
    assert slow.any()


def test_noise_is_seldom_hot_and_has_no_trends():
    frame = grid(25)
    counts = np.random.default_rng(9).poisson(0.3, (625, 36))
    found = emerging_hotspots(cube_of(counts, frame), frame, neighbours="queen")
    assert (found["emerging_class"] == "none").mean() > 0.99
    chance = stats.binom.ppf([0.0001, 0.9999], 100, 0.05) / 100  # about 100 independent areas
    assert chance[0] <= (found["trend_p"] <= 0.05).mean() <= chance[1]
    plain = emerging_hotspots(
        cube_of(counts, frame), frame, neighbours="queen", overlap_correction=False
    )
    assert (plain["trend_p"] <= 0.05).mean() > (found["trend_p"] <= 0.05).mean()


def test_silence_is_not_a_drop():
    frame, counts, centres = planted()
    seen = np.ones(counts.shape)
    seen[:, -2:] = 0.5
    counts[:, -2:] = 0
    cube = cube_of(counts, frame, share_observed=(("area", "time"), seen))
    found = emerging_hotspots(cube, frame, neighbours="queen", time_neighbours=0)
    assert found["emerging_class"][centres["persistent_hot"]] == "persistent_hot"
    assert found["n_periods"].unique().tolist() == [18]
    assert str(found["last_period"].iloc[0]) == "2021-06-01 00:00:00+00:00"
    taken = emerging_hotspots(cube, frame, neighbours="queen", time_neighbours=0, min_observed=0.5)
    assert taken["emerging_class"][centres["persistent_hot"]] == "consecutive_cold"


def test_islands_silent_areas_and_constant_values():
    frame = grid(5)
    frame.loc[25] = [shapely.box(90, 90, 91, 91)]
    counts = np.random.default_rng(0).poisson(3, (26, 8))
    seen = np.ones(counts.shape)
    seen[3] = 0
    cube = cube_of(counts, frame, share_observed=(("area", "time"), seen))
    found = emerging_hotspots(cube, frame, neighbours="queen")
    assert found["emerging_class"][25] == "no_neighbours"
    assert found["emerging_class"][3] == "no_data"
    assert found["last_state"][3] == "no_data"
    assert np.isnan(found["trend_z"][[3, 25]]).all()
    assert found["share_hot"].isna().sum() == 2
    assert found["last_period"].isna().sum() == 2
    left = found.attrs["geocn"]["left_out"]
    assert left == {"bins_without_data": 8, "bins_without_neighbours": 8}
    flat = emerging_hotspots(cube_of(np.full((26, 8), 4), frame), frame, neighbours="queen")
    assert flat["emerging_class"].tolist() == ["none"] * 25 + ["no_neighbours"]


def test_empty_in_same_columns_out():
    frame = grid(3)
    full = emerging_hotspots(
        cube_of(np.ones((9, 3)), frame), frame, neighbours="queen", time_neighbours=1
    )
    for none, steps in ((frame.iloc[:0], 3), (frame, 0)):
        empty = emerging_hotspots(
            cube_of(np.ones((len(none), steps)), none), none, neighbours="rook"
        )
        assert list(empty.columns) == list(full.columns)
        assert len(empty) == len(none)
    assert set(empty["emerging_class"]) == {"no_data"}


def test_order_of_rows_index_and_input_stay():
    frame, counts, _ = planted()
    frame.index = [f"a{i}" for i in range(len(frame))]
    cube = cube_of(counts, frame)
    before = cube.copy(deep=True)
    mixed = frame.sample(frac=1, random_state=0)
    one_way = emerging_hotspots(cube, frame, neighbours="rook")
    other = emerging_hotspots(cube, mixed, neighbours="rook")
    assert other.index.equals(mixed.index)
    assert other["emerging_class"].sort_index().equals(one_way["emerging_class"].sort_index())
    assert cube.identical(before)
    assert "emerging_class" not in frame


def test_values_that_are_no_counts_are_permuted():
    frame = grid(8)
    rng = np.random.default_rng(4)
    weights = rng.gamma(0.5, 10, (64, 6))
    weights[[0, 1, 8, 9], -1] += 400
    cube = cube_of(weights, frame).rename(n_events="total_weight_kg")
    options = {"neighbours": "queen", "value": "total_weight_kg", "time_neighbours": 0}
    found = emerging_hotspots(cube, frame, **options)
    assert found.attrs["geocn"]["inference"] == "permutation"
    assert found["emerging_class"][0] == "new_hot"
    again = emerging_hotspots(cube, frame, **options)
    assert again["emerging_class"].equals(found["emerging_class"])
    with pytest.raises(ParameterError, match="needs counts"):
        emerging_hotspots(cube, frame, inference="exact", **options)


def test_refusals_name_what_is_wrong():
    frame = grid(3)
    cube = cube_of(np.ones((9, 3)), frame)
    with pytest.raises(ParameterError, match=r"time_neighbours.*alpha.*correction"):
        emerging_hotspots(
            cube, frame, neighbours="queen", time_neighbours=-1, alpha=2, correction="?"
        )
    with pytest.raises(SchemaError, match="no variable 'kg'"):
        emerging_hotspots(cube, frame, neighbours="queen", value="kg")
    with pytest.raises(LayerError, match="9 areas, not those"):
        emerging_hotspots(cube, frame.rename(index={0: 77}), neighbours="queen")
    with pytest.raises(LayerError, match="infinite"):
        emerging_hotspots(cube_of(np.full((9, 3), np.inf), frame), frame, neighbours="queen")
