"""The included benchmarks: sound, independent of all training text, and measured as their cards say."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from conftest import ROOT

import stance
from stance.evaluation.corpus import read_corpus
from stance.evaluation.duplicates import near_duplicates
from stance.evaluation.included import FOLDER, INCLUDED, articles, load_benchmark
from stance.result import LABELS
from stance.tables import read

PHENOMENA = {
    *("negation", "double-negation", "condition", "past-present", "hedging", "reported-speech", "quoting-opponent"),
    *("naming", "holder", "irony", "actor-swap", "irrelevant-addition", "paraphrase", "typos"),
}
KEEP = {"actor-swap", "irrelevant-addition", "paraphrase", "typos"}


def rows(name):
    return list(read(FOLDER / f"{name}.jsonl"))


def test_diplomacy_has_enough_of_every_label():
    corpus = load_benchmark("diplomacy")
    assert len(corpus) >= 900 and (corpus.labels >= 0).all()
    for counts in corpus.counts().values():
        assert min(counts[label] for label in ("favor", "against", "neutral")) >= 60
    assert (corpus.labels == LABELS.index("unrelated")).all(1).mean() >= 1 / 3 - 0.005


def test_contrast_is_made_of_pairs_of_every_phenomenon():
    pairs = {}
    for row in rows("contrast"):
        pairs.setdefault(row["doc"], []).append(row)
    assert len(pairs) >= 400 and {len(pair) for pair in pairs.values()} == {2}
    count = Counter(pair[0]["phenomenon"] for pair in pairs.values())
    assert set(count) == PHENOMENA and min(count.values()) >= 30
    for name, (one, other) in pairs.items():
        assert one["phenomenon"] == other["phenomenon"] and one["issue"] == other["issue"], name
        assert one["text"] != other["text"], name
        if one["phenomenon"] in KEEP:
            assert one[one["issue"]] == other[one["issue"]], name
    for phenomenon in PHENOMENA - KEEP:
        own = [pair for pair in pairs.values() if pair[0]["phenomenon"] == phenomenon]
        assert sum(one[one["issue"]] != other[one["issue"]] for one, other in own) > len(own) / 2, phenomenon


def test_own_issues_has_enough_issues_over_all_labels():
    corpus = load_benchmark("own-issues")
    counts = corpus.counts()
    assert len(counts) >= 20 and not set(counts) & {issue.name for issue in stance.KEY_ISSUES}
    for name, by_label in counts.items():
        assert sum(by_label.values()) >= 30 and min(by_label.values()) >= 6, name


def test_articles_have_gold_that_lies_in_them():
    found = list(articles())
    assert len(found) >= 40
    for article in found:
        text = article["text"]
        assert 200 <= len(text.split()) <= 600, article["id"]
        assert all(text[begin:end] == text[begin:end].strip() != "" for begin, end in article["sentences"])
        between = text
        for begin, end in reversed(article["sentences"]):
            between = between[:begin] + between[end:]
        assert not between.strip(), article["id"]
        for gold in article["statements"]:
            begin, end = gold["span"]
            assert set(gold) == {"holder", "issue", "stance", "span"} and gold["holder"].strip()
            assert gold["issue"] in ("crimea", "nato", "ceasefire") and gold["stance"] in ("favor", "against", "neutral")
            assert 0 <= begin < end <= len(text) and text[begin:end] == text[begin:end].strip()
    assert len({gold["holder"] for article in found for gold in article["statements"]}) > 60
    assert load_benchmark("articles").labels.shape[0] == sum(len(article["sentences"]) for article in found)


@pytest.mark.parametrize("name", INCLUDED)
def test_no_benchmark_text_stands_in_any_training_file(name):
    held = [article["text"] for article in articles()] if name == "articles" else []
    held = [*held, *load_benchmark(name).texts]
    files = (ROOT / "training" / "corpora").glob("*.jsonl")
    trained = [row["text"] for path in files if not path.stem.endswith("-labels") for row in read(path)]
    assert len(trained) > 4000
    assert [(held[n], trained[m]) for n, m in near_duplicates(held, trained)] == []


@pytest.mark.parametrize("name", INCLUDED)
def test_no_benchmark_text_stands_in_the_real_statements(name, shared):
    real = [row["text"] for part in ("train", "validation", "unlabelled") for row in read(shared / f"{part}.jsonl")]
    held = load_benchmark(name).texts
    assert [(held[n], real[m]) for n, m in near_duplicates(held, real) if len(held[n].split()) > 8] == []


def test_no_statement_stands_in_two_benchmarks():
    texts = [(name, text) for name in ("diplomacy", "contrast", "own-issues") for text in load_benchmark(name).texts]
    for name in ("diplomacy", "contrast", "own-issues"):
        one, rest = [t for n, t in texts if n == name], [t for n, t in texts if n != name]
        assert near_duplicates(one, rest) == []


@pytest.mark.parametrize("name", [*INCLUDED, "public"])
def test_every_benchmark_has_a_card_whose_counts_are_true(name):
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {name}\n")
    if name != "public":
        assert "κ" in card and "Cohen" in card
        corpus = load_benchmark(name)
        number = re.search(r"([\d,]+) (statements|sentences)", card).group(1)
        assert int(number.replace(",", "")) == len(corpus)


def test_one_table_with_intervals_and_baselines(tiny, tmp_path):
    pytest.importorskip("sklearn")
    found = stance.benchmark(["contrast", "articles"], tiny, samples=20)
    text = found.to_markdown()
    assert "| contrast " in text and "| articles " in text and "majority" in text and "TF-IDF" in text
    assert {line.figure for line in found.phenomena} == PHENOMENA
    for line in found.lines:
        assert 0 <= line.score.low <= line.score.value <= line.score.high <= 1 and "majority" in line.baselines
    found.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "benchmark.json").read_text())["model"] == "tiny"
    assert text in (tmp_path / "out" / "benchmark.md").read_text()


def test_pairs_are_right_only_when_both_statements_are(tiny):
    found = stance.benchmark("contrast", tiny, baselines=False, samples=5)
    corpus, given = load_benchmark("contrast"), {}
    answers = tiny.classify(list(corpus.texts))
    columns = {issue.name: k for k, issue in enumerate(corpus.issues)}
    for n, (row, statement) in enumerate(zip(rows("contrast"), answers, strict=True)):
        right = statement[row["issue"]].label == LABELS[corpus.labels[n, columns[row["issue"]]]]
        given.setdefault(row["doc"], []).append(right)
    assert found.lines[0].score.value == pytest.approx(np.mean([all(pair) for pair in given.values()]))


@pytest.mark.parametrize(
    "arguments,message",
    [(("diplomatic",), "benchmark 'diplomatic' is not known"), (("public",), "name the folder that holds them")],
)
def test_bad_names_are_named(tiny, arguments, message):
    with pytest.raises(stance.InputError, match=message):
        stance.benchmark(*arguments, tiny)


def test_a_corpus_of_all_files_reads_as_one():
    assert len(read_corpus([FOLDER / "diplomacy.jsonl", FOLDER / "contrast.jsonl"])) > 1300
