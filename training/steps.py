"""What each step towards speed is worth: ``python -m training.steps CORPUS [--model MODEL] [--threads N] [--rounds N]``.

The shipped model classifies the corpus as it does and, in turn, with one thing undone or done otherwise; the figures are medians
of each round's ratio to the shipped way, above 1 where the shipped way is faster. The graphs are exported anew, from
``model.safetensors``, with ranges from the corpus's own statements: their speed is measured, not their labels.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import onnxruntime

import stance
import stance.classifier
from stance.backends.onnx import OnnxBackend
from stance.backends.torch import load_model
from stance.classifier import Classifier, passes
from stance.errors import StanceError
from stance.evaluation.corpus import read_corpus
from stance.packing import Packed, pack

from . import export
from .bench import in_turn, usable
from .train import positive

Run = Callable[[Sequence[str]], object]


class _Session(OnnxBackend):
    """The default backend over a given graph, with other settings of ONNX Runtime."""

    def __init__(self, graph: Path, threads: int, arena: bool = True, settings: Mapping[str, str] = MappingProxyType({})):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level, options.enable_cpu_mem_arena = threads, 3, arena
        for name, value in settings.items():
            options.add_session_config_entry(name, value)
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


class _OpenVino:
    """A backend over OpenVINO, in the precision that it chooses for the processor."""

    most_tokens = OnnxBackend.most_tokens

    def __init__(self, graph: Path, threads: int):
        import openvino

        self._model = openvino.Core().compile_model(str(graph), "CPU", {"INFERENCE_NUM_THREADS": threads})

    def __call__(self, batch: Packed) -> np.ndarray:
        return self._model(batch.inputs())["logits"]


def _over(classifier: Classifier, run: object, most_tokens: int = OnnxBackend.most_tokens) -> Classifier:
    """The same classifier over another backend."""
    other = copy.copy(classifier)
    other._run, run.most_tokens = run, most_tokens
    return other


def _plain(classifier: Classifier, batch_size: int = 32) -> Run:
    return lambda texts: classifier.classify(list(texts), batch_size=batch_size, progress=False)


def _unsorted(classifier: Classifier) -> Run:
    def run(texts: Sequence[str]) -> object:
        before, stance.classifier._WINDOW = stance.classifier._WINDOW, 1
        try:
            return classifier.classify(list(texts), progress=False)
        finally:
            stance.classifier._WINDOW = before

    return run


def graphs(folder: Path, samples: list[Packed], to: Path) -> dict[str, Path]:
    """The model as other graphs would have it."""
    model, made = load_model(folder), {}
    for name, attention in (("plain", "sdpa"), ("float32", export._ATTENTION)):
        export._trace(model, samples[0], to / f"{name}.onnx", attention)
        made[name] = to / f"{name}.onnx"
        export._quantise(made[name], to / f"{name}-dynamic.onnx")
        made[f"{name}-dynamic"] = to / f"{name}-dynamic.onnx"
        fixed = export._fix_ranges(onnx.load(made[f"{name}-dynamic"]), onnx.load(made[name]), samples)
        onnx.save(fixed, to / f"{name}-fixed.onnx")
        made[f"{name}-fixed"] = to / f"{name}-fixed.onnx"
        onnx.save(export._fuse(fixed), to / f"{name}-fused.onnx")
        made[f"{name}-fused"] = to / f"{name}-fused.onnx"
    return made


_WORKER: dict[str, Classifier] = {}


def _begin(model: str) -> None:
    _WORKER["one"] = stance.load(model, threads=1)


def _work(texts: Sequence[str]) -> int:
    return len(_WORKER["one"].classify(list(texts), progress=False))


def profile(classifier: Classifier, texts: Sequence[str]) -> dict:
    """Shares of the time: tokenising, packing, the graph and what comes after; and of the graph's by kind of node."""
    began = time.perf_counter()
    ids, _ = classifier._tokens.statements(list(texts), [""] * len(texts))
    blocks = [classifier._tokens.proposition(issue.proposition) for issue in classifier.issues]
    tokenised = time.perf_counter()
    parts = list(passes(sorted(ids, key=len), 32, sum(map(len, blocks)), classifier._run.most_tokens))
    batches = [pack(part, blocks, classifier._tokens.pad) for part in parts]
    packed = time.perf_counter()
    for batch in batches:
        classifier._run(batch)
    ran = time.perf_counter()
    classifier.classify(list(texts), progress=False)
    spent = {"tokenise": tokenised - began, "pack": packed - tokenised, "graph": ran - packed}
    spent["rest"] = max(time.perf_counter() - ran - sum(spent.values()), 0.0)
    whole = sum(spent.values())
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.enable_profiling, options.log_severity_level = True, 3
        options.profile_file_prefix = str(Path(folder, "p"))
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(classifier.folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        for batch in batches:
            session.run(["logits"], batch.inputs())
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    kinds: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kinds[event["args"]["op_name"]] += event["dur"]
    most = sorted(kinds.items(), key=lambda item: -item[1])[:8]
    return {
        "whole": {name: round(seconds / whole, 3) for name, seconds in spent.items()},
        "graph, one thread": {name: round(value / sum(kinds.values()), 3) for name, value in most},
    }


def measure(model: str, texts: Sequence[str], threads: int, rounds: int) -> dict:
    own = stance.load(model, threads=threads)
    shipped = own.folder / "model.onnx"
    ids, _ = own._tokens.statements(list(texts[:64]), [""] * 64)
    blocks = [own._tokens.proposition(issue.proposition) for issue in own.issues]
    samples = [pack(ids[n : n + 32], blocks, own._tokens.pad) for n in (0, 32)]
    with tempfile.TemporaryDirectory() as room, ProcessPoolExecutor(threads, get_context("spawn"), _begin, (model,)) as pool:
        made = graphs(own.folder, samples, Path(room))
        systems: dict[str, Run] = {
            "as shipped": _plain(own),
            "not sorted by length": _unsorted(own),
            **{f"batches of {size}": _plain(own, size) for size in (8, 16, 64)},
            **{f"passes of {most} tokens": _plain(_over(own, _Session(shipped, threads), most)) for most in (2048, 16384)},
            "threads do not spin": _plain(
                _over(own, _Session(shipped, threads, settings={"session.intra_op.allow_spinning": "0"}))
            ),
            "no memory arena": _plain(_over(own, _Session(shipped, threads, arena=False))),
            **{
                name: _plain(_over(own, _Session(made[graph], threads)))
                for name, graph in (
                    ("attention as PyTorch exports it", "plain-fused"),
                    ("integer products not fused", "float32-fixed"),
                    ("neither", "plain-fixed"),
                    ("ranges found anew in each batch", "float32-dynamic"),
                    ("float32", "float32"),
                )
            },
        }
        if threads > 1:
            shares = range(threads)
            systems[f"{threads} processes of one thread"] = lambda t: list(pool.map(_work, [t[n::threads] for n in shares]))
            systems["one thread"] = _plain(stance.load(model, threads=1))
        try:
            import openvino  # noqa: F401
        except ImportError:
            print("steps: OpenVINO is not installed and is left out", file=sys.stderr)
        else:
            systems["OpenVINO, float weights"] = _plain(_over(own, _OpenVino(made["plain"], threads)))
        found = in_turn({name: (run, texts) for name, run in systems.items()}, rounds)
    ratios = {name: found[name] / found["as shipped"] for name in systems}
    steps = {name: [round(float(f(r)), 2) for f in (np.median, np.min, np.max)] for name, r in ratios.items()}
    return {"threads": threads, "statements": len(texts), "ratio_median_least_greatest": steps, "profile": profile(own, texts)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.steps", description=__doc__)
    parser.add_argument("corpus", metavar="CORPUS", help="labelled statements")
    parser.add_argument("--model", default="stance-mini")
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--rounds", type=positive, default=7)
    options = parser.parse_args(arguments)
    try:
        texts = usable(read_corpus(options.corpus)).texts
        print(json.dumps(measure(options.model, texts, options.threads, options.rounds), indent=2))
    except StanceError as error:
        print(f"steps: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
