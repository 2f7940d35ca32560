import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stance.calibration import Calibration


@given(arrays(np.float32, (3, 2, 4), elements=st.floats(-1e4, 1e4, width=32)), st.floats(0.05, 20))
def test_probabilities_sum_to_one_and_keep_the_likeliest_label(logits, temperature):
    probabilities = Calibration({"a": temperature})(logits, ["a", "unknown"])
    assert np.allclose(probabilities.sum(-1), 1, atol=1e-12)
    best = np.take_along_axis(probabilities, logits.argmax(-1)[..., None], -1)[..., 0]
    assert np.all(best >= probabilities.max(-1) - 1e-12)


def test_a_calibration_reads_back_as_it_was_written(tmp_path):
    calibration = Calibration({"a": 1.5}, default=1.2)
    calibration.write(tmp_path / "c.json")
    assert Calibration.read(tmp_path / "c.json") == calibration
    logits = np.array([[[2.0, 0, 0, 0], [2.0, 0, 0, 0]]])
    one, other = calibration(logits, ["a", "b"])[0]
    assert one[0] < other[0] == pytest.approx(np.exp(2 / 1.2) / (np.exp(2 / 1.2) + 3))
