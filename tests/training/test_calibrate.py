import numpy as np
import pytest

pytest.importorskip("scipy")

from stance.calibration import Calibration
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
    assert calibration.default == pytest.approx(3, rel=0.1) and calibration.power == pytest.approx(1, rel=0.1)
    assert cross_fitted_error(logits * 3, corpus) < 0.03


def test_a_power_is_found_where_the_sure_are_too_modest_and_the_doubtful_too_bold():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 1, 4)) * 3
    exact = Calibration({"crimea": 3.0}, power=2.0)(logits, ["crimea"])
    gold = np.array([[rng.choice(4, p=row)] for row in exact[:, 0]])
    corpus = Corpus(("x",) * 4000, ("",) * 4000, tuple(map(str, range(4000))), KEY_ISSUES[:1], gold)
    calibration = fit_calibration(logits, corpus)
    assert calibration.power == pytest.approx(2, rel=0.15) and calibration.temperatures["crimea"] == pytest.approx(3, rel=0.1)
    assert cross_fitted_error(logits, corpus) < 0.02
    few = corpus.take(range(3))
    assert 0.5 <= fit_calibration(logits[:3], few).power < 5, "three rows do not decide it"
