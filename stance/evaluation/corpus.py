"""Labelled corpora: read, checked, and turned into arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError
from ..issues import KEY_ISSUES, Issue
from ..result import LABELS
from ..tables import read_numbered

MISSING = -1
OPPOSITE = {"favor": "against", "against": "favor"}
HUB = "hf:"
NO_MAP: Mapping[str, str] = MappingProxyType({})
NO_LABEL_COLUMN = "no label column"
NOT_LABELS = ("text", "context", "doc", "id", "target", "reverse")
_INDEX = {label: number for number, label in enumerate(LABELS)}


class NeverThereError(InputError):
    """A column that was named is in no row."""


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

    def distinct(self) -> Corpus:
        """The first row of each text, in order."""
        first: dict[str, int] = {}
        for n, text in enumerate(self.texts):
            first.setdefault(text, n)
        return self.take(list(first.values()))


def read_corpus(
    source: Any,
    issues: Sequence[Issue] = KEY_ISSUES,
    columns: Mapping[str, str] = NO_MAP,
    labels: Mapping[str, str] = NO_MAP,
) -> Corpus:
    """Read labelled statements from CSV, JSONL or Parquet files, or from a pandas or polars frame.

    Two forms are read: one column an issue (``text,crimea,nato,...``, an empty cell is no label) and the long form
    ``text,target,label``, where a target is an issue's name or a proposition of its own; rows of one text are joined.
    A column ``reverse`` beside them holds the contrary of the target: it becomes an issue too, on which who is for the
    target is against it. Optional columns: ``context``, ``doc`` (rows that belong together), ``id``.
    ``texts.jsonl+labels.jsonl`` takes the texts from the first file and the labels, by ``id``, from the second.

    Besides files and frames, ``hf:org/name`` or ``hf:org/name:split`` takes a data set from the hub, and a folder that
    ``datasets`` saved, or an ``.arrow`` file, is read too (these need the extra ``train``).

    Args:
        source: a path, several, or a frame.
        issues: the issues that may be columns; their order is that of the labels.
        columns: what the corpus calls a column, by the name it has here, e.g. ``{"text": "sentence", "nato": "position"}``.
        labels: what the corpus's labels are called here, e.g. ``{"pro": "favor", "con": "against"}``.

    Raises:
        InputError: no row, no label column, an unknown label, a blank text; with file and line.
    """
    known = {issue.name: issue for issue in issues}
    if strange := [name for name in columns if name not in (*NOT_LABELS, "label", *known)]:
        raise InputError(
            f"{strange[0]!r} is no issue here; known: {', '.join(known)}. One of your own needs its proposition: "
            "issues=[stance.Issue(name, proposition)], or the columns target and label"
        )
    found: dict[tuple, Parsed] = {}
    for place, row in rows_of(source, columns, labels):
        parsed = parse_row(row, known, str(place))
        if "target" not in row:
            key: tuple = (place,)
        else:
            key = (parsed.text, parsed.context)
            if key in found:
                before = found[key].labels
                if other := [name for name, label in parsed.labels.items() if before.get(name, label) != label]:
                    raise InputError(
                        f"{place}: this text was labelled otherwise on {other[0]!r} before; keep one of the two rows"
                    )
                before.update(parsed.labels)
                continue
        found[key] = parsed
    rows = list(found.values())
    if not rows:
        raise InputError(f"no labelled statement in {', '.join(paths_of(source)) or 'the frame'}")
    places = {name: k for k, name in enumerate(known)}
    given = np.full((len(rows), len(places)), MISSING, dtype=np.int64)
    for n, row in enumerate(rows):
        for name, label in row.labels.items():
            given[n, places[name]] = label
    texts, contexts, documents = zip(*((row.text, row.context, row.document) for row in rows), strict=True)
    return Corpus(texts, contexts, documents, tuple(known.values()), given)


@dataclass(frozen=True)
class Place:
    """Where a row stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Parsed:
    """One row, read: its labels are indices into ``LABELS`` by issue name."""

    text: str
    context: str
    document: str
    labels: dict[str, int]


def paths_of(source: Any) -> list[str]:
    """The paths of a corpus that may be one path, several, or a frame (which has none)."""
    if hasattr(source, "columns"):
        return []
    return [str(source)] if isinstance(source, (str, Path)) else [str(path) for path in source]


def rows_of(source: Any, columns: Mapping[str, str] = NO_MAP, labels: Mapping[str, str] = NO_MAP) -> Iterator[tuple[Place, dict]]:
    """The raw rows of a corpus, each with its place, under the names that are used here."""
    rename = {theirs: ours for ours, theirs in columns.items()}
    if len(rename) < len(columns):
        raise InputError(f"two names are given to one column: {', '.join(f'{o}={t}' for o, t in columns.items())}")
    never, place = set(rename) - {columns.get("text")}, None
    for place, row in _raw_rows(source, columns.get("text", "text")):
        never -= set(row)
        for theirs, ours in rename.items():
            if theirs in row and ours in row and ours != theirs:
                raise InputError(f"{place}: has a column {ours!r} already; its columns are: {', '.join(map(str, row))}")
        row = {rename.get(key, key): value for key, value in row.items()}
        if labels:
            row = {key: value if key in NOT_LABELS else labels.get(_word(value), value) for key, value in row.items()}
        yield place, row
    if never and place:  # of no corpus at all nothing is missing
        raise NeverThereError(f"no row of the corpus has a column {', '.join(sorted(map(repr, never)))}")


