import pytest

from stance.errors import InputError
from stance.tables import read, read_numbered


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_text_is_one_statement_a_line_and_blank_lines_are_passed_over(tmp_path):
    path = put(tmp_path / "a.txt", "\ufeffOne.\n\n  Two. \r\nThree")
    assert list(read_numbered(path)) == [(1, {"text": "One."}), (3, {"text": "Two."}), (4, {"text": "Three"})]


def test_csv_keeps_other_columns_and_renames_the_text_column(tmp_path):
    path = put(tmp_path / "a.csv", 'id,said\n1,"a, b\nc"\n')
    assert list(read(path, "said")) == [{"text": "a, b\nc", "id": "1"}]


def test_jsonl_and_parquet_give_the_same_rows(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"text": "One.", "n": 1}, {"text": "Two.", "n": 2}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    put(tmp_path / "a.jsonl", '{"text": "One.", "n": 1}\n\n{"text": "Two.", "n": 2}\n')
    assert list(read(tmp_path / "a.parquet")) == list(read(tmp_path / "a.jsonl")) == rows


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("a.csv", "id,said\n1,x\n", "line 2: no column 'text'; its columns are: id, said"),
        ("a.csv", "", "is empty"),
        ("a.csv", "text,text\na,b\n", "two columns are named 'text'"),
        ("a.csv", "id,text\n1,a,b\n", "line 2: this row has another number of fields"),
        ("a.csv", "id,text\n1\n", "line 2: this row has another number of fields"),
        ("a.csv", 'id,text\n1,"a" b\n', "broken CSV"),
        ("a.csv", "id,text\r1,a\r", r"carriage returns alone .* tr '\\r' '\\n' < .*a.csv > lines.csv"),
        ("a.txt", "The guns fell silent.\rTalks go on.\r", "carriage returns alone"),
        ("a.jsonl", '{"text": "a"}\n' * 6 + '{"text": \n', "line 7: broken JSON"),
        ("a.jsonl", "[1]\n", "line 1: a JSON list"),
        ("a.jsonl", "[" * 100_000 + "\n", "line 1"),
        ("a.jsonl", '{"said": "a"}\n', "no column 'text'"),
        ("a.txt", "caf\u00e9".encode("latin-1"), "line 1: byte 0xe9 is not UTF-8"),
        ("a.txt", "\u00e9t\u00e9".encode("utf-16"), "binary data or UTF-16|not UTF-8"),
        ("a.txt", bytes(range(256)) * 10, "binary data|not UTF-8"),
        ("a.parquet", b"PAR1 and then nothing", "not a whole Parquet file"),
        ("a.parquet", b"", "not a whole Parquet file"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message):
        list(read(put(tmp_path / name, content)))


def test_a_parquet_file_cut_in_half(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": [f"Statement {n}." for n in range(1000)]}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(InputError, match="not a whole Parquet file"):
        list(read(put(tmp_path / "half.parquet", whole[: len(whole) // 2])))


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        list(read(tmp_path / "none.csv"))
    with pytest.raises(InputError, match="is a folder"):
        list(read(tmp_path))


def test_a_text_column_for_plain_text_is_a_mistake(tmp_path):
    with pytest.raises(InputError, match="plain text"):
        list(read(put(tmp_path / "a.txt", "x"), "said"))
