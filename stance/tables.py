"""Files and frames, in: rows out of text, CSV, JSONL and Parquet, one at a time.

A row is a plain dict. Writing is in :mod:`stance.writing`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from .errors import InputError

Row = dict[str, Any]
FORMATS_IN = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")
ENDINGS = (*FORMATS_IN, ".ndjson")
STDIN = "-"


def read(path: str | Path, text_column: str | None = None) -> Iterator[Row]:
    """Rows of a file, streamed; every row has the text under ``"text"``.

    The format is known by the ending: ``.csv``, ``.tsv``, ``.jsonl`` (``.ndjson``) and ``.parquet`` are tables, anything
    else, and ``-`` for standard input, is text with one statement a line (blank lines are passed over). All but Parquet
    may be compressed (``.jsonl.gz``).

    Args:
        path: the file, or ``-``.
        text_column: the column that holds the text, ``text`` if not given.

    Raises:
        InputError: a missing or unreadable file, a wrong encoding, a missing column, a broken line.
    """
    for _, row in read_numbered(path, text_column):
        yield row


def ending_of(name: str) -> str:
    """The ending by which a file's format is known, without that of its compression: ``.csv`` of ``A.CSV.gz``."""
    return Path(name.lower().removesuffix(".gz")).suffix


def read_numbered(path: str | Path, text_column: str | None = None, any_column: bool = False) -> Iterator[tuple[int, Row]]:
    """Like :func:`read`, with the line (Parquet: row) number of each row, from 1.

    With ``any_column`` rows are given as they are, whatever holds their text.
    """
    name = str(path)
    kind = ending_of(name)
    column = text_column or "text"
    if kind == ".parquet":
        rows = _parquet(Path(name))
    elif kind in (".csv", ".tsv"):
        rows = _csv(name, "\t" if kind == ".tsv" else ",")
    elif kind in (".jsonl", ".ndjson"):
        rows = _jsonl(name)
    else:
        if text_column:
            raise InputError(
                f"{name} is read as plain text, which has no columns; leave --text-column out, "
                f"or name the file {', '.join(FORMATS_IN[1:])}"
            )
        rows = ((number, {"text": line.strip()}) for number, line in _lines(name) if line.strip())
    for number, row in rows:
        if any_column:
            yield number, row
            continue
        text = text_of(row, column, f"{name}, line {number}")
        if column != "text":
            row = {"text": text, **{key: value for key, value in row.items() if key not in ("text", column)}}
        yield number, row


def text_of(row: Row, column: str, where: str) -> Any:
    """What a row has in its text column.

    Raises:
        InputError: there is no such column.
    """
    if column not in row:
        columns = ", ".join(str(key) for key in row)
        raise InputError(
            f"{where}: no column {column!r}; its columns are: {columns}. "
            "Say which one holds the text: --text-column NAME, or of a labelled corpus --columns text=NAME"
        )
    return row[column]


def _open(name: str) -> IO[bytes]:
    if name == STDIN:
        if sys.stdin is None:
            raise InputError("standard input is closed; name a file")
        return sys.stdin.buffer
    try:
        return gzip.open(name, "rb") if name.lower().endswith(".gz") else open(name, "rb")
    except FileNotFoundError:
        raise InputError(f"there is no file {name!r}; check the path, or put text in quotes") from None
    except IsADirectoryError:
        raise InputError(f"{name!r} is a folder; name a file in it") from None
    except OSError as error:
        raise InputError(f"{name!r} cannot be read: {error.strerror or error}") from None


def _lines(name: str) -> Iterator[tuple[int, str]]:
    """Decoded lines, UTF-8 with or without a byte-order mark."""
    source = _open(name)
    try:
        for number, raw in enumerate(source, 1):
            if b"\0" in raw:
                raise InputError(
                    f"{name}, line {number}: this is binary data or UTF-16, not UTF-8 text; "
                    "save it as UTF-8 text, or name a Parquet file .parquet"
                )
            if number == 1 and b"\r" in raw.rstrip(b"\r\n"):
                raise InputError(
                    f"{name}: its lines end in carriage returns alone (old Macintosh), so all of it is one line; save it with "
                    f"ordinary line ends, e.g. tr '\\r' '\\n' < {name} > lines{ending_of(name) or '.txt'}"
                )
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{name}, line {number}: byte {raw[error.start]:#04x} is not UTF-8; convert the file first, "
                    f"e.g. iconv -f WINDOWS-1252 -t UTF-8 {name} > utf8{Path(name).suffix or '.txt'}"
                ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name} is not a whole gzip file ({error}); copy it again") from None
    except OSError as error:
        raise InputError(f"{name!r} cannot be read: {error.strerror or error}") from None
    finally:
        if name != STDIN:
            source.close()


def _csv(name: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    limit = csv.field_size_limit(sys.maxsize)
    reader = csv.DictReader((line for _, line in _lines(name)), delimiter=delimiter, strict=True)
    try:
        if reader.fieldnames is None:
            raise InputError(f"{name} is empty; a CSV file starts with a line of column names, among them 'text'")
        if len(reader.fieldnames) == 1 and (other := next((c for c in ";\t|" if c in reader.fieldnames[0]), None)):
            raise InputError(
                f"{name}: columns seem to be separated by {other!r}, not {delimiter!r}; save it with commas, "
                "or with tabs and name it .tsv"
            )
        doubled = sorted({column for column in reader.fieldnames if reader.fieldnames.count(column) > 1})
        if doubled:
            raise InputError(f"{name}: two columns are named {doubled[0]!r}; rename one")
        for row in reader:
            if None in row or None in row.values():
                raise InputError(
                    f"{name}, line {reader.line_num}: this row has another number of fields than the header's "
                    f"{len(reader.fieldnames)}; put fields that hold commas in double quotes"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: broken CSV ({error}); mend that line") from None
    finally:
        csv.field_size_limit(limit)


def _jsonl(name: str) -> Iterator[tuple[int, Row]]:
    for number, line in _lines(name):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            what = "nested too deeply" if isinstance(error, RecursionError) else getattr(error, "msg", "a number too long")
            raise InputError(f"{name}, line {number}: broken JSON ({what}); each line must be one whole object") from None
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number}: a JSON {type(row).__name__}, but each line must be an object")
        yield number, row


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _open(str(path)).close()
    try:
        with pq.ParquetFile(path) as file:
            number, names = 0, file.schema_arrow.names
            if doubled := sorted({column for column in names if names.count(column) > 1}):
                raise InputError(f"{path}: two columns are named {doubled[0]!r}; rename one")
            for batch in file.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowInvalid, OSError) as error:
        what = str(error).splitlines()[0]
        raise InputError(f"{path} is not a whole Parquet file ({what}); write or copy it again") from None


def to_csv_line(values: Iterable[Any]) -> str:
    """One CSV line (RFC 4180 quoting), without the line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue()
