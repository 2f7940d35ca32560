"""Baselines: what a model must beat.

Each is trained on a corpus of its own where one is given, else on the measured corpus itself by cross-validation, so
that every statement is answered by a baseline that has not seen its document.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import MissingExtraError
from ..result import LABELS
from ..store import backbone_folder
from .corpus import MISSING, Corpus

BASELINES = ("majority", "tfidf", "probe")
ENCODER = "minilm"
_FOLDS = 5
_UNRELATED = LABELS.index("unrelated")


def baseline(name: str, test: Corpus, train: Corpus | None = None, seed: int = 0) -> np.ndarray:
    """(N, K) labels of ``test`` by one of ``BASELINES``, one model an issue.

    ``majority``: the issue's most frequent label. ``tfidf``: TF-IDF of words 1-2 and characters 3-5, sublinear counts,
    and balanced logistic regression. ``probe``: balanced logistic regression on the mean token vectors of the frozen
    encoder ``all-MiniLM-L6-v2`` (a linear probe, Alain & Bengio 2017).

    With ``train``, issues are matched by name, and one that it does not label gets ``unrelated``. Without, 5 folds of
    ``test``, stratified by label and never dividing a document.

    Raises:
        MissingExtraError: scikit-learn is not installed; for the probe torch, transformers or the encoder.
    """
    if name == "majority":
        features, fit = _rows, _fit_majority
    else:
        features, fit = {"tfidf": (_rows, _fit_tfidf), "probe": (embeddings, fit_regression)}[name]
    test_x = features(test.texts)
    train_x = features(train.texts) if train else test_x
    columns = {issue.name: k for k, issue in enumerate((train or test).issues)}
    predicted = np.full(test.labels.shape, _UNRELATED)
    for k, issue in enumerate(test.issues):
        column = (train or test).labels[:, columns[issue.name]] if issue.name in columns else np.array([], int)
        known = np.flatnonzero(column != MISSING)
        if train:
            if len(known):
                predicted[:, k] = fit(train_x[known], column[known])(test_x)
            continue
        for seen, held in _folds(column[known], np.array(test.documents)[known], seed):
            predicted[known[held], k] = fit(test_x[known[seen]], column[known[seen]])(test_x[known[held]])
    return predicted


def _folds(labels: np.ndarray, documents: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    groups = len(set(documents))
    if groups < 2:
        return
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ImportError:
        raise MissingExtraError("a baseline", "evaluate") from None
    with warnings.catch_warnings():  # a label rarer than the folds is no news here
        warnings.simplefilter("ignore")
        splitter = StratifiedGroupKFold(min(_FOLDS, groups), shuffle=True, random_state=seed)
        try:
            yield from list(splitter.split(labels, labels, documents))
        except ValueError:  # every label rarer than the folds: there is nothing to stratify
            from sklearn.model_selection import GroupKFold

            yield from GroupKFold(min(_FOLDS, groups)).split(labels, labels, documents)


Predict = Callable[[np.ndarray], np.ndarray]


def _fit_majority(x: np.ndarray, y: np.ndarray) -> Predict:
    most = np.bincount(y).argmax()
    return lambda held: np.full(len(held), most)


def word_and_character_features() -> Any:
    """The scikit-learn transformer of the ``tfidf`` baseline.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union
    except ImportError:
        raise MissingExtraError("the TF-IDF baseline", "evaluate") from None
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2),
    )


def _fit_tfidf(x: np.ndarray, y: np.ndarray) -> Predict:
    features = word_and_character_features()
    try:
        predict = fit_regression(features.fit_transform(x), y)
    except ValueError:  # too little text for a vocabulary
        return _fit_majority(x, y)
    return lambda held: predict(features.transform(held))


def fit_regression(x: np.ndarray, y: np.ndarray) -> Predict:
    """Fit the logistic regression of the baselines; the label itself where there is only one."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(y)) < 2:
        return lambda held: np.full(held.shape[0], y[0])
    return LogisticRegression(class_weight="balanced", C=10, max_iter=2000).fit(x, y).predict


def _rows(texts: Sequence[str]) -> np.ndarray:
    return np.array(texts, dtype=object)


def embeddings(texts: Sequence[str], encoder: str = ENCODER) -> np.ndarray:
    """(N, H) mean token vectors, of length 1, of a frozen encoder: see :func:`embedder`."""
    return embedder(encoder)(texts)


def embedder(encoder: str = ENCODER, batch_size: int = 32) -> Callable[[Sequence[str]], np.ndarray]:
    """Load a frozen encoder, a backbone's name, a folder or a hub id, that makes (N, H) vectors of N texts.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        InputError: the encoder is not there.
    """
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError:
        raise MissingExtraError("the probe of a frozen encoder", "train") from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    source = backbone_folder(encoder)
    tokenizer, model = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        found = np.empty((len(texts), model.config.hidden_size), np.float32)
        for begin in range(0, len(order), batch_size):
            part = order[begin : begin + batch_size]
            batch = tokenizer([texts[n] for n in part], padding=True, truncation=True, max_length=256, return_tensors="pt")
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
            mean = (hidden * mask).sum(1) / mask.sum(1)
            found[part] = torch.nn.functional.normalize(mean, dim=-1).numpy()
        return found

    return embed
