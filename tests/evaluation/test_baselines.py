import numpy as np
import pytest

from stance.evaluation.baselines import tfidf
from stance.evaluation.corpus import Corpus
from stance.issues import KEY_ISSUES


def corpus(texts, labels):
    return Corpus(tuple(texts), ("",) * len(texts), tuple(texts), KEY_ISSUES[:2], np.array(labels))


def test_tfidf_learns_words_and_leaves_unlabelled_issues_unrelated():
    pytest.importorskip("sklearn")
    train = corpus(["we welcome it", "we reject it"] * 5, [[0, -1], [1, -1]] * 5)
    test = corpus(["they welcome that", "they reject that"], [[0, 3], [1, 3]])
    assert tfidf(train, test).tolist() == [[0, 3], [1, 3]]
