"""stance says who stands where: diplomatic text in, a stance on every issue out."""

from importlib import import_module

_HOMES = {
    "classify": "api",
    "evaluate": "evaluation.measurement",
    "benchmark": "evaluation.benchmark",
    "read_corpus": "evaluation.corpus",
    "check_corpus": "evaluation.validation",
    "scale": "scaling",
    "load": "classifier",
    "Classifier": "classifier",
    "Issue": "issues",
    "KEY_ISSUES": "issues",
    "LABELS": "result",
    "Stance": "result",
    "Statement": "result",
    "StanceError": "errors",
    "InputError": "errors",
    "IssueError": "errors",
    "ModelError": "errors",
    "OutputError": "errors",
    "MissingExtraError": "errors",
}
__all__ = [*_HOMES, "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str):
    # Names are looked up on first use, so that importing stance costs nothing.
    if name not in _HOMES:
        raise AttributeError(f"module 'stance' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return __all__
