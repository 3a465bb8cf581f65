"""The real run: partner files of the world, all the way to layers and a map."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import geocn
from geocn.project import RunResult

HERE = Path(__file__).parent
pytestmark = [pytest.mark.reference, pytest.mark.slow]

#: Rows of the file by unit as the source writes it; 21 rows have none.
N_SEIZURES = 311_038
N_UNITS = 43


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, reference: Path) -> RunResult:
    """One whole run over the reference inputs."""
    folder = tmp_path_factory.mktemp("real")
    text = (HERE / "colombia.toml").read_text(encoding="utf-8")
    project = folder / "colombia.toml"
    project.write_text(text.replace("{reference}", reference.as_posix()), encoding="utf-8")
    return geocn.run(project, out=folder / "out")


@pytest.fixture(scope="module")
def seizures(finished: RunResult) -> gpd.GeoDataFrame:
    return gpd.read_parquet(finished.folder / "joint/layers/seizures.parquet")


@pytest.fixture(scope="module")
def cultivation(finished: RunResult) -> gpd.GeoDataFrame:
    return gpd.read_parquet(finished.folder / "joint/layers/cultivation.parquet")


@pytest.fixture(scope="module")
def published(reference: Path) -> pd.DataFrame:
    path = reference / "colombia/coca_published_national_totals.csv"
    return pd.read_csv(path).set_index("year")


def test_no_seizure_is_lost(finished: RunResult, seizures: gpd.GeoDataFrame) -> None:
    manifest = json.loads((finished.folder / "manifest.json").read_text(encoding="utf-8"))
    (file,) = [f for f in manifest["files"] if f["layer"] == "seizures"]
    assert file["rows_in"] == N_SEIZURES
    assert file["rows_out"] + file["rows_rejected"] == N_SEIZURES
    assert len(seizures) == file["rows_out"]


def test_all_units_are_accounted_for(seizures: gpd.GeoDataFrame) -> None:
    assert seizures["unit_reported"].nunique() == N_UNITS
    by_unit = seizures.groupby("unit_reported")
    assert by_unit["unit"].apply(lambda units: units.notna().all()).all()
    known = seizures.set_index("unit_reported")
    # One packet of each odd unit, checked by hand against the table's factors.
    for unit, kilograms in {"Block (350gr)": 0.35, "100 gram": 0.1, "Viss": 1.632933}.items():
        row = known.loc[[unit]].iloc[0]
        assert row["weight_kg"] == pytest.approx(row["quantity"] * kilograms, rel=1e-5)
    for unit in ("Tablet", "Litre", "Gallons (US, liquid)", "Acres", "Thousand of tablets"):
        assert known.loc[[unit], "weight_kg"].isna().all()
        assert known.loc[[unit], "quantity"].notna().any()


def test_colombian_places_are_matched(seizures: gpd.GeoDataFrame) -> None:
    colombian = seizures[seizures["country"] == "Colombia"]
    matched = colombian["place_match"].isin(["code", "name", "fuzzy"]).mean()
    assert matched >= 0.93
    # Each row has a place with its precision, or none at all.
    located = ~seizures.geometry.isna()
    assert seizures.loc[located, "location_precision_m"].gt(0).all()


def test_coca_totals_are_the_published_ones(
    cultivation: gpd.GeoDataFrame, published: pd.DataFrame
) -> None:
    total = cultivation.groupby("year")["area_ha"].sum()
    assert total[2020] == pytest.approx(142_784.7, abs=0.05)
    years = [y for y in range(2001, 2024) if y not in (2001, 2009)]
    off = (total / published["published_national_ha"] - 1).loc[years].abs()
    assert off.max() < 1e-4
    # Two years do not add up at the source: they must come out as they stand there.
    assert total[2001] / published.loc[2001, "published_national_ha"] - 1 == pytest.approx(
        -0.0545, abs=5e-5
    )
    assert total[2009] / published.loc[2009, "published_national_ha"] - 1 == pytest.approx(
        -0.0699, abs=5e-5
    )


def test_the_two_mismatches_of_the_source_are_reported(finished: RunResult) -> None:
    (file,) = [f for f in finished.manifest["files"] if f["layer"] == "cultivation"]
    off = {row["year"]: row["difference"] for row in file["control_totals"] if not row["agrees"]}
    assert off == {
        2001: pytest.approx(-0.0545, abs=5e-5),
        2009: pytest.approx(-0.0699, abs=5e-5),
    }
    (note,) = [note for note in finished.notes if "do not agree" in note]
    assert "2001" in note
    assert "2009" in note


def test_headline_figures_of_2021(cultivation: gpd.GeoDataFrame) -> None:
    by_year = cultivation.pivot_table(
        index="admin_code", columns="year", values="area_ha", aggfunc="sum"
    )
    total = by_year.sum()
    assert total[2021] / total[2020] - 1 == pytest.approx(0.4305, abs=5e-5)
    assert (by_year[2021] > 0).sum() == 181
    assert by_year[2021].nlargest(10).sum() / total[2021] == pytest.approx(0.4506, abs=5e-5)
    # Tibú, published as 22,230 ha.
    assert by_year[2021].max() == pytest.approx(22_230, abs=0.5)


def test_there_is_a_map_and_nothing_is_left_behind(finished: RunResult) -> None:
    (page,) = finished.maps
    assert page.stat().st_size > 250_000
    stray = [p for p in finished.folder.parent.iterdir() if p.name.startswith(".geocn-tmp")]
    assert stray == []
