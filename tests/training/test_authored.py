import pytest

from stance.evaluation.corpus import read_corpus
from training.authored import corpora, main, templates, told_apart


def test_templates_are_found_and_variety_is_none():
    made = [f"{name} stressed the need for a lasting peace in the region." for name in ("He", "She", "Oman", "Peru")]
    found = templates([*made, "Nothing like it."])
    assert "stressed the need for a lasting" in found and found["stressed the need for a lasting"] == [0, 1, 2, 3]
    assert templates(made[:3]) == {}


def test_the_authored_corpus_has_no_templates_and_is_large_enough(capsys):
    assert main([]) == 0
    assert "0 runs of six words" in capsys.readouterr().out
    corpus = read_corpus(corpora())
    for name in ("crimea", "nato", "ceasefire"):
        counts = corpus.counts()[name]
        assert sum(counts.values()) >= 4000 and min(counts.values()) >= 250


def test_a_bag_of_words_tells_different_manners_apart_and_not_the_same():
    pytest.importorskip("sklearn")
    dry = [f"The parties reaffirmed their commitment to item {n}." for n in range(60)]
    wry = [f"Nobody, of course, had asked the fish about clause {n}!" for n in range(60)]
    assert told_apart(dry, wry).value > 0.95
    assert told_apart(dry[::2], dry[1::2]).value < 0.75


def test_authored_and_real_are_told_apart_less_than_always(shared):
    pytest.importorskip("sklearn")
    authored = read_corpus(corpora()).distinct()  # one that stands in several folds would be known again
    assert told_apart(authored.texts, read_corpus(shared / "train.jsonl").texts).value < 0.95
