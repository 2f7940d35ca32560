"""The commands that measure: check, evaluate and benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import OutputError
from ..store import DEFAULT

Models = Annotated[
    list[str],
    typer.Option("--model", help="A bundled model's name, a folder or a hub id. Repeated: seeds of one recipe, averaged."),
]
Folder = Annotated[Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Also write JSON and Markdown here.")]
Samples = Annotated[int, typer.Option(help="Bootstrap samples behind each interval.", min=1)]
Seed = Annotated[int, typer.Option(help="Seed of the bootstrap and of the folds.", min=0)]
Columns = Annotated[
    list[str] | None,
    typer.Option(metavar="OURS=THEIRS,...", help="What the corpus calls a column: text=sentence,nato=position. Repeatable."),
]
Labels = Annotated[
    list[str] | None, typer.Option(metavar="THEIRS=OURS,...", help="What its labels are called here: pro=favor,con=against.")
]
Backend = Annotated[str, typer.Option(help="onnx, or torch for a folder without model.onnx, or on a GPU.")]
NoBaselines = Annotated[bool, typer.Option("--no-baselines", help="Leave the baselines out: faster.")]


def check(
    corpus: Annotated[list[str], typer.Argument(metavar="FILE...", help="A labelled corpus: CSV, TSV, JSONL or Parquet.")],
    apart_from: Annotated[
        list[str] | None, typer.Option(help="Another split, which must share no text with it, nearly or wholly. Repeatable.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model whose issues may be columns.")] = DEFAULT,
    columns: Columns = None,
    labels: Labels = None,
) -> None:
    """Check a corpus: unknown labels, blanks, repeats, text shared with another split; counts its labels."""
    from ..issues import Issue
    from ..store import find, manifest
    from .corpus import NOT_LABELS, parse_map
    from .report import table
    from .validation import check_corpus

    issues = dict(manifest(find(model))["issues"])
    renamed = parse_map("columns", columns)
    for name in set(renamed) - set(NOT_LABELS) - {"label"}:  # an issue of the user's own, which needs no proposition here
        issues.setdefault(name, name)
    asked = [Issue(*item) for item in issues.items()]
    found = check_corpus(corpus, apart_from or (), asked, renamed, parse_map("labels", labels))
    for problem in found.problems:
        print(problem)
    if found.counts:
        rows = [[name, *map(str, counts.values())] for name, counts in found.counts.items()]
        print(table(["issue", *next(iter(found.counts.values()))], rows))
    print(f"{found.statements} statements, {len(found.problems)} problem{'' if len(found.problems) == 1 else 's'}")
    if found.problems:
        raise typer.Exit(1)


def evaluate(
    corpus: Annotated[
        list[str],
        typer.Argument(metavar="CORPUS...", help="Labelled statements: CSV, TSV, JSONL or Parquet; or a benchmark's name."),
    ],
    model: Models = [DEFAULT],  # noqa: B006 (typer reads it, nobody changes it)
    against: Annotated[list[str] | None, typer.Option(help="Compare with this model. Repeated: seeds of one recipe.")] = None,
    train: Annotated[
        list[str] | None, typer.Option(help="Train the baselines on this corpus instead of cross-validating them. Repeatable.")
    ] = None,
    context: Annotated[bool, typer.Option("--context", help="Read each statement with the corpus's context column.")] = False,
    backend: Backend = "onnx",
    no_baselines: NoBaselines = False,
    samples: Samples = 2000,
    seed: Seed = 0,
    columns: Columns = None,
    labels: Labels = None,
    output: Folder = None,
) -> None:
    """Measure a model on labelled statements, with intervals and beside baselines; with -o, plots too."""
    from ..classifier import load
    from .corpus import parse_map
    from .measurement import evaluate as measure
    from .plots import figure_class, write_plots

    if output:
        figure_class()  # where it is missing, that is said before minutes of measuring
    report = measure(
        corpus[0] if len(corpus) == 1 else corpus,
        [load(name, backend) for name in model],
        [load(name, backend) for name in against or ()] or None,
        columns=parse_map("columns", columns),
        labels=parse_map("labels", labels),
        context=context,
        baselines=not no_baselines,
        train=train,
        samples=samples,
        seed=seed,
    )
    print(report.to_markdown(), end="")
    if output:
        _written(report, output)
        write_plots(report, output)


def benchmark(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="diplomacy, contrast, own-issues, articles (all if none); public, public:SET."),
    ] = None,
    model: Annotated[str, typer.Option(help="A bundled model's name, a folder or a hub id.")] = DEFAULT,
    data: Annotated[Path | None, typer.Option(metavar="FOLDER", help="For public: the folder that holds the sets.")] = None,
    backend: Backend = "onnx",
    no_baselines: NoBaselines = False,
    samples: Samples = 2000,
    seed: Seed = 0,
    output: Folder = None,
) -> None:
    """Measure a model on the included benchmarks, with intervals and beside baselines."""
    from ..classifier import load
    from .benchmark import benchmark as measure

    report = measure(names or None, load(model, backend), data=data, baselines=not no_baselines, samples=samples, seed=seed)
    print(report.to_markdown(), end="")
    if output:
        _written(report, output)


def _written(report, folder: Path) -> None:
    try:
        report.write(folder)
    except OSError as error:
        raise OutputError(f"cannot write into {str(folder)!r}: {error.strerror or error}; name a folder with -o") from None
    print(f"written to {folder}", file=sys.stderr)
