"""Rasters of classes and probabilities: read with their legend, refused where it does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

import geocn
from geocn.errors import ParameterError, RasterError, ReadError, SchemaError
from geocn.layers.rasters import label_cultivation, read_legend
from tests.oracles_corridors import raster

LEGEND = {1: "forest", 3: "coca"}


def write(path: Path, bands: list, *, nodata=None, dtype: str = "uint8") -> Path:
    array = np.asarray(bands, dtype=dtype)
    count, height, width = array.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=count,
        height=height,
        width=width,
        dtype=dtype,
        nodata=nodata,
        crs="EPSG:4326",
        transform=rasterio.Affine(0.01, 0, -77, 0, -0.01, 1),
    ) as out:
        out.write(array)
    return path


def test_classes_with_a_legend(tmp_path: Path) -> None:
    path = write(tmp_path / "coca.tif", [[[1, 3], [3, 0]]], nodata=0)
    read = geocn.read_cultivation(path, legend=LEGEND, year=2021)
    assert read.attrs["classes"] == {"1": "forest", "3": "coca"}
    assert read.attrs["crops"] == {"3": "coca"}
    assert read.attrs["year"] == 2021
    assert np.isnan(read.to_numpy()[1, 1])
    assert json.loads(json.dumps(read.attrs["geocn"])) == read.attrs["geocn"]
    assert read.rio.crs.to_epsg() == 4326
    grid = geocn.cultivation.density_grid(read)
    assert grid.attrs["geocn"]["placed_ha"] == pytest.approx(2 * 123.06, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("legend.csv", "code,crop\n1,forest\n3,Coca\n"),
        ("legenda.csv", "Código;Cultivo\n1;bosque\n3;coca\n"),
        ("legend.toml", '1 = "forest"\n3 = "coca"\n'),
        ("tabled.toml", '[classes]\n1 = "forest"\n3 = "coca bush"\n'),
    ],
)
def test_legends_of_every_kind(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    assert list(read_legend(file)) == [1, 3]
    path = write(tmp_path / "coca.tif", [[[1, 3]]])
    assert geocn.read_cultivation(path, legend=file).attrs["crops"] == {"3": "coca"}


@pytest.mark.parametrize(
    ("legend", "message"),
    [
        ({}, "no classes"),
        ({"x": "coca"}, "code 'x'"),
        ({1.5: "coca"}, "code 1.5"),
        ({1: ""}, "no name for 1"),
        ({1: "forest", 2: "lake"}, "at least one of coca"),
    ],
)
def test_legends_at_fault(legend, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        label_cultivation(raster([[1.0]]), legend=legend)


def test_damaged_legend_files(tmp_path: Path) -> None:
    file = tmp_path / "legend.toml"
    file.write_text("3 = coca", encoding="utf-8")
    with pytest.raises(ReadError, match=r"legend\.toml"):
        read_legend(file)
    with pytest.raises(ReadError):
        read_legend(tmp_path / "none.toml")
    twice = tmp_path / "twice.csv"
    twice.write_text("code,crop\n3,coca\n3,cannabis\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="code 3 twice"):
        read_legend(twice)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n3,coca\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="a column code"):
        read_legend(other)


def test_unknown_codes_are_listed_with_their_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "coca.tif", [[[1, 3, 9], [255, 255, 3]]])
    with pytest.raises(RasterError, match=r"9 \(1 cells\), 255 \(2 cells\)") as caught:
        geocn.read_cultivation(path, legend=LEGEND)
    assert "nodata=" in str(caught.value)
    read = geocn.read_cultivation(path, legend={**LEGEND, 9: "lake"}, nodata=255)
    assert int(read.isnull().sum()) == 2
    half = write(tmp_path / "half.tif", [[[1.0, 2.5]]], dtype="float32")
    with pytest.raises(RasterError, match=r"2\.5 \(1 cells\)"):
        geocn.read_cultivation(half, legend=LEGEND)


def test_probabilities_and_their_scale(tmp_path: Path) -> None:
    percent = write(tmp_path / "p.tif", [[[0, 50, 100]]])
    with pytest.raises(RasterError, match=r"2 cells outside 0 to 1 \(from 0 to 100\)"):
        geocn.read_cultivation(percent, probability="share")
    read = geocn.read_cultivation(percent, probability="percent", crop="coca", year=2020)
    assert read.to_numpy().tolist() == [[0, 0.5, 1]]
    assert (read.attrs["probability"], read.attrs["crop"]) == ("share", "coca")
    assert read.rio.crs.to_epsg() == 4326
    wrong = write(tmp_path / "w.tif", [[[0.2, -9999.0]]], dtype="float32")
    with pytest.raises(RasterError, match="1 cells outside"):
        geocn.read_cultivation(wrong, probability="share")
    known = geocn.read_cultivation(wrong, probability="share", nodata=-9999)
    assert np.isnan(known.to_numpy()[0, 1])
    placed = geocn.cultivation.density_grid(known, crop="coca").attrs["geocn"]["placed_ha"]
    assert placed == pytest.approx(0.2 * 123.06, rel=1e-3)


def test_all_nodata_and_several_bands(tmp_path: Path) -> None:
    nothing = write(tmp_path / "n.tif", [[[0, 0]]], nodata=0)
    with pytest.raises(RasterError, match="no cell with data"):
        geocn.read_cultivation(nothing, legend=LEGEND)
    assert geocn.read_cultivation(nothing).isnull().all()
    bands = write(tmp_path / "b.tif", [[[1, 3]], [[3, 3]]])
    with pytest.raises(RasterError, match="2 bands"):
        geocn.read_cultivation(bands, legend=LEGEND)
    second = geocn.read_cultivation(bands, legend=LEGEND, band=2)
    assert second.to_numpy().tolist() == [[3, 3]]


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "coca.tif", [[[1, 3]]])
    with pytest.raises(ParameterError, match="not both"):
        geocn.read_cultivation(path, legend=LEGEND, probability="share")
    with pytest.raises(ParameterError, match="probability"):
        geocn.read_cultivation(path, probability="yes")
    with pytest.raises(ParameterError, match="crop"):
        geocn.read_cultivation(path, crop="wheat")
    table = tmp_path / "table.csv"
    table.write_text("year,area_ha\n2020,1\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="legend: for rasters only"):
        geocn.read_cultivation(table, legend=LEGEND)


def test_the_raster_that_was_given_stays_as_it_was() -> None:
    given = raster([[0.0, 100.0]])
    before = dict(given.attrs)
    label_cultivation(given, probability="percent", crop="coca", year=2021)
    assert given.attrs == before
    assert given.to_numpy().tolist() == [[0, 100]]
