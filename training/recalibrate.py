"""Probabilities that fit your text: ``python -m training.recalibrate MODEL CORPUS ... --out FOLDER``.

A model folder's calibration is fitted anew on a labelled corpus, on which it is measured too. Labels and weights stay as
they are; an issue that the corpus does not label has the default temperature from then on. Some hundred labelled
statements that the model was not trained on, like those to come, are enough for a few parameters.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np

from stance.errors import InputError
from stance.evaluation.corpus import parse_map, read_corpus
from stance.evaluation.metrics import scores as measure
from stance.evaluation.validation import check_corpus
from stance.issues import Issue
from stance.store import find, sha256, verify
from stance.tokens import Tokens

from .calibrate import cross_fitted_error, fit_calibration
from .card import write_card
from .train import check_out, exported_logits, replacing, report


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
    if errors := check_corpus(corpora, (), issues, columns or {}, labels or {}).errors:
        raise InputError("\n  ".join(errors[:10]))
    corpus = read_corpus(corpora, issues, columns or {}, labels or {})
    if len(set(corpus.documents)) < 2:
        raise InputError(f"{', '.join(corpora)}: all rows are of one document; intervals need several: mend the column doc")
    logits = exported_logits(source, Tokens.of(source), corpus)
    with replacing(out) as building:
        shutil.copytree(source, building, dirs_exist_ok=True)
        fit_calibration(logits, corpus).write(building / "calibration.json")
        figures = measure(corpus.labels, logits.argmax(-1), np.array(corpus.documents))
        about["validation"] |= {
            "corpus": ", ".join(corpora),
            "statements": len(corpus),
            "documents": len(set(corpus.documents)),
            "scores": {name: figure.to_dict() for name, figure in figures.items()},
            "calibration_error_cross_fitted": round(cross_fitted_error(logits, corpus), 4),
        }
        path = building / "calibration.json"
        about["files"][path.name] = {"sha256": sha256(path), "bytes": path.stat().st_size}
        (building / "manifest.json").write_text(json.dumps(about, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        write_card(building, about)
    return about


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.recalibrate", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="a model folder, a bundled name or a hub id")
    parser.add_argument("corpus", nargs="+", metavar="CORPUS", help="labelled statements that it was not trained on")
    several = {"nargs": "+", "action": "extend"}
    parser.add_argument("--columns", **several, metavar="OURS=THEIRS", help="what the corpora call a column: text=sentence")
    parser.add_argument("--labels", **several, metavar="THEIRS=OURS", help="what their labels are called here: pro=favor")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the model folder; may be MODEL itself")
    options = parser.parse_args(arguments)

    def run() -> tuple[Path, dict]:
        out = check_out(options.out)
        columns, labels = parse_map("columns", options.columns), parse_map("labels", options.labels)
        return out, recalibrate(find(options.model), options.corpus, out, columns, labels)

    return report(run)


if __name__ == "__main__":
    sys.exit(main())
