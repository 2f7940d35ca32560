"""The classifier: texts in, stances out, in order, in batches, streamed where the input streams."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .calibration import Calibration
from .errors import InputError, MissingExtraError, check_count
from .issues import Issue, resolve
from .packing import pack
from .result import LABELS, Stance, Statement
from .store import DEFAULT, find, verify
from .tokens import Tokens, clean

_WINDOW = 16  # batches sorted by length together: little padding, and a stream still flows
_BAR_FROM = 200  # statements, below which no progress bar is worth its flicker


class Classifier:
    """A loaded model.

    Args:
        folder: a model folder (see :func:`load` for names and hub ids).
        backend: ``"onnx"`` (CPU; no torch) or ``"torch"`` (GPU where there is one; the extra ``train``).
        threads: processor threads; as many as there are cores if not given.

    Attributes:
        issues: those it asks when no others are given.
        manifest: what the model was made of and how it measured.
    """

    def __init__(self, folder: Path | str, backend: Literal["onnx", "torch"] = "onnx", threads: int | None = None):
        self.folder = Path(folder)
        if threads is not None:
            check_count("threads", threads)
        if backend not in ("onnx", "torch"):
            raise InputError(f"backend {backend!r} is not known; allowed: 'onnx', 'torch'")
        weights = "model.onnx" if backend == "onnx" else "model.safetensors"
        self.manifest = verify(self.folder, ("config.json", "tokenizer.json", "calibration.json", weights))
        self.issues = tuple(Issue(name, proposition) for name, proposition in self.manifest["issues"].items())
        self._tokens = Tokens.of(self.folder)
        self._calibration = Calibration.read(self.folder / "calibration.json")
        self._run = _backend(self.folder, backend, threads)

    def classify(
        self,
        texts: Any,
        issues: str | Issue | Iterable[str | Issue] | None = None,
        *,
        context: str | Sequence[str] | None = None,
        abstain_below: float = 0.0,
        text_column: str = "text",
        batch_size: int = 32,
        progress: bool | None = None,
    ) -> Any:
        """Say where each statement stands on each issue.

        Args:
            texts: one statement; or a list or other collection of them; or an iterator, which is streamed; or a pandas or
                polars frame. A statement is a sentence or short passage.
            issues: names and :class:`~stance.Issue` objects; the model's own if not given.
            context: what was said before the statement, to resolve "it" and "they"; one for all, or one for each.
            abstain_below: where the likeliest label's probability is lower, its label is None.
            text_column: a frame's column with the statements.
            batch_size: statements a pass, fewer where they are long; changes speed and memory, never a result.
            progress: show a progress bar; by default on long work at a terminal.

        Returns:
            A :class:`~stance.Statement` for a text, a list of them for a collection (same order), an iterator for an iterator;
            for a frame, that frame with ``<issue>_label`` and ``<issue>_probability`` added, and a warning where texts are
            longer than the model reads.

        Raises:
            InputError: blank or other than text, with its place; a bad option.
            IssueError: an unknown issue, one named twice.
        """
        asked = resolve(issues, self.issues)
        if not isinstance(abstain_below, Real) or isinstance(abstain_below, bool) or not 0 <= abstain_below <= 1:
            raise InputError(f"abstain_below is a probability from 0 to 1, got {abstain_below!r}")
        check_count("batch_size", batch_size)
        if context is not None and not isinstance(context, Iterable):
            raise InputError(f"context is text, or one text for each statement, got {context!r}")
        options = (asked, float(abstain_below), int(batch_size))
        if isinstance(texts, str):
            if context is not None and not isinstance(context, str):
                raise InputError("one text takes one context, which must be text")
            return next(self._stream(iter([texts]), context, *options))
        if isinstance(texts, (bytes, bytearray)):
            raise InputError('texts must be text, got bytes; decode them first, e.g. data.decode("utf-8")')
        if hasattr(texts, "columns"):
            return self._classify_frame(texts, text_column, context, progress, *options)
        if not isinstance(texts, Iterable) or isinstance(texts, dict):
            raise InputError(f"texts must be a text, a list, an iterator or a frame, got {type(texts).__name__}")
        if isinstance(texts, Iterator):
            return self._stream(texts, context, *options)
        return self._classify_list(list(texts), context, progress, *options)

    def check_issue(self, issue: Issue) -> None:
        """Raises IssueError if the issue's proposition is longer than this model reads."""
        self._tokens.proposition(issue.proposition)

    def _classify_list(self, texts: list, context, progress: bool | None, *options) -> list[Statement]:
        if context is not None and not isinstance(context, str):
            context = list(context)
            if len(context) != len(texts):
                raise InputError(f"{len(texts)} texts but {len(context)} contexts; give one for each, or one for all")
        results = self._stream(iter(texts), context, *options)
        if progress is None:
            progress = len(texts) >= _BAR_FROM and sys.stderr.isatty()
        return list(track(results, len(texts)) if progress else results)

    def _classify_frame(self, frame, text_column: str, context, progress, asked, *options):
        import narwhals as nw

        try:
            table = nw.from_native(frame, eager_only=True)
        except TypeError:
            raise InputError(
                f"a {type(frame).__name__} is no frame that can be read; "
                "give a pandas or polars DataFrame (a lazy one: .collect() first)"
            ) from None
        if not isinstance(text_column, str) or text_column not in table.columns:
            raise InputError(
                f"the frame has no column {text_column!r}; it has: {', '.join(map(str, table.columns))}. "
                'Say which one holds the text: text_column="..."'
            )
        for issue in asked:
            for column in columns_of(issue.name):
                if column in table.columns:
                    raise InputError(f"the frame has a column {column!r} already; rename it, so that nothing is lost")
        if isinstance(context, str) and context in table.columns:
            raise InputError(f"context is text, and {context!r} is a column; type context=frame[{context!r}]")
        statements = self._classify_list(table[text_column].to_list(), context, progress, asked, *options)
        if cut := [n for n, statement in enumerate(statements, 1) if statement.truncated]:
            warnings.warn(
                f"{len(cut)} of {len(statements)} texts are longer than the model reads (the first is text {cut[0]}) and were "
                "judged by their beginning; divide them into sentences or short passages",
                stacklevel=3,  # whoever called classify
            )
        backend = table.implementation
        added = []
        for issue in asked:
            label, probability = columns_of(issue.name)
            stances = [statement[issue.name] for statement in statements]
            added.append(nw.new_series(label, [s.label for s in stances], nw.String, backend=backend))
            added.append(nw.new_series(probability, [s.probability for s in stances], nw.Float64, backend=backend))
        if backend.is_pandas():  # keep the frame's own index, whatever it is
            index = nw.to_native(table).index
            added = [nw.from_native(s.to_native().set_axis(index), series_only=True) for s in added]
        return table.with_columns(*added).to_native()

    def _stream(self, texts: Iterator, context, asked, abstain_below, batch_size) -> Iterator[Statement]:
        blocks = [self._tokens.proposition(issue.proposition) for issue in asked]
        contexts = itertools.repeat(context or "") if context is None or isinstance(context, str) else iter(context)
        numbered = enumerate(texts)
        while window := list(itertools.islice(numbered, _WINDOW * batch_size)):
            given = [check(text, f"text {n + 1}") for n, text in window]
            try:
                before = [next(contexts) for _ in window]
            except StopIteration:
                raise InputError(f"there are more texts than contexts; text {window[-1][0] + 1} has none") from None
            for (n, _), one in zip(window, before, strict=True):
                if not isinstance(one, str):
                    raise InputError(f"the context of text {n + 1} is {one!r}, not text; an empty one is ''")
            ids, cut = self._tokens.statements(given, before)
            places: dict[tuple[int, ...], list[int]] = {}  # what stands there twice is read once
            for n, own in enumerate(ids):
                places.setdefault(tuple(own), []).append(n)
            probabilities = np.empty((len(ids), len(asked), len(LABELS)))
            for part in passes(sorted(places, key=len), batch_size, sum(map(len, blocks)), self._run.most_tokens):
                logits = self._run(pack(part, blocks, self._tokens.pad))
                for own, row in zip(part, self._calibration(logits, [issue.name for issue in asked]), strict=True):
                    probabilities[places[own]] = row
            for text, was_cut, rows in zip(given, cut, probabilities, strict=True):
                stances = tuple(_stance(issue.name, row, abstain_below) for issue, row in zip(asked, rows, strict=True))
                yield Statement(text, stances, was_cut)


