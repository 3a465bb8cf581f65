"""The sample's messy files through the readers: nothing lost, faults named, twins found."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import geocn
from geocn.errors import RejectedRowsWarning
from geocn.layers import merge_layers

ANDES = Path(__file__).resolve().parents[2] / "sample_data" / "andes"
AS_OF = "2025-12-31"


@pytest.fixture(scope="module")
def police() -> gpd.GeoDataFrame:
    places = gpd.read_file(ANDES / "places" / "admin1.geojson")
    with pytest.warns(RejectedRowsWarning):
        return geocn.read_seizures(
            ANDES / "partners" / "policia_incautaciones.csv",
            places=places,
            fields={"seizure_id": "N° caso"},
            source="Policía Nacional",
            timezone="America/Bogota",
            as_of=AS_OF,
        )


@pytest.fixture(scope="module")
def customs() -> gpd.GeoDataFrame:
    with pytest.warns(RejectedRowsWarning):
        return geocn.read_seizures(
            ANDES / "partners" / "customs_interdictions.csv",
            places=gpd.read_file(ANDES / "places" / "admin1.geojson"),
            fields={"destination": "Bound for"},
            source="Customs",
            timezone="America/Bogota",
            as_of=AS_OF,
        )


@pytest.mark.parametrize("layer", ["police", "customs"])
def test_rows_in_are_rows_out_and_rejected(layer: str, request: pytest.FixtureRequest) -> None:
    frame = request.getfixturevalue(layer)
    report = frame.attrs["geocn"]
    assert report["rows_in"] == report["rows_out"] + report["rows_rejected"]
    assert len(frame) == report["rows_out"]
    assert report["rows_rejected"] == sum(report["rejected"].values())


def test_every_planted_fault_is_rejected_or_flagged(
    police: gpd.GeoDataFrame, customs: gpd.GeoDataFrame
) -> None:
    kept = pd.concat([police, customs]).set_index("seizure_id")
    for gone in ("PN-9001", "PN-9004", "CB90001"):  # negative, 31 February, 123° north
        assert gone not in kept.index
    flags = kept["flags"].fillna("")
    assert "zero" in flags["PN-9002"]
    assert "zero" in flags["CB90002"]
    assert "future" in flags["PN-9003"]
    assert "future" in flags["CB90003"]
    for row, name in (("PN-9005", "Polvo azul XR"), ("CB90004", "Pink crystal 7")):
        assert kept["drug_reported"][row] == name
        assert pd.isna(kept["drug"][row])
    assert kept["place_match"]["PN-9007"] == "parent"
    assert pd.isna(kept["weight_kg"]["PN-9008"])  # a libra is not one thing


def test_weights_come_back_in_kilograms(police: gpd.GeoDataFrame) -> None:
    truth = pd.read_csv(ANDES / "truth" / "seizures.csv")
    true = truth.loc[truth["agency"] == "police", "weight_kg"]
    own = police[~police["seizure_id"].str.startswith("PN-9")]
    assert len(own) == len(true)
    assert own["weight_kg"].to_numpy() == pytest.approx(true.to_numpy(), rel=1e-3, abs=0.006)


def test_what_customs_and_navy_both_report_is_found_and_kept(customs: gpd.GeoDataFrame) -> None:
    with pytest.warns(RejectedRowsWarning):
        navy = geocn.read_seizures(
            ANDES / "partners" / "navy_interdictions.xlsx",
            fields={
                "seized_at": "Date and time (UTC)",
                "latitude": "Position lat",
                "longitude": "Position lon",
            },
            source="Navy",
            as_of=AS_OF,
        )
    joint = merge_layers([navy, customs], layer="seizures")
    assert len(joint) == len(navy) + len(customs)
    groups = joint.dropna(subset=["duplicate_group"]).groupby("duplicate_group")["source"]
    assert (groups.nunique() == 2).all()
    assert 7 <= len(groups) <= 9  # 8 planted


def test_what_police_and_customs_both_report_is_found(
    police: gpd.GeoDataFrame, customs: gpd.GeoDataFrame
) -> None:
    """Days against instants, divisions against points, "cocaína" against "cocaine HCl"."""
    joint = merge_layers([police, customs], layer="seizures")
    groups = joint.dropna(subset=["duplicate_group"]).groupby("duplicate_group")
    together = groups["source"].nunique() == 2
    # 25 are planted; those the police date by month only cannot be told.
    assert together.sum() >= 18
    assert groups.size().max() <= 3
