"""Text that stands in two corpora, which would make a measurement flatter the model."""

from __future__ import annotations

import re

from stance.evaluation.corpus import Corpus

_RUN = 8  # words
_MOST = 1 / 3  # of a text's runs that may stand in the other corpus


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _words(text)
    return {tuple(words[n : n + _RUN]) for n in range(max(1, len(words) - _RUN + 1))}


def leaks(training: Corpus, measuring: Corpus) -> list[int]:
    """Rows of ``training`` more than a third of whose 8-word runs stand in ``measuring`` (short texts: all their words)."""
    there = set().union(*map(_runs, measuring.texts))
    return [n for n, text in enumerate(training.texts) if len(own := _runs(text)) * _MOST < len(own & there)]
