"""What a classification says: small frozen dataclasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Label = Literal["favor", "against", "neutral", "unrelated"]
LABELS: tuple[Label, ...] = ("favor", "against", "neutral", "unrelated")
"""All labels, in the order of the model's outputs."""


@dataclass(frozen=True)
class Stance:
    """Where one statement stands on one issue.

    Attributes:
        issue: the issue's name.
        label: the likeliest label, or None where ``abstain_below`` was given and the model is less sure than that.
        probability: the calibrated probability of the likeliest label, also when abstaining.
        probabilities: calibrated probability of every label; they sum to 1.
    """

    issue: str
    label: Label | None
    probability: float
    probabilities: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        return {
            "issue": self.issue,
            "label": self.label,
            "probability": self.probability,
            "probabilities": dict(self.probabilities),
        }


@dataclass(frozen=True)
class Statement:
    """A statement and where it stands on each issue asked: ``statement["crimea"].label``.

    Attributes:
        text: the statement as given.
        stances: one :class:`Stance` an issue, in the order asked.
        truncated: True where the text was longer than the model reads, so that only its beginning was judged.
    """

    text: str
    stances: tuple[Stance, ...]
    truncated: bool = False

    def __getitem__(self, issue: str) -> Stance:
        for stance in self.stances:
            if stance.issue == issue:
                return stance
        raise KeyError(f"{issue!r} was not asked; asked: {', '.join(self.issues)}")

    def __iter__(self) -> Iterator[Stance]:
        return iter(self.stances)

    def __len__(self) -> int:
        return len(self.stances)

    @property
    def issues(self) -> tuple[str, ...]:
        return tuple(stance.issue for stance in self.stances)

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "truncated": self.truncated,
            "stances": {stance.issue: stance.to_dict() for stance in self.stances},
        }
