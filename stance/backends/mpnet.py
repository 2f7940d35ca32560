"""MPNet for packed input.

MPNet sees where a token stands twice: by its position id, and by a bias on the attention that depends on how far apart
two tokens are (Song et al. 2020). ``transformers`` takes that distance from the order in the sequence; in a packed one
an issue block follows the statement, whatever stands between, so it must come from the position ids.
"""

from __future__ import annotations

import torch
from transformers import MPNetModel
from transformers.modeling_outputs import BaseModelOutput


class PackedMPNet(MPNetModel):
    """MPNet whose distances come from ``position_ids``, with a mask for every pair of tokens."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor) -> BaseModelOutput:
        """(B, T), (B, 1, T, T) booleans, (B, T) to (B, T, H) states."""
        states = self.embeddings(input_ids=input_ids, position_ids=position_ids)
        apart = position_ids[:, None, :] - position_ids[:, :, None]
        bias = self.encoder.relative_attention_bias(self.encoder.relative_position_bucket(apart)).permute(0, 3, 1, 2)
        bias = bias.masked_fill(~attention_mask, torch.finfo(bias.dtype).min)
        for layer in self.encoder.layer:
            states = layer(states, None, bias)[0]
        return BaseModelOutput(last_hidden_state=states)
