"""Weights of four bits that change a layer's output least: GPTQ (Frantar et al. 2023).

Every 32 weights of a row share a scale and a zero point. A matrix is rounded column by column, and what a column's rounding
does to the output, on real text, is made good in the columns not yet rounded. The layers are rounded from the lowest up,
each on what the rounded ones below it give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from stance.backends.torch import StanceModel
from stance.packing import Packed

BLOCK = 32  # weights that share a scale
_MOST = 15  # the greatest number of four bits
_DAMPING = 0.01  # of the mean of the Hessian's diagonal
_SHRUNK = torch.linspace(1.0, 0.6, 9)


@dataclass(frozen=True)
class FourBits:
    """A matrix of M rows and N columns: weight = (code - zero) * scale.

    codes: (M, N) uint8, 0 to 15. scales: (M, N / 32) float32. zeros: (M, N / 32) uint8, 0 to 15.
    """

    codes: Tensor
    scales: Tensor
    zeros: Tensor

    def weight(self) -> Tensor:
        """(M, N) float32."""
        zeros, scales = (each.repeat_interleave(BLOCK, 1) for each in (self.zeros, self.scales))
        return (self.codes.float() - zeros) * scales


@torch.inference_mode()
def round_weights(model: StanceModel, samples: list[Packed]) -> list[FourBits]:
    """Round the matrices of the encoder's layers, in place; returns them. One whose rows are no multiple of 32 stays as it is.

    Args:
        samples: packed batches of text like what the model will read.
    """
    layers = list(model.encoder.encoder.layer)
    calls: list[tuple[tuple, dict]] = []
    hook = layers[0].register_forward_pre_hook(lambda layer, given, named: calls.append((given, named)), with_kwargs=True)
    with _fast():
        for sample in samples:
            model(**{name: torch.from_numpy(array) for name, array in sample.inputs().items()})
    hook.remove()
    states = [given[0] for given, _ in calls]
    done = []
    for layer in layers:
        matrices = [part for part in layer.modules() if isinstance(part, torch.nn.Linear) and part.in_features % BLOCK == 0]
        for matrix, hessian in zip(matrices, _hessians(layer, matrices, states, calls), strict=True):
            rounded = gptq(matrix.weight.double(), hessian)
            matrix.weight.copy_(rounded.weight())
            done.append(rounded)
        states = _outputs(layer, states, calls)
    return done


def _fast() -> torch.autocast:
    """What the layers are given need not be exact: only its correlations count."""
    return torch.autocast("cpu", dtype=torch.bfloat16)


def _outputs(layer: torch.nn.Module, states: list[Tensor], calls: list[tuple[tuple, dict]]) -> list[Tensor]:
    with _fast():
        made = [layer(state, *given[1:], **named) for state, (given, named) in zip(states, calls, strict=True)]
    return [each[0] if isinstance(each, tuple) else each for each in made]


def _hessians(layer, matrices: list[torch.nn.Linear], states: list[Tensor], calls: list[tuple[tuple, dict]]) -> list[Tensor]:
    """For each matrix the (N, N) sum of the outer products of what it is multiplied with."""
    sums = [torch.zeros(matrix.in_features, matrix.in_features) for matrix in matrices]

    def seen(total: Tensor):
        def add(matrix, given):
            rows = given[0].reshape(-1, given[0].shape[-1]).float()
            total.addmm_(rows.T, rows)

        return add

    hooks = [matrix.register_forward_pre_hook(seen(total)) for matrix, total in zip(matrices, sums, strict=True)]
    _outputs(layer, states, calls)
    for hook in hooks:
        hook.remove()
    return [total.double() for total in sums]


def gptq(weight: Tensor, hessian: Tensor) -> FourBits:
    """Round a matrix so that its products with what it is given change least.

    Args:
        weight: (M, N) float64.
        hessian: (N, N) float64, the sum of the outer products of the columns' inputs.
    """
    weight, damped = weight.clone(), hessian.clone()
    damped.diagonal().add_(max(_DAMPING * float(hessian.diagonal().mean()), 1e-8))
    inverse = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    parts = []
    for begin in range(0, weight.shape[1], BLOCK):
        own = slice(begin, begin + BLOCK)
        block, spread = weight[:, own].clone(), inverse[own, own]
        scale, zero = (each.double() for each in _grid(block, damped.diagonal()[own]))
        codes, errors = torch.empty_like(block), torch.empty_like(block)
        for n in range(BLOCK):
            codes[:, n] = (block[:, n] / scale + zero).round().clamp(0, _MOST)
            errors[:, n] = (block[:, n] - (codes[:, n] - zero) * scale) / spread[n, n]
            block[:, n:] -= errors[:, n, None] * spread[n, n:]
        weight[:, begin + BLOCK :] -= errors @ inverse[own, begin + BLOCK :]
        parts.append((codes.to(torch.uint8), scale.float()[:, None], zero.to(torch.uint8)[:, None]))
    return FourBits(*(torch.cat(each, 1) for each in zip(*parts, strict=True)))


def _grid(block: Tensor, importance: Tensor) -> tuple[Tensor, Tensor]:
    """(M,) scales and zero points: of the row's range, shrunk by so much as makes the weighted squared error least."""
    block, importance = block.float(), importance.float()
    low, high = block.amin(1).clamp(max=0), block.amax(1).clamp(min=0)
    scales = (high - low).clamp(min=1e-8) / _MOST * _SHRUNK[:, None]  # (S, M)
    zeros = (-low * _SHRUNK[:, None] / scales).round().clamp(0, _MOST)
    codes = (block / scales[..., None] + zeros[..., None]).round().clamp(0, _MOST)
    errors = (((codes - zeros[..., None]) * scales[..., None] - block).square() * importance).sum(-1)
    best = errors.argmin(0, keepdim=True)
    return scales.gather(0, best)[0], zeros.gather(0, best)[0]


