"""Published stance sets, measured as their authors do; the data come from a folder the user names.

The texts are not ours to hand out. ``stance/benchmarks/public.md`` says where each set is had and how its folder looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..classifier import Classifier
from ..errors import InputError
from ..issues import Issue
from ..result import LABELS
from ..tables import read_numbered
from .corpus import MISSING, Corpus
from .measurement import probabilities
from .metrics import AGAINST, FAVOR, Score, chunks, confusion_by_document, f1, interval, resample

NEUTRAL = LABELS.index("neutral")
# What the sets call their columns and labels.
_TEXT, _TARGET, _LABEL = ("text", "Tweet", "comment", "post"), ("target", "Target", "question", "topic_str"), ("label", "Stance")
_WORDS = {"favor": FAVOR, "pro": FAVOR, "against": AGAINST, "con": AGAINST, "neutral": NEUTRAL, "none": NEUTRAL}
_NUMBERS = {"0": AGAINST, "1": FAVOR, "2": NEUTRAL}  # VAST's own

Row = dict[str, Any]


@dataclass(frozen=True)
class Published:
    """A figure somebody published; ``checked`` says whether it was read in the source named, or is from memory of it."""

    system: str
    value: float
    source: str
    checked: bool

    def __str__(self) -> str:
        return f"{self.system} {self.value:g}{'' if self.checked else ' (not re-checked)'}"


@dataclass(frozen=True)
class Part:
    """One official figure of a set: on which of its rows, by which measure, and what was published."""

    name: str
    measure: str
    published: tuple[Published, ...] = ()
    chosen: Callable[[Row], bool] = lambda row: True


@dataclass(frozen=True)
class PublicSet:
    """A published set; ``labels`` are those it has, in the order of ``LABELS``."""

    name: str
    title: str
    labels: tuple[int, ...]
    parts: tuple[Part, ...]


_XSTANCE = "Vamvas & Sennrich 2020, official README"
_XSTANCE_PARTS = tuple(
    Part(
        f"{kind} {language}",
        "macro_f1",
        (Published("M-BERT", value, _XSTANCE, True),) if value else (),
        lambda row, kind=kind, language=language: (
            str(row.get("test_set", "")).startswith(f"new_{kind}_") and row.get("language") == language
        ),
    )
    for kind, language, value in (
        ("comments", "de", 76.8),
        ("comments", "fr", 76.6),
        ("questions", "de", 68.5),
        ("questions", "fr", 68.4),
        ("topics", "de", 68.9),
        ("topics", "fr", 70.9),
        ("comments", "it", 70.2),
    )
)
SETS = (
    PublicSet(
        "semeval2016_t6a",
        "SemEval-2016 Task 6A (Mohammad et al. 2016)",
        (FAVOR, AGAINST, NEUTRAL),
        (
            Part(
                "all targets pooled",
                "f_avg",
                (
                    Published("task winner (MITRE)", 67.8, "Zarrella & Marsh 2016, abstract", True),
                    Published("SVM n-grams", 68.98, "Mohammad et al. 2016, results table", False),
                ),
            ),
            Part("mean over targets", "target_f_avg", (Published("BERTweet", 71.2, "TweetEval README", True),)),
        ),
    ),
    PublicSet(
        "semeval2016_t6b",
        "SemEval-2016 Task 6B (Mohammad et al. 2016)",
        (FAVOR, AGAINST, NEUTRAL),
        (Part("Donald Trump, zero-shot", "f_avg", (Published("task winner", 56.28, "task overview, abstract", True),)),),
    ),
    PublicSet(
        "vast",
        "VAST (Allaway & McKeown 2020)",
        (FAVOR, AGAINST, NEUTRAL),
        (
            Part(
                "zero-shot",
                "macro_f1",
                (
                    Published("TATA", 77.1, "Hanley & Durumeric 2023, abstract", True),
                    Published("JointCL", 72.3, "Liang et al. 2022, README", True),
                    Published("TGA-Net", 66.6, "Allaway & McKeown 2020", False),
                ),
                lambda row: _seen(row) == "0",
            ),
            Part(
                "few-shot",
                "macro_f1",
                (Published("TATA", 74.1, "summary of arXiv 2310.14450", True), Published("JointCL", 71.5, "README", True)),
                lambda row: _seen(row) == "1",
            ),
            Part("all", "macro_f1", (Published("WS-BERT-Dual", 74.5, "He et al. 2022", False),)),
        ),
    ),
    PublicSet(
        "pstance",
        "P-Stance (Li et al. 2021)",
        (FAVOR, AGAINST),
        (Part("mean over targets", "target_f_avg", (Published("BERTweet", 80.53, "README and abstract", True),)),),
    ),
    PublicSet("xstance", "x-stance (Vamvas & Sennrich 2020)", (FAVOR, AGAINST), _XSTANCE_PARTS),
    PublicSet(
        "unscon",
        "UNSCon (Zaczynska et al. 2024), criticism of a named country; no official stance measure",
        (AGAINST, NEUTRAL),
        (Part("all", "macro_f1"),),
    ),
)


def _seen(row: Row) -> str:
    return str(row.get("seen", row.get("seen?")))


@dataclass(frozen=True)
class PublicScore:
    """One official figure, in %: ours with its interval, and the published ones."""

    dataset: PublicSet
    part: Part
    rows: int
    score: Score


def measure_public(model: Classifier, folder: str | Path, names: tuple[str, ...] = (), samples: int = 2000, seed: int = 0):
    """Measure a model on the sets found in a folder; yields :class:`PublicScore`, set by set.

    The target, as the set words it, is the proposition. A set without the label ``unrelated`` has its probability added to
    ``neutral``, and one with two labels is asked for the likelier of the two. Intervals: bootstrap over texts.

    Raises:
        InputError: no folder, no known set in it, or rows that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {str(folder)!r}; name the one that holds {', '.join(s.name for s in SETS)}")
    known = {one.name: one for one in SETS}
    for name in names:
        if name not in known:
            raise InputError(f"public set {name!r} is not known; known: {', '.join(known)}")
    there = [one for one in SETS if (one.name in names or not names) and files_of(one, folder)]
    if not there:
        raise InputError(
            f"{str(folder)!r} holds none of {', '.join(names or known)}; each is a folder of that name with test.jsonl, "
            "test.csv or test.tsv in it (see the card: stance benchmark public --help)"
        )
    for one in there:
        yield from measure_set(model, one, folder, samples, seed)


