"""The loop: killed and resumed, on two processes, stopped early."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from conftest import ROOT
from safetensors.numpy import load_file

import stance
from stance.evaluation.corpus import read_corpus
from training.fit import fit
from training.recipe import Recipe

WORDS = {"favor": "welcome", "against": "reject", "neutral": "discuss", "unrelated": "visit"}


@pytest.fixture
def recipe_file(tmp_path, tiny_folder):
    for name, start in (("train", 0), ("validation", 100)):
        rows = [
            {
                "text": f"Delegation {n} said it would {word} the truce.",
                "ceasefire": label,
                "nato": "unrelated",
                "crimea": "unrelated",
            }
            for n, (label, word) in enumerate(list(WORDS.items()) * 12, start)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {
        "name": "t",
        "corpora": ["train.jsonl"],
        "validation": "validation.jsonl",
        "backbone": str(tiny_folder),
        "precision": "fp32",
        "epochs": 20,
        "batch_size": 8,
        "max_tokens": 64,
        "context_tokens": 16,
        "average": 0.9,
        "save_steps": 5,
        "export": "none",
    }
    path = tmp_path / "t.toml"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    return path


def start(recipe_file, out, *launcher):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, "-m", "training.train", recipe_file.name, "--out", out]
    return subprocess.Popen(
        command, cwd=recipe_file.parent, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_killed_at_any_moment_it_ends_as_if_unbroken(recipe_file):
    folder = recipe_file.parent
    assert start(recipe_file, "whole").wait() == 0
    assert not list(folder.glob("build/runs/*")), "a run that ended leaves no checkpoint"
    broken = start(recipe_file, "broken")
    while not list(folder.glob("build/runs/*/checkpoint-*/average.pt")):
        assert broken.poll() is None, broken.stderr.read()
        time.sleep(0.01)
    broken.send_signal(signal.SIGKILL)
    broken.wait()
    assert not (folder / "broken").exists()
    # A checkpoint that was being written when the process died is passed over.
    (next(folder.glob("build/runs/*")) / "checkpoint-9999").mkdir()
    again = start(recipe_file, "broken")
    _, said = again.communicate()
    assert again.returncode == 0 and "going on from" in said
    one, other = (load_file(folder / name / "model.safetensors") for name in ("whole", "broken"))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    steps = [json.loads(line)["step"] for line in (folder / "broken" / "training.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and steps[-1] == 120


def test_two_processes_train_one_model(recipe_file):
    run = start(recipe_file, "two", "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29577")
    out, error = run.communicate()
    assert run.returncode == 0, error
    assert out.count("written to two") == 1
    last = json.loads((recipe_file.parent / "two" / "training.jsonl").read_text().splitlines()[-1])
    assert last["of"] == 60  # half the steps of one process
    assert stance.load(recipe_file.parent / "two", backend="torch").classify("Delegation 3 said it would visit the truce.")


def test_it_stops_when_the_validation_loss_no_longer_falls(recipe_file, tmp_path, tiny_folder):
    corpus, held = (read_corpus(tmp_path / f"{name}.jsonl") for name in ("train", "validation"))
    given = Recipe("t", (), backbone=str(tiny_folder), precision="fp32", max_tokens=64, context_tokens=16, patience=2)
    given = dataclasses.replace(given, epochs=60, batch_size=8, learning_rate=2e-2, head_learning_rate=2e-2)
    model, _ = fit(given, corpus, tmp_path / "run", tmp_path / "log.jsonl", validation=held)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [record["eval_loss"] for record in log if "eval_loss" in record]
    assert len(losses) < 60 and min(losses) == losses[-3]
    # Killed after it stopped and before the model was written, it trains no further.
    again, _ = fit(given, corpus, tmp_path / "run", tmp_path / "log.jsonl", validation=held)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    assert again.plain_attention is model.plain_attention is False  # what is exported must not depend on it
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == log


def test_a_gpu_that_is_not_there_is_said(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(stance.InputError, match="torch finds no GPU here; say --set device=cpu"):
        fit(Recipe("t", (), backbone=str(tiny_folder), device="cuda"), None, tmp_path)
