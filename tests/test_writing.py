import json

import pytest
from conftest import TEXTS

from stance.errors import InputError, OutputError
from stance.tables import read
from stance.writing import format_of, write


@pytest.fixture(scope="module")
def results(tiny):
    return [({"text": text, "n": str(n)}, tiny.classify(text)) for n, text in enumerate(TEXTS)]


def test_every_format_that_holds_data_reads_back(tmp_path, results):
    for ending in ("csv", "parquet"):
        path = tmp_path / f"out.{ending}"
        assert write(results, path, format_of(None, path)) == len(TEXTS)
        rows = list(read(path))
        assert [row["text"] for row in rows] == TEXTS and [row["n"] for row in rows] == [str(n) for n in range(len(TEXTS))]
        for row, (_, statement) in zip(rows, results, strict=True):
            assert row["crimea_label"] == statement["crimea"].label
            assert float(row["crimea_probability"]) == pytest.approx(statement["crimea"].probability, abs=1e-4)
    write(results, tmp_path / "out.jsonl", "jsonl")
    for line, (row, statement) in zip((tmp_path / "out.jsonl").read_text().splitlines(), results, strict=True):
        values = json.loads(line)
        assert values["text"] == row["text"]
        assert values["stances"]["nato"]["label"] == statement["nato"].label
        assert sum(values["stances"]["nato"]["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_a_table_shows_markup_and_control_characters_as_text(tmp_path, tiny):
    text = "[red]truce[/red] \x1b[31mnow"
    write([({"text": text}, tiny.classify(text))], tmp_path / "t.txt", "table")
    shown = (tmp_path / "t.txt").read_text()
    assert "[red]truce[/red]" in shown and "\x1b" not in shown


def test_a_failure_leaves_what_stood_there(tmp_path, results):
    path = tmp_path / "out.csv"
    path.write_text("precious")

    def breaks():
        yield from results
        raise InputError("row 7 is blank")

    for form in ("csv", "jsonl", "parquet", "table"):
        with pytest.raises(InputError, match="row 7"):
            write(breaks(), path, form)
        assert path.read_text() == "precious"
        assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_disk_that_fills_is_one_sentence(results):
    from pathlib import Path

    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("no /dev/full here")
    for form in ("csv", "jsonl", "parquet"):
        with pytest.raises(OutputError, match="No space left"):
            write(results, full, form)
    assert full.is_char_device()


def test_a_folder_or_a_missing_one_is_refused(tmp_path, results):
    with pytest.raises(OutputError, match="is a folder"):
        write(results, tmp_path, "csv")
    with pytest.raises(OutputError, match="cannot be written"):
        write(results, tmp_path / "none" / "out.csv", "csv")


def test_a_column_of_ours_in_the_input_is_not_overwritten(tmp_path, tiny):
    row = {"text": "x", "crimea_label": "mine"}
    with pytest.raises(InputError, match="'crimea_label' already"):
        write([(row, tiny.classify("x"))], tmp_path / "a.csv", "csv")


def test_rows_with_other_columns_do_not_fit_in_csv(tmp_path, tiny):
    s = tiny.classify("x")
    with pytest.raises(InputError, match="write JSONL"):
        write([({"text": "x"}, s), ({"text": "x", "more": 1}, s)], tmp_path / "a.csv", "csv")


def test_the_format_follows_the_ending_unless_named(tmp_path):
    assert format_of(None, tmp_path / "a.PARQUET") == "parquet"
    assert format_of(None, None) == format_of(None, tmp_path / "a.txt") == "table"
    assert format_of("csv", tmp_path / "a") == "csv"
    for name, file, message in (
        ("xml", None, "allowed: table, csv, jsonl, parquet"),
        (None, "a.tsv", r"ends in '.tsv'; allowed: .csv"),  # and not a table to read, which has lost the columns
        (None, "a.csv.gz", r"ends in '.gz'"),
        ("csv", "a.parquet", "named as parquet, but the format asked for is csv"),
    ):
        with pytest.raises(InputError, match=message):
            format_of(name, file and tmp_path / file)


def test_parquet_refuses_what_it_would_lose(tmp_path, tiny):
    from datetime import datetime

    s, target = tiny.classify("x"), tmp_path / "a.parquet"
    rows = [{"text": "x", "m": {"a": 1}}] * 4096
    with pytest.raises(InputError, match="write JSONL"):
        write([(row, s) for row in [*rows, {"text": "x", "m": {"a": 1, "b": "kept"}}]], target, "parquet")
    assert not target.exists()
    write([(row, s) for row in [*rows, {"text": "x", "m": {"a": 2}}]], target, "parquet")
    assert [row["m"]["a"] for row in read(target)][-2:] == [1, 2]
    exact = type("Exact", (datetime,), {"nanosecond": 1})(2026, 1, 1)
    with pytest.raises(InputError, match="nanoseconds"):
        write([({"text": "x", "at": exact}, s)], target, "parquet")


def test_odd_values_are_still_json_and_csv(tmp_path, tiny):
    from datetime import date

    s = tiny.classify("x")
    row = {"text": "x", "n": float("nan"), "many": [float("inf"), date(2026, 1, 1)], "half\ud800": "\ud800"}
    write([(row, s), (dict(reversed(row.items())), s)], tmp_path / "a.jsonl", "jsonl")
    for line in (tmp_path / "a.jsonl").read_text().splitlines():
        values = json.loads(line, parse_constant=pytest.fail)
        assert values["n"] is None and values["many"] == [None, "2026-01-01"]
    write([(row, s), (dict(reversed(row.items())), s)], tmp_path / "a.csv", "csv")  # the order of the keys is no other column
    first, second = read(tmp_path / "a.csv")
    assert first == second


def test_every_answer_is_in_a_table_however_many_issues(tmp_path, tiny):
    from stance import Issue

    issues = [Issue(f"[red]issue {n}", f"Thing {n} should be done.") for n in range(14)]
    write([({"text": "Words."}, tiny.classify("Words.", issues))], tmp_path / "t.txt", "table")
    header, row = (tmp_path / "t.txt").read_text().splitlines()
    assert all(issue.name in header for issue in issues) and row.split()[0] == "Words." and row.count("0.") == 14


def test_an_output_keeps_its_permissions_and_a_link_its_target(tmp_path, results):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write(results, link, "csv")
    assert link.is_symlink() and len(list(read(real))) == len(TEXTS) and real.stat().st_mode & 0o777 == 0o600
