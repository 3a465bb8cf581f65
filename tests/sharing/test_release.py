from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point

from geocn.errors import ProjectError, UnlabelledDataError
from geocn.sharing import Marking, ReleaseProfile, release


def seizures(marking: list[str | None], to: list[str | None]) -> gpd.GeoDataFrame:
    n = len(marking)
    frame = gpd.GeoDataFrame(
        {
            "drug": pd.Categorical([f"drug-{i}" for i in range(n)]),
            "weight_kg": np.arange(n, dtype=float),
            "marking": pd.array(marking, dtype="str"),
            "releasable_to": pd.array(to, dtype="str"),
        },
        geometry=[Point(i, i) for i in range(n)],
        crs=4326,
        index=pd.Index([f"row-{i}" for i in range(n)]),
    )
    frame.attrs["geocn"] = {"path": "/secret"}
    return frame


def profile(**changes: object) -> ReleaseProfile:
    given_ = {
        "partner": "ngo",
        "max_marking": "TLP:AMBER",
        "layers": {"seizures": ["drug", "geometry"]},
    }
    return ReleaseProfile.model_validate(given_ | changes)


def test_only_named_rows_and_columns_leave() -> None:
    frame = seizures(
        ["TLP:GREEN", "TLP:AMBER", "TLP:AMBER", "TLP:RED", "TLP:GREEN", "TLP:CLEAR"],
        [None, "military;NGO", None, "ngo", "military", "ngo"],
    )
    before = frame.copy()
    out = release({"seizures": frame, "routes": frame}, profile())
    kept = out.layers["seizures"]
    assert list(out.layers) == ["seizures"]
    assert list(kept.columns) == ["drug", "marking", "geometry"]
    assert list(kept["drug"]) == ["drug-0", "drug-1", "drug-5"]
    assert list(kept["drug"].cat.categories) == ["drug-0", "drug-1", "drug-5"]
    assert list(kept.index) == [0, 1, 2]
    assert kept.attrs == {}
    assert kept.crs == frame.crs
    report = out.report.set_index("layer")
    assert report.loc["seizures", ["n_in", "n_released"]].tolist() == [6, 3]
    assert report.loc["seizures", ["n_above_marking", "n_not_releasable"]].tolist() == [1, 2]
    assert report.loc["routes", "n_released"] == 0
    pd.testing.assert_frame_equal(frame, before)


def test_precision_travels_with_the_place() -> None:
    frame = seizures(["TLP:CLEAR"], [None]).assign(location_precision_m=9e4, date_precision="year")
    kept = release({"seizures": frame}, profile()).layers["seizures"]
    assert list(kept.columns) == ["drug", "marking", "geometry", "location_precision_m"]
    kept = release({"seizures": frame}, profile(layers={"seizures": ["drug"]})).layers["seizures"]
    assert list(kept.columns) == ["drug", "marking"]


def test_nothing_is_released_by_default() -> None:
    frame = seizures(["TLP:CLEAR"], ["ngo"])
    assert release({"seizures": frame}, profile(layers={})).layers == {}
    out = release({"seizures": frame}, profile(layers={"seizures": {}})).layers["seizures"]
    assert list(out.columns) == ["marking"]


@pytest.mark.parametrize("label", [None, "secret", ""])
def test_unlabelled_rows_are_refused_and_named(label: str | None) -> None:
    frame = seizures(["TLP:GREEN", label], [None, None])
    with pytest.raises(UnlabelledDataError, match=r"seizures \(1 rows: row-1\)"):
        release({"seizures": frame}, profile())
    with pytest.raises(UnlabelledDataError, match="2 rows"):
        release({"seizures": frame.drop(columns="marking")}, profile())


def test_an_empty_layer_keeps_its_columns() -> None:
    kept = release({"seizures": seizures([], [])}, profile()).layers["seizures"]
    assert list(kept.columns) == ["drug", "marking", "geometry"]
    assert len(kept) == 0


def test_rasters_need_a_name_and_a_marking() -> None:
    raster = xr.DataArray(np.ones((2, 2)), attrs={"marking": "TLP:GREEN", "path": "/secret"})
    named = profile(rasters=["friction"])
    assert release({"friction": raster}, profile()).layers == {}
    kept = release({"friction": raster}, named).layers["friction"]
    assert kept.attrs == {"marking": "TLP:GREEN"}
    assert release({"friction": raster.assign_attrs(marking="red")}, named).layers == {}
    with pytest.raises(UnlabelledDataError, match="raster friction"):
        release({"friction": xr.DataArray(np.ones((2, 2)))}, named)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([str(one) for one in Marking]),
        st.sampled_from([None, "", "ngo", "military", "NGO; military", "ngos"]),
    ),
    max_size=8,
)


@given(ROWS, st.sampled_from(list(Marking)))
def test_release_agrees_with_the_written_rule(
    rows: list[tuple[str, str | None]], top: Marking
) -> None:
    frame = seizures([row[0] for row in rows], [row[1] for row in rows])
    out = release({"seizures": frame}, profile(max_marking=str(top)))
    order = [str(one) for one in Marking]

    def allowed(label: str, to: str | None) -> bool:
        names = [name.strip().lower() for name in (to or "").split(";") if name.strip()]
        named = "ngo" in names if names else order.index(label) <= 1
        return order.index(label) <= order.index(str(top)) and named

    expected = [f"drug-{i}" for i, row in enumerate(rows) if allowed(*row)]
    assert list(out.layers["seizures"]["drug"]) == expected
    line = out.report.iloc[0]
    assert line["n_in"] == line["n_released"] + line["n_above_marking"] + line["n_not_releasable"]


def test_a_profile_file_names_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "ngo.toml"
    file.write_text(
        'partner = "ngo"\nmax_marking = "TLP:PINK"\n\n[layers.seizures]\ncolumn = ["drug"]\n',
        encoding="utf-8",
    )
    with pytest.raises(ProjectError) as caught:
        ReleaseProfile.read(file)
    assert "ngo.toml, line 2, key max_marking" in str(caught.value)
    assert "line 5, key layers.seizures.column" in str(caught.value)
    file.write_text('partner = "ngo"\nmax_marking = "green"\n[layers]\nroads = []\n', "utf-8")
    with pytest.raises(ProjectError, match="line 3, key layers: no such layer: roads"):
        ReleaseProfile.read(file)
