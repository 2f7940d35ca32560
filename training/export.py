"""From a trained model to the files that ship: fp16 safetensors and int8 ONNX.

Weights become int8 per channel, embeddings too, in seven bits: processors without VNNI instructions add pairs of
products in 16 bits and would overflow with eight. Activations are quantised with ranges fixed here, from real text, not
with ranges found anew in every batch as ONNX Runtime's dynamic quantisation does: so a statement's probability does not
depend on which others happen to share its batch, but for rounding.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import QuantType, quantize_dynamic

from stance.backends.torch import StanceModel
from stance.packing import Packed

_VALUES = 20_000  # of each tensor and sample that ranges are chosen on
_SHRUNK = (1.0, 0.9, 0.8, 0.65, 0.5, 0.4)


def write_safetensors(model: StanceModel, path: Path) -> None:
    """The weights in float16."""
    from safetensors.torch import save_file

    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, path)
    path.chmod(0o644)  # the library writes for the owner alone


def write_onnx(model: StanceModel, path: Path, samples: Iterable[Packed], int8: bool = True) -> None:
    """Write ``model`` as an ONNX graph of packed input to logits.

    Args:
        samples: packed batches of text like what the model will read; they trace the graph and set the activation ranges.
        int8: False leaves everything in float32.
    """
    samples = list(samples)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "float.onnx")
        _trace(model, samples[0], plain)
        if not int8:
            path.write_bytes(plain.read_bytes())
            return
        logging.getLogger().setLevel(logging.WARNING)  # the quantiser reports every node
        dynamic = Path(folder, "dynamic.onnx")
        quantize_dynamic(plain, dynamic, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
        onnx.save(_fix_ranges(onnx.load(dynamic), onnx.load(plain), samples), path)


def _trace(model: StanceModel, sample: Packed, path: Path) -> None:
    inputs = {name: torch.from_numpy(array) for name, array in sample.inputs().items()}
    dynamic = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            model.eval(),
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_shapes={name: {0: dynamic, 1: dynamic} for name in inputs},
            verbose=False,
        )
    graph = program.model_proto
    del graph.graph.value_info[:]  # stale shapes there stop the quantiser
    onnx.save(graph, path)


def _fix_ranges(quantised: onnx.ModelProto, plain: onnx.ModelProto, samples: list[Packed]) -> onnx.ModelProto:
    """Replace every DynamicQuantizeLinear by a QuantizeLinear with the range that suits the samples best."""
    graph = quantised.graph
    names = sorted({node.input[0] for node in graph.node if node.op_type == "DynamicQuantizeLinear"})
    ranges = _ranges(plain, names, samples)
    nodes = []
    for node in graph.node:
        if node.op_type != "DynamicQuantizeLinear":
            nodes.append(node)
            continue
        name, (result, scale_name, zero_name) = node.input[0], node.output
        scale, zero = _grid(*ranges[name])
        graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), scale_name))
        graph.initializer.append(numpy_helper.from_array(np.array(zero, np.uint8), zero_name))
        nodes.append(helper.make_node("QuantizeLinear", [name, scale_name, zero_name], [result], name=node.name))
    del graph.node[:]
    graph.node.extend(nodes)
    return quantised


def _grid(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of the 256 values that cover a range."""
    scale = max(high - low, 1e-6) / 255
    return scale, round(-low / scale)


def _ranges(plain: onnx.ModelProto, names: list[str], samples: list[Packed]) -> dict[str, tuple[float, float]]:
    """For each tensor the range in which 256 values stand for it with the least squared error.

    Candidates are the mean of the samples' extremes, shrunk on either side: what is cut off costs its own error, and makes
    all else finer. Seldom outliers, as behind a GELU, are better cut (Nagel et al. 2021, section 3.1).
    """
    for name in names:
        plain.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    options = SessionOptions()
    options.log_severity_level = 3
    session = InferenceSession(plain.SerializeToString(), options, providers=["CPUExecutionProvider"])
    seen = [[_seen(values.ravel()) for values in session.run(names, sample.inputs())] for sample in samples]
    found = {}
    for n, name in enumerate(names):
        lows, highs, parts = zip(*(own[n] for own in seen), strict=True)
        low, high = min(float(np.mean(lows)), 0.0), max(float(np.mean(highs)), 0.0)  # zero must be representable
        values = np.concatenate(parts)
        tried = [(low * below, high * above) for below in _SHRUNK for above in _SHRUNK]
        found[name] = min(tried, key=lambda own: _error(values, *_grid(*own)))
    return found


def _seen(values: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Least, greatest, and some of a tensor's values."""
    return values.min(), values.max(), values[:: max(1, len(values) // _VALUES)].copy()


def _error(values: np.ndarray, scale: float, zero: int) -> float:
    read = (np.clip(np.round(values / scale) + zero, 0, 255) - zero) * scale
    return float(np.square(values - read).mean())
