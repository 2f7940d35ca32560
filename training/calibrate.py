"""Fit the calibration of a model on a labelled corpus it was not trained on."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from stance.calibration import Calibration, bend, gaps
from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.reliability import calibration_error

_POWERS = np.geomspace(0.5, 5, 24)


def _fit(below: np.ndarray, gold: np.ndarray, power: float) -> tuple[float, float]:
    """The temperature with the least mean negative log-likelihood of (N, L) gaps below the highest logit, and that."""

    def loss(log_temperature: float) -> float:
        probabilities = bend(below, np.exp(log_temperature), power)
        return -np.log(probabilities[np.arange(len(gold)), gold] + 1e-12).mean()

    found = minimize_scalar(loss, bounds=(-2, 2), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def fit_calibration(logits: np.ndarray, corpus: Corpus) -> Calibration:
    """One temperature an issue and one power from (N, K, L) logits; the default is :func:`fit_default`'s.

    Few rows say little of the power: its logarithm has a standard normal prior.
    """
    below = gaps(logits)
    there = corpus.labels != MISSING
    known = [k for k in range(len(corpus.issues)) if there[:, k].any()]

    def fitted(power: float) -> tuple[float, dict[str, float]]:
        total, temperatures = np.log(power) ** 2 / 2, {}
        for k in known:
            rows = there[:, k]
            temperatures[corpus.issues[k].name], loss = _fit(below[rows, k], corpus.labels[rows, k], power)
            total += rows.sum() * loss
        return total, temperatures

    found = {float(power): fitted(power) for power in _POWERS}
    power = min(found, key=lambda power: found[power][0])
    return Calibration(found[power][1], fit_default(logits, corpus), power)


def fit_default(logits: np.ndarray, corpus: Corpus) -> float:
    """One temperature for all issues, from (N, K, L) logits: what issues get that the model was not calibrated on."""
    there = corpus.labels != MISSING
    return _fit(gaps(logits)[there], corpus.labels[there], 1.0)[0]


def cross_fitted_error(logits: np.ndarray, corpus: Corpus, halvings: int = 10, seed: int = 0) -> float:
    """Expected calibration error of all decisions, each with a temperature fitted on the other half of the documents.

    The mean over several random halvings, since one halving is a matter of luck.
    """
    rng = np.random.default_rng(seed)
    names, document = np.unique(corpus.documents, return_inverse=True)
    issues = [issue.name for issue in corpus.issues]
    errors = []
    for _ in range(halvings):
        half = (rng.permutation(len(names)) % 2)[document].astype(bool)
        probabilities = np.empty(logits.shape)
        for part in (half, ~half):
            fitted = fit_calibration(logits[~part], corpus.take(np.flatnonzero(~part)))
            probabilities[part] = fitted(logits[part], issues)
        there = corpus.labels != MISSING
        sure, best = probabilities.max(-1)[there], probabilities.argmax(-1)[there]
        errors.append(calibration_error(sure, best == corpus.labels[there]))
    return float(np.mean(errors))
