"""What is wrong with a corpus: everything, with line numbers, before it is trained on or measured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..issues import KEY_ISSUES, Issue
from ..result import LABELS
from .corpus import NO_LABEL_COLUMN, NO_MAP, NeverThereError, Parsed, Place, parse_row, paths_of, rows_of
from .duplicates import near_duplicates

_SHOWN = 60  # characters of a text that a problem quotes


@dataclass(frozen=True)
class Findings:
    """What :func:`check_corpus` found.

    Attributes:
        problems: one sentence each, beginning with file and line; empty for a sound corpus.
        harmless: those of them that training can do with: a text that stands there twice with the same labels, an issue with
            one label where others have another.
        statements: rows that could be read.
        counts: issue to label to how many rows have it.
    """

    problems: tuple[str, ...]
    harmless: frozenset[str]
    statements: int
    counts: dict[str, dict[str, int]]

    @property
    def errors(self) -> list[str]:
        """The problems that keep a corpus from being trained on."""
        return [problem for problem in self.problems if problem not in self.harmless]


def check_corpus(
    source: Any,
    apart_from: Any = (),
    issues: Sequence[Issue] = KEY_ISSUES,
    columns: Mapping[str, str] = NO_MAP,
    labels: Mapping[str, str] = NO_MAP,
) -> Findings:
    """Look for blank texts, unknown labels, missing columns, broken lines, repeats, and text that stands in two splits.

    Args:
        source: a path, several (parts of one corpus), or a frame, as :func:`~stance.evaluation.corpus.read_corpus` takes it.
        apart_from: corpora that must share no text with it, near-duplicates included: its validation and test splits.
        issues: the issues that may be columns.
        columns, labels: as of ``read_corpus``; they hold for ``apart_from`` too.
    """
    known = {issue.name: issue for issue in issues}
    problems: list[str] = []
    rows = _read(source, columns, labels, known, problems)
    harmless = _find_repeats(rows, problems)
    others = _read(apart_from, columns, labels, dict(known), problems)
    for n, m in near_duplicates([row.text for _, row in rows], [row.text for _, row in others]):
        problems.append(f"{rows[n][0]}: stands, wholly or nearly, in {others[m][0]} too: {_quote(rows[n][1].text)}")
    counts = {name: dict.fromkeys(LABELS, 0) for name in known if any(name in row.labels for _, row in rows)}
    for _, row in rows:
        for name, label in row.labels.items():
            counts[name][LABELS[label]] += 1
    flat = [name for name, by_label in counts.items() if sum(count > 0 for count in by_label.values()) == 1]
    several = len({label for _, row in rows for label in row.labels.values()}) > 1
    for name in flat:
        problems.append(f"{name}: every row has one label; a model needs at least two to tell apart")
        if several:
            harmless.append(problems[-1])
    if rows and not counts:
        problems.append("no row has a label: every cell of an issue is empty")
    return Findings(tuple(problems), frozenset(harmless), len(rows), counts)


def _read(
    source: Any, columns: Mapping[str, str], labels: Mapping[str, str], known: dict[str, Issue], problems: list[str]
) -> list[tuple[Place, Parsed]]:
    """The rows of all files, each read as far as it can be."""
    parts = [source] if hasattr(source, "columns") else paths_of(source)
    found, absent = [], []
    for part in parts:
        rows = rows_of(part, columns, labels)
        try:
            for place, row in rows:
                try:
                    found.append((place, parse_row(row, known, str(place))))
                except InputError as error:
                    problems.append(str(error))
                    if NO_LABEL_COLUMN in str(error):  # as every row will say
                        problems[-1] += "; the rest of it was not read"
                        break
        except NeverThereError as error:  # which another of the files may have
            absent.append(str(error))
        except InputError as error:  # a broken line: the reader cannot find the next
            problems.append(f"{error}; the rest of it was not read")
    if absent and len(absent) == len(parts):
        problems.append(absent[0])
    return found


def _find_repeats(rows: list[tuple[Place, Parsed]], problems: list[str]) -> list[str]:
    """Those of the problems it adds that repeat an earlier row and do not contradict it."""
    repeats = []
    first: dict[tuple[str, str, str], tuple[Place, int]] = {}
    for place, row in rows:
        text = " ".join(row.text.lower().split())
        seen = {name: first.get((text, row.context, name)) for name in row.labels}
        earlier = [there for there in seen.values() if there]
        other = sorted(name for name, there in seen.items() if there and there[1] != row.labels[name])
        if other:
            there = seen[other[0]]
            problems.append(f"{place}: the text of {there[0]}, but labelled otherwise on {', '.join(other)}: {_quote(row.text)}")
        elif earlier:
            repeats.append(f"{place}: repeats {earlier[0][0]}: {_quote(row.text)}")
            problems.append(repeats[-1])
        for name, label in row.labels.items():
            first.setdefault((text, row.context, name), (place, label))
    return repeats


def _quote(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
