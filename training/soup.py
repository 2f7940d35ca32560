"""One model out of several: ``python -m training.soup RECIPE FOLDER FOLDER ... --out FOLDER``.

The mean of the weights of models that started from one trained model and differ in seed, data or hyper-parameters
(Wortsman et al. 2022, "model soups"); exported, calibrated and measured anew, with the recipe's validation corpus.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from stance.backends.torch import load_model
from stance.errors import ModelError
from stance.store import find, sha256, verify
from stance.tokens import Tokens

from .recipe import Recipe, read_recipe
from .train import check_out, publish, read_corpora, report


def soup(recipe: Recipe, folders: list[Path], out: Path) -> dict:
    """Average the weights of model folders and write the model folder ``out``; returns its manifest.

    ``recipe`` says what the whole was trained and is measured on, and how it is exported.

    Raises:
        ModelError: a folder is no model, or they are not of one shape and one tokenizer.
    """
    about = [verify(folder, ("config.json", "tokenizer.json", "model.safetensors"))["training"] for folder in folders]
    weights = [load_model(folder).state_dict() for folder in folders]
    for folder, own in zip(folders, weights, strict=True):
        shapes = {name: value.shape for name, value in own.items()}
        same = sha256(folder / "tokenizer.json") == sha256(folders[0] / "tokenizer.json")
        if not same or shapes != {name: value.shape for name, value in weights[0].items()}:
            raise ModelError(f"{folder} and {folders[0]} are not of one shape and one tokenizer; they cannot be averaged")
    model = load_model(folders[0])
    model.load_state_dict({name: torch.stack([own[name] for own in weights]).mean(0) for name in weights[0]})
    corpus, validation = read_corpora(recipe)
    told = ("seed", "epochs", "learning_rate", "dropout", "backbone")
    facts = {
        "averaged": [
            {"name": folder.name, "statements": own["statements"]} | {key: own["recipe"].get(key) for key in told}
            for folder, own in zip(folders, about, strict=True)
        ],
        "minutes": round(sum(own.get("minutes", 0) for own in about), 1),
    }
    tokens = Tokens.of(folders[0])
    return publish(recipe, model, tokens, corpus, validation, out, facts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.soup", description=__doc__)
    parser.add_argument("recipe", metavar="RECIPE", help="what the whole is measured on and called")
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="models that started from one")
    parser.add_argument("--out", type=Path, help="the model folder; models/NAME if not given")
    options = parser.parse_args(arguments)

    def run() -> tuple[Path, dict]:
        recipe = read_recipe(options.recipe)
        out = check_out(options.out or Path("models", recipe.name))
        return out, soup(recipe, [find(folder) for folder in options.folders], out)

    return report(run)


if __name__ == "__main__":
    sys.exit(main())
