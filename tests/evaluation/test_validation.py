import json

import pytest

from stance.evaluation.validation import check_corpus


def put(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_sound_corpus_has_no_problem_and_is_counted(tmp_path):
    found = check_corpus(put(tmp_path / "a.jsonl", {"text": "A", "nato": "favor"}, {"text": "B", "nato": "against"}))
    assert found.problems == () and found.statements == 2
    assert found.counts == {"nato": {"favor": 1, "against": 1, "neutral": 0, "unrelated": 0}}


def test_every_problem_is_named_with_its_line_not_only_the_first(tmp_path):
    path = put(
        tmp_path / "a.jsonl",
        {"text": "A truce now.", "ceasefire": "favor", "nato": "unrelated"},
        {"text": "  ", "ceasefire": "favor"},
        {"text": "C", "ceasefire": "Favor"},
        {"text": "a  truce NOW.", "ceasefire": "favor"},
        {"text": "A truce now.", "ceasefire": "against"},
        {"text": "D", "ceasefire": "against", "nato": "unrelated"},
    )
    found = check_corpus(path)
    lines = [problem.split(": ", 1) for problem in found.problems]
    assert [(line.rsplit(" ", 1)[1], what.split(":")[0]) for line, what in lines if "line" in line] == [
        ("2", "the text is blank; remove the row"),
        ("3", "ceasefire is labelled 'Favor'; allowed"),
        ("4", f"repeats {path}, line 1"),
        ("5", f"the text of {path}, line 1, but labelled otherwise on ceasefire"),
    ]
    assert lines[-1] == ["nato", "every row has one label; a model needs at least two to tell apart"]
    assert found.statements == 4


def test_the_same_words_after_another_sentence_are_no_repeat(tmp_path):
    rows = [{"text": "No.", "context": c, "nato": label} for c, label in (("Join?", "against"), ("A bar?", "favor"))]
    assert check_corpus(put(tmp_path / "a.jsonl", *rows)).problems == ()


def test_the_long_form_repeats_a_text_for_each_target(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,target,label\nA,nato,favor\nA,whales,against\nB,nato,against\nB,whales,favor\nB,whales,favor\n")
    assert [p.split(": ")[1] for p in check_corpus(path).problems] == [f"repeats {path}, line 5"]


def test_text_near_another_split_is_found(tmp_path):
    one = put(
        tmp_path / "train.jsonl",
        {"text": "The two ministers agreed that the guns must fall silent before the harvest comes in.", "nato": "favor"},
        {"text": "Something else entirely.", "nato": "against"},
    )
    near = "He said the ministers agreed that the guns must fall silent before the harvest."
    two = put(tmp_path / "test.jsonl", {"text": near, "nato": "favor"})
    (problem,) = check_corpus(one, [two]).problems
    assert "train.jsonl, line 1" in problem and "test.jsonl, line 1" in problem


def test_a_broken_line_ends_the_reading_but_not_the_report(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "A", "nato": "pro"}\n{"text": \n')
    found = check_corpus(path)
    assert (
        len(found.problems) == 2
        and "line 2: broken JSON" in found.problems[1]
        and "the rest of it was not read" in found.problems[1]
    )


def test_a_frame_can_be_checked():
    pandas = pytest.importorskip("pandas")
    found = check_corpus(pandas.DataFrame({"text": ["A", None, "C"], "nato": ["favor", "favor", None]}))
    assert "the frame, line 2: the text is None" in found.problems[0]


def test_a_corpus_that_calls_its_columns_otherwise_is_sound(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("sentence,position\nA,pro\nB,con\n")
    found = check_corpus(path, columns={"text": "sentence", "nato": "position"}, labels={"pro": "favor", "con": "against"})
    assert found.problems == () and found.counts["nato"]["favor"] == 1


def test_every_file_and_every_cell_is_read(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("text,crimea,nato\nA b c.,fvor,agianst\n")
    two.write_text("text,nato,document\nB,faver,7\nC,favor,7\nD,against,8\n")
    problems = check_corpus([tmp_path / "none.csv", one, two], columns={"doc": "document"}).problems
    assert "there is no file" in problems[0]
    assert "'fvor'" in problems[1] and "'agianst'" in problems[1] and "'faver'" in problems[2] and len(problems) == 3
    assert check_corpus([one], columns={"doc": "document"}).problems[-1] == "no row of the corpus has a column 'document'"


def test_propositions_with_one_row_each_are_no_error_but_one_label_in_all_is(tmp_path):
    rows = [{"text": f"Text {n}", "target": f"Thing {n} holds.", "label": ("favor", "against")[n % 2]} for n in range(6)]
    assert check_corpus(put(tmp_path / "a.jsonl", *rows)).errors == []
    assert check_corpus(put(tmp_path / "b.jsonl", *rows[::2])).errors
    assert check_corpus(put(tmp_path / "c.jsonl", {"text": "A", "nato": None})).errors == [
        "no row has a label: every cell of an issue is empty"
    ]
