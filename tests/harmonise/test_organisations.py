"""One name an organisation: what is sure is applied, what is near is only suggested."""

from __future__ import annotations

import itertools
import string
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.harmonise.organisations import resolve_organisations
from geocn.harmonise.organisations_known import build_table, known_table
from geocn.harmonise.organisations_names import is_unstated, name_key, spells_out
from tests.harmonise.organisation_pairs import DIFFERENT, NEAR, SAME

EVERY = sorted({name for pair in (*SAME, *NEAR, *DIFFERENT) for name in pair})
HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x","y")',
    "@SUM(A1)",
    "x" * 10_000,
    "a\0b",
    "منظمة الصحة",
    "\u202eevil\u202c org",
    "★★★",
    "\U0001f600",
    "' OR 1=1 --",
    "../../etc/passwd",
    "Line\nbreak",
]


def organisations(names: list[str], **options: object) -> dict[str, str]:
    found = resolve_organisations(names, **options).organisation
    return dict(zip(names, found, strict=True))


def test_precision_and_recall_of_what_is_applied() -> None:
    """All names of the list at once, so that they can also mislead one another."""
    match = resolve_organisations(EVERY)
    name = dict(zip(EVERY, match.organisation, strict=True))
    wrong = [pair for pair in DIFFERENT if name[pair[0]] == name[pair[1]]]
    missed = [pair for pair in SAME if name[pair[0]] != name[pair[1]]]
    applied = [pair for pair in NEAR if name[pair[0]] == name[pair[1]]]
    assert wrong == []
    assert missed == []
    assert applied == []
    hits, near = len(SAME) - len(missed), len(NEAR)
    assert len(SAME) + len(NEAR) + len(DIFFERENT) >= 60
    assert hits / (hits + len(wrong)) == 1.0
    assert hits / (len(SAME) + near) >= 0.85
    said = {frozenset((one.name, one.suggested)) for one in match.suggestions.itertuples()}
    assert [pair for pair in NEAR if frozenset(name[one] for one in pair) not in said] == []


@pytest.mark.parametrize("pair", DIFFERENT, ids=" | ".join)
def test_two_organisations_alone_are_never_one(pair: tuple[str, str]) -> None:
    name = organisations(list(pair))
    assert name[pair[0]] != name[pair[1]]


@pytest.mark.parametrize("pair", SAME, ids=" | ".join)
def test_one_organisation_alone_is_one(pair: tuple[str, str]) -> None:
    name = organisations(list(pair))
    assert name[pair[0]] == name[pair[1]]


def test_known_names_never_merge_in_the_bundled_table() -> None:
    """Every name of the table means its own organisation, alone and among all others."""
    table = known_table()
    names = list(table.names)
    assert organisations(names) == dict(table.names)
    for acronym, sharing in table.acronyms.items():
        match = resolve_organisations([acronym])
        if len(sharing) == 1:
            assert match.organisation.tolist() == list(sharing)
        else:
            assert match.ambiguous["organisations"].tolist() == ["; ".join(sharing)]
            assert match.suggestions["suggested"].tolist() == list(sharing)


def test_a_name_for_two_organisations_is_a_fault_of_the_table() -> None:
    with pytest.raises(ParameterError, match="stands for both 'A' and 'B'"):
        build_table({"A": {"en": ["Same Name"]}, "B": {"es": ["same name"]}})


def test_sections_stand_beside_their_organisation() -> None:
    names = ["MSF-B", "MSF (Spain)", "MSF", "UNODC Oficina Colombia", "MSF Saturn"]
    match = resolve_organisations(names)
    assert match.organisation.tolist() == ["MSF", "MSF", "MSF", "UNODC", "MSF Saturn"]
    assert match.section.fillna("").tolist() == ["OCB", "OCBA", "", "Colombia", ""]
    assert match.how.tolist() == ["section", "section", "acronym", "section", "fuzzy-suggested"]
    assert match.suggestions["suggested"].tolist() == ["MSF"]
    assert match.merged.to_dict("records") == [{"organisation": "MSF", "n_names": 3, "n_rows": 3}]


def test_an_acronym_that_the_list_spells_out_twice_is_said() -> None:
    names = ["Fundación Semillas (FS)", "Fondo Solidario (FS)", "FS", "FUNDACION SEMILLAS"]
    match = resolve_organisations(names)
    assert match.organisation.tolist() == [names[0], names[1], "FS", names[0]]
    assert match.ambiguous.to_dict("records") == [
        {"acronym": "FS", "organisations": "Fondo Solidario (FS); Fundación Semillas (FS)"}
    ]
    assert set(match.suggestions["suggested"]) == {names[0], names[1]}
    # One that the list gives to another than the bundled table does is shared as well.
    two = resolve_organisations(["Misión Sin Fronteras (MSF)", "MSF"])
    assert two.organisation.tolist() == ["Misión Sin Fronteras (MSF)", "MSF"]
    assert two.ambiguous["acronym"].tolist() == ["MSF"]


