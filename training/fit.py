"""The training run: a recipe and a corpus in, a trained model out.

``transformers``' Trainer does the loop, over ``accelerate``: on the CPU, on one GPU, or on several processes under
``torchrun``. What is ours is what a batch is (training/batches.py), the loss, a learning rate for each layer, and a
running average of the weights. A run that is killed goes on from its last checkpoint and ends as if it had not been.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from stance.backends.torch import StanceModel, encoder_arguments, encoder_class, load_model, position_shift
from stance.errors import InputError, StanceError
from stance.evaluation.corpus import MISSING, Corpus
from stance.result import LABELS
from stance.store import BACKBONES, backbone_folder, find
from stance.tokens import Tokens

from .batches import Soft, Visits, packed_batches, plan
from .recipe import Recipe

_WHOLE = "average.pt"  # written last, so a checkpoint that has it is whole
_LOG_STEPS = 50
_TO_LEARN = ("target", "weight")  # what of a batch is no input of the model
_ATTENTION_DROPOUT = ("attention.self.dropout", "attention.attn.dropout")  # BERT's kin, and MPNet


def start(recipe: Recipe) -> tuple[StanceModel, Tokens]:
    """A model with the backbone's weights and a new head, and its tokenizer.

    Raises:
        InputError: the backbone is not there, is not whole, or reads too few tokens.
    """
    from huggingface_hub import hf_hub_download
    from transformers import AutoConfig
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
        if "stance" in config.to_dict():  # a model of ours: go on from it
            return load_model(find(source)), tokens
        encoder, loaded = encoder_class(config).from_pretrained(
            source, dtype=torch.float32, output_loading_info=True, **encoder_arguments(config)
        )
        if missing := sorted(loaded["missing_keys"]):
            raise InputError(f"backbone {recipe.backbone!r} has no weights for {len(missing)} of its tensors, e.g. {missing[0]}")
    except StanceError:
        raise
    except Exception as error:  # the hub's client, transformers and tokenizers each raise their own kinds
        what = " ".join(str(error).split())[:200]
        raise InputError(
            f"backbone {recipe.backbone!r} cannot be loaded ({type(error).__name__}: {what}); name {', '.join(BACKBONES)}, "
            "a folder with config.json, tokenizer.json and model.safetensors, or a hub id org/name"
        ) from None
    return StanceModel(config, len(LABELS), encoder), tokens


def _check_room(recipe: Recipe, config) -> None:
    need = recipe.max_tokens + recipe.issue_tokens
    room = getattr(config, "max_position_embeddings", 512) - position_shift(config)
    if need > room:
        raise InputError(
            f"max_tokens + issue_tokens is {need}, but the backbone reads {room}; lower them: "
            f"--set max_tokens={max(room - recipe.issue_tokens - 2, 8)}"
        )


def _on_gpu(recipe: Recipe) -> bool:
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "device is 'cuda', but torch finds no GPU here; say --set device=cpu, or device=auto to take what there is"
        )
    return recipe.device != "cpu" and torch.cuda.is_available()


def optimizer(model: StanceModel, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with a rate for each layer (Howard & Ruder 2018) and none for frozen embeddings and layers."""
    layers = list(model.encoder.encoder.layer)
    if recipe.frozen_layers > len(layers):
        raise InputError(f"frozen_layers is {recipe.frozen_layers}, but the backbone has {len(layers)} layers")
    model.encoder.embeddings.requires_grad_(recipe.train_embeddings)
    shared = getattr(model.encoder.encoder, "relative_attention_bias", None)  # MPNet's, of all its layers
    if recipe.frozen_layers and shared is not None:
        shared.requires_grad_(False)  # else the gradient would have to go down through the frozen layers too
    for layer in layers[: recipe.frozen_layers]:
        layer.requires_grad_(False)
    rates = [(model.head, recipe.head_learning_rate)]
    rates += [(layer, recipe.learning_rate * recipe.layer_decay ** (len(layers) - 1 - i)) for i, layer in enumerate(layers)]
    below = recipe.learning_rate * recipe.layer_decay ** len(layers)
    rates.append((model.encoder.embeddings, below))
    if shared is not None:
        rates.append((shared, below))
    groups = []
    for module, rate in rates:
        for decays in (True, False):
            parameters = [p for p in module.parameters() if p.requires_grad and (p.ndim > 1) == decays]
            if parameters:
                groups.append({"params": parameters, "lr": rate, "weight_decay": recipe.weight_decay if decays else 0.0})
    return torch.optim.AdamW(groups, fused=True)