def passes(statements: Sequence[Sequence[int]], most: int, tail: int, tokens: int) -> Iterator[Sequence[Sequence[int]]]:
    """Statements, shortest first, in passes of at most so many, and of few enough tokens that memory stays small.

    Args:
        tail: tokens of the issues behind each statement.
        tokens: most tokens of a pass of several, padding included.
    """
    begin = 0
    for end, statement in enumerate(statements):
        count = end - begin + 1
        if count > 1 and (count > most or count * (len(statement) + tail) > tokens):
            yield statements[begin:end]
            begin = end
    if begin < len(statements):
        yield statements[begin:]


def _stance(issue: str, row: np.ndarray, abstain_below: float) -> Stance:
    best = int(row.argmax())
    probability = float(row[best])
    label = LABELS[best] if probability >= abstain_below else None
    return Stance(issue, label, probability, dict(zip(LABELS, map(float, row), strict=True)))


def check(text: Any, where: str) -> str:
    """A statement as it was given, if it is one.

    Raises:
        InputError: not text, or nothing to read in it.
    """
    if not isinstance(text, str):
        raise InputError(f"{where} is {type(text).__name__} {str(text)[:40]!r}, not text; drop such rows or turn them into text")
    if not clean(text):
        raise InputError(f"{where} is blank; drop blank rows before classifying")
    return text


def columns_of(issue: str) -> tuple[str, str]:
    """The table columns that hold an issue's label and its probability."""
    return f"{issue}_label", f"{issue}_probability"


def track(items: Iterable, total: int | None) -> Iterator:
    """Pass items on, with a progress bar on standard error."""
    from rich.console import Console
    from rich.progress import track as bar

    yield from bar(items, "Classifying", total=total, console=Console(stderr=True), transient=True)


def _backend(folder: Path, backend: str, threads: int | None):
    if backend == "onnx":
        from .backends.onnx import OnnxBackend

        return OnnxBackend(folder, threads)
    try:
        from .backends.torch import TorchBackend
    except ImportError:
        raise MissingExtraError('backend="torch"', "train") from None
    return TorchBackend(folder, threads=threads)


def load(name: str | Path = DEFAULT, backend: Literal["onnx", "torch"] = "onnx", threads: int | None = None) -> Classifier:
    """Load a model: a bundled name, a folder, or a hub id ``org/name``; ``backend`` and ``threads`` as of :class:`Classifier`.

    Raises:
        ModelError: there is none, or a file of it is missing or altered.
    """
    return Classifier(find(name), backend, threads)