def test_suggestions_say_why_and_are_never_applied() -> None:
    names = ["Red de Jóvenes Unidos", "RJU", "Red Jovenes Unidos", "Batallón 12", "Batallón 13"]
    match = resolve_organisations([*names, names[0]])
    assert match.organisation.tolist() == [*names, names[0]]
    said = [tuple(row) for row in match.suggestions.iloc[:, [0, 1, 3]].to_numpy()]
    assert said == [
        ("RJU", "Red Jovenes Unidos", "its initials"),
        ("RJU", "Red de Jóvenes Unidos", "its initials"),
        ("Red Jovenes Unidos", "Red de Jóvenes Unidos", "near spelling"),
    ]
    assert match.suggestions["score"].iloc[2] == pytest.approx(94.1, abs=0.1)
    assert match.suggestions["score"].iloc[:2].isna().all()
    assert match.unresolved["name"].tolist()[0] == names[0]
    assert match.unresolved["n_rows"].sum() == 6
    far = resolve_organisations(names, min_score=99)
    assert "near spelling" not in set(far.suggestions["why"])
    for wrong in (0, 49, 101, float("nan")):
        with pytest.raises(ParameterError, match="min_score"):
            resolve_organisations(names, min_score=wrong)


def test_letters_of_an_acronym_come_from_every_word() -> None:
    assert spells_out("SIJIN", "Seccional de Investigación Judicial e Inteligencia")
    assert not spells_out("SIJ", "Seccional de Investigación Judicial e Inteligencia")
    assert spells_out("SIJI", "Seccional de Investigación Judicial e Inteligencia")
    assert spells_out("ONU", "Organización de las Naciones Unidas")
    assert not spells_out("F", "Fundación")
    assert not spells_out("Colombia", "Comunidad Libre Ombia")


def test_nobody_named_is_nobody() -> None:
    match = resolve_organisations(["N/A", " - ", "sin dato", None, "", "?", "UNODC"])
    assert match.organisation.isna().tolist() == [True] * 6 + [False]
    assert match.how.isna().tolist() == [True] * 6 + [False]
    assert is_unstated("—")


def test_empty_in_empty_out() -> None:
    full = resolve_organisations(["UNODC", "Unodd office"])
    none = resolve_organisations(pd.Series([], dtype="str"))
    for name in ("suggestions", "ambiguous", "merged", "unresolved"):
        assert dict(getattr(none, name).dtypes) == dict(getattr(full, name).dtypes), name
        assert getattr(none, name).empty
    assert none.organisation.dtype == full.organisation.dtype


def test_index_is_kept_and_input_left_alone() -> None:
    names = pd.Series(["MSF", None, "msf-b"], index=[7, 7, 2], name="partner")
    before = names.copy(deep=True)
    match = resolve_organisations(names)
    assert match.organisation.index.tolist() == [7, 7, 2]
    pd.testing.assert_series_equal(names, before)


# ---- properties ------------------------------------------------------------------

LISTS = st.lists(st.sampled_from(EVERY), max_size=12)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(names: list[str], random: object) -> None:
    shuffled = [*names, *names[:3]]
    random.shuffle(shuffled)
    assert organisations(names) == {n: organisations(shuffled)[n] for n in names}


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_resolving_twice_changes_nothing(names: list[str]) -> None:
    once = resolve_organisations(names).organisation
    again = resolve_organisations(once).organisation
    assert again.tolist() == once.tolist()


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


@settings(max_examples=60, deadline=None)
@given(
    LISTS, st.sampled_from([str.upper, str.lower, _plain, lambda t: f"  {'  '.join(t.split())} "])
)
def test_case_accents_and_spaces_change_nothing(names: list[str], change: object) -> None:
    """Who is grouped with whom, and what known names mean, stays."""
    straight = resolve_organisations(names).organisation.tolist()
    changed = resolve_organisations([change(name) for name in names]).organisation.tolist()
    known = set(known_table().names.values())
    for (a, b), (c, d) in itertools.combinations(zip(straight, changed, strict=True), 2):
        assert (a == c) == (b == d)
    for one, other in zip(straight, changed, strict=True):
        if one in known:
            assert one == other


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(max_size=30) | st.text(string.ascii_letters + " ().-/", max_size=20)))
def test_any_text_survives(names: list[str]) -> None:
    match = resolve_organisations(names)
    for given_name, found in zip(names, match.organisation, strict=True):
        assert pd.isna(found) == is_unstated(given_name)
    once = match.organisation
    assert resolve_organisations(once).organisation.fillna("").tolist() == once.fillna("").tolist()


def test_hostile_names_survive_as_text() -> None:
    match = resolve_organisations(HOSTILE)
    assert match.organisation.tolist() == HOSTILE
    assert set(match.how) <= {"unknown", "fuzzy-suggested"}
    # Half of a character is no text that a file could hold.
    assert resolve_organisations(["\ud800 lone"]).organisation.tolist() == ["\ufffd lone"]


# ---- the table of aliases --------------------------------------------------------