def measure_set(
    model: Classifier, one: PublicSet, folder: Path, samples: int = 2000, seed: int = 0, split: str = "test"
) -> list[PublicScore]:
    """One set's official figures, on a split of it."""
    rows, corpus = read_set(one, folder, split)
    column = corpus.labels.argmax(1)
    n = np.arange(len(corpus))
    found = probabilities(model, corpus)[n, column]
    if NEUTRAL in one.labels:
        found[:, NEUTRAL] += found[:, LABELS.index("unrelated")]
    predicted = np.array(one.labels)[found[:, one.labels].argmax(1)]
    gold, documents = corpus.labels[n, column], np.array(corpus.documents)
    scores = []
    for part in one.parts:
        chosen = np.array([part.chosen(row) for row in rows])
        if chosen.any():
            score = _score(
                part.measure, one.labels, gold[chosen], predicted[chosen], column[chosen], documents[chosen], samples, seed
            )
            scores.append(PublicScore(one, part, int(chosen.sum()), score))
    return scores


def _score(measure, labels, gold, predicted, targets, documents, samples, seed) -> Score:
    if measure == "target_f_avg":
        names, k = np.unique(targets, return_inverse=True)
    else:
        names, k = np.zeros(1), np.zeros(len(gold), int)
    wide = np.full((len(gold), len(names)), MISSING)
    wide[np.arange(len(gold)), k] = gold
    counts = confusion_by_document(wide, np.repeat(predicted[:, None], len(names), 1), documents)
    averaged = list(labels) if measure == "macro_f1" else [FAVOR, AGAINST]

    def figure(confusion):
        return 100 * f1(confusion)[..., averaged].mean(-1).mean(-1)

    drawn = resample(len(counts), samples, seed)
    return interval(figure(counts.sum(0)), np.concatenate([figure(np.tensordot(part, counts, 1)) for part in chunks(drawn)]))


def files_of(one: PublicSet, folder: Path, split: str = "test") -> list[Path]:
    """The files of a set's split ``train``, ``validation`` (or dev) or ``test``; of a set without splits, its one file."""
    endings = (".jsonl", ".jsonl.gz", ".csv", ".tsv")
    files = sorted(path for path in (folder / one.name).glob("*") if path.name.endswith(endings))
    names = (split, "dev", "valid") if split == "validation" else (split,)
    found = [path for path in files if any(name in path.name for name in names)]
    return found or (files if one.name == "unscon" and split == "test" else [])


def read_set(one: PublicSet, folder: Path, split: str = "test") -> tuple[list[Row], Corpus]:
    """The rows of a set and the corpus they make, one labelled target a row.

    Raises:
        InputError: a column is missing or a label unknown, with file and line.
    """
    rows, texts, targets, labels = [], [], [], []
    for path in files_of(one, folder, split):
        text = target = label = None
        for number, row in read_numbered(path, any_column=True):
            if text is None:
                text, target, label = (_column(row, names, path) for names in (_TEXT, _TARGET, _LABEL))
            word = str(row[label]).strip().lower()
            found = _WORDS.get(word, _NUMBERS.get(word))
            if found not in one.labels:
                raise InputError(f"{path}, line {number}: label {row[label]!r} is not one of this set's")
            rows.append(row)
            texts.append(str(row[text]))
            targets.append(" ".join(str(row[target]).split()))
            labels.append(found)
    if not rows:
        raise InputError(f"{str(folder / one.name)!r} has no {split} split with rows in it")
    issues = {name: k for k, name in enumerate(dict.fromkeys(targets))}
    wide = np.full((len(rows), len(issues)), MISSING)
    wide[np.arange(len(rows)), [issues[name] for name in targets]] = labels
    documents = tuple(hashlib.sha1(text.encode()).hexdigest() for text in texts)
    # A target can be longer than a name should be, and hold any sign: the issue's name is its number.
    named = tuple(Issue(f"target {k}", name) for name, k in issues.items())
    return rows, Corpus(tuple(texts), ("",) * len(rows), documents, named, wide)


def _column(row: Row, names: tuple[str, ...], path: Path) -> str:
    for name in names:
        if name in row:
            return name
    raise InputError(f"{path}: no column {' or '.join(names)}; it has: {', '.join(map(str, row))}")
