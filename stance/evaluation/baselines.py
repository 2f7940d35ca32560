"""Baselines: what a model must beat."""

from __future__ import annotations

import numpy as np

from ..errors import MissingExtraError
from ..result import LABELS
from .corpus import MISSING, Corpus


def tfidf(train: Corpus, test: Corpus) -> np.ndarray:
    """(N, K) labels of ``test`` by TF-IDF and balanced logistic regression, one model an issue.

    Words 1-2 and characters 3-5, sublinear counts; issues are matched by name, and one that ``train`` does not label
    gets ``unrelated``.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_union
    except ImportError:
        raise MissingExtraError("The TF-IDF baseline", "train") from None

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2),
    )
    columns = {issue.name: k for k, issue in enumerate(train.issues)}
    train_x, test_x = features.fit_transform(train.texts), features.transform(test.texts)
    predicted = np.full(test.labels.shape, LABELS.index("unrelated"))
    for k, issue in enumerate(test.issues):
        gold = train.labels[:, columns[issue.name]] if issue.name in columns else np.array([])
        rows = np.flatnonzero(gold != MISSING)
        if len(np.unique(gold[rows])) > 1:
            model = LogisticRegression(class_weight="balanced", C=10, max_iter=2000)
            predicted[:, k] = model.fit(train_x[rows], gold[rows]).predict(test_x)
    return predicted
