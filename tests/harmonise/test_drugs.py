"""Names of drugs fall into one taxonomy, and what is not in it is kept and counted."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.harmonise import drugs as module
from geocn.harmonise._tables import load_toml
from geocn.harmonise.coordinates import parse_coordinates
from geocn.harmonise.dates import parse_dates
from geocn.harmonise.drugs import classify_drugs, drug_table, rollup
from geocn.harmonise.headers import match_headers
from geocn.harmonise.modes import canonical_modes
from geocn.harmonise.units import convert_to_kg

ENTRIES = load_toml("drugs.toml")["drug"]


def one(name: str) -> str | None:
    found = classify_drugs(pd.Series([name])).drug[0]
    return None if pd.isna(found) else found


@pytest.mark.parametrize("drug", ENTRIES)
def test_every_spelling_reaches_its_drug(drug: str) -> None:
    for name in ENTRIES[drug]["names"]:
        assert one(name) == one(name.upper()) == one(f" {name}. ") == drug


@given(st.sampled_from(sorted(ENTRIES)))
def test_canonical_names_survive_a_round_trip(drug: str) -> None:
    assert one(drug) == one(drug.replace("_", " ").title()) == drug


@pytest.mark.parametrize(
    ("name", "drug"),
    [
        ("Cocaine HCL", "cocaine_salt"),
        ("CLORHIDRATO DE COCAÍNA", "cocaine_salt"),
        ("cloridrato de cocaína", "cocaine_salt"),
        ("Cocaína, clorhidrato de", "cocaine_salt"),
        ("Cocaine", "cocaine"),
        ("basuco", "basuco"),
        ("Pasta base de cocaína", "coca_paste"),
        ("Base de coca", "cocaine_base"),
        ("Hoja de coca", "coca_leaf"),
        ("Marihuana", "cannabis_herb"),
        ("maconha", "cannabis_herb"),
        ("Haschisch", "cannabis_resin"),
        ("Résine de cannabis", "cannabis_resin"),
        ("Marihuana (Cannabis sativa)", None),
        ("Cocaine / Cocaína", "cocaine"),
        ("Cocaine (Cocaine HCl)", "cocaine_salt"),
        ("MDMA & Mephedrone", "mixture"),
        ("héroïne", "heroin"),
        ("Ópio", "opium"),
        ("látex de amapola", "opium"),
        ("Métamphétamine", "methamphetamine"),
        ("JWH-250", "synthetic_cannabinoid"),
        ("5F-AB-PINACA", "synthetic_cannabinoid"),
        ("25C-NBOMe", "nps_phenethylamine"),
        ("4-CI-α-PVP", "synthetic_cathinone"),
        ("Furanylfentanyl", "fentanyl_analogue"),
        ("Permanganato de potasio", "potassium_permanganate"),
        ("cocaine heroin", None),
        ("coca", None),
        ("moon dust", None),
        ("", None),
    ],
)
def test_words_of_reports(name: str, drug: str | None) -> None:
    assert one(name) == drug


def test_the_label_that_changed_stays_one_trend() -> None:
    labels = pd.Series(
        ["Cocaine HCL", "Cocaine", "Coca paste", "Cocaine Base", "Crack", "Coca leaf"]
    )
    drug = classify_drugs(labels).drug
    assert rollup(drug, "family").tolist() == [
        *["cocaine"] * 2,
        *["cocaine_base"] * 3,
        "coca_plant",
    ]
    assert set(rollup(drug, "group")) == {"cocaine"}
    assert rollup(drug, "drug").tolist() == drug.tolist()


def test_rollup_of_nothing_and_of_strangers() -> None:
    lifted = rollup(pd.Series([None, "stranger"], index=[4, 2], dtype="str"))
    assert lifted.isna().all()
    assert lifted.index.tolist() == [4, 2]
    with pytest.raises(ParameterError, match="level"):
        rollup(pd.Series(["heroin"]), "genus")  # type: ignore[arg-type]


def test_the_tree_is_whole() -> None:
    table = drug_table()
    assert table["drug"].is_unique
    assert set(table["group"]) == set(load_toml("drugs.toml")["groups"])
    assert table["family"].isin(table["drug"]).all()
    broken = {"a": module.Drug("a", "cocaine", "b")}
    with pytest.raises(ParameterError, match="unknown group or parent"):
        module._check_tree(broken, {"cocaine": ""})
    stray = {"a": module.Drug("a", "x", None), "b": module.Drug("b", "y", "a")}
    with pytest.raises(ParameterError, match="another group"):
        module._check_tree(stray, {"x": "", "y": ""})


def test_unknown_names_are_kept_and_counted() -> None:
    result = classify_drugs(pd.Series(["moon dust", "moon dust", "Unknown", None, "LSD"]))
    assert result.unknown.to_dict("list") == {"drug": ["moon dust"], "n_rows": [2]}
    assert result.group.tolist()[-1] == "hallucinogens"


def test_empty() -> None:
    result = classify_drugs(pd.Series([], dtype="str"))
    assert result.drug.empty
    assert result.group.empty
    assert result.unknown.columns.tolist() == ["drug", "n_rows"]


@given(st.text(max_size=60))
def test_any_text_gives_a_drug_or_nothing(text: str) -> None:
    assert one(text) in {*ENTRIES, None}


@pytest.fixture(scope="module")
def real(reference: Path) -> pd.DataFrame:
    path = reference / "seizures_unodc_ids_2011_2016.zip"
    return pd.read_csv(path, sep=";", dtype="str", keep_default_na=False)


@pytest.mark.reference
def test_the_real_file_is_classified(real: pd.DataFrame) -> None:
    result = classify_drugs(real["DRUG_NAME"])
    assert result.drug.notna().mean() >= 0.99
    assert result.unknown["n_rows"].sum() < 0.002 * len(real)
    assert (result.group == "cocaine").sum() > 239_000


@pytest.mark.reference
def test_the_real_file_is_understood_in_three_cpu_seconds(real: pd.DataFrame) -> None:
    quantity = pd.to_numeric(real["AMOUNT"])
    start = time.process_time()
    match_headers(list(real.columns), "seizures")
    dates = parse_dates(real["SEIZURE_DATE"])
    units = convert_to_kg(quantity, real["DRUG_UNIT"], real["DRUG_NAME"])
    names = classify_drugs(real["DRUG_NAME"])
    modes = canonical_modes(real["TRANSPORT"])
    parse_coordinates(real, {})
    assert time.process_time() - start < 3.0
    assert dates.problem.isna().all()
    assert units.unknown["unit"].tolist() == ["other", "Mark"]
    assert units.kind.isna().sum() == 21
    assert set(units.kind.dropna()) == {"mass", "volume", "count", "area", "unknown"}
    assert names.drug.notna().mean() > 0.99
    assert modes.unknown["value"].tolist() == ["Other"]
