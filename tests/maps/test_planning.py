from __future__ import annotations

import re
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import (
    CoordinateError,
    CRSError,
    LayerError,
    ParameterError,
    SchemaError,
)
from geocn.io.packed import decode_block
from geocn.maps import PlanningMap, page
from tests.maps import andes

BLOCK = re.compile(r'<script type="text/plain" id="geocn-data">([^<]*)</script>')


def header_of(html: str) -> tuple[dict, list[np.ndarray]]:
    found = BLOCK.search(html)
    assert found is not None
    return decode_block(found[1])


def read_array(arrays: list[np.ndarray], ref: dict) -> np.ndarray:
    return arrays[ref["#"]]


def one_point(**columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {key: [value] for key, value in columns.items()},
        geometry=[shapely.Point(-76.6, 2.4)],
        crs="EPSG:4326",
    )


def test_the_same_input_gives_the_same_bytes() -> None:
    assert andes.full_map().to_html() == andes.full_map().to_html()


def test_an_empty_map_is_small_and_whole() -> None:
    html = PlanningMap("Nothing yet").to_html()
    assert len(html.encode()) <= 600_000
    assert header_of(html)[0]["layers"] == []


def test_only_the_columns_of_the_layer_enter_the_file() -> None:
    frame = one_point(drug="cocaine", informant="X-7741", weight_kg=3.0)
    header, _ = header_of(PlanningMap("t").add_seizures(frame).to_html())
    names = [column["name"] for column in header["layers"][0]["columns"]]
    assert names == ["drug", "weight_kg"]
    assert "X-7741" not in str(header)
    asked = PlanningMap("t").add_seizures(frame, columns=["informant"])
    assert "informant" in asked.layers[0].columns


def test_an_unknown_extra_column_is_named() -> None:
    with pytest.raises(SchemaError, match="no column nope"):
        PlanningMap("t").add_seizures(one_point(drug="a"), columns=["nope"])


def test_coordinates_come_back_within_a_metre() -> None:
    frame = andes.seizures(50).drop(columns="location_precision_m")
    header, body = header_of(PlanningMap("t").add_seizures(frame).to_html())
    packed = header["layers"][0]["geometry"]
    rows = read_array(body, packed["f"])
    lon = read_array(body, packed["x"]) / packed["s"]
    known = frame.geometry.iloc[rows]
    assert np.abs(lon - known.x.to_numpy()).max() < 1e-5
    assert header["layers"][0]["missing"] == int(frame.geometry.isna().sum())


def test_a_projected_layer_is_brought_to_degrees() -> None:
    plan = PlanningMap("t").add_hotspots(andes.hotspots().to_crs("EPSG:3857"))
    straight = PlanningMap("t").add_hotspots(andes.hotspots())
    box = plan.layers[0].frame.total_bounds
    assert box == pytest.approx(straight.layers[0].frame.total_bounds, abs=1e-9)


def test_the_input_is_not_changed() -> None:
    frame = andes.seizures(30)
    before = frame.copy(deep=True)
    PlanningMap("t").add_seizures(frame).to_html()
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before))


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    "method",
    [
        "seizures",
        "routes",
        "cultivation",
        "interventions",
        "corridors",
        "hotspots",
        "border_hotspots",
    ],
)
def test_empty_and_single_layers(method: str, size: int) -> None:
    frame = getattr(andes, method)().iloc[:size]
    plan = getattr(PlanningMap("t"), f"add_{method}")(frame)
    assert header_of(plan.to_html())[0]["layers"][0]["n"] == size
    assert isinstance(plan.to_folium(), folium.Map)


def test_values_that_are_no_numbers() -> None:
    frame = one_point(weight_kg=np.inf, drug=None, seized_at=pd.NaT)
    frame = pd.concat([frame, one_point(weight_kg=1e300, drug="heroin")], ignore_index=True)
    frame["quantity"] = [np.nan, -np.inf]
    header, body = header_of(PlanningMap("t").add_seizures(frame).to_html())
    columns = {c["name"]: c for c in header["layers"][0]["columns"]}
    weight = read_array(body, columns["weight_kg"]["a"])
    assert np.isnan(weight[0])
    assert weight[1] == 1e300


