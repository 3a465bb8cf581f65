"""Partners of interventions: one name each, the name as reported kept, none dropped."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import geocn
from geocn import coverage
from geocn.errors import LayerError, ParameterError
from geocn.layers import inspect_file, merge_layers
from geocn.layers.interventions import resolve_partners

HEAD = "id,kind,organisation,lat,lon,reach_km\n"
VARIANTS = ("MSF-B", "Médicos Sin Fronteras", "msf", "Médecins Sans Frontières (MSF)")


def write(path: Path, *partners: str) -> Path:
    rows = [f'{i},treatment,"{name}",1.{i % 10},-77.{i % 10},15' for i, name in enumerate(partners)]
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_partner_spelled_four_ways_is_counted_once(tmp_path: Path) -> None:
    layer = geocn.read_interventions(write(tmp_path / "s.csv", *VARIANTS, "Luz", "N/A"))
    assert layer["partner"].fillna("").tolist() == ["MSF"] * 4 + ["Luz", ""]
    assert layer["partner_reported"].tolist() == [*VARIANTS, "Luz", "N/A"]
    assert layer["partner_section"].fillna("").tolist() == ["OCB"] + [""] * 5
    told = layer.attrs["geocn"]["organisations"]
    assert (told["n_organisations"], told["n_merged"]) == (2, 3)
    assert told["unresolved"] == {"Luz": 1}
    places = shapely.points([-77.1, -77.2], [1.1, 1.2])
    demand = gpd.GeoDataFrame({"people": [300, 100]}, geometry=places, crs="EPSG:4326")
    found = coverage.assess(demand, coverage.reach(layer), weight="people", by=["partner"])
    table = found.by["partner"].set_index("partner")
    assert sorted(table.index) == ["(not stated)", "Luz", "MSF"]
    assert table.loc["MSF", "n_interventions"] == 4
    assert table.loc["MSF", "covered_weight"] == 400
    assert found.demand["n_partners"].max() <= 3


def test_a_table_of_aliases_is_a_frame_or_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", "Fundación Semilas", "Fundación Semillas")
    table = pd.DataFrame(
        {"alias": ["Fundación Semilas"], "organisation": ["Fundación Semillas"], "section": ["X"]}
    )
    csv = tmp_path / "aliases.csv"
    table.to_csv(csv, index=False)
    for organisations in (table, csv):
        layer = geocn.read_interventions(path, organisations=organisations)
        assert set(layer["partner"]) == {"Fundación Semillas"}
        assert layer["partner_section"].fillna("").tolist() == ["X", ""]
    both = pd.concat([table, table.assign(organisation="Another")], ignore_index=True)
    with pytest.raises(LayerError, match="two organisations"):
        geocn.read_interventions(path, organisations=both)


def test_files_that_spell_a_partner_differently_agree_when_joined(tmp_path: Path) -> None:
    one = geocn.read_interventions(write(tmp_path / "1.csv", "Fundación Luz", "FL"), source="a")
    two = geocn.read_interventions(
        write(tmp_path / "2.csv", "FUNDACION LUZ", "Fundación Luz (FL)"), source="b"
    )
    assert set(one["partner"]) | set(two["partner"]) > {"Fundación Luz (FL)"}
    joint = merge_layers([one, two], layer="interventions")
    assert set(joint["partner"]) == {"Fundación Luz (FL)"}
    assert set(merge_layers([two, one], layer="interventions")["partner"]) == set(joint["partner"])
    reported = ["Fundación Luz", "FL", "FUNDACION LUZ", "Fundación Luz (FL)"]
    assert joint["partner_reported"].tolist() == reported
    told = joint.attrs["geocn"]
    renamed = (pd.concat([one, two])["partner"].to_numpy() != joint["partner"].to_numpy()).sum()
    assert told["rows_renamed_across_files"] == renamed > 0
    assert told["organisations"]["n_organisations"] == 1
    before = joint.copy(deep=True)
    resolved, match = resolve_partners(joint)
    assert set(resolved["partner"]) == {"Fundación Luz (FL)"}
    assert resolved["partner_reported"].tolist() == joint["partner_reported"].tolist()
    assert match.unresolved["n_rows"].tolist() == [4]
    pd.testing.assert_frame_equal(joint, before)


def test_joined_files_follow_a_table_of_aliases(tmp_path: Path) -> None:
    one = geocn.read_interventions(write(tmp_path / "1.csv", "La Luz"), source="a")
    two = geocn.read_interventions(write(tmp_path / "2.csv", "Fundación Luz"), source="b")
    assert merge_layers([one, two], layer="interventions")["partner"].nunique() == 2
    table = pd.DataFrame({"alias": ["La Luz"], "organisation": ["Fundación Luz"]})
    joint = merge_layers([one, two], layer="interventions", organisations=table)
    assert set(joint["partner"]) == {"Fundación Luz"}
    assert joint.attrs["geocn"]["rows_renamed_across_files"] == 1


def test_a_layer_read_again_keeps_the_name_as_reported(tmp_path: Path) -> None:
    layer = geocn.read_interventions(write(tmp_path / "s.csv", "MSF-B"))
    layer.to_file(tmp_path / "again.gpkg", driver="GPKG")
    again = geocn.read_interventions(tmp_path / "again.gpkg")
    assert again[["partner", "partner_reported", "partner_section"]].to_numpy().tolist() == [
        ["MSF", "MSF-B", "OCB"]
    ]


def test_inspection_suggests_what_a_person_may_confirm(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", "Fundación Semilas", "Fundación Semillas", "PNC")
    found = inspect_file(path, "interventions")
    assert found.ok
    assert found.suggestions["name"].tolist() == ["Fundación Semilas"] + ["PNC"] * 3
    assert found.report["organisations"]["n_suggested"] == 2
    table = pd.DataFrame({"alias": ["PNC"], "organisation": ["Policía Nacional de Colombia"]})
    fewer = inspect_file(path, "interventions", organisations=table)
    assert fewer.suggestions["name"].tolist() == ["Fundación Semilas"]
    with pytest.raises(ParameterError, match="no partner"):
        inspect_file(path, "seizures", organisations=table)
    assert inspect_file(tmp_path / "absent.csv", "interventions").suggestions.empty


def test_long_and_hostile_names_are_kept_whole_and_reported_short(tmp_path: Path) -> None:
    names = ["x" * 10_000, "<b>org</b>", "=1+1", "منظمة"]
    layer = geocn.read_interventions(write(tmp_path / "s.csv", *names))
    assert layer["partner"].tolist() == names
    unresolved = layer.attrs["geocn"]["organisations"]["unresolved"]
    assert len(unresolved) == 4
    assert max(map(len, unresolved)) == 80
