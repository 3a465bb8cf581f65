"""Joint operations count once, however many partners report them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.errors import ParameterError, SchemaError
from geocn.evaluation import interdiction_rate, joint_operations, operations_by_partner


def reports(*rows: tuple, **columns: object) -> gpd.GeoDataFrame:
    """Partner, day of May 2024, kilometres east, kind."""
    data = {
        "partner": [r[0] for r in rows],
        "starts_on": [f"2024-05-{r[1]:02d}" for r in rows],
        "kind": [r[3] if len(r) > 3 else "joint_operation" for r in rows],
    }
    east = [-77 + r[2] / 111.32 for r in rows]
    return gpd.GeoDataFrame(
        data | columns, geometry=gpd.points_from_xy(east, np.zeros(len(rows))), crs=4326
    )


def test_three_partners_one_operation() -> None:
    found = joint_operations(reports(("navy", 1, 0), ("police", 1, 3), ("army", 2, 1)))
    assert set(found["operation_id"]) == {"op-0"}
    assert found["partners"].iloc[0] == "army;navy;police"
    np.testing.assert_allclose(found["credit"], 1 / 3)
    by = operations_by_partner(found)
    assert by["n_operations"].tolist() == [1, 1, 1]
    assert by["credit"].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "other",
    [("navy", 1, 0), ("police", 3, 0), ("police", 1, 6), ("police", 1, 0, "patrol")],
    ids=["same partner", "too late", "too far", "another kind"],
)
def test_what_is_not_joint(other: tuple) -> None:
    assert joint_operations(reports(("navy", 1, 0), other))["operation_id"].nunique() == 2


def test_a_chain_of_days_stays_a_chain() -> None:
    """Each next report is near the one before, but the whole is no one operation."""
    rows = reports(("a", 1, 0), ("b", 2, 0), ("c", 3, 0), ("d", 4, 0))
    found = joint_operations(rows)
    assert found["operation_id"].tolist() == ["op-0", "op-0", "op-1", "op-1"]
    assert found.attrs["geocn"]["n_pairs_not_joined"] == 1


def test_a_partner_stands_once() -> None:
    found = joint_operations(reports(("navy", 1, 0), ("police", 1, 1), ("navy", 1, 2)))
    assert found["operation_id"].nunique() == 2
    assert found["credit"].sum() == pytest.approx(2)


def test_links_join_whatever_lies_between() -> None:
    rows = reports(("navy", 1, 0), ("police", 20, 90), ("army", 1, 0), op=["X1", "X1", "X2"])
    found = joint_operations(rows, link="op")
    assert found["operation_id"].iloc[0] == found["operation_id"].iloc[1]
    assert found["operation_id"].iloc[2] != found["operation_id"].iloc[0]
    assert found.attrs["geocn"]["n_operations"] == 2


def test_several_names_in_one_cell() -> None:
    found = joint_operations(reports(("navy; police", 1, 0), ("police", 2, 0), ("army", 1, 1)))
    assert found["operation_id"].tolist()[0] == found["operation_id"].tolist()[2]
    assert found["partners"].iloc[0] == "army;navy;police"
    assert operations_by_partner(found).loc["police", "n_operations"] == 2


def test_unknown_stays_alone() -> None:
    rows = reports(("navy", 1, 0), (None, 1, 0), ("police", 1, 0), ("army", 1, 0))
    rows.loc[2, "starts_on"] = None
    rows.loc[3, "geometry"] = None
    found = joint_operations(rows)
    assert found["operation_id"].nunique() == 4
    assert found["credit"].tolist() == [1.0] * 4
    assert found.attrs["geocn"]["left_alone"] == {"no_place_or_exact_time": 2, "no_partner": 1}
    vague = reports(("navy", 1, 0), ("police", 1, 0)).assign(date_precision="month")
    assert joint_operations(vague)["operation_id"].nunique() == 2


def test_tables_without_geometry_go_by_link() -> None:
    table = pd.DataFrame({"source": ["a", "b"], "seized_at": ["2024-01-01"] * 2, "ref": [1, 1]})
    assert joint_operations(table, partner="source")["operation_id"].nunique() == 2
    linked = joint_operations(table, partner="source", link="ref")
    assert linked["operation_id"].tolist() == ["op-0"] * 2


def test_totals_count_a_joint_seizure_once() -> None:
    rows = reports(("navy", 1, 0), ("police", 1, 1), ("police", 9, 0)).rename(
        columns={"starts_on": "seized_at"}
    )
    rows = joint_operations(rows.assign(drug="cocaine", weight_kg=[100.0, 98.0, 50.0]))
    found = interdiction_rate(rows, supply=1000)
    assert found["seized_kg"].item() == 150
    assert found["n_seizures"].item() == 2


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6), st.integers(0, 12)),
                min_size=1, max_size=14), st.randoms())  # fmt: skip
def test_every_group_is_one_operation(rows: list[tuple], random) -> None:
    frame = reports(*rows)
    found = joint_operations(frame)
    assert found["credit"].sum() == pytest.approx(found["operation_id"].nunique())
    for _, group in found.groupby("operation_id"):
        assert group["partner"].is_unique
        day = pd.to_datetime(group["starts_on"]).dt.day
        assert day.max() - day.min() <= 1
        east = group.geometry.x
        assert (east.max() - east.min()) * 111.32 <= 5.001
    partners = operations_by_partner(found)
    assert partners["credit"].sum() == pytest.approx(found["operation_id"].nunique())


def test_bad_calls_are_refused() -> None:
    rows = reports(("navy", 1, 0))
    with pytest.raises(ParameterError, match="within_days"):
        joint_operations(rows, within_days=-1)
    with pytest.raises(SchemaError, match="'who'"):
        joint_operations(rows, partner="who")
    with pytest.raises(SchemaError, match="not unique"):
        joint_operations(pd.concat([rows, rows]))
    with pytest.raises(SchemaError, match="operation_id"):
        operations_by_partner(rows)