def test_null_empty_and_infinite_geometries_are_counted() -> None:
    frame = gpd.GeoDataFrame(
        {"drug": ["a", "b", "c", "d"]},
        geometry=[None, shapely.Point(), shapely.Point(np.inf, 1), shapely.Point(-70, 1)],
        crs="EPSG:4326",
    )
    assert PlanningMap("t").add_seizures(frame).layers[0].n_missing == 3


@pytest.mark.parametrize("xy", [(-76.0, 95.0), (1e300, 2.0), (500.0, 2.0)])
def test_impossible_coordinates_are_refused_with_their_rows(xy: tuple[float, float]) -> None:
    frame = gpd.GeoDataFrame(
        {"drug": ["a"]}, index=["row-7"], geometry=[shapely.Point(xy)], crs="EPSG:4326"
    )
    with pytest.raises(CoordinateError, match="row-7"):
        PlanningMap("t").add_seizures(frame)


def test_a_line_over_the_antimeridian_is_cut_there() -> None:
    frame = gpd.GeoDataFrame(
        {"mode": ["sea"]}, geometry=[shapely.LineString([(179, 10), (-179, 12)])], crs="EPSG:4326"
    )
    header, body = header_of(PlanningMap("t").add_routes(frame).to_html())
    packed = header["layers"][0]["geometry"]
    lon, lat = (read_array(body, packed[axis]) / packed["s"] for axis in ("x", "y"))
    assert lon.tolist() == [179, 180, -180, -179]
    assert lat.tolist() == [10, 11, 11, 12]
    assert read_array(body, packed["c"]).tolist() == [2, 2]


def test_wrong_things_have_typed_errors() -> None:
    plan = PlanningMap("t")
    with pytest.raises(SchemaError, match="GeoDataFrame"):
        plan.add_seizures(pd.DataFrame({"drug": ["a"]}))  # type: ignore[arg-type]
    with pytest.raises(CRSError, match="no coordinate reference system"):
        plan.add_seizures(andes.seizures(3).set_crs(None, allow_override=True))
    with pytest.raises(SchemaError, match="weight_kg"):
        plan.add_seizures(one_point(weight_kg="a lot"))
    with pytest.raises(ParameterError, match="language"):
        PlanningMap("t", language="tlh")
    with pytest.raises(ParameterError, match="period"):
        PlanningMap("t", period="week")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="as_of"):
        PlanningMap("t", as_of="soon")
    with pytest.raises(ParameterError, match="marking"):
        PlanningMap("t", marking=" ")
    with pytest.raises(ParameterError, match=r"coverage\.assess"):
        plan.add_coverage(42)
    assert plan.layers == ()


def test_rows_above_the_marking_are_refused() -> None:
    with pytest.raises(LayerError, match="TLP:AMBER"):
        PlanningMap("t", marking="TLP:GREEN").add_seizures(andes.seizures(3))
    PlanningMap("t", marking="TLP:AMBER+STRICT").add_seizures(andes.seizures(3))


def test_periods_take_years_quarters_months_and_dates() -> None:
    cells = andes.grid(3.0).iloc[:2]
    for values in (
        [2024, 2025],
        ["2024-Q1", "2024-Q2"],
        ["2024-03", "2024-04"],
        list(pd.period_range("2024-01", periods=2, freq="M")),
        list(pd.to_datetime(["2024-01-01", "2024-01-02"])),
    ):
        frame = pd.concat([cells.assign(period=value, value=k) for k, value in enumerate(values)])
        plan = PlanningMap("t").add_periods(frame)
        assert plan.layers[0].matrix is not None
        assert plan.layers[0].matrix.tolist() == [[0, 1], [0, 1]]
        assert len(header_of(plan.to_html())[0]["periods"]) == 2
    with pytest.raises(SchemaError, match="2024-Q7"):
        PlanningMap("t").add_periods(cells.assign(period="2024-Q7", value=1))
    with pytest.raises(SchemaError, match="period"):
        PlanningMap("t").add_periods(cells)


