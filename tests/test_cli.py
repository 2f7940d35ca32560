import csv
import io
import json
import shutil
import subprocess
import sys

import pytest
from conftest import TEXTS

from stance.errors import MissingExtraError
from stance.evaluation.commands import evaluate

SCRIPT = "from stance.cli import main; main()"


def stance(*arguments, given=b"", **more):
    """Run the command line in a process of its own."""
    run = subprocess.run([sys.executable, "-c", SCRIPT, *map(str, arguments)], input=given, capture_output=True, **more)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def fails(*arguments, **more):
    """Run it, expect failure: one line, exit code 2, no traceback; returns the line."""
    code, out, error = stance(*arguments, **more)
    assert code == 2, (out, error)
    assert error.startswith("stance: ") and error.count("\n") == 1 and "Traceback" not in error, error
    return error


def test_texts_on_the_command_line_give_a_table():
    code, out, error = stance("classify", *TEXTS[:2], "--model", "tiny")
    assert code == 0 and error == ""
    for word in ("crimea", "nato", "ceasefire", *(text.split()[0] for text in TEXTS[:2])):
        assert word in out
    assert len(out.splitlines()) == 3


def test_standard_input_to_csv_and_on_through_a_pipe():
    code, out, _ = stance("classify", "-", "--model", "tiny", "-f", "csv", given="\n".join(TEXTS).encode())
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [row["text"] for row in rows] == TEXTS


def test_files_columns_own_issues_and_abstention(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("n,text,said,before\n1,Headline,They refused it.,The truce was on the table.\n")
    code, out, _ = stance(
        *("classify", path, "--text-column", "said", "--context-column", "before", "--model", "tiny"),
        *("-i", "nato,ceasefire", "-i", "aid=Aid, in kind, should go on.", "--abstain-below", "1", "-f", "jsonl"),
    )
    row = json.loads(out)
    given = {"n": "1", "text": "Headline", "said": "They refused it.", "before": "The truce was on the table."}
    assert code == 0 and given.items() <= row.items()  # nothing is renamed or lost
    assert list(row["stances"]) == ["nato", "ceasefire", "aid"]
    assert all(answer["label"] is None for answer in row["stances"].values())


def test_a_name_before_a_proposition_is_an_issue_too():
    code, out, _ = stance("classify", "A truce.", "-i", "nato,aid=Aid, in kind, should go on.", "--model", "tiny", "-f", "jsonl")
    assert code == 0 and list(json.loads(out)["stances"]) == ["nato", "aid"]


def test_an_output_file_is_written_whole_or_not_at_all(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.parquet"
    source.write_text('{"text": "A truce."}\n' * 6)
    code, out, error = stance("classify", source, "-o", target, "--model", "tiny")
    assert code == 0 and out == "" and "6 statements written" in error
    before = target.read_bytes()
    source.write_text('{"text": "A truce."}\n' * 6 + '{"text": \n')
    assert "line 7" in fails("classify", source, "-o", target, "--model", "tiny")
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["classify", "  "], "text 1 is blank"),
        (["classify", "x", "-i", "crimae"], "did you mean 'crimea'"),
        (["classify", "x", "-i", "nato,nato"], "two issues are named 'nato'"),
        (["classify", "x", "-i", "grain="], "proposition must be text"),
        (["classify", "x", "--model", "none"], "no model 'none'"),
        (["classify", "x", "-f", "xml"], "allowed: table, csv, jsonl, parquet"),
        (["classify", "x", "--abstain-below", "2"], "from 0 to 1"),
        (["classify", "x", "--abstain-below", "high"], "Invalid value for '--abstain-below'"),
        (["classify", "missing.csv"], "there is no file 'missing.csv'"),
        (["classify", "missing.csv.gz"], "there is no file 'missing.csv.gz'"),
        (["classify", "my missing file.csv"], "there is no file 'my missing file.csv'"),
        (["classify", "one.csv", "two.csv"], "one file at a time"),
        (["classify", "x", "-o", "out.tsv"], "ends in '.tsv'"),
        (["classify", "x", "--text-column", "said"], "--text-column is for files"),
        (["classify", "x", "-", "y"], "one file at a time"),
        (["classify", "x", "--context", "a", "--context-column", "b"], "not both"),
        (["classify"], "Missing argument"),
        (["clasify", "x"], "No such command"),
        (["classify", "x", "--bogus"], "No such option"),
    ],
)
def test_bad_usage_is_one_sentence(arguments, message):
    model = [] if "--model" in arguments or arguments[0] != "classify" else ["--model", "tiny"]
    assert message in fails(*arguments, *model)


