"""Inspection says how a file would be read; merging remembers who said what."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

import geocn
from geocn.errors import LayerError, ParameterError, SchemaError
from geocn.layers import inspect_file, merge_layers
from tests import zoo
from tests.layers.test_seizures import BAD


def test_inspection_shows_columns_formats_and_rates(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "s.csv", encoding="cp1252")
    found = inspect_file(path, "seizures", places=zoo.areas())
    assert found.ok
    assert found.error is None
    roles = found.columns.set_index("header")["role"]
    assert roles["Fecha"] == "seized_at"
    assert roles["Cantidad"] == "quantity"
    assert found.report["numbers"]["Cantidad"]["decimal"] == ","
    assert found.match_rate == 1.0
    assert found.reject_rate == 0
    assert found.filled["geometry"] == 1.0


def test_inspection_counts_and_shows_bad_rows(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "bad.csv", text=BAD)
    found = inspect_file(path, "seizures")
    assert (found.n_rows, found.n_rejected, found.ok) == (9, 7, True)
    assert found.first_bad["geocn_row"].tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert found.match_rate is None


def test_a_file_that_would_not_load_says_why(tmp_path: Path) -> None:
    path = zoo.write_seizures(tmp_path / "x.csv", text="alpha,beta\n1,2\n")
    found = inspect_file(path, "seizures")
    assert not found.ok
    assert "fields=" in (found.error or "")
    assert not inspect_file(tmp_path / "absent.csv", "seizures").ok
    none = zoo.write_seizures(tmp_path / "n.csv", text="date,drug\n31/02/2024,x\n")
    assert inspect_file(none, "seizures").error == "no row would load"
    with pytest.raises(ParameterError, match="there is no layer"):
        inspect_file(path, "rumours")


def seizures(tmp_path: Path, name: str, rows: str) -> object:
    text = "date,drug,quantity,unit,department,municipality\n" + rows
    path = zoo.write_seizures(tmp_path / f"{name}.csv", text=text)
    gap = [{"from": "2024-03-01", "to": "2024-04-30", "why": "strike"}]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return geocn.read_seizures(path, source=name, places=zoo.areas(), declared_gaps=gap)


def test_joint_layer_remembers_sources_and_flags_duplicates(tmp_path: Path) -> None:
    police = seizures(
        tmp_path, "police",
        "2024-05-01,cocaine,10,kg,Antioquia,Medellín\n2024-05-09,heroin,1,kg,Quindío,Armenia\n",
    )  # fmt: skip
    navy = seizures(
        tmp_path, "navy",
        "2024-05-01,Clorhidrato de cocaína,10100,g,ANTIOQUIA,MEDELLIN\n"
        "2024-05-01,cocaine,-1,kg,Antioquia,X\n",
    )  # fmt: skip
    joint = merge_layers([police, navy], layer="seizures")
    assert joint["source"].tolist() == ["police", "police", "navy"]
    assert joint["duplicate_group"].tolist() == [0, pd.NA, 0]
    assert joint["flags"].fillna("").tolist() == ["likely_duplicate", "", "likely_duplicate"]
    record = joint.attrs["geocn"]
    assert (record["rows_in"], record["rows_out"], record["rows_rejected"]) == (4, 3, 1)
    assert record["likely_duplicates"] == 1
    assert record["files"][1]["declared_gaps"][0]["why"] == "strike"
    assert police["flags"].isna().all()


def test_merging_refuses_what_does_not_belong(tmp_path: Path) -> None:
    police = seizures(tmp_path, "police", "2024-05-01,cocaine,10,kg,Antioquia,Medellín\n")
    with pytest.raises(SchemaError, match="read_routes"):
        merge_layers([police], layer="routes")
    with pytest.raises(LayerError, match="source="):
        merge_layers([police, police.assign(source=None)], layer="seizures")
    assert len(merge_layers([], layer="seizures")) == 0
    empty = police.iloc[:0]
    assert merge_layers([empty, empty], layer="seizures").columns.equals(police.columns)
