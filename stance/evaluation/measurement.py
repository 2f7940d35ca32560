"""A model measured on a labelled corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..classifier import Classifier, load
from ..errors import InputError, MissingExtraError, check_count
from ..issues import Issue, resolve
from ..result import LABELS
from ..store import DEFAULT
from .baselines import BASELINES, baseline
from .comparison import compare
from .corpus import NO_MAP, Corpus, paths_of, read_corpus
from .included import INCLUDED, load_benchmark
from .metrics import difference, label_scores, scores
from .reliability import reliability
from .report import Report

Models = str | Path | Classifier | Sequence[str | Path | Classifier]


def evaluate(
    corpus: Any,
    model: Models = DEFAULT,
    against: Models | None = None,
    *,
    issues: Sequence[str | Issue] | None = None,
    columns: Mapping[str, str] = NO_MAP,
    labels: Mapping[str, str] = NO_MAP,
    context: bool = False,
    baselines: bool = True,
    train: Any = None,
    samples: int = 2000,
    seed: int = 0,
) -> Report:
    """Measure a model on labelled statements, beside baselines, with intervals.

    Args:
        corpus: files or a frame, as :func:`~stance.evaluation.corpus.read_corpus` takes them, a ``Corpus``, or the name of
            an included benchmark, whose own issues are then asked.
        model: a bundled name, a folder, a hub id or a loaded model; several are taken as seeds of one recipe, and averaged.
        against: another model (or seeds of one) to compare with, on the same statements.
        issues: the issues of the corpus's columns; the model's own if not given.
        columns, labels: what the corpus (and ``train``) calls its columns and labels, as of ``read_corpus``.
        context: give each statement the corpus's ``context`` column.
        baselines: measure the baselines too (needs the extra ``evaluate``; the probe needs ``train``).
        train: a corpus to train the baselines on; without one they are cross-validated on ``corpus`` itself.
        samples, seed: of the bootstrap over documents.

    Raises:
        InputError: a corpus that cannot be read, with file and line.
        ModelError: a model that cannot be found.
    """
    check_count("samples", samples)
    classifiers = _load(model)
    rivals = _load(against) if against is not None else []
    if isinstance(corpus, str) and corpus in INCLUDED and not Path(corpus).exists():
        name, corpus = corpus, load_benchmark(corpus)
    elif not isinstance(corpus, Corpus):
        name = ", ".join(Path(path).name for path in paths_of(corpus)) or "frame"
        corpus = read_corpus(corpus, resolve(issues, classifiers[0].issues), columns, labels)
    else:
        name = "corpus"
    corpus = only_labelled(corpus)
    if train is not None and not isinstance(train, Corpus):
        train = read_corpus(train, corpus.issues, columns, labels)
    documents, gold = np.array(corpus.documents), corpus.labels
    runs = np.array([probabilities(classifier, corpus, context) for classifier in classifiers])
    predicted = best(runs)
    there = np.argwhere(np.broadcast_to(gold >= 0, predicted.shape))
    s, n, k = there.T
    own = {"samples": samples, "seed": seed}
    others, missing = run_baselines(corpus, seed, train) if baselines else ({}, {})
    return Report(
        corpus=name,
        statements=len(corpus),
        documents=len(set(corpus.documents)),
        counts=corpus.counts(),
        models=tuple(classifier.folder.name for classifier in classifiers),
        context=context,
        samples=samples,
        seed=seed,
        scores=scores(gold, predicted, documents, **own),
        each=tuple(scores(gold, run, documents, **own) for run in predicted),
        labels=dict(zip(corpus.counts(), label_scores(gold, predicted, documents, **own), strict=True)),
        confusion=np.array([_confusion(gold, run) for run in predicted]).mean(0),
        reliability=reliability(runs[s, n, k].max(-1), predicted[s, n, k] == gold[n, k], documents[n], **own),
        baselines={name: scores(gold, labels, documents, **own) for name, labels in others.items()},
        gains={name: difference(gold, predicted, labels, documents, **own) for name, labels in others.items()},
        baselines_trained_on="another corpus" if train is not None else "the corpus itself, 5-fold cross-validation by document",
        missing=missing,
        rivals=tuple(rival.folder.name for rival in rivals),
        comparison=compare(gold, predicted, best(np.array([probabilities(r, corpus, context) for r in rivals])), documents, **own)
        if rivals
        else None,
    )


def probabilities(model: Classifier, corpus: Corpus, with_context: bool = False) -> np.ndarray:
    """(N, K, L) calibrated probabilities; NaN where a statement is not labelled on an issue, which is then not asked."""
    found = np.full((*corpus.labels.shape, len(LABELS)), np.nan)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for n, row in enumerate(corpus.labels):
        groups[tuple(np.flatnonzero(row >= 0))].append(n)
    for columns, rows in groups.items():
        contexts = [corpus.contexts[n] for n in rows] if with_context else None
        asked = [corpus.issues[k] for k in columns]
        results = model.classify([corpus.texts[n] for n in rows], asked, context=contexts, progress=False)
        for n, statement in zip(rows, results, strict=True):
            found[n, columns] = [list(stance.probabilities.values()) for stance in statement]
    return found


def best(probabilities: np.ndarray) -> np.ndarray:
    """Index of the likeliest label; of NaN, ``unrelated`` (never counted, since there is no label to compare with)."""
    return np.where(np.isnan(probabilities).any(-1), len(LABELS) - 1, np.nan_to_num(probabilities).argmax(-1))


def only_labelled(corpus: Corpus) -> Corpus:
    """The statements and the issues that have a label.

    Raises:
        InputError: there are none.
    """
    rows, columns = (corpus.labels >= 0).any(1), (corpus.labels >= 0).any(0)
    if not rows.any():
        raise InputError("no statement of the corpus has a label")
    kept = corpus.take(np.flatnonzero(rows))
    issues = tuple(issue for issue, labelled in zip(corpus.issues, columns, strict=True) if labelled)
    return Corpus(kept.texts, kept.contexts, kept.documents, issues, kept.labels[:, columns])


def _confusion(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    counts = np.zeros((gold.shape[1], len(LABELS), len(LABELS)))
    n, k = np.nonzero(gold >= 0)
    np.add.at(counts, (k, gold[n, k], predicted[n, k]), 1)
    return counts


def _load(models: Models) -> list[Classifier]:
    given = list(models) if isinstance(models, (list, tuple)) else [models]
    if not given:
        raise InputError("no model given; name one, or leave it out for the bundled one")
    return [model if isinstance(model, Classifier) else load(model) for model in given]


def run_baselines(corpus: Corpus, seed: int = 0, train: Corpus | None = None) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Every baseline's (N, K) labels, and why one is missing; see :func:`~stance.evaluation.baselines.baseline`."""
    found, missing = {}, {}
    for name in BASELINES:
        try:
            found[name] = baseline(name, corpus, train, seed)
        except (MissingExtraError, InputError) as error:
            missing[name] = str(error)
    return found, missing
