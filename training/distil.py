"""Train a small model from a large one: ``python -m training.distil RECIPE --teacher FOLDER [--text FILE ...]``.

The teacher, a model folder, says how likely each label is for every labelled statement of the recipe's corpora, and for
unlabelled text on the recipe's issues; the student learns from the labels and from the teacher together (Hinton et al.
2015). Everything else is as with training.train.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from stance.backends.torch import load_model
from stance.calibration import Calibration
from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.duplicates import near_duplicates
from stance.store import find, manifest, sha256, verify
from stance.tables import read
from stance.tokens import Tokens

from .batches import Soft, leaning
from .fit import predict
from .recipe import Recipe
from .train import add_options, command, positive, train

CACHE = Path("build", "teacher")


def unlabelled(files: Sequence[str], validation: Corpus, most: int | None = None, seed: int = 0) -> list[str]:
    """The texts of the files, once each, less those that stand, wholly or nearly, in the validation corpus.

    Raises:
        InputError: a file that cannot be read.
    """
    rows = (row["text"] for file in files for row in read(file))
    texts = list(dict.fromkeys(text for text in rows if isinstance(text, str) and text.strip()))
    if most and most < len(texts):
        texts = [texts[n] for n in sorted(np.random.default_rng(seed).permutation(len(texts))[:most])]
    shared = {n for n, _ in near_duplicates(texts, validation.texts, words=8)}
    return [text for n, text in enumerate(texts) if n not in shared]


def taught(corpus: Corpus, texts: Sequence[str], teacher: Path, recipe: Recipe) -> tuple[Corpus, Soft]:
    """The corpus with the unlabelled texts after it, and what the teacher says of both.

    It is asked of a labelled statement what that is labelled on (nothing where ``teacher_share`` is 0 or where the statement
    leans on its context, which the teacher is not shown), of the others the recipe's issues. What it said is kept in
    ``build/teacher``.

    Raises:
        ModelError: the teacher cannot be found, or has no weights that can be read.
    """
    main = [k for k, issue in enumerate(corpus.issues) if issue.name in recipe.issues]
    rows = np.full((len(texts), len(corpus.issues)), MISSING)
    asked = rows.copy()
    asked[:, main] = 0
    empty = ("",) * len(texts)
    names = tuple(f"unlabelled {n}" for n in range(len(texts)))
    every = [(*corpus.texts, *texts), (*corpus.contexts, *empty), (*corpus.documents, *names), corpus.issues]
    whole = Corpus(*every, np.concatenate([corpus.labels, rows]))
    silent = leaning(corpus)[:, None] | (recipe.teacher_share == 0)
    of_labelled = np.where(silent, MISSING, corpus.labels)
    question = Corpus(*every, np.concatenate([of_labelled, asked]))
    files = [sha256(teacher / name) for name in ("model.safetensors", "config.json", "tokenizer.json", "calibration.json")]
    key = hashlib.sha256(repr((whole.texts, whole.issues, files)).encode())
    key.update((question.labels == MISSING).tobytes())
    cache = CACHE / f"{key.hexdigest()[:12]}.npy"
    while not cache.exists():
        if int(os.environ.get("RANK", 0)):  # under torchrun the first process asks
            time.sleep(1)
            continue
        answer = ask(teacher, question)
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache.with_suffix(".part.npy"), answer)
        cache.with_suffix(".part.npy").rename(cache)
    about = manifest(teacher)
    return whole, Soft(np.load(cache), recipe.teacher_share, f"{about['name']}, written {about['created']}")


def ask(teacher: Path, corpus: Corpus) -> np.ndarray:
    """(N, K, L) float32 probabilities of a model folder for what a corpus is labelled on; NaN elsewhere."""
    print(f"the teacher reads {(corpus.labels != MISSING).any(1).sum()} statements", file=sys.stderr)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.autocast(device, dtype=torch.bfloat16):
        logits = predict(load_model(teacher).to(device), Tokens.of(teacher), corpus)
    found = Calibration.read(teacher / "calibration.json")(logits, [issue.name for issue in corpus.issues])
    found[corpus.labels == MISSING] = np.nan
    return found.astype(np.float32)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.distil", description=__doc__)
    add_options(parser)
    parser.add_argument("--teacher", required=True, metavar="MODEL", help="a model folder, a bundled name or a hub id")
    parser.add_argument("--text", nargs="+", default=[], metavar="FILE", help="unlabelled text for the teacher to label")
    parser.add_argument("--most", type=positive, metavar="N", help="of it, take so many at random")
    options = parser.parse_args(arguments)

    def run(recipe: Recipe, out: Path) -> dict:
        teacher = find(options.teacher)
        verify(teacher, ("config.json", "tokenizer.json", "calibration.json", "model.safetensors"))

        def teach(corpus: Corpus, validation: Corpus) -> tuple[Corpus, Soft]:
            return taught(corpus, unlabelled(options.text, validation, options.most, recipe.seed), teacher, recipe)

        return train(recipe, out, teach)

    return command(options, run)


if __name__ == "__main__":
    sys.exit(main())
