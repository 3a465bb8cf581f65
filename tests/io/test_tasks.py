"""Work in parts: one tree, one result, resumed where it stopped, on any number of workers."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import dask
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from distributed import Client, LocalCluster

from geocn.cultivation import zonal_stats
from geocn.errors import ClusterError, CoordinateError, ParameterError
from geocn.hotspots import count_points, make_grid
from geocn.io import tasks_dask
from geocn.io.checkpoints import Checkpoints, pack, unpack
from geocn.io.tasks import FAN_IN, reduce_parts, tree
from tests.cultivation.test_zonal_file import write
from tests.io.cluster_work import join, lose_memory, numbers, refuse, slow

QUICK = {"wait_s": 0.0}


@pytest.fixture(scope="module")
def client():
    quiet = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(quiet),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("n", [1, 2, FAN_IN, FAN_IN + 1, FAN_IN**2, FAN_IN**2 + 3, 200])
def test_the_tree_keeps_order_and_holds_few(n: int) -> None:
    held, most = 0, 0

    def leaves():
        nonlocal held, most
        for i in range(n):
            held += 1
            most = max(most, held)
            yield [i]

    def combine(few: list[list[int]]) -> list[int]:
        nonlocal held
        held -= len(few) - 1
        return list(chain(*few))

    assert tree(leaves(), combine) == list(range(n))
    assert held == 1
    assert most <= FAN_IN * 3


def test_states_survive_and_damage_is_seen(tmp_path: Path) -> None:
    state = {"a": np.arange(6).reshape(2, 3), "b": np.array([np.nan, -0.0]), "c": np.array(["é"])}
    data = pack(state)
    back = unpack(data)
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(data), 60):
        assert unpack(data[:at]) is None
        broken = bytearray(data)
        broken[at] ^= 1 << int(rng.integers(8))
        assert unpack(bytes(broken)) is None
    with pytest.raises(ValueError, match="bject"):
        pack({"a": np.array([object()])})


def test_a_killed_run_goes_on_and_nothing_of_another_is_used(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    shared = {"wait_s": 0.0, "marks": str(marks)}
    asked = {"shared": shared, "key": "k", "checkpoints": tmp_path / "kept"}

    def stop(done: int, of: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reduce_parts(numbers(9), slow, join, progress=stop, **asked)
    whole = reduce_parts(numbers(9), slow, join, shared=QUICK)
    kept = sorted((tmp_path / "kept").iterdir())
    kept[0].write_bytes(kept[0].read_bytes()[:-3])
    kept[1].write_bytes(kept[2].read_bytes()[::-1])
    resumed = reduce_parts(numbers(9), slow, join, **asked)
    np.testing.assert_array_equal(resumed["sum"], whole["sum"])
    assert resumed["seen"].tolist() == list(range(9))
    runs = [len((marks / str(i)).read_text()) for i in range(9)]
    assert sum(runs) == 9 + 2
    assert max(runs[5:]) == 1
    reduce_parts(numbers(9), slow, join, **asked | {"key": "other"})
    assert sum(len((marks / str(i)).read_text()) for i in range(9)) == 9 + 2 + 9
    store = Checkpoints.open(tmp_path / "kept", "k")
    assert store.load("number 3") is not None
    assert store.load("number 33") is None
    with pytest.raises(ParameterError, match="identities"):
        reduce_parts([type(numbers(1)[0])(1, "")], slow, join, **asked)


def test_errors_travel_between_processes() -> None:
    error = CoordinateError("points", found="99", expected="less", repair="Mend.", rows=[4, 5])
    back = pickle.loads(pickle.dumps(error))
    assert (str(back), back.rows, type(back)) == (str(error), [4, 5], CoordinateError)


def test_what_is_no_scheduler_is_refused() -> None:
    for wrong in ("threads", 8786, "host:8786"):
        with pytest.raises(ParameterError, match="tcp://"):
            reduce_parts(numbers(1), slow, join, shared=QUICK, scheduler=wrong)
    with pytest.raises(ParameterError, match="path"):
        count_points(
            np.zeros((1, 2)), make_grid((0, 0, 1, 1), cell_size_km=60), scheduler="tcp://a:1"
        )


def test_many_workers_give_the_bits_of_one(client, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    local = reduce_parts(numbers(70), slow, join, shared=QUICK)
    far = reduce_parts(
        numbers(70), slow, join, shared=QUICK, scheduler=client,
        progress=lambda done, of: told.append((done, of)),
    )  # fmt: skip
    assert far["sum"].tobytes() == local["sum"].tobytes()
    assert far["seen"].tolist() == list(range(70))
    assert told == [(i, 70) for i in range(1, 71)]
    with pytest.raises(CoordinateError, match=r"2 rows: 4, 5") as caught:
        reduce_parts(numbers(3), refuse, join, scheduler=client)
    assert caught.value.rows == [4, 5]


def test_counting_and_zones_on_a_cluster(client, tmp_path: Path, monkeypatch) -> None:
    rng = np.random.default_rng(3)
    n = 4000
    frame = pd.DataFrame({
        "lon": rng.uniform(-78.1, -77, n).round(6), "lat": rng.uniform(0, 1, n).round(6),
        "weight_kg": rng.gamma(1, 3, n),
        "seized_at": rng.choice(["2024-01-31T23:59:59-05:00", "2024-02-03", ""], n),
    })  # fmt: skip
    frame.to_csv(tmp_path / "x.csv", index=False)
    monkeypatch.setattr("geocn.io.parts._LEAST_BYTES", 1 << 13)
    grid = make_grid((-78, 0, -77, 1), cell_size_km=20)
    asked = {"weight": "weight_kg", "by_period": "month", "memory_mb": 0.05}
    local = count_points(tmp_path / "x.csv", grid, **asked)
    address = client.scheduler.address
    kept = tmp_path / "kept"
    far = count_points(tmp_path / "x.csv", grid, **asked, scheduler=address, checkpoints=kept)
    pd.testing.assert_frame_equal(pd.DataFrame(far), pd.DataFrame(local), check_exact=True)
    assert far.attrs == local.attrs
    assert len(list(kept.glob("*.ckpt"))) > 10
    again = count_points(tmp_path / "x.csv", grid, **asked, checkpoints=kept)
    assert again.equals(local)

    values = rng.gamma(1, 9, (3000, 20)).astype("float32")
    values[500:600] = 0
    raster = write(tmp_path / "r.tif", values)
    shapes = shapely.buffer(shapely.points(rng.uniform((0, 0), (20, 3000), (90, 2))), 40)
    zones = gpd.GeoDataFrame(geometry=shapes, crs="EPSG:32618")
    stats = ("sum", "mean", "count", "variance", "area_ha", "median", "max")
    monkeypatch.setattr("geocn.cultivation.zonal_areas.TOLERANCE", 1e9)
    here = zonal_stats(zones, raster, stats=stats)
    there = zonal_stats(zones, raster, stats=stats, scheduler=client, checkpoints=kept)
    pd.testing.assert_frame_equal(pd.DataFrame(there), pd.DataFrame(here), check_exact=True)
    assert here.attrs == there.attrs


def test_a_worker_that_is_killed_changes_nothing(client) -> None:
    local = reduce_parts(numbers(24), slow, join, shared=QUICK)
    victims = list(client.run(os.getpid).values())

    def kill(done: int, of: int) -> None:
        if done == 4:
            os.kill(victims[0], signal.SIGKILL)

    far = reduce_parts(
        numbers(24), slow, join, shared={"wait_s": 0.1}, scheduler=client, progress=kill
    )
    assert far["sum"].tobytes() == local["sum"].tobytes()


def test_a_part_that_kills_every_worker_is_named(client) -> None:
    client.wait_for_workers(2, timeout=60)
    with pytest.raises(ClusterError, match=r"again and again.*smaller parts"):
        reduce_parts(numbers(1), lose_memory, join, scheduler=client)
    client.wait_for_workers(2, timeout=60)


def test_stopping_lets_go_of_what_waits(client) -> None:
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reduce_parts(
            numbers(200), slow, join, shared={"wait_s": 0.2}, scheduler=client, progress=stop
        )
    deadline = time.monotonic() + 10
    while any(client.processing().values()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(client.processing().values())


class Cluster:
    """A client whose second worker says what versions it has."""

    def __init__(self, *said: object) -> None:
        self.said = list(said)

    def run(self, function, *args, on_error: str) -> dict[str, object]:
        return {"tcp://a:1": function(*args), "tcp://b:2": self.said.pop(0)}


def test_workers_of_other_versions_are_refused() -> None:
    mine = tasks_dask.versions()
    tasks_dask.refuse_strangers(Cluster(mine["geocn"], mine))
    patch = mine | {"python": ".".join(mine["python"].split(".")[:2]) + ".999"}
    tasks_dask.refuse_strangers(Cluster(mine["geocn"], patch))
    older = mine | {"shapely": "1.0", "python": "3.8.1"}
    with pytest.raises(ClusterError, match=r"1 workers.*b:2.*python 3.8.1 .*shapely 1.0 \(here"):
        tasks_dask.refuse_strangers(Cluster(mine["geocn"], older))
    with pytest.raises(ClusterError, match=r"geocn 9.9.*Install the same"):
        tasks_dask.refuse_strangers(Cluster("9.9"))
    with pytest.raises(ClusterError, match="no geocn"):
        tasks_dask.refuse_strangers(Cluster(ModuleNotFoundError("geocn")))
    with pytest.raises(ClusterError, match="shapely"):
        tasks_dask._run(slow, numbers(1)[0], QUICK, None, older)


def test_a_scheduler_that_dies_is_told_and_the_work_resumed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tasks_dask, "_CONNECT_S", 1)
    file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begin = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0"]
    scheduler = subprocess.Popen([*begin, "--no-dashboard", "--scheduler-file", file], **quiet)
    work = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", file]
    worker = subprocess.Popen([*work, "--no-nanny", "--no-dashboard", "--nthreads", "1"], **quiet)
    asked = {"shared": {"wait_s": 0.1}, "key": "k", "checkpoints": tmp_path / "kept"}

    def kill(done: int, of: int) -> None:
        if done == 3:
            os.kill(scheduler.pid, signal.SIGKILL)

    try:
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with Client(scheduler_file=str(file), timeout=3, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
            with pytest.raises(ClusterError, match=r"scheduler is gone.*of 40 parts.*goes on"):
                reduce_parts(numbers(40), slow, join, scheduler=client, progress=kill, **asked)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
    kept = len(list((tmp_path / "kept").glob("*.ckpt")))
    assert 3 <= kept < 40
    whole = reduce_parts(numbers(40), slow, join, shared=QUICK)
    assert reduce_parts(numbers(40), slow, join, **asked)["sum"].tobytes() == whole["sum"].tobytes()
    with pytest.raises(ClusterError, match="not connected"):
        reduce_parts(numbers(1), slow, join, shared=QUICK, scheduler=client)
    with pytest.raises(ClusterError, match="cannot be reached"):
        reduce_parts(numbers(1), slow, join, shared=QUICK, scheduler="tcp://127.0.0.1:9")
