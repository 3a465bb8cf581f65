from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from geocn.corridors import cost_surface
from geocn.coverage import TravelRules, reach
from geocn.errors import ParameterError, RasterError, RejectedRowsWarning, SchemaError, UnitError
from tests.oracles_corridors import dijkstra, raster


def sites(*xy, crs="EPSG:32618", **columns):
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(p) for p in xy], crs=crs)


def degrees(values, west, south, cell):
    """A raster in longitude and latitude."""
    height, width = np.shape(values)
    y = south + cell * (np.arange(height)[::-1] + 0.5)
    x = west + cell * (np.arange(width) + 0.5)
    array = xr.DataArray(np.asarray(values, dtype=float), {"y": y, "x": x}, ("y", "x"))
    return array.rio.write_crs("EPSG:4326")


def cells_in(area, ground):
    """Cells whose centres lie in an area in EPSG:4326."""
    x, y = (g.ravel() for g in np.meshgrid(ground.x, ground.y))
    centres = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=ground.rio.crs).to_crs("EPSG:4326")
    inside = shapely.intersects_xy(area, centres.x.to_numpy(), centres.y.to_numpy())
    return inside.reshape(ground.shape)


def terrain(height, width, seed=0, barriers=0.1):
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0, 1, (height, width)))
    values[rng.random((height, width)) < barriers] = np.inf
    return values


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([8, 16]), st.floats(1, 40), st.booleans())
def test_what_is_reached_is_the_cost_surface_within_the_limit(seed, neighbours, limit, far):
    height, width = (130, 120) if far else (17, 23)
    ground = raster(terrain(height, width, seed), cell=10.0)
    rng = np.random.default_rng(seed)
    at = rng.integers(0, (height, width))
    ground[at[0], at[1]] = 1.0
    minutes = limit * (60.0 if far else 5.0)
    here = sites((float(ground.x[at[1]]), float(ground.y[at[0]])))
    found = reach(here, minutes=minutes, friction=ground, travel=TravelRules(neighbours=neighbours))
    cost = cost_surface(ground, here, neighbours=neighbours)["accumulated"].to_numpy()
    area = found.geometry.iloc[0]
    assert area.is_valid
    assert (cells_in(area, ground) == (cost <= minutes)).all()
    km2 = (cost <= minutes).sum() * 1e-4
    assert found.to_crs(ground.rio.crs).area.iloc[0] / 1e6 == pytest.approx(km2, rel=1e-6)


def test_the_last_cell_at_the_limit_is_reached_and_none_beyond_it():
    ground = raster(np.ones((61, 61)), cell=1.0)
    cost = cost_surface(ground, [(30, 30)])["accumulated"].to_numpy()
    limit = float(np.sort(cost.ravel())[500])
    middle = sites((float(ground.x[30]), float(ground.y[30])))
    for minutes in (limit, np.nextafter(limit, 0)):
        found = reach(middle, minutes=minutes, friction=ground).geometry.iloc[0]
        assert (cells_in(found, ground) == (cost <= minutes)).all()


def test_a_slow_oracle_agrees_in_degrees_where_cells_shrink():
    values = terrain(12, 15, seed=3)
    values[6, 7] = 1.0
    ground = degrees(values, 10, 55, 0.5)
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    top = 55 + 0.5 * 11.5

    def lengths(row, drow, dcolumn):
        lat = top - 0.5 * row
        return geod.inv(0, lat, 0.5 * dcolumn, lat - 0.5 * drow)[2]

    cost = dijkstra(values, lengths, [(6, 7)])
    limit = np.median(cost[np.isfinite(cost)]) * (1 + 1e-9)
    found = reach(
        sites((10 + 0.5 * 7.5, top - 3.0), crs=4326), minutes=limit, friction=ground
    ).geometry.iloc[0]
    assert (cells_in(found, ground) == (cost <= limit)).all()
    corners = shapely.get_coordinates(found) * 2
    assert (corners == np.round(corners)).all()


