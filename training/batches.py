"""Which statement is asked about what, in which batch: fixed by the seed and the epoch, so that a run can be resumed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.metrics import AGAINST, FAVOR
from stance.packing import Packed, pack_each
from stance.result import LABELS
from stance.tokens import Tokens

from .recipe import Recipe

CONTRARY = "not:"  # begins a wording on which who is for the issue is against
_UNRELATED = LABELS.index("unrelated")
_SWAPPED = [{FAVOR: AGAINST, AGAINST: FAVOR}.get(label, label) for label in range(len(LABELS))]
_WINDOW = 40  # batches that are sorted by length together

Plan = list[tuple[list[int], list[list[int]]]]


def plan(rows: Sequence[Sequence[int]], lengths: Sequence[int], size: int, rng: np.random.Generator, layout: str) -> Plan:
    """Batches in random order: the statements of each, and the propositions that each of them is asked about.

    ``rows[n]`` are the propositions for statement n; one without any is left out. All statements of a batch have the
    same number of them, and are of like length, so that little is padding. How many batches there are depends on
    nothing random. In the ``cross`` layout each proposition is a pass of its own, and a batch has as many
    propositions as a packed one of three.
    """
    items = [(n, list(row)) for n, row in enumerate(rows) if len(row)]
    if layout == "cross":
        items, size = [(n, [k]) for n, row in items for k in row], size * 3
    same: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
    for item in items:
        same[len(item[1])].append(item)
    made: Plan = []
    for _, group in sorted(same.items()):
        order = rng.permutation(len(group))
        for begin in range(0, len(order), size * _WINDOW):
            part = sorted((group[i] for i in order[begin : begin + size * _WINDOW]), key=lambda item: lengths[item[0]])
            for first in range(0, len(part), size):
                chosen = part[first : first + size]
                made.append(([n for n, _ in chosen], [ks for _, ks in chosen]))
    return [made[i] for i in rng.permutation(len(made))]


def packed_batches(
    plan: Plan, statements: Sequence[list[int]], blocks: Sequence[list[int]], pad: int
) -> Iterator[tuple[Packed, np.ndarray, np.ndarray]]:
    """The batches of a plan, packed, with the (statement, proposition) indices of their answers."""
    for ns, kss in plan:
        yield _pack(ns, kss, statements, blocks, pad), np.array(ns), np.array(kss)


def _pack(ns, kss, statements, blocks, pad) -> Packed:
    return pack_each([statements[n] for n in ns], [[blocks[k] for k in ks] for ks in kss], pad)


@dataclass(frozen=True)
class Soft:
    """What a teacher says.

    Attributes:
        probabilities: (M, K, L) of the first M statements of a corpus on its first K issues; NaN where it was not asked.
        share: how much of the target is the teacher's where there is a label too; where there is none, all of it.
        teacher: who says so.
    """

    probabilities: np.ndarray
    share: float
    teacher: str = ""


def leaning(corpus: Corpus) -> np.ndarray:
    """(N,) bool: statements that stand in a corpus with several contexts, from which they may take their labels."""
    times = Counter(corpus.texts)
    return np.array([times[text] > 1 and bool(c) for text, c in zip(corpus.texts, corpus.contexts, strict=True)])


class Visits(torch.utils.data.Dataset):
    """A corpus as training sees it in one epoch: item n is the n-th batch, ready for the model.

    Each has the model's inputs, ``target`` (B, K, L), the distribution to learn, and ``weight`` (B, K).
    """

    def __init__(self, recipe: Recipe, corpus: Corpus, tokens: Tokens, soft: Soft | None = None, training: bool = True):
        self.recipe, self.training, self.pad = recipe, training, tokens.pad
        self.plain, _ = tokens.statements(corpus.texts, [""] * len(corpus))
        self.corpus, self.tokens = corpus, tokens
        self.full: list[list[int]] = []
        if training and recipe.context_share:
            self.full, _ = tokens.statements(corpus.texts, corpus.contexts)
            self.leaning = leaning(corpus)
        propositions, self.labels, self.variants = widen(recipe, corpus)
        self.blocks = [tokens.proposition(proposition) for proposition in propositions]
        self.weights = label_weights(self.labels, recipe.balance)
        self.share = soft.share if soft else 0.0
        self.taught = None
        known = self.labels != MISSING
        if soft is not None:
            self.taught = np.full((*self.labels.shape, len(LABELS)), np.nan, np.float32)
            rows, issues = soft.probabilities.shape[:2]
            self.taught[:rows, :issues] = soft.probabilities
            for k, places in self.variants.items():
                for place, wording in zip(places, recipe.variants[corpus.issues[k].name], strict=True):
                    self.taught[:, place] = self.taught[:, k][:, _SWAPPED if wording.startswith(CONTRARY) else slice(None)]
            known |= ~np.isnan(self.taught).any(-1)
        self.asked = [list(np.flatnonzero(row)) for row in known[:, : len(corpus.issues)]]
        main = {k for k, issue in enumerate(corpus.issues) if issue.name in recipe.issues}
        # Statements on a proposition of their own, and those propositions: what strangers are drawn from.
        self.own = [n for n, row in enumerate(self.asked) if row and not main.intersection(row)]
        self.others = sorted({k for n in self.own for k in self.asked[n]})
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the contexts, wordings, strangers and batches of an epoch."""
        rng = np.random.default_rng([self.recipe.seed, epoch])
        rows: list[list[int]] = self.asked
        self.statements = self._with_contexts(rng) if self.full else self.plain
        if self.training:
            rows = [[self._wording(k, rng) for k in row] for row in rows] if self.variants else list(rows)
            for n in self.own if len(self.others) > 1 else ():
                if rng.random() < self.recipe.strangers:
                    # As many as its own, so that the batches keep their number.
                    drawn = rng.choice(self.others, size=min(len(rows[n]), len(self.others)), replace=False)
                    rows[n] = rows[n] if set(drawn) & set(self.asked[n]) else [int(k) for k in drawn]
        lengths = [len(statement) for statement in self.statements]
        self.plan = plan(rows, lengths, self.recipe.batch_size, rng, self.recipe.layout)

    def _with_contexts(self, rng: np.random.Generator) -> list[list[int]]:
        """Some statements with their context; those that have none with any other statement before them, so that the
        model learns not to take a stance from there."""
        texts, contexts = self.corpus.texts, self.corpus.contexts
        chosen = (rng.random(len(texts)) < self.recipe.context_share) | self.leaning  # these always have their own
        before = rng.permutation(len(texts))
        statements = [full if c else plain for full, plain, c in zip(self.full, self.plain, chosen, strict=True)]
        alone = [n for n in np.flatnonzero(chosen) if not contexts[n] and texts[before[n]] != texts[n]]
        led, _ = self.tokens.statements([texts[n] for n in alone], [texts[before[n]] for n in alone])
        for n, statement in zip(alone, led, strict=True):
            statements[n] = statement
        return statements

    def _wording(self, k: int, rng: np.random.Generator) -> int:
        if k in self.variants and rng.random() < self.recipe.variant_share:
            return int(rng.choice(self.variants[k]))
        return k

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        ns, kss = self.plan[i]
        inputs = {
            name: torch.from_numpy(a) for name, a in _pack(ns, kss, self.statements, self.blocks, self.pad).inputs().items()
        }
        target, weight = self._targets(np.array(ns)[:, None], np.array(kss))
        if not self.training:
            # The Trainer takes the mean over batches; so it becomes that over statements.
            weight *= len(ns) * len(self.plan) / sum(len(batch) for batch, _ in self.plan)
        return inputs | {"target": torch.from_numpy(target), "weight": torch.from_numpy(weight)}

    def _targets(self, n: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        smooth = self.recipe.label_smoothing if self.training else 0.0
        labels = self.labels[n, k]
        taught = np.full((*labels.shape, len(LABELS)), np.nan) if self.taught is None else self.taught[n, k]
        by_teacher = ~np.isnan(taught).any(-1)
        # A proposition that a statement is neither labelled on nor taught about is a stranger to it.
        gold = np.where((labels == MISSING) & ~by_teacher, _UNRELATED, labels)
        hard = np.eye(len(LABELS))[gold] * (1 - smooth) + smooth / len(LABELS)
        share = np.where(by_teacher, np.where(labels == MISSING, 1.0, self.share), 0.0)
        target = hard * (1 - share[..., None]) + np.nan_to_num(taught) * share[..., None]
        weight = np.where(labels == MISSING, 1.0, self.weights[k, gold])
        return target.astype(np.float32), weight.astype(np.float32)


def label_weights(labels: np.ndarray, power: float) -> np.ndarray:
    """(K, L) loss weight of each issue's labels: (mean count / count) ** power, mean 1 over the rows."""
    weights = np.ones((labels.shape[1], len(LABELS)))
    for k in range(labels.shape[1]):
        counts = np.bincount(labels[labels[:, k] != MISSING, k], minlength=len(LABELS))
        if counts.sum():
            raw = (counts.sum() / len(LABELS) / np.maximum(counts, 1)) ** power
            weights[k] = raw * counts.sum() / (raw * counts).sum()
    return weights


def widen(recipe: Recipe, corpus: Corpus) -> tuple[list[str], np.ndarray, dict[int, list[int]]]:
    """The propositions to learn, variants after the corpus's own; (N, K) labels on all; and each issue's variants.

    On a contrary wording favor and against change places.
    """
    propositions, columns = [issue.proposition for issue in corpus.issues], list(corpus.labels.T)
    places: dict[int, list[int]] = {}
    for k, issue in enumerate(corpus.issues):
        for wording in recipe.variants.get(issue.name, ()):
            labels = corpus.labels[:, k]
            if wording.startswith(CONTRARY):
                labels = np.where(labels == MISSING, MISSING, np.array(_SWAPPED)[labels])
            places.setdefault(k, []).append(len(propositions))
            propositions.append(wording.removeprefix(CONTRARY).strip())
            columns.append(labels)
    return propositions, np.stack(columns, 1), places
