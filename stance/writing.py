"""Results out: a table to read, CSV, JSONL or Parquet; never half a file.

A file is written beside its place and moved there when it is whole, so a failure leaves what stood there.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .classifier import columns_of
from .errors import InputError, OutputError, StanceError
from .result import Statement
from .tables import Row, to_csv_line

FORMATS = ("table", "csv", "jsonl", "parquet")
Result = tuple[Row, Statement]
_PARQUET_ROWS = 4096
_STATEMENT, _ANSWER = 40, len("unrelated 0.99")  # least widths in a table


def format_of(name: str | None, output: Path | None) -> str:
    """The format asked for, else the one of the output's ending; a table for the screen, ``.txt`` and names without an ending.

    Raises:
        InputError: an unknown format or ending, or a format that is not the ending's.
    """
    if name is not None and name not in FORMATS:
        raise InputError(f"format {name!r} is not known; allowed: {', '.join(FORMATS)}")
    ending = output.suffix.lower() if output else ""
    meant = {"": name or "table", ".txt": "table", ".ndjson": "jsonl"} | {f".{form}": form for form in FORMATS[1:]}
    if ending not in meant:
        raise InputError(f"{output} ends in {ending!r}; allowed: .csv, .jsonl, .parquet, or .txt for a table to read")
    if name not in (None, meant[ending]):
        raise InputError(f"{output} is named as {meant[ending]}, but the format asked for is {name}; change one of the two")
    return meant[ending]


def write(results: Iterable[Result], output: Path | None, form: str) -> int:
    """Write results as they come, to a file or, with None, to standard output; returns how many.

    Raises:
        OutputError: the file cannot be written (a full disk, no permission, no such folder).
    """
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise InputError("Parquet is binary; name a file for it: -o result.parquet")
    writer = {"table": _table, "csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[form]
    count = 0

    def counted() -> Iterator[Result]:
        nonlocal count
        for result in results:
            yield result
            count += 1

    with replacing(output) as file:
        writer(counted(), file)
    return count


@contextmanager
def replacing(output: Path | None) -> Iterator[IO[bytes]]:
    """A file to write: in its place only when it is whole; with None, standard output.

    Raises:
        OutputError: it cannot be written.
    """
    where = "standard output" if output is None else str(output)
    temporary: str | None = None
    try:
        if output is None:
            if sys.stdout is None:
                raise OutputError("standard output is closed; name a file: -o result.csv")
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        if output.is_dir():
            raise OutputError(f"{where} is a folder; name a file in it")
        if output.exists() and not output.is_file():  # a pipe or a device is written to, not replaced
            with output.open("wb") as file:
                yield file
            return
        output = output.resolve()  # a link stays one
        handle, temporary = tempfile.mkstemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, output.stat().st_mode & 0o777 if output.exists() else 0o666 & ~_umask())
        os.replace(temporary, output)
        temporary = None
    except (BrokenPipeError, StanceError):
        raise
    except OSError as error:
        kept = "" if output is None else "; nothing was changed there"
        raise OutputError(f"{where} cannot be written: {error.strerror or error}{kept}") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def flat(row: Row, statement: Statement) -> Row:
    """One row of a table: the columns given, then each issue's label and probability.

    Raises:
        InputError: a column of ours is there already.
    """
    extra: Row = {}
    for stance in statement:
        label, probability = columns_of(stance.issue)
        extra |= {label: stance.label, probability: round(stance.probability, 4)}
    extra["truncated"] = statement.truncated
    if taken := [column for column in extra if column in row]:
        raise InputError(f"the input has a column {taken[0]!r} already; rename it, so that nothing is lost")
    return row | extra


def _csv(results: Iterable[Result], file: IO[bytes]) -> None:
    columns = None
    for count, (row, statement) in enumerate(results, 1):
        values = flat(row, statement)
        if columns is None:
            columns = list(values)
            file.write((to_csv_line(columns) + "\n").encode("utf-8", "replace"))
        if values.keys() != set(columns):
            raise InputError(f"row {count} has other columns than the first, which CSV cannot hold; write JSONL: --format jsonl")
        file.write((to_csv_line(_cell(values[column]) for column in columns) + "\n").encode("utf-8", "replace"))


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else value


def _jsonl(results: Iterable[Result], file: IO[bytes]) -> None:
    for row, statement in results:
        if taken := [column for column in ("stances", "truncated") if column in row]:
            raise InputError(f"the input has a column {taken[0]!r} already; rename it, so that nothing is lost")
        stances = {
            stance.issue: {
                "label": stance.label,
                "probability": round(stance.probability, 4),
                "probabilities": {label: round(p, 4) for label, p in stance.probabilities.items()},
            }
            for stance in statement
        }
        line = _mapped(row, _finite) | {"stances": stances, "truncated": statement.truncated}
        file.write((json.dumps(line, ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace"))


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A nested value with ``change`` made of all that is in it, keys too."""
    if isinstance(value, dict):
        return {change(key): _mapped(own, change) for key, own in value.items()}
    return [_mapped(own, change) for own in value] if isinstance(value, list) else change(value)


