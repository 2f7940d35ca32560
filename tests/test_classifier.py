import itertools
import warnings

import numpy as np
import pytest
from conftest import TEXTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stance


def same(one, other, tolerance=1e-4):
    assert one.issues == other.issues
    for a, b in zip(one, other, strict=True):
        assert a.label == b.label
        assert np.allclose(list(a.probabilities.values()), list(b.probabilities.values()), atol=tolerance)


def test_one_text_gives_one_statement(tiny):
    s = tiny.classify(TEXTS[0])
    assert s.text == TEXTS[0] and s.issues == ("crimea", "nato", "ceasefire")
    assert s["crimea"].label in stance.LABELS
    assert s["crimea"].probability == max(s["crimea"].probabilities.values())
    assert s.to_dict()["stances"]["nato"]["label"] == s["nato"].label
    with pytest.raises(KeyError, match="'peace' was not asked"):
        s["peace"]


def test_results_are_frozen(tiny):
    with pytest.raises(AttributeError):
        tiny.classify("a truce").text = "x"


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_batch_size_order_and_padding_change_nothing(backend):
    if backend == "torch":
        pytest.importorskip("torch")
    model = stance.load("tiny", backend=backend)
    texts = [*TEXTS, "truce " * 90]
    alone = [model.classify(text) for text in texts]
    for size in (1, 2, 3, 64):
        for order in (texts, texts[::-1]):
            results = model.classify(order, batch_size=size)
            assert [r.text for r in results] == order
            for result in results:
                same(result, alone[texts.index(result.text)])


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_an_answer_does_not_depend_on_which_other_issues_are_asked(backend):
    if backend == "torch":
        pytest.importorskip("torch")
    model = stance.load("tiny", backend=backend)
    own = stance.Issue("grain", "The grain corridor should be kept open.")
    everything = model.classify(TEXTS, [*(i.name for i in model.issues), own])
    for names in itertools.permutations(["crimea", "nato", "ceasefire", own], 2):
        for few, all_ in zip(model.classify(TEXTS, names), everything, strict=True):
            for stance_ in few:
                assert stance_.label == all_[stance_.issue].label
                assert stance_.probability == pytest.approx(all_[stance_.issue].probability, abs=1e-4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=5))
def test_any_text_that_is_not_blank_gets_probabilities_that_sum_to_one(tiny, texts):
    try:
        results = tiny.classify(texts)
    except stance.InputError as error:
        assert "blank" in str(error)
        return
    for result in results:
        for answer in result:
            assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-9)
            assert all(0 <= p <= 1 for p in answer.probabilities.values())


def test_an_iterator_is_streamed(tiny):
    taken = itertools.count()
    endless = (f"Statement {next(taken)} on the truce." for _ in itertools.count())
    results = tiny.classify(endless, batch_size=2)
    assert [next(results).text for _ in range(3)] == [f"Statement {n} on the truce." for n in range(3)]
    assert next(taken) < 100


def test_empty_collections_give_empty_results(tiny):
    assert tiny.classify([]) == []
    assert list(tiny.classify(iter([]))) == []


def test_abstaining_leaves_the_label_out_and_the_probability_in(tiny):
    s = tiny.classify(TEXTS[1], abstain_below=1.0)
    assert all(answer.label is None and answer.probability > 0 for answer in s)
    same(tiny.classify(TEXTS[1], abstain_below=0.0), tiny.classify(TEXTS[1]))


def test_context_is_read_but_is_not_the_statement(tiny):
    one = tiny.classify("They would not sign it.", context="The paper recognised the seizure of Crimea.")
    other = tiny.classify("They would not sign it.")
    assert one.text == other.text
    assert one["crimea"].probabilities != other["crimea"].probabilities
    same(one, tiny.classify(["They would not sign it."], context=["The paper recognised the seizure of Crimea."])[0])
    with pytest.raises(stance.InputError, match="2 texts but 1 contexts"):
        tiny.classify(["a", "b"], context=["c"])


def test_a_very_long_text_is_cut_with_a_flag(tiny):
    s = tiny.classify("truce " * 100_000)
    assert s.truncated and len(s.text) == 600_000
    assert not tiny.classify("truce").truncated


