"""The model in PyTorch: what is trained, and what runs on a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import MODEL_MAPPING, AutoConfig, PreTrainedModel

from ..errors import ModelError
from ..packing import Packed
from ..store import settings

# How far a family shifts its position ids; a family that is not here is not known to take packed input.
_POSITION_SHIFT = {"bert": 0, "electra": 0, "roberta": 1, "xlm-roberta": 1, "camembert": 1, "mpnet": 1}


class StanceModel(nn.Module):
    """An encoder, and a head that reads the first token of an issue block beside the mean of the statement.

    The mean is what sentence encoders were pre-trained to put their meaning in; the issue's own token says what is
    asked of it.

    Args:
        config: a ``transformers`` configuration of one of the families that take explicit position ids.
        labels: number of labels.
        encoder: the encoder, if there already is one with weights; else a new one is made.
    """

    def __init__(self, config, labels: int, encoder: nn.Module | None = None):
        super().__init__()
        if config.model_type not in _POSITION_SHIFT:
            raise ModelError(
                f"a {config.model_type!r} encoder cannot read packed issues; "
                f"use one of these families: {', '.join(_POSITION_SHIFT)}"
            )
        self.shift = position_shift(config)
        self.types = getattr(config, "type_vocab_size", 1) > 1
        self.encoder = encoder or encoder_class(config)._from_config(config, **encoder_arguments(config))
        size = config.hidden_size
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * size, size), nn.GELU(), nn.Dropout(0.1), nn.Linear(size, labels))

    @property
    def plain_attention(self) -> bool:
        """Whether attention is computed step by step, which trains faster on a CPU, or fused: the same but for rounding."""
        return self.encoder.config._attn_implementation == "eager" and self.encoder.config.model_type != "mpnet"

    @plain_attention.setter
    def plain_attention(self, on: bool) -> None:
        self.encoder.config._attn_implementation = "eager" if on else "sdpa"

    def forward(self, input_ids, positions, blocks, read_at):
        """(B, T), (B, T), (B, T), (B, K) integers to (B, K, labels) logits: see stance.packing."""
        of_query, of_key = blocks[:, :, None], blocks[:, None, :]
        # Padding is a block of its own that nobody else reads, so every row of the mask has an entry.
        mask = ((of_key == 0) | (of_key == of_query))[:, None]
        if self.plain_attention:  # which adds the mask to its scores, where the fused one takes booleans
            mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo(torch.float32).min)
        states = self.encoder(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=positions + self.shift,
            **({"token_type_ids": (blocks > 0).to(input_ids.dtype)} if self.types else {}),
        ).last_hidden_state
        at = read_at[:, :, None].expand(-1, -1, states.shape[-1])
        inside = (blocks == 0).to(states.dtype)[:, :, None]
        mean = (states * inside).sum(1) / inside.sum(1)
        asked = states.gather(1, at)
        return self.head(torch.cat([asked, mean[:, None].expand_as(asked)], -1))


def position_shift(config) -> int:
    """What is added to the position of a token: some families count from behind the padding's id."""
    return (config.pad_token_id or 0) + 1 if _POSITION_SHIFT.get(config.model_type) else 0


def encoder_class(config) -> type[PreTrainedModel]:
    """The ``transformers`` class of a configuration's encoder, or ours where that one cannot take packed input."""
    if config.model_type == "mpnet":
        from .mpnet import PackedMPNet

        return PackedMPNet
    return MODEL_MAPPING[type(config)]


def encoder_arguments(config) -> dict:
    """Leave out the pooler, which is not read, where a family has one."""
    return {} if config.model_type == "electra" else {"add_pooling_layer": False}


def load_model(folder: Path) -> StanceModel:
    """Build the model of a folder and fill it from ``model.safetensors``, in float32."""
    from safetensors.torch import load_file

    model = StanceModel(AutoConfig.from_pretrained(folder), len(settings(folder)["labels"]))
    weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    model.load_state_dict(weights)
    return model.eval()


class TorchBackend:
    """Runs ``model.safetensors`` on the CPU or, where there is one, a GPU.

    Args:
        device: as torch names it; a GPU where there is one if not given.
        half: compute in 16 bits (float16 on a GPU, bfloat16 elsewhere), by autocast; on a GPU if not said otherwise.
        threads: of PyTorch, which has one number for the whole process.
    """

    most_tokens = 65536  # of a pass: a GPU wants many

    def __init__(self, folder: Path, device: str | None = None, threads: int | None = None, half: bool | None = None):
        if threads:
            torch.set_num_threads(threads)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        on_gpu = self.device.startswith("cuda")
        self.half = on_gpu if half is None else half
        self._type = torch.float16 if on_gpu else torch.bfloat16
        self.model = load_model(folder).to(self.device)

    @torch.inference_mode()
    def __call__(self, batch: Packed) -> np.ndarray:
        """(B, K, labels) float32 logits."""
        inputs = {name: torch.from_numpy(array).to(self.device) for name, array in batch.inputs().items()}
        with torch.autocast(self.device.partition(":")[0], dtype=self._type, enabled=self.half):
            return self.model(**inputs).float().cpu().numpy()
