"""Probabilities that fit your text: ``python -m training.recalibrate MODEL [CORPUS ...] [--unseen FILE ...] --out FOLDER``.

A model folder's calibration is fitted anew on a labelled corpus, on which it is measured too. Labels and weights stay as
they are; an issue that the corpus does not label has the default temperature from then on. Some hundred labelled
statements that the model was not trained on, like those to come, are enough for a few parameters.

``--unseen`` fits that default, which issues of a user's own have, on statements about issues that the model was not trained
on: there it is right less often than on its own, and should not say that it is as sure.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from stance.calibration import Calibration
from stance.errors import InputError
from stance.evaluation.corpus import MISSING, Corpus, parse_map, read_corpus
from stance.issues import Issue
from stance.store import find, verify
from stance.tokens import Tokens

from .calibrate import fit_calibration, fit_default
from .train import (
    about_file,
    add_renamings,
    check,
    check_documents,
    check_out,
    exported_logits,
    measured,
    replacing,
    report,
    write_manifest,
)


def recalibrate(
    source: Path,
    corpora: list[str],
    unseen: list[str],
    out: Path,
    columns: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
) -> dict:
    """Write the model folder ``out``, which is ``source`` with a new calibration; returns its manifest.

    Args:
        corpora: what the temperatures of the model's issues are fitted on; none leaves them as they are.
        unseen: what the default temperature is fitted on; none leaves one that was so fitted as it is.
        columns, labels: what ``corpora`` call things.

    Raises:
        InputError: a corpus that cannot be used, with file and line; or all its rows are of one document; or no corpus.
        ModelError: the source is no whole model, or has no ONNX file.
    """
    if not corpora and not unseen:
        raise InputError("there is nothing to calibrate on; name labelled statements, or --unseen FILE")
    about = verify(source, ("config.json", "tokenizer.json", "calibration.json", "model.onnx"))
    fitted, told = Calibration.read(source / "calibration.json"), about["validation"]
    tokens = Tokens.of(source)
    if corpora:
        corpus = _read(corpora, [Issue(*item) for item in about["issues"].items()], columns or {}, labels or {})
        logits = exported_logits(source, tokens, corpus)
        own = fit_calibration(logits, corpus)
        fitted = replace(own, default=fitted.default) if "unseen" in told else own
        told |= {"corpus": ", ".join(corpora)} | measured(logits, corpus)
    if unseen:
        corpus = _read(unseen, [], {}, {})
        for issue in corpus.issues:
            if issue.proposition in about["issues"].values():
                raise InputError(f"the model was trained on {issue.proposition!r}; take it out of {', '.join(unseen)}")
        logits = exported_logits(source, tokens, corpus)
        fitted = replace(fitted, default=fit_default(logits, corpus))
        there = corpus.labels != MISSING
        told["unseen"] = {
            "corpora": unseen,
            "statements": len(corpus),
            "propositions": len(corpus.issues),
            "labels": int(there.sum()),
            "right": round(float((logits.argmax(-1) == corpus.labels)[there].mean()), 4),
        }
    with replacing(out) as building:
        shutil.copytree(source, building, dirs_exist_ok=True)
        path = building / "calibration.json"
        fitted.write(path)
        about["files"][path.name] = about_file(path)
        write_manifest(building, about)
    return about


def _read(source: list[str], issues: list[Issue], columns: dict[str, str], labels: dict[str, str]) -> Corpus:
    check(source, issues, columns, labels)
    corpus = read_corpus(source, issues, columns, labels)
    check_documents(corpus, ", ".join(source))
    return corpus


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.recalibrate", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="a model folder, a bundled name or a hub id")
    parser.add_argument("corpus", nargs="*", metavar="CORPUS", help="labelled statements that it was not trained on")
    parser.add_argument(
        "--unseen", nargs="+", action="extend", default=[], metavar="FILE", help="the like, on issues it never saw"
    )
    add_renamings(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the model folder; may be MODEL itself")
    options = parser.parse_args(arguments)

    def run() -> tuple[Path, dict]:
        out = check_out(options.out)
        columns, labels = parse_map("columns", options.columns), parse_map("labels", options.labels)
        return out, recalibrate(find(options.model), options.corpus, options.unseen, out, columns, labels)

    return report(run)


if __name__ == "__main__":
    sys.exit(main())
