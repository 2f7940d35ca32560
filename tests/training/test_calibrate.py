import numpy as np
import pytest

pytest.importorskip("scipy")

from stance.evaluation.corpus import Corpus
from stance.issues import KEY_ISSUES
from training.calibrate import cross_fitted_error, fit_calibration


def test_a_known_temperature_is_found_and_mends_overconfidence():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3000, 1, 4))
    exact = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    gold = np.array([[rng.choice(4, p=row)] for row in exact[:, 0]])
    corpus = Corpus(("x",) * 3000, ("",) * 3000, tuple(map(str, range(3000))), KEY_ISSUES[:1], gold)
    calibration = fit_calibration(logits * 3, corpus)
    assert calibration.temperatures["crimea"] == pytest.approx(3, rel=0.1)
    assert calibration.default == pytest.approx(3, rel=0.1)
    assert cross_fitted_error(logits * 3, corpus) < 0.03
