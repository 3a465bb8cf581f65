import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pytest

import geocn
from geocn import project as projects
from geocn.errors import LayerError, LockedError, ProjectError, ReadError, UnlabelledDataError
from geocn.io.packed import decode_block
from geocn.project.lock import held
from geocn.project.outputs import UNSTABLE

CANARIES = (b"CANARY", b"700.123", b"NAVYCASE", b"Watchers", b"ROUTE-")
PACKED = re.compile(rb'<script type="text/plain" id="[a-z-]+">([^<]+)</script>')


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def hashes(folder: Path) -> dict[str, str]:
    return {name: sha256(content).hexdigest() for name, content in files_of(folder).items()}


def unpacked(page: bytes) -> Iterator[bytes]:
    """Yield what the compressed blocks of a map hold."""
    for block in PACKED.findall(page):
        header, arrays = decode_block(block.decode("ascii"))
        yield json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        yield str([array.tolist() for array in arrays]).encode("ascii")


def test_the_blocks_of_a_map_can_be_looked_into(whole: tuple[Path, projects.RunResult]) -> None:
    _, result = whole
    content = (result.folder / "joint/map.html").read_bytes()
    assert b"Bay" in b"".join(unpacked(content)) or b"Police" in b"".join(unpacked(content))


def test_everything_asked_for_is_there(whole: tuple[Path, projects.RunResult]) -> None:
    _, result = whole
    names = set(files_of(result.folder))
    assert {"manifest.json", "SHA256SUMS", "joint/map.html", "joint/layers.gpkg"} <= names
    assert {f"joint/layers/{one}.parquet" for one in ("routes", "seizures")} <= names
    assert {f"joint/results/{one}.parquet" for one in ("cells", "cost", "reach")} <= names
    assert "joint/results/modelled_accumulated_cost.tif" in names
    assert {"releases/ngo/map.html", "releases/ngo/release.json"} <= names
    assert result.skipped == {}
    assert set(result.results) == {"cells", "borders", "reported", "modelled", "reach", "cost"}
    assert [path.parent.name for path in result.maps] == ["joint", "ngo"]
    latest = result.folder.parent / "latest"
    assert latest.resolve() == result.folder.resolve()


def test_the_joint_layer_remembers_who_said_what(whole: tuple[Path, projects.RunResult]) -> None:
    _, result = whole
    seizures = result.layers["seizures"]
    assert seizures["source"].value_counts().to_dict() == {"Police": 4, "Navy-CANARY": 1}
    assert set(seizures["marking"]) == {"TLP:GREEN", "TLP:AMBER"}
    assert seizures.set_index("seizure_id")["releasable_to"].get("NAVYCASE") == "military"
    back = gpd.read_parquet(result.folder / "joint/layers/seizures.parquet")
    assert len(back) == 5


def test_the_manifest_accounts_for_every_row_and_file(
    whole: tuple[Path, projects.RunResult],
) -> None:
    file, result = whole
    manifest = json.loads((result.folder / "manifest.json").read_text("utf-8"))
    assert manifest == result.manifest
    for path, digest in manifest["inputs"].items():
        assert sha256((file.parent / path).read_bytes()).hexdigest() == digest
    assert "project.toml" in manifest["inputs"]
    assert "ngo.toml" in manifest["inputs"]
    found = hashes(result.folder)
    for path, digest in manifest["outputs"].items():
        assert digest in (found[path], None if path.endswith(UNSTABLE) else found[path])
    assert set(manifest["outputs"]) == set(found) - {"manifest.json", "SHA256SUMS"}
    police = next(one for one in manifest["files"] if one["path"] == "partners/police.csv")
    assert (police["rows_in"], police["rows_out"]) == (5, 4)
    assert sum(police["rejected"].values()) == 1
    assert police["declared_gaps"][0]["why"] == "strike"
    rejects = pd.read_csv(result.folder / "rejects/seizures-01-police.csv", dtype="str")
    assert rejects.astype("str").apply(lambda row: "P5" in " ".join(row), axis=1).sum() == 1
    assert str(file.parent) not in json.dumps(manifest)


