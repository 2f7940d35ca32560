"""How fast the shipped model is: ``python -m training.bench CORPUS [--threads 1 2] [--rivals] [--train CORPUS] [-o FOLDER]``.

All systems run in one process, in turn, round after round, so that a busy machine slows them alike; what is reported are
medians, and medians of each round's ratio. The text is a labelled corpus, in its own lengths and order. ``--rivals`` adds what
one would pick instead (training/rivals.py), some of it with random weights, which cost the same time; it takes minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import stance
from stance.classifier import Classifier
from stance.errors import InputError, StanceError
from stance.evaluation.corpus import Corpus, read_corpus
from stance.evaluation.measurement import evaluate
from stance.evaluation.plots import figure_class
from stance.issues import Issue
from stance.store import find

from . import roofline
from .train import positive

TFIDF, PROBE = "TF-IDF and logistic regression", "MiniLM and logistic regression"
_FEW = 8  # statements that the slowest systems are given
_LEAST = 64
_MOST_WORDS = 150
_OTHERS = (
    "Sanctions on Russia should be lifted.",
    "The two states should recognise each other.",
    "Foreign troops should leave the country.",
    "The treaty should be ratified by parliament.",
    "The embassy should be moved to the capital.",
    "The border should be opened for trade.",
    "Arms deliveries to the government should stop.",
    "An international inquiry should be set up.",
    "The election should be held again.",
)


def timed(run: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Seconds a statement."""
    began = time.perf_counter()
    run(texts)
    return (time.perf_counter() - began) / len(texts)


def in_turn(systems: dict[str, tuple[Callable, Sequence[str]]], rounds: int) -> dict[str, np.ndarray]:
    """(rounds,) seconds a statement of each system; a first round only warms up."""
    found: dict[str, list[float]] = {name: [] for name in systems}
    for turn in range(rounds + 1):
        for name, (run, texts) in systems.items():
            seconds = timed(run, texts[:_FEW] if not turn else texts)
            if turn:
                found[name].append(seconds)
    return {name: np.array(values) for name, values in found.items()}


def speed(model: str, corpus: Corpus, threads: int, rounds: int, rivals: bool, beside: Sequence[str] = ()) -> dict:
    """Statements/s of the model and of what one would pick instead, and how many times as fast the model is on the same texts."""
    classifier = stance.load(model, threads=threads)
    texts, issues = list(corpus.texts), classifier.issues

    def own(given: Sequence[str]) -> object:
        return classifier.classify(list(given), progress=False)

    def each(given: Sequence[str]) -> object:
        return [classifier.classify(list(given), [issue], progress=False) for issue in issues]

    others = {"a pass an issue, same weights and runtime": (each, texts)}
    for name in beside:
        second = stance.load(name, threads=threads)
        others[name] = (lambda given, own=second: own.classify(list(given), progress=False), texts[: 8 * _FEW])
    if rivals:
        import torch

        from . import rivals as other

        torch.set_num_threads(threads)
        folder = find(model)
        some, few = texts[: 8 * _FEW], texts[:_FEW]
        others |= {
            "float32 PyTorch, one statement after another": (other.torch_loop(folder, issues), some),
            "a pass an issue, transformers pipeline": (other.pipeline_pairs(folder, issues), some),
            "zero-shot, DeBERTa-v3-base": (other.zero_shot(folder, issues, "deberta-v3-base"), few),
            "zero-shot, BART-large": (other.zero_shot(folder, issues, "bart-large"), few),
            PROBE: (other.frozen_encoder(texts, corpus.labels), texts),
            TFIDF: (other.tfidf(texts, corpus.labels), texts),
        }
    # A rival that is slow gets few texts; so it is compared with the model on the same few.
    counts = sorted({len(given) for _, given in others.values()} | {len(texts)})
    systems = {f"stance {count}": (own, texts[:count]) for count in counts} | others
    found = in_turn(systems, rounds)
    rows = {"stance": found[f"stance {len(texts)}"]} | {name: found[name] for name in others}
    return {
        name: {
            "statements_per_second": round(float(1 / np.median(seconds)), 1),
            "stance_times_as_fast": round(
                float(np.median(seconds / found[f"stance {len(systems.get(name, (0, texts))[1])}"])), 2
            ),
            "statements": len(systems.get(name, (0, texts))[1]),
        }
        for name, seconds in rows.items()
    }


