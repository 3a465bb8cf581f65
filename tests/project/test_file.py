import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from geocn.errors import ProjectError, ReadError
from geocn.project.file import ProjectFile
from geocn.project.known import ready, request_of
from geocn.project.reading import hash_inputs

GOOD = """\
title = "Andes"
as_of = 2025-12-31
marking = "TLP:AMBER"

[[layers.seizures]]
path = "partners/police.csv"
source = "Police"
marking = "amber"
reliability = "B"
releasable_to = ["military", "ngo"]
places = "admin"
fields = { seized_at = "Fecha" }
declared_gaps = [
  { from = 2024-03-01, to = 2024-04-30, why = "strike" },
]

[[layers.routes]]
path = "routes.geojson"
releasable_to = "military; ngo"

[[layers.interventions]]
path = "sites.csv"

[places.admin]
path = "admin.gpkg"
code = "code"

[rasters.friction]
path = "friction.tif"

[[analyses]]
kind = "hotspots"
name = "cells"
grid = { kind = "hex", cell_km = 25 }
neighbours = { within_km = 50 }

[[analyses]]
kind = "border_hotspots"
name = "borders"
countries = ["col", "ecu"]

[[analyses]]
kind = "coverage"
name = "reach"
demand = "cells"

[[analyses]]
kind = "least_cost_corridors"
name = "modelled"
friction = "friction"
origins = [{ name = "Tumaco", longitude = -78.8, latitude = 1.8 }]
destinations = [{ name = "Quito", longitude = -78.5, latitude = -0.2 }]

[[releases]]
name = "ngo"
profile = "profiles/ngo.toml"

[outputs]
formats = ["gpkg", "html"]
"""
FILES = ("partners/police.csv", "routes.geojson", "sites.csv", "admin.gpkg", "friction.tif")


def write(folder: Path, text: str) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles/ngo.toml").write_text(
        'partner = "ngo"\nmax_marking = "green"\nlayers = { seizures = ["drug"] }\n'
    )
    file = folder / "project.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_good_file(tmp_path: Path) -> None:
    source = ProjectFile.read(write(tmp_path, GOOD).parent)
    project = source.project
    assert [str(one.marking) for one in project.layers["seizures"]] == ["TLP:AMBER"]
    assert project.layers["routes"][0].releasable_to == ("military", "ngo")
    assert project.layers["seizures"][0].declared_gaps[0].why == "strike"
    assert [one.kind for one in project.analyses][:2] == ["hotspots", "border_hotspots"]
    assert source.profiles["ngo"].partner == "ngo"
    inputs = [source.shown(path) for path in source.inputs()]
    assert sorted(inputs) == sorted([*FILES, "profiles/ngo.toml", "project.toml"])


def line_of(text: str, needle: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if needle in line)


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ('marking = "amber"', 'marking = "pink"', "layers.seizures[0].marking", "TLP 2.0"),
        ('reliability = "B"', 'reliabillity = "B"', "layers.seizures[0].reliabillity", "not perm"),
        ('places = "admin"', 'places = "adm"', "layers.seizures[0].places", "there are admin"),
        ("cell_km = 25", "cell_km = -1", "analyses[0].grid.cell_km", "greater than 0"),
        ("within_km = 50", "within = 50", "analyses[0].neighbours", ""),
        ('kind = "border_hotspots"', 'kind = "border"', "analyses[1]", "border_hotspots"),
        ('"ecu"', '"Ecuador"', "analyses[1].countries", "alpha-3"),
        ('demand = "cells"', 'demand = "modelled"', "analyses[2].demand", "cells, borders"),
        ('friction = "friction"', 'friction = "slope"', "analyses[3].friction", "friction"),
        ("latitude = 1.8", "latitude = 91", "analyses[3].origins[0].latitude", "90"),
        ('name = "borders"', 'name = "Cells"', "analyses[1].name", "stands twice"),
        ('path = "routes.geojson"', 'path = "roads.geojson"', "layers.routes[0].path", "no file"),
        ('formats = ["gpkg"', 'formats = ["dxf"', "outputs.formats[0]", "gpkg"),
        ("to = 2024-04-30", "to = 2024-02-30", "", "TOML"),
        ("to = 2024-04-30", "to = 2024-02-28", "layers.seizures[0].declared_gaps[0]", "before"),
    ],
)
def test_a_fault_names_file_line_and_key(
    tmp_path: Path, old: str, new: str, key: str, said: str
) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(ProjectError) as caught:
        ProjectFile.read(write(tmp_path, text))
    message = str(caught.value)
    assert f"{tmp_path / 'project.toml'}, line " in message
    assert said in message
    if key:
        assert f"key {key}" in message
    if not key.startswith("analyses[1]") or "." in key:
        assert f"line {line_of(text, new)}" in message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('reliability = "B"', 'reliability = "Z"').replace(
        "cell_km = 25", "cell = 2"
    )
    with pytest.raises(ProjectError) as caught:
        ProjectFile.read(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 3


def test_a_project_without_layers_or_with_unknown_ones(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="at least one"):
        ProjectFile.read(write(tmp_path, 'title = "x"\n'))
    with pytest.raises(ProjectError, match=r"line 2, key layers: no such layer: roads"):
        ProjectFile.read(write(tmp_path, 'title = "x"\n[[layers.roads]]\npath = "sites.csv"\n'))


def test_a_bad_profile_is_a_bad_project(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    (tmp_path / "profiles/ngo.toml").write_text('partner = "ngo"\n')
    with pytest.raises(ProjectError, match=r"ngo\.toml, key max_marking: Field required"):
        ProjectFile.read(file)


def test_paths_leave_the_folder_only_as_relative_ones(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.csv").touch()
    file = tmp_path / "a" / "project.toml"
    file.write_text('title = "x"\n[[layers.seizures]]\npath = "../b.csv"\n', encoding="utf-8")
    source = ProjectFile.read(file)
    assert [source.shown(path) for path in source.inputs()] == ["project.toml", "../b.csv"]


@contextmanager
def another_user() -> Iterator[None]:
    """Be one to whom the rights of files apply: root passes them by."""
    root = os.name == "posix" and os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="rights of this kind are those of POSIX")
def test_folders_that_may_not_be_entered_are_told() -> None:
    home = Path(tempfile.mkdtemp(prefix="geocn-test-"))
    try:
        home.chmod(0o755)
        partners = home / "partners"
        partners.mkdir()
        (partners / "police.csv").touch()
        file = home / "project.toml"
        text = 'title = "A"\n[[layers.seizures]]\npath = "partners/police.csv"\n'
        file.write_text(text, "utf-8")
        # What is imported on the way is not readable to everyone.
        ProjectFile.read(file)
        partners.chmod(0o000)
        told = r"line 3, key .*partners/police\.csv.* cannot be looked at: Permission denied"
        with another_user(), pytest.raises(ProjectError, match=told):
            ProjectFile.read(file)
        file.write_text(f"{text}optional = true\n", "utf-8")
        with another_user(), pytest.raises(ReadError, match=r"police\.csv: cannot be read"):
            hash_inputs(ProjectFile.read(file))
        home.chmod(0o000)
        for asked in (home, file):
            with another_user():
                assert ready(request_of(asked, out=home / "out")) is None
                with pytest.raises(ProjectError, match=r"cannot be opened: Permission denied"):
                    ProjectFile.read(asked)
    finally:
        home.chmod(0o755)
        (home / "partners").chmod(0o755)
        shutil.rmtree(home)
