"""How long one sentence takes from nothing, against transformers with the same weights: ``python -m training.coldstart``.

Both are whole processes, run in turn in one call; the figure is the median ratio. The rival is what one would write
without this package: torch and transformers imported, the same weights loaded from ``model.safetensors``, the
sentence classified on all three issues.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import numpy as np

import stance

SENTENCE = "Ankara will not recognise the annexation of Crimea."
OURS = "from stance.cli import main; main()"
RIVAL = """
import sys, torch
from transformers import PreTrainedTokenizerFast
from stance.backends.torch import load_model
from stance.packing import pack
from pathlib import Path
folder, sentence, propositions = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
encode = lambda text: [101, *tokenizer(text, add_special_tokens=False)["input_ids"], 102]
model = load_model(folder)
batch = pack([encode(sentence)], [encode(proposition) for proposition in propositions])
with torch.inference_mode():
    print(model(**{name: torch.from_numpy(array) for name, array in batch.inputs().items()}).softmax(-1))
"""


def measure(model: str, pairs: int) -> dict:
    """Median seconds of each and the median ratio of the pairs."""
    classifier = stance.load(model)
    propositions = [issue.proposition for issue in classifier.issues]
    ours = [sys.executable, "-c", OURS, "classify", SENTENCE, "--model", model]
    rival = [sys.executable, "-c", RIVAL, str(classifier.folder), SENTENCE, *propositions]
    times = []
    for turn in range(pairs + 1):
        row = []
        for command in (ours, rival):
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            row.append(time.perf_counter() - began)
        if turn:  # the first pair only warms the disk cache
            times.append(row)
    seconds = np.array(times)
    return {
        "pairs": pairs,
        "ratio_median": round(float(np.median(seconds[:, 1] / seconds[:, 0])), 2),
        "ratio_least": round(float((seconds[:, 1] / seconds[:, 0]).min()), 2),
        "seconds_median": dict(zip(("stance", "transformers"), np.median(seconds, axis=0).round(2).tolist(), strict=True)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m training.coldstart", description=__doc__)
    parser.add_argument("--model", default="stance-mini")
    parser.add_argument("--pairs", type=int, default=9)
    options = parser.parse_args()
    print(json.dumps(measure(options.model, options.pairs), indent=2))