class _Trainer(Trainer):
    """The Trainer, over batches that are made already."""

    def _loader(self, visits: Visits):
        loader = torch.utils.data.DataLoader(visits, batch_size=1, collate_fn=lambda items: items[0])
        return self.accelerator.prepare(loader)

    def get_train_dataloader(self):
        return self._loader(self.train_dataset)

    def get_eval_dataloader(self, eval_dataset=None):
        return self._loader(eval_dataset or self.eval_dataset)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        logits = model(**{name: value for name, value in inputs.items() if name not in _TO_LEARN}).float()
        loss = (-(inputs["target"] * logits.log_softmax(-1)).sum(-1) * inputs["weight"]).mean()
        return (loss, {"logits": logits}) if return_outputs else loss


class _Average(TrainerCallback):
    """The running average of the weights over the second half of the run (Polyak & Juditsky 1992)."""

    def __init__(self, decay: float):
        self.decay, self.weights = decay, {}

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if not self.decay or state.global_step <= state.max_steps // 2:
            return
        now = {name: value.detach() for name, value in model.state_dict().items()}
        if not self.weights:
            self.weights = {name: value.clone() for name, value in now.items()}
        for name, value in self.weights.items():
            if value.is_floating_point():
                value.lerp_(now[name], 1 - self.decay)

    def on_save(self, args, state, control, **kwargs):
        if state.is_world_process_zero:
            folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
            torch.save(self.weights, folder / f".{_WHOLE}")
            (folder / f".{_WHOLE}").rename(folder / _WHOLE)

    def resume(self, checkpoint: Path, args: TrainingArguments) -> None:
        self.weights = torch.load(checkpoint / _WHOLE, weights_only=True, map_location=args.device)


class _Progress(TrainerCallback):
    """One line for people on standard error, one of JSON in the log."""

    def __init__(self, log: Path | None):
        self.log, self.began, self.first, self.before = log, 0.0, 0, 0.0

    def on_train_begin(self, args, state, control, **kwargs):
        self.began, self.first = time.monotonic(), state.global_step
        if self.log and state.is_world_process_zero:
            # What was logged after the checkpoint that is gone on from comes again.
            lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= self.first]
            self.before = json.loads(kept[-1])["seconds"] if kept else 0.0
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def on_step_end(self, args, state, control, **kwargs):
        control.should_log |= state.global_step == state.max_steps

    def on_log(self, args, state, control, logs=None, **kwargs):
        if not state.is_world_process_zero or not {"loss", "eval_loss"} & set(logs):
            return
        spent = time.monotonic() - self.began
        left = spent / max(1, state.global_step - self.first) * (state.max_steps - state.global_step)
        record = {"step": state.global_step, "of": state.max_steps, "seconds": round(self.before + spent, 1)}
        record |= {name: round(logs[name], 4) for name in ("loss", "eval_loss") if name in logs}
        shown = f"loss {logs['loss']:.3f}" if "loss" in logs else f"validation loss {logs['eval_loss']:.3f}"
        print(f"step {state.global_step}/{state.max_steps}  {shown}  {left / 60:.1f} min left", file=sys.stderr, flush=True)
        if self.log:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")


def fit(
    recipe: Recipe,
    corpus: Corpus,
    work: Path,
    log: Path | None = None,
    soft: Soft | None = None,
    validation: Corpus | None = None,
) -> tuple[StanceModel, Tokens]:
    """Train.

    Args:
        work: where checkpoints are kept; a whole one that is there already is gone on from.
        log: progress goes here, as JSON lines, and to standard error.
        soft: what a teacher says of the corpus.
        validation: measured after every epoch where the recipe stops early.
    """
    torch.set_flush_denormal(True)  # else Adam crawls on a CPU
    try:
        return _fit(recipe, corpus, work, log, soft, validation)
    finally:
        torch.set_flush_denormal(False)


