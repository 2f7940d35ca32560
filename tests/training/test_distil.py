"""A student learns what its teacher says of text that nobody labelled."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from test_train import WORDS, corpora, recipe, runs, trained  # noqa: F401

import stance
from stance.evaluation.corpus import MISSING, read_corpus
from training import distil


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(distil, "CACHE", tmp_path / "cache")


def test_the_teacher_is_asked_of_labelled_cells_and_of_the_issues_on_other_text(trained, corpora, tiny_folder):  # noqa: F811
    given = recipe(corpora, tiny_folder)
    corpus = read_corpus(corpora / "train.jsonl")
    whole, soft = distil.taught(corpus, ["Delegation 5 said it would reject the truce."], trained[0], given)
    assert len(whole) == len(corpus) + 1 and (whole.labels[-1] == MISSING).all()
    assert soft.probabilities.shape == (len(whole), 3, 4) and np.allclose(soft.probabilities.sum(-1), 1, atol=1e-3)
    assert soft.probabilities[-1, 2].argmax() == 1
    (kept,) = (distil.CACHE).glob("*.npy")
    before = kept.stat().st_mtime_ns
    distil.taught(corpus, ["Delegation 5 said it would reject the truce."], trained[0], given)
    alone = distil.taught(corpus, ["It rained."], trained[0], dataclasses.replace(given, teacher_share=0.0))[1].probabilities
    assert np.isnan(alone[:-1]).all() and np.isfinite(alone[-1]).all(), (
        "without a share of it, it is not asked of what is labelled"
    )
    assert kept.stat().st_mtime_ns == before, "what was asked once is not asked again"


def test_the_teacher_is_not_asked_of_what_its_context_decides(trained, corpora, tiny_folder):  # noqa: F811
    corpus = read_corpus(corpora / "train.jsonl").take([0, 0, 1])
    corpus = dataclasses.replace(corpus, contexts=("Of the truce.", "Of the fish.", "They met."))
    found = distil.taught(corpus, [], trained[0], recipe(corpora, tiny_folder))[1].probabilities
    assert np.isnan(found[:2]).all() and np.isfinite(found[2]).any()


def test_a_student_learns_from_unlabelled_text(trained, corpora, tiny_folder, tmp_path):  # noqa: F811
    rows = [json.loads(line) for line in (corpora / "train.jsonl").read_text().splitlines()]
    (tmp_path / "few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:8]))
    words = list(WORDS.values()) * 30
    (tmp_path / "text.txt").write_text("".join(f"Envoy {n} said it would {word} the truce.\n" for n, word in enumerate(words)))
    path = tmp_path / "r.toml"
    values = {key: value for key, value in vars(recipe(corpora, tiny_folder)).items() if isinstance(value, (str, int, float))}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + 'corpora = ["few.jsonl"]\n')
    out = tmp_path / "student"
    arguments = [str(path), "--teacher", str(trained[0]), "--text", str(tmp_path / "text.txt"), "--out", str(out)]
    arguments += ["--corpus", str(tmp_path / "few.jsonl"), "--validation", str(corpora / "validation.jsonl")]
    assert distil.main([*arguments, "--set", "teacher_share=0.5", "epochs=15"]) == 0
    model = stance.load(out)
    for label, word in WORDS.items():
        assert model.classify(f"Delegation 107 said it would {word} the truce.")["ceasefire"].label == label
    assert model.manifest["training"]["taught_statements"] == 120
    card = (out / "README.md").read_text()
    assert "A teacher (test, written" in card and "120 unlabelled statements" in card and "`python -m training.distil`" in card


def test_text_of_the_validation_corpus_is_left_out(corpora, tmp_path):  # noqa: F811
    text = tmp_path / "text.txt"
    text.write_text("Delegation 100 said it would welcome the truce.\nAnother matter was taken up by the fisheries council.\n")
    assert distil.unlabelled([str(text)], read_corpus(corpora / "validation.jsonl")) == [
        "Another matter was taken up by the fisheries council."
    ]


def test_a_teacher_that_is_not_there_is_said(corpora, tiny_folder, tmp_path, capsys):  # noqa: F811
    path = tmp_path / "r.toml"
    path.write_text(f'name = "x"\ncorpora = [{json.dumps(str(corpora / "train.jsonl"))}]\n')
    assert distil.main([str(path), "--teacher", "nobody", "--out", str(tmp_path / "x")]) == 2
    assert "no model 'nobody'" in capsys.readouterr().err
