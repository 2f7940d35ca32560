"""The included benchmarks: labelled text written for this project, to measure any model on, anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..classifier import Classifier, load
from ..errors import InputError, check_count
from ..store import DEFAULT
from ..tables import read
from .baselines import BASELINES
from .included import FOLDER, load_benchmark
from .measurement import best, evaluate, probabilities, run_baselines
from .metrics import Score, share
from .public import PublicScore, measure_public
from .report import FIGURES, NAMES, Report, shown, table

PUBLIC = "public"


@dataclass(frozen=True)
class Line:
    """One figure of one benchmark.

    Attributes:
        benchmark: its name.
        measured: on how much, in words.
        figure: which figure, in words.
        score: the model's.
        baselines: the baselines' figure, by name.
    """

    benchmark: str
    measured: str
    figure: str
    score: Score
    baselines: dict[str, Score]


@dataclass(frozen=True)
class BenchmarkReport:
    """What :func:`benchmark` measured.

    Attributes:
        model: its name.
        lines: the figures, in the order of the table.
        phenomena: of ``contrast``, the figure of each phenomenon.
        reports: the whole measurement of each benchmark that has one.
        public: the figures on published sets, in %.
        missing: baselines that could not be run, and why.
    """

    model: str
    samples: int
    seed: int
    lines: list[Line] = field(default_factory=list)
    phenomena: list[Line] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    public: list[PublicScore] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def to_markdown(self) -> str:
        """The tables, readable as they stand and as Markdown."""
        parts = []
        if self.lines:
            parts += [
                _lines_table(self.lines, self.model),
                f"95 % intervals: {self.samples} bootstrap samples (of pairs, statements, articles), seed {self.seed}. Baselines "
                "are cross-validated on the benchmark itself (5 folds), so they have seen text of its kind; the model has not.",
            ]
        parts += [f"Left out, the baseline {name}: {why}" for name, why in self.missing.items()]
        if self.phenomena:
            parts += ["Contrast, by phenomenon:", _lines_table(self.phenomena, self.model)]
        if self.public:
            rows = [
                [
                    p.dataset.title,
                    p.part.name,
                    str(p.rows),
                    p.part.measure,
                    _percent(p.score),
                    "; ".join(map(str, p.part.published)),
                ]
                for p in self.public
            ]
            parts += [
                "Published sets, in %. Published systems were trained on the set, except where it says zero-shot.",
                table(["set", "part", "rows", "measure", self.model, "published"], rows),
            ]
        return "\n\n".join(parts) + "\n"

    def to_dict(self) -> dict:
        """Everything, ready for JSON."""
        return {
            "model": self.model,
            "bootstrap": {"samples": self.samples, "seed": self.seed, "interval": 0.95},
            "lines": [_line(line) for line in self.lines],
            "phenomena": [_line(line) for line in self.phenomena],
            "reports": {name: report.to_dict() for name, report in self.reports.items()},
            "public": [
                {
                    "set": p.dataset.name,
                    "part": p.part.name,
                    "rows": p.rows,
                    "measure": p.part.measure,
                    "percent": p.score.to_dict(),
                    "published": [vars(q) for q in p.part.published],
                }
                for p in self.public
            ],
            "missing_baselines": self.missing,
        }

    def write(self, folder: Path) -> None:
        """Write ``benchmark.json`` and ``benchmark.md`` into a folder, which is made where there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        (folder / "benchmark.json").write_text(text + "\n", encoding="utf-8")
        whole = [f"# Benchmarks: {self.model}", self.to_markdown()]
        whole += [f"## {name}\n\n{report.to_markdown()}" for name, report in self.reports.items()]
        (folder / "benchmark.md").write_text("\n\n".join(whole), encoding="utf-8")