def aliases(*rows: tuple[str, ...]) -> pd.DataFrame:
    columns = ["alias", "organisation", "section", "confirmed"]
    return pd.DataFrame(rows, columns=columns[: len(rows[0])] if rows else columns[:2])


def test_a_person_overrules_everything() -> None:
    table = aliases(("Fundacion Semilas", "Fundación Semillas"), ("MSF", "Médicos NL"))
    names = ["Fundación Semilas", "FUNDACIÓN SEMILLAS", "MSF", "Doctors Without Borders"]
    match = resolve_organisations(names, aliases=table)
    assert match.organisation.tolist() == ["Fundación Semillas"] * 2 + ["Médicos NL"] * 2
    assert match.how.tolist() == ["alias", "alias", "alias", "exact"]
    assert match.unresolved.empty
    shared = resolve_organisations(
        ["PNC"], aliases=aliases(("PNC", "Policía Nacional de Colombia"))
    )
    assert shared.organisation.tolist() == ["Policía Nacional de Colombia"]
    assert shared.ambiguous.empty


def test_an_alias_of_an_alias_is_followed_and_known_names_are_one() -> None:
    table = aliases(
        ("A Corp", "B Corp", "North"),
        ("B Corp", "C Corp", None),
        ("Frontline docs", "Médicos Sin Fronteras", None),
    )
    match = resolve_organisations(["a corp", "Frontline Docs", "MSF"], aliases=table)
    assert match.organisation.tolist() == ["C Corp", "MSF", "MSF"]
    assert match.section.fillna("").tolist() == ["North", "", ""]
    # However the rows spell it, the organisation has one name.
    two = aliases(("x1", "Fundación Luz"), ("x2", "FUNDACION LUZ"))
    assert set(organisations(["x1", "x2", "fundacion luz"], aliases=two).values()) == {
        "Fundación Luz"
    }


def test_answers_are_yes_no_or_open(tmp_path: Path) -> None:
    rows = [
        ("Luz A", "Luz", "", "sí"), ("Luz B", "Luz", "", "no"), ("Luz C", "Luz", "", ""),
        ("=Luz D", "Luz", "", "YES"),
    ]  # fmt: skip
    path = tmp_path / "aliases.csv"
    aliases(*rows).to_csv(path, index=False)
    names = organisations(["Luz A", "Luz B", "Luz C", "=Luz D"], aliases=path)
    assert names == {"Luz A": "Luz", "Luz B": "Luz B", "Luz C": "Luz C", "=Luz D": "Luz"}
    no = aliases(("Fundación Semilas", "Fundación Semillas", "", "no"))
    match = resolve_organisations(["Fundación Semilas", "Fundación Semillas"], aliases=no)
    assert match.suggestions.empty


@pytest.mark.parametrize(
    ("rows", "said", "at"),
    [
        ([("A1", "B1"), ("B1", "C1"), ("C1", "A1")], "circle", [0, 1, 2]),
        ([("A1", "B1"), ("a1", "C1"), ("D", "E")], "two organisations", [0, 1]),
        ([("A1", "B1", "x"), ("A1", "B1", "y")], "two organisations or sections", [0, 1]),
        ([("A1", "B1", "", "yes"), ("A1", "B1", "", "no")], "both confirmed and refused", [0, 1]),
        ([("A1", "B1", "", "perhaps")], "neither yes nor no", [0]),
        ([("A1", ""), ("", "B1"), ("N/A", "B1")], "without an alias", [0, 1, 2]),
    ],
)
def test_a_table_that_contradicts_itself_names_its_rows(
    rows: list[tuple[str, ...]], said: str, at: list[int]
) -> None:
    with pytest.raises(LayerError, match=said) as caught:
        resolve_organisations(["A1"], aliases=aliases(*rows))
    assert caught.value.rows == at


def test_all_faults_come_at_once_with_the_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "aliases.csv"
    path.write_text("alias,organisation\nA,B\nB,A\nC,\nD,E\nD,F\n", encoding="utf-8")
    with pytest.raises(LayerError) as caught:
        resolve_organisations([], aliases=path)
    assert caught.value.rows == [2, 3, 4, 5, 6]
    for said in ("circle", "two organisations", "without an alias"):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    "columns", [["alias"], ["alias", "organisation", "comment"], ["alias", "organisation", "alias"]]
)
def test_columns_of_the_table_are_checked(columns: list[str]) -> None:
    frame = pd.DataFrame([["x"] * len(columns)], columns=columns)
    with pytest.raises(SchemaError, match="alias and organisation"):
        resolve_organisations(["x"], aliases=frame)


def test_a_name_may_be_its_own_alias() -> None:
    match = resolve_organisations(
        ["fundación luz"], aliases=aliases(("Fundación Luz", "Fundación Luz"))
    )
    assert match.organisation.tolist() == ["Fundación Luz"]
    assert match.how.tolist() == ["alias"]
    assert name_key("Fundación  Luz") == "fundacion luz"
