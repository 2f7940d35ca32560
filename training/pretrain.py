"""A backbone read on in the language of a domain: ``python -m training.pretrain FILE ... --out FOLDER``.

Masked language modelling (Devlin et al. 2019) over plain text, before any label is learnt: domain-adaptive pre-training
(Gururangan et al. 2020). The head starts anew, its decoder tied to the token embeddings, and is thrown away; what is left is
a backbone for a recipe.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.utils import logging

from stance.errors import InputError, StanceError
from stance.store import backbone_folder
from stance.tables import read

from .train import positive

_SPECIAL = {"unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


class _Trainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        # The vocabulary is scored at the masked words alone: that is a seventh of the tokens, and most of the work.
        labels = inputs.pop("labels")
        masked = labels != -100
        head = getattr(model, "cls", None) or model.lm_head  # BERT's, MPNet's
        logits = head(model.base_model(**inputs)[0][masked])
        return torch.nn.functional.cross_entropy(logits.float(), labels[masked])


def read_texts(files: list[str], most: int, seed: int) -> list[str]:
    """At most so many of the files' distinct paragraphs, drawn at random.

    Raises:
        InputError: there is no text, or a file cannot be read.
    """
    texts = list(dict.fromkeys(text for file in files for row in read(file) if (text := str(row["text"] or "").strip())))
    if not texts:
        raise InputError(f"{', '.join(files)}: there is no text; give files of text, one paragraph a line")
    order = np.random.default_rng(seed).permutation(len(texts))[:most]
    return [texts[i] for i in order]


def pretrain(texts: list[str], backbone: str, out: Path, epochs: float, rate: float, batch: int, tokens: int, seed: int) -> float:
    """Train a BERT-like backbone to fill in masked words, and write it with its tokenizer to ``out``; returns the mean loss.

    Args:
        texts: paragraphs, each cut after ``tokens`` tokens.
        rate: the learning rate, which rises in the first twentieth of the steps and falls to nothing.
        batch: paragraphs a step.

    Raises:
        InputError: the backbone has no tokenizer of ours or no [MASK].
    """
    set_seed(seed)
    source = Path(backbone_folder(backbone))
    if not (source / "tokenizer.json").is_file():
        raise InputError(f"backbone {backbone!r} has no tokenizer.json; name minilm or a folder with one")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(source / "tokenizer.json"), **_SPECIAL)
    if "[MASK]" not in tokenizer.get_vocab():
        raise InputError(f"the tokenizer of {backbone!r} has no [MASK]; name a backbone of the BERT family")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, loaded = AutoModelForMaskedLM.from_pretrained(source, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise InputError(f"backbone {backbone!r} cannot be loaded: {' '.join(str(error).split())[:200]}") from None
    new = [name for name in loaded["missing_keys"] if not name.startswith(("cls.", "lm_head."))]
    if new:
        raise InputError(f"{backbone!r} has no weights for {new[0]}; name a backbone, not a model that was trained from one")
    tokenizer.backend_tokenizer.no_padding()
    read_as = tokenizer(texts, truncation=True, max_length=tokens)["input_ids"]
    trainer = _Trainer(
        model,
        TrainingArguments(
            output_dir=str(out),
            num_train_epochs=epochs,
            per_device_train_batch_size=batch,
            learning_rate=rate,
            warmup_steps=0.05,
            bf16=True,
            use_cpu=not torch.cuda.is_available(),
            train_sampling_strategy="group_by_length",
            logging_steps=50,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
        ),
        train_dataset=[{"input_ids": ids} for ids in read_as],
        data_collator=DataCollatorForLanguageModeling(tokenizer, seed=seed),
    )
    torch.set_flush_denormal(True)  # else Adam crawls on a CPU
    try:
        loss = trainer.train().training_loss
    finally:
        torch.set_flush_denormal(False)
    model.base_model.save_pretrained(out)
    (out / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    return loss


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="text, one paragraph a line, or a file with a column text")
    parser.add_argument("--backbone", default="minilm", help="minilm or a local folder (default: minilm)")
    parser.add_argument("--most", type=positive, default=30_000, metavar="N", help="paragraphs, at random (default: 30000)")
    parser.add_argument("--epochs", type=float, default=1.0, help="(default: 1)")
    parser.add_argument("--rate", type=float, default=2e-4, help="the learning rate (default: 2e-4)")
    parser.add_argument("--batch", type=positive, default=32, help="paragraphs a step (default: 32)")
    parser.add_argument("--tokens", type=positive, default=128, help="where a paragraph is cut (default: 128)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    o = parser.parse_args(arguments)
    try:
        if o.out.exists() and not (o.out.is_dir() and not any(o.out.iterdir())):
            raise InputError(f"{o.out} is there already; name another --out")
        texts = read_texts(o.files, o.most, o.seed)
        loss = pretrain(texts, o.backbone, o.out, o.epochs, o.rate, o.batch, o.tokens, o.seed)
    except StanceError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"pretrain: {error.filename or o.out} cannot be written ({error.strerror or error})", file=sys.stderr)
        return 2
    print(f"{len(texts)} paragraphs read, loss {loss:.3f}, written to {o.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
