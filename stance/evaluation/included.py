"""The text and labels of the included benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..issues import KEY_ISSUES, Issue
from ..result import LABELS
from ..tables import read
from .corpus import MISSING, Corpus, read_corpus

FOLDER = Path(__file__).parent.parent / "benchmarks"
INCLUDED = ("diplomacy", "contrast", "own-issues", "articles")


def load_benchmark(name: str) -> Corpus:
    """The labelled statements of an authored benchmark; of ``articles``, its sentences.

    Raises:
        InputError: an unknown name.
    """
    if name not in INCLUDED:
        raise InputError(f"benchmark {name!r} is not known; known: {', '.join(INCLUDED)}")
    if name == "articles":
        return _sentences()
    path = FOLDER / f"{name}.jsonl"
    if name == "own-issues":
        propositions = json.loads((FOLDER / "own-issues.json").read_text(encoding="utf-8"))
        return read_corpus(path, [Issue(*item) for item in propositions.items()])
    return read_corpus(path, KEY_ISSUES)


def articles() -> Iterator[dict[str, Any]]:
    """The articles, each with ``id``, ``title``, ``date``, ``text``, ``sentences`` ([begin, end] each) and ``statements``:
    ``holder``, ``issue``, ``stance`` and the ``span`` [begin, end] of the text where it stands."""
    return read(FOLDER / "articles.jsonl")


def sentence_labels(article: dict, n: int) -> dict[str, str]:
    """Issue to label of an article's sentence: that of the gold it overlaps, ``unrelated`` where there is none.

    An issue on which the sentence holds several stances (of several holders) is left out: one label can't say it.
    """
    begin, end = article["sentences"][n]
    labels = {}
    for issue in KEY_ISSUES:
        said = {
            gold["stance"]
            for gold in article["statements"]
            if gold["issue"] == issue.name and begin < gold["span"][1] and gold["span"][0] < end
        }
        if len(said) < 2:
            labels[issue.name] = said.pop() if said else "unrelated"
    return labels


def _sentences() -> Corpus:
    """Every sentence of the articles, with those before it as context."""
    texts, contexts, documents, labels = [], [], [], []
    for article in articles():
        text = article["text"]
        for n, (begin, end) in enumerate(article["sentences"]):
            given = sentence_labels(article, n)
            texts.append(text[begin:end])
            contexts.append(text[:begin].strip())
            documents.append(article["id"])
            labels.append([LABELS.index(given[i.name]) if i.name in given else MISSING for i in KEY_ISSUES])
    return Corpus(tuple(texts), tuple(contexts), tuple(documents), KEY_ISSUES, np.array(labels))
