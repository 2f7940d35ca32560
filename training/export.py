"""From a trained model to the files that ship: fp16 safetensors and int8 or int4 ONNX.

int8: weights become int8 per channel, embeddings too, in seven bits: processors without VNNI instructions add pairs of
products in 16 bits and would overflow with eight. Activations are quantised with ranges fixed here, from real text, not
with ranges found anew in every batch as ONNX Runtime's dynamic quantisation does: so a statement's probability does not
depend on which others happen to share its batch, but for rounding.

int4, for large encoders that int8 bends: weights alone (training/gptq.py); embeddings in int8.
"""

from __future__ import annotations

import copy
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from stance.backends.torch import StanceModel
from stance.packing import Packed

from .gptq import put_in, round_weights, with_runtime_operators

_VALUES = 20_000  # of each tensor and sample that ranges are chosen on
_NOT_READ = -1e4  # added to the score of a token that may not be read: its weight becomes nought
_ATTENTION = "stance_onnx"  # under this name transformers knows how attention is exported
_ROUNDED_ON = 2  # samples: weights of four bits are chosen on some 10,000 tokens
_SHRUNK = (1.0, 0.9, 0.8, 0.65, 0.5, 0.4)


def write_safetensors(model: StanceModel, path: Path) -> None:
    """The weights in float16."""
    from safetensors.torch import save_file

    save_file({name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, path)
    path.chmod(0o644)  # the library writes for the owner alone


def write_onnx(model: StanceModel, path: Path, samples: Iterable[Packed], precision: str = "int8") -> None:
    """Write ``model`` as an ONNX graph of packed input to logits.

    Args:
        samples: packed batches of text like what the model will read; they trace the graph and set the activation ranges.
        precision: ``int8``, ``int4`` (weights alone) or ``float32``.
    """
    samples = list(samples)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "float.onnx")
        if precision == "int4":
            _few_bits(model, path, samples, plain)
            return
        _trace(model, samples[0], plain)
        if precision == "float32":
            path.write_bytes(plain.read_bytes())
            return
        dynamic = Path(folder, "dynamic.onnx")
        _quantise(plain, dynamic)
        onnx.save(_fuse(_fix_ranges(onnx.load(dynamic), onnx.load(plain), samples)), path)


def _quantise(plain: Path, to: Path) -> None:
    """Integer weights, and activations with ranges that are found anew in every batch."""
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser reports every node, and advises what does not apply
    # The types of what ONNX Runtime's own attention returns are not inferred.
    untyped = {"DefaultTensorType": TensorProto.FLOAT}
    quantize_dynamic(plain, to, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8, extra_options=untyped)


def _few_bits(model: StanceModel, path: Path, samples: list[Packed], plain: Path) -> None:
    """Weights of four bits."""
    rounded = copy.deepcopy(model)
    matrices = round_weights(rounded, samples[:_ROUNDED_ON])
    _trace(rounded, samples[0], plain)
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(put_in(onnx.load(plain), matrices), path, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8)


def _trace(model: StanceModel, sample: Packed, path: Path, attention: str = _ATTENTION) -> None:
    inputs = {name: torch.from_numpy(array) for name, array in sample.inputs().items()}
    dynamic = torch.export.Dim.DYNAMIC
    config, before = model.encoder.config, model.encoder.config._attn_implementation
    if config.model_type != "mpnet":  # whose attention is its own
        config._attn_implementation = attention
    with warnings.catch_warnings(), _put_back(config, before):
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


@contextmanager
def _put_back(config, implementation: str) -> Iterator[None]:
    try:
        yield
    finally:
        config._attn_implementation = implementation


def _attention(module, query, key, value, attention_mask, scaling=None, **options):
    """(B, N, T, H) three times and a (B, 1, T, T) boolean mask, as ONNX Runtime's own attention, which takes one step for all.

    The exporter's translation makes eight nodes of it, and copies of the scores between them.
    """
    batch, heads, length, size = query.shape
    merged = [given.transpose(1, 2).reshape(batch, length, heads * size) for given in (query, key, value)]
    bias = torch.zeros(attention_mask.shape).masked_fill(~attention_mask, _NOT_READ)
    done = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        (*merged, None, None, bias),  # no projection's bias, no padding mask
        {"num_heads": heads, "scale": float(scaling)},
        dtype=query.dtype,
        shape=merged[0].shape,
        version=1,
    )
    return done.reshape(batch, length, heads, size), None


AttentionInterface.register(_ATTENTION, _attention)
AttentionMaskInterface.register(_ATTENTION, sdpa_mask)


def _fuse(model: onnx.ModelProto) -> onnx.ModelProto:
    """Make one node of each integer product, its scale and its bias: the sums are scaled while they are still in the registers.

    ONNX Runtime does the same by itself where ranges are found anew in every batch, but not where they are fixed.
    """
    graph = model.graph
    before = list(graph.node)
    made = {name: node for node in before for name in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in before:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    fused: dict[int, onnx.NodeProto] = {}
    gone: set[int] = set()
    for node in before:
        if node.op_type != "MatMulInteger":
            continue
        (cast,) = readers[node.output[0]]
        (scaled,) = readers[cast.output[0]]
        product = made[next(name for name in scaled.input if name != cast.output[0])]
        last, bias = scaled, ""
        following = readers.get(scaled.output[0], [])
        if len(following) == 1 and following[0].op_type == "Add":
            other = next(name for name in following[0].input if name != scaled.output[0])
            if other in constants and len(constants[other].dims) == 1:
                last, bias = following[0], other
        a, b, a_zero, b_zero = node.input
        a_scale, b_scale = product.input
        inputs = [a, b, a_scale, b_scale, a_zero, b_zero, bias]
        fused[id(last)] = helper.make_node(
            "MatMulIntegerToFloat", inputs, list(last.output), name=f"{node.name}_fused", domain="com.microsoft"
        )
        gone |= {id(step) for step in (node, cast, scaled, product)}
    nodes = [fused.get(id(node), node) for node in before if id(node) in fused or id(node) not in gone]
    del graph.node[:]
    graph.node.extend(nodes)
    return with_runtime_operators(model)


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
