"""A raster larger than memory, from a file to a file."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely

from geocn.corridors import _block_files, _blocks, cost_surface
from geocn.errors import CoordinateError, CRSError, ParameterError, RasterError, ReadError

UTM, LONLAT = "EPSG:32618", "EPSG:4326"


def rough(height, width, seed=3):
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 9, (height, width)).astype("float32")
    values[rng.random((height, width)) < 0.2] = np.nan
    values[3:6, 3:6] = 1
    values[-6:-3, -6:-3] = 2
    return values


def write(path, values, crs=UTM, transform=None):
    height, width = values.shape
    turn = transform or rasterio.Affine(100, 0, 5e5, 0, -100, 4e6)
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=1, dtype="float32",
        nodata=np.nan, crs=crs, transform=turn, tiled=True,
    ) as out:  # fmt: skip
        out.write(values, 1)
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 64 cells, so that a small raster has many."""
    monkeypatch.setattr(_blocks, "TILE", 64)
    monkeypatch.setattr(_block_files, "TILE", 64)
    monkeypatch.setattr(_blocks, "_BASE_MB", 0)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("crs", [UTM, LONLAT])
@pytest.mark.parametrize("neighbours", [8, 16])
def test_blocks_find_the_same_bits_as_memory(tmp_path, crs, neighbours):
    height, width = 150, 230
    turn = rasterio.Affine(360 / width, 0, -180, 0, -1, 75) if crs == LONLAT else None
    path = write(tmp_path / "f.tif", rough(height, width), crs, turn)
    sources, told = [(4, 4), (height - 4, width - 4), (4, 4)], []
    found = cost_surface(
        path, sources, neighbours=neighbours, to=tmp_path / "cost.tif", memory_budget_mb=0.2,
        progress=told.append,
    )  # fmt: skip
    whole = cost_surface(path, sources, neighbours=neighbours)
    np.testing.assert_array_equal(found["accumulated"], whole["accumulated"])
    owner = np.nan_to_num(found["allocation"].to_numpy(), nan=-1)
    np.testing.assert_array_equal(owner, whole["allocation"])
    one, other = (r.attrs["geocn"] for r in (found, whole))
    for name in (
        "n_cells_reached", "n_cells_unreached", "n_sources", "method", "duplicated_sources",
        "n_islands_unreached", "islands_unreached",
    ):  # fmt: skip
        assert one[name] == other[name]
    assert one["duplicated_sources"] == [2]
    assert any("blocks wait" in line for line in told)
    with rasterio.open(tmp_path / "cost.tif") as out:
        assert out.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert out.crs == rasterio.crs.CRS.from_string(crs)


@pytest.mark.usefixtures("small_blocks")
def test_max_cost_leaves_blocks_unvisited(tmp_path):
    path, told = write(tmp_path / "f.tif", rough(300, 300)), []
    found = cost_surface(
        path, [(4, 4)], max_cost=5000, to=tmp_path / "c.tif", memory_budget_mb=0.2,
        progress=told.append,
    )  # fmt: skip
    whole = cost_surface(path, [(4, 4)], max_cost=5000)
    np.testing.assert_array_equal(found["accumulated"], whole["accumulated"])
    assert sum(line.startswith("cost") for line in told) == 1


@pytest.mark.usefixtures("small_blocks")
def test_an_interrupted_run_leaves_what_was_there(tmp_path):
    path, to = write(tmp_path / "f.tif", rough(200, 200)), tmp_path / "c.tif"
    to.write_bytes(b"the previous version")

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cost_surface(path, [(4, 4)], to=to, memory_budget_mb=0.2, progress=stop)
    assert to.read_bytes() == b"the previous version"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.tif", "f.tif"]


def test_within_the_budget_the_same_file_is_written_from_memory(tmp_path):
    path = write(tmp_path / "f.tif", rough(40, 50))
    found = cost_surface(path, [(4, 4)], to=tmp_path / "c.tif")
    with rasterio.open(tmp_path / "c.tif") as out:
        np.testing.assert_array_equal(out.read(1), found["accumulated"])
        assert (np.isnan(out.read(2)) == (found["allocation"] == -1)).all()


