"""Reading on without labels: the words that are masked become likelier, the same run gives the same weights."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file

from training.pretrain import main, read_texts
from training.recipe import Recipe
from training.tiny import backbone
from training.train import train


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """An archive of 96 paragraphs, and a backbone that has read nothing yet."""
    folder = tmp_path_factory.mktemp("source")
    lines = [f"The delegation of ward {n % 17} asked the harbour office for {n} more boats." for n in range(96)]
    (folder / "archive.txt").write_text("\n".join(lines))
    (folder / "backbone").mkdir()
    backbone(folder / "backbone", (*lines, "[MASK]"))
    return folder


def read_on(source, out, *more):
    paths = [str(source / "archive.txt"), "--backbone", str(source / "backbone"), "--out", str(out)]
    return main([*paths, "--batch", "8", "--rate", "2e-3", *more])


def test_the_loss_falls_and_a_recipe_goes_on_from_it(source, tmp_path, capsys):
    assert read_on(source, tmp_path / "once", "--epochs", "1") == 0
    assert read_on(source, tmp_path / "read", "--epochs", "8") == 0
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in capsys.readouterr().out.splitlines() if "loss " in line]
    assert len(losses) == 2 and losses[1] < 0.8 * losses[0]
    corpus = tmp_path / "own.csv"
    corpus.write_text("text,ceasefire\n" + "".join(f"Truce number {n}!,{('favor', 'neutral')[n % 2]}\n" for n in range(40)))
    sizes = {"max_tokens": 64, "context_tokens": 16, "issue_tokens": 32}
    recipe = Recipe("own", (str(corpus),), backbone=str(tmp_path / "read"), epochs=1, export="float32", **sizes)
    train(recipe, tmp_path / "own")
    assert (tmp_path / "own" / "model.onnx").is_file()


def test_the_same_run_gives_the_same_weights_and_another_seed_others(source, tmp_path):
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert read_on(source, tmp_path / name, "--seed", seed) == 0
    a, b, c = (load_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a) and not all(torch.equal(a[key], c[key]) for key in a)


def test_each_paragraph_is_read_once_and_so_many_at_most(tmp_path):
    path = tmp_path / "archive.txt"
    path.write_text("one\n\n  two \ntwo\nthree\n")
    assert sorted(read_texts([str(path)], 10, seed=0)) == ["one", "three", "two"]
    assert len(read_texts([str(path)], 2, seed=0)) == 2


@pytest.mark.parametrize(
    "text, backbone, why",
    [
        ("", "models/tiny", "there is no text"),
        ("Words.", "nowhere", "has no tokenizer.json"),
        ("Words.", "models/tiny", "name a backbone, not a model"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_written(tmp_path, capsys, text, backbone, why):
    path = tmp_path / "archive.txt"
    path.write_text(text)
    assert main([str(path), "--backbone", backbone, "--out", str(tmp_path / "out")]) == 2
    assert why in capsys.readouterr().err and not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert main([str(path), "--out", str(tmp_path / "full")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_where_nothing_can_be_written_is_said(source, capsys):
    assert read_on(source, source / "archive.txt" / "out") == 2
    assert "cannot be written" in capsys.readouterr().err