def test_sums_check(whole: tuple[Path, projects.RunResult]) -> None:
    _, result = whole
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=result.folder, check=True)
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    subprocess.run(command, cwd=result.folder / "releases/ngo", check=True)


def test_a_release_holds_nothing_of_what_is_withheld(
    whole: tuple[Path, projects.RunResult],
) -> None:
    _, result = whole
    folder = result.folder / "releases/ngo"
    seizures = gpd.read_parquet(folder / "layers/seizures.parquet")
    assert len(seizures) == 4
    assert set(seizures.columns) <= {
        *("seized_at", "drug", "weight_kg", "source", "geometry", "marking"),
        *("location_precision_m", "date_precision"),
    }
    for name, content in files_of(folder).items():
        found = content
        if name.endswith(".parquet"):
            table = pq.read_table(folder / name)
            found = f"{table.to_pydict()} {table.schema.metadata}".encode()
        if name.endswith(".html"):
            found += b"".join(unpacked(content))
        for canary in CANARIES:
            assert canary not in found, (name, canary)
    report = result.manifest["releases"]["ngo"]
    assert set(report["not_computed"]) == {"borders", "reported", "modelled", "cost"}
    assert set(report["analyses"]) == {"cells", "reach"}
    assert "not_computed" not in (folder / "release.json").read_text("utf-8")
    joint = gpd.read_parquet(result.folder / "joint/results/cells.parquet")
    released = gpd.read_parquet(folder / "results/cells.parquet")
    assert (joint["n_events"].sum(), released["n_events"].sum()) == (5, 4)


def test_the_map_carries_the_highest_marking(whole: tuple[Path, projects.RunResult]) -> None:
    _, result = whole
    assert result.manifest["marking"] == "TLP:AMBER"
    assert result.manifest["releases"]["ngo"]["marking"] == "TLP:GREEN"
    joint = (result.folder / "joint/map.html").read_text("utf-8")
    assert "TLP:AMBER" in joint
    assert "Invented; joint only." in joint
    released = (result.folder / "releases/ngo/map.html").read_text("utf-8")
    assert "Invented; open." in released
    assert "joint only" not in released
    assert "REL TO ngo" in released
    assert "no seizures reported 2025-03-01 to 2025-03-31 (strike)" in joint


def test_same_inputs_same_bytes(whole: tuple[Path, projects.RunResult], tmp_path: Path) -> None:
    file, first = whole
    copy = shutil.copytree(file.parent, tmp_path / "elsewhere" / "copy")
    code = f"import geocn; print(geocn.run({str(copy)!r}, out={str(tmp_path / 'o')!r}).folder)"
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Kabul",
        "NUMBA_NUM_THREADS": "1",
    }
    said = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment)
    second = Path(said.strip().splitlines()[-1])
    assert second.name == first.folder.name
    one, other = hashes(first.folder), hashes(second)
    differing = {name for name in {*one, *other} if one.get(name) != other.get(name)}
    assert {name for name in differing if not name.endswith((*UNSTABLE, "SHA256SUMS"))} == set()


def test_running_again_replaces_the_same_folder(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = geocn.run(project, out=out)
    second = geocn.run(project, out=out)
    assert first.folder == second.folder
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [".geocn-cache", ".geocn.lock", "latest", first.folder.name]
    )


def _interrupt(_step: str) -> None:
    if "writing" in _step:
        raise KeyboardInterrupt


def _cut_short(project: Path) -> None:
    (project.parent / "partners/police.csv").write_bytes(b"\x00\x01\x02")


@pytest.mark.parametrize(
    ("spoil", "error", "progress"),
    [(None, KeyboardInterrupt, _interrupt), (_cut_short, (ReadError, LayerError), None)],
)
def test_a_run_that_ends_early_leaves_the_previous_whole(
    project: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None] | None,
    error: type[BaseException] | tuple[type[BaseException], ...],
    progress: Callable[[str], None] | None,
) -> None:
    out = tmp_path / "out"
    first = projects.run(project, out=out)
    before = hashes(first.folder)
    if spoil is not None:
        spoil(project)
    with pytest.raises(error):
        projects.run(project, out=out, progress=progress, cache=False)
    assert hashes(first.folder) == before
    assert (out / "latest").resolve() == first.folder.resolve()
    held_there = [".geocn-cache", ".geocn.lock", first.folder.name, "latest"]
    assert sorted(p.name for p in out.iterdir()) == held_there


