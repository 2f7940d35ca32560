"""Training, export, calibration and measuring, on the seconds-small model."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

import stance
from stance.evaluation.corpus import read_corpus
from training import train
from training.batches import label_weights, packed_batches, plan, widen
from training.fit import fit, predict
from training.recipe import Recipe

WORDS = {"favor": "welcome", "against": "reject", "neutral": "discuss", "unrelated": "visit"}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """A corpus that can be learnt: one word decides each label."""
    folder = tmp_path_factory.mktemp("corpora")
    for name, start in (("train", 0), ("validation", 100)):
        rows = []
        for n, (label, word) in enumerate(list(WORDS.items()) * 12, start):
            text = f"Delegation {n} said it would {word} the truce."
            rows.append({"text": text, "crimea": "unrelated", "nato": "unrelated", "ceasefire": label, "context": "Before that."})
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def recipe(corpora, tiny_folder, **changes):
    values = {
        "name": "test",
        "validation": str(corpora / "validation.jsonl"),
        "corpora": (str(corpora / "train.jsonl"),),
        "backbone": str(tiny_folder),
        "epochs": 25,
        "batch_size": 8,
        "learning_rate": 3e-3,
        "head_learning_rate": 3e-3,
        "max_tokens": 64,
        "context_tokens": 16,
        "train_embeddings": True,
        "precision": "fp32",
    }
    return Recipe(**values | changes)


@pytest.fixture(autouse=True, scope="module")
def runs(tmp_path_factory):
    """Checkpoints go to a folder of the tests' own."""
    before, train.RUNS = train.RUNS, tmp_path_factory.mktemp("runs")
    yield train.RUNS
    train.RUNS = before


