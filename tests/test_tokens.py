import pytest

from stance.errors import IssueError
from stance.tokens import Tokens, clean


@pytest.fixture(scope="module")
def tokens(tiny_folder):
    return Tokens(tiny_folder / "tokenizer.json", max_tokens=32, context_tokens=8, issue_tokens=16)


def test_invisible_characters_are_not_read(tokens):
    plain, _ = tokens.statements(["we call for a truce"], [""])
    odd, _ = tokens.statements(["we\u202e call\u200b for\x07\n\na\ufefftruce".replace("\ufeff", " \ufeff")], [""])
    assert plain == odd
    assert clean("\u200b\u202a\x00") == ""


def test_a_lone_surrogate_is_readable(tokens):
    tokens.statements(["truce \ud83d now"], [""])


def test_a_long_statement_is_cut_at_its_end_and_says_so(tokens):
    ids, cut = tokens.statements(["truce " * 100, "truce"], ["", ""])
    assert cut == [True, False]
    assert len(ids[0]) == 32 and ids[0][0] == tokens.start and ids[0][-1] == tokens.end


def test_a_context_is_cut_at_its_beginning_and_never_costs_the_statement(tokens):
    (alone,), _ = tokens.statements(["we call for a truce"], [""])
    (both,), (cut,) = tokens.statements(["we call for a truce"], ["peace " * 50 + "war"])
    assert not cut and len(both) <= 32
    assert both[-len(alone) + 1 :] == alone[1:]
    (war,), _ = tokens.statements(["war"], [""])
    assert both[: both.index(tokens.end)][-1] == war[1]


def test_a_proposition_that_is_too_long_is_refused(tokens):
    with pytest.raises(IssueError, match="allowed: 1 to 14"):
        tokens.proposition("peace " * 40)


def test_where_a_vocabulary_has_two_kinds_of_special_tokens_the_model_s_own_are_taken(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    names = ["<s>", "<pad>", "</s>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "truce"]  # as MPNet's, which holds BERT's
    made = Tokenizer(models.WordLevel({name: n for n, name in enumerate(names)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    own = Tokens(tmp_path / "tokenizer.json", 16, 4, 8)
    assert (own.start, own.end, own.pad) == (0, 2, 1)
    assert own.proposition("truce") == [0, 7, 2]
