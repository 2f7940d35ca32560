"""Train, export, calibrate and measure a model: ``python -m training.train RECIPE [--corpus FILE ...]``."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError

import stance
from stance.backends.onnx import OnnxBackend
from stance.backends.torch import StanceModel
from stance.errors import ModelError, StanceError
from stance.evaluation.corpus import MISSING, Corpus, parse_map, read_corpus
from stance.evaluation.duplicates import near_duplicates
from stance.evaluation.metrics import scores as measure
from stance.evaluation.validation import check_corpus
from stance.issues import Issue
from stance.packing import Packed, pack
from stance.result import LABELS
from stance.store import FORMAT, sha256
from stance.tokens import Tokens

from .batches import Soft
from .calibrate import cross_fitted_error, fit_calibration
from .card import write_card
from .export import write_onnx, write_safetensors
from .fit import fit, predict
from .recipe import Recipe, parse_changes, read_recipe
from .run import discard, fingerprint
from .search import search
from .split import split

LEAST_AGREEMENT = 0.99
_SHOWN = 10  # problems of a corpus
RUNS = Path("build", "runs")  # checkpoints


Teach = Callable[[Corpus, Corpus], tuple[Corpus, Soft]]


def train(recipe: Recipe, out: Path, teach: Teach | None = None) -> dict:
    """Run a recipe and write the model folder ``out`` (replaced only when the new one is whole); returns the manifest.

    Under ``torchrun`` every process trains, and the first one writes; the others get an empty manifest.

    Args:
        teach: adds what a teacher says to the training corpus, given the validation corpus too (see training.distil).

    Raises:
        InputError: a corpus that cannot be trained on.
        ModelError: the exported model gives other labels than the trained one too often.
    """
    corpus, validation = read_corpora(recipe)
    taught, soft = teach(corpus, validation) if teach else (corpus, None)
    work = RUNS / f"{recipe.name}-{fingerprint(recipe, taught, validation, soft)}"
    log = work / "training.jsonl"
    model, tokens = fit(recipe, taught, work, log, soft, validation)
    if int(os.environ.get("RANK", 0)):
        return {}
    minutes = round(json.loads(log.read_text().splitlines()[-1])["seconds"] / 60, 1)
    facts = {"minutes": minutes}
    if soft:
        facts |= {"teacher": soft.teacher, "taught_statements": len(taught) - len(corpus)}
    manifest = publish(recipe, model, tokens, corpus, validation, out, facts, log)
    discard(work)
    return manifest


def publish(
    recipe: Recipe,
    model: StanceModel,
    tokens: Tokens,
    corpus: Corpus,
    validation: Corpus,
    out: Path,
    facts: dict,
    log: Path | None = None,
    weights: bool = True,
) -> dict:
    """Write a trained model as the folder ``out``, which is replaced only when the new one is whole; returns the manifest.

    ``facts`` go into the manifest's account of the training. Without ``weights`` the folder classifies, and cannot be trained on.

    Raises:
        ModelError: the exported model gives other labels than the trained one too often.
    """
    with replacing(out) as building:
        if log:
            shutil.copyfile(log, building / log.name)
        manifest = write_folder(recipe, model, tokens, corpus, validation, building, weights)
        manifest["training"] |= facts
        if "averaged" in facts:
            manifest["description"] += f", the mean of {len(facts['averaged'])} runs"
        write_manifest(building, manifest)
    return manifest


def write_manifest(folder: Path, manifest: dict) -> None:
    """Write ``manifest.json`` and the card into a model folder."""
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    write_card(folder, manifest)


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """An empty folder that takes the place of ``out`` when all went well, and goes when it did not."""
    building, old = out.with_name(f".{out.name}.part"), out.with_name(f".{out.name}.old")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        shutil.rmtree(old, ignore_errors=True)
        if out.exists():
            out.rename(old)
        building.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def read_corpora(recipe: Recipe) -> tuple[Corpus, Corpus]:
    """What to train on and what to measure on, checked.

    Raises:
        InputError: what keeps them from being used, with file and line.
    """
    issues = recipe.issue_list()
    for source in (recipe.corpora, recipe.validation):
        if source:
            check(source, issues, recipe.columns, recipe.labels)
    corpus = read_corpus(recipe.corpora, issues, recipe.columns, recipe.labels)
    if not recipe.validation:
        return split(corpus)
    validation = read_corpus(recipe.validation, issues, recipe.columns, recipe.labels)
    check_documents(validation, recipe.validation)
    if shared := near_duplicates(corpus.texts, validation.texts, words=8):
        raise stance.InputError(
            f"{len(shared)} training statements stand, wholly or nearly, in the validation corpus too; "
            f"take them out of one of the two, e.g. {corpus.texts[shared[0][0]][:100]!r}"
        )
    return corpus, validation


def check(source: str | Sequence[str], issues: Sequence[Issue], columns: dict[str, str], labels: dict[str, str]) -> None:
    """Raise an InputError that names what is wrong in a corpus, with file and line."""
    if errors := check_corpus(source, (), issues, columns, labels).errors:
        more = [f"and {len(errors) - _SHOWN} more; stance check names them all"] if len(errors) > _SHOWN else []
        raise stance.InputError("\n  ".join([*errors[:_SHOWN], *more]))


def check_documents(corpus: Corpus, source: str) -> None:
    """Raise an InputError if a corpus to measure on is of one document."""
    if len(set(corpus.documents)) < 2:
        raise stance.InputError(f"{source}: all rows are of one document; intervals need several: mend the column doc")


def measured(logits: np.ndarray, corpus: Corpus) -> dict:
    """What a manifest says of a model's (N, K, L) logits on a corpus."""
    scores = measure(corpus.labels, logits.argmax(-1), np.array(corpus.documents))
    return {
        "statements": len(corpus),
        "documents": len(set(corpus.documents)),
        "scores": {name: score.to_dict() for name, score in scores.items()},
        "calibration_error_cross_fitted": round(cross_fitted_error(logits, corpus), 4),
    }


