"""Words for modes, kinds, partners, statuses and crops in four languages."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import ParameterError
from geocn.harmonise._tables import LANGUAGES, build_vocabulary, load_toml
from geocn.harmonise.kinds import (
    canonical_crops,
    canonical_kinds,
    canonical_partner_types,
    canonical_statuses,
    canonicalise,
    vocabulary,
)
from geocn.harmonise.modes import canonical_modes, mode_names

TABLES = ("mode", "kind", "partner_type", "status", "crop")
ENTRIES = {**load_toml("modes.toml"), **load_toml("kinds.toml")}


@pytest.mark.parametrize("table", TABLES)
def test_every_word_has_four_languages(table: str) -> None:
    poor = [w for w, entry in ENTRIES[table].items() if not all(entry.get(n) for n in LANGUAGES)]
    assert poor == []


@pytest.mark.parametrize("table", TABLES)
def test_every_spelling_reaches_its_word(table: str) -> None:
    for word, entry in ENTRIES[table].items():
        spelled = pd.Series([word, *(s.upper() for names in entry.values() for s in names)])
        result = canonicalise(spelled, table)
        assert set(result.values) == {word}
        assert result.unknown.empty


@given(st.sampled_from(TABLES), st.data())
def test_canonical_words_survive_a_round_trip(table: str, data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(vocabulary(table).words))
    spelled = data.draw(st.sampled_from([word, word.upper(), word.replace("_", " "), f" {word}. "]))
    assert canonicalise(pd.Series([spelled]), table).values.tolist() == [word]


def test_the_real_modes() -> None:
    real = [
        "",
        "Commercial air",
        "Land",
        "Private road",
        "Commercial road",
        "Commercial sea",
        "Mail",
    ]
    real += ["Rail", "Private air", "Other", "Unknown", "None"]
    result = canonical_modes(pd.Series(real, dtype="str"))
    assert result.values.dropna().tolist() == ["air", *["road"] * 3, "sea", "post", "rail", "air"]
    assert result.unknown["value"].tolist() == ["Other"]
    assert "tunnel" in mode_names()


def test_facades() -> None:
    assert canonical_kinds(pd.Series(["Erradicación manual"])).values.tolist() == ["eradication"]
    assert canonical_partner_types(pd.Series(["Fuerza Aérea"])).values.tolist() == ["military"]
    assert canonical_statuses(pd.Series(["prévue"])).values.tolist() == ["planned"]
    assert canonical_crops(pd.Series(["papoula"])).values.tolist() == ["opium_poppy"]


def test_unknown_words_are_counted_and_absent_ones_are_not() -> None:
    values = pd.Series(["zeppelin", "zeppelin", "sin dato", None], index=[3, 2, 1, 0])
    result = canonical_modes(values)
    assert result.values.isna().all()
    assert result.values.index.tolist() == [3, 2, 1, 0]
    assert result.unknown.to_dict("list") == {"value": ["zeppelin"], "n_rows": [2]}


def test_empty() -> None:
    result = canonical_modes(pd.Series([], dtype="str"))
    assert result.values.empty
    assert result.unknown.columns.tolist() == ["value", "n_rows"]


def test_faults_of_tables() -> None:
    with pytest.raises(ParameterError, match="no vocabulary"):
        vocabulary("nothing")
    with pytest.raises(ParameterError, match="stands for both"):
        build_vocabulary("t", {"a": {"en": ["x"]}, "b": {"es": ["X"]}})