def test_two_runs_at_once_are_refused(project: Path, tmp_path: Path) -> None:
    owner = rf"another run .* \(.* process {os.getpid()}, since \d{{4}}-\d\d-\d\dT"
    with held(tmp_path / "out"), pytest.raises(LockedError, match=owner):
        projects.run(project, out=tmp_path / "out")


def test_an_input_that_changes_meanwhile_is_refused(project: Path, tmp_path: Path) -> None:
    def meddle(step: str) -> None:
        if "sites" in step:
            with (project.parent / "partners/navy.csv").open("a") as stream:
                stream.write("N2,2025-05-15,-77.9,1.1,Cocaine,1,kg,Bay\n")

    with pytest.raises(ReadError, match=r"partners/navy\.csv: changed"):
        projects.run(project, out=tmp_path / "out", progress=meddle)


def test_unlabelled_rows_stop_a_release(project: Path, tmp_path: Path) -> None:
    text = project.read_text("utf-8").replace('"Police"\nmarking = "TLP:GREEN"', '"Police"')
    project.write_text(text, "utf-8")
    with pytest.raises(UnlabelledDataError, match=r"seizures \(4 rows"):
        projects.run(project, out=tmp_path / "out")
    assert not (tmp_path / "out/latest").exists()


def test_a_period_keeps_its_rows_and_counts_the_others(project: Path, tmp_path: Path) -> None:
    result = projects.run(project, out=tmp_path / "out", period="2025-Q1")
    assert result.folder.name.startswith("2025-Q1-")
    assert len(result.layers["seizures"]) == 3
    # The navy's only row lies elsewhere, so that its file is no part of the run.
    assert result.manifest["layers"]["seizures"] == {"rows": 3, "out_of_period": 1}
    assert "partners/navy.csv" not in result.manifest["inputs"]
    assert any(note.startswith("partners/navy.csv: no row") for note in result.notes)


def test_a_cut_off_must_be_said(project: Path, tmp_path: Path) -> None:
    project.write_text(project.read_text("utf-8").replace("as_of = 2025-12-31", ""), "utf-8")
    with pytest.raises(ProjectError, match="key as_of: no information cut-off"):
        projects.run(project, out=tmp_path / "out")
    result = projects.check(project, as_of="2025-12-31")
    assert len(result.files) == 5


def test_check_writes_nothing(project: Path) -> None:
    before = files_of(project.parent)
    found = projects.check(project)
    assert files_of(project.parent) == before
    rows = {one["path"]: one.get("rows_in") for one in found.files}
    assert rows["partners/police.csv"] == 5
    assert any("partners/police.csv" in note for note in found.notes)


def test_results_go_beside_the_project_by_default(project: Path) -> None:
    text = project.read_text("utf-8")
    project.write_text(text.replace('folder = "out"', 'folder = "results"'), "utf-8")
    result = projects.run(project)
    assert result.folder.parent == project.parent / "results"
    assert result.maps == []
    assert not list(result.folder.rglob("*.gpkg"))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kill -9 is a POSIX signal")
def test_kill_9_leaves_the_previous_run_and_the_next_sweeps(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = projects.run(project, out=out)
    before = hashes(first.folder)
    for number, wait_s in enumerate((0.0, 0.15, 0.4)):
        given = f"{str(project)!r}, out={str(out)!r}, as_of='2026-0{number + 1}-01'"
        code = f"import geocn; geocn.run({given})"
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 60
        while not list(out.glob(".geocn-tmp-*/*")) and time.monotonic() < limit:
            time.sleep(0.005)
        time.sleep(wait_s)
        process.kill()
        process.wait()
        if (out / "latest").resolve() == first.folder.resolve():
            assert hashes(first.folder) == before
        assert (out / "latest/SHA256SUMS").is_file()
    last = projects.run(project, out=out, as_of="2026-06-01")
    assert (out / "latest").resolve() == last.folder.resolve()
    assert hashes(first.folder) == before
    assert list(out.glob(".geocn-tmp-*")) == []
