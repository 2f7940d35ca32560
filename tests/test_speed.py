"""Speed as a ratio in one run, never as seconds: one pass for all issues against a pass an issue."""

import time

import numpy as np
import pytest

import stance
from stance.classifier import passes
from stance.evaluation.included import load_benchmark


def test_one_pass_is_faster_than_a_pass_an_issue():
    model = stance.load("stance-mini")
    texts = list(load_benchmark("diplomacy").texts[:96])
    ways = (
        lambda: model.classify(texts, progress=False),
        lambda: [model.classify(texts, [issue], progress=False) for issue in model.issues],
    )
    rounds = []
    for turn in range(6):
        seconds = []
        for run in ways:
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
        if turn:  # the first only warms up
            rounds.append(seconds)
    packed, each = np.array(rounds).T
    assert np.median(each / packed) > 1.4  # 2.0 where nothing else runs


def test_what_stands_there_twice_is_read_once_and_answered_everywhere(tiny, monkeypatch):
    read = []
    run = type(tiny._run).__call__
    monkeypatch.setattr(type(tiny._run), "__call__", lambda own, batch: read.append(len(batch.input_ids)) or run(own, batch))
    texts = ["The guns must fall silent.", "Ministers took up grain exports.", "The guns must fall silent."]
    first, _, third = tiny.classify(texts)
    assert sum(read) == 2 and first == third
    one, other = tiny.classify(texts[:1] * 2, context=["Of Gaza.", "Of grain."])  # the same words after others are not the same
    assert sum(read) == 4 and one["ceasefire"].probabilities != other["ceasefire"].probabilities


@pytest.mark.parametrize("tail", [0, 40, 5000])
def test_a_pass_holds_few_tokens_and_every_statement_once(tail):
    statements = [(1,) * length for length in (3, 3, 5, 40, 250, 251, 252, 253, 254, 255) for _ in range(7)]
    found = list(passes(statements, 32, tail, 4096))
    assert [one for part in found for one in part] == statements
    assert all(len(part) == 1 or (len(part) <= 32 and len(part) * (len(part[-1]) + tail) <= 4096) for part in found)
    assert len(found) < 20 or tail == 5000
