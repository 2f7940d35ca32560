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

    Every label that there is stays in the first part.

    Raises:
        InputError: too few statements, or nearly all of one document.
    """
    groups = near_groups(corpus.texts, corpus.documents)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    if len(corpus) < _LEAST or len(members) < 2:
        what = f"{len(corpus)} statements" if len(corpus) < _LEAST else "statements of one document, or nearly the same"
        raise InputError(f"{what} cannot be divided into a part to learn and one to measure; name one with --validation FILE")
    one_hot = _one_hot(corpus)
    counts = np.stack([one_hot[rows].sum(0) for rows in members])
    total, held = counts.sum(0), np.zeros(counts.shape[1])
    wanted = total * share
    sizes, size, chosen = np.array([len(rows) for rows in members]), 0, []

    def keeps(group: int) -> bool:
        brings = counts[group]
        return bool((total - held > brings)[brings > 0].all())

    # Iterative stratification (Sechidis et al. 2011), group by group: taken if the labels it brings are still wanted.
    order = np.random.default_rng(seed).permutation(len(members))
    for group in order:
        missing, brings = np.clip(wanted - held, 0, None), counts[group]
        wants = (missing * brings).sum() > 0 and (brings <= np.ceil(missing)).all()
        if size < len(corpus) * share and wants and keeps(group):
            chosen.append(group)
            held, size = held + brings, size + sizes[group]
    # If that leaves the part too small, as where documents are few and large: any that fits, from the smallest.
    for group in order[np.argsort(sizes[order], kind="stable")]:
        fits = size < len(corpus) * share / 2 and size + sizes[group] <= len(corpus) / 2
        if group not in chosen and fits and keeps(group):
            chosen.append(group)
            held, size = held + counts[group], size + sizes[group]
    if size < len(corpus) * share / 4:
        raise InputError(
            f"of {len(corpus)} statements only {size} can be held out to measure on, without dividing a document or taking the "
            "last row of a label; name a part to measure on with --validation FILE"
        )
    rows = np.concatenate([members[group] for group in sorted(chosen)])
    return corpus.take(np.setdiff1d(np.arange(len(corpus)), rows)), corpus.take(np.sort(rows))


def _one_hot(corpus: Corpus) -> np.ndarray:
    """(N, K * L) what each statement is labelled."""
    return (corpus.labels[:, :, None] == np.arange(len(LABELS))).reshape(len(corpus), -1).astype(float)
