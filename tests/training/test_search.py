"""A search tries what the recipe names, and nothing else."""

import dataclasses
import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("optuna")

from test_train import corpora, recipe, runs  # noqa: F401

import stance
from stance.evaluation.corpus import read_corpus
from training import train
from training.search import search


def test_the_best_of_the_ranges_is_taken_and_every_trial_is_told(corpora, tiny_folder, tmp_path):  # noqa: F811
    given = dataclasses.replace(
        recipe(corpora, tiny_folder, epochs=4), search={"learning_rate": [1e-7, 1e-2], "batch_size": [4, 8, 16]}
    )
    corpus, held = (read_corpus(corpora / f"{name}.jsonl") for name in ("train", "validation"))
    best, found = search(given, corpus, held, 4, tmp_path)
    assert len(found) == 4 and [t["macro_f1"] for t in found] == sorted((t["macro_f1"] for t in found), reverse=True)
    assert all(1e-7 <= t["learning_rate"] <= 1e-2 and t["batch_size"] in (4, 8, 16) for t in found)
    assert len({t["learning_rate"] for t in found}) == 4
    assert (best.learning_rate, best.batch_size) == (found[0]["learning_rate"], found[0]["batch_size"])
    assert search(given, corpus, held, 2, tmp_path)[1] == sorted(
        search(given, corpus, held, 2, tmp_path)[1], key=lambda t: -t["macro_f1"]
    )


def test_another_validation_corpus_is_another_search(corpora, tiny_folder, tmp_path):  # noqa: F811
    given = dataclasses.replace(recipe(corpora, tiny_folder, epochs=8), search={"learning_rate": [1e-3]})
    corpus, held = (read_corpus(corpora / f"{name}.jsonl") for name in ("train", "validation"))
    first = search(given, corpus, held, 1, tmp_path)[1]
    turned = dataclasses.replace(held, labels=(held.labels + 1) % 4)
    assert search(given, corpus, turned, 1, tmp_path)[1][0]["macro_f1"] < first[0]["macro_f1"]


def test_the_command_line_searches_then_trains(corpora, tiny_folder, tmp_path):  # noqa: F811
    values = vars(recipe(corpora, tiny_folder, epochs=2))
    path = tmp_path / "r.toml"
    plain = {key: value for key, value in values.items() if isinstance(value, (str, int, float))}
    path.write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
        + f"corpora = {json.dumps(list(values['corpora']))}\n[search]\nepochs = [1, 2, 3]\n"
    )
    out = tmp_path / "out"
    assert train.main([str(path), "--out", str(out), "--search", "2"]) == 0
    trials = [json.loads(line) for line in (out / "search.jsonl").read_text().splitlines()]
    assert len(trials) == 2 and stance.load(out).manifest["training"]["recipe"]["epochs"] == trials[0]["epochs"]


def test_a_recipe_without_ranges_cannot_be_searched(corpora, tiny_folder, tmp_path):  # noqa: F811
    corpus = read_corpus(corpora / "train.jsonl")
    with pytest.raises(stance.InputError, match=r"no table \[search\]"):
        search(recipe(corpora, tiny_folder), corpus, corpus, 1, tmp_path)