def put_in(graph: onnx.ModelProto, matrices: list[FourBits]) -> onnx.ModelProto:
    """Let the graph multiply with four-bit matrices where it multiplies with their weights; returns it.

    ONNX Runtime rounds what they are multiplied with to eight bits, anew in every block of a row.
    """
    own = {matrix.weight().T.contiguous().numpy().tobytes(): matrix for matrix in matrices}
    constants = {tensor.name: tensor for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in constants:
            continue
        name = node.input[1]
        if not (matrix := own.get(numpy_helper.to_array(constants[name]).tobytes())):
            continue
        if name + "_codes" not in constants:
            for tensor in _packed(matrix, name):
                constants[tensor.name] = tensor
                graph.graph.initializer.append(tensor)
        columns, rows = matrix.codes.shape
        new = helper.make_node(
            "MatMulNBits",
            [node.input[0], name + "_codes", name + "_scales", name + "_zeros"],
            list(node.output),
            name=node.name,
            domain="com.microsoft",
            K=rows,
            N=columns,
            bits=4,
            block_size=BLOCK,
            accuracy_level=4,
        )
        node.CopyFrom(new)
    used = {name for node in graph.graph.node for name in node.input}
    kept = [tensor for tensor in graph.graph.initializer if tensor.name in used]
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(kept)
    return with_runtime_operators(graph)


def with_runtime_operators(model: onnx.ModelProto) -> onnx.ModelProto:
    """Declare ONNX Runtime's own operators, which a graph may then use; returns it."""
    if not any(own.domain == "com.microsoft" for own in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def _packed(matrix: FourBits, name: str) -> list[onnx.TensorProto]:
    """Codes and zero points two to a byte, the first in its lower half."""
    rows = len(matrix.codes)
    codes, zeros = matrix.codes.numpy(), matrix.zeros.numpy()
    if zeros.shape[1] % 2:
        zeros = np.pad(zeros, ((0, 0), (0, 1)))
    halves = [(each[:, ::2] | each[:, 1::2] << 4) for each in (codes, zeros)]
    arrays = {
        "codes": halves[0].reshape(rows, -1, BLOCK // 2),
        "scales": matrix.scales.numpy().ravel(),
        "zeros": halves[1].ravel(),
    }
    return [numpy_helper.from_array(np.ascontiguousarray(array), f"{name}_{kind}") for kind, array in arrays.items()]
