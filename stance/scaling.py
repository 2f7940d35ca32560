"""Past one machine: many files, many workers, on Ray Data (the extra ``scale``).

A file is the unit of work. Each worker is a process with one model and one processor thread; it reads a file, classifies it and
moves the Parquet file into place when that is whole. So a worker or a machine may die at any moment: its file is
begun again by another, a run that is broken off goes on with the files that are not there yet, and no row is lost or doubled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError, MissingExtraError, OutputError, StanceError
from .issues import Issue, resolve
from .store import DEFAULT, find, manifest

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")


@dataclass(frozen=True)
class Part:
    """What became of one file.

    Attributes:
        source, target: the file read and the Parquet file it became.
        statements: how many were classified; None where the file was there already, or failed.
        error: why it failed, as one sentence; "" if it did not.
    """

    source: Path
    target: Path
    statements: int | None = None
    error: str = ""


def scale(
    sources: str | Path | Iterable[str | Path],
    folder: str | Path,
    issues: str | Issue | Iterable[str | Issue] | None = None,
    *,
    model: str | Path = DEFAULT,
    text_column: str | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Part]:
    """Classify many files on all processors of this machine or of a Ray cluster.

    Args:
        sources: files (CSV, TSV, JSONL, Parquet, text), or folders of them. On a cluster every machine must see them, and
            ``folder``, under the same path.
        folder: ``NAME.parquet`` is written here for each ``NAME.jsonl``: the columns given, and each issue's label and
            probability. Files that are there already are passed over.
        issues: as of :func:`stance.classify`.
        model: a bundled name, a folder that every machine sees, or a hub id.
        text_column: the column with the statements, ``text`` if not given.
        workers: processes, each with one thread and about 300 MB; all processors if not given.
        address: a running cluster's, as ``ray.init`` takes it (``"auto"``, ``"ray://head:10001"``); else Ray starts on this
            machine, unless it runs already.

    Yields:
        A :class:`Part` for each file, as it is done, in no order. A file that cannot be read does not stop the others.

    Raises:
        InputError: no such file, or two that would be written to one.
        MissingExtraError: Ray is not installed.
    """
    # Checked here and not at the first of the results, which nobody may ask for.
    parts = _parts(sources, Path(folder))
    known = tuple(Issue(name, proposition) for name, proposition in manifest(find(model))["issues"].items())
    asked = resolve(issues, known)
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise InputError(f"workers is a whole number from 1 up, got {workers!r}")
    try:
        import ray.data
    except ImportError:
        raise MissingExtraError("stance.scale", "scale") from None
    return _run(ray, parts, asked, str(model), text_column, workers, address)


def _parts(sources: Any, folder: Path) -> list[Part]:
    found: dict[Path, Path] = {}
    for source in [sources] if isinstance(sources, (str, Path)) else sources:
        path = Path(source)
        if not path.exists():
            raise InputError(f"there is no file or folder {str(source)!r}; check the path")
        own = sorted(file for file in path.iterdir() if _ending(file) in ENDINGS) if path.is_dir() else [path]
        if not own:
            raise InputError(f"the folder {str(source)!r} holds no file that ends in {', '.join(ENDINGS)}")
        for file in own:
            name = file.name.removesuffix(".gz")
            target = (folder / name).with_suffix(".parquet").resolve()
            if target in found:
                raise InputError(f"{file} and {found[target]} would both become {target}; rename one")
            if target == file.resolve():
                raise InputError(f"{file} would be written over itself; name another folder for the results")
            found[target] = file.resolve()
    return [Part(source, target) for target, source in found.items()]


def _ending(file: Path) -> str:
    return Path(file.name.lower().removesuffix(".gz")).suffix


def _run(ray, parts: Sequence[Part], asked, model: str, text_column, workers, address) -> Iterator[Part]:
    waiting = []
    for part in parts:
        if part.target.exists():
            yield part
        else:
            waiting.append(part)
    if not waiting:
        return
    try:
        waiting[0].target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{waiting[0].target.parent} cannot be made: {error.strerror or error}") from None
    began = not ray.is_initialized()
    if began:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        most = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = [{"source": str(part.source), "target": str(part.target)} for part in waiting]
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Worker,
            fn_constructor_args=(model, asked, text_column),
            concurrency=min(most, len(rows)),
            num_cpus=1,
        )  # Ray Data starts an actor that died anew, and gives it its row again
        for row in done.iter_rows():
            yield Part(Path(row["source"]), Path(row["target"]), row["statements"], row["error"])
    finally:
        if began:
            ray.shutdown()


class _Worker:
    """One process of many: a model, and files that come one after another."""

    def __init__(self, model: str, issues: tuple[Issue, ...], text_column: str | None):
        from .classifier import load

        self.classifier = load(model, threads=1)
        self.issues, self.text_column = issues, text_column

    def __call__(self, row: dict[str, str]) -> dict[str, Any]:
        try:
            statements, error = self.classify(row["source"], Path(row["target"])), ""
        except StanceError as failure:
            statements, error = None, str(failure)
        return row | {"statements": statements, "error": error}

    def classify(self, source: str, target: Path) -> int:
        from .rows import classify_rows
        from .tables import read_numbered
        from .writing import write

        for left in target.parent.glob(f".{target.name}.*.part"):  # by a worker that died
            left.unlink(missing_ok=True)
        rows = ((f"{source}, line {number}", row) for number, row in read_numbered(source, self.text_column))
        return write(classify_rows(self.classifier, rows, self.issues), target, "parquet")
