import csv
import gzip
import json

import pytest
from conftest import SHARED

import stance
from stance.evaluation.public import SETS, files_of, measure_public, read_set

BY_NAME = {one.name: one for one in SETS}


def put(folder, name, rows):
    (folder / name).mkdir()
    with gzip.open(folder / name / "test.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def sets(tmp_path):
    tweets = [
        {"text": f"Tweet {n}", "target": f"Target {n % 2}", "label": ("favor", "against", "neutral")[n % 3]} for n in range(12)
    ]
    put(tmp_path, "semeval2016_t6a", tweets)
    put(tmp_path, "vast", [row | {"seen": n % 2} for n, row in enumerate(tweets)])
    put(tmp_path, "pstance", [row for row in tweets if row["label"] != "neutral"])
    return tmp_path


def test_every_set_is_measured_as_its_authors_do(sets, tiny):
    found = {(score.dataset.name, score.part.name): score for score in measure_public(tiny, sets, samples=20)}
    assert {name for name, _ in found} == {"semeval2016_t6a", "vast", "pstance"}
    assert found["vast", "zero-shot"].rows == found["vast", "few-shot"].rows == 6 and found["vast", "all"].rows == 12
    for score in found.values():
        assert 0 <= score.score.low <= score.score.value <= score.score.high <= 100


def test_the_measures_are_those_of_scikit_learn(sets, tiny):
    f1_score = pytest.importorskip("sklearn.metrics").f1_score
    (pooled, averaged) = measure_public(tiny, sets, ("semeval2016_t6a",), samples=20)
    rows, _ = read_set(BY_NAME["semeval2016_t6a"], sets)
    gold, given = [row["label"] for row in rows], []
    for row in rows:
        p = dict(tiny.classify(row["text"], [stance.Issue("x", row["target"])])["x"].probabilities)
        p["neutral"] += p.pop("unrelated")
        given.append(max(p, key=p.get))
    sides = {"labels": ["favor", "against"], "average": "macro", "zero_division": 0}
    assert pooled.score.value == pytest.approx(100 * f1_score(gold, given, **sides))
    each = [f1_score(gold[k::2], given[k::2], **sides) for k in range(2)]
    assert averaged.score.value == pytest.approx(100 * sum(each) / 2)


def test_the_authors_own_columns_are_read(tmp_path, tiny):
    (tmp_path / "pstance").mkdir()
    header = ["Tweet", "Target", "Stance"]
    for target in ("trump", "biden"):
        with open(tmp_path / "pstance" / f"raw_test_{target}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, ["Yes, him.", target, "FAVOR"], ["No, not", target, "AGAINST"]])
    rows, corpus = read_set(BY_NAME["pstance"], tmp_path)
    assert len(rows) == 4 and [issue.proposition for issue in corpus.issues] == ["biden", "trump"]
    (tmp_path / "vast").mkdir()
    (tmp_path / "vast" / "vast_test.csv").write_text("post,topic_str,label,seen?\nFine,power,1,0\nBad,power,0,1\nHm,power,2,1\n")
    rows, corpus = read_set(BY_NAME["vast"], tmp_path)
    assert corpus.labels.ravel().tolist() == [0, 1, 2]
    assert [s.rows for s in measure_public(tiny, tmp_path, ("vast",), samples=5)] == [1, 2, 3]


@pytest.mark.parametrize(
    "make,names,message",
    [
        (lambda folder: folder / "none", (), "there is no folder"),
        (lambda folder: folder, (), "holds none of semeval2016_t6a"),
        (lambda folder: folder, ("vats",), "public set 'vats' is not known"),
    ],
)
def test_what_is_missing_is_named(tmp_path, tiny, make, names, message):
    with pytest.raises(stance.InputError, match=message):
        list(measure_public(tiny, make(tmp_path), names))


def test_a_wrong_column_or_label_is_named_with_its_line(tmp_path, tiny):
    put(tmp_path, "pstance", [{"text": "A", "target": "T", "label": "favor"}, {"text": "A", "target": "T", "label": "neutral"}])
    with pytest.raises(stance.InputError, match="line 2: label 'neutral' is not one of this set's"):
        list(measure_public(tiny, tmp_path))
    put(tmp_path, "vast", [{"words": "A", "target": "T", "label": "favor"}])
    with pytest.raises(stance.InputError, match="no column text or Tweet"):
        list(measure_public(tiny, tmp_path, ("vast",)))


@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_the_published_sets_can_be_read(one):
    if not files_of(one, SHARED / "datasets"):
        pytest.skip("the published sets are not on this machine")
    rows, corpus = read_set(one, SHARED / "datasets")
    assert len(rows) == len(corpus) > 500
    for part in one.parts:
        assert any(part.chosen(row) for row in rows), part.name
