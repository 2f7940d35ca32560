"""Make ``models/tiny``: a seconds-small model for tests, from the authored corpus alone: ``python -m training.tiny``.

It has the shape of a real model (tokenizer, packed input, int8 ONNX, fp16 safetensors, calibration, manifest) and next
to no quality.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel

from stance.evaluation.corpus import Corpus, read_corpus
from stance.result import LABELS

from .recipe import Recipe
from .train import train

CORPORA = tuple(str(path) for path in sorted(Path("training/corpora").glob("*.jsonl")) if "labels" not in path.name)


def backbone(folder: Path, texts: tuple[str, ...]) -> None:
    """A new two-layer encoder with random weights and a vocabulary of its own."""
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts, vocab_size=1500, min_frequency=3, show_progress=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=192,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)


def main() -> None:
    corpus = read_corpus(CORPORA)
    rows = range(0, len(corpus), 10)
    folder = Path("build/tiny")
    folder.mkdir(parents=True, exist_ok=True)
    backbone(folder, corpus.texts)
    # Every tenth authored statement is kept out, to calibrate on.
    held, kept = folder / "held.jsonl", folder / "kept.jsonl"
    _write(held, corpus.take(list(rows)))
    _write(kept, corpus.take([n for n in range(len(corpus)) if n % 10]))
    recipe = Recipe(
        name="tiny",
        backbone=str(folder),
        corpora=(str(kept),),
        validation=str(held),
        epochs=8,
        learning_rate=2e-3,
        head_learning_rate=2e-3,
        train_embeddings=True,
        max_tokens=128,
        context_tokens=32,
        precision="fp32",
        sources={"authored statements": "training/corpora, written for this project (Apache-2.0)"},
    )
    train(recipe, Path("models/tiny"))


def _write(path: Path, corpus: Corpus) -> None:
    with path.open("w", encoding="utf-8") as file:
        for text, labels in zip(corpus.texts, corpus.labels, strict=True):
            named = {issue.name: LABELS[label] for issue, label in zip(corpus.issues, labels, strict=True)}
            file.write(json.dumps({"text": text} | named) + "\n")


if __name__ == "__main__":
    main()
