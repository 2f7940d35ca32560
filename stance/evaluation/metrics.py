"""Scores of a classifier, with intervals.

Everything is computed from confusion counts per document, so that a bootstrap over documents (statements
of one document are not independent) costs one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..result import LABELS

FAVOR, AGAINST = LABELS.index("favor"), LABELS.index("against")
SCORES = ("macro_f1", "f_avg", "issue_f_avg")
_CHUNK = 200  # bootstrap samples at a time, to keep memory flat


@dataclass(frozen=True)
class Score:
    """A point estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


@dataclass(frozen=True)
class LabelScores:
    """How one label of one issue is met; ``support`` is how many statements have it."""

    precision: Score
    recall: Score
    f1: Score
    support: int

    def to_dict(self) -> dict:
        return {name: getattr(self, name).to_dict() for name in ("precision", "recall", "f1")} | {"support": self.support}


def _divide(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """0 where a label is never met, as in scikit-learn."""
    return np.divide(over, under, out=np.zeros(over.shape), where=under > 0)


def _hits(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1).astype(float)


def precision(confusion: np.ndarray) -> np.ndarray:
    """Precision of every label from (..., L, L) counts [gold, predicted]."""
    return _divide(_hits(confusion), confusion.sum(-2))


def recall(confusion: np.ndarray) -> np.ndarray:
    """Recall of every label from (..., L, L) counts [gold, predicted]."""
    return _divide(_hits(confusion), confusion.sum(-1))


def f1(confusion: np.ndarray) -> np.ndarray:
    """F1 of every label from (..., L, L) counts [gold, predicted]."""
    return _divide(2 * _hits(confusion), confusion.sum(-1) + confusion.sum(-2))


def figures(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """The project's three figures from (..., K, L, L) counts, K issues.

    ``macro_f1``: mean F1 of the labels, all issues' decisions pooled. ``f_avg``: mean F1 of favor and against,
    pooled (the SemEval-2016 Task 6 measure). ``issue_f_avg``: that measure of each issue, averaged.
    """
    pooled, each = f1(confusion.sum(-3)), f1(confusion)
    return {
        "macro_f1": pooled.mean(-1),
        "f_avg": pooled[..., [FAVOR, AGAINST]].mean(-1),
        "issue_f_avg": each[..., [FAVOR, AGAINST]].mean(-1).mean(-1),
    }


def confusion_by_document(gold: np.ndarray, predicted: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """(D, K, L, L) counts from (N, K) label indices and N document keys; gold below 0 (no label) is left out."""
    _, row = np.unique(documents, return_inverse=True)
    counts = np.zeros((row.max() + 1, gold.shape[1], len(LABELS), len(LABELS)))
    n, k = np.nonzero(gold >= 0)
    np.add.at(counts, (row[n], k, gold[n, k], predicted[n, k]), 1)
    return counts


def resample(documents: int, samples: int, seed: int) -> np.ndarray:
    """(samples, documents) how often each document is drawn in each bootstrap sample."""
    return np.random.default_rng(seed).multinomial(documents, np.full(documents, 1 / documents), size=samples)


def chunks(drawn: np.ndarray) -> Iterator[np.ndarray]:
    """Bootstrap samples, some at a time."""
    return (drawn[begin : begin + _CHUNK] for begin in range(0, len(drawn), _CHUNK))


def interval(value: float, draws: np.ndarray) -> Score:
    """The percentile interval of a bootstrap (Efron 1979)."""
    return Score(float(value), *(float(q) for q in np.percentile(draws, [2.5, 97.5])))


def scores(
    gold: np.ndarray, predicted: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """The three figures with 95 % intervals from a bootstrap clustered by document (Efron 1979; Field & Welsh 2007).

    ``predicted`` is (N, K), or (S, N, K) for S seeds of one recipe, whose figures are averaged.
    """
    point, draws = _figures(gold, predicted, documents, samples, seed)
    return {name: interval(point[name], draws[name]) for name in SCORES}


def difference(
    gold: np.ndarray, one: np.ndarray, other: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """The figures of ``one`` minus those of ``other``, paired: both on the same bootstrap samples."""
    (point, draws), (point2, draws2) = (_figures(gold, part, documents, samples, seed) for part in (one, other))
    return {name: interval(point[name] - point2[name], draws[name] - draws2[name]) for name in SCORES}


def label_scores(
    gold: np.ndarray, predicted: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> list[dict[str, LabelScores]]:
    """Precision, recall and F1 of every label, for each of K issues; arguments as of :func:`scores`."""
    runs = [confusion_by_document(gold, run, documents) for run in _runs(predicted)]
    drawn = resample(len(runs[0]), samples, seed)
    measured = []
    for measure in (precision, recall, f1):
        point = np.mean([measure(run.sum(0)) for run in runs], axis=0)
        draws = np.mean([np.concatenate([measure(np.tensordot(part, run, 1)) for part in chunks(drawn)]) for run in runs], axis=0)
        measured.append((point, draws))
    support = runs[0].sum((0, -1)).astype(int)
    return [
        {
            label: LabelScores(*(interval(point[k, n], draws[:, k, n]) for point, draws in measured), support=int(support[k, n]))
            for n, label in enumerate(LABELS)
        }
        for k in range(gold.shape[1])
    ]


def share(right: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0) -> Score:
    """The mean of N values (say, 1 for right and 0 for wrong), with a bootstrap clustered by document."""
    _, row = np.unique(documents, return_inverse=True)
    sums, sizes = np.bincount(row, weights=right), np.bincount(row)
    drawn = resample(len(sums), samples, seed)
    return interval(sums.sum() / sizes.sum(), drawn @ sums / (drawn @ sizes))


def _runs(predicted: np.ndarray) -> np.ndarray:
    return predicted if predicted.ndim == 3 else predicted[None]


def _figures(gold, predicted, documents, samples, seed):
    points, draws = [], []
    asked = (gold >= 0).any(0)  # an issue that no statement is labelled on has no figure to average
    drawn = resample(len(np.unique(documents)), samples, seed)
    for run in _runs(predicted):
        counts = confusion_by_document(gold[:, asked], run[:, asked], documents)
        points.append(figures(counts.sum(0)))
        parts = [figures(np.tensordot(part, counts, 1)) for part in chunks(drawn)]
        draws.append({name: np.concatenate([part[name] for part in parts]) for name in SCORES})
    return tuple({name: np.mean([run[name] for run in part], axis=0) for name in SCORES} for part in (points, draws))
