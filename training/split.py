"""A held-out part of a corpus, when its owner has named none."""

from __future__ import annotations

import numpy as np

from stance.errors import InputError
from stance.evaluation.corpus import Corpus
from stance.evaluation.duplicates import near_groups
from stance.result import LABELS

SHARE = 0.2
_LEAST = 10


def split(corpus: Corpus, share: float = SHARE, seed: int = 0) -> tuple[Corpus, Corpus]:
    """Two parts of a corpus, the second with about ``share`` of its statements; labels are as frequent in both as can be.

    No document, and no text that stands nearly the same twice, is divided between them (see
    :func:`~stance.evaluation.duplicates.near_groups`).

    Raises:
        InputError: too few statements, or all of one document.
    """
    groups = near_groups(corpus.texts, corpus.documents)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    if len(corpus) < _LEAST or len(members) < 2:
        what = f"{len(corpus)} statements" if len(corpus) < _LEAST else "statements of one document, or nearly the same"
        raise InputError(f"{what} cannot be divided into a part to learn and one to measure; name one with --validation FILE")
    one_hot = _one_hot(corpus)
    counts = np.stack([one_hot[rows].sum(0) for rows in members])
    wanted, held = counts.sum(0) * share, np.zeros(counts.shape[1])
    sizes, size, chosen = np.array([len(rows) for rows in members]), 0, []
    for group in np.random.default_rng(seed).permutation(len(members)):
        # Iterative stratification (Sechidis et al. 2011), group by group: taken if the labels it brings are still wanted.
        missing = np.clip(wanted - held, 0, None)
        brings = counts[group]
        if size < len(corpus) * share and (missing * brings).sum() > 0 and (brings <= np.ceil(missing)).all():
            chosen.append(group)
            held, size = held + brings, size + sizes[group]
    if not chosen:
        chosen = [int(sizes.argmin())]
    rows = np.concatenate([members[group] for group in sorted(chosen)])
    return corpus.take(np.setdiff1d(np.arange(len(corpus)), rows)), corpus.take(np.sort(rows))


def _one_hot(corpus: Corpus) -> np.ndarray:
    """(N, K * L) what each statement is labelled."""
    return (corpus.labels[:, :, None] == np.arange(len(LABELS))).reshape(len(corpus), -1).astype(float)
