"""Units become kilograms where that is sure, and stay what they are elsewhere."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import UnitError
from geocn.harmonise._tables import load_csv
from geocn.harmonise.units import convert_to_kg, unit_table
from tests.oracles_values import weights_plain

ROWS = load_csv("units.csv")
MASSES = [row for row in ROWS if row["kind"] == "mass"]
UNSURE = [row["unit"] for row in ROWS if row["kind"] == "unsure"]

#: Every unit of the real seizures file: canonical unit, kind, kilograms of one.
REAL = {
    "Kilogram": ("kilogram", "mass", 1.0),
    "Gram": ("gram", "mass", 1e-3),
    "Unit": ("unit", "count", None),
    "Tablet": ("tablet", "count", None),
    "Litre": ("litre", "volume", None),
    "Millilitre": ("millilitre", "volume", None),
    "Piece": ("piece", "count", None),
    "Pill": ("pill", "count", None),
    "Capsule": ("capsule", "count", None),
    "Bottles": ("bottle", "count", None),
    "Blotting paper": ("blotter", "count", None),
    "Cc": ("millilitre", "volume", None),
    "Acres": ("acre", "area", None),
    "Dose": ("dose", "count", None),
    "Plants": ("plant", "count", None),
    "Cubic Centimeter": ("millilitre", "volume", None),
    "Gallons (US, liquid)": ("us_gallon", "volume", None),
    "Stamp": ("stamp", "count", None),
    "Ampoule": ("ampoule", "count", None),
    "Milligram": ("milligram", "mass", 1e-6),
    "Injection": ("injection", "count", None),
    "Blotter": ("blotter", "count", None),
    "Bush": ("bush", "count", None),
    "Vials": ("vial", "count", None),
    "other": ("other", "unknown", None),
    "Ton": ("tonne", "mass", 1000.0),
    "Flacons": ("flacon", "count", None),
    "Microgram": ("microgram", "mass", 1e-9),
    "Mark": ("mark", "unknown", None),
    "Paper (1/10 gm)": ("paper_0.1_gram", "mass", 1e-4),
    "Ounce": ("ounce", "mass", 0.028349523125),
    "Thousand of doses": ("thousand_doses", "count", None),
    "Barette": ("barrette", "count", None),
    "Gallons (UK)": ("imperial_gallon", "volume", None),
    "Thousand of tablets": ("thousand_tablets", "count", None),
    "Trip": ("trip", "count", None),
    "100 gram": ("100_gram", "mass", 0.1),
    "Block (350gr)": ("block_350_gram", "mass", 0.35),
    "Packages": ("package", "count", None),
    "Viss": ("viss", "mass", 1.63293),
    "Hectars": ("hectare", "area", None),
    "Joint": ("joint", "count", None),
    "Hundred of units": ("hundred_units", "count", None),
}


def one(unit: str | None, quantity: float = 1.0, **options):
    given_unit = pd.Series([unit], dtype="str")
    result = convert_to_kg(pd.Series([quantity]), given_unit, **options)
    weight = result.weight_kg[0]
    return result.unit[0], result.kind[0], None if math.isnan(weight) else weight


@pytest.mark.parametrize("spelled", REAL)
def test_each_unit_of_the_real_file(spelled: str) -> None:
    unit, kind, kg = one(spelled)
    assert (unit, kind) == REAL[spelled][:2]
    assert kg == (REAL[spelled][2] and pytest.approx(REAL[spelled][2], rel=1e-12))


def test_all_43_units_of_the_real_file_are_listed() -> None:
    assert len(REAL) == 43


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["unit"])
def test_every_spelling_reaches_its_unit(row: dict[str, str]) -> None:
    for spelled in row["synonyms"].split("|"):
        for written in (spelled, spelled.upper(), f" {spelled}. "):
            if written.strip() != "Mg":
                assert one(written)[0] == row["unit"]


def test_every_factor_has_a_source() -> None:
    assert [
        row["unit"] for row in MASSES if not row["source"] or not float(row["factor"]) > 0
    ] == []
    assert [row["unit"] for row in ROWS if row["kind"] == "unsure" and not row["source"]] == []
    assert unit_table()["unit"].is_unique


@given(
    st.sampled_from(MASSES),
    st.floats(1e-6, 1e9, allow_nan=False),
)
def test_weights_survive_a_round_trip(row: dict[str, str], weight: float) -> None:
    quantity = weight / float(row["factor"])
    spelled = row["synonyms"].split("|")[0]
    assert one(spelled, quantity)[2] == pytest.approx(weight, rel=1e-12)


@given(
    st.floats(0.001, 999).map(lambda size: round(size, 3)), st.sampled_from(["g", "kg", "mg", "lb"])
)
def test_sizes_written_into_units_survive_a_round_trip(size: float, unit: str) -> None:
    if size == 0 or (size >= 1 and len(f"{size:g}".partition(".")[2]) == 3):
        return
    once = one(unit, size)[2]
    for written in (
        f"{size:g} {unit}",
        f"Bag ({size:g}{unit})",
        f"{size:g}".replace(".", ",") + unit,
    ):
        assert one(written)[2] == pytest.approx(once, rel=1e-9)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.sampled_from(["g", "kg", "oz", "pill", "L"])), max_size=20
    )
)
def test_columns_are_row_by_row(rows: list[tuple[float, str]]) -> None:
    quantity = pd.Series([q for q, _ in rows], dtype="float64")
    unit = pd.Series([u for _, u in rows], dtype="str")
    expected = weights_plain(quantity, unit, {"g": 1, "kg": 1000, "oz": 28.349523125})
    assert convert_to_kg(quantity, unit).weight_kg.tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("Kilogramos", ("kilogram", "mass", 1.0)),
        ("gramas", ("gram", "mass", 0.001)),
        ("Tonelada", ("tonne", "mass", 1000.0)),
        ("lbs.", ("pound", "mass", 0.45359237)),
        ("tola", ("tola", "mass", 0.0116638038)),
        ("Docena de unidades", ("dozen_units", "count", None)),
        ("millar de pastillas", ("thousand_pills", "count", None)),
        ("thousand kg", ("thousand_kilograms", "mass", 1000.0)),
        ("500 ml", ("500_millilitre", "volume", None)),
        ("Bolsa (0,5 kg)", ("bag_0.5_kilogram", "mass", 0.5)),
        ("hectáreas", ("hectare", "area", None)),
    ],
)
def test_words_of_partners(spelled: str, expected: tuple[str, str, float | None]) -> None:
    assert one(spelled) == expected


@pytest.mark.parametrize("unit", UNSURE)
def test_unsure_units_give_no_weight(unit: str) -> None:
    result = convert_to_kg(pd.Series([2.0]), pd.Series([unit]))
    assert result.kind.tolist() == ["unknown"]
    assert result.weight_kg.isna().all()
    assert "not one size" in result.problem[0]


def test_at_sign_is_an_arroba_and_mg_is_not_guessed() -> None:
    assert one("@")[:2] == ("arroba", "unknown")
    assert one("Mg")[1:] == ("unknown", None)
    assert one("mg")[2] == one("MG")[2] == 1e-6
    assert one("Box (1.000 g)")[1:] == ("unknown", None)


def test_the_caller_settles_what_is_unsure() -> None:
    quantity, unit = pd.Series([10.0, 2.0, 3.0]), pd.Series(["Libra", "arroba", None], dtype="str")
    meant = {"libra": "metric_pound", "Arroba": "arroba_colombia", "": "g"}
    result = convert_to_kg(quantity, unit, units=meant)
    assert result.weight_kg.tolist() == [5.0, 25.0, 0.003]
    assert result.unknown.empty


def test_one_unit_for_a_file_without_a_column() -> None:
    result = convert_to_kg(pd.Series([1500.0]), None, units="g")
    assert (result.unit[0], result.weight_kg[0]) == ("gram", 1.5)
    bare = convert_to_kg(pd.Series([1500.0]), None)
    assert bare.unit.isna().all()
    assert bare.kind.isna().all()
    assert bare.weight_kg.isna().all()


def test_a_wrong_override_names_every_fault() -> None:
    with pytest.raises(UnitError, match=r"'blob' for 'x'.*'libra' for 'y'"):
        convert_to_kg(pd.Series([1.0]), None, units={"x": "blob", "y": "libra"})


def test_unknown_units_are_counted_with_their_drug() -> None:
    result = convert_to_kg(
        pd.Series([1.0, 2.0, 3.0, 4.0], index=[9, 8, 7, 6]),
        pd.Series(["blob", "blob", "mark", "kg"], index=[9, 8, 7, 6]),
        pd.Series(["Opium", "Opium", None, "Heroin"], index=[9, 8, 7, 6], dtype="str"),
    )
    assert result.unknown["unit"].tolist() == ["blob", "mark"]
    assert result.unknown["n_rows"].tolist() == [2, 1]
    assert result.unknown["drug"].tolist()[0] == "Opium"
    assert result.weight_kg.index.tolist() == [9, 8, 7, 6]


def test_extremes_stay_numbers_or_nothing() -> None:
    odd = pd.Series([0.0, -2.5, float("nan"), float("inf"), 1e308, 5e-324, 1e9])
    result = convert_to_kg(odd, pd.Series(["t"] * len(odd)))
    assert result.weight_kg.tolist()[:2] == [0.0, -2500.0]
    assert result.weight_kg.tolist()[6] == 1e12
    assert math.isnan(result.weight_kg[2])


def test_empty() -> None:
    result = convert_to_kg(pd.Series([], dtype="float64"), pd.Series([], dtype="str"))
    assert result.weight_kg.empty
    assert result.unknown.columns.tolist() == ["unit", "n_rows", "problem", "drug"]


@pytest.mark.parametrize(
    "text", ["<script>", "a" * 100_000, "=1+1", "((((x", "1/0 g", "0 g", "\x00x"]
)
def test_hostile_units_are_only_unknown(text: str) -> None:
    assert one(text)[1:] == ("unknown", None)
