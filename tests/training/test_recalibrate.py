"""A model's probabilities fitted to other text."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from test_train import corpora, trained  # noqa: F401

import stance
from training import recalibrate

TEXTS = [f"Delegation {n} said it would {word} the truce." for n, word in enumerate(("welcome", "reject", "discuss", "visit"))]


def test_the_probabilities_move_and_the_labels_stay(trained, corpora, tmp_path, capsys):  # noqa: F811
    rows = [json.loads(line) for line in (corpora / "validation.jsonl").read_text().splitlines()]
    for n, row in enumerate(rows[::3]):  # a third of these labels say that it is too sure
        row["ceasefire"] = ("favor", "against", "neutral")[n % 3]
    corpus, out = tmp_path / "mine.jsonl", tmp_path / "fitted"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert recalibrate.main([str(trained[0]), str(corpus), "--out", str(out)]) == 0
    assert "written to" in capsys.readouterr().out
    before, after = (stance.load(folder).classify(TEXTS) for folder in (trained[0], out))
    for old, new in zip(before, after, strict=True):
        assert old["ceasefire"].label == new["ceasefire"].label
        assert new["ceasefire"].probability < old["ceasefire"].probability
    told = json.loads((out / "manifest.json").read_text())
    assert told["validation"]["corpus"] == str(corpus) and told["validation"]["statements"] == len(rows)
    assert str(corpus) in (out / "README.md").read_text()
    # In its own place: the same again.
    assert recalibrate.main([str(out), str(corpus), "--out", str(out)]) == 0
    assert stance.load(out).classify(TEXTS) == after and {path.name for path in tmp_path.iterdir()} == {"mine.jsonl", "fitted"}


def test_issues_it_never_saw_get_a_temperature_of_their_own(trained, corpora, tmp_path, capsys):  # noqa: F811
    other = "Ports should be opened."
    labels = ("favor", "against", "neutral", "unrelated")
    rows = [{"text": f"Delegation {n} would {n * n} the quay.", "target": other, "label": labels[n % 4]} for n in range(40)]
    (tmp_path / "other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out, options = tmp_path / "fitted", ["--unseen", str(tmp_path / "other.jsonl"), "--out"]
    assert recalibrate.main([str(trained[0]), *options, str(out)]) == 0
    asked = ["ceasefire", stance.Issue("ports", other)]
    before, after = (stance.load(folder).classify(TEXTS, asked) for folder in (trained[0], out))
    assert [old["ceasefire"] for old in before] == [new["ceasefire"] for new in after]
    assert all(new["ports"].probability < old["ports"].probability for old, new in zip(before, after, strict=True))
    told = json.loads((out / "manifest.json").read_text())["validation"]["unseen"]
    assert told["statements"] == told["labels"] == 40 and told["propositions"] == 1 and 0 <= told["right"] <= 1
    assert "40 labels of 40 statements on 1 such propositions" in (out / "README.md").read_text()
    # Fitted to other text of its own issues, it keeps that.
    assert recalibrate.main([str(out), str(corpora / "validation.jsonl"), "--out", str(tmp_path / "again")]) == 0
    assert stance.load(tmp_path / "again").classify(TEXTS, asked[1:]) == stance.load(out).classify(TEXTS, asked[1:])


@pytest.mark.parametrize(
    "given,message",
    [
        ([], "there is nothing to calibrate on"),
        (["--unseen", "none.jsonl"], "there is no file 'none.jsonl'"),
        (["--unseen", "own.jsonl"], "the model was trained on 'The fighting should stop now.'"),
    ],
)
def test_what_is_no_unseen_issue_is_said(trained, tmp_path, monkeypatch, capsys, given, message):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    labels = ("favor", "against", "neutral", "unrelated")
    rows = [
        {"text": text, "target": "The fighting should stop now.", "label": own} for text, own in zip(TEXTS, labels, strict=True)
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert recalibrate.main([str(trained[0].resolve()), *given, "--out", "out"]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "rows,message",
    [
        (["Join!,favour,a", "Never.,against,b"], "line 2: nato is labelled 'favour'"),
        (["Join!,favor,a", "Never.,against,a"], "all rows are of one document"),
    ],
)
def test_a_corpus_that_cannot_be_used_leaves_nothing(trained, tmp_path, capsys, rows, message):  # noqa: F811
    (tmp_path / "in.csv").write_text("text,nato,doc\n" + "\n".join(rows) + "\n")
    assert recalibrate.main([str(trained[0]), str(tmp_path / "in.csv"), "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
