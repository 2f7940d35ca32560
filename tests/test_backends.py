"""The torch backend, as far as a processor without a GPU can tell."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from conftest import TEXTS

from stance.backends.torch import TorchBackend
from stance.packing import pack


@pytest.fixture(scope="module")
def batch(mini):
    ids, _ = mini._tokens.statements(TEXTS, [""] * len(TEXTS))
    return pack(ids, [mini._tokens.proposition(issue.proposition) for issue in mini.issues])


def test_half_precision_gives_the_same_labels_and_nearly_the_same_probabilities(mini, batch):
    whole, half = (TorchBackend(mini.folder, device="cpu", half=half)(batch) for half in (False, True))
    assert half.dtype == np.float32 and not np.array_equal(half, whole)  # it did compute in 16 bits
    assert np.array_equal(half.argmax(-1), whole.argmax(-1))
    assert np.abs(half - whole).max() < 0.2  # bfloat16 keeps three digits; logits here go to about 5


def test_only_a_gpu_computes_in_half_precision_unasked(mini):
    assert TorchBackend(mini.folder, device="cpu").half is False
    backend = TorchBackend(mini.folder)
    assert backend.half is (backend.device == "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_labels(mini, batch):
    assert np.array_equal(TorchBackend(mini.folder)(batch).argmax(-1), TorchBackend(mini.folder, device="cpu")(batch).argmax(-1))
