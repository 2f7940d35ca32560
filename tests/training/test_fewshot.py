"""What few rows of a new issue buy, on the seconds-small model."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from training import fewshot


def test_a_curve_of_every_way_with_its_sizes(tmp_path, tiny_folder, monkeypatch, capsys):
    for name, start in (("train", 0), ("test", 100)):
        rows = [
            {"text": f"Ward {n} would {word} the tolls.", "target": "Road tolls", "label": label}
            for n, (word, label) in enumerate([("welcome", "favor"), ("reject", "against")] * 20, start)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = [f"backbone={tiny_folder}", "epochs=15", "learning_rate=3e-3", "head_learning_rate=3e-3", "precision=fp32"]
    changes = ["--set", *changes, "max_tokens=64"]
    monkeypatch.setattr(fewshot, "WAYS", ("stance", "tfidf"))
    files = [str(tmp_path / f"{name}.jsonl") for name in ("train", "test")]
    assert fewshot.main([*files, "--target", "Road tolls", "--sizes", "0", "40", "--seeds", "2", *changes]) == 0
    out = capsys.readouterr().out
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert len(found) == 5  # nothing drawn: the proposition alone, once
    assert min(one["f_avg"] for one in found if one["rows"] == 40) > 0.8
    assert "| 40 | " in out
    assert fewshot.main([*files, "--target", "Bridges"]) == 2
    assert "Road tolls" in capsys.readouterr().err
