"""How near the model comes to what the processor can do.

The model's work is counted in multiply-adds of its matrix products, padding not counted; the processor's peak is measured with
ONNX Runtime's own int8 and float32 matrix products of the model's shapes, which are what it could at best run at.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions

from stance.classifier import Classifier

_ROWS = 2048  # tokens in the product that the peak is measured with: about a pass of 32 statements


def multiply_adds(classifier: Classifier, texts: Sequence[str]) -> tuple[float, float]:
    """Mean tokens and mean multiply-adds of a statement with the model's issues."""
    config = json.loads((classifier.folder / "config.json").read_text(encoding="utf-8"))
    hidden, inner, layers = (config[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    statements, _ = classifier._tokens.statements(texts, [""] * len(texts))
    blocks = [len(classifier._tokens.proposition(issue.proposition)) for issue in classifier.issues]
    lengths = np.array([len(statement) for statement in statements])
    tokens = lengths + sum(blocks)
    linear = tokens * (4 * hidden * hidden + 2 * hidden * inner)
    # Every statement token reads the statement; every issue token the statement and its block.
    pairs = lengths * lengths + sum(block * (lengths + block) for block in blocks)
    head = len(blocks) * (2 * hidden * hidden + hidden * 4)
    return float(tokens.mean()), float((layers * (linear + 2 * hidden * pairs) + head).mean())


def peak(kind: str, threads: int, hidden: int, inner: int, seconds: float = 1.0) -> float:
    """Multiply-adds a second of a matrix product (tokens x hidden) x (hidden x inner) in ONNX Runtime.

    Args:
        kind: ``"int8"`` (MatMulInteger, unsigned by signed) or ``"float32"``.
    """
    rng = np.random.default_rng(0)
    if kind == "int8":
        weights = rng.integers(-64, 64, (hidden, inner)).astype(np.int8)
        given, to, operator = TensorProto.UINT8, TensorProto.INT32, "MatMulInteger"
        values = rng.integers(0, 255, (_ROWS, hidden)).astype(np.uint8)
    else:
        weights = rng.normal(size=(hidden, inner)).astype(np.float32)
        given, to, operator = TensorProto.FLOAT, TensorProto.FLOAT, "MatMul"
        values = rng.normal(size=(_ROWS, hidden)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w"], ["y"])],
        kind,
        [helper.make_tensor_value_info("x", given, [_ROWS, hidden])],
        [helper.make_tensor_value_info("y", to, [_ROWS, inner])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    options = SessionOptions()
    options.intra_op_num_threads = threads
    session = InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    session.run(None, {"x": values})
    times, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        session.run(None, {"x": values})
        times.append(time.perf_counter() - start)
    return _ROWS * hidden * inner / float(np.median(times))


def share(classifier: Classifier, texts: Sequence[str], threads: int, rounds: int) -> dict:
    """The model's multiply-adds a second as a share of the measured peaks; peak and model in turn."""
    config = json.loads((classifier.folder / "config.json").read_text(encoding="utf-8"))
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tokens, work = multiply_adds(classifier, texts)
    rows = []
    for _ in range(rounds):
        began = time.perf_counter()
        classifier.classify(list(texts), progress=False)
        rate = work * len(texts) / (time.perf_counter() - began)
        rows.append([rate, *(peak(kind, threads, hidden, inner, 0.3) for kind in ("int8", "float32"))])
    own, int8, float32 = np.median(np.array(rows), axis=0)
    shares = np.median(np.array(rows)[:, :1] / np.array(rows)[:, 1:], axis=0)
    return {
        "tokens_a_statement": round(tokens, 1),
        "million_multiply_adds_a_statement": round(work / 1e6, 1),
        "giga_multiply_adds_a_second": {
            "model": round(own / 1e9, 1),
            "int8": round(int8 / 1e9, 1),
            "float32": round(float32 / 1e9, 1),
        },
        "share_of_int8_peak": round(float(shares[0]), 3),
        "share_of_float32_peak": round(float(shares[1]), 3),
    }
