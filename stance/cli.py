"""The command line: every command is a few calls to the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from .errors import InputError, StanceError
from .evaluation import commands
from .store import DEFAULT

app = typer.Typer(
    help="Say who stands where: tag diplomatic statements with their stance on key issues.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Model = Annotated[str, typer.Option(help="A bundled model's name, a model folder, or a hub id org/name.")]
Issues = Annotated[
    list[str] | None,
    typer.Option("--issues", "-i", help="Issue to ask: a known name, several with commas, or name=Proposition. Repeatable."),
]
TextColumn = Annotated[str | None, typer.Option(help="The column with the statements, if it is not 'text'.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of the screen.")]


@app.callback()
def _group() -> None:
    # A callback keeps the commands' names even while there are few of them.
    pass


@app.command()
def classify(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...|FILE|-",
            help="Statements, or one file (text with a statement a line, .csv, .tsv, .jsonl, .parquet), or - for standard input.",
        ),
    ],
    issues: Issues = None,
    model: Model = DEFAULT,
    text_column: TextColumn = None,
    context: Annotated[str | None, typer.Option(help="What was said before the statement.")] = None,
    context_column: Annotated[str | None, typer.Option(help="The column with what was said before each.")] = None,
    abstain_below: Annotated[float, typer.Option(help="Say 'unsure' (in files: nothing) where the probability is lower.")] = 0.0,
    form: Annotated[
        str | None, typer.Option("--format", "-f", help="table, csv, jsonl or parquet; else by the output's ending.")
    ] = None,
    output: Output = None,
) -> None:
    """Tag statements with their stance on each issue."""
    from .classifier import load, track
    from .issues import resolve
    from .rows import classify_rows
    from .writing import format_of, write

    kind = format_of(form, output)
    asked = _asked(issues)
    rows, from_file = _rows(source, text_column)
    classifier = load(model)
    results = classify_rows(classifier, rows, asked, context, context_column, abstain_below, text_column)
    for issue in resolve(asked, classifier.issues):
        if issue not in classifier.issues:
            print(
                f"note: {classifier.folder.name} was not trained on {issue.name!r}; take its answers as guesses", file=sys.stderr
            )
    to_screen = kind != "table" and output is None and sys.stdout.isatty()
    if from_file and sys.stderr.isatty() and not to_screen:
        results = track(results, None)
    count = write(results, output, kind)
    if output:
        print(f"{count} statements written to {output}", file=sys.stderr)
    elif not count:
        print("no statement in the input: nothing to classify", file=sys.stderr)


def _asked(issues: list[str] | None) -> list | None:
    """The issues of a command line: names may have commas between them, a proposition may hold commas of its own."""
    from .issues import parse

    asked = []
    for item in issues or ():
        names, equals, proposition = item.partition("=")
        *before, last = names.split(",")
        asked += [parse(name) for name in before] + [parse(f"{last}{equals}{proposition}")]
    return asked or None


def _rows(source: list[str], text_column: str | None) -> tuple[Iterator[tuple[str, dict]], bool]:
    """The rows to classify, each with its place, and whether they come from a file or standard input."""
    from .rows import placed
    from .tables import ENDINGS, STDIN, ending_of

    first = source[0]
    if len(source) == 1 and (first == STDIN or ending_of(first) in ENDINGS or os.path.exists(first)):
        return placed(first, text_column), True
    if text_column:
        raise InputError("--text-column is for files; the statements here were given on the command line")
    for text in source:
        if text == STDIN or ending_of(text) in ENDINGS or os.path.isfile(text):
            raise InputError(f"{text!r} among other arguments: give one file at a time, or only statements")
    return ((f"text {number}", {"text": text}) for number, text in enumerate(source, 1)), False


@app.command()
def scale(
    sources: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER...", help="Files of statements, or folders of them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the Parquet files, one for each file read.")],
    issues: Issues = None,
    model: Model = DEFAULT,
    text_column: TextColumn = None,
    workers: Annotated[int | None, typer.Option(help="Processes with one thread each; all processors if not given.")] = None,
    address: Annotated[
        str | None, typer.Option(help="A running Ray cluster's, auto on one of its machines, or host:6379.")
    ] = None,
) -> None:
    """Tag many files, on all processors of this machine or of a Ray cluster; goes on where it was broken off."""
    from .scaling import scale as run

    asked = _asked(issues)
    failed = there = 0
    for part in run(sources, output, asked, model=model, text_column=text_column, workers=workers, address=address):
        if part.error:
            failed += 1
            print(f"stance: {part.error}", file=sys.stderr)
        elif part.statements is None:
            there += 1
        else:
            print(f"{part.statements} statements written to {part.target}", file=sys.stderr)
    if there:
        print(f"{there} files were there already; delete one to have it done again", file=sys.stderr)
    if failed:
        raise InputError(f"{failed} files failed; mend them and run this again: what is done is not done twice")


@app.command()
def issues(model: Model = DEFAULT) -> None:
    """List the issues a model knows, and what favor and against refer to."""
    from .store import find, manifest

    for name, proposition in manifest(find(model))["issues"].items():
        print(f"{name:12} {proposition}")
    print('\nAn issue of your own: --issues "sanctions=Sanctions on Russia should be lifted."')


@app.command()
def models() -> None:
    """List the models that came with the package."""
    from .store import bundled, manifest

    for name, folder in bundled().items():
        about = manifest(folder)
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6
        print(f"{name:12} {size:6.1f} MB  version {about['version']}  {about['description']}")


for command in (commands.check, commands.evaluate, commands.benchmark):
    app.command()(command)


def main() -> None:
    """Run the command line; an error of ours is one sentence and exit code 2."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        # A command that ends with an exit code hands it back here, as click does outside standalone mode.
        sys.exit(app(standalone_mode=False, prog_name="stance") or 0)
    except StanceError as error:
        sys.exit(_fail(str(error)))
    except OSError as error:  # the screen's, as in `> /dev/full`
        sys.exit(_fail(f"output cannot be written: {error.strerror or error}"))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:
        # Bad usage is the click library's own exception, which it knows how to show.
        if hasattr(error, "format_message"):
            sys.exit(_fail(f"{error.format_message().rstrip('.')}. Try: stance --help"))
        if os.environ.get("STANCE_TRACEBACK"):
            raise
        sys.exit(_fail(f"unexpected {type(error).__name__}: {error}; set STANCE_TRACEBACK=1 to see where, and report it"))


def _fail(message: str) -> int:
    print("stance: " + " ".join(message.split()), file=sys.stderr)
    return 2
