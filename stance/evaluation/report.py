"""What a measurement found, as a table to read, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..result import LABELS
from .comparison import Comparison
from .metrics import LabelScores, Score
from .reliability import Reliability

FIGURES = {
    "macro_f1": "macro-F1 of the four labels, issues pooled",
    "f_avg": "F_avg (mean F1 of favor and against), issues pooled",
    "issue_f_avg": "F_avg of each issue, averaged",
}
NAMES = {"majority": "majority", "tfidf": "TF-IDF + logistic regression", "probe": "frozen-encoder probe"}


@dataclass(frozen=True)
class Report:
    """A measurement of one model, or of several seeds of one, on N statements and K issues.

    Attributes:
        corpus, statements, documents, counts: what was measured on; counts are issue to label to rows.
        models: their names; ``context``: whether statements were read with the text before them.
        samples, seed: of the bootstrap over documents.
        scores: the figures of ``FIGURES``, averaged over the models; ``each``: of each model.
        labels: issue to label to precision, recall and F1.
        confusion: (K, L, L) counts [gold, predicted], averaged over the models.
        reliability: calibration and abstention, the models' decisions together.
        baselines: each baseline's figures; ``gains``: the model minus the baseline, paired.
        baselines_trained_on: in words; ``missing``: baselines that could not be run, and why.
        rivals, comparison: the models compared with, and the outcome.
    """

    corpus: str
    statements: int
    documents: int
    counts: dict[str, dict[str, int]]
    models: tuple[str, ...]
    context: bool
    samples: int
    seed: int
    scores: dict[str, Score]
    each: tuple[dict[str, Score], ...]
    labels: dict[str, dict[str, LabelScores]]
    confusion: np.ndarray
    reliability: Reliability
    baselines: dict[str, dict[str, Score]] = field(default_factory=dict)
    gains: dict[str, dict[str, Score]] = field(default_factory=dict)
    baselines_trained_on: str = ""
    missing: dict[str, str] = field(default_factory=dict)
    rivals: tuple[str, ...] = ()
    comparison: Comparison | None = None

    @property
    def model(self) -> str:
        return _joined(self.models)

    def to_dict(self) -> dict:
        """Everything, ready for JSON."""
        return {
            "corpus": self.corpus,
            "statements": self.statements,
            "documents": self.documents,
            "counts": self.counts,
            "models": list(self.models),
            "context": self.context,
            "bootstrap": {"samples": self.samples, "seed": self.seed, "cluster": "document", "interval": 0.95},
            "scores": _plain(self.scores),
            "each": [_plain(scores) for scores in self.each],
            "labels": {
                issue: {label: scores.to_dict() for label, scores in labels.items()} for issue, labels in self.labels.items()
            },
            "confusion": {issue: counts.round(2).tolist() for issue, counts in zip(self.labels, self.confusion, strict=True)},
            "reliability": self.reliability.to_dict(),
            "baselines": {name: _plain(scores) for name, scores in self.baselines.items()},
            "gains": {name: _plain(scores) for name, scores in self.gains.items()},
            "baselines_trained_on": self.baselines_trained_on,
            "missing_baselines": self.missing,
            "against": list(self.rivals),
            "comparison": self.comparison.to_dict() if self.comparison else None,
        }

    def to_markdown(self) -> str:
        """The tables, readable as they stand and as Markdown."""
        seeds = f", mean of {len(self.models)} models" if len(self.models) > 1 else ""
        parts = [
            f"{self.model} on {self.corpus}: {self.statements} statements, {self.documents} documents{seeds}"
            f"{', each with its context' if self.context else ''}. 95 % intervals: {self.samples} bootstrap samples of "
            f"documents, seed {self.seed}.",
            self._figures(),
        ]
        if self.baselines:
            parts.append(f"Baselines were trained on {self.baselines_trained_on}.")
        parts += [f"Left out, the baseline {name}: {why}" for name, why in self.missing.items()]
        if self.comparison:
            parts += [f"{self.model} minus {_joined(self.rivals)}, paired:", self._compared()]
        parts += ["Each label (n: statements that have it):", self._labels()]
        parts += ["Confusion (rows: given, columns: predicted):", self._confused()]
        risk = self.reliability
        parts += [
            f"Expected calibration error {shown(risk.error)}; area under the risk-coverage curve {shown(risk.area)}. "
            "Answering only the surest decisions:",
            table(
                ["answered", "abstain_below", "wrong among them"],
                [[f"{c.coverage:.0%}", f"{c.threshold:.3f}", shown(c.risk)] for c in risk.coverage],
            ),
        ]
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Write ``report.json`` and ``report.md`` into a folder, which is made where there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "report.md").write_text(f"# {self.model} on {self.corpus}\n\n{self.to_markdown()}", encoding="utf-8")

    def _figures(self) -> str:
        rows = []
        for key, words in FIGURES.items():
            gains = [shown(self.gains[name][key], signed=True) for name in self.baselines if name != "majority"]
            rows.append([words, shown(self.scores[key]), *(shown(b[key]) for b in self.baselines.values()), *gains])
        minus = [f"minus {NAMES[name]}" for name in self.baselines if name != "majority"]
        return table(["figure", self.model, *(NAMES[name] for name in self.baselines), *minus], rows)

    def _compared(self) -> str:
        found = self.comparison
        rows = [
            [FIGURES[key], shown(score, signed=True), _p(found.randomisation[key])] for key, score in found.difference.items()
        ]
        lines = table(["figure", "difference", "p (approximate randomisation)"], rows)
        if found.mcnemar is not None:
            lines += (
                f"\n\nDecisions that only {self.model} has right: {found.only_one}; only {_joined(self.rivals)}: "
                f"{found.only_other}; McNemar's exact p {_p(found.mcnemar)}."
            )
        return lines

    def _labels(self) -> str:
        rows = [
            [issue, label, str(s.support), shown(s.precision), shown(s.recall), shown(s.f1)]
            for issue, labels in self.labels.items()
            for label, s in labels.items()
        ]
        return table(["issue", "label", "n", "precision", "recall", "F1"], rows)

    def _confused(self) -> str:
        rows = [
            [issue, label, *(f"{count:.0f}" if len(self.models) == 1 else f"{count:.1f}" for count in row)]
            for issue, counts in zip(self.labels, self.confusion, strict=True)
            for label, row in zip(LABELS, counts, strict=True)
        ]
        return table(["issue", "given", *LABELS], rows)


def shown(score: Score, signed: bool = False) -> str:
    """``.853 (.821 to .884)``, as the field writes it."""
    form = "+.3f" if signed else ".3f"
    return f"{score.value:{form}} ({score.low:{form}} to {score.high:{form}})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned, so that it can be read as text too."""
    rows = [[str(cell).replace("|", "\\|") for cell in row] for row in [header, *rows]]
    widths = [max(len(row[n]) for row in rows) for n in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * max(width, 3) for width in widths) + " |")
    return "\n".join(lines)


def _p(value: float) -> str:
    return "< .0001" if value < 0.0001 else f"{value:.4f}"


def _joined(names: tuple[str, ...]) -> str:
    return " + ".join(names)


def _plain(scores: dict[str, Score]) -> dict:
    return {name: score.to_dict() for name, score in scores.items()}
