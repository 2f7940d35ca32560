"""One pass for all issues against one pass an issue: ``python -m training.layouts RECIPE [--set KEY=VALUE ...]``.

Trains both layouts with the same backbone, data and seed, and prints the quality of each with its interval, their paired
difference, tokens a statement, and statements/s measured side by side in float32 PyTorch.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from stance.errors import StanceError
from stance.evaluation.corpus import Corpus
from stance.evaluation.metrics import difference, scores
from stance.tokens import Tokens

from .fit import fit, predict
from .recipe import Recipe, parse_changes, read_recipe
from .train import read_corpora


def compare(recipe: Recipe) -> dict:
    """Both layouts, trained and measured."""
    corpus, validation = read_corpora(recipe)
    documents = np.array(validation.documents)
    with tempfile.TemporaryDirectory() as work:
        trained = {
            layout: fit(dataclasses.replace(recipe, layout=layout), corpus, Path(work, layout)) for layout in ("packed", "cross")
        }
    labels = {layout: predict(*own, validation, layout).argmax(-1) for layout, own in trained.items()}
    gap = difference(validation.labels, labels["packed"], labels["cross"], documents)
    speeds = {layout: [] for layout in trained}
    for _ in range(5):  # taken in turn, so that a busy machine slows both
        for layout, (model, tokens) in trained.items():
            began = time.perf_counter()
            predict(model, tokens, validation, layout)
            speeds[layout].append(len(validation) / (time.perf_counter() - began))
    ratio = np.median(np.array(speeds["packed"]) / np.array(speeds["cross"]))
    return {
        "statements": len(validation),
        "trained_on": len(corpus),
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "threads": torch.get_num_threads(),
        "quality": {
            layout: {name: score.to_dict() for name, score in scores(validation.labels, own, documents).items()}
            for layout, own in labels.items()
        },
        "packed_minus_cross": {name: score.to_dict() for name, score in gap.items()},
        "tokens_a_statement": {layout: tokens_read(tokens, validation, layout) for layout, (_, tokens) in trained.items()},
        "packed_times_as_fast": round(float(ratio), 2),
    }


def tokens_read(tokens: Tokens, corpus: Corpus, layout: str) -> float:
    """Mean number of tokens that go through the encoder for one statement and all issues, padding not counted."""
    statements, _ = tokens.statements(corpus.texts, [""] * len(corpus))
    blocks = [len(tokens.proposition(issue.proposition)) for issue in corpus.issues]
    passes = len(blocks) if layout == "cross" else 1
    return round(passes * float(np.mean([len(statement) for statement in statements])) + sum(blocks), 1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.layouts", description=__doc__)
    parser.add_argument("recipe", help="a TOML file, see training/recipes/")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="change keys of the recipe")
    options = parser.parse_args(arguments)
    try:
        recipe = read_recipe(options.recipe, parse_changes(options.set))
        print(json.dumps(compare(recipe), indent=2))
    except StanceError as error:
        print(f"layouts: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
