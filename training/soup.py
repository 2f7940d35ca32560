"""One model out of several: ``python -m training.soup FOLDER FOLDER ... --out FOLDER``.

The mean of the weights of models that differ in their seed alone and started from one trained model (Wortsman et al. 2022,
"model soups"); exported, calibrated and measured anew, by the first one's recipe.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from stance.backends.torch import load_model
from stance.errors import ModelError, StanceError
from stance.store import manifest
from stance.tokens import Tokens

from .recipe import FIELDS, Recipe
from .train import publish, read_corpora


def soup(folders: list[Path], out: Path) -> dict:
    """Average the weights of model folders and write the model folder ``out``; returns its manifest.

    Raises:
        ModelError: a folder is no model, or their recipes differ in more than the seed.
    """
    # A key that an older version wrote is none of a recipe's now.
    written = [manifest(folder)["training"]["recipe"] for folder in folders]
    recipes = [{key: value for key, value in recipe.items() if key in FIELDS} for recipe in written]
    for folder, recipe in zip(folders, recipes, strict=True):
        if other := sorted(key for key in recipe if key not in ("seed", "sources") and recipe[key] != recipes[0].get(key)):
            raise ModelError(f"{folder} was not trained by the recipe of {folders[0]}: {', '.join(other)}")
    models = [load_model(folder) for folder in folders]
    weights = [model.state_dict() for model in models]
    mean = {name: torch.stack([own[name] for own in weights]).mean(0) for name in weights[0]}
    models[0].load_state_dict(mean)
    recipe = Recipe(**recipes[0] | {"corpora": tuple(recipes[0]["corpora"])})
    corpus, validation = read_corpora(recipe)
    minutes = sum(manifest(folder)["training"]["minutes"] for folder in folders)
    facts = {"averaged_seeds": [own["seed"] for own in recipes], "minutes": round(minutes, 1)}
    return publish(recipe, models[0], Tokens.of(folders[0]), folders[0] / "tokenizer.json", corpus, validation, out, facts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.soup", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="models of one recipe")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    options = parser.parse_args(arguments)
    try:
        found = soup(options.folders, options.out)
    except StanceError as error:
        print(f"soup: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found["validation"], indent=2))
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
