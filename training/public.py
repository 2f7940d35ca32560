"""Train on a published set and measure as its authors do: ``python -m training.public SET --data FOLDER [--test]``.

``SET`` is one that ``stance benchmark public`` knows, with its training and validation splits in ``FOLDER/SET``. The recipe is
``recipes/public.toml``; choose by the validation split (``--set KEY=VALUE``), and say ``--test`` once, at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from stance.classifier import Classifier
from stance.errors import InputError, StanceError
from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.duplicates import near_duplicates
from stance.evaluation.public import SETS, PublicSet, files_of, measure_set, read_set
from stance.result import LABELS

from .pool import agreeing, write_rows
from .recipe import Recipe, parse_changes, read_recipe
from .train import train

RECIPE = Path(__file__).parent / "recipes" / "public.toml"

Row = dict[str, str]


def write_splits(one: PublicSet, folder: Path, work: Path) -> tuple[Path, Path, dict[str, int]]:
    """The training and validation splits as corpora in ``work``, and why how many rows were left out.

    Authors' splits share retweets and quotations, and a row that a model has seen says nothing about it; a text that
    stands there with two labels for one target teaches nothing. What is measured in the end is every row of a split.
    """
    own, held = (read_set(one, folder, split)[1] for split in ("train", "validation"))
    shared = {n for n, _ in near_duplicates(own.texts, held.texts, words=8)}
    near = [row for n, row in enumerate(_rows(own)) if n not in shared]
    kept, chosen = _agreeing(near), _agreeing(_rows(held))
    left = {
        "training rows stand, wholly or nearly, in the validation split too": len(shared),
        "training rows have two labels for one target": len(near) - len(kept),
        "validation rows have two labels for one target": len(held) - len(chosen),
    }
    paths = work / f"{one.name}-train.jsonl", work / f"{one.name}-validation.jsonl"
    for path, part in zip(paths, (kept, chosen), strict=True):
        write_rows(part, path)
    return *paths, left


def _agreeing(rows: list[Row]) -> list[Row]:
    return [rows[n] for n in agreeing([(row["text"], row["target"], row["label"]) for row in rows])]


def _rows(corpus: Corpus) -> list[Row]:
    columns = (corpus.labels != MISSING).argmax(1)
    return [
        {"text": text, "target": corpus.issues[k].proposition, "label": LABELS[row[k]], "doc": document}
        for text, row, k, document in zip(corpus.texts, corpus.labels, columns, corpus.documents, strict=True)
    ]


def run(recipe: Recipe, one: PublicSet, folder: Path, out: Path, test: bool) -> None:
    splits = ("train", "validation", "test") if test else ("train", "validation")
    if missing := [split for split in splits if not files_of(one, folder, split)]:
        raise InputError(f"{str(folder / one.name)!r} has no {missing[0]} split; put {missing[0]}.jsonl, .csv or .tsv there")
    own, held, left = write_splits(one, folder, out.parent)
    for why, count in left.items():
        if count:
            print(f"{count} {why}, and are left out", file=sys.stderr)
    sources = recipe.sources | {one.name: f"{one.title}, training split; texts not part of the repository"}
    train(dataclasses.replace(recipe, name=one.name, corpora=(str(own),), validation=str(held), sources=sources), out)
    model = Classifier(out, "torch")
    for split in splits[1:]:
        found = measure_set(model, one, folder, seed=recipe.seed, split=split)
        for figure in found:
            score, part = figure.score, figure.part
            published = "; published: " + "; ".join(map(str, part.published)) if split == "test" and part.published else ""
            print(
                f"{one.name} {split}, {part.name}, {part.measure}: {score.value:.1f} ({score.low:.1f} to {score.high:.1f}), "
                f"n = {figure.rows}{published}"
            )
        if not found:
            print(f"{one.name} {split}: its authors name no figure for this split")


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
    except OSError as error:
        print(f"public: {error.filename or out} cannot be written ({error.strerror or error})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
