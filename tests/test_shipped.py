"""The models that ship: what they must know, and that they are the models that were measured."""

import numpy as np
import pytest

import stance
from stance.evaluation.corpus import read_corpus
from stance.evaluation.metrics import scores as measure
from stance.store import bundled

CASES = [
    ("We will never accept the seizure of the Crimean peninsula.", "crimea", "against"),
    ("Sevastopol and Crimea came home by the will of their people.", "crimea", "favor"),
    ("The hotel prices in Yalta rose by a tenth this summer.", "crimea", "unrelated"),
    ("The door of NATO stays open to Ukraine.", "nato", "favor"),
    ("We demand written guarantees that Ukraine will not be taken into NATO.", "nato", "against"),
    ("We call on both armies to silence their guns at once.", "ceasefire", "favor"),
    ("There can be no ceasefire until the last invader has left our soil.", "ceasefire", "against"),
    ("The two leaders exchanged congratulations on the anniversary of diplomatic relations.", "ceasefire", "unrelated"),
]


def load(name, backend="onnx"):
    if name not in bundled():
        pytest.skip(f"{name} comes with a clone only")
    return stance.load(name, backend=backend)


@pytest.fixture(scope="module", params=["stance-mini", "stance-base"])
def shipped(request):
    return load(request.param)


@pytest.mark.parametrize("text,issue,label", CASES)
def test_plain_statements_get_their_label(shipped, text, issue, label):
    assert shipped.classify(text)[issue].label == label


def test_the_manifest_tells_what_was_measured(shipped, shared):
    corpus = read_corpus(shared / "validation.jsonl", shipped.issues)
    results = shipped.classify(list(corpus.texts))
    predicted = np.array([[stance.LABELS.index(answer.label) for answer in statement] for statement in results])
    scores = measure(corpus.labels, predicted, np.array(corpus.documents))
    for name, promised in shipped.manifest["validation"]["scores"].items():
        assert scores[name].value == pytest.approx(promised["value"], abs=0.01), name


def test_int8_and_float32_give_the_same_labels(mini, shared):
    pytest.importorskip("torch")
    texts = list(read_corpus(shared / "validation.jsonl", mini.issues).texts)
    whole = stance.load(backend="torch").classify(texts)
    same = [a.label == b.label for x, y in zip(mini.classify(texts), whole, strict=True) for a, b in zip(x, y, strict=True)]
    assert np.mean(same) >= 0.99


# In eight bits a rounding error of float32 may tip an activation into the next of 255 steps.
@pytest.mark.parametrize(
    "name,backend,tolerance", [("stance-mini", "onnx", 1e-2), ("stance-mini", "torch", 1e-4), ("stance-base", "onnx", 1e-2)]
)
def test_company_changes_no_probability(name, backend, tolerance, shared):
    if backend == "torch":
        pytest.importorskip("torch")
    model = load(name, backend)
    texts = list(read_corpus(shared / "validation.jsonl", model.issues).texts)[:40]
    own = stance.Issue("grain", "The grain corridor should be kept open.")
    together = model.classify(texts[::-1], batch_size=40)[::-1]
    for text, among in zip(texts, together, strict=True):
        alone, beside = model.classify(text), model.classify(text, ["ceasefire", own, "crimea"])
        for issue in ("crimea", "ceasefire"):
            assert alone[issue].label == beside[issue].label == among[issue].label
            assert alone[issue].probability == pytest.approx(among[issue].probability, abs=1e-4)
            assert beside[issue].probability == pytest.approx(among[issue].probability, abs=tolerance)
