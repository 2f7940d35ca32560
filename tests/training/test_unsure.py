"""What a model is least sure of comes first, and nothing that is labelled already."""

import json

import pytest

pytest.importorskip("torch")

from training import unsure


def test_the_least_sure_come_first_and_what_is_known_stays_out(tiny, tmp_path, capsys):
    words = ("truce", "alliance", "harbour", "bridge", "harvest", "summit", "border", "tariff")
    texts = [f"Delegate {n} spoke at some length about the {word} and its {words[n - 1]}." for n, word in enumerate(words)]
    text, known, out = tmp_path / "text.jsonl", tmp_path / "known.jsonl", tmp_path / "new" / "out.jsonl"
    text.write_text("".join(json.dumps({"id": n, "text": t}) + "\n" for n, t in enumerate([*texts, texts[0], " "])))
    known.write_text(json.dumps({"text": texts[3]}) + "\n")
    options = [str(text), "--model", "tiny", "--out", str(out)]
    assert unsure.main(options) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    least = [min(answer.probability for answer in tiny.classify(row["text"])) for row in rows]
    assert least == sorted(least) and sorted(row["text"] for row in rows) == sorted(texts) and "id" in rows[0]
    assert unsure.main([*options, "--most", "3", "--without", str(known)]) == 0
    few = [json.loads(line) for line in out.read_text().splitlines()]
    assert few == [row for row in rows if row["text"] != texts[3]][:3]
    assert unsure.unsure(rows, tiny, below=least[2]) == rows[:2]
    assert unsure.main([*options, "--below", "2"]) == 2 and "got 2.0" in capsys.readouterr().err
