"""The training loop: a recipe and a corpus in, a trained model out."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from stance.backends.torch import StanceModel, encoder_arguments, load_model
from stance.errors import InputError, StanceError
from stance.evaluation.corpus import MISSING, Corpus
from stance.evaluation.metrics import AGAINST, FAVOR
from stance.packing import Packed, pack_each
from stance.result import LABELS
from stance.store import BACKBONES, backbone_folder
from stance.tokens import Tokens

from .recipe import Recipe


def start(recipe: Recipe) -> tuple[StanceModel, Tokens, Path]:
    """A model with the backbone's weights and a new head, its tokenizer, and where that came from.

    Raises:
        InputError: the backbone is not there, is not whole, or reads too few tokens.
    """
    from huggingface_hub import hf_hub_download
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(recipe.seed)
    source = backbone_folder(recipe.backbone)
    local = Path(source).is_dir()
    try:
        tokenizer = Path(source, "tokenizer.json") if local else Path(hf_hub_download(source, "tokenizer.json"))
        tokens = Tokens(tokenizer, recipe.max_tokens, recipe.context_tokens, recipe.issue_tokens)
        config = AutoConfig.from_pretrained(source)
        _check_room(recipe, config)
        if local and "stance" in config.to_dict():  # a model of ours: go on from it
            return load_model(Path(source)), tokens, tokenizer
        encoder = AutoModel.from_pretrained(source, dtype=torch.float32, **encoder_arguments(config))
    except StanceError:
        raise
    except Exception as error:  # the hub's client, transformers and tokenizers each raise their own kinds
        what = " ".join(str(error).split())[:200]
        raise InputError(
            f"backbone {recipe.backbone!r} cannot be loaded ({type(error).__name__}: {what}); name {', '.join(BACKBONES)}, "
            "a folder with config.json, tokenizer.json and model.safetensors, or a hub id org/name"
        ) from None
    return StanceModel(config, len(LABELS), encoder), tokens, tokenizer


def _check_room(recipe: Recipe, config) -> None:
    need, room = recipe.max_tokens + recipe.issue_tokens, getattr(config, "max_position_embeddings", 512)
    if need > room:
        raise InputError(
            f"max_tokens + issue_tokens is {need}, but the backbone reads {room}; lower them: "
            f"--set max_tokens={max(room - recipe.issue_tokens - 2, 8)}"
        )


def batches(
    statements: list[list[int]],
    rows: list[list[int]],
    blocks: list[list[int]],
    order: np.ndarray,
    size: int,
    layout: str,
    rng: np.random.Generator,
) -> Iterator[tuple[Packed, np.ndarray, np.ndarray]]:
    """Packed batches of like length, in random order, with the (row, issue) indices of their answers.

    ``rows[n]`` are the issues that statement n is labelled on. In the ``cross`` layout each of them is a pass of
    its own.
    """
    items = [(n, [k]) for n in order for k in rows[n]] if layout == "cross" else [(n, rows[n]) for n in order if rows[n]]
    size = size * 3 if layout == "cross" else size
    made = []
    for begin in range(0, len(items), size * 40):
        # One number of issues a batch; within it neighbours in length, so that little is padding.
        part = sorted(items[begin : begin + size * 40], key=lambda item: (len(item[1]), len(statements[item[0]])))
        cuts = [0]
        for i in range(1, len(part)):
            if i - cuts[-1] == size or len(part[i][1]) != len(part[i - 1][1]):
                cuts.append(i)
        made += [part[a:b] for a, b in zip(cuts, [*cuts[1:], len(part)], strict=True)]
    for i in rng.permutation(len(made)):
        packed = pack_each([statements[n] for n, _ in made[i]], [[blocks[k] for k in ks] for _, ks in made[i]])
        yield packed, np.array([n for n, _ in made[i]]), np.array([ks for _, ks in made[i]])


def label_weights(labels: np.ndarray, power: float) -> np.ndarray:
    """(K, L) loss weight of each issue's labels: (mean count / count) ** power, mean 1 over the rows."""
    weights = np.ones((labels.shape[1], len(LABELS)))
    for k in range(labels.shape[1]):
        counts = np.bincount(labels[labels[:, k] != MISSING, k], minlength=len(LABELS))
        if counts.sum():
            raw = (counts.sum() / len(LABELS) / np.maximum(counts, 1)) ** power
            weights[k] = raw * counts.sum() / (raw * counts).sum()
    return weights


def widen(recipe: Recipe, corpus: Corpus) -> tuple[list[str], np.ndarray, dict[int, list[int]]]:
    """The propositions to learn, variants after the corpus's own; (N, K) labels on all; and each issue's variants.

    On a contrary wording favor and against change places.
    """
    propositions, columns = [issue.proposition for issue in corpus.issues], list(corpus.labels.T)
    places: dict[int, list[int]] = {}
    for k, issue in enumerate(corpus.issues):
        for wording in recipe.variants.get(issue.name, ()):
            labels = corpus.labels[:, k]
            if wording.startswith("not:"):
                labels = np.where(labels == FAVOR, AGAINST, np.where(labels == AGAINST, FAVOR, labels))
            places.setdefault(k, []).append(len(propositions))
            propositions.append(wording.removeprefix("not:").strip())
            columns.append(labels)
    return propositions, np.stack(columns, 1), places


