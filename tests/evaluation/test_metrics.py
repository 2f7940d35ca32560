import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stance.evaluation.metrics import (
    calibration_error,
    confusion_by_document,
    difference,
    evaluate,
    f1,
    figures,
    mean_of_seeds,
)

answers = st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=40)


@settings(deadline=None)
@given(answers)
def test_figures_are_those_of_scikit_learn(rows):
    f1_score = pytest.importorskip("sklearn.metrics").f1_score
    gold, predicted = np.array(rows)[:, :2], np.array(rows)[:, 2:]
    counts = confusion_by_document(gold, predicted, np.arange(len(gold))).sum(0)
    ours = figures(counts)
    every = {"labels": [0, 1, 2, 3], "average": None, "zero_division": 0}
    pooled = f1_score(gold.ravel(), predicted.ravel(), **every)
    each = [f1_score(gold[:, k], predicted[:, k], **every) for k in range(2)]
    assert np.allclose(f1(counts), each)
    assert ours["macro_f1"] == pytest.approx(pooled.mean())
    assert ours["f_avg"] == pytest.approx(pooled[:2].mean())
    assert ours["issue_f_avg"] == pytest.approx(np.mean([scores[:2].mean() for scores in each]))


def test_an_interval_holds_its_value_and_narrows_with_documents():
    rng = np.random.default_rng(0)

    def width(n):
        gold = rng.integers(0, 4, (n, 3))
        predicted = np.where(rng.random((n, 3)) < 0.7, gold, rng.integers(0, 4, (n, 3)))
        score = evaluate(gold, predicted, np.arange(n))["macro_f1"]
        assert score.low <= score.value <= score.high
        return score.high - score.low

    assert width(2000) < width(100) / 2


def test_rows_of_one_document_are_drawn_together():
    # Ten copies of the same 30 rows carry no more information than the 30.
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 4, (30, 1))
    predicted = np.where(rng.random((30, 1)) < 0.6, gold, rng.integers(0, 4, (30, 1)))
    one = evaluate(gold, predicted, np.arange(30))["macro_f1"]
    ten = evaluate(np.tile(gold, (10, 1)), np.tile(predicted, (10, 1)), np.tile(np.arange(30), 10))["macro_f1"]
    assert one == ten


def test_missing_labels_are_left_out():
    gold, predicted = np.array([[0, -1], [1, 2]]), np.array([[0, 3], [1, 2]])
    assert confusion_by_document(gold, predicted, np.arange(2)).sum() == 3


def test_an_issue_without_labels_lowers_no_figure():
    gold = np.array([[0, -1], [1, -1], [2, -1], [3, -1]])
    assert evaluate(gold, np.abs(gold), np.arange(4))["issue_f_avg"].value == 1


def test_a_model_does_not_differ_from_itself():
    rng = np.random.default_rng(2)
    gold, predicted = rng.integers(0, 4, (2, 50, 3))
    for score in difference(gold, predicted, predicted, np.arange(50)).values():
        assert score.value == score.low == score.high == 0
    runs = np.stack([gold, predicted])
    mean = mean_of_seeds(gold, runs, np.arange(50))["macro_f1"].value
    assert mean == pytest.approx((1 + evaluate(gold, predicted, np.arange(50))["macro_f1"].value) / 2)


def test_calibration_error_of_known_cases():
    sure = np.full(1000, 0.9)
    assert calibration_error(sure, np.arange(1000) % 10 > 0) == pytest.approx(0, abs=1e-9)
    assert calibration_error(sure, np.zeros(1000)) == pytest.approx(0.9)
