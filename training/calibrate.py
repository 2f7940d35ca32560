"""Fit the calibration of a model on a labelled corpus it was not trained on."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from stance.calibration import Calibration, softmax
from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.reliability import calibration_error


def _temperature(logits: np.ndarray, gold: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood of (N, L) logits."""

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits / np.exp(log_temperature))
        return -np.log(probabilities[np.arange(len(gold)), gold] + 1e-12).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


def fit_calibration(logits: np.ndarray, corpus: Corpus) -> Calibration:
    """One temperature an issue from (N, K, L) logits; the default is that of all issues pooled."""
    there = corpus.labels != MISSING
    temperatures = {
        issue.name: _temperature(logits[there[:, k], k], corpus.labels[there[:, k], k])
        for k, issue in enumerate(corpus.issues)
        if there[:, k].any()
    }
    return Calibration(temperatures, _temperature(logits[there], corpus.labels[there]))


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
