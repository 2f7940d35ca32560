"""What classifies, alone: ``python -m training.slim MODEL [--export int4] --out FOLDER``.

A trained model folder is exported, calibrated and measured anew, by its own recipe, into a folder without the weights to
train on from. In ``int4`` an encoder takes a fifth of its float32 size.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stance.backends.torch import load_model
from stance.errors import ModelError
from stance.store import find, verify
from stance.tokens import Tokens

from .recipe import CHOICES, Recipe
from .train import check_out, publish, read_corpora, report

_TOLD = ("minutes", "teacher", "taught_statements", "averaged")


def slim(source: Path, out: Path, export: str = "int4") -> dict:
    """Write the model folder ``out``, which only classifies, from the model folder ``source``; returns its manifest.

    Raises:
        InputError: what the model was trained or measured on is not here.
        ModelError: the source is no whole model that this version trained, or the export changes its labels too often.
    """
    training = verify(source, ("config.json", "tokenizer.json", "model.safetensors"))["training"]
    try:
        values = training["recipe"]
        recipe = Recipe(**values | {"corpora": tuple(values["corpora"]), "name": out.name, "export": export})
    except (KeyError, TypeError) as error:
        raise ModelError(f"{source} does not say by which recipe it was trained ({error}); train it again") from None
    corpus, validation = read_corpora(recipe)
    facts = {key: training[key] for key in _TOLD if key in training} | {"exported_from": source.name}
    tokens = Tokens.of(source)
    model = load_model(source)
    return publish(recipe, model, tokens, corpus, validation, out, facts, weights=False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.slim", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="a trained model folder, with its weights")
    precisions = [name for name in CHOICES["export"] if name != "none"]
    parser.add_argument("--export", choices=precisions, default="int4", help="how the weights are kept (default: int4)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the model folder; its name is the model's")
    options = parser.parse_args(arguments)

    def run() -> tuple[Path, dict]:
        out = check_out(options.out)
        return out, slim(find(options.model), out, options.export)

    return report(run)


if __name__ == "__main__":
    sys.exit(main())
