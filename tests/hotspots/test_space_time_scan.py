"""The space-time permutation scan against every cylinder tried one by one."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import DateError, LayerError, ParameterError, SchemaError
from geocn.hotspots import spatial_scan
from geocn.hotspots.scan_study import Extent, read_dated
from geocn.hotspots.scan_windows import Study, draw_cases, scan_all


def ratio_by_formula(c, e, total):
    if e <= 0 or c <= e * (1 + 1e-12):
        return 0.0
    rest = (total - c) * np.log((total - c) / (total - e)) if total > c else 0.0
    return c * np.log(c / e) + rest


def every_cylinder(xy, step, count, n_steps, longest, prospective, share=0.5):
    """Greatest ratio over circles around cases and runs of steps, by dumb sums."""
    total, best = count.sum(), 0.0
    for centre in xy:
        squared = ((xy - centre) ** 2).sum(axis=1)
        for reach in np.unique(squared):
            inside = squared <= reach
            here = count[inside].sum()
            if here > share * total:
                continue
            for first in range(n_steps):
                for last in range(first, min(n_steps, first + longest)):
                    if prospective and last < n_steps - 1:
                        continue
                    now = (step >= first) & (step <= last)
                    e = here * count[now].sum() / total
                    best = max(best, ratio_by_formula(count[inside & now].sum(), e, total))
    return best


def frame(xy, days, count=1, start="2024-01-01"):
    when = pd.Timestamp(start) + pd.to_timedelta(np.asarray(days), "D")
    data = {"n": np.broadcast_to(count, len(days)).astype(int), "when": when}
    return gpd.GeoDataFrame(data, geometry=shapely.points(np.asarray(xy, float)), crs=32618)


def scan(data, **options):
    options = {"permutations": 19, "time_step": "day", **options}
    return spatial_scan(data, "n", model="space_time_permutation", time="when", **options)


dated = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5), st.integers(0, 3)),
    min_size=2,
    max_size=14,
)


@given(rows=dated, longest=st.sampled_from([1, 2, 9]), prospective=st.booleans())
def test_the_first_cluster_is_the_best_of_every_cylinder(rows, longest, prospective):
    x, y, day, count = np.array(rows).T
    if count.sum() == 0:
        count = count + 1
    data = frame(np.c_[x, y], day, count)
    study = read_dated(
        data, "n", "when", step="day", extent=Extent(0.5, longest, prospective)
    ).study
    (best,), _ = scan_all(study, [])
    day = day - day.min()
    expected = every_cylinder(np.c_[x, y], day, count, day.max() + 1, longest, prospective)
    assert best.ratio.max() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    found = scan(data, max_duration=longest, prospective=prospective)
    for row in found.itertuples():
        inside = data.loc[list(row.members)]
        assert row.observed == inside["n"].sum()
        assert inside["when"].between(row.start, row.end, inclusive="left").all()
        assert row.log_likelihood_ratio == pytest.approx(
            ratio_by_formula(row.observed, row.expected, count.sum())
        )
        if prospective:
            assert row.end == data["when"].max() + pd.Timedelta(days=1)


@pytest.mark.parametrize("prospective", [False, True])
def test_replicates_keep_both_margins_and_have_the_maxima_of_scans_on_their_own(prospective):
    rng = np.random.default_rng(4)
    data = frame(rng.integers(0, 40, (200, 2)), rng.integers(0, 12, 200))
    study = read_dated(data, "n", "when", step="day", extent=Extent(0.5, 5, prospective)).study
    replicates = draw_cases(study, permutations=40, seed=1)
    _, maxima = scan_all(study, replicates)
    for batch, best in zip(replicates, maxima, strict=True):
        assert (batch.sum(axis=1) == study.cases.sum(axis=1)[:, None]).all()
        assert (batch.sum(axis=0) == study.cases.sum(axis=0)[:, None]).all()
        for r in range(batch.shape[2]):
            alone = Study(
                study.xy,
                batch[:, :, r].astype(float),
                study.mass,
                study.limit,
                study.model,
                study.share,
            )
            assert scan_all(alone, [])[0][0].ratio.max() == pytest.approx(best[r], rel=1e-9)


def outbreak():
    rng = np.random.default_rng(6)
    xy, days = rng.random((400, 2)) * 1e5, rng.integers(0, 360, 400)
    near = rng.normal((3e4, 6e4), 2e3, (30, 2))
    return frame(np.r_[xy, near], np.r_[days, rng.integers(300, 320, 30)])


def test_a_planted_outbreak_is_found_where_and_when_it_is():
    data = outbreak()
    found = scan(data, time_step="week", permutations=199)
    first = found.loc[1]
    assert first["p_value"] == 0.005
    assert first["p_value_gumbel"] < 1e-6
    assert len(set(first["members"]) & set(range(400, 430))) >= 25
    assert first["start"] >= pd.Timestamp("2024-10-14")
    assert first["end"] <= pd.Timestamp("2024-11-25")
    assert first["start"].weekday() == 0
    assert {"exposure", "rate"}.isdisjoint(found.columns)
    assert found["members"].explode().is_unique
    record = found.attrs["geocn"]
    assert (record["n_cases"], record["n_steps"]) == (430, 52)


def test_places_and_seasons_of_their_own_are_no_clusters():
    rng = np.random.default_rng(9)
    town = rng.normal((3e4, 6e4), 2e3, (150, 2))
    xy = np.r_[rng.random((100, 2)) * 1e5, town]
    season = np.where(rng.random(250) < 0.6, rng.integers(0, 30, 250), rng.integers(0, 180, 250))
    found = scan(frame(xy, season), time_step="week", permutations=99)
    assert (found["p_value"] > 0.05).all()


def test_the_null_is_seldom_called_a_cluster():
    rng = np.random.default_rng(10)
    p = []
    for number in range(150):
        data = frame(rng.random((40, 2)) * 1e4, rng.integers(0, 8, 40))
        found = scan(data, permutations=39, seed=number)
        p.append(found["p_value"].min() if len(found) else 1.0)
    for alpha in (0.05, 0.2):
        at_most = alpha + 3 * np.sqrt(alpha * (1 - alpha) / len(p))
        assert np.mean(np.array(p) <= alpha) <= at_most


def test_dates_that_cannot_be_placed_are_refused_or_left_out():
    data = outbreak()
    late = data.copy()
    late.loc[[3, 5], "when"] = pd.NaT
    with pytest.raises(DateError, match="null") as caught:
        scan(late)
    assert caught.value.rows == [3, 5]
    with pytest.raises(DateError, match="cannot be read"):
        scan(data.assign(when="soon"))
    with pytest.raises(SchemaError, match="numbers in when"):
        scan(data.assign(when=5))
    with pytest.raises(SchemaError, match="no column when"):
        scan(data.drop(columns="when"))
    with pytest.raises(LayerError, match="below 0") as negative:
        scan(data.assign(n=np.where(data.index == 2, -1, 1)))
    assert negative.value.rows == [2]
    coarse = data.assign(date_precision=np.where(data.index < 4, "month", "day"))
    found = scan(coarse, time_step="week", permutations=9)
    assert found.attrs["geocn"]["left_out"]["date_coarser_than_step"] == 4
    assert found.attrs["geocn"]["n_cases"] == 426
    with pytest.raises(ParameterError, match="steps of a day"):
        scan(frame([[0, 0], [1, 1]], [0, 9000]))


def test_options_that_do_not_fit_are_refused():
    data = outbreak()
    with pytest.raises(ParameterError, match="needs time="):
        spatial_scan(data, "n", model="space_time_permutation")
    with pytest.raises(ParameterError, match="needs no time="):
        spatial_scan(data, "n", population="n", time="when")
    with pytest.raises(ParameterError, match="need time"):
        spatial_scan(data, "n", population="n", prospective=True)
    with pytest.raises(ParameterError, match=r"time_step 'hour'.*max_duration is 0"):
        scan(data, time_step="hour", max_duration=0)


@pytest.mark.parametrize("count", [0, 1])
def test_too_little_gives_no_clusters_and_the_same_columns(count):
    full = scan(outbreak(), time_step="month", permutations=9)
    for data in (
        outbreak().iloc[:0],
        frame([[0, 0]], [0], count),
        frame([[0, 0]] * 5, range(5), count),
        frame(np.arange(10).reshape(5, 2), [0] * 5, count),
    ):
        found = scan(data, permutations=9)
        assert dict(found.dtypes) == dict(full.dtypes)
        assert len(found) == 0
