import numpy as np

from stance.evaluation.corpus import Corpus
from stance.issues import KEY_ISSUES
from training.leaks import leaks


def corpus(*texts):
    return Corpus(texts, ("",) * len(texts), texts, KEY_ISSUES, np.zeros((len(texts), 3), int))


def test_copies_near_copies_and_short_copies_are_found_and_like_subjects_are_not():
    held = corpus("The two ministers agreed on Monday that the guns must fall silent before the harvest.", "Enough!")
    given = corpus(
        "the two ministers agreed, on Monday, that the guns must fall silent before the HARVEST",
        "He said the two ministers agreed on Monday that the guns must fall silent before the feast.",
        "enough",
        "The ministers agreed that the guns should be silent by harvest time, said the spokesman on Monday.",
    )
    assert leaks(given, held) == [0, 1, 2]
