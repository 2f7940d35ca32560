import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stance.evaluation.agreement import cohen_kappa, disagreements, pairs_of
from stance.evaluation.included import FOLDER, INCLUDED
from stance.result import LABELS


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=30))
def test_kappa_is_that_of_scikit_learn(pairs):
    theirs = pytest.importorskip("sklearn.metrics").cohen_kappa_score
    first, second = zip(*pairs, strict=True)
    if len(set(first) | set(second)) > 1:
        assert cohen_kappa(first, second) == pytest.approx(theirs(first, second))
    else:
        assert cohen_kappa(first, second) == 1


@pytest.mark.parametrize("name", INCLUDED)
def test_cards_give_the_agreement_that_the_data_show(name):
    card = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    for issue, rows in pairs_of(name).items():
        kappa = cohen_kappa([row[1] for row in rows], [row[2] for row in rows])
        assert re.search(rf"^\| {issue} +\| {len(rows)} +\| {kappa:.3f} ", card, flags=re.M), (issue, len(rows), kappa)
    for found in disagreements(name):
        assert re.search(
            rf"^\| {re.escape(found.id)} .*\| {found.first} +\| {found.second} +\| {found.settled} ", card, flags=re.M
        )
