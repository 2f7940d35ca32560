import numpy as np
import pytest

from stance.evaluation.comparison import approximate_randomisation, compare, mcnemar


def noisy(gold, rate, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(gold.shape) < rate, gold, rng.integers(0, 4, gold.shape))


def test_equal_models_do_not_differ_and_unequal_ones_do():
    pytest.importorskip("scipy")
    gold = np.random.default_rng(0).integers(0, 4, (300, 3))
    good, bad = noisy(gold, 0.9, 1), noisy(gold, 0.6, 2)
    same = compare(gold, good[None], good[None], np.arange(300), samples=200)
    assert set(same.randomisation.values()) == {1.0} and same.mcnemar == 1 and same.only_one == same.only_other == 0
    found = compare(gold, good[None], bad[None], np.arange(300), samples=200)
    assert all(score.low > 0 for score in found.difference.values())
    assert max(found.randomisation.values()) < 0.001 and found.mcnemar < 0.001 and found.only_one > found.only_other
    turned = compare(gold, bad[None], good[None], np.arange(300), samples=200)
    assert turned.randomisation == found.randomisation and turned.mcnemar == found.mcnemar


def test_randomisation_rejects_as_rarely_as_it_says_when_nothing_differs():
    gold = np.random.default_rng(3).integers(0, 4, (120, 2))
    small = sum(
        approximate_randomisation(gold, noisy(gold, 0.7, 2 * n + 10), noisy(gold, 0.7, 2 * n + 11), np.arange(120), rounds=199)[
            "macro_f1"
        ]
        <= 0.1
        for n in range(100)
    )
    assert 2 <= small <= 21  # 10 expected; the bounds leave out one in a thousand


def test_documents_change_sides_as_a_whole():
    # One document that is all right against all wrong: it can only stay or go, so nothing is surprising.
    gold = np.zeros((50, 1), int)
    found = approximate_randomisation(gold, gold, gold + 1, np.zeros(50), rounds=199)
    assert found["macro_f1"] == 1


def test_mcnemar_is_the_binomial_test_of_the_discordant():
    stats = pytest.importorskip("scipy.stats")
    gold = np.zeros((20, 1), int)
    one, other = gold.copy(), gold.copy()
    one[:2], other[2:11] = 1, 1
    assert mcnemar(gold, one, other) == (pytest.approx(stats.binomtest(9, 11).pvalue), 9, 2)


def test_seeds_are_compared_by_their_mean():
    gold = np.random.default_rng(4).integers(0, 4, (100, 2))
    runs = np.stack([noisy(gold, 0.9, s) for s in range(3)])
    found = compare(gold, runs, np.stack([noisy(gold, 0.5, s + 9) for s in range(2)]), np.arange(100), samples=100)
    assert found.mcnemar is None and found.difference["macro_f1"].low > 0 and found.randomisation["macro_f1"] < 0.01
