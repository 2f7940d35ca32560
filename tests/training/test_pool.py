"""Sentences out of running text."""

import json

from training import pool


def test_sentences_with_a_cue_come_once_each_and_keep_their_id(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text(
        "We spoke of fish. The guns must fall silent in the valley today! It rained on the delegates all day.\n"
        "The guns must fall silent in the valley today! Crimea again.\n"
    )
    out = tmp_path / "deep" / "pool.jsonl"
    assert pool.main([str(text), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["text"] for row in rows] == ["The guns must fall silent in the valley today!"]
    assert rows[0]["context"] == "We spoke of fish."
    assert rows[0]["id"] == pool.identifier(rows[0]["text"]) and len(rows[0]["id"]) == 13
    before = out.read_text()
    assert pool.main(["none.txt", "--out", str(out)]) == 2 and out.read_text() == before
    assert "there is no file" in capsys.readouterr().err


def test_cues_of_ones_own(tmp_path, capsys):
    text, out = tmp_path / "text.txt", tmp_path / "pool.jsonl"
    text.write_text("The embargo must be lifted before the winter comes. The guns must fall silent in the valley today!\n")
    assert pool.main([str(text), "--out", str(out), "--cues", "sanction|EMBARGO"]) == 0
    assert [json.loads(line)["text"] for line in out.read_text().splitlines()] == [
        "The embargo must be lifted before the winter comes."
    ]
    assert pool.main([str(text), "--out", str(out), "--cues", "embargo("]) == 2
    assert "--cues is a regular expression, got 'embargo('" in capsys.readouterr().err
