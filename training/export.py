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
    """Replace every DynamicQuantizeLinear by a QuantizeLinear with the range that the samples show."""
    graph = quantised.graph
    names = sorted({node.input[0] for node in graph.node if node.op_type == "DynamicQuantizeLinear"})
    low, high = _ranges(plain, names, samples)
    nodes = []
    for node in graph.node:
        if node.op_type != "DynamicQuantizeLinear":
            nodes.append(node)
            continue
        name, (result, scale_name, zero_name) = node.input[0], node.output
        scale = max(high[name] - low[name], 1e-6) / 255
        zero = round(-low[name] / scale)
        graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), scale_name))
        graph.initializer.append(numpy_helper.from_array(np.array(zero, np.uint8), zero_name))
        nodes.append(helper.make_node("QuantizeLinear", [name, scale_name, zero_name], [result], name=node.name))
    del graph.node[:]
    graph.node.extend(nodes)
    return quantised


def _ranges(plain: onnx.ModelProto, names: list[str], samples: list[Packed]) -> tuple[dict, dict]:
    """Least and greatest value of each tensor: the mean over the samples, so that one outlier does not coarsen all."""
    for name in names:
        plain.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    options = SessionOptions()
    options.log_severity_level = 3
    session = InferenceSession(plain.SerializeToString(), options, providers=["CPUExecutionProvider"])
    extremes = np.array(
        [[(values.min(), values.max()) for values in session.run(names, sample.inputs())] for sample in samples]
    ).mean(0)
    low, high = np.minimum(extremes[:, 0], 0), np.maximum(extremes[:, 1], 0)  # zero must be representable
    return dict(zip(names, low, strict=True)), dict(zip(names, high, strict=True))
