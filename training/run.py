"""What makes one training run the same as another, and the end of one."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from stance.evaluation.corpus import Corpus
from stance.store import backbone_folder, sha256

from .batches import Soft
from .recipe import Recipe

_NOT_TRAINING = ("name", "corpora", "validation", "columns", "labels", "export", "search", "sources")  # of a recipe


def fingerprint(recipe: Recipe, corpus: Corpus, validation: Corpus, soft: Soft | None = None) -> str:
    """Names a run by all that decides its weights, so that its checkpoints are gone on from by the same run only."""
    decides = {key: value for key, value in vars(recipe).items() if key not in _NOT_TRAINING}
    weights = Path(backbone_folder(recipe.backbone), "model.safetensors")
    backbone = sha256(weights) if weights.exists() else recipe.backbone
    held = (validation.texts, validation.labels.tolist()) if recipe.patience else None
    digest = hashlib.sha256(repr((decides, backbone, os.environ.get("WORLD_SIZE"), held)).encode())
    digest.update(repr((corpus.texts, corpus.contexts, corpus.issues)).encode())
    digest.update(corpus.labels.tobytes())
    digest.update(soft.probabilities.tobytes() if soft else b"")
    return digest.hexdigest()[:12]


def discard(work: Path) -> None:
    """Remove a run's checkpoints; killed meanwhile, none is left that looks whole."""
    gone = work.with_name(f".{work.name}.done")
    shutil.rmtree(gone, ignore_errors=True)
    work.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
