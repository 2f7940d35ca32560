"""Sentences worth labelling out of running text: ``python -m training.pool FILE ... [--cues REGEX] --out build/pool.jsonl``.

Those that have a cue word, of a key issue if not said otherwise, once each, with their ``context`` and an ``id`` made from
the sentence: so labels can be kept and handed on (``training/corpora/domain-labels.jsonl``) where the text may not be.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stance.errors import InputError, OutputError, StanceError
from stance.tables import read
from stance.writing import replacing

CUES = re.compile(
    r"crimea|sevastopol|territorial integrity|annex"
    r"|\bnato\b|north atlantic (?:treaty|alliance)|euro-?atlantic"
    r"|cease-?fire|truce|cessation of hostilit|armistice|humanitarian pause|lay(?:ing)? down (?:their |its )?(?:arms|weapons)"
    r"|guns"
    r"|stop (?:the|this) (?:war|fighting|killing|bloodshed|violence|attack|aggression|bomb)"
    r"|end (?:the|this) (?:war|fighting|bloodshed|violence)|hostilities|bloodshed|de-?escalat|minsk|withdraw",
    re.I,
)
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“‘])")
_WORDS = range(5, 81)
_BEFORE = 2  # sentences of context


def sentences(paragraphs: Iterable[str], cues: re.Pattern = CUES) -> Iterator[tuple[str, str]]:
    """The sentences of 5 to 80 words that have a cue word, each once, with the end of what stands before in the paragraph."""
    seen = set()
    for paragraph in paragraphs:
        before: list[str] = []
        for sentence in _END.split(" ".join(paragraph.split())):
            if len(sentence.split()) in _WORDS and cues.search(sentence) and sentence not in seen:
                seen.add(sentence)
                yield sentence, " ".join(before[-_BEFORE:])
            before.append(sentence)


def identifier(sentence: str) -> str:
    """The id of a sentence: the beginning of its SHA-256."""
    return "dm-" + hashlib.sha256(sentence.encode("utf-8", "replace")).hexdigest()[:10]


def write_rows(rows: Iterable[dict], out: Path) -> None:
    """Write JSON lines, into a folder that is made if need be.

    Raises:
        OutputError: they cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out.parent} cannot be made: {error.strerror or error}") from None
    with replacing(out) as file:
        file.writelines((json.dumps(row, default=str) + "\n").encode() for row in rows)


def agreeing(said: Sequence[tuple[str, str, str]]) -> list[int]:
    """Which of (text, target, label) have one label only for their text, capitals and spaces apart, and target."""
    keys, given = [(" ".join(text.lower().split()), target) for text, target, _ in said], defaultdict(set)
    for key, (_, _, label) in zip(keys, said, strict=True):
        given[key].add(label)
    return [n for n, key in enumerate(keys) if len(given[key]) == 1]


def _pattern(cues: str) -> re.Pattern:
    try:
        return re.compile(cues, re.I)
    except re.error as error:
        raise InputError(f"--cues is a regular expression, got {cues!r} ({error}); e.g. --cues 'sanction|embargo'") from None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.pool", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="text, one paragraph a line, or a file with a column text")
    parser.add_argument("--out", type=Path, default=Path("build/pool.jsonl"))
    parser.add_argument(
        "--cues", metavar="REGEX", help="what a sentence must have, capitals or not; without it, the key issues' cues"
    )
    options = parser.parse_args(arguments)
    try:
        cues = _pattern(options.cues) if options.cues else CUES
        found = sentences((str(row["text"] or "") for file in options.files for row in read(file)), cues)
        rows = ({"id": identifier(sentence), "text": sentence, "context": context} for sentence, context in found)
        write_rows(rows, options.out)
    except StanceError as error:
        print(f"pool: {error}", file=sys.stderr)
        return 2
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
