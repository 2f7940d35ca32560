"""Near-duplicates: text that stands in two places, which would make a measurement flatter the model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

RUN = 5  # words
_MOST = 1 / 3  # of the shorter text's runs that may stand in the other


def runs(text: str, words: int = RUN) -> set[tuple[str, ...]]:
    """All runs of so many words in a text, without case and punctuation; of a shorter text, all its words."""
    found = re.findall(r"\w+", text.lower())
    return {tuple(found[n : n + words]) for n in range(max(1, len(found) - words + 1))}


def near_duplicates(texts: Sequence[str], others: Sequence[str], words: int = RUN) -> list[tuple[int, int]]:
    """Pairs (n, m) where ``texts[n]`` and ``others[m]`` share more than a third of the shorter one's runs of words.

    At most one pair a text, the closest. Resemblance by shared word runs: Broder (1997).
    """
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes = []
    for m, other in enumerate(others):
        own = runs(other, words)
        sizes.append(len(own))
        for run in own:
            where[run].append(m)
    pairs = []
    for n, text in enumerate(texts):
        own = runs(text, words)
        shared = Counter(m for run in own for m in where.get(run, ()))
        close = [(count / min(len(own), sizes[m]), -m) for m, count in shared.items()]
        if close and max(close)[0] > _MOST:
            pairs.append((n, -max(close)[1]))
    return pairs


def near_groups(texts: Sequence[str], documents: Sequence[str], words: int = RUN) -> np.ndarray:
    """(N,) group of each text: texts of one document, and texts that are near-duplicates, are in one group."""
    parent = list(range(len(texts)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    first: dict[str, int] = {}
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes: list[int] = []
    for n, (text, document) in enumerate(zip(texts, documents, strict=True)):
        parent[root(n)] = root(first.setdefault(document, n))
        own = runs(text, words)
        for m, count in Counter(m for run in own for m in where[run]).items():
            if count / min(len(own), sizes[m]) > _MOST:
                parent[root(n)] = root(m)
        for run in own:
            where[run].append(n)
        sizes.append(len(own))
    return np.unique([root(n) for n in range(len(texts))], return_inverse=True)[1]
