"""Siting, change and comparison from a project file to the map."""

from pathlib import Path

import geopandas as gpd
import pytest

from geocn import project as projects
from geocn.errors import ParameterError, ProjectError, RejectedRowsWarning
from tests.project.conftest import PROJECT
from tests.project.test_running import unpacked

COCA = "Código;Departamento;2023;2024\n01;West;100;150\n02;East;80;20\n"
KINDS = """
[[layers.cultivation]]
path = "coca.csv"
source = "Survey"
marking = "TLP:GREEN"
places = "areas"
crop = "coca"

[[analyses]]
kind = "coverage"
name = "coca reached"
demand = "cultivation"
weight = "area_ha"
minutes = 60
friction = "friction"
by_area = "areas"
separation_km = 30

[[analyses]]
kind = "siting"
name = "next sites"
demand = "coca reached"
of = "gaps"
candidates = "areas"
threshold_km = 60
p = 1
cell_km = 20

[[analyses]]
kind = "cultivation_change"
name = "change of coca"
before = 2023
after = 2024

[[analyses]]
kind = "compare_periods"
name = "seizures by year"
before = [2024-01-01, 2024-12-31]
after = [2025-01-01, 2025-12-31]
by_area = "areas"
"""


def with_kinds(project: Path, kinds: str = KINDS) -> Path:
    (project.parent / "coca.csv").write_text(COCA, "utf-8")
    head = PROJECT[: PROJECT.index("[[analyses]]")]
    project.write_text(head + kinds, "utf-8")
    return project


@pytest.mark.slow
def test_planning_kinds_end_in_layers_and_a_map(project: Path) -> None:
    with pytest.warns(RejectedRowsWarning, match="reach nothing"):
        result = projects.run(with_kinds(project), out=project.parent / "out")
    assert result.skipped == {}
    frames = {
        path.stem: gpd.read_parquet(path)
        for path in (result.folder / "joint/results").glob("*.parquet")
        if path.stem.split("_")[-1] not in {"partner", "kind", "duplication", "complementarity"}
    }
    sites = frames["next_sites"]
    assert sites["order"].tolist() == [1]
    gaps = frames["coca_reached_gaps"]
    served = sites["served_weight"].sum()
    assert 0 < served <= gaps["gap_weight"].sum() * (1 + 1e-9)
    change = frames["change_of_coca"].set_index("admin_code")
    assert change["net_ha"].to_dict() == {"01": 50.0, "02": -60.0}
    compared = frames["seizures_by_year"].set_index("code")
    # P1 in 2024; P2 and P3 in 2025 in the west, P4 in the east; the navy's lies in neither.
    assert compared["before"].to_dict() == {"01": 1.0, "02": 0.0}
    assert compared["after"].to_dict() == {"01": 2.0, "02": 1.0}
    page = (result.folder / "joint/map.html").read_bytes()
    kinds = b"".join(unpacked(page))
    assert b'"kind":"siting"' in kinds
    assert kinds.count(b'"kind":"change"') == 2


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("minutes = 60\n", "", "go together"),
        ("after = 2024", "after = 2022", "later year"),
        ("before = [2024-01-01, 2024-12-31]", "before = [2024-01-01, 2025-12-31]", "must end"),
        ('demand = "coca reached"', 'demand = "coca"', "coca"),
        ('by_area = "areas"\nseparation', 'by_area = "nowhere"\nseparation', "nowhere"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(
    project: Path, wrong: str, right: str, said: str
) -> None:
    assert wrong in KINDS
    with pytest.raises(ProjectError, match=said):
        projects.check(with_kinds(project, KINDS.replace(wrong, right)))


RASTER = """
[[analyses]]
kind = "coverage"
name = "cells reached"
demand = "friction"
capacity = "nearest"
by_area = "areas"

[[analyses]]
kind = "siting"
name = "more sites"
demand = "cells reached"
of = "gaps"
candidates = "areas"
threshold_km = 50
p = 1
"""


def test_demand_may_be_a_raster(project: Path) -> None:
    result = projects.run(with_kinds(project, RASTER), out=project.parent / "out")
    results = result.folder / "joint/results"
    gaps = gpd.read_parquet(results / "cells_reached.parquet")
    assert gaps["gap_weight"].is_monotonic_decreasing
    assert (results / "cells_reached_share_covered.tif").exists()
    shares = gpd.read_parquet(results / "cells_reached_by_area.parquet")["share_covered"]
    assert shares.between(0, 1).all()
    assert (shares > 0).any()
    assert len(gpd.read_parquet(results / "more_sites.parquet")) == 1


def test_gaps_of_what_is_no_coverage_are_refused(project: Path) -> None:
    wrong = RASTER.replace('demand = "cells reached"', 'demand = "seizures"')
    with pytest.raises(ParameterError, match="needs a coverage"):
        projects.run(with_kinds(project, wrong), out=project.parent / "out")
