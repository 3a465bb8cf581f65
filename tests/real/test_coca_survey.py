"""The real coca survey of Colombia through change, permanence and density_grid."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

import geocn
from geocn.cultivation import change, density_grid, permanence
from geocn.harmonise.placeindex import PlaceIndex

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def municipalities(reference: Path) -> PlaceIndex:
    return PlaceIndex.from_frame(gpd.read_file(reference / "colombia" / "municipalities.gpkg"))


@pytest.fixture(scope="module")
def coca(reference: Path, municipalities: PlaceIndex) -> gpd.GeoDataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return geocn.read_cultivation(
            reference / "colombia" / "coca_simci_2001_2023.csv",
            places=municipalities,
            crop="coca",
        )


def of(coca: gpd.GeoDataFrame, year: int) -> gpd.GeoDataFrame:
    return coca[(coca["year"] == year).to_numpy(dtype=bool)]


def test_headline_figures_of_2021(coca: gpd.GeoDataFrame) -> None:
    """+43.05 %, 181 municipalities, the ten first 45.06 %, Tibú 22,229.6 ha."""
    found = change(of(coca, 2020), of(coca, 2021))
    record = found.attrs["geocn"]
    assert record["total"]["before_ha"] == pytest.approx(142_784.7, abs=0.05)
    assert record["total"]["change_percent"] == pytest.approx(43.05, abs=0.005)
    assert record["with_crop"]["after"] == 181
    after = found["after_ha"]
    assert after.nlargest(10).sum() / after.sum() * 100 == pytest.approx(45.06, abs=0.005)
    names = of(coca, 2021).set_index("admin_code")["place"].str.casefold()
    assert names[after.idxmax()] in ("tibú", "tibu")
    assert after.max() == pytest.approx(22_229.6, abs=0.05)
    # Every municipality stands in both years: nothing is gained by coming into the survey.
    assert (record["n_before_only"], record["n_after_only"]) == (0, 0)
    gained, lost = record["total"]["gained_ha"], record["total"]["lost_ha"]
    assert gained - lost == pytest.approx(record["total"]["net_ha"])
    assert lost > 0


def test_the_last_ten_years(coca: gpd.GeoDataFrame) -> None:
    found = permanence(coca, window=(2012, 2021), recent_years=3)
    by_class = found.attrs["geocn"]["by_class"]
    assert len(found) == 319
    assert sum(c["areas"] for c in by_class.values()) == 319
    assert by_class["uncertain"]["areas"] == 0
    total = of(coca, 2021)["area_ha"].sum()
    assert sum(c["last_ha"] for c in by_class.values()) == pytest.approx(total)
    # Counted by hand in the table of years.
    wide = coca.pivot(index="admin_code", columns="year", values="area_ha")
    window = wide[range(2012, 2022)] > 0
    permanent = window.all(axis=1)
    assert by_class["permanent"]["areas"] == permanent.sum()
    assert by_class["permanent"]["last_ha"] == pytest.approx(wide.loc[permanent, 2021].sum())
    gone = window[range(2012, 2019)].any(axis=1) & ~window[range(2019, 2022)].any(axis=1)
    assert by_class["abandoned"]["areas"] == gone.sum()


def test_every_hectare_lies_on_the_grid(coca: gpd.GeoDataFrame) -> None:
    years = coca[coca["year"].isin([2020, 2021]).to_numpy(dtype=bool)]
    grid = density_grid(years, by="year", cell_km=5)
    placed = grid.sum(("y", "x")).to_numpy() * 25
    expected = years.groupby("year")["area_ha"].sum().to_numpy()
    np.testing.assert_allclose(placed, expected, rtol=1e-9)
    record = grid.attrs["geocn"]
    assert record["unplaced"] == {}
    assert record["n_placed"] == 638
