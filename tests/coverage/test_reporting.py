"""Stopping to report is not leaving: presence and reporting stand side by side."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geocn.coverage import reporting_change
from geocn.errors import CRSError, LayerError, ParameterError, SchemaError

FIRST, SECOND = "2024-06-30", "2025-06-30"


def sites(*rows: tuple) -> gpd.GeoDataFrame:
    """Rows of partner, area, identifier, status and last day."""
    table = pd.DataFrame(
        rows, columns=["partner", "admin", "intervention_id", "status", "ends_on"]
    ).astype({"partner": "str", "admin": "str", "intervention_id": "str", "status": "str"})
    table["ends_on"] = pd.to_datetime(table["ends_on"], utc=True)
    number = table["intervention_id"].str.extract(r"(\d+)", expand=False).astype(float).fillna(0)
    points = shapely.points(-77 + number / 100, 1.0)
    return gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326")


def change(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, **options: object) -> pd.DataFrame:
    options = {"before_as_of": FIRST, "as_of": SECOND} | options
    return reporting_change(before, after, **options).set_index(["partner", "admin"])


def on(partner: str, *ids: int, admin: str = "N", status: str = "active", ends: object = None):
    return [(partner, admin, f"{partner}{i}", status, ends) for i in ids]


BEFORE = sites(
    *on("Same", 1, 2),
    *on("Grows", 1),
    *on("Silent", 1, 2),
    *on("Due", 1, 2, ends="2024-12-31"),
    *on("Says", 1, 2),
    *on("Less", 1, 2, 3),
    *on("Mixed", 1, 2, 3, 4, 5),
    *on("Archive", 1),
    *on("Archive", 2, status="ended"),
    *on("Plans", 1, status="planned"),
    *on("Moves", 1),
)
AFTER = sites(
    *on("Same", 1, 2),
    *on("Grows", 1, 2),
    *on("Says", 1),
    *on("Says", 2, status="ended"),
    *on("Less", 1),
    *on("Mixed", 1, 2),
    *on("Mixed", 3, ends="2025-01-31"),
    *on("Archive", 1),
    *on("Moves", 1, admin="S"),
    *on("New", 1),
)
EXPECTED = {
    ("Same", "N"): "unchanged",
    ("Grows", "N"): "grew",
    ("Silent", "N"): "stopped reporting",
    ("Due", "N"): "ended",
    ("Says", "N"): "ended",
    ("Less", "N"): "reports less",
    ("Mixed", "N"): "reports less",
    ("Archive", "N"): "unchanged",
    ("Plans", "N"): "stopped reporting",
    ("Moves", "N"): "reports less",
    ("Moves", "S"): "new",
    ("New", "N"): "new",
}


def test_every_class() -> None:
    found = change(BEFORE, AFTER)
    assert found["change"].to_dict() == EXPECTED
    assert found.index.tolist() == sorted(EXPECTED)


def test_rows_presence_and_what_is_not_explained() -> None:
    found = change(BEFORE, AFTER)
    mixed = found.loc[("Mixed", "N")]
    assert (mixed["n_rows_before"], mixed["n_rows_after"]) == (5, 3)
    assert (mixed["n_active_before"], mixed["n_active_after"]) == (5, 2)
    assert (mixed["n_ended"], mixed["n_unexplained"]) == (1, 2)
    due = found.loc[("Due", "N")]
    assert (due["n_ended"], due["n_unexplained"], bool(due["partner_reports_after"])) == (
        2,
        0,
        False,
    )
    assert (due["share_dated_before"], due["n_sites_before"]) == (1.0, 2)
    says = found.loc[("Says", "N")]
    assert says["share_updated_after"] == 0.5
    assert found.loc[("Same", "N"), "share_updated_after"] == 0.0
    assert found.loc[("New", "N"), "share_updated_after"] == 1.0
    drop = (found["n_active_before"] - found["n_active_after"]).clip(lower=0)
    assert (found["n_ended"] + found["n_unexplained"]).tolist() == drop.tolist()


def test_two_rows_at_one_place_are_one_place() -> None:
    twice = pd.concat([BEFORE.iloc[:1], BEFORE.iloc[:1]], ignore_index=True)
    found = change(twice, twice)
    assert found[["n_rows_before", "n_active_before", "n_sites_before"]].to_numpy().tolist() == [
        [2, 2, 1]
    ]


def test_another_spelling_is_not_another_partner() -> None:
    before = sites(*on("Médecins Sans Frontières", 1), *on("Fundación Semilas", 1))
    after = sites(*on("MSF-B", 1), *on("Fundación Semillas", 1))
    found = change(before, after)
    assert found.loc[("MSF", "N"), "change"] == "unchanged"
    assert found.loc[("Fundación Semilas", "N"), "change"] == "stopped reporting"
    table = pd.DataFrame({"alias": ["Fundación Semilas"], "organisation": ["Fundación Semillas"]})
    confirmed = change(before, after, aliases=table)
    assert set(confirmed["change"]) == {"unchanged"}
    loop = pd.DataFrame({"alias": ["a", "b"], "organisation": ["b", "a"]})
    with pytest.raises(LayerError, match="circle"):
        change(before, after, aliases=loop)


def test_without_cut_offs_only_status_tells() -> None:
    found = reporting_change(BEFORE, AFTER, keys="partner").set_index("partner")["change"]
    assert found["Due"] == "stopped reporting"
    assert found["Says"] == "ended"
    assert found["Moves"] == "unchanged"


def test_nothing_and_nobody() -> None:
    none = BEFORE.iloc[:0]
    assert change(BEFORE, none)["change"].isin(["stopped reporting", "ended"]).all()
    assert set(change(none, AFTER)["change"]) == {"new"}
    assert change(none, none).empty
    unnamed = BEFORE.assign(partner=None, admin=None).drop(columns=["intervention_id", "ends_on"])
    found = reporting_change(unnamed, unnamed)
    assert found[["partner", "admin"]].to_numpy().tolist() == [["(not stated)"] * 2]
    assert found["share_updated_after"].isna().all()


def test_faults_are_typed() -> None:
    with pytest.raises(SchemaError, match="cell"):
        reporting_change(BEFORE, AFTER, keys=["partner", "cell"])
    for keys in ([], ["partner", "partner"]):
        with pytest.raises(ParameterError, match="keys"):
            reporting_change(BEFORE, AFTER, keys=keys)
    with pytest.raises(ParameterError, match="earlier snapshot first"):
        reporting_change(BEFORE, AFTER, before_as_of=SECOND, as_of=FIRST)
    with pytest.raises(ParameterError, match="dates"):
        reporting_change(BEFORE, AFTER, before_as_of="soon", as_of=SECOND)
    with pytest.raises(CRSError):
        reporting_change(BEFORE, AFTER.set_crs(None, allow_override=True))
