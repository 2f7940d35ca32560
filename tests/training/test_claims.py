"""Claims out of public sets: which rows are taken, and which are not."""

import json

import pytest

pytest.importorskip("torch")

from training.claims import SETS, main


def put(folder, name, rows, split="train"):
    (folder / name).mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(dict(zip(("text", "target", "label"), row, strict=True))) for row in rows)
    (folder / name / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def taken(out):
    return [tuple(json.loads(line).values()) for line in (out / "claims.jsonl").open(encoding="utf-8")]


def test_short_statements_on_free_claims_are_taken_and_contradictions_are_not(tmp_path):
    free = "Cities should plant more trees."
    put(
        tmp_path,
        "ours",
        [
            ("Shade makes a hot street bearable.", free, "favor"),
            ("Roots break the pavement.", free, "against"),
            ("ROOTS break the pavement.", free, "favor"),
            ("The alliance must grow.", "Ukraine should join NATO", "favor"),
            ("Glory to the defenders.", "Ukraine", "favor"),
            ("word " * 46, free, "favor"),
        ],
    )
    assert main([str(tmp_path), "--sets", "ours", "--out", str(tmp_path)]) == 0
    rows = taken(tmp_path)
    assert ("Shade makes a hot street bearable.", free, "favor") in rows
    assert ("Glory to the defenders.", "Ukraine", "favor") in rows
    assert not [row for row in rows if row[0].lower().startswith(("roots", "the alliance", "word"))]
    assert all(row[2] == "unrelated" for row in rows[2:])  # strangers, if chance had any


def test_a_sample_is_the_same_every_time_and_a_model_can_learn_from_it(tmp_path, capsys):
    put(tmp_path, "ours", [(f"Statement number {n}.", f"Claim {n % 7}.", "favor") for n in range(200)])
    for name in "ab":
        assert main([str(tmp_path), "--sets", "ours", "--most", "50", "--out", str(tmp_path / name)]) == 0
    assert taken(tmp_path / "a") == taken(tmp_path / "b")
    own = [row for row in taken(tmp_path / "a") if row[2] == "favor"]
    assert len(own) == 50 < len(taken(tmp_path / "a"))
    assert all(int(claim[6]) == int(text.split()[-1][:-1]) % 7 for text, claim, _ in own)


def test_what_is_measured_on_is_left_out(tmp_path):
    known = "Nobody in this hall wants the bridge to be closed for another winter."
    put(tmp_path, "ours", [(known.upper(), "Bridges should close.", "against"), ("It creaks.", "Bridges should close.", "favor")])
    (tmp_path / "validation.jsonl").write_text(json.dumps({"text": known}) + "\n", encoding="utf-8")
    options = ["--sets", "ours", "--without", str(tmp_path / "validation.jsonl"), "--out", str(tmp_path)]
    assert main([str(tmp_path), *options]) == 0
    assert [row[0] for row in taken(tmp_path)] == ["It creaks."]


@pytest.mark.parametrize(
    "rows, why", [(None, "has no *train*.jsonl"), ([("Yes.", "Sanctions should stay.", "favor")], "no short")]
)
def test_what_cannot_be_taken_is_said(tmp_path, capsys, rows, why):
    if rows:
        put(tmp_path, "ours", rows)
    assert main([str(tmp_path), "--sets", "ours", "--out", str(tmp_path)]) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "claims.jsonl").exists()


def test_the_sets_whose_licence_allows_it_are_the_ones_taken_unasked(tmp_path, capsys):
    for n, name in enumerate(SETS):
        put(tmp_path, name, [(f"A reason, the {n}th.", f"Claim {n}.", "against")])
    assert main([str(tmp_path), "--out", str(tmp_path)]) == 0
    assert {row[1] for row in taken(tmp_path) if row[2] == "against"} == {f"Claim {n}." for n in range(len(SETS))}
