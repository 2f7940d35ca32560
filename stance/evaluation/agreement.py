"""How far two annotators of the included benchmarks agreed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..result import LABELS
from ..tables import read
from .included import FOLDER, articles, load_benchmark, sentence_labels


@dataclass(frozen=True)
class Disagreement:
    """A label on which the two annotators differed, and what it was settled as."""

    id: str
    issue: str
    first: str
    second: str
    settled: str


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Agreement beyond chance of two annotators on the same items (Cohen 1960); 1 where both always give one same label."""
    counts = np.zeros((len(LABELS), len(LABELS)))
    np.add.at(counts, ([LABELS.index(label) for label in first], [LABELS.index(label) for label in second]), 1)
    total = counts.sum()
    chance = (counts.sum(0) * counts.sum(1)).sum() / total**2
    return 1.0 if chance == 1 else float((np.trace(counts) / total - chance) / (1 - chance))


def pairs_of(name: str) -> dict[str, list[tuple[str, str, str, str]]]:
    """Issue to (id, first, second, settled) of every label of an authored benchmark; of ``articles``, of every sentence.

    The data hold the settled labels, and under ``first`` and ``second`` what each annotator had said where it was another.
    """
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for id_, settled, first, second in _annotated(name):
        for issue, label in settled.items():
            found.setdefault(issue, []).append((id_, first.get(issue, label), second.get(issue, label), label))
    return found


def _annotated(name: str) -> Iterator[tuple[str, dict, dict, dict]]:
    if name == "articles":
        for article in articles():
            for n in range(len(article["sentences"])):
                settled = sentence_labels(article, n)
                said = [{k: v for m, own in article[who] if m == n for k, v in own.items()} for who in ("first", "second")]
                yield f"{article['id']}:{n + 1}", settled, *said
        return
    issues = [issue.name for issue in load_benchmark(name).issues]
    for row in read(FOLDER / f"{name}.jsonl"):
        settled = {row["target"]: row["label"]} if "target" in row else {issue: row[issue] for issue in issues}
        yield row["id"], settled, row.get("first", {}), row.get("second", {})


def disagreements(name: str) -> list[Disagreement]:
    """Every label of an authored benchmark on which its two annotators differed."""
    return [
        Disagreement(id_, issue, first, second, settled)
        for issue, rows in pairs_of(name).items()
        for id_, first, second, settled in rows
        if first != second
    ]
