"""The errors a user of stance can meet.

Every message says what was given, what is allowed and what to type instead.
"""

from numbers import Integral


class StanceError(Exception):
    """Base of all errors raised on purpose; the command line prints it as one sentence."""


class InputError(StanceError, ValueError):
    """Text, a file or an argument that cannot be used as given."""


def check_count(name: str, value: object) -> None:
    """Raises InputError unless ``value`` is a whole number from 1 up."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} is a whole number from 1 up, got {value!r}")


class IssueError(StanceError, ValueError):
    """An issue that is unknown, empty or named twice."""


class ModelError(StanceError, OSError):
    """A model that cannot be found, is incomplete or was altered."""


class OutputError(StanceError, OSError):
    """A result that could not be written; what stood there before is untouched."""


class MissingExtraError(StanceError, ImportError):
    """An optional part that is not installed."""

    def __init__(self, what: str, extra: str):
        super().__init__(f"{what} needs an optional part that is not installed; type: pip install 'diplostance[{extra}]'")
