"""Measure models on a labelled corpus: ``python -m training.evaluate MODEL [MODEL ...] CORPUS [--floor TRAIN ...]``.

Several models are taken as seeds of one recipe, and their mean is given. With ``--floor`` the TF-IDF baseline is
trained on those files, and the paired difference to it is given too.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

import stance
from stance.classifier import Classifier
from stance.errors import StanceError
from stance.evaluation.baselines import tfidf
from stance.evaluation.corpus import Corpus, read_corpus
from stance.evaluation.metrics import calibration_error, confusion_by_document, difference, evaluate, f1, mean_of_seeds
from stance.result import LABELS


def probabilities(model: Classifier, corpus: Corpus, with_context: bool = False) -> np.ndarray:
    """(N, K, L) calibrated probabilities of every statement on every issue of the corpus."""
    contexts = list(corpus.contexts) if with_context else None
    statements = model.classify(list(corpus.texts), corpus.issues, context=contexts)
    return np.array([[list(stance.probabilities.values()) for stance in statement] for statement in statements])


def report(models: list[str], corpus: Corpus, floor: Corpus | None, with_context: bool) -> dict:
    """Everything measured, ready for JSON."""
    documents = np.array(corpus.documents)
    runs = np.array([probabilities(stance.load(name), corpus, with_context) for name in models])
    labels = runs.argmax(-1)
    there = corpus.labels >= 0
    result: dict = {
        "statements": len(corpus),
        "documents": len(set(corpus.documents)),
        "models": models,
        "bootstrap": {"samples": 2000, "seed": 0, "cluster": "doc", "interval": 0.95},
        "mean": _plain(mean_of_seeds(corpus.labels, labels, documents)),
        "calibration_error": [
            round(calibration_error(run.max(-1)[there], run.argmax(-1)[there] == corpus.labels[there]), 4) for run in runs
        ],
    }
    if len(models) > 1:
        result["each"] = {name: _plain(evaluate(corpus.labels, own, documents)) for name, own in zip(models, labels, strict=True)}
    per_label = np.mean([f1(confusion_by_document(corpus.labels, own, documents).sum(0)) for own in labels], axis=0)
    result["f1"] = {
        issue.name: {label: round(float(score), 3) for label, score in zip(LABELS, row, strict=True)}
        for issue, row in zip(corpus.issues, per_label, strict=True)
    }
    if floor is not None:
        baseline = tfidf(floor, corpus)
        result["tfidf"] = _plain(evaluate(corpus.labels, baseline, documents))
        result["mean_minus_tfidf"] = _plain(difference(corpus.labels, labels, baseline, documents))
    return result


def _plain(scores: dict) -> dict:
    return {name: score.to_dict() for name, score in scores.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="model folders, bundled names or hub ids")
    parser.add_argument("corpus", help="a labelled corpus: CSV, JSONL or Parquet")
    parser.add_argument("--floor", nargs="+", metavar="TRAIN", help="train the TF-IDF baseline on these and compare")
    parser.add_argument("--context", action="store_true", help="give each statement the corpus's context")
    options = parser.parse_args(arguments)
    try:
        issues = stance.load(options.models[0]).issues
        corpus = read_corpus(options.corpus, issues)
        floor = read_corpus(options.floor, issues) if options.floor else None
        print(json.dumps(report(options.models, corpus, floor, options.context), indent=2))
    except StanceError as error:
        print(f"evaluation: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
