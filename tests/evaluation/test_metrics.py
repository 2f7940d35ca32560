import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stance.evaluation.metrics import (
    confusion_by_document,
    difference,
    f1,
    figures,
    label_scores,
    precision,
    recall,
    scores,
    share,
)
from stance.result import LABELS

answers = st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=40)


@settings(deadline=None)
@given(answers)
def test_figures_are_those_of_scikit_learn(rows):
    sklearn = pytest.importorskip("sklearn.metrics")
    gold, predicted = np.array(rows)[:, :2], np.array(rows)[:, 2:]
    counts = confusion_by_document(gold, predicted, np.arange(len(gold))).sum(0)
    ours = figures(counts)
    every = {"labels": [0, 1, 2, 3], "average": None, "zero_division": 0}
    pooled = sklearn.f1_score(gold.ravel(), predicted.ravel(), **every)
    for measure, theirs in ((f1, sklearn.f1_score), (precision, sklearn.precision_score), (recall, sklearn.recall_score)):
        assert np.allclose(measure(counts), [theirs(gold[:, k], predicted[:, k], **every) for k in range(2)])
    each = f1(counts)
    assert ours["macro_f1"] == pytest.approx(pooled.mean())
    assert ours["f_avg"] == pytest.approx(pooled[:2].mean())
    assert ours["issue_f_avg"] == pytest.approx(np.mean([own[:2].mean() for own in each]))


def test_label_scores_hold_the_point_and_count_what_is_there():
    rng = np.random.default_rng(3)
    gold, predicted = rng.integers(0, 4, (2, 200, 2))
    gold[:5, 0] = -1
    found = label_scores(gold, predicted, np.arange(200), samples=200)
    counts = confusion_by_document(gold, predicted, np.arange(200)).sum(0)
    for k in range(2):
        assert sum(own.support for own in found[k].values()) == (gold[:, k] >= 0).sum()
        for n, label in enumerate(LABELS):
            own = found[k][label]
            assert own.f1.value == pytest.approx(f1(counts)[k, n]) and own.f1.low <= own.f1.value <= own.f1.high
            assert own.precision.value == pytest.approx(precision(counts)[k, n])
            assert own.recall.value == pytest.approx(recall(counts)[k, n])


def test_an_interval_holds_its_value_and_narrows_with_documents():
    rng = np.random.default_rng(0)

    def width(n):
        gold = rng.integers(0, 4, (n, 3))
        predicted = np.where(rng.random((n, 3)) < 0.7, gold, rng.integers(0, 4, (n, 3)))
        score = scores(gold, predicted, np.arange(n))["macro_f1"]
        assert score.low <= score.value <= score.high
        return score.high - score.low

    assert width(2000) < width(100) / 2


def test_the_interval_of_a_share_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        right = (rng.random(150) < 0.8).astype(float)
        score = share(right, np.arange(150), samples=400, seed=trial)
        covered += score.low <= 0.8 <= score.high
    assert 180 <= covered <= 199


def test_rows_of_one_document_are_drawn_together():
    # Ten copies of the same 30 rows carry no more information than the 30.
    rng = np.random.default_rng(1)
    gold = rng.integers(0, 4, (30, 1))
    predicted = np.where(rng.random((30, 1)) < 0.6, gold, rng.integers(0, 4, (30, 1)))
    one = scores(gold, predicted, np.arange(30))["macro_f1"]
    ten = scores(np.tile(gold, (10, 1)), np.tile(predicted, (10, 1)), np.tile(np.arange(30), 10))["macro_f1"]
    assert one == ten


def test_missing_labels_are_left_out():
    gold, predicted = np.array([[0, -1], [1, 2]]), np.array([[0, 3], [1, 2]])
    assert confusion_by_document(gold, predicted, np.arange(2)).sum() == 3


def test_an_issue_without_labels_lowers_no_figure():
    gold = np.array([[0, -1], [1, -1], [2, -1], [3, -1]])
    assert scores(gold, np.abs(gold), np.arange(4))["issue_f_avg"].value == 1


def test_a_model_does_not_differ_from_itself():
    rng = np.random.default_rng(2)
    gold, predicted = rng.integers(0, 4, (2, 50, 3))
    for score in difference(gold, predicted, predicted, np.arange(50)).values():
        assert score.value == score.low == score.high == 0
    runs = np.stack([gold, predicted])
    mean = scores(gold, runs, np.arange(50))["macro_f1"].value
    assert mean == pytest.approx((1 + scores(gold, predicted, np.arange(50))["macro_f1"].value) / 2)
