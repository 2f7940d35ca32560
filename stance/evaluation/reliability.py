"""Whether probabilities can be trusted, and what abstention buys."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from .metrics import Score, chunks, interval, resample

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)


@dataclass(frozen=True)
class Bin:
    """Decisions of like confidence: how sure the model was, and how often it was right."""

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Coverage:
    """What happens when only the surest share of the decisions is answered.

    Attributes:
        coverage: the share answered, 0 to 1.
        threshold: the lowest probability answered; the ``abstain_below`` that gives this coverage.
        risk: the share of the answered that is wrong.
    """

    coverage: float
    threshold: float
    risk: Score


@dataclass(frozen=True)
class Reliability:
    """How far confidence and correctness agree.

    Attributes:
        error: expected calibration error over equally filled bins.
        bins: the reliability table.
        coverage: risk at fixed coverages.
        area: mean risk over all coverages (AURC, Geifman et al. 2019); lower is better.
    """

    error: Score
    bins: tuple[Bin, ...]
    coverage: tuple[Coverage, ...]
    area: Score

    def to_dict(self) -> dict:
        return {
            "calibration_error": self.error.to_dict(),
            "bins": [{name: round(value, 4) for name, value in asdict(part).items()} for part in self.bins],
            "coverage": [
                {"coverage": c.coverage, "threshold": round(c.threshold, 4), "risk": c.risk.to_dict()} for c in self.coverage
            ],
            "area_under_risk_coverage": self.area.to_dict(),
        }


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of N decisions over equally filled bins (Naeini et al. 2015; Nguyen & O'Connor 2015)."""
    order = np.argsort(confidence, kind="stable")
    weights, sure, right = np.ones((1, len(order))), confidence[order], correct[order]
    return float(_errors(weights, sure, right, bins)[0])


def reliability(
    confidence: np.ndarray, correct: np.ndarray, documents: np.ndarray, bins: int = 10, samples: int = 2000, seed: int = 0
) -> Reliability:
    """Measure N decisions: their top probability, whether they were right, and the document each belongs to.

    Intervals come from a bootstrap over documents. The calibration error is biased upwards by resampling (each sample is
    noisier than the data), so its interval is the basic one, mirrored at the estimate (Davison & Hinkley 1997, 5.2).
    """
    order = np.argsort(confidence, kind="stable")
    sure, right = confidence[order].astype(float), correct[order].astype(float)
    _, row = np.unique(np.asarray(documents)[order], return_inverse=True)
    whole = np.ones((1, len(order)))
    error = float(_errors(whole, sure, right, bins)[0])
    risks, area = _risks(whole, right)
    error_draws, risk_draws, area_draws = [], [], []
    for part in chunks(resample(row.max() + 1, samples, seed)):
        weights = part[:, row].astype(float)
        error_draws.append(_errors(weights, sure, right, bins))
        more_risks, more_area = _risks(weights, right)
        risk_draws.append(more_risks)
        area_draws.append(more_area)
    low, high = np.percentile(np.concatenate(error_draws), [2.5, 97.5])
    risk_draws = np.concatenate(risk_draws)
    last = [max(int(np.ceil(len(order) * level)), 1) - 1 for level in COVERAGES]
    return Reliability(
        Score(error, max(2 * error - float(high), 0.0), max(2 * error - float(low), 0.0)),
        tuple(
            Bin(float(sure[part].mean()), float(right[part].mean()), len(part))
            for part in np.array_split(np.arange(len(order)), min(bins, len(order)))
        ),
        tuple(
            Coverage(level, float(sure[::-1][last[n]]), interval(risks[0, n], risk_draws[:, n]))
            for n, level in enumerate(COVERAGES)
        ),
        interval(area[0], np.concatenate(area_draws)),
    )


def _errors(weights: np.ndarray, sure: np.ndarray, right: np.ndarray, bins: int) -> np.ndarray:
    """Calibration error of S weightings (S, N) of N decisions, which are sorted by confidence."""
    reached = weights.cumsum(1)
    total = reached[:, -1:]
    index = np.minimum(((reached - weights / 2) / total * bins).astype(int), bins - 1)
    gap = weights * (sure - right)
    return sum(np.abs((gap * (index == n)).sum(1)) for n in range(bins)) / total[:, 0]


def _risks(weights: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, C) risk at each coverage and (S,) mean risk, of S weightings of N decisions sorted by confidence."""
    weights, wrong = weights[:, ::-1], (1 - right)[::-1]
    reached = weights.cumsum(1)
    risk = (weights * wrong).cumsum(1) / np.maximum(reached, 1)
    total = reached[:, -1:]
    at = [np.argmax(reached >= level * total - 1e-9, axis=1) for level in COVERAGES]
    rows = np.arange(len(weights))
    return np.stack([risk[rows, n] for n in at], 1), (weights * risk).sum(1) / total[:, 0]