@pytest.mark.usefixtures("small_blocks")
def test_refusals(tmp_path):
    values = rough(120, 120)
    to, small = tmp_path / "c.tif", {"memory_budget_mb": 0.2}
    path = write(tmp_path / "f.tif", values)
    values[3, 3] = np.nan
    blocked = write(tmp_path / "blocked.tif", values)
    values[60, 60] = 0
    zero = write(tmp_path / "zero.tif", values)
    with pytest.raises(CoordinateError, match="barrier"):
        cost_surface(blocked, [(3, 3)], to=to, **small)
    with pytest.raises(CoordinateError, match="outside"):
        cost_surface(path, [(300, 3)], to=to, **small)
    with pytest.raises(RasterError, match="zero or negative"):
        cost_surface(zero, [(4, 4)], to=to, **small)
    with pytest.raises(CRSError):
        cost_surface(write(tmp_path / "bare.tif", values, crs=None), [(4, 4)], to=to, **small)
    turned = rasterio.Affine.rotation(20) @ rasterio.Affine(100, 0, 5e5, 0, -100, 4e6)
    with pytest.raises(RasterError, match="rotated"):
        cost_surface(write(tmp_path / "r.tif", values, UTM, turned), [(4, 4)], to=to, **small)
    (tmp_path / "text.tif").write_text("id,x,y\n1,2,3\n")
    with pytest.raises(ReadError):
        cost_surface(tmp_path / "text.tif", [(4, 4)], to=to, **small)
    with pytest.raises(ParameterError, match="budget"):
        cost_surface(path, [(4, 4)], to=to, memory_budget_mb=0)
    assert not to.exists()


@pytest.mark.usefixtures("small_blocks")
def test_an_area_as_source(tmp_path):
    import geopandas as gpd

    values = rough(150, 150)
    values[:] = np.where(np.isnan(values), 5, values)
    path = write(tmp_path / "f.tif", values)
    area = gpd.GeoDataFrame(geometry=[shapely.box(505e3, 3994e3, 507.9e3, 3996.5e3)], crs=UTM)
    found = cost_surface(path, area, to=tmp_path / "c.tif", memory_budget_mb=0.2)
    whole = cost_surface(path, area)
    np.testing.assert_array_equal(found["accumulated"], whole["accumulated"])


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("crs", [UTM, LONLAT])
def test_islands_over_the_edges_of_blocks_are_named_once(tmp_path, crs):
    values = np.ones((150, 240), "float32")
    # A wall all around the middle: its inside is one island that spans blocks, and a
    # strip beyond a second wall lies around the antimeridian.
    values[[20, 130], 40:201] = np.nan
    values[20:131, [40, 200]] = np.nan
    values[140] = np.nan
    turn = rasterio.Affine(1.5, 0, -180, 0, -1, 75) if crs == LONLAT else None
    path = write(tmp_path / "f.tif", values, crs, turn)
    by_blocks = cost_surface(path, [(0, 0)], to=tmp_path / "c.tif", memory_budget_mb=0.2)
    for found in (by_blocks, cost_surface(path, [(0, 0)])):
        facts = found.attrs["geocn"]
        assert facts["n_islands_unreached"] == 2
        named = facts["islands_unreached"]
        assert [island["n_cells"] for island in named] == [109 * 159, 9 * 240]
        where = rasterio.Affine(100, 0, 5e5, 0, -100, 4e6) if turn is None else turn
        assert (named[0]["x"], named[0]["y"]) == pytest.approx(where @ (41.5, 21.5))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("crs", [UTM, LONLAT])
@pytest.mark.parametrize("slope", ["tobler", [(-1, 3.0), (0, 1.0), (1, 2.0)]])
def test_blocks_climb_as_memory_does(tmp_path, crs, slope):
    height, width = 150, 230
    turn = rasterio.Affine(360 / width, 0, -180, 0, -1, 75) if crs == LONLAT else None
    path = write(tmp_path / "f.tif", rough(height, width), crs, turn)
    hills = 300 * np.random.default_rng(8).random((height, width)).astype("float32")
    hills[70:74, 20:200] = np.nan
    top = write(tmp_path / "h.tif", hills, crs, turn)
    found = cost_surface(
        path, [(4, 4), (height - 4, width - 4)], elevation=top, slope=slope,
        to=tmp_path / "cost.tif", memory_budget_mb=0.3,
    )  # fmt: skip
    whole = cost_surface(path, [(4, 4), (height - 4, width - 4)], elevation=top, slope=slope)
    np.testing.assert_array_equal(found["accumulated"], whole["accumulated"])
    assert not np.isfinite(whole["accumulated"].to_numpy()[70:74, 20:200]).any()
    owner = np.nan_to_num(found["allocation"].to_numpy(), nan=-1)
    np.testing.assert_array_equal(owner, whole["allocation"])
    level = cost_surface(path, [(4, 4), (height - 4, width - 4)])
    assert (whole["accumulated"] != level["accumulated"]).any()


@pytest.mark.usefixtures("small_blocks")
def test_heights_of_other_cells_are_refused(tmp_path):
    path = write(tmp_path / "f.tif", rough(150, 150))
    other = write(tmp_path / "h.tif", rough(150, 140))
    with pytest.raises(RasterError, match="elevation"):
        cost_surface(path, [(4, 4)], elevation=other, to=tmp_path / "c.tif", memory_budget_mb=0.3)
    assert not (tmp_path / "c.tif").exists()