def one_statement(classifier: Classifier, texts: Sequence[str], most: int = 200) -> dict:
    """Milliseconds from a call with one statement to its answer, in a warm process."""
    seconds = [timed(lambda given: classifier.classify(given[0]), [text]) for text in texts[:most]]
    return {f"p{q}_ms": round(float(np.percentile(seconds[5:], q)) * 1000, 2) for q in (50, 95)}


def by_issues(classifier: Classifier, texts: Sequence[str], rounds: int) -> dict:
    """Cost of K issues against that of one, and of the tenth against nine."""
    extra = [Issue(f"other {n}", text) for n, text in enumerate(_OTHERS)]
    extra += [Issue(f"more {n}", f"It is right that {text[0].lower()}{text[1:]}") for n, text in enumerate(_OTHERS * 2)]
    every = [*classifier.issues, *extra]
    counts = (1, 3, 9, 10, 30)
    systems = {
        str(count): ((lambda given, own=every[:count]: classifier.classify(list(given), own, progress=False)), texts[:256])
        for count in counts
    }
    found = in_turn(systems, rounds)
    costs = {f"{count}_over_1": round(float(np.median(found[str(count)] / found["1"])), 2) for count in counts[1:]}
    return costs | {"tenth_over_nine": round(float(np.median(found["10"] / found["9"])) - 1, 3)}


