"""What the tests share: the seconds-small model, and whether the optional parts are there."""

from pathlib import Path

import pytest

import stance

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def tiny():
    return stance.load("tiny")


@pytest.fixture(scope="session")
def mini():
    return stance.load()


@pytest.fixture(scope="session")
def tiny_folder():
    return ROOT / "models" / "tiny"


@pytest.fixture(scope="session")
def shared():
    folder = SHARED / "statements"
    if not folder.is_dir():
        pytest.skip("the labelled real statements are not on this machine")
    return folder


TEXTS = [
    "We shall never put our name to the seizure of Crimea.",
    "The guns must fall silent today.",
    "Ministers took up grain exports.",
    "Let Kyiv join the alliance, and this will not come back in ten years.",
    "A pause now would only let them rearm, and nobody here is ready to give them the months they need for it.",
    "Whether the peninsula's status is settled at this table or a later one, the delegation would not say.",
]
