"""What a user would pick instead, for speed's sake with random weights where the trained ones are not at hand.

Each takes statements and answers three issues; how well it answers is not measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from stance.backends.torch import TorchBackend
from stance.evaluation.baselines import embedder, fit_regression, word_and_character_features
from stance.evaluation.corpus import MISSING
from stance.issues import Issue
from stance.packing import pack
from stance.tokens import Tokens

Rival = Callable[[Sequence[str]], object]
_LABELS = ("for", "against", "neutral towards")
_BATCH = 16


def zero_shot(folder: Path, issues: Sequence[Issue], family: str) -> Rival:
    """``transformers``' zero-shot pipeline with a DeBERTa-v3-base or BART-large architecture: a pass for each issue and label.

    The tokenizer is ours, so that every system reads as many tokens of a text.
    """
    from transformers import (
        BartConfig,
        BartForSequenceClassification,
        DebertaV2Config,
        DebertaV2ForSequenceClassification,
        PreTrainedTokenizerFast,
        pipeline,
    )

    names = {0: "contradiction", 1: "neutral", 2: "entailment"}
    common = {"id2label": names, "label2id": {name: n for n, name in names.items()}}
    if family == "deberta-v3-base":
        config = DebertaV2Config(
            vocab_size=128100,
            hidden_size=768,
            num_hidden_layers=12,
            num_attention_heads=12,
            intermediate_size=3072,
            max_position_embeddings=512,
            type_vocab_size=0,
            position_biased_input=False,
            relative_attention=True,
            position_buckets=256,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            max_relative_positions=-1,
            **common,
        )
        model = DebertaV2ForSequenceClassification(config)
        ends = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    else:
        model = BartForSequenceClassification(BartConfig(vocab_size=50265, eos_token_id=102, pad_token_id=0, **common))
        ends = {"cls_token": "[CLS]", "sep_token": "[SEP]", "eos_token": "[SEP]", "pad_token": "[PAD]"}
    tokenizer = _with_ends(PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **ends))
    ask = pipeline("zero-shot-classification", model=model.eval(), tokenizer=tokenizer, device=-1)

    def run(texts: Sequence[str]) -> object:
        return [
            ask(
                list(texts),
                list(_LABELS),
                hypothesis_template=f"The speaker is {{}} this: {issue.proposition}",
                batch_size=_BATCH,
            )
            for issue in issues
        ]

    return run


def _with_ends(tokenizer):
    """BART's classifier reads its answer at the last end token, so every pair must close with one."""
    from tokenizers.processors import TemplateProcessing

    start, end = ((name, tokenizer.convert_tokens_to_ids(name)) for name in ("[CLS]", "[SEP]"))
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[start, end]
    )
    return tokenizer


def pipeline_pairs(folder: Path, issues: Sequence[Issue]) -> Rival:
    """A cross-encoder of our size in ``transformers``' text-classification pipeline: a pass for each issue."""
    from transformers import AutoConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    config = AutoConfig.from_pretrained(folder, num_labels=4)
    ends = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    tokenizer = _with_ends(PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **ends))
    ask = pipeline("text-classification", model=BertForSequenceClassification(config).eval(), tokenizer=tokenizer, device=-1)
    return lambda texts: [
        ask([{"text": text, "text_pair": issue.proposition} for text in texts], top_k=None, batch_size=_BATCH) for issue in issues
    ]


def torch_loop(folder: Path, issues: Sequence[Issue]) -> Rival:
    """What one writes first: the same weights in float32 PyTorch, one statement after another."""
    tokens, backend = Tokens.of(folder), TorchBackend(folder, device="cpu")
    blocks = [tokens.proposition(issue.proposition) for issue in issues]

    def run(texts: Sequence[str]) -> object:
        return [backend(pack(tokens.statements([text], [""])[0], blocks, tokens.pad)).argmax(-1) for text in texts]

    return run


def frozen_encoder(train: Sequence[str], labels: np.ndarray) -> Rival:
    """MiniLM's sentence vector and a logistic regression an issue: how SetFit answers, whatever its encoder was tuned on."""
    embed = embedder()
    return _regressions(embed, embed(train), labels)


def tfidf(train: Sequence[str], labels: np.ndarray) -> Rival:
    """TF-IDF of words and characters, and a logistic regression an issue."""
    features = word_and_character_features()
    vectors = features.fit_transform(train)
    return _regressions(features.transform, vectors, labels)


def _regressions(vectorise: Callable, x, labels: np.ndarray) -> Rival:
    known = [np.flatnonzero(column != MISSING) for column in labels.T]
    heads = [fit_regression(x[rows], column[rows]) for rows, column in zip(known, labels.T, strict=True) if len(rows)]

    def run(texts: Sequence[str]) -> object:
        vectors = vectorise(texts)
        return [predict(vectors) for predict in heads]

    return run