def test_a_blank_row_in_a_file_is_named(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text\nA truce.\n \n")
    assert "in.csv, line 3 is blank" in fails("classify", path, "--model", "tiny")


def test_a_reader_that_goes_away_is_no_failure(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("A truce.\n" * 3000)
    command = f"'{sys.executable}' -c '{SCRIPT}' classify {path} -f jsonl --model tiny | head -1"
    run = subprocess.run(["bash", "-c", command], capture_output=True)
    assert run.stdout.count(b"\n") == 1 and run.stderr == b""


def test_lists_of_issues_and_models():
    code, out, _ = stance("issues", "--model", "tiny")
    assert code == 0 and "Ukraine should become a member of NATO." in out
    code, out, _ = stance("models")
    assert code == 0 and "tiny" in out


def test_help_names_every_option():
    code, out, _ = stance("classify", "--help", env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"})
    assert code == 0
    for option in ("--issues", "--model", "--text-column", "--context", "--abstain-below", "--format", "--output"):
        assert option in out


def test_no_arguments_show_the_help():
    code, out, _ = stance()
    assert code == 0 and "classify" in out


def test_check_names_every_problem_and_says_so_with_its_exit_code(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,nato\nJoin!,favor\nNever.,against\n")
    code, out, error = stance("check", path, "--model", "tiny")
    assert code == 0 and error == "" and "2 statements, 0 problems" in out and "| nato  | 1     | 1       |" in out
    path.write_text("text,nato\nJoin!,favor\n ,favor\nNever.,con\n")
    code, out, _ = stance("check", "none.csv", path, "--model", "tiny", "--apart-from", path)
    assert code == 1 and "there is no file 'none.csv'" in out  # and the other one is read all the same
    for words in ("line 3: the text is blank", "line 4: nato is labelled 'con'", "line 2: stands, wholly or nearly, in"):
        assert words in out


def test_evaluate_prints_a_table_and_writes_files(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "in.csv"
    path.write_text("text,nato,ceasefire\nJoin NATO!,favor,unrelated\nNever NATO.,against,unrelated\nA truce!,unrelated,favor\n")
    options = ("--model", "tiny", "--against", "tiny", "--samples", "20")
    code, out, error = stance("evaluate", path, *options, "-o", tmp_path / "made")
    assert code == 0 and "macro-F1" in out and "tiny minus tiny" in out and "written to" in error
    names = {made.name for made in (tmp_path / "made").iterdir()}
    assert names == {"report.json", "report.md", "reliability.png", "confusion.png", "coverage.png"}
    taken = tmp_path / "file"
    taken.write_text("mine")
    assert "cannot write into" in fails("evaluate", path, *options, "--no-baselines", "-o", taken)
    assert taken.read_text() == "mine"


def test_models_without_onnx_are_measured_in_torch(tmp_path, tiny_folder):
    pytest.importorskip("torch")
    trained = shutil.copytree(tiny_folder, tmp_path / "trained")
    values = json.loads((trained / "manifest.json").read_text())
    del values["files"]["model.onnx"]
    (trained / "manifest.json").write_text(json.dumps(values))
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text, "nato": "favor"}) + "\n" for text in TEXTS))
    options = ("--model", trained, "--no-baselines", "--samples", "20")
    assert "has no model.onnx" in fails("evaluate", path, *options)
    code, out, _ = stance("evaluate", path, *options, "--backend", "torch", "--against", trained)
    assert code == 0 and f"{len(TEXTS)} statements" in out
    assert "backend 'cuda' is not known; allowed: 'onnx', 'torch'" in fails("benchmark", "contrast", "--backend", "cuda")


def test_evaluate_says_that_it_cannot_draw_before_it_measures(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("stance.evaluation.measurement.evaluate", lambda *a, **k: pytest.fail("measured first"))
    with pytest.raises(MissingExtraError, match="pip install"):
        evaluate(["any.csv"], output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["evaluate", "none.csv", "--model", "tiny"], "there is no file 'none.csv'"),
        (["benchmark", "diplomatic", "--model", "tiny"], "benchmark 'diplomatic' is not known"),
        (["benchmark", "public", "--model", "tiny"], "name the folder that holds them"),
        (["benchmark", "--samples", "0"], "Invalid value for '--samples'"),
        (["check", "none.jsonl", "--model", "none"], "no model 'none'"),
    ],
)
def test_bad_usage_of_measuring_is_one_sentence(arguments, message):
    assert message in fails(*arguments)
