"""Places: codes first, names next, spellings only within the right parent, never a guess."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geocn.errors import CRSError, ParameterError, PlaceError, SchemaError
from geocn.harmonise.gazetteer import country_code, country_codes, country_name
from geocn.harmonise.placeindex import PlaceIndex, extents
from geocn.harmonise.places import match_places
from tests import zoo
from tests.strategies import place_names, spellings


@pytest.fixture(scope="module")
def index() -> PlaceIndex:
    return PlaceIndex.from_frame(zoo.areas())


def match(index: PlaceIndex, **row: str | None) -> tuple[str | None, str]:
    result = match_places(pd.DataFrame([row]), index)
    code = result.code.iloc[0]
    return (None if pd.isna(code) else code), result.how.iloc[0]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"place_code": "CO05001"}, ("CO05001", "code")),
        ({"place_code": "05001"}, ("CO05001", "code")),
        ({"place_code": "5001"}, ("CO05001", "code")),
        ({"place_code": "5001.0"}, ("CO05001", "code")),
        ({"admin": "ANTIOQUIA", "place": "MEDELLIN"}, ("CO05001", "name")),
        ({"admin": "Antioquia", "place": "Municipio de Medellín"}, ("CO05001", "name")),
        ({"admin": "Bogota D.C.", "place": "BOGOTÁ"}, ("CO11001", "name")),
        ({"place": "Bogota, Distrito Capital"}, ("CO11001", "name")),
        ({"admin": "antioquia", "place": "Santuario"}, ("CO05697", "name")),
        ({"admin": "Valle", "place": "Buga"}, ("CO76111", "fuzzy")),
        ({"admin": "Valle del Cauca", "place": "Guadalajra de Buga"}, ("CO76111", "fuzzy")),
        ({"admin": "Quindio", "place": "Armenia"}, ("CO63001", "name")),
        ({"place": "Cali"}, ("CO76001", "name")),
        ({"country": "Colombie", "place": "CALI"}, ("CO76001", "name")),
    ],
)
def test_matches(index: PlaceIndex, row: dict[str, str], expected: tuple[str, str]) -> None:
    assert match(index, **row) == expected


@pytest.mark.parametrize(
    "row",
    [
        {"place": "Armenia"},  # in two departments
        {"admin": "Antioquia", "place": "San Pedro"},  # two of that name
        {"admin": "Vichada", "place": "Santa Rosa"},  # not Santa Rosalía
        {"admin": "Antioquia", "place": "Antioquia"},  # the department, not the town
        {"admin": "Antioquia", "place": "Cali"},  # the wrong department
        {"place": "Guadalajara"},  # short for a longer name
        {"place": "Medelin"},  # a misspelling without a parent
        {"country": "Mauritius", "place": "Cali"},
        {"country": "Mauritius", "place_code": "CO05001"},
    ],
)
def test_what_is_unsure_falls_back_to_the_parent(index: PlaceIndex, row: dict[str, str]) -> None:
    assert match(index, **row) == (None, "parent")


def test_a_division_of_elsewhere_forbids_the_name(index: PlaceIndex) -> None:
    rows = pd.DataFrame({"admin": ["Antioquia", "PANAMA"], "place": ["Medellín", "Cali"]})
    result = match_places(rows, index)
    assert result.how.tolist() == ["name", "parent"]
    assert result.problem.iloc[1] == "division not found"


def test_divisions_of_another_level_say_nothing(index: PlaceIndex) -> None:
    rows = pd.DataFrame({"admin": ["Eje Cafetero"], "place": ["Calarca"]})
    assert match_places(rows, index).how.tolist() == ["name"]


def test_a_fallback_lies_in_the_right_country(index: PlaceIndex) -> None:
    rows = pd.DataFrame({"country": ["Mauritius", "Colombia", "Narnia"], "place": ["Nowhere"] * 3})
    result = match_places(rows, index)
    assert result.how.tolist() == ["parent", "parent", "none"]
    assert 57 < result.geometry.iloc[0].x < 64
    assert result.precision_m.iloc[1] > 500_000
    assert result.geometry.isna().tolist() == [False, False, True]


def test_precision_holds_the_whole_area(index: PlaceIndex) -> None:
    result = match_places(pd.DataFrame({"place": ["Cali"]}), index)
    area = index.areas.geometry[result.area[0]]
    corner = max(
        extents(shapely.points(shapely.get_coordinates(area)))[0],
        key=lambda p: p.distance(result.geometry.iloc[0]),
    )
    assert area.contains(result.geometry.iloc[0])
    assert result.precision_m.iloc[0] == pytest.approx(
        111_000 * corner.distance(result.geometry.iloc[0]), rel=0.01
    )


def test_a_code_that_contradicts_its_name_is_reported(index: PlaceIndex) -> None:
    result = match_places(pd.DataFrame({"place_code": ["05001"], "place": ["Cali"]}), index)
    assert result.how.tolist() == ["code"]
    assert result.problem.iloc[0] == "code means Medellín, name means Cali"


def test_unmatched_are_counted_by_frequency(index: PlaceIndex) -> None:
    rows = pd.DataFrame({"admin": ["Antioquia"] * 5, "place": ["A", "B", "B", "Medellín", None]})
    result = match_places(rows, index)
    assert result.unmatched["n_rows"].tolist() == [2, 1, 1]
    assert result.unmatched["place"].iloc[0] == "B"
    assert result.match_rate == pytest.approx(0.2)


def test_empty_in_same_columns_out(index: PlaceIndex) -> None:
    rows = pd.DataFrame({"place": pd.Series([], dtype="str")})
    full = match_places(pd.DataFrame({"place": ["nowhere"]}), index)
    assert match_places(rows, index).unmatched.columns.equals(full.unmatched.columns)


def test_admin1_places_take_the_division_where_the_town_is_unknown() -> None:
    places = gpd.GeoDataFrame(
        {"code": ["CO-ANT", "EC-P"], "name": ["Antioquia", "Pichincha"], "parent": ["COL", "ECU"]},
        geometry=[shapely.box(-76, 5, -75, 7), shapely.box(-79, -1, -78, 0)],
        crs=4326,
    )
    index = PlaceIndex.from_frame(places)
    assert index.countries == ["COL", "ECU"]
    rows = pd.DataFrame(
        {"country": ["Colombia", "Ecuador", "Colombia"], "admin": ["ANTIOQUIA", "Pichincha", None]}
    ).assign(place=["Medellín", None, "Pichincha"])
    result = match_places(rows, index)
    assert result.how.tolist() == ["parent", "name", "parent"]
    assert result.code.tolist()[:2] == ["CO-ANT", "EC-P"]
    assert pd.isna(result.code.iloc[2])


def test_a_town_is_not_taken_for_the_division_it_is_named_after() -> None:
    places = gpd.GeoDataFrame(
        {"name": ["Santander", "Cauca", "Nariño"], "country": "COL"},
        geometry=[shapely.box(i, 0, i + 1, 1) for i in range(3)],
        crs=4326,
    )
    rows = pd.DataFrame(
        {
            "admin": ["Cauca", "Nariño", "Santander", None, None],
            "place": ["Santander de Quilichao", "Nariño", None, "Cauca", "Santander de Quilichao"],
        }
    )
    result = match_places(rows, places)
    assert result.area.tolist() == [1, 2, 0, 1, -1]
    assert result.how.tolist() == ["parent", "name", "name", "name", "parent"]


def test_a_division_is_not_taken_for_the_town_of_its_name() -> None:
    towns = gpd.GeoDataFrame(
        {"name": ["Tumaco", "Nariño", "Pasto"], "country": "COL"},
        geometry=gpd.points_from_xy([-78.8, -74.9, -77.3], [1.8, 4.4, 1.2]),
        crs=4326,
    )
    rows = pd.DataFrame({"admin": ["Nariño"] * 3, "place": ["Tumaco", "Pasto", "Ipiales"]})
    result = match_places(rows, towns)
    assert result.area.tolist() == [0, 2, -1]
    assert result.how.tolist() == ["name", "name", "parent"]


def test_countries_are_found_from_the_geometry() -> None:
    index = PlaceIndex.from_frame(zoo.areas().drop(columns="country"))
    assert "COL" in index.countries


def test_humanitarian_headers_are_known() -> None:
    frame = zoo.areas().rename(
        columns={"code": "ADM2_PCODE", "name": "ADM2_ES", "parent": "ADM1_ES"}
    )
    assert match(PlaceIndex.from_frame(frame), admin="Antioquia", place="medellin")[0] == "CO05001"


def test_a_gazetteer_of_points_brings_its_own_precision() -> None:
    places = gpd.GeoDataFrame(
        {"name": ["Cali"], "country": ["COL"], "precision_m": [800.0]},
        geometry=[shapely.Point(-76.5, 3.4)],
        crs=4326,
    )
    assert match_places(pd.DataFrame({"place": ["cali"]}), places).precision_m.tolist() == [800.0]


def test_bad_places_are_refused() -> None:
    with pytest.raises(CRSError, match="set_crs"):
        PlaceIndex.from_frame(zoo.areas().set_crs(None, allow_override=True))
    with pytest.raises(SchemaError, match="name="):
        PlaceIndex.from_frame(zoo.areas().drop(columns="name"))
    with pytest.raises(SchemaError, match="no column 'nope'"):
        PlaceIndex.from_frame(zoo.areas(), code="nope")
    with pytest.raises(PlaceError, match="stand twice"):
        PlaceIndex.from_frame(pd.concat([zoo.areas(), zoo.areas()]))
    with pytest.raises(ParameterError, match="min_score"):
        match_places(pd.DataFrame({"place": ["x"]}), zoo.areas(), min_score=0)
    with pytest.raises(ParameterError, match="unknown roles"):
        match_places(pd.DataFrame({"place": ["x"]}), zoo.areas(), columns={"town": "x"})


@given(data=st.data(), names=st.lists(place_names, min_size=1, max_size=6, unique=True))
def test_any_spelling_of_a_unique_name_finds_it(data: st.DataObject, names: list[str]) -> None:
    from geocn.harmonise.placenames import exact_keys

    keys = [key for name in names for key in exact_keys(name)]
    if len(set(keys)) < len(keys):
        return
    frame = gpd.GeoDataFrame(
        {"name": names, "country": "COL", "code": [str(i + 1) for i in range(len(names))]},
        geometry=[shapely.box(i, 0, i + 1, 1) for i in range(len(names))],
        crs=4326,
    )
    wanted = data.draw(st.integers(0, len(names) - 1))
    typed = data.draw(spellings(names[wanted]))
    result = match_places(pd.DataFrame({"place": [typed]}), frame)
    assert (result.area.tolist(), result.how.tolist()) == ([wanted], ["name"])


@given(text=st.text(max_size=40))
def test_no_text_breaks_the_matching(text: str) -> None:
    result = match_places(pd.DataFrame({"admin": [text], "place": [text]}), zoo.areas())
    assert len(result.how) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Venezuela, Bolivarian Republic of", "VEN"),
        ("Estados Unidos", "USA"),
        ("ESPAÑA", "ESP"),
        ("Pays-Bas", "NLD"),
        ("Bélgica", "BEL"),
        ("Iraq (Kurdistan Region)", "IRQ"),
        ("Korea, Republic of", "KOR"),
        ("Bosnia and Herzegovina", "BIH"),
        ("col", "COL"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_country_names(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_country_helpers() -> None:
    assert country_codes(pd.Series(["Perú", None, "x"])).isna().tolist() == [False, True, True]
    assert country_name("COL") == "Colombia"
    assert country_name("???") == "???"


@pytest.mark.reference
def test_real_places_reach_93_per_cent_and_none_is_wrong(reference) -> None:
    """A plain join reaches 87 %; a hand-checked list of spellings must go where it belongs."""
    import zipfile

    places = gpd.read_file(reference / "colombia" / "municipalities.gpkg")
    archive = zipfile.ZipFile(reference / "seizures_unodc_ids_2011_2016.zip")
    with archive, archive.open(archive.namelist()[0]) as stream:
        rows = pd.read_csv(stream, sep=";", dtype="str", usecols=[2, 3, 4])
    rows.columns = ["country", "admin", "place"]
    result = match_places(rows, places)
    colombian = (rows["country"] == "Colombia").to_numpy()
    reached = result.how.isin(["code", "name", "fuzzy"]).to_numpy()
    assert reached[colombian].mean() > 0.975
    assert not reached[~colombian].any()
    pairs = rows[colombian].assign(code=result.code[colombian]).drop_duplicates()
    found = {(a, p): c for a, p, c in pairs[["admin", "place", "code"]].itertuples(index=False)}
    assert found["VALLE DEL CAUCA", "BUGA"] == "CO76111"
    assert found["NARIÑO", "TUMACO"] == "CO52835"
    assert found["BOYACÁ", "VILLA DE LEIVA"] == "CO15407"
    assert found["ATLANTICO", "BARRANQUILLA"] == "CO08001"
    assert pd.isna(found["PANAMA", "PANAMA"])
    assert pd.isna(found["ATLÁNTICO", "PUERTO 49"])