def _word(label: Any) -> str:
    """A label as it would be typed: 1 for 1.0, as which a column of whole numbers with a gap is read."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).removesuffix(".0")


def parse_map(option: str, items: Sequence[str] | None) -> dict[str, str]:
    """``ONE=OTHER`` items of a command line, several to an item with commas between.

    Raises:
        InputError: one without an equals sign, or a name given twice.
    """
    found: dict[str, str] = {}
    for pair in (pair for item in items or () for pair in item.split(",")):
        one, equals, other = (part.strip() for part in pair.partition("="))
        if not (one and equals and other) or one in found:
            raise InputError(f"--{option} takes ONE=OTHER, each once, with commas between; got {pair!r}")
        found[one] = other
    return found


def _raw_rows(source: Any, text: str) -> Iterator[tuple[Place, dict]]:
    if hasattr(source, "columns"):
        yield from _frame_rows(source, text, "the frame")
        return
    for name in paths_of(source):
        if name.startswith(HUB) or name.endswith(".arrow") or Path(name).is_dir():
            yield from _frame_rows(_dataset(name), text, name)
            continue
        path, _, labels_path = ("", "", "") if Path(name).exists() else name.partition("+")
        if not labels_path:
            for number, row in read_numbered(name, text if text != "text" else None):
                yield Place(name, number), row
            continue
        # The column "id" is asked for as the text, so it comes under that name.
        by_id: dict[Any, list[tuple[int, dict]]] = {}
        for number, row in read_numbered(labels_path, "id"):
            by_id.setdefault(row["text"], []).append((number, row))
        for _, row in read_numbered(path):
            for number, given in by_id.pop(row.get("id"), ()):
                yield Place(labels_path, number), row | {key: value for key, value in given.items() if key != "text"}
        for name, ((number, _), *_) in by_id.items():
            raise InputError(
                f"{Place(labels_path, number)}: no text in {path} has the id {name!r}, and {len(by_id) - 1} others have none"
            )


def _dataset(name: str) -> Any:
    """A data set of the hub, a saved folder or an Arrow file, as a frame; labels that are numbers get their names."""
    try:
        import datasets
    except ImportError:
        raise MissingExtraError(f"reading {name}", "train") from None
    try:
        if name.startswith(HUB):
            path, _, split = name.removeprefix(HUB).partition(":")
            found = datasets.load_dataset(path, split=split or "train")
        else:
            found = datasets.Dataset.from_file(name) if name.endswith(".arrow") else datasets.load_from_disk(name)
    except Exception as error:  # datasets, the hub's client and Arrow each raise their own kinds
        what = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name} cannot be read ({type(error).__name__}: {what}); name a file, a folder that datasets saved, "
            f"or {HUB}org/name:split"
        ) from None
    if isinstance(found, dict):
        raise InputError(f"{name} holds several splits ({', '.join(found)}); name the folder of one")
    frame = found.to_pandas()
    for column, feature in found.features.items():
        if isinstance(feature, datasets.ClassLabel):
            frame[column] = [None if n is None or n != n or n < 0 else feature.int2str(int(n)) for n in frame[column]]
    return frame


def _frame_rows(frame: Any, text: str, name: str) -> Iterator[tuple[Place, dict]]:
    import narwhals as nw

    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise InputError(f"a {type(frame).__name__} is no frame that can be read; give a pandas or polars DataFrame") from None
    if text not in table.columns:
        raise InputError(f"{name} has no column {text!r}; it has: {', '.join(map(str, table.columns))}")
    for number, row in enumerate(table.iter_rows(named=True), 1):
        # A frame's empty cell may be NaN, or what pandas has for it, which is no label and no text.
        row = {key: None if _is_gap(value) else value for key, value in row.items()}
        yield Place(name, number), row if text == "text" else row | {"text": row.pop(text)}


def _is_gap(value: Any) -> bool:
    return value != value if isinstance(value, float) else type(value).__name__ in ("NAType", "NaTType")


def parse_row(row: dict, known: dict[str, Issue], where: str) -> Parsed:
    """Read one row; an issue of its own in the long form is added to ``known``.

    Raises:
        InputError: what is wrong with it, beginning with ``where``.
    """
    text = row["text"]
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: the text is {'blank' if isinstance(text, str) else repr(text)}; remove the row")
    context, document = (row.get(name) for name in ("context", "doc"))
    # A document may well be numbered 0.
    document = where if document in (None, "") else str(document)
    return Parsed(text, str(context or ""), document, _labels(row, known, where))


def _labels(row: dict, known: dict[str, Issue], where: str) -> dict[str, int]:
    if "target" in row and "label" in row:
        target = row["target"].strip() if isinstance(row["target"], str) else None
        if not target:
            raise InputError(f"{where}: the target is blank; write an issue's name or a proposition there")
        known.setdefault(target, Issue(target, target))
        cells = {target: row["label"]}
        if isinstance(reverse := row.get("reverse"), str) and reverse.strip():
            known.setdefault(reverse.strip(), Issue(reverse.strip(), reverse.strip()))
            cells[reverse.strip()] = OPPOSITE.get(str(row["label"]), row["label"])
    else:
        cells = {name: row[name] for name in known if row.get(name) not in (None, "")}
        if not any(name in row for name in known):
            raise InputError(
                f"{where}: {NO_LABEL_COLUMN}; have one column an issue ({', '.join(known)}) "
                f"or the columns target and label; this file has: {', '.join(map(str, row))}"
            )
    wrong = []
    for name, label in cells.items():
        if not isinstance(label, str) or label not in _INDEX:
            meant = str(label).strip().lower()
            hint = f"; write {meant!r}, or say labels={label}={meant}" if meant in _INDEX else ""
            wrong.append(f"{name} is labelled {label!r}; allowed: {', '.join(LABELS)}{hint}")
    if wrong:
        raise InputError(f"{where}: {'. '.join(wrong)}")
    return {name: _INDEX[label] for name, label in cells.items()}
