"""A run whose files and analyses are the work of a cluster is the run of one machine."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from geocn import project as projects
from geocn.errors import ClusterError, GeocnError, ParameterError
from geocn.io import tasks_dask
from geocn.io.atomic import sha256_file
from geocn.io.workers import Workers
from geocn.project.cache import Cache
from geocn.project.cluster_tasks import FileTask, Probe, work
from geocn.project.code import code_version
from tests.cli.test_cli import call
from tests.project import cluster_faults
from tests.project.conftest import PROJECT, write_project

FOLLOWING = """
[[analyses]]
kind = "zonal"
name = "cost"
zones = "areas"
raster = "friction"

[[analyses]]
kind = "coverage"
name = "reach"
demand = "cells"
weight = "n_events"

[[analyses]]
kind = "siting"
name = "more"
demand = "cells"
weight = "n_events"
candidates = "interventions"
p = 1
threshold_km = 30

"""


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = write_project(tmp_path_factory.mktemp("cluster") / "project")
    head, _, rest = PROJECT.partition('[[analyses]]\nkind = "border_hotspots"')
    releases = rest[rest.index("[[releases]]") :]
    outputs = '\n[outputs]\nformats = ["parquet"]\n'
    file.write_text(head + FOLLOWING + releases + outputs, "utf-8")
    return file


@pytest.fixture(scope="module")
def sums(file: Path) -> str:
    return sums_of(projects.run(file, out=file.parent.parent / "here"))


def sums_of(run: projects.RunResult) -> str:
    return f"{run.folder.name}\n{(run.folder / 'SHA256SUMS').read_text()}"


def entries(out: Path) -> int:
    return len(list(out.glob(".geocn-cache/??/*.entry")))


@pytest.mark.parametrize("n", [1, 2])
def test_the_bytes_are_those_of_one_machine(
    n: int, cluster, client, file: Path, sums: str, tmp_path: Path, monkeypatch
) -> None:
    cluster.scale(n)
    client.wait_for_workers(n, timeout=60)
    sent: list[bytes] = []
    submit = Workers.submit

    def seen(self, do, task):
        sent.append(pickle.dumps(task))
        submit(self, do, task)

    monkeypatch.setattr(Workers, "submit", seen)
    monkeypatch.chdir(file.parent)
    told: list[str] = []
    run = projects.run(
        "project.toml", out=tmp_path, scheduler=client.scheduler.address, progress=told.append
    )
    assert sums_of(run) == sums
    by_workers = [one for one in told if one.endswith("(by a worker)")]
    n_joint, n_released = (
        len(held["analyses"]) for held in (run.manifest, run.manifest["releases"]["ngo"])
    )
    assert (n_joint, n_released) == (4, 3)
    assert len(by_workers) == len(sent) == 4 + n_joint + n_released
    assert len(run.cached) == 4 + n_joint
    assert not [note for note in run.notes if "done here" in note]
    told_away = b"".join(sent)
    assert b"police.csv" in told_away
    for secret in (b"NAVYCASE", b"CANARY", b"700.1", b"Salud", b"P1"):
        assert secret not in told_away
    # Only what a run without a cluster keeps is kept.
    assert entries(tmp_path) == entries(file.parent.parent / "here")
    assert not list(tmp_path.glob(".geocn-cache/.probe-*"))


def test_a_worker_that_is_killed_changes_nothing(
    client, file: Path, sums: str, tmp_path: Path
) -> None:
    client.wait_for_workers(2, timeout=60)
    mark = tmp_path / "pid"
    client.run(cluster_faults.pause_first_analysis, str(mark))

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(int(mark.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        run = projects.run(file, out=tmp_path / "out", scheduler=client)
    finally:
        killer.join()
        client.run(cluster_faults.go_on)
    assert mark.exists()
    assert sums_of(run) == sums
    assert not [note for note in run.notes if "done here" in note]


def test_stopping_lets_go_and_the_next_run_goes_on(
    client, file: Path, sums: str, tmp_path: Path
) -> None:
    def stop(step: str) -> None:
        if "by a worker" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        projects.run(file, out=tmp_path, scheduler=client, progress=stop)
    assert not (tmp_path / "latest").exists()
    deadline = time.monotonic() + 20
    while any(client.processing().values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(client.processing().values())
    assert sums_of(projects.run(file, out=tmp_path)) == sums


def test_a_bad_input_is_told_as_without_a_cluster(client, tmp_path: Path) -> None:
    file = write_project(tmp_path / "project")
    told = 'source = "Police"\ndelimiter = "@"'
    file.write_text(PROJECT.replace('source = "Police"', told), "utf-8")
    with pytest.raises(GeocnError) as here:
        projects.run(file, out=tmp_path / "here")
    with pytest.raises(GeocnError) as far:
        projects.run(file, out=tmp_path / "far", scheduler=client)
    assert (str(far.value), type(far.value)) == (str(here.value), type(here.value))
    assert not (tmp_path / "far/latest").exists()


def test_workers_of_other_code_are_refused(client, file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("geocn.project.cache.code_version", lambda: "another")
    with pytest.raises(ClusterError, match=r"2 workers cannot take part.*another code"):
        projects.run(file, out=tmp_path, scheduler=client)
    assert not (tmp_path / "latest").exists()


def test_a_process_finds_out_whether_it_may_take_part(file: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    cache = Cache(store)
    probe = Probe(store / ".probe-1", "it", code_version())
    assert "does not see" in str(probe.refusal())
    assert probe.refusal() is not None
    probe.file.write_text("it")
    assert probe.refusal() is None
    assert "another folder" in str(replace(probe, content="other").refusal())
    assert "another code" in str(replace(probe, code="other").refusal())
    away = replace(probe, file=tmp_path / "nowhere/.probe-1")
    assert "does not see" in str(away.refusal())
    assert not (tmp_path / "nowhere").exists()
    store.chmod(0o777)
    assert "others may write" in str(probe.refusal())
    store.chmod(0o700)

    names = ("project.toml", "sites.csv")
    inputs = {name: sha256_file(file.parent / name) for name in names}
    task = FileTask(probe, "0" * 64, file, "interventions", 0, inputs, date(2025, 12, 31))
    # Under a key that is not that of the file, the store holds nothing then.
    assert work(task) == "no entry"
    assert work(replace(task, number=5)) == "IndexError"
    with pytest.raises(ClusterError, match=r"another content of .*sites\.csv"):
        work(replace(task, inputs=inputs | {"sites.csv": "0"}))
    with pytest.raises(ClusterError, match=r"cannot read .*gone\.csv"):
        work(replace(task, inputs=inputs | {"gone.csv": "0"}))
    with pytest.raises(ClusterError, match="1 workers cannot take part"):
        work(replace(task, probe=away))
    assert cache.notes == []


def test_a_scheduler_that_dies_is_told_and_the_store_resumed(
    cluster, client, file: Path, sums: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tasks_dask, "_CONNECT_S", 1)
    address = client.scheduler.address

    def end(step: str) -> None:
        if "by a worker" in step:
            cluster.sync(cluster.scheduler.close)

    with pytest.raises(ClusterError, match=r"scheduler is gone.*is kept: run again"):
        projects.run(file, out=tmp_path, scheduler=address, progress=end)
    assert not (tmp_path / "latest").exists()
    with pytest.raises(ClusterError, match="cannot be reached"):
        projects.run(file, out=tmp_path, scheduler=address)
    done = call("run", file, "--out", tmp_path, "--scheduler", address)
    assert done.exit_code == 8, done.output
    run = projects.run(file, out=tmp_path)
    assert sums_of(run) == sums
    assert run.cached


def test_a_cluster_needs_the_store(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="needs the cache"):
        projects.run(file, out=tmp_path, scheduler="tcp://a:1", cache=False)
    with pytest.raises(ParameterError, match="needs the cache"):
        projects.run_since(file, since="2025-01", out=tmp_path, scheduler="tcp://a:1", cache=False)
    done = call("run", file, "--out", tmp_path, "--scheduler", "tcp://a:1", "--no-cache")
    assert done.exit_code == 2
    assert "needs the cache" in done.output
    with pytest.raises(ParameterError, match="tcp://"):
        projects.run(file, out=tmp_path, scheduler="threads")
