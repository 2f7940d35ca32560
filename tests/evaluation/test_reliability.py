import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stance.evaluation.reliability import calibration_error, reliability


def test_calibration_error_of_known_cases():
    sure = np.full(1000, 0.9)
    assert calibration_error(sure, np.arange(1000) % 10 > 0) == pytest.approx(0, abs=1e-9)
    assert calibration_error(sure, np.zeros(1000)) == pytest.approx(0.9)


def test_honest_probabilities_have_a_small_error_and_bold_ones_a_large_one():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1, 4000)
    right = rng.random(4000) < sure
    honest = reliability(sure, right, np.arange(4000), samples=200)
    assert honest.error.value < 0.03 and honest.error.low <= honest.error.value
    bold = reliability(np.sqrt(sure), right, np.arange(4000), samples=200)
    assert bold.error.low > honest.error.high
    for part in honest.bins:
        assert part.count == 400 and abs(part.confidence - part.accuracy) < 0.08


def test_abstaining_helps_a_model_that_knows_when_it_errs():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.3, 1, 2000)
    right = rng.random(2000) < sure
    found = reliability(sure, right, np.arange(2000), samples=100)
    risks = [point.risk.value for point in found.coverage]
    assert risks == sorted(risks, reverse=True)
    assert risks[0] == pytest.approx(1 - right.mean())
    for point in found.coverage:
        answered = sure >= point.threshold
        assert answered.mean() == pytest.approx(point.coverage, abs=0.01)
        assert point.risk.value == pytest.approx(1 - right[answered].mean(), abs=0.01)
    assert found.area.value == pytest.approx(np.mean(np.cumsum(~right[np.argsort(-sure)]) / np.arange(1, 2001)), abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(0.25, 1), st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_any_decisions_give_figures_in_range(rows):
    sure, right, documents = map(np.array, zip(*rows, strict=True))
    found = reliability(sure, right, documents, samples=20)
    assert 0 <= found.error.value <= 1 and 0 <= found.error.low <= found.error.high
    assert sum(part.count for part in found.bins) == len(rows)
    assert all(0 <= point.risk.low <= point.risk.high <= 1 for point in found.coverage)
