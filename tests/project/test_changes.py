import json
import shutil
from hashlib import sha256
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geocn import project as projects
from geocn.errors import ProjectError
from geocn.project.changes import Changes, compared, find_changes, pair_of
from geocn.project.changes_days import Silence, days_by_source, restricted, silences_of
from geocn.project.changes_output import ChangeJob
from geocn.project.changes_release import clear_changes, clear_totals
from geocn.project.file import ProjectFile
from geocn.project.looks import look_of
from geocn.project.period import Period
from geocn.project.planning import planning_map
from geocn.project.results import Result, Results, World
from geocn.sharing import ReleaseProfile
from geocn.sharing.marking import Marking
from tests.project.changing import write_moving

PAIR = (Period.parse("2025-02"), Period.parse("2025-03"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The project and the folders of its runs of February and March; not to be changed."""
    home = tmp_path_factory.mktemp("moving")
    file = write_moving(home / "project")
    found = {
        period: projects.run(file, out=home / "out", period=period).folder
        for period in ("2025-02", "2025-03")
    }
    return {"project": file, **found}


def world_of(file: Path) -> tuple[ProjectFile, World]:
    from geocn.project.joining import Joiner
    from geocn.project.reading import hash_inputs, read_all

    source = ProjectFile.read(file)
    data = read_all(
        source,
        hash_inputs(source),
        as_of=source.project.as_of,
        rejects=None,
        progress=lambda _step: None,
    )
    return source, World(Joiner(source, data).of(None).layers, data.rasters, data.places)


def found_in(file: Path, pair: tuple[Period, Period] = PAIR) -> Changes:
    source, world = world_of(file)
    return find_changes(
        compared(source.project),
        (world, world),
        pair=pair,
        results=Results(),
        silences=silences_of(source.project),
        progress=lambda _step: None,
    )


def test_a_run_tells_what_rose_and_what_fell(runs: dict[str, Path]) -> None:
    frame = gpd.read_parquet(runs["2025-03"] / "joint/changes/cells.parquet")
    changed = frame[frame["change_class"].isin(["more", "less", "new", "gone"])]
    rose = changed["ratio"] > 1
    assert rose.tolist().count(True) == rose.tolist().count(False) == 1
    shapes = changed.geometry.buffer(10_000).to_crs(4326)
    assert shapes[rose].iloc[0].covers(shapely.Point(-78, 0))
    assert shapes[~rose].iloc[0].covers(shapely.Point(-77, 1))
    result = gpd.read_parquet(runs["2025-03"] / "joint/results/cells.parquet")
    joined = frame.merge(pd.DataFrame(result[["cell_id", "n_events"]]), on="cell_id")
    assert (joined["n_after"] == joined["n_events"]).all()
    assert frame["n_after"].sum() == result["n_events"].sum()
    assert frame["words"].str.len().min() > 10


def test_bytes_depend_on_the_inputs_alone(runs: dict[str, Path], tmp_path: Path) -> None:
    """A run after others, and one in an empty folder elsewhere, write the same."""
    copy = shutil.copytree(runs["project"].parent, tmp_path / "copy")
    again = projects.run(copy, out=tmp_path / "out", period="2025-03").folder
    for part in ("joint/changes", "releases/ngo/changes"):
        names = sorted(path.name for path in (again / part).iterdir())
        assert names == ["brief.html", "brief.md", "cells.parquet"]
        for name in names:
            one, other = ((home / part / name).read_bytes() for home in (runs["2025-03"], again))
            assert sha256(one).digest() == sha256(other).digest(), name


def test_a_release_gives_no_held_back_count_back(runs: dict[str, Path]) -> None:
    folder = runs["2025-03"] / "releases/ngo"
    frame = gpd.read_parquet(folder / "changes/cells.parquet")
    result = gpd.read_parquet(folder / "results/cells.parquet")
    held = set(result.loc[result["suppressed"], "cell_id"])
    assert held
    # Only places with an event have a row: one without numbers would tell of an event.
    assert not held & set(frame["cell_id"])
    joint = gpd.read_parquet(runs["2025-03"] / "joint/changes/cells.parquet")
    assert set(frame["cell_id"]) < set(joint["cell_id"])
    absent = joint[~joint["cell_id"].isin(frame["cell_id"])]
    for name in ("n_before", "n_after"):
        assert ((frame[name] == 0) | (frame[name] >= 4)).all()
        # What a reader gets by subtracting from the total is no small count.
        assert absent[name].sum() == 0 or absent[name].sum() >= 4
        assert (absent[name] > 0).sum() != 1


def test_a_release_sees_nothing_of_withheld_rows(tmp_path: Path) -> None:
    file = write_moving(tmp_path / "project", navy="TLP:AMBER")
    folder = projects.run(file, out=tmp_path / "out", period="2025-03").folder
    text = (folder / "releases/ngo/changes/brief.md").read_text("utf-8")
    assert "Navy" not in text
    assert "Navy" in (folder / "joint/changes/brief.md").read_text("utf-8")
    frame = gpd.read_parquet(folder / "releases/ngo/changes/cells.parquet").to_crs(4326)
    of_navy = frame[frame.covers(shapely.Point(-75.2, 1.5))]
    told = of_navy[["n_before", "n_after"]].fillna(0).to_numpy(dtype=float)
    assert (told < 6).all()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["marking"] == "TLP:AMBER"


def job_of(file: Path, period: str | None, rules: str) -> ChangeJob:
    profile = file.parent / "ngo.toml"
    text = profile.read_text("utf-8").replace(
        "[layers]\nseizures = ", "[layers.seizures]\ncolumns = "
    )
    profile.write_text(f"{text}{rules}\n", "utf-8")
    source, world = world_of(file)
    world.as_of = source.project.as_of
    assert world.as_of is not None
    found = ChangeJob.of(
        source,
        (world, world),
        period=Period.parse(period) if period else None,
        as_of=world.as_of,
        progress=lambda _step: None,
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("period", "rules", "after", "why"),
    [
        (None, "min_age_days = 20", "2025-02", None),
        (None, "min_age_days = 14", "2025-03", None),
        ("2025-03", "min_age_days = 20", "2025-03", "min_age_days"),
        ("2025-02", "min_age_days = 20", "2025-02", None),
        ("2025-03", 'time = "quarter"', "2025-03", "coarser"),
        ("2025-03", 'time = "month"', "2025-03", None),
        ("2025-Q1", 'time = "quarter"', "2025-Q1", None),
        ("2025-03-02/2025-03-09", 'time = "month"', "2025-03-02/2025-03-09", "coarser"),
    ],
)
def test_what_is_held_back_for_now_is_no_fall(
    tmp_path: Path, period: str | None, rules: str, after: str, why: str | None
) -> None:
    job = job_of(write_moving(tmp_path / "project"), period, rules)
    pair, told = job._pair_of(job.source.profiles["ngo"])
    assert pair[1].text == after
    assert (told is None) if why is None else (told is not None and why in told)
    if why is not None:
        seen = World({}, {}, {})
        options = {"release": lambda world: world, "own": Results(), "cleared": Results()}
        for one in job.released("ngo", seen, **options, earlier=[])[:2]:  # type: ignore[arg-type]
            assert one.frames == {}


def test_the_period_before_raises_the_marking(tmp_path: Path) -> None:
    file = write_moving(tmp_path / "project", navy="TLP:RED")
    navy = file.parent / "navy.csv"
    lines = navy.read_text("utf-8").splitlines()
    navy.write_text("\n".join([lines[0], *(one for one in lines if "2025-02" in one)]), "utf-8")
    folder = projects.run(file, out=tmp_path / "out", period="2025-03").folder
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["marking"] == "TLP:RED"
    assert "TLP:RED" in (folder / "joint/changes/brief.html").read_text("utf-8")


def test_declared_gaps_are_days_or_nothing(tmp_path: Path) -> None:
    gap = "declared_gaps = [{ from = 2025-03-11, to = 2025-03-31 }]"
    frame = found_in(write_moving(tmp_path / "one", gap=gap)).frames["cells"]
    alone = frame["exposure_after"] == 10
    assert alone.sum() > 8
    assert (frame.loc[~alone, "change_class"].isin(["no_clear_change", "too_few"])).any()
    ratio = frame["n_after"] / (frame["n_before"] * 10 / 28)
    known = alone & (frame["n_before"] > 0)
    np.testing.assert_allclose(frame.loc[known, "ratio"], ratio[known])
    whole = "declared_gaps = [{ from = 2025-02-01, to = 2025-02-28 }]"
    frame = found_in(write_moving(tmp_path / "two", gap=whole)).frames["cells"]
    police = frame["exposure_before"] == 0
    assert set(frame.loc[police, "change_class"]) == {"not_comparable"}
    assert not (frame.loc[~police, "change_class"] == "not_comparable").any()


def test_cells_of_sources_with_other_gaps_are_not_compared(tmp_path: Path) -> None:
    gap = "declared_gaps = [{ from = 2025-03-11, to = 2025-03-31 }]"
    file = write_moving(tmp_path / "one", gap=gap)
    navy = file.parent / "navy.csv"
    with navy.open("a", encoding="utf-8") as more:
        more.write("\nN1,2025-02-03,-78.0,0.0,Cocaine,1,kg")
    frame = found_in(file).frames["cells"].to_crs(4326)
    mixed = frame[frame.covers(shapely.Point(-78, 0))]
    assert mixed["change_class"].tolist() == ["not_comparable"]


def test_roughly_dated_rows_make_no_january() -> None:
    frame = gpd.GeoDataFrame(
        {
            "seized_at": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-01-09"], utc=True),
            "date_precision": ["year", "month", "day"],
        },
        geometry=[shapely.Point(0, 0)] * 3,
        crs=4326,
    )
    world = World({"seizures": frame}, {}, {})
    inside, unsure = restricted(world, Period.parse("2025-01"))
    assert inside.layers["seizures"]["date_precision"].tolist() == ["month", "day"]
    assert unsure == {"seizures": 1}
    assert len(restricted(world, Period.parse("2025"))[0].layers["seizures"]) == 3


def test_days_by_source() -> None:
    frame = pd.DataFrame({"source": ["P", "Q"]})
    day = Period.parse("2025-03").start
    gap = [Silence("seizures", "P", day, day), Silence("routes", "Q", day, day)]
    assert days_by_source("seizures", frame, gap, PAIR).tolist() == [(28, 30), (28, 31)]
    assert days_by_source("seizures", frame, [], PAIR).tolist() == [(28, 31)] * 2
    nobody = days_by_source("seizures", frame[[]], gap, PAIR)
    assert nobody.tolist() == [(28, 30)] * 2


def test_an_empty_period_counts_as_none(tmp_path: Path) -> None:
    file = write_moving(tmp_path / "project")
    changes = found_in(file, (Period.parse("2025-01"), Period.parse("2025-02")))
    assert (changes.frames["cells"]["n_before"] == 0).all()
    assert changes.frames["cells"]["n_after"].sum() > 20
    none = found_in(file, (Period.parse("2024-01"), Period.parse("2024-02")))
    assert none.frames == {}
    assert "no row with a place" in none.skipped["cells"]


def test_which_periods(tmp_path: Path) -> None:
    file = write_moving(tmp_path / "project")
    project = ProjectFile.read(file).project
    day = project.as_of
    assert day is not None
    assert [p.text for p in pair_of(project, None, day) or ()] == ["2025-02", "2025-03"]
    quarter = pair_of(project, Period.parse("2025-Q1"), day)
    assert [p.text for p in quarter or ()] == ["2024-Q4", "2025-Q1"]
    text = file.read_text("utf-8")
    file.write_text(f'{text}\n[changes]\nevery = "year"\n', "utf-8")
    years = pair_of(ProjectFile.read(file).project, None, day)
    assert [p.text for p in years or ()] == ["2023", "2024"]
    file.write_text(f"{text}\n[changes]\nskip = true\n", "utf-8")
    assert pair_of(ProjectFile.read(file).project, None, day) is None
    file.write_text(f'{text}\n[changes]\nanalyses = ["nothing"]\n', "utf-8")
    with pytest.raises(ProjectError, match="nothing"):
        ProjectFile.read(file)


def cells(n_before: list[int], n_after: list[int]) -> gpd.GeoDataFrame:
    n = len(n_before)
    return gpd.GeoDataFrame(
        {
            "cell_id": [f"{i}_0" for i in range(n)],
            "n_before": n_before,
            "n_after": n_after,
            "ratio": np.ones(n),
            "change": np.ones(n),
            "p_adjusted": np.full(n, 0.01),
            "change_class": "more",
            "period_before": "2025-02",
            "period_after": "2025-03",
        },
        geometry=[shapely.box(i, 0, i + 1, 1) for i in range(n)],
        crs=6933,
    )


RULES = ReleaseProfile(
    partner="ngo",
    max_marking=Marking.GREEN,
    min_count=4,
    layers={"seizures": {"columns": ["drug"]}},
)


def cleared_of(frame: gpd.GeoDataFrame, told: Results, **more: object) -> gpd.GeoDataFrame:
    changes = Changes(*PAIR, frames={"cells": frame})
    options = {"period": PAIR[1], **more}
    return clear_changes(changes, RULES, cleared=told, **options)[0].frames["cells"]  # type: ignore[arg-type]


def result_of(n_events: list[int | None], **columns: object) -> Results:
    frame = cells([0] * len(n_events), [0] * len(n_events))[["cell_id", "geometry"]]
    counts = pd.array(n_events, dtype="Int64")
    frame = frame.assign(n_events=counts, suppressed=counts.isna(), **columns)
    return Results({"cells": Result("cells", "hotspots", frame)})


def test_what_the_results_hold_back_is_held_back_here() -> None:
    frame = cells([9, 8, 9, 20], [9, 10, 9, 20])
    assert not cleared_of(frame, result_of([9, 10, 9, 20]))["suppressed"].any()
    held = cleared_of(frame, result_of([9, None, 9, 20]))["suppressed"]
    assert held[1]
    assert held.sum() >= 2


def test_the_record_counts_no_test_that_is_held_back() -> None:
    frame = cells([9, 2, 2, 20], [9, 2, 2, 20]).assign(p_value=0.01)
    frame.attrs["geocn"] = {"n_tests": 4, "alpha": 0.05}
    held = cleared_of(frame, result_of([9, None, None, 20]))
    assert held["suppressed"].sum() >= 2
    assert held.attrs["geocn"] == {"n_tests": int(held["p_value"].notna().sum()), "alpha": 0.05}
    assert frame.attrs["geocn"]["n_tests"] == 4


def test_no_rest_by_subtraction() -> None:
    frame = cells([9, 8, 9, 20], [9, 10, 9, 20])
    whole = result_of([20, 30, 30, 60])
    assert cleared_of(frame, whole, period=None)["suppressed"][0]
    monthly = result_of([9, 10, 9, 20])
    finer = pd.concat(
        [
            monthly.done["cells"].frame.assign(period=week, n_events=counts)
            for week, counts in (
                ("2025-02-24/2025-03-02", [4, 4, 4, 4]),
                ("2025-03-03/2025-03-09", [7, 4, 9, 9]),
            )
        ]
    )
    monthly.done["cells"].more["periods"] = finer
    assert cleared_of(frame, monthly)["suppressed"][0]


def test_no_difference_from_an_earlier_release() -> None:
    frame = cells([9, 12, 9, 20], [9, 10, 9, 20])
    then = cells([5, 5, 5, 5], [9, 11, 9, 20])
    then[["period_before", "period_after"]] = ["2025-01", "2025-02"]
    told = result_of([9, 10, 9, 20])
    by_changes = cleared_of(frame, told, earlier=[({"changes/cells": then}, "2025-02")])
    assert by_changes["suppressed"][1]
    february = result_of([9, 11, 9, 20]).done["cells"].frame
    by_results = cleared_of(frame, told, earlier=[({"results/cells": february}, "2025-02")])
    assert by_results["suppressed"][1]
    other = cleared_of(frame, told, earlier=[({"results/cells": february}, "2024-02")])
    assert not other["suppressed"].any()


def test_small_totals_by_drug_are_held_back() -> None:
    totals = pd.DataFrame(
        {"drug": ["cocaine", "heroin", "opium"], "n_before": [40, 9, 2], "n_after": [30, 8, 1]}
    ).assign(kg_before=1.0)
    told = clear_totals(totals, RULES)
    assert told["drug"].tolist() == ["cocaine"]
    assert "kg_before" not in told
    assert told.attrs["held_back"]
    free = RULES.model_copy(update={"min_count": None})
    assert clear_totals(totals, free) is totals


def test_the_map_has_the_changes_switched_off() -> None:
    frame = cells([9, 12, 9, 20], [9, 30, 9, 20])
    frame["change_class"] = ["no_clear_change", "more", "too_few", "not_comparable"]
    changes = Changes(*PAIR, frames={"cells": frame}, alpha={"cells": 0.05})
    plan = planning_map("Map", {}, Results(), marking=Marking.GREEN, changes=changes)
    assert [(layer.kind, layer.visible, len(layer.frame)) for layer in plan.layers] == [
        ("change", False, 4)
    ]
    assert "2025-02 → 2025-03" in str(plan.layers[0].name)


def test_the_geopackage_of_changes_is_styled_in_the_words_of_the_map() -> None:
    frame = cells([9, 12, 9], [9, 30, 9])
    frame["change_class"] = ["no_clear_change", "new", "too_few"]
    look = look_of(frame, kind="changes", language="es")
    assert look is not None
    assert look.column == "change_class"
    assert [(entry.value, entry.label) for entry in look.entries] == [
        ("new", "foco nuevo"),
        ("no_clear_change", "sin cambio claro"),
        ("too_few", "muy pocos registros para saberlo"),
    ]


def test_the_map_of_a_release_shows_clear_changes_without_p_values() -> None:
    frame = cells([9, 12, 30], [10, 30, 9]).assign(p_adjusted=np.nan, change=[1.0, 18.0, -21.0])
    frame["change_class"] = ["no_clear_change", "new", "less"]
    changes = Changes(*PAIR, frames={"cells": frame}, alpha={"cells": 0.05})
    plan = planning_map("Map", {}, Results(), marking=Marking.GREEN, changes=changes)
    shown = plan.layers[0].frame["change_class"].tolist()
    assert shown == ["no_clear_change", "new", "less"]
    assert "p_adjusted" not in plan.layers[0].frame
