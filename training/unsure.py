"""What to label next: ``python -m training.unsure FILE ... --out build/unsure.jsonl [--most N] [--without CORPUS ...]``.

Of unlabelled text, the statements that a model is least sure of on any issue (uncertainty sampling, Lewis & Gale 1994): there a
label teaches most. They are written as they came, the least sure first, without the model's answer, which would sway who labels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import stance
from stance.errors import InputError, StanceError
from stance.evaluation.duplicates import near_duplicates
from stance.store import DEFAULT
from stance.tables import read

from .pool import write_rows
from .train import positive


def unsure(rows: list[dict], model: stance.Classifier, below: float = 1.0) -> list[dict]:
    """The rows, each text once, whose least probability of an answer is under ``below``; the least sure first."""
    once = list({row["text"]: row for row in rows if isinstance(row["text"], str) and row["text"].strip()}.values())
    found = model.classify([row["text"] for row in once])
    least = [min(answer.probability for answer in statement) for statement in found]
    return [once[n] for n in sorted(range(len(once)), key=least.__getitem__) if least[n] < below]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.unsure", description=__doc__)
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="unlabelled text: a statement a line, or a table with a column text"
    )
    parser.add_argument("--model", default=DEFAULT, help="a bundled name, a model folder or a hub id")
    parser.add_argument("--below", type=float, default=1.0, metavar="P", help="only where an answer is less probable than this")
    parser.add_argument("--most", type=positive, metavar="N", help="so many at most")
    parser.add_argument("--without", nargs="+", default=[], metavar="FILE", help="leave out what stands there, wholly or nearly")
    parser.add_argument("--out", type=Path, required=True, help="a JSONL file")
    options = parser.parse_args(arguments)
    try:
        if not 0 < options.below <= 1:
            raise InputError(f"--below is a probability over 0 and up to 1, got {options.below}")
        model = stance.load(options.model)
        found = unsure([row for file in options.files for row in read(file)], model, options.below)
        known = [row["text"] for file in options.without for row in read(file)]
        shared = {n for n, _ in near_duplicates([row["text"] for row in found], known, words=8)}
        kept = [row for n, row in enumerate(found) if n not in shared][: options.most]
        write_rows(kept, options.out)
    except StanceError as error:
        print(f"unsure: {error}", file=sys.stderr)
        return 2
    print(f"{len(kept)} statements written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
