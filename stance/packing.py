"""A statement and its issues, packed into one sequence.

    [CLS] context [SEP] statement [SEP]  [CLS] proposition 1 [SEP]  [CLS] proposition 2 [SEP] ...
    block 0 ...........................  block 1 ................  block 2 ................

Every token attends to block 0 and to its own block only, and the positions of every issue block go on
from the end of block 0. So an issue's answer cannot depend on which other issues were asked, and a
further issue costs its few tokens instead of another pass over the statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PADDING = -1


@dataclass(frozen=True)
class Packed:
    """A batch of B statements, each with the same K issues, padded to T tokens (all int64).

    Attributes:
        input_ids: (B, T) token ids.
        positions: (B, T) position of each token as its own block sees it.
        blocks: (B, T) 0 for the statement, 1..K for the issues, -1 for padding.
        read_at: (B, K) where each issue's ``[CLS]`` stands.
    """

    input_ids: np.ndarray
    positions: np.ndarray
    blocks: np.ndarray
    read_at: np.ndarray

    def inputs(self) -> dict[str, np.ndarray]:
        return {
            "input_ids": self.input_ids,
            "positions": self.positions,
            "blocks": self.blocks,
            "read_at": self.read_at,
        }


def pack(statements: Sequence[Sequence[int]], issues: Sequence[Sequence[int]], pad_id: int = 0) -> Packed:
    """Pack token ids, special tokens already in place, every statement with the same issues.

    Args:
        statements: B sequences ``[CLS] ... [SEP]``.
        issues: K sequences ``[CLS] ... [SEP]``, one for each issue.
        pad_id: the id that fills up the shorter sequences.
    """
    return _assemble(statements, [_tail(issues)] * len(statements), pad_id)


def pack_each(statements: Sequence[Sequence[int]], issues: Sequence[Sequence[Sequence[int]]], pad_id: int = 0) -> Packed:
    """Like :func:`pack`, each statement with issues of its own; all must have the same number of them."""
    return _assemble(statements, [_tail(own) for own in issues], pad_id)


def _tail(issues: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The issue blocks of one row: ids, block numbers, positions and where each block starts."""
    lengths = [len(block) for block in issues]
    return (
        np.concatenate([np.asarray(block, dtype=np.int64) for block in issues]),
        np.repeat(np.arange(1, len(issues) + 1), lengths),
        np.concatenate([np.arange(n, dtype=np.int64) for n in lengths]),
        np.cumsum([0, *lengths[:-1]]),
    )


def _assemble(statements, tails, pad_id: int) -> Packed:
    widths = [len(statement) + len(tail[0]) for statement, tail in zip(statements, tails, strict=True)]
    shape = (len(statements), max(widths))
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    positions = np.zeros(shape, dtype=np.int64)
    blocks = np.full(shape, PADDING, dtype=np.int64)
    read_at = np.empty((len(statements), len(tails[0][3])), dtype=np.int64)
    for row, (statement, (ids, numbers, offsets, starts)) in enumerate(zip(statements, tails, strict=True)):
        n, end = len(statement), widths[row]
        input_ids[row, :n], input_ids[row, n:end] = statement, ids
        positions[row, :n], positions[row, n:end] = np.arange(n), offsets + n
        blocks[row, :n], blocks[row, n:end] = 0, numbers
        read_at[row] = starts + n
    return Packed(input_ids, positions, blocks, read_at)
