"""What few rows of a new issue buy: ``python -m training.fewshot TRAIN TEST [--sizes 0 16 64 256 800] [--seeds 3]``.

``TRAIN`` and ``TEST`` are corpora of one issue that the model was not trained on (``text,target,label``). For each size and
seed so many rows are drawn from ``TRAIN``; on them ``stance-mini`` is trained further, and beside it what one would do
without it: logistic regression on a frozen sentence encoder (as SetFit's head is trained; Tunstall et al. 2022) and on TF-IDF.
All are measured on ``TEST`` by F_avg. With no rows at all the model has the proposition alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stance.errors import InputError, StanceError
from stance.evaluation.baselines import baseline
from stance.evaluation.corpus import Corpus, read_corpus
from stance.evaluation.duplicates import near_duplicates
from stance.evaluation.metrics import scores
from stance.issues import Issue

from .fit import fit, predict, start
from .recipe import Recipe, parse_changes, read_recipe

OWN = Path(__file__).parent / "recipes" / "own.toml"
WAYS = ("stance", "probe", "tfidf")


def measure(recipe: Recipe, train: Corpus, test: Corpus, sizes: Sequence[int], seeds: int) -> dict[str, dict[int, list[float]]]:
    """Way to size to the F_avg of each seed."""
    found: dict[str, dict[int, list[float]]] = {way: {} for way in WAYS}
    present = sorted(set(train.labels.ravel()))
    for size in sizes:
        for seed in range(seeds if size else 1):
            rows = np.random.default_rng([seed, size]).permutation(len(train))[:size]
            few = train.take(rows)
            for way in WAYS if size else WAYS[:1]:
                labels = _answers(way, dataclasses.replace(recipe, seed=seed), few, test, present)
                figure = scores(test.labels, labels, np.array(test.documents), samples=1)["f_avg"].value
                found[way].setdefault(size, []).append(figure)
                print(json.dumps({"way": way, "rows": size, "seed": seed, "f_avg": round(figure, 4)}), flush=True)
    return found


def _answers(way: str, recipe: Recipe, few: Corpus, test: Corpus, present: list[int]) -> np.ndarray:
    if way != "stance":
        return baseline(way, test, few, recipe.seed)
    if not len(few):
        model, tokens = start(recipe)
        model.eval()
    else:
        with tempfile.TemporaryDirectory() as work:
            model, tokens = fit(recipe, few, Path(work))
    # A label that the corpus does not have is none that it would give.
    logits = predict(model, tokens, test)
    return np.array(present)[logits[..., present].argmax(-1)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.fewshot", description=__doc__)
    parser.add_argument("train", metavar="TRAIN")
    parser.add_argument("test", metavar="TEST")
    parser.add_argument("--target", required=True, help="the target to take, as the corpora call it")
    parser.add_argument("--proposition", help="how the model is asked about it; the target itself if not given")
    parser.add_argument("--sizes", nargs="+", type=int, default=[0, 16, 64, 256, 800])
    parser.add_argument("--seeds", type=int, choices=range(1, 21), default=3, metavar="N")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change keys of recipes/own.toml"
    )
    options = parser.parse_args(arguments)
    try:
        issue = Issue(options.target, options.proposition or options.target)
        train, test = (_of_target(read_corpus(path, [issue]), issue) for path in (options.train, options.test))
        known = {n for n, _ in near_duplicates(train.texts, test.texts, words=8)}
        train = train.take([n for n in range(len(train)) if n not in known])
        if bad := [size for size in options.sizes if not 0 <= size <= len(train)]:
            raise InputError(f"{bad[0]} rows cannot be drawn from {len(train)}; name other --sizes")
        recipe = dataclasses.replace(read_recipe(OWN, parse_changes(options.set)), issues={issue.name: issue.proposition})
        found = measure(recipe, train, test, options.sizes, options.seeds)
    except StanceError as error:
        print(f"fewshot: {error}", file=sys.stderr)
        return 2
    print(f"\nF_avg on {len(test)} statements, mean (least to greatest) of {options.seeds} draws\n")
    print("| rows | " + " | ".join(WAYS) + " |\n| --- |" + " --- |" * len(WAYS))
    for size in options.sizes:
        cells = [f"{np.mean(own):.3f} ({min(own):.3f}-{max(own):.3f})" for way in WAYS if (own := found[way].get(size))]
        print(f"| {size} | " + " | ".join(cells + [""] * (len(WAYS) - len(cells))) + " |")
    return 0


def _of_target(corpus: Corpus, issue: Issue) -> Corpus:
    rows = np.flatnonzero(corpus.labels[:, 0] >= 0)
    if not len(rows):
        raise InputError(
            f"no row has the target {issue.name!r}; targets there: {', '.join(i.name for i in corpus.issues[1:])[:300]}"
        )
    return dataclasses.replace(corpus.take(rows), issues=(issue,), labels=corpus.labels[rows, :1])


if __name__ == "__main__":
    sys.exit(main())
