"""Whether two models differ, on the same statements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import MissingExtraError
from .metrics import SCORES, Score, chunks, confusion_by_document, difference, figures


@dataclass(frozen=True)
class Comparison:
    """A model minus another.

    Attributes:
        difference: of each figure, with the interval of a paired bootstrap.
        randomisation: of each figure, the two-sided p of :func:`approximate_randomisation`.
        mcnemar: two-sided p of :func:`mcnemar`, or None where a mean of seeds is compared.
        only_one, only_other: decisions that only the first, only the second has right; None likewise.
    """

    difference: dict[str, Score]
    randomisation: dict[str, float]
    mcnemar: float | None = None
    only_one: int | None = None
    only_other: int | None = None

    def to_dict(self) -> dict:
        return {
            "difference": {name: score.to_dict() for name, score in self.difference.items()},
            "approximate_randomisation_p": {name: round(p, 5) for name, p in self.randomisation.items()},
            "mcnemar_p": None if self.mcnemar is None else round(self.mcnemar, 5),
            "only_first_right": self.only_one,
            "only_second_right": self.only_other,
        }


def compare(
    gold: np.ndarray, one: np.ndarray, other: np.ndarray, documents: np.ndarray, samples: int = 2000, seed: int = 0
) -> Comparison:
    """Compare (S, N, K) predictions of S models of one kind with (T, N, K) of another, on (N, K) gold labels."""
    made = difference(gold, one, other, documents, samples, seed)
    chance = approximate_randomisation(gold, one, other, documents, seed=seed)
    if len(one) > 1 or len(other) > 1:
        return Comparison(made, chance)
    return Comparison(made, chance, *mcnemar(gold, one[0], other[0]))


def approximate_randomisation(
    gold: np.ndarray, one: np.ndarray, other: np.ndarray, documents: np.ndarray, rounds: int = 9999, seed: int = 0
) -> dict[str, float]:
    """Two-sided p of each figure's difference by approximate randomisation (Noreen 1989; Yeh 2000).

    If the two are alike, it does not matter which of them answered a document: in each round the answers of about half the
    documents change places. Whole documents do, since their statements are not independent. With several seeds, the
    (S, N, K) and (T, N, K) predictions of each side go over together, and the sides' mean counts are compared.
    """
    sides = [
        np.mean([confusion_by_document(gold, run, documents) for run in part], axis=0)
        for part in (one if one.ndim == 3 else one[None], other if other.ndim == 3 else other[None])
    ]
    asked = (gold >= 0).any(0)
    left, right = (side[:, asked] for side in sides)
    seen = _gaps(left.sum(0), right.sum(0))
    flips = np.random.default_rng(seed).random((rounds, len(left))) < 0.5
    beyond = dict.fromkeys(SCORES, 1)
    for part in chunks(flips):
        moved = np.tensordot(part.astype(float), left - right, 1)
        for name, gap in _gaps(left.sum(0) - moved, right.sum(0) + moved).items():
            beyond[name] += int((gap >= seen[name] - 1e-12).sum())
    return {name: count / (rounds + 1) for name, count in beyond.items()}


def _gaps(left: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    one, other = figures(left), figures(right)
    return {name: np.abs(one[name] - other[name]) for name in SCORES}


def mcnemar(gold: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[float, int, int]:
    """Two-sided p of the exact McNemar test (1947) over all labelled decisions, and how many only one side has right.

    It takes decisions for independent, which those of one document are not: where it and the randomisation test
    disagree, believe the latter.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.stats import binomtest
    except ImportError:
        raise MissingExtraError("comparing two models", "evaluate") from None

    there = gold >= 0
    first, second = (one == gold)[there], (other == gold)[there]
    only_one, only_other = int((first & ~second).sum()), int((second & ~first).sum())
    if not only_one + only_other:
        return 1.0, 0, 0
    return float(binomtest(only_one, only_one + only_other).pvalue), only_one, only_other