def test_a_period_says_what_an_imprecise_date_allows() -> None:
    frame = pd.concat(
        [one_point(seized_at="2024-05-01", date_precision=p) for p in ("day", "month", "year")],
        ignore_index=True,
    )
    spans = PlanningMap("t").add_seizures(frame).layers[0].spans
    assert spans is not None
    assert (spans.last - spans.first).tolist() == [0, 30, 365]


def test_the_covered_share_is_that_of_the_bits() -> None:
    plan = andes.full_map()
    header, body = header_of(plan.to_html())
    what = header["whatif"][0]
    bits = read_array(body, what["bits"]).reshape(len(what["sites"]), what["stride"])
    covers = np.unpackbits(bits, axis=1, bitorder="little")[:, : what["n"]].astype(bool)
    weights = read_array(body, what["weights"])
    assert weights[covers.any(axis=0)].sum() / weights.sum() == pytest.approx(
        plan._what_ifs[0].share_covered
    )
    assert weights.sum() == pytest.approx(andes.coverage().demand["population"].sum())


def test_a_real_assessment_becomes_a_layer() -> None:
    coverage = pytest.importorskip("geocn.coverage")
    sites = coverage.reach(andes.interventions())
    demand = andes.grid(1.0)
    demand["people"] = np.arange(len(demand)) + 1.0
    result = coverage.assess(demand, sites, weight="people")
    plan = PlanningMap("t").add_coverage(result, reaches=sites, weight="people")
    assert plan._what_ifs[0].exact == pytest.approx(result.share_covered)
    assert plan._what_ifs[0].share_covered == pytest.approx(result.share_covered, abs=0.03)
    assert {layer.kind for layer in plan.layers} == {"reach", "coverage", "gaps"}


def test_quiet_border_segments_are_left_out_and_counted() -> None:
    frame = andes.border_hotspots()
    frame["n_crossings"] = [21, 0, 33, 0, 1]
    layer = PlanningMap("t").add_border_hotspots(frame).layers[0]
    assert (len(layer.frame), layer.left_out) == (3, 2)


def test_a_raster_of_hectares_becomes_cells() -> None:
    import rioxarray  # noqa: F401
    import xarray as xr

    data = np.zeros((300, 300))
    data[10, 20] = 7.0
    raster = xr.DataArray(
        data, dims=("y", "x"), coords={"y": np.linspace(5, 2, 300), "x": np.linspace(-78, -75, 300)}
    )
    layer = PlanningMap("t").add_cultivation(raster.rio.write_crs("EPSG:4326")).layers[0]
    assert layer.frame["area_ha"].tolist() == [7.0]
    with pytest.raises(CRSError):
        PlanningMap("t").add_cultivation(raster.drop_vars("spatial_ref", errors="ignore"))


def test_saving_writes_the_page(tmp_path: Path) -> None:
    plan = PlanningMap("Ñandú", language="ar")
    path = plan.save(tmp_path / "map.html")
    assert path.read_text(encoding="utf-8") == plan.to_html()
    assert [p.name for p in tmp_path.iterdir()] == ["map.html"]


def test_folium_has_every_layer() -> None:
    plan = andes.full_map()
    built = plan.to_folium()
    groups = [child for child in built._children.values() if isinstance(child, folium.FeatureGroup)]
    assert len(groups) == len(plan.layers)
    assert "tile.openstreetmap" not in built.get_root().render()


def test_names_of_patterns_travel_only_with_maps_that_tell_them() -> None:
    with_them, without = (decode_block(page._catalogue_block(patterns=p))[0] for p in (True, False))
    place = with_them["keys"].index("code.new_hot")
    assert with_them["texts"]["en"][place] == "new hot"
    assert "code.new_hot" not in without["keys"]
    assert "code.hot_99" in without["keys"]
