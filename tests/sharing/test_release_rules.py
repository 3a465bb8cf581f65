"""A profile's rules, applied to whole layers: what is left, and the account of it."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn.errors import ParameterError, ProjectError, ReleaseError, ReleaseWarning
from geocn.sharing import ReleaseProfile, release
from geocn.spatial.geodesy import distance_m

SECRET = b"sixteen bytes or more"
SEIZURES = gpd.GeoDataFrame(
    {
        "drug": list("abcdef"),
        "weight_kg": [1.2, 7.7, 3.0, 4.0, 5.0, 60.0],
        "seized_at": pd.to_datetime(
            ["2025-01-10", "2025-02-11", "2025-03-12", "2025-12-13", None, "2025-04-14"], utc=True
        ),
        "location_precision_m": [5.0, None, 5.0, 5.0, 5.0, 90_000.0],
        "marking": "TLP:CLEAR",
    },
    geometry=gpd.points_from_xy(
        [-77.11, -77.12, -77.13, -77.11, -70.0, -60.0], [1.11, 1.12, 1.13, 1.11, 3.0, 3.0]
    ),
    crs=4326,
    index=list("uvwxyz"),
)
SITES = gpd.GeoDataFrame(
    {
        "kind": ["treatment", "Harm reduction", "patrol", "patrol"],
        "marking": ["TLP:RED", "TLP:CLEAR", "TLP:CLEAR", "TLP:CLEAR"],
    },
    geometry=gpd.points_from_xy([-77.0, -76.0, -77.005, -75.0], [1.0, 2.0, 1.0, 3.0]),
    crs=4326,
)
AREAS = gpd.GeoDataFrame({"code": ["W"]}, geometry=[shapely.box(-78, 0, -77, 2)], crs=4326)


def profile(**keys: object) -> ReleaseProfile:
    given = {"partner": "all", "max_marking": "TLP:CLEAR"} | keys
    return ReleaseProfile.model_validate(given)


def seizures(**rule: object) -> dict[str, object]:
    columns = ["drug", "weight_kg", "seized_at", "geometry"]
    return {"seizures": {"columns": columns} | rule}


def touched(out: object, rule: str) -> dict[str, int]:
    lines = out.rules[out.rules["rule"] == rule]
    return lines[["rows", "cells", "columns"]].iloc[0].to_dict()


def test_every_rule_is_counted() -> None:
    before = SEIZURES.copy(deep=True)
    rules = seizures(grid_km=25, time="month", round_to={"weight_kg": 5}, min_age_days=90)
    out = release({"seizures": SEIZURES}, profile(layers=rules, min_count=3), as_of="2025-12-31")
    kept = out.layers["seizures"]
    assert kept["drug"].tolist() == ["a", "b", "c"]
    assert kept["weight_kg"].tolist() == [0.0, 10.0, 5.0]
    assert kept["seized_at"].dt.day.tolist() == [1, 1, 1]
    assert set(kept["date_precision"]) == {"month"}
    assert len(set(kept.geometry)) == 1
    assert (kept["location_precision_m"] > 10_000).all()
    assert touched(out, "min_age_days")["rows"] == 2
    assert touched(out, "grid_km") == {"rows": 4, "cells": 2, "columns": 1}
    assert touched(out, "time")["rows"] == 4
    assert touched(out, "round_to") == {"rows": 3, "cells": 0, "columns": 1}
    assert touched(out, "min_count") == {"rows": 1, "cells": 1, "columns": 0}
    assert out.report.iloc[0]["n_held_by_rules"] == 3
    pd.testing.assert_frame_equal(SEIZURES, before)


def test_points_move_by_the_secret_only() -> None:
    rules = profile(layers=seizures(donut_m=[500, 2000]))
    kept = release({"seizures": SEIZURES}, rules, secret=SECRET).layers["seizures"]
    moved = distance_m(SEIZURES.geometry.x, SEIZURES.geometry.y, kept.geometry.x, kept.geometry.y)
    assert ((moved >= 500) & (moved <= 2000)).all()
    assert kept["location_precision_m"].tolist() == [2000.0] * 5 + [90_000.0]
    # Two seizures at one place move together.
    assert kept.geometry.iloc[0] == kept.geometry.iloc[3]
    with pytest.raises(ReleaseError, match="GEOCN_RELEASE_SECRET_FILE"):
        release({"seizures": SEIZURES}, rules)


def test_areas_stand_for_places() -> None:
    rules = profile(layers=seizures(admin="areas", admin_as="code"))
    kept = release({"seizures": SEIZURES}, rules, places={"areas": AREAS}).layers["seizures"]
    assert kept["admin_code"].fillna("-").tolist() == ["W"] * 4 + ["-", "-"]
    assert kept.geometry.isna().all()
    with pytest.raises(ParameterError, match=r"layers\.seizures\.admin: .*no places called"):
        release({"seizures": SEIZURES}, rules)


def test_sites_of_care_are_never_exact_unless_said() -> None:
    rules: dict[str, object] = {"layers": {"interventions": ["kind", "geometry"]}}
    open_ = SITES.assign(marking="TLP:CLEAR")
    kept = release({"interventions": open_}, profile(**rules)).layers["interventions"]
    same = [a.equals(b) for a, b in zip(kept.geometry, open_.geometry, strict=True)]
    assert same == [False, False, True, True]
    assert kept["kind"].tolist() == open_["kind"].tolist()
    assert (kept["location_precision_m"].iloc[:2] > 5000).all()
    exact = profile(**rules, exact_sites=["treatment"])
    kept = release({"interventions": open_}, exact).layers["interventions"]
    same = [a.equals(b) for a, b in zip(kept.geometry, open_.geometry, strict=True)]
    assert same == [True, False, True, True]


@pytest.mark.parametrize("action", ["drop", "generalise"])
def test_what_stands_near_a_protected_place_is_protected_too(action: str) -> None:
    rules = profile(
        layers={"interventions": ["kind", "geometry"]},
        protected=[{"kinds": ["treatment"], "protect_m": 1000, "action": action}],
    )
    # The clinic itself is withheld; the patrol beside it would still point at it.
    out = release({"interventions": SITES}, rules).layers["interventions"]
    near = SITES.geometry.iloc[2]
    assert not out.geometry.geom_equals(near).any()
    assert len(out) == (2 if action == "drop" else 3)
    assert out.geometry.geom_equals(SITES.geometry.iloc[3]).any()


def test_a_place_layer_can_be_protected() -> None:
    schools = gpd.GeoDataFrame({"code": ["s"]}, geometry=[shapely.Point(-77.11, 1.111)], crs=4326)
    rules = profile(
        layers=seizures(), protected=[{"places": "schools", "protect_m": 300, "action": "drop"}]
    )
    out = release({"seizures": SEIZURES}, rules, places={"schools": schools})
    assert out.layers["seizures"]["drug"].tolist() == ["b", "c", "e", "f"]


def test_differences_from_an_earlier_release_are_no_small_counts() -> None:
    rules = profile(layers=seizures(grid_km=25), min_count=3)
    first = release({"seizures": SEIZURES.iloc[:3]}, rules).layers
    assert len(first["seizures"]) == 3
    with pytest.warns(ReleaseWarning, match="min_count, differencing"):
        out = release({"seizures": SEIZURES}, rules, earlier=[first])
    # Four now, three then: the fourth would be told by subtracting.
    assert len(out.layers["seizures"]) == 0
    assert touched(out, "differencing") == {"rows": 4, "cells": 1, "columns": 0}


def test_a_release_that_leaves_nothing_says_so() -> None:
    rules = profile(layers=seizures(min_age_days=9999))
    with pytest.warns(ReleaseWarning, match="nothing is left of seizures: all 6 rows .* min_age"):
        out = release({"seizures": SEIZURES}, rules, as_of="2025-12-31")
    assert list(out.layers["seizures"].columns)[:2] == ["drug", "weight_kg"]
    assert len(out.notes) == 1


def test_what_a_rule_lacks_is_said() -> None:
    with pytest.raises(ReleaseError, match="expired on 2025-01-01, before the cut-off 2025-12-31"):
        release({}, profile(expires_on="2025-01-01"), as_of="2025-12-31")
    with pytest.raises(ReleaseError, match="expires_on needs a cut-off"):
        release({}, profile(expires_on="2025-01-01"))
    release({}, profile(expires_on="2025-12-31"), as_of="2025-12-31")
    with pytest.raises(ReleaseError, match=r"min_age_days needs a cut-off"):
        release({"seizures": SEIZURES}, profile(layers=seizures(min_age_days=1)))
    wrong = {"seizures": {"columns": ["drug", "colour"]}, "routes": {"columns": ["nothing"]}}
    with pytest.raises(ParameterError) as caught:
        release({"seizures": SEIZURES, "routes": SEIZURES}, profile(layers=wrong))
    assert "'colour'" in str(caught.value)
    assert "'nothing'" in str(caught.value)


def test_empty_layers_keep_their_columns_under_every_rule() -> None:
    for rule in ({"grid_km": 5}, {"admin": "areas"}, {"simplify_m": 5}, {"donut_m": [1, 2]}):
        whole = rule | {"time": "year", "min_age_days": 3, "round_to": {"weight_kg": 5}}
        rules = profile(layers=seizures(**whole), min_count=3)
        options = {"places": {"areas": AREAS}, "as_of": "2025-12-31", "secret": SECRET}
        with_rows = SEIZURES.iloc[:0]
        out = release({"seizures": with_rows}, rules, **options).layers["seizures"]
        assert len(out) == 0
        assert {"drug", "weight_kg", "seized_at", "geometry"} <= set(out.columns)
        assert "location_precision_m" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[layers]\n", "the profile allows nothing"),
        ("[layers]\nseizures = []\n", "line 4, key layers.seizures: allows no column"),
        ("[layers]\nroutes = ['mode']\n", "line 4, key layers.routes: the project has no layers"),
        ("rasters = ['dem']\n", r"line 3, key rasters\[0\]: the project has no rasters"),
        ("[layers.seizures]\ncolumns = ['x']\n", r"line 4, key layers.seizures.columns\[0\]"),
        (
            "[layers.seizures]\ncolumns = ['geometry']\ndonut_m = [900, 10]\n",
            "line 3, key layers.seizures: donut_m",
        ),
        (
            "[layers.seizures]\ncolumns = ['geometry']\ngrid_km = -1\n",
            "line 5, key layers.seizures.grid_km",
        ),
        ("min_count = 1\n", "line 3, key min_count"),
        ("derived = [{ analysis = 'x', approver = ' ', reason = 'y' }]\n", "key derived"),
    ],
)
def test_a_bad_profile_names_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "p.toml"
    file.write_text(f'partner = "a"\nmax_marking = "green"\n{text}', encoding="utf-8")
    known = {"layers": ["seizures"], "rasters": [], "places": [], "analyses": []}
    with pytest.raises(ProjectError, match=said) as caught:
        ReleaseProfile.read(file, known=known, layers={"seizures": SEIZURES})
    assert "p.toml" in str(caught.value)


def test_nothing_random_is_left_to_chance() -> None:
    rules = profile(layers=seizures(donut_m=[500, 2000]))
    one, other = (release({"seizures": SEIZURES}, rules, secret=SECRET) for _ in range(2))
    pd.testing.assert_frame_equal(one.layers["seizures"], other.layers["seizures"])
    assert np.isfinite(one.layers["seizures"].geometry.x).all()
