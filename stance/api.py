"""The one call most people need."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from .classifier import Classifier, load
from .store import DEFAULT, find


@lru_cache(maxsize=2)
def _loaded(model: str | Path) -> Classifier:
    return load(model)


def classify(texts: Any, issues: Any = None, *, model: str | Path = DEFAULT, **options: Any) -> Any:
    """Say where each statement stands on each issue, with the bundled model or another.

    Args:
        texts: a statement, a list, an iterator or a frame.
        issues: names and :class:`~stance.Issue` objects; the model's own if not given.
        model: a bundled name, a folder or a hub id; kept loaded for the next call.
        options: as of :meth:`stance.Classifier.classify`: ``context``, ``abstain_below``, ``text_column``, ``batch_size``,
            ``progress``.
    """
    if not isinstance(model, (str, Path)):
        find(model)  # says what a model is
    return _loaded(model).classify(texts, issues, **options)
