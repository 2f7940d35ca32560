"""Probabilities that fit your text: ``python -m training.recalibrate MODEL CORPUS ... --out FOLDER``.

A model folder's calibration is fitted anew on a labelled corpus, on which it is measured too. Labels and weights stay as
they are; an issue that the corpus does not label has the default temperature from then on. Some hundred labelled
statements that the model was not trained on, like those to come, are enough for a few parameters.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from stance.evaluation.corpus import parse_map, read_corpus
from stance.issues import Issue
from stance.store import find, verify
from stance.tokens import Tokens

from .calibrate import fit_calibration
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
    source: Path, corpora: list[str], out: Path, columns: dict[str, str] | None = None, labels: dict[str, str] | None = None
) -> dict:
    """Write the model folder ``out``, which is ``source`` with a new calibration; returns its manifest.

    Raises:
        InputError: a corpus that cannot be used, with file and line; or all its rows are of one document.
        ModelError: the source is no whole model, or has no ONNX file.
    """
    about = verify(source, ("config.json", "tokenizer.json", "model.onnx"))
    issues = [Issue(*item) for item in about["issues"].items()]
    check(corpora, issues, columns or {}, labels or {})
    corpus = read_corpus(corpora, issues, columns or {}, labels or {})
    check_documents(corpus, ", ".join(corpora))
    logits = exported_logits(source, Tokens.of(source), corpus)
    with replacing(out) as building:
        shutil.copytree(source, building, dirs_exist_ok=True)
        path = building / "calibration.json"
        fit_calibration(logits, corpus).write(path)
        about["validation"] |= {"corpus": ", ".join(corpora)} | measured(logits, corpus)
        about["files"][path.name] = about_file(path)
        write_manifest(building, about)
    return about


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.recalibrate", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="a model folder, a bundled name or a hub id")
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="labelled statements that it was not trained on")
    add_renamings(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the model folder; may be MODEL itself")
    options = parser.parse_args(arguments)

    def run() -> tuple[Path, dict]:
        out = check_out(options.out)
        columns, labels = parse_map("columns", options.columns), parse_map("labels", options.labels)
        return out, recalibrate(find(options.model), options.corpus, out, columns, labels)

    return report(run)


if __name__ == "__main__":
    sys.exit(main())
