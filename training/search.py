"""Search a recipe's named ranges for what does best on its validation corpus."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from stance.errors import InputError
from stance.evaluation.corpus import Corpus
from stance.evaluation.metrics import scores

from .fit import fit, predict
from .recipe import FIELDS, Recipe
from .run import discard, fingerprint


def search(recipe: Recipe, corpus: Corpus, validation: Corpus, trials: int, work: Path) -> tuple[Recipe, list[dict]]:
    """The recipe with the best values found, and every trial: its values and the validation macro-F1, best first.

    The ranges are the recipe's table ``search``: ``[low, high]`` of two numbers is a range (searched on a logarithmic
    scale where it spans a factor of ten), any other list is a choice. Optuna's TPE sampler (Bergstra et al. 2011) with
    the recipe's seed; the same trials come again with the same seed.

    Raises:
        InputError: there is nothing to search.
    """
    if not recipe.search:
        raise InputError("the recipe has no table [search]; e.g. [search] learning_rate = [1e-5, 1e-3]")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: list[dict] = []
    judge = hashlib.sha256(repr((validation.texts, validation.issues, validation.labels.tolist())).encode()).hexdigest()[:8]
    work.mkdir(parents=True, exist_ok=True)

    def objective(trial) -> float:
        values = {name: _suggest(trial, name, options) for name, options in recipe.search.items()}
        tried = dataclasses.replace(recipe, **values)
        name = fingerprint(tried, corpus, validation)
        kept = work / f"{name}-{judge}.json"  # a search that was killed does not try again what it has tried
        if not kept.exists():
            model, tokens = fit(tried, corpus, work / name, validation=validation)
            labels = predict(model, tokens, validation).argmax(-1)
            score = scores(validation.labels, labels, np.array(validation.documents), samples=1)["macro_f1"].value
            kept.write_text(json.dumps(score), encoding="utf-8")
            discard(work / name)
        score = json.loads(kept.read_text(encoding="utf-8"))
        found.append(values | {"macro_f1": round(score, 4)})
        print(f"trial {trial.number + 1}/{trials}  {json.dumps(found[-1])}", file=sys.stderr, flush=True)
        return score

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=recipe.seed))
    study.optimize(objective, n_trials=trials)
    return dataclasses.replace(recipe, **study.best_params), sorted(found, key=lambda tried: -tried["macro_f1"])


def _suggest(trial, name: str, options: list):
    numbers = len(options) == 2 and all(isinstance(o, (int, float)) and not isinstance(o, bool) for o in options)
    if not numbers:
        return trial.suggest_categorical(name, options)
    low, high = sorted(options)
    wide = low > 0 and high / low >= 10
    if FIELDS[name].type == "int":
        return trial.suggest_int(name, low, high, log=wide)
    return trial.suggest_float(name, low, high, log=wide)