def about_file(path: Path) -> dict:
    """What a manifest says of one of its folder's files."""
    return {"sha256": sha256(path), "bytes": path.stat().st_size}


def write_folder(
    recipe: Recipe,
    model: StanceModel,
    tokens: Tokens,
    corpus: Corpus,
    validation: Corpus,
    folder: Path,
    weights: bool = True,
) -> dict:
    """Export, check the export, calibrate, measure; returns the manifest (not yet written).

    Raises:
        ModelError: the training diverged, or the exported model gives other labels than the trained one too often.
    """
    # What ships are float16 weights, so they are what is exported and measured.
    model.load_state_dict({name: tensor.half().float() for name, tensor in model.state_dict().items()})
    if not all(tensor.isfinite().all() for tensor in model.state_dict().values()):
        raise ModelError("training diverged: some weights are no finite numbers; lower the rate, e.g. --set learning_rate=1e-4")
    shutil.copyfile(tokens.path, folder / "tokenizer.json")
    settings = {"labels": LABELS} | {name: getattr(tokens, name) for name in ("max_tokens", "context_tokens", "issue_tokens")}
    config = {
        key: value for key, value in model.encoder.config.to_dict().items() if key not in ("_name_or_path", "architectures")
    }
    (folder / "config.json").write_text(json.dumps(config | {"stance": settings}, indent=2) + "\n", encoding="utf-8")
    if weights:
        write_safetensors(model, folder / "model.safetensors")
    precision, logits, agreement = _export(recipe, model, tokens, corpus, validation, folder)
    calibration = fit_calibration(logits, validation)
    calibration.write(folder / "calibration.json")
    counts = corpus.counts()
    asked = main_issues(recipe, corpus)
    files = ("config.json", "tokenizer.json", "calibration.json", "model.onnx", "model.safetensors", "training.jsonl")
    return {
        "format": FORMAT,
        "name": recipe.name,
        "version": stance.__version__,
        "description": _description(model, corpus),
        "created": datetime.date.today().isoformat(),
        "labels": LABELS,
        "issues": {issue.name: issue.proposition for issue in asked},
        "training": {
            "recipe": dataclasses.asdict(recipe),
            "statements": len(corpus),
            "counts": {issue.name: counts[issue.name] for issue in asked},
            "other_propositions": len(counts) - len(asked),
            "versions": {name: version(name) for name in ("torch", "transformers", "onnxruntime")}
            | {"python": platform.python_version()},
        },
        "validation": {
            "corpus": recipe.validation or "statements of the training corpora that were held out",
            "seed": recipe.seed,
            "export": precision,
            "export_agreement": round(agreement, 4),
        }
        | measured(logits, validation),
        "files": {name: about_file(folder / name) for name in files if (folder / name).exists()},
    }


