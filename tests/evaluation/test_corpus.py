import json

import pytest

from stance.errors import InputError
from stance.evaluation.corpus import MISSING, read_corpus


def put(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_one_column_an_issue_with_gaps(tmp_path):
    path = put(
        tmp_path / "a.jsonl",
        {"text": "A", "crimea": "favor", "nato": "", "doc": "d", "context": "before"},
        {"text": "B", "crimea": "against", "nato": "neutral"},
    )
    corpus = read_corpus(path)
    assert corpus.labels.tolist() == [[0, MISSING, MISSING], [1, 2, MISSING]]
    assert corpus.contexts == ("before", "") and corpus.documents[0] == "d" != corpus.documents[1]
    assert corpus.counts()["crimea"] == {"favor": 1, "against": 1, "neutral": 0, "unrelated": 0}
    assert corpus.take([1]).texts == ("B",)


def test_the_long_form_joins_rows_of_one_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,target,label\nA,nato,favor\nA,Whales should be protected.,against\nB,nato,neutral\n")
    corpus = read_corpus(path)
    assert [issue.name for issue in corpus.issues] == ["crimea", "nato", "ceasefire", "Whales should be protected."]
    assert corpus.texts == ("A", "B")
    assert corpus.labels.tolist() == [[MISSING, 0, MISSING, 1], [MISSING, 2, MISSING, MISSING]]


def test_labels_may_come_from_a_second_file(tmp_path):
    texts = put(tmp_path / "t.jsonl", {"id": "1", "text": "A"}, {"id": "2", "text": "B"})
    labels = put(tmp_path / "l.jsonl", {"id": "2", "crimea": "neutral", "nato": "favor", "ceasefire": "against"})
    corpus = read_corpus(f"{texts}+{labels}")
    assert corpus.texts == ("B",) and corpus.labels.tolist() == [[2, 0, 1]]


def test_several_files_make_one_corpus(tmp_path):
    one, two = (
        put(tmp_path / "1.jsonl", {"text": "A", "nato": "favor"}),
        put(tmp_path / "2.jsonl", {"text": "B", "nato": "favor"}),
    )
    assert len(read_corpus([one, two])) == 2


@pytest.mark.parametrize(
    "rows,message",
    [
        ([], "no labelled statement"),
        (
            [{"text": "A", "nato": "favor"}, {"text": "B", "nato": "pro"}],
            "line 2: nato is labelled 'pro'; allowed: favor, against",
        ),
        ([{"text": "A", "nato": "Favor"}], "labelled 'Favor'"),
        ([{"text": " ", "nato": "favor"}], "line 1: the text is blank"),
        ([{"text": None, "nato": "favor"}], "the text is None"),
        ([{"text": "A", "grain": "favor"}], "no label column"),
        ([{"text": "A", "target": "", "label": "favor"}], "the target is blank"),
    ],
)
def test_a_bad_corpus_is_named_with_its_line(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        read_corpus(put(tmp_path / "a.jsonl", *rows))


def test_who_is_for_a_target_is_against_its_reverse(tmp_path):
    rows = [
        {"text": t, "target": "Whaling should end.", "reverse": "Whaling is fine.", "label": t}
        for t in ("favor", "against", "neutral")
    ]
    corpus = read_corpus(put(tmp_path / "a.jsonl", *rows))
    assert [issue.proposition for issue in corpus.issues[3:]] == ["Whaling should end.", "Whaling is fine."]
    assert corpus.labels[:, 3:].tolist() == [[0, 1], [1, 0], [2, 2]]


def test_a_frame_is_a_corpus_and_its_gaps_are_no_labels():
    pandas = pytest.importorskip("pandas")
    corpus = read_corpus(pandas.DataFrame({"text": ["A", "B"], "nato": ["favor", None], "doc": [0, 0]}))
    assert corpus.labels[:, 1].tolist() == [0, MISSING] and corpus.documents == ("0", "0")
    with pytest.raises(InputError, match="the frame has no column 'text'"):
        read_corpus(pandas.DataFrame({"words": ["A"]}))