def by_words(classifier: Classifier, texts: Sequence[str], rounds: int) -> dict:
    """Statements/s of statements of so many words, of which the model reads 256 tokens, about 180 words."""
    words, systems = np.array(" ".join(texts).split()), {}
    for count in (10, 25, 50, 100, 200, 500):
        own = [" ".join(words[(37 * n + np.arange(count)) % len(words)]) for n in range(max(8, 1600 // count))]
        systems[str(count)] = (lambda given: classifier.classify(list(given), progress=False), own)
    return {f"{count}_words": round(float(1 / np.median(s)), 1) for count, s in in_turn(systems, rounds).items()}


_MEMORY = """
import resource, sys
from pathlib import Path
import stance
lines = int(sys.argv[2])
texts = (f"Delegation {n} said that {'the fighting should stop ' * (n % 9 + 1)}at once." for n in range(lines))
for statement in stance.load(sys.argv[1]).classify(texts):
    pass
status = Path("/proc/self/status")  # rusage starts with what the process that began this one had
lines = status.read_text().splitlines() if status.exists() else []
high = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
print((high[0] if high else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024)
"""


def memory(model: str, counts: Sequence[int] = (500, 5000)) -> dict:
    """Peak resident megabytes of a process that streams so many statements: flat if it does not grow with them."""
    found = {}
    for count in counts:
        run = subprocess.run([sys.executable, "-c", _MEMORY, model, str(count)], check=True, capture_output=True, text=True)
        found[f"{count}_statements_mb"] = round(float(run.stdout))
    return found


def quality(model: str, corpus: Corpus, train: str) -> dict[str, tuple[float, float, float]]:
    """Macro-F1, issues pooled, of the model and of the baselines trained on another corpus: value and 95 % interval."""
    report = evaluate(corpus, model, train=train)
    rows = {"stance": report.scores, TFIDF: report.baselines.get("tfidf"), PROBE: report.baselines.get("probe")}
    found = {name: scores["macro_f1"] for name, scores in rows.items() if scores}
    return {name: (round(f.value, 3), round(f.low, 3), round(f.high, 3)) for name, f in found.items()}


def draw(found: dict, threads: int, path: Path) -> None:
    """Statements/s against macro-F1; what has random weights here has no quality, and is a line."""
    figure = figure_class()(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, row in found[f"{threads} threads"]["speed"].items():
        rate = row["statements_per_second"]
        if name in found["quality"]:
            value, low, high = found["quality"][name]
            axes.errorbar(rate, value, [[value - low], [high - value]], fmt="o", capsize=3)
            axes.annotate(name, (rate, value), textcoords="offset points", xytext=(-7, 5), ha="right", fontsize=8)
        elif "zero-shot" in name:
            axes.axvline(rate, color="#8a8a8a", linestyle=":")
            axes.annotate(
                name, (rate, 0.02), xycoords=("data", "axes fraction"), rotation=90, fontsize=8, ha="right", va="bottom"
            )
    axes.set(
        xscale="log",
        xlabel=f"statements a second on three issues, {threads} threads",
        ylabel="macro-F1, issues pooled (95 % interval)",
        title=f"{found['statements']} statements; dotted: speed alone, random weights",
    )
    figure.savefig(path, dpi=150)


def usable(corpus: Corpus) -> Corpus:
    """Statements that all systems read whole, each once, in their order.

    Raises:
        InputError: too few.
    """
    found = corpus.take([n for n, text in enumerate(corpus.texts) if len(text.split()) <= _MOST_WORDS]).distinct()
    if len(found) < _LEAST:
        raise InputError(f"{len(found)} different statements of up to {_MOST_WORDS} words are too few to time; give {_LEAST}")
    return found


def measure(model: str, corpus: Corpus, threads: Sequence[int], rounds: int, rivals: bool, beside: Sequence[str] = ()) -> dict:
    """Everything, as one dictionary."""
    folder = find(model)
    found: dict = {"model": model, "statements": len(corpus), "rounds": rounds}
    found["bytes"] = {
        path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.suffix in (".onnx", ".safetensors")
    }
    for number in threads:
        classifier = stance.load(model, threads=number)
        found[f"{number} threads"] = {
            "speed": speed(model, corpus, number, rounds, rivals, beside),
            "one_statement": one_statement(classifier, corpus.texts),
            "by_issues": by_issues(classifier, corpus.texts, rounds),
            "by_words": by_words(classifier, corpus.texts, rounds),
            "roofline": roofline.share(classifier, corpus.texts, number, rounds),
        }
    found["memory"] = memory(model)
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.bench", description=__doc__)
    parser.add_argument(
        "corpus", metavar="CORPUS", nargs="?", help="labelled statements, e.g. the real ones or stance/benchmarks/diplomacy.jsonl"
    )
    parser.add_argument("--model", default="stance-mini")
    parser.add_argument("--beside", nargs="+", default=[], metavar="MODEL", help="other models to time in the same rounds")
    parser.add_argument("--threads", nargs="+", type=positive, default=[1, 2])
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--rivals", action="store_true", help="measure what one would pick instead, too")
    parser.add_argument("--stream", type=positive, metavar="N", help="only the memory of a process that streams N statements")
    parser.add_argument("--train", metavar="CORPUS", help="what to train the baselines on, for the plot of speed against quality")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write bench.json and, with --train, speed.png here")
    options = parser.parse_args(arguments)
    if not options.corpus and not options.stream:
        parser.error("name a CORPUS to read, e.g. stance/benchmarks/diplomacy.jsonl; only --stream N needs none")
    try:
        if options.stream:
            print(json.dumps(memory(options.model, (max(1, options.stream // 100), options.stream)), indent=2))
            return 0
        if options.output and options.train:
            figure_class()  # what is missing is said before the minutes of measuring, not after
        corpus = usable(read_corpus(options.corpus))
        found = measure(options.model, corpus, options.threads, options.rounds, options.rivals, options.beside)
        if options.train:
            found["quality"] = quality(options.model, corpus, options.train)
    except StanceError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    text = json.dumps(found, indent=2)
    print(text)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "bench.json").write_text(text + "\n", encoding="utf-8")
        if options.train:
            draw(found, options.threads[-1], options.output / "speed.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
