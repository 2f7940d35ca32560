"""The wheel: what a user installs works without the clone beside it."""

import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

pytest.importorskip("hatchling", reason="building the wheel needs hatchling")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_package_and_one_model_and_is_not_too_big(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "stance/models/stance-mini/model.onnx" in names and "stance/models/stance-mini/model.safetensors" in names
    assert not [name for name in names if name.startswith(("training/", "tests/", "models/"))]
    assert wheel.stat().st_size <= 90e6


def test_an_installed_wheel_classifies_from_anywhere(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys; sys.path.insert(0, 'site'); import stance, pathlib; "
        "assert pathlib.Path(stance.__file__).is_relative_to(pathlib.Path('site').resolve()), stance.__file__; "
        "print(stance.classify('We will never recognise the annexation of Crimea.')['crimea'].label)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout == "against\n", run.stderr
