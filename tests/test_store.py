import json
import shutil

import pytest

import stance
from stance.errors import ModelError
from stance.store import bundled, find, manifest


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "model")


def test_bundled_models_have_what_a_model_has():
    assert "tiny" in bundled()
    for folder in bundled().values():
        about = manifest(folder)
        assert {"config.json", "tokenizer.json", "calibration.json", "model.onnx"} <= about["files"].keys()
        assert "model.safetensors" in about["files"] or "exported_from" in about["training"]  # made by training.slim
        for name, file in about["files"].items():
            assert (folder / name).stat().st_size == file["bytes"]
        assert (folder / "README.md").exists()


def test_a_model_is_found_by_name_and_by_path(tiny_folder, copy):
    assert find("tiny") == tiny_folder
    assert find(copy) == find(str(copy)) == copy
    assert stance.load(copy).classify("a truce").issues == ("crimea", "nato", "ceasefire")


def test_a_hub_id_is_asked_of_the_hub(monkeypatch, copy):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name: str(copy))
    assert find("some/model") == copy

    def fails(name):
        raise ConnectionError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    with pytest.raises(ModelError, match=r"the hub does not give such a model \(ConnectionError\)"):
        find("some/model")


@pytest.mark.parametrize("name", ["nothing-here", "", None, 3, "a/b/c"])
def test_an_unknown_model_is_an_error_that_lists_the_known(name):
    with pytest.raises(ModelError, match="tiny"):
        find(name)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json", "calibration.json"])
def test_a_missing_or_altered_file_is_found_out(copy, name):
    file = copy / name
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match=f"{name} was altered"):
        stance.load(copy)
    file.unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        stance.load(copy)


def test_a_broken_manifest(copy):
    (copy / "manifest.json").write_text("{")
    with pytest.raises(ModelError, match="is broken"):
        stance.load(copy)
    (copy / "manifest.json").write_text("[]")
    with pytest.raises(ModelError, match="is broken"):
        stance.load(copy)
    (copy / "manifest.json").unlink()
    with pytest.raises(ModelError, match="is no stance model"):
        stance.load(copy)


def test_a_newer_format_is_refused(copy):
    values = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(values | {"format": 99}))
    with pytest.raises(ModelError, match="update stance"):
        stance.load(copy)


def test_a_model_without_onnx_says_which_files_it_has(copy):
    values = json.loads((copy / "manifest.json").read_text())
    del values["files"]["model.onnx"]
    (copy / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=r"has no model.onnx; it has: .*model.safetensors"):
        stance.load(copy)