@pytest.mark.parametrize("text", ["", "  \n\t", "\u200b", "\x00\x01"])
def test_blank_text_is_an_error_with_its_place(tiny, text):
    with pytest.raises(stance.InputError, match="text 2 is blank"):
        tiny.classify(["a truce", text])


@pytest.mark.parametrize("bad", [None, 7, b"bytes", {"text": "x"}, [None], [float("nan")], [["nested"]], [b"x"]])
def test_what_is_not_text_is_an_error(tiny, bad):
    with pytest.raises(stance.InputError):
        tiny.classify(bad)


@pytest.mark.parametrize(
    "options", [{"abstain_below": 1.5}, {"abstain_below": "high"}, {"batch_size": 0}, {"batch_size": 2.5}, {"context": ["x"]}]
)
def test_bad_options_are_errors(tiny, options):
    with pytest.raises(stance.InputError):
        tiny.classify("text", **options)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_gets_columns(tiny, library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"n": range(len(TEXTS)), "said": TEXTS})
    if library == "pandas":
        frame = frame.set_index(frame.index[::-1] * 10)
    result = tiny.classify(frame, ["crimea"], text_column="said", abstain_below=0.5)
    assert list(result.columns) == ["n", "said", "crimea_label", "crimea_probability"]
    assert type(result) is type(frame) and list(frame.columns) == ["n", "said"]
    expected = tiny.classify(TEXTS, ["crimea"], abstain_below=0.5)
    assert list(result["crimea_probability"]) == [s["crimea"].probability for s in expected]
    labels = [label if isinstance(label, str) else None for label in result["crimea_label"]]
    assert labels == [s["crimea"].label for s in expected]
    with pytest.raises(stance.InputError, match="no column 'text'; it has: n, said"):
        tiny.classify(frame)
    with pytest.raises(stance.InputError, match="'crimea_label' already"):
        tiny.classify(result, ["crimea"], text_column="said")


def test_the_module_function_is_the_same(tiny):
    same(stance.classify(TEXTS[0], model="tiny"), tiny.classify(TEXTS[0]))
    assert len(stance.classify(TEXTS[0], ["nato"], model="tiny")) == 1


def test_an_unknown_backend_is_an_error():
    with pytest.raises(stance.InputError, match="'onnx', 'torch'"):
        stance.load("tiny", backend="tf")


@pytest.mark.parametrize(
    "context,message",
    [
        ([None], "the context of text 1 is None"),
        ([0], "the context of text 1 is 0"),
        (5, "context is text, or one text for each"),
    ],
)
def test_a_context_that_is_no_text_is_named(tiny, context, message):
    with pytest.raises(stance.InputError, match=message):
        tiny.classify(["A truce."], context=context)


def test_a_frame_with_texts_that_are_cut_says_how_many(tiny):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": ["truce", "truce " * 1000, "a truce"]})
    with pytest.warns(UserWarning, match=r"1 of 3 texts are longer .* first is text 2") as said:
        tiny.classify(frame)
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny.classify(frame[::2])


def test_a_frames_column_is_not_taken_for_a_context(tiny):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": ["It was refused."], "before": ["The truce was on the table."]})
    with pytest.raises(stance.InputError, match=r"type context=frame\['before'\]"):
        tiny.classify(frame, context="before")
    with pytest.raises(stance.InputError, match="no column 0"):
        tiny.classify(frame, text_column=0)


def test_numpy_numbers_are_numbers(tiny):
    import numpy as np

    assert tiny.classify(["A truce."], abstain_below=np.float32(0.5), batch_size=np.int64(3))
    with pytest.raises(stance.InputError, match="from 0 to 1"):
        tiny.classify(["A truce."], abstain_below=True)


def test_leading_blanks_hide_nothing(tiny):
    plain, hidden = (
        tiny.classify("The guns must fall silent."),
        tiny.classify("\n" * 20_001 + "The guns must fall silent." + " " * 20_001),
    )
    assert not hidden.truncated and [s.probabilities for s in plain] == [s.probabilities for s in hidden]
