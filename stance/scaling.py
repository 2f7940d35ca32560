"""Past one machine: many files, many workers, on Ray Data (the extra ``scale``).

A file is the unit of work. Each worker is a process with one model and one processor thread; it reads a file, classifies it and
moves the Parquet file into place when that is whole. So a worker or a machine may die at any moment: its file is
begun again by another, a run that is broken off goes on with the files that are not there yet, and no row is lost or doubled.
A file over which one worker after another dies is given up, and the others go on.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .classifier import Classifier, columns_of, load
from .errors import InputError, MissingExtraError, OutputError, StanceError, check_count
from .issues import Issue, resolve
from .store import DEFAULT
from .tables import ENDINGS

_RETRIES = 3


@dataclass(frozen=True)
class Part:
    """What became of one file.

    Attributes:
        source, target: the file read and the Parquet file it became.
        statements: how many were classified now; None where the file was there already, or failed.
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
            probability. Files that are there already are passed over. One run at a time may write to it.
        issues: as of :func:`stance.classify`.
        model: a bundled name, a folder that every machine sees, or a hub id.
        text_column: the column with the statements, ``text`` if not given.
        workers: processes, each with one thread and about 300 MB; all processors if not given.
        address: a running cluster's, ``"auto"`` on one of its machines or ``"host:6379"``; else Ray starts on this machine,
            unless this process has started it already.

    Yields:
        A :class:`Part` for each file, in no order. A file that cannot be read does not stop the others.

    Raises:
        InputError: no such file, two that would be written to one, a result that is there with other issues, no such cluster.
        MissingExtraError: Ray is not installed.
    """
    # Checked here and not at the first of the results, which nobody may ask for.
    parts = _parts(sources, Path(folder))
    classifier = load(model, threads=1)
    asked = resolve(issues, classifier.issues)
    for issue in asked:
        classifier.check_issue(issue)
    _check_done(parts, asked)
    if workers is not None:
        check_count("workers", workers)
    try:
        import ray.data
    except ImportError:
        raise MissingExtraError("stance.scale", "scale") from None
    # Workers have a working directory of their own.
    name = str(Path(model).resolve()) if Path(model).is_dir() else str(model)
    return _run(ray, parts, (name, asked, text_column), workers, address)


def _parts(sources: Any, folder: Path) -> list[Part]:
    if not isinstance(sources, (str, Path)) and not isinstance(sources, Iterable):
        raise InputError(f"sources are files or folders, got {type(sources).__name__}")
    found: dict[Path, Path] = {}
    for source in [sources] if isinstance(sources, (str, Path)) else sources:
        path = Path(source)
        if not path.exists():
            raise InputError(f"there is no file or folder {str(source)!r}; check the path")
        own = [path]
        if path.is_dir():
            if path.resolve() == folder.resolve():
                raise InputError(f"the results cannot go to {str(folder)!r}, which is read; name another folder")
            own = sorted(file for file in path.iterdir() if file.is_file() and _stem(file) and file.name[0] != ".")
            if not own:
                raise InputError(f"the folder {str(source)!r} holds no file that ends in {', '.join(ENDINGS)}")
        for file in own:
            target = (folder / f"{_stem(file) or file.name}.parquet").absolute()
            if target.resolve() == file.resolve():
                raise InputError(f"{file} would be written over itself; name another folder for the results")
            if found.setdefault(target, file.absolute()) != file.absolute():
                raise InputError(f"{file} and {found[target]} would both become {target}; rename one")
    if not found:
        raise InputError("no source is given; name files or folders")
    return [Part(source, target) for target, source in found.items()]


def _stem(file: Path) -> str:
    """A file's name without the ending of a table or text, and of its compression; "" if it has none of them."""
    name = file.name[:-3] if file.name.lower().endswith(".gz") else file.name
    return next((name[: -len(ending)] for ending in ENDINGS if name.lower().endswith(ending)), "")


def _check_done(parts: Sequence[Part], issues: Sequence[Issue]) -> None:
    """What is there must hold what is asked now."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for part in parts:
        if not part.target.exists():
            continue
        try:
            columns = pq.read_schema(part.target).names  # none where the source was empty
        except (pa.ArrowException, OSError):
            raise InputError(f"{part.target} is no whole Parquet file; delete it, or name another folder") from None
        if columns and (missing := [issue.name for issue in issues if columns_of(issue.name)[0] not in columns]):
            raise InputError(f"{part.target} is there already, without the issue {missing[0]}; delete it, or name another folder")


def _run(ray, parts: Sequence[Part], work: tuple, workers: int | None, address: str | None) -> Iterator[Part]:
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
    if not began and address:
        raise InputError(f"Ray runs in this process already, so the address {address!r} says nothing; leave it out")
    if began:
        try:
            ray.init(address=address, include_dashboard=None if address else False, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # Ray raises many kinds
            what = " ".join(str(error).split())[:200]
            raise InputError(f"no Ray cluster at {address!r} ({what}); start one with: ray start --head") from None
    context = ray.data.DataContext.get_current()
    before = context.enable_progress_bars, context.print_on_execution_start, context.max_errored_blocks
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks = -1  # a file that is given up is one that no result speaks of
    try:
        most = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        rows = [{"source": str(part.source), "target": str(part.target)} for part in waiting]
        lost = {row["source"] for row in rows}
        # Ray Data starts a worker that died anew, and gives it its file again. A worker takes one file at a time, so
        # that a short one does not wait behind a long one.
        pool = ray.data.ActorPoolStrategy(size=min(most, len(rows)), max_tasks_in_flight_per_actor=1)
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            _Worker, fn_constructor_args=work, compute=pool, num_cpus=1, max_restarts=-1, max_task_retries=_RETRIES
        )
        for batch in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for row in batch.to_pylist():
                lost.discard(row["source"])
                yield Part(Path(row["source"]), Path(row["target"]), row["statements"], row["error"])
        for part in waiting:
            if str(part.source) in lost:
                what = f"{_RETRIES + 1} workers died over it, perhaps for want of memory; divide it, or take fewer workers"
                yield Part(part.source, part.target, error=f"{part.source}: {what}")
    finally:
        context.enable_progress_bars, context.print_on_execution_start, context.max_errored_blocks = before
        if began:
            ray.shutdown()


class _Worker:
    """One process of many: a model, and files that come one after another."""

    def __init__(self, model: str, issues: tuple[Issue, ...], text_column: str | None):
        self.model, self.issues, self.text_column = model, issues, text_column
        self.classifier: Classifier | None = None  # loaded with the first file: a worker that fails here looks like a dead one

    def __call__(self, row: dict[str, str]) -> dict[str, Any]:
        try:
            statements, error = self.classify(row["source"], Path(row["target"])), ""
        except StanceError as failure:
            statements, error = None, str(failure)
        except Exception as failure:  # of whatever is in that file, the others know nothing
            statements, error = None, f"{row['source']}: unexpected {type(failure).__name__}: {failure}"
        return row | {"statements": statements, "error": error}

    def classify(self, source: str, target: Path) -> int:
        from .rows import classify_rows, placed
        from .writing import write

        if self.classifier is None:
            try:
                self.classifier = load(self.model, threads=1)
            except StanceError as failure:
                raise StanceError(f"{source}: a worker cannot load the model, which every machine must see: {failure}") from None
        for left in target.parent.glob(glob.escape(f".{target.name}.") + "????????.part"):  # by a worker that died
            left.unlink(missing_ok=True)
        rows = placed(source, self.text_column)
        return write(classify_rows(self.classifier, rows, self.issues, text_column=self.text_column), target, "parquet")
