"""Near-duplicates: text that stands in two places, which would make a measurement flatter the model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

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
