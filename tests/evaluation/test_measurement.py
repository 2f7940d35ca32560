import json

import numpy as np
import pytest
from conftest import TEXTS

import stance
from stance.evaluation.corpus import MISSING, Corpus, read_corpus
from stance.evaluation.included import load_benchmark
from stance.evaluation.measurement import best, probabilities
from stance.evaluation.plots import write_plots
from stance.result import LABELS

GOLD = [
    ("against", "unrelated", "unrelated"),
    ("unrelated", "unrelated", "favor"),
    ("unrelated", "unrelated", "unrelated"),
    ("unrelated", "favor", "unrelated"),
    ("unrelated", "unrelated", "against"),
    ("neutral", "unrelated", "unrelated"),
]
ROWS = [
    {"text": f"{text} ({n})", "doc": n, "context": "Before.", "crimea": crimea, "nato": nato, "ceasefire": ceasefire}
    for n in range(4)
    for text, (crimea, nato, ceasefire) in zip(TEXTS, GOLD, strict=True)
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture(scope="module")
def report(path):
    pytest.importorskip("sklearn")
    return stance.evaluate(path, "tiny", samples=50)


def test_the_report_says_what_the_model_says(report, path, tiny):
    corpus = read_corpus(path)
    given = [[stance.LABELS.index(answer.label) for answer in row] for row in tiny.classify(list(corpus.texts))]
    right = np.array(given) == corpus.labels
    assert report.statements == 24 and report.documents == 4 and report.model == "tiny"
    assert np.trace(report.confusion.sum(0)) == right.sum()
    assert report.reliability.coverage[0].risk.value == pytest.approx(1 - right.mean())
    assert {"majority", "tfidf"} <= set(report.baselines)
    for name in report.baselines:
        gain = report.gains[name]["macro_f1"].value
        assert gain == pytest.approx(report.scores["macro_f1"].value - report.baselines[name]["macro_f1"].value)


def test_the_same_seed_gives_the_same_report(report, path):
    assert stance.evaluate(path, "tiny", samples=50).to_dict() == report.to_dict()


def test_the_tables_hold_every_figure_and_the_files_are_written(report, tmp_path):
    text = report.to_markdown()
    for words in ("24 statements, 4 documents", "majority", "TF-IDF", "precision", "risk-coverage", "| ceasefire | unrelated |"):
        assert words in text
    report.write(tmp_path / "new")
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == json.loads(json.dumps(report.to_dict()))
    assert text in (tmp_path / "new" / "report.md").read_text()
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_plots_are_drawn(report, tmp_path):
    pytest.importorskip("matplotlib")
    for made in write_plots(report, tmp_path):
        assert made.read_bytes().startswith(b"\x89PNG") and made.stat().st_size > 5000


def test_two_models_are_compared(path):
    pytest.importorskip("scipy")
    same = stance.evaluate(path, "tiny", "tiny", baselines=False, samples=50)
    assert same.comparison.mcnemar == 1 and same.comparison.difference["macro_f1"].value == 0
    assert "tiny minus tiny" in same.to_markdown()


def test_seeds_are_averaged_and_need_no_extra(path, tiny):
    found = stance.evaluate(path, [tiny, tiny], baselines=False, samples=50)
    assert len(found.each) == 2 and found.scores == found.each[0] and "mean of 2 models" in found.to_markdown()


def test_models_are_compared_on_an_included_benchmark_by_its_name(tiny):
    found = stance.evaluate("own-issues", tiny, [tiny, tiny], baselines=False, samples=50)
    assert found.corpus == "own-issues" and found.statements == len(load_benchmark("own-issues"))
    assert found.comparison.difference["macro_f1"].value == 0


def test_a_frame_and_a_corpus_to_train_the_baselines_on(path, report):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    found = stance.evaluate(pandas.read_json(path, lines=True), "tiny", train=path, samples=50)
    assert found.scores == report.scores
    assert found.baselines["tfidf"]["macro_f1"].value == 1  # it has seen the very rows


def test_an_issue_is_asked_only_where_it_is_labelled(tiny):
    labels = np.array([[0, MISSING], [MISSING, 1], [2, 3]])
    corpus = Corpus(("A truce.", "NATO.", "Both."), ("",) * 3, ("a", "b", "c"), stance.KEY_ISSUES[:2], labels)
    found = probabilities(tiny, corpus)
    assert np.isnan(found[0, 1]).all() and np.isnan(found[1, 0]).all()
    assert np.allclose(found[2].sum(-1), 1)
    whole = tiny.classify("Both.", stance.KEY_ISSUES[:2])
    assert np.allclose(found[2], [list(s.probabilities.values()) for s in whole], atol=1e-4)
    assert best(found)[0, 1] == LABELS.index("unrelated")


@pytest.mark.parametrize(
    "change,message",
    [
        ({"samples": 0}, "samples is a whole number from 1"),
        ({"model": []}, "no model given"),
        ({"model": "none"}, "no model 'none'"),
    ],
)
def test_bad_arguments_are_named(path, change, message):
    with pytest.raises(stance.StanceError, match=message):
        stance.evaluate(path, **{"model": "tiny", "baselines": False} | change)


def test_a_corpus_without_labels_is_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "A", "nato": ""}\n')
    with pytest.raises(stance.InputError, match="no statement of the corpus has a label"):
        stance.evaluate(path, "tiny")