def _fit(recipe, corpus, work, log, soft, validation) -> tuple[StanceModel, Tokens]:
    on_gpu = _on_gpu(recipe)
    model, tokens = start(recipe)
    frozen = tuple(f"encoder.layer.{n}." for n in range(recipe.frozen_layers))
    for name, module in model.encoder.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0 if name.endswith(_ATTENTION_DROPOUT) or name.startswith(frozen) else recipe.dropout
    model.plain_attention = not on_gpu
    visits = Visits(recipe, corpus, tokens, soft)
    held = Visits(recipe, validation, tokens, training=False) if recipe.patience and validation is not None else None
    each = "epoch" if held else "steps"
    arguments = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=1,  # an item is a batch
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup,
        max_grad_norm=1.0,
        bf16=recipe.precision == "bf16",
        use_cpu=not on_gpu,
        seed=recipe.seed,
        save_strategy=each,
        save_steps=recipe.save_steps,
        save_total_limit=2,
        eval_strategy="epoch" if held else "no",
        load_best_model_at_end=held is not None,
        metric_for_best_model="eval_loss" if held else None,
        prediction_loss_only=True,
        label_names=["target"],
        logging_steps=_LOG_STEPS,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        ddp_find_unused_parameters=False,
        restore_callback_states_from_checkpoint=held is not None,  # how long early stopping has waited
        ddp_backend="gloo" if "RANK" in os.environ and not on_gpu else None,
    )
    if "RANK" not in os.environ and on_gpu:
        arguments._n_gpu = 1  # several GPUs are for torchrun: the Trainer would divide each batch over them, without bf16
    average = _Average(0.0 if held else recipe.average)
    callbacks = [average, _Progress(log)] + ([EarlyStoppingCallback(recipe.patience)] if held else [])
    trainer = _Trainer(
        model,
        arguments,
        train_dataset=visits,
        eval_dataset=held,
        callbacks=callbacks,
        optimizers=(optimizer(model, recipe), None),
    )
    trainer.remove_callback(PrinterCallback)
    whole = sorted(work.glob(f"checkpoint-*/{_WHOLE}"), key=lambda path: int(path.parent.name.partition("-")[2]))
    best = _stopped(whole[-1].parent, recipe.patience) if whole and held else None
    if best:
        model.load_state_dict(load_file(best / "model.safetensors"))
    else:
        if whole:
            average.resume(whole[-1].parent, arguments)
            print(f"going on from {whole[-1].parent}", file=sys.stderr)
        trainer.train(resume_from_checkpoint=str(whole[-1].parent) if whole else None)
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False).cpu()
    model.plain_attention = False
    if average.weights:
        model.load_state_dict(average.weights)
    return model.eval(), tokens


def _stopped(checkpoint: Path, patience: int) -> Path | None:
    """The best checkpoint of a run that had stopped early when it was killed; None if it had not."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    waited = state["stateful_callbacks"]["EarlyStoppingCallback"]["attributes"]["early_stopping_patience_counter"]
    return Path(state["best_model_checkpoint"]) if waited >= patience else None


@torch.inference_mode()
def predict(model: StanceModel, tokens: Tokens, corpus: Corpus, layout: str = "packed") -> np.ndarray:
    """(N, K, L) float32 logits of every statement, without its context, on the issues it is labelled on; else 0."""
    statements, _ = tokens.statements(corpus.texts, [""] * len(corpus))
    blocks = [tokens.proposition(issue.proposition) for issue in corpus.issues]
    logits = np.zeros((len(corpus), len(blocks), len(LABELS)), dtype=np.float32)
    device = next(model.parameters()).device
    rows = [np.flatnonzero(row != MISSING) for row in corpus.labels]
    batches = plan(rows, [len(statement) for statement in statements], 64, np.random.default_rng(0), layout)
    for packed, n, k in packed_batches(batches, statements, blocks, tokens.pad):
        inputs = {name: torch.from_numpy(array).to(device) for name, array in packed.inputs().items()}
        logits[n[:, None], k] = model(**inputs).float().cpu().numpy()
    return logits