def test_across_the_antimeridian_where_the_raster_goes_round():
    ground = degrees(np.full((40, 360), 0.001), -180, -20, 1.0)
    found = reach(sites((179.6, 0.4), (-179.6, 0.4), crs=4326), minutes=400, friction=ground)
    for area, at in zip(found.geometry, (359, 0), strict=True):
        cost = cost_surface(ground, [(19, at)])["accumulated"].to_numpy()
        assert area.bounds[::2] == (-180, 180)
        assert (cells_in(area, ground) == (cost <= 400)).all()
    assert found["reach_area_km2"].iloc[0] == pytest.approx(found["reach_area_km2"].iloc[1])


def test_a_reach_that_goes_right_round_the_globe():
    ground = degrees(np.full((20, 90), 1e-6), -180, -40, 4.0)
    found = reach(sites((0, 0), crs=4326), minutes=1e4, friction=ground)
    assert found["reach_area_km2"].iloc[0] > 3e8
    assert cells_in(found.geometry.iloc[0], ground).all()


def test_a_raster_from_0_to_360():
    ground = degrees(np.full((20, 40), 0.001), 160, -10, 1.0)
    found = reach(sites((-179.5, 0.5), crs=4326), minutes=300, friction=ground)
    assert found.geometry.iloc[0].bounds[::2] == (-180, 180)


def test_parts_beyond_a_bridge_of_corners_and_holes_are_kept():
    values = np.full((9, 9), np.inf)
    values[1:4, 1:4] = values[4:7, 4:7] = 1.0
    values[2, 1] = np.inf
    ground = raster(values)
    found = reach(sites((500002.5, 4000006.5)), minutes=50, friction=ground).geometry.iloc[0]
    assert found.is_valid
    assert found.geom_type == "MultiPolygon"
    assert cells_in(found, ground).sum() == 17


def test_many_sites_each_with_its_own_limit_and_coincident_ones():
    ground = raster(terrain(80, 90, seed=5, barriers=0), cell=100.0)
    rng = np.random.default_rng(1)
    xy = np.column_stack([5e5 + rng.uniform(0, 9e3, 30), 4e6 + rng.uniform(0, 8e3, 30)])
    xy[7] = xy[3]
    minutes = rng.uniform(300, 3000, 30)
    frame = sites(*xy, reach_minutes=minutes)
    found = reach(frame, friction=ground)
    for i in range(30):
        cost = cost_surface(ground, frame.iloc[[i]])["accumulated"].to_numpy()
        assert (cells_in(found.geometry.iloc[i], ground) == (cost <= minutes[i])).all()
    assert found["limit_basis"].eq("reported").all()
    assert found["reach_basis"].eq("travel time").all()


def test_lines_and_areas_start_from_every_cell_they_touch():
    ground = raster(np.ones((50, 50)))
    line = shapely.LineString([(500005.5, 4000025.5), (500040.5, 4000025.5)])
    block = shapely.box(500010.2, 4000010.2, 500019.8, 4000019.8)
    frame = gpd.GeoDataFrame(geometry=[line, block], crs=32618)
    found = reach(frame, minutes=5, friction=ground)
    for i in range(2):
        cost = cost_surface(ground, frame.iloc[[i]])["accumulated"].to_numpy()
        assert (cells_in(found.geometry.iloc[i], ground) == (cost <= 5)).all()


def test_sites_in_the_sea_and_off_the_raster_are_named_or_snapped():
    values = np.ones((40, 40))
    values[:, :10] = np.nan
    ground = raster(values, cell=100.0)
    places = [(500950, 4002050), (500250, 4002050), (499000, 4002050), (502050, 4002050)]
    frame = sites(*places)
    frame.index = list("abcd")
    with pytest.warns(RejectedRowsWarning, match=r"3 rows: a, b, c.*2 on a barrier.*1 outside"):
        found = reach(frame, minutes=600, friction=ground)
    assert found["reach_note"].tolist()[:3] == [
        *["on a barrier or no data"] * 2,
        "outside the raster",
    ]
    assert found.geometry.isna().tolist() == [True, True, True, False]
    assert found["reach_basis"].tolist() == ["none"] * 3 + ["travel time"]
    assert found.attrs["geocn"]["unreached"] == list("abc")
    assert found.attrs["geocn"]["n_presence_only"] == 0
    with pytest.warns(RejectedRowsWarning, match="2 rows: b, c"):
        near = reach(frame, minutes=600, friction=ground, travel=TravelRules(snap_m=150))
    assert near["snapped_m"].iloc[0] == pytest.approx(100, rel=2e-3)
    assert near["snapped_m"].iloc[3] == 0
    all_ = reach(frame, minutes=600, friction=ground, travel=TravelRules(snap_m=3000))
    assert all_["snapped_m"].round(-1).tolist() == [100, 800, 2050, 0]
    assert all_.geometry.notna().all()


