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