@pytest.fixture(scope="module")
def trained(corpora, tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "test"
    return out, train.train(recipe(corpora, tiny_folder), out)


def test_a_trained_folder_is_a_model_that_learnt(trained, corpora):
    out, manifest = trained
    assert manifest["validation"]["export"] == "int8" and manifest["validation"]["export_agreement"] >= 0.99
    model = stance.load(out)
    for label, word in WORDS.items():
        assert model.classify(f"Delegation 7 said it would {word} the truce.")["ceasefire"].label == label
    assert not [path for path in out.parent.iterdir() if path != out]
    card = (out / "README.md").read_text()
    assert "| ceasefire | 12 | 12 | 12 | 12 |" in card


def test_torch_and_onnx_agree(trained, corpora):
    out, _ = trained
    texts = list(read_corpus(corpora / "validation.jsonl").texts)
    labels = [[s.label for r in stance.load(out, backend=b).classify(texts) for s in r] for b in ("onnx", "torch")]
    assert np.mean(np.array(labels[0]) == np.array(labels[1])) >= 0.99


def test_two_runs_give_identical_weights(corpora, tiny_folder, tmp_path):
    few = recipe(corpora, tiny_folder, epochs=1, context_share=0.5, average=0.9)
    corpus = read_corpus(few.corpora)
    one, other = (fit(few, corpus, tmp_path / name)[0].state_dict() for name in "ab")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_failed_run_leaves_the_model_that_was_there(trained, corpora, tiny_folder, monkeypatch, tmp_path):
    out = shutil.copytree(trained[0], tmp_path / "kept")
    monkeypatch.setattr(train, "LEAST_AGREEMENT", 1.1)
    with pytest.raises(stance.ModelError, match="no export gives"):
        train.train(recipe(corpora, tiny_folder, epochs=0.1), out)
    assert stance.load(out)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_nothing_but_a_model_is_replaced(trained, corpora, tiny_folder, tmp_path, capsys):
    path, precious = tmp_path / "r.toml", tmp_path / "mine" / "thesis.txt"
    path.write_text(f'name = "x"\nbackbone = "{tiny_folder}"\ncorpora = ["{corpora / "train.jsonl"}"]\n')
    precious.parent.mkdir()
    precious.write_text("years")
    for out in (precious.parent, precious, tmp_path, "."):
        assert train.main([str(path), "--out", str(out)]) == 2
        assert "is there and is no model folder" in capsys.readouterr().err
    assert precious.read_text() == "years"


def test_a_run_that_diverged_is_not_published(corpora, tiny_folder, tmp_path):
    wild = recipe(corpora, tiny_folder, epochs=3, learning_rate=1.0, head_learning_rate=1.0)
    broken = dataclasses.replace(wild, weight_decay=1e6)
    with pytest.raises(stance.ModelError, match="training diverged"):
        train.train(broken, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_int8_export_that_changes_labels_gives_way_to_float32(trained, corpora, tiny_folder, monkeypatch, tmp_path, capsys):
    write = train.write_onnx

    def spoiled(model, path, samples, precision):
        if precision == "int8":
            for parameter in (model := load_model(trained[0])).head.parameters():
                parameter.data.zero_()
        write(model, path, samples, precision)

    from stance.backends.torch import load_model

    monkeypatch.setattr(train, "write_onnx", spoiled)
    manifest = train.train(recipe(corpora, tiny_folder, epochs=15), tmp_path / "x")
    assert manifest["validation"]["export"] == "float32" and "refused: the int8 export" in capsys.readouterr().err
    assert stance.load(tmp_path / "x").classify("Delegation 7 said it would reject the truce.")
    assert "float32 ONNX" in (tmp_path / "x" / "README.md").read_text()


def test_validation_text_in_the_training_corpus_is_refused(corpora, tiny_folder, tmp_path):
    leaky = dataclasses.replace(recipe(corpora, tiny_folder), corpora=(str(corpora / "validation.jsonl"),))
    with pytest.raises(stance.InputError, match="48 training statements stand, wholly or nearly, in the validation"):
        train.train(leaky, tmp_path / "x")


def test_batches_cover_every_answer_once_in_both_layouts():
    statements = [[1] * (3 + n % 7) for n in range(50)]
    rows = [[0, 1, 2] if n % 3 else ([1] if n % 2 else []) for n in range(50)]
    expected = sorted((n, k) for n, ks in enumerate(rows) for k in ks)
    for layout in ("packed", "cross"):
        seen = []
        made = plan(rows, [len(statement) for statement in statements], 4, np.random.default_rng(0), layout)
        for _packed, n, k in packed_batches(made, statements, [[1, 2]] * 3, 0):
            seen += [(a, b) for a, ks in zip(n, k, strict=True) for b in ks]
        assert sorted(seen) == expected


def test_one_pass_and_one_pass_an_issue_are_the_same_model_at_the_same_weights(trained, corpora, tiny_folder, tmp_path):
    model, tokens = fit(recipe(corpora, tiny_folder, epochs=0.1), read_corpus(corpora / "train.jsonl"), tmp_path)
    validation = read_corpus(corpora / "validation.jsonl")
    packed, cross = (predict(model, tokens, validation, layout) for layout in ("packed", "cross"))
    assert np.allclose(packed, cross, atol=1e-4)


def test_label_weights_favour_the_rare_and_average_to_one():
    labels = np.array([[0]] * 90 + [[1]] * 10)
    (weights,) = label_weights(labels, 0.5)
    assert weights[1] > weights[0]
    assert weights[labels[:, 0]].mean() == pytest.approx(1)
    assert np.allclose(label_weights(labels, 0), 1)


def test_the_command_line_trains_what_can_be_measured(corpora, tiny_folder, tmp_path):
    values = {"name": "cli", "validation": str(corpora / "validation.jsonl"), "backbone": str(tiny_folder), "precision": "fp32"}
    path = tmp_path / "r.toml"
    path.write_text(
        "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items())
        + 'corpora = ["none.jsonl"]\nmax_tokens = 64\ncontext_tokens = 16\n'
    )
    out = tmp_path / "cli"
    corpus = str(corpora / "train.jsonl")
    held = str(corpora / "validation.jsonl")
    assert (
        train.main(
            [str(path), "--corpus", corpus, "--validation", held, "--out", str(out), "--set", "epochs=2", "--threads", "2"]
        )
        == 0
    )
    assert f"given by the user: {corpus}" in (out / "README.md").read_text()
    report = stance.evaluate(held, [out, "tiny"], train=corpus, samples=20)
    assert report.statements == 48 and report.baselines["tfidf"]["macro_f1"].value == 1
    assert report.gains["tfidf"]["macro_f1"].value < 0 and report.models == ("cli", "tiny")


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["none.toml"], "no recipe"),
        (["RECIPE", "--corpus", "none.jsonl"], "there is no file"),
        (["RECIPE", "--set", "epoch=1"], "did you mean 'epochs'"),
        (["RECIPE", "--set", "epochs"], "KEY=VALUE"),
    ],
)
def test_bad_input_is_one_sentence_before_any_training(arguments, message, tmp_path, capsys):
    path = tmp_path / "r.toml"
    path.write_text('name = "x"\nvalidation = "v.jsonl"\ncorpora = ["c.jsonl"]\n')
    out = tmp_path / "out"
    assert train.main([str(path) if word == "RECIPE" else word for word in arguments] + ["--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not out.exists()


BAD = {
    "one label only": (
        [("We welcome it.", "favor")] * 1 + [(f"Number {n} is welcome.", "favor") for n in range(20)],
        "one label",
    ),
    "one row": ([("We welcome it.", "favor")], "one label"),
    "an unknown label": ([("We welcome it.", "favor"), ("We do not.", "contra")], "line 3: ceasefire is labelled 'contra'"),
    "the wrong case": ([("We welcome it.", "favor"), ("We do not.", "Against")], "write 'against'"),
    "conflicting duplicates": (
        [("We welcome it.", "favor"), ("We do not.", "against"), ("We welcome it.", "against")],
        "otherwise",
    ),
    "a blank text": ([("We welcome it.", "favor"), ("  ", "against")], "blank"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_corpus_is_named_before_any_training(case, tmp_path, capsys):
    rows, message = BAD[case]
    corpus, out = tmp_path / "c.csv", tmp_path / "out"
    corpus.write_text("text,ceasefire\n" + "".join(f"{text},{label}\n" for text, label in rows))
    (tmp_path / "r.toml").write_text('name = "x"\nbackbone = "none"\ncorpora = []\n')  # which would fail if it came to that
    assert train.main([str(tmp_path / "r.toml"), "--corpus", str(corpus), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error and "backbone" not in error and "Traceback" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.csv", "r.toml"]


def test_mixed_encodings_and_a_missing_column_are_named(tmp_path, capsys):
    (tmp_path / "r.toml").write_text('name = "x"\nbackbone = "none"\ncorpora = []\n')
    for content, message in (
        ("text,ceasefire\nVoilà.,favor\n".encode() + "Déjà vu.,against\n".encode("latin-1"), "line 3: byte 0xe9 is not UTF-8"),
        (b"sentence,ceasefire\nYes.,favor\n", "no column 'text'"),
        (b"text,position\nYes.,favor\n", "position"),
    ):
        (tmp_path / "c.csv").write_bytes(content)
        assert train.main([str(tmp_path / "r.toml"), "--corpus", str(tmp_path / "c.csv"), "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert message in error and not (tmp_path / "out").exists()


def test_a_full_disk_leaves_the_model_that_was_there(trained, corpora, tiny_folder, monkeypatch, tmp_path, capsys):
    path, out = tmp_path / "r.toml", tmp_path / "out"
    path.write_text(f'name = "full"\nbackbone = "{tiny_folder}"\ncorpora = []\nmax_tokens = 64\nprecision = "fp32"\n')
    shutil.copytree(trained[0], out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def full(*arguments, **options):
        raise OSError(28, "No space left on device", str(out / "model.onnx"))

    monkeypatch.setattr(train, "write_onnx", full)
    run = [
        str(path),
        "--corpus",
        str(corpora / "train.jsonl"),
        "--validation",
        str(corpora / "validation.jsonl"),
        "--out",
        str(out),
    ]
    assert train.main([*run, "--set", "epochs=1"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "r.toml"]


def test_a_contrary_wording_swaps_favor_and_against(corpora, tiny_folder):
    given = dataclasses.replace(recipe(corpora, tiny_folder), variants={"ceasefire": ["Stop now.", "not: Fight on."]})
    corpus = read_corpus(corpora / "train.jsonl")
    propositions, labels, places = widen(given, corpus)
    assert propositions[3:] == ["Stop now.", "Fight on."] and places == {2: [3, 4]}
    assert (labels[:, 3] == corpus.labels[:, 2]).all()
    assert [tuple(row) for row in labels[:4, [2, 4]]] == [(0, 1), (1, 0), (2, 2), (3, 3)]


def test_a_model_learns_to_read_the_proposition(corpora, tiny_folder, tmp_path):
    given = recipe(corpora, tiny_folder)
    given = dataclasses.replace(given, variants={"ceasefire": ["not: Fight on."]}, variant_share=0.5, epochs=80)
    corpus = read_corpus(corpora / "train.jsonl")
    model, tokens = fit(given, corpus, tmp_path)
    sides = np.flatnonzero(corpus.labels[:, 2] < 2)
    asked = dataclasses.replace(
        corpus.take(sides), issues=(stance.Issue("on", "Fight on."),), labels=1 - corpus.labels[sides, 2:]
    )
    assert (predict(model, tokens, asked).argmax(-1) == asked.labels).mean() > 0.9


def test_only_issues_of_the_recipe_are_asked_unasked(corpora, tiny_folder, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(
        "".join(json.dumps({"text": t, "target": "Whaling must end.", "label": t}) + "\n" for t in ("favor", "against"))
    )
    given = dataclasses.replace(recipe(corpora, tiny_folder), corpora=(str(corpora / "train.jsonl"), str(other)))
    both = read_corpus(given.corpora, given.issue_list())
    assert [issue.name for issue in train.main_issues(given, both)] == ["crimea", "nato", "ceasefire"]
    assert [issue.name for issue in train.main_issues(given, read_corpus(other))] == ["Whaling must end."]


def test_plain_and_fused_attention_are_the_same(tiny_folder):
    from stance.backends.torch import load_model
    from stance.packing import pack

    model = load_model(tiny_folder)
    inputs = {name: torch.from_numpy(a) for name, a in pack([[5, 6, 7], [5, 8]], [[5, 9], [5, 10, 11]]).inputs().items()}
    found = []
    for plain in (False, True):
        model.plain_attention = plain
        with torch.inference_mode():
            found.append(model(**inputs))
    assert torch.allclose(*found, atol=1e-5)


def _small(family, size=32):
    from transformers import AutoConfig

    from stance.backends.torch import StanceModel

    torch.manual_seed(0)
    sizes = {"hidden_size": size, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 100}
    return StanceModel(AutoConfig.for_model(family, **sizes, max_position_embeddings=64, embedding_size=size), 4).eval()


@pytest.mark.parametrize("family", ["bert", "mpnet"])
def test_no_gradient_goes_below_the_frozen_layers(corpora, family):
    from stance.packing import pack
    from training.fit import optimizer

    model = _small(family)
    optimizer(model, recipe(corpora, "none", frozen_layers=1, train_embeddings=False))
    seen = []
    model.encoder.encoder.layer[0].register_forward_hook(lambda layer, inputs, outputs: seen.append(outputs))
    inputs = {name: torch.from_numpy(a) for name, a in pack([[5, 6, 7]], [[5, 9]]).inputs().items()}
    model(**inputs).sum().backward()
    states = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
    assert not states.requires_grad
    assert all(parameter.grad is not None for parameter in model.encoder.encoder.layer[1].parameters())


@pytest.mark.parametrize("family", ["bert", "mpnet"])
def test_int4_weights_give_nearly_the_same_answer_alone_and_in_company(family, tmp_path):
    from stance.backends.onnx import OnnxBackend
    from stance.packing import pack
    from training.export import write_onnx

    model, rng = _small(family, 64), np.random.default_rng(0)
    statements = [[5, *rng.integers(6, 100, size)] for size in rng.integers(3, 20, 32)]
    issues = [[5, 20, 21], [5, 22, 23, 24]]
    together = pack(statements, issues)
    write_onnx(model, tmp_path / "model.onnx", [together], "int4")
    backend = OnnxBackend(tmp_path)
    with torch.inference_mode():
        exact = model(**{name: torch.from_numpy(array) for name, array in together.inputs().items()}).numpy()
    found = backend(together)
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.98
    for n in (0, 9):
        assert np.allclose(backend(pack([statements[n]], issues))[0], found[n], atol=1e-3)


@pytest.mark.parametrize("family", ["bert", "electra", "roberta", "mpnet"])
def test_every_family_reads_an_issue_alike_alone_and_in_company(family):
    from stance.packing import pack

    model = _small(family)

    def logits(statements, issues):
        with torch.inference_mode():
            return model(**{name: torch.from_numpy(array) for name, array in pack(statements, issues).inputs().items()})

    statements, issues = [[5, 6, 7, 8], [5, 9, 10, 11, 12, 13, 14]], [[5, 20, 21], [5, 22, 23, 24, 25], [5, 26]]
    together = logits(statements, issues)
    for row, statement in enumerate(statements):
        for k, issue in enumerate(issues):
            assert torch.allclose(logits([statement], [issue])[0, 0], together[row, k], atol=1e-5)


def test_a_plain_local_encoder_is_a_backbone(corpora, tmp_path):
    from training.tiny import backbone

    corpus = read_corpus(corpora / "train.jsonl")
    backbone(tmp_path, corpus.texts)
    model, tokens = fit(recipe(corpora, tmp_path, epochs=0.1), corpus, tmp_path / "run")
    assert isinstance(model, torch.nn.Module) and tokens.path == tmp_path / "tokenizer.json"


@pytest.mark.parametrize(
    "changes,message",
    [({"backbone": "no-such-folder"}, "cannot be loaded"), ({"max_tokens": 400}, "the backbone reads 192; lower them")],
)
def test_a_backbone_that_cannot_be_used_is_an_error(corpora, tiny_folder, tmp_path, changes, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    given = dataclasses.replace(recipe(corpora, tiny_folder), **changes)
    with pytest.raises(stance.InputError, match=message):
        train.train(given, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_cannot_read_packed_input_is_named():
    from transformers import AutoConfig

    from stance.backends.torch import StanceModel

    with pytest.raises(stance.ModelError, match="use one of these families: bert"):
        StanceModel(AutoConfig.for_model("distilbert"), 4)


@pytest.mark.parametrize("export", ["int4", "int8"])
def test_a_slim_model_answers_as_the_whole_one_and_has_no_weights(corpora, tiny_folder, tmp_path, capsys, export):
    from training import slim

    whole = tmp_path / "whole"
    train.train(recipe(corpora, tiny_folder, epochs=2, export="none"), whole)
    assert slim.main([str(whole), "--export", export, "--out", str(tmp_path / "light")]) == 0
    light = stance.load(tmp_path / "light")
    texts = list(read_corpus(corpora / "validation.jsonl").texts)
    labels = [
        [[answer.label for answer in row] for row in model.classify(texts)]
        for model in (light, stance.load(whole, backend="torch"))
    ]
    assert np.mean(np.array(labels[0]) == np.array(labels[1])) >= 0.99
    about = light.manifest
    assert about["name"] == "light" and about["validation"]["export"] == export and about["training"]["exported_from"] == "whole"
    assert "model.safetensors" not in about["files"] and not (tmp_path / "light" / "model.safetensors").exists()
    assert "It classifies only" in (tmp_path / "light" / "README.md").read_text()
    with pytest.raises(stance.ModelError, match="has no model"):
        stance.load(tmp_path / "light", backend="torch").classify("A ceasefire now.")
    capsys.readouterr()
    assert slim.main([str(tmp_path / "light"), "--out", str(tmp_path / "lighter")]) == 2
    assert "has no model.safetensors" in capsys.readouterr().err


def test_a_soup_is_the_mean_of_its_models(corpora, tiny_folder, tmp_path, capsys):
    from safetensors.torch import load_file

    from training import soup

    folders = [tmp_path / name for name in "ab"]
    for seed, folder in enumerate(folders):
        train.train(recipe(corpora, tiny_folder, epochs=2, seed=seed), folder)
    path = tmp_path / "r.toml"
    values = {key: value for key, value in vars(recipe(corpora, tiny_folder)).items() if isinstance(value, (str, int, float))}
    path.write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        + f"corpora = {json.dumps([str(corpora / 'train.jsonl')])}\n"
    )
    assert soup.main([str(path), *map(str, folders), "--out", str(tmp_path / "soup")]) == 0
    one, other, mean = (load_file(folder / "model.safetensors") for folder in (*folders, tmp_path / "soup"))
    for name in mean:
        assert torch.allclose(mean[name].float(), (one[name].float() + other[name].float()) / 2, atol=1e-3), name
    averaged = stance.load(tmp_path / "soup").manifest["training"]["averaged"]
    assert [own["seed"] for own in averaged] == [0, 1]
    assert "weights averaged over 2 runs" in (tmp_path / "soup" / "README.md").read_text()
    capsys.readouterr()
    assert soup.main([str(path), str(folders[0]), "stance-mini", "--out", str(tmp_path / "x")]) == 2
    assert "cannot be averaged" in capsys.readouterr().err