def optimizer(model: StanceModel, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with a rate for each layer (Howard & Ruder 2018) and none for frozen embeddings."""
    model.encoder.embeddings.requires_grad_(recipe.train_embeddings)
    layers = list(model.encoder.encoder.layer)
    rates = [(model.head, recipe.head_learning_rate)]
    rates += [(layer, recipe.learning_rate * recipe.layer_decay ** (len(layers) - 1 - i)) for i, layer in enumerate(layers)]
    if recipe.train_embeddings:
        rates.append((model.encoder.embeddings, recipe.learning_rate * recipe.layer_decay ** len(layers)))
    groups = []
    for module, rate in rates:
        for decays in (True, False):
            parameters = [p for p in module.parameters() if (p.ndim > 1) == decays]
            groups.append({"params": parameters, "lr": rate, "weight_decay": recipe.weight_decay if decays else 0.0})
    return torch.optim.AdamW(groups, fused=True)


def fit(recipe: Recipe, corpus: Corpus, log: Path | None = None) -> tuple[StanceModel, Tokens, Path]:
    """Train; progress goes to standard error and, as JSON lines, to ``log``."""
    torch.set_flush_denormal(True)  # else Adam crawls on a CPU
    try:
        return _fit(recipe, corpus, log)
    finally:
        torch.set_flush_denormal(False)


def _fit(recipe: Recipe, corpus: Corpus, log: Path | None) -> tuple[StanceModel, Tokens, Path]:
    model, tokens, tokenizer = start(recipe)
    rng = np.random.default_rng(recipe.seed)
    plain, _ = tokens.statements(corpus.texts, [""] * len(corpus))
    full, _ = tokens.statements(corpus.texts, corpus.contexts) if recipe.context_share else (plain, None)
    propositions, labels, variants = widen(recipe, corpus)
    blocks = [tokens.proposition(proposition) for proposition in propositions]
    asked = [list(np.flatnonzero(row != MISSING)) for row in corpus.labels]
    weights = label_weights(labels, recipe.balance)

    optim = optimizer(model, recipe)
    answers = sum(len(row) for row in asked) if recipe.layout == "cross" else sum(bool(row) for row in asked)
    a_step = recipe.batch_size * (3 if recipe.layout == "cross" else 1)
    total = max(1, math.ceil(answers * recipe.epochs / a_step))
    rise = max(1, int(total * recipe.warmup))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optim, lambda n: min((n + 1) / rise, max(0.0, (total - n) / max(1, total - rise)))
    )
    averaged = None
    if recipe.average:
        averaged = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average)
        )
    model.train()
    step, loss_sum, began = 0, 0.0, time.monotonic()
    while step < total:
        with_context = rng.random(len(corpus)) < recipe.context_share
        statements = [full[n] if with_context[n] else plain[n] for n in range(len(corpus))]
        order = rng.permutation(len(corpus))
        rows = asked
        if variants:
            rows = [
                [rng.choice(variants[k]) if k in variants and rng.random() < recipe.variant_share else k for k in row]
                for row in asked
            ]
        for packed, n, k in batches(statements, rows, blocks, order, recipe.batch_size, recipe.layout, rng):
            target = labels[n[:, None], k]
            weight = torch.from_numpy(weights[k, target]).float()
            inputs = {name: torch.from_numpy(array) for name, array in packed.inputs().items()}
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.precision == "bf16"):
                logits = model(**inputs).float()
            losses = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1),
                torch.from_numpy(target).flatten(),
                reduction="none",
                label_smoothing=recipe.label_smoothing,
            )
            loss = (losses * weight.flatten()).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optim.step()
            schedule.step()
            optim.zero_grad(set_to_none=True)
            if averaged is not None and step > total // 2:
                averaged.update_parameters(model)
            step, loss_sum = step + 1, loss_sum + loss.item()
            if step % 50 == 0 or step == total:
                spent = time.monotonic() - began
                left = spent / step * (total - step)
                record = {
                    "step": step,
                    "of": total,
                    "loss": round(loss_sum / ((step - 1) % 50 + 1), 4),
                    "seconds": round(spent, 1),
                }
                print(f"step {step}/{total}  loss {record['loss']:.3f}  {left / 60:.1f} min left", file=sys.stderr)
                if log:
                    with log.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(record) + "\n")
                loss_sum = 0.0
            if step >= total:
                break
    if averaged is not None:
        model.load_state_dict(averaged.module.state_dict())
    return model.eval(), tokens, tokenizer


@torch.inference_mode()
def predict(model: StanceModel, tokens: Tokens, corpus: Corpus, layout: str = "packed") -> np.ndarray:
    """(N, K, L) float32 logits of every statement, without its context, on every issue of the corpus."""
    statements, _ = tokens.statements(corpus.texts, [""] * len(corpus))
    blocks = [tokens.proposition(issue.proposition) for issue in corpus.issues]
    logits = np.empty((len(corpus), len(blocks), len(LABELS)), dtype=np.float32)
    rows = [list(range(len(blocks)))] * len(corpus)
    rng = np.random.default_rng(0)
    for packed, n, k in batches(statements, rows, blocks, np.arange(len(corpus)), 64, layout, rng):
        inputs = {name: torch.from_numpy(array) for name, array in packed.inputs().items()}
        logits[n[:, None], k] = model(**inputs).float().numpy()
    return logits
