"""Scores of a classifier, with intervals.

Everything is computed from confusion counts per document, so that a bootstrap over documents (statements
of one document are not independent) costs one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..result import LABELS

FAVOR, AGAINST = LABELS.index("favor"), LABELS.index("against")
SCORES = ("macro_f1", "f_avg", "issue_f_avg")


@dataclass(frozen=True)
class Score:
    """A point estimate with its percentile interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def f1(confusion: np.ndarray) -> np.ndarray:
    """F1 of every label from (..., L, L) counts [gold, predicted]; 0 where a label is never met, as in scikit-learn."""
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    both = confusion.sum(-1) + confusion.sum(-2)
    return np.divide(2 * hit, both, out=np.zeros(hit.shape), where=both > 0)


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


def evaluate(
    gold: np.ndarray, predicted: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """The three figures with 95 % intervals from a bootstrap clustered by document (Efron 1979; Field & Welsh 2007)."""
    return mean_of_seeds(gold, predicted[None], documents, samples, seed)


def difference(
    gold: np.ndarray, one: np.ndarray, other: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """The figures of ``one`` minus those of ``other``, paired: both on the same bootstrap samples.

    ``one`` and ``other`` are (N, K), or (S, N, K) for S seeds, whose figures are averaged.
    """
    points, draws = [], []
    for predictions in (one, other):
        runs = predictions if predictions.ndim == 3 else predictions[None]
        mean_point, mean_draws = _mean_figures(gold, runs, documents, samples, seed)
        points.append(mean_point)
        draws.append(mean_draws)
    return _scores(
        {name: points[0][name] - points[1][name] for name in SCORES},
        {name: draws[0][name] - draws[1][name] for name in SCORES},
    )


def mean_of_seeds(
    gold: np.ndarray, runs: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> dict[str, Score]:
    """The figures averaged over (S, N, K) predictions of S seeds, documents resampled."""
    return _scores(*_mean_figures(gold, runs, documents, samples, seed))


def _mean_figures(gold, runs, documents, samples, seed):
    points, draws = [], []
    asked = (gold >= 0).any(0)  # an issue that no statement is labelled on has no figure to average
    drawn = resample(len(np.unique(documents)), samples, seed)
    for predicted in runs:
        counts = confusion_by_document(gold[:, asked], predicted[:, asked], documents)
        points.append(figures(counts.sum(0)))
        draws.append(figures(np.tensordot(drawn, counts, 1)))
    return tuple({name: np.mean([run[name] for run in part], axis=0) for name in SCORES} for part in (points, draws))


def _scores(point: dict, draws: dict) -> dict[str, Score]:
    return {name: Score(float(point[name]), *(float(q) for q in np.percentile(draws[name], [2.5, 97.5]))) for name in SCORES}


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over equally filled bins (Naeini et al. 2015; Nguyen & O'Connor 2015)."""
    order = np.argsort(confidence, kind="stable")
    gaps = [
        len(part) * abs(confidence[part].mean() - correct[part].mean())
        for part in np.array_split(order, min(bins, len(order)))
        if len(part)
    ]
    return float(sum(gaps) / len(order))