def _finite(value: Any) -> Any:
    """JSON has no word for what is no number; it becomes null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parquet(results: Iterable[Result], file: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, part, columns = None, [], None

    def put() -> None:
        nonlocal writer
        try:
            given = pa.Table.from_pylist(part)
            # A column that is empty so far may yet hold something.
            table = given.cast(writer.schema if writer else pa.schema([_known(field) for field in given.schema]))
            for before, now in zip(given.columns, table.columns, strict=True):
                # A cast of plain values loses nothing, or fails; one of nested values may leave fields out.
                if pa.types.is_nested(now.type) and before.type != now.type and _kept(before) != _kept(now):
                    raise pa.ArrowInvalid(f"{before.type} is not {now.type}")
        except (pa.ArrowException, OverflowError, NotImplementedError) as error:
            what = " ".join(str(error).split())
            raise InputError(f"Parquet cannot hold these rows together ({what}); write JSONL instead") from None
        if writer is None:
            writer = pq.ParquetWriter(file, table.schema)
        writer.write_table(table)

    def _kept(column: pa.ChunkedArray) -> list:
        return [_filled(value) for value in column.to_pylist()]

    def _known(field: pa.Field) -> pa.Field:
        return field.with_type(pa.string()) if pa.types.is_null(field.type) else field

    try:
        for count, (row, statement) in enumerate(results, 1):
            values = {key: _mapped(value, _whole) for key, value in flat(row, statement).items()}
            columns = columns or set(values)
            if set(values) != columns:
                odd = ", ".join(sorted(map(str, columns ^ set(values))))
                raise InputError(
                    f"row {count} has other columns than the first ({odd}), which Parquet cannot hold; write JSONL instead"
                )
            part.append(values)
            if len(part) == _PARQUET_ROWS:
                put()
                part = []
        if part or writer is None:
            put()
    finally:
        if writer:
            writer.close()


def _filled(value: Any) -> Any:
    """A nested value without the fields that are empty."""
    if isinstance(value, dict):
        return {key: _filled(own) for key, own in value.items() if own is not None}
    return [_filled(own) for own in value] if isinstance(value, list) else value


def _whole(value: Any) -> Any:
    """Text that can be encoded: half a surrogate pair becomes a question mark."""
    if getattr(value, "nanosecond", 0):
        raise InputError(f"Parquet would lose the nanoseconds of {value}; write JSONL, or round them first")
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value


def _table(results: Iterable[Result], file: IO[bytes]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"favor": "green", "against": "red", "neutral": "yellow", "unrelated": "dim", None: "magenta"}
    table = None
    for _, statement in results:
        if table is None:
            table = Table(box=None, pad_edge=False, header_style="bold")
            table.add_column("statement", ratio=1)
            for issue in statement.issues:
                table.add_column(Text(issue), no_wrap=True)
            # Answers are never left out to fit: on a narrow terminal lines run on.
            needed = _STATEMENT + sum(max(len(issue), _ANSWER) + 2 for issue in statement.issues)
        shown = statement.text if not statement.truncated else f"{statement.text[:200]} … (only the beginning was read)"
        cells = [
            Text(f"{stance.label or 'unsure'} {stance.probability:.2f}", style=colours[stance.label]) for stance in statement
        ]
        # Text, not markup: brackets and control characters in a statement are shown, not obeyed.
        table.add_row(Text("".join(c if c.isprintable() else " " for c in shown)), *cells)
    if table is not None:
        if file is sys.stdout.buffer and sys.stdout.isatty():
            Console(width=max(Console().width, needed)).print(table)
        else:
            text = io.StringIO()
            Console(file=text, width=max(120, needed)).print(table)
            file.write(text.getvalue().encode("utf-8", "replace"))
