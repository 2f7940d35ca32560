"""Logits to calibrated probabilities."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64 so that every row sums to 1."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling (Guo et al. 2017), one temperature an issue.

    Dividing the logits by a temperature never changes which label is likeliest.

    Attributes:
        temperatures: issue name to temperature, above 0.
        default: the temperature of issues the model was not calibrated on.
    """

    temperatures: Mapping[str, float]
    default: float = 1.0

    def __call__(self, logits: np.ndarray, issues: Sequence[str]) -> np.ndarray:
        """(..., K, L) logits of K issues to probabilities of the same shape."""
        scale = np.array([self.temperatures.get(issue, self.default) for issue in issues])
        return softmax(logits / scale[:, None])

    @classmethod
    def read(cls, path: Path) -> Calibration:
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(values["temperatures"], values["default"])

    def write(self, path: Path) -> None:
        values = {"method": "temperature", "temperatures": dict(self.temperatures), "default": self.default}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
