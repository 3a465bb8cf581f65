"""The bundled borders against the published lengths, the sides of each line, and the schema."""

import hashlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geocn.spatial.borders as module
from geocn.errors import ParameterError
from geocn.schema import layer_schema
from geocn.spatial.borders import load_borders, load_countries
from geocn.spatial.geodesy import geodesic_length_km

DATA = Path(module.__file__).parent / "data"


@pytest.mark.parametrize("scale,km", [("110m", 198149), ("50m", 213024), ("10m", 232903)])
def test_total_length_by_scale(scale, km):
    borders = load_borders(scale)
    measured = geodesic_length_km(borders.geometry)
    assert measured.sum() == pytest.approx(km, abs=2)
    span = borders["chainage_to_km"] - borders["chainage_from_km"]
    assert np.allclose(measured, span, atol=1e-5)


def test_borders_are_a_borders_layer():
    borders = load_borders()
    schema = layer_schema("borders")
    assert list(borders.columns[: len(schema.names)]) == list(schema.names)
    assert {c: str(borders[c].dtype) for c in schema.names} == schema.dtypes
    assert borders["border_id"].is_unique
    assert borders.crs.to_epsg() == 4326
    assert (
        borders["dyad"]
        == borders[["left", "right"]].min(axis=1) + "-" + borders[["left", "right"]].max(axis=1)
    ).all()


def test_chainage_runs_on_without_gap_within_a_dyad():
    borders = load_borders()
    for _, rows in borders.groupby("dyad"):
        assert rows["chainage_from_km"].iloc[0] == 0
        assert np.allclose(rows["chainage_from_km"].iloc[1:], rows["chainage_to_km"].iloc[:-1])


@pytest.mark.parametrize("scale", ["110m", "10m"])
def test_left_and_right_are_the_countries_on_each_side(scale):
    borders = load_borders(scale, kinds=("land", "disputed", "coast"))
    countries = load_countries(scale).set_index("iso_a3").geometry
    rng = np.random.default_rng(1)
    for row in borders.iloc[rng.permutation(len(borders))[:80]].itertuples():
        xy = shapely.get_coordinates(row.geometry)
        step = np.diff(xy, axis=0)
        longest = int(np.argmax(np.hypot(*step.T)))
        across = np.array([-step[longest][1], step[longest][0]])
        across *= 1e-5 / np.hypot(*across)
        middle = xy[longest] + step[longest] / 2
        for side, name in ((1, row.left), (-1, row.right)):
            point = shapely.Point(middle + side * across)
            inside = countries.index[countries.intersects(point)].tolist()
            assert inside == ([name] if name else []), row.border_id


def test_disputed_lines_are_marked():
    borders = load_borders()
    disputed = set(borders.loc[borders["disputed"], "dyad"])
    assert {"ESH-MAR", "GUY-VEN", "IND-PAK", "CNM-CYP"} <= disputed
    assert "COL-ECU" not in disputed
    assert ((borders["kind"] == "disputed") == borders["disputed"]).all()


@pytest.mark.parametrize("scale", ["110m", "50m", "10m"])
def test_countries_are_valid_and_within_the_world(scale):
    countries = load_countries(scale)
    assert countries.geometry.is_valid.all()
    assert countries["iso_a3"].is_unique
    assert np.abs(countries.total_bounds).max() <= 180
    assert {"COL", "ECU", "VEN", "RUS", "FJI", "ATA"} <= set(countries["iso_a3"])


def test_the_callers_copy_does_not_reach_the_next_caller():
    countries, borders = load_countries("110m"), load_borders("110m")
    countries.loc[0, "name"] = "changed"
    borders.loc[0, "dyad"] = "changed"
    assert "changed" not in set(load_countries("110m")["name"])
    assert "changed" not in set(load_borders("110m")["dyad"])


def test_unknown_scale_or_kind_is_refused():
    with pytest.raises(ParameterError, match="10m"):
        load_borders("1m")
    with pytest.raises(ParameterError, match="kind"):
        load_borders("110m", kinds=("river",))
    with pytest.raises(ParameterError):
        load_countries("5m")


def test_checksums():
    for line in (DATA / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest
    assert isinstance(load_borders("110m"), gpd.GeoDataFrame)