def test_no_place_is_null_and_not_warned_about():
    frame = gpd.GeoDataFrame(geometry=[None, shapely.Point()], crs=32618)
    found = reach(frame, minutes=5, friction=raster(np.ones((5, 5))))
    assert found.geometry.isna().all()
    assert found.attrs["geocn"]["n_left_out"] == 2


def test_which_limit_counts():
    frame = sites(
        *[(500020.5, 4000020.5)] * 5,
        reach_km=[0.01, 0.01, None, None, 0.0],
        reach_minutes=[4.0, None, 0.0, None, None],
        kind=list("aaabb"),
    )
    ground = raster(np.ones((41, 41)))
    found = reach(frame, distance_km=0.02, minutes={"a": 9.0}, friction=ground)
    assert found["reach_basis"].tolist() == [
        "travel time", "reported", "travel time", "assumed", "assumed",
    ]  # fmt: skip
    assert found["limit_basis"].tolist() == ["reported"] * 2 + ["assumed"] * 3
    assert found["reach_minutes"].fillna(-1).tolist() == [4, -1, 9, -1, -1]
    assert found["reach_km"].fillna(-1).tolist() == [-1, 0.01, -1, 0.02, 0.02]
    straight = reach(frame)
    assert straight["reach_basis"].tolist() == ["reported"] * 2 + ["none"] * 3
    assert straight["reach_minutes"].fillna(-1).tolist() == [4, -1, 0, -1, -1]
    assert straight.attrs["geocn"]["n_minutes_unused"] == 1


@pytest.mark.parametrize(
    ("units", "factor"),
    [
        ("minutes per metre", 1),
        ("min/m", 1),
        ("min m-1", 1),
        ("seconds per metre", 60),
        ("h/km", 1000 / 60),
        ("Hours per kilometre", 1000 / 60),
        (None, 1),
    ],
)
def test_units_are_read(units, factor):
    ground = raster(np.full((41, 41), factor, dtype=float))
    if units:
        ground.attrs["units"] = units
    found = reach(sites((500020.5, 4000020.5)), minutes=8, friction=ground)
    plain = reach(sites((500020.5, 4000020.5)), minutes=8, friction=raster(np.ones((41, 41))))
    assert found["reach_area_km2"].iloc[0] == pytest.approx(plain["reach_area_km2"].iloc[0])
    stated = found.attrs["geocn"]["friction"]["units"]
    assert stated == (units or "minutes per metre (not stated)")


def test_friction_as_corridors_gives_it():
    ground = raster(np.ones((41, 41)))
    ground.attrs["units"] = "minutes per metre"
    both = xr.Dataset({"friction": ground, "mode": ground * 0})
    one = reach(sites((500020.5, 4000020.5)), minutes=8, friction=both)
    assert one.geometry.iloc[0].equals(
        reach(sites((500020.5, 4000020.5)), minutes=8, friction=ground).geometry.iloc[0]
    )


def test_slope_counts_in_the_direction_of_travel():
    ground = raster(np.full((1, 81), 0.012), cell=100.0)
    height = ground.copy(data=np.linspace(0, 1600, 81)[None])
    here = sites((504050, 4000050))
    out = reach(here, minutes=30, friction=ground, travel=TravelRules(elevation=height))
    back = reach(
        here, minutes=30, friction=ground, travel=TravelRules(elevation=height, towards=True)
    )
    cost = cost_surface(ground, here, elevation=height)["accumulated"].to_numpy()
    assert (cells_in(out.geometry.iloc[0], ground) == (cost <= 30)).all()
    other = cells_in(back.geometry.iloc[0], ground)
    assert (other[:, ::-1] == (cost <= 30)).all()
    assert (other != (cost <= 30)).any()


