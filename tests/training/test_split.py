"""A held-out part shares neither documents nor near-duplicates with the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stance
from stance.evaluation.corpus import Corpus
from stance.evaluation.duplicates import near_groups
from training.split import split

NATO = (stance.Issue("nato", "Ukraine should become a member of NATO."),)


def corpus(texts, documents, labels):
    return Corpus(tuple(texts), ("",) * len(texts), tuple(documents), NATO, np.array(labels)[:, None])


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=12, max_size=80).filter(
        lambda r: len({d for d, _ in r}) > 3
    )
)
def test_no_document_is_divided_and_nothing_is_lost(rows):
    texts = [f"{'abcdefghij'[n % 10] * 3} statement number {n} of delegation {n * 7}" for n in range(len(rows))]
    whole = corpus(texts, [str(d) for d, _ in rows], [label for _, label in rows])
    try:
        kept, held = split(whole)
    except stance.InputError as error:  # a document that is nearly all of it
        assert "can be held out" in str(error)
        return
    assert set(kept.labels[:, 0]) == set(whole.labels[:, 0])
    assert sorted(kept.texts + held.texts) == sorted(texts)
    assert len(kept) and len(held) and not set(kept.documents) & set(held.documents)
    groups = dict(zip(whole.texts, near_groups(whole.texts, whole.documents), strict=True))
    assert not {groups[text] for text in kept.texts} & {groups[text] for text in held.texts}


def test_labels_are_about_as_frequent_in_both():
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=500, p=[0.1, 0.2, 0.1, 0.6])
    texts = [" ".join(rng.choice(list("abcdefghijklmnop"), size=12)) for _ in labels]
    kept, held = split(corpus(texts, map(str, range(500)), labels))
    assert len(held) == pytest.approx(100, abs=10)
    shares = [np.bincount(part.labels[:, 0], minlength=4) / len(part) for part in (kept, held)]
    assert np.abs(shares[0] - shares[1]).max() < 0.03


def test_near_duplicates_stay_together():
    same = "The two ministers agreed that the guns must fall silent before the harvest comes in"
    texts = [same, f"He said {same.lower()}, at last.", "Something else was said about fish and quotas today"]
    assert near_groups(texts, "abc").tolist() in ([0, 0, 1], [1, 1, 0])
    assert len(set(near_groups(texts, "aba"))) == 1


@pytest.mark.parametrize("count,document,message", [(1, "a", "1 statements cannot"), (20, "a", "of one document")])
def test_what_cannot_be_divided_is_said(count, document, message):
    texts = [f"{chr(97 + n)} words here {n}" for n in range(count)]
    with pytest.raises(stance.InputError, match=message):
        split(corpus(texts, [document] * count, [0] * count))


def test_the_last_row_of_a_label_is_not_held_out_nor_a_single_row_of_many():
    texts = [" ".join(np.random.default_rng(n).choice(list("abcdefghijklmnop"), size=12)) for n in range(100)]
    kept, held = split(corpus(texts[:61], map(str, range(61)), [0] * 60 + [1]))
    assert set(kept.labels[:, 0]) == {0, 1} and len(held) == pytest.approx(12, abs=2)
    with pytest.raises(stance.InputError, match="of 100 statements only 1 can be held out"):
        split(corpus(texts, ["a"] * 99 + ["b"], [0, 1] * 50))