def _description(model: StanceModel, corpus: Corpus) -> str:
    config, weights = model.encoder.config, sum(values.numel() for values in model.state_dict().values())
    return (
        f"{config.model_type} encoder of {config.num_hidden_layers} layers, {weights / 1e6:.1f} million weights, "
        f"fine-tuned on {len(corpus):,} statements"
    )


def _export(
    recipe: Recipe, model: StanceModel, tokens: Tokens, corpus: Corpus, validation: Corpus, folder: Path
) -> tuple[str, np.ndarray, float]:
    """Write the ONNX file asked for, or a more precise one; returns which, its logits, and its share of the model's labels."""
    reference, known = predict(model, tokens, validation), validation.labels != MISSING
    if recipe.export == "none":
        return "none", reference, 1.0
    for precision in dict.fromkeys((recipe.export, "float32")):
        write_onnx(model, folder / "model.onnx", samples(tokens, corpus, recipe.seed), precision)
        logits = exported_logits(folder, tokens, validation)
        agreement = float((logits.argmax(-1) == reference.argmax(-1))[known].mean())
        if agreement >= LEAST_AGREEMENT:
            return precision, logits, agreement
        print(f"refused: the {precision} export gives the trained model's label on {agreement:.1%} only", file=sys.stderr)
    raise ModelError(f"no export gives the trained model's label on {LEAST_AGREEMENT:.0%}; nothing was written")


def main_issues(recipe: Recipe, corpus: Corpus) -> tuple[Issue, ...]:
    """What the model asks when nothing is named: the recipe's issues that the corpus labels; if none of them, the corpus's."""
    own = {issue.name for issue in recipe.issue_list()}
    labelled = [issue for issue, column in zip(corpus.issues, corpus.labels.T, strict=True) if (column != MISSING).any()]
    return tuple(issue for issue in labelled if issue.name in own) or tuple(labelled)


def samples(tokens: Tokens, corpus: Corpus, seed: int) -> list[Packed]:
    """Some of the training text, packed: it shows the export the range of every activation."""
    rows = np.random.default_rng(seed).permutation(len(corpus))[:256]
    statements, _ = tokens.statements([corpus.texts[n] for n in rows], [corpus.contexts[n] for n in rows])
    # A few of the other propositions do: a block takes room in every sample.
    blocks = [tokens.proposition(issue.proposition) for issue in corpus.issues[:8]]
    return [pack(statements[n : n + 32], blocks, tokens.pad) for n in range(0, len(statements), 32)]


def exported_logits(folder: Path, tokens: Tokens, corpus: Corpus) -> np.ndarray:
    """(N, K, L) logits of the ONNX file that was just written, on the issues a statement is labelled on; else 0."""
    backend = OnnxBackend(folder)
    statements, _ = tokens.statements(corpus.texts, [""] * len(corpus))
    blocks = [tokens.proposition(issue.proposition) for issue in corpus.issues]
    logits = np.zeros((len(corpus), len(blocks), len(LABELS)), dtype=np.float32)
    for n, (statement, row) in enumerate(zip(statements, corpus.labels, strict=True)):
        asked = np.flatnonzero(row != MISSING)
        logits[n, asked] = backend(pack([statement], [blocks[k] for k in asked], tokens.pad))
    return logits


