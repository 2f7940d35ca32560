"""Training on a published set."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from training import train
from training.public import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "RUNS", tmp_path / "runs")
    (tmp_path / "data" / "pstance").mkdir(parents=True)
    for split, start in (("train", 0), ("validation", 40), ("test", 80)):
        rows = [
            {
                "Tweet": f"I {('love', 'hate')[n % 2]} the candidate of ward {n} and that is all there is to say",
                "Target": "The\u00a0candidate",
                "Stance": ("FAVOR", "AGAINST")[n % 2],
            }
            for n in range(start, start + 40)
        ]
        if split != "test":  # somebody was of two minds
            rows += [rows[6] | {"Stance": "AGAINST"}]
        if split == "validation":  # a retweet
            rows.append(
                {
                    "Tweet": "RT I love the candidate of ward 0 and that is all there is to say",
                    "Target": "The candidate",
                    "Stance": "FAVOR",
                }
            )
        (tmp_path / "data" / "pstance" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


SMALL = (
    "epochs=30",
    "batch_size=8",
    "learning_rate=3e-3",
    "head_learning_rate=3e-3",
    "average=0.0",
    "max_tokens=64",
    "precision=fp32",
)


def test_a_set_is_trained_on_and_its_test_split_measured_only_when_asked(folder, tiny_folder, capsys):
    run = ["pstance", "--data", str(folder / "data"), "--out", str(folder / "out"), "--set", f"backbone={tiny_folder}", *SMALL]
    assert main(run) == 0
    out, error = capsys.readouterr()
    assert "pstance validation" in out and "pstance test" not in out
    assert "1 training rows stand" in error and "2 training rows have two labels" in error
    assert "2 validation rows have two labels" in error and "n = 42" in out  # but measured they are
    kept = [json.loads(line)["text"] for line in (folder / "pstance-train.jsonl").read_text().splitlines()]
    assert len(kept) == 38 and not any("ward 0 " in text for text in kept)
    assert main([*run, "--test"]) == 0
    tested = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("pstance test"))
    assert "n = 40" in tested and "published: BERTweet" in tested
    assert float(tested.split(": ")[1].split(" ")[0]) > 90  # two words decide


def test_a_split_that_is_not_there_is_said(folder, capsys):
    assert main(["vast", "--data", str(folder / "data")]) == 2
    assert "has no train split" in capsys.readouterr().err
