"""The real files: every row accounted for, published totals, match rate, time and memory."""

from __future__ import annotations

import resource
import sys
import time
import warnings
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import geocn
from geocn.harmonise.placeindex import PlaceIndex
from geocn.layers import inspect_file

pytestmark = pytest.mark.reference

#: The source's own municipal figures do not add up to its published national totals there.
SOURCE_MISMATCH_PERCENT = {2001: -5.45, 2009: -6.99}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture(scope="module")
def places(reference: Path) -> PlaceIndex:
    return PlaceIndex.from_frame(gpd.read_file(reference / "colombia" / "municipalities.gpkg"))


@pytest.fixture(scope="module")
def seizures(reference: Path, places: PlaceIndex) -> gpd.GeoDataFrame:
    """The whole file; read once, its cost kept in attrs."""
    started, before = time.process_time(), peak_mb()
    layer = geocn.read_seizures(
        reference / "seizures_unodc_ids_2011_2016.zip", places=places, as_of="2016-12-31"
    )
    layer.attrs["cpu_s"] = time.process_time() - started
    layer.attrs["peak_mb"] = peak_mb() - before
    return layer


@pytest.fixture(scope="module")
def coca(reference: Path, places: PlaceIndex) -> gpd.GeoDataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tests below look at what is said
        return geocn.read_cultivation(
            reference / "colombia" / "coca_simci_2001_2023.csv", places=places, crop="coca"
        )


def test_coca_totals_are_the_published_ones(coca: gpd.GeoDataFrame, reference: Path) -> None:
    totals = pd.read_csv(reference / "colombia" / "coca_published_national_totals.csv")
    published = totals.set_index("year")["published_national_ha"].loc[2001:2023]
    read = coca.groupby("year")["area_ha"].sum()
    percent = (read / published - 1) * 100
    for year, expected in SOURCE_MISMATCH_PERCENT.items():
        assert percent[year] == pytest.approx(expected, abs=0.005)
    assert percent.drop(list(SOURCE_MISMATCH_PERCENT)).abs().max() < 0.01
    assert read[2020] == pytest.approx(142_784.7)


def test_coca_rows_are_all_placed_by_their_code(coca: gpd.GeoDataFrame) -> None:
    report = coca.attrs["geocn"]
    assert (report["source_rows"], report["rows_in"], len(coca)) == (319, 319 * 23, 319 * 23)
    assert report["rejected"] == {}
    assert (coca["place_match"] == "code").all()
    assert coca.geometry.notna().all()
    assert report["numbers"]["2020"]["decimal"] == ","
    assert report["numbers"]["2019"]["decimal"] == "."


def test_seizures_lose_nothing(seizures: gpd.GeoDataFrame) -> None:
    report = seizures.attrs["geocn"]
    assert report["rows_in"] == 311_038
    assert report["rows_out"] + sum(report["rejected"].values()) == 311_038
    assert len(seizures) == report["rows_out"]
    assert report["repeated_rows"] == 44_229


def test_every_unit_is_accounted_for(seizures: gpd.GeoDataFrame) -> None:
    """Either the unit is canonical, or it stands in the report of unknown ones."""
    report = seizures.attrs["geocn"]
    assert len(report["units"]) >= 40
    assert sum(report["units"].values()) == seizures["unit"].notna().sum()
    assert seizures["unit"].isna().sum() == 21  # rows whose unit the source leaves empty
    assert report["unknown"]["unit"] == {"other": 5, "Mark": 3}
    mass = seizures["unit"].isin(["kilogram", "gram", "viss", "tonne", "ounce", "block_350_gram"])
    assert seizures.loc[mass, "weight_kg"].notna().all()
    viss = seizures[seizures["unit"] == "viss"]
    assert (viss["weight_kg"] / viss["quantity"]).round(3).eq(1.633).all()
    tablets = seizures[seizures["unit"] == "tablet"]
    assert tablets["weight_kg"].isna().all()
    assert tablets["quantity"].notna().all()


def test_the_heaviest_row_is_flagged(seizures: gpd.GeoDataFrame) -> None:
    heaviest = seizures.loc[seizures["weight_kg"].idxmax()]
    assert heaviest["weight_kg"] >= 4_500_000
    assert "outlier" in heaviest["flags"]


def test_nearly_every_drug_is_in_the_taxonomy(seizures: gpd.GeoDataFrame) -> None:
    assert seizures["drug"].notna().mean() > 0.98
    assert seizures["drug_reported"].notna().mean() > 0.99


def test_colombian_places_reach_93_per_cent(seizures: gpd.GeoDataFrame) -> None:
    colombian = seizures["country"] == "Colombia"
    reached = seizures["place_match"].isin(["code", "name", "fuzzy"])
    assert reached[colombian].mean() > 0.975
    assert not reached[~colombian].any()
    assert seizures.loc[reached, "location_precision_m"].between(1_000, 350_000).all()
    assert seizures.geometry.notna().mean() > 0.999


def test_other_countries_lie_in_their_own(seizures: gpd.GeoDataFrame) -> None:
    mauritius = seizures[seizures["country"] == "Mauritius"]
    assert mauritius.geometry.x.between(56, 64).all()
    assert (mauritius["place_match"] == "parent").all()


def test_speed_and_memory(seizures: gpd.GeoDataFrame) -> None:
    """At most 10 CPU s and 1.5 GB for 311,038 rows, places and all."""
    # The promise is 10 s, held by the benchmarks; here only that nothing went far astray.
    assert seizures.attrs["cpu_s"] < 30
    if sys.platform == "linux":
        assert seizures.attrs["peak_mb"] < 1536


def test_inspection_of_the_real_files(reference: Path, places: PlaceIndex) -> None:
    colombia = reference / "colombia" / "coca_simci_2001_2023.csv"
    coca = inspect_file(colombia, "cultivation", places=places)
    assert coca.ok
    assert coca.match_rate == 1.0
    assert coca.n_rejected == 0
    wrong = inspect_file(colombia, "borders")
    assert not wrong.ok or wrong.n_rows == 319
