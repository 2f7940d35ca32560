"""Statements and claims out of public stance sets, to train on before the issues: ``python -m training.claims FOLDER``.

``FOLDER`` holds one folder a set, as the benchmarks' ``public.md`` describes. Taken are the sets whose stated licence lets a
model trained on them be handed on: Perspectrum (CC BY-SA 4.0), ProCon20 (MIT), ARC (Apache-2.0), IBM's Claim Stance
(CC BY-SA) and ArgQ-30k (CC BY 3.0); of these, short statements, on claims that touch no issue of the included benchmarks.
``--sets`` takes others, to measure what they are worth: mind their licences before you hand a model on, and name your validation
statements with ``--without`` where a set may hold them too.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from stance.errors import InputError, StanceError
from stance.evaluation.duplicates import near_duplicates
from stance.tables import read

from .pool import agreeing, write_rows
from .train import positive

SETS = ("perspectrum", "procon20", "arc", "ibm_claim_stance", "ibm_argq30k")
# The issues of the included benchmarks: a model that is measured on them must not have been trained on them. (A country's
# bare name, as some sets have it, is none of them.)
TAKEN = re.compile(
    r"death penalty|capital punishment|execut(e|ion) (of )?(prison|crimin)|nuclear (weapon|test|arm|dis|deterr|prolif)|disarm"
    r"|fossil|\boil\b|natural gas|cuba|embargo|palestin|israel|two.state|turk|taiwan|kosov|sahara|\biran|test.ban"
    r"|security council|sanction|ukrain|russia|crimea|\bnato\b|cease|loss and damage|climate.*(pay|compens)|tribunal"
    r"|peacekeep|nuclear umbrella",
    re.I,
)
_NAMES = {"Ukraine", "Russia", "Russian Federation"}
_MOST_WORDS = 45
_STRANGERS = 0.12  # share of statements that are given a claim of their set that is not theirs, as unrelated
_UNRELATED_KEPT = 0.15  # of ARC's, which are three quarters of it

Row = tuple[str, str, str, str]


def rows(folder: Path, split: str, sets: Sequence[str] = SETS) -> Iterator[Row]:
    """(set, text, claim, label) of every set.

    Raises:
        InputError: there is no training split of a set.
    """
    chance = random.Random(0)
    for name in sets:
        files = sorted((folder / name).glob(f"*{split}*.jsonl*"))
        if not files and split == "train":
            raise InputError(f"{folder / name} has no *{split}*.jsonl; name the folder that holds the sets {', '.join(sets)}")
        for file in files:
            for row in read(file):
                if name == "arc" and row["label"] == "unrelated" and chance.random() > _UNRELATED_KEPT:
                    continue
                if len(row["text"].split()) <= _MOST_WORDS and (row["target"] in _NAMES or not TAKEN.search(row["target"])):
                    yield name, row["text"], row["target"], row["label"]


def with_strangers(given: list[Row]) -> list[Row]:
    """The rows, and some of the statements again with another claim of their set."""
    chance, claims = random.Random(1), defaultdict(set)
    for name, _, claim, _ in given:
        claims[name].add(claim)
    order = {name: sorted(own) for name, own in claims.items()}
    own, strangers = {(text, claim) for _, text, claim, _ in given}, []
    for name, text, _, _ in given:
        if name == "arc" or chance.random() > _STRANGERS:
            continue
        if (text, other := chance.choice(order[name])) not in own:
            strangers.append((name, text, other, "unrelated"))
    return given + strangers


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.claims", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the folder that holds the public sets")
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="SET", help=f"(default: {' '.join(SETS)})")
    parser.add_argument("--most", type=positive, metavar="N", help="so many statements at random, not all")
    parser.add_argument("--without", nargs="+", default=[], metavar="FILE", help="leave out what stands there, wholly or nearly")
    parser.add_argument("--out", type=Path, default=Path("build"), help="where claims.jsonl and claims-held.jsonl go")
    options = parser.parse_args(arguments)
    try:
        held = [row for row in rows(options.folder, "validation") if row[0] == "ibm_argq30k"]
        once = list(dict.fromkeys(rows(options.folder, "train", options.sets)))
        given = [once[n] for n in agreeing([row[1:] for row in once])]
        texts, apart = [row[1] for row in given], [row["text"] for file in options.without for row in read(file)]
        # The sets quote one another.
        shared = {n for n, _ in near_duplicates(texts, [row[1] for row in held], words=8) + near_duplicates(texts, apart)}
        kept = [row for n, row in enumerate(given) if n not in shared]
        if not kept:
            raise InputError(f"no short statement of {', '.join(options.sets)} is on a claim that the benchmarks leave free")
        if options.most and options.most < len(kept):
            kept = random.Random(0).sample(kept, options.most)
        kept = with_strangers(kept)
        for file, part in (("claims.jsonl", kept), ("claims-held.jsonl", held)):
            write_rows(({"text": text, "target": claim, "label": label} for _, text, claim, label in part), options.out / file)
            print(f"{len(part)} statements in {options.out / file}")
    except StanceError as error:
        print(f"claims: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