def positive(text: str) -> int:
    """A whole number from 1 up, off a command line."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"a whole number from 1 up, got {text!r}")
    return int(text)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that trains from a recipe."""
    parser.add_argument("recipe", help="a TOML file, see training/recipes/")
    several = {"nargs": "+", "action": "extend"}
    parser.add_argument("--corpus", **several, default=[], metavar="FILE", help="train on these instead of the recipe's")
    parser.add_argument("--validation", metavar="FILE", help="choose and calibrate on this; else a fifth of --corpus is held out")
    add_renamings(parser)
    parser.add_argument("--out", type=Path, help="the model folder; models/NAME if not given")
    parser.add_argument("--threads", type=positive, help="processor threads")
    parser.add_argument("--set", **several, default=[], metavar="KEY=VALUE", help="change keys of the recipe")


def add_renamings(parser: argparse.ArgumentParser) -> None:
    """The options by which a corpus may call things otherwise; for ``parse_map``."""
    several = {"nargs": "+", "action": "extend"}
    parser.add_argument("--columns", **several, metavar="OURS=THEIRS", help="what the corpora call a column: text=sentence")
    parser.add_argument("--labels", **several, metavar="THEIRS=OURS", help="what their labels are called here: pro=favor")


def check_out(out: Path) -> Path:
    """Where a model folder can be written.

    Raises:
        InputError: something else is there.
    """
    if out.exists() and not (out / "manifest.json").is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise stance.InputError(f"{out} is there and is no model folder; nothing is replaced but models: name another --out")
    trial = out.with_name(f".{out.name}.part")
    trial.mkdir(parents=True, exist_ok=True)  # rather fail now than after hours
    trial.rmdir()
    return out


def report(run: Callable[[], tuple[Path, dict]]) -> int:
    """Run what writes a model folder and say how it went; returns the exit status."""
    try:
        out, manifest = run()
    except StanceError as error:
        print(f"training: {error}", file=sys.stderr)
        return 2
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in str(error):
            raise
        where = getattr(error, "filename", None) or "a file"
        what = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        print(f"training: {where} cannot be written ({what}); the model folder is as it was", file=sys.stderr)
        return 2
    finally:
        # Under torchrun: a process that exits while its group's threads run may be aborted.
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    if manifest:
        print(json.dumps(manifest["validation"], indent=2))
        print(f"written to {out}")
    return 0


def command(options: argparse.Namespace, run: Callable[[Recipe, Path], dict]) -> int:
    """Read the recipe, run it and say how it went; returns the exit status."""

    def whole() -> tuple[Path, dict]:
        recipe = read_recipe(options.recipe, parse_changes(options.set))
        if options.corpus:
            # The recipe's account of its sources is not that of these files.
            sources = {name: text for name, text in recipe.sources.items() if name == "backbone"}
            sources |= {"corpora": "given by the user: " + ", ".join(options.corpus)}
            recipe = dataclasses.replace(recipe, corpora=tuple(options.corpus), validation="", sources=sources)
        if options.validation:
            recipe = dataclasses.replace(recipe, validation=options.validation)
        for key in ("columns", "labels"):
            if given := getattr(options, key):
                recipe = dataclasses.replace(recipe, **{key: parse_map(key, given)})
        if not recipe.corpora:
            raise stance.InputError("there is nothing to train on; name your labelled statements: --corpus FILE")
        if recipe.layout != "packed":
            raise stance.InputError("only the packed layout is exported; measure the other with python -m training.layouts")
        if options.threads:
            torch.set_num_threads(options.threads)
        out = check_out(options.out or Path("models", recipe.name))
        return out, run(recipe, out)

    return report(whole)


def searched(recipe: Recipe, out: Path, trials: int) -> dict:
    """Search the recipe's ranges, then train with the best values; ``search.jsonl`` in the folder has every trial."""
    corpus, validation = read_corpora(recipe)
    best, found = search(recipe, corpus, validation, trials, RUNS / f"{recipe.name}-search")
    if not (manifest := train(best, out)):
        return manifest
    (out / "search.jsonl").write_text("".join(json.dumps(trial) + "\n" for trial in found), encoding="utf-8")
    return manifest


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    add_options(parser)
    parser.add_argument("--search", type=positive, metavar="N", help="first try N values of the recipe's [search] ranges")
    options = parser.parse_args(arguments)
    return command(options, lambda recipe, out: searched(recipe, out, options.search) if options.search else train(recipe, out))


if __name__ == "__main__":
    sys.exit(main())
