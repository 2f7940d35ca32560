from hypothesis import given
from hypothesis import strategies as st

from stance.evaluation.duplicates import near_duplicates

HELD = ["The two ministers agreed on Monday that the guns must fall silent before the harvest.", "Enough!"]


def test_copies_near_copies_and_short_copies_are_found_and_like_subjects_are_not():
    given_texts = [
        "the two ministers agreed, on Monday, that the guns must fall silent before the HARVEST",
        "He said the two ministers agreed on Monday that the guns must fall silent before the feast.",
        "enough",
        "The ministers agreed that the guns should be silent by harvest time, said the spokesman on Monday.",
        "A long speech. The two ministers agreed on Monday that the guns must fall silent before the harvest. "
        + "And so on. " * 50,
    ]
    assert near_duplicates(given_texts, HELD) == [(0, 0), (1, 0), (2, 1), (4, 0)]
    assert near_duplicates(given_texts[3:4], HELD) == [] == near_duplicates([], HELD) == near_duplicates(HELD, [])


@given(st.lists(st.text(max_size=60), max_size=6))
def test_every_text_is_a_near_duplicate_of_itself(texts):
    assert [n for n, _ in near_duplicates(texts, texts)] == list(range(len(texts)))
