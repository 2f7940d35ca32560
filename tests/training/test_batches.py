"""What an epoch of training looks like."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

from stance import Issue
from stance.evaluation.corpus import MISSING, Corpus
from stance.result import LABELS
from stance.tokens import Tokens
from training.batches import Soft, Visits, plan
from training.recipe import Recipe

ISSUES = (Issue("nato", "Join."), Issue("A", "Whales."), Issue("B", "Fish."))


@pytest.fixture(scope="module")
def tokens(tiny_folder):
    return Tokens.of(tiny_folder)


def corpus(labels):
    n = len(labels)
    texts = tuple(f"Statement {i}" for i in range(n))
    return Corpus(texts, ("",) * n, texts, ISSUES, np.array(labels))


def recipe(**changes):
    values = {"issues": {"nato": "Join."}, "label_smoothing": 0.0, "balance": 0.0, "batch_size": 4}
    return dataclasses.replace(Recipe("t", ()), **values | changes)


def targets(visits):
    return {
        n: t for (ns, _), item in zip(visits.plan, visits, strict=False) for n, t in zip(ns, item["target"].numpy(), strict=True)
    }


def test_an_epoch_is_decided_by_the_seed_and_its_number(tokens):
    labels = [[n % 4, MISSING, MISSING] for n in range(40)]
    one, same, other = (Visits(recipe(seed=seed), corpus(labels), tokens) for seed in (0, 0, 1))
    first = one.plan
    assert first == same.plan != other.plan
    one.set_epoch(1)
    assert one.plan != first and len(one.plan) == len(first)
    one.set_epoch(0)
    assert one.plan == first


def test_the_number_of_batches_depends_on_nothing_random():
    rows = [[0]] * 13 + [[0, 1]] * 22
    counts = {len(plan(rows, [3] * 35, 4, np.random.default_rng(seed), "packed")) for seed in range(5)}
    assert counts == {4 + 6}


def test_the_teacher_and_the_label_share_the_target(tokens):
    soft = np.full((3, 3, 4), np.nan)
    soft[0, 0], soft[1, 0] = [0, 1, 0, 0], [0.25] * 4
    found = targets(Visits(recipe(), corpus([[0, -1, -1], [-1, -1, -1], [2, -1, -1]]), tokens, Soft(soft, 0.25)))
    assert np.allclose(found[0], [[0.75, 0.25, 0, 0]])  # both
    assert np.allclose(found[1], [[0.25] * 4])  # the teacher alone
    assert np.allclose(found[2], [[0, 0, 1, 0]])  # the label alone


def test_on_a_contrary_wording_the_teacher_changes_sides_too(tokens):
    soft = np.full((1, 3, 4), np.nan)
    soft[0, 0] = [0.7, 0.1, 0.15, 0.05]
    given = recipe(variants={"nato": ["not: Stay out."]}, variant_share=1.0)
    found = targets(Visits(given, corpus([[MISSING] * 3]), tokens, Soft(soft, 0.5)))
    assert np.allclose(found[0], [[0.1, 0.7, 0.15, 0.05]])


def test_a_stranger_is_unrelated_and_never_one_of_the_key_issues(tokens):
    labels = [[MISSING, 0, MISSING], [MISSING, MISSING, 1], [0, MISSING, MISSING]]
    visits = Visits(recipe(strangers=1.0), corpus(labels), tokens)
    seen = set()
    for epoch in range(20):
        visits.set_epoch(epoch)
        asked = {n: ks for ns, kss in visits.plan for n, ks in zip(ns, kss, strict=True)}
        assert asked[2] == [0] and 0 not in asked[0] + asked[1]
        found = targets(visits)
        for n, own in ((0, 1), (1, 2)):
            expected = labels[n][own] if asked[n] == [own] else LABELS.index("unrelated")
            assert found[n].argmax(-1).tolist() == [expected]
            seen.add((n, asked[n][0]))
    assert seen == {(0, 1), (0, 2), (1, 1), (1, 2)}


def test_strangers_do_not_change_the_number_of_batches(tokens):
    labels = [[MISSING, n % 4, (n + 1) % 4] if n % 3 else [MISSING, n % 4, MISSING] for n in range(41)]
    visits = Visits(recipe(strangers=0.5), corpus(labels), tokens)
    counts = []
    for epoch in range(8):
        visits.set_epoch(epoch)
        counts.append(len(visits))
    assert set(counts) == {counts[0]}


def test_a_statement_without_context_is_sometimes_read_after_another_statement(tokens):
    labels = [[n % 4, MISSING, MISSING] for n in range(60)]
    given = corpus(labels)
    visits = Visits(recipe(context_share=0.5), given, tokens)
    longer = [n for n in range(60) if len(visits.statements[n]) > len(visits.plain[n])]
    assert 15 < len(longer) < 45
    assert all(visits.statements[n][-len(visits.plain[n]) + 1 :] == visits.plain[n][1:] for n in longer)
    first = visits.statements
    visits.set_epoch(1)
    assert visits.statements != first
    assert Visits(recipe(context_share=0.0), given, tokens).statements == visits.plain


def test_what_stands_there_with_several_contexts_is_never_read_without_its_own(tokens):
    texts = ("We refuse.", "We refuse.", "They met.")
    given = Corpus(
        texts,
        ("Of the truce.", "Of the fish.", "Of the truce."),
        texts,
        ISSUES,
        np.array([[1, -1, -1], [3, -1, -1], [3, -1, -1]]),
    )
    visits = Visits(recipe(context_share=0.01), given, tokens)
    assert visits.statements[:2] == visits.full[:2] and visits.statements[2] == visits.plain[2]
