"""Headers of partner files reach their columns, in four languages, or say why not."""

from __future__ import annotations

import pytest

from geocn.errors import ParameterError, SchemaError
from geocn.harmonise._tables import LANGUAGES, load_toml
from geocn.harmonise.headers import header_clashes, match_headers, require_role, roles_of
from geocn.schema import LAYERS

REAL = {
    "world_region": "REGION",
    "subregion": "SUBREGION",
    "country": "COUNTRY",
    "admin": "ADMINISTRATIVE_DIVISION",
    "place": "PLACE",
    "seized_at": "SEIZURE_DATE",
    "drug": "DRUG_NAME",
    "quantity": "AMOUNT",
    "unit": "DRUG_UNIT",
    "hiding_place": "HIDING_PLACE",
    "installation": "INSTALLATION",
    "mode": "TRANSPORT",
    "origin": "PRODUCING_COUNTRY",
    "departure": "DEPARTURE_COUNTRY",
    "destination": "DESTINATION_COUNTRY",
    "routing": "ROUTING",
}


def test_the_real_seizures_file() -> None:
    match = match_headers(list(REAL.values()), "seizures")
    assert match.mapping == REAL
    assert match.unused == []


def test_the_real_coca_survey_is_a_wide_table() -> None:
    years = [str(year) for year in range(2001, 2024)]
    match = match_headers(
        ["CODDEPTO", "DEPARTAMENTO", "CODMPIO", "MUNICIPIO", *years], "cultivation"
    )
    assert match.mapping == {
        "admin_code": "CODDEPTO",
        "admin": "DEPARTAMENTO",
        "place_code": "CODMPIO",
        "place": "MUNICIPIO",
    }
    assert match.years == {int(year): year for year in years}
    assert match.unused == []


@pytest.mark.parametrize("layer", LAYERS)
def test_canonical_names_are_themselves(layer: str) -> None:
    names = LAYERS[layer].names
    match = match_headers(names, layer)
    assert match.mapping == {name: name for name in names}
    assert set(match.how.values()) == {"exact"}


@pytest.mark.parametrize("layer", LAYERS)
def test_no_header_stands_for_two_columns(layer: str) -> None:
    assert header_clashes(layer) == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_every_column_has_words_in_four_languages(layer: str) -> None:
    rare = {"drug_reported", "date_precision", "place_match"}
    rare |= {"partner_reported", "partner_section"}
    fields = load_toml("fields.toml")
    poor = {
        name: [language for language in LANGUAGES if not fields[name].get(language)]
        for name in LAYERS[layer].names
        if name not in rare
    }
    assert {name: missing for name, missing in poor.items() if missing} == {}


@pytest.mark.parametrize("layer", LAYERS)
def test_every_synonym_is_found_alone(layer: str) -> None:
    fields = load_toml("fields.toml")
    for role in roles_of(layer):
        for language in (*LANGUAGES, "weak"):
            for header in fields.get(role, {}).get(language, []):
                found = match_headers([header], layer)
                assert set(found.mapping.values()) == {header} or found.years, (role, header)


@pytest.mark.parametrize(
    ("header", "layer", "role", "how"),
    [
        ("FECHA_INCAUTACIÓN", "seizures", "seized_at", "synonym es"),
        ("Date de saisie", "seizures", "seized_at", "synonym fr"),
        ("Data da apreensão", "seizures", "seized_at", "synonym pt"),
        ("seizureDate", "seizures", "seized_at", "synonym en"),
        ("Latitud", "seizures", "latitude", "synonym es"),
        ("Tipo de socio", "interventions", "partner_type", "synonym es"),
        ("Organisme", "interventions", "partner", "synonym fr"),
        ("Portée (km)", "interventions", "reach_km", "synonym fr"),
        ("Cultivo", "cultivation", "crop", "synonym es"),
        ("Superficie (ha)", "cultivation", "area_ha", "synonym es"),
        ("Modo de transporte", "routes", "mode", "synonym es"),
        ("Última observación", "routes", "last_seen", "synonym es"),
    ],
)
def test_words_of_partners(header: str, layer: str, role: str, how: str) -> None:
    match = match_headers([header], layer)
    assert match.mapping == {role: header}
    assert match.how == {role: how}


def test_two_headers_for_one_column_are_an_error_that_names_both() -> None:
    with pytest.raises(SchemaError, match="'Fecha' and 'Date of seizure' for seized_at") as caught:
        match_headers(["Fecha", "Date of seizure"], "seizures")
    assert "fields=" in str(caught.value)


def test_fields_settle_a_clash() -> None:
    match = match_headers(
        ["Fecha", "Date of seizure"],
        "seizures",
        fields={"seized_at": "Fecha", "time": "Date of seizure"},
    )
    assert match.mapping == {"seized_at": "Fecha", "time": "Date of seizure"}
    assert match.how["seized_at"] == "fields"


def test_fields_leave_the_other_header_unused() -> None:
    match = match_headers(["Fecha", "Date"], "seizures", fields={"seized_at": "Date"})
    assert match.mapping == {"seized_at": "Date"}
    assert match.unused == ["Fecha"]


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(SchemaError) as caught:
        match_headers(
            ["Date", "Fecha", "x1", "x1"], "seizures", fields={"nothing": "a", "drug": "b"}
        )
    for part in ("'x1' twice", "'nothing'", "'b'", "'Date' and 'Fecha'"):
        assert part in str(caught.value)


def test_weak_headers_yield_to_strong_ones() -> None:
    assert match_headers(["Región"], "seizures").mapping == {"admin": "Región"}
    both = match_headers(["Región", "Departamento"], "seizures").mapping
    assert both == {"world_region": "Región", "admin": "Departamento"}
    assert match_headers(["Municipio", "Vereda"], "seizures").unused == ["Vereda"]


def test_state_or_status_is_told_by_what_else_there_is() -> None:
    assert match_headers(["Estado"], "interventions").mapping == {"status": "Estado"}
    assert match_headers(["Situação", "Estado"], "interventions").mapping == {
        "status": "Situação",
        "admin": "Estado",
    }


def test_units_in_headers() -> None:
    match = match_headers(["Cantidad (g)"], "seizures")
    assert (match.mapping, match.units) == ({"quantity": "Cantidad (g)"}, {"quantity": "gram"})
    assert match_headers(["Peso neto en kg"], "seizures").mapping == {
        "weight_kg": "Peso neto en kg"
    }
    assert match_headers(["Area (acres)"], "cultivation").mapping == {}


def test_unknown_layer_and_role() -> None:
    with pytest.raises(ParameterError, match="no layer"):
        match_headers(["a"], "nothing")
    with pytest.raises(ParameterError, match="has no 'nothing'"):
        require_role("nothing", "seizures")
    require_role("drug", "seizures")


def test_geometry_and_empty_headers_are_left_alone() -> None:
    assert match_headers([], "routes").mapping == {}
    assert match_headers(["geometry"], "routes").unused == []


def test_hostile_headers_are_only_text() -> None:
    names = ["<img onerror=alert(1)>", "=cmd()", "${jndi}", "", "\x00", "a" * 100_000]
    assert match_headers(names, "seizures").unused == names
