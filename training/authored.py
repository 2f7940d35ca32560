"""What gives authored text away: ``python -m training.authored [--real FILE ...]``.

Runs of six words that stand in more than three statements (a template), and how well a bag of words tells authored
statements from real ones (the easier, the more the authors have a manner of their own).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stance.errors import StanceError
from stance.evaluation.corpus import read_corpus
from stance.evaluation.duplicates import runs
from stance.evaluation.metrics import Score, share

CORPORA = Path(__file__).parent / "corpora"
_RUN, _MOST = 6, 3


def corpora() -> list[Path]:
    """The files of the authored corpus; those named ``...-labels`` hold labels without text and are none."""
    return [path for path in sorted(CORPORA.glob("*.jsonl")) if not path.stem.endswith("-labels")]


def templates(texts: Sequence[str]) -> dict[str, list[int]]:
    """Runs of six words that stand in more than three texts, and in which."""
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for n, text in enumerate(texts):
        for run in runs(text, _RUN):
            if len(run) == _RUN:
                where[run].append(n)
    return {" ".join(run): rows for run, rows in where.items() if len(rows) > _MOST}


def told_apart(authored: Sequence[str], real: Sequence[str], folds: int = 5, seed: int = 0) -> Score:
    """Share that a bag of words gets right on as many real as authored texts, cross-validated; .5 is chance.

    Words 1-2 counted by TF-IDF and logistic regression; the larger side is sampled down.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    size, rng = min(len(authored), len(real)), np.random.default_rng(seed)
    texts = [side[n] for side in (authored, real) for n in rng.permutation(len(side))[:size]]
    labels = np.repeat([0, 1], size)
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=2000))
    given = cross_val_predict(model, texts, labels, cv=StratifiedKFold(folds, shuffle=True, random_state=seed))
    return share((given == labels).astype(float), np.arange(len(labels)), seed=seed)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.authored", description=__doc__)
    parser.add_argument("--real", nargs="+", metavar="FILE", help="real statements to tell the authored ones from")
    options = parser.parse_args(arguments)
    try:
        files = corpora()
        corpus = read_corpus(files).distinct()  # what stands there after several contexts is one statement
        found = templates(corpus.texts)
        for run, rows in sorted(found.items()):
            print(f"in {len(rows)} statements: {run!r} ({', '.join(corpus.documents[n] for n in rows)})")
        counted = f"{len(corpus)} different authored statements in {len(files)} files"
        print(f"{counted}; {len(found)} runs of six words in more than three")
        if options.real:
            score = told_apart(corpus.texts, read_corpus(options.real).texts)
            print(
                f"a bag of words tells authored from real: {score.value:.1%} ({score.low:.1%} to {score.high:.1%}); chance 50 %"
            )
    except StanceError as error:
        print(f"authored: {error}", file=sys.stderr)
        return 2
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