def test_the_band_of_an_imprecise_site_holds_for_every_place_it_may_stand():
    values = terrain(60, 60, seed=2, barriers=0) + 1
    ground = raster(values, cell=100.0)
    frame = sites((503050, 4003050), reach_minutes=[2500.0], location_precision_m=[350.0])
    found = reach(frame, friction=ground, uncertain=True)
    certain, possible = (
        cells_in(found[f"reach_{n}"].iloc[0], ground) for n in ("certain", "possible")
    )
    rng = np.random.default_rng(4)
    for angle, share in rng.uniform((0, 0), (2 * np.pi, 1), (40, 2)):
        away = 349 * np.sqrt(share)
        moved = sites((503050 + away * np.cos(angle), 4003050 + away * np.sin(angle)))
        here = cells_in(reach(moved, minutes=2500, friction=ground).geometry.iloc[0], ground)
        assert (here | ~certain).all()
        assert (possible | ~here).all()
    nominal = cells_in(found.geometry.iloc[0], ground)
    assert 0 < certain.sum() < nominal.sum() < possible.sum()
    assert found["certain_area_km2"].iloc[0] < found["reach_area_km2"].iloc[0]
    assert found["location_precision_m"].tolist() == [350.0]


def test_a_precise_site_has_no_band_and_a_very_imprecise_one_nothing_for_sure():
    ground = raster(np.ones((60, 60)))
    at = (500030.5, 4000030.5)
    frame = sites(at, at, location_precision_m=[None, 20.0], reach_minutes=[9.0, 9.0])
    found = reach(frame, friction=ground, uncertain=True)
    assert found["reach_certain"].iloc[0].equals(found.geometry.iloc[0])
    assert found["reach_possible"].iloc[0].equals(found.geometry.iloc[0])
    assert found["reach_certain"].isna().tolist() == [False, True]


GROUND = raster(np.ones((5, 5)))
HERE = sites((500002.5, 4000002.5))


@pytest.mark.parametrize(
    ("frame", "options", "error", "word"),
    [
        (HERE, {"minutes": 5}, ParameterError, "friction"),
        (HERE, {"minutes": -1, "friction": GROUND}, ParameterError, "minutes is -1"),
        (HERE, {"minutes": np.inf, "friction": GROUND}, ParameterError, "minutes"),
        (HERE, {"minutes": 5, "friction": GROUND * 0}, RasterError, "zero or negative"),
        (HERE, {"minutes": 5, "friction": -GROUND}, RasterError, "zero or negative"),
        (
            HERE,
            {"minutes": 5, "friction": GROUND.to_dataset(name="pace")},
            RasterError,
            "Dataset of pace",
        ),
        (HERE, {"minutes": 5, "friction": GROUND.assign_attrs(units="m")}, UnitError, "units 'm'"),
        (
            HERE,
            {"minutes": 5, "friction": GROUND.assign_attrs(units="metres of level walking")},
            UnitError,
            "level walking",
        ),
        (
            HERE.assign(reach_minutes=[-3.0], reach_km=[np.inf], capacity=[-1]),
            {"friction": GROUND},
            SchemaError,
            "reach_km such as inf; reach_minutes such as -3.0; capacity such as -1",
        ),
        (HERE.assign(location_precision_m=["far"]), {}, SchemaError, "location_precision_m"),
    ],
)
def test_refusals(frame, options, error, word):
    with pytest.raises(error, match=word):
        reach(frame, **options)


def test_rules_out_of_range_are_all_named():
    with pytest.raises(ParameterError, match=r"neighbours.*shape.*snap_m.*access_kmh"):
        TravelRules(neighbours=4, shape="x", snap_m=-1, access_kmh=0)


def test_all_barriers_reach_nothing():
    with pytest.warns(RejectedRowsWarning, match="barrier"):
        found = reach(HERE, minutes=5, friction=GROUND * np.inf, travel=TravelRules(snap_m=50))
    assert found.geometry.isna().all()
