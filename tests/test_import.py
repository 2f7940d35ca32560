"""What importing and classifying may load."""

import subprocess
import sys

HEAVY = ("torch", "transformers", "sklearn", "pandas", "datasets")


def loaded(code):
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()


def test_importing_loads_next_to_nothing():
    code = "import stance\nassert not {'numpy', 'onnxruntime', 'tokenizers'} & set(sys.modules)"
    assert loaded(code) == []


def test_classifying_loads_neither_torch_nor_transformers():
    assert loaded("import stance; stance.classify(['A truce.', 'No.'], model='tiny')") == []


def test_every_public_name_is_there():
    import stance

    assert all(getattr(stance, name) is not None for name in stance.__all__)
    assert set(dir(stance)) == set(stance.__all__)
