"""Labelled corpora: read, checked, and turned into arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..issues import KEY_ISSUES, Issue
from ..result import LABELS
from ..tables import read_numbered

MISSING = -1
_INDEX = {label: number for number, label in enumerate(LABELS)}


@dataclass(frozen=True)
class Corpus:
    """N labelled statements on K issues.

    Attributes:
        texts, contexts, documents: N strings each; a context may be empty, rows of one document belong together.
        issues: the K issues.
        labels: (N, K) indices into ``LABELS``; ``MISSING`` where a statement is not labelled on an issue.
    """

    texts: tuple[str, ...]
    contexts: tuple[str, ...]
    documents: tuple[str, ...]
    issues: tuple[Issue, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each issue has each label."""
        return {
            issue.name: {label: int((self.labels[:, k] == n).sum()) for label, n in _INDEX.items()}
            for k, issue in enumerate(self.issues)
        }

    def take(self, rows: Sequence[int] | np.ndarray) -> Corpus:
        """The rows numbered, in that order."""
        return Corpus(
            tuple(self.texts[i] for i in rows),
            tuple(self.contexts[i] for i in rows),
            tuple(self.documents[i] for i in rows),
            self.issues,
            self.labels[np.asarray(rows, dtype=int)],
        )


def read_corpus(paths: str | Path | Iterable[str | Path], issues: Sequence[Issue] = KEY_ISSUES) -> Corpus:
    """Read labelled statements from CSV, JSONL or Parquet.

    Two forms are read: one column an issue (``text,crimea,nato,...``, an empty cell is no label) and the long form
    ``text,target,label``, where a target is an issue's name or a proposition of its own; rows of one text are joined.
    Optional columns: ``context``, ``doc`` (rows that belong together), ``id``.
    ``texts.jsonl+labels.jsonl`` takes the texts from the first file and the labels, by ``id``, from the second.

    Raises:
        InputError: no row, no label column, an unknown label, a blank text; with file and line.
    """
    if isinstance(paths, (str, Path)):
        paths = [paths]
    rows: list[tuple[str, str, str, dict[str, int]]] = []
    known = {issue.name: issue for issue in issues}
    for path in paths:
        rows.extend(_rows(str(path), known))
    if not rows:
        raise InputError(f"no labelled statement in {', '.join(str(path) for path in paths)}")
    columns = {name: k for k, name in enumerate(known)}
    labels = np.full((len(rows), len(columns)), MISSING, dtype=np.int64)
    for n, row in enumerate(rows):
        for name, label in row[3].items():
            labels[n, columns[name]] = label
    texts, contexts, documents = zip(*(row[:3] for row in rows), strict=True)
    return Corpus(texts, contexts, documents, tuple(known.values()), labels)


def _rows(path: str, known: dict[str, Issue]) -> list[tuple[str, str, str, dict[str, int]]]:
    path, _, labels_path = path.partition("+")
    # The column "id" is asked for as the text, so it comes under that name.
    by_id = {row["text"]: (number, row) for number, row in read_numbered(labels_path, "id")} if labels_path else {}
    found: dict[tuple[str, str], tuple[str, str, str, dict[str, int]]] = {}
    for number, row in read_numbered(path):
        where = f"{path}, line {number}"
        if labels_path:
            if row.get("id") not in by_id:
                continue
            number, extra = by_id[row["id"]]
            where = f"{labels_path}, line {number}"
            row = row | {name: extra[name] for name in known if name in extra}
        text = row["text"]
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{where}: the text is {'blank' if isinstance(text, str) else repr(text)}; remove the row")
        given = _labels(row, known, where)
        document = str(row.get("doc") or f"{path}:{number}")
        context = str(row.get("context") or "")
        if "target" in row and (text, context) in found:
            found[text, context][3].update(given)
        else:
            key = (text, context) if "target" in row else (text, f"{context}\0{number}")
            found[key] = (text, context, document, given)
    return list(found.values())


def _labels(row: dict, known: dict[str, Issue], where: str) -> dict[str, int]:
    if "target" in row and "label" in row:
        target = row["target"]
        if not isinstance(target, str) or not target.strip():
            raise InputError(f"{where}: the target is blank; write an issue's name or a proposition there")
        known.setdefault(target, Issue(target.strip(), target.strip()))
        cells = {target: row["label"]}
    else:
        cells = {name: row[name] for name in known if row.get(name) not in (None, "")}
        if not any(name in row for name in known):
            raise InputError(
                f"{where}: no label column; have one column an issue ({', '.join(known)}) "
                f"or the columns target and label; this file has: {', '.join(map(str, row))}"
            )
    for name, label in cells.items():
        if label not in _INDEX:
            raise InputError(f"{where}: {name} is labelled {label!r}; allowed: {', '.join(LABELS)}")
    return {name: _INDEX[label] for name, label in cells.items()}
