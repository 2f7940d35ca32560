"""Train on a published set and measure as its authors do: ``python -m training.public SET --data FOLDER [--test]``.

``SET`` is one that ``stance benchmark public`` knows, with its training and validation splits in ``FOLDER/SET``. The recipe is
``recipes/public.toml``; choose by the validation split (``--set KEY=VALUE``), and say ``--test`` once, at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import stance
from stance.errors import InputError, StanceError
from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.duplicates import near_duplicates
from stance.evaluation.public import SETS, PublicSet, files_of, measure_set, read_set
from stance.result import LABELS

from .recipe import Recipe, parse_changes, read_recipe
from .train import train

RECIPE = Path(__file__).parent / "recipes" / "public.toml"


def write_splits(one: PublicSet, folder: Path, work: Path) -> tuple[Path, Path, int]:
    """The training and validation splits as corpora in ``work``, and how many training rows were left out for standing in both.

    Authors' splits share retweets and quotations; a row that a model has seen says nothing about it.
    """
    for split in ("train", "validation"):
        if not files_of(one, folder, split):
            raise InputError(f"{str(folder / one.name)!r} has no {split} split; put {split}.jsonl, .csv or .tsv there")
    train, validation = (read_set(one, folder, split)[1] for split in ("train", "validation"))
    shared = {pair[0] for pair in near_duplicates(train.texts, validation.texts, words=8)}
    work.mkdir(parents=True, exist_ok=True)
    paths = work / f"{one.name}-train.jsonl", work / f"{one.name}-validation.jsonl"
    for path, corpus, left in zip(paths, (train, validation), (shared, set()), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for n, row in enumerate(_rows(corpus)) if n not in left), encoding="utf-8")
    return *paths, len(shared)


def _rows(corpus: Corpus) -> list[dict[str, str]]:
    columns = (corpus.labels != MISSING).argmax(1)
    return [
        {"text": text, "target": corpus.issues[k].proposition, "label": LABELS[row[k]], "doc": document}
        for text, row, k, document in zip(corpus.texts, corpus.labels, columns, corpus.documents, strict=True)
    ]


def run(recipe: Recipe, one: PublicSet, folder: Path, out: Path, test: bool) -> None:
    own, held, shared = write_splits(one, folder, out.parent)
    if shared:
        print(f"{shared} training rows stand, wholly or nearly, in the validation split too, and are left out", file=sys.stderr)
    sources = recipe.sources | {one.name: f"{one.title}, training split; texts not part of the repository"}
    train(dataclasses.replace(recipe, name=one.name, corpora=(str(own),), validation=str(held), sources=sources), out)
    model = stance.load(str(out), backend="torch")
    for split in ("validation", "test") if test else ("validation",):
        for found in measure_set(model, one, folder, seed=recipe.seed, split=split):
            published = "; ".join(map(str, found.part.published)) if split == "test" else ""
            score = found.score
            print(
                f"{one.name} {split}, {found.part.name}, {found.part.measure}: {score.value:.1f} "
                f"({score.low:.1f} to {score.high:.1f}), n = {found.rows}" + (f"; published: {published}" if published else "")
            )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.public", description=__doc__)
    known = {one.name: one for one in SETS}
    parser.add_argument("dataset", metavar="SET", choices=known, help=", ".join(known))
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, help="the model folder; build/public/SET if not given")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="change keys of the recipe")
    parser.add_argument("--test", action="store_true", help="measure on the test split too")
    options = parser.parse_args(arguments)
    out = options.out or Path("build", "public", options.dataset)
    try:
        recipe = read_recipe(RECIPE, parse_changes(options.set))
        run(recipe, known[options.dataset], options.data, out, options.test)
    except StanceError as error:
        print(f"public: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
