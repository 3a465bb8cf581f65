"""Area estimation against the numbers of two papers, a simulation, and each other."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.cultivation.area_estimate import area_estimate
from geocn.errors import ParameterError, SchemaError

# Table 2 of Stehman 2014: 40 units in four strata that are not the map classes.
STRATUM = "A" * 10 + "B" * 10 + "C" * 10 + "D" * 10
MAPPED = "AAAAAAABBB" + "ABBBBBBBBB" + "BBCCCCCCBB" + "DDDDDDDDDD"
REFERENCE = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
STRATA = {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}


def stehman() -> pd.DataFrame:
    columns = {"stratum": STRATUM, "map_class": MAPPED, "reference_class": REFERENCE}
    return pd.DataFrame({name: list(text) for name, text in columns.items()})


def frame(matrix, names) -> pd.DataFrame:
    return pd.DataFrame(matrix, index=names, columns=names)


@pytest.mark.reference
def test_olofsson_2014_to_the_digits_given(reference) -> None:
    known = json.loads((reference / "cultivation/olofsson.json").read_text())["example_2014"]
    names = known["classes"]
    found = area_estimate(
        frame(known["error_matrix_rows_map_cols_reference"], names),
        dict(zip(names, known["mapped_pixels"], strict=True)),
        unit_ha=known["pixel_area_m2"] / 1e4,
    )
    for column, name, digits in (
        ("area_ha", "area_ha", 7),
        ("area_ci_ha", "area_ci95_halfwidth_ha", 7),
        ("users_accuracy", "users_accuracy", 7),
        ("users_ci", "users_ci95_halfwidth", 6),
        ("producers_accuracy", "producers_accuracy", 7),
        ("producers_ci", "producers_ci95_halfwidth", 6),
    ):
        np.testing.assert_allclose(found[column], known[name], rtol=5 * 10.0**-digits)
    record = found.attrs["geocn"]
    assert record["overall_accuracy"] == pytest.approx(0.9465119, abs=5e-8)
    assert record["overall_ci"] == pytest.approx(0.0184833, abs=5e-8)
    assert found.loc["Deforestation", "area_ha"] == pytest.approx(21_157.76, abs=0.005)
    assert found.loc["Deforestation", "area_ci_ha"] == pytest.approx(6_157.52, abs=0.005)
    assert found["area_ha"].sum() == pytest.approx(sum(known["mapped_pixels"]) * 0.09)


@pytest.mark.reference
def test_olofsson_2013(reference) -> None:
    known = json.loads((reference / "cultivation/olofsson.json").read_text())["example_2013_1"]
    names = ["one", "two", "three"]
    found = area_estimate(
        frame(known["error_matrix_rows_map_cols_reference"], names),
        dict(zip(names, known["mapped_pixels"], strict=True)),
    )
    assert found["area_ha"].iloc[0] == pytest.approx(known["area_class1_pixels"], abs=0.05)
    # The half width as printed; the standard error listed beside it is 0.005 % larger.
    printed = known["ci95_halfwidth_pixels_printed"]
    assert found["area_ci_ha"].iloc[0] == pytest.approx(printed, abs=0.005)
    assert found["area_se_ha"].iloc[0] == pytest.approx(known["se_class1_pixels"], rel=1e-4)
    np.testing.assert_allclose(found["users_accuracy"], known["users_accuracy"], atol=5e-8)
    np.testing.assert_allclose(found["producers_accuracy"], known["producers_accuracy"], atol=5e-8)
    overall = found.attrs["geocn"]["overall_accuracy"]
    assert overall == pytest.approx(known["overall_accuracy"], abs=5e-8)


def test_stehman_2014_worked_example() -> None:
    """As printed on pages 4932 to 4936 of the paper."""
    found = area_estimate(stehman(), STRATA, finite=True)
    record = found.attrs["geocn"]
    assert found["area_share"].tolist() == pytest.approx([0.35, 0.34, 0.20, 0.11])
    assert record["overall_accuracy"] == pytest.approx(0.63)
    assert found.loc["B", "users_accuracy"] == pytest.approx(0.574, abs=5e-4)
    assert found.loc["B", "producers_accuracy"] == pytest.approx(0.794, abs=5e-4)
    assert record["matrix_of_shares"][1][2] == pytest.approx(0.08)
    se = found["area_se_ha"] / 100_000
    assert se["A"] == pytest.approx(0.082, abs=5e-4)
    assert se["C"] == pytest.approx(0.064, abs=5e-4)
    z = 1.959963984540054
    assert record["overall_ci"] / z == pytest.approx(0.085, abs=5e-4)
    assert found.loc["B", "users_ci"] / z == pytest.approx(0.125, abs=5e-4)
    assert found.loc["B", "producers_ci"] / z == pytest.approx(0.116, abs=6e-4)
    # To the digits of an implementation by others (R, mapac).
    expected = [0.7419355, 0.5744681, 0.5, 0.7]
    np.testing.assert_allclose(found["users_accuracy"], expected, atol=5e-8)
    np.testing.assert_allclose(
        found["users_ci"] / z, [0.1645627, 0.1248023, 0.2151657, 0.1527525], rtol=6e-4
    )
    np.testing.assert_allclose(
        found["producers_ci"] / z, [0.1477318, 0.1165671, 0.1504438, 0.1623242], rtol=6e-4
    )
    assert found["mapped_ha"].isna().all()


def rows_of(matrix: np.ndarray, names: list[str]) -> pd.DataFrame:
    cells = [
        (names[i], names[i], names[j])
        for i in range(len(names))
        for j in range(len(names))
        for _ in range(int(matrix[i, j]))
    ]
    return pd.DataFrame(cells, columns=["stratum", "map_class", "reference_class"])


def olofsson(matrix: np.ndarray, area: np.ndarray) -> dict[str, np.ndarray]:
    """The formulas of Olofsson et al. 2014 as printed, one at a time."""
    n, w = matrix.sum(axis=1), area / area.sum()
    p = w[:, None] * matrix / n[:, None]
    share = p.sum(axis=0)
    se = np.sqrt(((w[:, None] * p - p**2) / (n[:, None] - 1)).sum(axis=0))
    users = np.diag(p) / p.sum(axis=1)
    producers = np.diag(p) / share
    big = (area[:, None] * matrix / n[:, None]).sum(axis=0)
    variance = []
    for j in range(len(area)):
        own = area[j] ** 2 * (1 - producers[j]) ** 2 * users[j] * (1 - users[j]) / (n[j] - 1)
        rest = sum(
            area[i] ** 2 * (matrix[i, j] / n[i]) * (1 - matrix[i, j] / n[i]) / (n[i] - 1)
            for i in range(len(area))
            if i != j
        )
        variance.append((own + producers[j] ** 2 * rest) / big[j] ** 2)
    return {
        "area_ha": share * area.sum(),
        "area_se_ha": se * area.sum(),
        "users_accuracy": users,
        "users_se": np.sqrt(users * (1 - users) / (n - 1)),
        "producers_accuracy": producers,
        "producers_se": np.sqrt(variance),
    }


@given(seed=st.integers(0, 10_000), k=st.integers(2, 5))
def test_strata_that_are_classes_reduce_to_olofsson(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 30, (k, k)) + np.eye(k, dtype=int) * 2
    names, area = [f"c{i}" for i in range(k)], 10.0 ** rng.uniform(1, 6, k)
    sizes = dict(zip(names, area, strict=True))
    by_matrix = area_estimate(frame(matrix, names), sizes)
    by_rows = area_estimate(rows_of(matrix, names), sizes)
    pd.testing.assert_frame_equal(by_matrix, by_rows, rtol=1e-10)
    z = 1.959963984540054
    for name, expected in olofsson(matrix, area).items():
        column = name.replace("_se", "_ci") if name in ("users_se", "producers_se") else name
        value = by_matrix[column] / (z if column != name else 1)
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """800 samples of a known population whose strata are not its map classes."""
    rng = np.random.default_rng(0)
    n = np.array([6000, 3000, 1000])
    stratum = np.repeat(["s", "t", "u"], n)
    truth = rng.random(10_000) < np.repeat([0.05, 0.4, 0.8], n)
    mapped = np.where(rng.random(10_000) < 0.1, ~truth, truth)
    actual = truth.sum()
    inside, areas, ses = 0, [], []
    for _ in range(800):
        rows = np.concatenate(
            [rng.choice(np.flatnonzero(stratum == s), 60, replace=False) for s in "stu"]
        )
        sample = pd.DataFrame(
            {
                "stratum": stratum[rows],
                "map_class": mapped[rows],
                "reference_class": truth[rows],
            }
        )
        sizes = dict(zip("stu", n.tolist(), strict=True))
        found = area_estimate(sample, sizes, finite=True).loc[True]
        inside += abs(found["area_ha"] - actual) <= found["area_ci_ha"]
        areas.append(found["area_ha"])
        ses.append(found["area_se_ha"])
    assert np.mean(areas) == pytest.approx(actual, rel=0.01)
    assert np.sqrt(np.mean(np.square(ses))) == pytest.approx(np.std(areas), rel=0.07)
    assert 0.925 < inside / 800 < 0.975


def test_faults_are_named_together() -> None:
    names = ["coca", "other", "water"]
    matrix = frame([[5, 1, 0], [0, 0, 0], [0, 1, 0]], names)
    with pytest.raises(SchemaError) as caught:
        area_estimate(matrix, {"coca": 10, "other": -5, "urban": 3})
    text = str(caught.value)
    for part in (
        "no area for 'water'",
        "area -5 of 'other'",
        "no sample in 'other'",
        "no sample in 'urban'",
        "a single sample in 'water'",
    ):
        assert part in text


@pytest.mark.parametrize("value", [-1, 0.5, np.nan, "x"])
def test_counts_that_are_none(value) -> None:
    names = ["coca", "other"]
    matrix = frame([[5, 1], [1, 9]], names).astype(object)
    matrix.iloc[0, 1] = value
    with pytest.raises(SchemaError, match="negative or no whole"):
        area_estimate(matrix, {"coca": 10, "other": 90})


def test_other_bad_input() -> None:
    sizes = {"coca": 10, "other": 90}
    with pytest.raises(SchemaError, match="common class"):
        area_estimate(pd.DataFrame([[5, 1], [1, 9]], ["a", "b"], ["c", "d"]), sizes)
    with pytest.raises(SchemaError, match="twice"):
        area_estimate(frame([[5, 1], [1, 9]], ["coca", "coca"]), sizes)
    with pytest.raises(SchemaError, match="ndarray"):
        area_estimate(np.eye(2), sizes)
    rows = stehman()
    rows.loc[3, "reference_class"] = None
    with pytest.raises(SchemaError, match="1 row: 3"):
        area_estimate(rows, STRATA)
    with pytest.raises(SchemaError, match="no rows"):
        area_estimate(rows.iloc[:0], STRATA)
    good = frame([[5, 1], [1, 9]], ["coca", "other"])
    for option in ({"confidence": 1.0}, {"unit_ha": 0.0}):
        with pytest.raises(ParameterError):
            area_estimate(good, sizes, **option)


def test_a_class_that_was_never_mapped_has_an_area_all_the_same() -> None:
    matrix = pd.DataFrame([[9, 0, 1], [0, 8, 2]], ["a", "b"], ["a", "b", "new"])
    found = area_estimate(matrix, {"a": 100, "b": 100})
    assert found.loc["new", "area_ha"] == pytest.approx(30)
    assert np.isnan(found.loc["new", "users_accuracy"])
    assert found.loc["new", "producers_accuracy"] == 0
