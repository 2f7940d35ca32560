import json

import pytest

from stance.errors import InputError
from stance.evaluation.corpus import MISSING, parse_map, read_corpus
from stance.evaluation.validation import check_corpus


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
    again = corpus.take([1, 0, 1, 0]).distinct()
    assert again.texts == ("B", "A") and again.documents == corpus.documents[::-1]


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


def test_columns_and_labels_of_the_corpus_s_own(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "a.csv"
    path.write_text("sentence,position,text\nA,pro,x\nB,con,y\n")
    corpus = read_corpus(path, columns={"text": "sentence", "nato": "position"}, labels={"pro": "favor", "con": "against"})
    assert corpus.texts == ("A", "B") and corpus.labels[:, 1].tolist() == [0, 1]
    frame = pandas.read_csv(path)
    same = read_corpus(frame, columns={"text": "sentence", "nato": "position"}, labels={"pro": "favor", "con": "against"})
    assert same.texts == corpus.texts and (same.labels == corpus.labels).all()
    numbers = pandas.DataFrame({"text": ["A", "B"], "nato": [1, 0]})
    assert read_corpus(numbers, labels={"1": "favor", "0": "against"}).labels[:, 1].tolist() == [0, 1]
    gap = pandas.DataFrame({"text": ["A", "B", "C"], "nato": [1, 0, None]})
    assert read_corpus(gap, labels={"1": "favor", "0": "against"}).labels[:, 1].tolist() == [0, 1, MISSING]
    # A text that is itself one of the labels' names stays as it is.
    assert read_corpus(pandas.DataFrame({"text": ["pro"], "nato": ["pro"]}), labels={"pro": "favor"}).texts == ("pro",)


@pytest.mark.parametrize(
    "columns,message",
    [
        ({"nato": "position", "context": "before"}, "no row of the corpus has a column 'before'"),
        ({"nato": "position", "crimea": "position"}, "two names are given to one column"),
        ({"doc": "position"}, "has a column 'doc' already"),
        ({"text": "sentence"}, "no column 'sentence'.*--columns text=NAME"),
    ],
)
def test_a_column_that_is_not_there_is_said(tmp_path, columns, message):
    path = tmp_path / "a.csv"
    path.write_text("text,position,doc\nA,favor,7\n")
    with pytest.raises(InputError, match=message):
        read_corpus(path, columns=columns)


def test_a_label_in_the_wrong_case_says_what_was_meant(tmp_path):
    with pytest.raises(InputError, match=r"'Favor'; allowed: .*; write 'favor', or say labels=Favor=favor"):
        read_corpus(put(tmp_path / "a.jsonl", {"text": "A", "nato": "Favor"}))


def test_what_datasets_saved_is_read_and_class_labels_get_their_names(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "nato": datasets.ClassLabel(names=["against", "favor"])})
    made = datasets.Dataset.from_dict({"text": ["A", "B", "C"], "nato": [1, 0, -1]}, features=features)
    made.save_to_disk(tmp_path / "saved")
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    for source in (tmp_path / "saved", arrow, [tmp_path / "saved"]):
        assert read_corpus(source).labels[:, 1].tolist() == [0, 1, MISSING]
    datasets.DatasetDict({"train": made, "test": made}).save_to_disk(tmp_path / "several")
    with pytest.raises(InputError, match=r"several splits \(train, test\); name the folder of one"):
        read_corpus(tmp_path / "several")
    with pytest.raises(InputError, match=r"cannot be read .*name a file, a folder that datasets saved"):
        read_corpus(tmp_path)


def test_a_hub_data_set_that_cannot_be_had_is_one_sentence(monkeypatch):
    datasets = pytest.importorskip("datasets")

    def load(path, split):
        if path == "us/own":
            return datasets.Dataset.from_dict({"text": ["A"], "nato": [f"{split}"]})
        raise ConnectionError("no network\nhere")

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert read_corpus("hf:us/own:favor").labels[0, 1] == 0
    with pytest.raises(InputError, match=r"hf:org/name cannot be read \(ConnectionError: no network here\)"):
        read_corpus("hf:org/name")


def test_maps_of_the_command_line():
    assert parse_map("labels", ["pro=favor,con=against", "x = neutral"]) == {"pro": "favor", "con": "against", "x": "neutral"}
    for wrong in (["pro"], ["=favor"], ["a=b", "a=c"]):
        with pytest.raises(InputError, match="--labels takes ONE=OTHER"):
            parse_map("labels", wrong)


def test_labels_beside_their_texts_contradict_and_miss_nothing_in_silence(tmp_path):
    texts = put(tmp_path / "texts.jsonl", {"id": "a", "text": "Join NATO!"}, {"id": "b", "text": "Stay out."})
    both = f"{texts}+{put(tmp_path / 'labels.jsonl', {'id': 'b', 'nato': 'against'}, {'id': 'b', 'nato': 'favor'})}"
    assert "labelled otherwise on nato" in check_corpus(both).problems[0]
    lost = f"{texts}+{put(tmp_path / 'lost.jsonl', {'id': 'b', 'nato': 'against'}, {'id': 'zz', 'nato': 'favor'})}"
    with pytest.raises(InputError, match=r"lost.jsonl, line 2: no text in .*texts.jsonl has the id 'zz'"):
        read_corpus(lost)
    assert len(read_corpus(put(tmp_path / "a+b.jsonl", {"text": "A", "nato": "favor"}))) == 1


def test_frames_with_pandas_own_gaps_and_lists(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": ["A", "B"], "nato": ["favor", None], "crimea": [None, "against"], "words": [[1], [2, 3]]})
    assert read_corpus(frame.convert_dtypes()).labels[:, :2].tolist() == [[MISSING, 0], [1, MISSING]]


def test_a_column_for_an_issue_that_is_not_known_is_an_error(tmp_path):
    path = put(tmp_path / "a.jsonl", {"text": "A", "nato": "favor", "position": "against"})
    with pytest.raises(InputError, match="'sanctions' is no issue here; known: crimea, nato, ceasefire"):
        read_corpus(path, columns={"sanctions": "position"})


def test_rows_of_one_text_that_contradict_each_other_are_an_error(tmp_path):
    path = put(tmp_path / "a.jsonl", *({"text": "A", "target": "nato", "label": label} for label in ("favor", "against")))
    with pytest.raises(InputError, match=r"line 2: this text was labelled otherwise on 'nato' before"):
        read_corpus(path)
