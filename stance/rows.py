"""Rows of a table in, rows with their statements out, streamed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from .classifier import Classifier, check
from .errors import InputError
from .result import Statement
from .tables import Row, read_numbered, text_of


def placed(source: str, text_column: str | None = None) -> Iterator[tuple[str, Row]]:
    """A file's rows as they are, each with its place, for :func:`classify_rows`; errors as of ``read_numbered``."""
    for number, row in read_numbered(source, text_column, any_column=True):
        yield f"{source}, line {number}", row


def classify_rows(
    classifier: Classifier,
    rows: Iterable[tuple[str, Row]],
    issues: Any = None,
    context: str | None = None,
    context_column: str | None = None,
    abstain_below: float = 0.0,
    text_column: str | None = None,
) -> Iterator[tuple[Row, Statement]]:
    """Classify the text of every row; reads ahead no further than the classifier does.

    Args:
        rows: each with its place, for messages; they come back as they are.
        context, context_column: what was said before: one for all, or the column that holds it.
        text_column: the column that holds the text, ``text`` if not given.

    Raises:
        InputError: a row without text, without that column or without the context column, with its place.
    """
    if context is not None and context_column is not None:
        raise InputError("give --context or --context-column, not both")
    held: deque[Row] = deque()
    contexts: deque[str] = deque()

    def texts() -> Iterator[str]:
        for where, row in rows:
            text = check(text_of(row, text_column or "text", where), where)
            held.append(row)
            if context_column is not None:
                if context_column not in row:
                    raise InputError(f"{where}: no column {context_column!r}; the columns are: {', '.join(row)}")
                before = "" if row[context_column] is None else row[context_column]
                if not isinstance(before, str):
                    raise InputError(f"{where}: the context is {before!r}, not text; leave it empty where there is none")
                contexts.append(before)
            yield text

    def passed() -> Iterator[str]:
        while True:
            yield contexts.popleft()

    given = passed() if context_column is not None else context
    for statement in classifier.classify(texts(), issues, context=given, abstain_below=abstain_below):
        yield held.popleft(), statement
