"""Many files on a local Ray cluster; a worker that dies costs time and nothing else."""

import json
import threading
import time

import pytest

pytest.importorskip("ray", reason="the extra 'scale' is not installed")

import psutil
import pyarrow.parquet as pq
import ray
from conftest import TEXTS
from typer.testing import CliRunner

import stance
from stance.cli import app
from stance.scaling import _parts, _Worker

FILES, ROWS = 4, 1500


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for n in range(FILES):
        rows = [{"id": f"{n}-{k}", "text": f"{TEXTS[k % len(TEXTS)]} So said speaker {k}."} for k in range(ROWS)]
        (folder / f"part{n}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def worker_with_half_a_file(out, stop, files=".part*.part"):
    while not stop.is_set():
        for part in out.glob(files):
            for process in psutil.process_iter():
                try:
                    if any(one.path == str(part) for one in process.open_files()):
                        return process
                except psutil.Error:
                    continue
        time.sleep(0.01)


def test_a_worker_is_killed_and_nothing_is_lost_or_doubled(cluster, files, tmp_path):
    out, killed, stop = tmp_path / "out", [], threading.Event()

    def kill():
        if process := worker_with_half_a_file(out, stop):
            process.kill()
            killed.append(process.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        parts = list(stance.scale(files, out, model="tiny", workers=2))
    finally:
        stop.set()
        killer.join()
    assert killed, "no worker was caught at work"
    assert len(parts) == FILES and all(part.statements == ROWS and not part.error for part in parts)
    assert sorted(path.name for path in out.iterdir()) == [f"part{n}.parquet" for n in range(FILES)]  # and no half of one
    found = [row for path in sorted(out.iterdir()) for row in pq.read_table(path).to_pylist()]
    assert [row["id"] for row in found] == [f"{n}-{k}" for n in range(FILES) for k in range(ROWS)]
    expected = stance.load("tiny").classify([row["text"] for row in found[:50]])
    assert [row["crimea_label"] for row in found[:50]] == [one["crimea"].label for one in expected]


def test_a_file_over_which_every_worker_dies_is_given_up_and_the_others_go_on(cluster, files, tmp_path):
    out, killed, stop = tmp_path / "out", [], threading.Event()

    def kill():
        while process := worker_with_half_a_file(out, stop, ".part1.parquet.*.part"):
            process.kill()
            killed.append(process.pid)
            process.wait(10)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        parts = {part.source.name: part for part in stance.scale(files, out, model="tiny", workers=2)}
    finally:
        stop.set()
        killer.join()
    assert len(parts) == FILES and len(killed) >= 2
    assert "workers died over it" in parts.pop("part1.jsonl").error and not (out / "part1.parquet").exists()
    assert all(part.statements == ROWS and not part.error for part in parts.values())


def test_a_worker_that_cannot_load_the_model_says_so_of_each_file(tmp_path):
    worker = _Worker(str(tmp_path / "elsewhere"), (), None)
    row = worker({"source": "a.jsonl", "target": str(tmp_path / "a.parquet")})
    assert row["statements"] is None and "a.jsonl: a worker cannot load the model, which every machine must see" in row["error"]


def test_an_empty_file_is_done_once_too(cluster, tmp_path):
    source = tmp_path / "none.jsonl"
    source.write_text("")
    for statements in (0, None):
        (part,) = stance.scale(source, tmp_path / "out", model="tiny", workers=1)
        assert part.statements == statements and not part.error


def test_what_is_there_is_not_done_again_and_a_bad_file_stops_no_other(cluster, files, tmp_path):
    (files / "part1.jsonl").write_text('{"text": "One."}\n{"text": ""}\n')
    out = tmp_path / "out"
    out.mkdir()
    list(stance.scale(files / "part2.jsonl", out, ["ceasefire"], model="tiny", workers=1))
    before = (out / "part2.parquet").read_bytes()
    (out / ".part0.parquet.abcdefgh.part").write_bytes(b"left by a worker that died")
    parts = {part.source.name: part for part in stance.scale(files, out, ["ceasefire"], model="tiny", workers=2)}
    assert parts["part2.jsonl"].statements is None and (out / "part2.parquet").read_bytes() == before
    assert "part1.jsonl, line 2 is blank" in parts["part1.jsonl"].error and not (out / "part1.parquet").exists()
    assert parts["part0.jsonl"].statements == ROWS and not list(out.glob(".*"))
    assert "ceasefire_label" in pq.read_schema(out / "part3.parquet").names
    command = ["scale", str(files), "-o", str(out), "--model", "tiny", "-i", "ceasefire"]
    run = CliRunner().invoke(app, command)
    assert run.exit_code and "3 files were there already" in run.stderr
    (files / "part1.jsonl").write_text('{"text": "One."}\n{"text": "Half a \\ud83d pair."}\n')
    assert CliRunner().invoke(app, command).exit_code == 0
    assert pq.read_table(out / "part1.parquet").column("text").to_pylist() == ["One.", "Half a ? pair."]
    with pytest.raises(stance.InputError, match="without the issue nato"):
        stance.scale(files, out, ["nato"], model="tiny")
    with pytest.raises(stance.InputError, match="leave it out"):
        list(stance.scale(files, tmp_path / "other", model="tiny", address="somewhere:6379"))


@pytest.mark.parametrize(
    "sources,options,message",
    [
        (["none.jsonl"], {}, "there is no file"),
        (["empty"], {}, "holds no file"),
        (["a/x.csv", "b/x.jsonl"], {}, "would both become"),
        (["out/x.parquet"], {}, "over itself"),
        ([], {}, "no source"),
        (["out"], {}, "name another folder"),
        (["a/y.csv"], {"workers": 0}, "from 1 up"),
        (["a/x.csv"], {"issues": [stance.Issue("long", "word " * 100)]}, "tokens"),
        (["a/x.csv"], {"issues": ["moon"]}, "moon"),
    ],
)
def test_bad_input_is_said_before_anything_starts(tmp_path, sources, options, message):
    for name in ("a", "b", "out", "empty"):
        (tmp_path / name).mkdir()
    for name in ("a/x.csv", "a/y.csv", "b/x.jsonl", "out/x.parquet"):
        (tmp_path / name).write_text("text\nOne.\n")
    with pytest.raises(stance.StanceError, match=message):
        stance.scale([tmp_path / source for source in sources], tmp_path / "out", model="tiny", **options)


def test_a_linked_or_compressed_file_keeps_its_kind_and_a_file_given_twice_is_one(tmp_path):
    blob = tmp_path / "ab12"
    blob.write_text("text\nOne.\n")
    (tmp_path / "x.csv").symlink_to(blob)
    (tmp_path / "y.1.CSV.GZ").write_bytes(b"")
    (tmp_path / ".hidden.csv").write_text("text\n")
    (tmp_path / "sub.csv").mkdir()
    parts = _parts([tmp_path, tmp_path / "x.csv"], tmp_path / "out")
    assert [(part.source.name, part.target.name) for part in parts] == [("x.csv", "x.parquet"), ("y.1.CSV.GZ", "y.1.parquet")]