def benchmark(
    names: str | Sequence[str] | None = None,
    model: str | Path | Classifier = DEFAULT,
    *,
    data: str | Path | None = None,
    baselines: bool = True,
    samples: int = 2000,
    seed: int = 0,
) -> BenchmarkReport:
    """Measure a model on the included benchmarks.

    Args:
        names: ``diplomacy``, ``contrast``, ``own-issues``, ``articles``, or several of them; all if not given.
            ``public`` measures on published sets instead, and ``public:vast`` on one.
        model: a bundled name, a folder, a hub id or a loaded model.
        data: for ``public``, the folder that holds the sets.
        baselines: measure the baselines too (needs the extra ``evaluate``; the probe needs ``train``).
        samples, seed: of the bootstrap.

    Raises:
        InputError: an unknown benchmark, or no folder for the public ones.
        ModelError: a model that cannot be found.
    """
    check_count("samples", samples)
    asked = list(MEASURES) if names is None else [names] if isinstance(names, str) else list(names)
    for name in asked:
        if name not in MEASURES and name.partition(":")[0] != PUBLIC:
            raise InputError(f"benchmark {name!r} is not known; known: {', '.join(MEASURES)}, {PUBLIC}, {PUBLIC}:NAME")
    public = [name.partition(":")[2] for name in asked if name.partition(":")[0] == PUBLIC]
    if public and data is None:
        raise InputError(
            "the public benchmarks are not ours to hand out: name the folder that holds them, --data FOLDER (data=... in "
            f"Python); {FOLDER / 'public.md'} says where they are had"
        )
    classifier = model if isinstance(model, Classifier) else load(model)
    report = BenchmarkReport(classifier.folder.name, samples, seed)
    for name in asked:
        if name in MEASURES:
            MEASURES[name](report, classifier, baselines)
    if public:
        chosen = () if "" in public else tuple(public)
        report.public.extend(measure_public(classifier, data, chosen, samples, seed))
    return report


def _measure_statements(name: str, what: str, context: bool = False) -> Callable[[BenchmarkReport, Classifier, bool], None]:
    def measure(report: BenchmarkReport, model: Classifier, baselines: bool) -> None:
        corpus = load_benchmark(name)
        own = {"baselines": baselines, "samples": report.samples, "seed": report.seed, "context": context}
        found = report.reports[name] = evaluate(corpus, model, **own)
        report.missing.update(found.missing)
        measured = what.format(statements=found.statements, documents=found.documents, issues=len(found.counts))
        for key, words in FIGURES.items():
            others = {other: scores[key] for other, scores in found.baselines.items()}
            report.lines.append(Line(name, measured, words, found.scores[key], others))

    return measure


def _measure_contrast(report: BenchmarkReport, model: Classifier, baselines: bool) -> None:
    corpus, rows = load_benchmark("contrast"), list(read(FOLDER / "contrast.jsonl"))
    others, missing = run_baselines(corpus, report.seed) if baselines else ({}, {})
    report.missing.update(missing)
    answers = {"": best(probabilities(model, corpus))} | others
    columns = {issue.name: k for k, issue in enumerate(corpus.issues)}
    column = np.array([columns[row["issue"]] for row in rows])
    pairs, pair = np.unique(corpus.documents, return_inverse=True)
    one = np.arange(len(rows))

    def both(right: np.ndarray) -> np.ndarray:
        return np.bincount(pair, weights=right) == 2

    def line(figure: str, right: dict[str, np.ndarray], chosen: np.ndarray) -> Line:
        scores = {
            name: share(values[chosen].astype(float), pairs[chosen], report.samples, report.seed)
            for name, values in right.items()
        }
        return Line("contrast", f"{chosen.sum()} pairs", figure, scores.pop(""), scores)

    on_issue = {name: both((labels == corpus.labels)[one, column]) for name, labels in answers.items()}
    on_all = {name: both((labels == corpus.labels).all(1)) for name, labels in answers.items()}
    every = np.ones(len(pairs), bool)
    report.lines.append(line("pairs with both statements right", on_issue, every))
    report.lines.append(line("pairs with both right on all three issues", on_all, every))
    of_pair = np.empty(len(pairs), dtype=object)
    of_pair[pair] = [row["phenomenon"] for row in rows]
    for phenomenon in dict.fromkeys(row["phenomenon"] for row in rows):
        report.phenomena.append(line(phenomenon, on_issue, of_pair == phenomenon))


MEASURES: dict[str, Callable[[BenchmarkReport, Classifier, bool], None]] = {
    "diplomacy": _measure_statements("diplomacy", "{statements} statements"),
    "contrast": _measure_contrast,
    "own-issues": _measure_statements("own-issues", "{statements} statements, {issues} issues"),
    "articles": _measure_statements("articles", "{statements} sentences of {documents} articles", context=True),
}


def _lines_table(lines: list[Line], model: str) -> str:
    there = [name for name in BASELINES if any(name in line.baselines for line in lines)]
    rows = [
        [line.benchmark, line.measured, line.figure, shown(line.score)]
        + [shown(line.baselines[name]) if name in line.baselines else "" for name in there]
        for line in lines
    ]
    return table(["benchmark", "measured on", "figure", model, *(NAMES[name] for name in there)], rows)


def _percent(score: Score) -> str:
    return f"{score.value:.1f} ({score.low:.1f} to {score.high:.1f})"


def _line(line: Line) -> dict:
    return {
        "benchmark": line.benchmark,
        "measured": line.measured,
        "figure": line.figure,
        "score": line.score.to_dict(),
        "baselines": {name: score.to_dict() for name, score in line.baselines.items()},
    }
