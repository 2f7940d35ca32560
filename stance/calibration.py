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


def gaps(logits: np.ndarray) -> np.ndarray:
    """How far each logit is below the highest of its row, in float64."""
    return logits.max(-1, keepdims=True) - logits.astype(np.float64)


def bend(gaps: np.ndarray, temperature: np.ndarray | float, power: np.ndarray | float) -> np.ndarray:
    """Probabilities in proportion to exp(-(gap / temperature) ** power), over the last axis."""
    return softmax(-((gaps / temperature) ** power))


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling (Guo et al. 2017), one temperature an issue, and a power that bends it.

    A label gets exp(-(gap / temperature) ** power), gap being how far its logit is below the highest: the greater the
    power, the surer the sure answers and the more doubtful the doubtful ones. Power 1 is temperature scaling. The order of
    the labels never changes (an intra order-preserving function, Rahimi et al. 2020).

    Attributes:
        temperatures: issue name to temperature, above 0.
        default: the temperature of issues the model was not calibrated on; their power is 1.
        power: of the issues that have a temperature.
    """

    temperatures: Mapping[str, float]
    default: float = 1.0
    power: float = 1.0

    def __call__(self, logits: np.ndarray, issues: Sequence[str]) -> np.ndarray:
        """(..., K, L) logits of K issues to probabilities of the same shape."""
        scale = np.array([self.temperatures.get(issue, self.default) for issue in issues])
        power = np.array([self.power if issue in self.temperatures else 1.0 for issue in issues])
        return bend(gaps(logits), scale[:, None], power[:, None])

    @classmethod
    def read(cls, path: Path) -> Calibration:
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(values["temperatures"], values["default"], values.get("power", 1.0))

    def write(self, path: Path) -> None:
        values = {"method": "temperature and power", "temperatures": dict(self.temperatures)}
        values |= {"power": self.power, "default": self.default}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
