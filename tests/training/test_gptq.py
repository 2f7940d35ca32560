"""Four-bit weights."""

import numpy as np
import pytest
import torch

from training.gptq import BLOCK, FourBits, gptq, put_in


def _case(rows=24, columns=2 * BLOCK, seed=0):
    """A matrix, and inputs whose columns go together as a network's do."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(500, 6)) @ rng.normal(size=(6, columns)) + 0.3 * rng.normal(size=(500, columns))
    return torch.from_numpy(rng.normal(size=(rows, columns))), torch.from_numpy(inputs)


def _nearest(weight):
    """Every weight at the nearest of sixteen values that cover its block's range."""
    blocks = weight.reshape(len(weight), -1, BLOCK)
    low, high = blocks.amin(-1, keepdim=True), blocks.amax(-1, keepdim=True)
    scale = (high - low) / 15
    return (((blocks - low) / scale).round() * scale + low).reshape(weight.shape)


def _error(weight, rounded, inputs):
    return float((inputs @ (weight - rounded.double()).T).square().mean())


@pytest.mark.parametrize("seed", range(5))
def test_products_change_much_less_than_where_every_weight_is_rounded_to_the_nearest(seed):
    weight, inputs = _case(seed=seed)
    rounded = gptq(weight, inputs.T @ inputs).weight()
    assert _error(weight, rounded, inputs) < 0.5 * _error(weight, _nearest(weight), inputs)


def test_codes_are_of_four_bits_and_blocks_have_their_own_scale():
    weight, inputs = _case()
    weight[:, BLOCK:] *= 50
    found = gptq(weight, inputs.T @ inputs)
    assert found.codes.shape == weight.shape and found.scales.shape == found.zeros.shape == (24, 2)
    assert found.codes.max() <= 15 and found.zeros.max() <= 15
    assert (found.scales[:, 1] > 5 * found.scales[:, 0]).all()


def test_inputs_that_are_always_nought_and_rows_of_noughts_do_no_harm():
    weight, inputs = _case()
    inputs[:, 3] = 0
    weight[5] = 0
    found = gptq(weight, inputs.T @ inputs).weight()
    assert found.isfinite().all() and (found[5] == 0).all()
    assert gptq(weight, torch.zeros(64, 64, dtype=torch.float64)).weight().isfinite().all()


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_the_graph_multiplies_with_what_the_codes_say(blocks):
    """An odd number of blocks leaves half a byte of zero points over."""
    from onnx import TensorProto, checker, helper, numpy_helper
    from onnxruntime import InferenceSession

    rng = np.random.default_rng(blocks)
    matrix = FourBits(
        torch.from_numpy(rng.integers(0, 16, (48, blocks * BLOCK)).astype(np.uint8)),
        torch.from_numpy(rng.uniform(0.01, 0.1, (48, blocks)).astype(np.float32)),
        torch.from_numpy(rng.integers(0, 16, (48, blocks)).astype(np.uint8)),
    )
    weight = matrix.weight().T.contiguous().numpy()
    other = rng.normal(size=(48, 8)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["between"]), helper.make_node("MatMul", ["between", "v"], ["y"])],
        "two products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, blocks * BLOCK])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 8])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(other, "v")],
    )
    model = put_in(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), [matrix])
    checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["MatMulNBits", "MatMul"]
    assert "w" not in {tensor.name for tensor in model.graph.initializer}
    x = rng.normal(size=(7, blocks * BLOCK)).astype(np.float32)
    (found,) = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    exact = x @ weight @ other
    assert np.abs(found - exact).max() < 0.03 * np.abs(exact).max()  # what is multiplied has eight bits
