import pytest

from stance.errors import InputError
from training.recipe import read_recipe

LEAST = 'name = "x"\nvalidation = "v.jsonl"\ncorpora = ["c.jsonl"]\n'


def put(tmp_path, text):
    path = tmp_path / "r.toml"
    path.write_text(text)
    return path


def test_keys_are_read_and_changed(tmp_path):
    recipe = read_recipe(put(tmp_path, LEAST + "epochs = 2\n[issues]\ngrain = 'Keep it open.'\n"), {"epochs": "3.5", "name": "y"})
    assert recipe.epochs == 3.5 and recipe.name == "y" and recipe.corpora == ("c.jsonl",)
    assert [(issue.name, issue.proposition) for issue in recipe.issue_list()] == [("grain", "Keep it open.")]


@pytest.mark.parametrize(
    "text,message",
    [
        (LEAST + "epoch = 2\n", "unknown key 'epoch'; did you mean 'epochs'"),
        (LEAST + "epochs = 'two'\n", "epochs must be of type float, got 'two'"),
        (LEAST + "seed = true\n", "seed must be of type int"),
        (LEAST + "layout = 'round'\n", "allowed: packed, cross"),
        (LEAST + "[variants]\ngrain = ['Keep it open.']\n", "variants of 'grain', which is no issue"),
        (LEAST + "[variants]\nnato = ['not: ']\n", "must be a list of propositions"),
        ("name = 'x'\n", "the key 'corpora' is missing"),
        (LEAST + "[search]\nlearning_rat = [1e-5, 1e-3]\n", "unknown key 'learning_rat'; did you mean 'learning_rate'"),
        (LEAST + "epochs = 0\n", "epochs is 0; allowed: 0.001 to"),
        (LEAST + "learning_rate = nan\n", "learning_rate is nan; allowed: 0 to 1"),
        (LEAST + "seed = -1\n", "seed is -1; allowed"),
        (LEAST + "[search]\ndropout = [0.1, 1.5]\n", "dropout is 1.5; allowed"),
        (LEAST + "[search]\nepochs = 3\n", "search.epochs must be a list"),
        (LEAST + "[search]\nepochs = ['a']\n", "epochs must be of type float"),
        (LEAST + "[search]\ncorpora = [['a']]\n", "corpora cannot be searched"),
        (LEAST + "device = 'tpu'\n", "allowed: auto, cpu, cuda"),
        ("name = \n", "Invalid value"),
    ],
)
def test_a_recipe_with_a_mistake_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_recipe(put(tmp_path, text))


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(InputError, match="no recipe"):
        read_recipe(tmp_path / "none.toml")
