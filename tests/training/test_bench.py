"""Speed, measured: the counting is right, and the commands run through."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnxruntime.quantization")

import torch
from torch.utils.flop_counter import FlopCounterMode

import stance
from stance.backends.torch import load_model
from stance.packing import pack
from training import bench, rivals, roofline, steps


@pytest.fixture
def corpus(tmp_path):
    words = {"favor": "welcome", "against": "reject", "neutral": "discuss", "unrelated": "visit"}
    rows = [
        {"text": f"Delegation {n} said {'again ' * (n % 5)}that it would {word} the truce.", "ceasefire": label, "doc": f"d{n}"}
        for n, (label, word) in enumerate(list(words.items()) * 20)
    ]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_multiply_adds_are_those_that_torch_counts_less_what_no_token_may_read(tiny_folder):
    classifier = stance.load(tiny_folder)
    text = "The guns must fall silent today."
    statement = classifier._tokens.statements([text], [""])[0]
    packed = pack(statement, [classifier._tokens.proposition(issue.proposition) for issue in classifier.issues])
    model = load_model(tiny_folder)
    model.plain_attention = True  # matrix products that can be counted
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(**{name: torch.from_numpy(array) for name, array in packed.inputs().items()})
    (blocks,) = packed.blocks
    read = (blocks[None, :] == 0) | (blocks[None, :] == blocks[:, None])
    config = json.loads((tiny_folder / "config.json").read_text())
    unread = config["num_hidden_layers"] * 2 * config["hidden_size"] * (~read).sum()
    tokens, work = roofline.multiply_adds(classifier, [text])
    assert tokens == len(blocks)
    # In a plain implementation the head's first product is counted with the two halves of what it reads.
    assert work == pytest.approx(counter.get_total_flops() / 2 - unread, rel=0.01)


def test_systems_run_in_turn_after_a_round_that_only_warms_up():
    calls = []
    systems = {name: ((lambda texts, name=name: calls.append((name, len(texts)))), ["x"] * 20) for name in "ab"}
    found = bench.in_turn(systems, 2)
    assert calls == [("a", 8), ("b", 8), ("a", 20), ("b", 20), ("a", 20), ("b", 20)]
    assert all(len(seconds) == 2 and (seconds > 0).all() for seconds in found.values())


def test_bench_measures_everything_and_draws(corpus, tiny_folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    arguments = [str(corpus), "--model", str(tiny_folder), "--threads", "1", "--rounds", "1", "--train", str(corpus)]
    arguments += ["--beside", str(tiny_folder)]
    assert bench.main([*arguments, "-o", str(out)]) == 0
    found = json.loads((out / "bench.json").read_text())
    assert found == json.loads(capsys.readouterr().out) and found["statements"] == 80
    own = found["1 threads"]
    assert own["speed"]["stance"]["statements_per_second"] > 0 < own["one_statement"]["p50_ms"] <= own["one_statement"]["p95_ms"]
    assert 0.1 < own["speed"][str(tiny_folder)]["stance_times_as_fast"] < 10  # the same model
    assert set(own["by_issues"]) == {"3_over_1", "9_over_1", "10_over_1", "30_over_1", "tenth_over_nine"}
    assert 0 < own["roofline"]["share_of_int8_peak"] < 2
    # What a process uses must not be what the one that began it had used.
    assert all(30 < megabytes < 300 for megabytes in found["memory"].values())
    assert found["quality"][bench.TFIDF][0] > 0.9 and (out / "speed.png").stat().st_size > 5000


def test_memory_does_not_grow_with_a_stream(tiny_folder, capsys):
    assert bench.main(["--model", str(tiny_folder), "--stream", "20000"]) == 0
    few, many = json.loads(capsys.readouterr().out).values()
    assert many < few + 20


def test_bench_refuses_too_few_statements(corpus, tiny_folder, capsys):
    few = corpus.with_name("few.jsonl")
    few.write_text("".join(corpus.read_text().splitlines(keepends=True)[:5]))
    assert bench.main([str(few), "--model", str(tiny_folder)]) == 2
    assert "give 64" in capsys.readouterr().err


def test_bench_says_what_is_missing_before_it_measures(corpus, tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit):
        bench.main([])
    assert "name a CORPUS" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr(bench, "measure", lambda *a: pytest.fail("measured first"))
    assert bench.main([str(corpus), "--train", str(corpus), "-o", str(tmp_path / "out")]) == 2
    assert "pip install" in capsys.readouterr().err


def test_steps_times_every_other_way(corpus, tiny_folder, capsys):
    assert steps.main([str(corpus), "--model", str(tiny_folder), "--rounds", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    ratios = found["ratio_median_least_greatest"]
    assert ratios["as shipped"] == [1, 1, 1] and {"not sorted by length", "float32", "neither"} < set(ratios)
    assert sum(found["profile"]["whole"].values()) == pytest.approx(1, abs=0.01)


def test_the_other_graphs_mean_the_same(tiny_folder, tmp_path):
    classifier = stance.load(tiny_folder)
    texts = ["The guns must fall silent today.", "Ministers also took up grain exports.", "A pause would only help them."]
    ids, _ = classifier._tokens.statements(texts, [""] * 3)
    batch = pack(ids, [classifier._tokens.proposition(issue.proposition) for issue in classifier.issues])
    made = steps.graphs(tiny_folder, [batch], tmp_path)
    answers = {name: steps._Session(path, 1)(batch) for name, path in made.items()}
    assert np.allclose(answers["plain"], answers["float32"], atol=1e-4)
    assert all((logits.argmax(-1) == answers["plain"].argmax(-1)).mean() > 0.7 for logits in answers.values())
    assert np.array_equal(steps._unsorted(classifier)(texts), classifier.classify(texts))


def test_the_rivals_answer_every_statement_on_every_issue(tiny_folder):
    classifier = stance.load(tiny_folder, backend="torch")
    texts = ["The guns must fall silent today.", "Ministers also took up grain exports."]
    labels = [[s.label for s in statement] for statement in classifier.classify(texts)]
    found = rivals.torch_loop(tiny_folder, classifier.issues)(texts)
    assert [[stance.LABELS[k] for k in row] for (row,) in found] == labels
    by_issue = rivals.pipeline_pairs(tiny_folder, classifier.issues)(texts)
    assert [[len(answer) for answer in answers] for answers in by_issue] == [[4, 4]] * 3  # each label's score
    by_issue = rivals.tfidf(texts * 4, np.array([[0, 3, 1], [3, 3, 3]] * 4))(texts)
    assert [list(column) for column in by_issue] == [[0, 3], [3, 3], [1, 3]]
