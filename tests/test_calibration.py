import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stance.calibration import Calibration


@given(arrays(np.float32, (3, 2, 4), elements=st.floats(-1e4, 1e4, width=32)), st.floats(0.05, 20), st.floats(0.5, 5))
def test_probabilities_sum_to_one_and_keep_the_order_of_the_labels(logits, temperature, power):
    probabilities = Calibration({"a": temperature}, power=power)(logits, ["a", "unknown"])
    assert np.allclose(probabilities.sum(-1), 1, atol=1e-12)
    ordered = np.take_along_axis(probabilities, logits.argsort(-1), -1)
    assert np.all(np.diff(ordered) >= -1e-12)


def test_a_calibration_reads_back_as_it_was_written(tmp_path):
    calibration = Calibration({"a": 1.5}, default=1.2, power=2.0)
    calibration.write(tmp_path / "c.json")
    assert Calibration.read(tmp_path / "c.json") == calibration
    logits = np.array([[[2.0, 0, 0, 0], [2.0, 0, 0, 0]]])
    one, other = calibration(logits, ["a", "b"])[0]
    assert one[0] == pytest.approx(1 / (1 + 3 * np.exp(-((2 / 1.5) ** 2))))
    assert other[0] == pytest.approx(1 / (1 + 3 * np.exp(-2 / 1.2))), "what was not calibrated has the default and no power"


def test_a_calibration_without_a_power_is_temperature_scaling(tmp_path):
    (tmp_path / "c.json").write_text('{"method": "temperature", "temperatures": {"a": 2.0}, "default": 1.0}')
    logits = np.array([[[2.0, 0, 0, 0]]])
    assert Calibration.read(tmp_path / "c.json")(logits, ["a"])[0, 0, 0] == pytest.approx(np.e / (np.e + 3))
